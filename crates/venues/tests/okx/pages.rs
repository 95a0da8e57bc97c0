//! Calls of several requests against a venue that has many rows.

use crate::{NOW, ROSTER, client, made, response, ring};
use engine::live::{Answer, Book, Call, FillReport, Mode, OrderReport, TradeId, Unknown, VenueId};
use http::Response;
use market::{Product, Timestamp};
use portfolio::InstrumentId;
use proptest::{collection::vec, prelude::*};
use venues::{Client as _, Counter as _, okx};

/// A venue of one account.
#[derive(Default)]
struct Desk {
    orders: Vec<OrderReport>,
    fills: Vec<FillReport>,
    cancelled: Vec<VenueId>,
    requests: usize,
}

const fn waits(order: &OrderReport) -> bool {
    !matches!(order.kind, engine::order::OrderKind::Market | engine::order::OrderKind::Limit { .. })
}

impl Desk {
    fn answer(&mut self, call: &Call) -> Answer {
        match call {
            Call::OpenOrders(_, book) => {
                let is_of = |order: &&OrderReport| waits(order) == (*book == Book::Conditional);
                Answer::Orders(self.orders.iter().filter(is_of).copied().collect())
            }
            Call::Fills { .. } => Answer::Fills { fills: self.fills.clone(), more: false },
            Call::Cancel(order) => {
                self.cancelled.extend(order.venue);
                Answer::Done
            }
            other => panic!("not asked here: {other:?}"),
        }
    }

    /// Carries a call out as a bot does.
    fn ask(&mut self, call: &Call) -> Answer {
        let client = client(Product::Perpetual, Mode::Hedge);
        let answers = client.split(call).into_iter().map(|part| {
            let mut next = Some(client.request(&part, NOW).expect("a request"));
            let mut responses: Vec<Response<Vec<u8>>> = Vec::new();
            while let Some(request) = next {
                self.requests += 1;
                let asked = okx::Counter.asked(&request, &ring(), &ROSTER, NOW).expect("signed");
                let calls = okx::Counter.calls(&request, &asked, &ROSTER);
                let told: Vec<Answer> = calls.iter().map(|call| self.answer(call)).collect();
                responses.push(okx::Counter.reply(&request, &asked, &told, (&ROSTER, NOW)));
                next = client.further(&part, &responses, NOW).expect("a request");
            }
            client.conclude(&part, &responses, NOW)
        });
        venues::join(answers.collect())
    }
}

fn numbered(orders: Vec<OrderReport>) -> Vec<OrderReport> {
    let name = |place: usize| Some(format!("{}", 1000 + place).parse().expect("a number"));
    let all = orders.into_iter().enumerate();
    all.map(|(place, order)| OrderReport { venue: name(place), ..order }).collect()
}

fn sorted(mut all: Vec<OrderReport>) -> Vec<OrderReport> {
    all.sort_by_key(|order| order.venue);
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_order_is_listed_and_cancelled_however_many_there_are(
        plain in vec(made::plain(Product::Perpetual), 0..330),
        waiting in vec(made::conditional(Product::Perpetual), 0..230),
    ) {
        let working = plain.into_iter().chain(waiting);
        let orders = numbered(working.collect());
        let mut desk = Desk { orders: orders.clone(), ..Desk::default() };
        let Answer::Orders(listed) = desk.ask(&Call::OpenOrders(None, Book::Both)) else {
            panic!("no list");
        };
        prop_assert_eq!(sorted(listed), sorted(orders.clone()));
        desk.requests = 0;
        prop_assert_eq!(desk.ask(&Call::CancelAll(None, Book::Both)), Answer::Done);
        desk.cancelled.sort_unstable();
        let mut all: Vec<VenueId> = orders.iter().filter_map(|order| order.venue).collect();
        all.sort_unstable();
        prop_assert_eq!(&desk.cancelled, &all);
        prop_assert!(desk.requests <= 12 + orders.len() / 20 + orders.len() / 10);
    }

    #[test]
    fn every_trade_is_told_once_and_those_behind_a_known_one_alone(
        fills in vec(made::fill(InstrumentId(0)), 0..330), known: prop::sample::Index,
    ) {
        let number = |place: usize| format!("{}", 1000 + place).parse::<TradeId>().expect("a number");
        let fills: Vec<FillReport> = fills
            .into_iter()
            .enumerate()
            .map(|(place, fill)| FillReport { trade: number(place), ..fill })
            .collect();
        let mut desk = Desk { fills: fills.clone(), ..Desk::default() };
        let since = Timestamp::from_nanos(1_699_999_000_000_000_000);
        let call = |after| Call::Fills { instrument: InstrumentId(0), since, after };
        let all = Answer::Fills { fills: fills.clone(), more: false };
        prop_assert_eq!(desk.ask(&call(None)), all);
        if !fills.is_empty() {
            let place = known.index(fills.len());
            let rest = Answer::Fills { fills: fills[place + 1..].to_vec(), more: false };
            prop_assert_eq!(desk.ask(&call(Some(number(place)))), rest);
        }
    }
}

#[test]
fn a_page_that_fails_fails_the_whole() {
    let client = client(Product::Perpetual, Mode::Hedge);
    let call = Call::CancelAll(None, Book::Plain);
    let list = response(
        200,
        r#"{"code":"0","msg":"","data":[{"instId":"BTC-USDT-SWAP","ordId":"7","accFillSz":"0"}]}"#,
    );
    let failed = response(502, "<html></html>");
    let check = |responses: &[Response<Vec<u8>>], want: Answer| {
        assert!(client.further(&call, responses, NOW).expect("a request").is_none());
        assert_eq!(client.conclude(&call, responses, NOW), want);
    };
    check(std::slice::from_ref(&failed), Answer::Unknown(Unknown::Server));
    check(&[list.clone(), failed], Answer::Unknown(Unknown::Server));
    let gone = r#"{"code":"1","msg":"","data":[{"ordId":"7","sCode":"51400","sMsg":"done"}]}"#;
    check(&[list.clone(), response(200, gone)], Answer::Done);
    // What was listed and not cancelled yet is not done.
    assert!(client.further(&call, std::slice::from_ref(&list), NOW).expect("a request").is_some());
    assert_eq!(client.answer(&call, &list, NOW), Answer::Unknown(Unknown::Server));
}
