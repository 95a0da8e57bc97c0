//! The licence as the bot sees it: whether positions may be opened, and why not.

use crate::config::Config;
use jiff::Timestamp;
use license::{Clock, License, LicenseFile, issuer_from_text};
use std::path::Path;

/// The largest licence file.
const BYTES_MAX: u64 = 64 * 1024;

/// A licence that is looked at again and again.
pub struct Licence {
    license: License,
    problem: Option<String>,
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether positions may be opened.
    pub may_open: bool,
    /// In words.
    pub text: String,
}

impl Licence {
    /// What a configuration names. A file that cannot be used is a reason to manage only, never one not
    /// to start: stops and exits go on.
    #[must_use]
    pub fn load(config: &Config) -> Self {
        let clock = Clock::new(built());
        let Some(place) = &config.license else {
            return Self { license: License::none(clock), problem: None };
        };
        match read(&place.file, &place.issuer) {
            Ok(file) => Self { license: License::new(file, clock), problem: None },
            Err(why) => Self { license: License::none(clock), problem: Some(why) },
        }
    }

    /// How it stands now, by the machine's clock and the venue's.
    pub fn look(&mut self, machine: Timestamp, venue: Option<Timestamp>) -> Standing {
        let now = self.license.look(machine, venue);
        if let Some(problem) = &self.problem {
            return Standing { may_open: false, text: format!("manage only: {problem}") };
        }
        match self.license.may_open(now) {
            Ok(_) => {
                let text = self.license.state(now).to_string();
                Standing { may_open: true, text: format!("licence: {text}") }
            }
            Err(refusal) => Standing { may_open: false, text: format!("manage only: {refusal}") },
        }
    }
}

/// When this program was built, at the earliest.
fn built() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap_or(Timestamp::UNIX_EPOCH)
}

fn read(path: &Path, issuer: &str) -> Result<LicenseFile, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let issuer = issuer_from_text(issuer).map_err(|error| format!("`license.issuer`: {error}"))?;
    let found = std::fs::metadata(path).map_err(|error| told(&error))?;
    if found.len() > BYTES_MAX {
        return Err(told(&"it is too large for a licence"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| told(&error))?;
    LicenseFile::verify(&text, &[issuer]).map_err(|error| told(&error))
}
