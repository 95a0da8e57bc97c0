//! The envelope of a statement (DSSE v1, <https://github.com/secure-systems-lab/dsse>), with Ed25519.

use crate::{Error, Verifier};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use seal::SigningKey;
use serde::{Deserialize, Serialize};

/// The media type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The largest envelope that is read at all.
pub const ENVELOPE_BYTES_MAX: usize = 2 * 1024 * 1024;
const SIGNATURES_MAX: usize = 16;
/// How the name of every key begins that signs postures: a log's key is none of them.
const KEY_PREFIX: &str = "stockade.posture/";

#[derive(Serialize, Deserialize)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// The key that a server signs its posture with, and nothing else.
#[derive(Debug)]
pub struct PostureSigner {
    verifier: Verifier,
    key: SigningKey,
}

impl PostureSigner {
    /// Under the name that the key itself gives.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let digest = seal::sha256(key.verifying_key().as_bytes());
        let short = hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
        let verifier = Verifier::new(&format!("{KEY_PREFIX}{short}"), *key.verifying_key())
            .expect("hexadecimal digits make a key name");
        Self { verifier, key }
    }

    /// The public half, as `name+id+key`.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The envelope of a payload, as JSON.
    pub(super) fn seal(&self, payload: &[u8]) -> String {
        sealed(payload, &self.verifier, &self.key)
    }
}

/// The payload of a posture's envelope, if this key signed it.
pub(super) fn open(text: &str, key: &Verifier) -> Result<Vec<u8>, Error> {
    if !key.name().starts_with(KEY_PREFIX) {
        let problem = "the key is not one for postures: its name begins with stockade.posture/";
        return Err(Error::Posture { problem });
    }
    opened(text, key, |problem| Error::Posture { problem })
}

/// The envelope of a payload under a key of this name, as JSON.
pub(crate) fn sealed(payload: &[u8], name: &Verifier, key: &SigningKey) -> String {
    let signature = key.sign(&authenticated(PAYLOAD_TYPE, payload));
    let envelope = Envelope {
        payload: STANDARD.encode(payload),
        payload_type: PAYLOAD_TYPE.to_owned(),
        signatures: vec![Signature { keyid: name.key_id(), sig: STANDARD.encode(signature) }],
    };
    serde_json::to_string(&envelope).expect("texts have a JSON text")
}

/// The payload of an envelope, if this key signed it; what is no envelope is told in the caller's words.
pub(crate) fn opened(
    text: &str,
    key: &Verifier,
    malformed: fn(&'static str) -> Error,
) -> Result<Vec<u8>, Error> {
    if text.len() > ENVELOPE_BYTES_MAX {
        return Err(malformed("the envelope is larger than 2 MiB"));
    }
    let envelope: Envelope =
        serde_json::from_str(text).map_err(|_| malformed("it is no DSSE envelope"))?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(malformed("its payload is no in-toto statement"));
    }
    if envelope.signatures.len() > SIGNATURES_MAX {
        return Err(malformed("it has more than 16 signatures"));
    }
    let payload = decoded(&envelope.payload).ok_or(malformed("its payload is not base64"))?;
    let message = authenticated(PAYLOAD_TYPE, &payload);
    let own = key.key_id();
    // A key id is a hint and proves nothing, but a signature under our id that does not fit is damage.
    let Some(signature) = envelope.signatures.iter().find(|one| one.keyid == own) else {
        let found = envelope.signatures.into_iter().map(|one| one.keyid).collect();
        return Err(Error::Unsigned { name: key.name().to_owned(), found });
    };
    let wrong = || Error::Signature { name: key.name().to_owned() };
    let bytes = decoded(&signature.sig).ok_or_else(wrong)?;
    key.key().verify(&message, &bytes).map_err(|_| wrong())?;
    Ok(payload)
}

/// Either alphabet, as the specification has it.
fn decoded(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// What is signed: the pre-authentication encoding, in which no type can pass for a part of the payload.
fn authenticated(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_that_of_the_specification() {
        let example = authenticated("http://example.com/HelloWorld", b"hello world");
        assert_eq!(example, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(authenticated("", b""), b"DSSEv1 0  0 ");
    }
}
