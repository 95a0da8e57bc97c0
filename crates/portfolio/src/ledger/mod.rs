//! Cash and positions of many instruments, marked to the latest price.

mod flows;
mod holding;
#[cfg(test)]
mod laws;
mod legs;
mod liquidation;
mod open;
mod purse;
mod requirement;
mod statement;
mod terms;

pub use statement::Statement;
pub use terms::{AccountTerms, Borrowing, PositionMode};

use crate::{Carry, Contract, EquityPoint, Error, Fill, InstrumentId, Leg, MarginTiers, Position};
use holding::Holding;
use market::{Currency, Money, Price, Settlement, Timestamp};
use purse::Purse;

/// One account: cash in one or several currencies, shared by all positions.
///
/// Laws, held to the last 1e-8 in each currency: equity = cash + Σ value of what was paid for + Σ
/// unrealised profit of what was not; equity = cash at the start + Σ realised + Σ unrealised − Σ
/// fees + funding + dividends − borrow; a position is the sum of its fills and splits. Amounts of
/// another currency become amounts of the account's once per figure and currency, half to even:
/// with n other currencies a figure is within n × 0.5e-8 of the exact one.
///
/// What fails leaves the ledger as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    home: Purse,
    foreign: Vec<Purse>,
    books: Vec<Book>,
    /// Short legs, one an instrument, in a hedged account only: its long legs are in the books.
    shorts: Vec<Holding>,
    details: Vec<Detail>,
    /// Those whose margin tiers are in force.
    tiered: Vec<InstrumentId>,
    mode: PositionMode,
    borrowing: Borrowing,
}

/// What every price and fill of an instrument touches.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Book {
    contract: Contract,
    /// The netted position, or the long leg.
    held: Holding,
    mark: Option<Price>,
    /// The currency's place: 0 is the account's own.
    purse: u32,
    settlement: Settlement,
}

/// The rest of what is known of an instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Detail {
    /// Lots in one unit.
    lots_in_unit: i64,
    pricing: market::Pricing,
    tiers: Option<MarginTiers>,
    /// Of the netted position or the long leg, and of the short leg.
    carries: [Carry; 2],
}

impl Ledger {
    /// A new latest price: positions are worth what they would bring there.
    #[inline]
    pub fn mark(&mut self, id: InstrumentId, price: Price) -> Result<(), Error> {
        let plain = self.mode == PositionMode::Netted;
        match self.books.get_mut(id.index()) {
            Some(book) if plain && book.held.position.lots == 0 => {
                book.mark = Some(price);
                Ok(())
            }
            Some(book) if plain && book.purse == 0 => {
                let value = book.contract.value(price, book.held.position.lots)?;
                self.home.sums.revalue(book.held.value, value)?;
                (book.held.value, book.mark) = (value, Some(price));
                Ok(())
            }
            _ => self.mark_elsewhere(id, price),
        }
    }

    /// Folds one fill into cash, fees and position; its price becomes the latest price.
    ///
    /// [`Error::Leg`] if an account of this mode has no such leg; [`Error::Overclosed`] if a fill
    /// would turn a leg of a hedged account round.
    pub fn apply(&mut self, fill: &Fill) -> Result<(), Error> {
        if !self.mode.has(fill.leg) {
            let (instrument, leg, mode) = (fill.instrument, fill.leg, self.mode);
            return Err(Error::Leg { instrument, leg, mode });
        }
        if self.mode == PositionMode::Hedged {
            return self.apply_to_leg(fill);
        }
        let book = find(&mut self.books, fill.instrument)?;
        let purse = purse_of(&mut self.home, &mut self.foreign, book.purse);
        let terms = (book.contract, book.settlement);
        book.held.fill(fill, terms, &mut purse.sums)?;
        book.mark = Some(fill.price);
        Ok(())
    }

    /// Money in hand in the account's own currency, proceeds of short sales included.
    #[inline]
    #[must_use]
    pub const fn cash(&self) -> Money {
        self.home.sums.cash
    }

    /// All fees paid in the account's own currency; those of others stand in their statements.
    #[inline]
    #[must_use]
    pub const fn fees(&self) -> Money {
        self.home.sums.fees
    }

