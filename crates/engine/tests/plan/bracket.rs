use super::*;
use engine::plan::{Bracket, Exits, PlanError};

/// Buys 10 at 100, out at 90 or at 120.
fn bracket() -> Bracket {
    let exits = Exits { stop: stop(90), target: Some(limit(120)) };
    Bracket::new(buy(10).of(limit(100)), exits).expect("in order")
}

const ENTER: (i64, News, &str) = (0, START, "0: buy 10 limit 100");
const WHOLE: (i64, News, &str) =
    (1, fill(0, 10), "1: sell 10 stop 90 reduce; 2: sell 10 limit 120 reduce");

#[test]
fn a_target_takes_the_stop_away() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (0, accept(0), ""),
            WHOLE,
            (1, accept(1), ""),
            (1, accept(2), ""),
            (5, fill(2, 10), "cancel 1"),
            (5, cancelled(1), "complete"),
            (6, fill(1, 1), ""), // over is over
        ],
    );
}

#[test]
fn a_stop_takes_the_target_away() {
    check(
        &mut bracket(),
        &[
            ENTER,
            WHOLE,
            (1, accept(1), ""),
            (1, accept(2), ""),
            (5, update(1, Change::Triggered), ""),
            (5, fill(1, 10), "cancel 2"),
            (5, cancelled(2), "complete"),
        ],
    );
}

#[test]
fn children_grow_with_what_the_entry_fills() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (1, fill(0, 4), "1: sell 4 stop 90 reduce; 2: sell 4 limit 120 reduce"),
            (2, fill(0, 3), ""), // the venue has not answered yet
            (2, accept(1), "amend 1 to 7"),
            (2, accept(2), "amend 2 to 7"),
            (3, amended(1, 7), ""),
            (3, fill(0, 3), "amend 1 to 10"), // 2 has an amendment on its way
            (3, amended(2, 7), "amend 2 to 10"),
            (4, amended(1, 10), ""),
            (4, amended(2, 10), ""),
        ],
    );
}

#[test]
fn children_shrink_with_what_the_other_closed() {
    let mut bracket = bracket();
    check(
        &mut bracket,
        &[
            ENTER,
            WHOLE,
            (1, accept(1), ""),
            (1, accept(2), ""),
            (2, fill(2, 4), "amend 1 to 6"),
            (2, amended(1, 6), ""),
            // Sizes are all told: the target may trade 6 more, 10 in all.
            (3, fill(1, 2), "amend 2 to 8"),
            (3, amended(2, 8), ""),
            (4, fill(1, 4), "cancel 2"),
            (4, cancelled(2), "complete"),
        ],
    );
    assert_eq!(bracket.held(), Quantity(0));
}

#[test]
fn an_entry_that_ends_early_is_covered_as_far_as_it_got() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (1, fill(0, 4), "1: sell 4 stop 90 reduce; 2: sell 4 limit 120 reduce"),
            (1, accept(1), ""),
            (1, accept(2), ""),
            (9, ended(0, Ending::Expired), ""),
            (9, fill(1, 4), "cancel 2"),
            (9, cancelled(2), "6 left: expired"),
        ],
    );
    check(
        &mut bracket(),
        &[ENTER, (1, refused(0), "10 left: refused, the instrument does not trade now")],
    );
}

#[test]
fn an_exit_ends_the_entry_and_what_it_still_fills_is_closed_too() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (1, fill(0, 4), "1: sell 4 stop 90 reduce; 2: sell 4 limit 120 reduce"),
            (1, accept(1), ""),
            (1, accept(2), ""),
            (2, fill(1, 4), "cancel 0; cancel 2"),
            // Before the cancel is through, the entry fills on: a new stop, the market is there.
            (2, fill(0, 1), "3: sell 1 stop 90 reduce"),
            (2, cancelled(0), ""),
            (2, accept(3), ""),
            (2, cancelled(2), "4: sell 1 limit 120 reduce"),
            (3, fill(3, 1), "cancel 4"),
            (3, cancelled(4), "5 left: cancelled"),
        ],
    );
}

#[test]
fn where_orders_are_not_changed_more_of_them_cover() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (1, fill(0, 4), "1: sell 4 stop 90 reduce; 2: sell 4 limit 120 reduce"),
            (1, accept(1), ""),
            (1, accept(2), ""),
            (2, fill(0, 6), "amend 1 to 10; amend 2 to 10"),
            (2, unchanged(1), "3: sell 6 stop 90 reduce"),
            (2, unchanged(2), "4: sell 6 limit 120 reduce"),
            (2, accept(3), ""),
            (2, accept(4), ""),
            // 7 closed, 3 held: the stop of 6 can neither go whole nor shrink; reduce-only holds it.
            (3, fill(4, 6), "cancel 3"),
            (3, cancelled(3), ""),
            (3, fill(2, 4), "cancel 1"),
            (3, cancelled(1), "complete"),
        ],
    );
}

