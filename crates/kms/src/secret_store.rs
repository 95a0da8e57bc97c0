//! A store of named secrets, sealed at rest: exchange keys, tokens, passwords of services.
//!
//! A random key of the store's own seals the entries; the holder's key wraps that one. An entry is
//! bound to the store, its name, its date, its fingerprint and its label, so none of them can be
//! changed and no entry can stand in for another. What this cannot see is a whole file put back from
//! an earlier day.

use crate::{
    Archive, Error,
    holder::{Holder, HolderKind},
    private_file::{self, Before, Readers},
    store_text::{Row, Sheet},
};
use jiff::Timestamp;
use seal::{Aad, Entropy, MacKey, SealingKey, Secret, hkdf_sha256, random};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The file, at most.
const FILE_BYTES_MAX: usize = 8 << 20;
/// Entries, at most.
const ENTRIES_MAX: usize = 500;
/// One secret, at most: a large private key with its certificates.
const SECRET_BYTES_MAX: usize = 1 << 14;
const NAME_BYTES_MAX: usize = 64;
const LABEL_CHARACTERS_MAX: usize = 120;
/// Where an archive keeps secrets.
const IN_ARCHIVE: &str = "secrets/";

/// A secret to be put in.
#[derive(Debug, Clone, Copy)]
pub struct NewSecret<'a> {
    /// Lower-case letters, digits, `.`, `_`, `-`.
    pub name: &'a str,
    /// For people; empty is fine.
    pub label: &'a str,
    /// Now.
    pub created: Timestamp,
    /// The value.
    pub value: &'a Secret<Vec<u8>>,
}

/// What may be told of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// For people.
    pub label: String,
    /// When it was put in.
    pub created: Timestamp,
    /// The same for the same value in the same store, and keyed: nobody can try values against it.
    pub fingerprint: String,
}

/// An open store.
#[derive(Debug)]
pub struct SecretStore {
    path: PathBuf,
    sheet: Sheet,
    keys: Keys,
    on_disk: Vec<u8>,
}

impl SecretStore {
    /// Makes a new, empty store at a place where nothing is.
    pub fn create(
        path: &Path,
        holder: Holder<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        Self::restore(path, &Archive::default(), holder, entropy)
    }

    /// What a store is sealed under, without opening it.
    pub fn holder_kind(path: &Path) -> Result<HolderKind, Error> {
        let bytes = load(path)?;
        Sheet::parse(&place(path), &bytes).map(|(sheet, ..)| sheet.kind)
    }

    /// Opens a store and looks at every entry.
    pub fn open(path: &Path, holder: Holder<'_>) -> Result<Self, Error> {
        let on_disk = load(path)?.to_vec();
        let place = place(path);
        let (sheet, body, mac) = Sheet::parse(&place, &on_disk)?;
        let keys = unwrap(&place, &sheet, holder)?;
        for row in &sheet.rows {
            keys.open(&place, &sheet.id, row)?;
        }
        if !keys.mac.verify(&[body], &mac) {
            return Err(Error::Altered { place });
        }
        Ok(Self { path: path.into(), sheet, keys, on_disk })
    }

