//! Where a live session parts from the backtest of its rows: each decision side by side, with why
//! and with what it cost.
//!
//! The cost is the implementation shortfall of Perold (The Implementation Shortfall: Paper versus
//! Reality, 1988): what the paper account earned beyond the real one. Every trade counts up to the
//! last close on the tape, so the costs of all decisions add up to the difference of the two accounts
//! to the last unit.

use super::{
    lived::{Executed, Lived, Quiet, Sent},
    parted::{Cost, Done, Parted, Parting},
    rerun::Rebuilt,
    why::Why,
};
use crate::{
    OrderState,
    live::{Cause, ClientId, Role},
    order::Reason,
};
use market::{Error, Listing, Money, Price, Quantity, Side, Timestamp};
use portfolio::{Contract, InstrumentId};
use std::collections::BTreeMap;

/// What makes two orders the same decision: the row, the instrument, the side, the place among equals.
type Key = (Timestamp, InstrumentId, u8, usize);
/// The same without the place.
type Wish = (Timestamp, InstrumentId, u8);

const fn wish(row: Timestamp, id: InstrumentId, side: Side) -> Wish {
    (row, id, if matches!(side, Side::Buy) { 0 } else { 1 })
}

/// The two sides of one decision, before anybody asked why.
#[derive(Default)]
struct Pair<'a> {
    sent: Option<&'a Sent>,
    live: Option<Done>,
    backtest: Option<(Done, OrderState)>,
}

/// Trades that no decision of the strategy made.
struct Alone<'a> {
    first: &'a Executed,
    sent: Option<&'a Sent>,
    done: Done,
}

/// Holds a live session against the backtest of its rows, which are `bar_nanos` long.
///
/// # Errors
/// If a sum exceeds what money can be.
pub fn part(
    lived: &Lived,
    rebuilt: &Rebuilt,
    (listings, bar_nanos): (&[Listing], i64),
) -> Result<Parted, Error> {
    let mut work = Work::new(lived, rebuilt, (listings, bar_nanos))?;
    let (mut pairs, alone) = work.sides()?;
    let mut alone = alone.into_iter().peekable();
    while let Some(((row, instrument, sign, _), pair)) = pairs.pop_first() {
        while let Some(one) = alone.next_if(|one| work.row_of(one) < row) {
            work.unasked(&one)?;
        }
        let side = if sign == 0 { Side::Buy } else { Side::Sell };
        work.decision((row, instrument, side), &pair)?;
    }
    for one in alone {
        work.unasked(&one)?;
    }
    work.out.shortfall = work.out.backtest.minus(work.out.live)?;
    Ok(work.out)
}

struct Work<'a> {
    lived: &'a Lived,
    rebuilt: &'a Rebuilt,
    contracts: Vec<Contract>,
    bar_nanos: i64,
    /// What held an order of the live session back.
    held_back: BTreeMap<Wish, &'a str>,
    /// What the backtest wanted and never made an order of.
    passed: BTreeMap<Wish, Reason>,
    /// Lots by instrument: live, backtest.
    held: BTreeMap<InstrumentId, (i64, i64)>,
    /// Lots that were there before the first row and are not closed yet.
    carried: BTreeMap<InstrumentId, i64>,
    /// The difference that the positions of an instrument differ since.
    apart: BTreeMap<InstrumentId, usize>,
    out: Parted,
}

impl<'a> Work<'a> {
    fn new(
        lived: &'a Lived,
        rebuilt: &'a Rebuilt,
        (listings, bar_nanos): (&[Listing], i64),
    ) -> Result<Self, Error> {
        let wrong = |_| Error::Overflow { what: "a contract's multiplier" };
        let contracts = listings.iter().map(Contract::listed);
        let contracts = contracts.collect::<Result<_, _>>().map_err(wrong)?;
        let carried: BTreeMap<_, _> = lived.carried.iter().copied().collect();
        let held = carried.iter().map(|(id, lots)| (*id, (*lots, 0))).collect();
        let (zero, totals) = (Money::ZERO, BTreeMap::new());
        let out = Parted {
            same: 0,
            trades: Vec::new(),
            totals,
            live: zero,
            backtest: zero,
            shortfall: zero,
        };
        let gates = lived.held_back.iter();
        let held_back =
            gates.map(|one| (wish(one.row, one.instrument, one.side), one.why.as_str()));
        let passed = rebuilt.blotter.refusals.iter().filter(|(_, one)| one.order.is_none());
        let passed = passed.filter_map(|(_, one)| {
            let row = rebuilt.times.get(one.row as usize).copied()?;
            Some((wish(row, one.instrument, one.side), one.reason))
        });
        Ok(Self {
            lived,
            rebuilt,
            contracts,
            bar_nanos,
            held_back: held_back.collect(),
            passed: passed.collect(),
            held,
            carried,
            apart: BTreeMap::new(),
            out,
        })
    }

