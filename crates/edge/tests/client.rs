//! Real sockets, real TLS: what the client refuses, what it keeps, and what it says of failures.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a test: real certificates and real waits have the real clock, and a failure may panic"
)]

mod support;

use edge::{
    Client, Counts, Lost, Origin, Pin, Request, Response, Retry, SendError, Step, Terms, Tls,
    Trust, Unsent,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use std::{
    future::pending,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use support::{
    Local, SOON, Scripted, answer, bind, get, origin_of, outcome, post, read_request, say,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::interval,
};

/// Answers every request with the request itself.
async fn echo(local: &Local) -> Scripted {
    Scripted::new(local, |_, mut stream| async move {
        while let Some(request) = read_request(&mut stream).await {
            answer(&mut stream, &request).await;
        }
    })
    .await
}

fn text(response: Result<Response, SendError>) -> String {
    let response = response.expect("an answer");
    assert_eq!(response.status, StatusCode::OK);
    String::from_utf8(response.body.to_vec()).expect("text")
}

/// Holds part of M60: the process talks to the hosts of its list and to nobody else.
#[tokio::test]
async fn what_is_not_on_the_list_is_refused_before_its_name_is_looked_up() {
    let local = Local::today();
    let server = echo(&local).await;
    let client = local.client(std::slice::from_ref(&server.origin), Terms::default());
    let check = async |text: &str| {
        let origin: Origin = text.parse().expect(text);
        let refused = client.send(&get(&origin), SOON).await;
        assert_eq!(outcome(&refused), "never sent: NotAllowed", "{text}");
        let refused = client.prewarm(&origin, 1, SOON).await.expect_err(text);
        assert!(refused.is_never_sent(), "{text}");
    };
    let port = server.origin.port();
    check("https://api.example.com").await;
    check(&format!("https://localhost:{port}")).await;
    check(&format!("http://127.0.0.1:{port}")).await;
    check(&format!("https://127.0.0.1:{}", port ^ 1)).await;
    check("https://169.254.169.254").await;
    assert_eq!(client.counts(), Counts::default(), "nothing was dialled");
    assert_eq!(server.count(), 0);
    client.send(&get(&server.origin), SOON).await.expect("the one on the list");
}

#[tokio::test]
async fn a_request_goes_out_byte_for_byte_and_its_connection_is_kept() {
    let local = Local::today();
    let server = echo(&local).await;
    let client = local.client(std::slice::from_ref(&server.origin), Terms::default());
    assert_eq!(client.prewarm(&server.origin, 2, SOON).await.expect("two connections"), 2);
    assert_eq!(client.counts().dialled, 2);
    let mut request = post(&server.origin, "side=BUY");
    request.target = "/api/v3/order?symbol=BTCUSDT&signature=a%2Bb".to_owned();
    let key = HeaderName::from_static("x-mbx-apikey");
    request.headers = vec![(key, HeaderValue::from_static("k"))];
    let before = Instant::now();
    let response = client.send(&request, SOON).await.expect("an answer");
    assert!(response.handed_at >= before && response.handed_at <= Instant::now());
    let host = server.origin.authority();
    let expected = format!(
        "POST /api/v3/order?symbol=BTCUSDT&signature=a%2Bb HTTP/1.1\r\nhost: {host}\r\n\
x-mbx-apikey: k\r\ncontent-length: 8\r\n\r\nside=BUY"
    );
    assert_eq!(text(Ok(response)), expected);
    for _ in 0..20 {
        assert!(text(client.send(&get(&server.origin), SOON).await).starts_with("GET / HTTP/1.1"));
    }
    assert_eq!(client.counts(), Counts { dialled: 2, reused: 21, repeated: 0 });
    let many = (0..8).map(|_| {
        let (client, request) = (client.clone(), get(&server.origin));
        tokio::spawn(async move { client.send(&request, SOON).await.map(|_| ()) })
    });
    for one in many.collect::<Vec<_>>() {
        one.await.expect("no panic").expect("an answer");
    }
}

/// Holds S40 and part of M60: a certificate that is not good is refused before a request is sent.
#[tokio::test]
async fn a_bad_certificate_is_refused_and_nothing_is_sent() {
    let today = jiff::Timestamp::now();
    let past = today - jiff::SignedDuration::from_hours(24 * 200);
    let check = async |address: &str, issued: jiff::Timestamp, trust: &dyn Fn(&Local) -> Trust| {
        let local = Local::new(past);
        let tls = Tls::http1(local.leaf(issued)).expect("TLS");
        let door = bind(&format!("{address}:0"), tls).await;
        let server = Scripted::on(door, |_, mut stream| async move {
            read_request(&mut stream).await;
            answer(&mut stream, "").await;
        });
        let allowed = std::iter::once(server.origin.clone()).collect();
        let client = edge::Client::new(&allowed, trust(&local), Terms::default()).expect("valid");
        let result = client.send(&post(&server.origin, "order"), SOON).await;
        let shown = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        (outcome(&result), shown)
    };
    let own = |local: &Local| local.trust();
    let web = |_: &Local| Trust::web();
    let other = |_: &Local| Local::today().trust();
    assert_eq!(check("127.0.0.1", today, &own).await.0, "200");
    for (name, (outcome, shown), word) in [
        ("nobody's", check("127.0.0.1", today, &web).await, "UnknownIssuer"),
        ("another's", check("127.0.0.1", today, &other).await, "BadSignature"),
        ("expired", check("127.0.0.1", past, &own).await, "expired"),
        ("another name", check("127.0.0.2", today, &own).await, "not valid for name"),
    ] {
        assert_eq!(outcome, "never sent: Certificate", "{name}: {shown}");
        assert!(shown.contains(word), "{name}: {shown}");
    }
}

#[tokio::test]
async fn a_pin_is_asked_for_besides_the_certificate() {
    let local = Local::today();
    let leaf = local.leaf(jiff::Timestamp::now());
    let real = Pin::parse(&leaf.spki_hash().expect("a key")).expect("a pin");
    let backup = Pin::parse(&format!("{}=", "A".repeat(43))).expect("a pin");
    let server = echo(&local).await;
    let check = async |host: &str, pins: &[Pin], expected: &str| {
        let allowed = std::iter::once(server.origin.clone()).collect();
        let trust = local.trust().and_pins(host, pins);
        let client = edge::Client::new(&allowed, trust, Terms::default()).expect("a client");
        let result = client.send(&get(&server.origin), SOON).await;
        assert_eq!(outcome(&result), expected, "{pins:?}");
        if let Err(SendError::NeverSent { why: Unsent::Pin { seen }, .. }) = result {
            assert_eq!(seen, real.to_string(), "what to pin is said");
        }
    };
    check("127.0.0.1", &[real], "200").await;
    check("127.0.0.1", &[backup, real], "200").await;
    check("127.0.0.1", &[backup], "never sent: Pin").await;
    check("127.0.0.1", &[], "never sent: Pin").await;
    check("api.example.com", &[backup], "200").await;
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_others() {
    let local = Local::today();
    let other = echo(&local).await;
    let location = other.origin.to_string();
    let server = Scripted::new(&local, move |_, mut stream| {
        let location = location.clone();
        async move {
            read_request(&mut stream).await;
            say(
                &mut stream,
                &format!("HTTP/1.1 307 Go\r\nlocation: {location}/\r\ncontent-length: 0\r\n\r\n"),
            )
            .await;
        }
    })
    .await;
    let both = [server.origin.clone(), other.origin.clone()];
    let client = local.client(&both, Terms::default());
    let response = client.send(&post(&server.origin, "order"), SOON).await.expect("an answer");
    assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!((other.count(), client.counts().dialled), (0, 1));
}

/// What a server does after it has read a request.
#[derive(Clone, Copy)]
enum Then {
    /// Ends the connection as TLS asks for.
    Close,
    /// Ends it without a word of TLS.
    Cut,
    /// Says nothing more.
    Wait,
    /// Sends another byte now and then.
    Drip,
}

/// Waits until the client has noticed that the server closed what it keeps.
async fn until_ended(client: &Client, origin: &Origin) {
    while client.prewarm(origin, 0, SOON).await.expect("nothing to open") > 0 {
        tokio::task::yield_now().await;
    }
}

async fn misbehave(words: &'static str, then: Then, within: Duration) -> String {
    let local = Local::today();
    let server = Scripted::new(&local, move |_, mut stream| async move {
        read_request(&mut stream).await;
        say(&mut stream, words).await;
        let mut beat = interval(Duration::from_millis(20));
        match then {
            Then::Close => drop(stream.shutdown().await),
            Then::Cut => {}
            Then::Wait => pending().await,
            Then::Drip => loop {
                beat.tick().await;
                if stream.write_all(b"x").await.is_err() || stream.flush().await.is_err() {
                    break;
                }
            },
        }
    })
    .await;
    let terms = Terms { body_bytes: 64, header_bytes: 8192, ..Terms::default() };
    let client = local.client(std::slice::from_ref(&server.origin), terms);
    let result = client.send(&post(&server.origin, "order"), within).await;
    let said = outcome(&result);
    // Whatever happened, the next request does not meet what was left of this one.
    until_ended(&client, &server.origin).await;
    let after = client.send(&get(&server.origin), within).await;
    assert_eq!(outcome(&after), said, "again");
    assert_eq!(client.counts().repeated, 0);
    said
}

#[tokio::test]
async fn what_was_sent_and_not_wholly_answered_is_unknown() {
    const SHORT: Duration = Duration::from_millis(300);
    let check = async |words, then, within, expected: &str| {
        assert_eq!(misbehave(words, then, within).await, expected, "{words:?}");
    };
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Then::Close, SOON, "200").await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Then::Cut, SOON, "200").await;
    let page = "HTTP/1.1 502 Bad\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>";
    check(page, Then::Close, SOON, "502").await;
    check("HTTP/1.1 204 No\r\n\r\n", Then::Close, SOON, "204").await;
    check("", Then::Close, SOON, "unknown: Closed").await;
    check("", Then::Cut, SOON, "unknown: Closed").await;
    check("HTTP/1.1 200 OK\r\ncontent-le", Then::Close, SOON, "unknown: Closed").await;
    check("", Then::Wait, SHORT, "unknown: Timeout").await;
    check("HTTP/1.1 200 OK\r\nx: ", Then::Drip, SHORT, "unknown: Timeout").await;
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"a\"";
    check(cut, Then::Close, SOON, "unknown after 200: Truncated").await;
    check(cut, Then::Cut, SOON, "unknown after 200: Truncated").await;
    check(cut, Then::Wait, SHORT, "unknown after 200: Timeout").await;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n";
    check(chunked, Then::Close, SOON, "unknown after 200: Truncated").await;
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 60\r\n\r\n";
    check(endless, Then::Drip, SHORT, "unknown after 200: Timeout").await;
    let large = "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n";
    check(large, Then::Wait, SOON, "unknown after 200: TooLarge").await;
    let open = "HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789";
    check(open, Then::Drip, SOON, "unknown after 200: TooLarge").await;
    check("SSH-2.0-OpenSSH\r\n\r\n", Then::Wait, SOON, "unknown: Malformed").await;
    check("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Then::Wait, SOON, "unknown: Malformed").await;
    let head = Box::leak(format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(9000)).into_boxed_str());
    check(head, Then::Drip, SOON, "unknown: Malformed").await;
    let twice = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}x";
    check(twice, Then::Wait, SOON, "unknown: Malformed").await;
}

