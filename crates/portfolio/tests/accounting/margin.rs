use super::account::{FIRST, SECOND, coin_tiers, money, open, perpetual, rate, share, terms};
use super::account::{text, trade};
use market::{Currency, Listing, Price, Quantity, Side};
use portfolio::{AccountTerms, Borrowing, Ledger, Leg, MarginTiers, PositionMode};

const BUY: (Leg, Side) = (Leg::Net, Side::Buy);
const SELL: (Leg, Side) = (Leg::Net, Side::Sell);

/// Two perpetuals on margin, and this cash.
fn perpetuals(cash: &str, mode: PositionMode) -> Ledger {
    let margin = vec![(FIRST, coin_tiers()), (SECOND, coin_tiers())];
    let terms = AccountTerms { margin, mode, ..terms(cash) };
    open(terms, &[perpetual(Currency::USD), perpetual(Currency::USD)])
}

/// One share, on margin of 50 % and 25 % where the account may borrow.
fn shares(cash: &str, borrowing: Borrowing) -> Ledger {
    let tiers = MarginTiers::flat(rate("0.5"), rate("0.25")).expect("they fit");
    let terms = AccountTerms { margin: vec![(FIRST, tiers)], borrowing, ..terms(cash) };
    open(terms, &[share(Currency::USD)])
}

#[test]
fn a_position_needs_the_rates_of_its_bracket() {
    let tiers = coin_tiers();
    let deductions: Vec<String> =
        tiers.brackets().iter().map(|b| b.deduction.to_string()).collect();
    // 50,000 × 0.1 %; + 250,000 × 0.5 %; + 1,000,000 × 1.5 %; + 10,000,000 × 2.5 %.
    assert_eq!(deductions, ["0.00", "50.00", "1300.00", "16300.00", "266300.00"]);
    assert_eq!(MarginTiers::published(tiers.brackets().to_vec()), Ok(coin_tiers()));
    let check = |value: &str, initial: &str, maintenance: &str| {
        assert_eq!(tiers.initial(money(value)), Ok(money(initial)), "{value}");
        assert_eq!(tiers.maintenance(money(value)), Ok(money(maintenance)), "{value}");
    };
    // 50,000 × 0.8 % and × 0.4 %: an edge belongs to the bracket below it.
    check("50000", "400", "200");
    // 60,000 × 1 %; × 0.5 % − 50.
    check("60000", "600", "250");
    check("-60000", "600", "250");
    // 500,000 × 2 %; × 1 % − 1,300.
    check("500000", "10000", "3700");
    // 2,000,000 × 5 %; × 2.5 % − 16,300.
    check("2000000", "100000", "33700");
    // Beyond the last edge the last bracket goes on: 20,000,000 × 10 %; × 5 % − 266,300.
    check("20000000", "2000000", "733700");
    check("0", "0", "0");
}