    fn value(&self, id: InstrumentId, price: Price, quantity: Quantity) -> Result<Money, Error> {
        let lots = i64::try_from(quantity.0).unwrap_or(i64::MAX);
        let contract = self.contracts.get(id.index());
        contract.map_or(Ok(Money::ZERO), |contract| contract.value(price, lots))
    }

    /// Everything that was decided, by decision; and what nobody decided, by time.
    fn sides(&self) -> Result<(BTreeMap<Key, Pair<'a>>, Vec<Alone<'a>>), Error> {
        let mut fills: BTreeMap<Option<ClientId>, Vec<&'a Executed>> = BTreeMap::new();
        for fill in &self.lived.fills {
            fills.entry(fill.order).or_default().push(fill);
        }
        let mut pairs: BTreeMap<Key, Pair<'a>> = BTreeMap::new();
        let mut alone = Vec::new();
        let mut places: BTreeMap<Wish, usize> = BTreeMap::new();
        for sent in &self.lived.orders {
            let own = fills.remove(&Some(sent.name)).unwrap_or_default();
            let done = self.done(sent.asked, sent.side, &own)?;
            if sent.role == Role::Kernel {
                let key = wish(sent.row, sent.instrument, sent.side);
                let place = places.entry(key).or_default();
                let pair = pairs.entry((key.0, key.1, key.2, *place)).or_default();
                (pair.sent, pair.live) = (Some(sent), Some(done));
                *place += 1;
            } else if let Some(first) = own.first().copied() {
                alone.push(Alone { first, sent: Some(sent), done });
            }
        }
        for first in fills.into_values().flatten() {
            let done = self.done(first.quantity, first.side, &[first])?;
            alone.push(Alone { first, sent: None, done });
        }
        alone.sort_by_key(|one| (one.first.time, one.first.trade));
        self.backtest_side(&mut pairs);
        Ok((pairs, alone))
    }

    fn backtest_side(&self, pairs: &mut BTreeMap<Key, Pair<'a>>) {
        let fills = self.rebuilt.blotter.fills.iter().rev();
        let first: BTreeMap<u64, Timestamp> = fills.map(|(_, f)| (f.order, f.time)).collect();
        let mut places: BTreeMap<Wish, usize> = BTreeMap::new();
        for record in &self.rebuilt.blotter.orders {
            let ticket = record.order.ticket;
            let key = wish(self.rebuilt.decided(record), ticket.instrument, ticket.side);
            let done = Done {
                asked: ticket.quantity,
                filled: record.filled,
                notional: record.notional,
                fees: record.fees,
                first: first.get(&record.order.id.0).copied(),
            };
            let place = places.entry(key).or_default();
            let pair = pairs.entry((key.0, key.1, key.2, *place)).or_default();
            pair.backtest = Some((done, record.state));
            *place += 1;
        }
    }

    /// Trades of one order. A trade the other way is a fee in the coin that was bought.
    fn done(&self, asked: Quantity, side: Side, fills: &[&Executed]) -> Result<Done, Error> {
        let (mut filled, zero) = (0_u64, Money::ZERO);
        let mut done =
            Done { asked, filled: Quantity::ZERO, notional: zero, fees: zero, first: None };
        for fill in fills {
            done.fees = done.fees.plus(fill.fee)?;
            let value = self.value(fill.instrument, fill.price, fill.quantity)?.magnitude()?;
            if fill.side == side {
                filled = filled.saturating_add(fill.quantity.0);
                done.notional = done.notional.plus(value)?;
            } else {
                filled = filled.saturating_sub(fill.quantity.0);
                done.notional = done.notional.minus(value)?;
            }
            done.first = done.first.or(Some(fill.time)).min(Some(fill.time));
        }
        done.filled = Quantity(filled);
        Ok(done)
    }

    fn row_of(&self, one: &Alone<'_>) -> Timestamp {
        let times = &self.rebuilt.times;
        let after = times.partition_point(|time| {
            time.nanos().saturating_add(self.bar_nanos) <= one.first.time.nanos()
        });
        let before = after.checked_sub(1).and_then(|place| times.get(place)).copied();
        before.unwrap_or(one.first.time)
    }

    /// What trades of one side earn up to the last close, fees taken off.
    fn earned(&self, (id, side): (InstrumentId, Side), done: &Done) -> Result<Money, Error> {
        let mark = self.rebuilt.marks.get(id.index()).copied().flatten();
        let worth = match mark {
            Some(mark) => self.value(id, mark, done.filled)?,
            None => done.notional,
        };
        let gain = worth.minus(done.notional)?;
        let gain = if side == Side::Buy { gain } else { gain.negated()? };
        gain.minus(done.fees)
    }

