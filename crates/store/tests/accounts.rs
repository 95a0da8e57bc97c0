//! Accounts and sessions in a real database: races, replays, and what a stranger can see.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests open files that they made"
)]

use audit::{Ledger, Signer};
use identity::{
    AccountId, AccountState, Candidate, Client, Cost, DeviceCookie, DeviceStanding, EndReason,
    Error, Event, Factors, NewAccount, OpenedSession, PasswordPolicy, Passwords, Profile,
    RecoveryCode, RefreshToken, Role, Rotation, SealedClient, SealedProfile, SessionPolicy, Setup,
    SetupForm, SetupGrant, SignIn, Standing, Step, Strength, Tenant, TotpSecret, Vault,
};
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{MacKey, SealingKey, Secret, SeededEntropy, SigningKey};
use std::sync::Arc;
use store::{Sealed, Store};

mod places;

const PASSWORD: &str = "nine small grey owls";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("in range")
}

fn mac(byte: u8) -> MacKey {
    MacKey::new(Secret::new([byte; 32]))
}

fn passwords() -> Passwords {
    let cheap = Cost::new(64, 1, 1).expect("small");
    Passwords::new(mac(1), cheap, cheap)
}

fn sent() -> Candidate {
    Candidate::new(&Secret::new(PASSWORD.to_owned()))
}

/// A database with one account, and all that its owner holds.
struct World {
    store: Store,
    vault: Arc<Vault>,
    account: AccountId,
    totp: TotpSecret,
    codes: Vec<RecoveryCode>,
    device: DeviceCookie,
    first: OpenedSession,
    /// Kept as long as the store.
    place: Place,
}

async fn empty(place: &Place) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([3; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([4; 32])));
    // A stream of its own: no salt or nonce in the file equals a secret that a test drew.
    let entropy = Box::new(SeededEntropy::new(0x5702E));
    Store::open(&place.database, ledger, entropy, at(0)).await.expect("a new store")
}

/// Keeps an act with the entries of its events.
async fn keep(act: store::Act, events: &[Event], now: Timestamp) {
    let entry = |event: &identity::Event| audit::Entry {
        kind: audit::Kind::stated(event.kind()),
        actor: "a test".to_owned(),
        subject: event.account().map_or_else(|| "none".to_owned(), |id| id.to_string()),
        detail: serde_json::json!({}),
    };
    let entries = events.iter().map(entry).collect();
    act.commit_all(entries, now).await.expect("kept");
}

fn begin(grant: &SetupGrant, form: SetupForm, entropy: &mut SeededEntropy) -> Setup {
    Setup::begin(form, grant, &passwords(), at(0), entropy).expect("a fresh token")
}

/// The two steps of a set-up for a fresh token, up to the account that is not stored yet.
async fn made(store: &Store, seed: u64, email: &str) -> NewAccount {
    let mut entropy = SeededEntropy::new(seed);
    let hour = SignedDuration::from_hours(1);
    let (token, grant, event) = SetupGrant::issue(hour, at(0), &mut entropy);
    let mut act = store.begin().await.expect("an act");
    assert!(act.issue_setup(&grant, at(0)).await.expect("writes"));
    keep(act, &[event], at(0)).await;
    let grant = store.setup_grant(&token.hash()).await.expect("reads").expect("unused");
    let email = email.parse().expect("an address");
    let password = PasswordPolicy::default()
        .accept(sent(), Strength { guesses_log10: 14.0 }, Factors::WithSecond, (&email, &[]))
        .expect("a good password");
    let display_name = "Ada".parse().expect("a name");
    let form = SetupForm { token, email, display_name, password };
    let setup = begin(&grant, form, &mut entropy);
    let shown = secret_of(&setup).code(Step::at(at(0)));
    setup.finish(shown.expose(), &passwords(), at(0), &mut entropy).expect("the right code")
}

/// What an authenticator reads from the typed secret.
fn secret_of(setup: &Setup) -> TotpSecret {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let enrolment = setup.enrolment();
    let bits: Vec<u8> = enrolment
        .secret
        .expose()
        .chars()
        .map(|c| u8::try_from(alphabet.find(c).expect("base 32")).expect("below 32"))
        .flat_map(|five| (0..5).rev().map(move |n| five >> n & 1))
        .collect();
    let bytes: Vec<u8> =
        bits.chunks_exact(8).map(|eight| eight.iter().fold(0, |all, bit| all << 1 | bit)).collect();
    TotpSecret::from_bytes(&bytes).expect("20 bytes")
}

