//! What fails leaves the account as it was, and nothing panics.

use super::account::{coin_tiers, open, perpetual, share, terms};
use market::{Currency, Funding, Listing, Money, Price, Pricing, Quantity, Rate, Side, Timestamp};
use portfolio::{
    AccountTerms, Borrowing, Error, Fill, InstrumentId, Ledger, Leg, Liquidity, PositionMode,
};
use proptest::prelude::*;

/// Amounts of every size, those next to the end of the range included.
fn amount() -> impl Strategy<Value = Money> {
    prop_oneof![
        any::<i128>().prop_map(Money),
        (0u32..127, any::<bool>()).prop_map(|(bits, negative)| Money(if negative {
            -(1 << bits)
        } else {
            1 << bits
        })),
        Just(Money(i128::MIN)),
        Just(Money(i128::MAX)),
        (-1000i128..1000).prop_map(Money),
    ]
}

fn price() -> impl Strategy<Value = Price> {
    prop_oneof![
        any::<i64>().prop_map(Price),
        Just(Price(i64::MIN)),
        Just(Price(i64::MAX)),
        (-1000i64..100_000).prop_map(Price),
    ]
}

fn fill() -> impl Strategy<Value = Fill> {
    let leg = prop_oneof![Just(Leg::Net), Just(Leg::Long), Just(Leg::Short)];
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let lots = prop_oneof![any::<u64>(), 0u64..100, Just(i64::MAX as u64)];
    (0u32..5, leg, side, lots, (price(), amount(), amount())).prop_map(
        |(id, leg, side, lots, (price, notional, fee))| Fill {
            order: 1,
            row: 0,
            time: Timestamp::from_nanos(0),
            instrument: InstrumentId(id),
            side,
            quantity: Quantity(lots),
            price,
            notional,
            fee,
            leg,
            liquidity: Liquidity::Maker,
        },
    )
}

#[derive(Debug, Clone)]
enum Step {
    Fill(Fill),
    Mark(u32, Price),
    Rate(Rate),
    Fund(u32, Rate, Option<Price>),
    Dividend(u32, Money),
    Borrow(u32, Rate, u64),
    Interest(Rate, u64),
    Split(u32, u32, u32),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0u32..5;
    let rates = || amount().prop_map(|units| Rate(units.0));
    prop_oneof![
        4 => fill().prop_map(Step::Fill),
        2 => (id.clone(), price()).prop_map(|(id, price)| Step::Mark(id, price)),
        1 => rates().prop_map(Step::Rate),
        1 => (id.clone(), rates(), prop::option::of(price()))
            .prop_map(|(id, rate, mark)| Step::Fund(id, rate, mark)),
        1 => (id.clone(), amount()).prop_map(|(id, amount)| Step::Dividend(id, amount)),
        1 => (id.clone(), rates(), any::<u64>())
            .prop_map(|(id, rate, span)| Step::Borrow(id, rate, span)),
        1 => (rates(), any::<u64>()).prop_map(|(rate, span)| Step::Interest(rate, span)),
        1 => (id, any::<u32>(), any::<u32>()).prop_map(|(id, n, d)| Step::Split(id, n, d)),
    ]
}

fn apply(ledger: &mut Ledger, step: &Step) -> Result<(), Error> {
    let name = InstrumentId;
    match *step {
        Step::Fill(ref fill) => ledger.apply(fill),
        Step::Mark(id, price) => ledger.mark(name(id), price),
        Step::Rate(rate) => ledger.set_rate(Currency::EUR, rate),
        Step::Fund(id, rate, mark) => {
            let funding = Funding { time: Timestamp::from_nanos(0), rate, mark };
            ledger.fund(name(id), &funding).map(drop)
        }
        Step::Dividend(id, amount) => ledger.dividend(name(id), amount).map(drop),
        Step::Borrow(id, rate, span) => ledger.accrue_borrow(name(id), rate, span).map(drop),
        Step::Interest(rate, span) => ledger.accrue_interest(Currency::USD, rate, span).map(drop),
        Step::Split(id, n, d) => ledger.split(name(id), n, d).map(drop),
    }
}

