use super::*;
use engine::plan::{Jitter, Rest, Twap, TwapTerms};
use engine::risk::Span;
use market::Rate;

const fn terms(seconds: u32, slices: u32, rest: Rest) -> TwapTerms {
    TwapTerms { over: Span::from_secs(seconds), slices, jitter: None, rest }
}

fn twap(ticket: Ticket, slices: u32, rest: Rest) -> Twap {
    Twap::new(ticket, terms(100, slices, rest), &listing()).expect("it fits")
}

#[test]
fn slices_are_equal_up_to_a_step_and_sum_exactly() {
    let check = |lots, slices, (min, step), want: &[u64]| {
        let listing = Listing { size_min: Quantity(min), size_step: step, ..listing() };
        let twap = Twap::new(buy(lots), terms(100, slices, Rest::Drop), &listing).expect("it fits");
        let sizes: Vec<u64> = twap.slices().map(|(_, size)| size.0).collect();
        assert_eq!(sizes, want);
        assert_eq!(sizes.iter().sum::<u64>(), lots);
    };
    check(100, 4, (1, 1), &[25, 25, 25, 25]);
    check(10, 4, (1, 1), &[2, 3, 2, 3]); // up to 2.5, 5, 7.5, 10
    check(10, 3, (1, 1), &[3, 3, 4]);
    check(100, 3, (1, 10), &[30, 30, 40]); // up to 33.3, 66.6, 100 in tens
    check(10, 4, (3, 1), &[3, 3, 4]); // a slice of 2.5 is less than 3: three slices
    check(10, 4, (3, 2), &[4, 6]); // 3 lots in steps of 2 are 4
    check(5, 100, (1, 1), &[1, 1, 1, 1, 1]);
    check(7, 1, (1, 1), &[7]);
}

#[test]
fn what_does_not_fit_the_venue_is_refused() {
    let check = |lots, slices, (min, max, step), seconds, want: &str| {
        let (size_min, size_max) = (Quantity(min), Quantity(max));
        let listing = Listing { size_min, size_max, size_step: step, ..listing() };
        let made = Twap::new(buy(lots), terms(seconds, slices, Rest::Drop), &listing);
        assert_eq!(made.err().map_or("ok".to_owned(), |e| e.to_string()), want);
    };
    check(100, 4, (1, 25, 1), 9, "ok");
    check(
        101,
        4,
        (1, 25, 1),
        9,
        "101 lots in 4 slices of 1 to 25 lots in steps of 1: change one of them",
    );
    check(
        15,
        4,
        (1, 99, 2),
        9,
        "15 lots in 4 slices of 1 to 99 lots in steps of 2: change one of them",
    );
    check(
        4,
        4,
        (5, 99, 1),
        9,
        "4 lots in 4 slices of 5 to 99 lots in steps of 1: change one of them",
    );
    check(0, 4, (1, 99, 1), 9, "a plan of 0 lots: give it a size");
    let time = "slices do not fit: give 1 to 10000, and a duration of as many nanoseconds";
    check(9, 0, (1, 99, 1), 9, &format!("0 {time}"));
    check(9, 10_001, (1, 99, 1), 9, &format!("10001 {time}"));
    check(9, 3, (1, 99, 1), 0, &format!("3 {time}"));
}

#[test]
fn slices_go_out_on_time() {
    check(
        &mut twap(buy(10), 4, Rest::Drop),
        &[
            (0, START, "0: buy 2 market; timer 25"),
            (1, fill(0, 2), ""),
            (25, News::Timer, "1: buy 3 market; timer 50"),
            (26, fill(1, 3), ""),
            (50, News::Timer, "2: buy 2 market; timer 75"),
            (51, fill(2, 2), ""),
            (75, News::Timer, "3: buy 3 market; timer 100"),
            (76, fill(3, 3), "complete"),
        ],
    );
}