    /// Puts a new secret in.
    pub fn put(
        &mut self,
        secret: NewSecret<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<Listed, Error> {
        if self.find(secret.name).is_ok() {
            return Err(Error::Taken { name: secret.name.into() });
        }
        let mut sheet = self.sheet.clone();
        add(&mut sheet, &self.keys, secret, entropy)?;
        self.write(sheet, None, entropy)?;
        self.find(secret.name).map(listed)
    }

    /// Puts another value in the place of a secret.
    pub fn replace(
        &mut self,
        secret: NewSecret<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<Listed, Error> {
        self.find(secret.name)?;
        let mut sheet = self.sheet.clone();
        sheet.rows.retain(|row| row.name != secret.name);
        add(&mut sheet, &self.keys, secret, entropy)?;
        self.write(sheet, None, entropy)?;
        self.find(secret.name).map(listed)
    }

    /// Takes a secret out.
    pub fn remove(&mut self, name: &str, entropy: &mut dyn Entropy) -> Result<(), Error> {
        self.find(name)?;
        let mut sheet = self.sheet.clone();
        sheet.rows.retain(|row| row.name != name);
        self.write(sheet, None, entropy)
    }

    /// What there is, by name; no values.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        self.sheet.rows.iter().map(listed).collect()
    }

    /// A secret's value.
    pub fn get(&self, name: &str) -> Result<Secret<Vec<u8>>, Error> {
        self.keys.open(&place(&self.path), &self.sheet.id, self.find(name)?)
    }

    /// The fingerprint that a value would have in this store.
    #[must_use]
    pub fn fingerprint(&self, value: &Secret<Vec<u8>>) -> String {
        self.keys.fingerprint(value)
    }

    /// What the store is sealed under.
    #[must_use]
    pub const fn kind(&self) -> HolderKind {
        self.sheet.kind
    }

    /// Seals everything anew, under a new key wrapped by another holder: who knew the old one and kept
    /// an old file cannot read this one.
    pub fn change_holder(
        &mut self,
        holder: Holder<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<(), Error> {
        let keys = Keys::new(random(entropy), *self.keys.fingerprints.secret().expose());
        let mut sheet = blank(&self.sheet.id, holder, &keys, entropy)?;
        let place = place(&self.path);
        for row in &self.sheet.rows {
            let value = self.keys.open(&place, &self.sheet.id, row)?;
            let (name, label, created) = (row.name.as_str(), row.label.as_str(), row.created);
            add(&mut sheet, &keys, NewSecret { name, label, created, value: &value }, entropy)?;
        }
        self.write(sheet, Some(keys), entropy)
    }

    /// Adds every secret to an archive, which has a passphrase of its own: a store that only this
    /// machine can open is of no use as a backup.
    pub fn export(&self, archive: &mut Archive) -> Result<(), Error> {
        for row in &self.sheet.rows {
            let value = self.keys.open(&place(&self.path), &self.sheet.id, row)?;
            let mut blob = format!("{}\n{}\n", row.created, row.label).into_bytes();
            blob.reserve_exact(value.expose().len());
            blob.extend_from_slice(value.expose());
            archive.put(&format!("{IN_ARCHIVE}{}", row.name), Secret::new(blob))?;
        }
        Ok(())
    }

    /// Makes a new store of the secrets in an archive.
    pub fn restore(
        path: &Path,
        archive: &Archive,
        holder: Holder<'_>,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        let keys = Keys::new(random(entropy), random(entropy));
        let id = hex::encode(random::<16>(entropy));
        let mut sheet = blank(&id, holder, &keys, entropy)?;
        for (name, blob) in archive.blobs() {
            let Some(name) = name.strip_prefix(IN_ARCHIVE) else { continue };
            let damaged =
                || Error::Edited { place: format!("the archived {name}"), why: "no secret" };
            let (label, created, value) = archived(blob.expose()).ok_or_else(damaged)?;
            add(&mut sheet, &keys, NewSecret { name, label, created, value: &value }, entropy)?;
        }
        let on_disk = written(&sheet, &keys);
        private_file::put(path, Before::Nothing, &on_disk, entropy)?;
        Ok(Self { path: path.into(), sheet, keys, on_disk })
    }

    fn find(&self, name: &str) -> Result<&Row, Error> {
        let found = self.sheet.rows.iter().find(|row| row.name == name);
        found.ok_or_else(|| Error::NoSecret { name: name.into() })
    }

    /// Writes the new sheet; only then is it this store's.
    fn write(
        &mut self,
        sheet: Sheet,
        keys: Option<Keys>,
        entropy: &mut dyn Entropy,
    ) -> Result<(), Error> {
        let on_disk = written(&sheet, keys.as_ref().unwrap_or(&self.keys));
        private_file::put(&self.path, Before::These(&self.on_disk), &on_disk, entropy)?;
        (self.sheet, self.on_disk) = (sheet, on_disk);
        if let Some(keys) = keys {
            self.keys = keys;
        }
        Ok(())
    }
}

/// A store's own key, taken apart.
#[derive(Debug)]
struct Keys {
    root: Secret<[u8; 32]>,
    sealing: SealingKey,
    mac: MacKey,
    fingerprints: MacKey,
}

impl Keys {
    fn new(root: [u8; 32], fingerprints: [u8; 32]) -> Self {
        Self {
            sealing: SealingKey::new(hkdf_sha256(&root, b"", b"stockade/v1|secrets|sealing")),
            mac: MacKey::new(hkdf_sha256(&root, b"", b"stockade/v1|secrets|mac")),
            fingerprints: MacKey::new(Secret::new(fingerprints)),
            root: Secret::new(root),
        }
    }

    fn open(&self, place: &str, id: &str, row: &Row) -> Result<Secret<Vec<u8>>, Error> {
        let binding = row.binding();
        self.sealing
            .open(&aad(id, &row.name, &binding), &row.sealed)
            .map_err(|_| Error::Moved { place: place.into(), name: row.name.clone() })
    }

    fn fingerprint(&self, value: &Secret<Vec<u8>>) -> String {
        let tag = self.fingerprints.tag(&[value.expose()]);
        hex::encode(tag).get(..16).unwrap_or_default().to_owned()
    }
}

const fn aad<'a>(id: &'a str, name: &'a str, binding: &'a str) -> Aad<'a> {
    Aad { tenant: id, table: "secrets", row: name, column: binding, kind: "bytes" }
}

