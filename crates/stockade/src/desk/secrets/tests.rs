//! The store beside others who write, and what an earlier version left.

use super::*;
use kms::KeyFile;
use std::thread;

fn keys() -> KeyRing {
    let place = tempfile::tempdir().expect("a directory");
    let path = place.path().join("key");
    KeyRing::of_file(&KeyFile::open_or_create(&path, &mut SystemEntropy::new()).expect("keys"))
}

fn value(text: &str) -> Secret<Vec<u8>> {
    Secret::new(text.as_bytes().to_vec())
}

#[test]
fn a_secret_is_kept_found_replaced_and_removed() {
    let place = tempfile::tempdir().expect("a directory");
    let secrets = Secrets::of(place.path(), &keys()).expect("a place");
    assert_eq!(secrets.list().expect("lists"), []);
    assert!(secrets.find("vendor.x").expect("looks").is_none());
    let first = secrets.keep("vendor.x", BY_HOST, &value("one"), now()).expect("kept");
    assert_eq!((first.before.clone(), first.listed.label.as_str()), (None, "host"));
    let same = secrets.keep("vendor.x", "another", &value("one"), now()).expect("kept");
    assert!(same.is_unchanged() && !first.is_unchanged());
    assert_eq!(same.listed, first.listed, "the date and who stay");
    let other = secrets.keep("vendor.x", "another", &value("two"), now()).expect("kept");
    assert_eq!(other.before, Some(first.listed.fingerprint));
    let found = secrets.find("vendor.x").expect("looks").expect("there");
    assert_eq!(found.expose().as_slice(), b"two");
    assert_eq!(secrets.remove("vendor.x").expect("removed"), other.listed);
    assert!(matches!(secrets.remove("vendor.x"), Err(Error::NotFound { .. })));
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let place = tempfile::tempdir().expect("a directory");
    let keys = keys();
    thread::scope(|scope| {
        for writer in 0..4 {
            let (root, keys) = (place.path(), &keys);
            scope.spawn(move || {
                let secrets = Secrets::of(root, keys).expect("a place");
                let name = format!("vendor.v{writer}");
                secrets.keep(&name, BY_HOST, &value(&name), now()).expect("kept");
            });
        }
    });
    let secrets = Secrets::of(place.path(), &keys).expect("a place");
    assert_eq!(secrets.list().expect("lists").len(), 4);
}

#[test]
fn the_store_of_an_earlier_version_is_taken_over() {
    let place = tempfile::tempdir().expect("a directory");
    let (paths, keys) = (Paths::new(place.path()), keys());
    let holder = Holder::Ring(&keys);
    let entropy = &mut SystemEntropy::new();
    let mut old = SecretStore::create(&paths.old_secrets(), holder, entropy).expect("a store");
    let password = value("of the relay");
    let secret = NewSecret { name: "mail.password", label: "", created: now(), value: &password };
    old.put(secret, entropy).expect("put in");
    let secrets = Secrets::of(place.path(), &keys).expect("a place");
    let found = secrets.find("mail.password").expect("looks").expect("there");
    assert_eq!(found.expose(), password.expose());
    assert!(paths.secrets().exists() && !paths.old_secrets().exists());
}
