//! Orders of accounts on margin, with two legs, in several currencies; fees by volume.

use crate::scene::{Scene, listing};
use engine::exchange::{Exchange, FeeTerms, Feed, Model, Terms};
use market::{Currency, Listing, Money, Rate, Settlement};
use portfolio::{
    AccountTerms, Borrowing, FeeSchedule, FeeTier, InstrumentId, Ledger, MarginTiers, PositionMode,
};

fn money(text: &str) -> Money {
    Money::parse(text).expect("money")
}

fn rate(text: &str) -> Rate {
    Rate::parse(text).expect("a rate")
}

/// On margin: a tenth to take a position on, a twentieth to keep it.
fn margined(cash: &str, mode: PositionMode) -> (Listing, Ledger) {
    let listing = Listing { settlement: Settlement::Margin, ..listing() };
    let tiers = MarginTiers::flat(rate("0.1"), rate("0.05")).expect("they fit");
    let margin = vec![(InstrumentId(0), tiers)];
    let terms = AccountTerms { margin, mode, ..AccountTerms::cash(Currency::USD, money(cash)) };
    let ledger = Ledger::on(terms, std::slice::from_ref(&listing)).expect("sound terms");
    (listing, ledger)
}

/// With 100.00 on margin, at a price of 10.00.
#[track_caller]
fn case(mode: PositionMode, fees: &str, script: &str, want: &str) {
    let (listing, ledger) = margined("100", mode);
    let terms = Terms { fees: FeeTerms::new(rate(fees), rate(fees)), ..Terms::of(Model::Touch) };
    let mut scene = Scene::new(&terms, listing, "0").with(ledger);
    assert_eq!(scene.play(&format!("quote 1000 1000; {script}")), want, "{script}");
}

#[test]
fn an_order_on_margin_needs_its_initial_margin_and_its_fee() {
    let check = |script: &str, want: &str| case(PositionMode::Netted, "0", script, want);
    // 100 × 10.00 × 10 % = 100.00.
    check("buy 100", "1 took 100@1000");
    check("sell 100", "1 took 100@1000");
    check("buy 101", "1 refused 101: cash 101.00 of 100.00");
    check("buy 250 shrink", "1 took 100@1000; 1 refused 150: cash 250.00 of 100.00");
    // 91 × 10.00 × (10 % + 1 %) = 100.10.
    let check = |script: &str, want: &str| case(PositionMode::Netted, "0.01", script, want);
    check("buy 90", "1 took 90@1000");
    check("buy 91", "1 refused 91: cash 100.10 of 100.00");
    check("buy 91 shrink", "1 took 90@1000; 1 refused 1: cash 100.10 of 100.00");
}

#[test]
fn what_a_position_lost_cannot_be_used_again() {
    let check = |script: &str, want: &str| case(PositionMode::Netted, "0", script, want);
    // 50 bought at 10.00 stand at 9.00: equity 50.00, margin 45.00.
    check("buy 50; quote 900 900; mark 900; buy 5", "1 took 50@1000; 2 took 5@900");
    check(
        "buy 50; quote 900 900; mark 900; buy 6",
        "1 took 50@1000; 2 refused 6: cash 5.40 of 5.00",
    );
    // Nothing is left of the equity, and the exit works all the same.
    check("buy 100; quote 900 900; mark 900; sell 100", "1 took 100@1000; 2 took 100@900");
    check("buy 100; quote 100 100; mark 100; sell 100 reduce", "1 took 100@1000; 2 took 100@100");
}

#[test]
fn a_position_on_margin_turns_round_on_what_it_has() {
    let check = |script: &str, want: &str| case(PositionMode::Netted, "0", script, want);
    // From 100 to −100 needs nothing more; to −101 it is 1.00.
    check("buy 100; sell 200", "1 took 100@1000; 2 took 200@1000");
    check(
        "buy 100; sell 201",
        "1 took 100@1000; 2 took 100@1000; 2 refused 101: cash 1.00 of 0.00",
    );
    check(
        "buy 100; sell 201 shrink",
        "1 took 100@1000; 2 took 200@1000; 2 refused 1: cash 1.00 of 0.00",
    );
}

