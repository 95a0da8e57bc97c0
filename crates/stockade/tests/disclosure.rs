//! Weaknesses reported to a real server: `security.txt` and its signature, the terms, the form with and without a
//! script, the receipt, and what whoever runs the server does with a report.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests of servers and programs that they started"
)]

use crate::browser::{Answer, Browser, options};
use audit::posture::State;
use disclosure::{Move, Severity};
use http::{Method, header};
use http_body_util::Full;
use hyper::body::Bytes;
use kms::SystemEntropy;
use seal::{AgeIdentity, AgeRecipient, OpenPgpCertificate, age_armour};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use stockade::{
    desk::{Actor, DisclosureTerms, ReportView},
    server::{Options, Server, posture::Probe},
};

const CONTACT: &str = "security@trade.example";
const WORDS: &str = "The door opens to whoever knocks thrice & says 100 % nothing.";

fn identity() -> AgeIdentity {
    AgeIdentity::generate(&mut SystemEntropy::new())
}

async fn house(root: &Path, recipients: Vec<AgeRecipient>) -> (Server, Browser) {
    let disclosure = DisclosureTerms { contact: CONTACT.to_owned(), recipients };
    let server = Server::start(Options { disclosure, ..options(root) }).await.expect("starts");
    let browser = Browser::new(&server);
    (server, browser)
}

/// A form, as a browser without a script sends it.
async fn sent(browser: &mut Browser, path: &str, fields: &[(&str, &str)]) -> Answer {
    let mut text = String::new();
    for (name, value) in fields {
        let _ = write!(text, "{}{name}=", if text.is_empty() { "" } else { "&" });
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text.push(char::from(byte)),
                _ => {
                    let _ = write!(text, "%{byte:02X}");
                }
            }
        }
    }
    posted(browser, path, "application/x-www-form-urlencoded", text).await
}

async fn posted(browser: &mut Browser, path: &str, kind: &str, text: String) -> Answer {
    let mut asked = crate::browser::request(Method::POST, path, None);
    *asked.body_mut() = Full::new(Bytes::from(text));
    asked.headers_mut().insert(header::CONTENT_TYPE, kind.parse().expect("a type"));
    browser.raw(asked).await
}

/// The receipt on a page.
fn receipt(answer: &Answer) -> String {
    let text = answer.text();
    let at = text.find("srr_").unwrap_or_else(|| panic!("no receipt: {text}"));
    text[at..at + 44].to_owned()
}

async fn only(server: &Server) -> ReportView {
    let reports = server.app().desk().reports().await.expect("reads");
    assert_eq!(reports.len(), 1);
    reports.into_iter().next().expect("one")
}

async fn sealed(server: &Server, report: &ReportView) -> Vec<u8> {
    server.app().desk().sealed_report(Actor::Host, report.id).await.expect("is there")
}

