//! Where a machine keeps what makes it one: its key and certificate, and the address of its server.

use super::{Badge, Kit, MachineClient, enrolment};
use crate::{
    Error,
    files::{self, Readers},
};
use std::{
    fmt, fs,
    io::{self, ErrorKind},
    net::Ipv6Addr,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// How long a server may take to let a machine in, or to give it another certificate.
const WITHIN: Duration = Duration::from_secs(20);
/// The longest address.
const ADDRESS_BYTES_MAX: usize = 300;

/// A directory of a machine: `machine.pem` and `address`.
#[derive(Debug, Clone)]
pub struct Membership {
    directory: PathBuf,
}

impl Membership {
    /// In a directory of its own, which is made when it joins.
    #[must_use]
    pub const fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn kit(&self) -> PathBuf {
        self.directory.join("machine.pem")
    }

    fn address_file(&self) -> PathBuf {
        self.directory.join("address")
    }

    /// Where the server is, if the machine has joined one.
    pub fn address(&self) -> Result<Option<MachineAddress>, Error> {
        let path = self.address_file();
        match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse().map(Some),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::File { path, source }),
        }
    }

    /// What it shows to the server, if it has joined one.
    pub fn client(&self) -> Result<Option<MachineClient>, Error> {
        let Some(address) = self.address()? else { return Ok(None) };
        let path = self.kit();
        let Some(kit) = Kit::open(&path)? else {
            let source = io::Error::new(ErrorKind::NotFound, "is gone: join again");
            return Err(Error::File { path, source });
        };
        Ok(Some(MachineClient::new(kit, address.to_string())))
    }

    /// Comes in by a token: which machine it is from now on.
    pub async fn join(&self, address: &MachineAddress, token: &str) -> Result<Badge, Error> {
        files::make_directory(&self.directory)?;
        let joining = async {
            let stream = reach(&address.text).await?;
            enrolment::join(stream, token.trim(), &self.kit()).await
        };
        let kit = timeout(WITHIN, joining).await.map_err(|_| silent(&address.text))??;
        files::write_whole(&self.address_file(), &format!("{address}\n"), Readers::Owner)?;
        Ok(kit.badge)
    }

    /// Gets the next certificate, and shows it from then on.
    pub async fn renew(&self, client: &mut MachineClient) -> Result<(), Error> {
        let address = client.address().to_owned();
        let renewing = async {
            let stream = reach(&address).await?;
            enrolment::renew(stream, client.kit(), &self.kit()).await
        };
        let kit = timeout(WITHIN, renewing).await.map_err(|_| silent(&address))??;
        client.change(kit);
        Ok(())
    }
}

async fn reach(address: &str) -> Result<TcpStream, Error> {
    let away =
        |why: io::Error| Error::ServerAway { address: address.to_owned(), why: why.to_string() };
    TcpStream::connect(address).await.map_err(away)
}

fn silent(address: &str) -> Error {
    let why = format!("nothing came within {} s", WITHIN.as_secs());
    Error::ServerAway { address: address.to_owned(), why }
}

/// `HOST:PORT`, where machines come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineAddress {
    text: String,
    /// The port.
    pub port: u16,
}

impl FromStr for MachineAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::MachineAddress { text: text.chars().take(80).collect() };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let good = match inner {
            Some(inner) => inner.parse::<Ipv6Addr>().is_ok(),
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

impl fmt::Display for MachineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        let check = |text: &str, port: Option<u16>| {
            let read = text.parse::<MachineAddress>().ok().map(|address| address.port);
            assert_eq!(read, port, "{text}");
        };
        check("stockade.example.org:8444", Some(8444));
        check("10.0.0.7:1", Some(1));
        check("[::1]:8444", Some(8444));
        for text in ["", "host", "host:", ":1", "host:0", "host:70000", "https://host:1", "a b:1"] {
            check(text, None);
        }
        check("::1:8444", None);
    }

    #[test]
    fn a_directory_without_a_machine_has_no_client() {
        let place = tempfile::tempdir().expect("a directory");
        let membership = Membership::at(place.path().join("server"));
        assert!(membership.client().expect("reads").is_none());
        assert!(membership.address().expect("reads").is_none());
        fs::create_dir(membership.directory()).expect("is made");
        fs::write(membership.address_file(), "nowhere\n").expect("writes");
        let error = membership.client().err().expect("no address");
        assert!(error.to_string().contains("HOST:PORT"), "{error}");
    }
}
