//! RSA signatures (PKCS#1 v1.5 with SHA-256, RFC 8017), for those who do not read Ed25519 yet.

use crate::{Error, Secret};
use aws_lc_rs::{
    digest::{SHA256, digest},
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeyPair,
    signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey},
};
use std::fmt;

/// An RSA key that signs, of 2,048 to 8,192 bits.
pub struct RsaSigningKey {
    pair: KeyPair,
    public: Vec<u8>,
}

impl RsaSigningKey {
    /// From PKCS#8 DER, unencrypted.
    pub fn from_pkcs8(der: &Secret<Vec<u8>>) -> Result<Self, Error> {
        let pair = KeyPair::from_pkcs8(der.expose()).map_err(|_| Error::RsaKey)?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())
            .map_err(|_| Error::RsaKey)?
            .as_ref()
            .to_vec();
        Ok(Self { pair, public })
    }

    /// The signature over `message`; it has as many bytes as the modulus.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign_digest(&RSA_PKCS1_SHA256, &digest(&SHA256, message), &mut signature)
            .expect("the key was checked when it was read, and the buffer has the modulus' length");
        signature
    }

    /// The public half, as a `SubjectPublicKeyInfo` (RFC 5280) in DER.
    #[must_use]
    pub fn public_der(&self) -> &[u8] {
        &self.public
    }
}

/// Whether `signature` is over `message`, by the key whose `SubjectPublicKeyInfo` or `RSAPublicKey` is given.
pub fn rsa_verify(public_der: &[u8], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_der)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}

impl fmt::Debug for RsaSigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaSigningKey({} bits)", self.pair.public_modulus_len() * 8)
    }
}
