//! Laws of a plain account: one currency, netted, paid in full.

use super::*;
use crate::{Fill, Leg, Liquidity};
use market::{Instrument, Quantity, Side, Timestamp};
use proptest::prelude::*;

fn instruments() -> Vec<Instrument> {
    ["A", "B", "C"].map(|s| Instrument::share(s.parse().expect("a symbol"))).into()
}

#[derive(Debug, Clone)]
enum Step {
    Trade { id: u32, side: Side, lots: u64, price: i64, fee: i128 },
    Mark { id: u32, price: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    prop_oneof![
        (0u32..3, side, 1u64..500, 1i64..100_000, 0i128..10_000_000)
            .prop_map(|(id, side, lots, price, fee)| Step::Trade { id, side, lots, price, fee }),
        (0u32..3, 1i64..100_000).prop_map(|(id, price)| Step::Mark { id, price }),
    ]
}

proptest! {
    #[test]
    fn money_is_conserved(steps in prop::collection::vec(step(), 1..80)) {
        let all = instruments();
        let start = Money::from_whole(1_000_000);
        let mut ledger = Ledger::open(start, &all);
        let mut held = [0i64; 3];
        for step in steps {
            match step {
                Step::Mark { id, price } => {
                    ledger.mark(InstrumentId(id), Price(price)).expect("in range");
                }
                Step::Trade { id, side, lots, price, fee } => {
                    let i = InstrumentId(id);
                    let (price, quantity) = (Price(price), Quantity(lots));
                    let notional = all[i.index()].notional(price, quantity).expect("in range");
                    held[i.index()] += side.sign() * i64::try_from(lots).expect("small");
                    let time = Timestamp::from_nanos(0);
                    let (order, row, fee) = (1, 0, Money(fee));
                    ledger.apply(&Fill {
                        order, row, time, instrument: i, side, quantity, price, notional, fee,
                        leg: Leg::Net, liquidity: Liquidity::Taker,
                    }).expect("in range");
                }
            }
            let mut explained = start.minus(ledger.fees()).expect("in range");
            let mut gross = Money::ZERO;
            for (id, lots) in (0..3).map(InstrumentId).zip(held) {
                let position = ledger.position(id);
                prop_assert_eq!(position.lots, lots, "a position is the sum of its fills");
                let value = ledger.contract(id).expect("known")
                    .value(ledger.latest(id).unwrap_or_default(), lots).expect("in range");
                let unrealised = position.unrealised(value).expect("in range");
                explained = explained.plus(position.realised).expect("in range")
                    .plus(unrealised).expect("in range");
                gross = gross.plus(Money(value.0.abs())).expect("in range");
            }
            prop_assert_eq!(ledger.equity().expect("in range"), explained);
            prop_assert_eq!(ledger.gross().expect("in range"), gross);
            prop_assert_eq!(
                ledger.buying_power().expect("in range"),
                explained.minus(gross).expect("in range")
            );
        }
    }
}

#[test]
fn an_unknown_instrument_is_refused() {
    let mut ledger = Ledger::open(Money::ZERO, &instruments());
    let refused = ledger.mark(InstrumentId(3), Price(1));
    assert_eq!(refused, Err(Error::Instrument { instrument: InstrumentId(3), known: 3 }));
}
