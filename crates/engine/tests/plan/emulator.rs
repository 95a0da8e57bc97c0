//! What a venue lacks.

use super::*;
use engine::order::Distance;
use engine::plan::{Capabilities as C, Emulator};

fn at_venue(ticket: Ticket, venue: C) -> Emulator {
    Emulator::new(ticket, venue, &listing()).expect("it can be done")
}

const fn start(last: i64, held: i64) -> News {
    News::Start { last: Some(Price(last)), held }
}

const fn quote(bid: i64, ask: i64) -> News {
    News::Market(Prices::Quote { bid: Price(bid), ask: Price(ask) })
}

const fn bar(low: i64, high: i64) -> News {
    News::Market(Prices::Bar { high: Price(high), low: Price(low) })
}

const fn held(held: i64) -> News {
    News::Position { held }
}

#[test]
fn a_stop_waits_here_and_goes_out_as_a_market_order() {
    check(
        &mut at_venue(buy(5).of(stop(110)), C::PLAIN),
        &[
            (0, start(100, 0), ""),
            (1, quote(108, 109), ""),
            (2, quote(109, 110), "0: buy 5 market"),
            (2, quote(120, 121), ""),
            (3, fill(0, 2), ""),
            (3, fill(0, 3), "complete"),
        ],
    );
    let kind = OrderKind::StopLimit { trigger: Price(90), price: Price(88) };
    check(
        &mut at_venue(sell(5).of(kind), C::STOP),
        &[
            (0, start(100, 0), ""),
            (1, bar(91, 99), ""),
            (2, bar(90, 99), "0: sell 5 limit 88"),
            (3, ended(0, Ending::Expired), "5 left: expired"),
        ],
    );
    let kind = OrderKind::TouchedLimit { trigger: Price(90), price: Price(91) };
    check(
        &mut at_venue(buy(5).of(kind), C::STOP),
        &[(0, start(100, 0), ""), (1, quote(89, 90), "0: buy 5 limit 91")],
    );
}

#[test]
fn a_trailing_stop_follows_here() {
    let kind = OrderKind::Trailing { distance: Distance::Ticks(10), from: None };
    let mut plan = at_venue(
        sell(5).of(kind).restricted(Restrictions::REDUCE_ONLY),
        C::STOP.with(C::REDUCE_ONLY),
    );
    check(&mut plan, &[(0, start(100, 5), ""), (1, quote(105, 106), "")]);
    assert_eq!(plan.trigger(), Some(Price(95)));
    check(&mut plan, &[(2, quote(96, 97), ""), (3, quote(95, 97), "0: sell 5 market reduce")]);
    assert_eq!(plan.trigger(), None);
}

#[test]
fn an_entry_whose_trigger_is_passed_is_refused_and_an_exit_goes_out() {
    let exit = buy(5).of(stop(110)).restricted(Restrictions::REDUCE_ONLY);
    check(
        &mut at_venue(buy(5).of(stop(110)), C::REDUCE_ONLY),
        &[(0, start(110, 0), "5 left: refused, the trigger at 110 lies on the wrong side of 110")],
    );
    check(&mut at_venue(exit, C::REDUCE_ONLY), &[(0, start(110, -5), "0: buy 5 market reduce")]);
}

#[test]
fn its_time_runs_out_here() {
    let until = TimeInForce::GoodTill(at(60));
    let just_after = Timestamp::from_nanos(60_000_000_001);
    let on = |plan: &mut Emulator, now, news| {
        let mut out = Vec::new();
        plan.on(&Input { now, news }, &mut out);
        out
    };
    let mut asleep = at_venue(buy(5).of(stop(110)).lasting(until), C::GOOD_TILL);
    assert_eq!(on(&mut asleep, at(0), START), [Step::Timer(just_after)]);
    assert_eq!(on(&mut asleep, at(60), News::Timer), [], "up to and including its moment");
    let rest = Quantity(5);
    let expired = Step::Done(Outcome::Incomplete { rest, why: Ending::Expired });
    assert_eq!(on(&mut asleep, just_after, News::Timer), [expired]);

    let mut works = at_venue(buy(5).of(limit(90)).lasting(until), C::PLAIN);
    check(&mut works, &[(0, START, "timer 60; 0: buy 5 limit 90"), (1, fill(0, 2), "")]);
    assert_eq!(on(&mut works, just_after, News::Timer), [Step::Cancel(Key(0))]);
    check(&mut works, &[(61, cancelled(0), "3 left: expired")]);

    // Awake, it is the venue's to watch the time.
    let mut woken = at_venue(buy(5).of(stop(110)).lasting(until), C::GOOD_TILL);
    check(
        &mut woken,
        &[
            (0, START, "timer 60"),
            (1, quote(110, 111), "0: buy 5 market gtd 1970-01-01T00:01:00Z"),
            (61, News::Timer, "cancel 0"),
            (61, ended(0, Ending::Expired), "5 left: expired"),
        ],
    );
}

