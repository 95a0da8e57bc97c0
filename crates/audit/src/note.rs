//! Signed notes (<https://c2sp.org/signed-note>) with Ed25519 keys.

use crate::Error;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use seal::{SigningKey, VerifyingKey, sha256_parts};
use std::{fmt, str::FromStr};

/// The signature type of Ed25519 in key ids and key texts.
const ED25519: u8 = 0x01;
/// That of a cosignature by Ed25519 (<https://c2sp.org/tlog-cosignature>).
pub(crate) const COSIGNATURE: u8 = 0x04;
const SIGNATURES_MAX: usize = 64;
/// The largest note that is read at all.
pub(crate) const NOTE_BYTES_MAX: usize = 262_144;

/// A named key that signs notes.
#[derive(Debug)]
pub struct Signer {
    verifier: Verifier,
    key: SigningKey,
}

impl Signer {
    /// Under a name that is not empty and has neither spaces nor a plus sign.
    pub fn new(name: &str, key: SigningKey) -> Result<Self, Error> {
        Ok(Self { verifier: Verifier::new(name, *key.verifying_key())?, key })
    }

    /// Under the name that the key itself gives: `stockade.log/` and 16 digits of its hash.
    #[must_use]
    pub fn named_by_key(key: SigningKey) -> Self {
        let digest = seal::sha256(key.verifying_key().as_bytes());
        let name =
            format!("stockade.log/{}", hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8])));
        Self::new(&name, key).expect("hexadecimal digits make a key name")
    }

    /// The public half.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The note: the text, an empty line, one signature line.
    pub fn sign(&self, text: &str) -> Result<String, Error> {
        let malformed = |problem| Error::Malformed { what: "note", line: 1, problem };
        if !text.ends_with('\n') || text.contains("\n\n") {
            return Err(malformed("a note's text ends in one line end and has no empty line"));
        }
        if text.chars().any(|c| c < ' ' && c != '\n') {
            return Err(malformed("a note has no control characters"));
        }
        let mut signature = self.verifier.id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()));
        Ok(format!("{text}\n\u{2014} {} {}\n", self.verifier.name, STANDARD.encode(signature)))
    }
}

/// A named key that checks notes; as text, `name+id+key`, as other implementations write it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

impl Verifier {
    /// Under a name that is not empty and has neither spaces nor a plus sign.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, Error> {
        let id = key_id(name, ED25519, &key)?;
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The key's name; for a log, its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name and id, by which other formats than notes tell keys apart.
    pub(crate) fn key_id(&self) -> String {
        format!("{}+{}", self.name, hex::encode(self.id))
    }

    pub(crate) const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// The note's text, if this key signed it; signatures of others are left alone.
    pub fn verify<'a>(&self, note: &'a str) -> Result<&'a str, Error> {
        let (text, signatures) = split(note)?;
        let mut found = Vec::new();
        let mut signed = false;
        for (name, signature) in signatures {
            let id = signature.first_chunk::<4>();
            if name != self.name || id != Some(&self.id) {
                found.push(name.to_owned());
                continue;
            }
            self.key
                .verify(text.as_bytes(), signature.get(4..).unwrap_or_default())
                .map_err(|_| Error::Signature { name: self.name.clone() })?;
            signed = true;
        }
        if signed { Ok(text) } else { Err(Error::Unsigned { name: self.name.clone(), found }) }
    }

    /// Whether this key may be trusted, given the one that was seen before.
    pub fn trust(&self, pinned: Option<&Self>) -> Result<Trust, Error> {
        match pinned {
            None => Ok(Trust::FirstUse),
            Some(pinned) if pinned == self => Ok(Trust::Pinned),
            Some(pinned) => {
                Err(Error::KeyChanged { pinned: pinned.to_string(), offered: self.to_string() })
            }
        }
    }
}

