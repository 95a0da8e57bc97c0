//! Advisories of a real server: published for a report, as a page, as OSV and as CSAF with its digests and signature;
//! revised, credited, and refused where they may not be published.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of servers and programs that they started"
)]

use crate::browser::{Answer, Browser, options};
use disclosure::{Move, Severity};
use http::header;
use kms::SystemEntropy;
use seal::{AgeIdentity, OpenPgpCertificate, Secret};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output},
};
use stockade::{
    desk::{
        Actor, AdvisoryText, AdvisoryView, Brought, DisclosureTerms, Issue, ReportText, ReportView,
        Visitor,
    },
    server::{Options, Server},
};

const METADATA: &str = "/.well-known/csaf/provider-metadata.json";

async fn house(root: &Path) -> (Server, Browser) {
    let recipients = vec![AgeIdentity::generate(&mut SystemEntropy::new()).recipient()];
    let disclosure = DisclosureTerms { contact: "security@trade.example".to_owned(), recipients };
    let server = Server::start(Options { disclosure, ..options(root) }).await.expect("starts");
    let browser = Browser::new(&server);
    (server, browser)
}

fn text() -> AdvisoryText {
    let text = str::to_owned;
    AdvisoryText {
        title: text("A door <i>opened</i>"),
        summary: text("Three requests at once passed a check."),
        details: text("The count was read before it was written."),
        advice: text("Update to 0.2.1."),
        cvss: text("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"),
        affected: text("0.1.0..0.2.1"),
        references: [(text("fix"), text("https://code.example/1"))].into(),
    }
}

/// A report that came and stands as these moves leave it.
async fn report(server: &Server, credit: bool, moves: &[Move]) -> ReportView {
    let text = ReportText::Plain(Secret::new("The door opens thrice.".to_owned()));
    let visitor =
        Visitor { address: None, agent: String::new(), device: None, refresh: None, work: None };
    let to = server.app().reporting().recipients();
    let brought = Brought { text, credit };
    let taken = server.app().accounts().take_report(&visitor, brought, to).await.expect("taken");
    let mut view = taken.view;
    for step in moves {
        let moved = server.app().desk().move_report(Actor::Host, view.id, *step).await;
        view = moved.expect("goes");
    }
    view
}

const FIXED: [Move; 3] = [Move::Acknowledge, Move::Triage(Severity::High), Move::Fix];

async fn publish(server: &Server, text: &AdvisoryText, issue: &Issue) -> AdvisoryView {
    let done = server.app().desk().publish_advisory(Actor::Host, text, issue).await;
    done.expect("is published")
}

async fn refused(server: &Server, text: &AdvisoryText, issue: &Issue, why: &str) {
    let desk = server.app().desk();
    let before = desk.advisory_views().await.expect("reads");
    let error = desk.publish_advisory(Actor::Host, text, issue).await.expect_err(why).to_string();
    assert!(error.contains(why), "{error}");
    assert_eq!(desk.advisory_views().await.expect("reads"), before, "nothing is kept: {why}");
}

async fn get(browser: &mut Browser, path: &str, kind: &str) -> Answer {
    let answer = browser.get(path).await.expect(200);
    let said = answer.headers[header::CONTENT_TYPE].to_str().expect("ASCII").to_owned();
    assert!(said.starts_with(kind), "{path}: {said}");
    answer
}

