//! Forged access tokens at the doors of the running server: each is answered as if none had come.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test reads the server's key file")]

use crate::browser::{Browser, request, start};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{Method, header};
use kms::{KeyFile, Purpose};
use seal::{Secret, SigningKey, hmac_sha256};
use serde_json::{Value, json};
use std::path::Path;
use stockade::{
    desk::{Paths, now},
    server::{Rule, routes},
};

const ACCESS: &str = "__Host-stockade-access";
const REFRESH: &str = "__Host-stockade-refresh";

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn with(value: &Value, key: &str, new: Value) -> Value {
    let mut value = value.clone();
    let map = value.as_object_mut().expect("an object");
    match new {
        Value::Null => drop(map.remove(key)),
        new => drop(map.insert(key.to_owned(), new)),
    }
    value
}

/// What a forger can have at best: a genuine token, the key that signed it where a row needs that
/// all but one claim is right, and a key of their own.
struct Forge {
    key: SigningKey,
    own: SigningKey,
    header: Value,
    payload: Value,
    token: String,
}

/// The server's key of this month.
fn month_key(keys: &KeyFile) -> SigningKey {
    let period = now().as_second().div_euclid(30 * 24 * 3600);
    let seeds = keys.mac(Purpose::AccessTokens);
    let seed = seeds.tag(&[b"stockade/v1 access key", &period.to_be_bytes()]);
    SigningKey::from_seed(&Secret::new(seed))
}

/// What is wrong, and the token.
type Forgery = (String, String);

impl Forge {
    fn new(root: &Path, token: &str) -> Self {
        let keys = KeyFile::open(&Paths::new(root).key_file()).expect("keys");
        let part = |n| {
            let text = token.split('.').nth(n).expect("three parts");
            let json = URL_SAFE_NO_PAD.decode(text).expect("base64");
            serde_json::from_slice(&json).expect("JSON")
        };
        Self {
            key: month_key(&keys),
            own: SigningKey::from_seed(&Secret::new([7; 32])),
            header: part(0),
            payload: part(1),
            token: token.to_owned(),
        }
    }

