//! What a scan says: its date, its tools, what it covered, what it found.

use super::known::Known;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// How bad a finding is, by the words of CVSS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know: a package that nobody maintains any more.
    Note,
    /// Up to 3.9.
    Low,
    /// Up to 6.9.
    Medium,
    /// Up to 8.9.
    High,
    /// From 9.0.
    Critical,
}

impl Severity {
    /// All of them, the least one first.
    pub const ALL: [Self; 5] = [Self::Note, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// By name and version.
    pub fn new(name: &str, version: &str) -> Self {
        Self { name: name.to_owned(), version: version.to_owned() }
    }
}

/// One kind of files that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What they are.
    pub what: String,
    /// How many.
    pub files: usize,
    /// Their lines.
    pub lines: usize,
}

/// What was looked at and what was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Kinds of files.
    pub included: Vec<Part>,
    /// Paths that were left out, and why.
    pub excluded: BTreeMap<String, String>,
    /// All files that were looked at.
    pub files: usize,
    /// Their lines.
    pub lines: usize,
    /// `sha256sum` over the lines that `sha256sum` prints of all of them, in the order of their paths.
    pub sha256: String,
    /// The word `unsafe` in our own code, by file.
    pub unsafe_words: BTreeMap<String, usize>,
}

/// The advisories that dependencies were held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Whose they are.
    pub source: String,
    /// The day of the newest one.
    pub newest: String,
    /// How many.
    pub advisories: usize,
    /// Packages that were held against them.
    pub packages: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Who found it.
    pub tool: String,
    /// What the tool calls it.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// Where: a file and line, or a package and version.
    pub place: String,
    /// In words.
    pub what: String,
}

impl Finding {
    /// As one line.
    pub fn told(&self) -> String {
        format!("{} {} at {}: {} ({})", self.severity, self.id, self.place, self.what, self.tool)
    }
}

/// A scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When.
    pub date: Timestamp,
    /// By what.
    pub tools: Vec<Tool>,
    /// Over what.
    pub scope: Scope,
    /// Against what; none, where no database was there.
    pub watched: Option<Watched>,
    /// How many findings of each severity.
    pub counts: BTreeMap<String, usize>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// Findings below high that are known: open, accepted with their reason, mended.
    #[serde(default)]
    pub known: Vec<Known>,
}

impl Record {
    /// The findings, counted and in order.
    pub fn new(
        date: Timestamp,
        mut tools: Vec<Tool>,
        scope: Scope,
        watched: Option<Watched>,
        mut findings: Vec<Finding>,
    ) -> Self {
        if watched.is_some() {
            tools.push(Tool::new("rustsec", super::advisories::VERSION));
        }
        findings.sort_by(|a, b| {
            let key = |one: &Finding| (one.tool.clone(), one.id.clone(), one.place.clone());
            b.severity.cmp(&a.severity).then_with(|| key(a).cmp(&key(b)))
        });
        let of = |severity| findings.iter().filter(|one| one.severity == severity).count();
        let counts = Severity::ALL.map(|severity| (severity.to_string(), of(severity)));
        // A second is enough for a date, and reads better.
        let date = Timestamp::from_second(date.as_second()).unwrap_or(date);
        Self { date, tools, scope, watched, counts: counts.into(), findings, known: Vec::new() }
    }

    /// Findings that are high or worse.
    pub fn severe(&self) -> usize {
        self.findings.iter().filter(|one| one.severity >= Severity::High).count()
    }

    /// For people.
    pub fn told(&self) -> String {
        let tools: Vec<String> =
            self.tools.iter().map(|tool| format!("{} {}", tool.name, tool.version)).collect();
        let mut text = format!("scan of {} by {}\n", self.date, tools.join(", "));
        text += &format!("{} files, {} lines\n", self.scope.files, self.scope.lines);
        text += &match &self.watched {
            Some(watched) => format!(
                "{} packages held against {} advisories, the newest of {}\n",
                watched.packages, watched.advisories, watched.newest
            ),
            None => "no advisories were consulted\n".to_owned(),
        };
        let counts: Vec<String> = Severity::ALL
            .iter()
            .rev()
            .map(|one| format!("{} {one}", self.counts.get(one.as_str()).copied().unwrap_or(0)))
            .collect();
        text += &format!("found: {}\n", counts.join(", "));
        for finding in &self.findings {
            text += &format!("  {}\n", finding.told());
        }
        text
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn record(findings: Vec<Finding>) -> Record {
        let scope = Scope {
            included: Vec::new(),
            excluded: BTreeMap::new(),
            files: 1,
            lines: 2,
            sha256: String::new(),
            unsafe_words: BTreeMap::new(),
        };
        Record::new(Timestamp::UNIX_EPOCH, vec![Tool::new("t", "1")], scope, None, findings)
    }

    pub fn finding(severity: Severity, place: &str) -> Finding {
        let text = |text: &str| text.to_owned();
        Finding { tool: text("t"), id: text("i"), severity, place: text(place), what: text("w") }
    }

    #[test]
    fn findings_are_counted_and_the_worst_comes_first() {
        let bad = |severity| finding(severity, "a.rs:3");
        let record = record(vec![bad(Severity::Low), bad(Severity::Critical), bad(Severity::High)]);
        assert_eq!(record.severe(), 2);
        assert_eq!(record.findings[0].severity, Severity::Critical);
        assert_eq!((record.counts["low"], record.counts["medium"]), (1, 0));
        let told = record.told();
        assert!(told.contains("found: 1 critical, 1 high, 0 medium, 1 low, 0 note\n"), "{told}");
        let again: Record =
            serde_json::from_str(&serde_json::to_string(&record).expect("writes")).expect("reads");
        assert_eq!(again, record);
    }
}
