//! What positions and orders need: initial and maintenance margin across the account.

use super::{Borrowing, Ledger, PositionMode, purse::Purse};
use crate::{Error, InstrumentId, Leg, MarginTiers};
use market::{Money, Price, Quantity, Settlement, Side};

impl Ledger {
    /// What an order needs beyond what the positions need already, at its price, in the account's
    /// currency; the fee comes on top.
    ///
    /// The initial margin of the leg after the order less that before it: the whole value for what
    /// has no margin. What only closes needs nothing; an order that turns a position round needs
    /// what the new side exceeds the old one by.
    pub fn requirement(
        &self,
        id: InstrumentId,
        (leg, side): (Leg, Side),
        quantity: Quantity,
        price: Price,
    ) -> Result<Money, Error> {
        if !self.mode.has(leg) {
            return Err(Error::Leg { instrument: id, leg, mode: self.mode });
        }
        let (book, detail) = self.book(id)?;
        let overflow = || market::Error::Overflow { what: "the size of an order" };
        let lots = i64::try_from(quantity.0).map_err(|_| overflow())?;
        let held = self.held(id, leg);
        let mut after = held.checked_add(side.sign() * lots).ok_or_else(overflow)?;
        after = match leg {
            Leg::Net => after,
            Leg::Long => after.max(0),
            Leg::Short => after.min(0),
        };
        let tiers = detail.tiers.as_ref();
        let before = initial_of(tiers, book.contract.value(price, held)?)?;
        let needed = initial_of(tiers, book.contract.value(price, after)?)?;
        self.purse(book.purse).convert(needed.minus(before)?.max(Money::ZERO))
    }

    /// Whether it has one currency, one position an instrument and nothing on margin: what an order
    /// needs is then its value, and what there is the buying power.
    #[inline]
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        let netted = matches!(self.mode, PositionMode::Netted);
        netted && self.tiered.is_empty() && self.foreign.is_empty()
    }

    /// What the account may still take on: equity less the initial margin of all positions. Where
    /// nothing is on margin, this is [`Ledger::buying_power`].
    #[inline]
    pub fn available(&self) -> Result<Money, Error> {
        if self.tiered.is_empty() {
            return self.buying_power();
        }
        Ok(self.equity()?.minus(self.initial()?)?)
    }

    /// What the account may still take on in this instrument: [`Ledger::available`], and where it
    /// is paid in full by an account that may not borrow, no more than the cash of its currency
    /// without the proceeds of shorts.
    pub fn available_for(&self, id: InstrumentId) -> Result<Money, Error> {
        let available = self.available()?;
        let book = self.book(id)?.0;
        if self.borrowing == Borrowing::Allowed || book.settlement == Settlement::Margin {
            return Ok(available);
        }
        let purse = self.purse(book.purse);
        let free = purse.sums.cash.minus(purse.sums.short)?;
        Ok(available.min(purse.convert(free)?))
    }

    /// Initial margin of all positions at their latest prices, in the account's currency; what has
    /// no margin counts with its whole value.
    pub fn initial(&self) -> Result<Money, Error> {
        self.total(self.initial_in(&self.home, 0)?, |purse| {
            self.initial_in(purse, self.place_of(purse.currency)?)
        })
    }

    /// Maintenance margin of all positions at their latest prices, in the account's currency; what
    /// has no margin needs none.
    pub fn maintenance(&self) -> Result<Money, Error> {
        self.total(self.maintenance_in(0)?, |purse| {
            self.maintenance_in(self.place_of(purse.currency)?)
        })
    }

    /// Initial margin of a leg at the latest price, in the account's currency; of [`Leg::Net`] in
    /// a hedged account, of both.
    pub fn initial_of(&self, id: InstrumentId, leg: Leg) -> Result<Money, Error> {
        let (book, detail) = self.book(id)?;
        let needed = self.sum_of(id, leg, |value| initial_of(detail.tiers.as_ref(), value))?;
        self.purse(book.purse).convert(needed)
    }

    /// Maintenance margin of a leg at the latest price, in the account's currency; of [`Leg::Net`]
    /// in a hedged account, of both.
    pub fn maintenance_of(&self, id: InstrumentId, leg: Leg) -> Result<Money, Error> {
        let (book, detail) = self.book(id)?;
        let needed = self.sum_of(id, leg, |value| maintenance_of(detail.tiers.as_ref(), value))?;
        self.purse(book.purse).convert(needed)
    }

    /// The margin in force for an instrument; `None` where it is paid in full.
    #[must_use]
    pub fn tiers(&self, id: InstrumentId) -> Option<&MarginTiers> {
        self.details.get(id.index()).and_then(|detail| detail.tiers.as_ref())
    }

    /// Other margin for an instrument that is on margin: what an account that chose another leverage
    /// brings. Answers what was in force before.
    ///
    /// [`Error::Instrument`] if the instrument is unknown or is paid in full.
    pub fn retier(&mut self, id: InstrumentId, tiers: MarginTiers) -> Result<MarginTiers, Error> {
        let known = self.details.len();
        let detail = self.details.get_mut(id.index());
        let own = detail.and_then(|detail| detail.tiers.as_mut());
        let own = own.ok_or(Error::Instrument { instrument: id, known })?;
        Ok(std::mem::replace(own, tiers))
    }

    fn initial_in(&self, purse: &Purse, place: u32) -> Result<Money, Error> {
        let mut sum = purse.sums.gross()?;
        for (value, tiers) in self.on_margin(place) {
            sum = sum.minus(value.magnitude()?)?.plus(tiers.initial(value)?)?;
        }
        Ok(sum)
    }

    pub(super) fn maintenance_in(&self, place: u32) -> Result<Money, Error> {
        self.on_margin(place)
            .try_fold(Money::ZERO, |sum, (value, tiers)| Ok(sum.plus(tiers.maintenance(value)?)?))
    }

    /// Values of positions of one currency that are on margin, with their tiers.
    fn on_margin(&self, place: u32) -> impl Iterator<Item = (Money, &MarginTiers)> {
        let own = self.tiered.iter().filter_map(move |id| {
            let (book, detail) = self.book(*id).ok()?;
            Some((*id, detail.tiers.as_ref().filter(|_| book.purse == place)?))
        });
        own.flat_map(|(id, tiers)| self.holdings(id).map(move |(_, h)| (h.value, tiers)))
    }

    fn sum_of(
        &self,
        id: InstrumentId,
        leg: Leg,
        need: impl Fn(Money) -> Result<Money, Error>,
    ) -> Result<Money, Error> {
        let own = self.holdings(id).filter(|(own, _)| *own == leg || leg == Leg::Net);
        own.map(|(_, holding)| need(holding.value))
            .try_fold(Money::ZERO, |sum, one| Ok(sum.plus(one?)?))
    }
}

fn initial_of(tiers: Option<&MarginTiers>, value: Money) -> Result<Money, Error> {
    Ok(tiers.map_or_else(|| value.magnitude(), |tiers| tiers.initial(value))?)
}

pub(super) fn maintenance_of(tiers: Option<&MarginTiers>, value: Money) -> Result<Money, Error> {
    Ok(tiers.map_or(Ok(Money::ZERO), |tiers| tiers.maintenance(value))?)
}
