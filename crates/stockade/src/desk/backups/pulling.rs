//! The other side: a machine of its own that pulls backups and keeps them under a password that the server never
//! sees. Who has the server cannot open what lies here.

use super::{
    BackupDone, BackupTerms, Drilled, Ground,
    kits::{keys, open_kit},
    own::{Own, tidy},
    proving,
    receiving::{Coming, Keeper},
};
use crate::desk::{Error, Lock, Paths, Result, now};
use ::backup::{History, Place, backup_due, drill_due};
use bytes::Bytes;
use edge::{Badge, MachineClient, Membership, Pieces};
use futures_util::{Stream, stream};
use http::{Method, StatusCode};
use kms::KeyRing;
use seal::Secret;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// How long the server may take to let a machine in, or to answer a word.
const WITHIN: Duration = Duration::from_secs(20);
/// How long it may take to gather a backup.
const GATHERING: Duration = Duration::from_hours(1);
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
pub(super) fn pull_error(why: impl fmt::Display) -> Error {
    Error::Pull { why: why.to_string() }
}

/// Work that waits for disks and stores.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
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
    keys(&open_kit(place, &Own::of_machine(paths).made()?)?)
}

/// Pulls a backup, keeps it, proves a restore when one is due, and tells the server.
pub async fn pull(ask: Pulling, stop: &Arc<AtomicBool>) -> Result<Pulled> {
    let paths = Paths::new(&ask.root);
    let _lock = Lock::take(&paths, "a pull of backups")?;
    tidy(&paths, None)?;
    let keeper = Keeper::new(paths, ask.terms)?;
    let mut client = client(&keeper.paths).await?;
    say(&mut client).await?;
    let mut puller = Puller { keeper, client };
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

/// Keeps a backup that a server hands out, however it comes here: it is what [`pull`] does with its connection.
pub async fn keep_handed(
    ask: Pulling,
    pieces: impl Stream<Item = Result<Bytes>> + Unpin,
    stop: &Arc<AtomicBool>,
) -> Result<BackupDone> {
    let paths = Paths::new(&ask.root);
    let _lock = Lock::take(&paths, "a pull of backups")?;
    let identity = Own::of_machine(&paths).made()?;
    Keeper::new(paths, ask.terms)?.keep(Coming::new(pieces), &identity, stop).await
}

struct Puller {
    keeper: Keeper,
    client: MachineClient,
}

impl Puller {
    /// By the keys that the last backup brought.
    async fn known(&self) -> Result<Ground> {
        let (paths, place) = (self.keeper.paths.clone(), self.keeper.place.clone());
        self.keeper.ground(apart(move || keys_of_kit(&paths, &place)).await?)
    }

    /// Whether the last backup is of before the last night; and what stands there, if anything does.
    async fn is_due(&self) -> Result<(bool, Option<Ground>)> {
        let place = self.keeper.place.clone();
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
        let identity = Own::of_machine(&self.keeper.paths).made()?;
        let ask = serde_json::json!({ "recipient": identity.recipient().to_string() });
        let body = ("application/json", Bytes::from(ask.to_string()));
        let (status, pieces) =
            self.client.stream(Method::POST, "/v1/backup", body, GATHERING).await?;
        let pieces = stream::try_unfold(pieces, |mut pieces: Pieces| async move {
            Ok::<_, Error>(pieces.next().await?.map(|piece| (piece, pieces)))
        });
        let mut coming = Coming::new(Box::pin(pieces));
        if status != StatusCode::OK {
            return Err(refused(status, &coming.up_to(REFUSAL_BYTES_MAX).await?));
        }
        self.keeper.keep(coming, &identity, stop).await
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
