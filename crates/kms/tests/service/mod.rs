//! A service with the part of Vault's transit API that a root key needs, as it is documented: versions,
//! associated data, derivation by context, the lowest version that decrypts, its errors.

#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "each test file uses a part of this; a missing version fails it"
)]

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kms::{Answer, Call, Wire};
use seal::{Entropy, Secret, SeededEntropy, hkdf_sha256, random};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

pub const TOKEN: &str = "hvs.tests-only";

/// How the service behaves at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// Nothing listens.
    Gone,
    /// It was restarted and nobody has unsealed it.
    Sealed,
    /// So old that it does not know associated data.
    Old,
}

pub struct Service {
    pub mood: Mood,
    pub kind: &'static str,
    pub derived: bool,
    pub exportable: bool,
    /// By version, from 1.
    keys: Vec<[u8; 32]>,
    pub oldest: u32,
    entropy: SeededEntropy,
    pub calls: u32,
    /// Goes away after so many calls.
    pub until: Option<u32>,
}

impl Service {
    pub fn new() -> Self {
        Self::with_seed(11)
    }

    /// With a key of its own for each seed.
    pub fn with_seed(seed: u64) -> Self {
        let mut entropy = SeededEntropy::new(seed);
        let keys = vec![random(&mut entropy)];
        Self {
            mood: Mood::Well,
            kind: "aes256-gcm96",
            derived: false,
            exportable: false,
            keys,
            oldest: 1,
            entropy,
            calls: 0,
            until: None,
        }
    }

    pub fn answer(
        &mut self,
        (method, path): (&str, &str),
        token: &str,
        body: &[u8],
    ) -> (u16, Value) {
        let errors = |status, text: &str| (status, json!({ "errors": [text] }));
        if self.mood == Mood::Sealed {
            return errors(503, "Vault is sealed");
        }
        if token != TOKEN {
            return errors(403, "permission denied");
        }
        self.calls += 1;
        let words: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        match (method, path) {
            ("GET", "/v1/transit/keys/stockade") => (200, json!({ "data": self.about() })),
            ("POST", "/v1/transit/keys/stockade/rotate") => {
                let key = random(&mut self.entropy);
                self.keys.push(key);
                (200, json!({ "data": self.about() }))
            }
            ("POST", "/v1/transit/encrypt/stockade") => self.encrypt(&words),
            ("POST", "/v1/transit/decrypt/stockade") => self.decrypt(&words),
            ("POST", path) if path.starts_with("/v1/transit/encrypt/") => {
                errors(400, "encryption key not found")
            }
            _ => errors(404, ""),
        }
    }

    fn about(&self) -> Value {
        json!({
            "name": "stockade", "type": self.kind, "derived": self.derived,
            "exportable": self.exportable, "allow_plaintext_backup": false,
            "deletion_allowed": false, "latest_version": self.keys.len(),
            "min_decryption_version": self.oldest, "min_encryption_version": 0,
            "min_available_version": 0, "supports_encryption": true, "supports_decryption": true,
        })
    }

    /// The key of a version, for a context if the key is derived.
    fn key(&self, version: usize, words: &Value) -> Result<(LessSafeKey, Vec<u8>), String> {
        let bytes = |name: &str| {
            let text = words.get(name).and_then(Value::as_str).unwrap_or_default();
            STANDARD.decode(text).map_err(|_| format!("failed to base64-decode {name}"))
        };
        let mut key = self.keys[version - 1];
        let context = bytes("context")?;
        if self.derived {
            if context.is_empty() {
                return Err(
                    "missing 'context' for key derivation; the key was created using a derived key"
                        .into(),
                );
            }
            key = *hkdf_sha256::<32>(&key, b"", &context).expose();
        }
        let known = if self.mood == Mood::Old { Vec::new() } else { bytes("associated_data")? };
        let key = UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes");
        Ok((LessSafeKey::new(key), known))
    }

    fn encrypt(&mut self, words: &Value) -> (u16, Value) {
        let version = self.keys.len();
        let text = words["plaintext"].as_str().unwrap_or_default();
        let (Ok(mut buffer), Ok((key, aad))) = (STANDARD.decode(text), self.key(version, words))
        else {
            return (400, json!({ "errors": ["failed to base64-decode plaintext"] }));
        };
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        let used = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(used, Aad::from(aad), &mut buffer).expect("short");
        let digits = STANDARD.encode([&nonce[..], &buffer].concat());
        let ciphertext = format!("vault:v{version}:{digits}");
        (200, json!({ "data": { "ciphertext": ciphertext, "key_version": version } }))
    }

    fn decrypt(&mut self, words: &Value) -> (u16, Value) {
        let refused = |text: &str| (400, json!({ "errors": [text] }));
        let text = words["ciphertext"].as_str().unwrap_or_default();
        let Some(rest) = text.strip_prefix("vault:v") else {
            return refused("invalid ciphertext: no prefix");
        };
        let (version, digits) = rest.split_once(':').unwrap_or_default();
        let version: usize = version.parse().unwrap_or(0);
        if version > self.keys.len() {
            return refused("invalid ciphertext: version is too new");
        }
        if version < self.oldest as usize || version == 0 {
            return refused("ciphertext or signature version is disallowed by policy (too old)");
        }
        let (key, aad) = match self.key(version, words) {
            Ok(key) => key,
            Err(text) => return refused(&text),
        };
        let bytes = STANDARD.decode(digits).unwrap_or_default();
        let Some((nonce, sealed)) = bytes.split_first_chunk::<12>() else {
            return refused("invalid ciphertext: could not decode");
        };
        let mut buffer = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        match key.open_in_place(nonce, Aad::from(aad), &mut buffer) {
            Ok(plain) => (200, json!({ "data": { "plaintext": STANDARD.encode(plain) } })),
            Err(_) => refused("invalid ciphertext: unable to decrypt"),
        }
    }
}

/// Carries calls to a service of this process.
pub fn wire(service: &Arc<Mutex<Service>>) -> Wire {
    let service = Arc::clone(service);
    Box::new(move |call: &Call| {
        let mut service = service.lock().expect("whole");
        if service.until.is_some_and(|until| service.calls >= until) {
            service.mood = Mood::Gone;
        }
        if service.mood == Mood::Gone {
            return Err("connection refused".to_owned());
        }
        let header = |name| call.headers.iter().find(|(found, _)| *found == name);
        let token = header("x-vault-token").map(|(_, value)| value.expose().clone());
        let token = token.unwrap_or_default();
        let (status, body) = service.answer((call.method, &call.path), &token, call.body.expose());
        Ok(Answer { status, body: Secret::new(body.to_string().into_bytes()) })
    })
}