#[tokio::test]
async fn without_an_advisory_the_feeds_are_empty_and_valid() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path()).await;
    let page = get(&mut browser, "/security/advisories?lang=en", "text/html").await.text();
    assert!(page.contains("No advisory has been published"), "{page}");
    let metadata = get(&mut browser, METADATA, "application/json").await.json();
    let own = &server.started.url;
    assert_eq!(metadata["canonical_url"], format!("{own}{METADATA}"));
    assert_eq!(metadata["metadata_version"], "2.0");
    let required = ["last_updated", "list_on_CSAF_aggregators", "mirror_on_CSAF_aggregators"];
    assert!(required.iter().all(|name| !metadata[name].is_null()), "{metadata}");
    for path in ["/.well-known/csaf/index.txt", "/.well-known/csaf/changes.csv"] {
        assert!(browser.get(path).await.expect(200).body.is_empty(), "{path}");
    }
    let list = get(&mut browser, "/.well-known/stockade/advisories/index.json", "application/json");
    assert_eq!(list.await.json(), json!({ "advisories": [] }));
    for path in [
        "/security/advisories/STOCKADE-2026-001",
        "/.well-known/stockade/advisories/STOCKADE-2026-001.osv.json",
        "/.well-known/csaf/2026/stockade-2026-001.json",
        "/.well-known/csaf/2026/",
    ] {
        browser.get(path).await.expect(404);
    }
    let listed = get(&mut browser, "/.well-known/csaf/", "text/html").await.text();
    assert!(listed.contains("href=\"/.well-known/csaf/index.txt\""), "{listed}");
    let txt = browser.get("/.well-known/security.txt").await.expect(200).text();
    assert!(txt.contains(&format!("CSAF: {own}{METADATA}\n")), "{txt}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn an_advisory_publishes_its_report_and_is_dated_by_what_the_log_holds_of_it() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path()).await;
    let report = report(&server, true, &FIXED).await;
    let view = publish(&server, &text(), &Issue::New { report: Some(report.id) }).await;
    assert_eq!((view.revision, view.severity.as_str(), view.score.as_str()), (1, "high", "7.5"));
    let moved = server.app().desk().reports().await.expect("reads");
    assert_eq!(moved[0].standing, "published");
    let step = moved[0].steps.iter().find(|step| step.step == "published").expect("a step");
    assert_eq!(step.at, view.published, "the clock stops by the same act");
    let id = &view.id;
    let page = get(&mut browser, &format!("/security/advisories/{id}?lang=en"), "text/html").await;
    let page = page.text();
    for part in [report.sha256.as_str(), "A door &lt;i&gt;opened", "0.2.1", "high (7.5)"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script"), "it needs none");
    let osv = format!("/.well-known/stockade/advisories/{id}.osv.json");
    let osv = get(&mut browser, &osv, "application/json").await.json();
    assert_eq!(
        (&osv["id"], &osv["database_specific"]["report_leaf"]),
        (&json!(id), &json!(report.leaf))
    );
    assert!(osv["credits"].is_null(), "nobody was thanked yet");
    // What the log holds since the report came is what the advisory names.
    browser.set_up(&server).await;
    let log = browser.get("/api/v1/audit?kind=report.received").await.expect(200).json();
    assert_eq!(log["entries"][0]["index"], osv["database_specific"]["report_leaf"]);
    let log = browser.get("/api/v1/audit?kind=advisory.published").await.expect(200).json();
    assert_eq!(log["entries"][0]["subject"], json!(id));
    server.stop().await.expect("stops");
}

/// What each document says of how old an advisory is, and of whom it thanks.
async fn told(browser: &mut Browser, server: &Server, id: &str) -> (Value, String, Value) {
    let document = csaf(browser, server, id).await;
    let tracking = &document["document"]["tracking"];
    let date = tracking["current_release_date"].as_str().expect("a date").to_owned();
    let path = format!("/.well-known/stockade/advisories/{id}.osv.json");
    let osv = get(browser, &path, "application/json").await.json();
    assert_eq!(osv["modified"], json!(date), "both are of one revision");
    let list = browser.get("/.well-known/stockade/advisories/index.json").await.expect(200).json();
    assert_eq!(list["advisories"][0]["modified"], json!(date));
    let changes = browser.get("/.well-known/csaf/changes.csv").await.expect(200).text();
    assert!(changes.contains(&format!("{}.json\",\"{date}\"\n", id.to_lowercase())), "{changes}");
    let names = document["vulnerabilities"][0]["acknowledgments"][0]["names"][0].clone();
    assert_eq!(osv["credits"][0]["name"], names);
    (tracking["version"].clone(), date, names)
}

#[tokio::test]
async fn thanks_and_their_end_are_revisions_so_that_no_document_changes_under_its_date() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path()).await;
    let report = report(&server, true, &FIXED).await;
    let view = publish(&server, &text(), &Issue::New { report: Some(report.id) }).await;
    let desk = server.app().desk();
    let mut last = told(&mut browser, &server, &view.id).await;
    assert_eq!((&last.0, &last.2), (&json!("1"), &Value::Null), "nobody was thanked yet");
    let named = [Some("Ada L."), Some("Ada Lovelace"), None, Some("Ada"), None];
    for (name, version) in named.into_iter().zip(2..) {
        desk.thank_report(Actor::Host, report.id, name).await.expect("goes");
        let now = told(&mut browser, &server, &view.id).await;
        assert_eq!((&now.0, &now.2), (&json!(version.to_string()), &json!(name)));
        assert!(now.1 > last.1, "{now:?} is later than {last:?}");
        last = now;
        // The same once more changes nothing.
        desk.thank_report(Actor::Host, report.id, name).await.expect("goes");
        assert_eq!(told(&mut browser, &server, &view.id).await, last);
    }
    let document = csaf(&mut browser, &server, &view.id).await;
    assert!(!document.to_string().contains("Ada"), "no document remembers the name: {document}");
    let view = desk.advisory_views().await.expect("reads").remove(0);
    assert_eq!((view.revision, view.credited), (6, false));
    // Each is an entry of the log, which names nobody.
    browser.set_up(&server).await;
    let log = browser.get("/api/v1/audit?kind=advisory.revised").await.expect(200).json();
    assert_eq!(log["entries"].as_array().expect("entries").len(), 5);
    assert_eq!(log["entries"][0]["subject"], json!(view.id));
    let log = browser.get("/api/v1/audit?kind=report.thanked").await.expect(200).json();
    assert_eq!(log["entries"].as_array().expect("entries").len(), 10);
    assert!(!log.to_string().contains("Ada"), "{log}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_name_can_be_taken_back_from_an_advisory_that_may_say_no_more() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, _) = house(root.path()).await;
    let report = report(&server, true, &FIXED).await;
    let view = publish(&server, &text(), &Issue::New { report: Some(report.id) }).await;
    let desk = server.app().desk();
    for n in 2..=98 {
        let name = format!("Ada {n}");
        desk.thank_report(Actor::Host, report.id, Some(&name)).await.expect("is thanked");
    }
    let full = "revisions of one advisory";
    let again = desk.thank_report(Actor::Host, report.id, Some("Ada")).await;
    assert!(again.expect_err("is full").to_string().contains(full));
    let more = Issue::Revision { id: view.id.clone(), note: "More".to_owned() };
    refused(&server, &AdvisoryText { advice: "Wait.".to_owned(), ..text() }, &more, full).await;
    desk.thank_report(Actor::Host, report.id, None).await.expect("is taken back");
    let view = desk.advisory_views().await.expect("reads").remove(0);
    assert_eq!((view.revision, view.credited), (99, false));
    let again = desk.thank_report(Actor::Host, report.id, Some("Ada")).await;
    assert!(again.expect_err("is full").to_string().contains(full));
    server.stop().await.expect("stops");
}

