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
    /// Which restore the installation came back by; 0 before the first.
    era: u32,
    /// Purposes that the ring it was opened from does not have yet: what stands here for their keys is of this
    /// process alone, and goes into no other ring.
    lacking: Vec<Purpose>,
}

impl KeyRing {
    /// The keys of this era, which each restore draws anew: what signs the log, and what cosigns others', is
    /// another key then, so that a log that goes on from an old backup is never taken for the one that was, nor
    /// for that of another restore.
    #[must_use]
    pub fn of_era(self, era: u32) -> Self {
        Self { era, ..self }
    }

    /// The era that its keys are of; 0 before the first restore.
    #[must_use]
    pub const fn era(&self) -> u32 {
        self.era
    }

    /// Derived from a key file, without a ring beside it.
    #[must_use]
    pub fn of_file(file: &KeyFile) -> Self {
        let kept = |purpose| Kept { purpose, version: 1, keys: file.purpose(purpose) };
        Self { kept: Purpose::ALL.map(kept).into(), era: 0, lacking: Vec::new() }
    }

    /// New keys, which nothing is derived from.
    #[must_use]
    pub fn generate(entropy: &mut dyn seal::Entropy) -> Self {
        let mut new = |purpose| Kept { purpose, version: 1, keys: PurposeKeys::generate(entropy) };
        let kept = Purpose::ALL.into_iter().map(&mut new).collect();
        Self { kept, era: 0, lacking: Vec::new() }
    }

    /// Of these, if every purpose is among them; else the one that is not.
    pub(crate) fn of(mut kept: Vec<Kept>) -> Result<Self, Purpose> {
        kept.sort_by_key(|kept| (kept.purpose, kept.version));
        let lacks = |purpose: &Purpose| !kept.iter().any(|kept| kept.purpose == *purpose);
        match Purpose::ALL.into_iter().find(lacks) {
            Some(purpose) => Err(purpose),
            None => Ok(Self { kept, era: 0, lacking: Vec::new() }),
        }
    }

    /// Of these; a purpose that is not among them gets keys that nothing was made with.
    pub(crate) fn completed(mut kept: Vec<Kept>, entropy: &mut dyn seal::Entropy) -> Self {
        let lacks = |purpose: &Purpose| !kept.iter().any(|kept| kept.purpose == *purpose);
        let lacking: Vec<Purpose> = Purpose::ALL.into_iter().filter(lacks).collect();
        for purpose in &lacking {
            let (purpose, keys) = (*purpose, PurposeKeys::generate(entropy));
            kept.push(Kept { purpose, version: 1, keys });
        }
        kept.sort_by_key(|kept| (kept.purpose, kept.version));
        Self { kept, era: 0, lacking }
    }

    /// What goes into another ring.
    pub(crate) fn real(&self) -> impl Iterator<Item = &Kept> {
        self.kept.iter().filter(|kept| !self.lacking.contains(&kept.purpose))
    }

    /// Whether these were its keys once: all of them are here, and none that lasts has a newer one in its place.
    pub(crate) fn continues(&self, before: &[Kept]) -> bool {
        let same = |kept: &Kept, other: &Kept| {
            (kept.purpose, kept.version) == (other.purpose, other.version)
                && seal::equal(&kept.keys.to_bytes(), &other.keys.to_bytes())
        };
        let is_here = |other: &Kept| self.kept.iter().any(|kept| same(kept, other));
        let newer = |kept: &&Kept| kept.purpose.lasts().is_some() && kept.version > 1;
        let is_new = |kept: &Kept| !before.iter().any(|other| same(kept, other));
        before.iter().all(is_here) && !self.kept.iter().filter(newer).any(is_new)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Holder, RingFile, SoftRoot};
    use jiff::Timestamp;
    use seal::SeededEntropy;
    use std::path::Path;

    fn more(ring: &KeyRing, purpose: Purpose) -> KeyRing {
        let keys = PurposeKeys::generate(&mut SeededEntropy::new(7));
        let mut ring = ring.clone();
        ring.add(Kept { purpose, version: 2, keys });
        ring
    }

