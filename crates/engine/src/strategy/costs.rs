//! What trading costs: fees, slippage, latency, and how much of a bar may be taken.

use super::{
    Clock,
    tree::{Reader, Section},
    yaml::Node,
};
use crate::exchange::{Delay, FeeTerms, Impact, Latency, Slippage};
use market::{Money, Rate};
use std::fmt;

/// Microseconds that a message may travel.
const DELAY_US_MAX: u64 = 60_000_000;
/// Price steps that a trade may slip.
const TICKS_MAX: u64 = 1_000_000;

/// What a strategy's trades cost, and how long its messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Costs {
    /// Fee of what rested, in basis points; negative is a rebate.
    pub maker_bps: Money,
    /// Fee of what took liquidity, in basis points.
    pub taker_bps: Money,
    /// How much worse than the market a taker trades.
    pub slippage: Slippage,
    /// The part of a bar's volume that orders may take together; `None` for all they want.
    pub participation: Option<Rate>,
    /// Nanoseconds until quotes are heard of.
    pub feed_nanos: u64,
    /// How long orders travel to the venue, and its answers back.
    pub latency: Latency,
}

impl Default for Costs {
    /// Ten basis points.
    fn default() -> Self {
        Self::of_fee(Money::from_whole(10))
    }
}

impl Costs {
    /// A fee in basis points for makers and takers, and nothing else.
    #[must_use]
    pub const fn of_fee(bps: Money) -> Self {
        Self {
            maker_bps: bps,
            taker_bps: bps,
            slippage: Slippage::NONE,
            participation: None,
            feed_nanos: 0,
            latency: Latency::NONE,
        }
    }

    /// The fees as the venue takes them: basis points in units of 1e-8 are fractions in units of
    /// 1e-12.
    #[must_use]
    pub const fn fees(&self) -> FeeTerms {
        FeeTerms::new(Rate(self.maker_bps.0), Rate(self.taker_bps.0))
    }
}

/// The canonical text: what is as if it were not there is left out.
impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.maker_bps == self.taker_bps {
            write!(f, "{{ fee_bps: {}", self.taker_bps)?;
        } else {
            write!(f, "{{ maker_bps: {}, taker_bps: {}", self.maker_bps, self.taker_bps)?;
        }
        if self.slippage != Slippage::NONE {
            write!(f, ", slippage: {{ {} }}", slippage(&self.slippage))?;
        }
        if let Some(part) = self.participation {
            write!(f, ", participation: {part}")?;
        }
        let (feed, order) = (self.feed_nanos, self.latency.entry.nanos);
        let delays = [feed, order, self.latency.response.nanos].map(|nanos| nanos / 1_000);
        if delays != [0; 3] {
            let [feed, order, response] = delays;
            write!(
                f,
                ", latency: {{ feed_us: {feed}, order_us: {order}, response_us: {response} }}"
            )?;
        }
        f.write_str(" }")
    }
}

fn slippage(slippage: &Slippage) -> String {
    let impact = match slippage.impact {
        Impact::None => None,
        Impact::Ticks(ticks) => Some(format!("ticks: {ticks}")),
        Impact::Fraction(rate) => Some(format!("bps: {}", Money(rate.0))),
        Impact::Spread(part) => Some(format!("spread: {part}")),
        Impact::VolumeShare(part) => Some(format!("volume_share: {part}")),
    };
    let noise = (slippage.noise != Rate::ZERO).then_some(Money(slippage.noise.0));
    let noise = noise.map(|bps| format!("noise_bps: {bps}"));
    impact.into_iter().chain(noise).collect::<Vec<_>>().join(", ")
}

/// A plain number as a rate.
pub(super) const fn rate(number: Money) -> Rate {
    Rate(number.0 * (Rate::ONE.0 / Money::UNIT))
}

fn is_fee(bps: Money) -> bool {
    bps >= Money::ZERO && bps < Money::from_whole(10_000)
}

