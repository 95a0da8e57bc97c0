//! What one end writes, the other reads.

use crate::{
    given,
    world::{at, now, ring, roster, setup},
};
use engine::live::{Answer, Call, Mode, Word};
use http::Response;
use market::Product;
use proptest::prelude::*;
use venues::{Asked, Client as _, Counter as _, bybit};

fn product() -> impl Strategy<Value = (Product, Mode)> {
    prop_oneof![
        Just((Product::Spot, Mode::OneWay)),
        Just((Product::Perpetual, Mode::OneWay)),
        Just((Product::Perpetual, Mode::Hedge)),
    ]
}

fn ends(product: Product, mode: Mode) -> (bybit::Client, bybit::Counter) {
    (bybit::Client::new(setup(product, mode)), bybit::Counter::new(product))
}

/// Asks until the call is answered, as whoever sends requests does.
fn converse(
    client: &bybit::Client,
    call: &Call,
    mut respond: impl FnMut(&http::Request<Vec<u8>>) -> Response<Vec<u8>>,
) -> Answer {
    let mut request = client.request(call, now()).expect("a request");
    let mut responses = Vec::new();
    loop {
        responses.push(respond(&request));
        match client.further(call, &responses, now()).expect("a request") {
            Some(next) => request = next,
            None => return client.conclude(call, &responses, now()),
        }
    }
}

proptest! {
    #[test]
    fn a_call_is_read_as_it_was_meant(
        (product, mode, call) in product().prop_flat_map(|(product, mode)| {
            given::call(product, mode).prop_map(move |call| (product, mode, call))
        }),
    ) {
        let (client, counter) = ends(product, mode);
        let request = client.request(&call, now()).expect("a request");
        let asked = counter.asked(&request, &ring(), &roster(), now());
        prop_assert_eq!(asked.ok(), Some(Asked { account: 1, call }));
    }

    #[test]
    fn an_answer_is_read_as_it_was_meant(
        (product, mode, call, answer) in product().prop_flat_map(|(product, mode)| {
            given::call(product, mode).prop_flat_map(move |call| {
                let answer = given::answer(&call, product, mode);
                (Just(product), Just(mode), Just(call), answer)
            })
        }),
    ) {
        let (client, counter) = ends(product, mode);
        let mut fresh = true;
        let heard = converse(&client, &call, |_| {
            // Later spans of time have no trades of their own.
            let later = Answer::Fills { fills: Vec::new(), more: false };
            let is_first = std::mem::take(&mut fresh);
            let repeats = is_first || !matches!(answer, Answer::Fills { .. });
            counter.respond(&call, if repeats { &answer } else { &later }, &roster(), now())
        });
        prop_assert_eq!(heard, answer);
    }

    #[test]
    fn a_word_is_heard_as_it_was_said(
        (product, mode, words) in product().prop_flat_map(|(product, mode)| {
            let word = prop_oneof![
                given::order_report(product, mode).prop_map(Word::Order),
                given::fill_report(product, mode).prop_map(Word::Fill),
                given::balance().prop_map(Word::Balance),
            ];
            let words = if product == Product::Perpetual {
                prop_oneof![word, given::position_report(mode).prop_map(Word::Position)].boxed()
            } else {
                word.boxed()
            };
            (Just(product), Just(mode), prop::collection::vec(words, 0..6))
        }),
    ) {
        let (client, counter) = ends(product, mode);
        let mut stream = client.stream(None);
        let mut hearing = counter.hearing("/v5/private").expect("a stream is here");
        let (mut up, mut down, mut heard) = (Vec::new(), Vec::new(), Vec::new());
        stream.opened(now(), &mut up);
        while let Some(text) = up.pop() {
            hearing.hear(&text, &ring(), now(), &mut down);
            for text in down.drain(..) {
                stream.hear(&text, now(), &mut heard, &mut up).expect("readable");
            }
        }
        prop_assert_eq!(&heard, &[Word::Ready]);
        prop_assert_eq!(hearing.account(), Some(1));
        heard.clear();
        for word in &words {
            hearing.tell(word, &roster(), at(1), &mut down);
        }
        for text in &down {
            stream.hear(text, now(), &mut heard, &mut up).expect("readable");
        }
        prop_assert_eq!(heard, words);
    }
}
