//! The ring of keys: what it is wrapped under, what it refuses, and how it survives.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "tests read, bend and write files, and kill themselves"
)]

use jiff::Timestamp;
use kms::{
    Cost, Error, Holder, KeyFile, KeyRing, Passphrase, Purpose, RingFile, Root, SoftRoot,
    SystemEntropy,
};
use seal::{Aad, Identity, Secret, SeededEntropy, sha256};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

const PLACE: Aad<'static> = Aad { tenant: "t", table: "t", row: "1", column: "c", kind: "text" };

struct Place {
    scratch: TempDir,
    entropy: SeededEntropy,
}

impl Place {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a directory");
        Self { scratch, entropy: SeededEntropy::new(1) }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn key_file(&self) -> KeyFile {
        let path = self.at("stockade.key");
        KeyFile::open_or_create(&path, &mut SeededEntropy::new(2)).expect("a key file")
    }

    /// A ring of what is derived from the key file, wrapped under the same.
    fn ring(&mut self, recovery: Option<&Identity>) -> (SoftRoot, KeyRing, RingFile) {
        let file = self.key_file();
        let root = SoftRoot::new(Holder::KeyFile(&file), None, &mut self.entropy).expect("a root");
        let ring = KeyRing::of_file(&file);
        let to = recovery.map(Identity::recipient);
        let path = self.at("ring");
        let made = RingFile::create(&path, &ring, (&root, to), day(1), &mut self.entropy);
        (root, ring, made.expect("a new ring"))
    }

    /// The root of the ring as it is on disk.
    fn root(&mut self) -> SoftRoot {
        let (file, head) = (self.key_file(), RingFile::head(&self.at("ring")).expect("a head"));
        SoftRoot::new(Holder::KeyFile(&file), Some(&head), &mut self.entropy).expect("a root")
    }

    /// Edits the ring as somebody would who knows the format and no key.
    fn edit(&self, change: impl FnOnce(&mut Vec<String>)) {
        let text = fs::read_to_string(self.at("ring")).expect("text");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let end = lines.pop().expect("an end");
        change(&mut lines);
        let mac = end.split('\t').nth(1).expect("a code");
        let body = format!("{}\nend\t{mac}\t", lines.join("\n"));
        let checksum = hex::encode(sha256(body.as_bytes()));
        fs::write(self.at("ring"), format!("{body}{}\n", &checksum[..32])).expect("written");
    }
}

fn day(number: i64) -> Timestamp {
    Timestamp::from_second(number * 86_400).expect("a time")
}

fn same(a: &KeyRing, b: &KeyRing) -> bool {
    Purpose::ALL.into_iter().all(|purpose| {
        let signed = a.signing(purpose).sign(b"m") == b.signing(purpose).sign(b"m");
        let tagged = a.mac(purpose).tag(&[b"m"]) == b.mac(purpose).tag(&[b"m"]);
        signed && tagged && a.sealing(purpose).id() == b.sealing(purpose).id()
    })
}

#[test]
fn a_ring_has_the_keys_it_was_made_of_under_every_holder_of_this_machine() {
    let mut place = Place::new();
    let credential = place.at("credential");
    fs::write(&credential, [7; 32]).expect("written");
    fs::set_permissions(&credential, fs::Permissions::from_mode(0o400)).expect("chmod");
    let phrase = Passphrase::new(&Secret::new("correct horse battery".to_owned())).expect("long");
    let cost = Cost::new(64, 1, 1).expect("within bounds");
    let file = place.key_file();
    let ring = KeyRing::of_file(&file);
    let holders = [
        Holder::KeyFile(&file),
        Holder::Passphrase(&phrase, cost),
        Holder::Credential(&credential),
    ];
    for (number, holder) in holders.into_iter().enumerate() {
        let path = place.at(&format!("ring-{number}"));
        let root = SoftRoot::new(holder, None, &mut place.entropy).expect("a root");
        RingFile::create(&path, &ring, (&root, None), day(1), &mut place.entropy).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let head = RingFile::head(&path).expect("a head");
        // The cost is the ring's, whatever is usual today.
        let holder = match holder {
            Holder::Passphrase(phrase, _) => Holder::Passphrase(phrase, Cost::DEFAULT),
            other => other,
        };
        let root = SoftRoot::new(holder, Some(&head), &mut place.entropy).expect("a root");
        let (_, again) = RingFile::open(&path, &root).expect("opens");
        assert!(same(&ring, &again));
        assert!(!root.attest().expect("it says so").is_met());
        let text = fs::read_to_string(&path).expect("text");
        assert!(!format!("{root:?} {again:?} {text}").contains("correct horse"));
    }
}

