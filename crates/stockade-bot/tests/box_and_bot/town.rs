//! A place with a box and a bot, and what a person would do there.

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
    sizing: { fixed: 0.01 }\nrisk: { order_size: 1 }\ncash: 10000\ncurrency: USDT\n";

/// The same where nobody can be short.
const SPOT: &str = "version: 1\nname: long\ndata: x\nbar: 1m\n\
    signals: { long: \"close >= open\", exit: \"close < open * 0.9\" }\n\
    sizing: { fixed: 0.01 }\ncash: 10000\ncurrency: USDT\n";

/// A place with a box, and a bot's files for it.
pub struct Town {
    pub dir: tempfile::TempDir,
    pub exchange: Child,
    pub bot: Option<Child>,
    pub log: Arc<Mutex<String>>,
    pub news: Option<Receiver<()>>,
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

pub fn license_of(paid_hours: i64) -> (String, String) {
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
    pub fn new(venue: &str, more: &[&str]) -> Self {
        Self::of((venue, "perpetual"), more)
    }

    pub fn of((venue, product): (&str, &str), more: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut exchange = Command::new(BOT);
        exchange.args(["exchange", "--like", venue, "--listen", "127.0.0.1:0", "--accounts", "1"]);
        exchange
            .args([
                "--product",
                product,
                "--symbols",
                "BTC",
                "--keys",
                "keys.json",
                "--limits",
                "off",
            ])
            .args(more);
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
        town.files((venue, product), port, 1_000);
        town
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn files(&self, (venue, product): (&str, &str), port: u16, paid_hours: i64) {
        let (license, issuer) = license_of(paid_hours);
        std::fs::write(self.path("license.txt"), license).expect("writes");
        let (strategy, leverage) = if product == "spot" { (SPOT, 1) } else { (STRATEGY, 3) };
        std::fs::write(self.path("strategy.yaml"), strategy).expect("writes");
        let host = format!("localhost:{port}");
        let config = format!(
            "venue:\n  name: {venue}\n  product: {product}\n  ca_file: box/authority.pem\n  \
             hosts: {{ rest: \"https://{host}\", private: \"wss://{host}\", public: \"wss://{host}\" }}\n\
             account: {{ key: main, leverage: {leverage} }}\nkeys: {{ file: store.key }}\n\
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

    pub fn said(&self, arguments: &[&str], stdin: &str) -> Output {
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

    pub fn start(&mut self) {
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

    pub fn status(&self) -> Option<Value> {
        serde_json::from_slice(&self.said(&["status", "--json"], "").stdout).ok()
    }

    /// Waits until the bot's status is as wanted.
    pub fn until(&self, what: &str, seconds: u64, is: impl Fn(&Value) -> bool) -> Value {
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
    pub fn kill(&mut self) {
        let mut bot = self.bot.take().expect("runs");
        bot.kill().expect("dies");
        bot.wait().expect("is gone");
    }

    pub fn wait(&mut self) -> i32 {
        let mut bot = self.bot.take().expect("runs");
        let code = bot.wait().expect("ends").code().unwrap_or(-1);
        // Its last words: the sender goes with the pipe.
        while self.news.as_ref().is_some_and(|news| news.recv().is_ok()) {}
        code
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with it").clone()
    }
}

pub fn is_ready(status: &Value) -> bool {
    status["ready"] == true
}

pub fn holds(status: &Value) -> bool {
    status["positions"].as_array().is_some_and(|all| !all.is_empty())
}

pub fn is_protected(status: &Value) -> bool {
    let protected = |one: &Value| one["stop"].is_string();
    holds(status) && status["positions"].as_array().is_some_and(|all| all.iter().all(protected))
}
