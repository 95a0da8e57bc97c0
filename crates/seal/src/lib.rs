//! Knows: secrets, envelopes, signatures: pure functions over bytes.
//! Never knows: where a key lives, or what it protects.

#![forbid(unsafe_code)]

mod age;
mod entropy;
mod envelope;
mod foreign;
mod hash;
mod hpke;
mod minisign;
mod openpgp;
mod rsa;
mod secret;
mod sign;
mod xaes;

pub use age::{AGE_BYTES_MAX, AgeIdentity, AgeRecipient, age_armour, age_file};
pub use entropy::{Entropy, SeededEntropy, random};
pub use envelope::{Aad, KeyId, OVERHEAD_BYTES, SealingKey};
pub use foreign::{verify_es256, verify_rs256};
pub use hash::{
    MacKey, Sha256, equal, hkdf_sha256, hmac_sha256, sha1, sha256, sha256_parts, sha512,
};
pub use hpke::{Identity, Recipient};
pub use minisign::{Blake2b, MINISIGN_BYTES_MAX, MinisignKey, MinisignPublicKey};
pub use openpgp::{OPENPGP_BYTES_MAX, OpenPgpCertificate, OpenPgpKey, OpenPgpText};
pub use rsa::{RsaSigningKey, rsa_verify};
pub use secret::Secret;
pub use sign::{SigningKey, VerifyingKey};
pub use xaes::XaesKey;

/// Everything that can go wrong with sealed or signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Fewer bytes than the frame alone needs.
    #[error("a sealed value has {found} bytes; the frame alone takes {needed}")]
    Truncated {
        /// Bytes given.
        found: usize,
        /// Bytes of an empty sealed value.
        needed: usize,
    },
    /// The first byte names a layout that this version does not read.
    #[error("sealed value has layout {found}; this version reads layout 1: update the program")]
    Layout {
        /// The byte found.
        found: u8,
    },
    /// Sealed under another key than the one tried.
    #[error("sealed under key {found}, tried with key {tried}")]
    WrongKey {
        /// The id inside the sealed value.
        found: KeyId,
        /// The id of the key at hand.
        tried: KeyId,
    },
    /// The ciphertext was altered, or moved to a row, column or tenant that it was not sealed for.
    #[error("a sealed value was altered or moved from where it was sealed")]
    Forged,
    /// The signature does not belong to this message and key.
    #[error("the signature does not match")]
    Signature,
    /// Not a private RSA key that may sign.
    #[error("not an RSA key of 2048 to 8192 bits in PKCS#8: make one with `openssl genpkey`")]
    RsaKey,
    /// Not the text of half a key pair.
    #[error(
        "a key that begins with {begins} and has 72 digits behind it is expected here, whole and unaltered"
    )]
    KeyText {
        /// What it should begin with.
        begins: &'static str,
    },
    /// Not a recipient or identity of age.
    #[error(
        "no key of age: a recipient begins with age1, an identity with AGE-SECRET-KEY-1; `age-keygen` makes both"
    )]
    AgeKey,
    /// Not a file of age that is read here, or a text too long for one.
    #[error("no file of age with X25519 recipients, or more than 64 KiB")]
    AgeFile,
    /// None of the file's recipients is this identity.
    #[error("not sealed to this identity: take the one of a recipient that it was sealed to")]
    AgeRecipient,
    /// Not a certificate or a signed text of `OpenPGP` that is read here.
    #[error(
        "OpenPGP: {why}; a key of version 4 with Ed25519 and SHA-256 is read, and nothing else"
    )]
    OpenPgp {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a key or a signature of minisign that is read here.
    #[error(
        "minisign: {why}; `minisign -G` makes a pair of keys, and files are signed hashed (ED)"
    )]
    Minisign {
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not a 64-byte signature, or not a 32-byte key.
    #[error("expected {expected} bytes, found {found}")]
    Length {
        /// Bytes wanted.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
}
