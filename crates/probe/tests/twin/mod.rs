//! A small server of the tests' own, good in all that the probes look at, and made wrong in one thing by a lie.

#![allow(dead_code, reason = "each test file uses a part of this")]

pub mod conduct;
pub mod ledger;
pub mod names;
pub mod people;

pub use conduct::{Asked, Reply};

use audit::{
    Quorum,
    posture::{Health, Posture, PostureSigner},
};
use jiff::Timestamp;
use ledger::Ledger;
use people::{Fault, PASSWORD, PEOPLE, People};
use probe::{Account, Ask, Found, MailDomain, Memory, Outcome, Target, Trust, visit};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, atomic::AtomicU32, mpsc},
    thread,
    time::Duration,
};

/// The name that the twin's certificate has.
pub const NAME: &str = "twin.example";

/// What changes a good reply into a wrong one.
pub type Lie = Arc<dyn Fn(&Asked, Reply) -> Reply + Send + Sync>;
/// What answers a hello by hand, where it does not leave it to TLS.
pub type Greeter = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// How a twin is made.
pub struct Plan {
    pub lie: Lie,
    pub greeter: Greeter,
    /// The name in its certificate, and for how many days it is still good.
    pub name: &'static str,
    pub days: i64,
    /// What its log says.
    pub ledger: Ledger,
    /// Who signs its posture, and what is changed in it before that.
    pub signer: u8,
    pub misstate: fn(&mut Posture),
    /// What is changed in its word on health.
    pub ail: fn(&mut Health),
    /// In what its accounts are wrong.
    pub fault: Fault,
    /// Whether it can do the hybrid group.
    pub hybrid: bool,
    /// What it answers without TLS.
    pub plain: fn(&Asked, u16) -> Reply,
    /// Whether its answers come byte by byte, so that none of them is ever whole.
    pub drips: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            lie: Arc::new(|_, reply| reply),
            greeter: Arc::new(|_| None),
            name: NAME,
            days: 60,
            ledger: Ledger::new(1, 300, ledger::honest),
            signer: 5,
            misstate: |_| (),
            ail: |_| (),
            fault: Fault::Nothing,
            hybrid: true,
            plain: conduct::sent_on,
            drips: false,
        }
    }
}

/// What the twin's answers are made of.
pub struct World {
    pub port: u16,
    pub ledger: Ledger,
    /// The last day of its certificate.
    pub last_day: String,
    pub posture: Posture,
    pub health: Health,
    pub signer: PostureSigner,
    pub people: People,
    /// How often `/api/v1/session` was asked for.
    pub asked: AtomicU32,
}

/// A running twin; its threads end with the test's process.
pub struct Twin {
    pub address: SocketAddr,
    pub plain: u16,
    pub root: CertificateDer<'static>,
    pub key: String,
}

impl Twin {
    pub fn start(plan: Plan) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("an address");
        let bare = TcpListener::bind("127.0.0.1:0").expect("binds");
        let port = bare.local_addr().expect("an address").port();
        let (config, root, key) = tls(&plan);
        let (lie, greeter, speak, drips) = (plan.lie, plan.greeter, plan.plain, plan.drips);
        let mut posture = conduct::posture(&plan.ledger, address.port(), &key);
        (plan.misstate)(&mut posture);
        let mut health = conduct::health(address.port(), &key);
        (plan.ail)(&mut health);
        let world = Arc::new(World {
            port: address.port(),
            last_day: day_in(plan.days).strftime("%Y-%m-%d").to_string(),
            signer: PostureSigner::new(ledger::key(plan.signer)),
            people: People::new(plan.fault),
            asked: AtomicU32::new(0),
            ledger: plan.ledger,
            posture,
            health,
        });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (config, world) = (Arc::clone(&config), Arc::clone(&world));
                let (lie, greeter) = (Arc::clone(&lie), Arc::clone(&greeter));
                thread::spawn(move || {
                    let answer = |asked: &Asked| lie(asked, conduct::good(asked, &world)).bytes();
                    serve(stream, config, &greeter, drips, answer);
                });
            }
        });
        thread::spawn(move || {
            for mut stream in bare.incoming().flatten() {
                if let Some(asked) = conduct::read(&mut stream) {
                    let _ = stream.write_all(&speak(&asked, address.port()).bytes());
                }
            }
        });
        Self { address, plain: port, root, key }
    }

    pub fn target(&self) -> Target {
        let url = format!("https://{NAME}:{}", self.address.port());
        Target::parse(&url, Some(self.address)).expect("an address")
    }

    pub fn trust(&self) -> Trust {
        Trust::Roots(vec![self.root.clone()])
    }

    /// What a visitor finds who wants these probes; all where none is named.
    pub fn visited(&self, only: &[&'static str]) -> Found {
        self.visited_as(&Ask { only: only.to_vec(), ..self.ask() })
    }

    /// What somebody brings along who has been here before.
    pub fn ask(&self) -> Ask {
        let before = Ledger::new(1, 270, ledger::honest);
        let memory = Memory {
            at: "2026-01-02T03:04:05Z".parse().expect("a time"),
            log_key: before.signer.verifier().clone(),
            checkpoint: before.note(270),
            posture: Some((
                PostureSigner::new(ledger::key(5)).verifier().clone(),
                "2026-01-02T03:00:00Z".parse().expect("a time"),
            )),
        };
        Ask {
            accounts: PEOPLE
                .iter()
                .map(|(email, ..)| Account::new(email, PASSWORD.to_owned().into()))
                .map(|account| account.with_totp(people::TOTP.to_owned().into()))
                .collect(),
            burst: probe::Burst::Once,
            mail: Some(MailDomain { domain: NAME.to_owned(), selectors: vec!["key1".to_owned()] }),
            resolver: Some(names::start(names::good())),
            http_port: Some(self.plain),
            memory: Some(memory),
            quorum: Some(Quorum::new(1, vec![ledger::witness_key()]).expect("one")),
            ..Ask::default()
        }
    }

    pub fn visited_as(&self, ask: &Ask) -> Found {
        visit(&self.target(), &self.trust(), ask, Timestamp::now, |_| ()).expect("it answers")
    }
}

