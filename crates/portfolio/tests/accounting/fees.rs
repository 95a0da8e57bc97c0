use super::account::{money, rate};
use market::{BarSize, Money, Timestamp};
use portfolio::{FeeMeter, FeeSchedule, FeeTier, Liquidity, OrderFees};

fn meter(minimum: Option<Money>) -> FeeMeter {
    let tier = |volume, maker, taker| FeeTier {
        volume: money(volume),
        maker: rate(maker),
        taker: rate(taker),
    };
    // 2 and 5 bps; from a million on 1 and 4; from five millions on a rebate of 0.5, and 3.
    let tiers = vec![
        tier("0", "0.0002", "0.0005"),
        tier("1000000", "0.0001", "0.0004"),
        tier("5000000", "-0.00005", "0.0003"),
    ];
    FeeMeter::new(FeeSchedule::new(tiers, minimum).expect("they fit"))
}

/// Fills of one order each: (day, notional, liquidity, fee).
fn check(meter: &mut FeeMeter, fills: &[(i64, &str, Liquidity, &str)]) {
    for (day, notional, liquidity, want) in fills {
        let time = Timestamp::from_nanos(day * BarSize::DAY.nanos() + 1);
        let fee = meter.fee(&mut OrderFees::default(), money(notional), *liquidity, time);
        let fee = fee.expect("in range").to_string();
        assert_eq!(fee, *want, "day {day}, {notional} {liquidity:?}");
    }
}

#[test]
fn the_tier_of_a_day_is_that_of_the_thirty_days_before_it() {
    use Liquidity::{Maker, Taker};
    check(
        &mut meter(None),
        &[
            // Nothing before: 1,000,000 × 5 bps; the day's own volume does not count yet.
            (0, "1000000", Taker, "500.00"),
            (0, "1000000", Maker, "200.00"),
            // 2,000,000 before: 4 bps and 1 bps.
            (1, "1000000", Taker, "400.00"),
            (1, "2000000", Maker, "200.00"),
            // 5,000,000 before: the last tier, its maker is paid.
            (2, "1000000", Maker, "-50.00"),
            (2, "1000000", Taker, "300.00"),
            // A sale's notional may come with a sign; the fee does not.
            (2, "-1000000", Taker, "300.00"),
            // Day 30 still counts day 0: 8,000,000. Day 31 counts 6,000,000, day 32 3,000,000.
            (30, "1000", Taker, "0.30"),
            (31, "1000", Taker, "0.30"),
            (32, "1000", Taker, "0.40"),
            // Day 33 counts what was traded from day 3 on: 3,000.
            (33, "1000", Taker, "0.50"),
            // A time before the latest day is taken as of that day.
            (2, "1000", Taker, "0.50"),
            // After a long pause nothing counts.
            (400, "1000", Taker, "0.50"),
        ],
    );
}

#[test]
fn a_pause_of_thirty_days_still_counts_and_one_of_thirty_one_does_not() {
    use Liquidity::Taker;
    let first = (0, "1000000", Taker, "500.00");
    check(&mut meter(None), &[first, (30, "1000", Taker, "0.40")]);
    check(&mut meter(None), &[first, (31, "1000", Taker, "0.50")]);
}

#[test]
fn fees_are_rounded_half_to_even() {
    // 0.00001 × 5 bps = 0.5e-8, 0.00003 × 5 bps = 1.5e-8, 0.00005 × 5 bps = 2.5e-8.
    for (notional, want) in [
        ("0.00001", "0.00"),
        ("0.00003", "0.00000002"),
        ("0.00005", "0.00000002"),
        ("0.00002", "0.00000001"),
    ] {
        check(&mut meter(None), &[(0, notional, Liquidity::Taker, want)]);
    }
}

#[test]
fn the_least_fee_is_paid_once_an_order() {
    let mut meter = meter(Some(money("1")));
    let mut order = OrderFees::default();
    let mut fill = |order: &mut OrderFees, notional, liquidity| {
        let time = Timestamp::from_nanos(0);
        meter.fee(order, money(notional), liquidity, time).expect("in range").to_string()
    };
    // 100 × 5 bps = 0.05, raised to 1.
    assert_eq!(fill(&mut order, "100", Liquidity::Taker), "1.00");
    // 0.05 + 1,000 × 5 bps = 0.55: still covered.
    assert_eq!(fill(&mut order, "1000", Liquidity::Taker), "0.00");
    // 0.55 + 10,000 × 5 bps = 5.55, of which 1 is paid.
    assert_eq!(fill(&mut order, "10000", Liquidity::Taker), "4.55");
    // Another order begins anew.
    assert_eq!(fill(&mut OrderFees::default(), "100", Liquidity::Maker), "1.00");
}
