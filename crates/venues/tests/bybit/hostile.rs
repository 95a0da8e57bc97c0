//! Wrong keys, wrong clocks, and messages that are not what they should be.

use crate::{
    given,
    world::{NOW_MS, at, client, keys, now, ok, ring, roster, setup},
};
use engine::live::{Answer, Book, Call, Mode, RefusedKind, Unknown, Word};
use market::Product;
use proptest::prelude::*;
use seal::Secret;
use venues::{Client as _, Counter as _, KeyRing, Keys, Setup, bybit};

/// What a client makes of the counter's word on its request.
fn heard(client: &bybit::Client, keys: &KeyRing, later_ms: i64) -> Answer {
    let call = Call::Balances;
    let request = client.request(&call, now()).expect("a request");
    let counter = bybit::Counter::new(Product::Perpetual);
    match counter.asked(&request, keys, &roster(), at(NOW_MS + later_ms)) {
        Ok(asked) => {
            assert_eq!((asked.account, &asked.call), (1, &call));
            Answer::Done
        }
        Err(refusal) => client.answer(&call, &refusal, now()),
    }
}

#[test]
fn who_has_no_right_to_ask_is_refused_in_the_venues_words() {
    let with =
        |keys: Keys| bybit::Client::new(Setup { keys, ..setup(Product::Perpetual, Mode::OneWay) });
    let check = |keys: Keys, later_ms: i64, want: Option<(RefusedKind, i64)>| {
        let found = match heard(&with(keys), &ring(), later_ms) {
            Answer::Done => None,
            Answer::Refused(refused) => Some((refused.kind, refused.code)),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, want, "{later_ms} ms later");
    };
    check(keys(), 0, None);
    check(keys(), 5000, None);
    check(keys(), 5001, Some((RefusedKind::Clock, 10002)));
    check(keys(), -999, None);
    check(keys(), -1000, Some((RefusedKind::Clock, 10002)));
    let secret = Secret::new(b"wrong".to_vec());
    check(Keys { secret, ..keys() }, 0, Some((RefusedKind::Key, 10004)));
    check(Keys { key: "nobody".to_owned(), ..keys() }, 0, Some((RefusedKind::Key, 10003)));
}

#[test]
fn a_body_that_was_changed_under_way_is_refused() {
    let counter = bybit::Counter::new(Product::Perpetual);
    let client = client(Product::Perpetual);
    let call = Call::SetLeverage(portfolio::InstrumentId(0), 5);
    let mut request = client.request(&call, now()).expect("a request");
    let body = String::from_utf8(request.body().clone()).expect("text").replace('5', "50");
    *request.body_mut() = body.into_bytes();
    let refusal = counter.asked(&request, &ring(), &roster(), now()).expect_err("refused");
    assert!(String::from_utf8_lossy(refusal.body()).contains("10004"));
}