    fn signed(key: &SigningKey, header: &Value, payload: &Value) -> String {
        let text = format!("{}.{}", encoded(header), encoded(payload));
        let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()));
        format!("{text}.{signature}")
    }

    /// The public key as programs write keys down: whichever of them a reader takes for a shared
    /// secret.
    fn spellings(&self) -> Vec<Vec<u8>> {
        let raw = self.key.verifying_key().as_bytes().to_vec();
        let mut info = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".to_vec();
        info.extend_from_slice(&raw);
        let base64 = STANDARD.encode(&info);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n");
        vec![
            URL_SAFE_NO_PAD.encode(&raw).into_bytes(),
            hex::encode(&raw).into_bytes(),
            raw,
            info,
            pem.trim_end().as_bytes().to_vec(),
            pem.into_bytes(),
        ]
    }

    fn algorithms(&self) -> Vec<Forgery> {
        let mut made = Vec::new();
        let old = self.token.rsplit('.').next().expect("a signature");
        for alg in ["none", "None", "NONE", "nOnE", ""] {
            let header = with(&self.header, "alg", json!(alg));
            let text = format!("{}.{}", encoded(&header), encoded(&self.payload));
            made.push((format!("alg {alg:?}, no signature"), format!("{text}.")));
            made.push((format!("alg {alg:?}, the old signature"), format!("{text}.{old}")));
        }
        let header = with(&self.header, "alg", json!("HS256"));
        let text = format!("{}.{}", encoded(&header), encoded(&self.payload));
        for (n, secret) in self.spellings().iter().enumerate() {
            let tag = URL_SAFE_NO_PAD.encode(hmac_sha256(secret, text.as_bytes()));
            made.push((format!("HS256 by the public key, spelling {n}"), format!("{text}.{tag}")));
        }
        for alg in ["RS256", "ES256", "Ed25519", "eddsa", "EdDSA "] {
            let header = with(&self.header, "alg", json!(alg));
            made.push((format!("alg {alg:?}"), Self::signed(&self.key, &header, &self.payload)));
        }
        made
    }

    /// Signed with a key of the forger's, to which the header leads.
    fn keys(&self) -> Vec<Forgery> {
        let x = URL_SAFE_NO_PAD.encode(self.own.verifying_key().as_bytes());
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        let mut made = vec![("jwk", json!(jwk)), ("x5c", json!([STANDARD.encode("x")]))];
        for name in ["jku", "x5u"] {
            made.push((name, json!("https://evil.example/keys.json")));
            made.push((name, json!("https://localhost@evil.example/keys.json")));
        }
        let paths = ["../../../../../../dev/null", "/dev/null", "file:///dev/null", ""];
        let rows = ["' UNION SELECT 'key' --", "x'; DROP TABLE sessions; --", "$(id)", "\u{0}"];
        made.extend(paths.iter().chain(&rows).map(|kid| ("kid", json!(kid))));
        made.push(("kid", json!("https://evil.example/key")));
        made.push(("kid", json!("k".repeat(900))));
        let one = |(name, value): (&str, Value)| {
            let header = with(&self.header, name, value.clone());
            (format!("{name} {value}"), Self::signed(&self.own, &header, &self.payload))
        };
        made.into_iter().map(one).collect()
    }

    /// Signed with the server's own key: all but one claim is right.
    fn claims(&self) -> Vec<Forgery> {
        let at = |second: i64| json!(now().as_second() + second);
        let other = "01890000-0000-7000-8000-000000000000";
        let mut made = vec![
            ("iss", json!("https://evil.example")),
            ("iss", json!("Stockade")),
            ("aud", json!("stockade-other")),
            ("aud", json!(["stockade", "other"])),
            ("exp", at(-1)),
            ("exp", at(3600)),
            ("exp", json!(i64::MAX)),
            ("iat", at(120)),
            ("nbf", at(120)),
            ("sub", json!(other)),
            ("sid", json!(other)),
            ("epoch", json!(7)),
            ("epoch", json!(-1)),
        ];
        made.extend(["iss", "aud", "exp", "iat", "sub", "sid"].map(|name| (name, Value::Null)));
        let one = |(name, value): (&str, Value)| {
            let payload = with(&self.payload, name, value.clone());
            (format!("{name} {value}"), Self::signed(&self.key, &self.header, &payload))
        };
        let mut made: Vec<Forgery> = made.into_iter().map(one).collect();
        for typ in ["JWT", "jwt", "rt+jwt", "dpop+jwt", ""] {
            let header = with(&self.header, "typ", json!(typ));
            made.push((format!("typ {typ:?}"), Self::signed(&self.key, &header, &self.payload)));
        }
        let header = with(&self.header, "crit", json!(["exp"]));
        made.push(("crit".to_owned(), Self::signed(&self.key, &header, &self.payload)));
        let payload = with(&with(&self.payload, "iat", at(-700)), "exp", at(-100));
        made.push(("of before".to_owned(), Self::signed(&self.key, &self.header, &payload)));
        made
    }

    /// What no reader takes, and what one that reads carelessly might.
    fn crafts(&self) -> Vec<Forgery> {
        let token = &self.token;
        let (text, signature) = token.rsplit_once('.').expect("a signature");
        let payload = with(&self.payload, "sub", json!("01890000-0000-7000-8000-000000000000"));
        let moved = format!("{}.{}.{signature}", encoded(&self.header), encoded(&payload));
        let last = if signature.ends_with('A') { 'Q' } else { 'A' };
        let flipped = format!("{text}.{last}{}", &signature[1..]);
        let rows = [
            ("a stranger's key", Self::signed(&self.own, &self.header, &self.payload)),
            ("another payload under the signature", moved),
            ("another signature", flipped),
            ("half a signature", format!("{text}.{}", &signature[..43])),
            ("no signature", format!("{text}.")),
            ("two parts", text.to_owned()),
            ("a part more", format!("{token}.{signature}")),
            ("padding", format!("{token}==")),
            ("a blank in it", token.replacen('.', ". ", 1)),
            ("quotes", format!("\"{token}\"")),
            ("a scheme", format!("Bearer {token}")),
            ("per cent", token.replacen('.', "%2e", 1)),
            ("dots", "...".to_owned()),
            ("a long one", "a.".repeat(1500)),
            ("empty", String::new()),
        ];
        rows.map(|(name, token)| (name.to_owned(), token)).into()
    }

    /// A reader that believes what a token says about itself, and looks at no claim.
    fn naive(&self, token: &str) -> bool {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else { return false };
        let text = format!("{header}.{payload}");
        let read = |part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
        let (Some(header), Some(_)) = (read(header), read(payload)) else { return false };
        let header: Value = header;
        let tag = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        match header["alg"].as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "none" | "" => return true,
            "hs256" => {
                let right = |key: &Vec<u8>| hmac_sha256(key, text.as_bytes()).as_slice() == tag;
                return self.spellings().iter().any(right);
            }
            _ => {}
        }
        let led = ["jwk", "jku", "x5u", "x5c"].iter().any(|name| !header[*name].is_null());
        let led = led || header["kid"] != self.header["kid"];
        let key = if led { &self.own } else { &self.key };
        key.verifying_key().verify(text.as_bytes(), &tag).is_ok()
    }
}