/// An empty sheet with the key wrapped by the holder.
fn blank(
    id: &str,
    holder: Holder<'_>,
    keys: &Keys,
    entropy: &mut dyn Entropy,
) -> Result<Sheet, Error> {
    let (kind, salt) = (holder.kind(), random(entropy));
    let mut sheet = Sheet { id: id.into(), kind, salt, key: Vec::new(), rows: Vec::new() };
    let mut both = Zeroizing::new([0_u8; 64]);
    both.iter_mut()
        .zip(keys.root.expose().iter().chain(keys.fingerprints.secret().expose()))
        .for_each(|(to, from)| *to = *from);
    let line = sheet.holder_line();
    sheet.key = holder.key(&salt, kind)?.seal(&aad(id, "", &line), both.as_ref(), entropy);
    Ok(sheet)
}

/// The store's key, out of the holder's hands.
fn unwrap(place: &str, sheet: &Sheet, holder: Holder<'_>) -> Result<Keys, Error> {
    let (sealed, tried) = (sheet.kind, holder.kind());
    if sealed.name() != tried.name() {
        let (sealed, tried) = (sealed.name(), tried.name());
        return Err(Error::OtherHolder { place: place.into(), sealed, tried });
    }
    let wrapping = holder.key(&sheet.salt, sheet.kind)?;
    let line = sheet.holder_line();
    let both = match wrapping.open(&aad(&sheet.id, "", &line), &sheet.key) {
        Ok(both) => both,
        Err(seal::Error::WrongKey { .. }) if matches!(sealed, HolderKind::Passphrase(_)) => {
            return Err(Error::WrongPassphrase { place: place.into() });
        }
        Err(seal::Error::WrongKey { .. }) => {
            return Err(Error::WrongHolder { place: place.into(), holder: sealed.name() });
        }
        Err(_) => return Err(Error::Altered { place: place.into() }),
    };
    let parts = both.expose().split_first_chunk::<32>();
    let parts = parts.and_then(|(root, rest)| Some((*root, rest.try_into().ok()?)));
    let (root, fingerprints) = parts.ok_or_else(|| Error::Altered { place: place.into() })?;
    Ok(Keys::new(root, fingerprints))
}

/// Seals a secret and puts it in its place among the others.
fn add(
    sheet: &mut Sheet,
    keys: &Keys,
    secret: NewSecret<'_>,
    entropy: &mut dyn Entropy,
) -> Result<(), Error> {
    let NewSecret { name, label, created, value } = secret;
    check(name, label, value)?;
    if sheet.rows.len() >= ENTRIES_MAX {
        return Err(Error::Crowded { limit: ENTRIES_MAX });
    }
    let created = Timestamp::from_second(created.as_second()).unwrap_or(created);
    let fingerprint = keys.fingerprint(value);
    let (name, label) = (name.to_owned(), label.to_owned());
    let mut row = Row { name, created, fingerprint, label, sealed: Vec::new() };
    let binding = row.binding();
    row.sealed = keys.sealing.seal(&aad(&sheet.id, &row.name, &binding), value.expose(), entropy);
    sheet.rows.push(row);
    sheet.rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

fn check(name: &str, label: &str, value: &Secret<Vec<u8>>) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !starts || name.len() > NAME_BYTES_MAX || !name.chars().all(allowed) {
        let rule = "up to 64 lower-case letters, digits, dots, dashes and underlines, a letter or digit first";
        return Err(Error::Name { name: name.into(), rule });
    }
    if label.chars().count() > LABEL_CHARACTERS_MAX || label.chars().any(char::is_control) {
        return Err(Error::Label { limit: LABEL_CHARACTERS_MAX });
    }
    let bytes = value.expose().len();
    if bytes > SECRET_BYTES_MAX {
        let what = format!("the secret {name:?}");
        return Err(Error::TooLarge { what, bytes, limit: SECRET_BYTES_MAX });
    }
    Ok(())
}

/// Label, date and value out of an archive's blob.
fn archived(blob: &[u8]) -> Option<(&str, Timestamp, Secret<Vec<u8>>)> {
    let mut parts = blob.splitn(3, |byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(parts.next()?).ok();
    let (created, label) = (text()?.parse().ok()?, text()?);
    Some((label, created, Secret::new(parts.next()?.to_vec())))
}

fn written(sheet: &Sheet, keys: &Keys) -> Vec<u8> {
    let body = sheet.body();
    let mac = keys.mac.tag(&[body.as_bytes()]);
    Sheet::render(body, &mac).into_bytes()
}

fn listed(row: &Row) -> Listed {
    let Row { name, created, fingerprint, label, .. } = row.clone();
    Listed { name, label, created, fingerprint }
}

fn load(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let bytes = match private_file::read(path, Readers::Owner, FILE_BYTES_MAX + 1) {
        Err(Error::Missing { path }) => {
            let fix = "make the store first, or restore it from an archive";
            return Err(Error::Absent { path, fix });
        }
        other => other?,
    };
    if bytes.len() > FILE_BYTES_MAX {
        let (bytes, limit) = (bytes.len(), FILE_BYTES_MAX);
        return Err(Error::TooLarge { what: place(path), bytes, limit });
    }
    Ok(bytes)
}

fn place(path: &Path) -> String {
    path.display().to_string()
}
