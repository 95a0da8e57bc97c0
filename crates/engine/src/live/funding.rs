//! Funding of perpetuals: each payment counted once, whoever tells of it, also what was paid while nobody
//! listened.
//!
//! A stream may tell of a payment whole, or only that there was one, or not at all. So the venue is asked
//! for what it booked: in the first comparison of a life and after every gap, when a stream says so, and
//! once after each full hour, at which venues pay.

use super::{
    Answer, Call, FundingReport, TradeId,
    answers::after,
    custodian::{About, Custodian},
    record::Record,
};
use crate::ticks::wire::Wire;
use market::{Money, Timestamp};
use portfolio::InstrumentId;
use std::collections::{BTreeMap, BTreeSet};

/// The longest span that is asked for at once: hourly payments of two days fit on every venue's page.
const SPAN: i64 = 2 * DAY;
/// What was paid longer ago than this is not asked for: venues show a week at least.
const REACH: i64 = 7 * DAY;
const DAY: i64 = 24 * HOUR;
const HOUR: i64 = 3_600_000_000_000;
/// Payments that are remembered; older ones are so old that nobody tells of them again.
const SEEN_MAX: usize = 20_000;

/// Payments that were counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Paid {
    by_name: BTreeSet<(InstrumentId, TradeId)>,
    by_time: BTreeSet<(Timestamp, InstrumentId, TradeId)>,
    /// Up to where an instrument's payments are known.
    known: BTreeMap<InstrumentId, Timestamp>,
    /// Of all lives, by instrument, in its currency.
    totals: BTreeMap<InstrumentId, Money>,
    /// When the first life of the journal began.
    pub(super) first: Option<Timestamp>,
    /// Whether a stream said that there is something to ask for.
    due: bool,
    /// When it was last asked for.
    asked: Option<Timestamp>,
}

impl Paid {
    /// Whether this payment is new; from now on it is not.
    pub(super) fn note(&mut self, paid: &FundingReport) -> bool {
        if !self.by_name.insert((paid.instrument, paid.payment)) {
            return false;
        }
        self.by_time.insert((paid.time, paid.instrument, paid.payment));
        let known = self.known.entry(paid.instrument).or_insert(paid.time);
        *known = (*known).max(paid.time);
        let total = self.totals.entry(paid.instrument).or_default();
        *total = total.plus(paid.amount).unwrap_or(*total);
        if self.by_time.len() > SEEN_MAX
            && let Some((_, instrument, payment)) = self.by_time.pop_first()
        {
            self.by_name.remove(&(instrument, payment));
        }
        true
    }

    /// From where to ask: a little before what is known, and not before anything can be told.
    fn since(&self, instrument: InstrumentId, born: Timestamp, now: Timestamp) -> Timestamp {
        let first = self.first.unwrap_or(born);
        let known = self.known.get(&instrument).copied().unwrap_or(first);
        after(known, -super::stock::OVERLAP).max(after(now, -REACH))
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        self.first.put(out);
        (self.totals.len() as u64).put(out);
        for (instrument, total) in &self.totals {
            instrument.put(out);
            total.put(out);
        }
        (self.by_time.len() as u64).put(out);
        for (time, instrument, payment) in &self.by_time {
            time.put(out);
            instrument.put(out);
            payment.put(out);
        }
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut paid = Self { first: Wire::read(bytes)?, ..Self::default() };
        for _ in 0..u64::read(bytes)? {
            paid.totals.insert(Wire::read(bytes)?, Wire::read(bytes)?);
        }
        for _ in 0..u64::read(bytes)? {
            let time = Timestamp::read(bytes)?;
            let (instrument, payment) = (InstrumentId::read(bytes)?, TradeId::read(bytes)?);
            paid.by_time.insert((time, instrument, payment));
            paid.by_name.insert((instrument, payment));
            let known = paid.known.entry(instrument).or_insert(time);
            *known = (*known).max(time);
        }
        Some(paid)
    }
}

impl Custodian {
    /// Funding received less funding paid in an instrument, in all lives that the journal knows.
    #[must_use]
    pub fn funding(&self, instrument: InstrumentId) -> Money {
        self.paid.totals.get(&instrument).copied().unwrap_or_default()
    }

