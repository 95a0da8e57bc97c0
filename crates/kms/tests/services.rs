//! A root key in a transit service: what goes over the wire, and what becomes of its refusals.

#![allow(clippy::disallowed_methods, reason = "tests write the files that they let be read")]

mod service;

use kms::{Call, Error, Guard, Label, Root, TransitRoot, TransitTerms, Versions, Wrapped};
use seal::SeededEntropy;
use service::{Mood, Service, TOKEN, wire};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

const HERE: Label<'static> = Label { purpose: "accounts", tenant: "house", version: 1 };
const KEY: &[u8] = b"a key of thirty-two bytes, about";

struct Place {
    scratch: TempDir,
    service: Arc<Mutex<Service>>,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            scratch: tempfile::tempdir().expect("a directory"),
            service: Arc::new(Mutex::new(Service::new())),
        };
        place.give(TOKEN);
        place
    }

    fn give(&self, token: &str) {
        let path = self.scratch.path().join("token");
        fs::write(&path, format!("{token}\n")).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
    }

    fn set(&self, change: impl FnOnce(&mut Service)) {
        change(&mut self.service.lock().expect("whole"));
    }

    fn terms(&self) -> TransitTerms {
        TransitTerms {
            address: "https://vault.test:8200".to_owned(),
            mount: "transit".to_owned(),
            key: "stockade".to_owned(),
            namespace: None,
            token: self.scratch.path().join("token"),
        }
    }

    fn open(&self) -> Result<TransitRoot, Error> {
        TransitRoot::open(self.terms(), wire(&self.service))
    }
}

fn wrapped(root: &TransitRoot) -> Wrapped {
    root.wrap(&HERE, KEY, &mut SeededEntropy::new(1)).expect("wrapped")
}

#[test]
fn a_service_wraps_under_a_label_and_unwraps_under_no_other() {
    for derived in [false, true] {
        let place = Place::new();
        place.set(|service| service.derived = derived);
        let root = place.open().expect("opens");
        let wrapped = wrapped(&root);
        assert_eq!(root.unwrap(&HERE, &wrapped).expect("its own").expose(), KEY);
        let elsewhere = Label { tenant: "ada", ..HERE };
        let mut bent = wrapped.clone();
        bent.bytes[20] ^= 1;
        for (label, wrapped) in [(elsewhere, &wrapped), (HERE, &bent)] {
            let error = root.unwrap(&label, wrapped).expect_err("altered or moved");
            assert!(matches!(error, Error::Misplaced { .. }), "{error}");
        }
    }
}

#[test]
fn a_service_that_ignores_associated_data_is_refused() {
    let place = Place::new();
    place.set(|service| service.mood = Mood::Old);
    let error = place.open().expect_err("it does not bind");
    assert!(error.to_string().contains("associated_data"), "{error}");
    // The same service with a derived key binds by the context, and may be used.
    place.set(|service| service.derived = true);
    assert!(place.open().is_ok());
    // And without the look at the start, a key in another's place would have been opened.
    place.set(|service| service.mood = Mood::Well);
    let root = place.open().expect("opens");
    place.set(|service| (service.mood, service.derived) = (Mood::Old, false));
    let moved = root.unwrap(&Label { tenant: "ada", ..HERE }, &wrapped(&root));
    assert_eq!(moved.expect("this is the weakness").expose(), KEY);
}

#[test]
fn versions_follow_each_other_until_the_service_forbids_the_older() {
    let place = Place::new();
    let root = place.open().expect("opens");
    let old = wrapped(&root);
    assert_eq!(root.rotate(&mut SeededEntropy::new(2)).expect("another"), 2);
    let new = wrapped(&root);
    assert_eq!((old.root, new.root), (1, 2));
    assert_eq!(root.unwrap(&HERE, &old).expect("still").expose(), KEY);
    place.set(|service| service.oldest = 2);
    assert_eq!(root.versions().expect("it says so"), Versions { oldest: 2, latest: 2 });
    let error = root.unwrap(&HERE, &old).expect_err("too old");
    assert!(matches!(error, Error::NoVersion { version: 1, .. }), "{error}");
    assert!(error.to_string().contains("keys rewrap"), "{error}");
    assert_eq!(root.unwrap(&HERE, &new).expect("still").expose(), KEY);
    let later = Wrapped { root: 7, ..new };
    assert!(matches!(root.unwrap(&HERE, &later), Err(Error::NoVersion { version: 7, .. })));
}

