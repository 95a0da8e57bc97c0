//! What a server hands out, on its way in: nothing that is here gives way to it before all of it is proved.
//!
//! Somebody may have taken that server. What it sends must open by itself, and must leave what came before as it is.

use super::{
    BackupDone, BackupTerms, Ground,
    handing::{Enclosed, FORM, Head},
    keysets::{keys_of, open_all},
    kits::keys,
    pulling::{apart, pull_error},
    staging::{DATABASE, clean},
    taking::{Staged, Taking},
    telling::{standings_of, standings_text},
};
use crate::desk::{Error, Paths, Result, ledger, now, results::make_directory};
use ::backup::{Kit, Manifest, Place, Trigger, inside};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use kms::{KeyRing, SystemEntropy};
use seal::{AgeIdentity, Secret};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};
use store::{AccountStanding, Database, LicenceStanding, LicenceState, Standings, Store};

/// The largest head line: keys of accounts are in it.
const HEAD_BYTES_MAX: usize = 256 << 20;
const MANIFEST_BYTES_MAX: u64 = 256 << 20;
/// The largest tree.
const TREE_BYTES_MAX: u64 = 1 << 42;

fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::File { doing, path, source }
}

/// Whoever keeps what comes, and where.
pub(super) struct Keeper {
    pub(super) paths: Paths,
    pub(super) place: Place,
    terms: BackupTerms,
}

impl Keeper {
    pub(super) fn new(paths: Paths, terms: BackupTerms) -> Result<Self> {
        let place = terms.place.clone().ok_or(Error::NoBackups)?;
        Ok(Self { paths, place, terms })
    }

    pub(super) fn ground(&self, keys: KeyRing) -> Result<Ground> {
        // No database of this machine's is ever read or written.
        let database = Database::file(&self.paths.database());
        Ground::new((self.paths.clone(), keys, database), &self.terms)
    }

    /// Keeps what comes, if it is what it says and takes nothing away.
    pub(super) async fn keep<S: Stream<Item = Result<Bytes>> + Unpin>(
        &self,
        mut coming: Coming<S>,
        identity: &AgeIdentity,
        stop: &Arc<AtomicBool>,
    ) -> Result<BackupDone> {
        let (head, enclosed) = coming.head(identity).await?;
        let part = |text: &str| hex::decode(text).map(Secret::new).map_err(pull_error);
        let (key_file, ring) = (part(&enclosed.key_file)?, part(&enclosed.ring)?);
        let kit = Kit { password: Secret::new(String::new()), key_file, ring };
        let ground = self.ground(keys(&kit)?.of_era(enclosed.era))?;
        let begun = apart(move || Taking::begin(ground)).await?;
        let manifest = coming.exactly(head.manifest_bytes).await?;
        let (digest, stage) = (head.manifest, begun.stage.clone());
        let listed = Manifest::adopt(&manifest, &digest, &stage)?;
        coming.tree(&listed, &stage).await?;
        // What came is what was sent: every file is compared.
        let own = digest.clone();
        apart(move || Ok(Manifest::prove(&stage, &own).map(drop)?)).await?;
        let standings = judge(&begun, &enclosed).await?;
        let halt = Arc::clone(stop);
        apart(move || {
            let (keys, log_size) = (Secret::new(enclosed.keys), enclosed.log_size);
            let standings = Some(standings);
            let staged = Staged { manifest: digest, log_size, keys, standings };
            begun.finish(staged, (Trigger::Nightly, now()), &halt)
        })
        .await
    }
}

/// Refuses what a restore could not use, and what would make of no use what is here; the standings that are kept.
async fn judge(begun: &Taking, enclosed: &Enclosed) -> Result<String> {
    let (ground, stage) = (&begun.ground, begun.stage.clone());
    let scratch = ground.paths.backup().join("scratch");
    let work = scratch.clone();
    apart(move || {
        clean(&work)?;
        let (from, to) = (stage.join(DATABASE), work.join(DATABASE));
        fs::copy(&from, to).map(drop).map_err(file("read", &from))
    })
    .await?;
    let wrapped = keys_of(enclosed.keys.as_bytes())?;
    // A copy of the copy: to be looked at, it comes to the schema of this program.
    let database = Database::file(&scratch.join(DATABASE));
    let entropy = Box::new(SystemEntropy::new());
    let store = Store::open(&database, ledger(&ground.keys), entropy, now()).await?;
    open_all(&store, &ground.keys, (&wrapped, &BTreeSet::new())).await?;
    let copied = store.standings().await?;
    store.close().await;
    apart(move || clean(&scratch)).await?;
    let (place, signer) = (ground.place.clone(), ground.signer());
    let known = apart(move || Ok(place.standings(signer.verifying_key())?)).await?;
    let known = standings_of(known.as_deref().unwrap_or_default())?;
    let said = judge_standings(&known, standings_of(&enclosed.standings)?, &copied)?;
    Ok(standings_text(&said))
}

