//! Access tokens: every confusion that JWT is known for, and a peer that reads ours.

mod world;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{AccessKeys, DeviceCookie, Error, RefreshToken, TokenCache, TokenFault};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use seal::{SeededEntropy, hmac_sha256};
use serde_json::{Value, json};
use world::{at, keys, mac, opened, signing};

fn issued(keys: &AccessKeys, now: Timestamp) -> String {
    let (opened, state) = opened(at(0), 1);
    let token = keys.issue(&opened.session, &state, now, &mut SeededEntropy::new(5));
    token.text.expose().clone()
}

fn parts(token: &str) -> (Value, Value) {
    let part = |n| {
        let text = token.split('.').nth(n).expect("three parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64")).expect("JSON")
    };
    (part(0), part(1))
}

/// Signs whatever is given with our own key: only the content is wrong.
fn signed(header: &Value, payload: &Value) -> String {
    let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let text = format!("{}.{}", encode(header), encode(payload));
    let signature = signing(1).sign(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn with(value: &Value, key: &str, new: Value) -> Value {
    let mut value = value.clone();
    if new.is_null() {
        value.as_object_mut().expect("an object").remove(key);
    } else {
        value.as_object_mut().expect("an object").insert(key.to_owned(), new);
    }
    value
}

fn fault(token: &str, now: Timestamp) -> Option<TokenFault> {
    match keys(1).verify(token, now) {
        Ok(_) => None,
        Err(Error::Token(fault)) => Some(fault),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_token_says_who_and_until_when() {
    let (opened, state) = opened(at(0), 1);
    let keys = keys(1);
    let token = keys.issue(&opened.session, &state, at(5), &mut SeededEntropy::new(5));
    let verified = keys.verify(token.text.expose(), at(6)).expect("ours");
    let claims = verified.claims();
    assert_eq!((claims.account, claims.session), (state.account, opened.session.id));
    assert_eq!((claims.issued, claims.expires, claims.epoch), (at(5), at(605), 0));
    assert_eq!(token.expires, at(605));
    assert!(token.text.expose().len() < 800, "a cookie holds 4096 bytes");
    assert!(!format!("{token:?}").contains(token.text.expose()));
    let (header, payload) = parts(token.text.expose());
    let names = |v: &Value| v.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&header), ["alg", "kid", "typ"]);
    assert_eq!(
        names(&payload),
        ["aud", "epoch", "exp", "iat", "iss", "jti", "proven", "sid", "sub"]
    );
}

#[test]
fn header_confusion_is_refused() {
    let (header, payload) = parts(&issued(&keys(1), at(0)));
    let check = |key: &str, new: Value, want: Option<TokenFault>| {
        let token = signed(&with(&header, key, new.clone()), &payload);
        assert_eq!(fault(&token, at(1)), want, "{key}: {new}");
    };
    for alg in ["none", "None", "HS256", "RS256", "ES256", "Ed25519", "eddsa", "EdDSA ", ""] {
        check("alg", json!(alg), Some(TokenFault::Algorithm));
    }
    check("alg", Value::Null, Some(TokenFault::Malformed));
    check("alg", json!(["EdDSA"]), Some(TokenFault::Malformed));
    for typ in ["JWT", "AT+JWT", "application/at+jwt", "rt+jwt", ""] {
        check("typ", json!(typ), Some(TokenFault::Type));
    }
    check("typ", Value::Null, Some(TokenFault::Malformed));
    for kid in ["", "1", "../../key", "' OR 1=1 --"] {
        check("kid", json!(kid), Some(TokenFault::Key));
    }
    check("kid", Value::Null, Some(TokenFault::Malformed));
    check("crit", json!(["b64"]), Some(TokenFault::Critical));
    // Without effect: the key is the one that `kid` names, whatever else is claimed.
    check("jku", json!("https://evil.example/jwks"), None);
    check("x5u", json!("https://evil.example/cert"), None);
    check("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}), None);
}

#[test]
fn a_key_that_a_token_brings_along_is_not_used() {
    let (header, payload) = parts(&issued(&keys(1), at(0)));
    let own = URL_SAFE_NO_PAD.encode(signing(9).verifying_key().as_bytes());
    let header = with(&header, "jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": own}));
    let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    let text = format!("{}.{}", encode(&header), encode(&payload));
    let signature = URL_SAFE_NO_PAD.encode(signing(9).sign(text.as_bytes()));
    assert_eq!(fault(&format!("{text}.{signature}"), at(1)), Some(TokenFault::Signature));
}

#[test]
fn our_public_key_is_no_shared_secret() {
    let (header, payload) = parts(&issued(&keys(1), at(0)));
    let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
    for alg in ["HS256", "EdDSA"] {
        let text = format!("{}.{}", encode(&with(&header, "alg", json!(alg))), encode(&payload));
        let tag = hmac_sha256(signing(1).verifying_key().as_bytes(), text.as_bytes());
        let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag));
        assert!(fault(&token, at(1)).is_some(), "{alg}");
    }
    // RFC 7515 A.1 (HS256) and RFC 8037 A.4 (EdDSA without type): genuine, and not ours.
    let hs256 = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let eddsa = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert!(fault(hs256, at(1)).is_some() && fault(eddsa, at(1)).is_some());
}

