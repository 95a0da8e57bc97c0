//! The network in which the server is scanned: its addresses, its authority, the server, and each scanner's call.

use super::{
    judge::{self, Verdict},
    text,
    tools::Tools,
};
use crate::{
    machine, process,
    server::{self, Server},
};
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// The server's name.
pub const NAME: &str = "trade.example.org";
/// The server's address, and that of a neighbour on the same network (RFC 5737).
pub const SERVER: &str = "192.0.2.1";
pub const NEIGHBOUR: &str = "192.0.2.2";
/// How long pebble and the first certificate may take.
const READY_LIMIT: Duration = Duration::from_mins(1);
/// Ninety days, as those of the public authorities. They say, too, where one asks whether a certificate was
/// revoked; nobody answers there, and no scanner asks.
const PEBBLE: &str = r#"{"pebble":{"listenAddress":"127.0.0.1:14000","managementListenAddress":"127.0.0.1:15000",
"certificate":"tls.pem","privateKey":"tls-key.pem","httpPort":80,"tlsPort":443,
"ocspResponderURL":"http://status.example.org","externalAccountBindingRequired":false,
"certificateValidityPeriod":7776000}}"#;

/// Whether the limits of a network stay as they are by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Haste {
    Not,
    Much,
}

/// A namespace with a server in it.
pub struct World {
    folder: PathBuf,
    binary: PathBuf,
    tools: Tools,
    pebble: Child,
    server: Option<Server>,
}

impl Drop for World {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        self.pebble.kill().ok();
        self.pebble.wait().ok();
    }
}

impl World {
    /// Addresses, names and the authority; called inside the namespace.
    pub fn make(binary: PathBuf, tools: Tools) -> Result<Self> {
        let folder = machine::target().join("xtask/outside");
        if folder.exists() {
            fs::remove_dir_all(&folder).context("clearing the last run's data")?;
        }
        fs::create_dir_all(folder.join("out"))?;
        let hosts = folder.join("hosts");
        fs::write(&hosts, format!("127.0.0.1 localhost\n{SERVER} {NAME}\n"))?;
        let hosts = hosts.to_string_lossy();
        let (server, neighbour) = (format!("{SERVER}/32"), format!("{NEIGHBOUR}/32"));
        quietly("ip", &["link", "set", "lo", "up"], &folder)?;
        quietly("ip", &["address", "add", &server, "dev", "lo"], &folder)?;
        quietly("ip", &["address", "add", &neighbour, "dev", "lo"], &folder)?;
        quietly("mount", &["--bind", &hosts, "/etc/hosts"], &folder)?;
        let pebble = authority(&folder)?;
        Ok(Self { folder, binary, tools, pebble, server: None })
    }

    /// Starts the server and waits until it shows the certificate of its name.
    pub fn serve(&mut self, haste: Haste) -> Result<()> {
        let project = machine::project();
        let identity = self.folder.join("reports.key");
        let mut keygen = process::command("node", &["ui/e2e/identity.mjs"], &project);
        let recipient = process::output(keygen.arg(identity))?;
        let (listen, plain) = (format!("{SERVER}:443"), format!("{SERVER}:80"));
        let (origin, roots) = (Self::origin(), self.folder.join("roots.pem"));
        let mut settings = vec![
            ("server.listen", listen.as_str()),
            ("server.plain_listen", &plain),
            ("server.public", "true"),
            ("server.origin", &origin),
            ("acme.directory", "https://localhost:14000/dir"),
            ("acme.contact", "ops@example.org"),
            ("acme.terms_agreed", "true"),
            ("disclosure.contact", "security@example.org"),
            ("disclosure.recipients", recipient.trim()),
        ];
        let roots = roots.to_string_lossy();
        settings.push(("acme.authority", &roots));
        if haste == Haste::Much {
            settings.extend(server::UNHURRIED);
        }
        let data = self.folder.join("data");
        self.server = Some(Server::start(&self.binary, data, &project.join("data"), &settings)?);
        let health = format!("{origin}/health");
        within("the certificate of its name", || {
            let words =
                ["--silent", "--fail", "--output", "/dev/null", "--cacert", "root.pem", &health];
            Ok(process::command("curl", &words, &self.folder).status()?.success())
        })
    }