/// What is said of accounts and licences, if it is what the copy says of them, and somebody is left where somebody
/// was. Who was erased once stays so, whoever does not know it any more.
fn judge_standings(
    known: &Standings,
    mut said: Standings,
    copied: &Standings,
) -> Result<Standings> {
    let is_left = |all: &Standings| all.accounts.iter().any(|one| one.erased.is_none());
    if is_left(known) && !is_left(&said) {
        return Err(pull_error("the server says that nobody has an account any more"));
    }
    let of: BTreeMap<&str, &AccountStanding> =
        said.accounts.iter().map(|one| (one.account.as_str(), one)).collect();
    let said_of = |one: &AccountStanding| of.get(one.account.as_str()).copied();
    // Epochs rise by themselves, and who came after the copy is not in it.
    let is_same = |one: &AccountStanding, said: &AccountStanding| {
        (&one.role, &one.standing) == (&said.role, &said.standing)
            && one.erased.is_some() == said.erased.is_some()
    };
    let is_other = |one: &&AccountStanding| said_of(one).is_none_or(|said| !is_same(one, said));
    // Whoever was there before is in the copy, so that keys came for them.
    let there: BTreeSet<&str> = copied.accounts.iter().map(|one| one.account.as_str()).collect();
    let is_missing = |one: &&AccountStanding| {
        let lives = |one: &AccountStanding| one.erased.is_none();
        lives(one) && said_of(one).is_some_and(lives) && !there.contains(one.account.as_str())
    };
    let other = copied.accounts.iter().find(is_other);
    let account = other.or_else(|| known.accounts.iter().find(is_missing)).map(|one| &one.account);
    let states: BTreeMap<&str, LicenceState> =
        said.licences.iter().map(|one| (one.licence.as_str(), one.state)).collect();
    let is_said = |one: &LicenceStanding| states.get(one.licence.as_str()) == Some(&one.state);
    let licence = copied.licences.iter().find(|one| !is_said(one)).map(|one| &one.licence);
    if let Some(which) = account.or(licence) {
        return Err(pull_error(format!(
            "what the server says of {which} is not what its copy says: pull again, in case it just changed"
        )));
    }
    let erased = known.accounts.iter().filter(|one| one.erased.is_some());
    let mut gone = Vec::new();
    for one in erased {
        match said_of(one) {
            Some(said) if said.erased.is_none() => {
                let which = &one.account;
                return Err(pull_error(format!("the server says that {which} was never erased")));
            }
            Some(_) => {}
            None => gone.push(one.clone()),
        }
    }
    said.accounts.extend(gone);
    Ok(said)
}

