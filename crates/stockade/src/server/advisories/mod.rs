//! Advisories as they are handed out: pages for people, files for programs.

mod page;
mod words;

pub use page::Page;

use super::security_reports::Reporting;
use disclosure::{Advisory, Issuer, csaf_changes, csaf_index};
use jiff::Timestamp;
use seal::{sha256, sha512};
use serde_json::{Value, json};

/// A file that is handed out, and its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its type.
    pub kind: &'static str,
    /// What is in it.
    pub text: String,
}

/// Files for programs.
#[derive(Debug)]
pub struct Files<'a> {
    origin: &'a str,
    fingerprint: String,
    reporting: &'a Reporting,
    advisories: &'a [Advisory],
}

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

impl<'a> Files<'a> {
    /// Of a server that others know as `origin`.
    #[must_use]
    pub fn new(origin: &'a str, reporting: &'a Reporting, advisories: &'a [Advisory]) -> Self {
        let fingerprint = reporting.key().certificate().fingerprint();
        Self { origin, fingerprint, reporting, advisories }
    }

    fn issuer(&self) -> Issuer<'_> {
        let contact = self.reporting.contact().and_then(|contact| contact.mail());
        Issuer { origin: self.origin, contact, fingerprint: &self.fingerprint }
    }

    /// `provider-metadata.json`: as old as the last change, or as the key where there was none yet.
    #[must_use]
    pub fn metadata(&self) -> String {
        let newest = self.advisories.iter().map(|one| one.last().at).max();
        let made = Timestamp::from_second(super::security_reports::KEY_MADE.into());
        self.issuer().metadata(newest.unwrap_or(made.unwrap_or_default()))
    }

    /// `index.txt`
    #[must_use]
    pub fn index(&self) -> String {
        csaf_index(self.advisories)
    }

    /// `changes.csv`
    #[must_use]
    pub fn changes(&self) -> String {
        csaf_changes(self.advisories)
    }

    /// The years in which there are advisories, the newest first.
    #[must_use]
    pub fn years(&self) -> Vec<String> {
        let mut years: Vec<i16> = self.advisories.iter().map(|one| one.id.year()).collect();
        years.sort_unstable_by(|a, b| b.cmp(a));
        years.dedup();
        years.into_iter().map(|year| year.to_string()).collect()
    }

    /// The names of the files of a year.
    #[must_use]
    pub fn of_year(&self, year: &str) -> Vec<String> {
        let of = self.advisories.iter().filter(|one| one.id.year().to_string() == year);
        of.flat_map(|one| ["", ".sha256", ".sha512", ".asc"].map(|end| one.id.file() + end))
            .collect()
    }

    /// A document of CSAF, its digests, or its signature: `2026/stockade-2026-001.json.sha512`.
    #[must_use]
    pub fn csaf(&self, place: &str) -> Option<File> {
        let found = |one: &'a Advisory| Some((one, place.strip_prefix(one.path().as_str())?));
        let (one, end) = self.advisories.iter().find_map(found)?;
        let text = one.csaf(&self.issuer());
        let listed = |digest: String| format!("{digest}  {}\n", one.id.file());
        let (kind, text) = match end {
            "" => (JSON, text),
            ".sha256" => (TEXT, listed(hex::encode(sha256(text.as_bytes())))),
            ".sha512" => (TEXT, listed(hex::encode(sha512(text.as_bytes())))),
            ".asc" => {
                let second = u32::try_from(one.last().at.as_second()).unwrap_or(u32::MAX);
                (TEXT, self.reporting.key().sign_file(text.as_bytes(), second))
            }
            _ => return None,
        };
        Some(File { kind, text })
    }

    /// A document of OSV, or the list of them: `STOCKADE-2026-001.osv.json`, `index.json`.
    #[must_use]
    pub fn osv(&self, name: &str) -> Option<String> {
        if name == "index.json" {
            let line = |one: &Advisory| -> Value {
                let modified = one.last().at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                json!({ "id": one.id.to_string(), "modified": modified, "file": osv_file(one) })
            };
            let all: Vec<Value> = self.advisories.iter().map(line).collect();
            return Some(format!("{:#}\n", json!({ "advisories": all })));
        }
        let one = self.advisories.iter().find(|one| osv_file(one) == name)?;
        Some(one.osv(&self.issuer()))
    }
}

fn osv_file(advisory: &Advisory) -> String {
    format!("{}.osv.json", advisory.id)
}