#[test]
fn a_stream_without_a_log_in_hears_nothing() {
    let counter = bybit::Counter::new(Product::Perpetual);
    assert!(counter.hearing("/v5/public/linear").is_none());
    let check = |texts: &[&str], want: &str| {
        let mut hearing = counter.hearing("/v5/private?max_active_time=1m").expect("a stream");
        let mut send = Vec::new();
        for text in texts {
            hearing.hear(text, &ring(), now(), &mut send);
        }
        let last = send.last().expect("an answer");
        assert!(last.contains(want), "{last}");
        assert_eq!(hearing.account(), None);
    };
    let subscribe = r#"{"op":"subscribe","args":["order"]}"#;
    check(&[subscribe], "Request not authorized");
    check(
        &[r#"{"op":"auth","args":["8wYkmpLsMg10eNQyPm",1700000010000,"00"]}"#, subscribe],
        "false",
    );
    check(&[r#"{"op":"auth","args":[]}"#], "Params Error");
    check(&["<html>"], "Params Error");
    check(&[r#"{"op":"dance"}"#], "op type is not found");
    check(&[r#"{"op":"ping"}"#], "pong");
}

#[test]
fn what_is_not_the_venues_is_unknown_and_never_a_no() {
    let call = Call::CancelAll(None, Book::Both);
    let check = |status: u16, body: &str, want: Answer| {
        let mut response = ok(body);
        *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
        let found = client(Product::Perpetual).answer(&call, &response, now());
        assert_eq!(found, want, "{status} {body}");
    };
    let (garbled, server) = (Answer::Unknown(Unknown::Garbled), Answer::Unknown(Unknown::Server));
    let html = "<html><body>502 Bad Gateway</body></html>";
    check(200, html, garbled.clone());
    check(404, html, garbled.clone());
    check(200, "", garbled.clone());
    check(200, r#"{"retCode":0,"retMs"#, garbled.clone());
    check(200, r#"{"retCode":"0"}"#, garbled.clone());
    check(200, r#"{"retCode":0,"retCode":0,"result":{}}"#, garbled.clone());
    check(302, html, garbled);
    check(502, html, server.clone());
    check(503, r#"{"retCode":110001,"retMsg":"","result":{},"time":1}"#, server.clone());
    check(
        200,
        r#"{"retCode":10016,"retMsg":"Server error.","result":{},"time":1}"#,
        server.clone(),
    );
    check(200, r#"{"retCode":424242,"retMsg":"new","result":{},"time":1}"#, server);
    let until = |seconds: i64| Answer::Throttled { until: at(NOW_MS + seconds * 1000) };
    check(403, html, until(600));
    check(429, "", until(1));
}

/// Breaks a text: cuts it, drops or doubles a part, puts strange characters in.
fn broken(text: &str, how: u8, place: usize, with: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.is_empty() {
        return with.to_owned();
    }
    let at = place % chars.len();
    let (head, tail): (String, String) =
        (chars[..at].iter().collect(), chars[at..].iter().collect());
    match how % 5 {
        0 => head,
        1 => format!("{head}{with}{tail}"),
        2 => format!("{head}{}", tail.chars().skip(1).collect::<String>()),
        3 => format!("{head}{tail}{tail}"),
        _ => text.replacen(|c: char| c.is_ascii_digit(), with, 3),
    }
}

fn strange() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        Just("-".to_owned()),
        Just("99999999999999999999999999999999999999999999999".to_owned()),
        Just("1e999".to_owned()),
        Just("\u{202e}\u{0}".to_owned()),
        Just("[[[[[[".to_owned()),
        Just("\"".to_owned()),
        Just("<html>".to_owned()),
        ".{0,8}",
    ]
}

fn product() -> impl Strategy<Value = Product> {
    prop_oneof![Just(Product::Spot), Just(Product::Perpetual)]
}

proptest! {
    #[test]
    fn no_answer_is_too_strange(
        (product, call, answer) in product().prop_flat_map(|product| {
            given::call(product, Mode::OneWay).prop_flat_map(move |call| {
                let answer = given::answer(&call, product, Mode::OneWay);
                (Just(product), Just(call), answer)
            })
        }),
        how: u8, place: usize, with in strange(),
    ) {
        let counter = bybit::Counter::new(product);
        let response = counter.respond(&call, &answer, &roster(), now());
        let text = String::from_utf8_lossy(response.body()).into_owned();
        let cut = how % 5 == 0;
        let found = client(product).answer(&call, &ok(&broken(&text, how, place, &with)), now());
        if cut {
            // A text that is cut says nothing at all.
            prop_assert!(matches!(found, Answer::Unknown(_)), "{found:?}");
        }
    }

    #[test]
    fn no_message_is_too_strange(
        (product, word) in product().prop_flat_map(|product| {
            let word = prop_oneof![
                given::order_report(product, Mode::OneWay).prop_map(Word::Order),
                given::fill_report(product, Mode::OneWay).prop_map(Word::Fill),
                given::balance().prop_map(Word::Balance),
            ];
            (Just(product), word)
        }),
        how: u8, place: usize, with in strange(),
    ) {
        let counter = bybit::Counter::new(product);
        let mut hearing = counter.hearing("/v5/private").expect("a stream");
        let mut stream = client(product).stream(None);
        let (mut up, mut down, mut heard) = (Vec::new(), Vec::new(), Vec::new());
        stream.opened(now(), &mut up);
        while let Some(text) = up.pop() {
            hearing.hear(&broken(&text, how, place, &with), &ring(), now(), &mut down);
            hearing.hear(&text, &ring(), now(), &mut down);
            for text in down.drain(..) {
                let _ = stream.hear(&text, now(), &mut heard, &mut up);
            }
            up.truncate(1);
            if heard.contains(&Word::Ready) {
                break;
            }
        }
        hearing.tell(&word, &roster(), now(), &mut down);
        for text in &down {
            let _ = stream.hear(&broken(text, how, place, &with), now(), &mut heard, &mut up);
        }
    }

    #[test]
    fn no_request_is_too_strange(
        (product, call) in product().prop_flat_map(|product| {
            (Just(product), given::call(product, Mode::OneWay))
        }),
        how: u8, place: usize, with in strange(),
    ) {
        // Signed as it is, so that it gets past the signature.
        let keys = keys();
        let request = client(product).request(&call, now()).expect("a request");
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let body = if body.is_empty() { body } else { broken(&body, how, place, &with) };
        let time = NOW_MS.to_string();
        let payload = format!("{time}{}5000{body}", keys.key);
        let (mut parts, _) = request.into_parts();
        let sign = bybit::sign(&keys.secret, payload.as_bytes());
        parts.headers.insert("x-bapi-sign", sign.parse().expect("hex"));
        let request = http::Request::from_parts(parts, body.into_bytes());
        let counter = bybit::Counter::new(product);
        let _ = counter.asked(&request, &ring(), &roster(), now());
    }
}