#[tokio::test]
async fn a_forged_token_is_answered_as_none_at_all() {
    let (one, two) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let server = start(one.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let forge = Forge::new(one.path(), &owner.cookies[ACCESS]);
    let mut caller = Browser::new(&server);
    let path = "/api/v1/sessions";
    let nobody = caller.get(path).await.expect(401).text();

    let believed = [forge.algorithms(), forge.keys(), forge.claims()].concat();
    assert!(believed.len() > 50, "{}", believed.len());
    for (name, token) in &believed {
        assert!(forge.naive(token), "{name}: the weak twin takes it, so the test can fail");
    }
    let other = start(two.path()).await;
    let mut stranger = Browser::new(&other);
    stranger.set_up(&other).await;
    let mut forgeries = [believed, forge.crafts()].concat();
    forgeries.push(("another server's".to_owned(), stranger.cookies[ACCESS].clone()));
    forgeries.push(("a refresh token".to_owned(), owner.cookies[REFRESH].clone()));
    other.stop().await.expect("stops");

    for (name, token) in &forgeries {
        caller.cookies = [(ACCESS.to_owned(), token.clone())].into();
        let sent = caller.send(request(Method::GET, path, None)).await;
        assert!(!sent.headers().contains_key(header::SET_COOKIE), "{name}");
        let answer = caller.get(path).await.expect(401).text();
        // What only the server's own key can say may be told apart: that it is over.
        let over = answer.contains("\"code\":\"ended\"");
        assert!(answer == nobody || over && forge.naive(token), "{name}: {answer}");
        let state = caller.get("/api/v1/session").await.expect(200).json();
        assert_eq!(state["state"], "none", "{name}");
    }

    // The same key, the same claims, in another order of keys: it is the forgeries that are wrong.
    caller.cookies =
        [(ACCESS.to_owned(), Forge::signed(&forge.key, &forge.header, &forge.payload))].into();
    caller.get(path).await.expect(200);
    // Whoever names an API token is judged by it, a good session beside it or not.
    let refresh = owner.cookies[REFRESH].clone();
    for text in [&forge.token, &refresh, "stk_AAAAAAAAAAAAAAAAAAAAAA", "stk_", ""] {
        let mut sent = request(Method::GET, path, None);
        let named = format!("Bearer {text}").parse().expect("text");
        sent.headers_mut().insert(header::AUTHORIZATION, named);
        owner.raw(sent).await.expect(401);
    }
    // And nobody was signed out by what others made up.
    owner.get(path).await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn every_guarded_route_refuses_a_forged_token() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let forge = Forge::new(directory.path(), &owner.cookies[ACCESS]);
    let pick = |made: Vec<Forgery>, name: &str| {
        let found = made.into_iter().find(|(known, _)| known.starts_with(name));
        found.unwrap_or_else(|| panic!("{name}"))
    };
    let forgeries = [
        pick(forge.algorithms(), "alg \"none\""),
        pick(forge.algorithms(), "HS256"),
        pick(forge.keys(), "jwk"),
        pick(forge.claims(), "of before"),
        pick(forge.crafts(), "a stranger's key"),
    ];
    let mut caller = Browser::new(&server);
    let mut walked = 0;
    for row in routes::table().rows() {
        if matches!(row.rule, Rule::Open(_)) {
            continue;
        }
        walked += 1;
        let path = row.path.replace(['{', '}'], "");
        let body = (row.method != Method::GET).then(|| json!({}));
        for (name, token) in &forgeries {
            caller.cookies = [(ACCESS.to_owned(), token.clone())].into();
            let answer = caller.raw(request(row.method.clone(), &path, body.clone())).await;
            let problem = answer.expect(401).json();
            assert_eq!(problem["code"], "signed-out", "{} {path}: {name}", row.method);
        }
        // A token stands in its cookie and nowhere else: no address and no form can carry one.
        caller.cookies.clear();
        let mut elsewhere = request(row.method.clone(), &path, body);
        let bearer = format!("Basic {}", forge.token).parse().expect("text");
        elsewhere.headers_mut().insert(header::AUTHORIZATION, bearer);
        let token = forge.token.parse().expect("text");
        elsewhere.headers_mut().insert("x-access-token", token);
        let uri = format!("{path}?access_token={}", forge.token).parse().expect("an address");
        *elsewhere.uri_mut() = uri;
        caller.raw(elsewhere).await.expect(401);
    }
    assert!(walked >= 40, "{walked}");
    owner.get("/api/v1/sessions").await.expect(200);
    server.stop().await.expect("stops");
}
