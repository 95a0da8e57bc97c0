//! Orders and trades through both ends: in answers and on the streams.

use super::{requests::new_order, *};
use engine::{
    live::{
        Answer, Book, Call, Cause, FillReport, NewOrder, OrderRef, OrderReport, OrderState,
        Triggered,
    },
    order::{OrderKind, Restrictions},
};
use market::{Money, Price, Quantity, Side};
use portfolio::Liquidity;
use proptest::prelude::*;

type Seed = (bool, u64, i64, i64, usize, usize);

fn seeds() -> impl Strategy<Value = Seed> {
    (
        any::<bool>(),
        1..1_000_000_000_u64,
        1..1_000_000_000_i64,
        1..1_000_000_000_i64,
        0..8_usize,
        0..6_usize,
    )
}

fn waits(kind: OrderKind) -> bool {
    !matches!(kind, OrderKind::Market | OrderKind::Limit { .. })
}

/// A report that the venue can give of an order.
fn report(product: Product, order: &NewOrder, (number, pick): (u64, usize)) -> OrderReport {
    let ticket = &order.ticket;
    let apart = product == Product::Perpetual && waits(ticket.kind);
    let whole = ticket.quantity;
    let (state, filled) = match pick % 6 {
        0 if waits(ticket.kind) => (OrderState::Waiting, Quantity::ZERO),
        1 if apart => (OrderState::Triggered, Quantity::ZERO),
        2 if whole > Quantity::ZERO => (OrderState::Filled, whole),
        3 => (OrderState::Cancelled, Quantity::ZERO),
        4 => (OrderState::Expired, Quantity::ZERO),
        5 if !apart && whole > Quantity(1) => (OrderState::Working, Quantity(1)),
        _ if apart => (OrderState::Waiting, Quantity::ZERO),
        _ => (OrderState::Working, Quantity::ZERO),
    };
    OrderReport {
        client: Some(order.client),
        venue: Some(number.to_string().parse().expect("a number")),
        instrument: ticket.instrument,
        side: ticket.side,
        leg: ticket.leg,
        kind: ticket.kind,
        restrictions: ticket.restrictions,
        quantity: whole,
        filled: Some(filled),
        state,
        cause: Cause::Owner,
        time: Timestamp::from_nanos(1_699_999_999_123_000_000),
    }
}

fn fill(order: &OrderReport, (price, number): (i64, u64)) -> FillReport {
    FillReport {
        trade: number.to_string().parse().expect("a number"),
        client: order.client,
        venue: order.venue,
        instrument: order.instrument,
        side: order.side,
        leg: order.leg,
        price: Price(price),
        quantity: Quantity(1),
        fee: Money(i128::from(price) - 500),
        fee_currency: Some("BNB".parse().expect("a coin")),
        liquidity: if number % 2 == 0 { Liquidity::Maker } else { Liquidity::Taker },
        cause: Cause::Owner,
        time: order.time,
    }
}

fn through(product: Product, call: &Call, answer: &Answer) -> Answer {
    let response = counter(product).respond(call, answer, &roster(), now());
    client(product, Mode::OneWay).answer(call, &response, now())
}

const SORTS: [(Product, Mode); 3] = [
    (Product::Spot, Mode::OneWay),
    (Product::Perpetual, Mode::OneWay),
    (Product::Perpetual, Mode::Hedge),
];

