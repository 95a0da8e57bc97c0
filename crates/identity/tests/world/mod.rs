//! A small world for the tests: one account, its keys, and a clock that the test sets.
#![allow(dead_code, reason = "each test file uses its own part of the world")]

use identity::{
    AccessKeys, AccountState, Candidate, Cost, DeviceCookie, DeviceId, Factors, NewAccount,
    NewPassword, OpenedSession, PasswordPolicy, Passwords, SessionPolicy, Setup, SetupForm,
    SetupGrant, Step, Strength,
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
