//! What the page says, in both languages.

use audit::{ClaimKind, Duty, posture::State};
use jiff::Timestamp;

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// Its tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of this tag.
    #[must_use]
    pub fn named(tag: &str) -> Option<Self> {
        [Self::English, Self::German].into_iter().find(|one| one.as_str() == tag)
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::English => Self::German,
            Self::German => Self::English,
        }
    }

    /// What a browser asks for in `Accept-Language`; English where it asks for neither.
    #[must_use]
    pub fn of_header(line: &str) -> Self {
        let mut best = (Self::English, 0.0);
        for part in line.split(',').take(32) {
            let mut words = part.split(';').map(str::trim);
            let tag = words.next().unwrap_or_default().to_ascii_lowercase();
            let named = Self::named(tag.split('-').next().unwrap_or_default());
            let weight = words.find_map(|word| word.strip_prefix("q="));
            let weight = weight.map_or(1.0, |text| text.parse().unwrap_or(0.0));
            if let Some(language) = named.filter(|_| weight > best.1) {
                best = (language, weight);
            }
        }
        best.0
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::German => &GERMAN,
        }
    }
}

/// All texts of the page.
pub(super) struct Words {
    pub title: &'static str,
    pub lead: &'static str,
    pub report: &'static str,
    pub policy: &'static str,
    pub advisories: &'static str,
    pub findings: &'static str,
    pub other_language: &'static str,
    pub summary: &'static str,
    pub house: &'static str,
    pub reading: &'static str,
    pub claims: &'static str,
    pub all: &'static str,
    pub shown: &'static str,
    pub nothing: &'static str,
    pub evidence: &'static str,
    pub by_hand: &'static str,
    pub remark: &'static str,
    pub reason: &'static str,
    pub until: &'static str,
    pub history: &'static str,
    pub back: &'static str,
    pub no_history: &'static str,
    pub leaf: &'static str,
    pub first: &'static str,
    pub tests: &'static str,
    pub how: &'static str,
    pub certificate: &'static str,
    pub version: &'static str,
    pub made: &'static str,
    pub checkpoint: &'static str,
    pub witnesses: &'static str,
    pub witnessed: &'static str,
    pub entries: &'static str,
    pub expires: &'static str,
    pub backup: &'static str,
    pub restore: &'static str,
    pub scan: &'static str,
    pub parts: &'static str,
    pub none: &'static str,
    pub posture_key: &'static str,
    pub machine: &'static str,
    pub badge: &'static str,
    pub kinds: &'static str,
    pub owners: &'static str,
    pub states: &'static str,
    states_of: [&'static str; 6],
    meanings_of: [&'static str; 6],
    kinds_of: [&'static str; 3],
    owners_of: [&'static str; 2],
    ages: [&'static str; 5],
}

impl Words {
    fn place(state: State) -> usize {
        State::ALL.iter().position(|one| *one == state).unwrap_or(0)
    }

    pub fn state(&self, state: State) -> &'static str {
        self.states_of.get(Self::place(state)).copied().unwrap_or_default()
    }

    pub fn meaning(&self, state: State) -> &'static str {
        self.meanings_of.get(Self::place(state)).copied().unwrap_or_default()
    }

    pub const fn kind(&self, kind: ClaimKind) -> &'static str {
        let [sw, dep, org] = self.kinds_of;
        match kind {
            ClaimKind::Sw => sw,
            ClaimKind::Dep => dep,
            ClaimKind::Org => org,
        }
    }

    pub const fn owner(&self, owner: Duty) -> &'static str {
        let [platform, host] = self.owners_of;
        match owner {
            Duty::Platform => platform,
            Duty::Host => host,
        }
    }

    /// How long ago, in the coarsest unit that says something.
    pub fn ago(&self, time: Timestamp, now: Timestamp) -> String {
        let [just, minutes, hours, days, ahead] = self.ages;
        let age = now.duration_since(time);
        let (text, count) = match (age.as_hours() / 24, age.as_hours(), age.as_mins()) {
            (2.., ..) => (days, age.as_hours() / 24),
            (_, 2.., _) => (hours, age.as_hours()),
            (.., 2..) => (minutes, age.as_mins()),
            (.., 0..) => (just, 0),
            _ => (ahead, 0),
        };
        text.replace('#', &count.to_string())
    }
}

const ENGLISH: Words = Words {
    title: "Security",
    lead: "Every claim that we make about security, how it stands at this server right now, on what evidence, \
           and the command by which you find out yourself. No word here is stronger than its evidence.",
    report: "Report a weakness",
    policy: "Terms for whoever looks for one",
    advisories: "Advisories",
    findings: "Known lesser findings",
    other_language: "Deutsch",
    summary: "How the claims stand",
    house: "This server",
    reading: "How to read the words",
    claims: "The claims",
    all: "all",
    shown: "shown",
    nothing: "No claim stands so.",
    evidence: "Evidence",
    by_hand: "Find out yourself",
    remark: "Remark",
    reason: "Why",
    until: "Counts until",
    history: "History",
    back: "All claims",
    no_history: "Nobody has looked at this claim yet; it stands where this version of the program puts it.",
    leaf: "entry of the log",
    first: "seen for the first time",
    tests: "Tests that hold it in the sources",
    how: "How",
    certificate: "Certificate",
    version: "Version",
    made: "This page is of",
    checkpoint: "Audit log",
    witnesses: "Witnesses",
    witnessed: "cosigned up to",
    entries: "entries, signed",
    expires: "holds until",
    backup: "Last backup",
    restore: "Last proved restore",
    scan: "Last scan",
    parts: "List of parts",
    none: "none yet",
    posture_key: "Key of this page's signed form",
    machine: "Signed form for programs",
    badge: "Badge",
    kinds: "What decides",
    owners: "Whose duty",
    states: "State",
    states_of: ["proved", "self-tested", "attested", "not met", "not checked", "replaced"],
    meanings_of: [
        "Observed from outside. Only you can say this, with <code>stockade verify</code>; no server can say it of itself.",
        "The server probed itself, and signed what it saw.",
        "A person signed for it on a date. It runs out.",
        "It failed, it is missing, or its evidence is too old.",
        "The server cannot see it of itself. The command beside it can.",
        "Something better stands in its place; the reason is given.",
    ],
    kinds_of: ["software", "deployment", "people"],
    owners_of: ["platform", "host"],
    ages: ["just now", "# minutes ago", "# hours ago", "# days ago", "in the future"],
};

const GERMAN: Words = Words {
    title: "Sicherheit",
    lead: "Jede Aussage, die wir über Sicherheit machen, wie sie an diesem Server gerade steht, worauf sich das \
           stützt, und der Befehl, mit dem Sie es selbst herausfinden. Kein Wort ist stärker als sein Beleg.",
    report: "Eine Schwachstelle melden",
    policy: "Bedingungen für alle, die eine suchen",
    advisories: "Advisories",
    findings: "Bekannte kleinere Befunde",
    other_language: "English",
    summary: "Wie die Aussagen stehen",
    house: "Dieser Server",
    reading: "Was die Wörter bedeuten",
    claims: "Die Aussagen",
    all: "alle",
    shown: "gezeigt",
    nothing: "Keine Aussage steht so.",
    evidence: "Beleg",
    by_hand: "Selbst herausfinden",
    remark: "Anmerkung",
    reason: "Warum",
    until: "Gilt bis",
    history: "Verlauf",
    back: "Alle Aussagen",
    no_history: "Nach dieser Aussage hat noch niemand gesehen; sie steht, wo diese Version des Programms sie hinstellt.",
    leaf: "Eintrag des Protokolls",
    first: "zum ersten Mal gesehen",
    tests: "Tests, die sie im Quelltext halten",
    how: "Wie",
    certificate: "Zertifikat",
    version: "Version",
    made: "Diese Seite ist von",
    checkpoint: "Protokoll",
    witnesses: "Zeugen",
    witnessed: "mitgezeichnet bis",
    entries: "Einträge, signiert",
    expires: "gilt bis",
    backup: "Letzte Sicherung",
    restore: "Letztes bewiesenes Zurückholen",
    scan: "Letzte Prüfung",
    parts: "Stückliste",
    none: "noch keine",
    posture_key: "Schlüssel der signierten Form",
    machine: "Signierte Form für Programme",
    badge: "Plakette",
    kinds: "Was entscheidet",
    owners: "Wessen Pflicht",
    states: "Stand",
    states_of: [
        "bewiesen",
        "selbst geprüft",
        "bezeugt",
        "nicht erfüllt",
        "nicht geprüft",
        "ersetzt",
    ],
    meanings_of: [
        "Von außen beobachtet. Das können nur Sie sagen, mit <code>stockade verify</code>; kein Server kann es von sich sagen.",
        "Der Server hat sich selbst geprüft und signiert, was er sah.",
        "Ein Mensch hat mit Datum dafür unterschrieben. Das läuft ab.",
        "Es ist misslungen, fehlt, oder sein Beleg ist zu alt.",
        "Der Server kann es an sich nicht sehen. Der Befehl daneben kann es.",
        "Etwas Besseres steht an seiner Stelle; der Grund steht dabei.",
    ],
    kinds_of: ["Software", "Betrieb", "Menschen"],
    owners_of: ["Plattform", "Betreiber"],
    ages: ["gerade eben", "vor # Minuten", "vor # Stunden", "vor # Tagen", "in der Zukunft"],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_the_language_that_it_likes_best() {
        let check =
            |line: &str, want: Language| assert_eq!(Language::of_header(line), want, "{line}");
        check("", Language::English);
        check("de", Language::German);
        check("de-AT,de;q=0.9,en;q=0.8", Language::German);
        check("en-GB,en;q=0.9,de;q=0.8", Language::English);
        check("fr, de;q=0.5", Language::German);
        check("fr;q=0.9", Language::English);
        check("de;q=0, en;q=0.1", Language::English);
        check("de;q=nonsense", Language::English);
    }

    #[test]
    fn ages_are_told_in_the_coarsest_unit_that_says_something() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().expect("a time");
        let check = |time: &str, want: &str| {
            let time: Timestamp = time.parse().expect("a time");
            assert_eq!(ENGLISH.ago(time, now), want);
        };
        check("2026-11-30T11:59:00Z", "just now");
        check("2026-11-30T11:58:00Z", "2 minutes ago");
        check("2026-11-30T10:00:00Z", "2 hours ago");
        check("2026-11-28T12:00:00Z", "2 days ago");
        check("2026-11-30T12:05:00Z", "in the future");
    }
}