proptest! {
    #[test]
    fn an_order_is_read_as_it_was_told(seed in seeds(), pick: usize) {
        for (product, mode) in SORTS {
            let order = new_order(product, mode, seed);
            let report = report(product, &order, (seed.1, pick));
            let apart = product == Product::Perpetual && waits(report.kind);
            let named = OrderRef { conditional: apart, ..OrderRef::named(report.instrument, order.client) };
            let told = Answer::Order(report);
            for call in [Call::Place(order), Call::Order(named)] {
                prop_assert_eq!(through(product, &call, &told), told.clone(), "{:?}", call);
            }
            let cancel = through(product, &Call::Cancel(named), &told);
            prop_assert_eq!(cancel, if apart { Answer::Done } else { told.clone() });
            if apart {
                let woke = Answer::Woken(report, "77".parse().expect("a number"));
                prop_assert_eq!(through(product, &Call::Order(named), &woke), woke);
            } else {
                let change = engine::order::Amendment { quantity: Some(report.quantity), ..Default::default() };
                let call = Call::Amend(named, change, None);
                prop_assert_eq!(through(product, &call, &told), told.clone());
            }
            let book = match product {
                Product::Spot => Book::Both,
                Product::Perpetual if apart => Book::Conditional,
                Product::Perpetual => Book::Plain,
            };
            let list = Answer::Orders(vec![report, report]);
            prop_assert_eq!(through(product, &Call::OpenOrders(None, book), &list), list);
            let fills = Answer::Fills {
                fills: vec![FillReport { client: None, ..fill(&report, (seed.2, seed.1)) }],
                more: false,
            };
            let call = Call::Fills { instrument: report.instrument, since: report.time, after: None };
            prop_assert_eq!(through(product, &call, &fills), fills);
        }
    }

    #[test]
    fn a_stream_tells_orders_and_trades(seed in seeds(), pick: usize) {
        for (product, mode) in SORTS {
            let order = new_order(product, mode, seed);
            let mut report = report(product, &order, (seed.1, pick));
            if let OrderKind::Trailing { .. } = report.kind && product == Product::Perpetual {
                // Neither distance nor start are told.
                let distance = engine::order::Distance::Ticks(0);
                report.kind = OrderKind::Trailing { distance, from: None };
            }
            let (mut line, words) = Line::open(product);
            prop_assert_eq!(words, vec![Word::Ready]);
            prop_assert_eq!(line.tell(&Word::Order(report)), vec![Word::Order(report)]);
            let apart = product == Product::Perpetual && waits(report.kind);
            if apart {
                let venue = "77".parse().expect("a number");
                let woke = Triggered { client: report.client, waiting: report.venue, venue };
                let told = line.tell(&Word::Triggered(woke));
                let triggered = OrderReport { state: OrderState::Triggered, ..report };
                prop_assert_eq!(told, vec![Word::Triggered(woke), Word::Order(triggered)]);
            } else {
                let trade = fill(&report, (seed.2, seed.1));
                let told = line.tell(&Word::Fill(trade));
                prop_assert_eq!(told.first(), Some(&Word::Fill(trade)));
                prop_assert!(matches!(told[1..], [Word::Order(after)] if after.filled >= Some(Quantity(1))));
            }
        }
    }
}

#[test]
fn a_trade_moves_its_order_on_whichever_is_told_first() {
    let order = |state, filled| OrderReport {
        client: Some("mine".parse().expect("a name")),
        venue: Some("5".parse().expect("a number")),
        instrument: portfolio::InstrumentId(0),
        side: Side::Buy,
        leg: portfolio::Leg::Net,
        kind: OrderKind::Limit { price: Price(100) },
        restrictions: Restrictions::NONE,
        quantity: Quantity(2),
        filled: Some(Quantity(filled)),
        state,
        cause: Cause::Owner,
        time: now(),
    };
    let (mut line, _) = Line::open(Product::Perpetual);
    let first = order(OrderState::Working, 0);
    line.tell(&Word::Order(first));
    let after = |words: &[Word]| match words {
        [Word::Fill(_), Word::Order(order)] => (order.state, order.filled),
        other => panic!("{other:?}"),
    };
    let told = line.tell(&Word::Fill(fill(&first, (100, 1))));
    assert_eq!(after(&told), (OrderState::Working, Some(Quantity(1))));
    line.tell(&Word::Order(order(OrderState::Filled, 2)));
    let told = line.tell(&Word::Fill(fill(&first, (100, 2))));
    assert_eq!(after(&told), (OrderState::Filled, Some(Quantity(2))));
}
