//! What every model shares: the venue's rules, cash, groups, cancels, splits, capabilities.

use crate::scene::{Scene, check, listing, ticket};
use engine::{
    exchange::{Capabilities, FeeTerms, Model, Passed, Terms},
    order::{Change, Order, OrderId},
};
use market::{Instrument, Listing, Money, Pricing, Quantity, Rate, Scale, Timestamp};
use portfolio::InstrumentId;

fn touch() -> Terms {
    Terms::of(Model::Touch)
}

#[track_caller]
fn case(script: &str, want: &str) {
    check(&touch(), script, want);
}

/// Steps of 5 ticks, sizes of 10 to 100 by 5, worth 8.00 at least.
fn strict() -> Listing {
    Listing {
        price_step: 5,
        size_step: 5,
        size_min: Quantity(10),
        size_max: Quantity(100),
        notional_min: Money::from_whole(8),
        ..listing()
    }
}

#[test]
fn the_venues_rules_refuse_with_value_and_bound() {
    let check = |script: &str, want: &str| {
        let mut scene = Scene::new(&touch(), strict(), "1000000");
        assert_eq!(scene.play(script), want, "{script}");
    };
    check("buy 10 limit 101", "1 refused 10: 101 off 5");
    check("buy 10 limit 0", "1 refused 10: 0 off 5");
    check("buy 10 limit -5", "1 refused 10: -5 off 5");
    check("buy 10 stop 103", "1 refused 10: 103 off 5");
    check("buy 10 stop 105 limit 104", "1 refused 10: 104 off 5");
    check("buy 10 trail 5 from 104", "1 refused 10: 104 off 5");
    check("buy 0 limit 100", "1 refused 0: no lot");
    check("buy 5 limit 100", "1 refused 5: size 5");
    check("buy 12 limit 100", "1 refused 12: size 12");
    check("buy 105 limit 100", "1 refused 105: size 105");
    // 10 × 0.75 = 7.50; a market order is worth what the ask makes of it.
    check("buy 10 limit 75", "1 refused 10: worth 7.50 of 8.00");
    check("quote 70 75; buy 10", "1 refused 10: worth 7.50 of 8.00");
    check("quote 70 80; buy 10", "1 took 10@80");
    // Exits are exempt: a position is never stranded.
    check("hold 3@100; quote 70 75; sell 3 reduce", "1 took 3@70");
}

#[test]
fn spreads_may_be_priced_at_zero_and_below() {
    let signed = Listing { pricing: Pricing::Signed, ..listing() };
    let mut scene = Scene::new(&touch(), signed, "1000");
    assert_eq!(
        scene.play("quote -3 -1; buy 10 limit -2; sell 10 limit 0; quote -5 -4; print 1 5"),
        "1 rests; 2 rests; 1 made 10@-2; 2 made 10@0"
    );
    // A share at zero or below is no price.
    case(
        "quote 99 101; buy 10 limit 90; print 0 5; quote -1 1; quote 0 1; buy 1",
        "1 rests; 2 took 1@101",
    );
    check(&Terms::of(Model::NextOpen), "buy 10; bar 5 6 0 5", "1 rests");
}

#[test]
fn an_entry_needs_its_notional_and_fee_to_the_last_unit() {
    let rate = |text| Rate::parse(text).unwrap();
    let terms = Terms { fees: FeeTerms::new(rate("0.0002"), rate("0.001")), ..touch() };
    let check = |cash: &str, script: &str, want: &str| {
        let mut scene = Scene::new(&terms, listing(), cash);
        assert_eq!(scene.play(&format!("quote 1000 1000; {script}")), want, "{script}");
    };
    // 10 × 10.00 = 100.00, fee 0.10.
    check("100.1", "buy 10", "1 took 10@1000");
    check("100.09999999", "buy 10", "1 refused 10: cash 100.10 of 100.09999999");
    check(
        "100.09999999",
        "buy 10 shrink",
        "1 took 9@1000; 1 refused 1: cash 100.10 of 100.09999999",
    );
    check("5", "buy 10 shrink", "1 refused 10: cash 100.10 of 5.00");
    // A maker pays 0.02.
    check("100.02", "buy 10 limit 999; quote 900 901", "1 rests; 1 made 10@999");
    // A short sale takes on exposure like a purchase.
    check("100.1", "sell 10", "1 took 10@1000");
    check("100", "sell 10", "1 refused 10: cash 100.10 of 100.00");
}