#[tokio::test]
async fn what_never_left_is_never_sent() {
    let local = Local::today();
    let free = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = free.local_addr().expect("an address");
    let origin: Origin = format!("https://{address}").parse().expect("an origin");
    let client = local.client(std::slice::from_ref(&origin), Terms::default());
    let short = Duration::from_millis(200);
    let check = async |request: &Request, expected: &str| {
        let result = client.send(request, short).await;
        assert_eq!(outcome(&result), expected);
        result.expect_err("refused")
    };
    // Somebody listens and says nothing: no handshake.
    let silent = check(&get(&origin), "never sent: Timeout").await;
    let step = Step::Handshake;
    assert!(
        matches!(silent, SendError::NeverSent { why: Unsent::Timeout { step: s }, .. } if s == step)
    );
    // Somebody who does not speak TLS.
    let talk = tokio::spawn(async move {
        while let Ok((mut stream, _)) = free.accept().await {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n").await;
            let _ = stream.shutdown().await;
        }
    });
    check(&get(&origin), "never sent: Tls").await;
    // Nobody.
    talk.abort();
    assert!(talk.await.is_err());
    check(&get(&origin), "never sent: Connect").await;
    let mut bad = get(&origin);
    bad.target = "/a b".to_owned();
    check(&bad, "never sent: Invalid").await;
}

