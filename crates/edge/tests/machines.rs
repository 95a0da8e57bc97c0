//! Server, worker and bot prove to each other who they are, over real sockets and real TLS.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "TLS compares certificates with the real clock, and tests look at files"
)]

use edge::{
    Admission, Badge, Issued, Kit, Limits, Machine, MachineAuthority, MachineClient, MachineDoor,
    Proof, Role, Roll, SignedRequest, Tls, Wish, join, renew, serve_machines,
};
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Bytes, Incoming};
use jiff::{Timestamp, ToSpan};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

/// An authority, and the ledger of whoever keeps one: epochs and tokens that are out.
struct House {
    scratch: TempDir,
    authority: Arc<MachineAuthority>,
    /// The authority as whoever keeps it has it.
    text: String,
    roll: Roll,
    epochs: Mutex<BTreeMap<Machine, (u32, bool)>>,
    tokens: Mutex<BTreeMap<[u8; 32], Machine>>,
}

fn machine(text: &str) -> Machine {
    text.parse().expect("a machine")
}

fn seal_sha256(bytes: &[u8]) -> [u8; 32] {
    use aws_lc_rs::digest::{SHA256, digest};
    digest(&SHA256, bytes).as_ref().try_into().expect("32 bytes")
}

fn pem(chain: &[CertificateDer<'_>]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let one = |der: &CertificateDer<'_>| {
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(der)
        )
    };
    chain.iter().map(one).collect()
}

impl House {
    fn new() -> Self {
        let scratch = tempfile::tempdir().expect("a directory");
        let (authority, text) = MachineAuthority::create(Timestamp::now()).expect("an authority");
        let (roll, authority) = (Roll::default(), Arc::new(authority));
        Self { scratch, authority, text, roll, epochs: Mutex::default(), tokens: Mutex::default() }
    }

    /// The next epoch of a machine, in or out.
    fn advance(&self, machine: &Machine, is_in: bool) -> Badge {
        let mut epochs = self.epochs.lock().expect("a lock");
        let epoch = epochs.get(machine).map_or(0, |(epoch, _)| *epoch) + 1;
        epochs.insert(machine.clone(), (epoch, is_in));
        let belongs = |(machine, (epoch, is_in)): (&Machine, &(u32, bool))| {
            is_in.then(|| (machine.clone(), *epoch))
        };
        self.roll.replace(epochs.iter().filter_map(belongs).collect());
        Badge { machine: machine.clone(), epoch }
    }

    fn revoke(&self, name: &str) {
        self.advance(&machine(name), false);
    }

    fn invite(&self, name: &str, secret: u8) -> String {
        let hash = seal_sha256(&[secret; 32]);
        self.tokens.lock().expect("a lock").insert(hash, machine(name));
        self.authority.token(&[secret; 32])
    }

    /// As whoever keeps a ledger decides.
    fn decide(&self, wish: Wish) -> Result<Issued, edge::Error> {
        let now = Timestamp::now();
        match wish {
            Wish::Join(hash, request) => {
                let found = self.tokens.lock().expect("a lock").remove(&hash);
                let badge = self.advance(&found.ok_or(edge::Error::Invitation)?, true);
                self.authority.issue(&badge, &request, now)
            }
            Wish::Renew(badge, request) => self.authority.issue(&badge, &request, now),
        }
    }

    fn root(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate().clone()).expect("a root");
        roots
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A kit as of a moment, without a network in between.
    fn kit(&self, name: &str, now: Timestamp) -> Kit {
        let badge = self.advance(&machine(name), true);
        let proof = Proof::new().expect("a key");
        let request = SignedRequest::read(&proof.request).expect("signed");
        let issued = self.authority.issue(&badge, &request, now).expect("issued");
        proof.keep(&pem(&issued.chain), &self.at(&name.replace('/', "-"))).expect("kept")
    }

