//! The bot against an exchange in a box, both as people start them: two processes, real sockets, TLS.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test runs the program, reads its files, and waits no longer than it should"
)]

use jiff::{SignedDuration, Timestamp};
use license::{CheckIn, Term, Terms, issuer_to_text};
use seal::SigningKey;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

const BOT: &str = env!("CARGO_BIN_EXE_stockade-bot");

/// Trades every minute whatever the market does.
const STRATEGY: &str = "version: 1\nname: both\ndata: x\nbar: 1m\n\
    signals: { long: \"close >= open\", short: \"close < open\" }\n\
    sizing: { fixed: 0.01 }\ncash: 10000\ncurrency: USDT\n";

/// A place with a box, and a bot's files for it.
struct Town {
    dir: tempfile::TempDir,
    exchange: Child,
    bot: Option<Child>,
    log: Arc<Mutex<String>>,
    news: Option<Receiver<()>>,
}

impl Drop for Town {
    fn drop(&mut self) {
        for child in [Some(&mut self.exchange), self.bot.as_mut()].into_iter().flatten() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn write_private(path: &PathBuf, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut open = std::fs::OpenOptions::new();
    let file = open.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.expect("opens").write_all(text.as_bytes()).expect("writes");
}

fn license(paid_hours: i64) -> (String, String) {
    let key = SigningKey::from_seed(&[7; 32].into());
    let now = Timestamp::now();
    let hours = |hours: i64| now + SignedDuration::from_hours(hours);
    let terms = Terms {
        license: "test".to_owned(),
        edition: "test".to_owned(),
        entitlements: ["live".to_owned()].into(),
        instances: 1,
        issued: hours(-1000),
        not_before: hours(-1000),
        paid_until: hours(paid_hours),
        hard_until: hours(paid_hours),
        grace_hours: 0,
        term: Term::Paid,
        check_in: CheckIn::Never,
        instance: None,
        policy: 1,
    };
    (terms.sign(&key).expect("is signed"), issuer_to_text(key.verifying_key()))
}

impl Town {
    fn new(venue: &str, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut exchange = Command::new(BOT);
        exchange.args(["exchange", "--like", venue, "--listen", "127.0.0.1:0", "--accounts", "1"]);
        exchange.args(["--symbols", "BTC", "--keys", "keys.json", "--limits", "off"]).args(more);
        exchange.current_dir(dir.path()).env_clear();
        let mut exchange =
            exchange.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a box");
        let mut lines = BufReader::new(exchange.stdout.take().expect("a pipe")).lines();
        let place = lines.next().expect("a line").expect("text");
        let port: u16 = place.rsplit(':').next().expect("a port").trim().parse().expect("a port");
        let told = lines.next().expect("a line").expect("text");
        assert!(told.contains("streams"), "{told}");
        for _ in 0..2 {
            lines.next().expect("a line").expect("text");
        }
        // Whatever it says later is nobody's business, and must not block it.
        std::thread::spawn(move || lines.for_each(drop));
        let town = Self { dir, exchange, bot: None, log: Arc::default(), news: None };
        town.files(venue, port, 1_000);
        town
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn files(&self, venue: &str, port: u16, paid_hours: i64) {
        let (license, issuer) = license(paid_hours);
        std::fs::write(self.path("license.txt"), license).expect("writes");
        std::fs::write(self.path("strategy.yaml"), STRATEGY).expect("writes");
        let host = format!("localhost:{port}");
        let config = format!(
            "venue:\n  name: {venue}\n  product: perpetual\n  ca_file: box/authority.pem\n  \
             hosts: {{ rest: \"https://{host}\", private: \"wss://{host}\", public: \"wss://{host}\" }}\n\
             account: {{ key: main, leverage: 3 }}\nkeys: {{ file: store.key }}\n\
             strategy: strategy.yaml\nsymbols: [BTC/USDT]\nstop: {{ distance: 5% }}\n\
             compare_seconds: 5\nlicense: {{ file: license.txt, issuer: \"{issuer}\" }}\n"
        );
        write_private(&self.path("bot.yaml"), &config);
        let keys = std::fs::read_to_string(self.path("keys.json")).expect("the box's keys");
        let keys: Value = serde_json::from_str(&keys).expect("JSON");
        let given = |name: &str| keys[0][name].as_str().unwrap_or_default().to_owned();
        let lines = format!("{}\n{}\n{}\n", given("key"), given("secret"), given("passphrase"));
        let added = self.said(&["keys", "add", "main", "--stdin"], &lines);
        assert!(added.status.success(), "{added:?}");
    }

    fn said(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut command = Command::new(BOT);
        command.args(arguments).env_clear().current_dir(self.dir.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let mut pipe = child.stdin.take().expect("a pipe");
        // A command that reads nothing may be gone already.
        let _ = pipe.write_all(stdin.as_bytes());
        drop(pipe);
        child.wait_with_output().expect("ends")
    }

    fn start(&mut self) {
        let mut command = Command::new(BOT);
        command.arg("run").env_clear().current_dir(self.dir.path()).stdin(Stdio::null());
        let mut bot = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        let lines = BufReader::new(bot.stderr.take().expect("a pipe")).lines();
        let (tell, news) = channel();
        let log = Arc::clone(&self.log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = log.lock().expect("nobody panics with it");
                log.push_str(&line);
                log.push('\n');
                // Nobody may want to hear it.
                let _ = tell.send(());
            }
        });
        (self.bot, self.news) = (Some(bot), Some(news));
    }

    fn status(&self) -> Option<Value> {
        serde_json::from_slice(&self.said(&["status", "--json"], "").stdout).ok()
    }

    /// Waits until the bot's status is as wanted.
    fn until(&self, what: &str, seconds: u64, is: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if let Some(status) = status.as_ref().filter(|status| is(status)) {
                return status.clone();
            }
            let log = self.log();
            assert!(
                begun.elapsed() < Duration::from_secs(seconds),
                "{what}: not within {seconds} s: {status:#?}\n{log}"
            );
            // Until the bot says something, or a while has passed.
            let _ = self.news.as_ref().expect("runs").recv_timeout(Duration::from_millis(500));
        }
    }

    /// The process dies as by a power switch.
    fn kill(&mut self) {
        let mut bot = self.bot.take().expect("runs");
        bot.kill().expect("dies");
        bot.wait().expect("is gone");
    }

    fn wait(&mut self) -> i32 {
        let mut bot = self.bot.take().expect("runs");
        let code = bot.wait().expect("ends").code().unwrap_or(-1);
        // Its last words: the sender goes with the pipe.
        while self.news.as_ref().is_some_and(|news| news.recv().is_ok()) {}
        code
    }

    fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }
}

