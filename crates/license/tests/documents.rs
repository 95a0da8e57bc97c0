//! Signed documents: what is taken, what is refused and why.

#![allow(clippy::indexing_slicing, reason = "tests bend bytes they know the length of")]

use jiff::Timestamp;
use license::{
    CheckIn, Error, Lease, LeaseTerms, LicenseFile, Revocation, RevocationTerms, Term, Terms,
    issuer_from_text, issuer_id, issuer_to_text,
};
use proptest::prelude::*;
use seal::{Secret, SigningKey, VerifyingKey, sha256};

fn on(day: &str) -> Timestamp {
    format!("{day}T00:00:00Z").parse().expect("a date")
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_seed(&Secret::new([byte; 32]))
}

fn issuers() -> [VerifyingKey; 1] {
    [*key(1).verifying_key()]
}

fn terms() -> Terms {
    Terms {
        license: "lic-1".into(),
        edition: "pro".into(),
        entitlements: ["live", "paper"].map(str::to_owned).into(),
        instances: 2,
        issued: on("2026-11-29"),
        not_before: on("2026-12-01"),
        paid_until: on("2027-12-01"),
        hard_until: on("2028-01-01"),
        grace_hours: 72,
        term: Term::Paid,
        check_in: CheckIn::Lease,
        instance: Some(sha256(key(9).verifying_key().as_bytes())),
        policy: 1,
    }
}

#[test]
fn a_licence_says_what_was_signed_in_words() {
    let text = terms().sign(&key(1)).expect("these terms hold");
    let file = LicenseFile::verify(&text, &issuers()).expect("signed a line above");
    assert_eq!(*file.terms(), terms());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..4],
        ["stockade-license/1", "license: lic-1", "edition: pro", "entitlements: live, paper"]
    );
    assert_eq!(lines[7], "paid-until: 2027-12-01T00:00:00Z");
    assert_eq!(lines.len(), 16);
}

/// A file that was changed after it was issued is refused, whichever byte it was.
#[test]
fn every_flipped_or_missing_byte_is_refused() {
    let documents = [
        terms().sign(&key(1)).expect("these terms hold"),
        lease().sign(&key(1)).expect("this lease holds"),
        revocation().sign(&key(1)).expect("this revocation holds"),
    ];
    let read = |text: &str| {
        let taken = [
            LicenseFile::verify(text, &issuers()).is_ok(),
            Lease::verify(text, &issuers()).is_ok(),
            Revocation::verify(text, &issuers()).is_ok(),
        ];
        taken.iter().filter(|taken| **taken).count()
    };
    for whole in documents {
        assert_eq!(read(&whole), 1, "a document is of one kind");
        for at in 0..whole.len() {
            assert_eq!(read(&whole[..at]), 0, "cut to {at}");
            for bit in 0..8 {
                let mut bent = whole.clone().into_bytes();
                bent[at] ^= 1 << bit;
                let Ok(bent) = String::from_utf8(bent) else { continue };
                assert_eq!(read(&bent), 0, "byte {at}, bit {bit}");
            }
        }
        for more in ["\n", " ", "x: y\n"] {
            assert_eq!(read(&format!("{whole}{more}")), 0);
        }
        assert_eq!(read(&whole.replace('\n', "\r\n")), 0);
    }
}

