//! The form of everything that is signed: lines of `name: value` in a fixed order, then the key, then
//! the signature over all bytes before it. There is one way to write each document, and no other is
//! taken.

use crate::Error;
use jiff::Timestamp;
use seal::{SigningKey, VerifyingKey, sha256};

/// A document, at most.
const BYTES_MAX: usize = 8 << 10;
const KEY: &str = "key";
const SIGNATURE: &str = "signature";
const ISSUER_PREFIX: &str = "ed25519:";

/// One kind of document.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Its first line.
    pub magic: &'static str,
    /// Its fields in order, without key and signature.
    pub fields: &'static [&'static str],
}

impl Form {
    /// Signs these values, one for each field.
    pub fn sign(&self, values: &[String], key: &SigningKey) -> String {
        let mut text = self.body(values, &issuer_id(key.verifying_key()));
        let signature = key.sign(text.as_bytes());
        text.push_str(&format!("{SIGNATURE}: {}\n", hex::encode(signature)));
        text
    }

    fn body(&self, values: &[String], key: &str) -> String {
        let mut text = format!("{}\n", self.magic);
        for (name, value) in self.fields.iter().zip(values) {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text.push_str(&format!("{KEY}: {key}\n"));
        text
    }

    /// The values of a document that one of the issuers signed, byte for byte as it stands.
    pub fn open<'a>(&self, text: &'a str, issuers: &[VerifyingKey]) -> Result<Vec<&'a str>, Error> {
        if text.len() > BYTES_MAX {
            return Err(Error::TooLong { bytes: text.len(), limit: BYTES_MAX });
        }
        let foreword = Error::Foreword { magic: self.magic };
        let (first, rest) = text.split_once('\n').ok_or_else(|| foreword.clone())?;
        if first != self.magic {
            return Err(foreword);
        }
        let mut reader = Reader { rest, line: 1 };
        let values = self.fields.iter().map(|name| reader.field(name)).collect::<Result<_, _>>()?;
        let key = reader.field(KEY)?;
        let signed = text.len() - reader.rest.len();
        let signature = reader.field(SIGNATURE)?;
        if !reader.rest.is_empty() {
            return Err(Error::Line { line: reader.line + 1, expected: "the end of the file" });
        }
        let issuer = issuers.iter().find(|issuer| issuer_id(issuer) == key);
        let issuer = issuer.ok_or_else(|| Error::UnknownIssuer { key: key.into() })?;
        let bytes = hex::decode(signature).map_err(|_| Error::Forged)?;
        let body = text.get(..signed).unwrap_or_default();
        // The digits of a signature have one case, so a document has one text.
        let canonical = hex::encode(&bytes) == signature;
        if !canonical || issuer.verify(body.as_bytes(), &bytes).is_err() {
            return Err(Error::Forged);
        }
        Ok(values)
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    fn field(&mut self, expected: &'static str) -> Result<&'a str, Error> {
        self.line += 1;
        let wrong = Error::Line { line: self.line, expected };
        let (line, rest) = self.rest.split_once('\n').ok_or_else(|| wrong.clone())?;
        let value = line.strip_prefix(expected).and_then(|line| line.strip_prefix(": "));
        self.rest = rest;
        value.ok_or(wrong)
    }
}

/// The short name of an issuer's key.
#[must_use]
pub fn issuer_id(key: &VerifyingKey) -> String {
    hex::encode(sha256(key.as_bytes())).get(..16).unwrap_or_default().to_owned()
}

/// An issuer's key as it stands in a configuration.
#[must_use]
pub fn issuer_to_text(key: &VerifyingKey) -> String {
    format!("{ISSUER_PREFIX}{}", hex::encode(key.as_bytes()))
}

/// Reads an issuer's key out of a configuration.
pub fn issuer_from_text(text: &str) -> Result<VerifyingKey, Error> {
    let bytes = text.trim().strip_prefix(ISSUER_PREFIX).and_then(|digits| hex::decode(digits).ok());
    bytes
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
        .ok_or_else(|| Error::IssuerKey { text: text.chars().take(100).collect() })
}

/// A time, to the second, as every document writes it.
pub fn time(field: &'static str, text: &str) -> Result<Timestamp, Error> {
    let time: Option<Timestamp> = text.parse().ok();
    time.filter(|time| time.to_string() == text && time.subsec_nanosecond() == 0)
        .ok_or(Error::Field { field, rule: "a time such as 2026-11-29T00:00:00Z" })
}

/// A number without signs and leading zeros.
pub fn number<N: std::str::FromStr + ToString>(
    field: &'static str,
    text: &str,
) -> Result<N, Error> {
    let number: Option<N> = text.parse().ok();
    number
        .filter(|number| number.to_string() == text)
        .ok_or(Error::Field { field, rule: "a whole number" })
}

/// Bytes in lower-case hexadecimal.
pub fn bytes<const LENGTH: usize>(field: &'static str, text: &str) -> Result<[u8; LENGTH], Error> {
    let bytes: Option<[u8; LENGTH]> =
        hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes
        .filter(|bytes| hex::encode(bytes) == text)
        .ok_or(Error::Field { field, rule: "bytes in lower-case hexadecimal" })
}

/// A short name: letters, digits, dashes.
pub fn name(field: &'static str, text: &str) -> Result<String, Error> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    let rule = "up to 64 lower-case letters, digits and dashes";
    if fits && text != "-" { Ok(text.to_owned()) } else { Err(Error::Field { field, rule }) }
}

/// A program's version: letters, digits, dots, dashes and plus signs.
pub fn version(field: &'static str, text: &str) -> Result<String, Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
    let fits = (1..=64).contains(&text.len()) && text.chars().all(allowed);
    let rule = "up to 64 letters, digits, dots, dashes and plus signs";
    if fits { Ok(text.to_owned()) } else { Err(Error::Field { field, rule }) }
}

/// To the second: what documents can write.
pub fn second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
