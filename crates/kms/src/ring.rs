//! The keys of every purpose, in memory.

use crate::{KeyFile, Purpose};
use seal::{MacKey, SealingKey, Secret, SigningKey, hkdf_sha256, random};
use zeroize::Zeroizing;

/// The keys of one purpose: one for each use.
#[derive(Clone)]
pub(crate) struct PurposeKeys {
    sealing: Secret<[u8; 32]>,
    mac: Secret<[u8; 32]>,
    signing: Secret<[u8; 32]>,
}

impl PurposeKeys {
    pub(crate) const BYTES: usize = 96;

    pub(crate) const fn new(
        sealing: Secret<[u8; 32]>,
        mac: Secret<[u8; 32]>,
        signing: Secret<[u8; 32]>,
    ) -> Self {
        Self { sealing, mac, signing }
    }

    pub(crate) fn generate(entropy: &mut dyn seal::Entropy) -> Self {
        let mut new = || Secret::new(random(entropy));
        Self { sealing: new(), mac: new(), signing: new() }
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(Self::BYTES));
        for part in [&self.sealing, &self.mac, &self.signing] {
            bytes.extend_from_slice(part.expose());
        }
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (sealing, rest) = bytes.split_first_chunk()?;
        let (mac, rest) = rest.split_first_chunk()?;
        let signing = rest.try_into().ok()?;
        Some(Self {
            sealing: Secret::new(*sealing),
            mac: Secret::new(*mac),
            signing: Secret::new(signing),
        })
    }
}

/// One version of one purpose's keys.
#[derive(Clone)]
pub(crate) struct Kept {
    pub purpose: Purpose,
    pub version: u32,
    pub keys: PurposeKeys,
}

/// The keys of every purpose, whatever root key they came from.
#[derive(Clone)]
pub struct KeyRing {
    /// Every purpose is there; of versions the oldest first.
    kept: Vec<Kept>,
    /// How often the installation came back from a backup.
    era: u32,
}

impl KeyRing {
    /// The keys after so many restores: what signs the log, and what cosigns others', is another key then, so
    /// that a log that goes on from an old backup is never taken for the one that was.
    #[must_use]
    pub fn of_era(self, era: u32) -> Self {
        Self { era, ..self }
    }

    /// How many restores its keys have seen.
    #[must_use]
    pub const fn era(&self) -> u32 {
        self.era
    }

    /// Derived from a key file, without a ring beside it.
    #[must_use]
    pub fn of_file(file: &KeyFile) -> Self {
        let kept = |purpose| Kept { purpose, version: 1, keys: file.purpose(purpose) };
        Self { kept: Purpose::ALL.map(kept).into(), era: 0 }
    }

    /// New keys, which nothing is derived from.
    #[must_use]
    pub fn generate(entropy: &mut dyn seal::Entropy) -> Self {
        let mut new = |purpose| Kept { purpose, version: 1, keys: PurposeKeys::generate(entropy) };
        Self { kept: Purpose::ALL.into_iter().map(&mut new).collect(), era: 0 }
    }

    /// Of these, if every purpose is among them; else the one that is not.
    pub(crate) fn of(mut kept: Vec<Kept>) -> Result<Self, Purpose> {
        kept.sort_by_key(|kept| (kept.purpose, kept.version));
        let lacks = |purpose: &Purpose| !kept.iter().any(|kept| kept.purpose == *purpose);
        match Purpose::ALL.into_iter().find(lacks) {
            Some(purpose) => Err(purpose),
            None => Ok(Self { kept, era: 0 }),
        }
    }

    pub(crate) fn kept(&self) -> &[Kept] {
        &self.kept
    }

    pub(crate) fn add(&mut self, kept: Kept) {
        self.kept.push(kept);
        self.kept.sort_by_key(|kept| (kept.purpose, kept.version));
    }

    fn latest(&self, purpose: Purpose) -> &PurposeKeys {
        let of = |kept: &&Kept| kept.purpose == purpose;
        let found = self.kept.iter().rev().find(of);
        &found.expect("a ring is made with every purpose").keys
    }

    /// The version that seals for this purpose.
    #[must_use]
    pub fn version(&self, purpose: Purpose) -> u32 {
        let versions = self.kept.iter().filter(|kept| kept.purpose == purpose);
        versions.map(|kept| kept.version).max().unwrap_or(0)
    }

    /// The key that seals for this purpose.
    #[must_use]
    pub fn sealing(&self, purpose: Purpose) -> SealingKey {
        SealingKey::new(self.latest(purpose).sealing.clone())
    }

    /// Keys that sealed for this purpose once and still open, the newest first.
    #[must_use]
    pub fn retired(&self, purpose: Purpose) -> Vec<SealingKey> {
        let all = self.kept.iter().rev().filter(|kept| kept.purpose == purpose).skip(1);
        all.map(|kept| SealingKey::new(kept.keys.sealing.clone())).collect()
    }

    /// The key that authenticates for this purpose.
    #[must_use]
    pub fn mac(&self, purpose: Purpose) -> MacKey {
        MacKey::new(self.latest(purpose).mac.clone())
    }

    /// The key that signs for this purpose.
    #[must_use]
    pub fn signing(&self, purpose: Purpose) -> SigningKey {
        let seed = &self.latest(purpose).signing;
        if self.era == 0 || !purpose.is_of_an_era() {
            return SigningKey::from_seed(seed);
        }
        let info = format!("stockade/v1|signing|{}|era {}", purpose.name(), self.era);
        SigningKey::from_seed(&hkdf_sha256(seed.expose(), b"stockade key ring", info.as_bytes()))
    }
}

impl From<&KeyFile> for KeyRing {
    fn from(file: &KeyFile) -> Self {
        Self::of_file(file)
    }
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRing({} keys)", self.kept.len())
    }
}