    fn admission(&self) -> Arc<Admission> {
        let roles = [Role::Worker, Role::Bot];
        self.authority.admission(&roles, self.roll.clone()).expect("an admission")
    }

    fn tls(&self) -> Tls {
        let leaf = self.authority.server(Timestamp::now()).expect("a leaf");
        Tls::mutual(leaf, self.admission()).expect("TLS")
    }
}

/// A server that says hello to whoever it lets in, and how often it did.
async fn greet(acceptor: TlsAcceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.write_all(b"hello").await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

/// What a client reads; with TLS 1.3 it learns that its certificate is refused when it reads.
async fn hello(
    connector: &TlsConnector,
    name: ServerName<'static>,
    address: SocketAddr,
) -> io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    let mut stream = connector.connect(name, stream).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

async fn by(kit: &Kit, address: SocketAddr) -> io::Result<String> {
    hello(&kit.connector().expect("a connector"), kit.server(), address).await
}

fn refused(answer: io::Result<String>, part: &str) {
    let error = answer.expect_err(part).to_string();
    assert!(error.contains(part), "{error} for {part}");
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

#[tokio::test]
async fn who_belongs_comes_in_and_nobody_else() {
    let house = House::new();
    let address = greet(house.tls().acceptor().clone()).await;
    let now = Timestamp::now();
    let kit = house.kit("worker/alpha", now);
    assert_eq!(by(&kit, address).await.expect("it belongs"), "hello");
    // Without a certificate.
    let bare = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(house.root())
        .with_no_client_auth();
    let bare = TlsConnector::from(Arc::new(bare));
    refused(hello(&bare, kit.server(), address).await, "CertificateRequired");
    // Expired: issued two days ago for a day.
    let old = house.kit("worker/old", now - 48.hours());
    assert!(old.is_due(now));
    refused(by(&old, address).await, "CertificateExpired");
    // Of the right house and in the wrong role.
    let server = house.kit("server/other", now);
    assert!(by(&server, address).await.is_err());
    // Of another house with the same names.
    let other = House::new();
    let stranger = other.kit("worker/alpha", now);
    assert!(by(&stranger, address).await.is_err(), "it does not even believe this server");
    let connector = believing(&house, &other, "worker-alpha");
    refused(hello(&connector, kit.server(), address).await, "DecryptError");
    // Revoked, while the certificate has hours to live.
    house.revoke("worker/alpha");
    refused(by(&kit, address).await, "CertificateRevoked");
    // It comes in again by another token, and by that alone.
    let again = house.kit("worker/alpha", now);
    assert_eq!(by(&again, address).await.expect("it belongs"), "hello");
    refused(by(&kit, address).await, "CertificateRevoked");
}

/// Believes one house and shows the certificate of another.
fn believing(house: &House, other: &House, kit: &str) -> TlsConnector {
    let chain: Vec<_> = CertificateDer::pem_file_iter(other.at(kit))
        .expect("a file")
        .collect::<Result<_, _>>()
        .expect("certificates");
    let key = PrivateKeyDer::from_pem_file(other.at(kit)).expect("a key");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(house.root())
        .with_client_auth_cert(chain, key)
        .expect("a pair");
    TlsConnector::from(Arc::new(config))
}

/// What a client gets that resumes where it may, once it is put out.
async fn after_revocation(house: &House, acceptor: TlsAcceptor) -> io::Result<String> {
    house.kit("bot/one", Timestamp::now());
    let address = greet(acceptor).await;
    let connector = believing(house, house, "bot-one");
    let name = Kit::open(&house.at("bot-one")).expect("reads").expect("a kit").server();
    assert_eq!(hello(&connector, name.clone(), address).await.expect("it belongs"), "hello");
    house.revoke("bot/one");
    hello(&connector, name, address).await
}

#[tokio::test]
async fn a_session_is_not_resumed_past_a_revocation() {
    let house = House::new();
    let answer = after_revocation(&house, house.tls().acceptor().clone()).await;
    refused(answer, "CertificateRevoked");
    // The weak twin: the same admission behind a server as the library makes it.
    let house = House::new();
    let (chain, key) = weak_leaf(&house);
    let weak = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(house.admission())
        .with_single_cert(chain, key)
        .expect("a pair");
    let answer = after_revocation(&house, TlsAcceptor::from(Arc::new(weak))).await;
    assert_eq!(answer.expect("this is the weakness"), "hello");
}

/// The server's certificate as other libraries take it.
fn weak_leaf(house: &House) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let leaf = house.authority.server(Timestamp::now()).expect("a leaf");
    leaf.into_parts()
}

/// A house whose machines come in over a port of their own, and are told their name there.
async fn open(house: &Arc<House>) -> (SocketAddr, CancellationToken) {
    let leaf = || house.authority.server(Timestamp::now());
    let here = "127.0.0.1:0".parse().expect("an address");
    let door = MachineDoor::bind(here, house.admission(), leaf).await.expect("binds");
    let (address, stop) = (door.address().expect("an address"), CancellationToken::new());
    let name = tower::service_fn(|request: Request<Incoming>| async move {
        let badge = request.extensions().get::<Badge>().expect("every request has one");
        let text = format!("{} of {}", badge.machine, badge.epoch);
        Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from(text))))
    });
    let keeper = Arc::clone(house);
    let enrol = move |wish| async move { keeper.decide(wish) };
    tokio::spawn(serve_machines(door, (name, enrol), Limits::default(), stop.clone()));
    (address, stop)
}

