//! Lists of addresses that others make: signed files in one folder. Each is believed by its signature, its date and what
//! was loaded before it, and held against whoever comes until a newer one takes its place.

use super::{Actor, Deed, Desk, Error, LimitAct, Result, now};
use guard::{Freshness, LIST_BYTES_MAX, PREFIXES_MAX, Prefix, PrefixList};
use jiff::{SignedDuration, Timestamp};
use seal::{Blake2b, MINISIGN_BYTES_MAX, MinisignPublicKey, sha256};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::ListRow;

/// Lists in the folder.
pub const LISTS_MAX: usize = 16;
/// How names of lists end; the signature has `.minisig` behind it, as minisign writes it.
const ENDING: &str = "txt";
/// Files of the folder that are looked at.
const ENTRIES_MAX: usize = 1000;

/// What is configured of addresses.
#[derive(Debug, Clone)]
pub struct AddressTerms {
    /// The folder of the lists, if there is one.
    pub folder: Option<PathBuf>,
    /// Who may sign them.
    pub keys: Vec<MinisignPublicKey>,
    /// A list that is older is said to be stale.
    pub lasts: SignedDuration,
    /// Who passes whatever is held against them.
    pub allowed: Vec<Prefix>,
}

impl Default for AddressTerms {
    fn default() -> Self {
        let (folder, keys, allowed) = (None, Vec::new(), Vec::new());
        Self { folder, keys, lasts: SignedDuration::from_hours(7 * 24), allowed }
    }
}

/// A list that was believed.
#[derive(Debug, Clone)]
pub struct SignedList {
    /// The list.
    pub list: Arc<PrefixList>,
    /// The number of the key that signed it.
    pub key: String,
    /// SHA-256 of its text.
    pub sha256: [u8; 32],
    /// Its file.
    pub file: PathBuf,
}

/// What came of the folder.
#[derive(Debug, Clone, Default)]
pub struct LoadedLists {
    /// The lists that hold, by their names.
    pub lists: Vec<SignedList>,
    /// What is wrong, by its file.
    pub problems: BTreeMap<PathBuf, String>,
}

/// A list as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListView {
    /// Its file's name.
    pub file: String,
    /// What it calls itself; nothing where it could never be read.
    pub name: Option<String>,
    /// Its date, by its own word.
    pub date: Option<Timestamp>,
    /// The number of the key that signed it.
    pub key: Option<String>,
    /// How many prefixes it has.
    pub prefixes: usize,
    /// Whether it is older than it should be; it holds all the same.
    pub stale: bool,
    /// Why the file as it lies there now is not believed; what was loaded before it holds on.
    pub problem: Option<String>,
}

impl LoadedLists {
    /// As people see them.
    #[must_use]
    pub fn views(&self, lasts: SignedDuration, now: Timestamp) -> Vec<ListView> {
        let name =
            |file: &Path| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let held = self.lists.iter().map(|one| ListView {
            file: name(&one.file),
            name: Some(one.list.name.clone()),
            date: Some(one.list.date),
            key: Some(one.key.clone()),
            prefixes: one.list.prefixes.len(),
            stale: one.list.freshness(lasts, now) == Freshness::Stale,
            problem: self.problems.get(&one.file).cloned(),
        });
        let known = |file: &Path| self.lists.iter().any(|one| one.file == file);
        let others = self.problems.iter().filter(|(file, _)| !known(file));
        let others = others.map(|(file, why)| ListView {
            file: name(file),
            name: None,
            date: None,
            key: None,
            prefixes: 0,
            stale: false,
            problem: Some(why.clone()),
        });
        held.chain(others).collect()
    }
}

impl Desk {
    /// Reads the folder. What cannot be believed leaves in force what was loaded `before` from the same file; whoever
    /// starts has nothing before, and does not start.
    pub async fn load_lists(
        &self,
        terms: &AddressTerms,
        before: &[SignedList],
    ) -> Result<LoadedLists> {
        let (mut loaded, newest) = self.read_lists(terms).await?;
        let now = now();
        let mut fresh = Vec::new();
        for one in std::mem::take(&mut loaded.lists) {
            match self.keep_list(&one, &newest, now).await? {
                Ok(()) => fresh.push(one),
                Err(why) => drop(loaded.problems.insert(one.file, why)),
            }
        }
        let names: BTreeSet<String> = fresh.iter().map(|one| one.list.name.clone()).collect();
        let held = before.iter().filter(|one| loaded.problems.contains_key(&one.file));
        fresh.extend(held.filter(|one| !names.contains(&one.list.name)).cloned());
        if let Some(folder) = &terms.folder {
            few_enough(fresh.iter()).map_err(|why| refused(folder, why))?;
        }
        fresh.sort_by(|one, other| one.list.name.cmp(&other.list.name));
        loaded.lists = fresh;
        Ok(loaded)
    }

    /// Reads the folder and judges it, and keeps nothing.
    pub async fn look_at_lists(&self, terms: &AddressTerms) -> Result<Vec<ListView>> {
        let (mut loaded, newest) = self.read_lists(terms).await?;
        let now = now();
        for one in std::mem::take(&mut loaded.lists) {
            match one.list.follows(newest.get(&one.list.name).map(|row| row.date), now) {
                Ok(()) => loaded.lists.push(one),
                Err(why) => drop(loaded.problems.insert(one.file, why.to_string())),
            }
        }
        Ok(loaded.views(terms.lasts, now))
    }