/// What did not hold, for who reads why a test failed.
pub fn told(found: &Found) -> String {
    let bad = found.sights.iter().filter(|sight| sight.outcome != Outcome::Held);
    bad.map(|sight| format!("{} {:?}: {}", sight.probe.name, sight.outcome, sight.seen))
        .collect::<Vec<_>>()
        .join("\n  ")
}

/// The names of the probes with this outcome.
pub fn with(found: &Found, outcome: Outcome) -> Vec<&'static str> {
    let of = found.sights.iter().filter(|sight| sight.outcome == outcome);
    of.map(|sight| sight.probe.name).collect()
}

/// What a probe said.
pub fn said<'a>(found: &'a Found, name: &str) -> &'a str {
    let sight = found.sights.iter().find(|sight| sight.probe.name == name);
    sight.expect("it ran").seen.as_str()
}

fn day_in(days: i64) -> jiff::Zoned {
    let at = Timestamp::now().as_second() + days * 86_400;
    Timestamp::from_second(at).expect("a time").to_zoned(jiff::tz::TimeZone::UTC)
}

fn tls(plan: &Plan) -> (Arc<ServerConfig>, CertificateDer<'static>, String) {
    let root_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).expect("a root");
    let issuer = Issuer::from_params(&params, &root_key);
    let mut leaf = CertificateParams::new([plan.name.to_owned()]).expect("a name");
    let day = |days: i64| {
        let date = day_in(days);
        let number = |n: i8| u8::try_from(n).expect("positive");
        rcgen::date_time_ymd(date.year().into(), number(date.month()), number(date.day()))
    };
    leaf.not_before = day(plan.days - 90);
    leaf.not_after = day(plan.days);
    let key = KeyPair::generate().expect("a key");
    let signed = leaf.signed_by(&key, &issuer).expect("a leaf");
    let spki = hex::encode(seal::sha256(
        x509_parser::parse_x509_certificate(signed.der()).expect("DER").1.public_key().raw,
    ));
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    if !plan.hybrid {
        provider.kx_groups = vec![rustls::crypto::aws_lc_rs::kx_group::X25519];
    }
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let chain = vec![signed.der().clone(), root.der().clone()];
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, der)
        .expect("a certificate");
    (Arc::new(config), root.der().clone(), spki)
}

fn serve(
    tcp: TcpStream,
    config: Arc<ServerConfig>,
    greeter: &Greeter,
    drips: bool,
    answer: impl Fn(&Asked) -> Vec<u8>,
) {
    tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a patience");
    let mut hello = [0; 1024];
    let Ok(count) = tcp.peek(&mut hello) else { return };
    let mut tcp = tcp;
    if let Some(said) = greeter(hello.get(..count).unwrap_or_default()) {
        // Take what was sent: closing over unread bytes would be a reset.
        let _ = tcp.read(&mut hello);
        let _ = tcp.write_all(&said);
        return;
    }
    let Ok(connection) = ServerConnection::new(config) else { return };
    let mut stream = StreamOwned::new(connection, tcp);
    while let Some(asked) = conduct::read(&mut stream) {
        let reply = answer(&asked);
        let is_sent = if drips { drip(&mut stream, &reply) } else { stream.write_all(&reply) };
        if is_sent.is_err() {
            return;
        }
    }
}

/// One record of TLS, of which each byte comes alone.
fn drip(stream: &mut StreamOwned<ServerConnection, TcpStream>, reply: &[u8]) -> io::Result<()> {
    let mut record = Vec::new();
    stream.conn.writer().write_all(&[reply, &[b' '; 4_000]].concat())?;
    stream.conn.write_tls(&mut record)?;
    trickle(&mut stream.sock, &record)
}

/// Each byte after a pause.
pub fn trickle(tcp: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let (_silent, pause) = mpsc::channel::<()>();
    for byte in bytes {
        tcp.write_all(&[*byte])?;
        let _ = pause.recv_timeout(Duration::from_millis(50));
    }
    Ok(())
}

/// A `ServerHello` that agrees on a version and a suite.
pub fn agreed(version: u16, suite: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let mut message = vec![2, 0, 0, u8::try_from(body.len()).expect("short")];
    message.extend(body);
    let mut record = vec![22];
    record.extend(version.to_be_bytes());
    record.extend(u16::try_from(message.len()).expect("short").to_be_bytes());
    record.extend(message);
    record
}

/// The version and the suites of a hello.
pub fn offered(hello: &[u8]) -> Option<(u16, Vec<u16>)> {
    let word = |at: usize| Some(u16::from_be_bytes([*hello.get(at)?, *hello.get(at + 1)?]));
    let session = usize::from(*hello.get(43)?);
    let count = usize::from(word(44 + session)?) / 2;
    let suites = (0..count).map(|n| word(46 + session + 2 * n)).collect::<Option<Vec<u16>>>()?;
    Some((word(9)?, suites))
}
