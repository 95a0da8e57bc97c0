//! The store of secrets: what it keeps, what it refuses, what can be seen of it from outside.

#![allow(
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests read, bend and write files they know the length of"
)]

use jiff::Timestamp;
use kms::{Archive, Cost, Error, Holder, HolderKind, KeyFile, NewSecret, Passphrase, SecretStore};
use seal::{Secret, SeededEntropy};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn cheap() -> Cost {
    Cost::new(64, 1, 1).expect("within bounds")
}

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(&Secret::new(text.to_owned())).expect("long enough")
}

fn bytes(text: &str) -> Secret<Vec<u8>> {
    Secret::new(text.as_bytes().to_vec())
}

fn on(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().expect("a date")
}

const CANARY: &str = "canary-4f9d1c";

struct Place {
    scratch: TempDir,
    path: PathBuf,
    entropy: SeededEntropy,
}

impl Place {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("secrets");
        Self { scratch, path, entropy: SeededEntropy::new(7) }
    }

    /// A store under "correct horse battery" with two secrets.
    fn filled(&mut self) -> SecretStore {
        let passphrase = phrase("correct horse battery");
        let holder = Holder::Passphrase(&passphrase, cheap());
        let mut store =
            SecretStore::create(&self.path, holder, &mut self.entropy).expect("a new store");
        for (name, label, value) in
            [("venue.key", "Main account", CANARY), ("venue.secret", "", "other value")]
        {
            let (created, value) = (on("2026-11-01"), bytes(value));
            store
                .put(NewSecret { name, label, created, value: &value }, &mut self.entropy)
                .expect("put in");
        }
        store
    }
}

fn open(path: &Path, text: &str) -> Result<SecretStore, Error> {
    let passphrase = phrase(text);
    SecretStore::open(path, Holder::Passphrase(&passphrase, Cost::DEFAULT))
}

fn value(store: &SecretStore, name: &str) -> Vec<u8> {
    store.get(name).expect("it is there").expose().clone()
}

