//! How long a signed order stays in the process: from the call to the byte that the kernel took.
//!
//! `cargo bench -p edge` prints a table. The budget is 15 µs at the median on a warm connection.
//! The floor is the same bytes, ready made, written to the same TLS by `tokio-rustls` alone.
//!
//! The server is a thread of the same machine, which a write wakes and which may then run in the
//! middle of it. A venue does not: `chrt -b 0 cargo bench -p edge` forbids it and is what counts.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench: it has a clock, a thread for its server and a table to print"
)]

use edge::{
    Allowed, Authority, Call, Client, Event, Exposure, Origin, Reply, Request, SocketRequest,
    SocketTerms, Terms, Tls, TlsDoor, Trust, UpgradeTerms,
};
use http::{HeaderName, HeaderValue, Method, Response};
use hyper::body::Bytes;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use std::{
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 20_000;
const WARM: usize = 1_000;
const SOON: Duration = Duration::from_secs(10);
const TARGET: &str = "/api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01000\
&price=64250.10&newClientOrderId=sk1-0000000000000001&recvWindow=5000&timestamp=1700000000000\
&signature=c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A server on a thread of its own that answers at once and echoes streams.
fn serve(directory: &Path) -> Origin {
    let now = jiff::Timestamp::now();
    let authority = Authority::open_or_create(directory, now).expect("an authority");
    let tls = Tls::http1(authority.leaf(now).expect("a leaf")).expect("TLS");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let at = "127.0.0.1:0".parse().expect("an address");
            let door = TlsDoor::bind(at, Exposure::Loopback, tls).await.expect("binds");
            let origin = format!("https://{}", door.address().expect("an address"));
            tell.send(origin.parse().expect("an origin")).expect("the bench listens");
            let stop = CancellationToken::new();
            edge::serve_upgradable(door, answer, UpgradeTerms::default(), stop).await;
        });
    });
    told.recv().expect("an origin")
}

async fn answer(call: Call) -> Reply {
    if call.head.uri.path() == "/ws" {
        return Reply::socket(async |mut socket| {
            while let Event::Text(text) = socket.next().await {
                if socket.send_text(text).await.is_err() {
                    break;
                }
            }
        });
    }
    Reply::Answer(Response::new(Bytes::from_static(b"{\"orderId\":28,\"status\":\"NEW\"}")))
}

fn print(name: &str, mut ns: Vec<u128>) {
    ns.sort_unstable();
    let at = |part: usize| {
        let tenths = ns[(ns.len() * part / 1000).min(ns.len() - 1)] / 100;
        format!("{}.{}", tenths / 10, tenths % 10)
    };
    println!("{name:<44} {:>8} {:>8} {:>8}", at(500), at(990), at(999));
}

async fn orders(client: &Client, origin: &Origin) {
    let mut request = Request::new(Method::POST, origin.clone(), TARGET);
    let key =
        HeaderValue::from_static("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91");
    request.headers = vec![(HeaderName::from_static("x-mbx-apikey"), key)];
    client.prewarm(origin, 1, SOON).await.expect("a connection");
    let (mut handed, mut answered) = (Vec::new(), Vec::new());
    for round in 0..WARM + ROUNDS {
        let start = Instant::now();
        let response = client.send(&request, SOON).await.expect("an answer");
        if round >= WARM {
            answered.push(start.elapsed().as_nanos());
            handed.push((response.handed_at - start).as_nanos());
        }
    }
    assert_eq!(client.counts().dialled, 1);
    print("order: call to kernel", handed);
    print("order: call to answer", answered);
}

async fn messages(client: &Client, origin: &Origin) {
    let request =
        SocketRequest { origin: origin.clone(), target: "/ws".to_owned(), headers: Vec::new() };
    let socket = client.websocket(&request, SocketTerms::default(), SOON).await;
    let mut socket = socket.expect("a socket");
    let (mut handed, mut answered) = (Vec::new(), Vec::new());
    for round in 0..WARM + ROUNDS {
        let start = Instant::now();
        socket.send_text(TARGET).await.expect("sends");
        let out = socket.handed_at();
        assert!(matches!(socket.next().await, Event::Text(_)));
        if round >= WARM {
            answered.push(start.elapsed().as_nanos());
            handed.push((out - start).as_nanos());
        }
    }
    print("message: call to kernel", handed);
    print("message: call to echo", answered);
}

/// The same bytes without a client around them.
async fn floor(directory: &Path, origin: &Origin) {
    let pem = std::fs::read(directory.join("authority.pem")).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem).expect("PEM")).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let tcp = TcpStream::connect((origin.host(), origin.port())).await.expect("connects");
    tcp.set_nodelay(true).expect("sets");
    let name = ServerName::try_from(origin.host().to_owned()).expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, tcp).await.expect("a handshake");
    let bytes = format!(
        "POST {TARGET} HTTP/1.1\r\nhost: {}\r\nx-mbx-apikey: {}\r\ncontent-length: 0\r\n\r\n",
        origin.authority(),
        "v".repeat(62)
    );
    let (mut handed, mut answered) = (Vec::new(), Vec::new());
    let mut answer = [0; 1024];
    for round in 0..WARM + ROUNDS {
        let start = Instant::now();
        stream.write_all(bytes.as_bytes()).await.expect("writes");
        let out = start.elapsed().as_nanos();
        let read = stream.read(&mut answer).await.expect("reads");
        assert!(answer[..read].ends_with(b"}"));
        if round >= WARM {
            answered.push(start.elapsed().as_nanos());
            handed.push(out);
        }
    }
    print("floor: TLS write alone", handed);
    print("floor: TLS write to answer", answered);
}

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let origin = serve(directory.path());
    let trust = Trust::web().and_roots(&directory.path().join("authority.pem")).expect("a root");
    let allowed: Allowed = std::iter::once(origin.clone()).collect();
    let client = Client::new(&allowed, trust, Terms::default()).expect("a client");
    println!("{:<44} {:>8} {:>8} {:>8}", "µs, one connection on loopback", "p50", "p99", "p99.9");
    runtime().block_on(async {
        floor(directory.path(), &origin).await;
        orders(&client, &origin).await;
        messages(&client, &origin).await;
    });
}
