//! A root key in a PKCS#11 token: it wraps, it does not leave, and it may be gone for a while.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "tests make tokens with the tools of their maker, in processes of their own"
)]

mod softhsm;

use kms::{
    Absent, Error, Guard, KeyFile, KeyRing, Label, Purpose, RingFile, Root, TokenRoot, TokenTerms,
    Wrapped,
};
use seal::SeededEntropy;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const PLACE: &str = "STOCKADE_TESTS_TOKEN";
const HERE: Label<'static> = Label { purpose: "accounts", tenant: "house", version: 1 };
const KEY: &[u8] = b"a key of thirty-two bytes, about";

/// Runs `body` in a process that has a fresh token, in which the test of this name runs again.
fn with_token(test: &str, body: impl FnOnce(&Path, TokenTerms)) {
    let Some(module) = softhsm::module() else { return };
    if let Some(place) = env::var_os(PLACE) {
        let place = PathBuf::from(place);
        body(&place, softhsm::terms(&place, module));
        return;
    }
    let scratch = tempfile::tempdir().expect("a directory");
    let configuration = softhsm::set_up(scratch.path());
    let program = env::current_exe().expect("this program");
    let mut child = Command::new(program);
    child.args([test, "--exact", "--nocapture"]);
    child.env("SOFTHSM2_CONF", &configuration).env(PLACE, scratch.path());
    let output = child.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "no test is named {test}: {said}");
}

fn opened(terms: TokenTerms) -> TokenRoot {
    TokenRoot::open(terms, Absent::Make).expect("a token")
}

#[test]
fn a_token_wraps_under_a_label_and_unwraps_under_no_other() {
    with_token("a_token_wraps_under_a_label_and_unwraps_under_no_other", |_, terms| {
        let root = opened(terms);
        let mut entropy = SeededEntropy::new(1);
        let wrapped = root.wrap(&HERE, KEY, &mut entropy).expect("wrapped");
        assert_eq!(root.unwrap(&HERE, &wrapped).expect("its own").expose(), KEY);
        let misplaced = |label: Label<'_>, wrapped: &Wrapped| {
            let error = root.unwrap(&label, wrapped).expect_err("elsewhere");
            assert!(matches!(error, Error::Misplaced { .. }), "{error}");
        };
        misplaced(Label { purpose: "secrets", ..HERE }, &wrapped);
        misplaced(Label { tenant: "ada", ..HERE }, &wrapped);
        misplaced(Label { version: 2, ..HERE }, &wrapped);
        for at in 0..wrapped.bytes.len() {
            let mut bent = wrapped.clone();
            bent.bytes[at] ^= 1;
            misplaced(HERE, &bent);
        }
        misplaced(HERE, &Wrapped { bytes: Vec::new(), ..wrapped.clone() });
        let error =
            root.unwrap(&HERE, &Wrapped { root: 9, ..wrapped }).expect_err("no such version");
        assert!(matches!(error, Error::NoVersion { version: 9, .. }), "{error}");
    });
}

#[test]
fn the_key_was_made_inside_and_does_not_leave() {
    with_token("the_key_was_made_inside_and_does_not_leave", |_, terms| {
        let root = opened(terms.clone());
        let said = root.attest().expect("it says so");
        assert!(said.made_inside && said.never_extractable && !said.extractable, "{said:?}");
        // It has the interface of a device and none of its walls.
        assert_eq!(said.guard, Guard::Emulator);
        assert!(!said.is_met());
        assert!(
            said.device.iter().any(|(name, value)| *name == "maker" && value.contains("SoftHSM"))
        );
        extract(&terms, "stockade").expect_err("it stays inside");
        // The weak twin: a key that may leave does, by the very same call.
        let weak = weak_key(&terms);
        assert_eq!(extract(&terms, &weak).expect("it leaves").len(), 32);
    });
}

/// A session of the tests' own.
fn session(terms: &TokenTerms) -> cryptoki::session::Session {
    use cryptoki::{context::Pkcs11, session::UserType, types::AuthPin};
    let pkcs11 = Pkcs11::new(&terms.module).expect("loads");
    let slots = pkcs11.get_slots_with_token().expect("slots");
    let slot = slots
        .into_iter()
        .find(|slot| pkcs11.get_token_info(*slot).is_ok_and(|info| info.label() == softhsm::TOKEN));
    let session = pkcs11.open_rw_session(slot.expect("the token")).expect("a session");
    let pin = fs::read_to_string(&terms.pin).expect("a PIN").trim().to_owned();
    // Signed in already, by the root in the same process.
    let _ = session.login(UserType::User, Some(&AuthPin::from(pin)));
    session
}