/// The document of CSAF, once its digests and its signature are found to be right.
async fn csaf(browser: &mut Browser, server: &Server, id: &str) -> Value {
    let index = browser.get("/.well-known/csaf/index.txt").await.expect(200).text();
    let name = format!("{}.json", id.to_lowercase());
    let place = index.lines().find(|line| line.ends_with(&name)).expect("is listed").to_owned();
    let path = format!("/.well-known/csaf/{place}");
    let document = get(browser, &path, "application/json").await;
    let bytes = document.body.clone();
    for (end, digest) in [
        ("sha256", hex::encode(seal::sha256(&bytes))),
        ("sha512", hex::encode(seal::sha512(&bytes))),
    ] {
        let listed = get(browser, &format!("{path}.{end}"), "text/plain").await.text();
        assert_eq!(listed, format!("{digest}  {name}\n"));
    }
    let metadata = browser.get(METADATA).await.expect(200).json();
    let key = metadata["pgp_keys"][0]["url"].as_str().expect("an address").to_owned();
    let key = key.strip_prefix(server.started.url.as_str()).expect("of this server").to_owned();
    let key: OpenPgpCertificate =
        browser.get(&key).await.expect(200).text().parse().expect("a certificate");
    assert_eq!(metadata["pgp_keys"][0]["fingerprint"], key.fingerprint());
    let signature = get(browser, &format!("{path}.asc"), "text/plain").await.text();
    key.verify_file(&bytes, &signature).expect("signed by the published key");
    let mut spoiled = bytes.to_vec();
    spoiled[0] ^= 1;
    key.verify_file(&spoiled, &signature).expect_err("another file");
    for end in [".md5", ".asc.asc", "/"] {
        browser.get(&format!("{path}{end}")).await.expect(404);
    }
    document.json()
}