#[tokio::test]
async fn security_txt_is_signed_for_this_server_and_says_where_to_write() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path(), vec![identity().recipient()]).await;
    let answer = browser.get("/.well-known/security.txt").await.expect(200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    let published = browser.get("/.well-known/stockade/security-key.asc").await.expect(200);
    let key: OpenPgpCertificate = published.text().parse().expect("a certificate");
    let signed = key.verify(&answer.text()).expect("signed by the published key");
    let own = &server.started.url;
    for line in [
        format!("Contact: {own}/security/report"),
        format!("Contact: mailto:{CONTACT}"),
        format!("Canonical: {own}/.well-known/security.txt"),
        format!("Policy: {own}/security/policy"),
        format!("Encryption: {own}/security/report/recipients"),
        format!("Acknowledgments: {own}/security/thanks"),
        "Preferred-Languages: en, de".to_owned(),
    ] {
        assert!(signed.text.lines().any(|one| one == line), "{line}: {}", signed.text);
    }
    let expires = signed.text.lines().find_map(|line| line.strip_prefix("Expires: "));
    let expires: jiff::Timestamp = expires.expect("a line").parse().expect("a time");
    let left = expires.duration_since(stockade::desk::now()).as_hours();
    assert!((24 * 179..=24 * 180).contains(&left), "{left} hours");
    // Another start has the same key: whoever keeps it can go on checking.
    server.stop().await.expect("stops");
    let (server, mut browser) = house(root.path(), Vec::new()).await;
    let again = browser.get("/.well-known/stockade/security-key.asc").await.expect(200).text();
    assert_eq!(
        again.parse::<OpenPgpCertificate>().expect("a key").fingerprint(),
        key.fingerprint()
    );
    let text = browser.get("/.well-known/security.txt").await.expect(200).text();
    assert!(!text.contains("/security/report"), "a form that is closed is not named: {text}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn where_nobody_answers_nothing_is_promised_and_nothing_is_taken() {
    let root = tempfile::tempdir().expect("a directory");
    let disclosure = DisclosureTerms::default();
    let server = Server::start(Options { disclosure, ..options(root.path()) }).await;
    let server = server.expect("starts");
    let mut browser = Browser::new(&server);
    browser.get("/.well-known/security.txt").await.expect(404);
    browser.get("/security/report/recipients").await.expect(404);
    let form = browser.get("/security/report").await.expect(200).text();
    assert!(form.contains("form is closed") && !form.contains("<form"), "{form}");
    let answer = sent(&mut browser, "/security/report", &[("text", WORDS)]).await.expect(404);
    assert!(answer.text().contains("disclosure.recipients"), "{}", answer.text());
    assert_eq!(server.app().desk().reports().await.expect("reads"), []);
    server.stop().await.expect("stops");
    let disclosure = DisclosureTerms { contact: "nobody".to_owned(), recipients: Vec::new() };
    let refused = Server::start(Options { disclosure, ..options(root.path()) }).await;
    let error = refused.err().expect("no address").to_string();
    assert!(error.contains("no address of mail"), "{error}");
}

#[tokio::test]
async fn the_terms_are_shown_in_both_languages_under_their_digest() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path(), vec![identity().recipient()]).await;
    for (language, clock) in [("en", "4 hours"), ("de", "4 Stunden")] {
        let page = browser.get(&format!("/security/policy?lang={language}")).await.expect(200);
        let text = browser.get(&format!("/security/policy/{language}")).await.expect(200);
        let digest = hex::encode(seal::sha256(&text.body));
        assert!(page.text().contains(&digest), "{digest}: {}", page.text());
        assert!(page.text().contains(clock) && text.text().contains(clock));
        assert!(!page.text().contains("<script"), "it needs none");
    }
    browser.get("/security/policy/fr").await.expect(404);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn plain_words_are_sealed_at_once_and_only_the_key_elsewhere_opens_them() {
    let root = tempfile::tempdir().expect("a directory");
    let (one, two, other) = (identity(), identity(), identity());
    let to = vec![one.recipient(), two.recipient()];
    let (server, mut browser) = house(root.path(), to).await;
    let fields = [("text", WORDS), ("credit", "yes"), ("work", "")];
    let answer = sent(&mut browser, "/security/report", &fields).await.expect(201);
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "the receipt is kept by nobody");
    let report = only(&server).await;
    assert_eq!((report.sealed_by.as_str(), report.credit), ("server", true));
    let file = sealed(&server, &report).await;
    assert_eq!(one.open(&file).expect("opens").expose(), WORDS.as_bytes());
    assert_eq!(two.open(&file).expect("opens").expose(), WORDS.as_bytes());
    other.open(&file).expect_err("not theirs");
    // What was said is nowhere on the disk, and neither is the receipt.
    server.stop().await.expect("stops");
    let receipt = receipt(&answer);
    let secret = hex::decode(&receipt[4..]).expect("digits");
    let holds = |bytes: &[u8], part: &[u8]| memchr::memmem::find(bytes, part).is_some();
    let mut waiting = vec![root.path().to_owned()];
    let mut read = 0;
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(directory).expect("lists") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a kind").is_dir() {
                waiting.push(entry.path());
            } else if let Ok(bytes) = std::fs::read(entry.path()) {
                read += bytes.len();
                for part in [b"knocks thrice".as_slice(), receipt.as_bytes(), &secret] {
                    assert!(!holds(&bytes, part), "{}", entry.path().display());
                }
            }
        }
    }
    assert!(read > 100_000, "{read} bytes were looked through");
}