#[test]
fn a_service_that_is_away_or_sealed_closes_and_opens_again_by_itself() {
    let place = Place::new();
    let root = place.open().expect("opens");
    let kept = wrapped(&root);
    for mood in [Mood::Gone, Mood::Sealed] {
        place.set(|service| service.mood = mood);
        let error = root.unwrap(&HERE, &kept).expect_err("away");
        assert!(error.is_away(), "{error}");
        assert!(root.wrap(&HERE, KEY, &mut SeededEntropy::new(3)).is_err_and(|e| e.is_away()));
        assert!(root.attest().is_err_and(|error| error.is_away()));
        assert!(place.open().is_err_and(|error| error.is_away()));
        place.set(|service| service.mood = Mood::Well);
        assert_eq!(root.unwrap(&HERE, &kept).expect("it is back").expose(), KEY);
    }
}

/// A rotation that loses its service half-way leaves the ring of before, whole and openable.
#[test]
fn a_service_that_goes_away_in_the_middle_leaves_the_ring_of_before() {
    let place = Place::new();
    let root = place.open().expect("opens");
    let mut entropy = SeededEntropy::new(4);
    let key = kms::KeyRing::generate(&mut entropy);
    let path = place.scratch.path().join("ring");
    let now = jiff::Timestamp::UNIX_EPOCH;
    let mut file =
        kms::RingFile::create(&path, &key, (&root, None), now, &mut entropy).expect("made");
    let before = fs::read(&path).expect("bytes");
    root.rotate(&mut entropy).expect("another version");
    for after in 0..12 {
        place.set(|service| service.until = Some(service.calls + after));
        let error = file.rewrap(&key, (&root, None), &mut entropy).expect_err("away");
        assert!(error.is_away(), "{error}");
        assert_eq!(fs::read(&path).expect("bytes"), before, "after {after} calls");
        place.set(|service| (service.until, service.mood) = (None, Mood::Well));
        assert!(kms::RingFile::open(&path, &root).is_ok());
    }
    file.rewrap(&key, (&root, None), &mut entropy).expect("it is back");
    assert!(file.lines().iter().all(|line| line.root == 2));
}

#[test]
fn the_token_is_read_each_time_and_never_said() {
    let place = Place::new();
    let root = place.open().expect("opens");
    place.give("hvs.expired-canary");
    let error = root.unwrap(&HERE, &wrapped_by(&place)).expect_err("refused");
    assert!(matches!(error, Error::Denied { .. }), "{error}");
    assert!(!format!("{error} {error:?} {root:?}").contains("canary"));
    place.give(TOKEN);
    assert!(root.versions().is_ok(), "an agent has put a fresh one there");
    place.give("two\nlines");
    assert!(matches!(root.versions(), Err(Error::Line { .. })));
    let path = place.scratch.path().join("token");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("chmod");
    assert!(matches!(root.versions(), Err(Error::Exposed { .. })));
}

/// Made by the service itself, whatever token is in the file.
fn wrapped_by(place: &Place) -> Wrapped {
    place.give(TOKEN);
    let wrapped = wrapped(&place.open().expect("opens"));
    place.give("hvs.expired-canary");
    wrapped
}

#[test]
fn what_the_service_says_of_its_key_is_told_and_weak_keys_are_refused() {
    let place = Place::new();
    let said = place.open().expect("opens").attest().expect("it says so");
    assert_eq!((said.guard, said.extractable, said.is_met()), (Guard::Service, false, false));
    place.set(|service| service.exportable = true);
    assert!(place.open().expect("opens").attest().expect("it says so").extractable);
    place.set(|service| service.kind = "rsa-2048");
    let error = place.open().expect_err("no such type");
    assert!(error.to_string().contains("aes256-gcm96"), "{error}");
}

#[test]
fn strange_answers_and_strange_names_are_errors() {
    let place = Place::new();
    let answer = |status: u16, body: &'static [u8]| {
        let wire =
            move |_: &Call| Ok(kms::Answer { status, body: seal::Secret::new(body.to_vec()) });
        TransitRoot::open(place.terms(), Box::new(wire)).expect_err("strange")
    };
    assert!(answer(200, b"<html>").is_away());
    assert!(answer(200, b"{\"data\":{\"latest_version\":-1}}").is_away());
    assert!(answer(302, b"").is_away());
    assert!(answer(500, b"{\"errors\":[\"x\\u0007y\"]}").to_string().contains("x y"));
    assert!(matches!(answer(404, b"{\"errors\":[]}"), Error::NoRootKey { .. }));
    for name in ["", "../sys", "a b", "key?x", "a#b"] {
        let terms = TransitTerms { key: name.to_owned(), ..place.terms() };
        let refused = TransitRoot::open(terms, wire(&place.service));
        assert!(matches!(refused, Err(Error::Name { .. })), "{name}");
    }
}