#[test]
fn secrets_come_back_and_nothing_of_them_is_seen_outside() {
    let mut place = Place::new();
    let store = place.filled();
    let again = open(&place.path, "correct horse battery").expect("it opens");
    assert_eq!(value(&again, "venue.key"), CANARY.as_bytes());
    assert_eq!(again.list(), store.list());
    let listed = &again.list()[0];
    assert_eq!((listed.name.as_str(), listed.label.as_str()), ("venue.key", "Main account"));
    assert_eq!(listed.created, on("2026-11-01"));
    let mode = fs::metadata(&place.path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let file = fs::read_to_string(&place.path).expect("text");
    let hex = hex::encode(CANARY);
    let debug = format!("{again:?} {:?}", again.list());
    for seen in [file, debug] {
        assert!(!seen.contains(CANARY) && !seen.contains(&hex), "{seen}");
    }
    assert_eq!(fs::read_dir(place.scratch.path()).expect("it is there").count(), 1);
    assert!(matches!(again.get("none"), Err(Error::NoSecret { .. })));
}

#[test]
fn secrets_are_put_replaced_and_removed_by_name() {
    let mut place = Place::new();
    let mut store = place.filled();
    let before = store.list();
    let new = bytes("new");
    let secret = |name| NewSecret { name, label: "x", created: on("2026-11-29"), value: &new };
    let taken = store.put(secret("venue.key"), &mut place.entropy);
    assert!(matches!(taken, Err(Error::Taken { .. })));
    let absent = store.replace(secret("none"), &mut place.entropy);
    assert!(matches!(absent, Err(Error::NoSecret { .. })));
    let listed = store.replace(secret("venue.key"), &mut place.entropy).expect("replaced");
    assert_ne!(listed.fingerprint, before[0].fingerprint);
    let same = store.replace(secret("venue.secret"), &mut place.entropy).expect("replaced");
    assert_eq!(same.fingerprint, listed.fingerprint, "the same value");
    store.remove("venue.secret", &mut place.entropy).expect("removed");
    let again = open(&place.path, "correct horse battery").expect("it opens");
    assert_eq!((again.list().len(), value(&again, "venue.key")), (1, b"new".to_vec()));
}

#[test]
fn names_labels_and_lengths_are_bounded() {
    let mut place = Place::new();
    let mut store = place.filled();
    let mut check = |name: &str, label: &str, length: usize, works: bool| {
        let value = Secret::new(vec![0; length]);
        let secret = NewSecret { name, label, created: on("2026-11-29"), value: &value };
        let put = store.put(secret, &mut place.entropy);
        assert_eq!(put.is_ok(), works, "{name:?} {label:?} {length}: {put:?}");
    };
    check("a", "", 0, true);
    check("a.b-c_1", "Ä label, with signs", 1 << 14, true);
    check("", "", 1, false);
    check("A", "", 1, false);
    check("-a", "", 1, false);
    check("a b", "", 1, false);
    check("a\tb", "", 1, false);
    check("../a", "", 1, false);
    check(&"a".repeat(65), "", 1, false);
    check("b", "two\nlines", 1, false);
    check("b", "a\ttab", 1, false);
    check("b", &"x".repeat(121), 1, false);
    check("b", "", (1 << 14) + 1, false);
}

#[test]
fn a_passphrase_has_a_length_and_any_keyboard_writes_it() {
    let check = |text: &str, works: bool| {
        let passphrase = Passphrase::new(&Secret::new(text.to_owned()));
        assert_eq!(passphrase.is_ok(), works, "{text}");
    };
    check("elevenchars", false);
    check("twelve chars", true);
    check(&"ä".repeat(12), true);
    check(&"x".repeat(1025), false);
    let mut place = Place::new();
    let composed = phrase("passphrase \u{e9}");
    SecretStore::create(&place.path, Holder::Passphrase(&composed, cheap()), &mut place.entropy)
        .expect("a new store");
    assert!(open(&place.path, "passphrase e\u{301}").is_ok());
}

/// The file with its checksum made right again, as whoever edits it can.
fn consistent(text: &str) -> String {
    let body = &text[..=text.trim_end().rfind('\t').expect("an end line")];
    let sum = seal::sha256(body.as_bytes());
    format!("{body}{}\n", hex::encode(&sum[..16]))
}

#[test]
fn each_way_to_be_wrong_has_its_own_error() {
    let mut place = Place::new();
    place.filled();
    let whole = fs::read_to_string(&place.path).expect("text");
    let wrong = open(&place.path, "another passphrase").expect_err("wrong");
    assert!(matches!(wrong, Error::WrongPassphrase { .. }), "{wrong}");
    let lines: Vec<&str> = whole.lines().collect();
    let field = |line: &str, at: usize| line.split('\t').nth(at).expect("a field").to_owned();
    let check = |text: &str, part: &str| {
        fs::write(&place.path, text).expect("written");
        let error = open(&place.path, "correct horse battery").expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
        fs::write(&place.path, &whole).expect("written");
    };
    check("stockade-key/1\n", "does not begin with stockade-secrets/1");
    // Whoever edits without the key can compute the checksum, and is found out all the same.
    let without = |at: usize| {
        let kept = lines.iter().enumerate().filter(|(line, _)| *line != at);
        kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n") + "\n"
    };
    check(&consistent(&without(4)), "was altered by someone without the key");
    check(&consistent(&whole.replace("Main account", "Main  account")), "venue.key\" of");
    check(&consistent(&whole.replace("2026-11-01", "2026-11-02")), "venue.key\" of");
    check(&consistent(&whole.replace("venue.key", "venue.kez")), "venue.kez\" of");
    let (first, second) = (field(lines[4], 5), field(lines[5], 5));
    let swapped = whole.replace(&first, "@").replace(&second, &first).replace('@', &second);
    check(&consistent(&swapped), "was moved or altered");
    let salt = field(lines[2], 3);
    let other = salt.chars().rev().collect::<String>();
    check(&consistent(&whole.replace(&salt, &other)), "passphrase does not open");
    check(&consistent(&whole.replace("m=64", "m=4294967295")), "cannot be read");
    let key = field(lines[3], 1);
    let bent = format!("{}{}", &key[..key.len() - 1], if key.ends_with('0') { '1' } else { '0' });
    check(&consistent(&whole.replace(&key, &bent)), "was altered by someone without the key");
}

#[test]
fn an_entry_of_another_store_does_not_stand_in() {
    let (mut place, mut other) = (Place::new(), Place::new());
    other.entropy = SeededEntropy::new(8);
    place.filled();
    other.filled();
    let ours = fs::read_to_string(&place.path).expect("text");
    let theirs = fs::read_to_string(&other.path).expect("text");
    let entry = |text: &str| text.lines().nth(4).expect("an entry").to_owned();
    fs::write(&place.path, consistent(&ours.replace(&entry(&ours), &entry(&theirs))))
        .expect("written");
    let error = open(&place.path, "correct horse battery").expect_err("moved");
    assert!(matches!(error, Error::Moved { .. }), "{error}");
}

#[test]
fn every_truncation_is_told_and_every_flipped_byte_is_refused() {
    let mut place = Place::new();
    place.filled();
    let whole = fs::read(&place.path).expect("bytes");
    for length in 0..whole.len() {
        fs::write(&place.path, &whole[..length]).expect("written");
        let error = open(&place.path, "correct horse battery").expect_err("cut");
        assert!(matches!(error, Error::Truncated { .. }), "cut to {length}: {error}");
    }
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        fs::write(&place.path, &bent).expect("written");
        let error = open(&place.path, "correct horse battery").expect_err("bent");
        let expected = match error {
            Error::Foreword { .. } => at < 19,
            Error::Truncated { .. } => at + 1 == whole.len() || whole[at] == b'\n',
            Error::Edited { .. } => true,
            _ => false,
        };
        assert!(expected, "byte {at}: {error}");
    }
}

