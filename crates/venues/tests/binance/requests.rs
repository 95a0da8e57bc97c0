//! Calls through both ends.

use super::*;
use engine::{
    live::{Book, Call, NewOrder, OrderRef, Scope},
    order::{Amendment, Distance, OrderKind, Restrictions, Ticket, TimeInForce},
};
use market::{Price, Quantity, Rate, Side};
use portfolio::{InstrumentId, Leg};
use proptest::prelude::*;

/// What both products have: side, size, two prices, and a pick of the rest.
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

fn kind(product: Product, pick: usize, (one, two): (i64, i64)) -> OrderKind {
    let (price, trigger) = (Price(one), Price(two));
    // Hundredths of a per cent are the finest that spot has.
    let distance = Distance::Fraction(Rate(i128::from(one % 500 + 1) * 100_000_000));
    match pick {
        0 => OrderKind::Market,
        1 | 2 => OrderKind::Limit { price },
        3 => OrderKind::Stop { trigger },
        4 => OrderKind::StopLimit { trigger, price },
        5 => OrderKind::Touched { trigger },
        6 => OrderKind::TouchedLimit { trigger, price },
        _ => {
            let from = (product == Product::Perpetual && two % 2 == 0).then_some(trigger);
            OrderKind::Trailing { distance, from }
        }
    }
}

fn time_in_force(product: Product, kind: OrderKind, pick: usize) -> TimeInForce {
    let is_plain = matches!(kind, OrderKind::Limit { .. });
    match pick {
        _ if kind.limit().is_none() => TimeInForce::GoodTillCancelled,
        0 => TimeInForce::ImmediateOrCancel,
        1 => TimeInForce::FillOrKill,
        2 if product == Product::Perpetual && is_plain => {
            TimeInForce::GoodTill(Timestamp::from_nanos(1_800_000_000_000_000_000))
        }
        _ => TimeInForce::GoodTillCancelled,
    }
}

/// An order that the venue can have.
pub fn new_order(product: Product, mode: Mode, seed: Seed) -> NewOrder {
    let (buys, lots, one, two, pick, rest) = seed;
    let side = if buys { Side::Buy } else { Side::Sell };
    let kind = kind(product, pick, (one, two));
    let mut tif = time_in_force(product, kind, rest);
    let mut restrictions = Restrictions::NONE;
    if matches!(kind, OrderKind::Limit { .. }) && rest == 3 {
        restrictions = restrictions.with(Restrictions::POST_ONLY);
        tif = TimeInForce::GoodTillCancelled;
    }
    let leg = match mode {
        Mode::OneWay => Leg::Net,
        Mode::Hedge if two % 3 == 0 => Leg::Short,
        Mode::Hedge => Leg::Long,
    };
    let closes = matches!((leg, side), (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy));
    let may_reduce = product == Product::Perpetual && leg == Leg::Net && rest == 4;
    let can_close = matches!(kind, OrderKind::Stop { .. } | OrderKind::Touched { .. });
    let whole =
        can_close && product == Product::Perpetual && (closes || leg == Leg::Net) && rest == 5;
    if closes || may_reduce || whole {
        restrictions = restrictions.with(Restrictions::REDUCE_ONLY);
    }
    let (scope, quantity) =
        if whole { (Scope::Position, Quantity::ZERO) } else { (Scope::Size, Quantity(lots)) };
    let is_shown = matches!(kind, OrderKind::Limit { .. }) && product == Product::Spot && rest == 4;
    let instrument = InstrumentId(
        if product == Product::Spot { 3 } else { 0 } + u32::try_from(one % 3).expect("small"),
    );
    let ticket = Ticket {
        kind,
        tif,
        restrictions,
        display: is_shown.then_some(Quantity(lots)),
        leg,
        ..Ticket::market(instrument, side, quantity)
    };
    let client = engine::live::Epoch(lots).name(rest as u64).expect("in range");
    NewOrder { client, ticket, scope, stop: None }
}

fn reference(product: Product, seed: Seed) -> OrderRef {
    let (by_number, number, one, _, _, rest) = seed;
    let instrument = InstrumentId(
        if product == Product::Spot { 3 } else { 0 } + u32::try_from(one % 3).expect("small"),
    );
    OrderRef {
        instrument,
        client: (!by_number).then(|| "a:b/c_d-e.F".parse().expect("a name")),
        venue: by_number.then(|| number.to_string().parse().expect("a number")),
        // Spot has one book: nothing says which.
        conditional: product == Product::Perpetual && rest % 2 == 0,
    }
}

