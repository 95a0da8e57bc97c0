//! What an order was held against before it was sent: the session is made again from its recording up to
//! the order, and the gate is asked for its figures.

use crate::run::{self, World};
use engine::{
    Checked,
    live::{Examined, Intent, Permit, Record, Writing},
    order::{Amount, Breach, OrderKind},
    risk::{Measure, Pass, Verdict},
};
use market::{Money, Roster, Traded};
use serde::Serialize;
use std::{collections::VecDeque, ops::ControlFlow, path::Path};

/// Orders that are remembered until theirs is written down: an entry may wait for its stop.
const KEPT_MAX: usize = 4_096;

/// What an order was held against.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// What the risk gate of the strategy said.
    pub outcome: String,
    /// Every limit of the strategy that is set, as the order met it.
    pub limits: Vec<Figure>,
    /// The owner's caps, as the order met them.
    pub caps: Vec<Figure>,
    /// Whether risk could be opened by the licence.
    pub licence: String,
    /// How far the kill switch was pulled.
    pub kill: String,
    /// What else has to be so before anything is opened, and whether it was.
    pub standing: Vec<String>,
    /// What was kept back, of this order and of others on the same row.
    pub held_back: Vec<String>,
}

/// A figure and its bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// The limit's name in the strategy or the configuration.
    pub name: String,
    /// The figure, with the order in it.
    pub value: String,
    /// What it may be.
    pub bound: String,
    /// Whether it is that.
    pub within: bool,
}

/// What was seen of orders while a session was made again.
#[derive(Default)]
struct Seen {
    checked: VecDeque<Checked>,
    examined: VecDeque<Examined>,
    found: Option<Intent>,
}

/// What an order of the strategy was held against.
pub(super) fn gate(tape: &Path, client: &str, roster: &Roster) -> anyhow::Result<Gate> {
    let mut seen = Seen::default();
    let differs = run::retell(tape, &mut |world, records| seen.look(world, records, client))?;
    if let Some(at) = differs.filter(|_| seen.found.is_none()) {
        anyhow::bail!("the session made again parts from its recording at record {}", at.record);
    }
    let Some(intent) = seen.found else {
        anyhow::bail!("the session made again writes no such order");
    };
    Ok(seen.told(&intent, roster))
}

impl Seen {
    fn look(&mut self, world: &mut World, records: &[Vec<u8>], client: &str) -> ControlFlow<()> {
        let (checked, examined) = world.take_witnessed();
        self.checked.extend(checked);
        self.examined.extend(examined);
        self.checked.drain(..self.checked.len().saturating_sub(KEPT_MAX));
        self.examined.drain(..self.examined.len().saturating_sub(KEPT_MAX));
        self.found = records.iter().find_map(|bytes| match Record::read(bytes)? {
            Record::Intent(intent) if intent.client.as_str() == client => Some(intent),
            _ => None,
        });
        if self.found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn told(&self, intent: &Intent, roster: &Roster) -> Gate {
        let mut gate = Gate::default();
        let id = intent.order.id;
        let checked = self.checked.iter().rev().find(|one| one.order == Some(id));
        let examined = self.examined.iter().rev().find(|one| one.client == intent.client);
        if let Some(checked) = checked {
            gate.checked(checked, roster);
        }
        if let Some(examined) = examined {
            gate.examined(examined, intent, roster);
            self.others(examined, roster, &mut gate);
        }
        gate
    }

    /// Orders of the same moment that went nowhere.
    fn others(&self, ours: &Examined, roster: &Roster, gate: &mut Gate) {
        for one in self.examined.iter().filter(|one| one.time == ours.time) {
            if let Some(barrier) = one.barrier {
                let name = symbol(roster, one.ticket.instrument.index());
                gate.held_back.push(format!("{name}: {}", run::barrier_of(barrier)));
            }
        }
        let now = ours.time;
        for one in self.checked.iter().filter(|one| one.facts.now == now && one.order.is_none()) {
            if let Err(breach) = one.outcome {
                let place = one.ticket.instrument.index();
                let text = breached(&breach, roster.at(place));
                gate.held_back.push(format!("{}: {text}", symbol(roster, place)));
            }
        }
    }
}

impl Gate {
    fn checked(&mut self, checked: &Checked, roster: &Roster) {
        let traded = roster.at(checked.ticket.instrument.index());
        self.outcome = match (&checked.outcome, &checked.sheet) {
            (_, None) => "only shrinks what is held: no limit is held against it".to_owned(),
            (Ok(Pass::AsAsked), _) => "passed as asked".to_owned(),
            (Ok(Pass::Cut { at_most, breach }), _) => {
                let text = breached(breach, traded);
                self.held_back.push(format!("what goes beyond closing: {text}"));
                format!("cut to {}, which closes", amount(Amount::Lots(at_most.0), traded))
            }
            (Err(breach), _) => breached(breach, traded),
        };
        let figure = |one: &Measure| Figure {
            name: one.limit.name().to_owned(),
            value: amount(one.value, traded),
            bound: amount(one.bound, traded),
            within: one.verdict == Verdict::Within,
        };
        self.limits = checked.sheet.iter().flatten().map(figure).collect();
    }

