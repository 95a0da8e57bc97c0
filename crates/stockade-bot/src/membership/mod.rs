//! The bot as a machine of an installation: it came in by a token, says how it stands, and witnesses the
//! server's log.
//!
//! Nothing of it is needed for trading: a server that is away, or that puts the bot out, changes no order. No
//! key of an exchange ever goes there.

mod liaison;
mod witness;

pub use liaison::{Liaison, Shown};

use anyhow::Context;
use edge::{Badge, MachineAddress, MachineClient};
use seal::Secret;
use std::path::{Path, PathBuf};

/// Where a bot keeps what makes it a machine, and what it saw as a witness.
#[derive(Debug, Clone)]
pub struct Membership(edge::Membership);

impl Membership {
    /// Below a bot's state directory.
    #[must_use]
    pub fn at(state_dir: &Path) -> Self {
        Self(edge::Membership::at(state_dir.join("server")))
    }

    /// The server's port, if the bot has joined one. What cannot be read is no reason not to trade.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.address().ok().flatten().map(|address| address.port)
    }

    /// What it shows to the server, if it has joined one.
    pub fn client(&self) -> Result<Option<MachineClient>, edge::Error> {
        self.0.client()
    }

    /// Comes in by a token: which machine it is from now on.
    pub async fn join(
        &self,
        address: &MachineAddress,
        token: &Secret<String>,
    ) -> anyhow::Result<Badge> {
        let badge = self.0.join(address, token.expose()).await?;
        // What was seen was seen of whatever server it was: another installation has another log.
        for path in [self.log_file(), self.seen_file()] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(badge)
    }

    /// Gets the next certificate.
    async fn renew(&self, client: &mut MachineClient) -> Result<(), edge::Error> {
        self.0.renew(client).await
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.directory().join(name)
    }

    /// The seed of its key as a witness.
    fn witness_file(&self) -> PathBuf {
        self.file("witness.key")
    }

    /// The key of the server's log, as the server gave it first.
    fn log_file(&self) -> PathBuf {
        self.file("log.key")
    }

    /// The last checkpoint that was cosigned.
    fn seen_file(&self) -> PathBuf {
        self.file("log.checkpoint")
    }
}

/// Whole or not at all, and its owner's alone.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let temporary = path.with_extension("tmp");
    let written = || -> std::io::Result<()> {
        let mut open = std::fs::OpenOptions::new();
        let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}
