//! Old and weak clients: what our listener says to them, and what one that is too kind would say.
#![allow(clippy::disallowed_methods, reason = "TLS compares certificates with the real clock")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use edge::{Authority, Exposure, Greeting, Limits, Offer, Proxies, Tls, TlsDoor, greet};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use jiff::Timestamp;
use std::{convert::Infallible, net::SocketAddr};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn old_protocols_and_weak_suites_are_refused_and_modern_ones_are_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let now = Timestamp::now();
    let authority = Authority::open_or_create(directory.path(), now).expect("an authority");
    let leaf = authority.leaf(now).expect("a leaf");
    let spki = leaf.spki_hash().expect("a key");
    let tls = Tls::new(leaf).expect("TLS");
    let served = tls.served().expect("a certificate");
    assert!(served.issuer.contains("Stockade local authority"), "{}", served.issuer);
    assert!(served.expires > now);
    assert!(served.names.contains(&"localhost".to_owned()), "{:?}", served.names);
    assert_eq!(STANDARD.encode(served.spki_sha256), spki);

    let address = "127.0.0.1:0".parse().expect("an address");
    let door = TlsDoor::bind(address, Exposure::Loopback, tls).await.expect("binds");
    let address = door.address().expect("bound");
    let stop = CancellationToken::new();
    let nothing = tower::service_fn(|_: Request<Incoming>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let serving = tokio::spawn(edge::serve(door, nothing, Limits::default(), stop.clone()));
    // 70: the version is not known here; 40: none of the suites is.
    for offer in [Offer::TLS_1_0, Offer::TLS_1_1] {
        let said = greet(address, offer, &Proxies::default()).await.expect("answers");
        assert!(matches!(said, Greeting::Refused(Some(40 | 70))), "{offer:?}: {said:?}");
    }
    let weak = greet(address, Offer::WEAK_SUITES, &Proxies::default()).await.expect("answers");
    assert_eq!(weak, Greeting::Refused(Some(40)));
    let modern = greet(address, Offer::TLS_1_2, &Proxies::default()).await.expect("answers");
    let Greeting::Accepted { version: 0x0303, suite } = modern else { panic!("{modern:?}") };
    // The client named 128 bits first; the server's order counts.
    assert_eq!(Offer::TLS_1_2.suites.first(), Some(&0xc02b));
    assert_eq!(suite, 0xc02c, "{suite:#06x}");
    stop.cancel();
    serving.await.expect("ends");
}

/// A listener that answers the first message with these bytes.
async fn kind(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut hello = [0; 64];
        stream.read_exact(&mut hello).await.expect("a hello");
        assert_eq!(hello[..3], [22, 3, 1], "a record of a handshake");
        stream.write_all(&answer).await.expect("answers");
    });
    address
}

#[tokio::test]
async fn a_listener_that_is_too_kind_is_seen_through() {
    // The hello of a server that takes TLS 1.1 with 3DES.
    let mut hello = vec![2, 0, 0, 38, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 10, 0]);
    let mut record = vec![22, 3, 2, 0, 42];
    record.extend(hello);
    let address = kind(record).await;
    let said = greet(address, Offer::TLS_1_1, &Proxies::default()).await.expect("answers");
    assert_eq!(said, Greeting::Accepted { version: 0x0302, suite: 0x000a });
    // Whoever hangs up has refused; whoever speaks no TLS has said nothing.
    let address = kind(Vec::new()).await;
    assert_eq!(
        greet(address, Offer::TLS_1_1, &Proxies::default()).await.expect("ends"),
        Greeting::Refused(None)
    );
    let address = kind(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    greet(address, Offer::TLS_1_1, &Proxies::default()).await.expect_err("it is no answer of TLS");
}
