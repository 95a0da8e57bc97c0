//! Certificates of a real ACME server, and what a hostile or absent one can do: nothing.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "TLS compares certificates with the real clock; a missing field fails the test"
)]

mod pebble;
mod support;

use edge::{
    Acme, AcmeTerms, Authority, Certificate, Challenge, Challenges, Exposure, InPlain, Limits,
    PlainDoor, PlainTerms, Tls, TlsDoor, Unissued,
};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use pebble::{Pebble, free_ports, private};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use support::{Local, Scripted, read_request, say};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

const NAME: &str = "trade.example.org";

/// Both doors of a server, on ports that pebble looks at.
struct House {
    directory: tempfile::TempDir,
    at: SocketAddr,
    tls: Tls,
    challenges: Challenges,
    stop: CancellationToken,
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl House {
    async fn open() -> (Self, Pebble) {
        let [http, https] = free_ports().await;
        let pebble = Pebble::start(http, https).await;
        let directory = tempfile::tempdir().expect("a directory");
        let own = Authority::open_or_create(directory.path(), Timestamp::now()).expect("made");
        let challenges = Challenges::default();
        let leaf = own.leaf(Timestamp::now()).expect("a leaf");
        let tls = Tls::proving(leaf, challenges.clone()).expect("TLS");
        let stop = CancellationToken::new();
        let at = SocketAddr::from(([127, 0, 0, 1], https));
        let door = TlsDoor::bind(at, Exposure::Loopback, tls.clone()).await.expect("binds");
        let page = tower::service_fn(|_: Request<Incoming>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"a page"))))
        });
        tokio::spawn(edge::serve(door, page, Limits::default(), stop.clone()));
        let plain = PlainDoor::bind(([127, 0, 0, 1], http).into(), Exposure::Loopback).await;
        let secure = format!("https://{NAME}").parse().expect("an origin");
        let terms = PlainTerms { secure, data: &["/api"], challenges: challenges.clone() };
        let proofs = tower::service_fn(move |request: Request<Incoming>| {
            let mut answer = Response::new(Full::default());
            match terms.judge(&request.into_parts().0) {
                InPlain::Proof { text } => *answer.body_mut() = Full::new(Bytes::from(text)),
                _ => *answer.status_mut() = StatusCode::NOT_FOUND,
            }
            async { Ok::<_, Infallible>(answer) }
        });
        let plain = plain.expect("binds");
        tokio::spawn(edge::serve(plain, proofs, Limits::default(), stop.clone()));
        (Self { directory, at, tls, challenges, stop }, pebble)
    }

    fn acme(&self, pebble: &Pebble, challenge: Challenge) -> Arc<Acme> {
        acme(&self.directory.path().join("acme"), &pebble.url(), &pebble.authority(), challenge)
    }

    /// A handshake for `name`, by who believes the roots in this file alone.
    async fn connect(&self, name: &str, roots: &Path) -> std::io::Result<TlsStream<TcpStream>> {
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(roots).expect("PEM") {
            store.add(root.expect("a certificate")).expect("a root");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(store)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let tcp = TcpStream::connect(self.at).await?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    }

    /// The certificate that whoever asks for the name is shown.
    async fn shown(&self, pebble: &Pebble) -> Vec<u8> {
        let stream = self.connect(NAME, &pebble.authority()).await.expect("is believed");
        stream.get_ref().1.peer_certificates().expect("a chain")[0].to_vec()
    }
}

fn acme(directory: &Path, url: &str, authority: &Path, challenge: Challenge) -> Arc<Acme> {
    let mut terms = AcmeTerms::parse(url, NAME, "ops@example.org").expect("good terms");
    terms.authority = Some(authority.to_owned());
    terms.challenge = challenge;
    Arc::new(Acme::open(directory, terms).expect("opens"))
}

