//! What an advisory says, as a person writes it and as it must be.

use crate::{Error, Severity};
use cvss::{Severity as Rating, v3::Vector};
use std::{fmt, str::FromStr};

const TITLE_CHARS_MAX: usize = 120;
const SUMMARY_CHARS_MAX: usize = 400;
const TEXT_BYTES_MAX: usize = 16 * 1024;
const ADVICE_BYTES_MAX: usize = 4 * 1024;
const RANGES_MAX: usize = 32;
const LINKS_MAX: usize = 32;
const URL_BYTES_MAX: usize = 500;
/// The metrics of a base score, and the name of the version before them.
const VECTOR_PARTS: usize = 9;

/// What a person writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wording {
    /// One line.
    pub title: String,
    /// A sentence or two, on one line.
    pub summary: String,
    /// The whole of it.
    pub details: String,
    /// What whoever has an affected version should do.
    pub advice: String,
    /// A base vector of CVSS 3.1.
    pub cvss: String,
    /// `0.1.0..0.2.1, 0.3.0..`: from which version on, and the first that has it no more.
    pub affected: String,
    /// Where more is said, by kind: addresses with blanks between them.
    pub references: Vec<(String, String)>,
}

/// A version that was released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version([u32; 3]);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl FromStr for Version {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let numbers: Vec<u32> =
            text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| ())?;
        let version = Self(numbers.try_into().map_err(|_| ())?);
        // No sign and no zero more: they are compared as texts elsewhere.
        if version.to_string() == text { Ok(version) } else { Err(()) }
    }
}

/// Versions that have the weakness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first that has it.
    pub introduced: Version,
    /// The first that has it no more, if there is one.
    pub fixed: Option<Version>,
}

/// Where more is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// `fix`, `report`, `article`, `evidence` or `web`.
    pub kind: &'static str,
    /// Where.
    pub url: String,
}

impl Link {
    /// Every kind.
    pub const KINDS: [&'static str; 5] = ["fix", "report", "article", "evidence", "web"];
}

/// What an advisory says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    title: String,
    summary: String,
    details: String,
    advice: String,
    vector: String,
    score: String,
    severity: Severity,
    ranges: Vec<Range>,
    links: Vec<Link>,
}

impl Draft {
    /// Holds a wording against what both formats ask for.
    pub fn new(wording: &Wording) -> Result<Self, Error> {
        let (vector, score, severity) = rated(&wording.cvss)?;
        Ok(Self {
            title: line("title", &wording.title, TITLE_CHARS_MAX)?,
            summary: line("summary", &wording.summary, SUMMARY_CHARS_MAX)?,
            details: text("details", &wording.details, TEXT_BYTES_MAX)?,
            advice: text("advice", &wording.advice, ADVICE_BYTES_MAX)?,
            vector,
            score,
            severity,
            ranges: ranges(&wording.affected)?,
            links: links(&wording.references)?,
        })
    }

    /// One line.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// A sentence or two.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The whole of it.
    #[must_use]
    pub fn details(&self) -> &str {
        &self.details
    }

    /// What to do.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.advice
    }

    /// The vector, its metrics in the order of the standard.
    #[must_use]
    pub fn vector(&self) -> &str {
        &self.vector
    }

    /// The base score that the vector comes to, with one decimal.
    #[must_use]
    pub fn score(&self) -> &str {
        &self.score
    }

    /// What that score is called.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// The versions that have it, one range behind the other.
    #[must_use]
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// Where more is said.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }
}

fn wrong<T>(field: &'static str, why: &'static str) -> Result<T, Error> {
    Err(Error::Draft { field, why })
}

/// A text of one line.
fn line(field: &'static str, text: &str, chars_max: usize) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() {
        return wrong(field, "is empty: write one line");
    }
    if text.chars().count() > chars_max || text.contains(char::is_control) {
        return wrong(field, "is too long or has several lines: the details hold the rest");
    }
    Ok(text.to_owned())
}