#[test]
fn rounding_never_takes_the_cash_below_zero() {
    // 0.01 at 3454e-8 is 34.54e-8, rounded 35e-8; a tenth of it is 3.5e-8, rounded 4e-8. Exactly it
    // is 37.994e-8, which 38e-8 would pay.
    let mut fine = listing();
    fine.instrument.price_scale = Scale::new(8).unwrap();
    fine.instrument.lot_scale = Scale::CENTS;
    let tenth = Rate::parse("0.1").unwrap();
    let terms = Terms { fees: FeeTerms::new(tenth, tenth), ..touch() };
    let play =
        |cash: &str| Scene::new(&terms, fine.clone(), cash).play("quote 1 3454; buy 1 shrink");
    assert_eq!(play("0.00000039"), "1 took 1@3454");
    assert_eq!(play("0.00000038"), "1 refused 1: cash 0.00000039 of 0.00000038");
}

#[test]
fn what_closes_is_never_refused_for_cash() {
    // All cash is in the position.
    let play = |cash: &str, script: &str| Scene::new(&touch(), listing(), cash).play(script);
    assert_eq!(play("100", "hold 100@100; quote 50 50; sell 100"), "1 took 100@50");
    assert_eq!(play("100", "hold 100@100; quote 50 50; sell 100 reduce"), "1 took 100@50");
    // A short of 100 at 1.00 that stands at 3.00 can be bought back.
    assert_eq!(play("100", "hold -100@100; quote 300 300; buy 100"), "1 took 100@300");
    // Turning round: selling 100 brings 50.00, which carries a short of 100 at 0.50.
    assert_eq!(play("100", "hold 100@100; quote 50 50; sell 200"), "1 took 200@50");
    assert_eq!(
        play("100", "hold 100@100; quote 50 50; sell 201"),
        "1 took 100@50; 1 refused 101: cash 50.50 of 50.00"
    );
    // From short to long: 100 + 50 are in hand, 50 go for the short at 0.50, 100 are left.
    assert_eq!(play("100", "hold -100@50; quote 50 50; buy 300"), "1 took 300@50");
    assert_eq!(
        play("100", "hold -100@50; quote 50 50; buy 301 shrink"),
        "1 took 300@50; 1 refused 1: cash 100.50 of 100.00"
    );
}

#[test]
fn reduce_only_is_cut_to_what_is_held() {
    case("quote 99 101; sell 10 reduce", "1 refused 10: nothing to close");
    case("hold 4@100; quote 99 101; sell 10 reduce", "1 took 4@99; 1 refused 6: nothing to close");
    case("hold 4@100; quote 99 101; buy 10 reduce", "1 refused 10: nothing to close");
    case("hold -4@100; quote 99 101; buy 4 reduce", "1 took 4@101");
    case("hold 4@100; quote 99 101; sell 10 reduce fok", "1 refused 10: nothing to close");
}

#[test]
fn fees_are_makers_takers_and_the_liquidators() {
    let rate = |text| Rate::parse(text).unwrap();
    let fees = FeeTerms::new(rate("-0.0001"), rate("0.001")).liquidating(rate("0.005"));
    let check = |script: &str, want: &str| {
        let mut scene = Scene::new(&Terms { fees, ..touch() }, listing(), "1000000");
        scene.play(script);
        let fee = scene.books.updates.iter().rev().find_map(|update| match update.change {
            Change::Filled(fill) => Some(fill.fee.to_string()),
            _ => None,
        });
        assert_eq!(fee.as_deref(), Some(want), "{script}");
    };
    check("quote 999 1000; buy 10", "0.10"); // 100.00 × 0.1 %
    check("quote 999 1001; buy 10 limit 1000; quote 998 999", "-0.01"); // a rebate of 0.01 %
    check("hold 10@900; quote 1000 1001; liquidate", "0.60"); // 0.1 % + 0.5 %
}

#[test]
fn one_cancels_the_others_here_and_elsewhere() {
    case(
        "quote 99 101; buy 5 limit 98 group 1; sell 5 limit 102 group 1; quote 96 97",
        "1 rests; 2 rests; 1 made 5@98; 2 cancelled 5",
    );
    // Of another group, or of none.
    case(
        "quote 99 101; buy 5 limit 98 group 1; sell 5 limit 102 group 2; quote 96 97",
        "1 rests; 2 rests; 1 made 5@98",
    );
    let two = [listing(), Listing::of(Instrument::share("Y".parse().unwrap()))];
    let mut scene = Scene::of(&touch(), &two, "1000000");
    assert_eq!(
        scene.play("quote 99 101; Y quote 9 11; buy 5 limit 98 group 1; Y buy 5 limit 8 group 1; quote 96 97"),
        "1 rests; 2 rests; 1 made 5@98; 2 cancelled 5"
    );
    assert!(scene.exchange.is_idle(InstrumentId(1)));
    assert_eq!(scene.exchange.working(InstrumentId(1)).count(), 0);
}

