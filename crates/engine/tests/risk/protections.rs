//! Protections over time.

use super::*;
use engine::order::Purpose;
use engine::risk::{Protection, Reach, RoundTrip, Sides, Threshold, TripEnd};
use portfolio::Direction;

fn guarded(protections: &[Protection]) -> Gate {
    gate(Limits { protections: protections.to_vec(), ..Limits::default() })
}

fn trip(instrument: InstrumentId, direction: Direction, profit: i64, exit: Purpose) -> RoundTrip {
    RoundTrip { instrument, direction, profit: whole(profit), entered: whole(100), exit }
}

fn ended(gate: &mut Gate, now: i64, trip: &RoundTrip) -> Vec<String> {
    let mut out = Vec::new();
    gate.on_round_trip(at(now), trip, &mut out);
    short(&out)
}

const NOTHING: [&str; 0] = [];

#[test]
fn so_many_stop_losses_in_a_span_lock_the_instrument() {
    let mut gate = guarded(&[Protection::StopLossGuard {
        losses: 2,
        span: secs(100),
        rest: secs(60),
        reach: Reach::Instrument,
        sides: Sides::Together,
    }]);
    let stopped = |id| trip(id, Direction::Long, -5, Purpose::StopLoss);
    assert_eq!(ended(&mut gate, 0, &stopped(X)), NOTHING);
    assert_eq!(ended(&mut gate, 10, &stopped(Y)), NOTHING, "each instrument counts for itself");
    let won = trip(X, Direction::Long, 5, Purpose::StopLoss);
    assert_eq!(ended(&mut gate, 20, &won), NOTHING, "a stop that won is no stop loss");
    let left = trip(X, Direction::Long, -5, Purpose::Exit);
    assert_eq!(ended(&mut gate, 30, &left), NOTHING, "a loss without a stop is none either");
    assert_eq!(ended(&mut gate, 100, &stopped(X)), NOTHING, "0 is 100 s ago: out of the span");
    assert_eq!(
        ended(&mut gate, 199, &trip(X, Direction::Short, -1, Purpose::Liquidation)),
        ["stop_loss_guard on Instrument(InstrumentId(0)) until 259: 2 stop losses within 1m 40s"]
    );
    let mut check = |now, ticket: Ticket, want: &str| {
        assert_eq!(says(&mut gate, &ticket, &facts(now)), want);
    };
    check(258, buy(1), "stop_loss_guard: locked until 1970-01-01T00:04:19Z");
    check(258, sell(1), "stop_loss_guard: locked until 1970-01-01T00:04:19Z");
    check(258, Ticket { instrument: Y, ..buy(1) }, "ok");
    check(259, buy(1), "ok");
}

#[test]
fn stop_losses_of_all_lock_all_and_of_one_side_lock_that_side() {
    let guard = |reach, sides| Protection::StopLossGuard {
        losses: 2,
        span: secs(100),
        rest: secs(60),
        reach,
        sides,
    };
    let stopped = |id, direction| trip(id, direction, -5, Purpose::StopLoss);
    let mut gate = guarded(&[guard(Reach::All, Sides::Together)]);
    ended(&mut gate, 0, &stopped(X, Direction::Long));
    ended(&mut gate, 1, &stopped(Y, Direction::Short));
    let other = Ticket { instrument: InstrumentId(7), ..buy(1) };
    assert_eq!(
        says(&mut gate, &other, &facts(2)),
        "stop_loss_guard: locked until 1970-01-01T00:01:01Z"
    );

    let mut gate = guarded(&[guard(Reach::All, Sides::Apart)]);
    ended(&mut gate, 0, &stopped(X, Direction::Long));
    assert_eq!(ended(&mut gate, 1, &stopped(X, Direction::Short)), NOTHING);
    assert_eq!(
        ended(&mut gate, 2, &stopped(Y, Direction::Short)),
        ["stop_loss_guard on All sell until 62: 2 stop losses within 1m 40s"]
    );
    assert_eq!(says(&mut gate, &buy(1), &facts(3)), "ok");
    let want = "stop_loss_guard: locked until 1970-01-01T00:01:02Z";
    assert_eq!(says(&mut gate, &sell(1), &facts(3)), want);
    assert_eq!(says(&mut gate, &sell(1), &Facts { held: 1, ..facts(3) }), "ok");
}

