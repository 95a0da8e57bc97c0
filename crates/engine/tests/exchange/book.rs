//! `book`, case by case: levels, queues, prints. Depth is told level by level.

use crate::scene::check;
use engine::{
    exchange::{Feed, Model, Queue, Terms},
    order::Distance,
};

fn terms() -> Terms {
    Terms::of(Model::Book(Feed::Depth))
}

/// Bids 10@99 20@98, asks 10@101 20@102 30@105.
const BOOK: &str = "bid 99 10; bid 98 20; ask 101 10; ask 102 20; ask 105 30; ";

#[track_caller]
fn case(script: &str, want: &str) {
    check(&terms(), &format!("{BOOK}{script}"), want);
}

#[test]
fn takers_walk_the_levels() {
    case("buy 5", "1 took 5@101");
    case("buy 25", "1 took 10@101; 1 took 15@102");
    case("sell 15", "1 took 10@99; 1 took 5@98");
    case("buy 25 limit 101", "1 took 10@101; 1 rests");
    case("buy 25 limit 103", "1 took 10@101; 1 took 15@102");
    case("buy 25 limit 101 ioc", "1 took 10@101; 1 expired 15");
    case("buy 100 ioc", "1 took 10@101; 1 took 20@102; 1 took 30@105; 1 expired 40");
    // What a market order does not get, it gets from later changes.
    case(
        "buy 70; ask 106 7; ask 104 9",
        "1 took 10@101; 1 took 20@102; 1 took 30@105; 1 rests; 1 took 7@106; 1 took 3@104",
    );
    // Each feed knows its own events only.
    case("quote 90 110 1 1; buy 5", "1 took 5@101");
    check(&Terms::of(Model::Book(Feed::Best)), "ask 101 3; buy 5 ioc", "1 refused 5: no price");
    check(&terms(), "buy 5; ask 101 3; ask 101 3", "1 rests; 1 took 3@101; 1 took 2@101");
    check(&terms(), "buy 5 ioc", "1 refused 5: no price");
}

#[test]
fn what_we_take_stays_taken_until_the_level_is_told() {
    case("buy 8; buy 8", "1 took 8@101; 2 took 2@101; 2 took 6@102");
    case("buy 8; ask 102 50; buy 8", "1 took 8@101; 2 took 2@101; 2 took 6@102");
    case("buy 8; ask 101 10; buy 8", "1 took 8@101; 2 took 8@101");
    // By quotes: a side that is told as it was is no news.
    let best = Terms::of(Model::Book(Feed::Best));
    check(
        &best,
        "quote 99 101 5 10; buy 8; quote 98 101 5 10; buy 8 ioc",
        "1 took 8@101; 2 took 2@101; 2 expired 6",
    );
    check(
        &best,
        "quote 99 101 5 10; buy 8; quote 99 101 5 11; buy 8 ioc",
        "1 took 8@101; 2 took 8@101",
    );
    // A crossed quote is turned round, sizes and all.
    check(&best, "quote 101 99 7 3; buy 8 ioc", "1 took 7@101; 1 expired 1");
}

#[test]
fn fill_or_kill_looks_at_what_is_within_reach() {
    case("buy 30 fok", "1 took 10@101; 1 took 20@102");
    case("buy 61 fok", "1 refused 61: 60 of 61");
    case("buy 31 limit 102 fok", "1 refused 31: 30 of 31");
    case("buy 31 limit 100 fok", "1 refused 31: 0 of 31");
    case("buy 8; buy 23 limit 102 fok", "1 took 8@101; 2 refused 23: 22 of 23");
}

#[test]
fn price_protection_bounds_a_market_order() {
    let guarded = Terms { protection: Some(Distance::Ticks(2)), ..terms() };
    let case = |script: &str, want: &str| check(&guarded, &format!("{BOOK}{script}"), want);
    // 101 + 2 = 103: the level at 105 is too far.
    case("buy 50", "1 took 10@101; 1 took 20@102; 1 expired 20");
    case("buy 31 fok", "1 refused 31: 30 of 31");
    case("buy 50 limit 105", "1 took 10@101; 1 took 20@102; 1 took 20@105"); // a limit is its own
    // An exit is not given up: it goes on with the next change.
    case(
        "hold -50@100; buy 50 reduce; ask 103 50",
        "1 took 10@101; 1 took 20@102; 1 rests; 1 took 20@103",
    );
}

