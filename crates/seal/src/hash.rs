//! Hashes, message authentication and key derivation.

use crate::Secret;
use aws_lc_rs::{digest, hkdf, hmac};
use std::fmt;
use subtle::ConstantTimeEq;

/// SHA-256 (FIPS 180-4).
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    fixed(digest::digest(&digest::SHA256, data).as_ref())
}

/// SHA-512 (FIPS 180-4).
#[must_use]
pub fn sha512(data: &[u8]) -> [u8; 64] {
    fixed(digest::digest(&digest::SHA512, data).as_ref())
}

/// SHA-256 of the parts one after another; the caller sees to it that the seams are unambiguous.
#[must_use]
pub fn sha256_parts(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    fixed(context.finish().as_ref())
}

/// SHA-256 of what comes piece by piece.
pub struct Sha256(digest::Context);

impl Sha256 {
    /// Of nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Goes on with a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest.
    #[must_use]
    pub fn end(self) -> [u8; 32] {
        fixed(self.0.finish().as_ref())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256(in progress)")
    }
}

/// SHA-1 (FIPS 180-4): to look something up in a list that others made of it. It protects nothing.
#[must_use]
pub fn sha1(data: &[u8]) -> [u8; 20] {
    fixed(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref())
}

/// HMAC-SHA256 (RFC 2104).
#[must_use]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    fixed(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref())
}

/// `N` bytes of HKDF-SHA256 (RFC 5869); `N` is at most 8160.
#[must_use]
pub fn hkdf_sha256<const N: usize>(key: &[u8], salt: &[u8], info: &[u8]) -> Secret<[u8; N]> {
    struct Bytes(usize);
    impl hkdf::KeyType for Bytes {
        fn len(&self) -> usize {
            self.0
        }
    }
    const { assert!(N <= 255 * 32, "HKDF-SHA256 yields at most 8160 bytes") };
    let mut out = [0; N];
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(key)
        .expand(&[info], Bytes(N))
        .and_then(|okm| okm.fill(&mut out))
        .expect("the length is within HKDF's bound, checked at compile time");
    Secret::new(out)
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A key for HMAC-SHA256 that does not print.
#[derive(Clone)]
pub struct MacKey(Secret<[u8; 32]>);

impl MacKey {
    /// From 32 secret bytes.
    #[must_use]
    pub const fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The tag of the parts, each preceded by its length, so that no two lists share a tag by their seams.
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context =
            hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, self.0.expose()));
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        fixed(context.sign().as_ref())
    }

    /// Whether `tag` is the tag of the parts, in constant time.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        equal(&self.tag(parts), tag)
    }

    /// The key itself, for a library that wants it (as a password hash's pepper).
    #[must_use]
    pub const fn secret(&self) -> &Secret<[u8; 32]> {
        &self.0
    }
}

impl fmt::Debug for MacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MacKey(..)")
    }
}

/// A digest's or tag's 32 bytes.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("a digest is as long as its algorithm makes it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        hex::decode(text).expect("a test vector is hex")
    }

    #[test]
    fn sha256_as_in_fips_180_4() {
        let check = |data: &[u8], digest| assert_eq!(hex::encode(sha256(data)), digest);
        check(b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        check(b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(sha256_parts(&[b"a", b"", b"bc"]), sha256(b"abc"));
    }

    #[test]
    fn sha1_as_in_fips_180_4() {
        let check = |data: &[u8], digest| assert_eq!(hex::encode(sha1(data)), digest);
        check(b"", "da39a3ee5e6b4b0d3255bfef95601890afd80709");
        check(b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn hmac_as_in_rfc_4231() {
        let check = |key: &str, data: &[u8], tag: &str| {
            assert_eq!(hex::encode(hmac_sha256(&unhex(key), data)), tag);
        };
        check(
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            b"Hi There",
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
        );
        check(
            "4a656665",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
    }

    #[test]
    fn hkdf_as_in_rfc_5869() {
        let ikm = [0x0b; 22];
        let okm = hkdf_sha256::<42>(
            &ikm,
            &unhex("000102030405060708090a0b0c"),
            &unhex("f0f1f2f3f4f5f6f7f8f9"),
        );
        assert_eq!(
            hex::encode(okm.expose()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
        let okm = hkdf_sha256::<42>(&ikm, b"", b"");
        assert_eq!(
            hex::encode(okm.expose()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        );
    }

    #[test]
    fn a_tag_covers_the_seams() {
        let key = MacKey::new(Secret::new([7; 32]));
        assert_ne!(key.tag(&[b"ab", b"c"]), key.tag(&[b"a", b"bc"]));
        assert!(key.verify(&[b"ab", b"c"], &key.tag(&[b"ab", b"c"])));
        assert!(!key.verify(&[b"ab", b"c"], &key.tag(&[b"ab", b"c"])[..16]));
        assert_eq!(format!("{key:?}"), "MacKey(..)");
    }

    #[test]
    fn equality_minds_the_length() {
        assert!(equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd") && !equal(b"abc", b"ab") && !equal(b"", b"a"));
    }
}
