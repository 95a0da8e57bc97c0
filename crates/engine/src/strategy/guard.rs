//! What is held before every order (`risk`) and after what happened (`protect`).

use super::{
    costs::rate,
    span::written,
    tree::{Reader, Section},
    yaml::Node,
};
use crate::{
    Error,
    order::Distance,
    risk::{
        Bounds, DailyLoss, Day, Drawdown, Gate, Limits, OrderRate, Protection, RATE_MAX, Reach,
        Restraint, Sides, TRIPS_MAX, Threshold, TripEnd,
    },
};
use market::{Instrument, Money, Quantity, Rate};
use portfolio::InstrumentId;
use std::fmt;

/// The limits of a strategy. Sizes are in shares, coins or contracts until the instruments are
/// known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Guards {
    /// Everything but sizes.
    pub limits: Limits,
    /// The largest order.
    pub order_size: Option<Money>,
    /// The largest position.
    pub position: Option<Money>,
}

impl Guards {
    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The gate for these instruments; a size is cut to whole lots.
    pub fn gate(&self, instruments: &[Instrument]) -> Result<Gate, Error> {
        let mut limits = self.limits.clone();
        if self.order_size.is_some() || self.position.is_some() {
            let bounds = |one: &Instrument| Bounds {
                order_size: self.order_size.map(|size| lots(size, one)),
                position: self.position.map(|size| lots(size, one)),
                ..Bounds::default()
            };
            let ids = (0..).map(InstrumentId);
            limits.instruments = ids.zip(instruments.iter().map(bounds)).collect();
        }
        Ok(Gate::new(limits)?)
    }
}

/// Whole lots of a size, rounded down.
fn lots(size: Money, instrument: &Instrument) -> Quantity {
    let scaled = size.0.saturating_mul(i128::from(instrument.lot_scale.units())) / Money::UNIT;
    Quantity(u64::try_from(scaled).unwrap_or(u64::MAX))
}

/// The canonical text: both keys with what is set in them, each on a line; nothing for no limits.
impl fmt::Display for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let risk = self.risk();
        if !risk.is_empty() {
            writeln!(f, "risk: {{ {} }}", risk.join(", "))?;
        }
        let protect: Vec<String> = self.limits.protections.iter().map(protection).collect();
        if !protect.is_empty() {
            writeln!(f, "protect: {{ {} }}", protect.join(", "))?;
        }
        Ok(())
    }
}

impl Guards {
    fn risk(&self) -> Vec<String> {
        let (limits, bounds) = (&self.limits, &self.limits.bounds);
        let mut parts = Vec::new();
        let mut put = |key: &str, value: Option<String>| {
            parts.extend(value.map(|value| format!("{key}: {value}")));
        };
        let money = |money: Option<Money>| money.map(|money| money.to_string());
        put("order_size", money(self.order_size));
        put("order_notional", money(bounds.order_notional));
        put("position", money(self.position));
        put("position_notional", money(bounds.position_notional));
        put(
            "price_collar_bps",
            bounds.price_collar.map(|collar| match collar {
                Distance::Ticks(ticks) => ticks.to_string(),
                Distance::Fraction(rate) => Money(rate.0).to_string(),
            }),
        );
        put("stale_price", bounds.stale_price.map(written));
        put("exposure", money(limits.exposure));
        put("leverage", limits.leverage.map(|rate| rate.to_string()));
        put(
            "order_rate",
            limits.order_rate.map(|rate| {
                format!("{{ orders: {}, within: {} }}", rate.orders, written(rate.span))
            }),
        );
        put("working_orders", limits.working_orders.map(|n| n.to_string()));
        put("duplicate", limits.duplicate.map(written));
        put(
            "drawdown",
            limits.drawdown.map(|limit| {
                format!("{{ fall: {}, then: {} }}", limit.fall, restraint(limit.then))
            }),
        );
        put(
            "daily_loss",
            limits.daily_loss.map(|limit| {
                let loss = match limit.loss {
                    Threshold::Money(loss) => format!("amount: {loss}"),
                    Threshold::Fraction(loss) => format!("fall: {loss}"),
                };
                format!("{{ {loss}, then: {} }}", restraint(limit.then))
            }),
        );
        parts
    }
}