fn sealed(vault: &Vault, session: &OpenedSession) -> SealedClient {
    let owner = (session.session.account, session.session.id);
    vault.seal_client(owner, &Client::new(None, "Firefox"), &mut SeededEntropy::new(8))
}

/// One world on each kind of database.
async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for place in both() {
        worlds.push(world(place).await);
    }
    worlds
}

/// Beside a data key that is never opened here.
fn keyed(profile: &SealedProfile) -> Sealed<'_> {
    Sealed { profile, data_key: &[7; 72] }
}

async fn world(place: Place) -> World {
    let store = empty(&place).await;
    let vault = Arc::new(Vault::new(SealingKey::new(Secret::new([5; 32])), mac(6)));
    let new = made(&store, 1, "ada@example.org").await;
    let mut entropy = SeededEntropy::new(2);
    let (account, totp) = (new.account.id, new.totp.clone());
    let (email, display_name) = (new.account.email.clone(), new.account.display_name.clone());
    let profile = vault.seal_profile(account, &Profile { email, display_name }, &mut entropy);
    let secret = vault.seal_totp(account, &new.totp, &mut entropy);
    let device = DeviceCookie::new(at(0), &mut entropy);
    let mut act = store.begin().await.expect("an act");
    assert!(act.create_owner(&new, (keyed(&profile), &secret), at(0)).await.expect("writes"));
    let (codes, mut events) = (new.codes, new.events);
    let rules = (&SessionPolicy::default(), &mac(2));
    let first = OpenedSession::open(new.proof, device.device(), rules, at(0), &mut entropy);
    assert!(act.open_session(&first, &sealed(&vault, &first)).await.expect("writes"));
    events.extend(first.events.clone());
    keep(act, &events, at(0)).await;
    World { store, vault, account, totp, codes, device, first, place }
}

impl World {
    async fn sign_in(&self, now: Timestamp) -> SignIn {
        let index = self.vault.index(&"ada@example.org".parse().expect("an address"));
        let stored = self.store.credentials(&index).await.expect("reads");
        let proof = passwords().verify(stored.as_ref(), &sent(), now).expect("the right password");
        SignIn::new(&proof, DeviceStanding::Unknown)
    }

    /// The second step, as a server does it; whether a session was opened.
    async fn finish(&self, pending: SignIn, code: &str, now: Timestamp, seed: u64) -> bool {
        let stored = self.store.factors(self.account).await.expect("reads").expect("an account");
        let stored = self.vault.open_factors(&stored).expect("opens");
        let proof = match code.parse::<RecoveryCode>() {
            Ok(code) => pending.recovery(&code, &stored, &passwords(), now),
            Err(_) => pending.totp(code, &stored, now),
        };
        let Ok(proof) = proof else { return false };
        let rules = (&SessionPolicy::default(), &mac(2));
        let mut entropy = SeededEntropy::new(seed);
        let opened = OpenedSession::open(proof, self.device.device(), rules, now, &mut entropy);
        let mut act = self.store.begin().await.expect("an act");
        if !act.open_session(&opened, &sealed(&self.vault, &opened)).await.expect("writes") {
            return false;
        }
        keep(act, &opened.events, now).await;
        true
    }

    async fn judge(&self, token: &RefreshToken, now: Timestamp) -> Result<Rotation, Error> {
        let row = self.store.session(token.session()).await.expect("reads").expect("a session");
        let (presented, policy, key) =
            ((token, self.device.device()), SessionPolicy::default(), mac(2));
        row.family.rotate((&row.session, &row.state), presented, (&policy, &key), now)
    }

    async fn rotate(&self, token: &RefreshToken, now: Timestamp) -> Result<Rotation, Error> {
        loop {
            let rotation = self.judge(token, now).await?;
            let mut act = self.store.begin().await.expect("an act");
            if act.rotate(&rotation, now).await.expect("writes") {
                keep(act, &rotation.events, now).await;
                return Ok(rotation);
            }
        }
    }
}

/// Runs one piece of work many times at once.
async fn at_once<T, F>(count: u64, work: impl Fn(u64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|n| tokio::spawn(work(n))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("runs"));
    }
    results
}

