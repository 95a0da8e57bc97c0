//! The other side: a machine of its own that pulls backups and keeps them under a password that the server never
//! sees. Who has the server cannot open what lies here.

use super::{
    BackupDone, BackupTerms, Drilled, Ground,
    handing::{Enclosed, FORM, Head},
    proving::{self, keys, open_kit},
    staging::clean,
    taking::{Staged, Taking, drill_identity},
};
use crate::desk::{Error, Lock, Paths, Result, now, results::make_directory};
use ::backup::{History, Kit, Manifest, Place, Trigger, backup_due, drill_due, inside};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use edge::{Badge, MachineClient, Membership, Pieces};
use futures_util::{Stream, StreamExt, stream};
use http::{Method, StatusCode};
use kms::KeyRing;
use seal::{AgeIdentity, Secret};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};
use store::Database;

/// How long the server may take to let a machine in, or to answer a word.
const WITHIN: Duration = Duration::from_secs(20);
/// How long it may take to gather a backup.
const GATHERING: Duration = Duration::from_hours(1);
/// The largest head line: keys of accounts are in it.
const HEAD_BYTES_MAX: usize = 256 << 20;
const MANIFEST_BYTES_MAX: u64 = 256 << 20;
/// The largest tree.
const TREE_BYTES_MAX: u64 = 1 << 42;
/// What is read of a refusal.
const REFUSAL_BYTES_MAX: usize = 32 << 10;

/// A machine that pulls, and what it is to do.
#[derive(Debug)]
pub struct Pulling {
    /// Its own directory.
    pub root: PathBuf,
    /// Where the backups go, and who can open them after a loss.
    pub terms: BackupTerms,
    /// Whether only what is due is done.
    pub if_due: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    /// The backup; none was due.
    pub taken: Option<BackupDone>,
    /// The restore that was proved; none was due.
    pub proved: Option<Drilled>,
}

/// A refusal, as the server words it.
#[derive(Debug, Deserialize)]
struct Refusal {
    detail: String,
}

#[allow(clippy::needless_pass_by_value, reason = "what a failed call hands over")]
fn pull_error(why: impl fmt::Display) -> Error {
    Error::Pull { why: why.to_string() }
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::File { doing, path, source }
}

/// Work that waits for disks and stores.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// Makes a directory a machine of the server at `HOST:PORT`, by a token that works once.
pub async fn join_server(root: &Path, address: &str, token: &Secret<String>) -> Result<Badge> {
    let place = membership(&Paths::new(root));
    Ok(place.join(&address.parse()?, token.expose()).await?)
}

fn membership(paths: &Paths) -> Membership {
    Membership::at(paths.machine())
}

/// What the kit in a place holds, which this machine's own identity opens.
pub(super) fn keys_of_kit(paths: &Paths, place: &Place) -> Result<KeyRing> {
    opened(paths, &open_kit(place, &drill_identity(paths)?)?, 0)
}

/// The keys of a kit; only on the way they are files.
fn opened(paths: &Paths, kit: &Kit, era: u32) -> Result<KeyRing> {
    let scratch = paths.backup().join("keys");
    clean(&scratch)?;
    let ring = keys(&Paths::new(&scratch), kit)?;
    fs::remove_dir_all(&scratch).map_err(file("clear", &scratch))?;
    Ok(ring.of_era(era))
}

/// Pulls a backup, keeps it, proves a restore when one is due, and tells the server.
pub async fn pull(ask: Pulling, stop: &Arc<AtomicBool>) -> Result<Pulled> {
    let paths = Paths::new(&ask.root);
    let _lock = Lock::take(&paths, "a pull of backups")?;
    let place = ask.terms.place.clone().ok_or(Error::NoBackups)?;
    let mut client = client(&paths).await?;
    say(&mut client).await?;
    let mut puller = Puller { paths, place, terms: ask.terms, client };
    let (taken_due, known) = puller.is_due().await?;
    let is_asked = taken_due || !ask.if_due;
    let taken = if is_asked { Some(puller.take(stop).await?) } else { None };
    let ground = match known {
        Some(ground) => ground,
        None => puller.known().await?,
    };
    let own = ground.clone();
    let ledger = apart(move || own.ledger()).await?;
    let last = ledger.last_proof().map(|(record, _)| record.time);
    let due = drill_due(History { last, failed: None }, !ledger.live().is_empty(), now());
    let is_due = due.is_some_and(|due| due <= now());
    let proved = if is_due { Some(proving::drill(&ground, now(), stop).await?) } else { None };
    puller.tell(&ground).await?;
    Ok(Pulled { taken, proved })
}

/// The connection to the server, with a certificate that is good for some hours yet.
async fn client(paths: &Paths) -> Result<MachineClient> {
    let membership = membership(paths);
    let mut client = membership.client()?.ok_or_else(|| {
        pull_error(
            "this directory is no machine of a server yet: --join HOST:PORT, the token on stdin",
        )
    })?;
    if client.kit().is_due(now()) {
        membership.renew(&mut client).await?;
    }
    Ok(client)
}

