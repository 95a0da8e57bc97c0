//! The bot as a witness of the server's log: what it has seen once, the server cannot make unseen.

use super::{Membership, write};
use anyhow::{Context, bail};
use audit::{Checkpoint, Cosigner, Objection, Seen, Submission, Verifier, judge};
use edge::MachineClient;
use http::{Method, StatusCode};
use kms::SystemEntropy;
use seal::{Secret, SigningKey};
use std::{path::Path, time::Duration};

/// How long one question may take.
const WITHIN: Duration = Duration::from_secs(15);
/// The largest file: a checkpoint with its signatures.
const BYTES_MAX: u64 = 300_000;
const TEXT: &str = "text/plain; charset=utf-8";

/// A witness of one log.
pub(super) struct Witness {
    place: Membership,
    cosigner: Cosigner,
    log: Option<Verifier>,
    seen: Option<Seen>,
}

/// The log is not what it was: its owner has to look.
#[derive(Debug, thiserror::Error)]
pub(super) enum Alarm {
    /// It signed two stories, or does not go on from what was seen.
    #[error("the server's log is not what it was: {0}")]
    Changed(Objection),
    /// It is shorter than it was.
    #[error(
        "the server's log had {seen} entries and now has {size}: it was cut back, or restored from an old backup"
    )]
    Shorter {
        /// Seen before.
        seen: u64,
        /// Shown now.
        size: u64,
    },
}

impl Witness {
    /// With what it knows; its key is made at the first time.
    pub(super) fn open(place: &Membership) -> anyhow::Result<Self> {
        let key = signing_key(&place.witness_file())?;
        let digest = seal::sha256(key.verifying_key().as_bytes());
        let digits = hex::encode(digest.first_chunk::<8>().unwrap_or(&[0; 8]));
        let cosigner = Cosigner::new(&format!("stockade.witness/{digits}"), key)?;
        let log: Option<Verifier> = match text(&place.log_file())? {
            Some(text) => Some(text.trim().parse()?),
            None => None,
        };
        let seen = match (&log, text(&place.seen_file())?) {
            (Some(log), Some(note)) => {
                Some(Seen { checkpoint: Checkpoint::verify(&note, log)?, note })
            }
            _ => None,
        };
        Ok(Self { place: place.clone(), cosigner, log, seen })
    }

    /// Its key.
    pub(super) fn key(&self) -> String {
        self.cosigner.public().to_string()
    }

    /// Looks at the newest checkpoint, and cosigns it if it goes on from what was seen.
    pub(super) async fn look(
        &mut self,
        client: &mut MachineClient,
    ) -> anyhow::Result<Result<(), Alarm>> {
        let log = match &self.log {
            Some(log) => log.clone(),
            None => self.pin(client).await?,
        };
        let old = self.seen.as_ref().map_or(0, |seen| seen.checkpoint.size);
        let text = get(client, &format!("/v1/log/submission/{old}")).await?;
        let submission = Submission::parse(&text)?;
        let shown = Checkpoint::verify(&submission.note, &log)?;
        if shown.size < old {
            return Ok(Err(Alarm::Shorter { seen: old, size: shown.size }));
        }
        let next = match judge(&submission, &log, self.seen.as_ref()) {
            Ok(next) => next,
            Err(objection @ (Objection::Forked(_) | Objection::Rewritten { .. })) => {
                return Ok(Err(Alarm::Changed(objection)));
            }
            Err(other) => return Err(other.into()),
        };
        if self.seen.as_ref() == Some(&next) {
            return Ok(Ok(()));
        }
        // The cosignature leaves after that is kept.
        write(&self.place.seen_file(), &next.note)?;
        let line = self.cosigner.cosign(&next.note, jiff::Timestamp::now())?;
        let cosigned = format!("{}{line}", next.note);
        self.seen = Some(next);
        let body = (TEXT, cosigned.into());
        let (status, _) = client.ask(Method::POST, "/v1/log/cosignature", body, WITHIN).await?;
        if status != StatusCode::NO_CONTENT {
            bail!("the server does not take the cosignature: it answers {status}");
        }
        Ok(Ok(()))
    }

    /// Keeps the log's key as the server gives it: whom one asks was settled when one joined.
    async fn pin(&mut self, client: &mut MachineClient) -> anyhow::Result<Verifier> {
        let text = get(client, "/v1/log/key").await?;
        let log: Verifier = text.trim().parse()?;
        write(&self.place.log_file(), &format!("{log}\n"))?;
        self.log = Some(log.clone());
        Ok(log)
    }
}

async fn get(client: &mut MachineClient, path: &str) -> anyhow::Result<String> {
    let nothing = (TEXT, Vec::new().into());
    let (status, body) = client.ask(Method::GET, path, nothing, WITHIN).await?;
    if status != StatusCode::OK {
        bail!("the server answers {status} to {path}");
    }
    String::from_utf8(body.to_vec()).context("the server answers with something that is no text")
}

/// The key of a seed in a file, made where there is none.
fn signing_key(path: &Path) -> anyhow::Result<SigningKey> {
    if let Some(digits) = text(path)? {
        let mut seed = [0; 32];
        hex::decode_to_slice(digits.trim(), &mut seed)
            .with_context(|| format!("{} holds no seed", path.display()))?;
        return Ok(SigningKey::from_seed(&Secret::new(seed)));
    }
    let seed: Secret<[u8; 32]> = Secret::new(seal::random(&mut SystemEntropy::new()));
    write(path, &format!("{}\n", hex::encode(seed.expose())))?;
    Ok(SigningKey::from_seed(&seed))
}

fn text(path: &Path) -> anyhow::Result<Option<String>> {
    let failed = || format!("cannot read {}", path.display());
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(failed),
        Ok(found) if found.len() > BYTES_MAX => bail!("{} is too large", path.display()),
        Ok(_) => Ok(Some(std::fs::read_to_string(path).with_context(failed)?)),
    }
}
