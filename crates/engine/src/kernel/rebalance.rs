//! Target weights: whole lots sized on equity and prices known at the decision's close.

use super::{Action, Engine, Intent, RefusalReason, Shortfall, Size};
use crate::Error;
use market::{Side, Timestamp};
use portfolio::InstrumentId;

/// A numeric weight is rounded to 1e-9, half to even, so that sizes are exact fractions.
const WEIGHT_UNITS: i128 = 1_000_000_000;

impl Engine {
    /// Equal weights: each member gets exposure × equity ÷ members, rounded down to whole lots.
    pub(super) fn aim_at_members(
        &mut self,
        members: &[f64],
        at: (u32, Timestamp),
    ) -> Result<(), Error> {
        #[allow(clippy::float_cmp, reason = "truth is exactly 1")]
        let is_member = |value: &f64| *value == 1.0;
        let count = members.iter().take(self.books.len()).filter(|v| is_member(v)).count();
        let count = i128::try_from(count).unwrap_or(i128::MAX);
        self.aim(members, at, |value| is_member(value).then_some((1, count)))
    }

    /// Weights by number: each name gets weight × exposure × equity, negative is short.
    pub(super) fn aim_at_weights(
        &mut self,
        weights: &[f64],
        at: (u32, Timestamp),
    ) -> Result<(), Error> {
        #[allow(clippy::cast_possible_truncation, reason = "clamped to a million before")]
        let fraction = |weight: &f64| {
            let units = (weight.clamp(-1e6, 1e6) * 1e9).round_ties_even() as i128;
            (units != 0).then_some((units, WEIGHT_UNITS))
        };
        self.aim(weights, at, fraction)
    }

    /// Sets the target lots of every instrument from its fraction of equity.
    fn aim(
        &mut self,
        values: &[f64],
        at: (u32, Timestamp),
        fraction: impl Fn(&f64) -> Option<(i128, i128)>,
    ) -> Result<(), Error> {
        let (part, of) = match self.terms.size {
            Size::Share(part, of) => (part, of),
            Size::Lots(_) => (1, 1),
        };
        let overflow = market::Error::Overflow { what: "a weight" };
        for (id, value) in (0..).map(InstrumentId).zip(values).take(self.books.len()) {
            let mut target = 0;
            if let Some((numerator, denominator)) = fraction(value) {
                let side = if numerator < 0 { Side::Sell } else { Side::Buy };
                let share = numerator
                    .unsigned_abs()
                    .checked_mul(part.unsigned_abs())
                    .and_then(|n| i128::try_from(n).ok())
                    .zip(denominator.checked_mul(of))
                    .ok_or(overflow.clone())?;
                target = self.target(id, side, share, at)? * side.sign();
            }
            if let Some(slot) = self.targets.get_mut(id.index()) {
                *slot = target;
            }
        }
        Ok(())
    }

    fn target(
        &mut self,
        id: InstrumentId,
        side: Side,
        share: (i128, i128),
        at: (u32, Timestamp),
    ) -> Result<i64, Error> {
        let equity = self.ledger.equity()?;
        let priced = self.ledger.latest(id).zip(self.ledger.contract(id));
        let Some((price, contract)) = priced else {
            self.pass_over(id, side, RefusalReason::NeverPriced, at);
            return Ok(0);
        };
        let lots = contract.affordable(equity, share, price)?;
        if lots == 0 {
            self.pass_over(id, side, RefusalReason::LessThanALot, at);
        }
        Ok(i64::try_from(lots).map_err(|_| market::Error::Overflow { what: "a target" })?)
    }

    /// Orders from what is held to the targets: all that shrink a position first, for they free
    /// cash, then all that enlarge one; both in the instruments' order.
    pub(super) fn rebalance(&mut self, at: (u32, Timestamp), out: &mut Vec<Action>) {
        let targets = std::mem::take(&mut self.targets);
        for (id, target) in (0..).map(InstrumentId).zip(&targets) {
            let held = self.intended(id);
            let kept = if held.signum() == target.signum() {
                held.signum() * held.abs().min(target.abs())
            } else {
                0
            };
            if kept != held {
                out.push(self.order(id, kept - held, (Intent::Close, Shortfall::Reduce), at));
            }
        }
        for (id, target) in (0..).map(InstrumentId).zip(&targets) {
            let held = self.intended(id);
            if *target != held {
                out.push(self.order(id, target - held, (Intent::Open, Shortfall::Reduce), at));
            }
        }
        self.targets = targets;
    }
}