    /// What the account counts in.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.home.currency
    }

    /// One position an instrument, or two.
    #[must_use]
    pub const fn mode(&self) -> PositionMode {
        self.mode
    }

    /// Cash and positions at their latest prices and rates, in the account's currency.
    #[inline]
    pub fn equity(&self) -> Result<Money, Error> {
        let home = self.home.sums.equity()?;
        if self.foreign.is_empty() { Ok(home) } else { self.total(home, |p| p.sums.equity()) }
    }

    /// Σ |value| of positions at their latest prices and rates, in the account's currency.
    #[inline]
    pub fn gross(&self) -> Result<Money, Error> {
        let home = self.home.sums.gross()?;
        if self.foreign.is_empty() { Ok(home) } else { self.total(home, |p| p.sums.gross()) }
    }

    /// Cash of all currencies at their latest rates, in the account's currency.
    #[inline]
    pub fn cash_in_all(&self) -> Result<Money, Error> {
        let home = self.home.sums.cash;
        if self.foreign.is_empty() { Ok(home) } else { self.total(home, |p| Ok(p.sums.cash)) }
    }

    /// How much more exposure an account without leverage may take: equity − gross exposure,
    /// where all is paid in full that is cash − 2 × the value of shorts. Long only, it is the cash.
    #[inline]
    pub fn buying_power(&self) -> Result<Money, Error> {
        if !self.foreign.is_empty() {
            return Ok(self.equity()?.minus(self.gross()?)?);
        }
        let sums = &self.home.sums;
        Ok(sums.stake.minus(sums.short)?.minus(sums.short)?)
    }

    /// The account as one point of a curve, in its own currency.
    #[inline]
    pub fn point(&self, time: Timestamp) -> Result<EquityPoint, Error> {
        let (equity, cash, gross) = (self.equity()?, self.cash_in_all()?, self.gross()?);
        Ok(EquityPoint { time, equity, cash, gross })
    }

    /// What is held of an instrument; nothing, if it is unknown. Two legs are seen as one: their
    /// lots and signed bases add up.
    #[inline]
    #[must_use]
    pub fn position(&self, id: InstrumentId) -> Position {
        let Some(book) = self.books.get(id.index()) else { return Position::default() };
        match self.shorts.get(id.index()) {
            None => book.held.position,
            Some(short) => Position::net(&book.held.position, &short.position),
        }
    }

    /// The latest price of an instrument, if there was one.
    #[inline]
    #[must_use]
    pub fn latest(&self, id: InstrumentId) -> Option<Price> {
        self.books.get(id.index()).and_then(|book| book.mark)
    }

    /// How this instrument's ticks and lots become money.
    #[inline]
    #[must_use]
    pub fn contract(&self, id: InstrumentId) -> Option<Contract> {
        self.books.get(id.index()).map(|book| book.contract)
    }

    /// One unit of a currency is worth so many of the account's from now on: all that is held and
    /// owed in it is worth another amount. A currency in which the account can hold nothing is
    /// passed over; [`Error::Rate`] if the rate is not positive, or is another than 1 for the
    /// account's own currency.
    pub fn set_rate(&mut self, currency: Currency, rate: market::Rate) -> Result<(), Error> {
        let own = currency == self.home.currency;
        if rate <= market::Rate::ZERO || (own && rate != market::Rate::ONE) {
            return Err(Error::Rate { currency, rate });
        }
        if let Some(purse) = self.foreign.iter_mut().find(|purse| purse.currency == currency) {
            purse.rate = Some(rate);
        }
        Ok(())
    }

    /// An amount of an instrument's currency in that of the account, half to even;
    /// [`Error::NoRate`] where nobody knows what it is worth.
    pub fn converted(&self, id: InstrumentId, amount: Money) -> Result<Money, Error> {
        let (book, _) = self.book(id)?;
        self.purse(book.purse).convert(amount)
    }

    /// A figure of the account's own currency and of all others, converted.
    fn total(
        &self,
        home: Money,
        of: impl Fn(&Purse) -> Result<Money, Error>,
    ) -> Result<Money, Error> {
        let mut sum = home;
        for purse in &self.foreign {
            sum = sum.plus(purse.convert(of(purse)?)?)?;
        }
        Ok(sum)
    }

    fn book(&self, id: InstrumentId) -> Result<(&Book, &Detail), Error> {
        let known = self.books.len();
        let both = self.books.get(id.index()).zip(self.details.get(id.index()));
        let Some(both) = both else { return Err(Error::Instrument { instrument: id, known }) };
        Ok(both)
    }

    fn purse(&self, place: u32) -> &Purse {
        let other = (place as usize).checked_sub(1).and_then(|place| self.foreign.get(place));
        other.unwrap_or(&self.home)
    }

    /// The holdings of an instrument with their legs: one in a netted account, two in a hedged one.
    fn holdings(&self, id: InstrumentId) -> impl Iterator<Item = (Leg, &Holding)> {
        let book = self.books.get(id.index());
        let leg = if self.mode == PositionMode::Netted { Leg::Net } else { Leg::Long };
        let first = book.map(|book| (leg, &book.held));
        first.into_iter().chain(self.shorts.get(id.index()).map(|short| (Leg::Short, short)))
    }
}

#[inline]
fn find(books: &mut [Book], id: InstrumentId) -> Result<&mut Book, Error> {
    let known = books.len();
    let Some(book) = books.get_mut(id.index()) else {
        return Err(Error::Instrument { instrument: id, known });
    };
    Ok(book)
}

/// The purse at a place; every book's place was made together with its purse.
#[inline]
fn purse_of<'a>(home: &'a mut Purse, foreign: &'a mut [Purse], place: u32) -> &'a mut Purse {
    match (place as usize).checked_sub(1) {
        None => home,
        Some(place) => foreign.get_mut(place).expect("a book's currency has a purse"),
    }
}
