//! A live session is held against the backtest of its rows: every cause is named, and what all
//! decisions cost adds up to the difference of the two accounts.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

mod tape;

use engine::{
    diff::{Executed, HeldBack, Lived, Parted, Quiet, Rebuilt, Rerun, Sent, Silence, Why, part},
    live::{Cause, ClientId, Role},
    parse_strategy,
};
use market::{Bar, BarSeries, BarSize, Currency, Listing, Money, Price, Quantity, Side, Timestamp};
use portfolio::{AccountTerms, Fill, InstrumentId, Ledger, Leg, Liquidity};
use proptest::prelude::*;

const CASH: i64 = 1_000_000;
/// How long after the row's close an order is out, in nanoseconds.
const SOON: i64 = 250_000_000;

fn listings(series: &[BarSeries]) -> Vec<Listing> {
    series.iter().map(|one| Listing::of(one.instrument().clone())).collect()
}

fn rebuilt(series: &[BarSeries], since: usize) -> Rebuilt {
    let text = "version: 1\nname: n\ndata: d\nsignals: { long: \"close > ts_mean(close, 3)\" }\n\
        sizing: { fixed: 10 }\ncosts: { fee_bps: 10 }\nconvention: next_open\ncash: 7\n";
    let strategy = parse_strategy(text).expect("a strategy");
    let times = engine::calendar(series);
    let account = AccountTerms::cash(Currency::USD, Money::from_whole(CASH));
    let mut run =
        Rerun::new(&strategy, &listings(series), account, times[since]).expect("a backtest");
    for time in times {
        let bar = |one: &BarSeries| one.iter().find(|bar| bar.open_time == time);
        let bars: Vec<Option<Bar>> = series.iter().map(bar).collect();
        run.row(time, &bars).expect("a row");
    }
    run.finish().expect("ends")
}

/// A live session that did what the backtest did, to the unit.
fn mirror(of: &Rebuilt) -> Lived {
    let mut lived = Lived::default();
    for record in &of.blotter.orders {
        let name: ClientId = format!("s{}", record.order.id.0).parse().expect("a name");
        let (row, ticket) = (of.decided(record), record.order.ticket);
        let close = row.nanos() + BarSize::DAY.nanos();
        lived.orders.push(Sent {
            name,
            role: Role::Kernel,
            instrument: ticket.instrument,
            side: ticket.side,
            asked: ticket.quantity,
            row,
            time: Timestamp::from_nanos(close + SOON),
            ended: record.ended.map(|_| Timestamp::from_nanos(close + 2 * SOON)),
            refusal: None,
        });
        let own = of.blotter.fills.iter().filter(|(_, fill)| fill.order == record.order.id.0);
        lived.fills.extend(own.map(|(tick, fill)| Executed {
            trade: format!("t{tick}").parse().expect("a name"),
            order: Some(name),
            cause: Cause::Owner,
            instrument: fill.instrument,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            fee: fill.fee,
            time: Timestamp::from_nanos(close + 2 * SOON),
        }));
    }
    lived
}

fn compare(lived: &Lived, rebuilt: &Rebuilt, series: &[BarSeries]) -> Parted {
    part(lived, rebuilt, (&listings(series), BarSize::DAY.nanos())).expect("sums")
}

/// What an account comes to that trades this, by the ledger of the kernel.
fn ledger(lived: &Lived, rebuilt: &Rebuilt, series: &[BarSeries]) -> Money {
    let account = AccountTerms::cash(Currency::USD, Money::from_whole(CASH));
    let mut ledger = Ledger::on(account, &listings(series)).expect("an account");
    for fill in &lived.fills {
        let contract = ledger.contract(fill.instrument).expect("listed");
        let lots = i64::try_from(fill.quantity.0).expect("small");
        let notional = contract.value(fill.price, lots).expect("small");
        let fill = Fill {
            order: 1,
            row: 0,
            time: fill.time,
            instrument: fill.instrument,
            side: fill.side,
            quantity: fill.quantity,
            price: fill.price,
            notional,
            fee: fill.fee,
            leg: Leg::Net,
            liquidity: Liquidity::Taker,
        };
        ledger.apply(&fill).expect("is booked");
    }
    for (id, mark) in (0..).map(InstrumentId).zip(&rebuilt.marks) {
        if let Some(mark) = mark {
            ledger.mark(id, *mark).expect("a price");
        }
    }
    ledger.equity().expect("sums").minus(Money::from_whole(CASH)).expect("sums")
}

