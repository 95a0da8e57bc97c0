//! The program as people type it: its files, its words, its exit codes.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the test runs the program and reads its files")]

use serde_json::Value;
use std::{
    io::Write,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Stdio},
};

const BOT: &str = env!("CARGO_BIN_EXE_stockade-bot");
const CONFIG: &str = "venue: { name: bybit, product: perpetual }\nstrategy: s.yaml\n\
    symbols: [BTC/USDT]\nkeys: { file: store.key }\naccount: { key: main }\n";
const STRATEGY: &str = "version: 1\nname: up\ndata: x\nbar: 1m\nsignals: { long: \"close > open\" }\n\
    sizing: { fixed: 0.01 }\ncash: 10000\ncurrency: USDT\n";

/// A directory to work in.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn with_bot() -> Self {
        let desk = Self::new();
        desk.write("bot.yaml", CONFIG, 0o600);
        desk.write("s.yaml", STRATEGY, 0o644);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        std::fs::write(&path, text).expect("writes");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("sets it");
    }

    fn run(&self, arguments: &[&str], stdin: &str) -> (i32, String, String) {
        let mut command = Command::new(BOT);
        command.args(arguments).env_clear().env("X_API_KEY", "pub").env("X_API_SECRET", "hidden-1");
        command.current_dir(self.0.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        // A command that reads nothing may be gone already.
        let _ = pipe.write_all(stdin.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().expect("ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }

    /// Runs it and expects an exit code; what it said.
    fn ends(&self, arguments: &[&str], stdin: &str, code: i32) -> (String, String) {
        let (found, out, err) = self.run(arguments, stdin);
        assert_eq!(found, code, "{arguments:?}\n{out}\n{err}");
        (out, err)
    }
}

#[test]
fn a_configuration_is_written_checked_and_shown() {
    let desk = Desk::new();
    desk.ends(&["config", "check"], "", 1);
    desk.ends(&["config", "init"], "", 0);
    let (_, err) = desk.ends(&["config", "init"], "", 1);
    assert!(err.contains("exists already"), "{err}");
    let (_, err) = desk.ends(&["config", "check"], "", 1);
    assert!(err.contains("cannot read the strategy"), "{err}");
    desk.write("strategy.yaml", STRATEGY, 0o644);
    desk.ends(&["config", "check"], "", 0);
    let (out, _) = desk.ends(&["config", "show", "--json"], "", 0);
    let shown: Value = serde_json::from_str(&out).expect("JSON");
    let keys: Vec<&str> =
        shown.as_array().expect("a list").iter().filter_map(|one| one["key"].as_str()).collect();
    assert!(keys.contains(&"caps.slippage"), "{keys:?}");
}

/// M62: a configuration that others can read stops every command that uses it.
#[test]
fn a_configuration_at_0644_is_refused_by_every_command() {
    let desk = Desk::with_bot();
    desk.write("bot.yaml", CONFIG, 0o644);
    for command in [
        &["run"][..],
        &["paper"],
        &["status"],
        &["halt"],
        &["flatten", "--yes"],
        &["keys", "list"],
        &["config", "check"],
        &["license"],
        &["replay"],
    ] {
        let (_, err) = desk.ends(command, "", 1);
        assert!(err.contains("chmod 0600"), "{command:?}: {err}");
    }
    desk.run(&["doctor", "--fix"], "");
    desk.ends(&["config", "check"], "", 0);
}

#[test]
fn wrong_configurations_and_usage_are_told_apart() {
    let desk = Desk::with_bot();
    desk.write("bot.yaml", "venue: { name: bybt, product: perpetual }\ncap: 1\n", 0o600);
    let (_, err) = desk.ends(&["config", "check"], "", 1);
    assert!(
        err.contains(
            "bot.yaml: line 1, column 16: `venue.name` cannot be \"bybt\" (did you mean `bybit`?"
        ),
        "{err}"
    );
    assert!(err.contains("line 2, column 1: `cap` is no key (did you mean `caps`?)"), "{err}");
    desk.ends(&["fly"], "", 2);
    desk.ends(&["halt", "--cancel", "--flatten"], "", 2);
    desk.ends(&["keys", "import", "x"], "", 2);
}

#[test]
fn keys_go_in_and_never_come_out() {
    let desk = Desk::with_bot();
    let (out, err) = desk.ends(&["keys", "add", "main", "--stdin"], "pub-1\nhidden-2\n", 0);
    assert!(!format!("{out}{err}").contains("hidden"), "{out}{err}");
    desk.ends(&["keys", "add", "main", "--stdin"], "pub-1\nhidden-2\n", 1);
    desk.ends(&["keys", "add", "token", "--plain", "--stdin"], "123:abc\n", 0);
    desk.ends(&["keys", "add", "short", "--stdin"], "pub-1\n", 1);
    let (_, err) = desk.ends(&["keys", "import", "env", "--from-env", "X"], "", 0);
    assert!(err.contains("warning") && err.contains("X_API_"), "{err}");
    desk.write("key.yaml", "bybit:\n  api_key: pub-3\n  api_secret: hidden-3\n", 0o644);
    let (_, err) = desk.ends(&["keys", "import", "file", "--from-yaml", "key.yaml"], "", 1);
    assert!(err.contains("chmod 0600"), "{err}");
    desk.write("key.yaml", "bybit:\n  api_key: pub-3\n  api_secret: hidden-3\n", 0o600);
    let (_, err) = desk.ends(&["keys", "import", "file", "--from-yaml", "key.yaml"], "", 0);
    assert!(err.contains("shred -u key.yaml"), "{err}");
    let (out, _) = desk.ends(&["keys", "list", "--json"], "", 0);
    let listed: Value = serde_json::from_str(&out).expect("JSON");
    let names: Vec<&str> =
        listed.as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["env", "file", "main", "token"]);
    assert!(!out.contains("hidden") && !out.contains("pub-"), "{out}");
    desk.ends(&["keys", "remove", "env"], "", 0);
    desk.ends(&["keys", "remove", "env"], "", 1);
    let file = std::fs::read(desk.path("keys.sealed")).expect("is there");
    for secret in ["hidden-1", "hidden-2", "hidden-3", "123:abc"] {
        assert!(!file.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
    let mode = std::fs::metadata(desk.path("keys.sealed")).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn without_a_bot_its_commands_say_so() {
    let desk = Desk::with_bot();
    for command in [&["status"][..], &["halt"], &["resume"]] {
        let (_, err) = desk.ends(command, "", 1);
        assert!(err.contains("no bot runs"), "{command:?}: {err}");
    }
    let (_, err) = desk.ends(&["explain", "s1"], "", 1);
    assert!(err.contains("no recordings"), "{err}");
    let (out, _) = desk.ends(&["license"], "", 3);
    assert!(out.contains("manage only"), "{out}");
}

#[test]
fn a_doctor_looks_and_finds_nothing_that_it_could_not_read() {
    let desk = Desk::with_bot();
    let config = CONFIG.replace("account: { key: main }\n", "");
    desk.write("bot.yaml", &config, 0o600);
    let (code, out, err) = desk.run(&["doctor", "--json"], "");
    assert!(code == 0 || code == 3, "{out}{err}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().any(|one| one["area"] == "journal"), "{out}");
    for one in findings.iter().filter(|one| one["severity"] == "problem") {
        assert!(one["fix"].is_string(), "a problem without a fix: {one}");
    }
}

#[test]
fn every_key_of_the_configuration_is_in_the_book() {
    let book = include_str!("../../../docs/bot.md");
    let desk = Desk::with_bot();
    let (out, _) = desk.ends(&["config", "show", "--json"], "", 0);
    let shown: Value = serde_json::from_str(&out).expect("JSON");
    for one in shown.as_array().expect("a list") {
        let key = one["key"].as_str().expect("a key");
        let last = key.rsplit('.').next().expect("a name");
        assert!(
            book.contains(&format!("`{key}`")) || book.contains(&format!("`.{last}`")),
            "{key}"
        );
    }
}

/// Files below a directory, with modes and contents.
fn tree(root: &std::path::Path, below: &str) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root.join(below)).expect("lists") {
        let entry = entry.expect("an entry");
        let name = format!("{below}/{}", entry.file_name().to_string_lossy());
        let about = entry.metadata().expect("about it");
        if about.is_dir() {
            found.extend(tree(root, &name));
        } else {
            let mode = about.permissions().mode() & 0o777;
            found.push((name, mode, std::fs::read(entry.path()).expect("reads")));
        }
    }
    found.sort();
    found
}

#[test]
fn a_bot_comes_back_byte_for_byte_and_only_by_its_passphrase() {
    let desk = Desk::with_bot();
    let secret = "pub\nhidden-1\n";
    desk.ends(&["keys", "add", "main", "--stdin"], secret, 0);
    std::fs::create_dir_all(desk.path("state/journal")).expect("a directory");
    let frames: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    for name in ["state/journal/00000001.log", "state/journal/00000002.log"] {
        std::fs::write(desk.path(name), &frames).expect("writes");
    }
    let passphrase = "correct horse battery staple\n";
    let (out, _) = desk.ends(&["backup", "bot.sealed", "--stdin", "--json"], passphrase, 0);
    assert!(out.contains("\"journal\":2") || out.contains("\"journal\": 2"), "{out}");
    let sealed = std::fs::read(desk.path("bot.sealed")).expect("reads");
    assert!(!sealed.windows(8).any(|window| window == b"BTC/USDT"), "nothing is in the clear");
    let restore = ["restore", "bot.sealed", "--into", "new", "--stdin"];
    let (_, err) = desk.ends(&restore, "correct horse battery stable\n", 1);
    assert!(err.contains("passphrase") && !desk.path("new").exists(), "{err}");
    desk.ends(&restore, passphrase, 0);
    for file in ["bot.yaml", "s.yaml", "keys.sealed"] {
        let read = |path: PathBuf| std::fs::read(path).expect("reads");
        assert_eq!(read(desk.path(file)), read(desk.path("new").join(file)), "{file}");
    }
    let journal = |root: &str| tree(&desk.path(root), "state/journal");
    assert_eq!(journal("."), journal("new"));
    let mode = std::fs::metadata(desk.path("new/bot.yaml")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What is there is not written over, and a flipped byte brings nothing back.
    let (_, err) = desk.ends(&restore, passphrase, 1);
    assert!(err.contains("is not empty"), "{err}");
    let mut flipped = sealed;
    let at = flipped.len() - 1;
    flipped[at] ^= 1;
    std::fs::write(desk.path("bot.sealed"), flipped).expect("writes");
    let elsewhere = ["restore", "bot.sealed", "--into", "other", "--stdin"];
    desk.ends(&elsewhere, passphrase, 1);
    assert!(!desk.path("other").exists());
}
