//! Cosignatures (<https://c2sp.org/tlog-cosignature>, v1 with Ed25519): a witness says when it saw a
//! checkpoint, and that everything that it saw of this log before is in it.

use crate::{
    Error,
    note::{COSIGNATURE, key_id, key_text, parse_key, split},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use seal::{SigningKey, VerifyingKey};
use std::{fmt, str::FromStr};

/// The private half of a witness.
#[derive(Debug)]
pub struct Cosigner {
    key: SigningKey,
    public: WitnessKey,
}

/// A witness's key; as text, `name+id+key`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WitnessKey {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// What a witness said of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// Who said it.
    pub witness: String,
    /// When, by the witness's clock, to the second.
    pub time: Timestamp,
}

impl Cosigner {
    /// Under a name that is not empty and has neither spaces nor a plus sign.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, Error> {
        Ok(Self { public: WitnessKey::new(name, *key.verifying_key())?, key })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> &WitnessKey {
        &self.public
    }

    /// One signature line over a checkpoint; who calls this has judged it (see [`crate::judge`]).
    pub fn cosign(&self, note: &str, now: Timestamp) -> Result<String, Error> {
        let (text, _) = split(note)?;
        let seconds = u64::try_from(now.as_second()).map_err(|_| before_epoch())?;
        let mut bytes = self.public.id.to_vec();
        bytes.extend_from_slice(&seconds.to_be_bytes());
        bytes.extend_from_slice(&self.key.sign(message(seconds, text).as_bytes()));
        Ok(format!("\u{2014} {} {}\n", self.public.name, STANDARD.encode(bytes)))
    }
}

impl WitnessKey {
    /// Under a name that is not empty and has neither spaces nor a plus sign.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, Error> {
        Ok(Self { name: name.to_owned(), id: key_id(name, COSIGNATURE, &key)?, key })
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The newest of this witness's cosignatures on a checkpoint. Signatures of others are left alone; one
    /// by this key's name and id that does not fit the text is an error, not an absence.
    pub fn verify(&self, note: &str) -> Result<Option<Cosignature>, Error> {
        let (text, signatures) = split(note)?;
        let mut newest = None;
        for (name, bytes) in signatures {
            if name != self.name || bytes.first_chunk::<4>() != Some(&self.id) {
                continue;
            }
            newest = newest.max(Some(self.check(text, bytes.get(4..).unwrap_or_default())?));
        }
        Ok(newest.map(|time| Cosignature { witness: self.name.clone(), time }))
    }

    /// When the bytes behind a key id say that this witness saw the text.
    fn check(&self, text: &str, bytes: &[u8]) -> Result<Timestamp, Error> {
        let wrong = || Error::Signature { name: self.name.clone() };
        let (time, signature) = bytes.split_first_chunk::<8>().ok_or_else(wrong)?;
        let seconds = u64::from_be_bytes(*time);
        self.key.verify(message(seconds, text).as_bytes(), signature).map_err(|_| wrong())?;
        let seconds = i64::try_from(seconds).map_err(|_| wrong())?;
        Timestamp::from_second(seconds).map_err(|_| wrong())
    }
}

/// What a witness signs.
fn message(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

fn before_epoch() -> Error {
    Error::Time { text: "a time before 1970".to_owned() }
}

impl fmt::Display for WitnessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key_text(&self.name, COSIGNATURE, &self.key))
    }
}

impl FromStr for WitnessKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, key) = parse_key(text, COSIGNATURE)?;
        Self::new(name, key)
    }
}
