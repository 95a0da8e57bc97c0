//! An encrypted backup: named bytes under a passphrase of its own.
//!
//! Two lines of text, then the sealed rest: `stockade-archive/1`; cost, salt, length and checksum. The
//! checksum tells an accident from a wrong passphrase; the seal tells everything else.

use crate::{
    Error,
    holder::{Cost, Passphrase, SALT_BYTES},
    private_file::{self, Before, Readers},
};
use seal::{Aad, Entropy, Secret, random, sha256_parts};
use std::{collections::BTreeMap, path::Path};
use zeroize::Zeroizing;

const MAGIC: &str = "stockade-archive/1";
/// The whole archive, at most.
const ARCHIVE_BYTES_MAX: usize = 64 << 20;
const BLOBS_MAX: usize = 10_000;
const NAME_BYTES_MAX: usize = 200;
/// The second line is shorter than this.
const LINE_BYTES_MAX: usize = 256;

/// Named bytes, such as a bot's configuration, its strategies and its secrets.
#[derive(Debug, Clone, Default)]
pub struct Archive {
    blobs: BTreeMap<String, Secret<Vec<u8>>>,
    bytes: usize,
}

impl Archive {
    /// Adds bytes under a relative path, in the place of what had it.
    pub fn put(&mut self, name: &str, bytes: Secret<Vec<u8>>) -> Result<(), Error> {
        check(name)?;
        if self.blobs.len() >= BLOBS_MAX {
            return Err(Error::Crowded { limit: BLOBS_MAX });
        }
        let before = self.blobs.get(name).map_or(0, |blob| taken(name, blob));
        let total = self.bytes - before + taken(name, &bytes);
        if total > ARCHIVE_BYTES_MAX {
            return Err(too_large(total));
        }
        self.bytes = total;
        self.blobs.insert(name.into(), bytes);
        Ok(())
    }

    /// The bytes under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Secret<Vec<u8>>> {
        self.blobs.get(name)
    }

    /// Everything, by name. A name is a relative path without `..`.
    pub fn blobs(&self) -> impl Iterator<Item = (&str, &Secret<Vec<u8>>)> {
        self.blobs.iter().map(|(name, blob)| (name.as_str(), blob))
    }

    /// Seals all of it.
    #[must_use]
    pub fn seal(&self, passphrase: &Passphrase, cost: Cost, entropy: &mut dyn Entropy) -> Vec<u8> {
        let salt: [u8; SALT_BYTES] = random(entropy);
        let parameters = format!("{cost} {}", hex::encode(salt));
        let key = passphrase.key(&salt, cost);
        let sealed = key.seal(&aad(&parameters), &self.encode(), entropy);
        let checksum = checksum(&parameters, &sealed);
        let length = sealed.len();
        let head = format!("{MAGIC}\n{parameters} {length} {checksum}\n");
        [head.as_bytes(), &sealed].concat()
    }

    /// Opens what [`Archive::seal`] made; `place` is for messages.
    pub fn open(bytes: &[u8], passphrase: &Passphrase, place: &str) -> Result<Self, Error> {
        let edited = |why| Error::Edited { place: place.into(), why };
        let (parameters, sealed) = taken_apart(bytes, place)?;
        let (cost, salt) = parameters.split_once(' ').ok_or_else(|| edited("its second line"))?;
        let salt = hex::decode(salt).ok().and_then(|salt| salt.try_into().ok());
        let (Some(cost), Some(salt)) = (Cost::parse(cost), salt) else {
            return Err(edited("its second line"));
        };
        let opened = passphrase.key(&salt, cost).open(&aad(parameters), sealed);
        let opened = opened.map_err(|error| match error {
            seal::Error::WrongKey { .. } => Error::WrongPassphrase { place: place.into() },
            _ => Error::Altered { place: place.into() },
        })?;
        Self::decode(opened.expose()).ok_or_else(|| Error::Altered { place: place.into() })
    }

    /// Writes the sealed archive to a new file for its owner alone.
    pub fn write(
        &self,
        path: &Path,
        passphrase: &Passphrase,
        cost: Cost,
        entropy: &mut dyn Entropy,
    ) -> Result<(), Error> {
        let sealed = self.seal(passphrase, cost, entropy);
        private_file::put(path, Before::Nothing, &sealed, entropy)
    }

    /// Reads and opens an archive's file.
    pub fn read(path: &Path, passphrase: &Passphrase) -> Result<Self, Error> {
        let limit = ARCHIVE_BYTES_MAX + 2 * LINE_BYTES_MAX;
        let read = private_file::read(path, Readers::Owner, limit + 1);
        let bytes = read.map_err(|error| match error {
            Error::Missing { path } => Error::Absent { path, fix: "name the archive to restore" },
            other => other,
        })?;
        if bytes.len() > limit {
            return Err(too_large(bytes.len()));
        }
        Self::open(&bytes, passphrase, &path.display().to_string())
    }

    /// Names and bytes, each behind its length.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let parts = self.blobs.iter().flat_map(|(name, blob)| [name.as_bytes(), blob.expose()]);
        let mut out = Zeroizing::new(Vec::with_capacity(self.bytes));
        for part in parts {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut archive = Self::default();
        let mut part = || {
            let (length, rest) = bytes.split_first_chunk()?;
            let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
            let (part, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            Some(part)
        };
        while let Some(name) = part() {
            let name = std::str::from_utf8(name).ok()?;
            archive.put(name, Secret::new(part()?.to_vec())).ok()?;
        }
        bytes.is_empty().then_some(archive)
    }
}

