//! The bot's configuration: a YAML file that is its owner's alone.

mod build;
mod keys;
mod sheet;
mod show;
#[cfg(test)]
mod tests;
mod yaml;

pub use build::parse;
pub use show::{Shown, init, shown};

use engine::live::{Caps, Mode, StopRule};
use market::{Product, VenueName};
use std::{
    fmt,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The most bytes that a configuration has.
pub const BYTES_MAX: u64 = 256 * 1024;

/// What the owner of a bot wrote down.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// What notifications call the bot.
    pub name: String,
    /// Where it trades.
    pub venue: Venue,
    /// The account.
    pub account: Account,
    /// The sealed key store.
    pub keys: KeyPlace,
    /// The strategy's file.
    pub strategy: PathBuf,
    /// What is traded, as it was written.
    pub symbols: Vec<String>,
    /// The most that an entry may do.
    pub caps: Caps,
    /// The stop at the venue.
    pub stop: Option<StopRule>,
    /// Seconds after which the venue cancels entries unless it hears of the bot.
    pub heartbeat_seconds: Option<u32>,
    /// Seconds between two comparisons with the venue.
    pub compare_seconds: u32,
    /// The kill switch as a file.
    pub kill_file: PathBuf,
    /// Journal, recordings, socket.
    pub state_dir: PathBuf,
    /// What to do about a key that works from any address.
    pub ip_restriction: IpRestriction,
    /// What allows new positions.
    pub license: Option<LicensePlace>,
    /// Where metrics are served.
    pub metrics: Option<SocketAddr>,
    /// How much goes to stderr.
    pub log: String,
    /// How this process is confined.
    pub sandbox: Sandbox,
    /// Who is told.
    pub notify: Vec<NotifyPlace>,
}

/// Where a bot trades.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Venue {
    /// The exchange.
    pub name: VenueName,
    /// Spot or perpetuals.
    pub product: Product,
    /// The exchange itself, or its test network.
    pub network: Network,
    /// An authority that is believed besides the web's.
    pub ca_file: Option<PathBuf>,
    /// Another host for requests.
    pub rest: Option<String>,
    /// Another host for the private stream.
    pub private: Option<String>,
    /// Another host for the public stream.
    pub public: Option<String>,
}

/// Which of an exchange's networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The one with money.
    Main,
    /// The one without.
    Test,
}

/// The account and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The key's name in the store.
    pub key: Option<String>,
    /// How positions are kept; `None` is what suits the venue.
    pub mode: Option<Mode>,
    /// Set at the start.
    pub leverage: u32,
}

/// The key store and what opens it; a passphrase if nothing is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlace {
    /// Its file.
    pub store: PathBuf,
    /// A credential of systemd.
    pub credential: Option<PathBuf>,
    /// A key file.
    pub file: Option<PathBuf>,
}

/// A key that works from any address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpRestriction {
    /// Is warned of.
    Warn,
    /// Is not used.
    Refuse,
}

/// A licence and who must have signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LicensePlace {
    /// Its file.
    pub file: PathBuf,
    /// The issuer's public key, as text.
    pub issuer: String,
}

/// How a process is confined after its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// Without it the bot does not run.
    Required,
    /// As far as the kernel can.
    BestEffort,
    /// Not at all.
    Off,
}

/// One place that is told; its secret lies in the key store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyPlace {
    /// Over what.
    pub kind: String,
    /// The secret's name in the key store.
    pub secret: String,
    /// What matters less is not told.
    pub level: String,
    /// Chat, room or mail address.
    pub to: Option<String>,
    /// Homeserver or mail server.
    pub server: Option<String>,
    /// A webhook's address.
    pub url: Option<String>,
    /// Sender of mail.
    pub from: Option<String>,
    /// User at the mail server.
    pub user: Option<String>,
}

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub help: String,
}

impl Problem {
    fn at(text: &str, offset: usize, what: &str, help: &str) -> Self {
        let before = text.get(..offset.min(text.len())).unwrap_or("");
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(start..).unwrap_or("").chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        Self { line, column, what: what.to_owned(), help: help.to_owned() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {} ({})", self.line, self.column, self.what, self.help)
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read {}: {source}; `stockade-bot config init` writes one", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It is not its owner's alone.
    #[error(transparent)]
    Private(#[from] host::Error),
    /// It is far too large.
    #[error("{} is no configuration: it has more than {} KiB", .path.display(), BYTES_MAX / 1024)]
    TooLarge {
        /// The path.
        path: PathBuf,
    },
    /// What it says cannot be meant.
    #[error("{}", listed(.path, .problems))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// All that is wrong, in the order of the text.
        problems: Vec<Problem>,
    },
    /// Something is there already.
    #[error("{} exists already: move it away first, or name another file", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
}

fn listed(path: &Path, problems: &[Problem]) -> String {
    let line = |problem: &Problem| format!("{}: {problem}", path.display());
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Reads the configuration; refuses a file that is not its owner's alone.
pub fn load(path: &Path) -> Result<Config, Error> {
    let text = read_private(path)?;
    // Whole paths: what is fenced off later goes by them.
    let path = &std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let base = path.parent().unwrap_or(Path::new("."));
    parse(&text, path, base).map_err(|problems| Error::Wrong { path: path.to_owned(), problems })
}

/// The single values of any small YAML text, by the last of their names: for a key that is imported.
pub fn scalars(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let mut found = Vec::new();
    let mut open: Vec<yaml::Node> = yaml::read(text)?.into_iter().collect();
    while let Some(node) = open.pop() {
        let yaml::Kind::Map(entries) = node.kind else { continue };
        for (key, value) in entries {
            match (key.kind, value.kind) {
                (yaml::Kind::Scalar(Some(name)), yaml::Kind::Scalar(Some(text))) => {
                    found.push((name, text));
                }
                (_, kind) => open.push(yaml::Node { at: value.at, kind }),
            }
        }
    }
    Ok(found)
}

/// The text of a file that is its owner's alone.
pub fn read_private(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    if let Err(source) = std::fs::symlink_metadata(path) {
        return Err(failed(source));
    }
    let file = host::open_private(path, rustix::process::geteuid().as_raw())?;
    let mut text = String::new();
    let read = file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > BYTES_MAX {
        return Err(Error::TooLarge { path: path.to_owned() });
    }
    Ok(text)
}
