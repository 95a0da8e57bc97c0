//! A place of backups: the repository, the sets of wrapped keys, the ledger, what must outlive the database,
//! and the sealed kit. One at a time works there.

use crate::{Error, Ledger, Shelf, Target, Upkeep, file::make, signed};
use rustix::fs::{FlockOperation, flock};
use seal::{Aad, Entropy, SealingKey, Secret, SigningKey, VerifyingKey};
use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

const LEDGER: &str = "ledger";
const STANDINGS: &str = "standings";
const KIT: &str = "recovery.age";
const KEYS: &str = "keys";
const BEFORE: &str = "before";
const REPOSITORY: &str = "repository";
const LOCK: &str = "lock";
const READ_ME: &str = "README";
/// Runs that may have been killed one after the other.
const STRAYS_MAX: u32 = 1_000;
/// Digits of a version's number.
const DIGITS: usize = 8;

const WORDS: &str = "Backups of a Stockade server.\n\n\
repository    snapshots in restic's format: restic -r repository snapshots\n\
recovery.age  the password and the key file, sealed: age -d -i IDENTITY recovery.age\n\
keys          wrapped keys of accounts, sealed, one file for each of the last 35 days\n\
ledger        what was taken, let go and proved, signed\n\
standings     who was erased, disabled or lost a role, signed: a restore applies it\n\
before        the kit and the standings that each older snapshot was taken under\n\n\
To bring a server back: stockade backup restore --from THIS --into DIR --identity IDENTITY\n";

/// Where backups lie, and who lets go there what is no longer kept.
///
/// Where that is somebody else, a file that changes is written under a new name each time, with a number: the
/// highest is the one that counts, and nothing has to be replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    shelf: Shelf,
    upkeep: Upkeep,
}

/// The only one who works there, for as long as it lives. In a bucket only its own machine is held off; what
/// two of them would both write, the second is refused.
#[derive(Debug)]
pub struct Hold {
    place: Place,
    _lock: Option<File>,
}

impl Place {
    /// Nothing is made yet.
    #[must_use]
    pub fn new(shelf: Shelf, upkeep: Upkeep) -> Self {
        let shelf = match shelf {
            Shelf::Directory(path) => {
                Shelf::Directory(std::path::absolute(&path).unwrap_or_else(|_| path.clone()))
            }
            bucket @ Shelf::Bucket(_) => bucket,
        };
        Self { shelf, upkeep }
    }

    /// A directory with the upkeep of whoever makes the backups.
    #[must_use]
    pub fn directory(root: &Path) -> Self {
        Self::new(Shelf::Directory(root.to_owned()), Upkeep::Here)
    }

