//! `next_open` and `same_close`, case by case. A bar reads open, high, low, close, volume.

use crate::scene::check;
use engine::exchange::{Impact, Model, Passed, Slippage, Terms};
use market::Rate;

fn terms() -> Terms {
    Terms::of(Model::NextOpen)
}

#[track_caller]
fn case(script: &str, want: &str) {
    check(&terms(), script, want);
}

#[test]
fn market_orders_fill_at_the_next_open() {
    case("buy 10; bar 100 105 94 101", "1 rests; 1 took 10@100");
    case("sell 10; bar 100 105 94 101", "1 rests; 1 took 10@100");
    // The open comes once: what is sent between open and path waits for the next bar.
    case("open 100 105 94 101; buy 10; path; close; bar 103 104 99 100", "1 rests; 1 took 10@103");
    case("buy 10 ioc; bar 100 105 94 101", "1 rests; 1 took 10@100");
    case("buy 10 fok; bar 100 105 94 101", "1 rests; 1 took 10@100");
    case("buy 10 gtd 5; pass 6", "1 rests; 1 expired 10");
    // Good till 0 takes part in the open at 0, but not in a path that ends at 10.
    case("buy 10 gtd 0; bar 100 105 94 101", "1 rests; 1 took 10@100");
    case("buy 10 limit 95 gtd 0; bar 100 105 90 101", "1 rests; 1 expired 10");
    case("buy 10 limit 95 gtd 10; bar 100 105 90 101", "1 rests; 1 made 10@95");
    // A name without a bar keeps its order.
    case("buy 10; pass 1000; bar 100 105 94 101", "1 rests; 1 took 10@100");
}

#[test]
fn limits_fill_at_a_better_open_or_strictly_through() {
    case("buy 10 limit 95; bar 100 105 94 101", "1 rests; 1 made 10@95");
    case("buy 10 limit 95; bar 100 105 95 101", "1 rests"); // the low is the limit: not through
    case("buy 10 limit 95; bar 95 96 95 96", "1 rests; 1 took 10@95"); // the open is at the limit
    case("buy 10 limit 95; bar 92 96 91 96", "1 rests; 1 took 10@92"); // better than the limit
    case("sell 10 limit 105; bar 100 106 94 101", "1 rests; 1 made 10@105");
    case("sell 10 limit 105; bar 100 105 94 101", "1 rests");
    case("sell 10 limit 105; bar 108 109 107 108", "1 rests; 1 took 10@108");
    // What may not rest meets the open only.
    case("buy 10 limit 95 ioc; bar 100 105 94 101", "1 rests; 1 expired 10");
    case("buy 10 limit 95 ioc; bar 94 105 94 101", "1 rests; 1 took 10@94");
    case("buy 10 limit 95 fok; bar 100 105 94 101", "1 rests; 1 refused 10: 0 of 10");
    case("buy 10 limit 95 fok; bar 94 105 94 101", "1 rests; 1 took 10@94");
    // Sent after the open: at its limit, but at no price that the bar did not have.
    case("open 100 102 94 101; buy 10 limit 95; path", "1 rests; 1 made 10@95");
    case("open 100 102 94 101; buy 10 limit 109; path", "1 rests; 1 took 10@102");
    case(
        "open 100 102 94 101; buy 10 limit 109 ioc; path; close; bar 99 100 98 99",
        "1 rests; 1 took 10@99",
    );
}

#[test]
fn post_only_is_refused_at_its_first_open_and_makes_afterwards() {
    case("buy 10 limit 95 post; bar 94 96 93 95", "1 rests; 1 refused 10: would take 95 at 94");
    case("buy 10 limit 95 post; bar 95 96 93 95", "1 rests; 1 refused 10: would take 95 at 95");
    case("buy 10 limit 95 post; bar 96 97 94 95", "1 rests; 1 made 10@95");
    // It rested through a bar: a gap fills it at its own price.
    case("buy 10 limit 95 post; bar 98 99 96 97; bar 92 93 91 92", "1 rests; 1 made 10@95");
    case("buy 10 limit 95 post; bar 98 99 96 97; bar 95 95 95 95", "1 rests");
    case(
        "open 94 99 90 95; buy 10 limit 95 post; path",
        "1 rests; 1 refused 10: would take 95 at 94",
    );
}