#[tokio::test]
async fn a_revision_adds_to_what_was_said_and_the_last_change_is_told_first() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path()).await;
    let first = publish(&server, &text(), &Issue::New { report: None }).await;
    let second = publish(&server, &text(), &Issue::New { report: None }).await;
    assert!(first.id < second.id, "{} {}", first.id, second.id);
    let wider = AdvisoryText { affected: "0.1.0..0.2.1, 0.3.0..".to_owned(), ..text() };
    let issue = Issue::Revision { id: first.id.clone(), note: "0.3.0 has it, too".to_owned() };
    let revised = publish(&server, &wider, &issue).await;
    assert_eq!((revised.id.as_str(), revised.revision), (first.id.as_str(), 2));
    assert_eq!(revised.published, first.published, "it was published when it was");
    let document = csaf(&mut browser, &server, &first.id).await;
    let tracking = &document["document"]["tracking"];
    assert_eq!((&tracking["version"], &tracking["id"]), (&json!("2"), &json!(first.id)));
    assert_eq!(tracking["revision_history"][1]["summary"], "0.3.0 has it, too");
    let changes = browser.get("/.well-known/csaf/changes.csv").await.expect(200).text();
    let lines: Vec<&str> = changes.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains(&first.id.to_lowercase()), "{changes}");
    refused(&server, &wider, &issue, "out already").await;
    let nobodys = Issue::Revision { id: "STOCKADE-2026-900".to_owned(), note: "x".to_owned() };
    refused(&server, &text(), &nobodys, "no such advisory").await;
    let no_name = Issue::Revision { id: "../keys".to_owned(), note: "x".to_owned() };
    refused(&server, &text(), &no_name, "no name of an advisory").await;
    let no_note = Issue::Revision { id: first.id.clone(), note: " ".to_owned() };
    refused(&server, &text(), &no_note, "says what is new").await;
    // The log holds both, and a server that starts again tells the same.
    let before = browser.get("/.well-known/csaf/changes.csv").await.text();
    server.stop().await.expect("stops");
    let (server, mut browser) = house(root.path()).await;
    assert_eq!(browser.get("/.well-known/csaf/changes.csv").await.expect(200).text(), before);
    browser.set_up(&server).await;
    let log = browser.get("/api/v1/audit?kind=advisory.revised").await.expect(200).json();
    assert_eq!(log["entries"].as_array().expect("entries").len(), 1);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn what_may_not_be_published_yet_is_refused_and_the_report_stands_as_before() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, _) = house(root.path()).await;
    let new = report(&server, false, &[]).await;
    let open = report(&server, false, &FIXED[..2]).await;
    let declined = report(&server, false, &[Move::Acknowledge, Move::Decline]).await;
    let of = |report: &ReportView| Issue::New { report: Some(report.id) };
    refused(&server, &text(), &of(&new), "acknowledge it first").await;
    refused(&server, &text(), &of(&open), "ninety days").await;
    refused(&server, &text(), &of(&declined), "it is over").await;
    let nobodys = Issue::New { report: Some(uuid::Uuid::nil()) };
    refused(&server, &text(), &nobodys, "no such report").await;
    let unrated = AdvisoryText { cvss: "high".to_owned(), ..text() };
    let fixed = report(&server, false, &FIXED).await;
    refused(&server, &unrated, &of(&fixed), "no base vector").await;
    let standing = |id, all: &[ReportView]| {
        all.iter().find(|one| one.id == id).map(|one| one.standing.clone())
    };
    let all = server.app().desk().reports().await.expect("reads");
    assert_eq!(standing(open.id, &all).as_deref(), Some("triaged"));
    assert_eq!(standing(fixed.id, &all).as_deref(), Some("fixed"));
    // One that was noted as published before has its advisory, too.
    let desk = server.app().desk();
    desk.move_report(Actor::Host, fixed.id, Move::Publish).await.expect("goes");
    let view = publish(&server, &text(), &of(&fixed)).await;
    assert_eq!((view.report, view.credited), (Some(fixed.id), false));
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn an_operator_publishes_lists_and_shows_from_the_command_line() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, _) = house(root.path()).await;
    let report = report(&server, false, &FIXED).await;
    let directory = root.path().to_owned();
    let typed = async |words: &[&str]| -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
        command.args(words).arg("--data-dir").arg(&directory);
        let ran = tokio::task::spawn_blocking(move || command.output()).await;
        ran.expect("ends").expect("runs")
    };
    let told = |output: &Output| {
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr)
    };
    let file = root.path().join("advisory.toml");
    let written = "title = \"A door\"\nsummary = \"It opened.\"\ndetails = \"Thrice.\"\nadvice = \"Update.\"\n\
        cvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N\"\naffected = \"0.1.0..0.2.1\"\n";
    std::fs::write(&file, written).expect("writes");
    let path = file.to_str().expect("a path").to_owned();
    let id = report.id.to_string();
    let done = typed(&["advisories", "publish", &path, "--report", &id]).await;
    assert!(done.status.success() && told(&done).contains("revision 1"), "{}", told(&done));
    server.stop().await.expect("stops");
    // The same without a server.
    let listed = typed(&["advisories", "ls", "--json"]).await;
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let name = listed[0]["id"].as_str().expect("a name").to_owned();
    std::fs::write(&file, written.replace("0.2.1", "0.2.2")).expect("writes");
    let done =
        typed(&["advisories", "publish", &path, "--revise", &name, "--note", "0.2.1 was not it"])
            .await;
    assert!(done.status.success() && told(&done).contains("revision 2"), "{}", told(&done));
    let shown = told(&typed(&["advisories", "show", &name]).await);
    assert!(shown.contains("affected 0.1.0..0.2.2") && shown.contains(&id), "{shown}");
    std::fs::write(&file, written.replace("advice", "advise")).expect("writes");
    let wrong = typed(&["advisories", "publish", &path]).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", told(&wrong));
    assert!(told(&wrong).contains("advisory.toml:4"), "{}", told(&wrong));
    let none = typed(&["advisories", "show", "STOCKADE-1999-001"]).await;
    assert!(told(&none).contains("advisories ls"), "{}", told(&none));
    let verified = typed(&["audit", "verify"]).await;
    assert!(verified.status.success(), "{}", told(&verified));
}