/// Bytes of a blob in the archive, with its name and both lengths.
fn taken(name: &str, blob: &Secret<Vec<u8>>) -> usize {
    name.len() + blob.expose().len() + 16
}

/// The parameters and the sealed rest, if length and checksum fit.
fn taken_apart<'a>(bytes: &'a [u8], place: &str) -> Result<(&'a str, &'a [u8]), Error> {
    let truncated = || Error::Truncated { place: place.into() };
    let edited = |why| Error::Edited { place: place.into(), why };
    let magic = [MAGIC.as_bytes(), b"\n"].concat();
    let Some(rest) = bytes.strip_prefix(magic.as_slice()) else {
        let cut = magic.starts_with(bytes);
        let other = Error::Foreword { place: place.into(), magic: MAGIC };
        return Err(if cut { truncated() } else { other });
    };
    let line_end = rest.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n');
    let (line, sealed) = rest.split_at(line_end.ok_or_else(truncated)?);
    let line = std::str::from_utf8(line).map_err(|_| edited("its second line"))?;
    let fields = line.rsplit_once(' ').and_then(|(rest, checksum)| {
        let (parameters, length) = rest.rsplit_once(' ')?;
        Some((parameters, length.parse::<usize>().ok()?, checksum))
    });
    let (parameters, length, stored) = fields.ok_or_else(|| edited("its second line"))?;
    let sealed = sealed.get(1..).unwrap_or_default();
    if sealed.len() < length {
        return Err(truncated());
    }
    if sealed.len() != length || checksum(parameters, sealed) != stored {
        return Err(edited("its checksum does not match"));
    }
    Ok((parameters, sealed))
}

fn checksum(parameters: &str, sealed: &[u8]) -> String {
    hex::encode(sha256_parts(&[parameters.as_bytes(), b"\n", sealed]))
}

const fn aad(parameters: &str) -> Aad<'_> {
    Aad { tenant: "", table: "archive", row: "", column: parameters, kind: "bytes" }
}

fn too_large(bytes: usize) -> Error {
    Error::TooLarge { what: "the archive".into(), bytes, limit: ARCHIVE_BYTES_MAX }
}

/// Whoever restores makes files of these names: none leads out of the directory.
fn check(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(allowed);
    if name.len() <= NAME_BYTES_MAX && name.split('/').all(part) {
        return Ok(());
    }
    let rule = "a relative path of letters, digits, dots, dashes and underlines";
    Err(Error::Name { name: name.into(), rule })
}
