//! What this machine keeps of its own for backups: the password of the repository, and who opens the kit in a
//! drill.
//!
//! On a server both lie sealed under its keys: whoever has its disk, and not what holds the root key, opens no kit
//! with them. A machine that pulls has no keys before it opens a kit, so that its own lie in plaintext, for their
//! owner alone.

use super::{Ground, handing::keep};
use crate::desk::{Error, Paths, Result};
use ::backup::{Error as Fault, Place};
use kms::{KeyRing, Purpose, SystemEntropy};
use seal::{Aad, AgeIdentity, SealingKey, Secret, random};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

const PASSWORD: &str = "password";
const DRILL: &str = "drill.identity";
/// What keys lay in for a moment, and what a drill or a pull that was killed leaves behind.
const LEFT: [&str; 3] = ["kit", "keys", "scratch"];

/// Both, opened.
pub(super) struct Secrets {
    /// The password of the repository.
    pub(super) password: Secret<String>,
    /// Who opens the recovery kit in a drill.
    pub(super) drill: AgeIdentity,
}

/// Where they lie, and what they are sealed under.
pub(super) struct Own {
    directory: PathBuf,
    seal: Option<SealingKey>,
}

/// Takes away what a version before this one, or a run that was killed, has left in plaintext.
pub(super) fn tidy(paths: &Paths, keys: Option<&KeyRing>) -> Result<()> {
    for name in LEFT {
        let path = paths.backup().join(name);
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::File { doing: "clear", path, source: error });
            }
            _ => {}
        }
    }
    let Some(keys) = keys else { return Ok(()) };
    let own = Own { directory: paths.backup(), seal: Some(keys.sealing(Purpose::Backups)) };
    [PASSWORD, DRILL].into_iter().try_for_each(|name| own.take_in(name))
}

impl Own {
    /// Of whoever makes backups on this ground.
    pub(super) fn of(ground: &Ground) -> Self {
        let seal = (!ground.pulls()).then(|| ground.keys.sealing(Purpose::Backups));
        Self { directory: ground.paths.backup(), seal }
    }

    /// Of a machine that pulls.
    pub(super) fn of_machine(paths: &Paths) -> Self {
        Self { directory: paths.backup(), seal: None }
    }

    /// Both, made for the first backup.
    pub(super) fn secrets(&self, place: &Place) -> Result<Secrets> {
        let drill = self.made()?;
        self.take_in(PASSWORD)?;
        if self.get(PASSWORD)?.is_none() {
            if place.is_founded()? {
                return Err(self.no_password(place));
            }
            let digits = hex::encode(random::<32>(&mut SystemEntropy::new()));
            self.put(PASSWORD, format!("{digits}\n").as_bytes())?;
        }
        Ok(Secrets { password: self.password(place)?, drill })
    }

    /// The password of the repository.
    pub(super) fn password(&self, place: &Place) -> Result<Secret<String>> {
        let text = self.get(PASSWORD)?.ok_or_else(|| self.no_password(place))?;
        Ok(Secret::new(String::from_utf8_lossy(text.expose()).trim().to_owned()))
    }

    /// Who opens the recovery kit in a drill, made at the first time.
    pub(super) fn made(&self) -> Result<AgeIdentity> {
        self.take_in(DRILL)?;
        if self.get(DRILL)?.is_none() {
            let made = AgeIdentity::generate(&mut SystemEntropy::new());
            self.put(DRILL, made.to_file().as_bytes())?;
        }
        self.drill()
    }

    /// Who opens the recovery kit in a drill.
    pub(super) fn drill(&self) -> Result<AgeIdentity> {
        let path = self.directory.join(DRILL);
        let missing = io::ErrorKind::NotFound.into();
        let text = self.get(DRILL)?;
        let text =
            text.ok_or_else(|| Error::File { doing: "read", path: path.clone(), source: missing })?;
        let identity = AgeIdentity::from_file(&String::from_utf8_lossy(text.expose()));
        let what = path.display().to_string();
        Ok(identity.map_err(|source| Fault::Sealed { what, source })?)
    }

    fn no_password(&self, place: &Place) -> Error {
        Fault::NoPassword { place: place.root(), path: self.directory.join(PASSWORD) }.into()
    }

    /// What lies there. What was put there in plaintext stands for what is sealed.
    fn get(&self, name: &str) -> Result<Option<Secret<Vec<u8>>>> {
        let plain = read(&self.directory.join(name))?;
        let Some(key) = self.seal.as_ref().filter(|_| plain.is_none()) else { return Ok(plain) };
        let path = self.sealed(name);
        let Some(sealed) = read(&path)? else { return Ok(None) };
        let what = path.display().to_string();
        let opened = key.open(&aad(name), sealed.expose());
        Ok(Some(opened.map_err(|source| Fault::Sealed { what, source })?))
    }

