//! A key ring on disk: the keys of every purpose, wrapped by a root key and, where there is one, sealed
//! to an offline recipient.
//!
//! It is written whole or not at all, so whatever is interrupted leaves the ring of before or the
//! ring of after. What the ring cannot see is itself put back from an earlier day; the audit log
//! has the digest of each ring that was written.

use crate::{
    Error, Holder, KeyFile, Purpose, SoftRoot, SystemEntropy,
    private_file::{self, Before, Readers},
    ring::{Kept, KeyRing, PurposeKeys},
    ring_text::{RingHead, RingRow, RingSheet},
    root::{Label, Root},
};
use jiff::Timestamp;
use seal::{Entropy, Identity, MacKey, Recipient, Secret, random, sha256};
use std::path::{Path, PathBuf};

/// The file, at most.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Versions of one purpose, at most.
const VERSIONS_MAX: u32 = 200;
/// The row whose key authenticates the others.
const RING: &str = "ring";
/// What a key is sealed to the offline recipient for.
const RECOVERY: &[u8] = b"stockade/v1|key-ring|recovery";

/// A key ring's file, open.
#[derive(Debug)]
pub struct RingFile {
    path: PathBuf,
    sheet: RingSheet,
    mac: MacKey,
    on_disk: Vec<u8>,
}

/// One line of what may be told of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingLine {
    /// The purpose.
    pub purpose: String,
    /// Which one of those that follow each other.
    pub version: u32,
    /// When it was made.
    pub created: Timestamp,
    /// The version of the root key that wraps it.
    pub root: u32,
    /// Whether the offline recipient can open it.
    pub is_recoverable: bool,
}

impl RingFile {
    /// What a ring is wrapped under, without opening it.
    pub fn head(path: &Path) -> Result<RingHead, Error> {
        let bytes = load(path)?;
        Ok(RingSheet::parse(&place(path), &bytes)?.0.head)
    }

    /// Wraps keys in a new file, at a place where nothing is.
    pub fn create(
        path: &Path,
        ring: &KeyRing,
        (root, recovery): (&dyn Root, Option<Recipient>),
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        let (sheet, mac) = wrapped(ring, (root, recovery), now, entropy)?;
        let on_disk = written(&sheet, &mac);
        private_file::put(path, Before::Nothing, &on_disk, entropy)?;
        Ok(Self { path: path.into(), sheet, mac, on_disk })
    }

    /// Wraps keys into the text of a ring that becomes no file.
    pub fn render(
        ring: &KeyRing,
        root: &dyn Root,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        let (sheet, mac) = wrapped(ring, (root, None), now, entropy)?;
        Ok(written(&sheet, &mac))
    }

    /// The keys of a ring's text, which a key file opens; `place` is for messages. A purpose that a newer program
    /// has gets keys that nothing was made with yet.
    pub fn keys_of(text: &[u8], file: &KeyFile, place: &Path) -> Result<KeyRing, Error> {
        let (_, kept) = open_under((text, file), place)?;
        Ok(KeyRing::completed(kept, &mut SystemEntropy::new()))
    }

    /// Whether a ring is the one of this text and what came to it since: it has every key that is there, and the
    /// keys that others hold against what was made with them are the same.
    pub fn is_continued(
        (text, file): (&[u8], &KeyFile),
        ring: &KeyRing,
        place: &Path,
    ) -> Result<bool, Error> {
        Ok(ring.continues(&open_under((text, file), place)?.1))
    }

    /// Opens a ring by its root key, and every key in it.
    pub fn open(path: &Path, root: &dyn Root) -> Result<(Self, KeyRing), Error> {
        let head = Self::head(path)?;
        if head.kind != root.kind() {
            return Err(Error::OtherRoot { holder: root.place() });
        }
        let opened = open_by(path, |label, row| root.unwrap(label, &row.wrapped))?;
        complete(opened, &place(path))
    }

    /// Opens a ring by the offline identity, where the root key is lost.
    pub fn recover(path: &Path, identity: &Identity) -> Result<(Self, KeyRing), Error> {
        let none = || Error::NoRecovery { place: place(path) };
        let opened = open_by(path, |label, row| {
            let sealed = row.recoverable.as_ref().ok_or_else(none)?;
            identity.open((RECOVERY, &label.aad()), sealed).map_err(|_| none())
        })?;
        complete(opened, &place(path))
    }

