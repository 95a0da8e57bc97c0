//! Signatures of others that we only check: ES256 (ECDSA on P-256, FIPS 186-5) and RS256 (RSASSA
//! PKCS#1 v1.5 with SHA-256, RFC 8017), as authenticators make them.

use crate::Error;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};

/// Checks an ES256 signature in its ASN.1 form under the uncompressed point `0x04 ‖ x ‖ y`.
pub fn verify_es256(point: &[u8; 65], message: &[u8], signature: &[u8]) -> Result<(), Error> {
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(message, signature)
        .map_err(|_| Error::Signature)
}

/// Checks an RS256 signature under a modulus (2048 to 8192 bits) and an exponent, big endian.
pub fn verify_rs256(key: (&[u8], &[u8]), message: &[u8], signature: &[u8]) -> Result<(), Error> {
    RsaPublicKeyComponents { n: key.0, e: key.1 }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
        .map_err(|_| Error::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no key made verifies under no key, and malformed keys are an error, not a panic. That
    /// good signatures verify is shown with real authenticators' answers in `identity`.
    #[test]
    fn nonsense_is_refused() {
        assert!(verify_es256(&[4; 65], b"m", b"s").is_err());
        assert!(verify_es256(&[0; 65], b"", b"").is_err());
        assert!(verify_rs256((&[], &[]), b"m", b"s").is_err());
        assert!(verify_rs256((&[0xff; 64], &[1, 0, 1]), b"m", &[1; 64]).is_err());
        assert!(verify_rs256((&[0xff; 256], &[1, 0, 1]), b"m", &[1; 256]).is_err());
    }
}
