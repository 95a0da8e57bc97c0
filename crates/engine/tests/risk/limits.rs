//! One table per limit: just inside, exactly at the bound, just outside.

use super::*;
use engine::order::{Distance, OrderKind};
use engine::risk::{OrderRate, Pending};
use portfolio::Leg;

const fn pending(opening: u64, reducing: u64) -> Pending {
    Pending { opening: Quantity(opening), reducing: Quantity(reducing) }
}

#[test]
fn order_size_is_counted_in_lots() {
    let check = |lots, want: &str| {
        let bounds = Bounds { order_size: Some(Quantity(10)), ..Bounds::default() };
        assert_eq!(says(&mut bounded(bounds), &buy(lots), &facts(0)), want);
    };
    check(9, "ok");
    check(10, "ok");
    check(11, "order_size: 11 lots, the limit is 10 lots");
}

#[test]
fn order_notional_is_the_value_of_the_whole_order() {
    let check = |value: Option<&str>, want: &str| {
        let bounds = Bounds { order_notional: Some(whole(500)), ..Bounds::default() };
        let value = value.map(|text| Money::parse(text).expect("money"));
        let facts = Facts { value, ..facts(0) };
        assert_eq!(says(&mut bounded(bounds), &buy(5), &facts), want);
    };
    check(Some("499.99999999"), "ok");
    check(Some("500"), "ok");
    check(Some("500.00000001"), "order_notional: 500.00000001, the limit is 500.00");
    check(Some("-501"), "order_notional: 501.00, the limit is 500.00"); // a price below zero
    check(None, "order_notional: unknown, the limit is 500.00");
}

#[test]
fn position_counts_what_is_held_and_what_may_still_trade() {
    let check = |held, buying, selling, ticket: Ticket, want: &str| {
        let bounds = Bounds { position: Some(Quantity(10)), ..Bounds::default() };
        let facts = Facts { held, buying, selling, ..facts(0) };
        assert_eq!(says(&mut bounded(bounds), &ticket, &facts), want);
    };
    let none = pending(0, 0);
    check(4, none, none, buy(5), "ok");
    check(4, none, none, buy(6), "ok"); // 4 + 6
    check(4, none, none, buy(7), "position: 11 lots, the limit is 10 lots");
    check(-4, none, none, sell(7), "position: 11 lots, the limit is 10 lots");
    check(4, pending(2, 0), none, buy(4), "ok"); // 4 + 2 + 4
    check(4, pending(2, 0), none, buy(5), "position: 11 lots, the limit is 10 lots");
    check(4, none, pending(0, 8), buy(6), "ok"); // stop and target take off at most
    check(-4, none, none, buy(14), "ok"); // −4 + 14
    check(-4, none, none, buy(15), "cut to 4 (position: 11 lots, the limit is 10 lots)");
    check(-4, pending(0, 4), none, buy(10), "ok"); // its stop first: 0 + 10
    check(-4, pending(0, 4), none, buy(11), "cut to 4 (position: 11 lots, the limit is 10 lots)");
    check(14, none, none, sell(9), "ok"); // over the limit already: the way down is open
    check(14, none, none, buy(1), "position: 15 lots, the limit is 10 lots");
}

#[test]
fn position_notional_is_taken_at_the_price_of_the_order() {
    // 5 lots for 100: 20 a lot.
    let check = |held, bound: &str, want: &str| {
        let bound = Some(Money::parse(bound).expect("money"));
        let bounds = Bounds { position_notional: bound, ..Bounds::default() };
        let facts = Facts { held, ..facts(0) };
        assert_eq!(says(&mut bounded(bounds), &buy(5), &facts), want);
    };
    check(5, "200.00000001", "ok");
    check(5, "200", "ok");
    check(5, "199.99999999", "position_notional: 200.00, the limit is 199.99999999");
    check(-3, "40", "ok"); // −3 + 5 = 2 lots
    check(-3, "39", "cut to 3 (position_notional: 40.00, the limit is 39.00)");
}