#[test]
fn the_first_wrong_claim_is_named() {
    let (header, payload) = parts(&issued(&keys(1), at(0)));
    let check = |key: &str, new: Value, want: Option<TokenFault>| {
        let token = signed(&header, &with(&payload, key, new.clone()));
        assert_eq!(fault(&token, at(1)), want, "{key}: {new}");
    };
    let second = |s: i64| json!(at(s).as_second());
    check("iss", json!("https://evil.example"), Some(TokenFault::Issuer));
    check("aud", json!("https://stockade.example"), Some(TokenFault::Audience));
    check("aud", json!(["https://stockade.example/api"]), Some(TokenFault::Malformed));
    check("exp", second(1), Some(TokenFault::Expired(at(1))));
    check("exp", second(601), Some(TokenFault::Lifetime));
    check("exp", Value::Null, Some(TokenFault::Malformed));
    check("exp", json!("9999999999"), Some(TokenFault::Malformed));
    check("exp", json!(i64::MAX), Some(TokenFault::Malformed));
    check("iat", second(32), Some(TokenFault::Early(at(32))));
    check("nbf", second(40), Some(TokenFault::Early(at(40))));
    check("nbf", second(0), None);
    check("sub", json!("ada"), Some(TokenFault::Malformed));
    check("sub", Value::Null, Some(TokenFault::Malformed));
    check("sid", json!(""), Some(TokenFault::Malformed));
    check("epoch", json!(-1), Some(TokenFault::Malformed));
    check("role", json!("owner"), None);
}

#[test]
fn form_is_strict() {
    let token = issued(&keys(1), at(0));
    let (head, signature) = token.rsplit_once('.').expect("three parts");
    let check = |text: &str| assert!(fault(text, at(1)).is_some(), "{text}");
    check("");
    check("..");
    check(head);
    check(&format!("{head}."));
    check(&format!("{token}."));
    check(&format!("{token}.x"));
    check(&format!(" {token}"));
    check(&format!("{token}="));
    check(&format!("{head}.{}", &signature[1..]));
    check(&"A".repeat(1_000_000));
    for n in 0..token.len() {
        let mut bent = token.clone().into_bytes();
        bent[n] = if bent[n] == b'A' { b'B' } else { b'A' };
        check(&String::from_utf8(bent).expect("ASCII"));
    }
    // A doubled name: which of the two a reader takes is a known confusion.
    let doubled = r#"{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"x"}"#;
    let rest = token.split_once('.').expect("three parts").1;
    check(&format!("{}.{rest}", URL_SAFE_NO_PAD.encode(doubled)));
}

#[test]
fn time_is_ours_to_compare() {
    let token = issued(&keys(1), at(0));
    assert_eq!(fault(&token, at(-30)), None);
    assert_eq!(fault(&token, at(-31)), Some(TokenFault::Early(at(0))));
    assert_eq!(fault(&token, at(599)), None);
    assert_eq!(fault(&token, at(600)), Some(TokenFault::Expired(at(600))));
    let names = ("i", "a");
    let too_long = SignedDuration::from_secs(601);
    assert!(matches!(
        AccessKeys::new(names, too_long, signing(1), &[]),
        Err(Error::Lifetime { .. })
    ));
    assert!(AccessKeys::new(names, SignedDuration::ZERO, signing(1), &[]).is_err());
}

