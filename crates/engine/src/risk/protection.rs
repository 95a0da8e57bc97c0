//! Protections: what happened lately locks instruments for a while.

use super::{
    Limits, Lock, Protection, Reach, Scope, Sides, Span, Threshold, TripEnd,
    equity::{Calm, fallen, floor},
    window::{Peak, Recent},
};
use crate::order::{Amount, Limit, Purpose};
use market::{Money, Rate, Side, Timestamp};
use portfolio::{Direction, InstrumentId};
use std::collections::{BTreeMap, VecDeque};

/// A position came back to nothing. Money is in the account's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundTrip {
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// Which way it pointed.
    pub direction: Direction,
    /// What it earned after fees.
    pub profit: Money,
    /// What entering cost, or brought for a short.
    pub entered: Money,
    /// Why the order that closed it was there.
    pub exit: Purpose,
}

/// A protection and what it remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Watcher {
    rule: Protection,
    memory: Memory,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Memory {
    Nothing,
    Peak(Peak),
    Losses(BTreeMap<(Scope, Option<Side>), Recent>),
    Trips(BTreeMap<InstrumentId, VecDeque<(Timestamp, Money, Money)>>),
}

impl Watcher {
    pub(super) fn all(limits: &Limits) -> Vec<Self> {
        let memory = |rule: &Protection| match rule {
            Protection::StopLossGuard { .. } => Memory::Losses(BTreeMap::new()),
            Protection::Drawdown { span, .. } => Memory::Peak(Peak::over(*span)),
            Protection::CoolDown { .. } => Memory::Nothing,
            Protection::LowProfit { .. } => Memory::Trips(BTreeMap::new()),
        };
        limits.protections.iter().map(|rule| Self { rule: *rule, memory: memory(rule) }).collect()
    }

    /// The lock that a round trip brings, if it brings one.
    pub(super) fn on_round_trip(&mut self, now: Timestamp, trip: &RoundTrip) -> Option<Lock> {
        match (self.rule, &mut self.memory) {
            (
                Protection::StopLossGuard { losses, span, rest, reach, sides },
                Memory::Losses(seen),
            ) => {
                if !matches!(trip.exit, Purpose::StopLoss | Purpose::Liquidation)
                    || trip.profit >= Money::ZERO
                {
                    return None;
                }
                let (scope, side) = (scope(reach, trip), side(sides, trip));
                let keep = losses as usize;
                let recent = seen.entry((scope, side)).or_insert_with(|| Recent::keeping(keep));
                recent.note(now);
                let reason = format!("{losses} stop losses within {span}");
                let lock = lock(Limit::StopLossGuard, (scope, side), (now, rest), reason);
                recent.is_full(now, span).then_some(lock)
            }
            (Protection::CoolDown { after, rest, reach }, _) => {
                let won = trip.profit > Money::ZERO;
                let (due, reason) = match after {
                    TripEnd::Win => (won, "a rest after a win"),
                    TripEnd::Loss => (!won, "a rest after a loss"),
                };
                let place = (scope(reach, trip), None);
                due.then(|| lock(Limit::CoolDown, place, (now, rest), reason.to_owned()))
            }
            (Protection::LowProfit { trips, span, least, rest }, Memory::Trips(seen)) => {
                let last = seen.entry(trip.instrument).or_default();
                while last.len() >= trips as usize {
                    last.pop_front();
                }
                last.push_back((now, trip.profit, trip.entered));
                let (first, ..) = *last.front()?;
                if last.len() < trips as usize || !span.is_recent(first, now) {
                    return None;
                }
                let earned = too_little(last, least)?;
                let reason = format!("{trips} round trips within {span} earned {earned}");
                let place = (Scope::Instrument(trip.instrument), None);
                Some(lock(Limit::LowProfit, place, (now, rest), reason))
            }
            _ => None,
        }
    }

    /// The lock that a fall of equity brings, if it brings one.
    pub(super) fn on_equity(&mut self, now: Timestamp, equity: Money) -> Option<Lock> {
        let (Protection::Drawdown { fall, span, rest }, Memory::Peak(peak)) =
            (self.rule, &mut self.memory)
        else {
            return None;
        };
        let breach = fallen(peak.observe(now, equity), equity, fall)?;
        peak.restart();
        peak.observe(now, equity);
        let reason = format!("equity fell by {} within {span}", breach.value);
        Some(lock(Limit::Drawdown, (Scope::All, None), (now, rest), reason))
    }