#[test]
fn bounds_of_an_instrument_go_before_those_of_all() {
    let lots = |lots| Bounds { order_size: Some(Quantity(lots)), ..Bounds::default() };
    let collar = Bounds { price_collar: Some(Distance::Ticks(1)), ..Bounds::default() };
    let (bounds, instruments) = (lots(10), vec![(InstrumentId(2), collar), (Y, lots(20))]);
    let mut gate = gate(Limits { bounds, instruments, ..Limits::default() });
    let mut check = |instrument, size, want: &str| {
        let ticket = Ticket { instrument, ..buy(size) };
        assert_eq!(says(&mut gate, &ticket, &facts(0)), want);
    };
    check(X, 11, "order_size: 11 lots, the limit is 10 lots");
    check(Y, 20, "ok");
    check(Y, 21, "order_size: 21 lots, the limit is 20 lots");
    check(InstrumentId(2), 11, "order_size: 11 lots, the limit is 10 lots"); // falls back
}

#[test]
fn exposure_is_what_is_held_works_and_is_asked() {
    let check = |(gross, opening): (i64, i64), value, want: &str| {
        let (gross, opening) = (whole(gross), whole(opening));
        let facts = Facts { gross, opening, value: Some(whole(value)), ..facts(0) };
        let exposure = Some(whole(1_000));
        let mut gate = gate(Limits { exposure, ..Limits::default() });
        assert_eq!(says(&mut gate, &buy(5), &facts), want);
    };
    check((700, 200), 99, "ok");
    check((700, 200), 100, "ok");
    check((700, 200), 101, "exposure: 1001.00, the limit is 1000.00");
}

#[test]
fn an_order_that_turns_a_position_round_closes_first() {
    // Ten lots held for 600, all there is; the order sells at 50 a lot.
    let check = |lots: u64, works, want: &str| {
        let value = Some(whole(50 * i64::try_from(lots).expect("small")));
        let (gross, held_value) = (whole(600), whole(600));
        let facts = Facts { held: 10, gross, held_value, selling: works, value, ..facts(0) };
        let exposure = Some(whole(600));
        let mut gate = gate(Limits { exposure, ..Limits::default() });
        assert_eq!(says(&mut gate, &sell(lots), &facts), want);
    };
    check(10, pending(0, 0), "ok"); // an exit
    check(22, pending(0, 0), "ok"); // 600 − 600 + 12 × 50
    check(23, pending(0, 0), "cut to 10 (exposure: 650.00, the limit is 600.00)");
    // A stop for 4 may close those: the order is sure to close 6 only, 600 − 360 + 7 × 50.
    check(13, pending(0, 4), "ok");
    check(14, pending(0, 4), "cut to 10 (exposure: 640.00, the limit is 600.00)");
}

#[test]
fn leverage_is_exposure_over_equity() {
    let check = |value: &str, equity, want: &str| {
        let value = Some(Money::parse(value).expect("money"));
        let facts = Facts { gross: whole(1_500), value, equity: whole(equity), ..facts(0) };
        let mut gate = gate(Limits { leverage: Some(rate("2")), ..Limits::default() });
        assert_eq!(says(&mut gate, &buy(5), &facts), want);
    };
    check("499.99999999", 1_000, "ok");
    check("500", 1_000, "ok");
    check("500.001", 1_000, "leverage: 2.000001, the limit is 2");
    check("500", 0, "leverage: unknown, the limit is 2");
    check("500", -5, "leverage: unknown, the limit is 2");
}