fn walk() -> Vec<BarSeries> {
    vec![tape::walk("WALK", 200, 11)]
}

#[test]
fn a_session_that_did_what_the_backtest_does_has_no_differences() {
    let (series, of) = (walk(), rebuilt(&walk(), 0));
    let found = compare(&mirror(&of), &of, &series);
    assert!(found.same > 20 && found.trades.is_empty() && found.totals.is_empty(), "{found:?}");
    assert_eq!(found.shortfall, Money::ZERO);
    assert_eq!(found.backtest, of.end.minus(of.start).expect("sums"));
}

/// The first difference after a change of the fifth order, an entry, and of its trade.
#[track_caller]
fn check(change: impl FnOnce(&mut Lived, usize, usize), why: &str, cost: i128) -> Parted {
    let (series, of) = (walk(), rebuilt(&walk(), 0));
    let mut lived = mirror(&of);
    let place = 4;
    assert_eq!(lived.orders[place].side, Side::Buy);
    let name = Some(lived.orders[place].name);
    let fill = lived.fills.iter().position(|fill| fill.order == name).expect("traded");
    change(&mut lived, place, fill);
    let found = compare(&lived, &of, &series);
    let first = found.trades.first().expect("differs");
    assert_eq!(first.why.name(), why, "{first:?}");
    let all = first.cost.price.0 + first.cost.fees.0 + first.cost.rest.0;
    assert_eq!(all, cost, "{first:?}");
    found
}

/// The fifth order's row.
fn row() -> Timestamp {
    let of = rebuilt(&walk(), 0);
    of.decided(&of.blotter.orders[4])
}

/// What the fifth order earns up to the end, fee taken off.
fn worth(lots: i64) -> i128 {
    let of = rebuilt(&walk(), 0);
    let fill = of.blotter.fills[4].1;
    let mark = of.marks[0].expect("a price").0;
    let fee = fill.fee.0 * i128::from(lots) / 10;
    i128::from((mark - fill.price.0) * lots) * Money::UNIT / 100 - fee
}

fn drop_order(lived: &mut Lived, order: usize, fill: usize) {
    lived.orders.remove(order);
    lived.fills.remove(fill);
}

#[test]
fn each_cause_is_named_with_what_it_cost() {
    let unit = Money::UNIT;
    // Ten units, three cents worse: thirty cents, and nothing else differs.
    let found = check(|l, _, f| l.fills[f].price.0 += 3, "slippage", unit * 30 / 100);
    assert_eq!((found.trades.len(), found.totals["slippage"].0), (1, 1));
    let first = &found.trades[0];
    assert_eq!(first.delays, Some((SOON, Some(SOON))));
    let price = rebuilt(&walk(), 0).blotter.fills[4].1.price.0;
    assert_eq!(first.bps.map(|bps| bps.0), Some(3 * 10_000 * unit / i128::from(price)), "{price}");
    check(|l, _, f| l.fills[f].fee.0 += 5, "fee", 5);
    let days = 3 * BarSize::DAY.nanos();
    check(
        |l, _, f| {
            l.fills[f].price.0 -= 2;
            l.fills[f].time = Timestamp::from_nanos(l.fills[f].time.nanos() + days);
        },
        "latency",
        -unit * 20 / 100,
    );
    let half = |l: &mut Lived, f: usize| {
        l.fills[f].quantity = Quantity(5);
        l.fills[f].fee = Money(l.fills[f].fee.0 / 2);
    };
    let found = check(|l, _, f| half(l, f), "partial", worth(5));
    assert!(
        found.trades[1..].iter().any(|one| one.why == Why::Follows(0)) || found.trades.len() == 1
    );
    check(
        |l, o, f| {
            half(l, f);
            l.orders[o].ended = None;
        },
        "working",
        worth(5),
    );
    check(
        |l, o, f| {
            l.orders[o].refusal = Some("insufficient margin".to_owned());
            l.fills.remove(f);
        },
        "refused",
        worth(10),
    );
}

