//! `stockade license` as data.

use clap::{Args, Subcommand, ValueHint};
use jiff::{Timestamp, civil, tz::TimeZone};
use std::path::PathBuf;

/// `stockade license`.
#[derive(Debug, Subcommand)]
pub(crate) enum License {
    /// Sign a licence file, and keep it in this server's register; with --offline only sign it.
    Issue(Box<Issue>),
    /// List the licences that this server issued, or one with its instances.
    #[command(visible_alias = "list")]
    Ls {
        /// Which one; all unless given.
        licence: Option<String>,
    },
    /// Let nobody have a lease by a licence until it is resumed.
    Suspend {
        /// Which.
        licence: String,
    },
    /// Let leases be given by a licence again.
    Resume {
        /// Which.
        licence: String,
    },
    /// Take a licence back for good.
    Revoke {
        /// Which.
        licence: String,
    },
    /// Give the seat of an instance back, for another one to take.
    Release {
        /// Of which licence.
        licence: String,
        /// Which instance.
        instance: String,
    },
    /// Verify a licence file, and say what it grants and how it stands now.
    Show(Show),
    /// Print the issuing key's public half, for `license.issuer` of a bot.
    Key {
        /// The issuing key's file; `license-issuer.key` in the data directory unless given.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: Option<PathBuf>,
    },
}

/// `stockade license issue`.
#[derive(Debug, Args)]
pub(crate) struct Issue {
    /// A file that holds without any service, by a key of its own; no register keeps it.
    #[arg(long)]
    pub offline: bool,
    /// Where to write it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// The licence's id; a random one unless given.
    #[arg(long)]
    pub id: Option<String>,
    /// What was bought.
    #[arg(long, default_value = "personal")]
    pub edition: String,
    /// What may be used, by name; once for each, or with commas.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub entitlement: Vec<String>,
    /// How many instances may run.
    #[arg(long, default_value_t = 1)]
    pub instances: u32,
    /// When it begins, such as 2027-01-31 or 2027-01-31T12:00:00Z; now unless given.
    #[arg(long, value_name = "TIME")]
    pub from: Option<Moment>,
    /// When what was paid for ends, and grace begins.
    #[arg(long, value_name = "TIME")]
    pub paid_until: Moment,
    /// No grace reaches beyond this; the end of grace unless given.
    #[arg(long, value_name = "TIME")]
    pub hard_until: Option<Moment>,
    /// Hours of grace, at most 336.
    #[arg(long, value_name = "HOURS", default_value_t = license::Terms::GRACE_HOURS)]
    pub grace_hours: u32,
    /// To try, not paid.
    #[arg(long)]
    pub trial: bool,
    /// Whose it is, for this server's register; kept sealed.
    #[arg(long, value_name = "TEXT", default_value = "", conflicts_with = "offline")]
    pub note: String,
    /// Bind it to the instance with this public key, `ed25519:…`; any unless given.
    #[arg(long, value_name = "KEY", requires = "offline")]
    pub instance: Option<String>,
    /// The issuing key's file; `license-issuer.key` in the data directory unless given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "offline")]
    pub key: Option<PathBuf>,
}

/// `stockade license show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The licence file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Public keys of issuers that are trusted, `ed25519:…`; this directory's unless given.
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    pub issuer: Vec<String>,
    /// Say how it stands at this time instead of now.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Moment>,
}

/// A time, typed as a date of UTC or in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub Timestamp);

impl std::str::FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let midnight = |date: civil::Date| date.to_zoned(TimeZone::UTC).map(|day| day.timestamp());
        let moment = match text.parse::<civil::Date>() {
            Ok(date) if text.len() == 10 => midnight(date).ok(),
            _ => text.parse().ok(),
        };
        moment.map(Self).ok_or_else(|| "write 2027-01-31 or 2027-01-31T12:00:00Z".to_owned())
    }
}
