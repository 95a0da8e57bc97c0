//! Orders that trigger others, and orders of which one cancels the others.

use super::*;
use engine::plan::{Oco, Oto, Race, Release};

#[test]
fn one_that_traded_whole_triggers_the_others() {
    let others = vec![sell(10).of(stop(90)), sell(7).of(limit(120))];
    let oto = |release| Oto::new(buy(10).of(limit(100)), others.clone(), release).expect("a plan");
    let enter = (0, START, "0: buy 10 limit 100");
    check(
        &mut oto(Release::Whole),
        &[
            enter,
            (1, fill(0, 9), ""),
            (2, fill(0, 1), "1: sell 10 stop 90; 2: sell 7 limit 120; complete"),
        ],
    );
    check(
        &mut oto(Release::Whole),
        &[enter, (1, fill(0, 9), ""), (2, ended(0, Ending::Expired), "1 left: expired")],
    );
    // 7 × 4 / 10 = 2.8: 2; 7 × 5 / 10 = 3.5: 3; 7 in the end.
    check(
        &mut oto(Release::Proportional),
        &[
            enter,
            (1, fill(0, 4), "1: sell 4 stop 90; 2: sell 2 limit 120"),
            (2, fill(0, 1), "3: sell 1 stop 90; 4: sell 1 limit 120"),
            (3, fill(0, 5), "5: sell 5 stop 90; 6: sell 4 limit 120; complete"),
        ],
    );
    check(
        &mut oto(Release::Proportional),
        &[
            enter,
            (1, fill(0, 4), "1: sell 4 stop 90; 2: sell 2 limit 120"),
            (2, News::Cancel, "cancel 0"),
            (2, cancelled(0), "6 left: cancelled"),
        ],
    );
    // 2 × 5 / 10 = 1; 2 × 6 / 10 = 1.2: nothing more to send.
    let small = Oto::new(buy(10), vec![sell(2)], Release::Proportional);
    check(
        &mut small.expect("a plan"),
        &[
            (0, START, "0: buy 10 market"),
            (1, fill(0, 5), "1: sell 1 market"),
            (2, fill(0, 1), ""),
            (3, fill(0, 4), "2: sell 1 market; complete"),
        ],
    );
}

#[test]
fn too_few_and_too_many_orders_are_refused() {
    let check = |others: usize, lots: u64, want: &str| {
        let made = Oto::new(buy(1), vec![sell(lots); others], Release::Whole);
        assert_eq!(made.err().map_or("ok".to_owned(), |e| e.to_string()), want);
    };
    check(1, 1, "ok");
    check(16, 1, "ok");
    check(0, 1, "0 orders: a group has 1 to 16");
    check(17, 1, "17 orders: a group has 1 to 16");
    check(1, 0, "a plan of 0 lots: give it a size");
    let alone = Oco::new(vec![sell(1)], Race::Guarded).err().map(|e| e.to_string());
    assert_eq!(alone.as_deref(), Some("1 orders: a group has 2 to 16"));
}

/// Out at 90 or at 120.
fn exits(race: Race) -> Oco {
    Oco::new(vec![sell(10).of(stop(90)), sell(10).of(limit(120))], race).expect("two")
}

const OUT: (i64, News, &str) = (0, START, "0: sell 10 stop 90 reduce; 1: sell 10 limit 120 reduce");

#[test]
fn one_exit_takes_off_the_other_what_it_closed() {
    check(
        &mut exits(Race::Guarded),
        &[
            OUT,
            (0, accept(0), ""),
            (0, accept(1), ""),
            (1, fill(1, 4), "amend 0 to 6"),
            (1, amended(0, 6), ""),
            (2, fill(0, 6), "cancel 1"),
            (2, cancelled(1), "complete"),
        ],
    );
}

#[test]
fn a_venue_that_does_not_change_orders_keeps_them_reduce_only() {
    check(
        &mut exits(Race::Guarded),
        &[
            OUT,
            (0, accept(0), ""),
            (0, accept(1), ""),
            (1, fill(1, 4), "amend 0 to 6"),
            (1, unchanged(0), ""),
            (2, fill(1, 6), "cancel 0"),
            (2, cancelled(0), "complete"),
        ],
    );
}

#[test]
fn a_refused_exit_leaves_the_other() {
    check(
        &mut exits(Race::Guarded),
        &[OUT, (0, refused(0), ""), (0, accept(1), ""), (1, fill(1, 10), "complete")],
    );
    check(
        &mut exits(Race::Guarded),
        &[
            OUT,
            (1, News::Cancel, "cancel 0; cancel 1"),
            (1, cancelled(0), ""),
            (1, cancelled(1), "10 left: cancelled"),
        ],
    );
}

#[test]
fn the_first_entry_cancels_the_others_and_a_second_one_can_slip_through() {
    let break_out = vec![buy(5).of(stop(110)), sell(5).of(stop(90))];
    let mut oco = Oco::new(break_out, Race::Accepted).expect("two");
    check(
        &mut oco,
        &[
            (0, START, "0: buy 5 stop 110; 1: sell 5 stop 90"),
            (0, accept(0), ""),
            (0, accept(1), ""),
            (1, fill(0, 2), "cancel 1"),
            (1, fill(1, 1), ""), // before the cancel was through; the first one stays
            (1, cancelled(1), ""),
            (2, fill(0, 3), "complete"),
        ],
    );
}