fn is_ready(status: &Value) -> bool {
    status["ready"] == true
}

fn holds(status: &Value) -> bool {
    status["positions"].as_array().is_some_and(|all| !all.is_empty())
}

fn is_protected(status: &Value) -> bool {
    let protected = |one: &Value| one["stop"].is_string();
    holds(status) && status["positions"].as_array().is_some_and(|all| all.iter().all(protected))
}

/// Opens, dies, goes on, closes by itself with no bot running, and is made again from its recording.
fn a_life_and_the_next(venue: &str) {
    let mut town = Town::new(venue, &[]);
    town.start();
    let status = town.until("ready", 30, is_ready);
    assert_eq!(status["barred"].as_array().map(Vec::len), Some(0), "{status}");
    let held = town.until("a position with its stop", 150, is_protected);
    let stop =
        held["orders"].as_array().and_then(|all| all.iter().find(|o| o["purpose"] == "stop"));
    let name = stop.and_then(|stop| stop["name"].as_str()).expect("a stop's name").to_owned();
    let explained = town.said(&["explain", &name, "--json"], "");
    let told: Value = serde_json::from_slice(&explained.stdout).expect("JSON");
    assert_eq!((told["purpose"].as_str(), told["name"].as_str()), (Some("stop"), Some(&*name)));
    town.kill();
    town.start();
    let again = town.until("ready again", 30, is_ready);
    assert!(holds(&again), "{held}\n{again}");
    town.until("protected again", 20, is_protected);
    town.kill();
    let flat = town.said(&["flatten", "--yes"], "");
    assert!(flat.status.success(), "{flat:?}");
    // Every recorded session is made again, byte for byte.
    let tapes = std::fs::read_dir(town.path("state/tape")).expect("recordings");
    for tape in tapes {
        let tape = tape.expect("a recording").path();
        let replayed = town.said(&["replay", &tape.display().to_string()], "");
        let text = String::from_utf8_lossy(&replayed.stdout).into_owned();
        assert!(replayed.status.success(), "{text} {replayed:?}");
        assert!(text.contains("byte for byte"), "{text}");
    }
    town.start();
    let status = town.until("ready at last", 30, is_ready);
    assert_eq!(status["kill"], "flatten", "the kill switch outlives the process");
    assert!(!holds(&status), "{status}");
    assert!(town.said(&["resume"], "").status.success());
    town.until("let go", 5, |status| status["kill"] == "off");
    // A name that explains itself: the first order of the latest life that made one.
    std::fs::write(town.path("state/KILL"), "").expect("writes");
    town.until("killed by a file", 5, |status| status["kill"] == "flatten");
    let refused = town.said(&["resume"], "");
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let stopped = town.said(&["halt"], "");
    assert!(stopped.status.success());
    rustix::process::kill_process(
        rustix::process::Pid::from_child(town.bot.as_ref().expect("runs")),
        rustix::process::Signal::TERM,
    )
    .expect("is told to end");
    assert_eq!(town.wait(), 0);
}