#[test]
fn legs_need_margin_each_and_never_turn_round() {
    let check = |script: &str, want: &str| case(PositionMode::Hedged, "0", script, want);
    let both = "buy 50 leg long; sell 50 leg short";
    let held = "1 took 50@1000; 2 took 50@1000";
    check(both, held);
    check(
        "buy 50 leg long; sell 51 leg short",
        "1 took 50@1000; 2 refused 51: cash 51.00 of 50.00",
    );
    check(
        &format!("{both}; sell 60 leg long; buy 50 leg short"),
        &format!("{held}; 3 took 50@1000; 3 refused 10: nothing to close; 4 took 50@1000"),
    );
    check("sell 1 leg long", "1 refused 1: nothing to close");
    check("buy 1", "1 refused 1: unsupported");
    case(PositionMode::Netted, "0", "buy 1 leg long", "1 refused 1: unsupported");
}

#[test]
fn a_plan_through_a_book_is_paid_at_its_dearest_level() {
    let (listing, ledger) = margined("100", PositionMode::Netted);
    let terms = Terms::of(Model::Book(Feed::Depth));
    let scene = || Scene::new(&terms, listing.clone(), "0").with(ledger.clone());
    let asks = "ask 1000 50; ask 1100 50";
    // 100 × 11.00 × 10 % = 110.00 is asked, although 105.00 would be used.
    let whole = format!("{asks}; buy 100 fok");
    assert_eq!(scene().play(&whole), "1 refused 100: cash 110.00 of 100.00");
    let part = format!("{asks}; buy 90 fok");
    assert_eq!(scene().play(&part), "1 took 50@1000; 1 took 40@1100");
}

#[test]
fn another_currency_needs_what_it_is_worth() {
    let mut listing = listing();
    listing.instrument.currency = "EUR".parse().expect("a currency");
    let scene = |borrowing| {
        let terms = AccountTerms { borrowing, ..AccountTerms::cash(Currency::USD, money("120")) };
        let mut ledger = Ledger::on(terms, std::slice::from_ref(&listing)).expect("sound terms");
        ledger.set_rate(listing.instrument.currency, rate("1.2")).expect("positive");
        Scene::new(&Terms::of(Model::Touch), listing.clone(), "0").with(ledger)
    };
    // 10 × 10.00 EUR are 120.00 USD; the account owes the euros.
    let play = |script: &str| scene(Borrowing::Allowed).play(&format!("quote 1000 1000; {script}"));
    assert_eq!(play("buy 10"), "1 took 10@1000");
    assert_eq!(play("buy 11"), "1 refused 11: cash 132.00 of 120.00");
    // Who may not borrow has none.
    let mut strict = scene(Borrowing::Forbidden);
    assert_eq!(strict.play("quote 1000 1000; buy 1"), "1 refused 1: cash 12.00 of 0.00");
}

/// A tenth of a per cent; from 1,000.00 in thirty days on half of that.
fn schedule(minimum: Option<&str>) -> FeeSchedule {
    let tier = |volume, of| FeeTier { volume: money(volume), maker: rate(of), taker: rate(of) };
    let tiers = vec![tier("0", "0.001"), tier("1000", "0.0005")];
    FeeSchedule::new(tiers, minimum.map(money)).expect("they fit")
}

fn tiered(model: Model, minimum: Option<&str>, cash: &str) -> Scene {
    let mut scene = Scene::new(&Terms::of(model), listing(), cash);
    scene.exchange = Exchange::new(Terms::of(model), &[listing()]).metered(schedule(minimum));
    scene
}

#[test]
fn a_day_pays_by_the_volume_before_it() {
    let mut scene = tiered(Model::Touch, None, "100000");
    scene.play("quote 1000 1000; buy 100; buy 100");
    assert_eq!(scene.books.ledger.fees().to_string(), "2.00", "the day's own volume is no reason");
    scene.play("pass 86400000000000; quote 1000 1000; sell 100");
    assert_eq!(scene.books.ledger.fees().to_string(), "2.50");
}

#[test]
fn the_least_fee_is_paid_once_an_order() {
    let mut scene = tiered(Model::Book(Feed::Best), Some("1"), "100000");
    let partly = "quote 999 1000 5 5; buy 10; quote 999 1001 5 5";
    assert_eq!(scene.play(partly), "1 took 5@1000; 1 rests; 1 took 5@1001");
    assert_eq!(scene.books.ledger.fees().to_string(), "1.00");
    scene.play("quote 999 1000 5 5; buy 1");
    assert_eq!(scene.books.ledger.fees().to_string(), "2.00");
}

#[test]
fn an_order_is_cut_to_what_pays_its_least_fee_too() {
    let mut scene = tiered(Model::Touch, Some("1"), "100.5");
    let play = scene.play("quote 1000 1000; buy 10 shrink");
    assert_eq!(play, "1 took 9@1000; 1 refused 1: cash 101.00 of 100.50");
}