#[test]
fn a_resting_order_queues() {
    // 10 stand before it at 99.
    case("buy 5 limit 99; print 99 8 by seller", "1 rests");
    case("buy 5 limit 99; print 99 8 by seller; print 99 4 by seller", "1 rests; 1 made 2@99");
    case(
        "buy 5 limit 99; print 99 12 by seller; print 99 9 by seller",
        "1 rests; 1 made 2@99; 1 made 3@99",
    );
    case("buy 5 limit 99; print 99 100 by seller", "1 rests; 1 made 5@99");
    case("buy 5 limit 99; print 99 100 by buyer", "1 rests"); // not against the bid
    case("buy 5 limit 99; print 99 100", "1 rests; 1 made 5@99"); // below the ask: it was a sale
    case("buy 5 limit 100; print 100 2", "1 rests; 1 made 2@100"); // nobody before it
    case("sell 5 limit 101; print 101 12 by buyer", "1 rests; 1 made 2@101");
    // Where the venue does not say, a print at the best ask is no sale to our bid.
    case("buy 5 limit 100; ask 100 7; print 100 9", "1 rests");
    case("buy 5 limit 100; ask 100 7; print 100 9 by seller", "1 rests; 1 made 5@100");
    // A print beyond it fills it up to its size, whoever stood before.
    case("buy 5 limit 99; print 98 3 by seller", "1 rests; 1 made 3@99");
    case("buy 5 limit 99; print 98 30 by buyer", "1 rests; 1 made 5@99");
}

#[test]
fn cancels_are_behind_us() {
    // The level falls from 10 to 6 without a print: still 6 before it, for 6 is all there is.
    case("buy 5 limit 99; bid 99 6; print 99 7 by seller", "1 rests; 1 made 1@99");
    // It grows: those are behind.
    case("buy 5 limit 99; bid 99 50; print 99 11 by seller", "1 rests; 1 made 1@99");
    // Prints and the level they leave are counted once: 10 - 4 = 6 before it.
    case(
        "buy 5 limit 99; print 99 4 by seller; bid 99 6; print 99 7 by seller",
        "1 rests; 1 made 1@99",
    );
    // From 10 + 40 to 30: the 20 that went were behind.
    case("buy 5 limit 99; bid 99 50; bid 99 30; print 99 11 by seller", "1 rests; 1 made 1@99");
    case("buy 5 limit 99; quote 99 101 1 1; print 99 9 by seller", "1 rests");
    case("buy 5 limit 99; bid 99 0; print 99 1 by seller", "1 rests; 1 made 1@99");
    // Where the feed does not reach, all that it shows first is before it.
    case("buy 5 limit 90; bid 90 40; print 90 41 by seller", "1 rests; 1 made 1@90");
    case("buy 5 limit 90; print 90 100 by seller", "1 rests");
}

#[test]
fn cancels_may_be_taken_for_anyones() {
    let even = Terms { queue: Queue::Even, ..terms() };
    // 50 stand there, 10 of them before it; 20 go: 20 × 10 / 50 = 4 of those before it.
    check(
        &even,
        &format!("{BOOK}buy 5 limit 99; bid 99 50; bid 99 30; print 99 7 by seller"),
        "1 rests; 1 made 1@99",
    );
    // 4 printed: 6 of 46 before it, and 23 go: 23 × 6 / 46 = 3.
    check(
        &even,
        &format!(
            "{BOOK}buy 5 limit 99; bid 99 50; print 99 4 by seller; bid 99 23; print 99 4 by seller"
        ),
        "1 rests; 1 made 1@99",
    );
    // What printed is taken off once. 100 before it of 300; 60 print, and the level is told as 240:
    // 40 of 240 before it. Then 60 go: 60 × 40 / 240 = 10, and 30 are left.
    check(
        &even,
        "bid 99 100; ask 101 1; buy 9 limit 99; bid 99 300; print 99 60 by seller; bid 99 240; bid 99 180; print 99 35 by seller",
        "1 rests; 1 made 5@99",
    );
}

#[test]
fn quotes_tell_the_queue_too() {
    let best = Terms::of(Model::Book(Feed::Best));
    let case = |script: &str, want: &str| check(&best, script, want);
    case("quote 99 101 10 10; buy 5 limit 99; print 99 11 by seller", "1 rests; 1 made 1@99");
    // The bid falls below: nobody is left before it.
    case(
        "quote 99 101 10 10; buy 5 limit 99; quote 98 101 10 10; print 99 1 by seller",
        "1 rests; 1 made 1@99",
    );
    // It rests below the best bid: what is shown there first is before it.
    case(
        "quote 99 101 10 10; buy 5 limit 97; print 97 9 by seller; quote 97 98 3 1; print 97 4 by seller",
        "1 rests; 1 made 1@97",
    );
}

#[test]
fn a_quote_through_a_resting_order_fills_it() {
    case("buy 15 limit 100; ask 99 10", "1 rests; 1 made 10@100");
    case("buy 15 limit 100; ask 99 10; ask 98 4", "1 rests; 1 made 10@100; 1 made 4@100");
    case("buy 15 limit 100; ask 100 10", "1 rests"); // locked is not through
    case("sell 5 limit 100; bid 101 3", "1 rests; 1 made 3@100");
    // What filled us is taken: the next one finds the rest.
    case(
        "buy 4 limit 100; ask 99 10; buy 10 ioc",
        "1 rests; 1 made 4@100; 2 took 6@99; 2 took 4@101",
    );
}