impl Reader<'_> {
    /// The costs, or ten basis points.
    pub(super) fn costs(&mut self, top: &Section<'_>, clock: Option<Clock>) -> Option<Costs> {
        let Some(node) = top.value("costs") else { return Some(Costs::default()) };
        let section = self.section(node, "costs")?;
        let both = self.fees(&section);
        let slippage = self.slippage(&section, clock);
        let participation = match section.value("participation") {
            Some(node) => {
                let fits = |m| m > Money::ZERO && m <= Money::from_whole(1);
                let range = "more than 0 and at most 1";
                let found = self.number(node, "costs.participation", range, fits);
                found.map(|part| Some(rate(part)))
            }
            None => Some(None),
        };
        let delays = self.latency(&section);
        let is_there = |name| section.key_span(name);
        if let (Some(Clock::Quotes(_)), Some(span)) = (clock, is_there("participation")) {
            let message = "`participation` is a part of a bar's volume, and quotes have none";
            let help = "leave it out: `book` fills at most what is shown";
            self.problem_with_help(span, "conflict", message, help);
        }
        if let (Some(Clock::Bars(_)), Some(span)) = (clock, is_there("latency")) {
            let message = "`latency` needs quotes: a bar is too coarse for it";
            self.problem_with_help(
                span,
                "conflict",
                message,
                "leave it out, or write `bar: quote`",
            );
        }
        let ((maker_bps, taker_bps), [heard, order, response]) = (both?, delays?);
        let delay = |us: u64| Delay { nanos: us * 1_000, jitter_nanos: 0 };
        Some(Costs {
            maker_bps,
            taker_bps,
            slippage: slippage?,
            participation: participation?,
            feed_nanos: heard * 1_000,
            latency: Latency { entry: delay(order), response: delay(response) },
        })
    }

    /// Basis points of makers and takers.
    fn fees(&mut self, costs: &Section<'_>) -> Option<(Money, Money)> {
        let single = costs.value("fee_bps");
        let (maker, taker) = (costs.value("maker_bps"), costs.value("taker_bps"));
        let range = "at least 0 and below 10000";
        match (single, maker, taker) {
            (None, None, None) => Some((Money::from_whole(10), Money::from_whole(10))),
            (Some(node), None, None) => {
                let fee = self.number(node, "costs.fee_bps", range, is_fee)?;
                Some((fee, fee))
            }
            (None, Some(maker), Some(taker)) => {
                let fits = |m: Money| is_fee(Money(m.0.abs()));
                let rebate = "above -10000 and below 10000; negative is a rebate";
                let maker = self.number(maker, "costs.maker_bps", rebate, fits);
                let taker = self.number(taker, "costs.taker_bps", range, is_fee);
                Some((maker?, taker?))
            }
            (Some(_), ..) => {
                let span = costs.key_span("fee_bps").unwrap_or(costs.span());
                let message = "`fee_bps` is for makers and takers alike";
                let help = "write either `fee_bps`, or `maker_bps` and `taker_bps`";
                self.problem_with_help(span, "conflict", message, help);
                None
            }
            (None, maker, _) => {
                let (there, absent) = if maker.is_some() {
                    ("maker_bps", "taker_bps")
                } else {
                    ("taker_bps", "maker_bps")
                };
                let span = costs.key_span(there).unwrap_or(costs.span());
                let message = format!("`{there}` is there and `{absent}` is not");
                let help = format!("add `{absent}: …`, or write `fee_bps` for both");
                self.problem_with_help(span, "missing-key", message, help);
                None
            }
        }
    }

    fn slippage(&mut self, costs: &Section<'_>, clock: Option<Clock>) -> Option<Slippage> {
        let Some(node) = costs.value("slippage") else { return Some(Slippage::NONE) };
        let section = self.section(node, "costs.slippage")?;
        let models = ["ticks", "bps", "spread", "volume_share"];
        let there: Vec<&str> =
            models.into_iter().filter(|name| section.value(name).is_some()).collect();
        if there.len() > 1 || section.len() == 0 {
            let message = "`slippage` has one of `ticks`, `bps`, `spread` and `volume_share`";
            let help = "write for example `{ ticks: 1 }`";
            self.problem_with_help(section.span(), "conflict", message, help);
            return None;
        }
        if let (Some(Clock::Bars(_)), Some(span)) = (clock, section.key_span("spread")) {
            let message = "`spread` is a part of bid to ask, and bars have neither";
            self.problem_with_help(span, "conflict", message, "use `bps` or `ticks`");
            return None;
        }
        let impact = there.first().map_or(Some(Impact::None), |name| self.impact(&section, name));
        let noise = section.value("noise_bps").map_or(Some(Rate::ZERO), |node| {
            let range = "at least 0 and below 10000";
            let bps = self.number(node, "costs.slippage.noise_bps", range, is_fee)?;
            Some(Rate(bps.0))
        });
        Some(Slippage { impact: impact?, noise: noise? })
    }

    fn impact(&mut self, section: &Section<'_>, name: &str) -> Option<Impact> {
        let node = section.value(name)?;
        let range = "at least 0 and at most 100";
        let fits = |m| m >= Money::ZERO && m <= Money::from_whole(100);
        match name {
            "ticks" => {
                let ticks = self.whole(node, "costs.slippage.ticks", (0, TICKS_MAX))?;
                Some(Impact::Ticks(u32::try_from(ticks).unwrap_or(u32::MAX)))
            }
            "bps" => {
                let range = "at least 0 and below 10000";
                let bps = self.number(node, "costs.slippage.bps", range, is_fee)?;
                Some(Impact::Fraction(Rate(bps.0)))
            }
            "spread" => {
                let part = self.number(node, "costs.slippage.spread", range, fits)?;
                Some(Impact::Spread(rate(part)))
            }
            _ => {
                let part = self.number(node, "costs.slippage.volume_share", range, fits)?;
                Some(Impact::VolumeShare(rate(part)))
            }
        }
    }

    /// Microseconds of feed, orders and answers.
    fn latency(&mut self, costs: &Section<'_>) -> Option<[u64; 3]> {
        let Some(node) = costs.value("latency") else { return Some([0; 3]) };
        let section = self.section(node, "costs.latency")?;
        let mut read = |name: &str, path: &str| match section.value(name) {
            Some(node) => self.whole(node, path, (0, DELAY_US_MAX)),
            None => Some(0),
        };
        let feed = read("feed_us", "costs.latency.feed_us");
        let order = read("order_us", "costs.latency.order_us");
        let response = read("response_us", "costs.latency.response_us");
        Some([feed?, order?, response?])
    }

    /// A whole number within bounds, both allowed.
    pub(super) fn whole(
        &mut self,
        node: &Node,
        name: &str,
        (least, most): (u64, u64),
    ) -> Option<u64> {
        let text = self.scalar(node, name)?.trim();
        let found = text.parse().ok().filter(|n: &u64| (least..=most).contains(n));
        if found.is_none() {
            let shown: String = text.chars().take(40).collect();
            let message = format!("`{name}` cannot be {shown:?}");
            let help = format!("it is a whole number from {least} to {most}");
            self.problem_with_help(node.span, "out-of-range", message, help);
        }
        found
    }
}
