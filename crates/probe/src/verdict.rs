//! From sights to states, row by row: never a stronger word than what was seen.

use crate::{
    Found, Outcome, Sight, Target,
    claims::{CLAIMS, Claim, Reach},
    run::plain,
};
use audit::{
    claims,
    posture::{PostureRow, State},
};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// One row: a claim, or a probe that belongs to none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The claim's id; the probe's name where it belongs to none.
    pub id: String,
    /// What is claimed.
    pub words: String,
    /// How it stands.
    pub state: State,
    /// What was seen, or why nothing was.
    pub seen: String,
    /// How to see the same with a plain tool.
    pub commands: Vec<String>,
    /// The probes that were run for it.
    pub probes: Vec<&'static str>,
    /// When it was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// What is said of a row, and by whom.
struct Said {
    state: State,
    seen: String,
    at: Option<Timestamp>,
}

/// Every row of a visit, by what was seen and by what the server says under its signature: the claims, and
/// then the probes that belong to none.
#[must_use]
pub fn rows(target: &Target, found: &Found) -> Vec<Row> {
    let words: BTreeMap<&str, &PostureRow> =
        found.words.iter().map(|row| (row.id.as_str(), row)).collect();
    let of = |claim: &audit::Claim| {
        let own = CLAIMS.iter().find(|own| own.id == claim.id);
        let names = own.map_or(&[][..], |own| own.probes);
        let seen: Vec<&Sight> =
            found.sights.iter().filter(|sight| names.contains(&sight.probe.name)).collect();
        let said = judge(own, &seen, words.get(claim.id.as_str()).copied());
        let mut commands: Vec<String> =
            seen.iter().map(|sight| command(target, sight.probe.command)).collect();
        if commands.is_empty() {
            commands.push(command(target, &claim.command));
        }
        Row {
            id: claim.id.clone(),
            words: claim.words.clone(),
            state: said.state,
            seen: said.seen,
            commands,
            probes: seen.iter().map(|sight| sight.probe.name).collect(),
            at: said.at,
        }
    };
    let mut rows: Vec<Row> = claims().iter().map(of).collect();
    let named = |name: &str| CLAIMS.iter().any(|claim| claim.probes.contains(&name));
    let others = found.sights.iter().filter(|sight| !named(sight.probe.name));
    rows.extend(others.map(|sight| alone(target, sight)));
    rows
}

/// What stands beside a claim.
fn judge(claim: Option<&Claim>, seen: &[&Sight], word: Option<&PostureRow>) -> Said {
    let of = |outcome| seen.iter().find(|sight| sight.outcome == outcome);
    let all: Vec<&str> = seen.iter().map(|sight| sight.seen.as_str()).collect();
    let all = all.join("; ");
    let held = !seen.is_empty() && seen.iter().all(|sight| sight.outcome == Outcome::Held);
    let is_whole = claim.is_some_and(|claim| claim.reach == Reach::Whole);
    let by_word = |word: &PostureRow, state| {
        let seen = if word.reason.is_empty() { &word.method } else { &word.reason };
        Said { state, seen: plain(&format!("the server says: {seen}")), at: word.observed_at }
    };
    if let Some(broken) = of(Outcome::Broken) {
        return Said { state: State::NotMet, seen: broken.seen.clone(), at: Some(broken.at) };
    }
    match word.map(|word| (word, word.state)) {
        // Who says himself that it is not so is believed.
        Some((word, state @ (State::NotMet | State::Replaced))) => return by_word(word, state),
        _ if held && is_whole => {
            return Said { state: State::Proved, seen: all, at: seen.last().map(|one| one.at) };
        }
        Some((word, State::Attested)) => return by_word(word, State::Attested),
        // Whatever a server says of itself is no proof.
        Some((word, State::SelfTested | State::Proved)) => return by_word(word, State::SelfTested),
        _ => {}
    }
    let why = match of(Outcome::Unseen) {
        Some(unseen) => unseen.seen.clone(),
        None if held => format!("only a part shows from outside: {all}"),
        None => NOTHING_SHOWS.to_owned(),
    };
    Said { state: State::NotChecked, seen: why, at: None }
}

/// What stands beside a claim that no probe sees, and that no signed word was believed about.
pub(crate) const NOTHING_SHOWS: &str = "nothing of it shows from outside";

/// The row of a probe that belongs to no claim.
pub(crate) fn alone(target: &Target, sight: &Sight) -> Row {
    let state = match sight.outcome {
        Outcome::Held => State::Proved,
        Outcome::Broken => State::NotMet,
        Outcome::Unseen => State::NotChecked,
    };
    Row {
        id: sight.probe.name.to_owned(),
        words: sight.probe.what.to_owned(),
        state,
        seen: sight.seen.clone(),
        commands: vec![command(target, sight.probe.command)],
        probes: vec![sight.probe.name],
        at: (sight.outcome != Outcome::Unseen).then_some(sight.at),
    }
}

