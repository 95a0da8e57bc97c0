//! `touch`, case by case. A quote reads bid, ask.

use crate::scene::{Scene, check, listing};
use engine::exchange::{Delay, Impact, Latency, Model, Slippage, Terms, Triggers};
use market::{Rate, Timestamp};

fn terms() -> Terms {
    Terms::of(Model::Touch)
}

#[track_caller]
fn case(script: &str, want: &str) {
    check(&terms(), script, want);
}

#[test]
fn takers_trade_whole_at_the_other_side() {
    case("quote 99 101; buy 10", "1 took 10@101");
    case("quote 99 101; sell 10", "1 took 10@99");
    case("quote 99 101; buy 10 ioc", "1 took 10@101");
    case("quote 99 101; buy 10 fok", "1 took 10@101");
    case("quote 99 101 1 1; buy 1000", "1 took 1000@101"); // whatever is shown
    case("quote 99 101; buy 10 limit 101", "1 took 10@101");
    case("quote 99 101; buy 10 limit 105", "1 took 10@101");
    // No price yet: it waits, unless it may not.
    case("buy 10; quote 99 101", "1 rests; 1 took 10@101");
    case("buy 10 ioc", "1 refused 10: no price");
    case("buy 10 fok", "1 refused 10: no price");
    // Crossed: a buy pays the higher price, a sell gets the lower one.
    case("quote 101 99; buy 10; sell 10", "1 took 10@101; 2 took 10@99");
}

#[test]
fn resting_limits_fill_strictly_through() {
    case("quote 99 101; buy 10 limit 100; quote 98 100", "1 rests");
    case("quote 99 101; buy 10 limit 100; quote 97 99", "1 rests; 1 made 10@100");
    case("quote 99 101; buy 10 limit 100; print 100 5", "1 rests");
    case("quote 99 101; buy 10 limit 100; print 99 5", "1 rests; 1 made 10@100");
    case("quote 99 101; sell 10 limit 100; quote 101 102", "1 rests; 1 made 10@100");
    case("quote 99 101; sell 10 limit 100; print 101 5", "1 rests; 1 made 10@100");
    case("quote 99 101; buy 10 limit 100 ioc", "1 expired 10");
    case("quote 99 101; buy 10 limit 100 fok", "1 refused 10: 0 of 10");
    case(
        "quote 99 101; buy 10 limit 100 gtd 15; quote 99 101; quote 90 91",
        "1 rests; 1 expired 10",
    );
    case("quote 99 101; buy 10 limit 100 gtd 20; quote 90 91", "1 rests; 1 made 10@100");
    case("quote 99 101; buy 10 limit 100 gtd 5", "1 expired 10"); // over before it came
}

#[test]
fn post_only_never_takes() {
    case("quote 99 101; buy 10 limit 101 post", "1 refused 10: would take 101 at 101");
    case("quote 99 101; buy 10 limit 100 post; quote 97 99", "1 rests; 1 made 10@100");
    case("quote 99 101; buy 10 limit 100 post ioc", "1 expired 10");
    case("quote 99 101; buy 10 post", "1 refused 10: would take 101 at 101");
}

#[test]
fn triggers_go_by_print_by_quote_or_by_either() {
    let print = Terms { triggers: Triggers::Print, ..terms() };
    let quote = Terms { triggers: Triggers::Quote, ..terms() };
    let stop = "hold 10@100; quote 99 101; sell 10 stop 95; ";
    let check_all = |tail: &str, by_print: &str, by_quote: &str, by_either: &str| {
        let script = format!("{stop}{tail}");
        check(&print, &script, &format!("1 rests{by_print}"));
        check(&quote, &script, &format!("1 rests{by_quote}"));
        check(&terms(), &script, &format!("1 rests{by_either}"));
    };
    // The print at 95 wakes it, and it sells at the bid of 99.
    check_all("print 95 1", "; 1 wakes; 1 took 10@99", "", "; 1 wakes; 1 took 10@99");
    check_all("quote 95 97", "", "; 1 wakes; 1 took 10@95", "; 1 wakes; 1 took 10@95");
    check_all("quote 90 92", "", "; 1 wakes; 1 took 10@90", "; 1 wakes; 1 took 10@90");
    check_all("print 96 1; quote 96 97", "", "", "");
}

