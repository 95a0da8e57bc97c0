//! The public page of claims, its signed form, the self-tests behind both, and documents that people sign for.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test lays documents where they are taken from")]

use crate::browser::{Browser, start};
use audit::{
    Verifier, claims,
    posture::{Expected, Posture, PostureRow, State},
};
use http::header;
use jiff::{SignedDuration, tz::TimeZone};
use std::path::Path;
use stockade::{
    desk::{self, NewEvidence, Shown},
    server::{Server, posture::Probe},
};

/// Every probe, once.
async fn look(server: &Server) {
    server.app().observatory().look(server.app(), &Probe::ALL).await;
}

async fn posture(browser: &mut Browser, server: &Server) -> Posture {
    let key = browser.get("/.well-known/stockade/posture-key").await.expect(200).text();
    let key: Verifier = key.trim().parse().expect("a key");
    let envelope = browser.get("/.well-known/stockade/posture.json").await.expect(200).text();
    let certificate = server.app().observatory().served().expect("a certificate");
    let spki = hex::encode(certificate.spki_sha256);
    let expected = Expected { spki_sha256: &spki, seen_before: None, age_max: Expected::AGE_MAX };
    Posture::open(&envelope, &key, &expected, desk::now()).expect("it is believed")
}

fn row<'a>(posture: &'a Posture, id: &str) -> &'a PostureRow {
    posture.rows.iter().find(|row| row.id == id).expect("every claim has a row")
}

