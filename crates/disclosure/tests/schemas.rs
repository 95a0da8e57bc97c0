//! Advisories before judges of others: the schemas of OSV and CSAF, held against them by Python's `jsonschema`. Where
//! that is not, it is said; `cargo xtask test --only rust` brings it along.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the judge is another program on purpose, and a test may stop at what it does not find"
)]

use disclosure::{Advisory, Draft, Issuer, Origin, Revision, Wording};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

fn at(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().expect("a time")
}

fn issuer() -> Issuer<'static> {
    Issuer {
        origin: "https://trade.example",
        contact: None,
        fingerprint: "8A0C1D2E3F405162738495A6B7C8D9EAFB0C1D2E",
    }
}

fn advisory(affected: &str, references: &[(&str, &str)]) -> Advisory {
    let text = str::to_owned;
    let references = references.iter().map(|(kind, urls)| (text(kind), text(urls))).collect();
    let wording = Wording {
        title: text("A door opened to whoever knocked thrice"),
        summary: text("Three requests at once passed a check that one would not."),
        details: text("The count was read before it was written.\n\n\"Nothing\" else was open."),
        advice: text("Update."),
        cvss: text("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"),
        affected: text(affected),
        references,
    };
    Advisory {
        id: "STOCKADE-2026-007".parse().expect("a name"),
        draft: Draft::new(&wording).expect("is one"),
        first: Revision { number: 1, at: at("2026-05-01"), note: text("Published") },
        changes: Vec::new(),
        origin: None,
    }
}

/// One of each sort: with and without a fix, a report, thanks, references, changes.
fn advisories() -> Vec<Advisory> {
    let links =
        [("fix", "https://a.example/1"), ("web", "https://a.example/2 https://a.example/3")];
    let origin = |thanks: Option<&str>| {
        let thanks = thanks.map(str::to_owned);
        Some(Origin { received: at("2026-03-01"), sha256: "ab".repeat(32), leaf: 41, thanks })
    };
    let revision = |number, day| Revision { number, at: at(day), note: "More".to_owned() };
    vec![
        advisory("0.1.0..0.2.0", &[]),
        advisory("0.1.0..", &links),
        Advisory {
            origin: origin(None),
            ..advisory("0.1.0..0.2.0, 0.3.0..0.3.1, 0.4.0..", &links)
        },
        Advisory {
            origin: origin(Some("Ada \"L.\"")),
            changes: vec![revision(2, "2026-05-02"), revision(3, "2026-06-01")],
            ..advisory("0.0.0..1.0.0", &links)
        },
    ]
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// What the schemas say of each document; nothing, where there is no Python that knows them.
fn judged(documents: &[(&str, Value)]) -> Option<Vec<Vec<String>>> {
    let python = std::env::var_os("SCHEMAS_PYTHON").unwrap_or_else(|| "python3".into());
    let modules = "import jsonschema, referencing";
    let has = Command::new(&python).args(["-c", modules]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        println!("skipped: no python3 with jsonschema; name one in SCHEMAS_PYTHON");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/judge.py");
    let lines: String = documents
        .iter()
        .map(|(form, document)| json!({ "form": form, "document": document }).to_string() + "\n")
        .collect();
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("was asked for");
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("ends");
    writing.join().expect("ends").expect("writes");
    assert!(output.status.success(), "the judge stopped");
    let said = String::from_utf8(output.stdout).expect("text");
    let said: Vec<Vec<String>> =
        said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(said.len(), documents.len());
    Some(said)
}

#[test]
fn every_document_is_as_the_schemas_of_osv_and_csaf_have_it() {
    let mut documents = Vec::new();
    for one in advisories() {
        documents.push(("osv", read(&one.osv(&issuer()))));
        documents.push(("csaf", read(&one.csaf(&issuer()))));
    }
    let Some(said) = judged(&documents) else { return };
    for ((form, document), faults) in documents.iter().zip(said) {
        assert_eq!(faults, Vec::<String>::new(), "{form}: {document:#}");
    }
    // What is wrong is found: a judge that takes anything judges nothing.
    let spoiled = |form, at: usize, place: &str, value: Value| {
        let mut document = documents[at].1.clone();
        *document.pointer_mut(place).expect("is there") = value;
        (form, document)
    };
    let wrong = [
        spoiled("osv", 0, "/id", json!("SOMEBODY-2026-001")),
        spoiled("osv", 0, "/modified", json!("yesterday")),
        spoiled("osv", 0, "/severity/0/score", json!("9.8")),
        spoiled("osv", 0, "/affected/0/ranges/0/events", json!([{ "fixed": "0.2.0" }])),
        spoiled("csaf", 1, "/document/category", Value::Null),
        spoiled("csaf", 1, "/document/tracking/version", json!("two")),
        spoiled("csaf", 1, "/vulnerabilities/0/product_status", json!({})),
        spoiled("csaf", 1, "/vulnerabilities/0/scores/0/cvss_v3/baseScore", json!(11)),
        spoiled("csaf", 1, "/vulnerabilities/0/scores/0/cvss_v3/version", json!("3.0")),
    ];
    for ((form, document), faults) in wrong.iter().zip(judged(&wrong).expect("as before")) {
        assert!(!faults.is_empty(), "{form}: {document:#}");
    }
}

/// The products of a document: those that its tree defines, and those that the rest names.
fn products(value: &Value, defined: &mut Vec<String>, named: &mut BTreeSet<String>) {
    let text = |one: &Value| one.as_str().expect("a name").to_owned();
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                match (name.as_str(), inner) {
                    ("product_id", one) => defined.push(text(one)),
                    (
                        "product_ids" | "products" | "known_affected" | "fixed",
                        Value::Array(all),
                    ) => {
                        named.extend(all.iter().map(text));
                    }
                    _ => products(inner, defined, named),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| products(item, defined, named)),
        _ => {}
    }
}

/// What no schema can say: the mandatory tests 6.1.1, 6.1.2, 6.1.6, 6.1.9, 6.1.14 and 6.1.16 of CSAF 2.0.
#[test]
fn products_are_defined_once_none_is_both_affected_and_fixed_and_history_is_in_order() {
    for one in advisories() {
        let document = read(&one.csaf(&issuer()));
        let (mut defined, mut named) = (Vec::new(), BTreeSet::new());
        products(&document, &mut defined, &mut named);
        let once: BTreeSet<String> = defined.iter().cloned().collect();
        assert_eq!(once.len(), defined.len(), "{document:#}");
        assert_eq!(once, named, "{document:#}");
        let weakness = &document["vulnerabilities"][0];
        let list = |name: &str| -> BTreeSet<String> {
            let all = weakness["product_status"][name].as_array();
            all.into_iter().flatten().map(|one| one.as_str().expect("text").to_owned()).collect()
        };
        assert!(!list("known_affected").is_empty());
        assert_eq!(list("known_affected").intersection(&list("fixed")).count(), 0);
        let score = &weakness["scores"][0]["cvss_v3"];
        assert_eq!(
            (&score["baseScore"], &score["baseSeverity"]),
            (&json!(10.0), &json!("CRITICAL"))
        );
        let tracking = &document["document"]["tracking"];
        let history = tracking["revision_history"].as_array().expect("a list");
        let dates: Vec<&str> = history.iter().filter_map(|one| one["date"].as_str()).collect();
        assert!(dates.is_sorted(), "{dates:?}");
        let newest = history.last().expect("one");
        assert_eq!(newest["number"], tracking["version"]);
        assert_eq!(newest["date"], tracking["current_release_date"]);
        assert_eq!(history[0]["date"], tracking["initial_release_date"]);
    }
}