#[test]
fn what_was_never_sent_is_said_to_be_so() {
    let gate = |l: &mut Lived, o: usize, f: usize| {
        drop_order(l, o, f);
        let (row, instrument, side) = (row(), InstrumentId(0), Side::Buy);
        let why = "the kill switch is pulled".to_owned();
        l.held_back.push(HeldBack { row, instrument, side, quantity: Quantity(10), why });
    };
    let found = check(gate, "held-back", worth(10));
    assert!(found.trades[0].why.to_string().contains("kill switch"));
    for (because, name) in [(Quiet::Down, "down"), (Quiet::Late, "late")] {
        let silent = |l: &mut Lived, o: usize, f: usize| {
            drop_order(l, o, f);
            l.silences.push(Silence { first: row(), last: row(), because });
        };
        check(silent, name, worth(10));
    }
    // Nothing explains an order that is not there: the comparison says so.
    check(drop_order, "unexplained", worth(10));
    // An order too many, too.
    let one_more = |l: &mut Lived, o: usize, _: usize| {
        let name = "s999".parse().expect("a name");
        let row = Timestamp::from_nanos(l.orders[o].row.nanos() - BarSize::DAY.nanos());
        l.orders.insert(o, Sent { name, row, ..l.orders[o].clone() });
    };
    check(one_more, "unexplained", 0);
}

#[test]
fn what_no_decision_made_stands_alone() {
    let alone = |role: Option<Role>, cause: Cause| {
        move |l: &mut Lived, o: usize, f: usize| {
            let name = "p1".parse().expect("a name");
            if let Some(role) = role {
                l.orders.push(Sent { name, role, side: Side::Sell, ..l.orders[o].clone() });
            }
            let order = Some(name);
            let trade = "extra".parse().expect("a name");
            let (side, fee) = (Side::Sell, Money::ZERO);
            let time = l.fills[f].time;
            let fill = Executed { trade, order, cause, side, fee, time, ..l.fills[f].clone() };
            l.fills.push(fill);
        }
    };
    // Sold at the price it was bought at: what the ten would have earned, the fee apart.
    let missed = worth(10) + rebuilt(&walk(), 0).blotter.fills[4].1.fee.0;
    check(alone(Some(Role::Stop), Cause::Owner), "stop", missed);
    check(alone(Some(Role::Close), Cause::Owner), "close", missed);
    check(alone(Some(Role::Foreign), Cause::Owner), "foreign", missed);
    check(alone(None, Cause::Owner), "foreign", missed);
    let found = check(alone(None, Cause::Liquidation), "venue", missed);
    assert!(found.trades[0].why.to_string().contains("margin ran out"));
    // The exit that the strategy decides later has nothing left to close in one of them.
    let exit = |l: &mut Lived, o: usize, f: usize| {
        alone(Some(Role::Stop), Cause::Owner)(l, o, f);
        let order = l.orders[o + 1].name;
        l.fills.retain(|fill| fill.order != Some(order));
        l.orders.remove(o + 1);
    };
    let found = check(exit, "stop", missed);
    assert_eq!(found.trades[1].why, Why::Follows(0));
    assert_eq!(found.trades.len(), 2, "both are flat again: {found:#?}");
}