#[test]
fn an_order_needs_what_its_leg_needs_more() {
    let check = |ledger: &Ledger, at, (lots, ticks): (u64, i64), want: &str| {
        let needed = ledger.requirement(FIRST, at, Quantity(lots), Price(ticks));
        assert_eq!(text(needed), want, "{at:?} {lots} at {ticks}");
    };
    let mut ledger = perpetuals("1000", PositionMode::Netted);
    // 1 × 40,000 × 0.8 %, either way.
    check(&ledger, BUY, (1000, 400_000), "320.00");
    check(&ledger, SELL, (1000, 400_000), "320.00");
    trade(&mut ledger, FIRST, BUY, (1000, 400_000));
    assert_eq!(text(ledger.initial()), "320.00");
    assert_eq!(text(ledger.maintenance()), "160.00");
    assert_eq!(text(ledger.available()), "680.00");
    // 1.5 × 40,000 needs 600, of which 320 are there.
    check(&ledger, BUY, (500, 400_000), "280.00");
    // Closing needs nothing, nor does turning round to less.
    check(&ledger, SELL, (1000, 400_000), "0.00");
    check(&ledger, SELL, (2000, 400_000), "0.00");
    // Turning round to 1.5 short: 600 − 320.
    check(&ledger, SELL, (2500, 400_000), "280.00");

    // Paid in full: the whole value, and half of it with borrowed cash.
    let mut paid = shares("1000", Borrowing::Forbidden);
    check(&paid, BUY, (10, 1000), "100.00");
    trade(&mut paid, FIRST, BUY, (10, 1000));
    assert_eq!(text(paid.available()), "900.00");
    assert_eq!(paid.available(), paid.buying_power());
    check(&paid, SELL, (10, 1000), "0.00");
    check(&paid, SELL, (25, 1000), "50.00");
    let mut owed = shares("1000", Borrowing::Allowed);
    check(&owed, BUY, (200, 1000), "1000.00");
    trade(&mut owed, FIRST, BUY, (200, 1000));
    assert_eq!(owed.cash(), money("-1000"));
    assert_eq!(text(owed.available()), "0.00");
    assert_eq!(text(owed.maintenance()), "500.00");
}

#[test]
fn hedged_legs_need_margin_each() {
    let mut ledger = perpetuals("10000", PositionMode::Hedged);
    trade(&mut ledger, FIRST, (Leg::Long, Side::Buy), (2000, 400_000));
    trade(&mut ledger, FIRST, (Leg::Short, Side::Sell), (1000, 400_000));
    // 80,000 × 1 % and 40,000 × 0.8 %; 80,000 × 0.5 % − 50 and 40,000 × 0.4 %.
    let of = |leg| (text(ledger.initial_of(FIRST, leg)), text(ledger.maintenance_of(FIRST, leg)));
    assert_eq!(of(Leg::Long), ("800.00".into(), "350.00".into()));
    assert_eq!(of(Leg::Short), ("320.00".into(), "160.00".into()));
    assert_eq!(of(Leg::Net), (text(ledger.initial()), text(ledger.maintenance())));
    assert_eq!(text(ledger.available()), "8880.00");
    let more = |at, lots| text(ledger.requirement(FIRST, at, Quantity(lots), Price(400_000)));
    // A short leg does not shrink by what the long leg sells.
    assert_eq!(more((Leg::Long, Side::Sell), 2000), "0.00");
    // Nor does it turn round: what exceeds it is refused, and needs nothing.
    assert_eq!(more((Leg::Long, Side::Sell), 5000), "0.00");
    assert_eq!(more((Leg::Short, Side::Buy), 5000), "0.00");
    assert_eq!(more((Leg::Short, Side::Sell), 1000), "480.00");
    let refused = ledger.requirement(FIRST, BUY, Quantity(1), Price(1));
    assert_eq!(text(refused), "instrument 0 has no net leg: the account is hedged");
}

#[test]
fn an_account_is_due_once_its_equity_is_below_maintenance() {
    let mut ledger = perpetuals("1000", PositionMode::Netted);
    assert_eq!(ledger.is_liquidated(), Ok(false));
    trade(&mut ledger, FIRST, BUY, (1000, 400_000));
    // 1,000 − 843.3 = 156.7 against 39,156.7 × 0.4 % = 156.6268; one tick lower 156.6 against
    // 156.6264.
    for (ticks, due) in [(391_567, false), (391_566, true), (400_000, false)] {
        ledger.mark(FIRST, Price(ticks)).expect("in range");
        assert_eq!(ledger.is_liquidated(), Ok(due), "{ticks}");
    }
    // Without a position there is nothing to close, however much is owed.
    trade(&mut ledger, FIRST, SELL, (1000, 380_000));
    assert_eq!(text(ledger.equity()), "-1000.00");
    assert_eq!(ledger.is_liquidated(), Ok(false));
}