fn extract(terms: &TokenTerms, label: &str) -> Result<Vec<u8>, String> {
    use cryptoki::object::{Attribute, AttributeType};
    let session = session(terms);
    let template = [Attribute::Label(label.as_bytes().to_vec())];
    let found = session.find_objects(&template).expect("looks");
    let handle = *found.first().expect("the key");
    let told = session.get_attributes(handle, &[AttributeType::Value]);
    match told.map_err(|error| error.to_string())?.pop() {
        Some(Attribute::Value(value)) => Ok(value),
        _ => Err("no value is told".to_owned()),
    }
}

fn weak_key(terms: &TokenTerms) -> String {
    use cryptoki::{mechanism::Mechanism, object::Attribute};
    let template = [
        Attribute::ValueLen(32.into()),
        Attribute::Token(true),
        Attribute::Sensitive(false),
        Attribute::Extractable(true),
        Attribute::Label(b"weak".to_vec()),
    ];
    session(terms).generate_key(&Mechanism::AesKeyGen, &template).expect("made");
    "weak".to_owned()
}

#[test]
fn another_version_wraps_and_the_older_ones_still_unwrap() {
    with_token("another_version_wraps_and_the_older_ones_still_unwrap", |_, terms| {
        let root = opened(terms.clone());
        let mut entropy = SeededEntropy::new(1);
        let old = root.wrap(&HERE, KEY, &mut entropy).expect("wrapped");
        assert_eq!(root.rotate(&mut entropy).expect("another"), 2);
        let new = root.wrap(&HERE, KEY, &mut entropy).expect("wrapped");
        assert_eq!((old.root, new.root), (1, 2));
        // By another process, or after a restart, it is the same.
        let again = TokenRoot::open(terms, Absent::Refuse).expect("it is there");
        for wrapped in [&old, &new] {
            assert_eq!(again.unwrap(&HERE, wrapped).expect("its own").expose(), KEY);
        }
        assert_eq!(again.versions().expect("both").latest, 2);
    });
}

#[test]
fn a_token_that_goes_away_closes_and_opens_again_when_it_is_back() {
    with_token("a_token_that_goes_away_closes_and_opens_again_when_it_is_back", |place, terms| {
        let root = opened(terms);
        let wrapped = root.wrap(&HERE, KEY, &mut SeededEntropy::new(1)).expect("wrapped");
        let (tokens, elsewhere) = (place.join("tokens"), place.join("pulled"));
        fs::rename(&tokens, &elsewhere).expect("pulled out");
        let error = root.unwrap(&HERE, &wrapped).expect_err("away");
        assert!(error.is_away(), "{error}");
        assert!(error.to_string().contains("stockade tests"), "{error}");
        assert!(root.wrap(&HERE, KEY, &mut SeededEntropy::new(2)).is_err_and(|e| e.is_away()));
        fs::rename(&elsewhere, &tokens).expect("put back");
        assert_eq!(root.unwrap(&HERE, &wrapped).expect("it is back").expose(), KEY);
    });
}

#[test]
fn what_is_not_set_up_is_said_with_its_remedy() {
    with_token("what_is_not_set_up_is_said_with_its_remedy", |place, terms| {
        let check = |terms: TokenTerms, part: &str| {
            let error = TokenRoot::open(terms, Absent::Refuse).expect_err(part);
            assert!(error.to_string().contains(part), "{error}");
        };
        check(terms.clone(), "stockade keys move");
        check(TokenTerms { token: "another".to_owned(), ..terms.clone() }, "no such token");
        check(TokenTerms { module: "/no/such/module.so".into(), ..terms.clone() }, "keys.module");
        fs::write(place.join("pin"), "wrong\n").expect("written");
        check(terms.clone(), "check the PIN");
        fs::write(place.join("pin"), "two\nlines").expect("written");
        check(terms, "one line");
    });
}

fn derived(place: &Path) -> KeyRing {
    let file = KeyFile::open_or_create(&place.join("key"), &mut SeededEntropy::new(5));
    KeyRing::of_file(&file.expect("a key file"))
}

#[test]
fn a_ring_comes_under_a_token_and_follows_its_versions() {
    with_token("a_ring_comes_under_a_token_and_follows_its_versions", |place, terms| {
        let (ring, path) = (derived(place), place.join("ring"));
        let root = opened(terms.clone());
        let mut entropy = SeededEntropy::new(6);
        let now = jiff::Timestamp::UNIX_EPOCH;
        let mut file =
            RingFile::create(&path, &ring, (&root, None), now, &mut entropy).expect("made");
        root.rotate(&mut entropy).expect("another");
        file.rewrap(&ring, (&root, None), &mut entropy).expect("rewrapped");
        assert!(file.lines().iter().all(|line| line.root == 2));
        let (_, again) = RingFile::open(&path, &opened(terms)).expect("opens");
        let id = |ring: &KeyRing| ring.sealing(Purpose::Accounts).id();
        assert_eq!(id(&again), id(&ring), "the keys are the same, wherever they come from");
    });
}
