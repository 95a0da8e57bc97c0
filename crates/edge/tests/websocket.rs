//! Both ends of a WebSocket over real TLS: what comes out, how it ends, and what goes wrong on
//! purpose.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a test: TLS compares certificates with the real clock, and a failure may panic"
)]

mod support;

use edge::{
    Call, Client, Closed, ConnectError, Drained, End, Event, Fate, FaultSwitch, Faults, Handled,
    Origin, Rate, Refusal, Reply, Socket, SocketRequest, SocketTerms, Terms, Unsaid, UpgradeTerms,
};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use hyper::body::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::{Local, SOON, Scripted, Stream, get, origin_of, outcome, post, read_request, say};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinHandle,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;

/// A server that counts what it handled, echoes streams and answers with a body of ten bytes.
struct Venue {
    origin: Origin,
    client: Client,
    faults: FaultSwitch,
    handled: Arc<AtomicUsize>,
    stop: CancellationToken,
    ended: JoinHandle<Drained>,
}

async fn venue(faults: Faults) -> Venue {
    let local = Local::today();
    let door = local.door("127.0.0.1:0").await;
    let origin = origin_of(&door);
    let handled = Arc::new(AtomicUsize::new(0));
    let faults = FaultSwitch::new(faults);
    let stop = CancellationToken::new();
    let count = Arc::clone(&handled);
    let answer = move |call: Call| {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            if call.head.uri.path() == "/ws" {
                return Reply::socket(echo);
            }
            let body = format!("{} {:>6}", call.head.uri.path(), call.body.len());
            Reply::Answer(Response::new(Bytes::from(body)))
        }
    };
    let limits = edge::Limits { drain: Duration::from_millis(200), ..edge::Limits::default() };
    let terms = UpgradeTerms {
        limits,
        body_bytes: 1000,
        socket: SocketTerms { message_bytes: 4096, ..SocketTerms::default() },
        faults: faults.clone(),
    };
    let ended = tokio::spawn(edge::serve_upgradable(door, answer, terms, stop.clone()));
    let client = local.client(std::slice::from_ref(&origin), Terms::default());
    Venue { origin, client, faults, handled, stop, ended }
}

