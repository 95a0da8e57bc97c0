//! Limits that cannot be meant: refused with the key and the fix.

use super::{Bounds, Limits, OrderRate, Protection, Span, Threshold};
use crate::order::Distance;
use market::{Money, Rate};
use portfolio::InstrumentId;

/// Orders that an order rate can count.
pub const RATE_MAX: u32 = 10_000;
/// Protections of one gate.
pub const PROTECTIONS_MAX: usize = 32;
/// Round trips that one protection can look back on.
pub const TRIPS_MAX: u32 = 1_000;

/// A limit that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A bound that lets nothing through.
    #[error("{key}: must be more than 0; to leave it unlimited, leave the key out")]
    NotPositive {
        /// Which bound.
        key: &'static str,
    },
    /// A fraction that can never be reached, or always is.
    #[error("{key}: {found} is no fraction above 0 and below 1; write 0.2 for 20 %")]
    Fraction {
        /// Which bound.
        key: &'static str,
        /// What it is.
        found: Rate,
    },
    /// More than is kept in memory.
    #[error("{key}: {found} is more than {most}; lower it")]
    TooMany {
        /// Which bound.
        key: &'static str,
        /// What it is.
        found: u64,
        /// The most.
        most: u64,
    },
    /// Two bounds of which one can never be reached.
    #[error(
        "{key}: {found} can never be reached, {other} allows {most}: lower it, or raise {other}"
    )]
    Contradiction {
        /// The bound that is never reached.
        key: &'static str,
        /// What it is.
        found: String,
        /// The bound that stops it.
        other: &'static str,
        /// The most that this leaves to it.
        most: String,
    },
    /// Bounds for one instrument come twice.
    #[error("instruments: number {} comes twice; put its bounds together", .instrument.0)]
    Twice {
        /// Which one.
        instrument: InstrumentId,
    },
}

impl Limits {
    /// Refuses what cannot be meant; [`super::Gate::new`] asks.
    pub fn validate(&self) -> Result<(), LimitError> {
        validate_bounds(&self.bounds, self.exposure)?;
        let mut seen: Vec<InstrumentId> = self.instruments.iter().map(|(id, _)| *id).collect();
        seen.sort_unstable();
        if let Some(instrument) = seen.array_windows().find(|[a, b]| a == b).map(|[a, _]| *a) {
            return Err(LimitError::Twice { instrument });
        }
        for (_, bounds) in &self.instruments {
            validate_bounds(&bounds.or(self.bounds), self.exposure)?;
        }
        above_zero("exposure", self.exposure.map(|m| m.0))?;
        above_zero("leverage", self.leverage.map(|r| r.0))?;
        above_zero("working_orders", self.working_orders.map(i128::from))?;
        above_zero("duplicate", self.duplicate.map(nanos))?;
        if let Some(OrderRate { orders, span }) = self.order_rate {
            count("order_rate.orders", orders, RATE_MAX)?;
            above_zero("order_rate.span", Some(nanos(span)))?;
        }
        if let Some(drawdown) = self.drawdown {
            fraction("drawdown.fall", drawdown.fall)?;
        }
        match self.daily_loss.map(|limit| limit.loss) {
            Some(Threshold::Money(loss)) => above_zero("daily_loss.loss", Some(loss.0))?,
            Some(Threshold::Fraction(loss)) => fraction("daily_loss.loss", loss)?,
            None => {}
        }
        let (found, most) = (self.protections.len(), PROTECTIONS_MAX);
        if found > most {
            let (found, most) = (found as u64, most as u64);
            return Err(LimitError::TooMany { key: "protections", found, most });
        }
        self.protections.iter().try_for_each(validate_protection)
    }
}

fn validate_bounds(bounds: &Bounds, exposure: Option<Money>) -> Result<(), LimitError> {
    above_zero("order_size", bounds.order_size.map(|q| i128::from(q.0)))?;
    above_zero("order_notional", bounds.order_notional.map(|m| m.0))?;
    above_zero("position", bounds.position.map(|q| i128::from(q.0)))?;
    above_zero("position_notional", bounds.position_notional.map(|m| m.0))?;
    above_zero("stale_price", bounds.stale_price.map(nanos))?;
    match bounds.price_collar {
        Some(Distance::Ticks(ticks)) => above_zero("price_collar", Some(i128::from(ticks)))?,
        Some(Distance::Fraction(rate)) => above_zero("price_collar", Some(rate.0))?,
        None => {}
    }
    // The largest order of a bounded position turns it round: from one end to the other.
    if let (Some(size), Some(position)) = (bounds.order_size, bounds.position) {
        let most = position.0.saturating_mul(2);
        if size.0 > most {
            let (found, most) = (format!("{} lots", size.0), format!("{most} lots"));
            return Err(contradiction(("order_size", found), ("position", most)));
        }
    }
    if let (Some(order), Some(position)) = (bounds.order_notional, bounds.position_notional) {
        let most = Money(position.0.saturating_mul(2));
        if order > most {
            let (found, most) = (order.to_string(), most.to_string());
            return Err(contradiction(("order_notional", found), ("position_notional", most)));
        }
    }
    if let (Some(position), Some(exposure)) = (bounds.position_notional, exposure)
        && position > exposure
    {
        let (found, most) = (position.to_string(), exposure.to_string());
        return Err(contradiction(("position_notional", found), ("exposure", most)));
    }
    Ok(())
}

fn validate_protection(one: &Protection) -> Result<(), LimitError> {
    match *one {
        Protection::StopLossGuard { losses, span, rest, .. } => {
            count("stop_loss_guard.losses", losses, TRIPS_MAX)?;
            above_zero("stop_loss_guard.span", Some(nanos(span)))?;
            above_zero("stop_loss_guard.rest", Some(nanos(rest)))
        }
        Protection::Drawdown { fall, span, rest } => {
            fraction("drawdown.fall", fall)?;
            above_zero("drawdown.span", Some(nanos(span)))?;
            above_zero("drawdown.rest", Some(nanos(rest)))
        }
        Protection::CoolDown { rest, .. } => above_zero("cool_down.rest", Some(nanos(rest))),
        Protection::LowProfit { trips, span, rest, .. } => {
            count("low_profit.trips", trips, TRIPS_MAX)?;
            above_zero("low_profit.span", Some(nanos(span)))?;
            above_zero("low_profit.rest", Some(nanos(rest)))
        }
    }
}

fn contradiction(
    (key, found): (&'static str, String),
    (other, most): (&'static str, String),
) -> LimitError {
    LimitError::Contradiction { key, found, other, most }
}

fn above_zero(key: &'static str, value: Option<i128>) -> Result<(), LimitError> {
    if value.is_some_and(|value| value <= 0) {
        return Err(LimitError::NotPositive { key });
    }
    Ok(())
}

fn count(key: &'static str, found: u32, most: u32) -> Result<(), LimitError> {
    above_zero(key, Some(i128::from(found)))?;
    if found > most {
        let (found, most) = (u64::from(found), u64::from(most));
        return Err(LimitError::TooMany { key, found, most });
    }
    Ok(())
}

fn fraction(key: &'static str, found: Rate) -> Result<(), LimitError> {
    if found > Rate::ZERO && found < Rate::ONE {
        return Ok(());
    }
    Err(LimitError::Fraction { key, found })
}

fn nanos(span: Span) -> i128 {
    i128::from(span.nanos())
}
