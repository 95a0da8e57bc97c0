//! Funding, borrow, interest, dividends and splits.

use super::{Book, Detail, Holding, Ledger, find, purse_of};
use crate::{CashFlow, Error, Flow, Flows, InstrumentId, Leg};
use market::{BarSize, Currency, Funding, Money, Price, Rate, Settlement};

/// A year of interest: 365 days of 86,400 seconds, in leap years too (ACT/365 fixed).
const YEAR_NS: i128 = 365 * BarSize::DAY.nanos() as i128;

impl Ledger {
    /// Longs pay rate × value, shorts receive it; the other way at a negative rate. Each leg pays
    /// or receives for itself, half to even at 1e-8. The value is that at the funding's own mark,
    /// or at the latest price; the latest price stays what it is.
    pub fn fund(&mut self, id: InstrumentId, funding: &Funding) -> Result<Flows, Error> {
        let rate = funding.rate;
        self.pay(id, |book, _, holding| {
            let Some(price) = funding.mark.or(book.mark) else { return Ok(None) };
            let value = book.contract.value(price, holding.position.lots)?;
            let amount = rate.of(value)?.negated()?;
            Ok(Some((amount, Flow::Funding { rate, value })))
        })
    }

    /// Funding as a venue booked it for a leg: received, negative is paid, in the instrument's currency.
    /// The position that it was for may be gone.
    pub fn funded(&mut self, id: InstrumentId, leg: Leg, amount: Money) -> Result<CashFlow, Error> {
        let (book, detail) = self.book(id)?;
        let currency = self.purse(book.purse).currency;
        let flow = CashFlow { instrument: Some(id), leg, currency, amount, flow: Flow::Booked };
        let (place, mut carries) = (book.purse, detail.carries);
        let [first, short] = &mut carries;
        let carry = if leg == Leg::Short { short } else { first };
        *carry = carry.with(&flow)?;
        let purse = purse_of(&mut self.home, &mut self.foreign, place);
        (purse.sums, purse.carry) = purse.with([flow].iter())?;
        if let Some(detail) = self.details.get_mut(id.index()) {
            detail.carries = carries;
        }
        Ok(flow)
    }

    /// Cash for each unit (not lot) held; shorts pay it. Half to even at 1e-8, each leg for itself.
    pub fn dividend(&mut self, id: InstrumentId, per_unit: Money) -> Result<Flows, Error> {
        self.pay(id, |_, detail, holding| {
            let lots = holding.position.lots;
            let amount = per_unit.scaled(i128::from(lots), i128::from(detail.lots_in_unit))?;
            Ok(Some((amount, Flow::Dividend { per_unit, lots })))
        })
    }

    /// The fee for what is sold short and had to be borrowed: value at the latest price × yearly
    /// rate × span ÷ 365 days, half to even at 1e-8 once. A position on margin borrows nothing.
    pub fn accrue_borrow(
        &mut self,
        id: InstrumentId,
        yearly: Rate,
        span_ns: u64,
    ) -> Result<Flows, Error> {
        self.pay(id, |book, _, holding| {
            if book.settlement == Settlement::Margin || holding.position.lots >= 0 {
                return Ok(None);
            }
            let value = holding.value;
            let amount = over_span(value, yearly, span_ns)?;
            Ok(Some((amount, Flow::Borrow { yearly, value })))
        })
    }

    /// Interest on cash that is owed: a negative balance × yearly rate × span ÷ 365 days, half to
    /// even at 1e-8 once. A balance that is not negative pays nothing and earns nothing.
    pub fn accrue_interest(
        &mut self,
        currency: Currency,
        yearly: Rate,
        span_ns: u64,
    ) -> Result<Flows, Error> {
        let place = self.place_of(currency)?;
        let purse = purse_of(&mut self.home, &mut self.foreign, place);
        let balance = purse.sums.cash;
        if balance >= Money::ZERO {
            return Ok(Flows::default());
        }
        let amount = over_span(balance, yearly, span_ns)?;
        let flow = Flow::Interest { yearly, balance };
        let record = CashFlow { instrument: None, leg: Leg::Net, currency, amount, flow };
        (purse.sums, purse.carry) = purse.with([record].iter())?;
        Ok(Flows([Some(record), None]))
    }

