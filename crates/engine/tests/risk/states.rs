//! States: what puts the gate into one, for how long, and what passes then.

use super::*;
use engine::order::{Amount, Breach, Limit, Restrictions};
use engine::risk::{
    Author, Cause, Command, DailyLoss, Day, Drawdown, Restraint, Scope, State, Threshold,
};

fn told(gate: &mut Gate, now: i64, command: &Command) -> Vec<String> {
    let mut out = Vec::new();
    gate.command(at(now), command, &mut out);
    short(&out)
}

fn worth(gate: &mut Gate, now: i64, equity: i64) -> Vec<String> {
    let mut out = Vec::new();
    gate.on_equity(at(now), whole(equity), &mut out);
    short(&out)
}

fn hold(by: Author, then: Restraint, until: Option<i64>) -> Command {
    Command::Hold { by, then, until: until.map(at) }
}

#[test]
fn each_state_lets_exits_through_and_only_normal_lets_anything_grow() {
    let check = |then: Option<Restraint>, held, ticket: Ticket, want: &str| {
        let mut gate = gate(Limits::default());
        if let Some(then) = then {
            told(&mut gate, 0, &hold(Author::Person, then, None));
        }
        assert_eq!(says(&mut gate, &ticket, &Facts { held, ..facts(0) }), want);
    };
    let flagged = |ticket: Ticket| ticket.restricted(Restrictions::REDUCE_ONLY);
    check(None, 0, buy(5), "ok");
    for (then, want) in
        [(Restraint::ReduceOnly, "state: reduce_only"), (Restraint::Halt, "state: halted")]
    {
        check(Some(then), 5, sell(5), "ok");
        check(Some(then), -5, buy(5), "ok");
        check(Some(then), 5, flagged(sell(9)), "ok"); // the venue cuts it
        check(Some(then), 5, sell(6), &format!("cut to 5 ({want})"));
        check(Some(then), 0, buy(5), want);
        check(Some(then), 5, buy(1), want);
        check(Some(then), -5, sell(1), want);
        check(Some(then), 0, flagged(sell(5)), want); // nothing to reduce: no exit
        check(Some(then), 5, flagged(buy(5)), want);
        let smuggled = Ticket { purpose: engine::order::Purpose::StopLoss, ..buy(5) };
        check(Some(then), 5, smuggled, want); // its name does not help
    }
}

#[test]
fn a_command_holds_until_its_time_or_its_release() {
    let mut gate = gate(Limits::default());
    let (person, program) = (Author::Person, Author::Program);
    let by_person = Cause::Command(person);
    assert_eq!(
        told(&mut gate, 10, &hold(person, Restraint::ReduceOnly, Some(60))),
        ["normal -> reduce_only by person until 60"]
    );
    assert_eq!(gate.deadline(), Some(at(60)));
    assert_eq!(
        told(&mut gate, 20, &hold(program, Restraint::Halt, None)),
        ["reduce_only -> halted by program"]
    );
    // A person's release does not lift what the program holds.
    assert_eq!(
        told(&mut gate, 30, &Command::Release { cause: by_person }),
        ["halted -> halted by person"]
    );
    assert_eq!((gate.state(at(30)), gate.deadline()), (State::Halted, None));
    assert_eq!(
        told(&mut gate, 40, &Command::Release { cause: Cause::Command(program) }),
        ["halted -> normal by program"]
    );
    let nothing: [&str; 0] = [];
    assert_eq!(told(&mut gate, 41, &Command::Release { cause: by_person }), nothing);
}

#[test]
fn a_hold_is_over_at_its_end_even_if_nobody_looked() {
    let mut gate = gate(Limits::default());
    told(&mut gate, 0, &hold(Author::Person, Restraint::Halt, Some(60)));
    told(&mut gate, 0, &hold(Author::Program, Restraint::ReduceOnly, Some(90)));
    let mut check = |now, state, want: &str| {
        assert_eq!(gate.state(at(now)), state);
        assert_eq!(says(&mut gate, &buy(1), &facts(now)), want);
    };
    check(59, State::Halted, "state: halted");
    check(60, State::ReduceOnly, "state: reduce_only");
    check(90, State::Normal, "ok");
    let mut out = Vec::new();
    gate.on_time(at(95), &mut out);
    assert_eq!(
        short(&out),
        ["halted -> reduce_only by person", "reduce_only -> normal by program"]
    );
    assert_eq!(gate.deadline(), None);
}