#[tokio::test]
async fn before_anything_was_looked_at_no_row_speaks_for_a_claim() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let posture = posture(&mut browser, &server).await;
    assert_eq!(posture.rows.len(), 132);
    assert!(posture.rows.iter().all(|row| !row.state.is_good()), "{:?}", posture.rows);
    assert_eq!(row(&posture, "S12").state, State::NotChecked);
    assert_eq!(row(&posture, "S22").state, State::Replaced);
    assert_eq!(row(&posture, "M31").state, State::NotMet);
    let log: Verifier = posture.log_key.parse().expect("a key");
    posture.checkpoint(&log).expect("the newest checkpoint, signed");
    // The certificate of another server is not the one that this posture speaks of.
    let key = server.app().observatory().key().parse().expect("a key");
    let envelope = browser.get("/.well-known/stockade/posture.json").await.text();
    let other = "0".repeat(64);
    let expected = Expected { spki_sha256: &other, seen_before: None, age_max: Expected::AGE_MAX };
    Posture::open(&envelope, &key, &expected, desk::now()).expect_err("another's");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_server_sees_of_itself_what_is_so_and_says_so_where_it_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    look(&server).await;
    let posture = posture(&mut browser, &server).await;
    for id in ["S04", "S12", "S16", "S21", "S51", "M08", "M13", "M16", "M19", "M35", "S54"] {
        let row = row(&posture, id);
        assert_eq!(row.state, State::SelfTested, "{id}: {}", row.reason);
        assert!(row.valid_until.expect("it runs out") > desk::now());
    }
    assert!(row(&posture, "S04").evidence["TLS 1.1"].starts_with("refused"));
    assert_eq!(row(&posture, "M08").evidence["passwords"], "1");
    assert!(row(&posture, "M08").evidence["parameters"].starts_with("m="));
    let guess = &row(&posture, "S25").evidence["milliseconds a guess, of one core"];
    assert!(guess.parse::<u64>().expect("a number") > 0);
    // What is not so is not met, whatever else is well: no device, no backup, no public name.
    let check = |id: &str, why: &str| {
        let row = row(&posture, id);
        assert_eq!(row.state, State::NotMet, "{id}");
        assert!(row.reason.contains(why), "{id}: {}", row.reason);
    };
    check("M10", "no device");
    check("S31", "no backups are made");
    check("S33", "no restore was proved");
    check("S06", "localhost");
    check("M47", "nobody has signed");
    check("M20", "nobody has signed");
    // The log says once how all stood, and nothing again while nothing changes.
    let begun = server.app().desk().turns("M13").await.expect("reads");
    assert_eq!(begun.len(), 1);
    assert_eq!((begun[0].from, begun[0].to), (None, State::SelfTested));
    look(&server).await;
    assert_eq!(server.app().desk().turns("M13").await.expect("reads"), begun);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_claim_that_fails_turns_red_and_its_history_tells_of_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    look(&server).await;
    // Behind the server's back a password's hash is replaced by a weak one.
    let file = directory.path().join("stockade.db");
    let pool =
        sqlx::SqlitePool::connect(&format!("sqlite:{}", file.display())).await.expect("opens");
    let weak = sqlx::query("UPDATE passwords SET password_hash = '$2b$04$abcdefghijklmnopqrstuv'");
    weak.execute(&pool).await.expect("writes");
    pool.close().await;
    server.app().observatory().look(server.app(), &[Probe::Passwords]).await;
    let posture = posture(&mut browser, &server).await;
    assert_eq!(row(&posture, "M08").state, State::NotMet);
    assert!(row(&posture, "M08").reason.contains("1 passwords are not stored as Argon2id"));
    let turns = server.app().desk().turns("M08").await.expect("reads");
    assert_eq!(turns.len(), 2);
    assert_eq!((turns[0].from, turns[0].to), (Some(State::SelfTested), State::NotMet));
    let page = browser.get("/security/M08").await.expect(200).text();
    assert!(page.contains("1 passwords are not stored as Argon2id"), "{page}");
    assert!(page.contains(&format!("entry of the log {}", turns[0].index)), "{page}");
    assert!(page.contains("seen for the first time"), "{page}");
    // A start reads from the log how things stood, and says nothing twice.
    server.stop().await.expect("stops");
    let server = start(directory.path()).await;
    server.app().observatory().look(server.app(), &[Probe::Passwords]).await;
    assert_eq!(server.app().desk().turns("M08").await.expect("reads"), turns);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_page_shows_every_claim_without_a_script_in_two_languages() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let answer = browser.get("/security").await.expect(200);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert_eq!(answer.headers[header::CACHE_CONTROL], "public, max-age=60");
    assert_eq!(answer.headers[header::VARY], "accept-language");
    let english = answer.text();
    let german = browser.get("/security?lang=de").await.expect(200).text();
    for claim in claims() {
        let place = format!("id=\"{}\"", claim.id);
        assert!(english.contains(&place) && german.contains(&place), "{}", claim.id);
    }
    for (page, tag, words) in [(&english, "en", "not checked"), (&german, "de", "nicht geprüft")] {
        assert!(page.contains(&format!("<html lang=\"{tag}\">")));
        assert!(page.contains(words));
        for inline in ["<script", " style=", "<style", "javascript:", " onclick"] {
            assert!(!page.contains(inline), "{inline} on the page in {tag}");
        }
        // Nothing comes from elsewhere.
        assert!(!page.contains("src=\"http") && !page.contains("href=\"http"));
    }
    for (page, tag) in [(&english, "en"), (&german, "de")] {
        let ways =
            ["/security/report", "/security/policy", "/security/advisories", "/security/findings"];
        for path in ways {
            let link = format!("href=\"{path}?lang={tag}\"");
            assert!(page.contains(&link), "{link}");
            browser.get(&format!("{path}?lang={tag}")).await.expect(200);
        }
    }
    // What a browser likes, and links that show a part.
    let mut liked = crate::browser::request(http::Method::GET, "/security", None);
    liked.headers_mut().insert(header::ACCEPT_LANGUAGE, "de-AT,de;q=0.9".parse().expect("text"));
    assert_eq!(browser.raw(liked).await.expect(200).text(), german);
    let people = browser.get("/security?kind=org").await.expect(200).text();
    assert!(people.contains("id=\"M20\"") && !people.contains("id=\"M13\""));
    let red = browser.get("/security?state=not-met").await.expect(200).text();
    assert!(red.contains("id=\"M31\"") && !red.contains("id=\"S12\""));
    let wrong = browser.get("/security?state=wonderful").await.expect(422);
    assert_eq!(wrong.json()["place"], "query, state");
    browser.get("/security/M13").await.expect(200);
    browser.get("/security/M99").await.expect(404);
    let badge = browser.get("/security/badge.svg").await.expect(200);
    assert_eq!(badge.headers[header::CONTENT_TYPE], "image/svg+xml");
    assert!(badge.text().contains("0 with evidence"), "{}", badge.text());
    let style = browser.get("/security/style.css").await.expect(200);
    assert_eq!(style.headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
    server.stop().await.expect("stops");
}

fn pen_test(file: &Path) -> NewEvidence {
    let on = (desk::now() - SignedDuration::from_hours(48)).to_zoned(TimeZone::UTC).date();
    NewEvidence {
        claim: "M47".to_owned(),
        file: file.to_owned(),
        by: "Example Audit Ltd".to_owned(),
        on,
        until: None,
        shown: Shown::Public,
    }
}

