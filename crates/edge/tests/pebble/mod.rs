//! Debian's pebble, an ACME server that checks what it is told, with a name server of its own and a line to it
//! that can be cut.

#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the test starts programs, certificates follow the clock, and what is skipped is said"
)]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edge::{Allowed, Authority, Client, Origin, Request, Terms, Trust};
use http::Method;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    process::{Child, Command},
    sync::watch,
    task::AbortHandle,
};

const WITHIN: Duration = Duration::from_secs(20);
/// How long a certificate of its lasts: ninety days, as those of the public authorities.
const LIFE_S: u32 = 90 * 24 * 3600;

/// A running pebble and what belongs to it.
pub struct Pebble {
    pub directory: tempfile::TempDir,
    port: u16,
    programs: Vec<Child>,
    line: watch::Sender<bool>,
    relay: AbortHandle,
    places: Places,
}

#[derive(Clone, Copy)]
struct Places {
    acme: u16,
    management: u16,
    dns: u16,
    dns_management: u16,
    http: u16,
    tls: u16,
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

/// Whether the programs are there; where not, it is said what is left out.
pub fn is_here() -> bool {
    let here = ["pebble", "pebble-challtestsrv"].into_iter().all(|program| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    });
    if !here {
        println!("skipped: pebble is not on this machine (apt-get install pebble)");
    }
    here
}

/// Ports that were free a moment ago.
pub async fn free_ports<const N: usize>() -> [u16; N] {
    let mut held = Vec::new();
    for _ in 0..N {
        held.push(TcpListener::bind("127.0.0.1:0").await.expect("binds"));
    }
    let port = |at: usize| held[at].local_addr().expect("an address").port();
    std::array::from_fn(port)
}

impl Pebble {
    /// Starts one that looks for proofs at these ports of this machine, whatever the name.
    pub async fn start(http: u16, tls: u16) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let [acme, management, dns, dns_management] = free_ports().await;
        let places = Places { acme, management, dns, dns_management, http, tls };
        let own = Authority::open_or_create(directory.path(), jiff::Timestamp::now());
        let leaf = own.expect("an authority").leaf(jiff::Timestamp::now()).expect("a leaf");
        let (chain, key) = leaf.into_parts();
        let certificate = pem("CERTIFICATE", &chain[0]);
        std::fs::write(directory.path().join("tls.pem"), certificate).expect("writes");
        let key = pem("PRIVATE KEY", key.secret_der());
        std::fs::write(directory.path().join("tls-key.pem"), key).expect("writes");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
        let port = listener.local_addr().expect("an address").port();
        let (line, open) = watch::channel(true);
        let to = SocketAddr::from(([127, 0, 0, 1], acme));
        let relay = tokio::spawn(relay(listener, to, open)).abort_handle();
        let mut own = Self { directory, port, programs: Vec::new(), line, relay, places };
        own.run().await;
        own
    }

    /// The address of its directory.
    pub fn url(&self) -> String {
        format!("https://localhost:{}/dir", self.port)
    }

    /// Who signed its TLS certificate, and who signs what it issues.
    pub fn authority(&self) -> PathBuf {
        self.directory.path().join("roots.pem")
    }

    /// Cuts the line to it, and every connection that goes over it, or joins it again.
    pub fn cut(&self, cut: bool) {
        self.line.send(!cut).expect("the line is there");
    }

    /// Ends it and starts another, with another root and no memory of any account.
    pub async fn restart(&mut self) {
        for mut program in self.programs.drain(..) {
            program.kill().await.expect("ends");
        }
        self.run().await;
    }

    async fn run(&mut self) {
        let at = |port: u16| format!("127.0.0.1:{port}");
        let Places { acme, management, dns, dns_management, http, tls } = self.places;
        let file = |name: &str| self.directory.path().join(name).display().to_string();
        let config = format!(
            r#"{{"pebble":{{"listenAddress":"{}","managementListenAddress":"{}","certificate":"{}",
            "privateKey":"{}","httpPort":{http},"tlsPort":{tls},"ocspResponderURL":"",
            "externalAccountBindingRequired":false,"certificateValidityPeriod":{LIFE_S}}}}}"#,
            at(acme),
            at(management),
            file("tls.pem"),
            file("tls-key.pem"),
        );
        std::fs::write(self.directory.path().join("pebble.json"), config).expect("writes");
        let (dns, dns_management) = (at(dns), at(dns_management));
        let names = [
            ["-dns01", &dns],
            ["-management", &dns_management],
            ["-http01", ""],
            ["-https01", ""],
            ["-tlsalpn01", ""],
            ["-defaultIPv6", ""],
        ];
        let config = file("pebble.json");
        self.spawn("pebble-challtestsrv", names.as_flattened());
        self.spawn("pebble", &["-config", &config, "-dnsserver", &dns, "-strict"]);
        for address in [&dns_management, &at(acme), &at(management)] {
            let answers = async {
                while TcpStream::connect(address).await.is_err() {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(WITHIN, answers).await.expect("it starts");
        }
        let root = self.root(management).await;
        let own = std::fs::read(self.directory.path().join("authority.pem")).expect("reads");
        std::fs::write(self.authority(), [own, root].concat()).expect("writes");
    }

    fn spawn(&mut self, program: &str, words: &[&str]) {
        let mut command = Command::new(program);
        command.args(words).kill_on_drop(true);
        // It waits a while before it looks, unless it is told not to.
        command.env("PEBBLE_VA_NOSLEEP", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.programs.push(command.spawn().expect("starts"));
    }

    /// The root of what it issues, which is another one at each start.
    async fn root(&self, management: u16) -> Vec<u8> {
        let origin: Origin = format!("https://localhost:{management}").parse().expect("an origin");
        let allowed: Allowed = [origin.clone()].into_iter().collect();
        let root = self.directory.path().join("authority.pem");
        let trust = Trust::web().and_roots(&root).expect("a root");
        let client = Client::new(&allowed, trust, Terms::default()).expect("a client");
        let request = Request::new(Method::GET, origin, "/roots/0");
        client.send(&request, WITHIN).await.expect("answers").body.to_vec()
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
    format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
}

/// Carries connections on while the line is whole.
async fn relay(listener: TcpListener, to: SocketAddr, open: watch::Receiver<bool>) {
    loop {
        let (mut near, _) = listener.accept().await.expect("accepts");
        let mut open = open.clone();
        if !*open.borrow() {
            continue;
        }
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(to).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = open.wait_for(|open| !open) => {}
            }
        });
    }
}

/// The text of a file that only its owner may read.
pub fn private(path: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{} is open to others", path.display());
    std::fs::read_to_string(path).expect("reads")
}