#[test]
fn a_change_that_a_trade_overtook_is_no_sign_that_orders_are_not_changed() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (1, fill(0, 4), "1: sell 4 stop 90 reduce; 2: sell 4 limit 120 reduce"),
            (1, accept(1), ""),
            (1, accept(2), ""),
            (2, fill(2, 2), "cancel 0; amend 1 to 2"),
            (2, fill(1, 2), "cancel 1; cancel 2"),
            (2, unchanged(1), ""), // 2 traded already, when it was to be made 2
            (2, cancelled(1), ""),
            (2, fill(0, 1), "3: sell 1 stop 90 reduce"),
            (2, accept(3), ""),
            (2, fill(0, 1), "amend 3 to 2"),
        ],
    );
}

#[test]
fn a_refused_stop_closes_what_it_should_cover() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (1, fill(0, 4), "1: sell 4 stop 90 reduce; 2: sell 4 limit 120 reduce"),
            (1, accept(2), ""),
            (1, refused(1), "cancel 0; 3: sell 4 market reduce; cancel 2"),
            (1, cancelled(2), ""),
            (1, cancelled(0), ""),
            (2, fill(3, 4), "6 left: cancelled"),
        ],
    );
}

#[test]
fn what_cannot_be_closed_is_said() {
    let mut bracket = bracket();
    check(
        &mut bracket,
        &[
            ENTER,
            WHOLE,
            (1, accept(2), ""),
            (1, refused(1), "3: sell 10 market reduce; cancel 2"),
            (1, refused(3), ""),
            (1, cancelled(2), "10 unprotected"),
        ],
    );
    assert_eq!(bracket.held(), Quantity(10));
}

#[test]
fn a_stop_that_its_owner_took_back_is_not_put_back() {
    check(
        &mut bracket(),
        &[
            ENTER,
            WHOLE,
            (1, accept(1), ""),
            (1, accept(2), ""),
            (2, cancelled(1), ""),
            (3, fill(2, 10), "complete"),
        ],
    );
}

#[test]
fn a_cancelled_bracket_enters_no_more_and_stays_covered() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (1, fill(0, 4), "1: sell 4 stop 90 reduce; 2: sell 4 limit 120 reduce"),
            (1, accept(1), ""),
            (1, accept(2), ""),
            (2, News::Cancel, "cancel 0"),
            (2, cancelled(0), ""),
            (3, fill(2, 4), "cancel 1"),
            (3, cancelled(1), "6 left: cancelled"),
        ],
    );
}

#[test]
fn a_cancel_that_comes_too_late_is_tried_no_more_than_three_times() {
    check(
        &mut bracket(),
        &[
            ENTER,
            (0, accept(0), ""),
            (1, News::Cancel, "cancel 0"),
            (1, unchanged(0), "cancel 0"),
            (1, unchanged(0), "cancel 0"),
            (1, unchanged(0), ""),
            (2, fill(0, 10), "1: sell 10 stop 90 reduce; 2: sell 10 limit 120 reduce"),
        ],
    );
}

#[test]
fn a_short_one_without_a_target() {
    let exits = Exits { stop: stop(110), target: None };
    let mut short = Bracket::new(sell(3), exits).expect("in order");
    check(
        &mut short,
        &[
            (0, START, "0: sell 3 market"),
            (1, fill(0, 3), "1: buy 3 stop 110 reduce"),
            (2, fill(1, 3), "complete"),
        ],
    );
}

#[test]
fn prices_on_the_wrong_side_are_refused() {
    let check = |entry: Ticket, stop, target, want: &str| {
        let made = Bracket::new(entry, Exits { stop, target });
        assert_eq!(made.err().map_or("ok".to_owned(), |e: PlanError| e.to_string()), want);
    };
    let long = buy(1).of(limit(100));
    check(long, stop(99), Some(limit(101)), "ok");
    check(long, stop(100), None, "the stop at 100 lies on the wrong side of 100");
    check(long, stop(99), Some(limit(100)), "the target at 100 lies on the wrong side of 100");
    check(buy(1), stop(99), Some(limit(98)), "the stop at 99 lies on the wrong side of 98");
    let short = sell(1).of(limit(100));
    check(short, stop(101), Some(limit(99)), "ok");
    check(short, stop(99), None, "the stop at 99 lies on the wrong side of 100");
    check(long, limit(90), None, "a stop cannot be a limit order");
    check(long, stop(90), Some(OrderKind::Market), "a target cannot be a market order");
    check(buy(0), stop(90), None, "a plan of 0 lots: give it a size");
    let closing = buy(1).restricted(Restrictions::REDUCE_ONLY);
    check(
        closing,
        stop(90),
        None,
        "a reduce-only order cannot enter: leave the restriction out, or the children",
    );
}