    /// The directory, or the bucket's address.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.shelf.name()
    }

    /// Who lets go.
    #[must_use]
    pub const fn upkeep(&self) -> Upkeep {
        self.upkeep
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> Target {
        Target { shelf: self.shelf.below(REPOSITORY), upkeep: self.upkeep }
    }

    /// Whether there is a repository.
    pub fn is_founded(&self) -> Result<bool, Error> {
        Ok(!self.shelf.names(&format!("{REPOSITORY}/config"))?.is_empty())
    }

    /// The ledger, if there is one.
    pub fn ledger(&self, key: &VerifyingKey) -> Result<Ledger, Error> {
        match self.text(LEDGER)? {
            Some((_, text)) => Ledger::parse(&text, key),
            None => Ok(Ledger::default()),
        }
    }

    /// What must outlive the database, if it was written; its text is the caller's.
    pub fn standings(&self, key: &VerifyingKey) -> Result<Option<String>, Error> {
        let Some((_, text)) = self.text(STANDINGS)? else { return Ok(None) };
        signed::verify(STANDINGS, &text, key).map(|body| Some(body.to_owned()))
    }

    /// Writes what must outlive the database, unless it stands there; whether it was written.
    pub fn keep_standings(&self, body: &str, key: &SigningKey) -> Result<bool, Error> {
        let text = signed::sign(STANDINGS, body, key);
        if self.text(STANDINGS)?.is_some_and(|(_, there)| there == text) {
            return Ok(false);
        }
        self.write(STANDINGS, text.as_bytes()).map(|()| true)
    }

    /// The sealed kit, and where it lies.
    pub fn kit(&self) -> Result<(Vec<u8>, PathBuf), Error> {
        let found = self.newest(KIT)?.ok_or_else(|| Error::Nothing { place: self.root() })?;
        let (name, bytes) = found;
        Ok((bytes, self.shelf.path(&name)))
    }

    /// A set of wrapped keys.
    pub fn keys(&self, name: &str, key: &SealingKey) -> Result<Secret<Vec<u8>>, Error> {
        let name = format!("{KEYS}/{name}");
        let path = self.shelf.path(&name);
        let missing = || Error::File {
            doing: "read",
            path: path.clone(),
            source: io::ErrorKind::NotFound.into(),
        };
        let sealed = self.shelf.read(&name)?.ok_or_else(missing)?;
        let what = || format!("the wrapped keys {}", path.display());
        let name = name.trim_start_matches(KEYS).trim_start_matches('/');
        key.open(&aad(name), &sealed).map_err(|source| Error::Sealed { what: what(), source })
    }

    /// Takes the place, or says that somebody has it.
    pub fn hold(&self) -> Result<Hold, Error> {
        let Shelf::Directory(root) = &self.shelf else {
            return Ok(Hold { place: self.clone(), _lock: None });
        };
        make(root).map_err(Error::file("make", root))?;
        let path = root.join(LOCK);
        let mut open = OpenOptions::new();
        // Opened to append: nothing else is allowed where nothing may be replaced.
        let file = open.append(true).create(true).mode(0o600).open(&path);
        let file = file.map_err(Error::file("open", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Hold { place: self.clone(), _lock: Some(file) }),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Busy { place: root.clone() }),
            Err(error) => Err(Error::file("lock", path)(error.into())),
        }
    }

    /// The newest of a file that changes: its name, and what it holds.
    fn newest(&self, name: &str) -> Result<Option<(String, Vec<u8>)>, Error> {
        let last = self.versions(name)?.pop();
        let name = last.map_or_else(|| name.to_owned(), |number| version(name, number));
        Ok(self.shelf.read(&name)?.map(|bytes| (name, bytes)))
    }

    /// The numbers under which a file stands, the least first.
    fn versions(&self, name: &str) -> Result<Vec<u64>, Error> {
        let begin = format!("{name}.");
        let names = self.shelf.names(&begin)?;
        let number = |name: &String| {
            let digits = name.strip_prefix(&begin)?;
            (digits.len() == DIGITS).then(|| digits.parse().ok()).flatten()
        };
        let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Writes a file that changes. Where versions of it stand, another one is written; and the older ones go,
    /// where they may.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let versions = self.versions(name)?;
        let old = versions.iter().map(|number| version(name, *number));
        self.write_over((name, bytes), old.chain([name.to_owned()]))
    }

    /// The same, where only these go.
    fn write_over(
        &self,
        (name, bytes): (&str, &[u8]),
        old: impl IntoIterator<Item = String>,
    ) -> Result<(), Error> {
        let last = self.versions(name)?.pop();
        if last.is_none() && self.upkeep == Upkeep::Here {
            return self.shelf.put(name, bytes);
        }
        if !self.shelf.add(&version(name, last.map_or(1, |last| last + 1)), bytes)? {
            return Err(Error::Busy { place: self.root() });
        }
        if self.upkeep == Upkeep::Elsewhere {
            return Ok(());
        }
        old.into_iter().try_for_each(|name| self.shelf.remove(&name))
    }

    fn text(&self, name: &str) -> Result<Option<(String, String)>, Error> {
        let Some((name, bytes)) = self.newest(name)? else { return Ok(None) };
        let path = self.shelf.path(&name);
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Some((name, text))),
            Err(error) => Err(Error::file("read", path)(io::Error::other(error))),
        }
    }
}