async fn echo(mut socket: Socket) {
    loop {
        let sent = match socket.next().await {
            Event::Text(text) if text.starts_with("burst ") => {
                let mut sent = Ok(());
                for n in 0..text[6..].parse().expect("a number") {
                    sent = socket.send_text(format!("{n}")).await;
                }
                sent
            }
            Event::Text(text) if &*text == "close" => {
                socket.close(4001, "as you like").await;
                return;
            }
            Event::Text(text) => socket.send_text(text).await,
            Event::Binary(bytes) => socket.send_binary(bytes).await,
            Event::Ping | Event::Pong => Ok(()),
            Event::Closed(_) => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

fn to(origin: &Origin, target: &str) -> SocketRequest {
    SocketRequest { origin: origin.clone(), target: target.to_owned(), headers: Vec::new() }
}

async fn open(venue: &Venue) -> Socket {
    let request = to(&venue.origin, "/ws");
    venue.client.websocket(&request, SocketTerms::default(), SOON).await.expect("a socket")
}

#[tokio::test]
async fn messages_come_back_whole_and_in_order() {
    let venue = venue(Faults::default()).await;
    let mut socket = open(&venue).await;
    let long = "x".repeat(4000);
    for text in ["{}", "", "\u{20bf} and \u{20ac}", &long] {
        socket.send_text(text).await.expect("sends");
        assert_eq!(socket.next().await, Event::Text(text.into()));
    }
    socket.send_binary(vec![0, 159, 146, 150]).await.expect("sends");
    assert_eq!(socket.next().await, Event::Binary(vec![0, 159, 146, 150].into()));
    socket.send_ping().await.expect("sends");
    assert_eq!(socket.next().await, Event::Pong);
    socket.send_text("burst 200").await.expect("sends");
    for n in 0..200 {
        assert_eq!(socket.next().await, Event::Text(format!("{n}").into()));
    }
}

#[tokio::test]
async fn a_socket_says_how_it_ended() {
    let venue = venue(Faults::default()).await;
    let check = async |act: &dyn AsyncSend, code: Option<u16>, reason: &str, end: End| {
        let mut socket = open(&venue).await;
        act.act(&mut socket).await;
        let closed = Closed { code, reason: reason.to_owned(), end };
        assert_eq!(socket.next().await, Event::Closed(closed.clone()));
        assert_eq!(socket.next().await, Event::Closed(closed.clone()), "and says it again");
        let unsaid = Unsaid { fate: Fate::NeverSent, closed };
        assert_eq!(socket.send_text("more").await, Err(unsaid));
    };
    check(&Say("close"), Some(4001), "as you like", End::Peer).await;
    check(&Close(1000, "bye"), Some(1000), "bye", End::Ours).await;
    // The server takes messages of 4096 bytes and says with 1009 that this one is too long.
    check(&Say(Box::leak("y".repeat(5000).into_boxed_str())), Some(1009), "", End::Peer).await;
}

struct Say(&'static str);
struct Close(u16, &'static str);

trait AsyncSend {
    fn act<'a>(
        &'a self,
        socket: &'a mut Socket,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>;
}

impl AsyncSend for Say {
    fn act<'a>(
        &'a self,
        socket: &'a mut Socket,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async move { socket.send_text(self.0).await.expect("sends") })
    }
}

impl AsyncSend for Close {
    fn act<'a>(
        &'a self,
        socket: &'a mut Socket,
    ) -> std::pin::Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(async move { drop(socket.close(self.0, self.1).await) })
    }
}

/// Shakes hands by hand.
async fn shake(mut stream: Stream) -> Stream {
    let head = read_request(&mut stream).await.expect("a handshake");
    let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "));
    let key = key.or_else(|| head.lines().find_map(|l| l.strip_prefix("Sec-WebSocket-Key: ")));
    let accept = derive_accept_key(key.expect("a key").as_bytes());
    say(
        &mut stream,
        &format!(
            "HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
sec-websocket-accept: {accept}\r\n\r\n"
        ),
    )
    .await;
    stream
}

/// Shakes hands and sends `bytes`, then reads on and says nothing.
async fn shake_and_send(stream: Stream, bytes: &[u8]) {
    let mut stream = shake(stream).await;
    stream.write_all(bytes).await.expect("writes");
    stream.flush().await.expect("writes");
    let mut rest = [0; 512];
    while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {}
}

#[tokio::test]
async fn what_is_no_websocket_ends_it() {
    let check = async |bytes: &'static [u8], end: End| {
        let local = Local::today();
        let server = Scripted::new(&local, move |_, stream| shake_and_send(stream, bytes)).await;
        let client = local.client(std::slice::from_ref(&server.origin), Terms::default());
        let terms = SocketTerms {
            message_bytes: 1000,
            ping_after: Duration::from_millis(100),
            dead_after: Duration::from_millis(250),
            patience: Duration::from_millis(100),
        };
        let mut socket =
            client.websocket(&to(&server.origin, "/"), terms, SOON).await.expect("a socket");
        let Event::Closed(closed) = socket.next().await else { panic!("an end for {bytes:?}") };
        assert_eq!(closed.end, end, "{bytes:?}");
    };
    // A frame of 2^40 bytes is refused by its head.
    check(&[0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0], End::TooLarge).await;
    check(&[0x82, 126, 0x03, 0xe9], End::TooLarge).await;
    check(&[0x81, 2, 0xc3, 0x28], End::Malformed).await;
    check(&[0xc1, 0], End::Malformed).await;
    check(&[0x83, 0], End::Malformed).await;
    check(&[0x81, 0x80, 1, 2, 3, 4], End::Malformed).await;
    let page = b"HTTP/1.1 400 Bad Request\r\nserver: a proxy that answers a stream with a page of text\r\n\r\n<html></html>";
    check(page, End::Malformed).await;
    // A close without a code, and one with a code that may not be sent.
    check(&[0x88, 0], End::Peer).await;
    check(&[0x88, 2, 0x03, 0xed], End::Peer).await;
    // Half a frame, and then silence: pings go out, nothing comes back.
    check(&[0x81, 10, b'{'], End::Silent).await;
    check(&[], End::Silent).await;
}

/// The peer takes nothing more: what is in the kernel may arrive, and what comes after it does not.
#[tokio::test]
async fn a_peer_that_takes_nothing_is_given_up_on() {
    let local = Local::today();
    let server = Scripted::new(&local, |_, stream| async move {
        let stream = shake(stream).await;
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let client = local.client(std::slice::from_ref(&server.origin), Terms::default());
    let terms = SocketTerms { patience: Duration::from_millis(100), ..SocketTerms::default() };
    let mut socket =
        client.websocket(&to(&server.origin, "/"), terms, SOON).await.expect("a socket");
    let long = "x".repeat(1 << 20);
    let unsaid = loop {
        if let Err(unsaid) = socket.send_text(long.as_str()).await {
            break unsaid;
        }
    };
    assert_eq!(unsaid.closed.end, End::Silent);
    let Err(after) = socket.send_text("order").await else { panic!("it has ended") };
    assert_eq!(after.fate, Fate::NeverSent);
    assert!(after.to_string().contains("nothing of the message was sent"), "{after}");
}

#[tokio::test]
async fn a_quiet_peer_that_answers_pings_lives() {
    let venue = venue(Faults::default()).await;
    let terms = SocketTerms {
        ping_after: Duration::from_millis(30),
        dead_after: Duration::from_millis(120),
        ..SocketTerms::default()
    };
    let mut socket =
        venue.client.websocket(&to(&venue.origin, "/ws"), terms, SOON).await.expect("a socket");
    for _ in 0..8 {
        assert_eq!(socket.next().await, Event::Pong);
    }
    socket.send_text("still here").await.expect("sends");
    loop {
        match socket.next().await {
            Event::Pong => {}
            other => break assert_eq!(other, Event::Text("still here".into())),
        }
    }
}

#[tokio::test]
async fn what_is_no_stream_is_refused_with_the_status() {
    let venue = venue(Faults::default()).await;
    let connect = async |request: &SocketRequest| match venue
        .client
        .websocket(request, SocketTerms::default(), SOON)
        .await
    {
        Ok(_) => "open".to_owned(),
        Err(ConnectError::Refused { status, .. }) => status.as_str().to_owned(),
        Err(ConnectError::Send(error)) => outcome(&Err(error)),
        Err(ConnectError::NotWebSocket { .. }) => "not a websocket".to_owned(),
    };
    assert_eq!(connect(&to(&venue.origin, "/ws?listenKey=CANARY")).await, "open");
    assert_eq!(connect(&to(&venue.origin, "/other")).await, "200");
    assert_eq!(connect(&to(&venue.origin, "ws")).await, "never sent: Invalid");
    let other: Origin = "stream.example.com".parse().expect("an origin");
    assert_eq!(connect(&to(&other, "/ws")).await, "never sent: NotAllowed");
    let mut framed = to(&venue.origin, "/ws");
    let name = HeaderName::from_static("sec-websocket-extensions");
    framed.headers = vec![(name, HeaderValue::from_static("permessage-deflate"))];
    assert_eq!(connect(&framed).await, "never sent: Invalid");
    assert!(!format!("{:?}", to(&venue.origin, "/ws?listenKey=CANARY")).contains("CANARY"));
    let mut plain = get(&venue.origin);
    plain.target = "/ws".to_owned();
    let answer = venue.client.send(&plain, SOON).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::UPGRADE_REQUIRED);
}

#[tokio::test]
async fn a_long_body_is_refused_and_sockets_are_cut_when_the_drain_is_over() {
    let venue = venue(Faults::default()).await;
    let long = venue.client.send(&post(&venue.origin, &"z".repeat(1001)), SOON).await;
    assert_eq!(outcome(&long), "413");
    let mut socket = open(&venue).await;
    socket.send_text("there").await.expect("sends");
    assert_eq!(socket.next().await, Event::Text("there".into()));
    venue.stop.cancel();
    let Event::Closed(closed) = socket.next().await else { panic!("an end") };
    assert_eq!(closed.end, End::Broken);
    assert_eq!(venue.ended.await.expect("no panic"), Drained::Cut { connections: 1 });
}

/// Each fault as the client sees it, and whether the handler ran.
#[tokio::test]
async fn a_fault_of_a_request_is_what_its_name_says() {
    let check = async |faults: Faults, expected: &str, handled: usize| {
        let venue = venue(faults.clone()).await;
        let result = venue.client.send(&post(&venue.origin, "order"), SOON).await;
        assert_eq!(outcome(&result), expected, "{faults:?}");
        assert_eq!(venue.handled.load(Ordering::SeqCst), handled, "{faults:?}");
        venue.faults.set(Faults::default());
        let quiet = venue.client.send(&post(&venue.origin, "order"), SOON).await;
        assert_eq!(outcome(&quiet), "200", "once the faults are off");
        result
    };
    let none = Faults::default;
    let always = Rate::ALWAYS;
    let _ = check(none(), "200", 1).await;
    let _ = check(Faults { drop_request: always, ..none() }, "unknown: Closed", 0).await;
    let _ = check(Faults { drop_response: always, ..none() }, "unknown: Closed", 1).await;
    let cut = Faults { cut_response: always, ..none() };
    let _ = check(cut, "unknown after 200: Truncated", 1).await;
    for handled in [Handled::No, Handled::Yes] {
        let mut refusal = Refusal::json(always, 429, handled, "{\"code\":-1003}");
        refusal.retry_after = Some(7);
        let faults = Faults { refusals: vec![refusal], ..none() };
        let ran = usize::from(handled == Handled::Yes);
        let answer = check(faults, "429", ran).await.expect("an answer");
        assert_eq!(&*answer.body, b"{\"code\":-1003}");
        assert_eq!(answer.headers["retry-after"], "7");
    }
    let refusals = vec![Refusal::html(always, 503, Handled::Yes)];
    let page = check(Faults { refusals, ..none() }, "503", 1).await.expect("an answer");
    assert_eq!(page.headers["content-type"], "text/html");
    assert!(page.body.starts_with(b"<html>"));
}

#[tokio::test]
async fn a_late_answer_belongs_to_a_request_that_was_handled() {
    let late = Faults { delay_ms_min: 400, delay_ms_max: 400, ..Faults::default() };
    let check = async |faults: Faults, handled: usize| {
        let venue = venue(faults).await;
        venue.client.prewarm(&venue.origin, 1, SOON).await.expect("a connection");
        let result = venue.client.send(&get(&venue.origin), Duration::from_millis(150)).await;
        assert_eq!(outcome(&result), "unknown: Timeout");
        assert_eq!(venue.handled.load(Ordering::SeqCst), handled);
    };
    check(Faults { delay_response: Rate::ALWAYS, ..late.clone() }, 1).await;
    check(Faults { delay_request: Rate::ALWAYS, ..late }, 0).await;
}

#[tokio::test]
async fn a_fault_of_a_stream_is_what_its_name_says() {
    let check = async |faults: Faults, expected: &[&str]| {
        let venue = venue(faults.clone()).await;
        let mut socket = open(&venue).await;
        socket.send_text("burst 4").await.expect("sends");
        for text in expected {
            let next = tokio::time::timeout(SOON, socket.next()).await.expect("in time");
            let said = match next {
                Event::Text(text) => text.to_string(),
                Event::Closed(closed) => format!("{:?}", closed.end),
                other => format!("{other:?}"),
            };
            assert_eq!(said, *text, "{faults:?}");
        }
    };
    let none = Faults::default;
    let always = Rate::ALWAYS;
    let twice = ["0", "0", "1", "1", "2", "2", "3", "3"];
    check(Faults { duplicate_message: always, ..none() }, &twice).await;
    check(Faults { swap_messages: always, ..none() }, &["1", "0", "3", "2"]).await;
    check(Faults { cut_stream: always, ..none() }, &["Broken"]).await;
    // What waits for a message that never comes goes out by itself.
    let venue = venue(Faults { swap_messages: always, ..none() }).await;
    let mut socket = open(&venue).await;
    socket.send_text("alone").await.expect("sends");
    assert_eq!(socket.next().await, Event::Text("alone".into()));
    // Once the switch is off, the next message comes.
    venue.faults.set(Faults { drop_message: always, ..none() });
    socket.send_text("burst 4").await.expect("sends");
    socket.send_ping().await.expect("sends");
    assert_eq!(socket.next().await, Event::Pong);
    venue.faults.set(none());
    socket.send_text("heard").await.expect("sends");
    assert_eq!(socket.next().await, Event::Text("heard".into()));
}

/// The same seed, the same requests on one connection: the same outcomes.
#[tokio::test]
async fn faults_are_the_same_for_the_same_seed() {
    let run = async |seed: u64| {
        let refusal = Refusal::json(Rate::per_cent(30), 503, Handled::No, "{}");
        let venue = venue(Faults { seed, refusals: vec![refusal], ..Faults::default() }).await;
        let mut seen = Vec::new();
        for _ in 0..40 {
            seen.push(outcome(&venue.client.send(&get(&venue.origin), SOON).await));
        }
        assert_eq!(venue.client.counts().dialled, 1);
        seen
    };
    let first = run(5).await;
    assert_eq!(first, run(5).await);
    assert_ne!(first, run(6).await);
}