#[test]
fn each_way_to_be_wrong_has_its_own_error() {
    let whole = terms().sign(&key(1)).expect("these terms hold");
    let check = |text: &str, part: &str| {
        let error = LicenseFile::verify(text, &issuers()).expect_err(part).to_string();
        assert!(error.contains(part), "{error}");
    };
    check("", "the first line is not stockade-license/1");
    check(&whole.replace("license/1", "license/2"), "first line is not");
    check(&whole.replace("edition: pro\n", ""), "line 3 should be `edition: …`");
    check(&whole.replace("instances: 2", "instances: 200"), "changed after it was issued");
    check(&format!("{whole}more: x\n"), "line 17 should be `the end of the file");
    check(&"x".repeat(9000), "9000 bytes");
    let theirs = terms().sign(&key(2)).expect("these terms hold");
    check(&theirs, &issuer_id(key(2).verifying_key()));
    // Under our key's name, but signed with theirs.
    let ids = [issuer_id(key(2).verifying_key()), issuer_id(key(1).verifying_key())];
    check(&theirs.replace(&ids[0], &ids[1]), "changed after it was issued");
    let file = LicenseFile::verify(&whole, &issuers()).expect("whole");
    assert!(file.clone().for_instance(key(9).verifying_key()).is_ok());
    let other = file.for_instance(key(8).verifying_key());
    assert_eq!(other.err(), Some(Error::OtherInstance));
}

#[test]
fn terms_that_contradict_themselves_are_not_signed() {
    let check = |change: &dyn Fn(&mut Terms), field: &str| {
        let mut terms = terms();
        change(&mut terms);
        match terms.sign(&key(1)) {
            Ok(_) => assert_eq!(field, "", "taken"),
            Err(error) => assert!(error.to_string().starts_with(field), "{error}"),
        }
    };
    check(&|_| {}, "");
    check(&|terms| terms.entitlements.clear(), "");
    check(&|terms| terms.instance = None, "");
    check(&|terms| terms.paid_until = terms.not_before, "paid-until");
    check(&|terms| terms.hard_until = on("2027-01-01"), "hard-until");
    check(&|terms| terms.grace_hours = 337, "grace-hours");
    check(&|terms| terms.instances = 0, "instances");
    check(&|terms| terms.license = "two words".into(), "license");
    check(&|terms| terms.license = "a\nedition: free".into(), "line 4");
    check(&|terms| terms.edition = String::new(), "edition");
    check(&|terms| terms.entitlements = ["a, B".to_owned()].into(), "entitlements");
}

fn lease() -> LeaseTerms {
    LeaseTerms {
        license: "lic-1".into(),
        instance: [3; 32],
        challenge: [4; 32],
        time: on("2026-12-05"),
        expires: on("2026-12-06"),
        epoch: 7,
    }
}

fn revocation() -> RevocationTerms {
    RevocationTerms { license: "lic-1".into(), time: on("2026-12-05"), epoch: 8 }
}

#[test]
fn a_lease_answers_one_question_and_lasts_two_days_at_most() {
    let text = lease().sign(&key(1)).expect("it holds");
    let read = Lease::verify(&text, &issuers()).expect("signed a line above");
    assert_eq!((read.terms(), read.text()), (&lease(), text.as_str()));
    assert!(read.clone().answering(&[4; 32]).is_ok());
    assert_eq!(read.answering(&[5; 32]).err(), Some(Error::OtherChallenge));
    let long = LeaseTerms { expires: on("2026-12-08"), ..lease() };
    assert!(long.sign(&key(1)).is_err());
    let backwards = LeaseTerms { expires: on("2026-12-04"), ..lease() };
    assert!(backwards.sign(&key(1)).is_err());
}

#[test]
fn an_issuer_s_key_is_text_in_a_configuration() {
    let public = *key(1).verifying_key();
    let text = issuer_to_text(&public);
    assert_eq!(issuer_from_text(&text), Ok(public));
    for wrong in ["", "ed25519:", "ed25519:00", &text[8..], &format!("{text}00")] {
        assert!(issuer_from_text(wrong).is_err(), "{wrong}");
    }
}

proptest! {
    #[test]
    fn whatever_is_no_licence_is_refused(text in "(stockade-license/1\n)?((license|edition|key|signature|x): \\PC{0,20}\n){0,6}\\PC{0,20}") {
        prop_assert!(LicenseFile::verify(&text, &issuers()).is_err());
        prop_assert!(Lease::verify(&text, &issuers()).is_err());
    }
}
