//! The conformance kit: what a venue's documentation shows, as data, held against our end of it.
//!
//! `conformance/<venue>/*.json` has the cases, `conformance/README.md` their form. A new venue is a
//! folder there, an adapter, and a line in [`venue::ALL`].

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "the test reads the kit, and what is not there fails it"
)]

mod call;
mod data;
mod kinds;
mod shown;
mod venue;

use data::{File, files};
use std::collections::BTreeMap;

/// Runs all cases of a kind, of every venue; says which did not hold, and how.
fn check(kind: &str, run: fn(&File, &serde_json::Value) -> Result<(), String>) {
    let mut wrong = Vec::new();
    for file in files().into_iter().filter(|file| file.kind == kind) {
        for case in &file.cases {
            if let Err(what) = run(&file, case) {
                let name = case["name"].as_str().unwrap_or("unnamed");
                wrong.push(format!("{}: {name}: {what}", file.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases do not hold:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_signed_has_the_signature_that_was_published() {
    check("signature", kinds::signature);
}

#[test]
fn a_call_becomes_the_request_that_is_documented() {
    check("request", kinds::request);
}

/// M60, M61: what a key may do, and from where, is among the answers.
#[test]
fn a_documented_answer_is_read() {
    check("answer", kinds::answer);
}

#[test]
fn a_documented_message_is_read() {
    check("stream", kinds::stream);
}

#[test]
fn each_error_is_of_its_sort() {
    check("error", kinds::error);
}

#[test]
fn a_lost_connection_loses_nothing() {
    check("restart", kinds::restart);
}

/// The page's table is what the kit has; who changes the kit runs it and writes the date.
#[test]
fn the_page_counts_what_is_there() {
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut newest: BTreeMap<String, String> = BTreeMap::new();
    for file in files() {
        let venue = file.venue.name().to_owned();
        *counts.entry(venue.clone()).or_default().entry(file.kind.clone()).or_default() +=
            file.cases.len();
        let date = newest.entry(venue).or_default();
        *date = date.clone().max(file.read.clone());
    }
    let page = std::fs::read_to_string(data::root().join("../../../docs/venues.md"))
        .expect("docs/venues.md is there");
    for (venue, kinds) in counts {
        let cells = data::KINDS.map(|kind| {
            let count = kinds.get(kind).copied().unwrap_or(0);
            assert!(count > 0, "{venue} has no case of the kind {kind}");
            count.to_string()
        });
        let start = format!("| {venue} | {} | ", cells.join(" | "));
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("docs/venues.md lacks the row {start}<date> |"));
        let date = row[start.len()..].trim_end_matches(" |");
        assert!(date >= newest[&venue].as_str(), "{venue}: passed on {date}, before it was read");
    }
}