/// A text of any lines.
fn text(field: &'static str, text: &str, bytes_max: usize) -> Result<String, Error> {
    let text = text.trim().replace("\r\n", "\n");
    if text.is_empty() {
        return wrong(field, "is empty: say at least a sentence");
    }
    if text.len() > bytes_max || text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') {
        return wrong(field, "is too long or holds control characters: refer to a longer text");
    }
    Ok(text)
}

/// The vector in the standard's order, its score and what that is called.
fn rated(text: &str) -> Result<(String, String, Severity), Error> {
    let refused = || {
        wrong("cvss", "is no base vector of CVSS 3.1: CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
    };
    let text = text.trim();
    if !text.starts_with("CVSS:3.1/") || text.split('/').count() != VECTOR_PARTS {
        return refused();
    }
    let Ok(vector) = text.parse::<Vector>() else { return refused() };
    let has_all = vector.av.is_some()
        && vector.ac.is_some()
        && vector.pr.is_some()
        && vector.ui.is_some()
        && vector.s.is_some()
        && vector.c.is_some()
        && vector.i.is_some()
        && vector.a.is_some();
    if !has_all {
        return refused();
    }
    let severity = match vector.severity() {
        Rating::None => return wrong("cvss", "comes to 0: that is no weakness"),
        Rating::Low => Severity::Low,
        Rating::Medium => Severity::Medium,
        Rating::High => Severity::High,
        Rating::Critical => Severity::Critical,
    };
    Ok((vector.to_string(), format!("{:.1}", vector.base_score().value()), severity))
}

fn ranges(text: &str) -> Result<Vec<Range>, Error> {
    let mut ranges: Vec<Range> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let Some((from, to)) = part.split_once("..") else {
            return wrong(
                "affected",
                "is written 0.1.0..0.2.1, 0.3.0.. (the second has no fix yet)",
            );
        };
        let Ok(introduced) = from.trim().parse::<Version>() else {
            return wrong("affected", "begins a range with what is no version: write 0.1.0");
        };
        let fixed = match to.trim() {
            "" => None,
            to => match to.parse::<Version>() {
                Ok(fixed) if fixed > introduced => Some(fixed),
                Ok(_) => {
                    return wrong("affected", "has a range that ends where it begins, or before");
                }
                Err(()) => {
                    return wrong("affected", "ends a range with what is no version: write 0.2.1");
                }
            },
        };
        let follows = ranges
            .last()
            .is_none_or(|last: &Range| last.fixed.is_some_and(|fixed| fixed <= introduced));
        if !follows {
            return wrong("affected", "has ranges that overlap or are not in order");
        }
        ranges.push(Range { introduced, fixed });
        if ranges.len() > RANGES_MAX {
            return wrong("affected", "has more than 32 ranges");
        }
    }
    Ok(ranges)
}

fn links(references: &[(String, String)]) -> Result<Vec<Link>, Error> {
    let mut links: Vec<Link> = Vec::new();
    for (kind, urls) in references {
        let Some(kind) = Link::KINDS.into_iter().find(|one| one == kind) else {
            return wrong("references", "are of the kinds fix, report, article, evidence and web");
        };
        for url in urls.split_ascii_whitespace() {
            let plain = |b: u8| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b);
            let has_host = url
                .strip_prefix("https://")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()));
            if !has_host || url.len() > URL_BYTES_MAX || !url.bytes().all(plain) {
                return wrong(
                    "references",
                    "hold what is no address: write https://…, with blanks between several",
                );
            }
            links.push(Link { kind, url: url.to_owned() });
        }
        if links.len() > LINKS_MAX {
            return wrong("references", "are more than 32");
        }
    }
    Ok(links)
}

#[cfg(test)]
mod tests {
    use super::{super::samples::wording, *};
    use proptest::prelude::*;