#[test]
fn keys_rotate_with_overlap() {
    let old = issued(&keys(1), at(0));
    let names = ("https://stockade.example", "https://stockade.example/api");
    let ten = SignedDuration::from_mins(10);
    let overlap = AccessKeys::new(names, ten, signing(2), &[*signing(1).verifying_key()]);
    let overlap = overlap.expect("ten minutes");
    assert!(overlap.verify(&old, at(1)).is_ok());
    assert!(overlap.verify(&issued(&overlap, at(0)), at(1)).is_ok());
    assert_eq!(keys(2).verify(&old, at(1)).err(), Some(Error::Token(TokenFault::Key)));
    let published: Value = serde_json::from_str(&overlap.jwks()).expect("JSON");
    assert_eq!(published["keys"].as_array().map(Vec::len), Some(2));
}

/// RFC 8037, appendix A: the key, its JWK and its thumbprint.
#[test]
fn the_published_key_is_that_of_the_rfc() {
    let d = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").expect("base64");
    let seed: [u8; 32] = d.try_into().expect("32 bytes");
    let key = seal::SigningKey::from_seed(&seal::Secret::new(seed));
    let keys = AccessKeys::new(("i", "a"), SignedDuration::from_mins(1), key, &[]);
    let published: Value = serde_json::from_str(&keys.expect("a minute").jwks()).expect("JSON");
    assert_eq!(
        published["keys"][0],
        json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "kid": "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        })
    );
}

/// Another implementation reads what we sign, with the key that we publish.
#[test]
fn a_peer_reads_our_tokens() {
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
    let keys = keys(1);
    let token = issued(&keys, at(0));
    let set: JwkSet = serde_json::from_str(&keys.jwks()).expect("a JWK set");
    let kid = jsonwebtoken::decode_header(&token).expect("a header").kid.expect("a key id");
    let key = DecodingKey::from_jwk(set.find(&kid).expect("published")).expect("a key");
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&["https://stockade.example"]);
    rules.set_audience(&["https://stockade.example/api"]);
    rules.validate_exp = false;
    let read = jsonwebtoken::decode::<Value>(&token, &key, &rules).expect("the peer accepts it");
    assert_eq!(read.claims, parts(&token).1);
}

#[test]
fn the_cache_is_bounded_and_forgets_no_time() {
    let keys = keys(1);
    let mut cache = TokenCache::new(2);
    let token = issued(&keys, at(0));
    assert_eq!(cache.find(&token, at(1)), None);
    assert!(cache.verify(&keys, &token, at(1)).is_ok());
    assert!(cache.find(&token, at(599)).is_some());
    assert_eq!(cache.find(&token, at(600)), None);
    let late = cache.verify(&keys, &token, at(600));
    assert_eq!(late.err(), Some(Error::Token(TokenFault::Expired(at(600)))));
    for second in [10, 20, 30] {
        assert!(cache.verify(&keys, &issued(&keys, at(second)), at(30)).is_ok());
    }
    assert_eq!(cache.find(&token, at(31)), None, "pushed out");
    assert!(cache.find(&issued(&keys, at(30)), at(31)).is_some());
    assert!(cache.verify(&keys, "x", at(31)).is_err());
}

proptest! {
    /// Whatever a browser sends, nothing panics and nothing but our own is read.
    #[test]
    fn no_text_is_taken_for_ours(text in "[A-Za-z0-9_.=-]{0,200}|\\PC{0,60}") {
        prop_assert!(keys(1).verify(&text, at(0)).is_err());
        prop_assert!(RefreshToken::parse(&text, &mac(1)).is_err());
        prop_assert!(DeviceCookie::parse(&text, &mac(1)).is_err());
    }

    /// Nor any header and payload that are well-formed but not signed by us.
    #[test]
    fn no_unsigned_content_is_read(alg in "[A-Za-z0-9]{0,8}", signature in any::<[u8; 64]>()) {
        let (header, payload) = parts(&issued(&keys(1), at(0)));
        for header in [with(&header, "alg", json!(alg)), header] {
            let encode = |v: &Value| URL_SAFE_NO_PAD.encode(v.to_string());
            let signature = URL_SAFE_NO_PAD.encode(signature);
            let token = format!("{}.{}.{signature}", encode(&header), encode(&payload));
            prop_assert!(fault(&token, at(1)).is_some());
        }
    }
}
