//! The two legs of a hedged account, and what is held on which leg.

use super::{Ledger, PositionMode, find, purse_of};
use crate::{Error, Fill, InstrumentId, Leg, Position};
use market::{Price, Side};

impl Ledger {
    /// Signed lots of a leg; negative is short. In a netted account the long leg is the position
    /// where it is long, the short leg where it is short; in a hedged one [`Leg::Net`] is their
    /// sum. Nothing, if the instrument is unknown.
    #[inline]
    #[must_use]
    pub fn held(&self, id: InstrumentId, leg: Leg) -> i64 {
        let Some(book) = self.books.get(id.index()) else { return 0 };
        let first = book.held.position.lots;
        let second = self.shorts.get(id.index()).map_or(0, |short| short.position.lots);
        match (self.mode, leg) {
            (_, Leg::Net) => first.saturating_add(second),
            (PositionMode::Netted, Leg::Long) => first.max(0),
            (PositionMode::Netted, Leg::Short) => first.min(0),
            (PositionMode::Hedged, Leg::Long) => first,
            (PositionMode::Hedged, Leg::Short) => second,
        }
    }

    /// Lots that an order of this side on this leg can close; none where the account has no such
    /// leg, for a fill on it would be refused.
    #[inline]
    #[must_use]
    pub fn closable(&self, id: InstrumentId, leg: Leg, side: Side) -> u64 {
        let held = self.held(id, leg);
        let opposes = held.signum() == -side.sign();
        if opposes && self.mode.has(leg) { held.unsigned_abs() } else { 0 }
    }

    /// The position of one leg; nothing where there is no such leg or instrument.
    #[must_use]
    pub fn position_on(&self, id: InstrumentId, leg: Leg) -> Position {
        let held = self.holdings(id).find(|(own, _)| *own == leg);
        held.map_or_else(Position::default, |(_, holding)| holding.position)
    }

    /// A new price of what is held in another currency, or on two legs.
    #[cold]
    pub(super) fn mark_elsewhere(&mut self, id: InstrumentId, price: Price) -> Result<(), Error> {
        let book = find(&mut self.books, id)?;
        let purse = purse_of(&mut self.home, &mut self.foreign, book.purse);
        let mut sums = purse.sums;
        let first = book.held.marked(book.contract, price, &mut sums)?;
        if let Some(short) = self.shorts.get_mut(id.index()) {
            *short = short.marked(book.contract, price, &mut sums)?;
        }
        (book.held, book.mark, purse.sums) = (first, Some(price), sums);
        Ok(())
    }

    /// A fill on one leg; the other leg takes its price as the latest one.
    pub(super) fn apply_to_leg(&mut self, fill: &Fill) -> Result<(), Error> {
        let book = find(&mut self.books, fill.instrument)?;
        let short_leg = self.shorts.get_mut(fill.instrument.index());
        let short_leg = short_leg.expect("every instrument has both legs");
        let (mut long, mut short) = (book.held, *short_leg);
        let (own, other, opens) = match fill.leg {
            Leg::Short => (&mut short, &mut long, Side::Sell),
            Leg::Long | Leg::Net => (&mut long, &mut short, Side::Buy),
        };
        let held = own.position.lots.unsigned_abs();
        if fill.side != opens && fill.quantity.0 > held {
            let (instrument, leg, asked) = (fill.instrument, fill.leg, fill.quantity.0);
            return Err(Error::Overclosed { instrument, leg, held, asked });
        }
        let purse = purse_of(&mut self.home, &mut self.foreign, book.purse);
        let terms = (book.contract, book.settlement);
        let mut sums = purse.sums;
        own.fill(fill, terms, &mut sums)?;
        *other = other.marked(book.contract, fill.price, &mut sums)?;
        (book.held, *short_leg) = (long, short);
        (book.mark, purse.sums) = (Some(fill.price), sums);
        Ok(())
    }
}