    /// Opens a ring, and gives keys to purposes that it lacks: those that a newer program has.
    pub fn open_and_complete(
        path: &Path,
        root: &dyn Root,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(Self, KeyRing), Error> {
        let (mut file, mut kept) = open_by(path, |label, row| root.unwrap(label, &row.wrapped))?;
        let lacks = |purpose: &Purpose| !kept.iter().any(|kept| kept.purpose == *purpose);
        let missing: Vec<Purpose> = Purpose::ALL.into_iter().filter(lacks).collect();
        if !missing.is_empty() {
            let mut sheet = file.sheet.clone();
            for purpose in missing {
                let keys = PurposeKeys::generate(entropy);
                let mut wrapping = Wrapping { sheet: &mut sheet, root, entropy };
                wrapping.push((purpose.name(), 1), now, &keys.to_bytes())?;
                kept.push(Kept { purpose, version: 1, keys });
            }
            file.write(sheet, entropy)?;
        }
        complete((file, kept), &place(path))
    }

    /// Wraps every key anew, by the root key's latest version and to this recipient; how many.
    ///
    /// It takes any root: so it is also how a ring comes under another holder.
    pub fn rewrap(
        &mut self,
        ring: &KeyRing,
        (root, recovery): (&dyn Root, Option<Recipient>),
        entropy: &mut dyn Entropy,
    ) -> Result<usize, Error> {
        let mut sheet = blank(self.sheet.head.id.clone(), root, recovery)?;
        let created = |purpose: &str, version| {
            let row = self
                .sheet
                .rows
                .iter()
                .find(|row| (&*row.purpose, row.version) == (purpose, version));
            row.map_or(Timestamp::UNIX_EPOCH, |row| row.created)
        };
        let mut wrapping = Wrapping { sheet: &mut sheet, root, entropy };
        wrapping.push((RING, 1), created(RING, 1), self.mac.secret().expose())?;
        for kept in ring.kept() {
            let name = (kept.purpose.name(), kept.version);
            wrapping.push(name, created(name.0, name.1), &kept.keys.to_bytes())?;
        }
        let wrapped = sheet.rows.len();
        self.write(sheet, entropy)?;
        Ok(wrapped)
    }

    /// Gives a purpose new keys, which seal from now on; the older ones still open. The version.
    pub fn advance(
        &mut self,
        purpose: Purpose,
        (ring, root): (&mut KeyRing, &dyn Root),
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<u32, Error> {
        if let Some(why) = purpose.lasts() {
            return Err(Error::Lasting { purpose: purpose.name().to_owned(), why });
        }
        let version = ring.version(purpose) + 1;
        if version > VERSIONS_MAX {
            return Err(Error::Crowded { limit: VERSIONS_MAX as usize });
        }
        let keys = PurposeKeys::generate(entropy);
        let mut sheet = self.sheet.clone();
        let mut wrapping = Wrapping { sheet: &mut sheet, root, entropy };
        wrapping.push((purpose.name(), version), now, &keys.to_bytes())?;
        self.write(sheet, entropy)?;
        ring.add(Kept { purpose, version, keys });
        Ok(version)
    }

    /// What there is; no keys.
    #[must_use]
    pub fn lines(&self) -> Vec<RingLine> {
        let line = |row: &RingRow| RingLine {
            purpose: row.purpose.clone(),
            version: row.version,
            created: row.created,
            root: row.wrapped.root,
            is_recoverable: row.recoverable.is_some(),
        };
        self.sheet.rows.iter().map(line).collect()
    }

    /// What it is wrapped under.
    #[must_use]
    pub const fn wrapped_under(&self) -> &RingHead {
        &self.sheet.head
    }

    /// SHA-256 of the file, which the audit log keeps.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(sha256(&self.on_disk))
    }

    fn write(&mut self, sheet: RingSheet, entropy: &mut dyn Entropy) -> Result<(), Error> {
        let on_disk = written(&sheet, &self.mac);
        private_file::put(&self.path, Before::These(&self.on_disk), &on_disk, entropy)?;
        (self.sheet, self.on_disk) = (sheet, on_disk);
        Ok(())
    }
}

/// A sheet on which keys are being wrapped.
struct Wrapping<'a> {
    sheet: &'a mut RingSheet,
    root: &'a dyn Root,
    entropy: &'a mut dyn Entropy,
}

impl Wrapping<'_> {
    fn push(
        &mut self,
        (purpose, version): (&str, u32),
        created: Timestamp,
        key: &[u8],
    ) -> Result<(), Error> {
        let id = self.sheet.head.id.clone();
        let label = Label { purpose, tenant: &id, version };
        let wrapped = self.root.wrap(&label, key, self.entropy)?;
        let seal = |to: Recipient| to.seal((RECOVERY, &label.aad()), key, self.entropy);
        let recoverable = self.sheet.head.recovery.map(seal).transpose();
        let recoverable =
            recoverable.map_err(|_| Error::NoRecovery { place: "the recipient".to_owned() })?;
        let created = Timestamp::from_second(created.as_second()).unwrap_or(created);
        let row = RingRow { purpose: purpose.to_owned(), version, created, wrapped, recoverable };
        self.sheet.rows.push(row);
        Ok(())
    }
}

