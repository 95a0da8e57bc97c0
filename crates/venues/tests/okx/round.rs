//! What one end says, the other reads, for everything that can be said.

use crate::{NOW, ROSTER, client, connected, made, ring, talk};
use engine::live::{Answer, Call, FillReport, Mode, OrderReport, OrderState, Triggered, Word};
use market::{Product, Quantity};
use portfolio::InstrumentId;
use proptest::prelude::*;
use venues::{Client as _, Counter as _, okx};

/// What a call is once it went over the wire: an order that waits is asked for without its instrument.
fn sent(call: Call) -> Call {
    match call {
        Call::Order(mut order) if order.conditional => {
            order.instrument = InstrumentId(u32::MAX);
            Call::Order(order)
        }
        other => other,
    }
}

fn asked(product: Product, mode: Mode, call: &Call) -> Vec<Call> {
    let request = client(product, mode).request(call, NOW).expect("a call that the venue takes");
    let asked = okx::Counter.asked(&request, &ring(), &ROSTER, NOW);
    let asked = asked.unwrap_or_else(|no| panic!("{}", String::from_utf8_lossy(no.body())));
    assert_eq!(asked.account, 1);
    okx::Counter.calls(&request, &asked, &ROSTER)
}

#[test]
fn the_key_and_the_mode_are_one_question() {
    for call in [Call::KeyScope, Call::Mode] {
        let calls = asked(Product::Perpetual, Mode::Hedge, &call);
        assert_eq!(calls, [Call::KeyScope, Call::Mode]);
    }
}

fn told(product: Product, place: usize, words: &[Word]) -> Vec<Word> {
    let (mut stream, mut socket) = connected(product, place);
    let (mut out, mut send) = (Vec::new(), Vec::new());
    for word in words {
        socket.tell(word, &ROSTER, NOW, &mut send);
    }
    for text in &send {
        stream.hear(text, NOW, &mut out, &mut Vec::new()).expect("readable");
    }
    out
}

/// An order with a trade of it, and how it stands then.
fn filled(order: &OrderReport, fill: &FillReport) -> (OrderReport, FillReport, OrderReport) {
    let order = OrderReport {
        state: OrderState::Working,
        filled: Some(Quantity::ZERO),
        quantity: Quantity(order.quantity.0.max(fill.quantity.0)),
        ..*order
    };
    let fill = FillReport {
        client: order.client,
        venue: order.venue,
        instrument: order.instrument,
        side: order.side,
        leg: order.leg,
        cause: order.cause,
        ..*fill
    };
    let whole = order.quantity == fill.quantity;
    let state = if whole { OrderState::Filled } else { OrderState::Working };
    let then = OrderReport { state, filled: Some(fill.quantity), time: fill.time, ..order };
    (order, fill, then)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_call_is_heard_as_it_was_made(
        (product, mode, call) in prop_oneof![
            Just((Product::Spot, Mode::OneWay)),
            Just((Product::Perpetual, Mode::OneWay)),
            Just((Product::Perpetual, Mode::Hedge)),
        ].prop_flat_map(|(product, mode)| (Just(product), Just(mode), made::call(product, mode))),
    ) {
        prop_assert_eq!(asked(product, mode, &call), [sent(call)]);
    }

    #[test]
    fn an_answer_is_heard_as_it_was_given(
        (product, (call, answer)) in prop_oneof![Just(Product::Spot), Just(Product::Perpetual)]
            .prop_flat_map(|product| (Just(product), made::exchange(product))),
    ) {
        let response = okx::Counter.respond(&call, &answer, &ROSTER, NOW);
        prop_assert_eq!(client(product, Mode::Hedge).answer(&call, &response, NOW), answer);
    }

    #[test]
    fn trouble_is_heard_as_it_was_given(
        (call, _) in made::exchange(Product::Perpetual), answer in made::trouble(),
    ) {
        let response = okx::Counter.respond(&call, &answer, &ROSTER, NOW);
        let heard = client(Product::Perpetual, Mode::Hedge).answer(&call, &response, NOW);
        prop_assert_eq!(heard, answer);
    }

    #[test]
    fn orders_and_what_is_held_are_heard_as_they_were_told(
        order in made::plain(Product::Perpetual), position in made::position(),
        balance in made::balance(),
    ) {
        let words = [Word::Order(order), Word::Position(position), Word::Balance(balance)];
        prop_assert_eq!(told(Product::Perpetual, 0, &words), words);
        let spot = OrderReport { instrument: InstrumentId(2), leg: portfolio::Leg::Net, ..order };
        prop_assert_eq!(told(Product::Spot, 0, &[Word::Order(spot)]).len(), 1);
    }

    #[test]
    fn a_trade_is_heard_with_its_order(
        order in made::plain(Product::Perpetual), fill in made::fill(InstrumentId(0)),
    ) {
        let (order, fill, then) = filled(&order, &fill);
        let heard = told(Product::Perpetual, 0, &[Word::Order(order), Word::Fill(fill)]);
        prop_assert_eq!(heard, [Word::Order(order), Word::Fill(fill), Word::Order(then)]);
    }

    #[test]
    fn an_order_that_wakes_is_heard_waking(
        order in made::conditional(Product::Perpetual), child in made::plain(Product::Perpetual),
    ) {
        let order = OrderReport { state: OrderState::Waiting, ..order };
        let venue = child.venue.expect("it has one");
        let (client, waiting) = (order.client, order.venue);
        let woke = Word::Triggered(Triggered { client, waiting, venue });
        let heard = told(Product::Perpetual, 1, &[Word::Order(order), woke.clone()]);
        let awake = Word::Order(OrderReport { state: OrderState::Triggered, ..order });
        prop_assert_eq!(heard, [Word::Order(order), woke.clone(), awake]);
        // Where orders that meet the market are told, the new one has the old one's name.
        let child = OrderReport { client, ..child };
        let heard = told(Product::Perpetual, 0, &[woke.clone(), Word::Order(child)]);
        prop_assert_eq!(heard, [woke, Word::Order(child)]);
    }
}

