//! A passkey's public key, as COSE has it (RFC 9052, RFC 9053; RFC 8230 for RSA).

use super::{
    PasskeyFault,
    cbor::{Item, Reader},
};
use seal::VerifyingKey;

/// The algorithms that we offer, best first: `EdDSA`, `ES256`, `RS256` by their COSE numbers.
pub const PASSKEY_ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];

const EDDSA: i64 = -8;
const ES256: i64 = -7;
const RS256: i64 = -257;
const KEY_BYTES_MAX: usize = 1200;

/// A public key with its one algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    Ed25519(VerifyingKey),
    P256([u8; 65]),
    Rsa(Vec<u8>, Vec<u8>),
}

/// The fields of a COSE key that matter: labels 1, 3, -1, -2 and -3.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    first: Option<&'a [u8]>,
    second: Option<&'a [u8]>,
}

impl PublicKey {
    /// Reads a key from the front of `bytes`; also says how many bytes it took.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), PasskeyFault> {
        let mut reader = Reader::new(bytes);
        let Item::Map(pairs) = reader.next()? else { return Err(PasskeyFault::Malformed) };
        let mut fields = Fields::default();
        for _ in 0..pairs.min(16) {
            fields.read(&mut reader)?;
        }
        let taken = bytes.len() - reader.rest().len();
        if pairs > 16 || taken > KEY_BYTES_MAX {
            return Err(PasskeyFault::Malformed);
        }
        Ok((fields.key()?, taken))
    }

    /// Whether the key made the signature over the message.
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), PasskeyFault> {
        let checked = match self {
            Self::Ed25519(key) => key.verify(message, signature),
            Self::P256(point) => seal::verify_es256(point, message, signature),
            Self::Rsa(modulus, exponent) => {
                seal::verify_rs256((modulus, exponent), message, signature)
            }
        };
        checked.map_err(|_| PasskeyFault::Signature)
    }
}

impl<'a> Fields<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<(), PasskeyFault> {
        let Item::Integer(label) = reader.next()? else { return Err(PasskeyFault::Malformed) };
        let value = *reader;
        reader.skip()?;
        let mut value = value;
        let twice = match (label, value.next()?) {
            (1, Item::Integer(number)) => self.kind.replace(number).is_some(),
            (3, Item::Integer(number)) => self.algorithm.replace(number).is_some(),
            (-1, Item::Integer(number)) => self.curve.replace(number).is_some(),
            (-1 | -2, Item::Bytes(bytes)) if self.first.is_none() => {
                self.first = Some(bytes);
                false
            }
            (-2 | -3, Item::Bytes(bytes)) => self.second.replace(bytes).is_some(),
            _ => false,
        };
        if twice { Err(PasskeyFault::Malformed) } else { Ok(()) }
    }

    fn key(&self) -> Result<PublicKey, PasskeyFault> {
        let fixed = |bytes: Option<&[u8]>| {
            bytes.and_then(|b| <[u8; 32]>::try_from(b).ok()).ok_or(PasskeyFault::Malformed)
        };
        match (self.kind, self.algorithm, self.curve) {
            (Some(1), Some(EDDSA), Some(6)) => {
                let key = VerifyingKey::from_bytes(&fixed(self.first)?);
                key.map(PublicKey::Ed25519).map_err(|_| PasskeyFault::Malformed)
            }
            (Some(2), Some(ES256), Some(1)) => {
                let (x, y) = (fixed(self.first)?, fixed(self.second)?);
                let mut point = [4; 65];
                let coordinates = x.into_iter().chain(y);
                point.iter_mut().skip(1).zip(coordinates).for_each(|(to, from)| *to = from);
                Ok(PublicKey::P256(point))
            }
            (Some(3), Some(RS256), None) => {
                let modulus = self.first.filter(|n| (256..=1024).contains(&n.len()));
                let exponent = self.second.filter(|e| (1..=8).contains(&e.len()));
                let both = modulus.zip(exponent).ok_or(PasskeyFault::Malformed)?;
                Ok(PublicKey::Rsa(both.0.to_vec(), both.1.to_vec()))
            }
            _ => Err(PasskeyFault::Algorithm),
        }
    }
}