#[tokio::test]
async fn a_certificate_is_issued_by_either_proof_and_served_beside_the_machines_own() {
    if !pebble::is_here() {
        return;
    }
    let (house, pebble) = House::open().await;
    assert!(house.connect(NAME, &pebble.authority()).await.is_err(), "nothing is issued yet");
    let mut accounts = Vec::new();
    for challenge in [Challenge::Http, Challenge::Tls] {
        let acme = house.acme(&pebble, challenge);
        let issued = acme.order(&house.challenges, Timestamp::now()).await.expect("is issued");
        assert_eq!(issued.names, [NAME]);
        let left = issued.facts.expires.duration_since(Timestamp::now()).as_hours();
        assert!((2158..=2160).contains(&left), "{left} hours");
        let (until_due, whole) = (issued.due(), issued.facts.expires);
        let third = whole.duration_since(until_due).as_hours();
        assert!((719..=720).contains(&third), "{third} hours are a third of ninety days");
        house.tls.name(&issued);
        let kept = acme.kept(Timestamp::now()).expect("reads").expect("is kept");
        assert_eq!(kept.facts, issued.facts);
        let shown = house.shown(&pebble).await;
        assert_eq!(house.tls.served().expect("it").sha256, issued.facts.sha256);
        let own = house.directory.path().join("authority.pem");
        let stream = house.connect("localhost", &own).await.expect("this machine is believed");
        let chain = stream.get_ref().1.peer_certificates().expect("a chain");
        assert_ne!(chain[0].to_vec(), shown, "this machine has its own");
        let kept = std::fs::read_dir(house.directory.path().join("acme")).expect("lists");
        let kept = kept.map(|entry| entry.expect("an entry").path());
        let account = kept.filter(|path| path.extension().is_some_and(|end| end == "json"));
        accounts.extend(account.map(|path| private(&path)));
    }
    assert_eq!(accounts.len(), 2);
    assert_eq!(accounts[0], accounts[1], "one account for both");
    assert_eq!(house.challenges.proof("x"), None);
}

