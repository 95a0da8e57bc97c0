use super::account::{FIRST, money, open, perpetual, rate, share, terms, trade};
use market::{Currency, Funding, Listing, Price, Scale, Side, Timestamp};
use portfolio::{AccountTerms, Carry, Flows, Ledger, Leg, PositionMode};

const HOUR_NS: u64 = 3_600_000_000_000;
const DAY_NS: u64 = 24 * HOUR_NS;

fn lines(flows: &Flows) -> String {
    flows.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// An account of 10,000 that holds so many lots, bought or sold short at this price.
fn holding(listing: Listing, lots: i64, ticks: i64) -> Ledger {
    let mut ledger = open(terms("10000"), &[listing]);
    let side = if lots < 0 { Side::Sell } else { Side::Buy };
    trade(&mut ledger, FIRST, (Leg::Net, side), (lots.unsigned_abs(), ticks));
    ledger
}

/// The record of an act, and by how much cash and equity moved: both by its amount.
#[track_caller]
fn check(ledger: &mut Ledger, act: impl Fn(&mut Ledger) -> Flows, line: &str, moved: &str) {
    let (cash, equity) = (ledger.cash(), ledger.equity().expect("in range"));
    assert_eq!(lines(&act(ledger)), line);
    let by = ledger.cash().minus(cash).expect("in range");
    assert_eq!(by, money(moved));
    assert_eq!(ledger.equity().expect("in range").minus(equity), Ok(by));
}

#[test]
fn longs_pay_funding_and_shorts_receive_it() {
    let pays = |lots, fraction: &str, mark: Option<i64>, line: &str, moved: &str| {
        // 0.5 coins at 50,000 are worth 25,000.
        let mut ledger = holding(perpetual(Currency::USD), lots, 500_000);
        let (time, mark) = (Timestamp::from_nanos(0), mark.map(Price));
        let funding = Funding { time, rate: rate(fraction), mark };
        check(&mut ledger, |l| l.fund(FIRST, &funding).expect("in range"), line, moved);
        let carry = Carry { funding: money(moved), ..Carry::default() };
        assert_eq!(ledger.carry(FIRST, Leg::Net), Ok(carry));
        assert_eq!(ledger.statement(Currency::USD).expect("has it").carry, carry);
        assert_eq!(ledger.latest(FIRST), Some(Price(500_000)), "funding is no price");
    };
    let line = "funding of instrument 0, net: -2.50 USD, 0.0001 of 25000.00";
    pays(500, "0.0001", None, line, "-2.5");
    let line = "funding of instrument 0, net: 2.50 USD, 0.0001 of -25000.00";
    pays(-500, "0.0001", None, line, "2.5");
    // A negative rate turns it round.
    let line = "funding of instrument 0, net: 5.00 USD, -0.0002 of 25000.00";
    pays(500, "-0.0002", None, line, "5");
    let line = "funding of instrument 0, net: -5.00 USD, -0.0002 of -25000.00";
    pays(-500, "-0.0002", None, line, "-5");
    // At a mark of its own: 0.5 × 48,000 × 0.0001.
    let line = "funding of instrument 0, net: -2.40 USD, 0.0001 of 24000.00";
    pays(500, "0.0001", Some(480_000), line, "-2.4");
}

#[test]
fn each_leg_pays_funding_for_itself() {
    let terms = AccountTerms { mode: PositionMode::Hedged, ..terms("10000") };
    let mut ledger = open(terms, &[perpetual(Currency::USD)]);
    trade(&mut ledger, FIRST, (Leg::Long, Side::Buy), (500, 500_000));
    trade(&mut ledger, FIRST, (Leg::Short, Side::Sell), (200, 500_000));
    let funding = Funding { time: Timestamp::from_nanos(0), rate: rate("0.0001"), mark: None };
    // 25,000 pays 2.50, 10,000 receives 1.00.
    check(
        &mut ledger,
        |l| l.fund(FIRST, &funding).expect("in range"),
        "funding of instrument 0, long: -2.50 USD, 0.0001 of 25000.00\n\
         funding of instrument 0, short: 1.00 USD, 0.0001 of -10000.00",
        "-1.5",
    );
    let of = |leg| ledger.carry(FIRST, leg).expect("known").funding.to_string();
    assert_eq!([Leg::Long, Leg::Short, Leg::Net].map(of), ["-2.50", "1.00", "-1.50"]);
}

#[test]
fn what_is_flat_pays_nothing() {
    let mut ledger = open(terms("10000"), &[perpetual(Currency::USD)]);
    let funding = Funding { time: Timestamp::from_nanos(0), rate: rate("0.01"), mark: None };
    assert!(ledger.fund(FIRST, &funding).expect("in range").is_empty());
    assert!(ledger.dividend(FIRST, money("1")).expect("in range").is_empty());
    assert!(ledger.accrue_borrow(FIRST, rate("0.05"), DAY_NS).expect("in range").is_empty());
    assert!(ledger.split(FIRST, 2, 1).expect("in range").is_empty());
    assert_eq!(ledger, open(terms("10000"), &[perpetual(Currency::USD)]));
}

#[test]
fn borrowed_shares_cost_their_rate_over_365_days() {
    let pays = |lots, ticks, span_ns, line: &str, moved: &str| {
        let mut ledger = holding(share(Currency::USD), lots, ticks);
        let act = |l: &mut Ledger| l.accrue_borrow(FIRST, rate("0.073"), span_ns).expect("small");
        check(&mut ledger, act, line, moved);
        let carry = Carry { borrow: money(moved).negated().expect("small"), ..Carry::default() };
        assert_eq!(ledger.carry(FIRST, Leg::Net), Ok(carry));
    };
    // 100 × 50.00 × 7.3 % ÷ 365.
    let line = "borrow of instrument 0, net: -1.00 USD, 0.073 a year of -5000.00";
    pays(-100, 5000, DAY_NS, line, "-1");
    // Eight hours of it: 1 ÷ 3, half to even.
    let line = "borrow of instrument 0, net: -0.33333333 USD, 0.073 a year of -5000.00";
    pays(-100, 5000, 8 * HOUR_NS, line, "-0.33333333");
    // A year has 365 days, in leap years too: 366 days are 366 ÷ 365 of 365.00.
    let line = "borrow of instrument 0, net: -366.00 USD, 0.073 a year of -5000.00";
    pays(-100, 5000, 366 * DAY_NS, line, "-366");
    // A long borrows nothing, and neither does a short on margin.
    pays(100, 5000, DAY_NS, "", "0");
    let mut ledger = holding(perpetual(Currency::USD), -500, 500_000);
    let flows = ledger.accrue_borrow(FIRST, rate("0.073"), DAY_NS).expect("in range");
    assert!(flows.is_empty());
}

#[test]
fn cash_that_is_owed_bears_interest() {
    let pays = |lots, line: &str, moved: &str| {
        let mut ledger = holding(share(Currency::USD), lots, 10_000);
        let act = |l: &mut Ledger| {
            l.accrue_interest(Currency::USD, rate("0.0365"), DAY_NS).expect("in range")
        };
        check(&mut ledger, act, line, moved);
        let borrow = ledger.statement(Currency::USD).expect("has it").carry.borrow;
        assert_eq!(Ok(borrow), money(moved).negated());
        assert_eq!(ledger.carry(FIRST, Leg::Net), Ok(Carry::default()), "no position's cost");
    };
    // 10,000 − 200 × 100.00 = −10,000; × 3.65 % ÷ 365.
    pays(200, "interest: -1.00 USD, 0.0365 a year of -10000.00", "-1");
    pays(100, "", "0");
    pays(50, "", "0");
    let mut ledger = holding(share(Currency::USD), 1, 100);
    let refused = ledger.accrue_interest(Currency::EUR, rate("0.01"), DAY_NS);
    assert_eq!(refused, Err(portfolio::Error::Currency { currency: Currency::EUR }));
}

#[test]
fn longs_receive_dividends_and_shorts_pay_them() {
    let pays = |listing: Listing, lots, line: &str, moved: &str| {
        let mut ledger = holding(listing, lots, 5000);
        check(&mut ledger, |l| l.dividend(FIRST, money("0.24")).expect("small"), line, moved);
        let carry = Carry { dividends: money(moved), ..Carry::default() };
        assert_eq!(ledger.carry(FIRST, Leg::Net), Ok(carry));
    };
    let whole = || share(Currency::USD);
    let line = "dividend of instrument 0, net: 24.00 USD, 0.24 a unit on 100 lots";
    pays(whole(), 100, line, "24");
    let line = "dividend of instrument 0, net: -24.00 USD, 0.24 a unit on -100 lots";
    pays(whole(), -100, line, "-24");
    // A dividend is for units: 1,500 lots of 0.001 are 1.5 shares.
    let mut parts = whole();
    parts.instrument.lot_scale = Scale::new(3).expect("small");
    let line = "dividend of instrument 0, net: 0.36 USD, 0.24 a unit on 1500 lots";
    pays(parts, 1500, line, "0.36");
}