#[tokio::test]
async fn what_was_sealed_before_is_kept_as_it_came_and_the_log_holds_its_digest() {
    let root = tempfile::tempdir().expect("a directory");
    let one = identity();
    let (server, mut browser) = house(root.path(), vec![one.recipient()]).await;
    let listed = browser.get("/security/report/recipients").await.expect(200).text();
    let to: AgeRecipient = listed.trim().parse().expect("a recipient");
    let file = AgeRecipient::seal(&[to], WORDS.as_bytes(), &mut SystemEntropy::new());
    let file = file.expect("seals");
    let armour = age_armour(&file).replace('\n', "\r\n");
    let answer = sent(&mut browser, "/security/report", &[("text", &armour)]).await.expect(201);
    let report = only(&server).await;
    assert_eq!((report.sealed_by.as_str(), report.credit), ("sender", false));
    assert_eq!(sealed(&server, &report).await, file);
    let digest = hex::encode(seal::sha256(&file));
    assert!(answer.text().contains(&digest), "whoever reported can compare it");
    browser.set_up(&server).await;
    let log = browser.get("/api/v1/audit?kind=report.received").await.expect(200).json();
    let entries = log["entries"].as_array().expect("entries");
    assert_eq!((entries.len(), entries[0]["index"].as_u64()), (1, Some(report.leaf)));
    assert_eq!(entries[0]["subject"], report.id.to_string());
    assert_eq!(entries[0]["actor"], "anonymous");
    let said = entries[0]["summary"].as_str().expect("words");
    assert!(said.contains(&digest[..12]) && !said.contains("knocks"), "{said}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_receipt_shows_each_step_and_nothing_else_does() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path(), vec![identity().recipient()]).await;
    let answer = sent(&mut browser, "/security/report", &[("text", WORDS)]).await.expect(201);
    let receipt = receipt(&answer);
    let report = only(&server).await;
    let path = "/security/report/status?lang=en";
    let moves = [
        (Move::Acknowledge, "acknowledged"),
        (Move::Triage(Severity::Critical), "triaged"),
        (Move::Fix, "fixed"),
        (Move::Publish, "published"),
    ];
    for (step, standing) in moves {
        let moved = server.app().desk().move_report(Actor::Host, report.id, step).await;
        assert_eq!(moved.expect("goes").standing, standing);
        let shown = sent(&mut browser, path, &[("receipt", &receipt)]).await.expect(200).text();
        assert!(shown.contains(&format!("Standing: {standing}")), "{shown}");
        assert!(!shown.contains("knocks thrice") && !shown.contains(&receipt), "{shown}");
    }
    let german =
        sent(&mut browser, "/security/report/status?lang=de", &[("receipt", &receipt)]).await;
    assert!(german.expect(200).text().contains("Stand: veröffentlicht"));
    // All clocks were kept, and everybody sees that, without whose they are.
    let policy = browser.get("/security/policy?lang=en").await.expect(200).text();
    assert!(policy.contains("<b>3</b> clocks kept") && policy.contains("<b>0</b> overdue now"));
    assert!(!policy.contains(&report.id.to_string()));
    let error = server.app().desk().move_report(Actor::Host, report.id, Move::Decline).await;
    assert!(error.expect_err("it is over").to_string().contains("it is over"));
    let last = if receipt.ends_with('0') { "1" } else { "0" };
    let other = format!("{}{last}", &receipt[..43]);
    sent(&mut browser, path, &[("receipt", &other)]).await.expect(404);
    sent(&mut browser, path, &[("receipt", &report.id.to_string())]).await.expect(422);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn whoever_wished_it_is_thanked_once_the_report_is_published_and_nobody_else_is() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path(), vec![identity().recipient()]).await;
    let desk = server.app().desk().clone();
    let refused = async |id, name: &str, why: &str| {
        let error = desk.thank_report(Actor::Host, id, Some(name)).await.expect_err(why);
        assert!(error.to_string().contains(why), "{error}");
    };
    for (n, credit) in ["yes", ""].into_iter().enumerate() {
        let words = format!("{WORDS} {n}");
        let fields = [("text", words.as_str()), ("credit", credit)];
        sent(&mut browser, "/security/report", &fields).await.expect(201);
    }
    let reports = desk.reports().await.expect("reads");
    let (shy, proud) = (&reports[0], &reports[1]);
    assert_eq!((shy.credit, proud.credit), (false, true));
    refused(proud.id, "Ada", "not published").await;
    for id in [shy.id, proud.id] {
        for step in [Move::Acknowledge, Move::Triage(Severity::Low), Move::Fix, Move::Publish] {
            desk.move_report(Actor::Host, id, step).await.expect("goes");
        }
    }
    refused(shy.id, "Bob", "did not wish it").await;
    refused(proud.id, "A\nB", "on one line").await;
    let page = browser.get("/security/thanks?lang=en").await.expect(200).text();
    assert!(page.contains("nobody to thank yet") && !page.contains(&proud.sha256), "{page}");
    let thanked = desk.thank_report(Actor::Host, proud.id, Some(" Ada <b>L.</b> ")).await;
    assert_eq!(thanked.expect("is thanked").thanks.as_deref(), Some("Ada <b>L.</b>"));
    let page = browser.get("/security/thanks?lang=en").await.expect(200).text();
    assert!(page.contains("Ada &lt;b&gt;L.&lt;/b&gt;") && page.contains(&proud.sha256), "{page}");
    assert!(!page.contains(&shy.sha256), "nobody is named against their wish");
    // The log says that somebody is thanked and not who, so that it can be taken back.
    desk.thank_report(Actor::Host, proud.id, None).await.expect("is taken back");
    let page = browser.get("/security/thanks?lang=en").await.text();
    assert!(!page.contains("Ada") && page.contains("nobody to thank yet"), "{page}");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_clock_that_is_overdue_and_a_contact_that_is_missing_turn_their_claims_red() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path(), vec![identity().recipient()]).await;
    sent(&mut browser, "/security/report", &[("text", WORDS)]).await.expect(201);
    let seen = async |server: &Server, id: &str| {
        let probes = [Probe::SecurityTxt, Probe::ReportClocks];
        server.app().observatory().look(server.app(), &probes).await;
        let posture = server.app().observatory().signed(server.app()).await.expect("signs");
        let row = posture.posture.rows.iter().find(|row| row.id == id).expect("a row");
        (row.state, row.reason.clone(), row.evidence.clone())
    };
    let (state, why, evidence) = seen(&server, "S60").await;
    assert_eq!(state, State::SelfTested, "{why}");
    assert_eq!(evidence["recipients of sealed reports"], "1");
    let (_, _, evidence) = seen(&server, "M64").await;
    assert_eq!((evidence["open"].as_str(), evidence["clocks overdue"].as_str()), ("1", "0"));
    server.stop().await.expect("stops");
    // Five hours ago by the row, and nobody has answered.
    let file = root.path().join("stockade.db");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display())).await;
    let pool = pool.expect("opens");
    let late = "UPDATE security_reports SET received_us = received_us - 18000000000";
    sqlx::query(late).execute(&pool).await.expect("writes");
    pool.close().await;
    let disclosure = DisclosureTerms::default();
    let server = Server::start(Options { disclosure, ..options(root.path()) }).await;
    let server = server.expect("starts");
    let (state, why, _) = seen(&server, "S60").await;
    assert_eq!(state, State::NotMet);
    assert!(why.contains("disclosure.contact"), "{why}");
    let (_, _, evidence) = seen(&server, "M64").await;
    assert_eq!(evidence["clocks overdue"], "1");
    let tally = server.app().desk().report_tally().await.expect("reads");
    assert_eq!((tally.received, tally.overdue), (1, 1));
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn what_is_no_report_is_refused_in_words_and_not_kept() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path(), vec![identity().recipient()]).await;
    let path = "/security/report";
    let form = "application/x-www-form-urlencoded";
    let long = "x".repeat(49 * 1024);
    let cut = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n";
    for (fields, status, why) in [
        (&[("text", "")][..], 422, "one at least"),
        (&[("text", " \r\n ")], 422, "one at least"),
        (&[("text", long.as_str())], 422, "bytes of a report"),
        (&[("text", cut)], 422, "no file of age"),
        (&[("credit", "yes")], 422, "lacks a field"),
        (&[("text", "a"), ("text", "b")], 422, "comes twice"),
        (&[("text", "a"), ("admin", "1")], 422, "not known here"),
        (&[("text", "a"), ("credit", "perhaps")], 422, "yes or left out"),
    ] {
        let answer = sent(&mut browser, path, fields).await.expect(status);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert!(answer.text().contains(why), "{why}: {}", answer.text());
    }
    posted(&mut browser, path, "application/json", "{\"text\":\"a\"}".to_owned()).await.expect(415);
    posted(&mut browser, path, "text/plain", "text=a".to_owned()).await.expect(415);
    posted(&mut browser, path, form, format!("text={}", "x".repeat(200_000))).await.expect(413);
    // No page of another site sends one in a visitor's name.
    let mut foreign = crate::browser::request(Method::POST, path, None);
    *foreign.body_mut() = Full::new(Bytes::from("text=a"));
    let headers = foreign.headers_mut();
    headers.insert(header::CONTENT_TYPE, form.parse().expect("a type"));
    headers.insert("sec-fetch-site", "cross-site".parse().expect("a word"));
    headers.insert("sec-fetch-mode", "navigate".parse().expect("a word"));
    browser.raw(foreign).await.expect(403);
    assert_eq!(server.app().desk().reports().await.expect("reads"), []);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn one_network_does_not_fill_the_inbox() {
    let root = tempfile::tempdir().expect("a directory");
    let (server, mut browser) = house(root.path(), vec![identity().recipient()]).await;
    for n in 0..6 {
        let words = format!("{WORDS} {n}");
        sent(&mut browser, "/security/report", &[("text", &words)]).await.expect(201);
    }
    let answer = sent(&mut browser, "/security/report", &[("text", WORDS)]).await.expect(429);
    let wait = answer.headers[header::RETRY_AFTER].to_str().expect("digits");
    assert!((1..=4400).contains(&wait.parse::<u64>().expect("seconds")), "{wait}");
    browser.source = Some("127.0.0.2".parse().expect("an address"));
    sent(&mut browser, "/security/report", &[("text", WORDS)]).await.expect(201);
    assert_eq!(server.app().desk().reports().await.expect("reads").len(), 7);
    server.stop().await.expect("stops");
}