/// Asks one page after another until told to stop; how many came.
async fn ask(
    house: Arc<House>,
    roots: std::path::PathBuf,
    stop: Arc<AtomicBool>,
    anew: bool,
) -> usize {
    let mut asked = 0;
    while !stop.load(Ordering::SeqCst) {
        let stream = house.connect(NAME, &roots).await.expect("a handshake");
        let stream = TokioIo::new(stream);
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.expect("h2");
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        loop {
            let page = Request::get(format!("https://{NAME}/")).body(Empty::<Bytes>::new());
            let answer = sender.send_request(page.expect("valid")).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
            let body = answer.into_body().collect().await.expect("a body").to_bytes();
            assert_eq!(body, "a page");
            asked += 1;
            if anew || stop.load(Ordering::SeqCst) {
                break;
            }
        }
        drop(connection);
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn renewals_under_load_cost_no_request_and_no_connection() {
    if !pebble::is_here() {
        return;
    }
    let (house, pebble) = House::open().await;
    let acme = house.acme(&pebble, Challenge::Http);
    let first = acme.order(&house.challenges, Timestamp::now()).await.expect("is issued");
    house.tls.name(&first);
    let house = Arc::new(house);
    let stop = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = [true, true, false, false]
        .map(|anew| tokio::spawn(ask(house.clone(), pebble.authority(), stop.clone(), anew)))
        .into();
    let mut before = house.shown(&pebble).await;
    for _ in 0..5 {
        let next = acme.order(&house.challenges, Timestamp::now()).await.expect("is renewed");
        house.tls.name(&next);
        let after = house.shown(&pebble).await;
        assert_ne!(after, before, "the next handshake has the new one");
        before = after;
    }
    stop.store(true, Ordering::SeqCst);
    let mut asked = 0;
    for one in asking {
        asked += one.await.expect("none failed");
    }
    println!("{asked} pages over five renewals, none failed");
    assert!(asked > 20, "{asked}");
}

#[tokio::test]
async fn an_acme_server_that_is_away_or_forgets_or_lies_leaves_the_old_certificate() {
    if !pebble::is_here() {
        return;
    }
    let (house, mut pebble) = House::open().await;
    let acme = house.acme(&pebble, Challenge::Http);
    let first = acme.order(&house.challenges, Timestamp::now()).await.expect("is issued");
    house.tls.name(&first);
    let same = async |acme: &Arc<Acme>| {
        let kept = acme.kept(Timestamp::now()).expect("reads").expect("is kept");
        assert_eq!(kept.facts, first.facts);
        assert_eq!(house.tls.served().expect("it"), first.facts);
    };
    pebble.cut(true);
    let away = acme.order(&house.challenges, Timestamp::now()).await.err().expect("away");
    assert!(matches!(away, Unissued::Away(_)), "{away}");
    same(&acme).await;
    // A proof that nobody can find.
    pebble.cut(false);
    let nowhere = acme.order(&Challenges::default(), Timestamp::now()).await;
    let nowhere = nowhere.err();
    // It may believe what was proved a moment ago; then it has issued another one.
    if let Some(why) = &nowhere {
        assert!(matches!(why, Unissued::NotProved(_) | Unissued::Refused(_)), "{why}");
        same(&acme).await;
    }
    let before = acme.kept(Timestamp::now()).expect("reads").expect("is kept");
    // Another server at the same address, whose root nobody believes.
    let roots = std::fs::read(pebble.authority()).expect("reads");
    pebble.restart().await;
    let lied = acme.order(&house.challenges, Timestamp::now()).await.err().expect("not believed");
    assert!(matches!(lied, Unissued::Untrusted { .. }), "{lied}");
    assert!(lied.to_string().contains("acme.authority"), "{lied}");
    let kept = acme.kept(Timestamp::now()).expect("reads").expect("is kept");
    assert_eq!(kept.facts, before.facts);
    assert_ne!(std::fs::read(pebble.authority()).expect("reads"), roots);
    // Believed, it does not know the account, and another is made.
    pebble.restart().await;
    let acme = house.acme(&pebble, Challenge::Http);
    let next = acme.order(&house.challenges, Timestamp::now()).await.expect("is issued");
    assert_ne!(next.facts, before.facts);
}

/// What a hostile server answers where.
struct Lies {
    directory: &'static str,
    order: &'static str,
    authorization: &'static str,
    heads: &'static str,
    /// Nonces that it refuses before it takes one.
    refused: usize,
}

const HONEST: Lies = Lies {
    directory: r#"{"newNonce":"ORIGIN/nonce","newAccount":"ORIGIN/account","newOrder":"ORIGIN/order","revokeCert":"ORIGIN/revoke","keyChange":"ORIGIN/key"}"#,
    order: r#"{"status":"pending","authorizations":["ORIGIN/one"],"finalize":"ORIGIN/finalize"}"#,
    authorization: r#"{"status":"pending","identifier":{"type":"dns","value":"trade.example.org"},"challenges":[{"type":"http-01","url":"ORIGIN/challenge","token":"abc","status":"pending"}]}"#,
    heads: "",
    refused: 0,
};
const BAD_NONCE: &str = r#"{"type":"urn:ietf:params:acme:error:badNonce","detail":"stale"}"#;

/// A server that tells these lies; what becomes of an order there, and how often it was asked.
async fn order_at(lies: Lies) -> (Result<Certificate, Unissued>, Challenges, usize) {
    let local = Local::today();
    let lies = Arc::new(lies);
    let asked = Arc::new(AtomicUsize::new(0));
    let posted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let door = local.door("127.0.0.1:0").await;
    let at = format!("https://localhost:{}", door.address().expect("an address").port());
    let origin = at.clone();
    let server = Scripted::on(door, move |_, mut stream| {
        let (lies, origin, count) = (Arc::clone(&lies), origin.clone(), Arc::clone(&count));
        let posted = Arc::clone(&posted);
        async move {
            while let Some(request) = read_request(&mut stream).await {
                count.fetch_add(1, Ordering::SeqCst);
                let path = request.split(' ').nth(1).unwrap_or_default();
                let body = match path {
                    "/dir" => lies.directory,
                    "/order" => lies.order,
                    "/one" | "/two" | "/challenge" => lies.authorization,
                    _ => "{}",
                };
                let stale = request.starts_with("POST")
                    && posted.fetch_add(1, Ordering::SeqCst) < lies.refused;
                let (status, body) =
                    if stale { ("400 Bad Request", BAD_NONCE) } else { ("200 OK", body) };
                let body = body.replace("ORIGIN", &origin);
                let body = if request.starts_with("HEAD") { String::new() } else { body };
                let head =
                    format!("HTTP/1.1 {status}\r\nreplay-nonce: n\r\nlocation: {origin}/order\r\n");
                let length = format!("content-length: {}\r\n\r\n", body.len());
                say(&mut stream, &[&head, lies.heads, &length, &body].concat()).await;
            }
        }
    });
    let directory = tempfile::tempdir().expect("a directory");
    let url = format!("{at}/dir");
    let acme = acme(directory.path(), &url, &local.authority.path(), Challenge::Http);
    let challenges = Challenges::default();
    let ended = acme.order(&challenges, Timestamp::now()).await;
    drop(server);
    (ended, challenges, asked.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_hostile_acme_server_gets_an_error_and_nothing_else() {
    let check = async |lies: Lies, want: &str| {
        let (ended, challenges, asked) = order_at(lies).await;
        let why = ended.err().expect(want);
        assert!(why.to_string().contains(want), "{want}: {why}");
        assert!(asked < 20, "{want}: asked {asked} times");
        assert_eq!(challenges.proof("abc"), None, "{want}: nothing stays");
    };
    let directory = |directory| Lies { directory, ..HONEST };
    check(directory("no JSON"), "does not answer as it should").await;
    check(directory("{}"), "does not answer as it should").await;
    // An address that is none: the library panics.
    let nonsense = r#"{"newNonce":"no address at all","newAccount":"ORIGIN/account","newOrder":"ORIGIN/order"}"#;
    check(directory(nonsense), "no ACME").await;
    let inside = r#"{"newNonce":"http://169.254.169.254/latest","newAccount":"ORIGIN/account","newOrder":"ORIGIN/order"}"#;
    check(directory(inside), "leads to another host").await;
    let order = |order| Lies { order, ..HONEST };
    let many = r#"{"status":"pending","authorizations":["ORIGIN/one","ORIGIN/two"],"finalize":"ORIGIN/f"}"#;
    let valid = r#"{"status":"valid","identifier":{"type":"dns","value":"trade.example.org"},"challenges":[]}"#;
    let lies = Lies { authorization: valid, ..order(many) };
    check(lies, "more proofs than there are names").await;
    let strayed = r#"{"status":"pending","authorizations":["https://127.0.0.1:1/one"],"finalize":"ORIGIN/f"}"#;
    check(order(strayed), "leads to another host").await;
    let authorization = |authorization| Lies { authorization, ..HONEST };
    let other = r#"{"status":"pending","identifier":{"type":"dns","value":"evil.example"},"challenges":[{"type":"http-01","url":"ORIGIN/challenge","token":"abc","status":"pending"}]}"#;
    check(authorization(other), "evil.example").await;
    let script = r#"{"status":"pending","identifier":{"type":"dns","value":"trade.example.org"},"challenges":[{"type":"http-01","url":"ORIGIN/challenge","token":"<script>","status":"pending"}]}"#;
    check(authorization(script), "a token that is none").await;
    let none = r#"{"status":"pending","identifier":{"type":"dns","value":"trade.example.org"},"challenges":[]}"#;
    check(authorization(none), "choose another acme.challenge").await;
    let over = r#"{"status":"invalid","identifier":{"type":"dns","value":"trade.example.org"},"challenges":[]}"#;
    check(authorization(over), "did not find the proof").await;
    // A time to come again that no clock has.
    let heads = "retry-after: 18446744073709551615\r\n";
    let order = r#"{"status":"invalid","authorizations":["ORIGIN/one"],"finalize":"ORIGIN/f","error":{"type":"x","detail":"no\nsuch"}}"#;
    let lies = Lies { order, authorization: valid, heads, ..HONEST };
    check(lies, "the ACME server refuses: API error: no such").await;
}

#[tokio::test]
async fn a_server_that_refuses_nonces_is_asked_again_but_not_for_ever() {
    let none = r#"{"status":"pending","identifier":{"type":"dns","value":"trade.example.org"},"challenges":[]}"#;
    let refusing = |refused| Lies { authorization: none, refused, ..HONEST };
    // Three are refused within one order, and the next order goes through them.
    for refused in [1, 2, 3, 5] {
        let (ended, _, asked) = order_at(refusing(refused)).await;
        assert!(matches!(ended, Err(Unissued::NoChallenge { .. })), "{refused} refused");
        assert!(asked < 20, "{refused} refused: asked {asked} times");
    }
    let (ended, _, asked) = order_at(refusing(usize::MAX)).await;
    assert!(matches!(ended, Err(Unissued::Nonces(_))), "refused for ever");
    assert!(asked < 40, "asked {asked} times");
}