#[test]
fn a_store_that_others_can_read_is_refused_with_the_remedy() {
    let mut place = Place::new();
    place.filled();
    for mode in [0o640, 0o604, 0o644, 0o660] {
        fs::set_permissions(&place.path, Permissions::from_mode(mode)).expect("chmod");
        let error = open(&place.path, "correct horse battery").expect_err("exposed");
        assert!(matches!(error, Error::Exposed { mode: found, .. } if found == mode), "{error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    fs::remove_file(&place.path).expect("it is there");
    let error = open(&place.path, "correct horse battery").expect_err("gone");
    assert!(matches!(error, Error::Absent { .. }), "{error}");
}

#[test]
fn another_process_s_change_is_not_written_over() {
    let mut place = Place::new();
    let mut first = place.filled();
    let mut second = open(&place.path, "correct horse battery").expect("it opens");
    first.remove("venue.key", &mut place.entropy).expect("removed");
    let error = second.remove("venue.secret", &mut place.entropy).expect_err("changed");
    assert!(matches!(error, Error::Changed { .. }), "{error}");
    assert_eq!(second.list().len(), 2, "and this one is as it was");
    let passphrase = phrase("correct horse battery");
    let holder = Holder::Passphrase(&passphrase, cheap());
    let error = SecretStore::create(&place.path, holder, &mut place.entropy).expect_err("there");
    assert!(matches!(error, Error::Exists { .. }), "{error}");
}

#[test]
fn a_credential_or_a_key_file_holds_a_store_as_well() {
    let mut place = Place::new();
    let credential = place.scratch.path().join("credential");
    let write = |content: &[u8], mode: u32| {
        let _ = fs::remove_file(&credential);
        fs::write(&credential, content).expect("written");
        fs::set_permissions(&credential, Permissions::from_mode(mode)).expect("chmod");
    };
    let key_path = place.scratch.path().join("key");
    let key = KeyFile::open_or_create(&key_path, &mut place.entropy).expect("a key file");
    let passphrase = phrase("correct horse battery");
    let mut store = place.filled();
    write(&[9; 40], 0o400);
    let holders = [
        (Holder::Credential(&credential), HolderKind::Credential),
        (Holder::KeyFile(&key), HolderKind::KeyFile),
        (Holder::Passphrase(&passphrase, cheap()), HolderKind::Passphrase(cheap())),
    ];
    for (at, (holder, kind)) in holders.iter().enumerate() {
        store.change_holder(*holder, &mut place.entropy).expect("sealed anew");
        assert_eq!(SecretStore::holder_kind(&place.path).expect("it reads"), *kind);
        let again = SecretStore::open(&place.path, *holder).expect("it opens");
        assert_eq!(value(&again, "venue.key"), CANARY.as_bytes());
        assert_eq!(again.list(), store.list());
        let (other, _) = holders[(at + 1) % 3];
        let error = SecretStore::open(&place.path, other).expect_err("another kind");
        assert!(matches!(error, Error::OtherHolder { .. }), "{error}");
    }
    store.change_holder(holders[0].0, &mut place.entropy).expect("sealed anew");
    let check = |content: &[u8], mode: u32, part: &str| {
        write(content, mode);
        let opened = SecretStore::open(&place.path, Holder::Credential(&credential));
        match opened {
            Ok(_) => assert_eq!(part, "opens"),
            Err(error) => assert!(error.to_string().contains(part), "{error}"),
        }
    };
    check(&[9; 40], 0o440, "opens");
    check(&[8; 40], 0o400, "sealed under another systemd credential");
    check(&[9; 31], 0o400, "31 bytes");
    check(&[9; 40], 0o444, "chmod 600");
    check(&[9; 40], 0o460, "chmod 600");
    fs::remove_file(&credential).expect("it is there");
    let error =
        SecretStore::open(&place.path, Holder::Credential(&credential)).expect_err("no credential");
    assert!(error.to_string().contains("systemd-creds encrypt"), "{error}");
}

#[test]
fn the_old_passphrase_reads_no_new_file() {
    let mut place = Place::new();
    let mut store = place.filled();
    let old_key_line = |path: &Path| {
        let text = fs::read_to_string(path).expect("text");
        let lines: Vec<String> = text.lines().skip(2).take(2).map(str::to_owned).collect();
        (text, lines.join("\n"))
    };
    let (_, old) = old_key_line(&place.path);
    let new = phrase("a new passphrase");
    store.change_holder(Holder::Passphrase(&new, cheap()), &mut place.entropy).expect("changed");
    assert!(open(&place.path, "a new passphrase").is_ok());
    // The old wrapped key put back into the new file opens, and opens nothing.
    let (text, current) = old_key_line(&place.path);
    fs::write(&place.path, consistent(&text.replace(&current, &old))).expect("written");
    let error = open(&place.path, "correct horse battery").expect_err("another key");
    assert!(matches!(error, Error::Moved { .. }), "{error}");
}

/// M63: a wrong passphrase fails, and what is restored is the same byte for byte.
#[test]
fn a_backup_restores_byte_for_byte_under_another_holder() {
    let mut place = Place::new();
    let store = place.filled();
    let config: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let mut archive = Archive::default();
    archive.put("bot.yaml", Secret::new(config.clone())).expect("a name");
    archive.put("strategies/a.yaml", Secret::new(Vec::new())).expect("a name");
    store.export(&mut archive).expect("exported");
    let path = place.scratch.path().join("backup");
    let passphrase = phrase("of the backup alone");
    archive.write(&path, &passphrase, cheap(), &mut place.entropy).expect("written");
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let wrong = Archive::read(&path, &phrase("correct horse battery")).expect_err("wrong");
    assert!(matches!(wrong, Error::WrongPassphrase { .. }), "{wrong}");
    let back = Archive::read(&path, &passphrase).expect("it opens");
    assert_eq!(back.get("bot.yaml").map(|blob| blob.expose().clone()), Some(config));
    assert_eq!(back.get("strategies/a.yaml").map(|blob| blob.expose().len()), Some(0));
    let restored = place.scratch.path().join("restored");
    let new = phrase("of the new machine");
    let holder = Holder::Passphrase(&new, cheap());
    SecretStore::restore(&restored, &back, holder, &mut place.entropy).expect("restored");
    let again = open(&restored, "of the new machine").expect("it opens");
    let told = |store: &SecretStore| {
        let told = store.list().into_iter();
        told.map(|l| (value(store, &l.name), l.name, l.label, l.created)).collect::<Vec<_>>()
    };
    assert_eq!(told(&again), told(&store));
    let again = SecretStore::restore(&restored, &back, holder, &mut place.entropy);
    assert!(matches!(again, Err(Error::Exists { .. })), "nothing is written over");
}
