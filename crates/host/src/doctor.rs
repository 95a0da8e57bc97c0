//! What a doctor looks at on the machine, and how it says what it found.
//!
//! Files below a [`Root`] are read and nothing else: no process is started, no network is asked. A probe that
//! could not read what it needed says "not checked" and never "ok".

mod clock;
mod files;
mod firewall;
mod kernel;
mod listeners;
mod packages;
mod root;
mod rules;
mod service;
mod ssh;
mod sshd;
mod storage;
mod updates;

pub use files::{Repair, repair};
pub use firewall::nft_rules;
pub use listeners::listens;
pub use packages::packages;
pub use root::Root;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{fmt::Write, path::PathBuf};

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Looked at, and as it should be.
    Ok,
    /// Could not be looked at; says nothing about how it is.
    NotChecked,
    /// Weaker than it could be.
    Warning,
    /// To be mended before money is at stake.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The area: `ssh`, `firewall`, …
    pub area: &'static str,
    /// The claim that it speaks to, if one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claim: Option<&'static str>,
    /// How it stands.
    pub severity: Severity,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: &'static str,
    /// The command that mends it, or that shows what could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What was read, and what stood there.
    pub evidence: String,
}

impl Finding {
    /// What was found in an area; the rest is added word by word.
    #[must_use]
    pub fn new(area: &'static str, severity: Severity, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { area, claim: None, severity, what, why: "", fix: None, evidence: String::new() }
    }

    /// Which claim it speaks to.
    #[must_use]
    pub fn claim(self, claim: &'static str) -> Self {
        Self { claim: Some(claim), ..self }
    }

    /// Why it matters.
    #[must_use]
    pub fn why(self, why: &'static str) -> Self {
        Self { why, ..self }
    }

    /// The command that mends it, or shows more.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// What was read, and what stood there.
    #[must_use]
    pub fn evidence(self, evidence: impl Into<String>) -> Self {
        Self { evidence: evidence.into(), ..self }
    }
}

/// Whose doctor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// The bot, whose configuration and keys are one person's.
    Bot,
    /// The server, with everybody's accounts.
    Server,
}

impl Program {
    /// As it is spoken of.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Server => "server",
        }
    }

    /// The claim about its own files.
    const fn files_claim(self) -> Option<&'static str> {
        match self {
            Self::Bot => Some("M62"),
            Self::Server => None,
        }
    }

    /// The claim about its backup.
    const fn backup_claim(self) -> &'static str {
        match self {
            Self::Bot => "M63",
            Self::Server => "S31",
        }
    }
}

/// A file or directory that is the program's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// What it is to the owner: "configuration", "key store", "state".
    pub name: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

/// A backup whose age is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The file, or the directory of which the newest file counts.
    pub path: PathBuf,
    /// How old it may be.
    pub age_max: SignedDuration,
    /// The command that makes one.
    pub make: String,
}

/// What is to be looked at.
#[derive(Debug, Clone)]
pub struct Examination {
    /// Whose doctor it is.
    pub program: Program,
    /// The machine, or a picture of one.
    pub root: Root,
    /// Now.
    pub now: Timestamp,
    /// The user that the program runs as.
    pub user: u32,
    /// The program's own files.
    pub own: Vec<Own>,
    /// Ports that others may reach: what listens on another one is a finding.
    pub open_ports: Vec<u16>,
    /// Addresses from which the owner signs in, for the rules that are proposed.
    pub known_sources: Vec<String>,
    /// The backup, if one is configured.
    pub backup: Option<Backup>,
    /// The systemd unit that the program runs as, if it is to be looked at.
    pub unit: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When it was looked at.
    pub at: String,
    /// The findings, area by area.
    pub findings: Vec<Finding>,
}

/// Looks whether something keeps the clock right, and at nothing else.
#[must_use]
pub fn clock(examination: &Examination) -> Finding {
    clock::look(examination)
}

/// Looks at everything.
#[must_use]
pub fn examine(examination: &Examination) -> Report {
    let probes: [fn(&Examination) -> Vec<Finding>; 9] = [
        files::probe,
        clock::probe,
        listeners::probe,
        ssh::probe,
        firewall::probe,
        updates::probe,
        storage::probe,
        kernel::probe,
        service::probe,
    ];
    let findings = probes.iter().flat_map(|probe| probe(examination)).collect();
    Report { at: examination.now.strftime("%FT%TZ").to_string(), findings }
}

impl Report {
    /// The worst of the findings.
    #[must_use]
    pub fn worst(&self) -> Severity {
        self.findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::NotChecked)
    }

    /// The report as text: a line for each finding; why and what to do below what is not right.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        for finding in &self.findings {
            let word = match finding.severity {
                Severity::Ok => "ok",
                Severity::NotChecked => "not checked",
                Severity::Warning => "warning",
                Severity::Problem => "PROBLEM",
            };
            let claim = finding.claim.unwrap_or("");
            let area = finding.area;
            let _ = writeln!(out, "{word:<11}  {claim:<3}  {area:<10}  {}", finding.what);
            let mut below = |name: &str, text: &str| {
                for (number, line) in text.lines().enumerate() {
                    let name = if number == 0 { name } else { "" };
                    let _ = writeln!(out, "{:18}{name:>10}  {line}", "");
                }
            };
            if finding.severity != Severity::Ok {
                below("why", finding.why);
                below("fix", finding.fix.as_deref().unwrap_or_default());
            }
            below("seen", &finding.evidence);
        }
        let count = |severity| self.findings.iter().filter(|f| f.severity == severity).count();
        let _ = writeln!(
            out,
            "{} problems, {} warnings, {} not checked, {} ok",
            count(Severity::Problem),
            count(Severity::Warning),
            count(Severity::NotChecked),
            count(Severity::Ok),
        );
        out
    }
}

/// A span as people say it.
fn ago(age: SignedDuration) -> String {
    let (days, hours, minutes) = (age.as_hours() / 24, age.as_hours(), age.as_mins());
    match (days, hours) {
        (2.., _) => format!("{days} days ago"),
        (_, 2..) => format!("{hours} hours ago"),
        _ if minutes < 0 => "in the future".to_owned(),
        _ => format!("{minutes} minutes ago"),
    }
}
