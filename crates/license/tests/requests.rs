//! What an instance asks: signed by its own key, whole, and by nobody else's.

#![allow(clippy::indexing_slicing, reason = "tests bend bytes they know the length of")]

use jiff::Timestamp;
use license::{Activation, Check, Error, Question, issuer_to_text};
use seal::{Secret, SigningKey};

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]))
}

fn question() -> Question {
    Question {
        license: "lic-1".into(),
        version: "1.2.3-rc+7".into(),
        boots: 4,
        challenge: [5; 32],
        time: "2026-12-05T08:00:00Z".parse::<Timestamp>().expect("a time"),
    }
}

#[test]
fn a_request_says_what_was_signed_and_nothing_of_the_machine() {
    let text = question().activate(&key(9)).expect("signs");
    let asked = Activation::verify(&text).expect("signed a line above");
    assert_eq!((asked.question(), asked.instance()), (&question(), key(9).verifying_key()));
    let text = question().check("ins-7", &key(9)).expect("signs");
    assert_eq!(Check::claimed(&text), Ok(("lic-1", "ins-7")));
    let asked = Check::verify(&text, key(9).verifying_key()).expect("signed a line above");
    assert_eq!((asked.question(), asked.instance()), (&question(), "ins-7"));
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    assert_eq!(
        names,
        ["license", "instance", "version", "boots", "challenge", "time", "key", "signature"]
    );
}

#[test]
fn every_flipped_or_missing_byte_is_refused() {
    let activation = question().activate(&key(9)).expect("signs");
    let check = question().check("ins-7", &key(9)).expect("signs");
    let taken = |text: &str| {
        let as_check = Check::verify(text, key(9).verifying_key()).is_ok();
        usize::from(Activation::verify(text).is_ok()) + usize::from(as_check)
    };
    for whole in [activation, check] {
        assert_eq!(taken(&whole), 1, "a request is of one kind");
        for at in 0..whole.len() {
            assert_eq!(taken(&whole[..at]), 0, "cut to {at}");
            for bit in 0..8 {
                let mut bent = whole.clone().into_bytes();
                bent[at] ^= 1 << bit;
                let Ok(bent) = String::from_utf8(bent) else { continue };
                assert_eq!(taken(&bent), 0, "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn a_request_of_another_key_is_nobodys() {
    let theirs = question().check("ins-7", &key(8)).expect("signs");
    let refused = Check::verify(&theirs, key(9).verifying_key());
    assert_eq!(refused.err(), Some(Error::NotTheInstance));
    // Who puts another's key into a request cannot sign it.
    let mine = question().activate(&key(9)).expect("signs");
    let swapped = mine
        .replace(&issuer_to_text(key(9).verifying_key()), &issuer_to_text(key(8).verifying_key()));
    assert_eq!(Activation::verify(&swapped).err(), Some(Error::NotTheInstance));
    for bad in ["", "license: lic-1", "license: LIC\ninstance: ins-7", "license: a\ninstance: -"] {
        assert!(Check::claimed(bad).is_err(), "{bad:?}");
    }
    let check = |change: &dyn Fn(&mut Question), field: &str| {
        let mut question = question();
        change(&mut question);
        let error = question.check("ins-7", &key(9)).expect_err(field).to_string();
        assert!(error.starts_with(field), "{error}");
    };
    check(&|question| question.version = "1 2".into(), "version");
    check(&|question| question.version = "1".repeat(65), "version");
    check(&|question| question.license = "Lic".into(), "license");
}