#[test]
fn a_partial_exit_leaves_the_stop_in_place() {
    let book = Terms::of(Model::Book(engine::exchange::Feed::Depth));
    let bracket = "hold 10@100; bid 99 50; ask 103 5; sell 10 limit 102 reduce group 1; sell 10 stop 95 reduce group 1; ";
    check(
        &book,
        &format!("{bracket}print 102 4 by buyer; bid 99 0; bid 94 50"),
        "1 rests; 2 rests; 1 made 4@102; 2 wakes; 2 took 6@94; 2 refused 4: nothing to close",
    );
    check(
        &book,
        &format!("{bracket}print 102 4 by buyer; print 102 6 by buyer"),
        "1 rests; 2 rests; 1 made 4@102; 1 made 6@102; 2 cancelled 10",
    );
}

#[test]
fn a_group_that_trades_withdraws_what_is_on_its_way() {
    let mut terms = touch();
    terms.latency.entry.nanos = 15;
    // 1 arrives at 25 and trades on 30; 2 was sent at 20 and arrives at 35.
    check(
        &terms,
        "quote 99 101; buy 5 limit 98 group 1; quote 99 101; buy 5 limit 97 group 1; quote 90 91; quote 90 91",
        "1 rests; 1 made 5@98; 2 cancelled 5",
    );
}

#[test]
fn cancels_and_amendments_that_come_to_nothing_change_nothing() {
    case("quote 99 101; cancel 7", "7 unchanged: unknown");
    case("quote 99 101; amend 7 size 3", "7 unchanged: unknown");
    case(
        "quote 99 101; buy 5 limit 98; cancel 1; cancel 1; quote 90 91",
        "1 rests; 1 cancelled 5; 1 unchanged: unknown",
    );
    case("quote 99 101; buy 5 limit 98; amend 1 trigger 99", "1 rests; 1 unchanged: unsupported");
    case("quote 99 101; buy 5 stop 105; amend 1 price 99", "1 rests; 1 unchanged: unsupported");
    case(
        "quote 99 101; buy 5 stop 105; amend 1 trigger 101",
        "1 rests; 1 unchanged: 101 passed by 101",
    );
    case(
        "quote 99 101; buy 5 stop 105; amend 1 trigger 103; quote 101 103",
        "1 rests; 1 is 5; 1 wakes; 1 took 5@103",
    );
    case(
        "quote 99 101; buy 5 limit 98 post; amend 1 price 101",
        "1 rests; 1 unchanged: would take 101 at 101",
    );
    case("quote 99 101; buy 5 limit 98; amend 1 price 0", "1 rests; 1 unchanged: 0 off 1");
    case("quote 99 101; buy 5 limit 98; amend 1 size 0", "1 rests; 1 cancelled 5");
    let eager = Terms { passed: Passed::Trigger, ..touch() };
    check(
        &eager,
        "quote 99 101; buy 5 stop 105; amend 1 trigger 101",
        "1 rests; 1 is 5; 1 wakes; 1 took 5@101",
    );
}

#[test]
fn a_number_is_used_once() {
    let mut scene = Scene::new(&touch(), listing(), "1000");
    scene.play("quote 99 101; buy 5 limit 98");
    let time = Timestamp::from_nanos(scene.now);
    let ticket = ticket(InstrumentId(0), &["buy", "3", "limit", "97"]);
    scene.exchange.submit(Order { id: OrderId(1), tick: 0, row: 0, time, ticket }, time);
    assert_eq!(scene.play("pass 1; quote 90 91"), "1 unchanged: duplicate; 1 made 5@98");
    assert!(scene.exchange.is_idle(InstrumentId(0)));
}

#[test]
fn splits_convert_working_orders() {
    // 2 for 1: twice the lots at half the price; limits to their better side, triggers away.
    case(
        "quote 99 101; buy 5 limit 95; sell 5 limit 105; buy 5 stop 111; sell 5 stop 89; split 2 1",
        "1 rests; 2 rests; 3 rests; 4 rests; 1 is 10; 2 is 10; 3 is 10; 4 is 10",
    );
    case(
        "quote 99 101; buy 5 limit 95; split 2 1; quote 46 47; quote 45 46",
        "1 rests; 1 is 10; 1 made 10@47",
    );
    case(
        "quote 99 101; sell 5 stop 89; split 2 1; quote 45 46; quote 44 45",
        "1 rests; 1 is 10; 1 wakes; 1 took 10@44",
    );
    // 1 for 10: what comes to less than a lot is gone.
    case(
        "quote 99 101; buy 25 limit 95; buy 9 limit 95; split 1 10",
        "1 rests; 2 rests; 1 is 2; 2 cancelled 9",
    );
    case(
        "hold 10@100; quote 100 101; sell 10 trail 10; split 2 1; quote 45 46",
        "1 rests; 1 is 20; 1 wakes; 1 took 20@45",
    );
}