/// A command with the server's own names in it.
fn command(target: &Target, template: &str) -> String {
    template
        .replace("$ADDRESS", &target.address_text())
        .replace("$HOST:443", &target.address_text())
        .replace("http://$HOST", &format!("http://{}", target.host()))
        .replace("$HOST", &target.authority())
        .replace("$NAME", target.host())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PROBES;
    use audit::{ClaimKind, Duty, posture::Facts};

    fn found(outcomes: &[(&str, Outcome)], said: Option<(&str, State)>) -> Found {
        let probe = |name: &str| {
            let mut all = PROBES.iter().copied().flatten();
            all.find(|probe| probe.name == name).expect("it exists")
        };
        let sight = |(name, outcome): &(&str, Outcome)| Sight {
            probe: probe(name),
            outcome: *outcome,
            seen: format!("seen by {name}"),
            at: Timestamp::UNIX_EPOCH,
        };
        let word = |(id, state): (&str, State)| PostureRow {
            id: id.to_owned(),
            words: "w".to_owned(),
            kind: ClaimKind::Sw,
            owner: Duty::Platform,
            state,
            observed_at: None,
            valid_until: None,
            method: "m".to_owned(),
            command: "c $HOST".to_owned(),
            evidence: Facts::new(),
            reason: String::new(),
        };
        let sights = outcomes.iter().map(sight).collect();
        Found { sights, words: said.map(word).into_iter().collect(), asked: 1, memory: None }
    }

    fn state(id: &str, outcomes: &[(&str, Outcome)], said: Option<State>) -> State {
        let target = Target::parse("https://a.example", None).expect("an address");
        let rows = rows(&target, &found(outcomes, said.map(|state| (id, state))));
        assert!(rows.len() >= 132, "every claim has its row");
        rows.iter().find(|row| row.id == id).expect("a row").state
    }

    #[test]
    fn no_word_is_stronger_than_what_was_seen() {
        use Outcome::{Broken, Held, Unseen};
        // A claim with one probe that sees the whole of it.
        for (outcome, said, want) in [
            (Held, None, State::Proved),
            (Held, Some(State::NotChecked), State::Proved),
            (Held, Some(State::NotMet), State::NotMet),
            (Held, Some(State::Replaced), State::Replaced),
            (Broken, Some(State::SelfTested), State::NotMet),
            (Broken, None, State::NotMet),
            (Unseen, None, State::NotChecked),
            (Unseen, Some(State::SelfTested), State::SelfTested),
            // What a server says of itself is never a proof.
            (Unseen, Some(State::Proved), State::SelfTested),
            (Unseen, Some(State::Attested), State::Attested),
        ] {
            assert_eq!(state("S12", &[("frames", outcome)], said), want, "{outcome:?} {said:?}");
        }
        // One whose probes see a part.
        let part = |outcome, said| {
            state("S38", &[("first-party", outcome), ("content-policy", Held)], said)
        };
        assert_eq!(part(Held, None), State::NotChecked);
        assert_eq!(part(Held, Some(State::SelfTested)), State::SelfTested);
        assert_eq!(part(Broken, Some(State::SelfTested)), State::NotMet);
        // One that nothing is seen of.
        assert_eq!(state("M20", &[], None), State::NotChecked);
        assert_eq!(state("M20", &[], Some(State::Proved)), State::SelfTested);
        assert_eq!(state("M20", &[], Some(State::NotMet)), State::NotMet);
        // One probe of several that saw nothing: the others prove nothing.
        let several = [("tls-1.2", Held), ("tls-1.3", Unseen), ("tls-old-versions", Held)];
        assert_eq!(state("S04", &several, None), State::NotChecked);
    }

    #[test]
    fn what_rests_on_the_servers_word_or_on_time_is_not_proved() {
        use Outcome::{Broken, Held};
        let health = |outcome, said| state("M44", &[("health", outcome)], said);
        assert_eq!(health(Held, None), State::NotChecked);
        assert_eq!(health(Held, Some(State::SelfTested)), State::SelfTested);
        assert_eq!(health(Broken, Some(State::SelfTested)), State::NotMet);
        for id in ["M22", "S20"] {
            let tokens = [("token-facts", Held), ("token-forged", Held)];
            assert_eq!(state(id, &tokens, None), State::NotChecked, "{id}: nobody saw one end");
        }
    }

    #[test]
    fn what_a_server_signs_drives_no_terminal() {
        let target = Target::parse("https://a.example", None).expect("an address");
        for (reason, method) in
            [("\u{1b}[2J\u{202e}nothing".repeat(99), ""), (String::new(), "\u{7}")]
        {
            let mut found = found(&[], Some(("M20", State::NotMet)));
            for row in &mut found.words {
                (row.reason, row.method) = (reason.clone(), method.to_owned());
            }
            let rows = rows(&target, &found);
            let seen = &rows.iter().find(|row| row.id == "M20").expect("a row").seen;
            assert!(seen.starts_with("the server says: \u{fffd}"), "{seen:?}");
            assert!(!seen.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{seen:?}");
            assert!(seen.chars().count() <= 240);
        }
    }

    #[test]
    fn commands_name_the_server() {
        for (url, template, want) in [
            (
                "https://a.example",
                "x -connect $ADDRESS; y $HOST:443",
                "x -connect a.example:443; y a.example:443",
            ),
            (
                "https://a.example:8443",
                "x https://$HOST/; z $HOST:443",
                "x https://a.example:8443/; z a.example:8443",
            ),
            ("https://a.example:8443", "curl -sI http://$HOST/", "curl -sI http://a.example/"),
        ] {
            let target = Target::parse(url, None).expect("an address");
            assert_eq!(command(&target, template), want);
        }
    }
}