#[test]
fn a_stream_is_kept_alive_and_told_of_its_end() {
    let (mut stream, mut socket) = connected(Product::Perpetual, 0);
    let due = stream.deadline().expect("a deadline");
    assert!(due.nanos() - NOW.nanos() < 30_000_000_000);
    let mut send = Vec::new();
    stream.tick(due, &mut send);
    assert_eq!(send, ["ping"]);
    assert_eq!(talk(stream.as_mut(), socket.as_mut(), send), []);
    assert_eq!(told(Product::Perpetual, 0, &[Word::Ending]), [Word::Ending]);
    assert_eq!(told(Product::Perpetual, 1, &[Word::Ending]), [Word::Ending]);
}

#[test]
fn nothing_is_told_that_nobody_asked_for() {
    let (_, mut socket) = connected(Product::Perpetual, 1);
    let mut send = Vec::new();
    let balance = engine::live::Balance {
        currency: market::Currency::USDT,
        total: market::Money::ZERO,
        available: market::Money::ZERO,
    };
    socket.tell(&Word::Balance(balance), &ROSTER, NOW, &mut send);
    let mut fresh = okx::Counter.hearing("/ws/v5/private").expect("a private path");
    fresh.tell(&Word::Balance(balance), &ROSTER, NOW, &mut send);
    assert_eq!(send, Vec::<String>::new());
    assert!(okx::Counter.hearing("/ws/v5/public").is_none());
}

/// The answer to a batch is the answers of its parts.
#[test]
fn a_handful_of_orders_is_answered_one_by_one() {
    let request =
        client(Product::Perpetual, Mode::Hedge).request(&Call::Positions, NOW).expect("a request");
    let asked = okx::Counter.asked(&request, &ring(), &ROSTER, NOW).expect("signed");
    let reply = okx::Counter.reply(&request, &asked, &[Answer::Positions(vec![])], (&ROSTER, NOW));
    assert_eq!(reply.body(), br#"{"code":"0","data":[],"msg":""}"#);
}