    /// Each old unit is `numerator / denominator` new ones. Lots are multiplied exactly and the
    /// basis is kept; a fraction of a lot that is left over is sold, and bought back for a short,
    /// at the latest price ÷ ratio, unrounded, with its share of the basis. The latest price is
    /// divided by the ratio, half to even to a tick: until the next price a position can be off by
    /// half a tick a lot.
    pub fn split(
        &mut self,
        id: InstrumentId,
        numerator: u32,
        denominator: u32,
    ) -> Result<Flows, Error> {
        if numerator == 0 || denominator == 0 {
            return Err(Error::Split { instrument: id, numerator, denominator });
        }
        let legs: Vec<(Leg, Holding)> = self.holdings(id).map(|(leg, h)| (leg, *h)).collect();
        let book = find(&mut self.books, id)?;
        let Some(last) = book.mark else { return Ok(Flows::default()) };
        let mark = divided(last, numerator, denominator)?;
        let purse = purse_of(&mut self.home, &mut self.foreign, book.purse);
        let (mut sums, currency) = (purse.sums, purse.currency);
        let (mut after, mut records) = ([Holding::default(); 2], [None; 2]);
        for (((leg, holding), after), record) in legs.into_iter().zip(&mut after).zip(&mut records)
        {
            let terms = (book.contract, book.settlement);
            let ratio = (numerator, denominator);
            let (split, moved) = holding.split(ratio, last, terms, &mut sums)?;
            *after = split.marked(book.contract, mark, &mut sums)?;
            *record = moved.map(|amount| {
                let flow = Flow::Fraction { numerator, denominator };
                CashFlow { instrument: Some(id), leg, currency, amount, flow }
            });
        }
        (purse.sums, book.mark) = (sums, Some(mark));
        let [first, second] = after;
        book.held = first;
        if let Some(short) = self.shorts.get_mut(id.index()) {
            *short = second;
        }
        Ok(Flows(records))
    }

    /// Pays every leg that is held what `due` says of it, and keeps account of it.
    fn pay(
        &mut self,
        id: InstrumentId,
        due: impl Fn(&Book, &Detail, &Holding) -> Result<Option<(Money, Flow)>, Error>,
    ) -> Result<Flows, Error> {
        let (book, detail) = self.book(id)?;
        let currency = self.purse(book.purse).currency;
        let (mut records, mut carries) = ([None; 2], detail.carries);
        let places = records.iter_mut().zip(&mut carries);
        for ((leg, holding), (record, carry)) in self.holdings(id).zip(places) {
            if holding.position.lots == 0 {
                continue;
            }
            if let Some((amount, flow)) = due(book, detail, holding)? {
                let paid = CashFlow { instrument: Some(id), leg, currency, amount, flow };
                *carry = carry.with(&paid)?;
                *record = Some(paid);
            }
        }
        let place = book.purse;
        let purse = purse_of(&mut self.home, &mut self.foreign, place);
        (purse.sums, purse.carry) = purse.with(records.iter().flatten())?;
        if let Some(detail) = self.details.get_mut(id.index()) {
            detail.carries = carries;
        }
        Ok(Flows(records))
    }
}

/// A price ÷ (numerator ÷ denominator), half to even to a tick.
fn divided(price: Price, numerator: u32, denominator: u32) -> Result<Price, Error> {
    let ticks = Money(i128::from(price.0)).scaled(denominator.into(), numerator.into())?;
    let overflow = market::Error::Overflow { what: "a price after a split" };
    Ok(i64::try_from(ticks.0).map(Price).map_err(|_| overflow)?)
}

/// Amount × yearly rate × span ÷ a year, rounded once.
fn over_span(amount: Money, yearly: Rate, span_ns: u64) -> Result<Money, Error> {
    let overflow = market::Error::Overflow { what: "the interest of a span" };
    let part = yearly.0.checked_mul(i128::from(span_ns)).ok_or(overflow)?;
    Ok(amount.scaled(part, Rate::ONE.0 * YEAR_NS)?)
}