#[test]
fn a_drawdown_trips_beyond_its_bound_and_stays() {
    let check = |low, want: &[&str]| {
        let drawdown = Some(Drawdown { fall: rate("0.2"), then: Restraint::Halt });
        let mut gate = gate(Limits { drawdown, ..Limits::default() });
        assert!(gate.needs_equity());
        worth(&mut gate, 0, 900);
        worth(&mut gate, 1, 1_000);
        assert_eq!(worth(&mut gate, 2, low), want);
        gate
    };
    check(801, &[]);
    check(800, &[]);
    let mut gate = check(799, &["normal -> halted by drawdown"]);
    let want = "drawdown: 0.201, the limit is 0.2";
    assert_eq!(says(&mut gate, &buy(1), &facts(3)), want);
    assert_eq!(says(&mut gate, &sell(5), &Facts { held: 5, ..facts(3) }), "ok");
    let nothing: [&str; 0] = [];
    assert_eq!(worth(&mut gate, 3, 700), nothing, "it has tripped already");
    assert_eq!(worth(&mut gate, 4, 2_000), nothing, "a recovery does not lift it");
    assert_eq!(worth(&mut gate, 5, 1_000), nothing);
    let release = Command::Release { cause: Cause::Drawdown };
    assert_eq!(told(&mut gate, 6, &release), ["halted -> normal by drawdown"]);
    // The peak is 1,000 from here on.
    assert_eq!(worth(&mut gate, 7, 800), nothing);
    assert_eq!(worth(&mut gate, 8, 799), ["normal -> halted by drawdown"]);
}

#[test]
fn a_daily_loss_ends_with_the_day() {
    const DAY: i64 = 86_400;
    let daily = |loss, then| {
        let daily_loss = Some(DailyLoss { loss, day: Day::UTC, then });
        gate(Limits { daily_loss, ..Limits::default() })
    };
    let nothing: [&str; 0] = [];
    let mut gate = daily(Threshold::Money(whole(50)), Restraint::ReduceOnly);
    worth(&mut gate, 0, 1_000);
    worth(&mut gate, 10, 1_100);
    assert_eq!(worth(&mut gate, 20, 950), nothing, "since the day began, not since its peak");
    let tripped = ["normal -> reduce_only by daily_loss until 86400"];
    assert_eq!(worth(&mut gate, 30, 949), tripped);
    let want = "daily_loss: 51.00, the limit is 50.00";
    assert_eq!(says(&mut gate, &buy(1), &facts(40)), want);
    assert_eq!(gate.deadline(), Some(at(DAY)));
    // The day begins with the last figure before it, 949: a gap over night belongs to it.
    assert_eq!(says(&mut gate, &buy(1), &facts(DAY)), "ok");
    let lifted = "reduce_only -> normal by daily_loss";
    let again = "normal -> reduce_only by daily_loss until 172800";
    assert_eq!(worth(&mut gate, DAY + 5, 898), [lifted, again]);
    // A person may give the day a second chance: it begins again at 898.
    let release = Command::Release { cause: Cause::DailyLoss };
    assert_eq!(told(&mut gate, DAY + 6, &release), [lifted]);
    assert_eq!(worth(&mut gate, DAY + 7, 848), nothing);
    assert_eq!(worth(&mut gate, DAY + 8, 847), [again]);

    let mut gate = daily(Threshold::Fraction(rate("0.03")), Restraint::Halt);
    worth(&mut gate, 0, 1_000);
    assert_eq!(worth(&mut gate, 1, 970), nothing);
    assert_eq!(worth(&mut gate, 2, 969), ["normal -> halted by daily_loss until 86400"]);
    assert_eq!(says(&mut gate, &buy(1), &facts(3)), "daily_loss: 0.031, the limit is 0.03");
}

#[test]
fn the_strictest_of_several_holds() {
    let drawdown = Some(Drawdown { fall: rate("0.1"), then: Restraint::ReduceOnly });
    let loss = Threshold::Money(whole(150));
    let daily_loss = Some(DailyLoss { loss, day: Day::UTC, then: Restraint::Halt });
    let mut gate = gate(Limits { drawdown, daily_loss, ..Limits::default() });
    worth(&mut gate, 0, 1_000);
    assert_eq!(
        worth(&mut gate, 1, 800),
        ["normal -> reduce_only by drawdown", "reduce_only -> halted by daily_loss until 86400"]
    );
    assert_eq!(gate.state(at(2)), State::Halted);
    assert_eq!(gate.state(at(86_400)), State::ReduceOnly, "the day is over, the drawdown is not");
}