    #[test]
    fn a_wording_is_rated_by_its_vector_and_not_by_whoever_writes_it() {
        let check = |cvss: &str, want: (&str, Severity)| {
            let draft = Draft::new(&Wording { cvss: cvss.to_owned(), ..wording() });
            let draft = draft.expect("is one");
            assert_eq!((draft.score(), draft.severity()), want, "{cvss}");
        };
        // Scores as the examples of the standard's own document have them.
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", ("6.1", Severity::Medium));
        check("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", ("6.4", Severity::Medium));
        check("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", ("3.1", Severity::Low));
        check("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", ("9.9", Severity::Critical));
        check("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", ("7.5", Severity::High));
        let turned = "CVSS:3.1/S:U/AV:N/AC:L/PR:N/UI:N/C:H/A:N/I:N";
        let draft = Draft::new(&Wording { cvss: turned.to_owned(), ..wording() });
        assert_eq!(
            draft.expect("is one").vector(),
            "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N",
            "one order, so that two advisories can be compared"
        );
    }

    #[test]
    fn what_is_missing_or_cannot_be_is_refused_by_its_field() {
        let check = |change: fn(&mut Wording), field: &'static str, why: &str| {
            let mut wrong = wording();
            change(&mut wrong);
            let error = Draft::new(&wrong).expect_err(why);
            assert!(matches!(error, Error::Draft { field: one, .. } if one == field), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        };
        check(|one| one.title = " ".to_owned(), "title", "is empty");
        check(|one| one.title = "a\nb".to_owned(), "title", "several lines");
        check(|one| one.summary = "x".repeat(401), "summary", "too long");
        check(|one| one.details = String::new(), "details", "is empty");
        check(|one| one.details = "a\u{1b}[31mb".to_owned(), "details", "control characters");
        check(|one| one.advice = "x".repeat(4097), "advice", "too long");
        check(|one| one.cvss = "9.8".to_owned(), "cvss", "no base vector");
        check(|one| one.cvss = one.cvss.replace("3.1", "3.0"), "cvss", "3.1");
        check(|one| one.cvss = one.cvss.replace("/A:N", ""), "cvss", "no base vector");
        check(|one| one.cvss = one.cvss.replace("/A:N", "/E:H"), "cvss", "no base vector");
        check(|one| one.cvss = one.cvss.replace("/A:N", "/A:X"), "cvss", "no base vector");
        check(|one| one.cvss = one.cvss.replace("C:H/I:L", "C:N/I:N"), "cvss", "comes to 0");
        check(|one| one.affected = String::new(), "affected", "is written");
        check(|one| one.affected = "0.1.0".to_owned(), "affected", "is written");
        check(|one| one.affected = "0.1..0.2.0".to_owned(), "affected", "no version");
        check(|one| one.affected = "0.1.0..0.02.0".to_owned(), "affected", "no version");
        check(|one| one.affected = "0.2.0..0.2.0".to_owned(), "affected", "ends where it begins");
        check(|one| one.affected = "0.1.0.., 0.3.0..".to_owned(), "affected", "overlap");
        check(|one| one.affected = "0.3.0..0.4.0, 0.1.0..0.2.0".to_owned(), "affected", "in order");
        let kind = |one: &mut Wording| one.references = vec![("x".to_owned(), String::new())];
        check(kind, "references", "of the kinds");
        let url = |one: &mut Wording| {
            one.references = vec![("fix".to_owned(), "javascript:alert(1)".to_owned())];
        };
        check(url, "references", "no address");
        let quote = |one: &mut Wording| {
            one.references = vec![("fix".to_owned(), "https://a.example/\"onload".to_owned())];
        };
        check(quote, "references", "no address");
    }

    #[test]
    fn ranges_and_addresses_are_read_as_they_are_written() {
        let draft = Draft::new(&wording()).expect("is one");
        let said: Vec<String> = draft
            .ranges()
            .iter()
            .map(|one| format!("{} {:?}", one.introduced, one.fixed.map(|v| v.to_string())))
            .collect();
        assert_eq!(said, ["0.1.0 Some(\"0.2.1\")", "0.3.0 Some(\"0.3.2\")"]);
        let kinds: Vec<&str> = draft.links().iter().map(|link| link.kind).collect();
        assert_eq!(kinds, ["fix", "article", "article"]);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused(affected in ".{0,40}", cvss in "(CVSS:3.1)?[A-Z:/]{0,50}", url in ".{0,40}") {
            let references = vec![("web".to_owned(), url)];
            let _ = Draft::new(&Wording { cvss, affected, references, ..wording() });
        }
    }
}