#[test]
fn a_venue_takes_what_it_can() {
    let able = Capabilities::STOP.with(Capabilities::REDUCE_ONLY);
    let terms = Terms { capabilities: able, ..touch() };
    for (text, ok) in [
        ("buy 5", true),
        ("buy 5 limit 90", true),
        ("buy 5 limit 90 ioc", true),
        ("buy 5 stop 110", true),
        ("buy 5 limit 90 reduce", true),
        ("buy 5 stop 110 limit 111", false),
        ("buy 5 touched 90", false),
        ("buy 5 touched 90 limit 91", false),
        ("buy 5 trail 5", false),
        ("buy 5 limit 90 post", false),
        ("buy 5 limit 90 show 1", false),
        ("buy 5 limit 90 fok", false),
        ("buy 5 limit 90 gtd 99", false),
        ("buy 5 limit 90 group 1", false),
    ] {
        let words: Vec<_> = text.split_whitespace().collect();
        let scene = Scene::new(&terms, listing(), "1000");
        assert_eq!(scene.exchange.takes(&ticket(InstrumentId(0), &words)), ok, "{text}");
    }
    check(&terms, "quote 99 101; buy 5 trail 5", "1 refused 5: unsupported");
}

#[test]
fn orders_of_a_row_meet_their_opens_by_arrival() {
    use engine::exchange::Moment;
    use market::{Bar, Price};
    // The sale of Y pays for the purchase of X, because it was sent first.
    let two = [listing(), Listing::of(Instrument::share("Y".parse().unwrap()))];
    let play = |script: &str| {
        let mut scene = Scene::of(&Terms::of(Model::NextOpen), &two, "100");
        let mut told = scene.play(&format!("Y hold 100@100; {script}"));
        let open_time = Timestamp::from_nanos(scene.now);
        let [open, high, low, close] = [Price(100); 4];
        let bar = Bar { open_time, open, high, low, close, volume: Quantity(1) };
        let at = Moment { time: open_time, row: 3 };
        let from = scene.books.updates.len();
        let bars = [(InstrumentId(0), bar), (InstrumentId(1), bar)];
        scene.exchange.on_open(&bars, at, &mut scene.books).unwrap();
        for update in &scene.books.updates[from..] {
            told.push_str(&format!("; {}", crate::scene::told(update)));
        }
        told
    };
    assert_eq!(play("Y sell 100; buy 100"), "1 rests; 2 rests; 1 took 100@100; 2 took 100@100");
    assert_eq!(
        play("buy 100; Y sell 100"),
        "1 rests; 2 rests; 1 refused 100: cash 100.00 of 0.00; 2 took 100@100"
    );
}

#[test]
fn an_open_is_over_for_what_came_after_it() {
    use engine::exchange::Moment;
    use market::{Bar, Price};
    let mut scene = Scene::new(&Terms::of(Model::NextOpen), listing(), "100");
    scene.play("pass 5; buy 10");
    let [open, high, low, close] = [Price(100); 4];
    let open_time = Timestamp::from_nanos(0);
    let bar = Bar { open_time, open, high, low, close, volume: Quantity(1) };
    let at = Moment { time: Timestamp::from_nanos(10), row: 0 };
    scene.exchange.on_open(&[(InstrumentId(0), bar)], at, &mut scene.books).unwrap();
    assert_eq!(scene.books.updates.len(), 1); // it rests
}

#[test]
fn idle_is_told_by_what_works_and_what_is_on_its_way() {
    let mut terms = touch();
    terms.latency.entry.nanos = 5;
    let mut scene = Scene::new(&terms, listing(), "1000");
    let id = InstrumentId(0);
    scene.play("quote 99 101");
    assert!(scene.exchange.is_idle(id) && scene.exchange.is_idle(InstrumentId(9)));
    scene.play("buy 5 limit 98 gtd 100");
    assert!(!scene.exchange.is_idle(id));
    assert_eq!(scene.exchange.deadline(), Some(Timestamp::from_nanos(15)));
    scene.play("pass 5");
    assert_eq!(scene.exchange.deadline(), Some(Timestamp::from_nanos(101)));
    assert_eq!(scene.exchange.working(id).map(|r| r.order.id.0).collect::<Vec<_>>(), [1]);
    assert_eq!(scene.play("pass 85"), "");
    assert_eq!(scene.play("pass 1"), "1 expired 5");
    assert!(scene.exchange.is_idle(id) && scene.exchange.deadline().is_none());
    // What ended before its time leaves nothing to wake for.
    scene.play("buy 5 limit 98 gtd 500; pass 5; cancel 2; pass 5; buy 5 gtd 500; pass 5");
    assert!(scene.exchange.is_idle(id) && scene.exchange.deadline().is_none());
}
