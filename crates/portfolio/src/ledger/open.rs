//! Opening an account.

use super::{AccountTerms, Book, Borrowing, Detail, Holding, Ledger, PositionMode, purse::Purse};
use crate::{Carry, Contract, Error, InstrumentId};
use market::{Currency, Instrument, Listing, Money, Pricing, Rate, Settlement};

impl Ledger {
    /// An account with this cash and no positions: one currency, netted, everything paid in full.
    #[must_use]
    pub fn open(cash: Money, instruments: &[Instrument]) -> Self {
        // Whoever opens it so vouches for one currency: the first one names it.
        let currency = instruments.first().map_or(Currency::USD, |first| first.currency);
        let mut ledger = Self::bare(PositionMode::Netted, currency);
        ledger.home.start = cash;
        (ledger.home.sums.cash, ledger.home.sums.stake) = (cash, cash);
        for instrument in instruments {
            ledger.books.push(Book {
                contract: Contract::of(instrument),
                held: Holding::default(),
                mark: None,
                purse: 0,
                settlement: Settlement::Cash,
            });
            ledger.details.push(detail(instrument, Pricing::Positive));
        }
        ledger
    }

    /// An account on these terms. The listings' order gives the instruments their numbers.
    ///
    /// [`Error::Multiplier`] names a listing whose multiplier is not positive,
    /// [`Error::Instrument`] margin for an instrument that is not there.
    pub fn on(terms: AccountTerms, listings: &[Listing]) -> Result<Self, Error> {
        let mut ledger = Self::bare(terms.mode, terms.currency);
        ledger.borrowing = terms.borrowing;
        for (currency, amount) in terms.balances {
            let purse = ledger.purse_in(currency)?.1;
            purse.start = purse.start.plus(amount)?;
            purse.sums.receive(amount)?;
        }
        for listing in listings {
            let contract = Contract::listed(listing)?;
            let purse = ledger.purse_in(listing.instrument.currency)?.0;
            let (held, settlement) = (Holding::default(), listing.settlement);
            ledger.books.push(Book { contract, held, mark: None, purse, settlement });
            ledger.details.push(detail(&listing.instrument, listing.pricing));
        }
        if terms.mode == PositionMode::Hedged {
            ledger.shorts = vec![Holding::default(); listings.len()];
        }
        for (id, tiers) in terms.margin {
            let (book, _) = ledger.book(id)?;
            let in_full =
                book.settlement == Settlement::Cash && terms.borrowing == Borrowing::Forbidden;
            let Some(detail) = ledger.details.get_mut(id.index()).filter(|_| !in_full) else {
                continue;
            };
            if detail.tiers.replace(tiers).is_none() {
                ledger.tiered.push(id);
            }
        }
        ledger.tiered.sort_unstable();
        Ok(ledger)
    }

    fn bare(mode: PositionMode, currency: Currency) -> Self {
        let mut home = Purse::new(currency);
        home.rate = Some(Rate::ONE);
        Self {
            home,
            foreign: Vec::new(),
            books: Vec::new(),
            shorts: Vec::new(),
            details: Vec::new(),
            tiered: Vec::<InstrumentId>::new(),
            mode,
            borrowing: Borrowing::Forbidden,
        }
    }

    /// The purse of a currency and its place, opened if it is not there.
    fn purse_in(&mut self, currency: Currency) -> Result<(u32, &mut Purse), Error> {
        if currency == self.home.currency {
            return Ok((0, &mut self.home));
        }
        let found = self.foreign.iter().position(|purse| purse.currency == currency);
        let place = found.unwrap_or(self.foreign.len());
        if found.is_none() {
            self.foreign.push(Purse::new(currency));
        }
        let overflow = market::Error::Overflow { what: "the number of currencies" };
        let number = u32::try_from(place + 1).map_err(|_| overflow.clone())?;
        Ok((number, self.foreign.get_mut(place).ok_or(overflow)?))
    }
}

fn detail(instrument: &Instrument, pricing: Pricing) -> Detail {
    let lots_in_unit = instrument.lot_scale.units();
    Detail { lots_in_unit, pricing, tiers: None, carries: [Carry::default(); 2] }
}