#[test]
fn order_rate_slides_and_counts_exits_without_stopping_them() {
    let order_rate = Some(OrderRate { orders: 2, span: secs(10) });
    let mut gate = gate(Limits { order_rate, ..Limits::default() });
    let mut check = |now, held, ticket: Ticket, want: &str| {
        assert_eq!(says(&mut gate, &ticket, &Facts { held, ..facts(now) }), want);
    };
    check(0, 0, buy(1), "ok");
    check(4, 0, buy(1), "ok");
    check(9, 0, buy(1), "order_rate: 3, the limit is 2"); // 0, 4 and 9 within 10 s
    check(10, 0, buy(1), "ok"); // 0 is 10 s ago: out of the span
    check(11, 5, sell(1), "ok"); // an exit passes a full span …
    check(14, 5, buy(1), "order_rate: 3, the limit is 2"); // … and counts: 10 and 11
    check(15, 5, sell(6), "cut to 5 (order_rate: 3, the limit is 2)");
    check(20, 0, buy(1), "order_rate: 3, the limit is 2"); // 11 and 15
    check(21, 0, buy(1), "ok");
}

#[test]
fn working_orders_count_the_new_one() {
    let check = |working, want: &str| {
        let mut gate = gate(Limits { working_orders: Some(3), ..Limits::default() });
        assert_eq!(says(&mut gate, &buy(1), &Facts { working, ..facts(0) }), want);
    };
    check(1, "ok");
    check(2, "ok");
    check(3, "working_orders: 4, the limit is 3");
}

#[test]
fn no_price_of_an_order_lies_outside_the_collar() {
    let check = |reference, collar, kind: OrderKind, expected, want: &str| {
        let bounds = Bounds { price_collar: Some(collar), ..Bounds::default() };
        let reference = Some(Reference { price: Price(reference), time: at(0) });
        let facts = Facts { reference, expected, ..facts(0) };
        assert_eq!(says(&mut bounded(bounds), &buy(1).of(kind), &facts), want);
    };
    let limit = |price| OrderKind::Limit { price: Price(price) };
    let five = Distance::Fraction(rate("0.05"));
    check(1_000, five, limit(951), None, "ok");
    check(1_000, five, limit(950), None, "ok");
    check(1_000, five, limit(949), None, "price_collar: 949 ticks, the limit is 950 ticks");
    check(1_000, five, limit(1_050), None, "ok");
    check(1_000, five, limit(1_051), None, "price_collar: 1051 ticks, the limit is 1050 ticks");
    check(999, five, limit(1_048), None, "ok"); // 49.95 ticks: 49 whole ones
    check(999, five, limit(1_049), None, "price_collar: 1049 ticks, the limit is 1048 ticks");
    check(-100, five, limit(-105), None, "ok");
    check(-100, five, limit(-106), None, "price_collar: -106 ticks, the limit is -105 ticks");
    check(0, Distance::Ticks(3), limit(3), None, "ok");
    check(0, Distance::Ticks(3), limit(-4), None, "price_collar: -4 ticks, the limit is -3 ticks");
    let stop =
        |trigger, price| OrderKind::StopLimit { trigger: Price(trigger), price: Price(price) };
    check(1_000, five, stop(1_040, 1_050), None, "ok");
    check(
        1_000,
        five,
        stop(1_060, 1_050),
        None,
        "price_collar: 1060 ticks, the limit is 1050 ticks",
    );
    check(1_000, five, OrderKind::Market, None, "ok");
    check(1_000, five, OrderKind::Market, Some(Price(1_050)), "ok");
    let far = Some(Price(1_051));
    check(1_000, five, OrderKind::Market, far, "price_collar: 1051 ticks, the limit is 1050 ticks");
    let trail = OrderKind::Trailing { distance: Distance::Ticks(9), from: far };
    check(1_000, five, trail, None, "price_collar: 1051 ticks, the limit is 1050 ticks");
}

#[test]
fn a_price_without_a_market_is_refused_by_a_collar() {
    let bounds = Bounds { price_collar: Some(Distance::Ticks(3)), ..Bounds::default() };
    let facts = Facts { reference: None, ..facts(0) };
    let limit = buy(1).of(OrderKind::Limit { price: Price(7) });
    let want = "price_collar: 7 ticks, the limit is unknown";
    assert_eq!(says(&mut bounded(bounds), &limit, &facts), want);
}

