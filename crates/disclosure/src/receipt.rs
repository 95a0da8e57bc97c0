//! The receipt: by it, and by nothing else, whoever reported sees how the report stands.

use crate::Error;
use seal::{Entropy, Secret, random, sha256_parts};
use std::str::FromStr;
use zeroize::Zeroizing;

const PREFIX: &str = "srr_";
const LABEL: &[u8] = b"stockade/v1 receipt of a report\n";

/// A secret that is shown once; what is kept is its digest.
#[derive(Debug)]
pub struct Receipt(Secret<[u8; 20]>);

impl Receipt {
    /// A new one.
    #[must_use]
    pub fn draw(entropy: &mut dyn Entropy) -> Self {
        Self(Secret::new(random(entropy)))
    }

    /// What is shown, once.
    #[must_use]
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", hex::encode(self.0.expose())))
    }

    /// What is kept. The secret has 160 bits, so that nobody can try them all.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        sha256_parts(&[LABEL, self.0.expose()])
    }
}

impl FromStr for Receipt {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.trim().strip_prefix(PREFIX).ok_or(Error::Receipt)?;
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| Error::Receipt)?;
        Ok(Self(Secret::new(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    #[test]
    fn a_receipt_is_known_again_by_its_digest_alone() {
        let [one, other] = [1, 2].map(|seed| Receipt::draw(&mut SeededEntropy::new(seed)));
        let text = one.text();
        let again: Receipt = format!(" {}\r\n", *text).parse().expect("pasted");
        assert_eq!(again.hash(), one.hash());
        assert_ne!(other.hash(), one.hash());
        assert!(!format!("{one:?}").contains(&text[4..]), "it does not print");
        let check =
            |text: &str| assert_eq!(text.parse::<Receipt>().expect_err(text), Error::Receipt);
        check("");
        check(&text[4..]);
        check(&text[..43]);
        check(&format!("{}0", *text));
        check(&text.replace("srr_", "stk_"));
    }
}