#[tokio::test]
async fn the_first_account_is_whole_and_the_only_first_one() {
    for world in worlds().await {
        assert_eq!(world.store.owner().await.expect("reads"), Some(world.account));
        let tenant = Tenant::host(world.account);
        let row = world.store.account(&tenant).await.expect("reads").expect("there");
        let profile = world.vault.open_profile(world.account, &row.profile).expect("opens");
        assert_eq!(profile.email.as_str(), "ada@example.org");
        assert_eq!((row.state.role, row.created), (Role::Owner, at(0)));
        let factors = world.store.factors(world.account).await.expect("reads").expect("there");
        assert_eq!(
            (factors.recovery.len(), factors.totp.map(|t| t.1)),
            (10, Some(Step::at(at(0))))
        );
        // With an account there, no link is issued, and an old one makes nothing.
        let (_, grant, _) =
            SetupGrant::issue(SignedDuration::from_hours(1), at(1), &mut SeededEntropy::new(9));
        let mut act = world.store.begin().await.expect("an act");
        assert!(!act.issue_setup(&grant, at(1)).await.expect("writes"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_set_up_token_makes_one_account_however_many_try() {
    for place in both() {
        let store = empty(&place).await;
        let vault = Arc::new(Vault::new(SealingKey::new(Secret::new([5; 32])), mac(6)));
        let new = Arc::new(made(&store, 1, "ada@example.org").await);
        let made = at_once(8, |n| {
            let (store, vault, new) = (store.clone(), Arc::clone(&vault), Arc::clone(&new));
            async move {
                let mut entropy = SeededEntropy::new(n);
                let (id, account) = (new.account.id, &new.account);
                let (email, display_name) = (account.email.clone(), account.display_name.clone());
                let profile =
                    vault.seal_profile(id, &Profile { email, display_name }, &mut entropy);
                let totp = vault.seal_totp(id, &new.totp, &mut entropy);
                let mut act = store.begin().await.expect("an act");
                let sealed = (keyed(&profile), &totp);
                let first = act.create_owner(&new, sealed, at(5)).await.expect("writes");
                if first {
                    keep(act, &new.events, at(5)).await;
                }
                first
            }
        });
        assert_eq!(made.await.iter().filter(|first| **first).count(), 1);
        let grant = store.setup_grant(&new.token).await.expect("reads");
        assert_eq!(grant, None, "used up");
    }
}

#[tokio::test]
async fn an_outdated_set_up_makes_nothing() {
    for place in both() {
        let store = empty(&place).await;
        let vault = Vault::new(SealingKey::new(Secret::new([5; 32])), mac(6));
        let old = made(&store, 1, "ada@example.org").await;
        let replaced = made(&store, 2, "ada@example.org").await;
        let check = async |new: &NewAccount, now: Timestamp, want: bool| {
            let mut entropy = SeededEntropy::new(3);
            let (id, account) = (new.account.id, &new.account);
            let (email, display_name) = (account.email.clone(), account.display_name.clone());
            let profile = vault.seal_profile(id, &Profile { email, display_name }, &mut entropy);
            let totp = vault.seal_totp(id, &new.totp, &mut entropy);
            let mut act = store.begin().await.expect("an act");
            let done = act.create_owner(new, (keyed(&profile), &totp), now).await.expect("writes");
            assert_eq!(done, want);
        };
        check(&old, at(1), false).await;
        check(&replaced, at(3600), false).await;
        check(&replaced, at(3599), true).await;
        assert_eq!(store.owner().await.expect("reads"), None, "an act that is dropped is undone");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_code_opens_one_session_however_many_try() {
    for world in worlds().await {
        let world = Arc::new(world);
        for round in 1..6 {
            let now = at(round * 60);
            let pending = world.sign_in(now).await;
            let code = world.totp.code(Step::at(now)).expose().clone();
            let opened = at_once(8, |n| {
                let (world, code) = (Arc::clone(&world), code.clone());
                let seed = 1000 + n;
                async move { world.finish(pending, &code, now, seed).await }
            });
            assert_eq!(opened.await.iter().filter(|won| **won).count(), 1, "round {round}");
            assert!(!world.finish(pending, &code, now, 1).await, "a replay");
        }
        let enrolment = world.totp.code(Step::at(at(0))).expose().clone();
        let pending = world.sign_in(at(10)).await;
        assert!(!world.finish(pending, &enrolment, at(10), 1).await, "the enrolment's own code");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_recovery_code_opens_one_session_however_many_try() {
    for world in worlds().await {
        let world = Arc::new(world);
        let pending = world.sign_in(at(1)).await;
        let code = world.codes[4].text().expose().clone();
        let opened = at_once(8, |n| {
            let (world, code) = (Arc::clone(&world), code.clone());
            async move { world.finish(pending, &code, at(2), 1000 + n).await }
        });
        assert_eq!(opened.await.iter().filter(|won| **won).count(), 1);
        let left =
            world.store.factors(world.account).await.expect("reads").expect("there").recovery;
        assert_eq!(
            left.iter().map(|row| row.index).collect::<Vec<_>>(),
            [0, 1, 2, 3, 5, 6, 7, 8, 9]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_tabs_at_once_get_one_successor_and_a_third_revokes() {
    for world in worlds().await {
        let world = Arc::new(world);
        let both = at_once(2, |_| {
            let world = Arc::clone(&world);
            async move { world.rotate(&world.first.refresh, at(600)).await.expect("live") }
        });
        let both = both.await;
        let text = |r: &Rotation| r.token.as_ref().map(|token| token.text().expose().clone());
        assert_eq!(text(&both[0]), text(&both[1]));
        let mut kinds: Vec<&str> =
            both.iter().flat_map(|r| r.events.iter().map(Event::kind)).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, ["refresh.repeated", "session.refreshed"]);
        let third = world.rotate(&world.first.refresh, at(601)).await.expect("judged");
        assert_eq!(third.ended(), Some(EndReason::Reuse));
        let next = both[0].token.as_ref().expect("handed out");
        let reason = EndReason::Reuse;
        assert_eq!(world.rotate(next, at(602)).await.err(), Some(Error::Ended { reason }));
    }
}

#[tokio::test]
async fn a_rotation_that_was_overtaken_keeps_nothing() {
    for world in worlds().await {
        let early = world.judge(&world.first.refresh, at(600)).await.expect("live");
        let late = world.judge(&world.first.refresh, at(600)).await.expect("live");
        let mut act = world.store.begin().await.expect("an act");
        assert!(act.rotate(&early, at(600)).await.expect("writes"));
        keep(act, &early.events, at(600)).await;
        let mut act = world.store.begin().await.expect("an act");
        assert!(!act.rotate(&late, at(600)).await.expect("writes"));
        drop(act);
        // Nor does one that a sign-out overtook.
        let next = early.token.as_ref().expect("handed out");
        let rotation = world.judge(next, at(700)).await.expect("live");
        let (tenant, id) = (Tenant::host(world.account), world.first.session.id);
        let mut act = world.store.begin().await.expect("an act");
        assert!(act.end_session(&tenant, id, EndReason::SignOut, at(701)).await.expect("writes"));
        keep(act, &[world.first.session.end(EndReason::SignOut)], at(701)).await;
        let mut act = world.store.begin().await.expect("an act");
        assert!(!act.rotate(&rotation, at(702)).await.expect("writes"));
    }
}

#[tokio::test]
async fn a_stranger_reads_and_ends_nothing() {
    for world in worlds().await {
        let stranger = Tenant::host(AccountId::new(at(0), &mut SeededEntropy::new(666)));
        let own = Tenant::host(world.account);
        let id = world.first.session.id;
        assert_eq!(world.store.account(&stranger).await.expect("reads"), None);
        assert_eq!(world.store.sessions(&stranger, at(1), 10).await.expect("reads"), []);
        let mut act = world.store.begin().await.expect("an act");
        let ended = act.end_session(&stranger, id, EndReason::Remote, at(1)).await.expect("writes");
        assert!(!ended);
        drop(act);
        let rows = world.store.sessions(&own, at(1), 10).await.expect("reads");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].session, world.first.session);
        let client = world.vault.open_client((world.account, id), &rows[0].client).expect("opens");
        assert_eq!(client.agent, "Firefox");
        let index = world.vault.index(&"ada@example.org".parse().expect("an address"));
        let other = world.vault.index(&"eve@example.org".parse().expect("an address"));
        let device = world.device.device();
        let standing =
            async |index| world.store.device_standing(index, device).await.expect("reads");
        assert_eq!(standing(&index).await, DeviceStanding::Known(device));
        assert_eq!(standing(&other).await, DeviceStanding::Unknown);
        assert!(world.store.credentials(&other).await.expect("reads").is_none());
    }
}

#[tokio::test]
async fn shut_out_means_out_and_a_new_role_kills_old_tokens() {
    for world in worlds().await {
        let pending = world.sign_in(at(1)).await;
        let account = world.account;
        let mut act = world.store.begin().await.expect("an act");
        let changed = act.set_role(account, Role::Admin).await.expect("writes");
        let standing = Standing::Active;
        let state = AccountState { account, role: Role::Admin, epoch: 1, standing };
        assert_eq!(changed, Some(state));
        keep(act, &[Event::RoleChanged { account, role: Role::Admin }], at(2)).await;
        let code = world.totp.code(Step::at(at(60))).expose().clone();
        assert!(!world.finish(pending, &code, at(60), 1).await, "began before the change");
        let mut act = world.store.begin().await.expect("an act");
        let disabled = act.set_standing(account, Standing::Disabled, at(61)).await.expect("writes");
        let (state, ended) = disabled.expect("there");
        assert_eq!((state.epoch, ended.as_slice()), (2, [world.first.session.id].as_slice()));
        keep(act, &[Event::AccountDisabled { account }], at(61)).await;
        let reason = EndReason::Disabled;
        let refreshed = world.rotate(&world.first.refresh, at(62)).await;
        assert_eq!(refreshed.err(), Some(Error::Ended { reason }));
        let index = world.vault.index(&"ada@example.org".parse().expect("an address"));
        let stored = world.store.credentials(&index).await.expect("reads");
        let refused = passwords().verify(stored.as_ref(), &sent(), at(63));
        assert_eq!(refused.err(), Some(Error::Credentials));
        let mut act = world.store.begin().await.expect("an act");
        let nobody = AccountId::new(at(0), &mut SeededEntropy::new(666));
        assert_eq!(act.set_role(nobody, Role::Admin).await.expect("writes"), None);
    }
}

#[tokio::test]
async fn a_hash_is_replaced_only_if_it_is_the_one_that_was_checked() {
    for world in worlds().await {
        let index = world.vault.index(&"ada@example.org".parse().expect("an address"));
        let stored = world.store.credentials(&index).await.expect("reads").expect("there");
        let proof = passwords().verify(Some(&stored), &sent(), at(1)).expect("right");
        let new = passwords().rehash(&proof, &sent(), &mut SeededEntropy::new(4));
        let mut act = world.store.begin().await.expect("an act");
        let replaced =
            act.replace_hash(world.account, &stored.password, &new).await.expect("writes");
        assert!(replaced);
        let again = act.replace_hash(world.account, &stored.password, &new).await.expect("writes");
        assert!(!again, "the one that was checked is gone");
        keep(act, &[Event::PasswordRehashed { account: world.account }], at(1)).await;
        let stored = world.store.credentials(&index).await.expect("reads").expect("there");
        assert!(passwords().verify(Some(&stored), &sent(), at(2)).is_ok());
    }
}

#[tokio::test]
async fn a_second_proof_is_noted_once() {
    for world in worlds().await {
        let session = world.store.session(world.first.session.id).await.expect("reads");
        let session = session.expect("there").session;
        let now = at(1000);
        let pending = world.sign_in(now).await;
        let stored = world.store.factors(world.account).await.expect("reads").expect("there");
        let stored = world.vault.open_factors(&stored).expect("opens");
        let code = world.totp.code(Step::at(now));
        let proof = pending.totp(code.expose(), &stored, now).expect("fresh");
        let (fresh, events) = session.step_up(&proof).expect("the same person");
        let mut act = world.store.begin().await.expect("an act");
        assert!(act.step_up(&fresh, &proof).await.expect("writes"));
        keep(act, &events, now).await;
        let row = world.store.session(session.id).await.expect("reads").expect("there");
        assert_eq!(row.session, fresh);
        let mut act = world.store.begin().await.expect("an act");
        assert!(!act.step_up(&fresh, &proof).await.expect("writes"), "the code is used");
    }
}

#[tokio::test]
async fn the_database_holds_no_secret_and_no_address() {
    for world in worlds().await {
        let refresh = world.first.refresh.text().expose().clone();
        let code = world.codes[0].text().expose().clone();
        world.store.close().await;
        let all = world.place.contents().await;
        let within = |needle: &[u8]| all.windows(needle.len()).any(|window| window == needle);
        // PostgreSQL shows bytes as hexadecimal digits.
        let holds = |needle: &[u8]| within(needle) || within(hex::encode(needle).as_bytes());
        assert!(holds(world.account.to_string().as_bytes()), "the search works");
        for secret in [PASSWORD, "ada@example.org", "Firefox", &refresh, &code, &code[2..]] {
            assert!(!holds(secret.as_bytes()), "{secret}");
        }
        assert!(!holds(world.totp.expose()));
        assert!(!holds(world.totp.base32().expose().as_bytes()));
    }
}