#[test]
fn sleeping_orders_wake_by_the_price_they_would_take() {
    case(
        "quote 99 101; buy 10 stop 105; quote 103 104; quote 104 105",
        "1 rests; 1 wakes; 1 took 10@105",
    );
    case(
        "quote 99 101; buy 10 stop 105 limit 104; quote 104 105; quote 102 103",
        "1 rests; 1 wakes; 1 made 10@104",
    );
    case(
        "quote 99 101; buy 10 stop 105 limit 106; quote 104 105",
        "1 rests; 1 wakes; 1 took 10@105",
    );
    case(
        "quote 99 101; buy 10 stop 105 limit 104 ioc; quote 104 105",
        "1 rests; 1 wakes; 1 expired 10",
    );
    case(
        "quote 99 101; buy 10 stop 105 limit 104 fok; quote 104 105",
        "1 rests; 1 wakes; 1 refused 10: 0 of 10",
    );
    case(
        "quote 99 101; buy 10 touched 95; quote 94 96; quote 93 95",
        "1 rests; 1 wakes; 1 took 10@95",
    );
    case(
        "quote 99 101; buy 10 touched 95 limit 94; quote 93 95; quote 92 93",
        "1 rests; 1 wakes; 1 made 10@94",
    );
    case("quote 99 101; sell 10 touched 105; quote 105 106", "1 rests; 1 wakes; 1 took 10@105");
    // A print does not fill what it wakes: 94 came before the limit at 95 was there.
    case(
        "quote 99 101; buy 10 touched 96 limit 95; print 94 1; print 94 1",
        "1 rests; 1 wakes; 1 made 10@95",
    );
    case("quote 99 101; buy 10 stop 101", "1 refused 10: 101 passed by 101");
    case("quote 99 101; print 95 1; buy 10 touched 95", "1 refused 10: 95 passed by 95");
    case("hold 5@100; quote 99 101; sell 5 stop 99 reduce", "1 wakes; 1 took 5@99");
}

#[test]
fn a_trail_follows_the_bid_of_a_sell() {
    let long = "hold 10@100; quote 100 101; ";
    case(
        &format!("{long}sell 10 trail 5; quote 108 109; quote 104 105; quote 103 104"),
        "1 rests; 1 wakes; 1 took 10@103",
    ); // 108 - 5
    case(
        &format!("{long}sell 10 trail 5; print 110 1; quote 106 107; quote 105 106"),
        "1 rests; 1 wakes; 1 took 10@105",
    ); // the print counts too
    case(
        &format!("{long}sell 10 trail 5 from 103; quote 95 96; quote 103 104; quote 98 99"),
        "1 rests; 1 wakes; 1 took 10@98",
    );
    case(
        "quote 99 100; buy 10 trail 5; quote 89 90; quote 93 95",
        "1 rests; 1 wakes; 1 took 10@95",
    );
    case(
        "quote 99 100; buy 10 trail 2%; quote 97 98; quote 98 100",
        "1 rests; 1 wakes; 1 took 10@100",
    ); // 98 × 2 % = 1.96, up to 2
}

#[test]
fn slippage_worsens_the_touch_only_for_takers() {
    let half = Impact::Spread(Rate::parse("0.5").unwrap());
    let terms = Terms { slippage: Slippage::of(half), ..terms() };
    check(&terms, "quote 98 102; buy 10", "1 took 10@104"); // half of 4
    check(&terms, "quote 98 102; sell 10", "1 took 10@96");
    check(&terms, "quote 98 102; buy 10 limit 103", "1 took 10@103");
    check(&terms, "quote 98 102; buy 10 limit 100; quote 90 91", "1 rests; 1 made 10@100");
}