#[test]
fn another_root_key_does_not_open_a_ring() {
    let mut place = Place::new();
    place.ring(None);
    let other = KeyFile::open_or_create(&place.at("other.key"), &mut SeededEntropy::new(9));
    let other = other.expect("a key file");
    let head = RingFile::head(&place.at("ring")).expect("a head");
    let root = SoftRoot::new(Holder::KeyFile(&other), Some(&head), &mut place.entropy);
    let error = RingFile::open(&place.at("ring"), &root.expect("a root")).expect_err("another");
    assert!(matches!(error, Error::OtherRoot { .. }), "{error}");
}

/// What may stand where in a line of keys: `key PURPOSE VERSION CREATED ROOT WRAPPED RECOVERABLE`.
fn swap(lines: &mut [String], a: usize, b: usize, field: usize) {
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    let (mut first, mut second) = (fields(&lines[a]), fields(&lines[b]));
    std::mem::swap(&mut first[field], &mut second[field]);
    (lines[a], lines[b]) = (first.join("\t"), second.join("\t"));
}

#[test]
fn a_ring_that_was_edited_without_the_root_key_does_not_open() {
    let check = |change: &dyn Fn(&mut Vec<String>), wanted: fn(&Error) -> bool| {
        let mut place = Place::new();
        let (root, ..) = place.ring(None);
        place.edit(change);
        let error = RingFile::open(&place.at("ring"), &root).expect_err("edited");
        assert!(wanted(&error), "{error}");
    };
    let misplaced: fn(&Error) -> bool = |error| matches!(error, Error::Misplaced { .. });
    let altered: fn(&Error) -> bool = |error| matches!(error, Error::Altered { .. });
    let edited: fn(&Error) -> bool = |error| matches!(error, Error::Edited { .. });
    // Lines 0 to 3 are the head, 4 is the ring's own key, 5 and 6 the first two purposes.
    check(&|lines| swap(lines, 5, 6, 5), misplaced);
    check(&|lines| swap(lines, 5, 6, 1), misplaced);
    check(&|lines| lines[5] = lines[5].replacen("\t1\t", "\t2\t", 1), misplaced);
    check(&|lines| lines[1] = format!("ring\t{}", "0".repeat(32)), misplaced);
    check(&|lines| drop(lines.remove(6)), altered);
    check(&|lines| lines.swap(5, 6), altered);
    check(&|lines| lines[5] = lines[5].replace("1970-01-02", "1970-01-03"), altered);
    check(&|lines| lines.push(lines[6].clone()), altered);
    check(&|lines| lines[5].push('0'), edited);
    check(&|lines| lines.push("note\thello".to_owned()), edited);
}

#[test]
fn a_ring_that_is_cut_or_bent_is_told_from_one_that_was_edited() {
    let mut place = Place::new();
    let (root, ..) = place.ring(None);
    let whole = fs::read(place.at("ring")).expect("bytes");
    for length in (0..whole.len()).step_by(97) {
        fs::write(place.at("ring"), &whole[..length]).expect("written");
        assert!(RingFile::open(&place.at("ring"), &root).is_err(), "cut to {length}");
    }
    for at in (0..whole.len()).step_by(41) {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        fs::write(place.at("ring"), &bent).expect("written");
        assert!(RingFile::open(&place.at("ring"), &root).is_err(), "byte {at}");
    }
    fs::write(place.at("ring"), "a shopping list\n").expect("written");
    let error = RingFile::open(&place.at("ring"), &root).expect_err("no ring");
    assert!(matches!(error, Error::Foreword { .. }), "{error}");
}