#[tokio::test]
async fn a_connection_that_the_server_closed_meanwhile_is_not_used() {
    let local = Local::today();
    let server = Scripted::new(&local, move |_, mut stream| async move {
        read_request(&mut stream).await;
        answer(&mut stream, "").await;
        let _ = stream.shutdown().await;
    })
    .await;
    let client = local.client(std::slice::from_ref(&server.origin), Terms::default());
    for n in 1..=3 {
        let result = client.send(&post(&server.origin, "order"), SOON).await;
        assert_eq!(outcome(&result), "200");
        assert_eq!(server.count(), n);
        until_ended(&client, &server.origin).await;
    }
    assert_eq!(client.counts(), Counts { dialled: 3, reused: 0, repeated: 0 });
}

/// A second answer that nobody asked for must not become the answer of the next request.
#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    const STALE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nstale";
    let check = async |first: &'static str, then: &'static str| {
        let local = Local::today();
        let server = Scripted::new(&local, move |n, mut stream| async move {
            read_request(&mut stream).await;
            if n > 0 {
                return answer(&mut stream, "fresh").await;
            }
            say(&mut stream, first).await;
            say(&mut stream, then).await;
            pending::<()>().await;
        })
        .await;
        let client = local.client(std::slice::from_ref(&server.origin), Terms::default());
        let asked = client.send(&post(&server.origin, "1"), SOON).await.expect("an answer");
        assert_eq!(&*asked.body, b"{}");
        until_ended(&client, &server.origin).await;
        let asked = client.send(&post(&server.origin, "2"), SOON).await.expect("an answer");
        assert_eq!(&*asked.body, b"fresh");
    };
    let good = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    check(good, STALE).await;
    check(Box::leak(format!("{good}{STALE}").into_boxed_str()), "").await;
    check(good, "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n").await;
}

