//! What a visit found, for people, for programs and for scanners' readers.

use crate::{Row, Target, verdict::NOTHING_SHOWS};
use audit::posture::State;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// What is to be looked at comes first, what nobody saw last.
const ORDER: [State; 6] = [
    State::NotMet,
    State::Proved,
    State::SelfTested,
    State::Attested,
    State::Replaced,
    State::NotChecked,
];

/// A visit's outcome.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Which server.
    pub url: String,
    /// When the visit ended.
    pub at: Timestamp,
    /// Requests and handshakes.
    pub requests: u32,
    /// Whether there is something to look at: a row that is not met.
    pub findings: usize,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Report {
    /// Of these rows.
    #[must_use]
    pub fn new(target: &Target, at: Timestamp, requests: u32, rows: Vec<Row>) -> Self {
        let findings = rows.iter().filter(|row| row.state == State::NotMet).count();
        Self { url: target.to_string(), at, requests, findings, rows }
    }

    /// A table for people, grouped by state.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{} at {:.0}, {} requests\n", self.url, self.at, self.requests);
        for state in ORDER {
            let of = self.rows.iter().filter(|row| row.state == state);
            let (silent, rows): (Vec<&Row>, Vec<&Row>) =
                of.partition(|row| row.seen == NOTHING_SHOWS);
            if rows.is_empty() && silent.is_empty() {
                continue;
            }
            text.push_str(&format!("\n{state} ({})\n", rows.len() + silent.len()));
            let width = rows.iter().map(|row| row.id.len()).max().unwrap_or(0);
            for row in &rows {
                text.push_str(&format!("  {:width$}  {}: {}\n", row.id, row.words, row.seen));
                // What nobody looked at has nothing to be done again.
                for command in row.commands.iter().filter(|_| state != State::NotChecked).take(1) {
                    text.push_str(&format!("  {:width$}  $ {command}\n", ""));
                }
            }
            let ids: Vec<&str> = silent.iter().map(|row| row.id.as_str()).collect();
            for line in ids.chunks(16) {
                text.push_str(&format!("  {}\n", line.join(" ")));
            }
            if !ids.is_empty() {
                text.push_str(&format!(
                    "  {NOTHING_SHOWS}; the signed word counts once its key is known\n"
                ));
            }
        }
        text
    }

    /// The findings as SARIF 2.1.0.
    #[must_use]
    pub fn sarif(&self) -> Value {
        let bad: Vec<&Row> = self.rows.iter().filter(|row| row.state == State::NotMet).collect();
        let rules: Vec<Value> = bad
            .iter()
            .map(|row| json!({ "id": row.id, "shortDescription": { "text": row.words } }))
            .collect();
        let results: Vec<Value> = bad
            .iter()
            .enumerate()
            .map(|(at, row)| {
                let text = format!("{}. Again: {}", row.seen, row.commands.join("; "));
                json!({
                    "ruleId": row.id,
                    "ruleIndex": at,
                    "level": "error",
                    "message": { "text": text },
                    "locations": [{
                        "physicalLocation": { "artifactLocation": { "uri": self.url } },
                    }],
                })
            })
            .collect();
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "stockade verify",
                    "version": env!("CARGO_PKG_VERSION"),
                    "rules": rules,
                } },
                "results": results,
            }],
        })
    }
}