impl Hold {
    /// The place.
    #[must_use]
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// Writes the ledger.
    pub fn keep_ledger(&self, ledger: &Ledger, key: &SigningKey) -> Result<(), Error> {
        self.place.write(LEDGER, ledger.render(key).as_bytes())
    }

    /// Writes the sealed kit, and what a person reads who finds all this. The one of before stays beside it, under
    /// the number of the last snapshot that was taken before: whoever writes a kit that is of no use has taken none
    /// away.
    pub fn keep_kit(&self, sealed: &[u8], last: Option<u64>) -> Result<(), Error> {
        self.place.shelf.add(READ_ME, WORDS.as_bytes())?;
        let old = self.put_aside(KIT, last)?;
        self.place.write_over((KIT, sealed), old)
    }

    /// Writes what must outlive the database; what stood there stays beside it in the same way.
    pub fn keep_standings(
        &self,
        body: &str,
        key: &SigningKey,
        last: Option<u64>,
    ) -> Result<(), Error> {
        self.put_aside(STANDINGS, last)?;
        self.place.keep_standings(body, key).map(drop)
    }

    /// Copies the newest of a file that changes to where those of before lie; its name. Where nothing may be
    /// replaced, it stays where it is.
    fn put_aside(&self, name: &str, last: Option<u64>) -> Result<Option<String>, Error> {
        if self.place.upkeep == Upkeep::Elsewhere {
            return Ok(None);
        }
        let Some((newest, bytes)) = self.place.newest(name)? else { return Ok(None) };
        if let Some(number) = last {
            // What lies there is what that snapshot was taken under: this one is of a run that failed.
            self.place.shelf.add(&format!("{BEFORE}/{number:06}.{name}"), &bytes)?;
        }
        Ok(Some(newest))
    }

    /// Deletes what was put aside for snapshots that are not there any more.
    pub fn drop_before(&self, live: &BTreeSet<u64>) -> Result<(), Error> {
        if self.place.upkeep == Upkeep::Elsewhere {
            return Err(Error::UpkeepElsewhere { place: self.place.root() });
        }
        let begin = format!("{BEFORE}/");
        let is_over = |name: &&String| {
            let number = name.strip_prefix(&begin).and_then(|name| name.split_once('.'));
            let number = number.and_then(|(digits, _)| digits.parse::<u64>().ok());
            number.is_some_and(|number| !live.contains(&number))
        };
        let names = self.place.shelf.names(&begin)?;
        names.iter().filter(is_over).try_for_each(|name| self.place.shelf.remove(name))
    }

    /// Writes the set of wrapped keys of a snapshot, sealed; its name. Where nothing may be replaced, what a
    /// killed run has written stays beside it.
    pub fn keep_keys(
        &self,
        number: u64,
        keys: &[u8],
        key: &SealingKey,
        entropy: &mut dyn Entropy,
    ) -> Result<String, Error> {
        let Place { shelf, upkeep } = &self.place;
        if *upkeep == Upkeep::Here {
            let name = format!("{number:06}.sealed");
            shelf.put(&format!("{KEYS}/{name}"), &key.seal(&aad(&name), keys, entropy))?;
            return Ok(name);
        }
        for again in 0..STRAYS_MAX {
            let name = format!("{number:06}-{again}.sealed");
            if shelf.add(&format!("{KEYS}/{name}"), &key.seal(&aad(&name), keys, entropy))? {
                return Ok(name);
            }
        }
        Err(Error::Busy { place: self.place.root() })
    }

    /// The sets of wrapped keys that lie there, whether or not the ledger knows them.
    pub fn key_names(&self) -> Result<Vec<String>, Error> {
        let begin = format!("{KEYS}/");
        let names = self.place.shelf.names(&begin)?;
        Ok(names.iter().filter_map(|name| name.strip_prefix(&begin)).map(str::to_owned).collect())
    }

