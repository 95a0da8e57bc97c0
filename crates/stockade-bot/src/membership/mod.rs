//! The bot as a machine of an installation: it came in by a token, says how it stands, and witnesses the
//! server's log.
//!
//! Nothing of it is needed for trading: a server that is away, or that puts the bot out, changes no order. No
//! key of an exchange ever goes there.

mod liaison;
mod witness;

pub use liaison::{Liaison, Shown};

use crate::run::make_private;
use anyhow::{Context, bail};
use edge::{Badge, Kit, MachineClient};
use seal::Secret;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// How long a server may take to let a machine in.
const JOINING: Duration = Duration::from_secs(20);
/// The longest address.
const ADDRESS_BYTES_MAX: usize = 300;

/// Where a bot keeps what makes it a machine.
#[derive(Debug, Clone)]
pub struct Membership {
    directory: PathBuf,
}

impl Membership {
    /// Below a bot's state directory.
    #[must_use]
    pub fn at(state_dir: &Path) -> Self {
        Self { directory: state_dir.join("server") }
    }

    /// Key and certificate.
    fn kit(&self) -> PathBuf {
        self.directory.join("machine.pem")
    }

    fn address_file(&self) -> PathBuf {
        self.directory.join("address")
    }

    /// Where the server is, if the bot has joined one.
    pub fn address(&self) -> anyhow::Result<Option<Address>> {
        let path = self.address_file();
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().parse().with_context(|| path.display().to_string())?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// The server's port, if the bot has joined one. What cannot be read is no reason not to trade.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.address().ok().flatten().map(|address| address.port)
    }

    /// What it shows to the server, if it has joined one.
    pub fn client(&self) -> anyhow::Result<Option<MachineClient>> {
        let (Some(address), Some(kit)) = (self.address()?, Kit::open(&self.kit())?) else {
            return Ok(None);
        };
        Ok(Some(MachineClient::new(kit, address.to_string())))
    }

    /// Comes in by a token: which machine it is from now on.
    pub async fn join(&self, address: &Address, token: &Secret<String>) -> anyhow::Result<Badge> {
        make_private(&self.directory)?;
        let text = address.to_string();
        let joining = async {
            let stream = TcpStream::connect(&text)
                .await
                .with_context(|| format!("{text} cannot be reached"))?;
            Ok::<_, anyhow::Error>(edge::join(stream, token.expose().trim(), &self.kit()).await?)
        };
        let Ok(joined) = timeout(JOINING, joining).await else {
            bail!("{text} does not answer within {} s", JOINING.as_secs());
        };
        let kit = joined?;
        write(&self.address_file(), &format!("{text}\n"))?;
        // What was seen was seen of whatever server it was: another installation has another log.
        for path in [self.log_file(), self.seen_file()] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", path.display()));
                }
                _ => {}
            }
        }
        Ok(kit.badge)
    }

    /// Gets the next certificate.
    async fn renew(&self, client: &MachineClient) -> anyhow::Result<Kit> {
        let renewing = async {
            let stream = TcpStream::connect(client.address()).await?;
            Ok::<_, anyhow::Error>(edge::renew(stream, client.kit(), &self.kit()).await?)
        };
        timeout(JOINING, renewing).await.context("the server does not answer")?
    }

    /// The seed of its key as a witness.
    fn witness_file(&self) -> PathBuf {
        self.directory.join("witness.key")
    }

    /// The key of the server's log, as the server gave it first.
    fn log_file(&self) -> PathBuf {
        self.directory.join("log.key")
    }

    /// The last checkpoint that was cosigned.
    fn seen_file(&self) -> PathBuf {
        self.directory.join("log.checkpoint")
    }
}

/// `HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    /// The port.
    pub port: u16,
}

/// Not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address of a server: write HOST:PORT, as stockade.example.org:8444")]
pub struct NoAddress {
    text: String,
}

impl std::str::FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        let wrong = || NoAddress { text: text.chars().take(80).collect() };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let good = match inner {
            Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
            }
        };
        if !good || port == 0 || text.len() > ADDRESS_BYTES_MAX {
            return Err(wrong());
        }
        Ok(Self { text: text.to_owned(), port })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let check = |text: &str, port: Option<u16>| {
            assert_eq!(text.parse::<Address>().ok().map(|address| address.port), port, "{text}");
        };
        check("stockade.example.org:8444", Some(8444));
        check("10.0.0.7:1", Some(1));
        check("[::1]:8444", Some(8444));
        for text in ["", "host", "host:", ":1", "host:0", "host:70000", "https://host:1", "a b:1"] {
            check(text, None);
        }
        check("::1:8444", None);
    }
}