    /// Figures from which nothing would follow.
    pub(super) fn calm(&self) -> Option<Calm> {
        let (Protection::Drawdown { fall, .. }, Memory::Peak(peak)) = (self.rule, &self.memory)
        else {
            return None;
        };
        let Some(((high, until), highest)) = peak.latest().zip(peak.highest()) else {
            return Some(Calm::NEVER);
        };
        Some(Calm { low: floor(highest, fall), high, until })
    }

    /// What it remembers, for people: the number of things kept, or the highest equity.
    pub(super) fn view(&self, now: Timestamp) -> Vec<(String, Amount)> {
        match (&self.memory, self.rule) {
            (Memory::Peak(peak), _) => {
                let highest = peak
                    .highest()
                    .map(|money| ("drawdown.highest".to_owned(), Amount::Money(money)));
                highest.into_iter().collect()
            }
            (Memory::Losses(seen), Protection::StopLossGuard { span, .. }) => {
                let one = |((scope, side), recent): (&(Scope, Option<Side>), &Recent)| {
                    let count = Amount::Count(recent.count(now, span));
                    (format!("stop_loss_guard.{}", place(*scope, *side)), count)
                };
                seen.iter().map(one).collect()
            }
            (Memory::Trips(seen), Protection::LowProfit { .. }) => {
                let one = |(id, last): (&InstrumentId, &VecDeque<(Timestamp, Money, Money)>)| {
                    let profit =
                        last.iter().map(|(_, profit, _)| profit.0).fold(0, i128::saturating_add);
                    (format!("low_profit.{}", id.0), Amount::Money(Money(profit)))
                };
                seen.iter().map(one).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// A lock's place, as names of figures have it: `all`, `7`, `7.buy`.
pub(super) fn place(scope: Scope, side: Option<Side>) -> String {
    let of = match scope {
        Scope::All => "all".to_owned(),
        Scope::Instrument(id) => id.0.to_string(),
    };
    side.map_or(of.clone(), |side| format!("{of}.{side}"))
}

/// What they earned together, if that is less than the least. Fractions are compared exactly:
/// profit × 1 < least × entered. What overflows counts as too little.
fn too_little(trips: &VecDeque<(Timestamp, Money, Money)>, least: Threshold) -> Option<Amount> {
    let sum = |part: fn(&(Timestamp, Money, Money)) -> i128| {
        trips.iter().map(part).try_fold(0_i128, i128::checked_add)
    };
    let Some(profit) = sum(|(_, profit, _)| profit.0) else { return Some(Amount::Unknown) };
    match least {
        Threshold::Money(least) => (profit < least.0).then_some(Amount::Money(Money(profit))),
        Threshold::Fraction(least) => {
            let entered = sum(|(_, _, entered)| entered.0.saturating_abs());
            let left = profit.checked_mul(Rate::ONE.0);
            let right = entered.and_then(|entered| entered.checked_mul(least.0));
            let enough = matches!((left, right), (Some(left), Some(right)) if left >= right);
            let ratio = Rate::ratio(Money(profit), Money(entered.unwrap_or(0)));
            (!enough).then(|| ratio.map_or(Amount::Unknown, Amount::Fraction))
        }
    }
}

fn lock(
    limit: Limit,
    (scope, side): (Scope, Option<Side>),
    (now, rest): (Timestamp, Span),
    reason: String,
) -> Lock {
    Lock { scope, side, until: Some(rest.after(now)), limit, reason }
}

const fn scope(reach: Reach, trip: &RoundTrip) -> Scope {
    match reach {
        Reach::Instrument => Scope::Instrument(trip.instrument),
        Reach::All => Scope::All,
    }
}

/// The side that would enter again what this trip was.
const fn side(sides: Sides, trip: &RoundTrip) -> Option<Side> {
    match (sides, trip.direction) {
        (Sides::Together, _) => None,
        (Sides::Apart, Direction::Long) => Some(Side::Buy),
        (Sides::Apart, Direction::Short) => Some(Side::Sell),
    }
}
