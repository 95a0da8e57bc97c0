//! An archive that is cut, edited or moved is refused, each for its own reason.

#![allow(clippy::indexing_slicing, reason = "tests bend bytes they know the length of")]

use kms::{Archive, Cost, Error, Passphrase};
use proptest::{collection::btree_map, prelude::*};
use seal::{Secret, SeededEntropy};

fn cheap() -> Cost {
    Cost::new(8, 1, 1).expect("within bounds")
}

fn phrase(text: &str) -> Passphrase {
    Passphrase::new(&Secret::new(text.to_owned())).expect("long enough")
}

fn sealed() -> Vec<u8> {
    let mut archive = Archive::default();
    archive.put("a/b.yaml", Secret::new(b"attack at dawn".to_vec())).expect("a name");
    archive.seal(&phrase("of the backup"), cheap(), &mut SeededEntropy::new(1))
}

fn open(bytes: &[u8]) -> Result<Archive, Error> {
    Archive::open(bytes, &phrase("of the backup"), "the archive")
}

#[test]
fn every_truncation_and_every_flipped_byte_is_refused() {
    let whole = sealed();
    assert!(open(&whole).is_ok());
    for length in 0..whole.len() {
        let error = open(&whole[..length]).expect_err("cut");
        assert!(matches!(error, Error::Truncated { .. }), "cut to {length}: {error}");
    }
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        let error = open(&bent).expect_err("bent");
        let expected = match error {
            Error::Foreword { .. } => at < 19,
            Error::Truncated { .. } => at < whole.len() - 80,
            Error::Edited { .. } => true,
            _ => false,
        };
        assert!(expected, "byte {at}: {error}");
    }
    let longer = [&whole[..], b"x"].concat();
    assert!(matches!(open(&longer), Err(Error::Edited { .. })));
    let wrong = Archive::open(&whole, &phrase("another passphrase"), "the archive");
    assert!(matches!(wrong, Err(Error::WrongPassphrase { .. })));
}

#[test]
fn a_name_leads_nowhere_else() {
    let check = |name: &str, works: bool| {
        let put = Archive::default().put(name, Secret::new(Vec::new()));
        assert_eq!(put.is_ok(), works, "{name:?}");
    };
    check("bot.yaml", true);
    check("strategies/Trend-1.yaml", true);
    check("", false);
    check("/etc/passwd", false);
    check("../bot.yaml", false);
    check("a/../../b", false);
    check("a//b", false);
    check("a/", false);
    check("./a", false);
    check("a\\b", false);
    check("a\u{0}b", false);
    check(&"a".repeat(201), false);
}

#[test]
fn more_than_the_limit_is_not_taken() {
    let mut archive = Archive::default();
    archive.put("a", Secret::new(vec![0; 60 << 20])).expect("below the limit");
    let error = archive.put("b", Secret::new(vec![0; 10 << 20])).expect_err("above it");
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    archive.put("a", Secret::new(Vec::new())).expect("in the place of the first");
    archive.put("b", Secret::new(vec![0; 10 << 20])).expect("there is room now");
}

proptest! {
    #[test]
    fn whatever_is_no_archive_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&bytes).is_err());
        prop_assert!(open(&[b"stockade-archive/1\n", &bytes[..]].concat()).is_err());
    }

    #[test]
    fn whatever_is_archived_comes_back(
        blobs in btree_map("[a-z]{1,8}(/[a-z0-9.]{1,8}x){0,2}", proptest::collection::vec(any::<u8>(), 0..300), 0..8),
        seed in any::<u64>(),
    ) {
        let mut archive = Archive::default();
        for (name, bytes) in &blobs {
            archive.put(name, Secret::new(bytes.clone())).expect("a name");
        }
        let passphrase = phrase("of the backup");
        let sealed = archive.seal(&passphrase, cheap(), &mut SeededEntropy::new(seed));
        let back = open(&sealed).expect("sealed a line above");
        let told: Vec<_> = back.blobs().map(|(n, b)| (n.to_owned(), b.expose().clone())).collect();
        prop_assert_eq!(told, blobs.into_iter().collect::<Vec<_>>());
    }
}