#[test]
fn stops_fill_at_their_trigger_or_at_a_worse_open() {
    let held = "hold 10@100; ";
    let case = |script: &str, want: &str| case(&format!("{held}{script}"), want);
    case("sell 10 stop 95; bar 100 105 95 101", "1 rests; 1 wakes; 1 took 10@95");
    case("sell 10 stop 95; bar 100 105 96 101", "1 rests");
    case("sell 10 stop 95; bar 90 91 89 90", "1 rests; 1 wakes; 1 took 10@90"); // a gap
    case("buy 10 stop 105; bar 100 105 95 101", "1 rests; 1 wakes; 1 took 10@105");
    case("buy 10 stop 105; bar 110 111 109 110", "1 rests; 1 wakes; 1 took 10@110");
    // It wakes at any time, and then may not rest.
    case(
        "sell 10 stop 95 ioc; bar 100 105 96 101; bar 96 97 94 95",
        "1 rests; 1 wakes; 1 took 10@95",
    );
    case("sell 10 stop 95 reduce; bar 100 105 94 101", "1 rests; 1 wakes; 1 took 10@95");
    case(
        "sell 15 stop 95 reduce; bar 100 105 94 101",
        "1 rests; 1 wakes; 1 took 10@95; 1 refused 5: nothing to close",
    );
}

#[test]
fn a_stop_limit_fills_at_its_trigger_or_where_the_close_proves_it() {
    // Limit beyond the trigger: it takes at 105.
    case("buy 10 stop 105 limit 107; bar 100 106 95 101", "1 rests; 1 wakes; 1 took 10@105");
    // A gap beyond the limit: it wakes, and rests at 107; the low of 108 does not reach it.
    case(
        "buy 10 stop 105 limit 107; bar 110 111 108 110; bar 109 110 106 109",
        "1 rests; 1 wakes; 1 made 10@107",
    );
    // The open is within both: it takes the open.
    case("buy 10 stop 105 limit 107; bar 106 111 105 110", "1 rests; 1 wakes; 1 took 10@106");
    // Awake since the open, the bar comes back through 107.
    case("buy 10 stop 105 limit 107; bar 110 111 106 110", "1 rests; 1 wakes; 1 made 10@107");
    // Limit on this side of the trigger: it rests from 105 on, and the close at 101 is beyond 103, so
    // the market came back. That the bar opened at 100 was before it woke.
    case("buy 10 stop 105 limit 103; bar 100 106 95 101", "1 rests; 1 wakes; 1 made 10@103");
    case("sell 1 stop 98 limit 99 post; bar 99 100 98 100", "1 rests; 1 wakes; 1 made 1@99");
    case("buy 10 stop 105 limit 103 ioc; bar 100 106 95 101", "1 rests; 1 wakes; 1 expired 10");
    // The low of 95 may have come before the trigger; the close of 104 proves nothing.
    case("buy 10 stop 105 limit 103; bar 100 106 95 104", "1 rests; 1 wakes");
    case(
        "buy 10 stop 105 limit 103; bar 100 106 95 104; bar 104 105 102 104",
        "1 rests; 1 wakes; 1 made 10@103",
    );
    case("sell 10 stop 95 limit 93; bar 100 101 94 99", "1 rests; 1 wakes; 1 took 10@95");
    case("buy 10 stop 105 limit 103 ioc; bar 100 106 95 104", "1 rests; 1 wakes; 1 expired 10");
    case(
        "buy 10 stop 105 limit 103 fok; bar 100 106 95 104",
        "1 rests; 1 wakes; 1 refused 10: 0 of 10",
    );
    case(
        "buy 10 stop 105 limit 107 post; bar 100 106 95 101",
        "1 rests; 1 wakes; 1 refused 10: would take 107 at 105",
    );
}

#[test]
fn touched_orders_wake_on_the_better_side() {
    case("buy 10 touched 95; bar 100 105 95 101", "1 rests; 1 wakes; 1 took 10@95");
    case("buy 10 touched 95; bar 100 105 96 101", "1 rests");
    case("buy 10 touched 95; bar 93 94 92 93", "1 rests; 1 wakes; 1 took 10@93");
    case("sell 10 touched 105; bar 100 106 94 101", "1 rests; 1 wakes; 1 took 10@105");
    // Limit 96 is worse than the trigger of 95: it takes at the trigger.
    case("buy 10 touched 95 limit 96; bar 100 105 94 101", "1 rests; 1 wakes; 1 took 10@95");
    // Limit 93 is better: on its way from 100 to 92 the market passes 95 first.
    case("buy 10 touched 95 limit 93; bar 100 105 92 101", "1 rests; 1 wakes; 1 made 10@93");
    case("buy 10 touched 95 limit 93; bar 100 105 93 101", "1 rests; 1 wakes");
    case("buy 10 touched 95 limit 93 ioc; bar 100 105 93 101", "1 rests; 1 wakes; 1 expired 10");
}