async fn reach(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("connects")
}

async fn named(client: &mut MachineClient) -> Result<String, edge::Error> {
    let nothing = ("text/plain", Bytes::new());
    let asked = client.ask(Method::GET, "/", nothing, Duration::from_secs(20)).await;
    let (status, body) = asked?;
    assert_eq!(status, StatusCode::OK);
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn a_machine_joins_by_a_token_once_and_renews_by_its_certificate() {
    let house = Arc::new(House::new());
    let (address, _stop) = open(&house).await;
    let (now, path) = (Timestamp::now(), house.at("kit.pem"));
    let token = house.invite("worker/alpha", 9);
    let kit = join(reach(address).await, &token, &path).await.expect("comes in");
    assert!(!kit.is_due(now) && kit.is_due(now + 17.hours()));
    let mut old = MachineClient::new(kit, address.to_string());
    assert_eq!(named(&mut old).await.expect("it belongs"), "worker/alpha of 1");
    let error = join(reach(address).await, &token, &path).await.err().expect("used up");
    assert!(error.to_string().contains("was used"), "{error}");
    // The next certificate, while the old one lives; both are of the same epoch.
    let next = renew(reach(address).await, old.kit(), &path).await.expect("renewed");
    let mut next = MachineClient::new(next, address.to_string());
    assert_eq!(named(&mut next).await.expect("it belongs"), "worker/alpha of 1");
    assert_eq!(named(&mut old).await.expect("a renewal loses nobody"), "worker/alpha of 1");
    let again = Kit::open(&path).expect("reads").expect("a kit");
    let mut again = MachineClient::new(again, address.to_string());
    assert_eq!(named(&mut again).await.expect("it is on disk"), "worker/alpha of 1");
    // Who is put out is not renewed, nor heard on the connection that lives.
    house.revoke("worker/alpha");
    let refused = renew(reach(address).await, next.kit(), &path).await.err().expect("out");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
    let refused = named(&mut next).await.expect_err("out");
    assert!(matches!(refused, edge::Error::PutOut { .. }), "{refused}");
}

#[tokio::test]
async fn a_connection_that_lives_is_cut_when_its_machine_is_put_out() {
    let house = Arc::new(House::new());
    let (address, _stop) = open(&house).await;
    let kit = house.kit("bot/one", Timestamp::now());
    let stays = house.kit("bot/two", Timestamp::now());
    let hold = async |kit: &Kit| {
        let connector = kit.connector().expect("a connector");
        connector.connect(kit.server(), reach(address).await).await.expect("TLS")
    };
    let (mut cut, mut kept) = (hold(&kit).await, hold(&stays).await);
    // Both are at work: the server has heard them, and waits for the next word.
    let question = b"GET / HTTP/1.1\r\nhost: machines\r\n\r\n";
    for stream in [&mut cut, &mut kept] {
        stream.write_all(question).await.expect("writes");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("reads");
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
    house.revoke("bot/one");
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(20), cut.read_to_end(&mut rest)).await;
    // Cut without a farewell, or with one: it is over in any case.
    let _ = ended.expect("it ends");
    kept.write_all(question).await.expect("the other one is not");
    let mut answer = Vec::new();
    while String::from_utf8_lossy(&answer).matches("bot/two of 1").count() < 2 {
        answer.push(kept.read_u8().await.expect("reads"));
    }
}

#[tokio::test]
async fn a_machine_hears_in_words_why_it_is_not_let_in() {
    let house = Arc::new(House::new());
    let (address, stop) = open(&house).await;
    let old = house.kit("bot/old", Timestamp::now() - 48.hours());
    let mut old = MachineClient::new(old, address.to_string());
    let told = named(&mut old).await.expect_err("its certificate has run out");
    assert!(matches!(told, edge::Error::RanOut { .. }), "{told:?}");
    let other = House::new();
    let mut stranger =
        MachineClient::new(other.kit("bot/old", Timestamp::now()), address.to_string());
    let told = named(&mut stranger).await.expect_err("another house");
    assert!(matches!(told, edge::Error::Stranger), "{told:?}");
    stop.cancel();
    let kit = house.kit("bot/one", Timestamp::now());
    let mut waits = MachineClient::new(kit, "127.0.0.1:1".to_owned());
    let told = named(&mut waits).await.expect_err("nobody listens");
    assert!(matches!(told, edge::Error::ServerAway { .. }), "{told:?}");
}

#[tokio::test]
async fn without_a_certificate_only_a_token_is_heard() {
    let house = Arc::new(House::new());
    let (address, _stop) = open(&house).await;
    let ask = async |protocol: &[u8], question: &str| {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(house.root())
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let name = house.kit("bot/one", Timestamp::now()).server();
        let connector = TlsConnector::from(Arc::new(config));
        let mut stream = connector.connect(name, reach(address).await).await?;
        stream.write_all(question.as_bytes()).await?;
        let mut text = String::new();
        stream.read_to_string(&mut text).await.map(|_| text)
    };
    let get = "GET / HTTP/1.1\r\nhost: machines\r\n\r\n";
    refused(ask(b"http/1.1", get).await, "CertificateRequired");
    refused(ask(b"stockade-renew/1", "stockade-renew/1 00\n").await, "CertificateRequired");
    for question in [get, "stockade-renew/1 00\n", "stockade-enrol/1 x y\n", "\n"] {
        let said = ask(b"stockade-join/1", question).await.expect("an answer");
        assert!(said.starts_with("refused this is no token"), "{said}");
    }
}

#[tokio::test]
async fn a_token_is_worth_nothing_altered_or_at_another_house() {
    let house = Arc::new(House::new());
    let (address, _stop) = open(&house).await;
    let path = house.at("kit.pem");
    let token = house.invite("worker/alpha", 3);
    let no = async |token: &str| join(reach(address).await, token, &path).await.is_err();
    assert!(no(&token.replace("03", "04")).await, "altered");
    assert!(no("stockade-join-").await && no("").await && no("stockade-join-00-00").await);
    // Somebody in between who has a certificate of their own: the token is not even sent.
    let other = Arc::new(House::new());
    let (liar, _other_stop) = open(&other).await;
    let error = join(reach(liar).await, &token, &path).await.err().expect("not the one");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert!(!path.exists(), "nothing was kept");
    assert!(join(reach(address).await, &token, &path).await.is_ok(), "the token is still good");
}

#[test]
fn what_a_request_asks_for_is_not_looked_at() {
    use rcgen::{CertificateParams, KeyPair};
    let house = House::new();
    let now = Timestamp::now();
    let key = KeyPair::generate().expect("a key");
    let names = vec!["admin.e1.server.stockade.internal".to_owned()];
    let params = CertificateParams::new(names).expect("names");
    let request = params.serialize_request(&key).expect("a request");
    let mut bent = request.der().to_vec();
    let last = bent.len() - 1;
    bent[last] ^= 1;
    assert!(SignedRequest::read(&bent).is_err(), "nobody proved the key theirs");
    let request = SignedRequest::read(request.der()).expect("signed");
    let badge = Badge { machine: machine("worker/alpha"), epoch: 1 };
    let chain = house.authority.issue(&badge, &request, now).expect("issued").chain;
    assert_eq!(house.admission().badge(&chain[0]), Some(badge));
    let (_, leaf) = x509_parser::parse_x509_certificate(&chain[0]).expect("DER");
    assert!(!leaf.is_ca());
    let hours = (leaf.validity().not_after.timestamp() - now.as_second()) / 3600;
    assert!((23..=24).contains(&hours), "{hours} hours");
}

#[test]
fn the_authority_vouches_for_its_own_names_alone() {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair};
    use rustls::client::danger::ServerCertVerifier;
    let house = House::new();
    // A thief of the authority's key, who makes a certificate for a bank.
    let key = KeyPair::from_pem(&house.text).expect("a key");
    let own = CertificateDer::from_pem_slice(house.text.as_bytes()).expect("its certificate");
    let verified = |name: &str, root: CertificateDer<'static>, issuer: &Issuer<'_, &KeyPair>| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf = params.signed_by(&KeyPair::generate().expect("a key"), issuer).expect("signed");
        let mut roots = RootCertStore::empty();
        roots.add(root).expect("a root");
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots),
            provider(),
        );
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let now = rustls::pki_types::UnixTime::now();
        let verifier = verifier.build().expect("a verifier");
        verifier.verify_server_cert(leaf.der(), &[], &name, &[], now).map(|_| ())
    };
    let kit = house.kit("worker/alpha", Timestamp::now());
    let ServerName::DnsName(inside) = kit.server() else { panic!("a DNS name") };
    let borrowed = Issuer::from_ca_cert_der(&own, &key).expect("an issuer");
    assert!(verified(inside.as_ref(), own.clone(), &borrowed).is_ok());
    let error = verified("bank.example.org", own.clone(), &borrowed).expect_err("constrained");
    assert!(format!("{error:?}").contains("NameConstraint"), "{error:?}");
    // The weak twin: an authority without constraints could.
    let weak_key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    let weak = params.self_signed(&weak_key).expect("signed").der().clone();
    let issuer = Issuer::from_ca_cert_der(&weak, &weak_key).expect("an issuer");
    assert!(verified("bank.example.org", weak.clone(), &issuer).is_ok(), "this is the weakness");
}

#[test]
fn an_authority_is_read_as_it_was_made_until_it_has_run_out() {
    let house = House::new();
    let now = Timestamp::now();
    let again = MachineAuthority::read(&house.text, now).expect("reads");
    assert_eq!(again.token(&[1; 32]), house.authority.token(&[1; 32]));
    let late = now + (3651 * 24).hours();
    assert!(matches!(MachineAuthority::read(&house.text, late), Err(edge::Error::Expired)));
    let cut = house.text.replace("BEGIN", "END");
    assert!(matches!(MachineAuthority::read(&cut, now), Err(edge::Error::NoAuthority)));
}
