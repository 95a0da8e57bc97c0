//! Where secrets are found after they were used: nowhere on the disk, nowhere in the log, and not in
//! the memory of the server, of which a core dump is an image.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "the test says what it could not try, runs the program and reads its files and its memory"
)]

use crate::browser::Browser;
use crate::process::{Program, count, files};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use rustix::process::Signal;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};
use std::{
    fs::Permissions,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};
use tokio::io::AsyncWriteExt;

const PASSWORD: &str = "canary 7Qx marmot under nine bridges";
const WRONG: &str = "canary 3Zk of another house entirely";
const MISPLACED: &str = "canary-5Vw-typed-into-the-wrong-field";
const VENDOR: &str = "canary-8Rt-key-of-a-price-vendor";

/// A name and the value.
type Secret = (&'static str, String);

async fn factor(browser: &mut Browser, code: &str) -> String {
    let form = json!({ "email": "ada@example.org", "password": PASSWORD });
    let asked = browser.post("/api/v1/sign-in", form).await.expect(200).json();
    let challenge = asked["challenge"].as_str().expect("a ticket").to_owned();
    let form = json!({ "challenge": challenge, "kind": "recovery", "code": code });
    browser.post("/api/v1/sign-in/factor", form).await.expect(200);
    challenge
}

/// Everything that is secret about an account's life so far; nobody is signed in at its end.
async fn live(program: &Program) -> Vec<Secret> {
    let mut browser = program.browser();
    let link = program.link.clone().expect("a link");
    let token = link.split_once('#').expect("a fragment").1.to_owned();
    let form = json!({ "token": token, "email": "ada@example.org", "password": PASSWORD });
    let begun = browser.post("/api/v1/setup/begin", form).await.expect(200).json();
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let (ticket, totp) = (text(&begun["ticket"]), text(&begun["totp"]["secret"]));
    let form = json!({ "ticket": ticket, "code": crate::browser::code(&totp, 0) });
    let done = browser.post("/api/v1/setup/finish", form).await.expect(200).json();
    let codes: Vec<String> =
        done["recovery_codes"].as_array().expect("codes").iter().map(text).collect();
    let mut secrets = vec![
        ("the password", PASSWORD.to_owned()),
        ("a wrong password", WRONG.to_owned()),
        ("a password in the field of the address", MISPLACED.to_owned()),
        ("a vendor's key", VENDOR.to_owned()),
        ("the set-up link's value", token),
        ("the set-up's ticket", ticket),
        ("the authenticator's secret", totp),
    ];
    let mut keep = |browser: &Browser| {
        let cookies = browser.cookies.values().map(|value| ("a cookie", value.clone()));
        secrets.extend(cookies);
    };
    keep(&browser);
    browser.post("/api/v1/session/refresh", json!({})).await.expect(204);
    keep(&browser);
    browser.step_up(PASSWORD, "recovery", &codes[0]).await.expect(204);
    browser.put("/api/v1/vendor-keys/polygon", json!({ "key": VENDOR })).await.expect(200);
    browser.get("/api/v1/vendor-keys").await.expect(200);
    browser.post("/api/v1/sign-out", json!({})).await.expect(204);
    let challenge = factor(&mut browser, &codes[1]).await;
    keep(&browser);
    browser.get("/api/v1/sessions").await.expect(200);
    for (email, password) in [("ada@example.org", WRONG), (MISPLACED, WRONG)] {
        let form = json!({ "email": email, "password": password });
        browser.post("/api/v1/sign-in", form).await.expect(401);
    }
    browser.post("/api/v1/sign-out", json!({})).await.expect(204);
    secrets.push(("a sign-in's challenge", challenge));
    secrets.extend(codes.into_iter().map(|code| ("a recovery code", code)));
    secrets
}

/// A value as programs write it down.
fn spellings(value: &str) -> Vec<Vec<u8>> {
    let bytes = value.as_bytes();
    let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut all = vec![bytes.to_vec(), hex::encode(bytes).into_bytes(), wide];
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        all.push(engine.encode(bytes).into_bytes());
    }
    all.push(value.replace(' ', "%20").into_bytes());
    all.push(value.replace(' ', "+").into_bytes());
    all.push(value.replace('-', "").into_bytes());
    all.sort();
    all.dedup();
    all
}

/// Which secret lies where.
fn found(secrets: &[(&str, Vec<Vec<u8>>)], places: &[(String, Vec<u8>)]) -> Vec<String> {
    let mut hits = Vec::new();
    for (name, spellings) in secrets {
        for spelling in spellings {
            for (place, bytes) in places {
                let times = count(bytes, spelling);
                if times > 0 {
                    hits.push(format!("{name} in {place}, {times} times"));
                }
            }
        }
    }
    hits
}

fn on_disk(root: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |path: std::path::PathBuf| {
        let bytes = std::fs::read(&path).expect("a file");
        (path.display().to_string(), bytes)
    };
    files(root).into_iter().map(read).collect()
}

/// Looks into the memory until what is asked for is so: a connection ends a moment after its last
/// byte was read.
async fn looked(program: &Program, secrets: &[Secret], fine: impl Fn(&[String]) -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let plain = |(name, value): &Secret| (*name, vec![value.as_bytes().to_vec()]);
    let plain: Vec<_> = secrets.iter().map(plain).collect();
    loop {
        let hits = found(&plain, &program.memory());
        if fine(&hits) {
            return;
        }
        assert!(Instant::now() < deadline, "{hits:#?}");
        tokio::task::yield_now().await;
    }
}