#[test]
fn the_same_order_does_not_come_twice_within_a_span() {
    let mut gate = gate(Limits { duplicate: Some(secs(5)), ..Limits::default() });
    let mut check = |now, held, ticket: Ticket, want: &str| {
        assert_eq!(says(&mut gate, &ticket, &Facts { held, ..facts(now) }), want);
    };
    let limit = |price| buy(1).of(OrderKind::Limit { price: Price(price) });
    check(0, 0, limit(100), "ok");
    check(4, 0, limit(100), "duplicate: 4s, the limit is 5s");
    check(4, 0, limit(101), "ok"); // another price,
    check(4, 0, Ticket { quantity: Quantity(2), ..limit(100) }, "ok"); // size,
    check(4, 0, Ticket { side: Side::Sell, ..limit(100) }, "ok"); // side,
    check(4, 0, Ticket { instrument: Y, ..limit(100) }, "ok"); // instrument,
    check(4, 0, Ticket { leg: Leg::Long, ..limit(100) }, "ok"); // leg,
    check(4, 0, buy(1).of(OrderKind::Stop { trigger: Price(100) }), "ok"); // kind
    check(5, 0, limit(100), "ok"); // what was refused at 4 does not count
    check(9, 0, limit(100), "duplicate: 4s, the limit is 5s");
    check(9, 7, sell(1), "ok"); // exits may come as often as they like
    check(9, 7, sell(1), "ok");
}

#[test]
fn more_different_orders_than_are_remembered_are_refused() {
    let mut gate = gate(Limits { duplicate: Some(secs(5)), ..Limits::default() });
    for lots in 1..=4_096 {
        assert_eq!(says(&mut gate, &buy(lots), &facts(0)), "ok");
    }
    assert_eq!(says(&mut gate, &buy(5_000), &facts(4)), "duplicate: 4097, the limit is 4096");
    assert_eq!(says(&mut gate, &sell(9), &Facts { held: 9, ..facts(4) }), "ok");
    assert_eq!(says(&mut gate, &buy(5_000), &facts(5)), "ok");
}

#[test]
fn an_old_price_is_no_price() {
    let check = |now, reference: Option<i64>, want: &str| {
        let bounds = Bounds { stale_price: Some(secs(60)), ..Bounds::default() };
        let reference = reference.map(|time| Reference { price: Price(100), time: at(time) });
        let facts = Facts { reference, ..facts(now) };
        assert_eq!(says(&mut bounded(bounds), &buy(1), &facts), want);
    };
    check(159, Some(100), "ok");
    check(160, Some(100), "ok");
    check(161, Some(100), "stale_price: 1m 1s, the limit is 1m");
    check(0, None, "stale_price: unknown, the limit is 1m");
}

#[test]
fn what_overflows_is_refused() {
    let bounds = Bounds { position_notional: Some(whole(1)), ..Bounds::default() };
    let facts = Facts { value: Some(Money(i128::MAX)), held: i64::MAX, ..facts(0) };
    let want = "position_notional: unknown, the limit is 1.00";
    assert_eq!(says(&mut bounded(bounds), &buy(2), &facts), want);
    let (leverage, gross) = (Some(rate("9")), Money(i128::MAX));
    let mut gate = gate(Limits { leverage, ..Limits::default() });
    assert_eq!(
        says(&mut gate, &buy(2), &Facts { gross, ..facts }),
        "leverage: unknown, the limit is 9"
    );
}

#[test]
fn what_is_left_of_a_cut_order_is_an_order_that_reduces() {
    use engine::order::Restrictions;
    let bounds = Bounds { position: Some(Quantity(1)), ..Bounds::default() };
    let asked = Ticket { display: Some(Quantity(8)), ..sell(9) };
    let pass = bounded(bounds).check(&asked, &Facts { held: 5, ..facts(0) }).expect("its exit");
    let want = Ticket { quantity: Quantity(5), display: Some(Quantity(5)), ..asked };
    assert_eq!(pass.ticket(&asked), want.restricted(Restrictions::REDUCE_ONLY));
}