    /// Stops the server.
    pub fn rest(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), Server::stop)
    }

    /// Where the scanners' words are kept.
    pub fn outputs(&self) -> PathBuf {
        self.folder.join("out")
    }

    /// Where the authority's root is.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root.pem")
    }

    /// Where the server is.
    pub fn origin() -> String {
        format!("https://{NAME}")
    }

    /// Runs a scanner; what it prints is kept under the name. Its exit code says what the judge reads anyway.
    pub fn ask(&self, command: &mut Command, name: &str) -> Result<String> {
        let place = self.outputs().join(name);
        let log = fs::File::create(&place)?;
        println!("$ {}", process::shown(command));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        command.current_dir(&self.folder).status().context("starting it")?;
        text(&place)
    }

    /// TLS by Mozilla's rules.
    pub fn sslyze(&self) -> Result<Verdict> {
        let mut sslyze = Command::new(self.tools.script("sslyze"));
        sslyze.arg("--certinfo_ca_file").arg(self.root());
        sslyze.args(["--mozilla_config", "intermediate", &format!("{NAME}:443")]);
        Ok(judge::sslyze(&self.ask(&mut sslyze, "sslyze.txt")?, &self.version("sslyze")?))
    }

    /// Headers, cookies and redirects by Mozilla's rules.
    pub fn observatory(&self) -> Result<Verdict> {
        let mut node = Command::new("node");
        node.arg(self.tools.observatory.join("src/scan.js")).arg(NAME);
        node.env("NODE_EXTRA_CA_CERTS", self.root());
        let said = self.ask(&mut node, "observatory.json")?;
        let package = text(&self.tools.observatory.join("package.json"))?;
        judge::observatory(&said, &package)
    }

    /// TLS and headers by the rules of testssl.
    pub fn testssl(&self) -> Result<Verdict> {
        let place = self.outputs().join("testssl.json");
        let mut testssl = Command::new("testssl");
        testssl.args(["--warnings", "batch", "--color", "0", "--quiet", "--add-ca"]);
        testssl.arg(self.root()).arg("--jsonfile-pretty").arg(&place).arg(NAME);
        self.ask(&mut testssl, "testssl.txt")?;
        judge::testssl(&text(&place)?)
    }

    /// Every operation of the document, asked by an owner and by a trader.
    pub fn schemathesis(&self) -> Result<Verdict> {
        let server = self.server.as_ref().context("no server runs")?;
        let people = self.folder.join("people.json");
        let mut house = json!({
            "origin": Self::origin(), "authority": self.root(), "link": server.link, "from": NEIGHBOUR,
        });
        let mut verdicts = Vec::new();
        for who in ["owner", "trader"] {
            if let Some(house) = house.as_object_mut() {
                house.extend(made(&people).map(|made| ("people".to_owned(), made)));
                house.insert("as".to_owned(), json!(who));
            }
            fs::write(&people, house.to_string())?;
            let place = self.outputs().join(format!("schemathesis-{who}.json"));
            let mut command = Command::new(self.tools.script("schemathesis"));
            let rules = machine::project().join("xtask/outside/schemathesis.toml");
            command.arg("--config-file").arg(rules);
            command.args(["--no-color", "run", &format!("{}/openapi.json", Self::origin())]);
            command.arg("--tls-verify").arg(self.root()).args([
                "--continue-on-failure",
                "--seed",
                "1",
            ]);
            command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", "20"]);
            // Whoever was put out waits up to half a minute for the next code of the authenticator.
            command.args(["--suppress-health-check", "too_slow"]);
            command.args(["--generation-database", "none", "--report", "json"]);
            command.arg("--report-json-path").arg(&place);
            command.env("STOCKADE_PEOPLE", &people).env("SCHEMATHESIS_HOOKS", "people");
            command.env("PYTHONPATH", machine::project().join("xtask/outside"));
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            self.ask(&mut command, &format!("schemathesis-{who}.txt"))?;
            verdicts.push(judge::schemathesis(&text(&place)?, who)?);
        }
        let faults = fs::read_to_string(server.data.with_extension("log"))?;
        verdicts.push(judge::faults(&faults));
        verdicts.into_iter().reduce(Verdict::and).context("nobody asked")
    }

    fn version(&self, package: &str) -> Result<String> {
        let code = format!("import importlib.metadata as m; print(m.version({package:?}))");
        let said = process::output(Command::new(&self.tools.python).args(["-c", &code]))?;
        Ok(said.trim().to_owned())
    }
}

/// The people that were made in the run before.
fn made(place: &Path) -> Option<serde_json::Value> {
    let house: serde_json::Value = serde_json::from_str(&fs::read_to_string(place).ok()?).ok()?;
    house.get("people").cloned()
}

/// Debian's pebble, with a certificate of its own; its root is written beside it.
fn authority(folder: &Path) -> Result<Child> {
    fs::write(folder.join("pebble.json"), PEBBLE)?;
    let own = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
        "-keyout",
        "tls-key.pem",
        "-out",
        "tls.pem",
    ];
    quietly("openssl", &own, folder)?;
    let log = fs::File::create(folder.join("pebble.log"))?;
    let mut pebble = process::command("pebble", &["-config", "pebble.json"], folder);
    pebble.env("PEBBLE_VA_NOSLEEP", "1").stdout(log.try_clone()?).stderr(log);
    let child = process::spawn(&mut pebble)?;
    within("pebble", || {
        let root = "https://localhost:15000/roots/0";
        let words = ["--silent", "--fail", "--cacert", "tls.pem", "--output", "root.pem", root];
        Ok(process::command("curl", &words, folder).status()?.success())
    })?;
    let both = [fs::read(folder.join("tls.pem"))?, fs::read(folder.join("root.pem"))?].concat();
    fs::write(folder.join("roots.pem"), both)?;
    Ok(child)
}

fn quietly(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    process::output(&mut process::command(program, arguments, folder)).map(drop)
}

/// Asks again until it is so.
fn within(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + READY_LIMIT;
    while !is_so()? {
        if Instant::now() > deadline {
            bail!("no sign of {what} within {} s", READY_LIMIT.as_secs());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
