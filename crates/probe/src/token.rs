//! The access token of a session: what it says, and what becomes of one that somebody made himself.

use crate::{
    Miss, Probe, Seen,
    accounts::{Session, unpadded},
    failed,
    run::Walk,
    unseen,
    visit::Request,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use seal::VerifyingKey;
use serde_json::{Value, json};

/// Ten minutes.
const LIFE_SECONDS_MAX: i64 = 600;

/// The probes of this module.
pub(crate) const PROBES: &[Probe] = &[
    Probe {
        name: "token-facts",
        what: "An access token is signed with a published key, names whom it is for, and ends soon",
        command: "curl -s https://$HOST/.well-known/jwks.json",
        look: facts,
    },
    Probe {
        name: "token-forged",
        what: "A token without a signature, signed with another algorithm, or altered, lets nobody in",
        command: "curl -s -o /dev/null -w '%{http_code}\\n' -H \"cookie: __Host-stockade-access=$FORGED\" https://$HOST/api/v1/sessions",
        look: forged,
    },
];

/// A token taken apart.
struct Token {
    cookie: String,
    header: Value,
    payload: Value,
    signed: String,
    signature: Vec<u8>,
    text: String,
}

impl Token {
    /// The one among a session's cookies.
    fn of(session: &Session) -> Option<Self> {
        session.cookies.iter().find_map(|(cookie, text)| {
            let mut parts = text.split('.');
            let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
            let json = |part: &str| serde_json::from_slice::<Value>(&unpadded(part)?).ok();
            Some(Self {
                cookie: cookie.clone(),
                header: json(header).filter(|header| header.get("alg").is_some())?,
                payload: json(payload)?,
                signed: format!("{header}.{payload}"),
                signature: unpadded(signature)?,
                text: text.clone(),
            })
        })
    }

    fn says(&self, name: &str) -> Option<&str> {
        self.header.get(name).and_then(Value::as_str)
    }
}

fn token(walk: &mut Walk<'_>) -> Result<(Session, Token), Miss> {
    let sessions = walk.first(1)?;
    let Some(session) = sessions.into_iter().next() else { return unseen("nobody signed in") };
    match Token::of(&session) {
        Some(token) => Ok((session, token)),
        None => unseen("the session has no access token in a cookie"),
    }
}

/// The published key with this name.
fn published(walk: &mut Walk<'_>, name: &str) -> Result<VerifyingKey, Miss> {
    let answer = walk.visit.ask(&Request::get("/.well-known/jwks.json"))?;
    if answer.status != 200 {
        return failed(format!("/.well-known/jwks.json answers {}", answer.status));
    }
    let set = answer.json("/.well-known/jwks.json")?;
    let keys = set.get("keys").and_then(Value::as_array);
    let own = |key: &&Value| key.get("kid").and_then(Value::as_str) == Some(name);
    let key = keys.into_iter().flatten().find(own).and_then(|key| key.get("x")?.as_str());
    let bytes = key.and_then(unpadded);
    match bytes.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok()) {
        Some(key) => Ok(key),
        None => failed(format!("no Ed25519 key named {name} is published")),
    }
}

fn facts(walk: &mut Walk<'_>) -> Seen {
    let (_, token) = token(walk)?;
    let algorithm = token.says("alg").unwrap_or_default();
    if algorithm != "EdDSA" {
        return failed(format!("it is signed with {algorithm} and not with EdDSA"));
    }
    let name = token.says("kid").unwrap_or_default().to_owned();
    let key = published(walk, &name)?;
    if key.verify(token.signed.as_bytes(), &token.signature).is_err() {
        return failed(format!("its signature is not by the published key {name}"));
    }
    for claim in ["iss", "aud", "sub", "jti"] {
        if token.payload.get(claim).and_then(Value::as_str).is_none_or(str::is_empty) {
            return failed(format!("it has no {claim}"));
        }
    }
    let number = |name: &str| token.payload.get(name).and_then(Value::as_i64);
    match (number("iat"), number("exp")) {
        (Some(from), Some(until)) if (1..=LIFE_SECONDS_MAX).contains(&(until - from)) => {
            Ok(format!("EdDSA, {} s, key {name}", until - from))
        }
        (Some(from), Some(until)) => failed(format!("it is good for {} s", until - from)),
        _ => failed("it has no end"),
    }
}

fn forged(walk: &mut Walk<'_>) -> Seen {
    let (session, token) = token(walk)?;
    let name = token.says("kid").unwrap_or_default().to_owned();
    let key = published(walk, &name)?;
    let door = |walk: &mut Walk<'_>, text: &str| -> Result<u16, Miss> {
        let mut session = session.clone();
        session.cookies.insert(token.cookie.clone(), text.to_owned());
        let request = Request::get("/api/v1/sessions").with("cookie", session.line());
        Ok(walk.visit.ask(&request)?.status)
    };
    let good = door(walk, &token.text)?;
    if good != 200 {
        return unseen(format!("the genuine token gets {good}, so a refusal says nothing"));
    }
    let all = forgeries(&token, &key);
    for (what, text) in &all {
        match door(walk, text)? {
            401 => {}
            429 => return unseen("the server said: slower"),
            status => return failed(format!("{what} gets {status}")),
        }
    }
    Ok(format!("{} forgeries got 401, the genuine one 200", all.len()))
}

/// What somebody can make who has a token and the published keys.
fn forgeries(token: &Token, key: &VerifyingKey) -> Vec<(&'static str, String)> {
    let payload = encode(token.payload.to_string().as_bytes());
    let until = token.payload.get("exp").and_then(Value::as_i64).unwrap_or_default();
    let later = changed(&token.payload, "exp", json!(until + 60));
    let header = encode(token.header.to_string().as_bytes());
    let signature = encode(&token.signature);
    let none = encode(changed(&token.header, "alg", json!("none")).to_string().as_bytes());
    let confused = encode(changed(&token.header, "alg", json!("HS256")).to_string().as_bytes());
    let signed = format!("{confused}.{payload}");
    let mac = |secret: &[u8]| {
        let tag = seal::hmac_sha256(secret, signed.as_bytes());
        format!("{signed}.{}", encode(&tag))
    };
    let mut damaged = token.signature.clone();
    if let Some(byte) = damaged.first_mut() {
        *byte ^= 1;
    }
    vec![
        ("a token with alg=none", format!("{none}.{payload}.")),
        ("alg=none with the old signature", format!("{none}.{payload}.{signature}")),
        ("HS256 under the public key", mac(key.as_bytes())),
        ("HS256 under the public key's text", mac(encode(key.as_bytes()).as_bytes())),
        ("HS256 under nothing", mac(b"")),
        ("a later end", format!("{header}.{}.{signature}", encode(later.to_string().as_bytes()))),
        ("an altered signature", format!("{}.{}", token.signed, encode(&damaged))),
        ("no signature", format!("{}.", token.signed)),
    ]
}

/// The same with one field changed.
fn changed(value: &Value, name: &str, to: Value) -> Value {
    let mut fields = value.as_object().cloned().unwrap_or_default();
    fields.insert(name.to_owned(), to);
    Value::Object(fields)
}

fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}
