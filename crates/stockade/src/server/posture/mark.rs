//! By what the server knows its own requests: they take nothing of the quota of whoever works on this machine.

use http::{HeaderMap, HeaderName, HeaderValue};
use kms::SystemEntropy;
use seal::{Entropy, sha256};

const HEADER: HeaderName = HeaderName::from_static("stockade-self-test");

/// A secret of this process, drawn when it starts and never written down.
pub struct Mark {
    value: HeaderValue,
    digest: [u8; 32],
}

impl Mark {
    /// A new one.
    #[must_use]
    pub fn draw() -> Self {
        let mut bytes = [0; 32];
        SystemEntropy::new().fill(&mut bytes);
        let text = hex::encode(bytes);
        let digest = sha256(text.as_bytes());
        let mut value =
            HeaderValue::try_from(text).expect("hexadecimal digits are a header's value");
        value.set_sensitive(true);
        Self { value, digest }
    }

    /// The header that carries it.
    #[must_use]
    pub fn header(&self) -> (HeaderName, HeaderValue) {
        (HEADER, self.value.clone())
    }

    /// Whether a request is the server's own. Digests are compared, so the time says nothing of the secret.
    #[must_use]
    pub fn is_on(&self, headers: &HeaderMap) -> bool {
        headers.get(HEADER).is_some_and(|value| sha256(value.as_bytes()) == self.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_mark_is_known() {
        let (own, other) = (Mark::draw(), Mark::draw());
        let with = |value: Option<HeaderValue>| {
            value.map(|value| (HEADER, value)).into_iter().collect::<HeaderMap>()
        };
        assert!(own.is_on(&with(Some(own.header().1))));
        assert!(!own.is_on(&with(Some(other.header().1))));
        assert!(!own.is_on(&with(Some(HeaderValue::from_static("")))));
        assert!(!own.is_on(&with(None)));
        assert!(!format!("{:?}", own.header().1).contains(own.value.to_str().expect("text")));
    }
}
