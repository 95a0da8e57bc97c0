//! What a store of secrets is sealed under: a passphrase, a credential, a key file.

use crate::{
    Error, KeyFile, KeyRing, Purpose,
    private_file::{self, Readers},
};
use argon2::{Algorithm, Argon2, Params, Version};
use seal::{SealingKey, Secret, hkdf_sha256};
use std::{fmt, path::Path};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Bytes of the salt that every store and archive draws.
pub const SALT_BYTES: usize = 16;
/// Characters of a passphrase, at least.
pub const PASSPHRASE_CHARACTERS_MIN: usize = 12;
/// Characters of a passphrase, at most.
pub const PASSPHRASE_CHARACTERS_MAX: usize = 1024;
const CREDENTIAL_BYTES_MIN: usize = 32;
/// The service manager takes no more than a mebibyte either.
const CREDENTIAL_BYTES_MAX: usize = 1 << 20;

/// What Argon2id costs, in every try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// RFC 9106's second recommended choice, with one lane.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };

    /// Bounded from above too: an edited file must not make a machine allocate itself away.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        let lanes_fit = lanes >= 1 && lanes <= 16;
        let passes_fit = passes >= 1 && passes <= 16;
        let memory_fits = memory_kib >= 8 * lanes && memory_kib <= 1024 * 1024;
        if lanes_fit && passes_fit && memory_fits {
            Ok(Self { memory_kib, passes, lanes })
        } else {
            Err(Error::Cost { memory_kib, passes, lanes })
        }
    }

    /// Reads `m=…,t=…,p=…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (memory, rest) = text.strip_prefix("m=")?.split_once(",t=")?;
        let (passes, lanes) = rest.split_once(",p=")?;
        let cost =
            Self::new(memory.parse().ok()?, passes.parse().ok()?, lanes.parse().ok()?).ok()?;
        (cost.to_string() == text).then_some(cost)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory_kib, self.passes, self.lanes)
    }
}

/// A passphrase that is long enough.
#[derive(Debug, Clone)]
pub struct Passphrase(Secret<String>);

impl Passphrase {
    /// From what was typed: normalised, so that two keyboards write the same.
    pub fn new(typed: &Secret<String>) -> Result<Self, Error> {
        let found = typed.expose().chars().take(PASSPHRASE_CHARACTERS_MAX + 1).count();
        let (least, most) = (PASSPHRASE_CHARACTERS_MIN, PASSPHRASE_CHARACTERS_MAX);
        if !(least..=most).contains(&found) {
            return Err(Error::Passphrase { found, least, most });
        }
        Ok(Self(Secret::new(typed.expose().nfc().collect())))
    }

    /// The key that this passphrase gives with this salt, at this cost.
    pub(crate) fn key(&self, salt: &[u8; SALT_BYTES], cost: Cost) -> SealingKey {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32))
            .expect("the constructor's bounds are within Argon2's");
        let mut key = Zeroizing::new([0_u8; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.0.expose().as_bytes(), salt, key.as_mut())
            .expect("a 16-byte salt and bounded parameters always hash");
        SealingKey::new(Secret::new(*key))
    }
}

/// What opens a store.
#[derive(Debug, Clone, Copy)]
pub enum Holder<'a> {
    /// A passphrase, stretched by Argon2id at a cost that the store remembers.
    Passphrase(&'a Passphrase, Cost),
    /// A file that the service manager hands to the unit: `$CREDENTIALS_DIRECTORY/NAME`, made by
    /// `systemd-creds encrypt` and named in `LoadCredentialEncrypted=`. It is bound to the machine's
    /// TPM or to its host key, and the unit can read it while it runs.
    Credential(&'a Path),
    /// A key file.
    KeyFile(&'a KeyFile),
    /// The keys of an installation, wherever its root key is. To a store it is what a key file is,
    /// because the keys stay the same when they come under another root.
    Ring(&'a KeyRing),
}

/// The kind of a store's holder, which tells what to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HolderKind {
    /// A passphrase at this cost.
    Passphrase(Cost),
    /// A credential of the service manager.
    Credential,
    /// A key file.
    KeyFile,
}

impl HolderKind {
    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::Credential => "systemd credential",
            Self::KeyFile => "key file",
        }
    }
}

impl Holder<'_> {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> HolderKind {
        match self {
            Self::Passphrase(_, cost) => HolderKind::Passphrase(*cost),
            Self::Credential(_) => HolderKind::Credential,
            Self::KeyFile(_) | Self::Ring(_) => HolderKind::KeyFile,
        }
    }

    /// The key that wraps a store's own.
    pub(crate) fn key(
        &self,
        salt: &[u8; SALT_BYTES],
        kind: HolderKind,
    ) -> Result<SealingKey, Error> {
        match (self, kind) {
            (Self::Passphrase(passphrase, _), HolderKind::Passphrase(cost)) => {
                Ok(passphrase.key(salt, cost))
            }
            (Self::Passphrase(passphrase, cost), _) => Ok(passphrase.key(salt, *cost)),
            (Self::Credential(path), _) => {
                let bytes = credential(path)?;
                Ok(SealingKey::new(hkdf_sha256(&bytes, salt, b"stockade/v1|secrets|credential")))
            }
            (Self::KeyFile(key), _) => Ok(key.sealing(Purpose::Secrets)),
            (Self::Ring(ring), _) => Ok(ring.sealing(Purpose::Secrets)),
        }
    }
}

fn credential(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let read = private_file::read(path, Readers::ServiceManager, CREDENTIAL_BYTES_MAX + 1);
    let bytes = read.map_err(|error| match error {
        Error::Missing { path } => Error::Absent {
            path,
            fix: "make it with `systemd-creds encrypt`, and name it in the unit's LoadCredentialEncrypted=",
        },
        other => other,
    })?;
    if bytes.len() > CREDENTIAL_BYTES_MAX {
        let (what, limit) = ("the credential".to_owned(), CREDENTIAL_BYTES_MAX);
        return Err(Error::TooLarge { what, bytes: bytes.len(), limit });
    }
    if bytes.len() < CREDENTIAL_BYTES_MIN {
        let (found, least) = (bytes.len(), CREDENTIAL_BYTES_MIN);
        return Err(Error::ShortCredential { path: path.into(), found, least });
    }
    Ok(bytes)
}