/// What the page's own script makes of the words, run by `node`; nothing where that is not there.
fn sealed_by_script(to: AgeRecipient, words: &str) -> Option<String> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let directory = tempfile::tempdir().expect("a directory");
    let script = directory.path().join("report.mjs");
    std::fs::write(&script, stockade::server::security_reports::SCRIPT).expect("writes");
    let run = "const { seal, unbase64 } = await import(process.argv[1]);
        process.stdout.write(await seal([unbase64(process.argv[2])], process.argv[3]));";
    let ran = Command::new("node")
        .args(["--input-type=module", "-e", run, "--"])
        .arg(&script)
        .args([STANDARD.encode(to.as_bytes()).as_str(), words])
        .output();
    let Ok(ran) = ran else {
        println!("skipped: node is not on this machine");
        return None;
    };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8(ran.stdout).expect("text"))
}

#[tokio::test]
async fn the_script_of_the_page_seals_so_that_the_server_never_has_the_words() {
    let root = tempfile::tempdir().expect("a directory");
    let one = identity();
    let (server, mut browser) = house(root.path(), vec![one.recipient()]).await;
    let page = browser.get("/security/report").await.expect(200).text();
    assert!(page.contains("src=\"/security/report.js\""));
    let script = browser.get("/security/report.js").await.expect(200);
    assert_eq!(script.text(), stockade::server::security_reports::SCRIPT);
    let long = "ü".repeat(20_000);
    for words in ["", "x", WORDS, &long] {
        let Some(text) = sealed_by_script(one.recipient(), words) else { return };
        let file = seal::age_file(text.as_bytes()).expect("a file of age");
        assert_eq!(one.open(&file).expect("opens").expose(), words.as_bytes());
    }
    let text = sealed_by_script(one.recipient(), WORDS).expect("node is there");
    sent(&mut browser, "/security/report", &[("text", &text)]).await.expect(201);
    assert_eq!(only(&server).await.sealed_by, "sender");
    server.stop().await.expect("stops");
}