/// Every call that a product has, of one request.
fn calls(product: Product, mode: Mode, seed: Seed) -> Vec<Call> {
    let (_, lots, price, _, _, rest) = seed;
    let order = reference(product, seed);
    let plain = OrderRef { conditional: false, ..order };
    let (some, all) = (Some(order.instrument), None);
    let since = Timestamp::from_nanos(price * 1_000_000);
    let fills = |after: Option<&str>| Call::Fills {
        instrument: order.instrument,
        since: if after.is_some() { Timestamp::from_nanos(0) } else { since },
        after: after.map(|id| id.parse().expect("a number")),
    };
    let mut out = vec![
        Call::Place(new_order(product, mode, seed)),
        Call::Cancel(order),
        Call::Order(order),
        fills(None),
        fills(Some("17")),
        Call::Balances,
        Call::KeyScope,
    ];
    let (quantity, price) = (Some(Quantity(lots)), Some(Price(price)));
    if product == Product::Spot {
        let client = Some("named".parse().expect("a name"));
        let change = Amendment { quantity, ..Amendment::default() };
        out.extend([
            Call::Amend(OrderRef { client, venue: None, ..plain }, change, None),
            Call::CancelAll(some, Book::Both),
            Call::OpenOrders(some, Book::Both),
            Call::OpenOrders(all, Book::Both),
        ]);
        return out;
    }
    let change = Amendment { quantity, price, trigger: None };
    let side = Some(Side::Sell);
    out.extend([
        Call::Amend(plain, change, side),
        Call::CancelAll(some, Book::Plain),
        Call::CancelAll(some, Book::Conditional),
        Call::OpenOrders(some, Book::Plain),
        Call::OpenOrders(all, Book::Conditional),
        Call::Positions,
        Call::Heartbeat { instrument: some, seconds: u32::try_from(rest).expect("few") * 30 },
        Call::Mode,
        Call::SetMode(mode),
        Call::SetLeverage(order.instrument, 1 + u32::try_from(rest).expect("few")),
        Call::ListenKey,
    ]);
    out
}

proptest! {
    #[test]
    fn what_is_asked_is_heard(seed in seeds()) {
        for (product, mode) in [
            (Product::Spot, Mode::OneWay), (Product::Perpetual, Mode::OneWay), (Product::Perpetual, Mode::Hedge),
        ] {
            for call in calls(product, mode, seed) {
                let request = client(product, mode).request(&call, now());
                let request = request.unwrap_or_else(|e| panic!("{call:?}: {e}"));
                let heard = asked(product, &request);
                let heard = heard.unwrap_or_else(|r| {
                    panic!("{call:?}: {}", String::from_utf8_lossy(r.body()))
                });
                prop_assert_eq!(heard.account, 1);
                prop_assert_eq!(heard.call, call);
            }
        }
    }
}

#[test]
fn a_call_for_all_is_split_into_what_the_venue_takes() {
    let split = |product, call| client(product, Mode::OneWay).split(&call);
    let (spot, futures) = (Product::Spot, Product::Perpetual);
    assert_eq!(split(spot, Call::CancelAll(None, Book::Both)).len(), 3);
    assert_eq!(split(spot, Call::OpenOrders(None, Book::Both)).len(), 1);
    let all = split(futures, Call::CancelAll(None, Book::Both));
    assert_eq!(all.len(), 6);
    // Entries go first, stops last.
    assert!(matches!(all[0], Call::CancelAll(Some(_), Book::Plain)));
    assert!(matches!(all[5], Call::CancelAll(Some(_), Book::Conditional)));
    assert_eq!(
        split(futures, Call::OpenOrders(None, Book::Both)),
        [Call::OpenOrders(None, Book::Plain), Call::OpenOrders(None, Book::Conditional),]
    );
    for call in all {
        assert!(client(futures, Mode::OneWay).request(&call, now()).is_ok(), "{call:?}");
    }
    assert_eq!(split(futures, Call::Positions), [Call::Positions]);
}
