use super::account::{FIRST, money, open, perpetual, share, terms, trade};
use market::{Currency, Listing, Price, Side};
use portfolio::{Error, Leg, Position};

struct Case {
    listing: Listing,
    /// Lots, price paid and latest price, in ticks.
    held: (i64, i64, i64),
    ratio: (u32, u32),
    /// Lots, basis, realised profit.
    after: (i64, &'static str, &'static str),
    /// The latest price afterwards, and by how much cash moves.
    price: i64,
    cash: &'static str,
    /// By how much equity moves: the rounding of the latest price.
    equity: &'static str,
}

#[track_caller]
fn check(split: Case) {
    let mut ledger = open(terms("10000"), &[split.listing]);
    let (lots, paid, latest) = split.held;
    let side = if lots < 0 { Side::Sell } else { Side::Buy };
    trade(&mut ledger, FIRST, (Leg::Net, side), (lots.unsigned_abs(), paid));
    ledger.mark(FIRST, Price(latest)).expect("in range");
    let (cash, equity) = (ledger.cash(), ledger.equity().expect("in range"));
    ledger.split(FIRST, split.ratio.0, split.ratio.1).expect("in range");
    let (lots, basis, realised) = split.after;
    let (basis, realised) = (money(basis), money(realised));
    let want = Position { lots, basis, realised, ..Position::default() };
    assert_eq!(ledger.position(FIRST), want);
    assert_eq!(ledger.latest(FIRST), Some(Price(split.price)));
    assert_eq!(ledger.cash().minus(cash), Ok(money(split.cash)));
    assert_eq!(ledger.equity().expect("in range").minus(equity), Ok(money(split.equity)));
    let sum = ledger.statement(Currency::USD).expect("has it");
    let explained = sum.start.plus(sum.realised).expect("small").plus(sum.unrealised);
    assert_eq!(explained, Ok(sum.equity));
}

#[test]
fn lots_are_multiplied_and_fractions_are_paid_out() {
    let share = || share(Currency::USD);
    // 2 for 1: twice the lots at half the price, the same basis.
    check(Case {
        listing: share(),
        held: (10, 1000, 1200),
        ratio: (2, 1),
        after: (20, "100", "0"),
        price: 600,
        cash: "0",
        equity: "0",
    });
    // 3 for 2: 7 are 10.5. Half a new one at 12.00 × 2 ÷ 3 = 8.00 brings 4.00; it cost 70 × 1 ÷ 21.
    check(Case {
        listing: share(),
        held: (7, 1000, 1200),
        ratio: (3, 2),
        after: (10, "66.66666667", "0.66666667"),
        price: 800,
        cash: "4",
        equity: "0",
    });
    // The same sold short: the half is bought back.
    check(Case {
        listing: share(),
        held: (-7, 1000, 1200),
        ratio: (3, 2),
        after: (-10, "66.66666667", "-0.66666667"),
        price: 800,
        cash: "-4",
        equity: "0",
    });
    // 1 for 10: 5 are half a new one, which is all: 5 × 12.00 are paid out, 10 were gained.
    check(Case {
        listing: share(),
        held: (5, 1000, 1200),
        ratio: (1, 10),
        after: (0, "0", "10"),
        price: 12_000,
        cash: "60",
        equity: "0",
    });
    // 10.01 ÷ 2 = 5.005 is no price: half to even 5.00, so 6 lots are 0.03 off until the next one.
    check(Case {
        listing: share(),
        held: (3, 1001, 1001),
        ratio: (2, 1),
        after: (6, "30.03", "0"),
        price: 500,
        cash: "0",
        equity: "-0.03",
    });
    // The fraction's value is that of the unrounded price: 0.5 × 10.01 × 2 ÷ 3 = 3.33666667.
    check(Case {
        listing: share(),
        held: (7, 1001, 1001),
        ratio: (3, 2),
        after: (10, "66.73333333", "0"),
        price: 667,
        cash: "3.33666667",
        equity: "-0.03333333",
    });
    // On margin only the profit changes hands: 1 lot is a third of a new one, which is all. It is
    // worth 0.001 × 60,000 = 60 and cost 50.
    check(Case {
        listing: perpetual(Currency::USD),
        held: (1, 500_000, 600_000),
        ratio: (1, 3),
        after: (0, "0", "10"),
        price: 1_800_000,
        cash: "10",
        equity: "0",
    });
}

#[test]
fn a_split_by_nothing_is_refused() {
    for (numerator, denominator) in [(0, 1), (1, 0)] {
        let mut ledger = open(terms("1"), &[share(Currency::USD)]);
        let refused = ledger.split(FIRST, numerator, denominator);
        assert_eq!(refused, Err(Error::Split { instrument: FIRST, numerator, denominator }));
    }
}
