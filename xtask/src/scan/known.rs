//! The register of lesser findings: what is known, since when, why it stands, and in which release it was mended.

use super::{
    record::{Finding, Severity},
    waivers::Waiver,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Mended findings that are kept, the newest of them.
const FIXED_MAX: usize = 500;

/// How a known finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is to be mended.
    Open,
    /// It stands, for the reason that is given.
    Accepted,
    /// It is found no more.
    Fixed,
}

/// A finding below high that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What the tool calls it.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// How it stands.
    pub status: Status,
    /// The file, or the package and its version.
    pub place: String,
    /// Why it stands, or what it is.
    pub reason: String,
    /// The scan that saw it first.
    pub since: Timestamp,
    /// The scan that saw it no more.
    pub fixed: Option<Timestamp>,
    /// The release that it is mended in.
    pub release: Option<String>,
}

impl Known {
    /// What makes it the same one at the next scan: lines move.
    fn key(&self) -> (String, String, String) {
        (self.id.clone(), self.place.clone(), self.reason.clone())
    }
}

/// The register after a scan: what is found now, and what the one before had and is not found any more.
pub fn register(
    before: &[Known],
    findings: &[Finding],
    waivers: &[Waiver],
    now: Timestamp,
) -> Vec<Known> {
    let old: BTreeMap<_, &Known> = before.iter().map(|one| (one.key(), one)).collect();
    let mut known: BTreeMap<_, Known> = BTreeMap::new();
    let found = findings.iter().filter(|one| one.severity < Severity::High).map(open);
    for mut one in found.chain(waivers.iter().map(accepted)) {
        // What was mended and is back is known since now.
        let seen = old.get(&one.key()).filter(|old| old.status != Status::Fixed);
        one.since = seen.map_or(now, |old| old.since);
        known.insert(one.key(), one);
    }
    let mut gone: Vec<Known> = before
        .iter()
        .filter(|one| !known.contains_key(&one.key()))
        .map(|one| match one.status {
            Status::Fixed => one.clone(),
            Status::Open | Status::Accepted => Known {
                status: Status::Fixed,
                fixed: Some(now),
                release: Some(env!("CARGO_PKG_VERSION").to_owned()),
                ..one.clone()
            },
        })
        .collect();
    gone.sort_by_key(|one| std::cmp::Reverse(one.fixed));
    gone.truncate(FIXED_MAX);
    let mut all: Vec<Known> = known.into_values().chain(gone).collect();
    all.sort_by(|a, b| {
        let order = a.status.cmp(&b.status).then(b.severity.cmp(&a.severity));
        order.then_with(|| a.key().cmp(&b.key()))
    });
    all
}

fn open(finding: &Finding) -> Known {
    let file = finding.place.rsplit_once(':').map_or(finding.place.as_str(), |(file, _)| file);
    known(&finding.id, (finding.severity, Status::Open), file, &finding.what)
}

fn accepted(waiver: &Waiver) -> Known {
    known(&waiver.id, (waiver.severity(), Status::Accepted), &waiver.place, &waiver.reason)
}

fn known(id: &str, (severity, status): (Severity, Status), place: &str, reason: &str) -> Known {
    Known {
        id: id.to_owned(),
        severity,
        status,
        place: place.to_owned(),
        reason: reason.to_owned(),
        since: Timestamp::UNIX_EPOCH,
        fixed: None,
        release: None,
    }
}

/// What stands otherwise in the sources than the register says; nothing, if it is true of them.
pub fn stale(register: &[Known], waivers: &[Waiver]) -> Vec<String> {
    let said: Vec<_> =
        register.iter().filter(|one| one.status == Status::Accepted).map(Known::key).collect();
    let found: Vec<_> = waivers.iter().map(|one| accepted(one).key()).collect();
    let told =
        |what: &str, (id, place, _): &(String, String, String)| format!("{what} {id} at {place}");
    let missing =
        found.iter().filter(|one| !said.contains(one)).map(|one| told("not listed:", one));
    let gone =
        said.iter().filter(|one| !found.contains(one)).map(|one| told("listed, and gone:", one));
    missing.chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(days: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_hours(24 * days)
    }

    fn finding(id: &str, severity: Severity, place: &str) -> Finding {
        let text = str::to_owned;
        Finding { tool: text("t"), id: text(id), severity, place: text(place), what: text("w") }
    }

    fn waiver(id: &str) -> Waiver {
        let text = str::to_owned;
        Waiver { id: text(id), place: text("a.rs"), reason: text("so") }
    }

    fn said(all: &[Known]) -> Vec<String> {
        let day = |at: Timestamp| at.strftime("%d").to_string();
        all.iter()
            .map(|one| {
                let fixed = one.fixed.map(day).unwrap_or_default();
                let word = serde_json::to_string(&one.status).expect("a word");
                format!("{} {} {} {}{fixed}", one.id, one.severity, word, day(one.since))
            })
            .collect()
    }

    #[test]
    fn a_finding_is_known_since_it_was_seen_first_and_mended_when_it_is_gone() {
        let found =
            [finding("low", Severity::Low, "a.rs:3"), finding("severe", Severity::High, "a.rs:4")];
        let one = register(&[], &found, &[waiver("x"), waiver("unsafe_code")], at(0));
        // What is severe is not known and accepted: it stops the build.
        assert_eq!(
            said(&one),
            ["low low \"open\" 01", "unsafe_code low \"accepted\" 01", "x note \"accepted\" 01"]
        );
        // Its line moved; another is there; one is gone.
        let found = [finding("low", Severity::Low, "a.rs:9")];
        let two = register(&one, &found, &[waiver("x"), waiver("y")], at(4));
        assert_eq!(
            said(&two),
            [
                "low low \"open\" 01",
                "x note \"accepted\" 01",
                "y note \"accepted\" 05",
                "unsafe_code low \"fixed\" 0105"
            ]
        );
        let gone = two.last().expect("one");
        assert_eq!(gone.release.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        // It stays mended, and what comes back is new.
        let three = register(&two, &[], &[waiver("unsafe_code")], at(6));
        assert_eq!(said(&three)[0], "unsafe_code low \"accepted\" 07");
        assert_eq!(three.iter().filter(|one| one.status == Status::Fixed).count(), 3);
    }

    #[test]
    fn a_register_that_is_not_true_of_the_sources_is_found() {
        let waivers = [waiver("x"), waiver("y")];
        let register = register(&[], &[], &waivers, at(0));
        assert_eq!(stale(&register, &waivers), Vec::<String>::new());
        assert_eq!(stale(&register, &waivers[..1]), ["listed, and gone: y at a.rs"]);
        let more = [waivers.as_slice(), &[waiver("z")]].concat();
        assert_eq!(stale(&register, &more), ["not listed: z at a.rs"]);
    }
}