/// The server answers once on each connection, and the second request gets an end instead.
#[tokio::test]
async fn a_lost_request_goes_out_again_only_if_that_was_said_and_does_no_harm() {
    let check = async |method: Method, retry: Retry, expected: &str, seen_expected: usize| {
        let local = Local::today();
        let seen = Arc::new(Mutex::new(0));
        let count = Arc::clone(&seen);
        let server = Scripted::new(&local, move |_, mut stream| {
            let count = Arc::clone(&count);
            async move {
                for n in 0..2 {
                    read_request(&mut stream).await;
                    *count.lock().expect("whole") += 1;
                    if n == 0 {
                        answer(&mut stream, "").await;
                    }
                }
            }
        })
        .await;
        let client = local.client(std::slice::from_ref(&server.origin), Terms::default());
        let mut request = Request::new(method.clone(), server.origin.clone(), "/");
        request.retry = retry;
        assert_eq!(outcome(&client.send(&request, SOON).await), "200");
        assert_eq!(outcome(&client.send(&request, SOON).await), expected, "{method} {retry:?}");
        assert_eq!(*seen.lock().expect("whole"), seen_expected, "{method} {retry:?}");
    };
    check(Method::POST, Retry::Never, "unknown: Closed", 2).await;
    check(Method::POST, Retry::IfIdempotent, "unknown: Closed", 2).await;
    check(Method::GET, Retry::Never, "unknown: Closed", 2).await;
    check(Method::GET, Retry::IfIdempotent, "200", 3).await;
}

#[tokio::test]
async fn a_request_given_up_on_leaves_nothing_for_the_next() {
    let local = Local::today();
    let server = Scripted::new(&local, |n, mut stream| async move {
        while let Some(request) = read_request(&mut stream).await {
            if n == 0 {
                pending::<()>().await;
            }
            answer(&mut stream, &request).await;
        }
    })
    .await;
    let terms = Terms { requests_per_host: 1, ..Terms::default() };
    let client = local.client(std::slice::from_ref(&server.origin), terms);
    let first = post(&server.origin, "first");
    let held = tokio::spawn({
        let (client, first) = (client.clone(), first.clone());
        async move { client.send(&first, SOON).await.map(|_| ()) }
    });
    while server.count() == 0 {
        tokio::task::yield_now().await;
    }
    let busy = client.send(&get(&server.origin), Duration::from_millis(10)).await;
    assert_eq!(outcome(&busy), "never sent: Busy");
    held.abort();
    assert!(held.await.is_err());
    let second = text(client.send(&post(&server.origin, "second"), SOON).await);
    assert!(second.ends_with("second"), "{second}");
    assert_eq!(server.count(), 2);
}

#[tokio::test]
async fn plain_http_reaches_this_machine_where_the_list_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("accepts");
        let mut head = [0; 512];
        assert!(stream.read(&mut head).await.expect("a request") > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.expect("writes");
        pending::<()>().await;
    });
    let origin: Origin = format!("http://{address}").parse().expect("an origin");
    let local = Local::today();
    let client = local.client(std::slice::from_ref(&origin), Terms::default());
    assert_eq!(text(client.send(&get(&origin), SOON).await), "{}");
}

#[tokio::test]
async fn a_name_of_this_machine_is_served_too_and_errors_show_no_query() {
    let local = Local::today();
    let door = local.door("127.0.0.1:0").await;
    let port = origin_of(&door).port();
    let _server = Scripted::on(door, |_, mut stream| async move {
        read_request(&mut stream).await;
        pending::<()>().await;
    });
    let origin: Origin = format!("https://localhost:{port}").parse().expect("an origin");
    let client = local.client(std::slice::from_ref(&origin), Terms::default());
    let mut request = get(&origin);
    request.target = "/?signature=CANARY".to_owned();
    let lost = client.send(&request, Duration::from_millis(300)).await.expect_err("no answer");
    assert!(matches!(lost, SendError::Unknown { why: Lost::Timeout, .. }), "{lost}");
    assert!(!format!("{lost} {lost:?}").contains("CANARY"));
    assert!(lost.to_string().contains(&format!("localhost:{port}")), "{lost}");
}