/// Lets the server know that the machine is there.
async fn say(client: &mut MachineClient) -> Result<()> {
    let word = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"), "world": "worker", "state": "idle",
        "ticked": now(), "witness": null,
    });
    let body = ("application/json", word.to_string().into());
    let (status, body) = client.ask(Method::POST, "/v1/word", body, WITHIN).await?;
    if status == StatusCode::OK { Ok(()) } else { Err(refused(status, &body)) }
}

fn refused(status: StatusCode, body: &[u8]) -> Error {
    let why = serde_json::from_slice::<Refusal>(body).map(|refusal| refusal.detail);
    let why: String = why.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    pull_error(format!("the server answers {status}: {why}"))
}

struct Puller {
    paths: Paths,
    place: Place,
    terms: BackupTerms,
    client: MachineClient,
}

impl Puller {
    fn ground(&self, keys: KeyRing) -> Result<Ground> {
        // No database of this machine's is ever read or written.
        let database = Database::file(&self.paths.database());
        Ground::new((self.paths.clone(), keys, database), &self.terms)
    }

    /// By the keys that the last backup brought.
    async fn known(&self) -> Result<Ground> {
        let (paths, place) = (self.paths.clone(), self.place.clone());
        self.ground(apart(move || keys_of_kit(&paths, &place)).await?)
    }

    /// Whether the last backup is of before the last night; and what stands there, if anything does.
    async fn is_due(&self) -> Result<(bool, Option<Ground>)> {
        let place = self.place.clone();
        if !apart(move || Ok(place.is_founded()?)).await? {
            return Ok((true, None));
        }
        let ground = self.known().await?;
        let own = ground.clone();
        let ledger = apart(move || own.ledger()).await?;
        let last = ledger.last_taken().map(|record| record.time);
        Ok((backup_due(History { last, failed: None }, now()) <= now(), Some(ground)))
    }

    async fn take(&self, stop: &Arc<AtomicBool>) -> Result<BackupDone> {
        let identity = drill_identity(&self.paths)?;
        let ask = serde_json::json!({ "recipient": identity.recipient().to_string() });
        let body = ("application/json", Bytes::from(ask.to_string()));
        let (status, pieces) =
            self.client.stream(Method::POST, "/v1/backup", body, GATHERING).await?;
        let pieces = stream::try_unfold(pieces, |mut pieces: Pieces| async move {
            Ok::<_, Error>(pieces.next().await?.map(|piece| (piece, pieces)))
        });
        let mut coming = Coming { pieces: Box::pin(pieces), rest: Bytes::new() };
        if status != StatusCode::OK {
            return Err(refused(status, &coming.up_to(REFUSAL_BYTES_MAX).await?));
        }
        let (head, enclosed) = coming.head(&identity).await?;
        let part = |text: &str| hex::decode(text).map(Secret::new).map_err(pull_error);
        let (key_file, ring) = (part(&enclosed.key_file)?, part(&enclosed.ring)?);
        let kit = Kit { password: Secret::new(String::new()), key_file, ring };
        let (paths, era, halt) = (self.paths.clone(), enclosed.era, Arc::clone(stop));
        let keys = apart(move || opened(&paths, &kit, era)).await?;
        let ground = self.ground(keys)?;
        let begun = apart(move || Taking::begin(ground, &halt)).await?;
        let manifest = coming.exactly(head.manifest_bytes).await?;
        let (digest, stage) = (head.manifest, begun.stage.clone());
        let listed = Manifest::adopt(&manifest, &digest, &stage)?;
        coming.tree(&listed, &stage).await?;
        let halt = Arc::clone(stop);
        apart(move || {
            // What came is what was sent: every file is compared.
            Manifest::prove(&stage, &digest)?;
            let (place, signer) = (begun.ground.place.clone(), begun.ground.signer());
            let (keys, log_size) = (Secret::new(enclosed.keys), enclosed.log_size);
            let staged = Staged { manifest: digest, log_size, keys };
            let done = begun.finish(staged, (Trigger::Nightly, now()), &halt)?;
            place.keep_standings(&enclosed.standings, &signer)?;
            Ok(done)
        })
        .await
    }

    /// Sends the ledger: what was taken, let go and proved comes into the server's log.
    async fn tell(&mut self, ground: &Ground) -> Result<()> {
        let own = ground.clone();
        let ledger = apart(move || Ok(own.ledger()?.render(&own.signer()))).await?;
        let body = ("text/plain; charset=utf-8", Bytes::from(ledger));
        let asked = self.client.ask(Method::POST, "/v1/backup/ledger", body, WITHIN).await;
        let (status, body) = asked?;
        if status == StatusCode::NO_CONTENT { Ok(()) } else { Err(refused(status, &body)) }
    }
}

/// An answer on its way in.
struct Coming<S> {
    pieces: S,
    rest: Bytes,
}

impl<S: Stream<Item = Result<Bytes>> + Unpin> Coming<S> {
    /// At least one byte; none at the end.
    async fn some(&mut self) -> Result<Bytes> {
        while self.rest.is_empty() {
            let Some(piece) = self.pieces.next().await else { break };
            self.rest = piece?;
        }
        Ok(std::mem::take(&mut self.rest))
    }

    async fn up_to(&mut self, limit: usize) -> Result<Vec<u8>> {
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
}