/// Why a log's key is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It is the key that the verifier was given, or saw before.
    Pinned,
    /// It came with what it signs: first use, not checked.
    FirstUse,
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "checked against the key given",
            Self::FirstUse => "first use, not checked",
        })
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&key_text(&self.name, ED25519, &self.key))
    }
}

impl FromStr for Verifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, key) = parse_key(text, ED25519)?;
        Self::new(name, key)
    }
}

/// SHA-256(name, 0x0A, type, public key), cut to four bytes.
pub(crate) fn key_id(name: &str, kind: u8, key: &VerifyingKey) -> Result<[u8; 4], Error> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    if name.is_empty() || name.len() > 256 || !name.chars().all(plain) {
        let problem = "a key's name has 1 to 256 bytes, no space, no plus sign";
        return Err(Error::Malformed { what: "key", line: 1, problem });
    }
    let digest = sha256_parts(&[name.as_bytes(), &[b'\n', kind], key.as_bytes()]);
    let [a, b, c, d, ..] = digest;
    Ok([a, b, c, d])
}

/// A key as `name+id+key`.
pub(crate) fn key_text(name: &str, kind: u8, key: &VerifyingKey) -> String {
    let id = key_id(name, kind, key).unwrap_or_default();
    let bytes = [&[kind], key.as_bytes().as_slice()].concat();
    format!("{name}+{}+{}", hex::encode(id), STANDARD.encode(bytes))
}

/// Reads a key of one type as `name+id+key`.
pub(crate) fn parse_key(text: &str, kind: u8) -> Result<(&str, VerifyingKey), Error> {
    let malformed = |problem| Error::Malformed { what: "key", line: 1, problem };
    let mut parts = text.trim_end_matches('\n').splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(malformed("a key is written name+id+key"));
    };
    let key = STANDARD.decode(key).map_err(|_| malformed("the key is not base64"))?;
    let key = match key.split_first() {
        Some((&found, key)) if found == kind => key,
        Some((&COSIGNATURE, _)) => {
            return Err(malformed("this is a witness's key, and a log's is wanted"));
        }
        Some((&ED25519, _)) => {
            return Err(malformed("this is a log's key, and a witness's is wanted"));
        }
        _ => return Err(malformed("the key is not an Ed25519 key")),
    };
    let key = VerifyingKey::from_bytes(key).map_err(|_| malformed("the key has not 32 bytes"))?;
    if hex::encode(key_id(name, kind, &key)?) == id {
        Ok((name, key))
    } else {
        Err(malformed("the id does not belong to this name and key"))
    }
}

/// A key's name, and its id with the signature.
pub(crate) type Signature<'a> = (&'a str, Vec<u8>);

/// The text of a note with its last line end, and the signatures behind it.
pub(crate) fn split(note: &str) -> Result<(&str, Vec<Signature<'_>>), Error> {
    let malformed = |line, problem| Error::Malformed { what: "note", line, problem };
    if note.len() > NOTE_BYTES_MAX {
        return Err(malformed(1, "larger than 256 KiB"));
    }
    if note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(malformed(1, "has control characters"));
    }
    let at = note.rfind("\n\n").ok_or(malformed(1, "no empty line before the signatures"))?;
    let (text, rest) = note.split_at(at + 1);
    let mut line = text.lines().count() + 1;
    let block = rest
        .strip_prefix('\n')
        .and_then(|rest| rest.strip_suffix('\n'))
        .ok_or(malformed(line, "no signature line, or no line end after it"))?;
    let mut signatures = Vec::new();
    for text in block.split('\n') {
        line += 1;
        if signatures.len() == SIGNATURES_MAX {
            return Err(malformed(line, "more than 64 signatures"));
        }
        let named = text.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' '));
        let (name, signature) = named.ok_or(malformed(line, "not a signature line"))?;
        let bytes = STANDARD.decode(signature).map_err(|_| malformed(line, "not base64"))?;
        if name.is_empty() || bytes.len() < 5 {
            return Err(malformed(line, "not a signature line"));
        }
        signatures.push((name, bytes));
    }
    Ok((text, signatures))
}