/// Whoever is root can have an image taken in spite of everything: the secrets of people who have left
/// are not in it either. What the server needs at all times, its own keys, is.
fn in_no_image(program: &Program, secrets: &[Secret], place: &Path) {
    let images = tempfile::tempdir_in(place).expect("a directory");
    let Some(image) = program.image(images.path()) else {
        println!("no image was looked at: gcore (gdb) is not installed");
        return;
    };
    // It is one: what the program says of itself is in it.
    assert!(count(&image, b"stockade") > 0 && image.len() > 1 << 20, "{}", image.len());
    let plain = |(name, value): &Secret| (*name, vec![value.as_bytes().to_vec()]);
    let plain: Vec<_> = secrets.iter().map(plain).collect();
    assert_eq!(found(&plain, &[("the image".to_owned(), image)]), Vec::<String>::new());
}

/// Whether the kernel gives the memory of a process to its own user: what lies in `/proc` of one that is
/// not dumpable belongs to root.
fn is_dumpable(id: u32, user: u32) -> bool {
    let owner = std::fs::metadata(format!("/proc/{id}/environ")).expect("it runs").uid();
    assert!(owner == user || owner == 0, "{owner}");
    owner == user
}

#[test]
fn a_debugger_of_the_servers_own_user_sees_nothing() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        println!("only root can start a server as another user: not tried");
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o755)).expect("is ours");
    let program = Program::start_as(NOBODY, &place.path().join("data"), &place.path().join("log"));
    assert!(!is_dumpable(program.id(), NOBODY));
    // Twin: another program of the same user's.
    let mut other = Command::new("sleep").arg("60").uid(NOBODY).spawn().expect("starts");
    let seen = is_dumpable(other.id(), NOBODY);
    other.kill().and_then(|()| other.wait()).expect("ends");
    assert!(seen);
}

#[tokio::test]
async fn no_secret_lies_anywhere_after_it_was_used() {
    let place = tempfile::tempdir().expect("a directory");
    let (root, log) = (place.path().join("data"), place.path().join("log"));
    let program = Program::start(&root, &log, "[log]\nlevel = \"debug\"\n");
    let secrets = live(&program).await;
    assert!(secrets.len() > 20, "{}", secrets.len());
    let spelled: Vec<_> = secrets.iter().map(|(name, value)| (*name, spellings(value))).collect();
    let there = on_disk(place.path());
    assert!(there.iter().any(|(name, _)| name.ends_with("-wal")), "{:?}", files(&root));
    assert!(program.logged().contains("answered"), "{}", program.logged());
    assert_eq!(found(&spelled, &there), Vec::<String>::new());
    looked(&program, &secrets, <[String]>::is_empty).await;
    in_no_image(&program, &secrets, place.path());
    assert!(program.end(Signal::TERM).success());
    assert_eq!(found(&spelled, &on_disk(place.path())), Vec::<String>::new());
}

#[tokio::test]
async fn the_search_finds_a_secret_while_it_is_used() {
    let place = tempfile::tempdir().expect("a directory");
    let program = Program::start(&place.path().join("data"), &place.path().join("log"), "");
    let secrets = [("the password", PASSWORD.to_owned())];
    looked(&program, &secrets, <[String]>::is_empty).await;
    // A body that is still coming: the server holds what it has of it.
    let mut connection = program.browser().connect().await;
    let body = json!({ "email": "ada@example.org", "password": PASSWORD }).to_string();
    let head =
        "POST /api/v1/sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
    let part = format!("{head}content-length: 9999\r\n\r\n{body}");
    connection.write_all(part.as_bytes()).await.expect("writes");
    connection.flush().await.expect("writes");
    looked(&program, &secrets, |hits| !hits.is_empty()).await;
    drop(connection);
    looked(&program, &secrets, <[String]>::is_empty).await;
    let file = place.path().join("data/left-behind");
    for spelling in spellings(PASSWORD) {
        std::fs::write(&file, [b"xx".as_slice(), &spelling, b"xx"].concat()).expect("writes");
        let spelled = [("the password", spellings(PASSWORD))];
        assert_eq!(found(&spelled, &on_disk(place.path())).len(), 1);
    }
}

#[test]
fn a_server_that_breaks_leaves_no_image_of_itself() {
    let place = tempfile::tempdir().expect("a directory");
    let root = place.path().join("data");
    let program = Program::start(&root, &place.path().join("log"), "");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.id())).expect("text");
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a line");
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{line}");
    let end = program.end(Signal::ABORT);
    assert_eq!((end.signal(), end.core_dumped()), (Some(6), false));
    let cores = files(place.path()).into_iter().filter(|file| {
        file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core"))
    });
    assert_eq!(cores.collect::<Vec<_>>(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_password_lies_in_the_database_as_argon2id_and_a_code_too() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = crate::browser::start(directory.path()).await;
    Browser::new(&server).set_up(&server).await;
    server.stop().await.expect("stops");
    let path = stockade::desk::Paths::new(directory.path()).database();
    let place = format!("sqlite://{}", path.display());
    let mut connection = SqliteConnection::connect(&place).await.expect("opens");
    for (text, rows, recipe) in [
        ("SELECT password_hash FROM passwords", 1, "$argon2id$v=19$m=65536,t=3,p=1$"),
        ("SELECT code_hash FROM recovery_codes", 10, "$argon2id$v=19$"),
    ] {
        let stored: Vec<String> =
            sqlx::query_scalar(text).fetch_all(&mut connection).await.expect("reads");
        assert_eq!(stored.len(), rows);
        assert!(stored.iter().all(|hash| hash.starts_with(recipe)), "{stored:?}");
        let unlike: std::collections::BTreeSet<&String> = stored.iter().collect();
        assert_eq!(unlike.len(), rows, "each has its own salt");
    }
}