#[test]
fn messages_take_their_time_and_keep_their_order() {
    let mut late = terms();
    late.latency.entry = Delay { nanos: 15, jitter_nanos: 0 };
    // Sent at 10, there at 25: it meets the quote of 20, not that of 10.
    check(&late, "quote 99 101; buy 10; quote 102 104; quote 110 112", "1 took 10@104");
    // The cancel arrives after the fill: too late.
    check(
        &late,
        "quote 99 101; buy 10 limit 100; pass 15; cancel 1; quote 90 91; pass 10",
        "1 rests; 1 made 10@100; 1 unchanged: unknown",
    );
    check(
        &late,
        "quote 99 101; buy 10 limit 100; cancel 1; quote 99 101; quote 90 91",
        "1 rests; 1 cancelled 10",
    );
    // A message due at the moment of an event comes before it.
    let mut exact = terms();
    exact.latency.entry = Delay { nanos: 10, jitter_nanos: 0 };
    check(&exact, "quote 99 101; buy 10; quote 102 104", "1 took 10@101");
}

#[test]
fn word_of_a_fill_travels_back() {
    let mut terms = terms();
    terms.latency = Latency { entry: Delay::NONE, response: Delay { nanos: 7, jitter_nanos: 0 } };
    let mut scene = Scene::new(&terms, listing(), "1000");
    assert_eq!(scene.play("quote 99 101; buy 2"), "1 took 2@101");
    let at = Timestamp::from_nanos;
    assert_eq!(scene.exchange.deadline(), Some(at(17)));
    assert_eq!(scene.exchange.report(at(16)), None);
    assert_eq!(scene.exchange.report(at(17)), Some(scene.books.updates[0]));
    assert_eq!(scene.exchange.report(at(100)), None);
    assert_eq!(scene.exchange.deadline(), None);
}

#[test]
fn drawn_delays_come_from_the_seed_and_nothing_overtakes() {
    let fills = |seed| {
        let mut terms = Terms { seed, ..terms() };
        terms.latency.entry = Delay { nanos: 0, jitter_nanos: 100 };
        let mut scene = Scene::new(&terms, listing(), "1000000");
        scene.play("quote 99 101");
        for _ in 0..50 {
            scene.play("buy 1; pass 1");
        }
        scene.play("pass 200");
        scene.books.updates.iter().map(|u| (u.order.0, u.time.nanos())).collect::<Vec<_>>()
    };
    assert_eq!(fills(1), fills(1));
    assert_ne!(fills(1), fills(2));
    assert!(fills(1).is_sorted() && fills(1).is_sorted_by_key(|fill| fill.1));
    assert_eq!(fills(1).len(), 50);
}

#[test]
fn halts_keep_orders_and_a_close_ends_them() {
    case(
        "quote 99 101; halt; buy 10; buy 5 ioc; quote 102 104; trade; quote 105 106",
        "1 rests; 2 refused 5: not trading; 1 took 10@106",
    );
    case("quote 99 101; buy 10 limit 100; halt; quote 90 91; cancel 1", "1 rests; 1 cancelled 10");
    case(
        "quote 99 101; buy 10 limit 100; closed; buy 1; cancel 1",
        "1 rests; 1 expired 10; 2 refused 1: not trading; 1 unchanged: unknown",
    );
}

#[test]
fn a_liquidation_cancels_everything_and_closes_at_the_market() {
    case(
        "hold 10@100; quote 99 101; buy 5 limit 98; sell 10 stop 90 reduce; liquidate",
        "1 rests; 2 rests; 1 cancelled 5; 2 cancelled 10; 3 took 10@99",
    );
    case("hold -10@100; quote 99 101; liquidate", "1 took 10@101");
    case("quote 99 101; liquidate", "");
    check(
        &Terms::of(Model::NextOpen),
        "hold 10@100; mark 90; sell 3 limit 200; liquidate",
        "1 rests; 1 cancelled 3; 2 took 10@90",
    );
}
