//! A sealed field: layout byte, key id, nonce, ciphertext, tag; bound to the place it belongs to.

use crate::{
    Entropy, Error, Secret, hkdf_sha256, random,
    xaes::{NONCE_BYTES, TAG_BYTES, XaesKey},
};
use std::fmt;

const LAYOUT: u8 = 1;
const KEY_ID_BYTES: usize = 16;
/// How many bytes longer a sealed value is than its plaintext.
pub const OVERHEAD_BYTES: usize = 1 + KEY_ID_BYTES + NONCE_BYTES + TAG_BYTES;

/// The name of a key, derived from it: a ciphertext thereby commits to its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId([u8; KEY_ID_BYTES]);

impl KeyId {
    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; KEY_ID_BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a sealed value belongs; elsewhere it does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aad<'a> {
    /// Whose it is: an account's id, or the server's own name for itself.
    pub tenant: &'a str,
    /// The table.
    pub table: &'a str,
    /// The row's primary key, as text.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
    /// The type of the plaintext, such as `text` or `json`.
    pub kind: &'a str,
}

impl Aad<'_> {
    /// `stockade/v1` and every part behind its length, so that no two places share their bytes.
    fn encode(&self, key: KeyId) -> Vec<u8> {
        let parts: [&[u8]; 7] = [
            b"stockade/v1",
            self.tenant.as_bytes(),
            self.table.as_bytes(),
            self.row.as_bytes(),
            self.column.as_bytes(),
            self.kind.as_bytes(),
            &key.0,
        ];
        let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
        for part in parts {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

/// A key that seals fields: XAES-256-GCM with random nonces.
pub struct SealingKey {
    key: Secret<[u8; 32]>,
    cipher: XaesKey,
    id: KeyId,
}

impl SealingKey {
    /// From 32 secret bytes.
    #[must_use]
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        let id = hkdf_sha256(key.expose(), b"", b"stockade/v1 commit");
        Self { cipher: XaesKey::new(&key), id: KeyId(*id.expose()), key }
    }

    /// The key of one column: HKDF-SHA256(this key, table, column).
    #[must_use]
    pub fn column(&self, table: &str, column: &str) -> Self {
        let mut info = b"stockade/v1 column".to_vec();
        for part in [table, column] {
            info.extend_from_slice(&(part.len() as u64).to_be_bytes());
            info.extend_from_slice(part.as_bytes());
        }
        Self::new(hkdf_sha256(self.key.expose(), b"", &info))
    }

    /// The name of the key.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Whether a sealed value says that this key sealed it; opening it is the proof.
    #[must_use]
    pub fn is_named_in(&self, sealed: &[u8]) -> bool {
        sealed.get(1..=KEY_ID_BYTES).is_some_and(|id| id == self.id.0)
    }

    /// Seals `plaintext` for the place that `aad` names, [`OVERHEAD_BYTES`] longer.
    #[must_use]
    pub fn seal(
        &self,
        aad: &Aad<'_>,
        plaintext: &[u8],
        entropy: &mut (impl Entropy + ?Sized),
    ) -> Vec<u8> {
        let nonce = random::<NONCE_BYTES>(entropy);
        let mut out = Vec::with_capacity(plaintext.len() + OVERHEAD_BYTES);
        out.push(LAYOUT);
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&self.cipher.seal(&nonce, &aad.encode(self.id), plaintext));
        out
    }

    /// The plaintext, if this key sealed it for the very place that `aad` names.
    pub fn open(&self, aad: &Aad<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
        let truncated = || Error::Truncated { found: sealed.len(), needed: OVERHEAD_BYTES };
        let (&layout, rest) = sealed.split_first().ok_or_else(truncated)?;
        if layout != LAYOUT {
            return Err(Error::Layout { found: layout });
        }
        let (id, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or_else(truncated)?;
        if rest.len() < TAG_BYTES {
            return Err(truncated());
        }
        if !crate::equal(id, &self.id.0) {
            return Err(Error::WrongKey { found: KeyId(*id), tried: self.id });
        }
        self.cipher.open(nonce, &aad.encode(self.id), rest)
    }
}

impl Clone for SealingKey {
    fn clone(&self) -> Self {
        Self { cipher: XaesKey::new(&self.key), id: self.id, key: self.key.clone() }
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;
    use proptest::prelude::*;

    const HERE: Aad<'static> =
        Aad { tenant: "alice", table: "accounts", row: "7", column: "totp_secret", kind: "bytes" };

    fn key(byte: u8) -> SealingKey {
        SealingKey::new(Secret::new([byte; 32]))
    }

    fn sealed() -> Vec<u8> {
        key(1).seal(&HERE, b"attack at dawn", &mut SeededEntropy::new(1))
    }

    #[test]
    fn a_sealed_value_opens_only_where_it_belongs() {
        let check = |place: &Aad<'_>, works: bool| {
            let opened = key(1).open(place, &sealed());
            let expected = if works { Ok(b"attack at dawn".to_vec()) } else { Err(Error::Forged) };
            assert_eq!(opened.map(|text| text.expose().clone()), expected, "{place:?}");
        };
        check(&HERE, true);
        check(&Aad { tenant: "bob", ..HERE }, false);
        check(&Aad { table: "sessions", ..HERE }, false);
        check(&Aad { row: "8", ..HERE }, false);
        check(&Aad { column: "email", ..HERE }, false);
        check(&Aad { kind: "text", ..HERE }, false);
        // The same letters with the seam elsewhere are another place.
        check(&Aad { tenant: "alicea", table: "ccounts", ..HERE }, false);
    }

    #[test]
    fn another_key_is_named_and_refused() {
        let error = key(2).open(&HERE, &sealed()).err();
        assert_eq!(error, Some(Error::WrongKey { found: key(1).id(), tried: key(2).id() }));
        assert!(key(1).column("accounts", "email").open(&HERE, &sealed()).is_err());
        assert_ne!(key(1).column("ab", "c").id(), key(1).column("a", "bc").id());
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_refused() {
        let whole = sealed();
        assert_eq!(whole.len(), b"attack at dawn".len() + OVERHEAD_BYTES);
        for length in 0..whole.len() {
            assert!(key(1).open(&HERE, &whole[..length]).is_err(), "cut to {length}");
        }
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 1;
            assert!(key(1).open(&HERE, &bent).is_err(), "byte {at}");
        }
        let newer = [&[2], &whole[1..]].concat();
        assert_eq!(key(1).open(&HERE, &newer).err(), Some(Error::Layout { found: 2 }));
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_opens_again(
            plaintext in proptest::collection::vec(any::<u8>(), 0..300),
            secret in any::<[u8; 32]>(),
            tenant in "\\PC{0,20}",
            seed in any::<u64>(),
        ) {
            let key = SealingKey::new(Secret::new(secret));
            let aad = Aad { tenant: &tenant, ..HERE };
            let sealed = key.seal(&aad, &plaintext, &mut SeededEntropy::new(seed));
            let opened = key.open(&aad, &sealed).expect("sealed a line above");
            prop_assert_eq!(opened.expose(), &plaintext);
        }
    }
}