#[test]
fn an_iceberg_shows_a_part_at_a_time() {
    let ticket = Ticket { display: Some(Quantity(4)), ..buy(10).of(limit(90)) };
    check(
        &mut at_venue(ticket, C::PLAIN),
        &[
            (0, START, "0: buy 4 limit 90"),
            (1, fill(0, 3), ""),
            (2, fill(0, 1), "1: buy 4 limit 90"),
            (3, fill(1, 4), "2: buy 2 limit 90"),
            (4, fill(2, 2), "complete"),
        ],
    );
    check(
        &mut at_venue(ticket, C::PLAIN),
        &[
            (0, START, "0: buy 4 limit 90"),
            (1, News::Cancel, "cancel 0"),
            (1, fill(0, 4), "6 left: cancelled"), // no further part
        ],
    );
    // A stop that the venue lacks, with a part shown that it knows.
    check(
        &mut at_venue(
            ticket.of(OrderKind::StopLimit { trigger: Price(95), price: Price(96) }),
            C::ICEBERG,
        ),
        &[(0, START, ""), (1, quote(94, 95), "0: buy 10 limit 96 showing 4")],
    );
}

#[test]
fn a_post_only_order_looks_before_it_goes() {
    let post = |kind| buy(5).of(kind).restricted(Restrictions::POST_ONLY);
    check(
        &mut at_venue(post(limit(100)), C::PLAIN),
        &[(0, start(90, 0), ""), (1, bar(90, 95), ""), (2, quote(99, 101), "0: buy 5 limit 100")],
    );
    check(
        &mut at_venue(post(limit(100)), C::PLAIN),
        &[
            (0, start(90, 0), ""),
            (1, quote(99, 100), "5 left: refused, post-only at 100 would trade at 100 at once"),
        ],
    );
    // The venue has stops, but could not look when one wakes: it waits here.
    let kind = OrderKind::StopLimit { trigger: Price(110), price: Price(109) };
    check(
        &mut at_venue(post(kind), C::STOP_LIMIT),
        &[
            (0, start(100, 0), ""),
            (1, quote(99, 101), ""),
            (
                2,
                News::Market(Prices::Print(Price(110))),
                "5 left: refused, post-only at 109 would trade at 101 at once",
            ),
        ],
    );
}

#[test]
fn a_reduce_only_order_is_never_larger_than_what_is_held() {
    let exit = sell(10).of(limit(120)).restricted(Restrictions::REDUCE_ONLY);
    check(
        &mut at_venue(exit, C::PLAIN),
        &[
            (0, start(100, 6), "0: sell 6 limit 120"),
            (0, accept(0), ""),
            (1, held(8), ""), // it is not made larger
            (2, held(4), "amend 0 to 4"),
            (2, amended(0, 4), ""),
            (3, fill(0, 1), ""),
            (3, held(3), ""),
            (4, held(0), "cancel 0"),
            (4, cancelled(0), "9 left: cancelled"),
        ],
    );
    let nothing = "10 left: refused, nothing is left to close";
    check(&mut at_venue(exit, C::PLAIN), &[(0, start(100, 0), nothing)]);
    check(&mut at_venue(exit, C::PLAIN), &[(0, start(100, -5), nothing)]);
    // What its own fill closed is not closed again, though the position is told later.
    check(
        &mut at_venue(exit, C::PLAIN),
        &[
            (0, start(100, 6), "0: sell 6 limit 120"),
            (1, fill(0, 6), "4 left: refused, nothing is left to close"),
        ],
    );
    // Where orders are not changed it is taken back and sent smaller.
    check(
        &mut at_venue(exit, C::PLAIN),
        &[
            (0, start(100, 6), "0: sell 6 limit 120"),
            (0, accept(0), ""),
            (2, held(4), "amend 0 to 4"),
            (2, unchanged(0), "cancel 0"),
            (2, cancelled(0), "1: sell 4 limit 120"),
        ],
    );
    let leg = Ticket { leg: Leg::Short, ..buy(10).restricted(Restrictions::REDUCE_ONLY) };
    check(&mut at_venue(leg, C::PLAIN), &[(0, start(100, -3), "0: buy 3 market")]);
}

#[test]
fn what_nobody_can_do_for_a_venue_is_refused() {
    let check = |ticket: Ticket, venue, want: &str| {
        let made = Emulator::new(ticket, venue, &listing());
        assert_eq!(made.err().map_or("ok".to_owned(), |e| e.to_string()), want);
    };
    let whole = buy(1).lasting(TimeInForce::FillOrKill);
    check(whole, C::FILL_OR_KILL, "ok");
    check(whole, C::PLAIN, "the venue lacks what nobody can do for it: fill-or-kill");
    let group = Ticket { group: Some(engine::order::GroupId(1)), ..whole };
    check(
        group,
        C::STOP,
        "the venue lacks what nobody can do for it: fill-or-kill, one-cancels-others",
    );
    check(buy(0), C::ALL, "a plan of 0 lots: give it a size");
    assert!(!Emulator::is_needed(&buy(1).of(limit(9)), C::PLAIN));
    assert!(Emulator::is_needed(&buy(1).of(stop(9)), C::ALL.without(C::STOP)));
    assert!(!Emulator::is_needed(&group.of(stop(9)), C::ALL));
}

#[test]
fn an_order_that_its_owner_takes_back() {
    check(
        &mut at_venue(buy(5).of(stop(110)), C::PLAIN),
        &[(0, start(100, 0), ""), (1, News::Cancel, "5 left: cancelled"), (2, quote(200, 201), "")],
    );
    check(
        &mut at_venue(buy(5).of(stop(110)), C::PLAIN),
        &[
            (0, start(100, 0), ""),
            (1, quote(110, 111), "0: buy 5 market"),
            (2, News::Cancel, "cancel 0"),
            (2, fill(0, 1), ""),
            (2, cancelled(0), "4 left: cancelled"),
        ],
    );
}