const fn restraint(then: Restraint) -> &'static str {
    match then {
        Restraint::ReduceOnly => "reduce_only",
        Restraint::Halt => "halt",
    }
}

const fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Instrument => "instrument",
        Reach::All => "all",
    }
}

fn protection(one: &Protection) -> String {
    match *one {
        Protection::StopLossGuard { losses, span, rest, reach: of, sides } => format!(
            "stop_loss_guard: {{ losses: {losses}, within: {}, rest: {}, reach: {}, sides: {} }}",
            written(span),
            written(rest),
            reach(of),
            if sides == Sides::Apart { "apart" } else { "together" },
        ),
        Protection::Drawdown { fall, span, rest } => {
            let (span, rest) = (written(span), written(rest));
            format!("drawdown: {{ fall: {fall}, within: {span}, rest: {rest} }}")
        }
        Protection::CoolDown { after, rest, reach: of } => {
            let after = if after == TripEnd::Win { "win" } else { "loss" };
            let (rest, of) = (written(rest), reach(of));
            format!("cool_down: {{ after: {after}, rest: {rest}, reach: {of} }}")
        }
        Protection::LowProfit { trips, span, least, rest } => {
            let least = match least {
                Threshold::Money(least) => least.to_string(),
                Threshold::Fraction(least) => least.to_string(),
            };
            let (span, rest) = (written(span), written(rest));
            format!(
                "low_profit: {{ trips: {trips}, within: {span}, least: {least}, rest: {rest} }}"
            )
        }
    }
}

/// Money or sizes above zero.
const AMOUNT: &str = "more than 0 and at most 1000000000000000";
/// Fractions.
const PART: &str = "more than 0 and below 1";

fn is_amount(amount: Money) -> bool {
    amount > Money::ZERO && amount <= Money::from_whole(1_000_000_000_000_000)
}

fn is_part(part: Money) -> bool {
    part > Money::ZERO && part < Money::from_whole(1)
}

