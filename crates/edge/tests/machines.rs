//! Server, worker and bot prove to each other who they are, over real sockets and real TLS.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "TLS compares certificates with the real clock, and tests look at files"
)]

use edge::{
    Admission, Kit, Machine, MachineAuthority, Proof, Role, Tls, join, renew, serve_enrolment,
};
use jiff::{Timestamp, ToSpan};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, server::TlsStream};

struct House {
    scratch: TempDir,
    authority: Arc<MachineAuthority>,
}

fn machine(text: &str) -> Machine {
    text.parse().expect("a machine")
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
        let authority = MachineAuthority::open_or_create(scratch.path(), Timestamp::now());
        Self { authority: Arc::new(authority.expect("an authority")), scratch }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// A kit as of a moment, without a network in between.
    fn kit(&self, name: &str, now: Timestamp) -> Kit {
        let token = self.authority.invite(&machine(name), &[7; 32], now).expect("a token");
        let proof = Proof::new().expect("a key");
        let chain = self.authority.enrol(&token, &proof.request, now).expect("issued");
        proof.keep(&pem(&chain), &self.at(&name.replace('/', "-"))).expect("kept")
    }

    fn admission(&self) -> Arc<Admission> {
        self.authority.admission(&[Role::Worker, Role::Bot]).expect("an admission")
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
    let mut roots = RootCertStore::empty();
    let file = house.at("machines.pem");
    let root = CertificateDer::from_pem_file(&file).expect("the authority");
    roots.add(root).expect("a root");
    let bare = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
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
    assert!(house.authority.revoke(&machine("worker/alpha")).expect("put out"));
    refused(by(&kit, address).await, "CertificateRevoked");
    assert!(!house.authority.revoke(&machine("worker/alpha")).expect("it was out"));
    // It comes in again by another token, and by that alone.
    let again = house.kit("worker/alpha", now);
    assert_eq!(by(&again, address).await.expect("it belongs"), "hello");
    refused(by(&kit, address).await, "CertificateRevoked");
}

/// Believes one house and shows the certificate of another.
fn believing(house: &House, other: &House, kit: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(house.at("machines.pem")).expect("the authority");
    roots.add(root).expect("a root");
    let chain: Vec<_> = CertificateDer::pem_file_iter(other.at(kit))
        .expect("a file")
        .collect::<Result<_, _>>()
        .expect("certificates");
    let key = PrivateKeyDer::from_pem_file(other.at(kit)).expect("a key");
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
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
    house.authority.revoke(&machine("bot/one")).expect("put out");
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

/// Answers machines that have no certificate yet, and those that have.
async fn doors(house: &House) -> (SocketAddr, SocketAddr) {
    let leaf = house.authority.server(Timestamp::now()).expect("a leaf");
    let open = Tls::new(leaf).expect("TLS").acceptor().clone();
    let mutual = house.tls().acceptor().clone();
    (serve(house, open).await, serve(house, mutual).await)
}

async fn serve(house: &House, acceptor: TlsAcceptor) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("an address");
    let (authority, admission) = (Arc::clone(&house.authority), house.admission());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let badge = badge(&admission, &stream);
            let now = Timestamp::now();
            let _ = serve_enrolment(&authority, &mut stream, badge.as_ref(), now).await;
        }
    });
    address
}

fn badge(admission: &Admission, stream: &TlsStream<TcpStream>) -> Option<edge::Badge> {
    admission.badge(stream.get_ref().1.peer_certificates()?.first()?)
}

#[tokio::test]
async fn a_machine_joins_by_a_token_once_and_renews_by_its_certificate() {
    let house = House::new();
    let (open, mutual) = doors(&house).await;
    let hello = greet(house.tls().acceptor().clone()).await;
    let (now, path) = (Timestamp::now(), house.at("kit.pem"));
    let token = house.authority.invite(&machine("worker/alpha"), &[9; 32], now).expect("a token");
    let reach = async |address| TcpStream::connect(address).await.expect("connects");
    let kit = join(reach(open).await, &token, &path).await.expect("comes in");
    assert_eq!(by(&kit, hello).await.expect("it belongs"), "hello");
    assert!(!kit.is_due(now) && kit.is_due(now + 17.hours()));
    let error = join(reach(open).await, &token, &path).await.err().expect("used up");
    assert!(error.to_string().contains("was used"), "{error}");
    // The next certificate, while the old one lives; both are of the same epoch.
    let next = renew(reach(mutual).await, &kit, &path).await.expect("renewed");
    assert_eq!(by(&next, hello).await.expect("it belongs"), "hello");
    assert_eq!(by(&kit, hello).await.expect("a renewal in between loses nobody"), "hello");
    let again = Kit::open(&path).expect("reads").expect("a kit");
    assert_eq!(by(&again, hello).await.expect("it is on disk"), "hello");
    // Who is put out is not renewed: the handshake ends it.
    house.authority.revoke(&machine("worker/alpha")).expect("put out");
    assert!(renew(reach(mutual).await, &next, &path).await.is_err());
    // And a token gives nothing where a certificate is asked for, nor the other way round.
    assert!(join(reach(mutual).await, &token, &path).await.is_err());
}