#[test]
fn a_trail_moves_by_completed_bars() {
    let long = "hold 10@100; mark 100; ";
    let case = |script: &str, want: &str| case(&format!("{long}{script}"), want);
    // It starts at 100 - 5 = 95. The high of 110 counts from the next bar on: 105.
    case(
        "sell 10 trail 5; bar 100 110 96 108; bar 107 108 105 106",
        "1 rests; 1 wakes; 1 took 10@105",
    );
    case("sell 10 trail 5; bar 100 110 94 108", "1 rests; 1 wakes; 1 took 10@95");
    case(
        "sell 10 trail 5; bar 100 110 96 108; bar 103 108 102 106",
        "1 rests; 1 wakes; 1 took 10@103",
    ); // a gap below 105
    // Never back: the high of 104 leaves it at 105.
    case(
        "sell 10 trail 5; bar 108 110 106 107; bar 107 107 106 106; bar 106 107 105 106",
        "1 rests; 1 wakes; 1 took 10@105",
    );
    // 5 % of 110 is 5.5, rounded away: 104.
    case(
        "sell 10 trail 5%; bar 100 110 96 108; bar 107 108 105 106; bar 106 106 104 105",
        "1 rests; 1 wakes; 1 took 10@104",
    );
    // It follows from 105 on only; before, nothing wakes it.
    case("sell 10 trail 5 from 105; bar 100 104 90 100", "1 rests");
    case(
        "sell 10 trail 5 from 105; bar 100 106 96 100; bar 102 103 101 101",
        "1 rests; 1 wakes; 1 took 10@101",
    ); // 106 - 5
    // Sent after the path: only the close is after it, so 108 - 5 = 103.
    case(
        "open 100 110 96 108; path; sell 10 trail 5; close; bar 107 108 103 106",
        "1 rests; 1 wakes; 1 took 10@103",
    );
    check(
        &terms(),
        "mark 100; buy 10 trail 5; bar 100 104 90 93; bar 94 95 92 95",
        "1 rests; 1 wakes; 1 took 10@95",
    ); // 90 + 5
}

#[test]
fn of_a_stop_and_a_limit_in_one_bar_the_stop_fills() {
    case(
        "hold 10@100; sell 10 limit 105 reduce group 1; sell 10 stop 95 reduce group 1; bar 100 106 94 105",
        "1 rests; 2 rests; 2 wakes; 2 took 10@95; 1 cancelled 10",
    );
    // Without a group the limit has nothing left to close.
    case(
        "hold 10@100; sell 10 limit 105 reduce; sell 10 stop 95 reduce; bar 100 106 94 105",
        "1 rests; 2 rests; 2 wakes; 2 took 10@95; 1 refused 10: nothing to close",
    );
    // An open beyond the limit comes before the path.
    case(
        "hold 10@100; sell 10 limit 105 reduce group 1; sell 10 stop 95 reduce group 1; bar 107 108 94 105",
        "1 rests; 2 rests; 1 took 10@107; 2 cancelled 10",
    );
    case(
        "hold -10@100; buy 10 limit 95 reduce group 1; buy 10 stop 105 reduce group 1; bar 100 106 94 95",
        "1 rests; 2 rests; 2 wakes; 2 took 10@105; 1 cancelled 10",
    );
}

