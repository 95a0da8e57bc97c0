//! A small world for the tests: one account, its keys, and a clock that the test sets.
#![allow(dead_code, reason = "each test file uses its own part of the world")]

use identity::{
    AccessKeys, AccountId, AccountState, Authenticated, Candidate, Cost, Credentials, DeviceCookie,
    DeviceId, DeviceStanding, FactorKind, FactorProof, Factors, Holdings, Lookup, Member,
    NewAccount, NewPassword, OpenedSession, PasswordHash, PasswordPolicy, PasswordProof, Passwords,
    Registry, Role, Session, SessionId, SessionPolicy, Setup, SetupForm, SetupGrant, SignIn,
    Standing, Step, StoredFactors, Strength, TotpSecret,
};
use jiff::{SignedDuration, Timestamp};
use seal::{MacKey, Secret, SeededEntropy, SigningKey};

pub const PASSWORD: &str = "nine small grey owls";

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).expect("in range")
}

pub fn mac(byte: u8) -> MacKey {
    MacKey::new(Secret::new([byte; 32]))
}

pub fn passwords() -> Passwords {
    let cheap = Cost::new(64, 1, 1).expect("small");
    Passwords::new(mac(1), cheap, cheap)
}

pub fn sent(text: &str) -> Candidate {
    Candidate::new(&Secret::new(text.to_owned()))
}

pub fn new_password() -> NewPassword {
    let email = "ada@example.org".parse().expect("an address");
    let strength = Strength { guesses_log10: 14.0 };
    PasswordPolicy::default()
        .accept(sent(PASSWORD), strength, Factors::WithSecond, (&email, &[]))
        .expect("a good password")
}

/// A set-up whose first step is done.
pub fn begun(now: Timestamp, entropy: &mut SeededEntropy) -> Setup {
    let (token, grant, _) = SetupGrant::issue(SignedDuration::from_hours(1), now, entropy);
    let form = SetupForm {
        token,
        email: "ada@example.org".parse().expect("an address"),
        display_name: "Ada".parse().expect("a name"),
        password: new_password(),
    };
    Setup::begin(form, &grant, &passwords(), now, entropy).expect("a fresh token")
}

/// What an authenticator would show: read from the typed secret, as a person's phone does.
pub fn shown(setup: &Setup, now: Timestamp) -> String {
    let bytes = base32(setup.enrolment().secret.expose());
    let secret = identity::TotpSecret::from_bytes(&bytes).expect("20 bytes");
    secret.code(Step::at(now)).expose().clone()
}

fn base32(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(alphabet.find(c).expect("base 32")).expect("below 32"))
        .flat_map(|five| (0..5).rev().map(move |n| five >> n & 1))
        .collect();
    bits.chunks_exact(8).map(|eight| eight.iter().fold(0, |all, bit| all << 1 | bit)).collect()
}

pub fn new_account(now: Timestamp, entropy: &mut SeededEntropy) -> NewAccount {
    let setup = begun(now, entropy);
    let code = shown(&setup, now);
    setup.finish(&code, &passwords(), now, entropy).expect("the right code")
}

pub fn device(now: Timestamp, seed: u64) -> DeviceId {
    DeviceCookie::new(now, &mut SeededEntropy::new(seed)).device()
}

pub fn opened(now: Timestamp, seed: u64) -> (OpenedSession, AccountState) {
    let mut entropy = SeededEntropy::new(seed);
    let account = new_account(now, &mut entropy);
    let rules = (&SessionPolicy::default(), &mac(2));
    let opened = OpenedSession::open(account.proof, device(now, 77), rules, now, &mut entropy);
    let state = opened.state;
    (opened, state)
}

pub fn signing(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]))
}

pub fn keys(byte: u8) -> AccessKeys {
    let names = ("https://stockade.example", "https://stockade.example/api");
    AccessKeys::new(names, SignedDuration::from_mins(10), signing(byte), &[]).expect("ten minutes")
}

/// A password for the account of `email` that was accepted beside so many factors.
pub fn chosen(text: &str, factors: Factors) -> NewPassword {
    let email = "ada@example.org".parse().expect("an address");
    let strength = Strength { guesses_log10: 14.0 };
    PasswordPolicy::default()
        .accept(sent(text), strength, factors, (&email, &[]))
        .expect("a good password")
}

/// Somebody with an account: what is stored of them, and what they know.
pub struct Someone {
    pub member: Member,
    pub password: PasswordHash,
    pub totp: Option<(TotpSecret, Step)>,
    pub session: Session,
}

pub const OWN_WORDS: &str = "nine small grey owls by night";

impl Someone {
    /// In a role, with an authenticator or without, signed in at 0.
    pub fn new(seed: u64, role: Role, factors: Factors) -> Self {
        let mut entropy = SeededEntropy::new(seed);
        let account = AccountId::new(at(0), &mut entropy);
        let state = AccountState { account, role, epoch: 0, standing: Standing::Active };
        let password = chosen(OWN_WORDS, Factors::PasswordOnly);
        let password = passwords().hash(account, &password, &mut entropy);
        let has = factors == Factors::WithSecond;
        let totp = has.then(|| (TotpSecret::generate(&mut entropy), Step::at(at(-3600))));
        let recovery = if has { 10 } else { 0 };
        let holdings = Holdings { password: true, totp: has, recovery, passkeys: Vec::new() };
        let email = format!("someone{seed}@example.org").parse().expect("an address");
        let session = Session {
            id: SessionId::new(at(0), &mut entropy),
            account,
            device: device(at(0), seed),
            factor: if has { FactorKind::Totp } else { FactorKind::Password },
            authenticated: at(0),
            opened: at(0),
            expires: at(3600 * 24 * 365),
            ended: None,
        };
        Self { member: Member { state, email, holdings }, password, totp, session }
    }

    /// Signed in freshly at `now`, as the server sees them.
    pub fn present(&self, now: Timestamp) -> Authenticated {
        let keys = keys(5);
        let session = Session { authenticated: now, ..self.session };
        let state = self.member.state;
        let token = keys.issue(&session, &state, now, &mut SeededEntropy::new(1));
        let token = keys.verify(token.text.expose(), now).expect("just issued");
        let mut registry = Registry::new(4);
        registry.insert(session, state);
        match registry.lookup(&token, now) {
            Lookup::Found(authenticated) => authenticated,
            other => panic!("{other:?}"),
        }
    }

    pub fn stored(&self) -> StoredFactors {
        let totp = self.totp.clone();
        let state = self.member.state;
        StoredFactors { state, totp, recovery: Vec::new(), passkeys: Vec::new() }
    }

    pub fn code(&self, now: Timestamp) -> String {
        let (secret, _) = self.totp.as_ref().expect("has an authenticator");
        secret.code(Step::at(now)).expose().clone()
    }

    pub fn password_proof(&self, now: Timestamp) -> PasswordProof {
        let stored = Credentials { state: self.member.state, password: self.password.clone() };
        passwords().verify(Some(&stored), &sent(OWN_WORDS), now).expect("the right password")
    }

    /// All factors, proved at `now`.
    pub fn proof(&self, now: Timestamp) -> FactorProof {
        let sign_in = SignIn::new(&self.password_proof(now), DeviceStanding::Unknown);
        let proof = match self.totp {
            Some(_) => sign_in.totp(&self.code(now), &self.stored(), now),
            None => sign_in.alone(&self.stored(), now),
        };
        proof.expect("all factors are right")
    }
}