/// An answer on its way in.
pub(super) struct Coming<S> {
    pieces: S,
    rest: Bytes,
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Coming<S> {
    pub(super) const fn new(pieces: S) -> Self {
        Self { pieces, rest: Bytes::new() }
    }

    /// At least one byte; none at the end.
    async fn some(&mut self) -> Result<Bytes> {
        while self.rest.is_empty() {
            let Some(piece) = self.pieces.next().await else { break };
            self.rest = piece?;
        }
        Ok(std::mem::take(&mut self.rest))
    }

    pub(super) async fn up_to(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while all.len() < limit {
            let some = self.some().await?;
            if some.is_empty() {
                break;
            }
            all.extend_from_slice(&some);
        }
        Ok(all)
    }

    async fn line(&mut self) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            let mut some = self.some().await?;
            if let Some(end) = some.iter().position(|byte| *byte == b'\n') {
                line.extend_from_slice(&some.split_to(end));
                self.rest = some.split_off(1);
                return Ok(line);
            }
            if some.is_empty() || line.len() + some.len() > HEAD_BYTES_MAX {
                return Err(pull_error("what comes has no head"));
            }
            line.extend_from_slice(&some);
        }
    }

    async fn head(&mut self, identity: &AgeIdentity) -> Result<(Head, Enclosed)> {
        let head: Head = serde_json::from_slice(&self.line().await?).map_err(pull_error)?;
        if head.form != FORM {
            return Err(pull_error("the server speaks another version: update both"));
        }
        let sealed = BASE64.decode(&head.sealed).map_err(pull_error)?;
        let plain = identity.open(&sealed).map_err(pull_error)?;
        let enclosed = serde_json::from_slice(plain.expose()).map_err(pull_error)?;
        Ok((head, enclosed))
    }

    async fn exactly(&mut self, bytes: u64) -> Result<Vec<u8>> {
        if bytes > MANIFEST_BYTES_MAX {
            return Err(pull_error("the manifest is too large"));
        }
        let mut all = Vec::new();
        self.copy(bytes, &mut all).await?;
        Ok(all)
    }

    /// So many bytes into `out`.
    async fn copy(&mut self, bytes: u64, out: &mut impl Write) -> Result<()> {
        let mut left = bytes;
        while left > 0 {
            let mut some = self.some().await?;
            if some.is_empty() {
                return Err(pull_error("it was cut off"));
            }
            let part = usize::try_from(left).unwrap_or(usize::MAX).min(some.len());
            self.rest = some.split_off(part);
            out.write_all(&some).map_err(pull_error)?;
            left -= some.len() as u64;
        }
        Ok(())
    }

    /// The files of a manifest, in its order, and nothing behind them.
    async fn tree(&mut self, manifest: &Manifest, stage: &Path) -> Result<()> {
        let sum = manifest.files.iter().try_fold(0_u64, |sum, line| sum.checked_add(line.bytes));
        if sum.is_none_or(|sum| sum > TREE_BYTES_MAX) {
            return Err(pull_error("it is larger than 4 TiB"));
        }
        for line in &manifest.files {
            let path = inside(stage, Path::new(&line.path))?;
            if let Some(parent) = path.parent() {
                make_directory(parent).map_err(file("make", parent))?;
            }
            let mut open = File::options();
            let made = open.write(true).create_new(true).mode(0o600).open(&path);
            let mut out = BufWriter::new(made.map_err(file("write", &path))?);
            self.copy(line.bytes, &mut out).await?;
            out.flush().map_err(file("write", &path))?;
        }
        if self.some().await?.is_empty() {
            Ok(())
        } else {
            Err(pull_error("more came than was named"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::backup::FileLine;
    use futures_util::stream;

    const FILES: [(&str, &str); 3] = [("a", "first"), ("deep/c", "the third"), ("deep/er/b", "")];

    fn manifest(files: &[(&str, &str)]) -> Manifest {
        let line = |(path, text): &(&str, &str)| FileLine {
            path: (*path).to_owned(),
            bytes: text.len() as u64,
            sha256: hex::encode(seal::sha256(text.as_bytes())),
        };
        Manifest {
            version: "1".to_owned(),
            time: jiff::Timestamp::UNIX_EPOCH,
            tables: Vec::new(),
            log_key: String::new(),
            checkpoint: String::new(),
            log_size: 0,
            keys: std::collections::BTreeMap::new(),
            files: files.iter().map(line).collect(),
        }
    }

    /// What comes of these bytes, in pieces of this size.
    async fn come(
        manifest: &Manifest,
        text: &str,
        piece: usize,
    ) -> (tempfile::TempDir, Result<()>) {
        let root = tempfile::tempdir().expect("a directory");
        let stage = root.path().join("stage");
        fs::create_dir(&stage).expect("a stage");
        let pieces = text.as_bytes().chunks(piece).map(|part| Ok(Bytes::copy_from_slice(part)));
        let pieces = stream::iter(pieces.collect::<Vec<_>>());
        let came = Coming { pieces, rest: Bytes::new() }.tree(manifest, &stage).await;
        (root, came)
    }

    #[tokio::test]
    async fn a_tree_comes_whole_in_pieces_of_any_size_or_not_at_all() {
        let (manifest, text) = (manifest(&FILES), FILES.map(|(_, text)| text).concat());
        for piece in 1..=text.len() {
            let (root, came) = come(&manifest, &text, piece).await;
            came.expect("whole");
            let there = Manifest::files_of(&root.path().join("stage")).expect("lists");
            assert_eq!(there, manifest.files, "pieces of {piece}");
        }
        for cut in 0..text.len() {
            let (_, came) = come(&manifest, text.get(..cut).expect("ASCII"), 3).await;
            assert!(came.expect_err("cut off").to_string().contains("cut off"), "{cut}");
        }
        let (_, came) = come(&manifest, &format!("{text}!"), 4).await;
        assert!(came.expect_err("more").to_string().contains("more came"));
    }

    #[tokio::test]
    async fn no_name_leads_out_of_the_stage_and_no_file_comes_twice() {
        for name in ["../out", "/etc/out", "deep/../../out", ".."] {
            let (root, came) = come(&manifest(&[(name, "x")]), "x", 1).await;
            assert!(came.is_err(), "{name}");
            assert!(!root.path().join("out").exists(), "{name}");
        }
        let (_, came) = come(&manifest(&[("a", "x"), ("a", "y")]), "xy", 1).await;
        assert!(came.is_err());
        let mut endless = manifest(&[("a", "x"), ("b", "y")]);
        endless.files.iter_mut().for_each(|line| line.bytes = u64::MAX);
        let (_, came) = come(&endless, "x", 1).await;
        assert!(came.expect_err("too large").to_string().contains("4 TiB"));
    }

    #[tokio::test]
    async fn a_head_has_an_end_and_a_manifest_a_bound() {
        let mut coming = Coming {
            pieces: stream::iter([
                Ok(Bytes::from_static(b"one")),
                Ok(Bytes::from_static(b"\ntwo")),
            ]),
            rest: Bytes::new(),
        };
        assert_eq!(coming.line().await.expect("a line"), b"one");
        assert_eq!(coming.exactly(3).await.expect("the rest"), b"two");
        assert!(coming.line().await.is_err());
        assert!(coming.exactly(MANIFEST_BYTES_MAX + 1).await.is_err());
    }

    fn standing(account: &str, role: &str, erased: Option<i64>) -> AccountStanding {
        let (standing, epoch) = ("active".to_owned(), 0);
        let (account, role) = (account.to_owned(), role.to_owned());
        AccountStanding { account, role, standing, epoch, erased }
    }

    fn standings(accounts: &[(&str, &str, Option<i64>)], state: Option<&str>) -> Standings {
        let licence = |state| LicenceStanding {
            licence: "L".to_owned(),
            state: LicenceState::named(state).expect("a state"),
            epoch: 0,
        };
        let accounts = accounts.iter().map(|(account, role, at)| standing(account, role, *at));
        Standings {
            accounts: accounts.collect(),
            licences: state.map(licence).into_iter().collect(),
        }
    }

    #[test]
    fn what_is_said_of_accounts_takes_none_away_and_brings_none_back() {
        let (a, b) = (("a", "owner", None), ("b", "trader", Some(7)));
        let is = Some(LicenceState::Issued.as_str());
        let copy = || standings(&[a, b], is);
        let check = |known: &Standings, said: &Standings, words: &str| {
            let refused = judge_standings(known, said.clone(), &copy()).expect_err(words);
            assert!(refused.to_string().contains(words), "{refused}");
        };
        let nothing = Standings::default();
        assert_eq!(judge_standings(&nothing, copy(), &copy()).expect("the first"), copy());
        assert_eq!(judge_standings(&copy(), copy(), &copy()).expect("the same"), copy());
        let all_erased = standings(&[("a", "owner", Some(9)), b], is);
        check(&copy(), &all_erased, "nobody has an account");
        check(&copy(), &nothing, "nobody has an account");
        check(&nothing, &all_erased, "says of a is not what its copy says");
        check(&nothing, &standings(&[a], is), "says of b is not");
        check(&nothing, &standings(&[("a", "trader", None), b], is), "says of a is not");
        let revoked = Some(LicenceState::Revoked.as_str());
        check(&nothing, &standings(&[a, b], revoked), "says of L is not");
        check(&standings(&[("a", "owner", Some(3)), b], is), &copy(), "a was never erased");
        let more = standings(&[a, b, ("e", "trader", None)], is);
        check(&more, &more, "says of e is not");
        // One that came after the copy is taken; one that a server came back without stays erased.
        let known = standings(&[a, b, ("c", "trader", Some(8))], is);
        let said = standings(&[a, b, ("d", "trader", None)], is);
        let kept = judge_standings(&known, said, &copy()).expect("fits");
        let accounts: Vec<&str> = kept.accounts.iter().map(|one| one.account.as_str()).collect();
        assert_eq!(accounts, ["a", "b", "d", "c"]);
        // Nothing was set up yet: there is nobody, and never was.
        assert!(judge_standings(&nothing, nothing.clone(), &nothing).is_ok());
    }
}
