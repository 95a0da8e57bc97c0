use super::account::{FIRST, SECOND, fill, money, open, perpetual, rate, share, terms};
use super::account::{text, trade};
use market::{Currency, Funding, Money, Price, Rate, Side, Timestamp};
use portfolio::{AccountTerms, Borrowing, Error, Ledger, Leg};

const EUR: Currency = Currency::EUR;
const BUY: (Leg, Side) = (Leg::Net, Side::Buy);

/// Dollars, and a share paid in euros.
fn account(dollars: &str, euros: &str, borrowing: Borrowing) -> Ledger {
    let balances = vec![(Currency::USD, money(dollars)), (EUR, money(euros))];
    open(AccountTerms { balances, borrowing, ..terms("0") }, &[share(EUR)])
}

fn figures(ledger: &Ledger) -> [String; 4] {
    [ledger.equity(), ledger.gross(), ledger.cash_in_all(), ledger.available()].map(text)
}

#[test]
fn a_moving_rate_revalues_what_is_held_and_owed() {
    let mut ledger = account("10000", "0", Borrowing::Allowed);
    // Nothing is held in euros yet: no rate is needed.
    assert_eq!(figures(&ledger), ["10000.00", "0.00", "10000.00", "10000.00"]);
    // 100 at 100.00 euros, all of it owed.
    trade(&mut ledger, FIRST, BUY, (100, 10_000));
    assert_eq!((ledger.cash(), ledger.cash_in(EUR)), (money("10000"), money("-10000")));
    assert_eq!(ledger.equity(), Err(Error::NoRate { currency: EUR }));
    let missing = "there is no rate for EUR, in which something is held or owed";
    assert_eq!(figures(&ledger), [missing; 4]);
    // Bought at 1.10: 10,000 + 1.1 × (10,000 − 10,000).
    ledger.set_rate(EUR, rate("1.1")).expect("positive");
    assert_eq!(figures(&ledger), ["10000.00", "11000.00", "-1000.00", "-1000.00"]);
    // At 110.00: 10,000 + 1.1 × 1,000.
    ledger.mark(FIRST, Price(11_000)).expect("in range");
    assert_eq!(figures(&ledger), ["11100.00", "12100.00", "-1000.00", "-1000.00"]);
    // The euro at 1.20: 10,000 + 1.2 × 1,000, and 1.2 × 11,000 held.
    ledger.set_rate(EUR, rate("1.2")).expect("positive");
    assert_eq!(figures(&ledger), ["11200.00", "13200.00", "-2000.00", "-2000.00"]);
    // Sold at 110.00: 1,000 euros are left.
    trade(&mut ledger, FIRST, (Leg::Net, Side::Sell), (100, 11_000));
    assert_eq!(ledger.cash_in(EUR), money("1000"));
    assert_eq!(figures(&ledger), ["11200.00", "0.00", "11200.00", "11200.00"]);
    let statement = ledger.statement(EUR).expect("has it");
    assert_eq!((statement.realised, statement.equity), (money("1000"), money("1000")));
    assert_eq!(statement.rate, Some(rate("1.2")));
    let home = ledger.statement(Currency::USD).expect("has it");
    assert_eq!((home.realised, home.equity), (Money::ZERO, money("10000")));
    let point = ledger.point(Timestamp::from_nanos(7)).expect("in range");
    assert_eq!(
        (point.equity, point.cash, point.gross),
        (money("11200"), money("11200"), Money::ZERO)
    );
}

#[test]
fn figures_are_converted_half_to_even() {
    let check = |euros: &str, told: &str, want: &str| {
        let mut ledger = account("0", euros, Borrowing::Forbidden);
        ledger.set_rate(EUR, rate(told)).expect("positive");
        assert_eq!(text(ledger.equity()), want);
    };
    check("5000", "1.1", "5500.00");
    // 0.5e-8, 1.5e-8 and 2.5e-8.
    check("0.00000001", "0.5", "0.00");
    check("0.00000003", "0.5", "0.00000002");
    check("0.00000005", "0.5", "0.00000002");
    check("-0.00000003", "0.5", "-0.00000002");
}

#[test]
fn fees_and_funding_stay_in_their_currency() {
    let balances = vec![(Currency::USD, money("100")), (EUR, money("1000"))];
    let listings = [share(EUR), perpetual(EUR)];
    let mut ledger = open(AccountTerms { balances, ..terms("0") }, &listings);
    let mut bought = fill(&ledger, SECOND, BUY, (100, 10_000));
    bought.fee = money("0.5");
    ledger.apply(&bought).expect("a sound fill");
    // 0.1 × 1,000 × 0.01 = 1.
    let funding = Funding { time: Timestamp::from_nanos(0), rate: rate("0.01"), mark: None };
    let flows = ledger.fund(SECOND, &funding).expect("in range");
    let line = "funding of instrument 1, net: -1.00 EUR, 0.01 of 100.00";
    assert_eq!(flows.iter().map(ToString::to_string).collect::<Vec<_>>(), [line]);
    assert_eq!((ledger.cash(), ledger.fees()), (money("100"), Money::ZERO));
    assert_eq!(ledger.cash_in(EUR), money("998.5"));
    let statement = ledger.statement(EUR).expect("has it");
    assert_eq!((statement.fees, statement.carry.funding), (money("0.5"), money("-1")));
    assert_eq!(ledger.currencies(), [Currency::USD, EUR]);
}

#[test]
fn who_may_not_borrow_spends_the_cash_of_a_currency() {
    let mut ledger = account("10000", "1000", Borrowing::Forbidden);
    ledger.set_rate(EUR, rate("1.1")).expect("positive");
    assert_eq!(text(ledger.available()), "11100.00");
    assert_eq!(text(ledger.available_for(FIRST)), "1100.00");
    let mut ledger = account("10000", "1000", Borrowing::Allowed);
    ledger.set_rate(EUR, rate("1.1")).expect("positive");
    assert_eq!(text(ledger.available_for(FIRST)), "11100.00");
}

#[test]
fn a_rate_is_positive_and_one_for_the_own_currency() {
    let mut ledger = account("1", "1", Borrowing::Forbidden);
    let before = ledger.clone();
    for (currency, bad) in [(EUR, Rate::ZERO), (EUR, Rate(-1)), (Currency::USD, rate("1.1"))] {
        let refused = ledger.set_rate(currency, bad);
        assert_eq!(refused, Err(Error::Rate { currency, rate: bad }));
    }
    ledger.set_rate(Currency::USD, Rate::ONE).expect("one of itself");
    // Nothing can be held in yen here: their rate is of no use, and no mistake.
    ledger.set_rate("JPY".parse().expect("a currency"), rate("0.0067")).expect("passed over");
    assert_eq!(ledger, before);
}