#[test]
fn history_decides_nothing_and_the_end_of_the_tape_is_named() {
    let series = walk();
    let (whole, part_of) = (rebuilt(&series, 0), rebuilt(&series, 100));
    let since = part_of.times[100];
    assert!(whole.blotter.orders.iter().any(|one| whole.decided(one) < since));
    assert!(part_of.blotter.orders.iter().all(|one| part_of.decided(one) >= since));
    assert_eq!(part_of.times.len(), 200);
    // The last decision has no bar to trade on; the live session traded all the same.
    let last = (0..200).rev().find_map(|rows| {
        let series = vec![tape::walk("WALK", rows, 11)];
        let of = rebuilt(&series, 0);
        let waits = of.blotter.orders.last().is_some_and(|one| one.filled == Quantity::ZERO);
        waits.then_some((series, of))
    });
    let (series, of) = last.expect("some tape ends at a decision");
    let mut lived = mirror(&of);
    let sent = lived.orders.last().expect("an order").clone();
    lived.fills.push(Executed {
        trade: "late".parse().expect("a name"),
        order: Some(sent.name),
        cause: Cause::Owner,
        instrument: sent.instrument,
        side: sent.side,
        price: of.marks[0].expect("a price"),
        quantity: sent.asked,
        fee: Money::ZERO,
        time: sent.time,
    });
    let found = compare(&lived, &of, &series);
    assert_eq!(found.trades.len(), 1);
    assert_eq!(found.trades[0].why, Why::TapeEnds);
}

#[test]
fn a_position_from_before_is_not_unexplained() {
    let (series, of) = (walk(), rebuilt(&walk(), 0));
    let mut lived = mirror(&of);
    // The bot held the fifth order's position from the start, and so did not enter again.
    drop_order(&mut lived, 4, 4);
    for _ in 0..4 {
        lived.orders.remove(0);
        lived.fills.remove(0);
    }
    lived.carried.push((InstrumentId(0), 10));
    let found = compare(&lived, &of, &series);
    let names: Vec<&str> = found.trades.iter().map(|one| one.why.name()).collect();
    assert_eq!(names, ["carried"; 5], "{found:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a venue does to the orders, both accounts and the difference come out to the unit.
    #[test]
    fn costs_add_up_to_the_difference_of_the_accounts(
        seed in 0u64..20,
        changes in prop::collection::vec((0u8..6, 0usize..400, 1i64..400), 0..40),
    ) {
        let series = tape::seeded(seed);
        let of = rebuilt(&series, 0);
        let mut lived = mirror(&of);
        for (what, place, by) in changes {
            if lived.fills.is_empty() {
                break;
            }
            let place = place % lived.fills.len();
            let fill = &mut lived.fills[place];
            match what {
                0 => fill.price = Price(fill.price.0 + by),
                1 => fill.fee.0 -= i128::from(by),
                2 => fill.quantity = Quantity(fill.quantity.0.div_ceil(2)),
                3 => { lived.fills.remove(place); }
                4 => { fill.order = None; }
                _ => {
                    let mut other = fill.clone();
                    other.trade = format!("x{}", lived.fills.len()).parse().expect("a name");
                    other.side = other.side.opposite();
                    other.order = None;
                    lived.fills.push(other);
                }
            }
        }
        let found = compare(&lived, &of, &series);
        prop_assert_eq!(found.backtest, of.end.minus(of.start).expect("sums"));
        prop_assert_eq!(found.live, ledger(&lived, &of, &series));
        let by_trade: i128 = found.trades.iter()
            .map(|one| one.cost.price.0 + one.cost.fees.0 + one.cost.rest.0).sum();
        let by_cause: i128 = found.totals.values().map(|(_, money)| money.0).sum();
        prop_assert_eq!(by_trade, found.shortfall.0);
        prop_assert_eq!(by_cause, found.shortfall.0);
        let counted: usize = found.totals.values().map(|(count, _)| count).sum();
        prop_assert_eq!(counted, found.trades.len());
    }
}