impl Reader<'_> {
    /// The limits, or none; limits that contradict one another are a fault.
    pub(super) fn guards(&mut self, top: &Section<'_>) -> Option<Guards> {
        let risk = top.value("risk").map_or(Some(Guards::default()), |node| self.risk(node));
        let protect = top.value("protect").map_or(Some(Vec::new()), |node| self.protect(node));
        let (mut guards, protections) = (risk?, protect?);
        guards.limits.protections = protections;
        if let Err(error) = guards.limits.validate() {
            let span = top.key_span("risk").or(top.key_span("protect")).unwrap_or(top.span());
            self.problem(span, "conflict", error.to_string());
            return None;
        }
        Some(guards)
    }

    fn risk(&mut self, node: &Node) -> Option<Guards> {
        let section = self.section(node, "risk")?;
        let order_size = self.amount(&section, "order_size", "risk.order_size");
        let order_notional = self.amount(&section, "order_notional", "risk.order_notional");
        let position = self.amount(&section, "position", "risk.position");
        let value = self.amount(&section, "position_notional", "risk.position_notional");
        let collar = self.within(&section, "price_collar_bps", |reader, node| {
            let fits = |m| m > Money::ZERO && m < Money::from_whole(10_000);
            let range = "more than 0 and below 10000";
            let bps = reader.number(node, "risk.price_collar_bps", range, fits)?;
            Some(Distance::Fraction(Rate(bps.0)))
        });
        let stale = self
            .within(&section, "stale_price", |reader, node| reader.span(node, "risk.stale_price"));
        let exposure = self.amount(&section, "exposure", "risk.exposure");
        let leverage = self.amount(&section, "leverage", "risk.leverage");
        let order_rate = self.within(&section, "order_rate", Self::order_rate);
        let working = self.within(&section, "working_orders", |reader, node| {
            reader.whole(node, "risk.working_orders", (1, 1_000_000))
        });
        let duplicate =
            self.within(&section, "duplicate", |reader, node| reader.span(node, "risk.duplicate"));
        let drawdown = self.within(&section, "drawdown", Self::drawdown);
        let daily_loss = self.within(&section, "daily_loss", Self::daily_loss);
        let bounds = Bounds {
            order_notional: order_notional?,
            position_notional: value?,
            price_collar: collar?,
            stale_price: stale?,
            ..Bounds::default()
        };
        let limits = Limits {
            bounds,
            exposure: exposure?,
            leverage: leverage?.map(rate),
            order_rate: order_rate?,
            working_orders: working?,
            duplicate: duplicate?,
            drawdown: drawdown?,
            daily_loss: daily_loss?,
            ..Limits::default()
        };
        Some(Guards { limits, order_size: order_size?, position: position? })
    }

    /// `Some(None)` where the key is absent, `None` where it is wrong.
    #[allow(clippy::option_option, reason = "absent and wrong are two things")]
    fn within<T>(
        &mut self,
        section: &Section<'_>,
        name: &str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<Option<T>> {
        match section.value(name) {
            Some(node) => read(self, node).map(Some),
            None => Some(None),
        }
    }

    #[allow(clippy::option_option, reason = "absent and wrong are two things")]
    fn amount(&mut self, section: &Section<'_>, name: &str, path: &str) -> Option<Option<Money>> {
        self.within(section, name, |reader, node| reader.number(node, path, AMOUNT, is_amount))
    }

    fn order_rate(&mut self, node: &Node) -> Option<OrderRate> {
        let section = self.section(node, "risk.order_rate")?;
        let orders = self.needed(&section, "orders", |reader, node| {
            reader.whole(node, "risk.order_rate.orders", (1, u64::from(RATE_MAX)))
        });
        let span = self
            .needed(&section, "within", |reader, node| reader.span(node, "risk.order_rate.within"));
        Some(OrderRate { orders: u32::try_from(orders?).ok()?, span: span? })
    }

    fn drawdown(&mut self, node: &Node) -> Option<Drawdown> {
        let section = self.section(node, "risk.drawdown")?;
        let fall = self.needed(&section, "fall", |reader, node| {
            reader.number(node, "risk.drawdown.fall", PART, is_part)
        });
        let then = self.then(&section, "risk.drawdown.then");
        Some(Drawdown { fall: rate(fall?), then: then? })
    }

    fn daily_loss(&mut self, node: &Node) -> Option<DailyLoss> {
        let section = self.section(node, "risk.daily_loss")?;
        let loss = match (section.value("fall"), section.value("amount")) {
            (Some(node), None) => self
                .number(node, "risk.daily_loss.fall", PART, is_part)
                .map(|fall| Threshold::Fraction(rate(fall))),
            (None, Some(node)) => {
                self.number(node, "risk.daily_loss.amount", AMOUNT, is_amount).map(Threshold::Money)
            }
            _ => {
                let message = "`daily_loss` has one of `fall` and `amount`";
                let help = "write for example `{ fall: 0.03 }`";
                self.problem_with_help(section.span(), "missing-key", message, help);
                None
            }
        };
        let then = self.then(&section, "risk.daily_loss.then");
        Some(DailyLoss { loss: loss?, day: Day::UTC, then: then? })
    }

    fn then(&mut self, section: &Section<'_>, path: &str) -> Option<Restraint> {
        let Some(node) = section.value("then") else { return Some(Restraint::Halt) };
        let word = self.choice(node, path)?;
        Some(if word == "reduce_only" { Restraint::ReduceOnly } else { Restraint::Halt })
    }

    fn needed<T>(
        &mut self,
        section: &Section<'_>,
        name: &str,
        read: impl FnOnce(&mut Self, &Node) -> Option<T>,
    ) -> Option<T> {
        let node = self.required(section, name)?;
        read(self, node)
    }

    fn protect(&mut self, node: &Node) -> Option<Vec<Protection>> {
        let section = self.section(node, "protect")?;
        if let Some(span) = section.key_span("stop_loss_guard") {
            let message = "`stop_loss_guard` counts stop losses, and signals and weights send none";
            let help = "it acts on liquidations only: `cool_down` and `low_profit` count all exits";
            self.problem_with_help(span, "never-acts", message, help);
            if let Some(problem) = self.problems.last_mut() {
                problem.severity = factor::Severity::Warning;
            }
        }
        let guard = self.within(&section, "stop_loss_guard", Self::stop_loss_guard);
        let cool = self.within(&section, "cool_down", Self::cool_down);
        let fall = self.within(&section, "drawdown", Self::locking_drawdown);
        let low = self.within(&section, "low_profit", Self::low_profit);
        Some([guard?, cool?, fall?, low?].into_iter().flatten().collect())
    }

    fn reach(&mut self, section: &Section<'_>, path: &str) -> Option<Reach> {
        let Some(node) = section.value("reach") else { return Some(Reach::Instrument) };
        let word = self.choice(node, path)?;
        Some(if word == "all" { Reach::All } else { Reach::Instrument })
    }

    fn stop_loss_guard(&mut self, node: &Node) -> Option<Protection> {
        let section = self.section(node, "protect.stop_loss_guard")?;
        let losses = self.needed(&section, "losses", |reader, node| {
            reader.whole(node, "protect.stop_loss_guard.losses", (1, u64::from(TRIPS_MAX)))
        });
        let span = self.needed(&section, "within", |reader, node| {
            reader.span(node, "protect.stop_loss_guard.within")
        });
        let rest = self.needed(&section, "rest", |reader, node| {
            reader.span(node, "protect.stop_loss_guard.rest")
        });
        let reach = self.reach(&section, "protect.stop_loss_guard.reach");
        let sides = match section.value("sides") {
            Some(node) => self
                .choice(node, "protect.stop_loss_guard.sides")
                .map(|word| if word == "apart" { Sides::Apart } else { Sides::Together }),
            None => Some(Sides::Together),
        };
        let losses = u32::try_from(losses?).ok()?;
        let (span, rest, reach, sides) = (span?, rest?, reach?, sides?);
        Some(Protection::StopLossGuard { losses, span, rest, reach, sides })
    }

    fn cool_down(&mut self, node: &Node) -> Option<Protection> {
        let section = self.section(node, "protect.cool_down")?;
        let after = match section.value("after") {
            Some(node) => self
                .choice(node, "protect.cool_down.after")
                .map(|word| if word == "win" { TripEnd::Win } else { TripEnd::Loss }),
            None => Some(TripEnd::Loss),
        };
        let rest = self
            .needed(&section, "rest", |reader, node| reader.span(node, "protect.cool_down.rest"));
        let reach = self.reach(&section, "protect.cool_down.reach");
        Some(Protection::CoolDown { after: after?, rest: rest?, reach: reach? })
    }

    fn locking_drawdown(&mut self, node: &Node) -> Option<Protection> {
        let section = self.section(node, "protect.drawdown")?;
        let fall = self.needed(&section, "fall", |reader, node| {
            reader.number(node, "protect.drawdown.fall", PART, is_part)
        });
        let span = self.needed(&section, "within", |reader, node| {
            reader.span(node, "protect.drawdown.within")
        });
        let rest = self
            .needed(&section, "rest", |reader, node| reader.span(node, "protect.drawdown.rest"));
        Some(Protection::Drawdown { fall: rate(fall?), span: span?, rest: rest? })
    }

    fn low_profit(&mut self, node: &Node) -> Option<Protection> {
        let section = self.section(node, "protect.low_profit")?;
        let trips = self.needed(&section, "trips", |reader, node| {
            reader.whole(node, "protect.low_profit.trips", (1, u64::from(TRIPS_MAX)))
        });
        let span = self.needed(&section, "within", |reader, node| {
            reader.span(node, "protect.low_profit.within")
        });
        let least = self.needed(&section, "least", |reader, node| {
            let fits = |m: Money| is_part(Money(m.0.abs())) || m == Money::ZERO;
            let range = "a fraction of what was entered, above -1 and below 1";
            reader.number(node, "protect.low_profit.least", range, fits)
        });
        let rest = self
            .needed(&section, "rest", |reader, node| reader.span(node, "protect.low_profit.rest"));
        let trips = u32::try_from(trips?).ok()?;
        let (span, rest) = (span?, rest?);
        Some(Protection::LowProfit { trips, span, least: Threshold::Fraction(rate(least?)), rest })
    }
}
