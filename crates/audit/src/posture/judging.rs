//! From a claim and what is known of it to the one word that may stand beside it.

use crate::claims::{Build, Claim, ClaimKind};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// How a claim stands: a word as strong as the evidence, and no stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Observed by whoever says so, from outside. No server can say this of itself.
    #[serde(rename = "proved")]
    Proved,
    /// The server probed itself and signed what it saw.
    #[serde(rename = "self-tested")]
    SelfTested,
    /// A person signed for it on a date.
    #[serde(rename = "attested")]
    Attested,
    /// Failed, missing, or too old.
    #[serde(rename = "not met")]
    NotMet,
    /// Nobody looked.
    #[serde(rename = "not checked")]
    NotChecked,
    /// Another claim stands in its place.
    #[serde(rename = "replaced")]
    Replaced,
}

impl State {
    /// Every state, the strongest first.
    pub const ALL: [Self; 6] = [
        Self::Proved,
        Self::SelfTested,
        Self::Attested,
        Self::NotMet,
        Self::NotChecked,
        Self::Replaced,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::SelfTested => "self-tested",
            Self::Attested => "attested",
            Self::NotMet => "not met",
            Self::NotChecked => "not checked",
            Self::Replaced => "replaced",
        }
    }

    /// The state of this word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether it speaks for the claim.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Proved | Self::SelfTested | Self::Attested)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What was seen, as names and values.
pub type Facts = BTreeMap<String, String>;

/// What a server saw of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Timestamp,
    /// How.
    pub method: String,
    /// What.
    pub facts: Facts,
    /// Why the claim does not hold, if what was seen says so.
    pub fault: Option<String>,
}

/// What a person signed for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attested {
    /// Who says so.
    pub by: String,
    /// The day that it speaks of.
    pub on: Timestamp,
    /// Until when it counts, where it says so; it never counts for longer than the claim's own limit.
    pub until: Option<Timestamp>,
    /// What it is: a name, a digest.
    pub facts: Facts,
}

/// All that is known of one claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What the server saw last.
    pub seen: Option<Seen>,
    /// What was signed for last.
    pub attested: Option<Attested>,
}

/// How a claim stands, and on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The word.
    pub state: State,
    /// When the evidence was taken.
    pub observed_at: Option<Timestamp>,
    /// Until when it counts.
    pub valid_until: Option<Timestamp>,
    /// How it was taken.
    pub method: String,
    /// What it says.
    pub facts: Facts,
    /// Why the word is no better.
    pub reason: String,
}

/// A clock that is ahead by this much is still believed.
pub(super) const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// The word that may stand beside a claim now.
#[must_use]
pub fn judge(claim: &Claim, evidence: &Evidence, now: Timestamp) -> Verdict {
    let without = |state, reason: &str| Verdict {
        state,
        observed_at: None,
        valid_until: None,
        method: String::new(),
        facts: Facts::new(),
        reason: reason.to_owned(),
    };
    match claim.build {
        Build::NotApplicable => return without(State::Replaced, &claim.reason),
        Build::NotYet | Build::Part => {
            let mut verdict = without(State::NotMet, &claim.reason);
            // What was seen stands beside the reason; it does not outweigh what is missing.
            if let Some(seen) = &evidence.seen {
                verdict.observed_at = Some(seen.at);
                verdict.method.clone_from(&seen.method);
                verdict.facts.clone_from(&seen.facts);
            }
            return verdict;
        }
        Build::Held => {}
    }
    let span = SignedDuration::from_hours(i64::from(claim.fresh_hours));
    match (&evidence.seen, &evidence.attested) {
        (Some(seen), _) => of_seen(seen, span, now),
        (None, Some(attested)) => of_attested(attested, span, now),
        (None, None) if claim.kind == ClaimKind::Org => without(
            State::NotMet,
            "nobody has signed for it: `stockade evidence add` keeps a document with its date",
        ),
        (None, None) => without(
            State::NotChecked,
            "the server cannot see this of itself: `stockade verify` or the command beside it can",
        ),
    }
}

fn of_seen(seen: &Seen, span: SignedDuration, now: Timestamp) -> Verdict {
    let until = seen.at.saturating_add(span).unwrap_or(Timestamp::MAX);
    let reason = match &seen.fault {
        Some(fault) => Some(fault.clone()),
        None if is_ahead(seen.at, now) => Some("the observation is of a time to come".to_owned()),
        None if until <= now => Some(ran_out(until)),
        None => None,
    };
    Verdict {
        state: if reason.is_some() { State::NotMet } else { State::SelfTested },
        observed_at: Some(seen.at),
        valid_until: Some(until),
        method: seen.method.clone(),
        facts: seen.facts.clone(),
        reason: reason.unwrap_or_default(),
    }
}

fn of_attested(attested: &Attested, span: SignedDuration, now: Timestamp) -> Verdict {
    let longest = attested.on.saturating_add(span).unwrap_or(Timestamp::MAX);
    let until = attested.until.map_or(longest, |until| until.min(longest));
    let reason = if is_ahead(attested.on, now) {
        Some("the statement is dated to a day to come".to_owned())
    } else {
        (until <= now).then(|| ran_out(until))
    };
    Verdict {
        state: if reason.is_some() { State::NotMet } else { State::Attested },
        observed_at: Some(attested.on),
        valid_until: Some(until),
        method: format!("signed for by {}", attested.by),
        facts: attested.facts.clone(),
        reason: reason.unwrap_or_default(),
    }
}

fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at > now.saturating_add(SKEW).unwrap_or(Timestamp::MAX)
}

pub(super) fn ran_out(until: Timestamp) -> String {
    format!("the evidence ran out at {}", until.strftime("%Y-%m-%d %H:%M UTC"))
}
