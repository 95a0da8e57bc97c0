//! Long and short by signals.

use super::{Desk, RuleTrader, rules::Size};
use crate::{
    Error,
    order::{Purpose, Reason, Restrictions, Ticket},
};
use market::{Price, Quantity, Side};
use portfolio::InstrumentId;

/// Which signals of one instrument are true at one close. Missing is not true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    /// Nothing is true: nothing changes.
    pub const NONE: Self = Self(0);
    /// `long` is true.
    pub const LONG: Self = Self(1);
    /// `exit` is true, or there is none and `long` is false.
    pub const EXIT: Self = Self(2);
    /// `short` is true.
    pub const SHORT: Self = Self(4);
    /// `cover` is true, or there is none and `short` is false.
    pub const COVER: Self = Self(8);

    /// Which of all sixteen sets want another position than one of this sign, a bit for each.
    pub(crate) const fn that_differ(held: i64) -> u16 {
        const fn of(held: i64) -> u16 {
            let (mut found, mut bits) = (0, 0);
            while bits < 16 {
                if let Some(wanted) = Flags(bits).wanted(held)
                    && wanted != held
                {
                    found |= 1 << bits;
                }
                bits += 1;
            }
            found
        }
        const SHORT: u16 = of(-1);
        const FLAT: u16 = of(0);
        const LONG: u16 = of(1);
        match held.signum() {
            -1 => SHORT,
            0 => FLAT,
            _ => LONG,
        }
    }

    /// Whether this set is one of those whose bits are there.
    #[inline]
    pub(crate) const fn is_in(self, sets: u16) -> bool {
        sets >> self.0 & 1 == 1
    }

    /// As a number whose bits are the flags.
    #[inline]
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// From such a number; bits of no flag are left out.
    #[inline]
    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits & 15)
    }

    /// Both together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` are true.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Where the position should be, as a sign; `None` for no change from `held`.
    ///
    /// An exit beats an entry of its own side. Both entries at once contradict each other: no
    /// change. An entry of the other side closes what is held first.
    #[inline]
    pub(crate) const fn wanted(self, held: i64) -> Option<i64> {
        let long = self.has(Self::LONG) && !self.has(Self::EXIT);
        let short = self.has(Self::SHORT) && !self.has(Self::COVER);
        match (long, short) {
            (true, false) => Some(1),
            (false, true) => Some(-1),
            (false, false) if held > 0 && self.has(Self::EXIT) => Some(0),
            (false, false) if held < 0 && self.has(Self::COVER) => Some(0),
            (true, true) | (false, false) => None,
        }
    }
}

impl RuleTrader {
    /// Exits of all instruments first, then entries, both in the instruments' order. An entry that
    /// was refused is tried again while its signal holds. An instrument decides only once it has
    /// as many bars of its own as the look-back asks for.
    pub(super) fn follow(&self, flags: &[Flags], desk: &mut Desk) -> Result<(), Error> {
        let mut entries = false;
        for (id, flags) in (0..).map(InstrumentId).zip(flags) {
            let held = desk.intended(id);
            let Some(wanted) = flags.wanted(held) else { continue };
            if wanted == held.signum() || !self.is_ripe(id, desk) {
                continue;
            }
            if held != 0 {
                let side = if held > 0 { Side::Sell } else { Side::Buy };
                let ticket = Ticket::market(id, side, Quantity(held.unsigned_abs()));
                let ticket = Ticket { purpose: Purpose::Exit, ..ticket };
                desk.submit(ticket.restricted(Restrictions::REDUCE_ONLY))?;
            }
            entries |= wanted != 0;
        }
        if !entries {
            return Ok(());
        }
        for (id, flags) in (0..).map(InstrumentId).zip(flags) {
            let held = desk.intended(id);
            let wanted = flags.wanted(held).unwrap_or(0);
            if wanted != 0 && held == 0 && self.is_ripe(id, desk) {
                self.enter(id, wanted, desk)?;
            }
        }
        Ok(())
    }

    fn is_ripe(&self, id: InstrumentId, desk: &Desk) -> bool {
        desk.bars(id) > self.terms.lookback
    }

    fn enter(&self, id: InstrumentId, sign: i64, desk: &mut Desk) -> Result<(), Error> {
        let side = if sign < 0 { Side::Sell } else { Side::Buy };
        let lots = match &self.terms.size {
            Size::Lots(lots) => lots.get(id.index()).copied().unwrap_or(0),
            Size::Share(part, of) => {
                let ledger = desk.ledger();
                let equity = ledger.equity()?;
                let price = ledger.latest(id).unwrap_or(Price(0));
                let share = (*part, *of);
                let contract = ledger.contract(id);
                contract.map_or(Ok(0), |contract| contract.affordable(equity, share, price))?
            }
        };
        i64::try_from(lots).map_err(|_| market::Error::Overflow { what: "an order" })?;
        if lots == 0 {
            desk.pass_over(id, side, Reason::LessThanALot);
        } else {
            desk.submit(Ticket::market(id, side, Quantity(lots)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_signals_want() {
        use Flags as F;
        let check = |flags: &[Flags], held: i64, want: Option<i64>| {
            let all = flags.iter().fold(Flags::NONE, |a, b| a.with(*b));
            assert_eq!(all.wanted(held), want, "{flags:?} at {held}");
        };
        check(&[], 5, None);
        check(&[F::LONG], 0, Some(1));
        check(&[F::LONG], -5, Some(1));
        check(&[F::EXIT], 5, Some(0));
        check(&[F::EXIT], 0, None);
        check(&[F::EXIT], -5, None);
        check(&[F::COVER], -5, Some(0));
        check(&[F::LONG, F::EXIT], 0, None);
        check(&[F::LONG, F::EXIT], 5, Some(0));
        check(&[F::LONG, F::SHORT], 5, None);
        check(&[F::EXIT, F::SHORT], 5, Some(-1));
        check(&[F::LONG, F::COVER], -5, Some(1));
        check(&[F::LONG, F::SHORT, F::EXIT], 0, Some(-1));
    }
}
