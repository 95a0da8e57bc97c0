//! An advisory: what a weakness was, which versions have it, what to do, and how that is told to programs.

mod csaf;
mod draft;
mod osv;

pub use csaf::{Issuer, csaf_changes, csaf_index};
pub use draft::{Draft, Link, Range, Version, Wording};

use crate::Error;
use jiff::Timestamp;
use std::{fmt, str::FromStr};

const PREFIX: &str = "STOCKADE-";

/// The name of an advisory: `STOCKADE-2026-001`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AdvisoryId {
    year: i16,
    number: u16,
}

impl AdvisoryId {
    /// Advisories of one year, at most.
    pub const IN_YEAR_MAX: u16 = 999;

    /// The one with this number in a year, both as a name can hold them.
    #[must_use]
    pub fn new(year: i16, number: u16) -> Option<Self> {
        let fits = (1000..=9999).contains(&year) && (1..=Self::IN_YEAR_MAX).contains(&number);
        fits.then_some(Self { year, number })
    }

    /// The year in which it was published.
    #[must_use]
    pub const fn year(self) -> i16 {
        self.year
    }

    /// Its number in that year.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.number
    }

    /// The file that CSAF's rule (§5.1) makes of it.
    #[must_use]
    pub fn file(self) -> String {
        format!("{}.json", self.to_string().to_ascii_lowercase())
    }
}

impl fmt::Display for AdvisoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}-{:03}", self.year, self.number)
    }
}

impl FromStr for AdvisoryId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::AdvisoryId { found: text.chars().take(40).collect() };
        let (year, number) =
            text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('-')).ok_or_else(wrong)?;
        let id =
            Self::new(year.parse().map_err(|_| wrong())?, number.parse().map_err(|_| wrong())?);
        // One advisory has one name: no sign, no zero more.
        id.filter(|id| id.to_string() == text).ok_or_else(wrong)
    }
}

/// What an advisory became, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revision {
    /// From 1 on.
    pub number: u32,
    /// When it was published.
    pub at: Timestamp,
    /// What is new in it.
    pub note: String,
}

/// The report that an advisory answers. Its digest was written into the log on the day on which it came, so the
/// dates of the advisory can be held against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// When it came.
    pub received: Timestamp,
    /// SHA-256 of the sealed text, hexadecimal.
    pub sha256: String,
    /// The leaf of the log that holds it.
    pub leaf: u64,
    /// As whom its sender is thanked in public, if they wished it.
    pub thanks: Option<String>,
}

/// An advisory that is out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advisory {
    /// Its name.
    pub id: AdvisoryId,
    /// What it says.
    pub draft: Draft,
    /// What it says first, and each change since.
    pub first: Revision,
    /// The changes, in order.
    pub changes: Vec<Revision>,
    /// The report that it answers, if there was one.
    pub origin: Option<Origin>,
}

impl Advisory {
    /// When it was published first.
    #[must_use]
    pub const fn published(&self) -> Timestamp {
        self.first.at
    }

    /// What it is now.
    #[must_use]
    pub fn last(&self) -> &Revision {
        self.changes.last().unwrap_or(&self.first)
    }

    /// All that it was, in order.
    pub fn revisions(&self) -> impl Iterator<Item = &Revision> {
        std::iter::once(&self.first).chain(&self.changes)
    }

    /// Where CSAF's directory has it: the year of its first publication, and its file.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}", self.id.year(), self.id.file())
    }
}

/// A moment as both formats have it.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    pub(crate) fn at(day: &str) -> Timestamp {
        format!("{day}T12:00:00Z").parse().expect("a time")
    }

    pub(crate) fn wording() -> Wording {
        let text = str::to_owned;
        Wording {
            title: text("A door opened to whoever knocked thrice"),
            summary: text("Three requests at once passed a check that one would not."),
            details: text("The count was read before it was written.\n\nNothing else was open."),
            advice: text("Update to 0.2.1 or 0.3.2."),
            cvss: text("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:L/A:N"),
            affected: text("0.1.0..0.2.1, 0.3.0..0.3.2"),
            references: vec![
                (text("fix"), text("https://code.example/stockade/commit/1")),
                (text("article"), text("https://b.example/a https://b.example/b")),
            ],
        }
    }

    pub(crate) fn advisory() -> Advisory {
        Advisory {
            id: "STOCKADE-2026-007".parse().expect("a name"),
            draft: Draft::new(&wording()).expect("is one"),
            first: Revision { number: 1, at: at("2026-05-01"), note: "Published".to_owned() },
            changes: vec![Revision {
                number: 2,
                at: at("2026-05-03"),
                note: "0.3.0 has it, too".to_owned(),
            }],
            origin: Some(Origin {
                received: at("2026-03-01"),
                sha256: "ab".repeat(32),
                leaf: 41,
                thanks: Some("Ada L.".to_owned()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_in_no_other_way() {
        let id: AdvisoryId = "STOCKADE-2026-007".parse().expect("a name");
        assert_eq!((id.year(), id.number()), (2026, 7));
        assert_eq!(id.file(), "stockade-2026-007.json");
        assert_eq!(AdvisoryId::new(2026, 7), Some(id));
        for text in [
            "",
            "2026-007",
            "STOCKADE-2026-7",
            "STOCKADE-2026-0007",
            "STOCKADE-2026-+07",
            "STOCKADE-2026-000",
            "STOCKADE-2026-1000",
            "STOCKADE-26-007",
            "STOCKADE-2026-007/..",
            "stockade-2026-007",
        ] {
            let error = text.parse::<AdvisoryId>().expect_err(text).to_string();
            assert!(error.contains("no name of an advisory"), "{error}");
        }
        assert_eq!(AdvisoryId::new(2026, 1000), None);
    }

    #[test]
    fn an_advisory_is_dated_by_its_first_and_its_last_revision() {
        let advisory = samples::advisory();
        assert_eq!(advisory.published(), samples::at("2026-05-01"));
        assert_eq!(advisory.last().number, 2);
        assert_eq!(advisory.revisions().map(|one| one.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(advisory.path(), "2026/stockade-2026-007.json");
    }
}