#[test]
fn the_offline_identity_opens_a_ring_whose_root_key_is_lost() {
    let mut place = Place::new();
    let identity = Identity::generate(&mut SeededEntropy::new(40));
    let stranger = Identity::generate(&mut SeededEntropy::new(41));
    let (_, ring, _) = place.ring(Some(&identity));
    let path = place.at("ring");
    fs::remove_file(place.at("stockade.key")).expect("lost");
    let error = RingFile::recover(&path, &stranger).expect_err("a stranger");
    assert!(matches!(error, Error::NoRecovery { .. }), "{error}");
    let (mut file, again) = RingFile::recover(&path, &identity).expect("recovered");
    assert!(same(&ring, &again));
    // Under a new root the ring goes on as before, and the stranger is its recipient from now on.
    let fresh = KeyFile::open_or_create(&place.at("new.key"), &mut SeededEntropy::new(42));
    let fresh = fresh.expect("a key file");
    let root = SoftRoot::new(Holder::KeyFile(&fresh), None, &mut place.entropy).expect("a root");
    let to = Some(stranger.recipient());
    file.rewrap(&again, (&root, to), &mut place.entropy).expect("rewrapped");
    assert!(same(&ring, &RingFile::open(&path, &root).expect("opens").1));
    assert!(RingFile::recover(&path, &identity).is_err());
    assert!(RingFile::recover(&path, &stranger).is_ok());
    // The weak twin: a ring without a recipient is gone with its root key.
    let mut bare = Place::new();
    bare.ring(None);
    let error = RingFile::recover(&bare.at("ring"), &identity).expect_err("nothing to open");
    assert!(matches!(error, Error::NoRecovery { .. }), "{error}");
}

#[test]
fn new_keys_seal_and_the_older_ones_still_open() {
    let mut place = Place::new();
    let (root, mut ring, mut file) = place.ring(None);
    let old = ring.sealing(Purpose::Accounts);
    let sealed = old.seal(&PLACE, b"x", &mut place.entropy);
    let digest = file.digest();
    let advance =
        |file: &mut RingFile, ring: &mut KeyRing, purpose, entropy: &mut SeededEntropy| {
            file.advance(purpose, (ring, &root), day(2), entropy)
        };
    let version = advance(&mut file, &mut ring, Purpose::Accounts, &mut place.entropy);
    assert_eq!(version.expect("another"), 2);
    assert_ne!(file.digest(), digest);
    let (_, again) = RingFile::open(&place.at("ring"), &root).expect("opens");
    for ring in [&ring, &again] {
        assert_ne!(ring.sealing(Purpose::Accounts).id(), old.id());
        assert_eq!(ring.version(Purpose::Accounts), 2);
        let retired = ring.retired(Purpose::Accounts);
        let opened = retired.iter().find_map(|key| key.open(&PLACE, &sealed).ok());
        assert_eq!(opened.expect("an older key opens it").expose(), b"x");
        assert!(ring.sealing(Purpose::Accounts).open(&PLACE, &sealed).is_err());
    }
    for purpose in Purpose::ALL.into_iter().filter(|purpose| *purpose != Purpose::Accounts) {
        let refused = advance(&mut file, &mut ring, purpose, &mut place.entropy);
        assert!(matches!(refused, Err(Error::Lasting { .. })), "{}", purpose.name());
    }
}

#[test]
fn a_root_of_this_machine_turns_and_what_it_wrapped_before_is_of_no_use() {
    let mut place = Place::new();
    let (root, ring, mut file) = place.ring(None);
    let before = fs::read(place.at("ring")).expect("bytes");
    assert_eq!(root.rotate(&mut place.entropy).expect("turns"), 2);
    file.rewrap(&ring, (&root, None), &mut place.entropy).expect("rewrapped");
    let again = place.root();
    assert!(same(&ring, &RingFile::open(&place.at("ring"), &again).expect("opens").1));
    // Each key was made on its own day, and still was.
    assert!(file.lines().iter().all(|line| line.created == day(1) && line.root == 2));
    fs::write(place.at("ring"), before).expect("put back");
    assert!(RingFile::open(&place.at("ring"), &again).is_err());
}

