//! Forged, late and broken messages.

use crate::{NOW, ROSTER, client, connected, keys, made, response, ring, setup};
use engine::live::{Answer, Call, Mode, RefusedKind, Unknown, Word};
use http::{HeaderValue, Request};
use market::{Product, Timestamp};
use portfolio::InstrumentId;
use proptest::prelude::*;
use venues::{Client as _, Counter as _, Keys, Setup, okx};

fn refused(request: &Request<Vec<u8>>, call: &Call, want: (u16, &str), kind: RefusedKind) {
    let no = okx::Counter.asked(request, &ring(), &ROSTER, NOW).expect_err("it is refused");
    let body = String::from_utf8_lossy(no.body());
    assert_eq!(no.status().as_u16(), want.0, "{body}");
    assert!(body.contains(&format!("\"code\":\"{}\"", want.1)), "{body}");
    let heard = client(Product::Perpetual, Mode::Hedge).answer(call, &no, NOW);
    assert!(matches!(&heard, Answer::Refused(refused) if refused.kind == kind), "{heard:?}");
}

fn by(keys: Keys, call: &Call, now: Timestamp) -> Request<Vec<u8>> {
    let setup = Setup { keys, ..setup(Product::Perpetual, Mode::Hedge) };
    okx::Client::new(setup).request(call, now).expect("a request")
}

#[test]
fn a_forged_or_late_request_is_refused_in_the_venues_words() {
    let call = Call::SetLeverage(InstrumentId(0), 5);
    let fine = by(keys(1), &call, NOW);
    assert!(okx::Counter.asked(&fine, &ring(), &ROSTER, NOW).is_ok());
    let check = |request: &Request<Vec<u8>>, want, kind| refused(request, &call, want, kind);
    check(&by(keys(9), &call, NOW), (401, "50111"), RefusedKind::Key);
    let words = Keys { passphrase: Some("other".to_owned().into()), ..keys(1) };
    check(&by(words, &call, NOW), (401, "50105"), RefusedKind::Key);
    let secret = Keys { secret: vec![9; 32].into(), ..keys(1) };
    check(&by(secret, &call, NOW), (401, "50113"), RefusedKind::Key);
    let swapped = Keys { secret: keys(7).secret, ..keys(1) };
    check(&by(swapped, &call, NOW), (401, "50113"), RefusedKind::Key);
    for seconds in [-31, 31] {
        let then = NOW.plus_nanos(seconds * 1_000_000_000).expect("in range");
        check(&by(keys(1), &call, then), (401, "50102"), RefusedKind::Clock);
    }
    let mut other = fine.clone();
    other.body_mut()[10] ^= 1;
    check(&other, (401, "50113"), RefusedKind::Key);
    let mut other = fine.clone();
    *other.uri_mut() = "https://venue.test/api/v5/account/config".parse().expect("a URI");
    check(&other, (401, "50113"), RefusedKind::Key);
    let mut other = fine.clone();
    other.headers_mut().insert("ok-access-timestamp", HeaderValue::from_static("today"));
    check(&other, (401, "50112"), RefusedKind::Clock);
    for (name, code) in [
        ("ok-access-key", "50103"),
        ("ok-access-passphrase", "50104"),
        ("ok-access-sign", "50106"),
        ("ok-access-timestamp", "50107"),
    ] {
        let mut other = fine.clone();
        other.headers_mut().remove(name);
        let kind = if code == "50107" { RefusedKind::Clock } else { RefusedKind::Key };
        check(&other, (401, code), kind);
    }
}

#[test]
fn an_order_that_is_under_way_too_long_is_refused() {
    let order = Call::Place(engine::live::NewOrder {
        client: "b15".parse().expect("a name"),
        ticket: engine::order::Ticket {
            leg: portfolio::Leg::Long,
            ..engine::order::Ticket::market(
                InstrumentId(0),
                market::Side::Buy,
                market::Quantity(100),
            )
        },
        scope: engine::live::Scope::Size,
        stop: None,
    });
    let before = |seconds: i64| {
        by(keys(1), &order, NOW.plus_nanos(-seconds * 1_000_000_000).expect("in range"))
    };
    assert!(okx::Counter.asked(&before(4), &ring(), &ROSTER, NOW).is_ok());
    refused(&before(6), &order, (200, "50037"), RefusedKind::Clock);
}

#[test]
fn a_request_shows_no_secret() {
    let request = by(keys(1), &Call::Balances, NOW);
    let shown = format!("{request:?} {:?}", setup(Product::Spot, Mode::OneWay));
    for secret in ["words 1", "key-1", "\u{1}\u{1}", "[1, 1, 1"] {
        let is_key = secret == "key-1";
        assert!(is_key || !shown.contains(secret), "{secret:?} in {shown}");
    }
    let sign = request.headers()["ok-access-sign"].to_str().expect("text");
    assert!(!shown.contains(sign));
}

