//! The installation's own authority for its machines: server, worker and bot prove to each other who
//! they are, by certificates that live for a day.
//!
//! A machine comes in by a token that works once. Its certificate names what it is, which one, and
//! the epoch of that name; who is put out gets another epoch, and the certificates of the old one
//! are refused from the next handshake on. Who belongs is kept elsewhere and told to the [`Roll`]. The authority's certificate has name constraints
//! (RFC 5280 §4.2.1.10), so it vouches for this installation's machines and for nothing else.

mod admission;
mod authority;
mod client;
mod enrolment;
mod kit;
mod listener;
mod membership;
mod roll;

pub use admission::Admission;
pub use authority::{Issued, MachineAuthority, SignedRequest};
pub use client::{MachineClient, Pieces};
pub use enrolment::{Wish, join, renew};
pub use kit::{Kit, Proof};
pub use listener::{MachineDoor, serve_machines};
pub use membership::{MachineAddress, Membership};
pub use roll::Roll;

use std::{fmt, str::FromStr};

/// Spoken by who has a token and no certificate: nothing but the enrolment is heard.
pub(crate) const JOINING: &[u8] = b"stockade-join/1";
/// Spoken by who wants the next certificate.
pub(crate) const RENEWING: &[u8] = b"stockade-renew/1";
/// Spoken by who is at work.
pub(crate) const WORKING: &[u8] = b"http/1.1";
/// What every name of an installation's machines ends in.
pub(crate) const DOMAIN: &str = "stockade.internal";
/// One label of a DNS name, and room for what stands around it.
const NAME_BYTES_MAX: usize = 40;

/// What a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The server.
    Server,
    /// Computes for it.
    Worker,
    /// Trades.
    Bot,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Server, Self::Worker, Self::Bot];

    /// As it stands in a certificate.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Worker => "worker",
            Self::Bot => "bot",
        }
    }
}

/// One machine of the installation: what it does, and which one it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Machine {
    /// What it does.
    pub role: Role,
    name: String,
}

impl Machine {
    /// Its name among those that do the same.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.role.name(), self.name)
    }
}

/// Not the name of a machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} names no machine: write worker/NAME or bot/NAME, the name in lower-case letters, digits and -, at most 40"
)]
pub struct NoMachine {
    text: String,
}

impl FromStr for Machine {
    type Err = NoMachine;

    fn from_str(text: &str) -> Result<Self, NoMachine> {
        let parsed = text.split_once('/').and_then(|(role, name)| {
            let role = Role::ALL.into_iter().find(|known| known.name() == role)?;
            let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
            let fits = name.len() <= NAME_BYTES_MAX && name.chars().all(good);
            let whole = fits && edge(name.chars().next()) && edge(name.chars().next_back());
            whole.then(|| Self { role, name: name.to_owned() })
        });
        parsed.ok_or_else(|| NoMachine { text: text.chars().take(80).collect() })
    }
}

/// A machine as a certificate names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// Which machine.
    pub machine: Machine,
    /// Of which of its epochs.
    pub epoch: u32,
}

impl Badge {
    /// The name in a certificate: `NAME.eEPOCH.ROLE.INSTALLATION.stockade.internal`.
    pub(crate) fn dns(&self, installation: &str) -> String {
        let Machine { role, name } = &self.machine;
        format!("{name}.e{}.{}.{installation}.{DOMAIN}", self.epoch, role.name())
    }

    /// Whom a certificate names in this installation. That it is genuine is for a handshake to verify.
    pub(crate) fn of(certificate: &[u8], installation: &str) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let names = parsed.subject_alternative_name().ok()??;
        match names.value.general_names.as_slice() {
            [x509_parser::extensions::GeneralName::DNSName(dns)] => Self::read(dns, installation),
            _ => None,
        }
    }

    /// The badge that a name in a certificate is, in this installation.
    pub(crate) fn read(dns: &str, installation: &str) -> Option<Self> {
        let rest = dns.strip_suffix(DOMAIN)?.strip_suffix('.')?;
        let rest = rest.strip_suffix(installation)?.strip_suffix('.')?;
        let (rest, role) = rest.rsplit_once('.')?;
        let (name, epoch) = rest.split_once(".e")?;
        let machine = format!("{role}/{name}").parse().ok()?;
        let badge = Self { machine, epoch: epoch.parse().ok()? };
        (badge.dns(installation) == dns).then_some(badge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machines_name_is_one_label_behind_its_role() {
        let check =
            |text: &str, good: bool| assert_eq!(text.parse::<Machine>().is_ok(), good, "{text}");
        check("worker/alpha", true);
        check("bot/eu-1", true);
        check("server/a", true);
        for text in
            ["alpha", "worker/", "worker/-a", "worker/a-", "worker/A", "worker/a.b", "owner/a", ""]
        {
            check(text, false);
        }
        check(&format!("bot/{}", "a".repeat(40)), true);
        check(&format!("bot/{}", "a".repeat(41)), false);
    }

    #[test]
    fn a_badge_is_read_as_it_is_written_and_no_other_way() {
        let machine: Machine = "worker/e2".parse().expect("a machine");
        let badge = Badge { machine, epoch: 7 };
        let dns = badge.dns("0a1b2c");
        assert_eq!(dns, "e2.e7.worker.0a1b2c.stockade.internal");
        assert_eq!(Badge::read(&dns, "0a1b2c"), Some(badge));
        for other in [
            "e2.e7.worker.ffffff.stockade.internal",
            "e2.e07.worker.0a1b2c.stockade.internal",
            "e2.worker.0a1b2c.stockade.internal",
            "e2.e7.owner.0a1b2c.stockade.internal",
            "e2.e7.worker.0a1b2c.stockade.internal.example.org",
            "worker.0a1b2c.stockade.internal",
        ] {
            assert_eq!(Badge::read(other, "0a1b2c"), None, "{other}");
        }
    }
}