fn stockade(data: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stockade"));
    command.arg("--data-dir").arg(data).args(words).stdin(Stdio::null());
    command.output().expect("runs")
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_runs_the_server_lists_opens_and_answers_beside_it_and_without_it() {
    let root = tempfile::tempdir().expect("a directory");
    let keys = tempfile::tempdir().expect("another place");
    let one = identity();
    let key = keys.path().join("identity.txt");
    std::fs::write(&key, one.to_file().as_bytes()).expect("writes");
    let (server, mut browser) = house(root.path(), vec![one.recipient()]).await;
    let steering = format!("{WORDS}\r\n\u{1b}[31mred");
    sent(&mut browser, "/security/report", &[("text", &steering)]).await.expect(201);
    let id = only(&server).await.id.to_string();
    let data = root.path().to_owned();
    let typed = async |words: &[&str]| {
        let (data, words) = (data.clone(), words.iter().map(|word| (*word).to_owned()));
        let words: Vec<String> = words.collect();
        let ran = tokio::task::spawn_blocking(move || {
            stockade(&data, &words.iter().map(String::as_str).collect::<Vec<_>>())
        });
        ran.await.expect("joins")
    };
    let listed = typed(&["reports", "ls"]).await;
    assert!(
        told(&listed).contains(&id) && told(&listed).contains("answer by"),
        "{}",
        told(&listed)
    );
    let key = key.to_str().expect("a path");
    let sealed = typed(&["reports", "open", &id]).await;
    let armour = String::from_utf8(sealed.stdout.clone()).expect("text");
    let file = seal::age_file(armour.as_bytes()).expect("a file of age");
    assert_eq!(one.open(&file).expect("opens").expose(), steering.as_bytes());
    let opened = typed(&["reports", "open", &id, "--identity", key]).await;
    let text = told(&opened);
    assert!(text.contains(WORDS) && text.contains("\u{fffd}[31mred"), "{text}");
    assert!(!text.contains('\u{1b}'), "nothing steers the terminal");
    let moved = typed(&["reports", "move", &id, "acknowledge"]).await;
    assert!(moved.status.success() && told(&moved).contains("acknowledged"), "{}", told(&moved));
    let wrong = typed(&["reports", "move", &id, "triage"]).await;
    assert_eq!(wrong.status.code(), Some(2), "{}", told(&wrong));
    server.stop().await.expect("stops");
    let moved = typed(&["reports", "move", &id, "triage", "--severity", "critical"]).await;
    assert!(moved.status.success() && told(&moved).contains("triaged"), "{}", told(&moved));
    let listed = typed(&["reports", "ls", "--json"]).await;
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(
        (&listed[0]["standing"], &listed[0]["severity"]),
        (&"triaged".into(), &"critical".into())
    );
    let verified = typed(&["audit", "verify"]).await;
    assert!(verified.status.success(), "{}", told(&verified));
}