    /// The files by themselves, and what was loaded of each name.
    async fn read_lists(
        &self,
        terms: &AddressTerms,
    ) -> Result<(LoadedLists, BTreeMap<String, ListRow>)> {
        let Some(folder) = terms.folder.clone() else {
            return Ok((LoadedLists::default(), BTreeMap::new()));
        };
        let keys = terms.keys.clone();
        let loaded = tokio::task::spawn_blocking(move || read_folder(&folder, &keys)).await??;
        let rows = self.store().address_lists().await?;
        Ok((loaded, rows.into_iter().map(|row| (row.name.clone(), row)).collect()))
    }

    /// Keeps the date of a list, so that no older one follows it; or why it does not follow itself.
    async fn keep_list(
        &self,
        one: &SignedList,
        newest: &BTreeMap<String, ListRow>,
        now: Timestamp,
    ) -> Result<Result<(), String>> {
        let PrefixList { name, date, prefixes } = &*one.list;
        let known = newest.get(name);
        if let Err(why) = one.list.follows(known.map(|row| row.date), now) {
            return Ok(Err(why.to_string()));
        }
        if known.is_some_and(|row| row.date == *date && row.sha256 == one.sha256) {
            return Ok(Ok(()));
        }
        let row = ListRow { name: name.clone(), date: *date, sha256: one.sha256.to_vec() };
        let mut act = self.store().begin().await?;
        if !act.keep_address_list(&row).await? {
            let why = "another server has loaded a newer one, or a thousand names were loaded";
            return Ok(Err(why.to_owned()));
        }
        let deed = Deed::Limit(LimitAct::ListLoaded {
            name: name.clone(),
            date: *date,
            prefixes: prefixes.len(),
            sha256: hex::encode(one.sha256),
            key: one.key.clone(),
        });
        act.commit(deed.entry(Actor::Server), now).await?;
        Ok(Ok(()))
    }
}

/// Names, sizes and times of the folder's files: another mark says that something changed.
pub fn mark_of(folder: &Path) -> Result<Vec<(PathBuf, u64, i128)>> {
    let mut all = Vec::new();
    for path in files(folder)? {
        for path in [signature_of(&path), path] {
            let seen = fs::metadata(&path).ok();
            let size = seen.as_ref().map_or(0, fs::Metadata::len);
            let modified = seen.and_then(|seen| seen.modified().ok());
            let modified = modified.and_then(|time| Timestamp::try_from(time).ok());
            all.push((path, size, modified.map_or(0, Timestamp::as_nanosecond)));
        }
    }
    Ok(all)
}

fn signature_of(list: &Path) -> PathBuf {
    let mut name = list.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

fn refused(path: &Path, why: String) -> Error {
    Error::AddressList { path: path.to_owned(), why }
}

/// The lists of the folder, in the order of their names.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: io::Error| refused(folder, format!("it cannot be listed ({error})"));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)?.take(ENTRIES_MAX) {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            found.push(path);
        }
    }
    if found.len() > LISTS_MAX {
        return Err(refused(folder, format!("it holds more than {LISTS_MAX} lists: merge some")));
    }
    found.sort();
    Ok(found)
}

fn read_folder(folder: &Path, keys: &[MinisignPublicKey]) -> Result<LoadedLists> {
    let mut loaded = LoadedLists::default();
    let mut names = BTreeSet::new();
    for file in files(folder)? {
        let judged = read(&file, keys).and_then(|one| {
            few_enough(loaded.lists.iter().chain([&one]))?;
            if !names.insert(one.list.name.clone()) {
                return Err(format!("another file is the list {} already", one.list.name));
            }
            Ok(one)
        });
        match judged {
            Ok(one) => loaded.lists.push(one),
            Err(why) => drop(loaded.problems.insert(file, why)),
        }
    }
    Ok(loaded)
}

/// What all of them together may take of the memory.
fn few_enough<'a>(lists: impl Iterator<Item = &'a SignedList>) -> Result<(), String> {
    let total: usize = lists.map(|one| one.list.prefixes.len()).sum();
    if total > PREFIXES_MAX {
        return Err(format!("all lists together have more than {PREFIXES_MAX} prefixes"));
    }
    Ok(())
}

/// One list, by the bytes that were read once: what is signed is what is parsed.
fn read(file: &Path, keys: &[MinisignPublicKey]) -> Result<SignedList, String> {
    let bytes = bounded(file, LIST_BYTES_MAX).map_err(|why| format!("it cannot be read: {why}"))?;
    let signature = bounded(&signature_of(file), MINISIGN_BYTES_MAX)
        .map_err(|why| format!("it has no signature beside it (FILE.minisig): {why}"))?;
    let signature = String::from_utf8(signature).unwrap_or_default();
    let mut hash = Blake2b::default();
    hash.add(&bytes);
    let digest = hash.end();
    let signer = keys.iter().find(|key| key.verify(&digest, &signature).is_ok());
    let key = signer.map(MinisignPublicKey::id).ok_or(
        "no key of limits.list_keys signed it as it is: fetch list and signature again, or name the key of who made it",
    )?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "it is no text in UTF-8")?;
    let list = PrefixList::parse(text).map_err(|why| why.to_string())?;
    Ok(SignedList { list: Arc::new(list), key, sha256: sha256(&bytes), file: file.to_owned() })
}

fn bounded(path: &Path, bytes_max: usize) -> Result<Vec<u8>, String> {
    // What is no file might keep whoever opens it waiting.
    let seen = fs::metadata(path).map_err(|error| error.to_string())?;
    if !seen.is_file() {
        return Err("it is no file".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let most = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    match bytes.len() {
        length if length > bytes_max => Err(format!("it has more than {bytes_max} bytes")),
        _ => Ok(bytes),
    }
}
