//! A selection of Project Wycheproof's cases, and RFC 8032's first.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests read vectors of known shape"
)]

use seal::{Secret, SigningKey, VerifyingKey, hkdf_sha256, hmac_sha256};
use serde_json::Value;

fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).expect("vectors are JSON");
    let tests = file["tests"].as_array().expect("vectors have tests").clone();
    assert!(tests.len() > 5, "a selection is not empty");
    tests
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(case[field].as_str().expect("a field of hex")).expect("hex")
}

fn valid(case: &Value) -> bool {
    case["result"] == "valid"
}

#[test]
fn ed25519_accepts_the_valid_and_refuses_the_rest() {
    for case in cases(include_str!("vectors/ed25519.json")) {
        let key = VerifyingKey::from_bytes(&bytes(&case, "pk")).expect("32 bytes");
        let verdict = key.verify(&bytes(&case, "msg"), &bytes(&case, "sig"));
        assert_eq!(verdict.is_ok(), valid(&case), "{case}");
    }
}

#[test]
fn ed25519_signs_as_rfc_8032_says() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed: [u8; 32] = hex::decode(seed).expect("hex").try_into().expect("32 bytes");
    let key = SigningKey::from_seed(&Secret::new(seed));
    assert_eq!(
        format!("{key:?}"),
        "SigningKey(d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a)"
    );
    let signature = key.sign(b"");
    assert_eq!(
        hex::encode(signature),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    );
    assert_eq!(key.verifying_key().verify(b"", &signature), Ok(()));
    assert_eq!(key.verifying_key().verify(b"x", &signature), Err(seal::Error::Signature));
    let pkcs8 = key.to_pkcs8();
    assert!(pkcs8.expose().windows(32).any(|window| window == seed), "the seed is inside");
}

#[test]
fn hmac_yields_the_valid_tags_only() {
    for case in cases(include_str!("vectors/hmac_sha256.json")) {
        let tag = bytes(&case, "tag");
        let ours = hmac_sha256(&bytes(&case, "key"), &bytes(&case, "msg"));
        assert_eq!(ours[..tag.len()] == tag, valid(&case), "{case}");
    }
}

#[test]
fn hkdf_yields_the_valid_keys() {
    let mut checked = 0;
    for case in cases(include_str!("vectors/hkdf_sha256.json")).iter().filter(|case| valid(case)) {
        let expected = bytes(case, "okm");
        let [ikm, salt, info] = ["ikm", "salt", "info"].map(|field| bytes(case, field));
        // HKDF's output for a shorter length is a prefix of that for a longer one.
        let ours = hkdf_sha256::<200>(&ikm, &salt, &info);
        assert_eq!(ours.expose()[..expected.len()], expected, "{case}");
        checked += 1;
    }
    assert!(checked > 5);
}