#[test]
fn what_a_slice_left_and_what_was_missed_goes_with_the_next_one() {
    let hasty = buy(10).lasting(TimeInForce::ImmediateOrCancel);
    check(
        &mut twap(hasty, 4, Rest::Drop),
        &[
            (0, START, "0: buy 2 market ioc; timer 25"),
            (1, fill(0, 1), ""),
            (1, ended(0, Ending::Expired), ""),
            (25, News::Timer, "1: buy 4 market ioc; timer 50"), // 5 due, 1 traded
            (26, refused(1), ""),
            // Nobody called at 50: 10 are due at 80, 1 traded.
            (80, News::Timer, "2: buy 9 market ioc; timer 100"),
            (81, fill(2, 8), ""),
            (81, ended(2, Ending::Expired), "1 left: expired"),
        ],
    );
}

#[test]
fn limits_work_on_until_the_end_and_the_rest_goes_to_the_market() {
    let patient = |rest| {
        let post = buy(10).of(limit(100)).restricted(Restrictions::POST_ONLY);
        twap(post, 2, rest)
    };
    let begun = [
        (0, START, "0: buy 5 limit 100 post; timer 50"),
        (1, fill(0, 3), ""),
        (50, News::Timer, "1: buy 5 limit 100 post; timer 100"), // 10 due, 3 traded, 2 work
        (60, fill(1, 1), ""),
        (100, News::Timer, "cancel 0; cancel 1"),
        (100, cancelled(0), ""),
    ];
    let mut plan = patient(Rest::Market);
    check(&mut plan, &begun);
    check(&mut plan, &[(100, cancelled(1), "2: buy 6 market"), (101, fill(2, 6), "complete")]);
    let mut plan = patient(Rest::Drop);
    check(&mut plan, &begun);
    check(&mut plan, &[(100, cancelled(1), "6 left: cancelled")]);
    let mut plan = patient(Rest::Market);
    check(&mut plan, &begun[..4]);
    // Its owner wants no more: nothing is swept.
    check(
        &mut plan,
        &[
            (70, News::Cancel, "cancel 0; cancel 1"),
            (70, cancelled(0), ""),
            (70, fill(1, 4), "2 left: cancelled"),
        ],
    );
}

#[test]
fn a_rest_that_is_swept_waits_for_the_end() {
    let hasty = buy(4).lasting(TimeInForce::ImmediateOrCancel);
    check(
        &mut twap(hasty, 1, Rest::Market),
        &[
            (0, START, "0: buy 4 market ioc; timer 100"),
            (0, ended(0, Ending::Expired), ""),
            (100, News::Timer, "1: buy 4 market"),
            (100, refused(1), "4 left: refused, the instrument does not trade now"),
        ],
    );
}

#[test]
fn what_is_too_small_or_too_large_for_the_venue_is_not_sent_so() {
    let listing = Listing { size_min: Quantity(3), size_max: Quantity(4), ..listing() };
    let hasty = buy(8).lasting(TimeInForce::ImmediateOrCancel);
    let mut plan = Twap::new(hasty, terms(100, 2, Rest::Drop), &listing).expect("it fits");
    check(
        &mut plan,
        &[
            (0, START, "0: buy 4 market ioc; timer 50"),
            (0, fill(0, 1), ""),
            (0, ended(0, Ending::Expired), ""),
            // 7 are due: 4 and 3, for 4 is the most.
            (50, News::Timer, "1: buy 4 market ioc; 2: buy 3 market ioc; timer 100"),
            (50, fill(1, 4), ""),
            (50, fill(2, 2), ""),
            (50, ended(2, Ending::Expired), "1 left: expired"),
        ],
    );
}

#[test]
fn jitter_delays_within_its_part_and_is_the_same_every_time() {
    let due = |seed| {
        let jitter = Some(Jitter { part: Rate(500_000_000_000), seed });
        let terms = TwapTerms { jitter, ..terms(100, 10, Rest::Drop) };
        let twap = Twap::new(buy(10), terms, &listing()).expect("it fits");
        twap.slices().map(|(due, _)| due.nanos()).collect::<Vec<_>>()
    };
    assert_eq!(due(7), due(7));
    assert_ne!(due(7), due(8));
    for (place, due) in (0..).zip(due(7)) {
        let early = place * 10_000_000_000;
        assert!((early..early + 5_000_000_000).contains(&due), "slice {place} at {due}");
    }
}