    fn cost(
        &self,
        of: (InstrumentId, Side),
        live: Option<&Done>,
        backtest: Option<&Done>,
    ) -> Result<(Cost, Money, Money), Error> {
        let earned = |done: Option<&Done>| done.map_or(Ok(Money::ZERO), |d| self.earned(of, d));
        let (ours, theirs) = (earned(live)?, earned(backtest)?);
        let all = theirs.minus(ours)?;
        let fee = |done: Option<&Done>| done.map_or(Money::ZERO, |done| done.fees);
        let fees = fee(live).minus(fee(backtest))?;
        let price = match (live, backtest) {
            (Some(a), Some(b)) if a.filled.0 > 0 && b.filled.0 > 0 => {
                let both = i128::from(a.filled.0.min(b.filled.0));
                let paid = a.notional.scaled(both, i128::from(a.filled.0))?;
                let paper = b.notional.scaled(both, i128::from(b.filled.0))?;
                let worse = paid.minus(paper)?;
                if of.1 == Side::Buy { worse } else { worse.negated()? }
            }
            _ => Money::ZERO,
        };
        // What is left is exact, so nothing is lost to rounding.
        let rest = all.minus(fees)?.minus(price)?;
        Ok((Cost { price, fees, rest }, ours, theirs))
    }

    fn decision(
        &mut self,
        (row, instrument, side): (Timestamp, InstrumentId, Side),
        pair: &Pair<'_>,
    ) -> Result<(), Error> {
        let backtest = pair.backtest.as_ref().map(|(done, _)| done);
        let why = self.why((row, instrument, side), pair);
        let (cost, ours, theirs) = self.cost((instrument, side), pair.live.as_ref(), backtest)?;
        self.count((ours, theirs))?;
        self.hold((instrument, side), pair.live.as_ref(), backtest);
        let Some(why) = why else {
            self.out.same += 1;
            return Ok(());
        };
        let name = pair.sent.map(|sent| sent.name);
        let decided = row.nanos().saturating_add(self.bar_nanos);
        let delays = pair.sent.map(|sent| {
            let first = pair.live.and_then(|live| live.first);
            let took = first.map(|first| first.nanos().saturating_sub(sent.time.nanos()));
            (sent.time.nanos().saturating_sub(decided), took)
        });
        let bps = match (&pair.live, backtest) {
            (Some(a), Some(b)) => bps(side, a, b)?,
            _ => None,
        };
        let (live, backtest) = (pair.live, backtest.copied());
        self.note(Parting { row, instrument, side, name, live, backtest, why, bps, delays, cost })
    }

    /// Trades that no decision of the strategy made.
    fn unasked(&mut self, one: &Alone<'_>) -> Result<(), Error> {
        let Executed { instrument, cause, .. } = *one.first;
        let side = one.sent.map_or(one.first.side, |sent| sent.side);
        let why = match (cause, one.sent.map(|sent| sent.role)) {
            (Cause::Owner, Some(Role::Stop)) => Why::Stop,
            (Cause::Owner, Some(Role::Close)) => Why::Close,
            (Cause::Owner, _) => Why::Foreign,
            (cause, _) => Why::Venue(cause),
        };
        let row = self.row_of(one);
        let (cost, ours, theirs) = self.cost((instrument, side), Some(&one.done), None)?;
        self.count((ours, theirs))?;
        self.hold((instrument, side), Some(&one.done), None);
        let name = one.sent.map(|sent| sent.name);
        let live = Some(one.done);
        let (backtest, bps, delays) = (None, None, None);
        self.note(Parting { row, instrument, side, name, live, backtest, why, bps, delays, cost })
    }

    fn count(&mut self, (ours, theirs): (Money, Money)) -> Result<(), Error> {
        self.out.live = self.out.live.plus(ours)?;
        self.out.backtest = self.out.backtest.plus(theirs)?;
        Ok(())
    }

    fn hold(
        &mut self,
        (id, side): (InstrumentId, Side),
        live: Option<&Done>,
        other: Option<&Done>,
    ) {
        let lots = |done: Option<&Done>| {
            let lots = done.map_or(0, |done| i64::try_from(done.filled.0).unwrap_or(i64::MAX));
            side.sign().saturating_mul(lots)
        };
        let (ours, theirs) = (lots(live), lots(other));
        let held = self.held.entry(id).or_default();
        *held = (held.0.saturating_add(ours), held.1.saturating_add(theirs));
        if let Some(left) = self.carried.get_mut(&id)
            && left.signum() * ours.signum() < 0
        {
            let closed = ours.abs().min(left.abs());
            *left -= left.signum() * closed;
        }
    }