#[test]
fn our_orders_share_a_print_by_price_and_arrival() {
    // The bid at 100 first, then those at 99 behind the 10 of others.
    case("buy 3 limit 99; buy 3 limit 100; print 99 9 by seller", "1 rests; 2 rests; 2 made 3@100");
    case(
        "buy 3 limit 99; buy 3 limit 100; print 99 15 by seller",
        "1 rests; 2 rests; 2 made 3@100; 1 made 2@99",
    );
    case(
        "buy 3 limit 99; buy 3 limit 99; print 99 14 by seller",
        "1 rests; 2 rests; 1 made 3@99; 2 made 1@99",
    );
}

#[test]
fn an_iceberg_loses_its_place_with_each_part() {
    // It shows 2 behind 10; the next 2 stand behind the 10 that the level still tells.
    case("buy 6 limit 99 show 2; print 99 30 by seller", "1 rests; 1 made 2@99");
    case(
        "buy 6 limit 99 show 2; print 99 12 by seller; print 99 11 by seller",
        "1 rests; 1 made 2@99; 1 made 1@99",
    );
    case(
        "buy 6 limit 99 show 2; print 99 12 by seller; bid 99 0; print 99 3 by seller; print 99 9 by seller",
        "1 rests; 1 made 2@99; 1 made 2@99; 1 made 2@99",
    );
    // A print beyond the level goes through all of it.
    case("buy 6 limit 99 show 2; print 98 30 by seller", "1 rests; 1 made 6@99");
    case("buy 15 limit 101 show 2", "1 took 10@101; 1 rests"); // it takes whole
}

#[test]
fn post_only_and_sleeping_orders_in_a_book() {
    case("buy 5 limit 101 post", "1 refused 5: would take 101 at 101");
    case("buy 5 limit 100 post; ask 99 9", "1 rests; 1 made 5@100");
    case("buy 25 stop 103; ask 101 0; ask 102 0", "1 rests; 1 wakes; 1 took 25@105");
    case("buy 5 stop 105; print 105 1", "1 rests; 1 wakes; 1 took 5@101");
    case(
        "hold 15@100; sell 15 stop 97; bid 99 0; bid 98 0; bid 96 4; bid 95 20",
        "1 rests; 1 wakes; 1 took 4@96; 1 took 11@95",
    );
    case("sell 5 touched 103; bid 103 3; bid 104 9", "1 rests; 1 wakes; 1 took 3@103; 1 took 2@99");
    case(
        "buy 5 stop 105 limit 99; print 105 1; print 99 11 by seller",
        "1 rests; 1 wakes; 1 made 1@99",
    );
    case("hold 5@100; sell 5 trail 3; bid 104 9; bid 104 0", "1 rests; 1 wakes; 1 took 5@99"); // 104 - 3 = 101, and the bid is 99 at once
}

#[test]
fn a_smaller_size_keeps_the_place_and_nothing_else_does() {
    let queued = "buy 5 limit 99; bid 99 30; ";
    let case = |script: &str, want: &str| {
        case(&format!("{queued}{script}"), &format!("1 rests; {want}"));
    };
    case("amend 1 size 3; print 99 12 by seller", "1 is 3; 1 made 2@99");
    case("amend 1 size 8; print 99 31 by seller", "1 is 8; 1 made 1@99");
    case("amend 1 price 99; print 99 31 by seller", "1 is 5; 1 made 1@99");
    case("amend 1 price 98; print 98 21 by seller", "1 is 5; 1 made 1@98");
    case("amend 1 price 101", "1 is 5; 1 took 5@101"); // it meets the market as a new one does
    case("print 99 12 by seller; amend 1 size 2", "1 made 2@99; 1 cancelled 3"); // 2 have traded
    case(
        "print 99 12 by seller; amend 1 size 3; print 99 50 by seller",
        "1 made 2@99; 1 is 3; 1 made 1@99",
    );
}

#[test]
fn an_order_that_cannot_be_paid_whole_takes_nothing() {
    use crate::scene::{Scene, listing};
    // 10 × 1.01 + 10 × 1.02 = 20.30, and 20.00 are there.
    let play =
        |script: &str| Scene::new(&terms(), listing(), "20").play(&format!("{BOOK}{script}"));
    assert_eq!(play("buy 20"), "1 refused 20: cash 20.30 of 20.00");
    assert_eq!(play("buy 20 fok shrink"), "1 refused 20: cash 20.30 of 20.00");
    // (20.00 - 10.10) / 1.02 = 9.7: nine of the second level.
    assert_eq!(
        play("buy 20 shrink"),
        "1 took 10@101; 1 took 9@102; 1 refused 1: cash 10.20 of 9.90"
    );
}
