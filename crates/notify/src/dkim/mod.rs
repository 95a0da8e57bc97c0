//! DKIM signatures (RFC 6376), by Ed25519 (RFC 8463) and by RSA beside it.
//!
//! Both signatures are relaxed/relaxed, cover the whole body, and name every header field once more than the
//! message has it, so that nobody can add a second `From` or `Subject` on the way and keep the signature. They
//! run out (`x=`), since what was signed once could be sent again for ever.

mod canonical;
#[cfg(test)]
mod tests;

use crate::Error;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use canonical::{Parts, body, header, signed_text};
use jiff::{SignedDuration, Timestamp};
use seal::{RsaSigningKey, SigningKey, sha256};
use std::fmt;

/// The fields that are signed, in this order, each once more than it is there (RFC 6376, section 5.4.1).
const SIGNED: [&str; 16] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Language",
    "Auto-Submitted",
    "List-Unsubscribe",
];
/// Keys that sign one message, at most.
const KEYS_MAX: usize = 4;
/// The largest message that is signed.
pub(crate) const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// How wide a line of the signature's field is.
const COLUMNS: usize = 76;

/// A private key of a domain, of one of the two kinds that verifiers read.
#[derive(Debug)]
pub enum DkimKey {
    /// Ed25519: short, and not yet read by everybody.
    Ed25519(Box<SigningKey>),
    /// RSA with SHA-256: long, and read by all.
    Rsa(Box<RsaSigningKey>),
}

impl DkimKey {
    /// What `a=` says.
    const fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519-sha256",
            Self::Rsa(_) => "rsa-sha256",
        }
    }

    /// What `k=` of the key's record says.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "ed25519",
            Self::Rsa(_) => "rsa",
        }
    }

    /// What `p=` of the key's record says: the public half in Base64.
    #[must_use]
    pub fn public(&self) -> String {
        match self {
            Self::Ed25519(key) => BASE64.encode(key.verifying_key().as_bytes()),
            Self::Rsa(key) => BASE64.encode(key.public_der()),
        }
    }

    /// RFC 8463 signs the SHA-256 of the text, RSA hashes the text itself.
    fn sign(&self, text: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(&sha256(text)).to_vec(),
            Self::Rsa(key) => key.sign(text),
        }
    }
}

/// Signs the mail of one domain.
pub struct Signer {
    domain: String,
    keys: Vec<(String, DkimKey)>,
}

impl Signer {
    /// How long a signature holds: longer than any mail server keeps a mail that it cannot deliver.
    pub const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

    /// For `domain`, by keys that are found in DNS under their selectors.
    pub fn new(domain: &str, keys: Vec<(String, DkimKey)>) -> Result<Self, Error> {
        let domain = crate::mailbox::domain(domain)?;
        if keys.is_empty() || keys.len() > KEYS_MAX {
            return Err(Error::Malformed { what: "mail.dkim", why: "sign with one to four keys" });
        }
        for (at, (selector, _)) in keys.iter().enumerate() {
            check_selector(selector)?;
            if keys.iter().take(at).any(|(other, _)| other == selector) {
                let why = "each key needs a selector of its own";
                return Err(Error::Malformed { what: "mail.selector", why });
            }
        }
        Ok(Self { domain, keys })
    }

    /// The domain that signs, in ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The keys with their selectors.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &DkimKey)> {
        self.keys.iter().map(|(selector, key)| (selector.as_str(), key))
    }

    /// The message with a signature of each key before it; `message` has the lines of RFC 5322, with CRLF.
    pub fn sign(&self, message: &[u8], now: Timestamp) -> Result<Vec<u8>, Error> {
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(Error::Message { why: "it is larger than 256 KiB" });
        }
        let parts = Parts::of(message)?;
        let body_hash = BASE64.encode(sha256(&body(parts.body)));
        let mut signed = Vec::with_capacity(message.len() + 2048);
        for (selector, key) in &self.keys {
            signed.extend(self.field(&parts, (selector, key), &body_hash, now).into_bytes());
        }
        signed.extend_from_slice(message);
        Ok(signed)
    }

    /// One `DKIM-Signature` field with its line end.
    fn field(
        &self,
        parts: &Parts<'_>,
        (selector, key): (&str, &DkimKey),
        body_hash: &str,
        now: Timestamp,
    ) -> String {
        let names = oversigned(parts);
        let until = now.checked_add(Self::LIFETIME).unwrap_or(Timestamp::MAX);
        let mut value = format!(
            " v=1; a={}; c=relaxed/relaxed;\r\n d={};\r\n s={selector}; t={}; x={};",
            key.algorithm(),
            self.domain,
            now.as_second(),
            until.as_second(),
        );
        value.push_str(&folded_names(&names));
        value.push_str(&format!("\r\n bh={body_hash};\r\n b="));
        let text = signed_text(parts, &names, &header("DKIM-Signature", value.as_bytes()));
        let signature = BASE64.encode(key.sign(&text));
        let mut left = signature.as_str();
        while !left.is_empty() {
            let (line, rest) = left.split_at(left.len().min(COLUMNS - 4));
            value.push_str(line);
            if !rest.is_empty() {
                value.push_str("\r\n  ");
            }
            left = rest;
        }
        format!("DKIM-Signature:{value}\r\n")
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({}, {} keys)", self.domain, self.keys.len())
    }
}

/// Every name of [`SIGNED`], as often as the message has it and once more.
fn oversigned(parts: &Parts<'_>) -> Vec<&'static str> {
    let times = |name: &&'static str| std::iter::repeat_n(*name, parts.count(name) + 1);
    SIGNED.iter().flat_map(times).collect()
}

/// `h=`, folded behind colons.
fn folded_names(names: &[&str]) -> String {
    let mut text = String::new();
    let mut line = "\r\n h=".to_owned();
    for (at, name) in names.iter().enumerate() {
        let end = if at + 1 == names.len() { ";" } else { ":" };
        if line.len() + name.len() + end.len() > COLUMNS + 2 {
            text.push_str(&line);
            "\r\n  ".clone_into(&mut line);
        }
        line.push_str(name);
        line.push_str(end);
    }
    text + &line
}

/// One label of a domain name, or several.
fn check_selector(selector: &str) -> Result<(), Error> {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if selector.len() <= 63 && selector.split('.').all(label) {
        return Ok(());
    }
    let why = "a selector has small letters, digits and hyphens, as mail2027";
    Err(Error::Malformed { what: "mail.selector", why })
}
