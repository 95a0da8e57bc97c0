//! What a browser and an authenticator say: client data and authenticator data (WebAuthn Level 3,
//! sections 5.8.1 and 6.1).

use super::{
    PasskeyFault,
    cbor::{Item, Reader},
    key::PublicKey,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use seal::sha256;
use serde::Deserialize;

const CLIENT_DATA_BYTES_MAX: usize = 8 * 1024;
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// WebAuthn's own bound on a credential's id.
pub(super) const CREDENTIAL_BYTES_MAX: usize = 1023;

/// The parts of client data that are checked; a browser may say more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
    #[serde(default)]
    top_origin: Option<String>,
}

/// Checks client data and returns its digest, which the authenticator signed.
pub(super) fn check_client_data(
    json: &[u8],
    kind: &str,
    challenge: &[u8],
    origin: &str,
) -> Result<[u8; 32], PasskeyFault> {
    if json.len() > CLIENT_DATA_BYTES_MAX {
        return Err(PasskeyFault::Malformed);
    }
    let data: ClientData = serde_json::from_slice(json).map_err(|_| PasskeyFault::Malformed)?;
    if data.kind != kind {
        return Err(PasskeyFault::Ceremony);
    }
    let sent = URL_SAFE_NO_PAD.decode(&data.challenge).map_err(|_| PasskeyFault::Challenge)?;
    if !seal::equal(&sent, challenge) {
        return Err(PasskeyFault::Challenge);
    }
    if data.origin != origin || data.cross_origin || data.top_origin.is_some() {
        return Err(PasskeyFault::Origin);
    }
    Ok(sha256(json))
}

/// What an authenticator says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AuthenticatorData {
    pub relying_party: [u8; 32],
    pub flags: Flags,
    pub counter: u32,
    pub attested: Option<Attested>,
}

/// The flags byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    pub(super) const fn present(self) -> bool {
        self.0 & 0x01 != 0
    }

    pub(super) const fn verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    pub(super) const fn may_be_copied(self) -> bool {
        self.0 & 0x08 != 0
    }

    const fn copied(self) -> bool {
        self.0 & 0x10 != 0
    }

    const fn attested(self) -> bool {
        self.0 & 0x40 != 0
    }

    const fn extended(self) -> bool {
        self.0 & 0x80 != 0
    }
}

/// A new credential: its id and its key, as COSE bytes too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attested {
    pub credential: Vec<u8>,
    pub cose: Vec<u8>,
}

impl AuthenticatorData {
    /// Reads it to its last byte; what is left over is a fault.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, PasskeyFault> {
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(PasskeyFault::Malformed);
        }
        let (relying_party, rest) = split::<32>(bytes)?;
        let (flags, rest) = split::<1>(rest)?;
        let (counter, mut rest) = split::<4>(rest)?;
        let flags = Flags(flags[0]);
        if flags.copied() && !flags.may_be_copied() {
            return Err(PasskeyFault::Malformed);
        }
        let mut attested = None;
        if flags.attested() {
            let (one, after) = Attested::read(rest)?;
            (attested, rest) = (Some(one), after);
        }
        if flags.extended() {
            let mut reader = Reader::new(rest);
            reader.skip()?;
            rest = reader.rest();
        }
        if !rest.is_empty() {
            return Err(PasskeyFault::Malformed);
        }
        let counter = u32::from_be_bytes(counter);
        Ok(Self { relying_party, flags, counter, attested })
    }
}

impl Attested {
    fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PasskeyFault> {
        // The maker's id of the model is no proof without attestation, and is not kept.
        let (_model, rest) = split::<16>(bytes)?;
        let (length, rest) = split::<2>(rest)?;
        let length = usize::from(u16::from_be_bytes(length));
        if !(16..=CREDENTIAL_BYTES_MAX).contains(&length) {
            return Err(PasskeyFault::Malformed);
        }
        let (credential, rest) = rest.split_at_checked(length).ok_or(PasskeyFault::Malformed)?;
        let (_, taken) = PublicKey::read(rest)?;
        let (cose, rest) = rest.split_at_checked(taken).ok_or(PasskeyFault::Malformed)?;
        Ok((Self { credential: credential.to_vec(), cose: cose.to_vec() }, rest))
    }
}

fn split<const N: usize>(bytes: &[u8]) -> Result<([u8; N], &[u8]), PasskeyFault> {
    let (head, tail) = bytes.split_first_chunk::<N>().ok_or(PasskeyFault::Malformed)?;
    Ok((*head, tail))
}

/// The authenticator data inside an attestation object. Its statement is stepped over: we ask for
/// none, believe none, and no maker's certificate decides who may come in.
pub(super) fn attested_data(object: &[u8]) -> Result<&[u8], PasskeyFault> {
    if object.len() > ANSWER_BYTES_MAX {
        return Err(PasskeyFault::Malformed);
    }
    let mut reader = Reader::new(object);
    let Item::Map(pairs) = reader.next()? else { return Err(PasskeyFault::Malformed) };
    let mut data = None;
    for _ in 0..pairs.min(8) {
        let Item::Text(name) = reader.next()? else { return Err(PasskeyFault::Malformed) };
        let mut value = reader;
        reader.skip()?;
        if let ("authData", Item::Bytes(bytes)) = (name, value.next()?) {
            data = Some(bytes);
        }
    }
    if pairs > 8 || !reader.rest().is_empty() {
        return Err(PasskeyFault::Malformed);
    }
    data.ok_or(PasskeyFault::Malformed)
}
