//! Signatures that two serialisers made which share no code with ours, nor with one another: `vectors/sign.mjs` by an
//! engine of ECMAScript, `vectors/sign.py` without one.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a test of files in the repository"
)]

use aws_lc_rs::hmac;
use payments::{
    Error,
    nowpayments::{IpnSecret, Kind, Notice},
};
use seal::Secret;
use serde::Deserialize;
use std::{collections::BTreeSet, path::Path};

#[derive(Deserialize)]
struct Vectors {
    secret: String,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    want: String,
    by: String,
    signature: String,
    sent: String,
}

fn vectors() -> Vectors {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/nowpayments.json");
    let text = std::fs::read_to_string(file).expect("the vectors are in the repository");
    serde_json::from_str(&text).expect("vectors")
}

impl Vectors {
    fn secret(&self) -> IpnSecret {
        IpnSecret::new(&Secret::new(self.secret.clone().into_bytes())).expect("a secret")
    }
}

#[test]
fn what_the_processor_signs_is_believed_and_nothing_else_is() {
    let vectors = vectors();
    let secret = vectors.secret();
    let (mut accepted, mut refused) = (0, 0);
    for case in &vectors.cases {
        let found = Notice::verify(case.sent.as_bytes(), &case.signature, &secret);
        let name = &case.name;
        if case.want == "accept" {
            accepted += 1;
            found.unwrap_or_else(|error| panic!("{name}: {error}"));
            // Its own signature and no other, in whatever letters.
            let upper = case.signature.to_uppercase();
            Notice::verify(case.sent.as_bytes(), &upper, &secret).expect(name);
            let mut other = case.signature.clone();
            other.replace_range(..1, if other.starts_with('0') { "1" } else { "0" });
            let refusal = Notice::verify(case.sent.as_bytes(), &other, &secret);
            assert_eq!(refusal, Err(Error::Signature), "{name}");
        } else {
            refused += 1;
            assert!(found.is_err(), "{name}: {found:?}");
        }
    }
    assert!(accepted >= 20 && refused >= 30, "{accepted} accepted, {refused} refused");
    let ways: BTreeSet<&str> = vectors.cases.iter().map(|case| case.by.as_str()).collect();
    assert!(ways.contains("replacer") && ways.contains("bytes") && ways.contains("library"));
}

/// Whatever byte is altered, and to whatever: nothing is believed, unless the notice is the same one.
#[test]
fn no_altered_byte_gets_through() {
    let vectors = vectors();
    let secret = vectors.secret();
    let case = vectors.cases.iter().find(|case| case.name.contains("nested fee")).expect("a case");
    let genuine = Notice::verify(case.sent.as_bytes(), &case.signature, &secret).expect("genuine");
    let mut tried = 0;
    for place in 0..case.sent.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut altered = case.sent.clone().into_bytes();
            let byte = altered.get_mut(place).expect("a byte");
            *byte ^= flip;
            tried += 1;
            if let Ok(notice) = Notice::verify(&altered, &case.signature, &secret) {
                let shown = String::from_utf8_lossy(&altered).into_owned();
                assert_eq!(notice, genuine, "{shown}");
            }
        }
    }
    assert!(tried > 1000, "{tried}");
}

/// What most integrations copy from the documents: a fee that is another one is as well signed as the genuine one.
#[test]
fn a_weak_receiver_lets_a_changed_fee_through() {
    let vectors = vectors();
    let changed = vectors.cases.iter().find(|case| case.name.contains("the fee is another"));
    let changed = changed.expect("a case");
    let value: serde_json::Value = serde_json::from_str(&changed.sent).expect("JSON");
    // The list of the first level's keys is applied at every level, and none of the fee's is among them.
    let known: BTreeSet<&String> = value.as_object().expect("an object").keys().collect();
    let mut filtered = value.clone();
    let fee = filtered["fee"].as_object_mut().expect("an object");
    fee.retain(|key, _| known.contains(key));
    let key = hmac::Key::new(hmac::HMAC_SHA512, vectors.secret.as_bytes());
    let text = serde_json::to_string(&filtered).expect("JSON");
    assert_eq!(hex::encode(hmac::sign(&key, text.as_bytes())), changed.signature, "{text}");
    let refusal = Notice::verify(changed.sent.as_bytes(), &changed.signature, &vectors.secret());
    assert_eq!(refusal, Err(Error::Signature));
}

#[test]
fn vectors_are_read_as_what_they_are() {
    let vectors = vectors();
    let secret = vectors.secret();
    let read = |name: &str| {
        let case = vectors.cases.iter().find(|case| case.name == name).expect(name);
        Notice::verify(case.sent.as_bytes(), &case.signature, &secret).expect(name)
    };
    assert_eq!(read("a withdrawal").kind, Kind::Withdrawal);
    assert_eq!(read("a movement between kept accounts").kind, Kind::Custody);
    assert_eq!(read("an empty object").kind, Kind::Other);
    let example = read("the documents' example with its nested fee");
    assert!(example.is_hint(), "it hangs on another payment");
    let other = read("the same in other order and with blanks");
    assert_eq!(other.digest, example.digest);
    let unknown = read("a status that nobody knows");
    assert_eq!((unknown.status.as_deref(), unknown.standing()), (Some("wrong_asset"), None));
    let small = read("a very small amount");
    assert_eq!(small.due.amount.expect("an amount").to_string(), "0.0000001");
    assert_eq!(read("digits that a double loses").unread, ["payment_id"]);
}

/// Each line of `numbers.txt` is a literal and the text that an engine makes of it; a body that holds the one is
/// signed by the other.
#[test]
fn numbers_are_written_as_engines_write_them() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/numbers.txt");
    let text = std::fs::read_to_string(file).expect("the numbers are in the repository");
    let vectors = vectors();
    let (secret, mut read) = (vectors.secret(), 0);
    let key = hmac::Key::new(hmac::HMAC_SHA512, vectors.secret.as_bytes());
    for line in text.lines() {
        let (literal, written) = line.split_once(' ').expect("two texts");
        let body = format!("{{ \"x\": {literal} }}");
        let tag = hmac::sign(&key, format!("{{\"x\":{written}}}").as_bytes());
        Notice::verify(body.as_bytes(), &hex::encode(tag), &secret).expect(line);
        read += 1;
    }
    assert!(read > 300, "{read}");
}
