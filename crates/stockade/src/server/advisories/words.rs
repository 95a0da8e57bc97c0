//! What the pages about advisories say, in both languages. An advisory itself is in the language of its writer.

use crate::server::posture::page::Language;
use disclosure::Severity;

/// The words of one language.
pub(super) struct Words {
    pub title: &'static str,
    pub lead: &'static str,
    pub none: &'static str,
    pub all: &'static str,
    pub report: &'static str,
    pub for_programs: &'static str,
    pub files: &'static str,
    pub key: &'static str,
    pub signature: &'static str,
    pub name: &'static str,
    pub rated: &'static str,
    pub affected: &'static str,
    pub from: &'static str,
    pub before: &'static str,
    pub fixed: &'static str,
    pub no_fix: &'static str,
    pub published: &'static str,
    pub changed: &'static str,
    pub received: &'static str,
    pub digest: &'static str,
    pub leaf: &'static str,
    pub credit: &'static str,
    pub details: &'static str,
    pub advice: &'static str,
    pub references: &'static str,
    pub history: &'static str,
    severities: [&'static str; 4],
    kinds: [(&'static str, &'static str); 5],
}

impl Words {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &ENGLISH,
            Language::German => &GERMAN,
        }
    }

    pub(super) const fn severity(&self, severity: Severity) -> &'static str {
        let [low, medium, high, critical] = self.severities;
        match severity {
            Severity::Low => low,
            Severity::Medium => medium,
            Severity::High => high,
            Severity::Critical => critical,
        }
    }

    /// What a kind of reference is called.
    pub(super) fn kind(&self, kind: &'static str) -> &'static str {
        self.kinds.iter().find(|(one, _)| *one == kind).map_or(kind, |(_, said)| said)
    }
}

const ENGLISH: Words = Words {
    title: "Advisories",
    lead: "Weaknesses that were found, which versions have them, and what to do. Each is a page, a document of CSAF and one of OSV.",
    none: "No advisory has been published here.",
    all: "All advisories",
    report: "Report a weakness",
    for_programs: "For programs",
    files: "Files",
    key: "Key of the signatures",
    signature: "signature",
    name: "Name",
    rated: "Severity (CVSS)",
    affected: "Affected versions",
    from: "from",
    before: "on, before",
    fixed: "Fixed in",
    no_fix: "There is no fix yet",
    published: "Published",
    changed: "Changed",
    received: "Reported",
    digest: "SHA-256 of the report",
    leaf: "leaf",
    credit: "Reported by",
    details: "What it is",
    advice: "What to do",
    references: "More about it",
    history: "History",
    severities: ["low", "medium", "high", "critical"],
    kinds: [
        ("fix", "Fix:"),
        ("report", "Report:"),
        ("article", "Article:"),
        ("evidence", "Evidence:"),
        ("web", "Page:"),
    ],
};

const GERMAN: Words = Words {
    title: "Advisories",
    lead: "Schwachstellen, die gefunden wurden, welche Versionen sie haben und was zu tun ist. Jede ist eine Seite, ein Dokument nach CSAF und eines nach OSV.",
    none: "Hier wurde noch kein Advisory veröffentlicht.",
    all: "Alle Advisories",
    report: "Eine Schwachstelle melden",
    for_programs: "Für Programme",
    files: "Dateien",
    key: "Schlüssel der Signaturen",
    signature: "Signatur",
    name: "Name",
    rated: "Schwere (CVSS)",
    affected: "Betroffene Versionen",
    from: "ab",
    before: "und vor",
    fixed: "Behoben in",
    no_fix: "Es gibt noch keine Behebung",
    published: "Veröffentlicht",
    changed: "Geändert",
    received: "Gemeldet",
    digest: "SHA-256 der Meldung",
    leaf: "Blatt",
    credit: "Gemeldet von",
    details: "Was es ist",
    advice: "Was zu tun ist",
    references: "Mehr dazu",
    history: "Verlauf",
    severities: ["gering", "mittel", "hoch", "kritisch"],
    kinds: [
        ("fix", "Behebung:"),
        ("report", "Meldung:"),
        ("article", "Artikel:"),
        ("evidence", "Beleg:"),
        ("web", "Seite:"),
    ],
};