#[tokio::test]
async fn a_document_speaks_for_its_claim_until_it_runs_out_and_for_no_probed_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut browser = Browser::new(&server);
    let file = directory.path().join("summary.txt");
    std::fs::write(&file, "no findings above medium\n").expect("writes");
    let add = async |change: &dyn Fn(&mut NewEvidence)| {
        let mut new = pen_test(&file);
        change(&mut new);
        stockade::server::handlers::posture::taken(server.app(), new).await
    };
    let check = async |change: &dyn Fn(&mut NewEvidence), want: &str| {
        let error = add(change).await.expect_err("refused").to_string();
        assert!(error.contains(want), "{error} lacks {want}");
    };
    check(&|new| new.claim = "M13".to_owned(), "nobody's word stands in for that").await;
    check(&|new| new.claim = "X1".to_owned(), "there is no such claim").await;
    check(&|new| new.by = " \u{7}".to_owned(), "--by NAME").await;
    check(&|new| new.on = jiff::civil::date(2999, 1, 1), "in the future").await;
    check(&|new| new.until = Some(jiff::civil::date(2000, 1, 1)), "before the day").await;
    check(&|new| new.file = directory.path().join("gone"), "cannot open").await;

    let kept = add(&|_| ()).await.expect("kept");
    let posture = posture(&mut browser, &server).await;
    let m47 = row(&posture, "M47");
    assert_eq!(m47.state, State::Attested, "{}", m47.reason);
    assert_eq!(m47.method, "signed for by Example Audit Ltd");
    assert_eq!(m47.valid_until, Some(kept.valid_until));
    // It runs out by itself.
    assert_eq!(m47.clone().at(kept.valid_until).state, State::NotMet);
    // Anyone may fetch it, and sees that it is what was signed for.
    let place = format!("/security/evidence/{}", kept.sha256);
    assert_eq!(m47.evidence["document"], place);
    let fetched = browser.get(&place).await.expect(200);
    assert_eq!(hex::encode(seal::sha256(&fetched.body)), kept.sha256);
    assert_eq!(fetched.headers[header::CONTENT_TYPE], "application/octet-stream");
    // What is not public, and what was changed on the disk, is not handed out.
    std::fs::write(&file, "for the house alone\n").expect("writes");
    let private = add(&|new| new.shown = Shown::Digest).await.expect("kept");
    browser.get(&format!("/security/evidence/{}", private.sha256)).await.expect(404);
    let copy = directory.path().join("evidence").join(&kept.sha256);
    std::fs::write(copy, "all is well\n").expect("writes");
    browser.get(&place).await.expect(404);
    browser.get("/security/evidence/..%2Fkeys").await.expect(404);
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn the_page_of_known_findings_is_the_register_of_the_scan_and_nothing_else() {
    let root = tempfile::tempdir().expect("a directory");
    let server = start(root.path()).await;
    let mut browser = Browser::new(&server);
    let record = browser.get("/security/scan.json").await.expect(200).json();
    let known = record["known"].as_array().expect("a register");
    assert!(known.len() > 20, "{}", known.len());
    let marks = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    let escaped = |text: &str| {
        marks.iter().fold(text.to_owned(), |text, (mark, word)| text.replace(mark, word))
    };
    for tag in ["en", "de"] {
        let page = browser.get(&format!("/security/findings?lang={tag}")).await.expect(200).text();
        assert_eq!(page.matches("<article").count(), known.len());
        for one in known {
            let word = |name: &str| one[name].as_str().expect("text");
            let head = format!(
                "<h3><code>{}</code></h3>\n<p>{}</p>",
                escaped(word("id")),
                escaped(word("reason"))
            );
            assert!(page.contains(&head), "{head}");
            assert!(page.contains(&format!("<code>{}</code>", escaped(word("place")))));
            assert_ne!(word("severity"), "high");
        }
        for status in ["open", "accepted", "fixed"] {
            let count = known.iter().filter(|one| one["status"] == status).count();
            let at = page.find(&format!("id=\"{status}\"")).expect("a section");
            let heading = page[at..].split("</h2>").next().expect("a heading");
            assert!(heading.ends_with(&format!(": {count}")), "{heading}");
        }
        assert!(!page.contains("<script"), "it needs none");
    }
    server.stop().await.expect("stops");
}
