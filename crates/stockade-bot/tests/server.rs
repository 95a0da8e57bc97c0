//! A bot and a server as people start them: it joins, is heard, is put out, and trades on without the server.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    dead_code,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test runs programs, reads their files, and waits no longer than it should"
)]

#[path = "box_and_bot/town.rs"]
mod town;

use serde_json::Value;
use std::{
    io::BufReader,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use town::{Town, is_protected, is_ready};

/// The server, where it was built beside the bot.
fn stockade() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_stockade-bot")).with_file_name("stockade");
    if !path.exists() {
        eprintln!("passed over: {} is not built", path.display());
        return None;
    }
    Some(path)
}

struct Server {
    program: PathBuf,
    root: tempfile::TempDir,
    child: Child,
    machines: SocketAddr,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn new(program: PathBuf) -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let (child, machines) = started(&program, root.path(), "127.0.0.1:0");
        Self { program, root, child, machines }
    }

    fn kill(&mut self) {
        self.child.kill().expect("dies");
        self.child.wait().expect("is gone");
    }

    /// At the same port as before.
    fn again(&mut self) {
        let at = self.machines.to_string();
        (self.child, self.machines) = started(&self.program, self.root.path(), &at);
    }

    fn said(&self, words: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.arg("--data-dir").arg(self.root.path()).args(words).env_clear();
        command.stdin(Stdio::null()).output().expect("ends")
    }

    fn add(&self, machine: &str) -> String {
        let said = self.said(&["machines", "add", machine, "--json"]);
        assert!(said.status.success(), "{said:?}");
        let told: Value = serde_json::from_slice(&said.stdout).expect("JSON");
        told["token"].as_str().expect("a token").to_owned()
    }

    /// Waits until the machine's line is as wanted.
    fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let said = self.said(&["machines", "list", "--json"]);
            let rows: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
            if is(&rows[0]) {
                return rows[0].clone();
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{what}: {rows:#} {said:?}");
        }
    }
}

fn started(program: &Path, root: &Path, machines: &str) -> (Child, SocketAddr) {
    let settings = format!("machines.listen = \"{machines}\"\n");
    std::fs::write(root.join("stockade.toml"), settings).expect("writes");
    let mut command = Command::new(program);
    command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(root);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("starts");
    let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut told = serde_json::Deserializer::from_reader(stdout).into_iter::<Value>();
    let told = told.next().expect("it says where it is").expect("JSON");
    let at = told["machines"].as_str().expect("machines come in").parse().expect("an address");
    (child, at)
}

fn join(town: &Town, server: &Server, token: &str) -> Output {
    let at = server.machines.to_string();
    town.said(&["join", "--server", &at, "--token", "-", "--json"], token)
}

#[test]
fn a_bot_joins_a_server_and_trades_on_without_it() {
    let Some(program) = stockade() else { return };
    let mut town = Town::new("bybit", &[]);
    let mut server = Server::new(program);
    let token = server.add("bot/eu-1");
    let joined = join(&town, &server, &token);
    assert!(joined.status.success(), "{joined:?}");
    let told: Value = serde_json::from_slice(&joined.stdout).expect("JSON");
    assert_eq!(told["machine"], "bot/eu-1", "{told}");
    let twice = join(&town, &server, &token);
    let why = String::from_utf8_lossy(&twice.stderr).into_owned();
    assert!(!twice.status.success() && why.contains("it was used"), "{why}");

    // The server hears of it, and has its word for the log.
    town.start();
    town.until("ready", 30, is_ready);
    let row = server.until("the bot is heard", |row| {
        row["witness"] == true && (row["state"] == "trading" || row["state"] == "managing")
    });
    assert_eq!((&row["world"], &row["silent"]), (&"live".into(), &false.into()), "{row}");
    assert!(row["ticked"].is_string() && row["certificate_ends"].is_string(), "{row}");
    let shown = |status: &Value, text: &str| {
        status["server"].as_str().is_some_and(|server| server.contains(text))
    };
    town.until("its own status says so", 30, |status| shown(status, "bot/eu-1 at "));
    let seen = town.path("state/server/log.checkpoint");
    assert!(std::fs::read_to_string(&seen).expect("was seen").starts_with("stockade.log/"));

    // Without the server it trades: a position with its stop, opened while nobody answers.
    server.kill();
    town.until("it says that the server is away", 60, |status| {
        shown(status, "does not answer") && shown(status, "trading goes on")
    });
    let held = town.until("a position with its stop", 150, is_protected);
    assert_eq!(held["barred"].as_array().map(Vec::len), Some(0), "{held}");
    server.again();
    town.until("it finds the server again", 90, |status| shown(status, "bot/eu-1 at "));

    // Put out by the command, it says so and trades on.
    let out = server.said(&["machines", "revoke", "bot/eu-1"]);
    assert!(out.status.success(), "{out:?}");
    server.until("it is out", |row| row["belongs"] == false);
    let status =
        town.until("it says that it was put out", 60, |status| shown(status, "was put out"));
    assert!(is_ready(&status) && is_protected(&status), "{status}");
    assert!(town.log().contains("bot/eu-1 was put out"), "{}", town.log());

    // It comes in again by another token, while it runs; the log is the same one.
    let token = server.add("bot/eu-1");
    let joined = join(&town, &server, &token);
    assert!(joined.status.success(), "{joined:?}");
    town.until("it is in again", 150, |status| shown(status, "bot/eu-1 at "));
    assert_eq!(server.until("is in", |row| row["belongs"] == true)["epoch"], 3);
    let verified = server.said(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
    town.kill();
}
