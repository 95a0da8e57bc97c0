//! XAES-256-GCM as specified by C2SP: AES-256-GCM under a key derived from half of a 192-bit nonce.

use crate::{Error, Secret};
use aws_lc_rs::{aead, cmac};
use std::fmt;
use zeroize::Zeroize;

/// Bytes of a nonce; random ones never repeat in practice (2^80 messages at collision risk 2^-32).
pub const NONCE_BYTES: usize = 24;
/// Bytes of the tag behind the ciphertext.
pub const TAG_BYTES: usize = 16;

/// A key of XAES-256-GCM (<https://c2sp.org/XAES-256-GCM>).
pub struct XaesKey(cmac::Key);

impl XaesKey {
    /// From 32 secret bytes.
    #[must_use]
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(cmac::Key::new(cmac::AES_256, key.expose()).expect("AES-256 takes 32 bytes"))
    }

    /// Ciphertext and tag; the nonce must never be used again with this key.
    #[must_use]
    pub fn seal(&self, nonce: &[u8; NONCE_BYTES], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let (key, nonce) = self.derive(nonce);
        let mut out = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        out.extend_from_slice(plaintext);
        key.seal_in_place_append_tag(nonce, aead::Aad::from(aad), &mut out)
            .expect("a value in memory is shorter than GCM's 64 GiB");
        out
    }

    /// The plaintext, or that ciphertext, nonce, additional data and key do not belong together.
    pub fn open(
        &self,
        nonce: &[u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, Error> {
        let (key, nonce) = self.derive(nonce);
        let mut buffer = sealed.to_vec();
        let opened = key.open_in_place(nonce, aead::Aad::from(aad), &mut buffer);
        let Ok(length) = opened.map(|plaintext| plaintext.len()) else {
            buffer.zeroize();
            return Err(Error::Forged);
        };
        buffer.truncate(length);
        Ok(Secret::new(buffer))
    }

    /// The spec's Kx and Nx: CMAC over one block for each half of the key.
    fn derive(&self, nonce: &[u8; NONCE_BYTES]) -> (aead::LessSafeKey, aead::Nonce) {
        let (context, rest) = nonce.split_at(12);
        let mut derived = [0_u8; 32];
        for (half, counter) in derived.chunks_exact_mut(16).zip(1_u8..) {
            let mut block = [0, counter, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            for (to, from) in block.iter_mut().skip(4).zip(context) {
                *to = *from;
            }
            let tag = cmac::sign(&self.0, &block).expect("CMAC takes any message");
            half.copy_from_slice(tag.as_ref());
        }
        let key = aead::UnboundKey::new(&aead::AES_256_GCM, &derived)
            .expect("AES-256-GCM takes 32 bytes");
        derived.zeroize();
        let nonce = aead::Nonce::try_assume_unique_for_key(rest).expect("24 - 12 bytes");
        (aead::LessSafeKey::new(key), nonce)
    }
}

impl fmt::Debug for XaesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("XaesKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vectors of the specification.
    #[test]
    fn xaes_256_gcm_as_in_the_c2sp_specification() {
        let check = |byte: u8, aad: &[u8], expected: &str| {
            let key = XaesKey::new(&Secret::new([byte; 32]));
            let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
            let sealed = key.seal(nonce, aad, b"XAES-256-GCM");
            assert_eq!(hex::encode(&sealed), expected);
            let opened = key.open(nonce, aad, &sealed).expect("it was sealed here");
            assert_eq!(opened.expose(), b"XAES-256-GCM");
        };
        check(1, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271");
        check(
            3,
            b"c2sp.org/XAES-256-GCM",
            "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
        );
    }

    #[test]
    fn a_key_does_not_print() {
        assert_eq!(format!("{:?}", XaesKey::new(&Secret::new([9; 32]))), "XaesKey(..)");
    }
}
