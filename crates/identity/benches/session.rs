//! What it costs to know whose request it is. `cargo bench -p identity`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a bench measures time and prints it"
)]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{
    AccessKeys, AccountId, AccountState, Cost, DeviceCookie, EmailAddress, FactorKind, Lookup,
    Passwords, Permission, Registry, Role, Session, SessionId, Standing, TokenCache,
};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use seal::{MacKey, Secret, SeededEntropy, SigningKey};
use std::{hint::black_box, time::Instant};

const SESSIONS: usize = 20_000;
/// So few at once that most batches run without the scheduler coming between.
const BATCH: usize = 200;

/// Runs every item, a batch at a time, and prints the median batch and the fastest, per item.
fn report<T>(what: &str, items: &[T], mut run: impl FnMut(&T)) {
    let mut batches: Vec<f64> = items
        .chunks(BATCH)
        .map(|batch| {
            let start = Instant::now();
            batch.iter().for_each(&mut run);
            let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            start.elapsed().as_secs_f64() * 1e9 / f64::from(count)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    let median = batches.get(batches.len() / 2).copied().unwrap_or_default();
    let fastest = batches.first().copied().unwrap_or_default();
    println!("{what}: median {median:.0} ns, fastest {fastest:.0} ns");
}

fn main() {
    // The peer reads the clock itself, so the tokens are of today.
    let now: Timestamp = std::time::SystemTime::now().try_into().expect("after 1970");
    let mut entropy = SeededEntropy::new(1);
    let lifetime = SignedDuration::from_mins(10);
    let signing = SigningKey::from_seed(&Secret::new([5; 32]));
    let public = *signing.verifying_key();
    let keys = AccessKeys::new(("bench", "bench"), lifetime, signing, &[]).expect("ten minutes");
    let mut registry = Registry::new(SESSIONS);
    let mut cache = TokenCache::new(SESSIONS);
    let mut tokens = Vec::new();
    for _ in 0..SESSIONS {
        let account = AccountId::new(now, &mut entropy);
        let (role, standing) = (Role::Trader, Standing::Active);
        let state = AccountState { account, role, epoch: 0, standing };
        let session = Session {
            id: SessionId::new(now, &mut entropy),
            account,
            device: DeviceCookie::new(now, &mut entropy).device(),
            factor: FactorKind::Totp,
            authenticated: now,
            opened: now,
            expires: now.saturating_add(SignedDuration::from_hours(24)).expect("in range"),
            ended: None,
        };
        registry.insert(session, state);
        tokens.push(keys.issue(&session, &state, now, &mut entropy).text.expose().clone());
    }

    report("first verification of a token", &tokens, |token| {
        cache.verify(&keys, black_box(token), now).expect("our own");
    });
    for _ in 0..3 {
        report("session and role check, 20000 sessions", &tokens, |token| {
            let verified = cache.find(black_box(token), now).expect("verified before");
            let Lookup::Found(here) = registry.lookup(&verified, now) else { panic!("alive") };
            here.authorize(Permission::BacktestRun, now).expect("a trader");
        });
    }
    let x = URL_SAFE_NO_PAD.encode(public.as_bytes());
    let peer = DecodingKey::from_ed_components(&x).expect("our key");
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&["bench"]);
    rules.set_issuer(&["bench"]);
    report("jsonwebtoken, the same tokens", &tokens, |token| {
        let read = jsonwebtoken::decode::<serde_json::Value>(black_box(token), &peer, &rules);
        black_box(read.expect("our token"));
    });

    let pepper = MacKey::new(Secret::new([1; 32]));
    let passwords = Passwords::new(pepper, Cost::PASSWORD, Cost::RECOVERY);
    let candidate = identity::Candidate::new(&Secret::new("nine small grey owls".to_owned()));
    report("a password's check", &[(); 1], |()| {
        black_box(passwords.verify(None, &candidate, now).err());
    });

    let email: EmailAddress = "ada@example.org".parse().expect("an address");
    let index = email.index(&MacKey::new(Secret::new([2; 32])));
    let hour = SignedDuration::from_hours(1);
    let mut pressure = identity::Pressure::new(MacKey::new(Secret::new([3; 32])), hour, 20_000);
    let sources: Vec<u32> = (0..100_000).map(|n| n % 30_000).collect();
    report("a refused attempt noted, 30000 sources", &sources, |n| {
        let address = core::net::IpAddr::V4(core::net::Ipv4Addr::from_bits(*n));
        pressure.refused(identity::Source::of(address), &index, &candidate, now);
    });
}