    #[test]
    fn a_ring_continues_the_one_that_it_grew_from_and_no_other() {
        let ring = KeyRing::generate(&mut SeededEntropy::new(1));
        let grown = more(&ring, Purpose::Accounts);
        let is = |ring: &KeyRing, before: &KeyRing| ring.continues(before.kept());
        assert!(is(&ring, &ring) && is(&grown, &ring) && !is(&ring, &grown));
        assert!(is(&grown.clone().of_era(3), &ring), "a restore changes no key");
        let other = KeyRing::generate(&mut SeededEntropy::new(2));
        assert!(!is(&other, &ring));
        // The right keys of one purpose do not make up for those of the others.
        let of = |purpose: Purpose| move |kept: &&Kept| kept.purpose == purpose;
        let right = ring.kept.iter().find(of(Purpose::Backups)).expect("is there").clone();
        let mut kept: Vec<Kept> = other.kept.clone();
        kept.retain(|kept| kept.purpose != Purpose::Backups);
        kept.push(right);
        assert!(!is(&KeyRing::of(kept).expect("whole"), &ring));
        // Nor may a key come before one that others know.
        for purpose in Purpose::ALL.into_iter().filter(|purpose| purpose.lasts().is_some()) {
            assert!(!is(&more(&ring, purpose), &ring), "{purpose:?}");
        }
        // A purpose that a newer program has comes in by itself.
        let mut older = ring.clone();
        older.kept.retain(|kept| kept.purpose != Purpose::Disclosure);
        assert!(is(&ring, &older) && !is(&older, &ring));
    }

    #[test]
    fn a_ring_of_an_older_program_opens_and_is_continued_by_this_one() {
        let mut entropy = SeededEntropy::new(1);
        let (file, place) = (KeyFile::generate(&mut entropy), Path::new("a kit"));
        let ring = KeyRing::generate(&mut entropy);
        let mut older = ring.clone();
        older.kept.retain(|kept| kept.purpose != Purpose::Disclosure);
        let root = SoftRoot::new(Holder::KeyFile(&file), None, &mut entropy).expect("a root");
        let text = RingFile::render(&older, &root, Timestamp::UNIX_EPOCH, &mut entropy);
        let text = text.expect("is wrapped");
        let opened = RingFile::keys_of(&text, &file, place).expect("opens");
        assert!(opened.continues(older.kept()));
        // What it was completed with is not handed on: the purpose's real keys come later.
        let again = RingFile::render(&opened, &root, Timestamp::UNIX_EPOCH, &mut entropy);
        let again = again.expect("is wrapped");
        assert!(RingFile::is_continued((&again, &file), &ring, place).expect("opens"));
        assert!(RingFile::is_continued((&text, &file), &ring, place).expect("opens"));
    }

    #[test]
    fn a_ring_is_wrapped_and_opened_without_a_file() {
        let mut entropy = SeededEntropy::new(1);
        let (file, place) = (KeyFile::generate(&mut entropy), Path::new("a kit"));
        let ring = more(&KeyRing::generate(&mut entropy), Purpose::Accounts);
        let root = SoftRoot::new(Holder::KeyFile(&file), None, &mut entropy).expect("a root");
        let text = RingFile::render(&ring, &root, Timestamp::UNIX_EPOCH, &mut entropy);
        let text = text.expect("is wrapped");
        let opened = RingFile::keys_of(&text, &file, place).expect("opens");
        assert!(opened.continues(ring.kept()) && ring.continues(opened.kept()));
        let continued = |by: &KeyRing| RingFile::is_continued((&text, &file), by, place);
        assert!(continued(&ring).expect("opens"));
        assert!(!continued(&KeyRing::generate(&mut entropy)).expect("opens"));
        let other = KeyFile::generate(&mut entropy);
        assert!(RingFile::keys_of(&text, &other, place).is_err());
        let cut = text.get(..text.len() - 3).expect("a part");
        let error = RingFile::keys_of(cut, &file, place).expect_err("cut").to_string();
        assert!(error.contains("a kit"), "{error}");
    }
}