    fn note(&mut self, parting: Parting) -> Result<(), Error> {
        let place = self.out.trades.len();
        let (ours, theirs) = self.held.get(&parting.instrument).copied().unwrap_or_default();
        if ours == theirs {
            self.apart.remove(&parting.instrument);
        } else {
            self.apart.entry(parting.instrument).or_insert(place);
        }
        let why = parting.why.name();
        let by_price = if parting.why == Why::Latency { why } else { Why::Slippage.name() };
        let Cost { price, fees, rest } = parting.cost;
        for (name, share) in [(by_price, price), (Why::Fee.name(), fees), (why, rest)] {
            let total = self.out.totals.entry(name).or_insert((0, Money::ZERO));
            total.1 = total.1.plus(share)?;
        }
        if let Some(total) = self.out.totals.get_mut(why) {
            total.0 += 1;
        }
        self.out.trades.push(parting);
        Ok(())
    }

    /// Why a decision differs; `None` if it does not.
    fn why(
        &self,
        (row, instrument, side): (Timestamp, InstrumentId, Side),
        pair: &Pair<'_>,
    ) -> Option<Why> {
        match (&pair.live, &pair.backtest) {
            (Some(live), Some((done, state))) => self.both(pair.sent, (row, live), (done, *state)),
            (Some(_), None) => Some(self.live_only(row, instrument, side)),
            (None, Some(_)) => Some(self.backtest_only(row, instrument, side)),
            (None, None) => None,
        }
    }

    fn both(
        &self,
        sent: Option<&Sent>,
        (row, live): (Timestamp, &Done),
        (done, state): (&Done, OrderState),
    ) -> Option<Why> {
        let is_over = sent.is_none_or(|sent| sent.ended.is_some());
        if live.filled < live.asked && live.filled < done.filled {
            let refusal = sent.and_then(|sent| sent.refusal.clone());
            let left = if is_over { Why::Partial } else { Why::Working };
            return Some(refusal.map_or(left, Why::Refused));
        }
        if done.filled < done.asked && done.filled < live.filled {
            return Some(match state {
                OrderState::Refused(reason) => Why::BacktestRefused(reason),
                _ => Why::TapeEnds,
            });
        }
        if live.asked != done.asked {
            let instrument = sent.map(|sent| sent.instrument);
            let apart = instrument.and_then(|id| self.apart.get(&id)).copied();
            return Some(apart.map_or(Why::Size, Why::Follows));
        }
        let over = row.nanos().saturating_add(self.bar_nanos.saturating_mul(2));
        let is_late = live.first.is_some_and(|first| first.nanos() >= over);
        if (live.filled, live.notional) != (done.filled, done.notional) {
            return Some(if is_late { Why::Latency } else { Why::Slippage });
        }
        (live.fees != done.fees).then_some(Why::Fee)
    }

    fn live_only(&self, row: Timestamp, id: InstrumentId, side: Side) -> Why {
        if let Some(reason) = self.passed.get(&wish(row, id, side)) {
            return Why::BacktestRefused(*reason);
        }
        let carried = self.carried.get(&id).copied().unwrap_or(0);
        if carried.signum() * side.sign() < 0 {
            return Why::Carried;
        }
        self.apart.get(&id).map_or(Why::Unexplained, |place| Why::Follows(*place))
    }

    fn backtest_only(&self, row: Timestamp, id: InstrumentId, side: Side) -> Why {
        if let Some(why) = self.held_back.get(&wish(row, id, side)) {
            return Why::HeldBack((*why).to_owned());
        }
        if let Some(silence) = self.lived.silence(row) {
            return match silence.because {
                Quiet::Down => Why::Down(*silence),
                Quiet::Late => Why::Late(*silence),
            };
        }
        let carried = self.carried.get(&id).copied().unwrap_or(0);
        if carried != 0 {
            return Why::Carried;
        }
        self.apart.get(&id).map_or(Why::Unexplained, |place| Why::Follows(*place))
    }
}

/// How much worse one average price is than another, in basis points.
fn bps(side: Side, live: &Done, backtest: &Done) -> Result<Option<Money>, Error> {
    let overflow = || Error::Overflow { what: "slippage in basis points" };
    let paid = live.notional.0.checked_mul(i128::from(backtest.filled.0)).ok_or_else(overflow)?;
    let paper = backtest.notional.0.checked_mul(i128::from(live.filled.0)).ok_or_else(overflow)?;
    if paper <= 0 {
        return Ok(None);
    }
    let worse = if side == Side::Buy { paid - paper } else { paper - paid };
    Ok(Some(Money::from_whole(10_000).scaled(worse, paper)?))
}