#[test]
fn children_of_a_fill_can_be_hit_in_the_same_bar() {
    // Entered at the open: the path after it counts, the stop before the limit.
    case(
        "buy 10; open 100 106 94 105; sell 10 stop 95 reduce group 1; sell 10 limit 105 reduce group 1; path",
        "1 rests; 1 took 10@100; 2 rests; 3 rests; 2 wakes; 2 took 10@95; 3 cancelled 10",
    );
    case(
        "buy 10; open 100 106 97 105; sell 10 stop 95 reduce group 1; sell 10 limit 105 reduce group 1; path",
        "1 rests; 1 took 10@100; 2 rests; 3 rests; 3 made 10@105; 2 cancelled 10",
    );
    // Entered on the way: the low of 92 came after the entry at 95, the high of 106 perhaps before.
    case(
        "buy 10 limit 95; open 100 106 92 100; path; sell 10 stop 93 reduce; sell 10 limit 105 reduce; path",
        "1 rests; 1 made 10@95; 2 rests; 3 rests; 2 wakes; 2 took 10@93",
    );
    case(
        "buy 10 limit 95; open 100 106 94 100; path; sell 10 stop 93 reduce; sell 10 limit 105 reduce; path",
        "1 rests; 1 made 10@95; 2 rests; 3 rests",
    );
    // A path is walked once: a second look changes nothing for those that saw it.
    case("buy 10 limit 95; open 100 106 95 100; path; path; path", "1 rests");
    // Sent before its entry, and a gap through both: the stop waits for the position.
    case(
        "sell 10 stop 93 reduce; buy 10 limit 95; bar 92 94 91 93",
        "1 rests; 2 rests; 2 took 10@92; 1 wakes; 1 took 10@92",
    );
    // Nothing to close by the end of the path: refused.
    case(
        "sell 10 stop 93 reduce; bar 100 101 92 95",
        "1 rests; 1 wakes; 1 refused 10: nothing to close",
    );
    // A stop sent along with the entry waits for the position, then counts.
    case(
        "buy 10 limit 95; sell 10 stop 93 reduce; bar 100 106 92 100",
        "1 rests; 2 rests; 1 made 10@95; 2 wakes; 2 took 10@93",
    );
    case(
        "buy 10 limit 95; sell 10 stop 93 reduce; bar 100 106 94 100; bar 95 96 93 94",
        "1 rests; 2 rests; 1 made 10@95; 2 wakes; 2 took 10@93",
    );
}

#[test]
fn a_share_of_the_volume_is_all_that_a_bar_gives() {
    let terms = Terms { participation: Some(Rate::parse("0.1").unwrap()), ..terms() };
    let case = |script: &str, want: &str| check(&terms, script, want);
    // 10 % of 60, 30 and 200.
    case(
        "buy 10; bar 100 105 94 101 60; bar 102 105 94 101 30; bar 103 105 94 101 200",
        "1 rests; 1 took 6@100; 1 took 3@102; 1 took 1@103",
    );
    case("buy 10 ioc; bar 100 105 94 101 60", "1 rests; 1 took 6@100; 1 expired 4");
    case("buy 10 fok; bar 100 105 94 101 60", "1 rests; 1 refused 10: 6 of 10");
    // By arrival, over open and path together.
    case(
        "buy 4; buy 4; buy 4 limit 95; bar 100 105 94 101 60; bar 100 105 94 101 60",
        "1 rests; 2 rests; 3 rests; 1 took 4@100; 2 took 2@100; 2 took 2@100; 3 made 4@95",
    );
    case(
        "hold 10@100; sell 10 stop 95; bar 100 105 94 101 60; bar 99 100 98 99 60",
        "1 rests; 1 wakes; 1 took 6@95; 1 took 4@99",
    );
    case("buy 10; bar 100 105 94 101 0", "1 rests");
}

#[test]
fn slippage_is_paid_by_takers_up_to_their_limit() {
    let terms = Terms { slippage: Slippage::of(Impact::Ticks(2)), ..terms() };
    let case = |script: &str, want: &str| check(&terms, script, want);
    case("buy 10; bar 100 105 94 101", "1 rests; 1 took 10@102");
    case("sell 10; bar 100 105 94 101", "1 rests; 1 took 10@98");
    case("buy 10 limit 95; bar 94 105 94 101", "1 rests; 1 took 10@95"); // 96 is beyond its limit
    case("buy 10 limit 95; bar 100 105 94 101", "1 rests; 1 made 10@95"); // a maker pays none
    case("hold 10@100; sell 10 stop 95; bar 100 105 94 101", "1 rests; 1 wakes; 1 took 10@93");
    case("buy 10 touched 95; bar 100 105 94 101", "1 rests; 1 wakes; 1 took 10@97");
    // The square-root law: 1 % × √(25 / 100) = 0.5 % of 1000.
    let root = Slippage::of(Impact::VolumeShare(Rate::parse("0.01").unwrap()));
    check(
        &Terms { slippage: root, ..terms },
        "buy 25; bar 1000 1000 1000 1000 100",
        "1 rests; 1 took 25@1005",
    );
}