#[test]
fn of_two_that_write_at_once_one_is_told() {
    let mut place = Place::new();
    let (root, mut ring, mut first) = place.ring(None);
    let (mut second, mut other) = RingFile::open(&place.at("ring"), &root).expect("opens");
    let accounts = Purpose::Accounts;
    first.advance(accounts, (&mut ring, &root), day(2), &mut place.entropy).expect("the first");
    let late = second.advance(accounts, (&mut other, &root), day(2), &mut place.entropy);
    assert!(matches!(late, Err(Error::Changed { .. })));
    assert_eq!(other.version(accounts), 1, "what was not written is not used");
}

const CHILD: &str = "STOCKADE_TESTS_RING";

/// The child: turns and rewraps until it is killed.
#[test]
fn child_that_rewraps_until_it_is_killed() {
    let Ok(directory) = std::env::var(CHILD) else { return };
    let directory = Path::new(&directory);
    let (mut entropy, path) = (SystemEntropy::new(), directory.join("ring"));
    let file = KeyFile::open(&directory.join("stockade.key")).expect("a key file");
    let head = RingFile::head(&path).expect("a head");
    let root = SoftRoot::new(Holder::KeyFile(&file), Some(&head), &mut entropy).expect("a root");
    let (mut ring_file, mut ring) = RingFile::open(&path, &root).expect("opens");
    let mut out = std::io::stdout();
    loop {
        root.rotate(&mut entropy).expect("turns");
        ring_file.rewrap(&ring, (&root, None), &mut entropy).expect("rewrapped");
        if ring.version(Purpose::Accounts) < 150 {
            let keys = (&mut ring, &root as &dyn Root);
            ring_file.advance(Purpose::Accounts, keys, day(2), &mut entropy).expect("another");
        }
        writeln!(out, "kept {}", ring.version(Purpose::Accounts)).expect("the parent listens");
        out.flush().expect("the parent listens");
    }
}

#[test]
fn a_ring_killed_at_any_moment_is_the_one_of_before_or_of_after() {
    let mut place = Place::new();
    let (_, ring, _) = place.ring(None);
    let log = ring.signing(Purpose::AuditLog).sign(b"m");
    let mut reported = 0;
    for round in 0..6_usize {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "child_that_rewraps_until_it_is_killed", "--nocapture"])
            .env(CHILD, place.scratch.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let kept = lines.map_while(Result::ok).filter_map(|line| {
            line.split_once("kept ").and_then(|(_, number)| number.parse::<u32>().ok())
        });
        for number in kept.take(round + 1) {
            reported = number;
        }
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let root = place.root();
        let (_, again) = RingFile::open(&place.at("ring"), &root).expect("whole");
        assert!(again.version(Purpose::Accounts) >= reported, "round {round}");
        assert_eq!(again.signing(Purpose::AuditLog).sign(b"m"), log);
    }
}

#[test]
fn after_a_restore_other_keys_sign_the_log_and_cosign_and_the_rest_stay() {
    let ring = || KeyRing::generate(&mut SeededEntropy::new(7));
    let public = |ring: &KeyRing, purpose| *ring.signing(purpose).verifying_key().as_bytes();
    let eras: Vec<KeyRing> = [0, 3_735_928_559, 2].map(|era| ring().of_era(era)).into();
    for purpose in Purpose::ALL {
        let keys: Vec<_> = eras.iter().map(|ring| public(ring, purpose)).collect();
        if matches!(purpose, Purpose::AuditLog | Purpose::Witness) {
            // One more restore is one more key: no two logs of an installation are under the same.
            assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2], "{purpose:?}");
        } else {
            assert!(keys.iter().all(|key| *key == keys[0]), "{purpose:?}");
        }
        // What is sealed opens in every era.
        let sealed = eras[0].sealing(purpose).seal(&PLACE, b"kept", &mut SeededEntropy::new(8));
        let opened = eras[2].sealing(purpose).open(&PLACE, &sealed).expect("opens");
        assert_eq!(opened.expose(), b"kept");
    }
    assert_eq!(public(&ring().of_era(2), Purpose::AuditLog), public(&eras[2], Purpose::AuditLog));
    assert_eq!((ring().era(), eras[2].era()), (0, 2));
}
