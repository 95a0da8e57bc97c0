//! What the simulated exchange costs: `cargo run --release -p engine --example exchange`.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    reason = "a bench reads the time it took and prints"
)]

use engine::{
    Account, Data, Error, MarketEvent,
    exchange::{Exchange, FeeTerms, Feed, Model, Moment, Terms},
    order::{Change, Order, OrderId, OrderKind, Restrictions, Ticket, Update},
};
use market::{
    Bar, Depth, Instrument, Listing, Money, Price, Quantity, Quote, Rate, Side, Timestamp,
};
use portfolio::{Fill, InstrumentId, Ledger, Leg, Liquidity};
use std::hint::black_box;

const X: InstrumentId = InstrumentId(0);
const TIMES: u64 = 2_000_000;

/// Books without a memory of what they were told.
struct Account1 {
    ledger: Ledger,
    fills: u64,
}

impl Account for Account1 {
    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    #[inline]
    fn update(&mut self, update: &Update) -> Result<(), Error> {
        if let Change::Filled(fill) = &update.change {
            self.ledger.apply(fill)?;
            self.fills += 1;
        }
        Ok(())
    }
}

fn world(model: Model) -> (Exchange, Account1) {
    let listing = Listing::of(Instrument::share("X".parse().unwrap()));
    let ledger =
        Ledger::open(Money::from_whole(1_000_000_000), std::slice::from_ref(&listing.instrument));
    let fees = FeeTerms::new(Rate::from_bps(2), Rate::from_bps(10));
    let terms = Terms { fees, ..Terms::of(model) };
    (Exchange::new(terms, &[listing]), Account1 { ledger, fills: 0 })
}

fn ticket(i: u64) -> Ticket {
    if i.is_multiple_of(2) {
        Ticket::market(X, Side::Buy, Quantity(1))
    } else {
        Ticket::market(X, Side::Sell, Quantity(1)).restricted(Restrictions::REDUCE_ONLY)
    }
}

fn order(i: u64, ticket: Ticket) -> Order {
    let time = Timestamp::from_nanos(i.cast_signed());
    Order { id: OrderId(i + 1), tick: i, row: 0, time, ticket }
}

fn quote(i: u64) -> MarketEvent {
    let (time, bid) = (Timestamp::from_nanos(i.cast_signed()), 100_000 + (i % 7).cast_signed());
    let (bid, ask, size) = (Price(bid), Price(bid + 2), Quantity(100 + i % 5));
    let data = Data::Quote(Quote { time, bid, ask, bid_size: size, ask_size: size });
    MarketEvent { time, instrument: X, data }
}

/// What the fills above look like.
fn fill(i: u64) -> Fill {
    let Ticket { side, quantity, .. } = ticket(i);
    let (notional, fee) = (Money::from_whole(1000), Money::from_whole(1));
    let (price, time) = (Price(100_000), Timestamp::from_nanos(0));
    let (leg, liquidity) = (Leg::Net, Liquidity::Taker);
    let (order, row, instrument) = (i, 0, X);
    Fill { order, row, time, instrument, side, quantity, price, notional, fee, leg, liquidity }
}

fn bar(i: u64) -> Bar {
    let open_time = Timestamp::from_nanos(i.cast_signed());
    let [open, high, low, close] = [100_000, 100_009, 99_991, 100_003].map(Price);
    Bar { open_time, open, high, low, close, volume: Quantity(1000) }
}

/// Nanoseconds that this thread ran: other work on the machine does not count.
fn on_cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split_whitespace().next().unwrap().parse().unwrap()
}

fn report(name: &str, times: u64, run: impl FnOnce()) {
    let start = on_cpu();
    run();
    println!("{name:52} {:6.1} ns", (on_cpu() - start) as f64 / times as f64);
}

fn main() {
    for _ in 0..2 {
        ticks();
        bars();
        println!();
    }
}

fn ticks() {
    let (mut exchange, mut account) = world(Model::Touch);
    report("touch: a quote while nothing works", TIMES, || {
        for i in 0..TIMES {
            exchange.on_market(&quote(i), 0, &mut account).unwrap();
        }
    });
    let name = "touch: a market order sent and filled, no latency";
    report(name, TIMES, || {
        for i in 0..TIMES {
            let now = Timestamp::from_nanos((TIMES + i).cast_signed());
            exchange.submit(order(i, ticket(i)), now);
            exchange.wake(Moment { time: now, row: 0 }, &mut account).unwrap();
        }
    });
    assert_eq!(account.fills, TIMES);
    report("  of it, the ledger's part", TIMES, || {
        for i in 0..TIMES {
            account.ledger.apply(black_box(&fill(i))).unwrap();
        }
    });
    let far = ticket(0).of(OrderKind::Limit { price: Price(50_000) });
    exchange.submit(order(TIMES, far), Timestamp::from_nanos(i64::MAX / 2));
    report("touch: a quote while one limit rests", TIMES, || {
        for i in 0..TIMES {
            let event = MarketEvent { time: Timestamp::from_nanos(i64::MAX / 2), ..quote(i) };
            exchange.on_market(&event, 0, &mut account).unwrap();
        }
    });
    let (mut exchange, mut account) = world(Model::Book(Feed::Depth));
    let depth = |i: u64| {
        let time = Timestamp::from_nanos(i.cast_signed());
        let side = if i.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let away = 1 + (i / 2 % 20).cast_signed();
        let price = Price(100_000 - side.sign() * away);
        let data = Data::Depth(Depth { time, side, price, size: Quantity(10 + i % 90) });
        MarketEvent { time, instrument: X, data }
    };
    report("book: a change of one of 40 levels, nothing works", TIMES, || {
        for i in 0..TIMES {
            exchange.on_market(&depth(i), 0, &mut account).unwrap();
        }
    });
    report("book: the same, and a market order sent and filled", TIMES, || {
        for i in 0..TIMES {
            let event = depth(i);
            exchange.on_market(&event, 0, &mut account).unwrap();
            exchange.submit(order(i, ticket(i)), event.time);
            exchange.wake(Moment { time: event.time, row: 0 }, &mut account).unwrap();
        }
    });
    assert_eq!(account.fills, TIMES);
}

fn bars() {
    let (mut exchange, mut account) = world(Model::NextOpen);
    report("next_open: is it idle?", TIMES, || {
        let idle = (0..TIMES).filter(|_| black_box(&exchange).is_idle(black_box(X))).count();
        assert_eq!(idle as u64, TIMES);
    });
    report("next_open: a market order sent, rested, filled", TIMES, || {
        for i in 0..TIMES {
            let bar = bar(i);
            let at = Moment { time: bar.open_time, row: 0 };
            exchange.submit(order(i, ticket(i)), bar.open_time);
            exchange.wake(at, &mut account).unwrap();
            exchange.on_open(&[(X, bar)], at, &mut account).unwrap();
            assert!(exchange.is_idle(X));
        }
    });
    assert_eq!(account.fills, TIMES);
}