    /// Deletes sets of wrapped keys; one that is gone already is no error.
    pub fn drop_keys<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        if self.place.upkeep == Upkeep::Elsewhere {
            return Err(Error::UpkeepElsewhere { place: self.place.root() });
        }
        names.into_iter().try_for_each(|name| self.place.shelf.remove(&format!("{KEYS}/{name}")))
    }
}

fn version(name: &str, number: u64) -> String {
    format!("{name}.{number:0DIGITS$}")
}

/// A set of keys is for its name: an old one does not pass for a new one.
const fn aad(name: &str) -> Aad<'_> {
    Aad { tenant: "", table: "backup", row: name, column: "keys", kind: "json" }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &[&str] = &["first", "second", "third"];

    fn names(root: &Path, below: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(root.join(below)) else { return Vec::new() };
        let name = |entry: io::Result<std::fs::DirEntry>| {
            entry.expect("an entry").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<String> = entries.map(name).collect();
        names.sort();
        names
    }

    fn newest(place: &Place) -> String {
        String::from_utf8(place.kit().expect("a kit").0).expect("text")
    }

    #[test]
    fn a_kit_stays_for_as_long_as_the_snapshot_that_was_taken_under_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = Place::directory(directory.path());
        let hold = place.hold().expect("is free");
        let key = SigningKey::from_seed(&Secret::new([1; 32]));
        hold.keep_kit(b"first", None).expect("is kept");
        hold.keep_standings("first\n", &key, None).expect("is kept");
        assert!(names(directory.path(), BEFORE).is_empty());
        // Snapshot 3 was taken under it. A run that fails afterwards leaves its own, which is nobody's.
        for text in ["failed", "second"] {
            hold.keep_kit(text.as_bytes(), Some(3)).expect("is kept");
        }
        hold.keep_standings("second\n", &key, Some(3)).expect("is kept");
        hold.keep_kit(b"third", Some(5)).expect("is kept");
        assert_eq!(newest(&place), "third");
        let there = ["000003.recovery.age", "000003.standings", "000005.recovery.age"];
        assert_eq!(names(directory.path(), BEFORE), there);
        let read = |name: &str| std::fs::read(directory.path().join(BEFORE).join(name));
        assert_eq!(read("000003.recovery.age").expect("reads"), b"first");
        assert_eq!(read("000005.recovery.age").expect("reads"), b"second");
        let standings = String::from_utf8(read("000003.standings").expect("reads")).expect("text");
        let body = signed::verify(STANDINGS, &standings, key.verifying_key()).expect("signed");
        assert_eq!(body, "first\n");
        hold.drop_before(&BTreeSet::from([5, 6])).expect("clears");
        assert_eq!(names(directory.path(), BEFORE), ["000005.recovery.age"]);
    }

    #[test]
    fn kits_of_a_place_that_only_grew_stay_when_it_does_not_any_more() {
        let directory = tempfile::tempdir().expect("a directory");
        let shelf = || Shelf::Directory(directory.path().to_owned());
        let grows = Place::new(shelf(), Upkeep::Elsewhere);
        let hold = grows.hold().expect("is free");
        for (text, last) in OLD.iter().zip([None, Some(1), Some(2)]) {
            hold.keep_kit(text.as_bytes(), last).expect("is kept");
        }
        assert_eq!(newest(&grows), "third");
        let refused = hold.drop_before(&BTreeSet::new());
        assert!(matches!(refused, Err(Error::UpkeepElsewhere { .. })), "{refused:?}");
        drop(hold);
        let place = Place::new(shelf(), Upkeep::Here);
        let hold = place.hold().expect("is free");
        hold.keep_kit(b"fourth", Some(3)).expect("is kept");
        assert_eq!(newest(&place), "fourth");
        let kits = [1, 2, 4].map(|number| version(KIT, number));
        let there = names(directory.path(), "");
        let there: Vec<&String> = there.iter().filter(|name| name.starts_with(KIT)).collect();
        assert_eq!(there, kits.iter().collect::<Vec<_>>(), "the third lies aside");
        assert_eq!(names(directory.path(), BEFORE), ["000003.recovery.age"]);
    }
}