    /// A payment: counted once. What was paid before this life began is in the cash that it began with.
    pub(super) fn funded(&mut self, paid: &FundingReport) {
        if self.listing(paid.instrument).is_none() || !self.paid.note(paid) {
            return;
        }
        self.record(&Record::Funding(*paid));
        let home = self.listing(paid.instrument).map(|one| one.instrument.currency);
        if paid.time > self.born && home == Some(paid.currency) {
            self.flows.push_back(*paid);
        }
    }

    /// A stream says that something was booked.
    pub(super) fn funding_is_due(&mut self, now: Timestamp) {
        self.paid.due = true;
        self.compare.look_soon(after(now, self.terms.lag.nanos()));
    }

    /// Asks for what was booked in these instruments, if there may be something; in a comparison.
    pub(super) fn ask_funding(&mut self, of: &BTreeSet<InstrumentId>, now: Timestamp) {
        let hour = |at: Timestamp| at.nanos().saturating_sub(self.terms.lag.nanos()) / HOUR;
        let is_new_hour = self.paid.asked.is_none_or(|asked| hour(asked) < hour(now));
        if !(self.paid.due || is_new_hour || !self.compare.is_done()) {
            return;
        }
        (self.paid.due, self.paid.asked) = (false, Some(now));
        for instrument in of.iter().copied().filter(|id| self.is_margin(*id)).collect::<Vec<_>>() {
            let since = self.paid.since(instrument, self.born, now);
            self.ask_span(instrument, (since, now), now);
        }
    }

    fn ask_span(
        &mut self,
        instrument: InstrumentId,
        (since, end): (Timestamp, Timestamp),
        now: Timestamp,
    ) {
        let until = after(since, SPAN).min(end);
        let call = Call::Funding { instrument, since, until };
        self.send(call, About::Funding(instrument, until, end), now);
    }

    /// What was booked, and the next span. What could not be answered is asked again in the next
    /// comparison: trading does not wait for it.
    pub(super) fn funding_answered(
        &mut self,
        (instrument, until, end): (InstrumentId, Timestamp, Timestamp),
        answer: &Answer,
        now: Timestamp,
    ) {
        let Answer::Funding(all) = answer else {
            // A venue that refuses to say is asked again in an hour.
            self.paid.due |= !matches!(answer, Answer::Refused(_) | Answer::NotFound);
            return;
        };
        for paid in all {
            self.funded(paid);
        }
        let known = self.paid.known.entry(instrument).or_insert(until);
        *known = (*known).max(until);
        if until < end {
            self.ask_span(instrument, (until, end), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use market::Currency;
    use portfolio::Leg;

    #[test]
    fn payments_are_counted_once_and_outlive_a_restart() {
        let report = |name: &str, instrument: u32, amount: i128, seconds: i64| FundingReport {
            payment: name.parse().expect("a name"),
            instrument: InstrumentId(instrument),
            leg: Leg::Net,
            amount: Money(amount),
            currency: Currency::USDT,
            time: Timestamp::from_nanos(seconds * 1_000_000_000),
        };
        let mut paid = Paid { first: Some(Timestamp::from_nanos(5)), ..Paid::default() };
        assert!(paid.note(&report("a", 0, -7, 10)));
        assert!(!paid.note(&report("a", 0, -7, 10)), "told twice");
        assert!(paid.note(&report("a", 1, 3, 10)), "another instrument's number");
        assert!(paid.note(&report("b", 0, -1, 20)));
        let mut bytes = Vec::new();
        paid.put(&mut bytes);
        let mut rest = bytes.as_slice();
        let mut again = Paid::read(&mut rest).expect("reads");
        assert!(rest.is_empty());
        assert_eq!(again, paid);
        assert!(!again.note(&report("b", 0, -1, 20)), "known in the next life");
        assert_eq!(again.totals.get(&InstrumentId(0)), Some(&Money(-8)));
        for cut in 0..bytes.len() {
            assert_eq!(Paid::read(&mut bytes.get(..cut).expect("shorter")), None, "cut to {cut}");
        }
        let now = Timestamp::from_nanos(30 * 1_000_000_000 + REACH);
        let since = again.since(InstrumentId(0), now, now);
        assert_eq!(since, after(now, -REACH), "no venue shows more");
    }
}