#[test]
fn a_lock_stops_what_grows_on_its_side_until_its_end() {
    let mut gate = gate(Limits::default());
    let lock = |scope, side, until: Option<i64>| Command::Lock {
        scope,
        side,
        until: until.map(at),
        reason: "earnings".to_owned(),
    };
    assert_eq!(
        told(&mut gate, 0, &lock(Scope::Instrument(X), Some(Side::Buy), Some(60))),
        ["lock on Instrument(InstrumentId(0)) buy until 60: earnings"]
    );
    let check = |gate: &mut Gate, now, held, ticket: Ticket, want: &str| {
        assert_eq!(says(gate, &ticket, &Facts { held, ..facts(now) }), want);
    };
    let until_60 = "lock: locked until 1970-01-01T00:01:00Z";
    check(&mut gate, 59, 0, buy(1), until_60);
    check(&mut gate, 59, -5, buy(5), "ok"); // closes a short
    check(&mut gate, 59, 0, sell(1), "ok");
    check(&mut gate, 59, 0, Ticket { instrument: Y, ..buy(1) }, "ok");
    check(&mut gate, 60, 0, buy(1), "ok");
    told(&mut gate, 61, &lock(Scope::All, None, None));
    check(&mut gate, 99, 0, Ticket { instrument: Y, ..sell(1) }, "lock: locked until it is lifted");
    told(&mut gate, 100, &Command::Unlock { scope: Scope::Instrument(Y) });
    check(&mut gate, 100, 0, buy(1), "lock: locked until it is lifted");
    told(&mut gate, 101, &Command::Unlock { scope: Scope::All });
    check(&mut gate, 101, 0, buy(1), "ok");
}

#[test]
fn a_reason_is_kept_to_its_limit() {
    let mut gate = gate(Limits::default());
    let (scope, reason) = (Scope::All, "é".repeat(300));
    told(&mut gate, 0, &Command::Lock { scope, side: None, until: None, reason });
    let kept: Vec<usize> = gate.locks(at(0)).map(|lock| lock.reason.chars().count()).collect();
    assert_eq!(kept, [200]);
}

#[test]
fn the_inspector_sees_what_is_remembered() {
    let drawdown = Some(Drawdown { fall: rate("0.1"), then: Restraint::Halt });
    let duplicate = Some(secs(5));
    let mut gate = gate(Limits { drawdown, duplicate, ..Limits::default() });
    worth(&mut gate, 0, 1_000);
    assert_eq!(says(&mut gate, &buy(1), &facts(0)), "ok");
    worth(&mut gate, 1, 500);
    told(&mut gate, 1, &hold(Author::Person, Restraint::ReduceOnly, Some(60)));
    let view: Vec<String> =
        gate.view(at(2)).iter().map(|(name, it)| format!("{name} {it}")).collect();
    assert_eq!(
        view,
        [
            "state halted",
            "hold.drawdown unknown",
            "hold.person 1970-01-01T00:01:00Z",
            "duplicate 1",
            "equity 500.00",
            "equity.peak 1000.00",
        ]
    );
}

#[test]
fn a_breach_says_limit_value_and_bound() {
    let mut gate = gate(Limits { working_orders: Some(1), ..Limits::default() });
    let refused = gate.check(&buy(1), &Facts { working: 1, ..facts(0) });
    let (value, bound) = (Amount::Count(2), Amount::Count(1));
    assert_eq!(refused, Err(Breach { limit: Limit::WorkingOrders, value, bound }));
}

#[test]
fn the_same_events_give_the_same_gate() {
    let run = || {
        let drawdown = Some(Drawdown { fall: rate("0.1"), then: Restraint::Halt });
        let mut gate = gate(Limits { drawdown, duplicate: Some(secs(3)), ..Limits::default() });
        for now in 0..50 {
            worth(&mut gate, now, 1_000 - now * 3);
            says(&mut gate, &buy(u64::try_from(now % 7).expect("small") + 1), &facts(now));
        }
        gate
    };
    assert_eq!(run(), run());
}