#[test]
fn the_liquidation_price_lies_on_the_losing_side() {
    let check = |ledger: &Ledger, leg, want: Option<i64>| {
        assert_eq!(ledger.liquidation_price(FIRST, leg), Ok(want.map(Price)));
    };
    // Long 1 at 40,000: (1,000 − 40,000) ÷ (0.4 % − 1) = 39,156.63, and the tick below.
    let mut long = perpetuals("1000", PositionMode::Netted);
    check(&long, Leg::Net, None);
    trade(&mut long, FIRST, BUY, (1000, 400_000));
    check(&long, Leg::Net, Some(391_566));
    check(&long, Leg::Long, Some(391_566));
    check(&long, Leg::Short, None);
    // Once it is due, the latest price.
    long.mark(FIRST, Price(390_000)).expect("in range");
    check(&long, Leg::Net, Some(390_000));
    // Short 1: (1,000 + 40,000) ÷ (0.4 % + 1) = 40,836.65, and the tick above.
    let mut short = perpetuals("1000", PositionMode::Netted);
    trade(&mut short, FIRST, SELL, (1000, 400_000));
    check(&short, Leg::Net, Some(408_367));
    // Long 6 at 50,000 lie in the third bracket, and in the second one when it happens:
    // (60,000 + 50 − 300,000) ÷ (6 × 0.5 % − 6) = 40,192.63.
    let mut large = perpetuals("60000", PositionMode::Netted);
    trade(&mut large, FIRST, BUY, (6000, 500_000));
    check(&large, Leg::Net, Some(401_926));
    // Beside another position: short 10 at 2,000, now at 2,100, has lost 1,000 and needs 84:
    // (3,000 − 1,000 − 84 − 40,000) ÷ (0.4 % − 1) = 38,236.95.
    let mut cross = perpetuals("3000", PositionMode::Netted);
    trade(&mut cross, FIRST, BUY, (1000, 400_000));
    trade(&mut cross, SECOND, SELL, (10_000, 20_000));
    cross.mark(SECOND, Price(21_000)).expect("in range");
    check(&cross, Leg::Net, Some(382_369));
    // Hedged, long 2 and short 1 at 40,000: 1,000 + (p − 40,000) = 2p × 0.5 % − 50 + p × 0.4 %,
    // p = 38,950 ÷ 0.986 = 39,503.04. A rise helps both legs together.
    let mut hedged = perpetuals("1000", PositionMode::Hedged);
    trade(&mut hedged, FIRST, (Leg::Long, Side::Buy), (2000, 400_000));
    trade(&mut hedged, FIRST, (Leg::Short, Side::Sell), (1000, 400_000));
    check(&hedged, Leg::Long, Some(395_030));
    check(&hedged, Leg::Net, Some(395_030));
    check(&hedged, Leg::Short, None);
}

#[test]
fn what_is_paid_in_full_is_liquidated_only_where_it_owes() {
    let after = |mut ledger: Ledger, at, lots| {
        trade(&mut ledger, FIRST, at, (lots, 1000));
        ledger.liquidation_price(FIRST, Leg::Net).expect("in range").map(|p| p.0)
    };
    assert_eq!(after(shares("1000", Borrowing::Forbidden), BUY, 100), None);
    // Short 10 at 10.00 on 100: nothing is left at 20.00, and less than nothing a tick above.
    assert_eq!(after(shares("100", Borrowing::Forbidden), SELL, 10), Some(2001));
    // 200 at 10.00 with 1,000 owed: 200p − 1,000 < 25 % of 200p below 6.67.
    assert_eq!(after(shares("1000", Borrowing::Allowed), BUY, 200), Some(666));
    // A future without margin: 1 at 40,000 on 10,000 is worth less than it lost below 30,000.
    let future: Listing = perpetual(Currency::USD);
    let mut ledger = open(terms("10000"), &[future]);
    trade(&mut ledger, FIRST, BUY, (1000, 400_000));
    assert_eq!(ledger.liquidation_price(FIRST, Leg::Net), Ok(Some(Price(299_999))));
}
