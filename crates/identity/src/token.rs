//! One-time tokens: 256 random bits, stored as their hash.

use crate::Error;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use seal::{Entropy, Secret, random, sha256_parts};
use std::str::FromStr;

/// The value in a set-up link; only a POST consumes it. It does not print.
#[derive(Debug, Clone)]
pub struct SetupToken(Secret<[u8; 32]>);

/// What is stored of a token. 256 random bits need no salt and no slow hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenHash([u8; 32]);

impl SetupToken {
    /// A fresh one.
    #[must_use]
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(Secret::new(random(entropy)))
    }

    /// For the link's fragment: 43 characters of base64url.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        Secret::new(URL_SAFE_NO_PAD.encode(self.0.expose()))
    }

    /// For the database.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash::of("set-up", self.0.expose())
    }
}

impl FromStr for SetupToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        decode(text).map(Self).ok_or(Error::Ticket)
    }
}

impl TokenHash {
    pub(crate) fn of(purpose: &str, bytes: &[u8; 32]) -> Self {
        // The purpose is a constant of ours and the token has a fixed length: no seam is unclear.
        Self(sha256_parts(&[b"stockade/v1 token ", purpose.as_bytes(), bytes]))
    }

    /// From the stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        bytes.try_into().map(Self).map_err(|_| Error::Content { field: "token hash" })
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn matches(&self, other: &Self) -> bool {
        seal::equal(&self.0, &other.0)
    }
}

/// 32 bytes of canonical base64url without padding.
pub(crate) fn decode(text: &str) -> Option<Secret<[u8; 32]>> {
    // Bounded before decoding: 43 characters are 32 bytes.
    if text.len() != 43 {
        return None;
    }
    let bytes = Secret::new(URL_SAFE_NO_PAD.decode(text).ok()?);
    bytes.expose().as_slice().try_into().ok().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    #[test]
    fn a_token_goes_round_as_text_and_is_stored_as_a_hash() {
        let token = SetupToken::generate(&mut SeededEntropy::new(1));
        let text = token.text();
        let read: SetupToken = text.expose().parse().expect("our own text");
        assert_eq!(read.hash(), token.hash());
        assert_eq!(TokenHash::from_bytes(token.hash().as_bytes()), Ok(token.hash()));
        assert_ne!(SetupToken::generate(&mut SeededEntropy::new(2)).hash(), token.hash());
        assert!(!format!("{token:?}").contains(text.expose()));
    }

    #[test]
    fn other_texts_are_refused() {
        let text = SetupToken::generate(&mut SeededEntropy::new(1)).text().expose().clone();
        for bad in ["", "x", &text[1..], &format!("{text}="), &format!("{text}A"), &"!".repeat(43)]
        {
            assert!(matches!(bad.parse::<SetupToken>(), Err(Error::Ticket)), "{bad}");
        }
    }
}
