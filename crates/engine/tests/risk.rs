//! The risk gate, as a specification: one table per limit, protections over time, states, laws.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

#[path = "risk/laws.rs"]
mod laws;
#[path = "risk/limits.rs"]
mod limits;
#[path = "risk/protections.rs"]
mod protections;
#[path = "risk/states.rs"]
mod states;
#[path = "risk/validation.rs"]
mod validation;

use engine::order::Ticket;
use engine::risk::{Bounds, Facts, Gate, Limits, Notice, Reference, Span};
use market::{Money, Price, Quantity, Rate, Side, Timestamp};
use portfolio::InstrumentId;

const X: InstrumentId = InstrumentId(0);
const Y: InstrumentId = InstrumentId(1);

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

const fn secs(seconds: u32) -> Span {
    Span::from_secs(seconds)
}

const fn whole(money: i64) -> Money {
    Money::from_whole(money)
}

fn rate(text: &str) -> Rate {
    Rate::parse(text).expect("a rate")
}

const fn order(side: Side, lots: u64) -> Ticket {
    Ticket::market(X, side, Quantity(lots))
}

const fn buy(lots: u64) -> Ticket {
    order(Side::Buy, lots)
}

const fn sell(lots: u64) -> Ticket {
    order(Side::Sell, lots)
}

/// An account worth 1,000 that holds nothing; the instrument trades at 100 ticks since 0 s.
fn facts(now: i64) -> Facts {
    let reference = Some(Reference { price: Price(100), time: at(0) });
    Facts {
        now: at(now),
        reference,
        equity: whole(1_000),
        value: Some(whole(100)),
        ..Facts::default()
    }
}

fn gate(limits: Limits) -> Gate {
    Gate::new(limits).expect("limits that can be meant")
}

fn bounded(bounds: Bounds) -> Gate {
    gate(Limits { bounds, ..Limits::default() })
}

/// What the gate says of an order: `ok`, `cut to 5 (…)`, or the breach.
fn says(gate: &mut Gate, ticket: &Ticket, facts: &Facts) -> String {
    match gate.check(ticket, facts) {
        Ok(engine::risk::Pass::AsAsked) => "ok".to_owned(),
        Ok(engine::risk::Pass::Cut { at_most, breach }) => {
            format!("cut to {} ({breach})", at_most.0)
        }
        Err(breach) => breach.to_string(),
    }
}

/// Notices in short: `normal -> halted by drawdown`, `cool_down on X until 90`.
fn short(notices: &[Notice]) -> Vec<String> {
    let one = |notice: &Notice| match notice {
        Notice::Shifted(shift) => {
            let until = shift.until.map_or(String::new(), |t| format!(" until {}", seconds(t)));
            format!("{} -> {} by {}{until}", shift.from, shift.to, shift.cause.name())
        }
        Notice::Locked(lock) => {
            let side = lock.side.map_or(String::new(), |side| format!(" {side}"));
            let until = lock.until.map_or("lifted".to_owned(), |t| seconds(t).to_string());
            format!(
                "{} on {:?}{side} until {until}: {}",
                lock.limit.name(),
                lock.scope,
                lock.reason
            )
        }
    };
    notices.iter().map(one).collect()
}

const fn seconds(time: Timestamp) -> i64 {
    time.nanos() / 1_000_000_000
}
