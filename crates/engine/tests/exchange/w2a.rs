//! The benchmark's quotes under `touch`: the referee's `same_quote`, to the last unit.

use engine::{
    Account, Books, Data, MarketEvent,
    exchange::{Exchange, FeeTerms, Model, Moment, Terms},
    order::{Change, Order, OrderId, Restrictions, Ticket},
};
use market::{Instrument, Listing, Money, Price, Quantity, Quote, Rate, Side, Timestamp};
use portfolio::{InstrumentId, Ledger};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn random(stream: u64, i: u64) -> u64 {
    let base = stream.wrapping_mul(0xD1B5_4A32_D192_ED03);
    let mut z = base.wrapping_add((i + 1).wrapping_mul(GOLDEN));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The first `n` quotes of `quotes_5m`, from their definition.
fn quotes(n: u64) -> impl Iterator<Item = Quote> {
    let lane = |u: u64, shift: u32| ((u >> shift) & 0xFFFF).cast_signed();
    let (mut bid, mut time) = (100_000, 1_577_836_800_000_000_000);
    (0..n).map(move |i| {
        let (u, g) = (random(21, i), random(22, i));
        let bell = lane(u, 0) + lane(u, 16) + lane(u, 32) + lane(u, 48) - 131_070;
        bid += (bell + 6000).div_euclid(12_001);
        let ask = bid + 1 + ((g >> 4) % 4).cast_signed();
        time += 1_000_000 * (1 + (g % 199).cast_signed());
        let size = |shift: u32| Quantity(1 + (g >> shift) % 500);
        let time = Timestamp::from_nanos(time);
        Quote { time, bid: Price(bid), ask: Price(ask), bid_size: size(12), ask_size: size(32) }
    })
}

/// EMA(10) over EMA(30) of the mid, one lot, each quote told and each order sent at once.
fn run(n: u64) -> (u64, Books) {
    let instrument = Instrument::share("X".parse().unwrap());
    let terms =
        Terms { fees: FeeTerms::new(Rate::ZERO, Rate::from_bps(10)), ..Terms::of(Model::Touch) };
    let mut exchange = Exchange::new(terms, &[Listing::of(instrument.clone())]);
    let ledger = Ledger::open(Money::from_whole(1_000_000), &[instrument]);
    let mut books = Books { ledger, updates: Vec::new() };
    let (id, mut fast, mut slow, mut sent) = (InstrumentId(0), 0.0, 0.0, 0);
    for (i, quote) in quotes(n).enumerate() {
        let event = MarketEvent { time: quote.time, instrument: id, data: Data::Quote(quote) };
        exchange.on_market(&event, 0, &mut books).unwrap();
        let mid = f64::from(i32::try_from(quote.bid.0 + quote.ask.0).unwrap()) / 200.0;
        let ema = |old: f64, n: f64| {
            let a = 2.0 / (n + 1.0);
            if i == 0 { mid } else { a * mid + (1.0 - a) * old }
        };
        (fast, slow) = (ema(fast, 10.0), ema(slow, 30.0));
        if i < 29 {
            continue;
        }
        let held = books.ledger().position(id).lots;
        let ticket = match held {
            0 if fast > slow => Ticket::market(id, Side::Buy, Quantity(1)),
            1 if fast < slow => {
                Ticket::market(id, Side::Sell, Quantity(1)).restricted(Restrictions::REDUCE_ONLY)
            }
            _ => continue,
        };
        sent += 1;
        let order = Order { id: OrderId(sent), tick: 0, row: 0, time: quote.time, ticket };
        exchange.submit(order, quote.time);
        exchange.wake(Moment { time: quote.time, row: 0 }, &mut books).unwrap();
    }
    (sent, books)
}

#[test]
fn w2a_is_the_referees() {
    let check = |n: u64, fills: usize, lots: i64, (cash, fees): (&str, &str)| {
        let (sent, books) = run(n);
        let filled = books.updates.iter().filter(|u| matches!(u.change, Change::Filled(_)));
        assert_eq!((filled.count(), books.updates.len()), (fills, fills));
        assert_eq!(sent, fills as u64);
        assert_eq!(books.ledger.position(InstrumentId(0)).lots, lots);
        assert_eq!(books.ledger.cash(), Money::parse(cash).unwrap());
        assert_eq!(books.ledger.fees(), Money::parse(fees).unwrap());
    };
    check(100_000, 3692, 0, ("996266.42225", "3687.32775"));
    check(500_000, 18_507, 1, ("980178.39994", "18586.80006"));
    check(5_000_000, 185_182, 0, ("811910.25154", "185690.16846"));
}
