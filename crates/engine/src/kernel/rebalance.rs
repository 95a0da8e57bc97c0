//! Target weights: whole lots sized on equity and prices known at the decision's close.

use super::{Desk, RuleTrader, rules::Size};
use crate::{
    Error,
    order::{Purpose, Reason, Restrictions, Shortfall, Ticket},
};
use market::{Quantity, Side};
use portfolio::InstrumentId;

/// A numeric weight is rounded to 1e-9, half to even, so that sizes are exact fractions.
const WEIGHT_UNITS: i128 = 1_000_000_000;

impl RuleTrader {
    /// Equal weights: each member gets exposure × equity ÷ members, rounded down to whole lots.
    pub(super) fn aim_at_members(&mut self, members: &[f64], desk: &mut Desk) -> Result<(), Error> {
        #[allow(clippy::float_cmp, reason = "truth is exactly 1")]
        let is_member = |value: &f64| *value == 1.0;
        let count = members.iter().take(desk.instruments()).filter(|v| is_member(v)).count();
        let count = i128::try_from(count).unwrap_or(i128::MAX);
        self.aim(members, desk, |value| is_member(value).then_some((1, count)))
    }

    /// Weights by number: each name gets weight × exposure × equity, negative is short.
    pub(super) fn aim_at_weights(&mut self, weights: &[f64], desk: &mut Desk) -> Result<(), Error> {
        #[allow(clippy::cast_possible_truncation, reason = "clamped to a million before")]
        let fraction = |weight: &f64| {
            let units = (weight.clamp(-1e6, 1e6) * 1e9).round_ties_even() as i128;
            (units != 0).then_some((units, WEIGHT_UNITS))
        };
        self.aim(weights, desk, fraction)
    }

    /// Sets the target lots of every instrument from its fraction of equity.
    fn aim(
        &mut self,
        values: &[f64],
        desk: &mut Desk,
        fraction: impl Fn(&f64) -> Option<(i128, i128)>,
    ) -> Result<(), Error> {
        let (part, of) = match self.terms.size {
            Size::Share(part, of) => (part, of),
            Size::Lots(_) => (1, 1),
        };
        let overflow = market::Error::Overflow { what: "a weight" };
        for (id, value) in (0..).map(InstrumentId).zip(values).take(desk.instruments()) {
            let mut aim = 0;
            if let Some((numerator, denominator)) = fraction(value) {
                let side = if numerator < 0 { Side::Sell } else { Side::Buy };
                let share = numerator
                    .unsigned_abs()
                    .checked_mul(part.unsigned_abs())
                    .and_then(|n| i128::try_from(n).ok())
                    .zip(denominator.checked_mul(of))
                    .ok_or(overflow.clone())?;
                aim = target(id, side, share, desk)? * side.sign();
            }
            if let Some(slot) = self.targets.get_mut(id.index()) {
                *slot = aim;
            }
        }
        Ok(())
    }

    /// Orders from what is held to the targets: all that shrink a position first, for they free
    /// cash, then all that enlarge one; both in the instruments' order.
    pub(super) fn rebalance(&self, desk: &mut Desk) -> Result<(), Error> {
        for (id, target) in (0..).map(InstrumentId).zip(&self.targets) {
            let held = desk.intended(id);
            let kept = if held.signum() == target.signum() {
                held.signum() * held.abs().min(target.abs())
            } else {
                0
            };
            if kept != held {
                desk.submit(step(id, kept - held).restricted(Restrictions::REDUCE_ONLY))?;
            }
        }
        for (id, target) in (0..).map(InstrumentId).zip(&self.targets) {
            let held = desk.intended(id);
            if *target != held {
                desk.submit(step(id, target - held))?;
            }
        }
        Ok(())
    }
}

/// A market order of so many lots, signed, cut if cash is short.
fn step(id: InstrumentId, lots: i64) -> Ticket {
    let side = if lots < 0 { Side::Sell } else { Side::Buy };
    let ticket = Ticket::market(id, side, Quantity(lots.unsigned_abs()));
    Ticket { shortfall: Shortfall::Reduce, purpose: Purpose::Rebalance, ..ticket }
}

fn target(
    id: InstrumentId,
    side: Side,
    share: (i128, i128),
    desk: &mut Desk,
) -> Result<i64, Error> {
    let ledger = desk.ledger();
    let equity = ledger.equity()?;
    let Some((price, contract)) = ledger.latest(id).zip(ledger.contract(id)) else {
        desk.pass_over(id, side, Reason::NeverPriced);
        return Ok(0);
    };
    let lots = contract.affordable(equity, share, price)?;
    if lots == 0 {
        desk.pass_over(id, side, Reason::LessThanALot);
    }
    Ok(i64::try_from(lots).map_err(|_| market::Error::Overflow { what: "a target" })?)
}