/// The keys of a ring on a new sheet.
fn wrapped(
    ring: &KeyRing,
    (root, recovery): (&dyn Root, Option<Recipient>),
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<(RingSheet, MacKey), Error> {
    let id = hex::encode(random::<16>(entropy));
    let key = Secret::new(random(entropy));
    let mut sheet = blank(id, root, recovery)?;
    let mut wrapping = Wrapping { sheet: &mut sheet, root, entropy };
    wrapping.push((RING, 1), now, key.expose())?;
    for kept in ring.real() {
        wrapping.push((kept.purpose.name(), kept.version), now, &kept.keys.to_bytes())?;
    }
    Ok((sheet, MacKey::new(key)))
}

fn blank(id: String, root: &dyn Root, recovery: Option<Recipient>) -> Result<RingSheet, Error> {
    let head = RingHead {
        id,
        kind: root.kind().to_owned(),
        cost: root.cost(),
        salt: root.salt(),
        version: root.versions()?.latest,
        recovery,
    };
    Ok(RingSheet { head, rows: Vec::new() })
}

fn written(sheet: &RingSheet, mac: &MacKey) -> Vec<u8> {
    let body = sheet.body();
    let tag = mac.tag(&[body.as_bytes()]);
    RingSheet::render(body, &tag).into_bytes()
}

fn place(path: &Path) -> String {
    path.display().to_string()
}

fn load(path: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
    let bytes = private_file::read(path, Readers::Owner, FILE_BYTES_MAX + 1)?;
    if bytes.len() > FILE_BYTES_MAX {
        let (what, limit) = ("the key ring".to_owned(), FILE_BYTES_MAX);
        return Err(Error::TooLarge { what, bytes: bytes.len(), limit });
    }
    Ok(bytes)
}

/// Opens each row by `unwrap`, then looks whether anything was added, removed or altered.
fn open_by(
    path: &Path,
    unwrap: impl Fn(&Label<'_>, &RingRow) -> Result<Secret<Vec<u8>>, Error>,
) -> Result<(RingFile, Vec<Kept>), Error> {
    open_text((path, load(path)?.to_vec()), unwrap)
}

/// The same for a text, wherever it came from.
fn open_text(
    (path, on_disk): (&Path, Vec<u8>),
    unwrap: impl Fn(&Label<'_>, &RingRow) -> Result<Secret<Vec<u8>>, Error>,
) -> Result<(RingFile, Vec<Kept>), Error> {
    let (sheet, body, tag) = RingSheet::parse(&place(path), &on_disk)?;
    let altered = || Error::Altered { place: place(path) };
    let (mut mac, mut kept) = (None, Vec::new());
    for row in &sheet.rows {
        let label = Label { purpose: &row.purpose, tenant: &sheet.head.id, version: row.version };
        let key = unwrap(&label, row)?;
        if row.purpose == RING {
            let key: [u8; 32] = key.expose().as_slice().try_into().map_err(|_| altered())?;
            mac = Some(MacKey::new(Secret::new(key)));
        } else if let Some(purpose) = Purpose::named(&row.purpose) {
            let keys = PurposeKeys::from_bytes(key.expose()).ok_or_else(altered)?;
            kept.push(Kept { purpose, version: row.version, keys });
        }
    }
    let mac = mac.filter(|mac| mac.verify(&[body], &tag)).ok_or_else(altered)?;
    Ok((RingFile { path: path.into(), sheet, mac, on_disk }, kept))
}

/// Opens a text that was rendered under a key file.
fn open_under(
    (text, file): (&[u8], &KeyFile),
    path: &Path,
) -> Result<(RingFile, Vec<Kept>), Error> {
    let head = RingSheet::parse(&place(path), text)?.0.head;
    let root = SoftRoot::new(Holder::KeyFile(file), Some(&head), &mut SystemEntropy::new())?;
    if head.kind != root.kind() {
        return Err(Error::OtherRoot { holder: root.place() });
    }
    open_text((path, text.to_vec()), |label, row| root.unwrap(label, &row.wrapped))
}

fn complete(
    (file, kept): (RingFile, Vec<Kept>),
    place: &str,
) -> Result<(RingFile, KeyRing), Error> {
    let lacking =
        |purpose: Purpose| Error::NoPurpose { place: place.into(), purpose: purpose.name() };
    Ok((file, KeyRing::of(kept).map_err(lacking)?))
}