#[tokio::test]
async fn a_token_is_worth_nothing_late_altered_or_at_another_house() {
    let house = House::new();
    let (open, _) = doors(&house).await;
    let (now, path) = (Timestamp::now(), house.at("kit.pem"));
    let invite = |name: &str, secret: u8, now| {
        house.authority.invite(&machine(name), &[secret; 32], now).expect("a token")
    };
    let late = invite("worker/late", 1, now - 2.hours());
    let first = invite("worker/alpha", 2, now);
    let token = invite("worker/alpha", 3, now);
    let reach = async |address| TcpStream::connect(address).await.expect("connects");
    let no = async |token: &str| join(reach(open).await, token, &path).await.is_err();
    assert!(no(&late).await, "it has run out");
    assert!(no(&first).await, "a second token ends the first");
    assert!(no(&token.replace("03", "04")).await, "altered");
    assert!(no("stockade-join-").await && no("").await && no("stockade-join-00-00").await);
    // Somebody in between who has a certificate of their own: the token is not even sent.
    let other = House::new();
    let (liar, _) = doors(&other).await;
    let error = join(reach(liar).await, &token, &path).await.err().expect("not the one");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert!(!path.exists(), "nothing was kept");
    assert!(join(reach(open).await, &token, &path).await.is_ok(), "the token is still good");
}

#[test]
fn what_a_request_asks_for_is_not_looked_at() {
    use rcgen::{CertificateParams, KeyPair};
    let house = House::new();
    let now = Timestamp::now();
    let token = house.authority.invite(&machine("worker/alpha"), &[4; 32], now).expect("a token");
    let key = KeyPair::generate().expect("a key");
    let names = vec!["admin.e1.server.stockade.internal".to_owned()];
    let params = CertificateParams::new(names).expect("names");
    let request = params.serialize_request(&key).expect("a request");
    let mut bent = request.der().to_vec();
    let last = bent.len() - 1;
    bent[last] ^= 1;
    assert!(house.authority.enrol(&token, &bent, now).is_err(), "nobody proved the key theirs");
    let chain = house.authority.enrol(&token, request.der(), now).expect("issued");
    let badge = house.admission().badge(&chain[0]).expect("one name");
    assert_eq!((badge.machine, badge.epoch), (machine("worker/alpha"), 1));
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
    let text = std::fs::read_to_string(house.at("machines-key.pem")).expect("the key");
    let key = KeyPair::from_pem(&text).expect("a key");
    let own = CertificateDer::from_pem_slice(text.as_bytes()).expect("its certificate");
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
fn who_belongs_is_kept_over_a_restart_and_a_damaged_ledger_is_named() {
    let house = House::new();
    let now = Timestamp::now();
    house.kit("worker/alpha", now);
    house.kit("bot/one", now);
    house.authority.revoke(&machine("worker/alpha")).expect("put out");
    let again = MachineAuthority::open_or_create(house.scratch.path(), now).expect("opens");
    let lines = again.machines();
    let told: Vec<_> = lines.iter().map(|l| (l.machine.to_string(), l.epoch, l.is_in)).collect();
    assert_eq!(told, [("worker/alpha".to_owned(), 2, false), ("bot/one".to_owned(), 1, true)]);
    let text = std::fs::read_to_string(house.at("machines")).expect("the ledger");
    std::fs::write(house.at("machines"), text.replace("out", "perhaps")).expect("written");
    let refused = MachineAuthority::open_or_create(house.scratch.path(), now);
    assert!(matches!(refused, Err(edge::Error::Damaged { .. })));
    assert!(
        MachineAuthority::open_or_create(house.scratch.path(), now + 3651 * 24.hours()).is_err()
    );
}
