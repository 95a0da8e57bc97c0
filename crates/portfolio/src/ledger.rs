//! Cash and positions of many instruments, marked to the latest price.

use crate::{Contract, EquityPoint, Error, Fill, InstrumentId, Position};
use market::{Instrument, Money, Price, Timestamp};

/// One account: cash in one currency shared by all positions.
///
/// Laws, held to the last 1e-8: equity = cash + Σ value of positions; equity = cash at the start
/// + Σ realised + Σ unrealised − Σ fees; a position is the sum of its fills.
#[derive(Debug, Clone)]
pub struct Ledger {
    cash: Money,
    fees: Money,
    long_value: Money,
    short_value: Money,
    accounts: Vec<Account>,
}

#[derive(Debug, Clone)]
struct Account {
    contract: Contract,
    position: Position,
    mark: Option<Price>,
    value: Money,
}

impl Ledger {
    /// An account with this cash and no positions.
    #[must_use]
    pub fn open(cash: Money, instruments: &[Instrument]) -> Self {
        let account = |instrument| Account {
            contract: Contract::of(instrument),
            position: Position::default(),
            mark: None,
            value: Money::ZERO,
        };
        let accounts = instruments.iter().map(account).collect();
        let (fees, long_value, short_value) = (Money::ZERO, Money::ZERO, Money::ZERO);
        Self { cash, fees, long_value, short_value, accounts }
    }

    /// A new latest price: positions are worth what they would bring there.
    #[inline]
    pub fn mark(&mut self, id: InstrumentId, price: Price) -> Result<(), Error> {
        let account = find(&mut self.accounts, id)?;
        account.mark = Some(price);
        if account.position.lots == 0 {
            return Ok(());
        }
        let value = account.contract.value(price, account.position.lots)?;
        let old = std::mem::replace(&mut account.value, value);
        self.revalue(old, value)
    }

    /// Folds one fill into cash, fees and position; its price becomes the latest price.
    pub fn apply(&mut self, fill: &Fill) -> Result<(), Error> {
        let account = find(&mut self.accounts, fill.instrument)?;
        account.position.apply(fill)?;
        account.mark = Some(fill.price);
        let value = account.contract.value(fill.price, account.position.lots)?;
        let old = std::mem::replace(&mut account.value, value);
        let paid = Money(i128::from(fill.side.sign()) * fill.notional.0);
        self.cash = self.cash.minus(paid)?.minus(fill.fee)?;
        self.fees = self.fees.plus(fill.fee)?;
        self.revalue(old, value)
    }

    #[inline]
    fn revalue(&mut self, old: Money, new: Money) -> Result<(), Error> {
        let (mut long, mut short) = (self.long_value, self.short_value);
        if old.0 >= 0 {
            long = long.minus(old)?;
        } else {
            short = short.plus(old)?;
        }
        if new.0 >= 0 {
            long = long.plus(new)?;
        } else {
            short = short.minus(new)?;
        }
        (self.long_value, self.short_value) = (long, short);
        Ok(())
    }

    /// Money in hand, proceeds of short sales included.
    #[inline]
    #[must_use]
    pub const fn cash(&self) -> Money {
        self.cash
    }

    /// All fees paid.
    #[inline]
    #[must_use]
    pub const fn fees(&self) -> Money {
        self.fees
    }

    /// Cash and positions at their latest prices.
    #[inline]
    pub fn equity(&self) -> Result<Money, Error> {
        Ok(self.cash.plus(self.long_value)?.minus(self.short_value)?)
    }

    /// Σ |value| of positions at their latest prices.
    #[inline]
    pub fn gross(&self) -> Result<Money, Error> {
        Ok(self.long_value.plus(self.short_value)?)
    }

    /// How much more exposure an account without leverage may take: equity − gross exposure,
    /// that is cash − 2 × the value of shorts. Long only, it is the cash.
    #[inline]
    pub fn buying_power(&self) -> Result<Money, Error> {
        Ok(self.cash.minus(self.short_value)?.minus(self.short_value)?)
    }

    /// The account as one point of a curve.
    #[inline]
    pub fn point(&self, time: Timestamp) -> Result<EquityPoint, Error> {
        Ok(EquityPoint { time, equity: self.equity()?, cash: self.cash, gross: self.gross()? })
    }

    /// What is held of an instrument; nothing, if it is unknown.
    #[inline]
    #[must_use]
    pub fn position(&self, id: InstrumentId) -> Position {
        self.accounts.get(id.index()).map_or_else(Position::default, |a| a.position)
    }

    /// The latest price of an instrument, if there was one.
    #[inline]
    #[must_use]
    pub fn latest(&self, id: InstrumentId) -> Option<Price> {
        self.accounts.get(id.index()).and_then(|a| a.mark)
    }

    /// How this instrument's ticks and lots become money.
    #[inline]
    #[must_use]
    pub fn contract(&self, id: InstrumentId) -> Option<Contract> {
        self.accounts.get(id.index()).map(|a| a.contract)
    }
}

#[inline]
fn find(accounts: &mut [Account], id: InstrumentId) -> Result<&mut Account, Error> {
    let known = accounts.len();
    accounts.get_mut(id.index()).ok_or(Error::Instrument { instrument: id, known })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Leg, Liquidity};
    use market::{Quantity, Side};
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
            (0u32..3, side, 1u64..500, 1i64..100_000, 0i128..10_000_000).prop_map(
                |(id, side, lots, price, fee)| Step::Trade { id, side, lots, price, fee }
            ),
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
}