    fn put(&self, name: &str, text: &[u8]) -> Result<()> {
        match &self.seal {
            Some(key) => {
                let sealed = key.seal(&aad(name), text, &mut SystemEntropy::new());
                keep(&self.sealed(name), &sealed)
            }
            None => keep(&self.directory.join(name), text),
        }
    }

    /// Seals what lies there in plaintext, and removes it.
    fn take_in(&self, name: &str) -> Result<()> {
        let path = self.directory.join(name);
        let Some(text) = read(&path)?.filter(|_| self.seal.is_some()) else { return Ok(()) };
        self.put(name, text.expose())?;
        let removed = fs::remove_file(&path);
        let removed = removed.and_then(|()| File::open(&self.directory)?.sync_all());
        removed.map_err(|source| Error::File { doing: "remove", path, source })
    }

    fn sealed(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.sealed"))
    }
}

/// One does not pass for the other.
const fn aad(name: &str) -> Aad<'_> {
    Aad { tenant: "", table: "backup", row: name, column: "own", kind: "text" }
}

fn read(path: &Path) -> Result<Option<Secret<Vec<u8>>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(Secret::new(bytes))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { doing: "read", path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    fn own(root: &Path, seed: Option<u64>) -> Own {
        let ring = seed.map(|seed| KeyRing::generate(&mut SeededEntropy::new(seed)));
        let seal = ring.map(|ring| ring.sealing(Purpose::Backups));
        Own { directory: Paths::new(root).backup(), seal }
    }

    fn place(root: &Path) -> Place {
        Place::directory(&root.join("place"))
    }

    #[test]
    fn a_server_opens_its_own_by_its_keys_and_its_disk_alone_does_not() {
        let root = tempfile::tempdir().expect("a directory");
        let (place, directory) = (place(root.path()), Paths::new(root.path()).backup());
        let made = own(root.path(), Some(1)).secrets(&place).expect("are made");
        for (name, secret) in [(PASSWORD, made.password.expose().as_str()), (DRILL, "AGE-SECRET")] {
            assert!(!directory.join(name).exists(), "{name}");
            let sealed = fs::read(directory.join(format!("{name}.sealed"))).expect("lies there");
            let is_there = sealed
                .windows(secret.len())
                .any(|part| part.eq_ignore_ascii_case(secret.as_bytes()));
            assert!(!is_there, "{name}");
        }
        let again = own(root.path(), Some(1)).secrets(&place).expect("are there");
        assert_eq!(again.password.expose(), made.password.expose());
        assert_eq!(again.drill.recipient(), made.drill.recipient());
        assert!(own(root.path(), Some(2)).password(&place).is_err(), "other keys");
        let sealed = directory.join("password.sealed");
        fs::copy(&sealed, directory.join("drill.identity.sealed")).expect("copies");
        assert!(own(root.path(), Some(1)).drill().is_err(), "one for the other");
    }

    #[test]
    fn what_lay_in_plaintext_is_taken_in_once() {
        let root = tempfile::tempdir().expect("a directory");
        let (place, paths) = (place(root.path()), Paths::new(root.path()));
        let before = own(root.path(), None).secrets(&place).expect("are made");
        let names = [PASSWORD, DRILL].map(|name| paths.backup().join(name));
        assert!(names.iter().all(|name| name.exists()), "a machine that pulls has no keys");
        for left in LEFT {
            fs::create_dir_all(paths.backup().join(left)).expect("a directory");
            fs::write(paths.backup().join(left).join("key"), "left behind").expect("writes");
        }
        let ring = KeyRing::generate(&mut SeededEntropy::new(1));
        tidy(&paths, Some(&ring)).expect("takes it in");
        assert!(names.iter().all(|name| !name.exists()));
        assert!(LEFT.iter().all(|left| !paths.backup().join(left).exists()));
        let own = own(root.path(), Some(1));
        let after = own.secrets(&place).expect("are there");
        assert_eq!(after.password.expose(), before.password.expose());
        assert_eq!(after.drill.recipient(), before.drill.recipient());
        // What somebody puts back out of the kit stands from then on.
        fs::write(paths.backup().join(PASSWORD), "put back\n").expect("writes");
        assert_eq!(own.password(&place).expect("reads").expose(), "put back");
        tidy(&paths, Some(&ring)).expect("takes it in");
        assert_eq!(own.password(&place).expect("reads").expose(), "put back");
        assert!(!paths.backup().join(PASSWORD).exists());
    }
}