    fn examined(&mut self, examined: &Examined, intent: &Intent, roster: &Roster) {
        let licence = match examined.permit {
            Permit::Open => "may open positions",
            Permit::ManageOnly => "manages what is held",
        };
        licence.clone_into(&mut self.licence);
        self.kill = examined.kill.to_string();
        self.standing = standing(examined);
        if examined.reduces {
            return;
        }
        let caps = examined.caps;
        let money = |name: &str, value: Option<Money>, bound: Money| Figure {
            name: name.to_owned(),
            value: value.map_or_else(|| "unknown".to_owned(), |value| value.to_string()),
            bound: bound.to_string(),
            within: value.is_some_and(|value| value <= bound),
        };
        self.caps.extend(caps.order.map(|cap| money("caps.order", examined.worth, cap)));
        self.caps.extend(caps.position.map(|cap| money("caps.position", examined.position, cap)));
        self.caps.extend(caps.per_minute.map(|cap| {
            let entries = examined.entries.saturating_add(1);
            let (name, within) = ("caps.per_minute".to_owned(), entries <= u64::from(cap));
            Figure { name, value: entries.to_string(), bound: cap.to_string(), within }
        }));
        let sent = &intent.order.ticket;
        if let (OrderKind::Market, OrderKind::Limit { price }, Some(most)) =
            (examined.ticket.kind, sent.kind, caps.slippage)
        {
            let traded = roster.at(sent.instrument.index());
            let price = amount(Amount::Price(price), traded);
            let text = format!("goes no further than {price} ({most} beyond the latest price)");
            self.held_back.push(format!("caps.slippage: {text}"));
        }
    }

    /// For people, a line each, with what the line is about.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![("gate", self.outcome.clone())];
        let figure = |one: &Figure| {
            let stands = if one.within { "within" } else { "BEYOND" };
            format!("{} {} {stands} {}", one.name, one.value, one.bound)
        };
        all.extend(self.limits.iter().map(|one| ("limit", figure(one))));
        all.extend(self.caps.iter().map(|one| ("cap", figure(one))));
        all.push(("licence", self.licence.clone()));
        all.push(("kill", self.kill.clone()));
        all.extend(self.standing.iter().map(|one| ("stood", one.clone())));
        all.extend(self.held_back.iter().map(|one| ("kept back", one.clone())));
        if self.held_back.is_empty() {
            all.push(("kept back", "nothing".to_owned()));
        }
        all.retain(|(_, text)| !text.is_empty());
        all
    }
}

fn standing(examined: &Examined) -> Vec<String> {
    let journal = match examined.writing {
        Writing::Works => "the journal could be written",
        Writing::Fails => "the journal could not be written",
    };
    let alone = if examined.is_alone { "no other bot was seen" } else { "another bot was seen" };
    let certain = if examined.is_certain {
        "orders and positions were known for certain"
    } else {
        "orders and positions were not known for certain"
    };
    [journal, alone, certain].map(str::to_owned).to_vec()
}

fn breached(breach: &Breach, traded: Option<&Traded>) -> String {
    let (value, bound) = (amount(breach.value, traded), amount(breach.bound, traded));
    format!("{}: {value} against {bound}", breach.limit.name())
}

fn symbol(roster: &Roster, place: usize) -> String {
    roster.at(place).map_or_else(|| place.to_string(), |one| one.native.to_string())
}

/// A figure in the instrument's own decimals.
fn amount(amount: Amount, traded: Option<&Traded>) -> String {
    let Some(traded) = traded else { return amount.to_string() };
    let instrument = &traded.listing.instrument;
    match amount {
        Amount::Lots(lots) => instrument.lot_scale.format(i64::try_from(lots).unwrap_or(i64::MAX)),
        Amount::Price(price) => instrument.price_scale.format(price.0),
        Amount::Unknown => "unknown".to_owned(),
        other => other.to_string(),
    }
}
