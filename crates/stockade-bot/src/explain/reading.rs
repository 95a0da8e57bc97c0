//! A recording that is read: rows, values and records up to an order, and what came of it.

use super::{Explained, Valued};
use crate::run::{self, Head, Plan, WarmRow, kind, purpose, says};
use engine::{
    PartEvaluator, RowEvaluator, Rules, Sizing,
    live::{FillReport, Intent, Record, Role},
};
use market::{Roster, Side};
use portfolio::InstrumentId;
use std::{collections::VecDeque, path::Path};

/// Rows of data that are shown.
const ROWS_SHOWN: usize = 3;

/// What is known while a recording is read.
pub(super) struct Reading {
    plan: Plan,
    pub(super) roster: Roster,
    evaluator: RowEvaluator,
    parts: PartEvaluator,
    rows: VecDeque<String>,
    wanted: String,
    pub(super) found: Option<Explained>,
    /// What it is for.
    pub(super) role: Option<Role>,
}

impl Reading {
    pub(super) fn begin(head: &Head, listed: &run::Arrival, client: &str) -> anyhow::Result<Self> {
        let (plan, roster) = run::listed_in(head, listed)?;
        let instruments = run::instruments(&roster);
        let evaluator = RowEvaluator::new(&plan.strategy, &instruments)?;
        let parts = PartEvaluator::new(&plan.strategy, &instruments)?;
        let (rows, wanted) = (VecDeque::new(), client.to_owned());
        Ok(Self { plan, roster, evaluator, parts, rows, wanted, found: None, role: None })
    }

    pub(super) fn warm(&mut self, row: &WarmRow) -> anyhow::Result<()> {
        self.evaluator.warm(row.time, &row.bars)?;
        self.parts.take(row.time, &row.bars)?;
        self.note(row);
        Ok(())
    }

    pub(super) fn row(&mut self, row: &WarmRow) -> anyhow::Result<()> {
        self.evaluator.push(row.time, &row.bars)?;
        self.parts.take(row.time, &row.bars)?;
        self.note(row);
        Ok(())
    }

    fn note(&mut self, row: &WarmRow) {
        if self.found.is_some() {
            return;
        }
        let bars = self.roster.all().iter().zip(&row.bars).filter_map(|(one, bar)| {
            let (bar, scale) = (bar.as_ref()?, one.listing.instrument.price_scale);
            let [open, high, low, close] =
                [bar.open, bar.high, bar.low, bar.close].map(|price| scale.format(price.0));
            let volume = i64::try_from(bar.volume.0).unwrap_or(i64::MAX);
            let volume = one.listing.instrument.lot_scale.format(volume);
            Some(format!("{} {open} {high} {low} {close} {volume}", one.native))
        });
        let text = format!("{}  {}", row.time, bars.collect::<Vec<_>>().join("  "));
        if self.rows.len() >= ROWS_SHOWN {
            self.rows.pop_front();
        }
        self.rows.push_back(text);
    }

    pub(super) fn record(&mut self, tape: &Path, record: &Record) {
        match record {
            Record::Intent(intent) | Record::Foreign(intent) => {
                if let Some(intent) = named(intent, &self.wanted) {
                    self.found = Some(self.explained(tape, &intent));
                    self.role = Some(intent.role);
                }
            }
            Record::Bound { client, venue } if client.as_str() == self.wanted => {
                if let Some(found) = &mut self.found {
                    found.venue_number.get_or_insert(venue.to_string());
                }
            }
            Record::Fill(fill) => self.fill(fill),
            Record::Ended { client, time } if client.as_str() == self.wanted => {
                if let Some(found) = &mut self.found {
                    found.ended = Some(time.to_string());
                }
            }
            _ => {}
        }
    }

    fn fill(&mut self, fill: &FillReport) {
        let Some(found) = &mut self.found else { return };
        let is_its = fill.client.is_some_and(|client| client.as_str() == self.wanted)
            || fill.venue.map(|venue| venue.to_string()) == found.venue_number;
        let Some(one) = self.roster.at(fill.instrument.index()).filter(|_| is_its) else { return };
        let instrument = &one.listing.instrument;
        let lots = i64::try_from(fill.quantity.0).unwrap_or(i64::MAX);
        found.fills.push(format!(
            "{}  {} at {}, fee {}  trade {}",
            fill.time,
            instrument.lot_scale.format(lots),
            instrument.price_scale.format(fill.price.0),
            fill.fee,
            fill.trade
        ));
    }

    fn explained(&self, tape: &Path, intent: &Intent) -> Explained {
        let ticket = &intent.order.ticket;
        let id: InstrumentId = ticket.instrument;
        let one = self.roster.at(id.index());
        let symbol = one.map_or_else(|| id.0.to_string(), |one| one.native.to_string());
        let lots = i64::try_from(ticket.quantity.0).unwrap_or(i64::MAX);
        let size = one
            .map_or_else(|| lots.to_string(), |one| one.listing.instrument.lot_scale.format(lots));
        let way = if ticket.side == Side::Buy { "buy" } else { "sell" };
        let said = self.evaluator.taken().checked_sub(1).map(|row| {
            let values = self.evaluator.values().row(row);
            says(values, id)
        });
        Explained {
            session: tape.to_owned(),
            name: intent.client.to_string(),
            venue_number: None,
            symbol,
            purpose: purpose(intent.role).to_owned(),
            asked: format!("{way} {size}, {}", kind(&self.roster, id, &ticket.kind)),
            written: intent.time.to_string(),
            rule: rule(&self.plan),
            said: (intent.role == Role::Kernel).then_some(said).flatten(),
            values: if intent.role == Role::Kernel { self.values(id) } else { Vec::new() },
            gate: None,
            gate_unknown: None,
            size_rule: size_rule(&self.plan, intent.role),
            rows: self.rows.iter().cloned().collect(),
            fills: Vec::new(),
            ended: None,
        }
    }
}

impl Reading {
    /// What stands in the strategy's expressions, on the latest row.
    fn values(&self, id: InstrumentId) -> Vec<Valued> {
        self.parts.values(id).into_iter().map(Valued::of).collect()
    }
}

fn rule(plan: &Plan) -> Vec<String> {
    match &plan.strategy.rules {
        Rules::Signals(signals) => [
            ("long", &signals.long),
            ("exit", &signals.exit),
            ("short", &signals.short),
            ("cover", &signals.cover),
        ]
        .into_iter()
        .filter_map(|(name, rule)| rule.as_ref().map(|rule| format!("{name}: {rule}")))
        .collect(),
        Rules::Weights { target, .. } => vec![format!("weights: {target}")],
    }
}

fn size_rule(plan: &Plan, role: Role) -> String {
    match (role, plan.strategy.sizing) {
        (Role::Stop, _) => "the position's, at the distance that the configuration sets".to_owned(),
        (Role::Close, _) => "all that is held".to_owned(),
        (Role::Foreign, _) => "whoever made it chose it".to_owned(),
        (Role::Kernel, Sizing::Fixed(size)) => {
            format!("fixed: {size} an entry; an exit is what is held")
        }
        (Role::Kernel, Sizing::Percent(percent)) => {
            format!(
                "{percent} % of equity over the latest close, down to whole lots; an exit is what is held"
            )
        }
        (Role::Kernel, Sizing::Exposure(part)) => {
            format!("{part} of equity over all weights, down to whole lots")
        }
    }
}

/// The order of this name that an intent writes down: its own, or the stop that it brings along.
pub(super) fn named(intent: &Intent, name: &str) -> Option<Intent> {
    [Some(*intent), intent.brought()].into_iter().flatten().find(|one| one.client.as_str() == name)
}
