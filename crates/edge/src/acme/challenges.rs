//! What an ACME server will come and ask for, while an order is under way.

use super::Unissued;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use rustls::{
    crypto::aws_lc_rs as provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    sign::CertifiedKey,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

/// How a client says that it comes for a proof by TLS (RFC 8737 §4).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";
/// Proofs that stand at a time: one for each name of an order.
const POSTED_MAX: usize = 200;
/// Characters of a token.
const TOKEN_CHARS_MAX: usize = 256;

/// The proofs that stand now; every clone has the same ones.
#[derive(Debug, Clone, Default)]
pub struct Challenges(Arc<RwLock<Standing>>);

#[derive(Debug, Default)]
struct Standing {
    texts: BTreeMap<String, String>,
    certificates: BTreeMap<String, Arc<CertifiedKey>>,
}

/// A proof that stands until this is dropped.
#[derive(Debug)]
pub struct Posted {
    challenges: Challenges,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Text(String),
    Certificate(String),
}

impl Challenges {
    /// What to answer where `token` is asked for by HTTP.
    #[must_use]
    pub fn proof(&self, token: &str) -> Option<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).texts.get(token).cloned()
    }

    /// The certificate that proves `name` by TLS.
    pub(crate) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        let standing = self.0.read().unwrap_or_else(PoisonError::into_inner);
        standing.certificates.get(&name.to_ascii_lowercase()).cloned()
    }

    /// Lets `text` stand under `token`. A token is base64url and nothing else (RFC 8555 §8.1), so that no
    /// server can have us say what it likes under a path that it likes.
    pub fn post_text(&self, token: &str, text: &str) -> Result<Posted, Unissued> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if token.is_empty() || token.len() > TOKEN_CHARS_MAX || !token.bytes().all(letter) {
            return Err(Unissued::Token);
        }
        let mut standing = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if standing.texts.len() >= POSTED_MAX {
            return Err(Unissued::Crowded { limit: POSTED_MAX });
        }
        standing.texts.insert(token.to_owned(), text.to_owned());
        Ok(Posted { challenges: self.clone(), place: Place::Text(token.to_owned()) })
    }

    /// Lets a certificate stand for `name` that holds the SHA-256 of a key authorization (RFC 8737 §3).
    pub(crate) fn post_certificate(&self, name: &str, digest: &[u8]) -> Result<Posted, Unissued> {
        let fresh = Arc::new(proving(name, digest)?);
        let name = name.to_ascii_lowercase();
        let mut standing = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if standing.certificates.len() >= POSTED_MAX {
            return Err(Unissued::Crowded { limit: POSTED_MAX });
        }
        standing.certificates.insert(name.clone(), fresh);
        Ok(Posted { challenges: self.clone(), place: Place::Certificate(name) })
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        let mut standing = self.challenges.0.write().unwrap_or_else(PoisonError::into_inner);
        match &self.place {
            Place::Text(token) => drop(standing.texts.remove(token)),
            Place::Certificate(name) => drop(standing.certificates.remove(name)),
        }
    }
}

fn proving(name: &str, digest: &[u8]) -> Result<CertifiedKey, Unissued> {
    if digest.len() != 32 {
        return Err(Unissued::Token);
    }
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider::default_provider().key_provider.load_private_key(key)?;
    // Not by way of its checks: the extension is critical, so that nobody takes it for a certificate to believe.
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// The first characters of a hash, for a file's name.
pub(super) fn short_name(text: &str) -> String {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_stands_as_long_as_its_order() {
        let challenges = Challenges::default();
        let posted = challenges.post_text("a_b-C9", "a_b-C9.x").expect("a token");
        assert_eq!(challenges.clone().proof("a_b-C9").as_deref(), Some("a_b-C9.x"));
        drop(posted);
        assert_eq!(challenges.proof("a_b-C9"), None);
        let posted = challenges.post_certificate("Trade.example.org", &[7; 32]).expect("a name");
        assert!(challenges.certificate("trade.EXAMPLE.org").is_some());
        assert!(challenges.certificate("other.example.org").is_none());
        drop(posted);
        assert!(challenges.certificate("trade.example.org").is_none());
    }

    #[test]
    fn a_token_that_is_none_is_not_posted() {
        let challenges = Challenges::default();
        for token in ["", "../x", "a/b", "a.b", "<script>", "a b", "a\r\nb", &"a".repeat(257)] {
            assert!(matches!(challenges.post_text(token, "x"), Err(Unissued::Token)), "{token:?}");
        }
        assert!(matches!(challenges.post_certificate("a.example", &[1; 8]), Err(Unissued::Token)));
    }

    #[test]
    fn no_order_fills_the_memory() {
        let challenges = Challenges::default();
        let post = |n: usize| challenges.post_text(&format!("t{n}"), "x");
        let all: Vec<Posted> = (0..POSTED_MAX).map(|n| post(n).expect("there is room")).collect();
        assert!(matches!(post(POSTED_MAX), Err(Unissued::Crowded { .. })));
        drop(all);
        post(0).expect("there is room again");
    }
}