#[test]
fn a_trigger_that_was_passed_before_is_refused_or_triggers() {
    let mut terms = terms();
    let entry = "mark 100; buy 10 stop 95; bar 100 101 99 100";
    let exit = "hold 10@100; sell 10 stop 105 reduce; bar 100 101 99 100";
    check(&terms, entry, "1 refused 10: 95 passed by 100");
    check(&terms, exit, "1 wakes; 1 rests; 1 took 10@100");
    check(&terms, "mark 100; buy 10 stop 100", "1 refused 10: 100 passed by 100");
    check(&terms, "mark 100; buy 10 touched 105", "1 refused 10: 105 passed by 100");
    check(&terms, "mark 100; sell 10 stop 105 limit 99", "1 refused 10: 105 passed by 100");
    terms.passed = Passed::Refuse;
    check(&terms, exit, "1 refused 10: 105 passed by 100");
    terms.passed = Passed::Trigger;
    check(&terms, entry, "1 wakes; 1 rests; 1 took 10@100");
}

#[test]
fn same_close_fills_market_orders_at_the_close_that_decided_them() {
    let terms = Terms::of(Model::SameClose);
    let case = |script: &str, want: &str| check(&terms, script, want);
    case("bar 100 105 94 101; buy 10; decided; bar 102 105 94 103", "1 rests; 1 took 10@101");
    // Nothing closed when it was sent: it waits for the next close, not for an open.
    case("buy 10; bar 100 105 94 101; decided", "1 rests; 1 took 10@101");
    case("bar 100 105 94 101; buy 10 ioc; decided", "1 rests; 1 took 10@101");
    case("bar 100 105 94 101; buy 10 fok; decided", "1 rests; 1 took 10@101");
    // All other kinds go by the next bar.
    case(
        "bar 100 105 94 101; buy 10 limit 101; decided; bar 100 105 94 101",
        "1 rests; 1 took 10@100",
    );
    case(
        "hold 10@100; bar 100 105 94 101; sell 10 stop 95; decided; bar 100 105 94 101",
        "1 rests; 1 wakes; 1 took 10@95",
    );
    // Under `next_open` the phase says nothing.
    check(&Terms::of(Model::NextOpen), "bar 100 105 94 101; buy 10; decided", "1 rests");
}

#[test]
fn an_order_on_its_way_misses_the_open_and_the_extremes() {
    let mut late = terms();
    late.latency.entry.nanos = 15;
    let case = |script: &str, want: &str| check(&late, script, want);
    // Sent at 0, there at 15; the bars open at 0, 10 and 20.
    let (quiet, wide) = ("bar 100 101 99 100", "bar 101 106 90 102");
    case(&format!("buy 10; {quiet}; {wide}; bar 103 104 102 103"), "1 rests; 1 took 10@103");
    case(&format!("buy 10 limit 95; {quiet}; {wide}; {quiet}"), "1 rests");
    // A stop is taken to be hit, for the low may have come after it.
    case(
        &format!("hold 10@100; sell 10 stop 95 reduce; {quiet}; {wide}"),
        "1 rests; 1 wakes; 1 took 10@95",
    );
    // A trail that came on the way follows the close of 102 only.
    case(
        &format!(
            "hold 10@100; sell 10 trail 12 reduce; {quiet}; {wide}; bar 101 101 91 95; {quiet}"
        ),
        "1 rests",
    );
    case(
        &format!("hold 10@100; sell 10 trail 12 reduce; {quiet}; {wide}; bar 101 101 90 95"),
        "1 rests; 1 wakes; 1 took 10@90",
    );
}

#[test]
fn one_event_of_a_bar_is_all_its_phases() {
    case(
        "buy 10; sell 10 limit 104 reduce; whole 100 105 94 101",
        "1 rests; 2 rests; 1 took 10@100; 2 made 10@104",
    );
}

#[test]
fn halts_keep_orders_and_a_close_ends_them() {
    case("buy 10; halt; bar 100 105 94 101; trade; bar 102 105 94 101", "1 rests; 1 took 10@102");
    case(
        "buy 10; buy 5 limit 90; closed; buy 1",
        "1 rests; 2 rests; 1 expired 10; 2 expired 5; 3 refused 1: not trading",
    );
}

#[test]
fn an_iceberg_is_an_ordinary_order_where_no_queue_is_modelled() {
    case("buy 10 limit 95 show 2; bar 100 105 94 101", "1 rests; 1 made 10@95");
}