#[test]
fn a_bot_on_bybit_lives_dies_and_goes_on() {
    a_life_and_the_next("bybit");
}

#[test]
fn a_bot_on_binance_lives_dies_and_goes_on() {
    a_life_and_the_next("binance");
}

#[test]
fn a_bot_on_okx_lives_dies_and_goes_on() {
    a_life_and_the_next("okx");
}

/// An expired licence with an open position: nothing new is opened, the stop stays, closing works.
#[test]
fn an_expired_licence_manages_what_is_open() {
    let mut town = Town::new("bybit", &[]);
    town.start();
    town.until("a position with its stop", 150, is_protected);
    town.kill();
    let (expired, _) = license(-1);
    std::fs::write(town.path("license.txt"), expired).expect("writes");
    town.start();
    let status = town.until("ready again", 30, |status| is_ready(status) && is_protected(status));
    let barred = status["barred"].to_string();
    assert!(barred.contains("licence"), "{status}");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(town.bot.as_ref().expect("runs")),
        rustix::process::Signal::USR2,
    )
    .expect("is told to close");
    town.until("closed by a signal", 20, |status| !holds(status));
}

/// Backtest = paper: live prices, the fills of a backtest.
#[test]
fn paper_is_the_backtest_of_the_rows_that_it_saw() {
    let town = Town::new("okx", &[]);
    let ended = town.said(&["paper", "--rows", "2", "--json"], "");
    let told: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(told["equals_backtest"], true, "{ended:?}");
    let place = town.path("results").join(told["run_id"].as_str().expect("a name"));
    let bars = std::fs::read_to_string(place.join("bars.csv")).expect("the rows");
    assert!(bars.lines().count() >= 3, "{bars}");
    assert!(place.join("paper.json").exists() && place.join("strategy.yaml").exists());
}

/// M60: a key that may withdraw is refused before anything is sent.
#[test]
fn a_key_that_may_withdraw_is_refused() {
    let mut town = Town::new("bybit", &["--key-scope", "withdraw"]);
    town.start();
    assert_eq!(town.wait(), 1);
    let log = town.log();
    assert!(log.contains("may withdraw"), "{log}");
}

/// M61: a key that works from anywhere is warned of.
#[test]
fn a_key_that_works_from_anywhere_is_warned_of() {
    let mut town = Town::new("okx", &["--key-scope", "no-ip"]);
    town.start();
    town.until("ready", 30, is_ready);
    let log = town.log();
    assert!(log.contains("works from any address"), "{log}");
}
