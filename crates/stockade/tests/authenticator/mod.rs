//! A passkey in software, with a switch for each lie: it answers what the server asks as a browser and
//! an authenticator would (WebAuthn Level 3).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use seal::{Secret, SigningKey, sha256};
use serde_json::{Value, json};

/// One passkey.
#[derive(Clone)]
pub struct Soft {
    /// From what its key is made.
    pub key: u8,
    /// What it calls itself.
    pub id: u8,
    /// The page that it believes to be on.
    pub origin: String,
    /// Whether it verifies its user.
    pub verifies: bool,
    /// How often it has signed, if it counts.
    pub counter: u32,
    /// The account that it was made for.
    pub handle: Vec<u8>,
}

impl Soft {
    /// A fresh one on a page.
    pub fn new(key: u8, origin: &str) -> Self {
        Self {
            key,
            id: key,
            origin: origin.to_owned(),
            verifies: true,
            counter: 0,
            handle: Vec::new(),
        }
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_seed(&Secret::new([self.key; 32]))
    }

    fn credential(&self) -> Vec<u8> {
        vec![self.id; 32]
    }

    fn client_data(&self, kind: &str, asked: &Value) -> Vec<u8> {
        let challenge = asked["challenge"].as_str().expect("a challenge");
        json!({ "type": kind, "challenge": challenge, "origin": self.origin })
            .to_string()
            .into_bytes()
    }

    fn data(&self, asked: &Value, attested: &[u8]) -> Vec<u8> {
        let host = asked["rp_id"].as_str().expect("a host");
        let verified = if self.verifies { 0x04 } else { 0 };
        let flags = 0x01 | verified | if attested.is_empty() { 0 } else { 0x40 };
        let head = sha256(host.as_bytes());
        [&head[..], &[flags], &self.counter.to_be_bytes(), attested].concat()
    }

    /// What comes of `navigator.credentials.create`.
    pub fn made(&mut self, asked: &Value) -> Value {
        let handle = asked["user_id"].as_str().expect("an account");
        self.handle = URL_SAFE_NO_PAD.decode(handle).expect("base64url");
        // {1: 1, 3: -8, -1: 6, -2: x}
        let cose = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
        let key = self.key();
        let attested =
            [&[0; 16][..], &[0, 32], &self.credential(), &cose, key.verifying_key().as_bytes()]
                .concat();
        let data = self.data(asked, &attested);
        let length = u8::try_from(data.len()).expect("short");
        let head = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58";
        let object = [&head[..], &[length], &data].concat();
        let client_data = self.client_data("webauthn.create", asked);
        json!({
            "client_data": URL_SAFE_NO_PAD.encode(client_data),
            "attestation_object": URL_SAFE_NO_PAD.encode(object),
        })
    }

    /// What comes of `navigator.credentials.get`.
    pub fn answer(&self, asked: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", asked);
        let data = self.data(asked, &[]);
        let signature = self.key().sign(&[&data[..], &sha256(&client_data)].concat());
        json!({
            "credential": URL_SAFE_NO_PAD.encode(self.credential()),
            "client_data": URL_SAFE_NO_PAD.encode(client_data),
            "authenticator_data": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature),
            "user_handle": URL_SAFE_NO_PAD.encode(&self.handle),
        })
    }

    /// The same as a factor of a proof, or of a sign-in.
    pub fn factor(&self, asked: &Value) -> Value {
        json!({ "kind": "passkey", "ticket": asked["ticket"], "assertion": self.answer(asked) })
    }
}
