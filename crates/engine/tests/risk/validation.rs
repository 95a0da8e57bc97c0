//! Limits that cannot be meant name their key and the fix.

use super::*;
use engine::order::Distance;
use engine::risk::{
    DailyLoss, Day, Drawdown, OrderRate, Protection, Reach, Restraint, Sides, Threshold,
};

#[test]
fn limits_that_cannot_be_meant_name_the_key_and_the_fix() {
    let refuse = |limits: Limits, want: &str| {
        assert_eq!(Gate::new(limits).expect_err("nonsense").to_string(), want);
    };
    let none = Limits::default();
    let zero =
        |key: &str| format!("{key}: must be more than 0; to leave it unlimited, leave the key out");
    let bounds = |bounds| Limits { bounds, ..Limits::default() };
    let free = Bounds::default();
    let lots = |lots| Some(Quantity(lots));
    refuse(bounds(Bounds { order_size: lots(0), ..free }), &zero("order_size"));
    refuse(bounds(Bounds { order_notional: Some(whole(-1)), ..free }), &zero("order_notional"));
    refuse(bounds(Bounds { position: lots(0), ..free }), &zero("position"));
    refuse(
        bounds(Bounds { position_notional: Some(whole(0)), ..free }),
        &zero("position_notional"),
    );
    refuse(bounds(Bounds { stale_price: Some(secs(0)), ..free }), &zero("stale_price"));
    refuse(
        bounds(Bounds { price_collar: Some(Distance::Ticks(0)), ..free }),
        &zero("price_collar"),
    );
    refuse(Limits { exposure: Some(whole(0)), ..none.clone() }, &zero("exposure"));
    refuse(Limits { leverage: Some(rate("-1")), ..none.clone() }, &zero("leverage"));
    refuse(Limits { working_orders: Some(0), ..none.clone() }, &zero("working_orders"));
    refuse(Limits { duplicate: Some(secs(0)), ..none.clone() }, &zero("duplicate"));
    let speed =
        |orders, span| Limits { order_rate: Some(OrderRate { orders, span }), ..Limits::default() };
    refuse(speed(0, secs(1)), &zero("order_rate.orders"));
    refuse(speed(1, secs(0)), &zero("order_rate.span"));
    refuse(speed(10_001, secs(1)), "order_rate.orders: 10001 is more than 10000; lower it");
    let then = Restraint::Halt;
    let drawdown =
        |fall| Limits { drawdown: Some(Drawdown { fall: rate(fall), then }), ..Limits::default() };
    refuse(
        drawdown("20"),
        "drawdown.fall: 20 is no fraction above 0 and below 1; write 0.2 for 20 %",
    );
    refuse(
        drawdown("0"),
        "drawdown.fall: 0 is no fraction above 0 and below 1; write 0.2 for 20 %",
    );
    let daily = |loss| Limits {
        daily_loss: Some(DailyLoss { loss, day: Day::UTC, then }),
        ..Limits::default()
    };
    refuse(daily(Threshold::Money(whole(0))), &zero("daily_loss.loss"));
    let one = Threshold::Fraction(rate("1"));
    refuse(daily(one), "daily_loss.loss: 1 is no fraction above 0 and below 1; write 0.2 for 20 %");
    refuse(
        Limits { instruments: vec![(Y, free), (X, free), (Y, free)], ..none },
        "instruments: number 1 comes twice; put its bounds together",
    );
}

#[test]
fn bounds_that_can_never_be_reached_are_refused() {
    let check = |limits: Limits, want: Option<&str>| {
        assert_eq!(Gate::new(limits).err().map(|e| e.to_string()).as_deref(), want);
    };
    let size = |order, position| Bounds {
        order_size: Some(Quantity(order)),
        position: Some(Quantity(position)),
        ..Bounds::default()
    };
    let bounds = |bounds| Limits { bounds, ..Limits::default() };
    check(bounds(size(20, 10)), None); // from −10 to +10
    check(
        bounds(size(21, 10)),
        Some(
            "order_size: 21 lots can never be reached, position allows 20 lots: lower it, or raise position",
        ),
    );
    let of_one = |one| Limits { instruments: vec![(X, one)], ..bounds(size(20, 10)) };
    let tight = Bounds { position: Some(Quantity(9)), ..Bounds::default() };
    check(
        of_one(tight),
        Some(
            "order_size: 20 lots can never be reached, position allows 18 lots: lower it, or raise position",
        ),
    );
    let money = |order, position| Bounds {
        order_notional: Some(whole(order)),
        position_notional: Some(whole(position)),
        ..Bounds::default()
    };
    check(bounds(money(200, 100)), None);
    check(
        bounds(money(201, 100)),
        Some(
            "order_notional: 201.00 can never be reached, position_notional allows 200.00: lower it, or raise position_notional",
        ),
    );
    let exposed = |exposure| Limits { exposure: Some(whole(exposure)), ..bounds(money(10, 100)) };
    check(exposed(100), None);
    check(
        exposed(99),
        Some(
            "position_notional: 100.00 can never be reached, exposure allows 99.00: lower it, or raise exposure",
        ),
    );
}

#[test]
fn protections_that_cannot_be_meant_are_refused() {
    let refuse = |protections: Vec<Protection>, want: &str| {
        let limits = Limits { protections, ..Limits::default() };
        assert_eq!(Gate::new(limits).expect_err("nonsense").to_string(), want);
    };
    let zero =
        |key: &str| format!("{key}: must be more than 0; to leave it unlimited, leave the key out");
    let (reach, sides) = (Reach::All, Sides::Together);
    let guard = |losses, span, rest| {
        let (span, rest) = (secs(span), secs(rest));
        Protection::StopLossGuard { losses, span, rest, reach, sides }
    };
    refuse(vec![guard(0, 1, 1)], &zero("stop_loss_guard.losses"));
    refuse(vec![guard(1_001, 1, 1)], "stop_loss_guard.losses: 1001 is more than 1000; lower it");
    refuse(vec![guard(1, 0, 1)], &zero("stop_loss_guard.span"));
    refuse(vec![guard(1, 1, 0)], &zero("stop_loss_guard.rest"));
    refuse(vec![guard(1, 1, 1); 33], "protections: 33 is more than 32; lower it");
    let fall = |fall, span, rest| {
        let (fall, span, rest) = (rate(fall), secs(span), secs(rest));
        vec![Protection::Drawdown { fall, span, rest }]
    };
    refuse(
        fall("1.5", 1, 1),
        "drawdown.fall: 1.5 is no fraction above 0 and below 1; write 0.2 for 20 %",
    );
    refuse(fall("0.5", 0, 1), &zero("drawdown.span"));
    refuse(fall("0.5", 1, 0), &zero("drawdown.rest"));
    let after = engine::risk::TripEnd::Win;
    refuse(vec![Protection::CoolDown { after, rest: secs(0), reach }], &zero("cool_down.rest"));
    let least = Threshold::Money(whole(0));
    let low = |trips, span, rest| {
        let (span, rest) = (secs(span), secs(rest));
        vec![Protection::LowProfit { trips, span, least, rest }]
    };
    refuse(low(0, 1, 1), &zero("low_profit.trips"));
    refuse(low(1, 0, 1), &zero("low_profit.span"));
    refuse(low(1, 1, 0), &zero("low_profit.rest"));
}