#[test]
fn rest_after_a_win_and_after_a_loss_are_two_things() {
    let rest = |after, seconds, reach| Protection::CoolDown { after, rest: secs(seconds), reach };
    let mut gate = guarded(&[
        rest(TripEnd::Win, 10, Reach::Instrument),
        rest(TripEnd::Loss, 30, Reach::Instrument),
        rest(TripEnd::Loss, 20, Reach::All),
    ]);
    let exit = |profit| trip(X, Direction::Long, profit, Purpose::Exit);
    assert_eq!(
        ended(&mut gate, 0, &exit(1)),
        ["cool_down on Instrument(InstrumentId(0)) until 10: a rest after a win"]
    );
    assert_eq!(says(&mut gate, &buy(1), &facts(9)), "cool_down: locked until 1970-01-01T00:00:10Z");
    assert_eq!(says(&mut gate, &buy(1), &facts(10)), "ok");
    // Nothing earned is no win.
    assert_eq!(
        ended(&mut gate, 100, &exit(0)),
        [
            "cool_down on Instrument(InstrumentId(0)) until 130: a rest after a loss",
            "cool_down on All until 120: a rest after a loss",
        ]
    );
    let other = Ticket { instrument: Y, ..buy(1) };
    let mut check = |now, ticket: &Ticket, want: &str| {
        assert_eq!(says(&mut gate, ticket, &facts(now)), want);
    };
    check(119, &buy(1), "cool_down: locked until 1970-01-01T00:02:10Z"); // the longer one
    check(119, &other, "cool_down: locked until 1970-01-01T00:02:00Z");
    check(120, &other, "ok");
    check(129, &buy(1), "cool_down: locked until 1970-01-01T00:02:10Z");
    check(130, &buy(1), "ok");
    // A win at 105 would end at 115: it does not shorten what is there.
    assert_eq!(ended(&mut gate, 105, &exit(3)), NOTHING);
}

#[test]
fn trips_that_earn_too_little_together_lock_their_instrument() {
    let low = |least| Protection::LowProfit { trips: 3, span: secs(100), least, rest: secs(50) };
    let check = |least, last: i64, want: &[&str]| {
        let mut gate = guarded(&[low(least)]);
        let exit = |id, profit| trip(id, Direction::Long, profit, Purpose::Exit);
        ended(&mut gate, 0, &exit(X, 6));
        ended(&mut gate, 1, &exit(Y, -500));
        ended(&mut gate, 2, &exit(X, -2));
        assert_eq!(ended(&mut gate, 99, &exit(X, last)), want);
    };
    let money = |least| Threshold::Money(whole(least));
    check(money(5), 2, &[]); // 6 − 2 + 2
    check(money(5), 1, &[]);
    check(money(5), 0, &[&low_lock("4.00")]);
    check(money(0), -4, &[]);
    check(money(0), -5, &[&low_lock("-1.00")]);
    // Of 300 entered: 6 are 0.02.
    check(Threshold::Fraction(rate("0.02")), 2, &[]);
    check(Threshold::Fraction(rate("0.02")), -1, &[&low_lock("0.01")]);
}

fn low_lock(earned: &str) -> String {
    format!(
        "low_profit on Instrument(InstrumentId(0)) until 149: 3 round trips within 1m 40s earned {earned}"
    )
}

#[test]
fn trips_that_lie_too_far_apart_say_nothing() {
    let least = Threshold::Money(whole(0));
    let mut gate =
        guarded(&[Protection::LowProfit { trips: 2, span: secs(100), least, rest: secs(50) }]);
    let lost = trip(X, Direction::Long, -1, Purpose::Exit);
    assert_eq!(ended(&mut gate, 0, &lost), NOTHING);
    assert_eq!(ended(&mut gate, 100, &lost), NOTHING);
    assert_eq!(ended(&mut gate, 199, &lost).len(), 1);
}

#[test]
fn a_fall_within_a_window_locks_all_once() {
    // The window moves in 64ths: 10 s each.
    let mut gate =
        guarded(&[Protection::Drawdown { fall: rate("0.1"), span: secs(640), rest: secs(60) }]);
    assert!(gate.needs_equity());
    let mut worth = |now, equity| {
        let mut out = Vec::new();
        gate.on_equity(at(now), whole(equity), &mut out);
        short(&out)
    };
    assert_eq!(worth(0, 1_000), NOTHING);
    assert_eq!(worth(300, 900), NOTHING, "exactly a tenth");
    assert_eq!(worth(640, 899), ["drawdown on All until 700: equity fell by 0.101 within 10m 40s"]);
    assert_eq!(worth(641, 880), NOTHING, "it starts anew at 899");
    assert_eq!(
        worth(642, 809),
        ["drawdown on All until 702: equity fell by 0.100111234705 within 10m 40s"]
    );
    assert_eq!(worth(643, 1_000), NOTHING);
    assert_eq!(worth(643 + 660, 850), NOTHING, "the peak of 1,000 has left the window");
    assert_eq!(
        says(&mut gate, &buy(1), &facts(643)),
        "drawdown: locked until 1970-01-01T00:11:42Z"
    );
    assert_eq!(says(&mut gate, &buy(1), &facts(702)), "ok");
}