#[test]
fn a_login_that_is_refused_ends_the_stream() {
    let check = |keys: Keys, now: Timestamp, code: &str| {
        let setup = Setup { keys, ..setup(Product::Perpetual, Mode::Hedge) };
        let mut stream = okx::Client::new(setup).stream(None);
        let mut socket = okx::Counter.hearing("/ws/v5/private").expect("a private path");
        let (mut send, mut back, mut words) = (Vec::new(), Vec::new(), Vec::new());
        stream.opened(now, &mut send);
        for text in &send {
            socket.hear(text, &ring(), NOW, &mut back);
        }
        assert!(back[0].contains(&format!("\"code\":\"{code}\"")), "{back:?}");
        assert_eq!(socket.account(), None);
        for text in &back {
            stream.hear(text, NOW, &mut words, &mut Vec::new()).expect("readable");
        }
        assert_eq!(words, [Word::Ending]);
        // Nothing is subscribed to without a login.
        back.clear();
        let ask = r#"{"op":"subscribe","args":[{"channel":"orders","instType":"SWAP"}]}"#;
        socket.hear(ask, &ring(), NOW, &mut back);
        assert!(back[0].contains("60011"), "{back:?}");
    };
    check(keys(9), NOW, "60005");
    check(keys(1), NOW.plus_nanos(-31_000_000_000).expect("in range"), "60006");
    check(Keys { passphrase: None, ..keys(1) }, NOW, "60024");
    check(Keys { secret: vec![3; 32].into(), ..keys(1) }, NOW, "60007");
}

fn mutated(text: &[u8], at: usize, with: u8, cut: bool) -> Vec<u8> {
    let at = at % text.len().max(1);
    let mut out = text.to_vec();
    if cut {
        out.truncate(at);
    } else if let Some(byte) = out.get_mut(at) {
        *byte = with;
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_cut_answer_is_never_a_word_of_the_venues(
        (call, answer) in made::exchange(Product::Perpetual), at: usize,
    ) {
        let whole = okx::Counter.respond(&call, &answer, &ROSTER, NOW);
        let mut cut = response(200, "");
        *cut.body_mut() = mutated(whole.body(), at, 0, true);
        let heard = client(Product::Perpetual, Mode::Hedge).answer(&call, &cut, NOW);
        prop_assert_eq!(heard, Answer::Unknown(Unknown::Garbled));
    }

    #[test]
    fn a_status_of_5xx_is_never_a_word_of_the_venues(
        (call, answer) in made::exchange(Product::Perpetual), status in 500..600_u16,
    ) {
        let mut whole = okx::Counter.respond(&call, &answer, &ROSTER, NOW);
        *whole.status_mut() = status.try_into().expect("a status");
        let heard = client(Product::Perpetual, Mode::Hedge).answer(&call, &whole, NOW);
        prop_assert_eq!(heard, Answer::Unknown(Unknown::Server));
    }

    #[test]
    fn nothing_that_is_heard_can_panic(
        (call, answer) in made::exchange(Product::Perpetual), at: usize, with: u8,
        junk in "\\PC{0,80}",
    ) {
        let mut whole = okx::Counter.respond(&call, &answer, &ROSTER, NOW);
        *whole.body_mut() = mutated(whole.body(), at, with, false);
        let client = client(Product::Perpetual, Mode::Hedge);
        let _ = client.answer(&call, &whole, NOW);
        let _ = client.answer(&call, &response(200, &junk), NOW);
        let many = [whole.clone(), whole];
        let _ = (client.further(&call, &many, NOW), client.conclude(&call, &many, NOW));
    }

    #[test]
    fn nothing_that_is_asked_can_panic(
        call in made::call(Product::Perpetual, Mode::Hedge), at: usize, with: u8,
        junk in "\\PC{0,80}",
    ) {
        let request = client(Product::Perpetual, Mode::Hedge).request(&call, NOW).expect("a call");
        let asked = okx::Counter.asked(&request, &ring(), &ROSTER, NOW).expect("signed");
        // The same path with another body: what is not signed is not looked at, so the calls are.
        for body in [mutated(request.body(), at, with, false), junk.into_bytes()] {
            let mut other = request.clone();
            *other.body_mut() = body;
            let _ = okx::Counter.calls(&other, &asked, &ROSTER);
        }
    }

    #[test]
    fn nothing_that_is_told_can_panic(
        order in made::plain(Product::Perpetual), at: usize, with: u8, junk in "\\PC{0,80}",
    ) {
        let (mut stream, mut socket) = connected(Product::Perpetual, 0);
        let mut send = Vec::new();
        socket.tell(&Word::Order(order), &ROSTER, NOW, &mut send);
        let told = String::from_utf8_lossy(&mutated(send[0].as_bytes(), at, with, false)).into_owned();
        for text in [told.as_str(), junk.as_str()] {
            let (mut words, mut back) = (Vec::new(), Vec::new());
            let _ = stream.hear(text, NOW, &mut words, &mut back);
            socket.hear(text, &ring(), NOW, &mut back);
        }
    }
}
