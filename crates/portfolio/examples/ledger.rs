//! What an account costs: nanoseconds of CPU time for a mark, a point of the curve and a fill.
//!
//! `cargo run --release -p portfolio --example ledger [rounds]`
//!
//! Budget: a mark of a flat instrument is a store (below 3 ns), of a held one below 20 ns.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench reads the clock and prints"
)]

use market::{Currency, Instrument, Listing, Money, Price, Quantity, Rate, Side, Timestamp};
use portfolio::{AccountTerms, Fill, InstrumentId, Ledger, Leg, Liquidity, PositionMode};
use std::hint::black_box;

/// Seconds this thread was on a core: other processes share the machine, so wall time misleads.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

/// The least of nine runs, a call.
fn time(what: &str, rounds: i64, mut act: impl FnMut(i64)) {
    let mut least = f64::MAX;
    for _ in 0..9 {
        let start = cpu_seconds();
        (0..rounds).for_each(&mut act);
        least = least.min(cpu_seconds() - start);
    }
    println!("   {what:<28} {:7.2} ns", least * 1e9 / rounds as f64);
}

fn fill(leg: Leg, side: Side, ticks: i64) -> Fill {
    Fill {
        order: 1,
        row: 0,
        time: Timestamp::from_nanos(0),
        instrument: InstrumentId(0),
        side,
        quantity: Quantity(10),
        price: Price(ticks),
        notional: Money(i128::from(ticks) * 10_000_000),
        fee: Money(1000),
        leg,
        liquidity: Liquidity::Taker,
    }
}

fn measure(what: &str, mut ledger: Ledger, leg: Leg, rounds: i64) {
    println!("{what}");
    let id = black_box(InstrumentId(0));
    time("mark, flat", rounds, |n| ledger.mark(id, Price(1000 + n % 64)).unwrap());
    let (buy, sell) = (fill(leg, Side::Buy, 1000), fill(leg, Side::Sell, 1001));
    time("fill, in and out by turns", rounds, |n| {
        ledger.apply(black_box(if n % 2 == 0 { &buy } else { &sell })).unwrap();
    });
    ledger.apply(&buy).unwrap();
    time("mark, held", rounds, |n| ledger.mark(id, Price(1000 + n % 64)).unwrap());
    let at = Timestamp::from_nanos(0);
    time("point of the curve", rounds, |_| {
        black_box(black_box(&ledger).point(at).unwrap());
    });
    time("available", rounds, |_| {
        black_box(black_box(&ledger).available().unwrap());
    });
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(2_000_000);
    let share = Instrument::share("S".parse().unwrap());
    let cash = Money::from_whole(1_000_000_000);
    measure("plain", Ledger::open(cash, std::slice::from_ref(&share)), Leg::Net, rounds);
    let listings = [Listing::of(share.clone())];
    let hedged =
        AccountTerms { mode: PositionMode::Hedged, ..AccountTerms::cash(Currency::USD, cash) };
    measure("hedged", Ledger::on(hedged, &listings).unwrap(), Leg::Long, rounds);
    let foreign = [Listing::of(Instrument { currency: Currency::EUR, ..share })];
    let mut ledger = Ledger::on(AccountTerms::cash(Currency::USD, cash), &foreign).unwrap();
    ledger.set_rate(Currency::EUR, Rate::parse("1.1").unwrap()).unwrap();
    measure("in another currency", ledger, Leg::Net, rounds);
}