/// Every figure, for the sake of asking.
fn ask(ledger: &Ledger) {
    drop((ledger.equity(), ledger.gross(), ledger.available(), ledger.is_liquidated()));
    drop((ledger.buying_power(), ledger.initial(), ledger.maintenance()));
    drop((ledger.statement(Currency::USD), ledger.statement(Currency::EUR)));
    for id in (0..5).map(InstrumentId) {
        drop((ledger.position(id), ledger.available_for(id)));
        for leg in [Leg::Net, Leg::Long, Leg::Short] {
            let size = Quantity(u64::MAX >> 1);
            drop(ledger.requirement(id, (leg, Side::Sell), size, Price(i64::MIN)));
            drop((ledger.liquidation_price(id, leg), ledger.unrealised(id, leg)));
            drop((ledger.carry(id, leg), ledger.held(id, leg)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn nothing_is_half_written(
        hedged in any::<bool>(),
        start in amount(),
        steps in prop::collection::vec(step(), 1..30),
    ) {
        let mode = if hedged { PositionMode::Hedged } else { PositionMode::Netted };
        let margin = [1, 3].map(|id| (InstrumentId(id), coin_tiers())).into();
        let terms = AccountTerms {
            balances: vec![(Currency::USD, start)],
            borrowing: Borrowing::Allowed,
            margin,
            mode,
            ..terms("0")
        };
        let signed = Listing { pricing: Pricing::Signed, ..perpetual(Currency::EUR) };
        let (usd, eur) = (Currency::USD, Currency::EUR);
        let mut ledger = open(terms, &[share(usd), perpetual(usd), share(eur), signed]);
        for step in &steps {
            let before = ledger.clone();
            if apply(&mut ledger, step).is_err() {
                prop_assert_eq!(&ledger, &before, "{:?}", step);
            }
            ask(&ledger);
        }
    }
}

#[test]
fn an_overflow_says_so() {
    let most = Money(i128::MAX);
    let terms = AccountTerms { balances: vec![(Currency::USD, most)], ..terms("0") };
    let mut ledger = open(terms, &[share(Currency::USD)]);
    let sale = Fill {
        order: 1,
        row: 0,
        time: Timestamp::from_nanos(0),
        instrument: InstrumentId(0),
        side: Side::Sell,
        quantity: Quantity(1),
        price: Price(1),
        notional: Money(1_000_000),
        fee: Money::ZERO,
        leg: Leg::Net,
        liquidity: Liquidity::Taker,
    };
    let before = ledger.clone();
    let overflow = Err(Error::Market(market::Error::Overflow { what: "a sum of money" }));
    assert_eq!(ledger.apply(&sale), overflow);
    assert_eq!(ledger, before);
    let two =
        AccountTerms { balances: vec![(Currency::USD, most); 2], ..super::account::terms("0") };
    assert!(matches!(Ledger::on(two, &[]), Err(Error::Market(_))));
}

/// Two positions that are worth 1.2e38 each, of the 1.7e38 that money can count: each value is
/// in range, and the sum of both is not.
#[test]
fn the_sum_of_two_values_is_an_overflow_too() {
    let (usd, eur) = (Currency::USD, Currency::EUR);
    for (mode, leg, currency) in [
        (PositionMode::Netted, Leg::Net, usd),
        (PositionMode::Netted, Leg::Net, eur),
        (PositionMode::Hedged, Leg::Long, usd),
    ] {
        let terms = AccountTerms { mode, ..terms("0") };
        let mut ledger = open(terms, &[share(currency), share(currency)]);
        let bought = |id, ticks| Fill {
            order: 1,
            row: 0,
            time: Timestamp::from_nanos(0),
            instrument: InstrumentId(id),
            side: Side::Buy,
            quantity: Quantity(10_000_000_000_000_000),
            price: Price(ticks),
            notional: Money(5),
            fee: Money(3),
            leg,
            liquidity: Liquidity::Taker,
        };
        let large = 12_000_000_000_000_000;
        ledger.apply(&bought(0, large)).expect("in range");
        let before = ledger.clone();
        assert!(matches!(ledger.apply(&bought(1, large)), Err(Error::Market(_))));
        assert_eq!(ledger, before);
        ledger.apply(&bought(1, 1)).expect("in range");
        let before = ledger.clone();
        assert!(matches!(ledger.mark(InstrumentId(1), Price(large)), Err(Error::Market(_))));
        assert_eq!(ledger, before);
    }
}
