//! Why an order is there: from the recordings, the signal, the rows of data, the intent and what came of it.

use crate::run::{self, Entry, Head, Plan, WarmRow, kind, purpose, read_tape, says};
use anyhow::{Context, bail};
use engine::{
    RowEvaluator, Rules, Sizing,
    live::{FillReport, Intent, Record, Role},
};
use market::{Roster, Side};
use portfolio::InstrumentId;
use serde::Serialize;
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

/// Rows of data that are shown.
const ROWS_SHOWN: usize = 3;

/// Why an order is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The recording.
    pub session: PathBuf,
    /// The order's name.
    pub name: String,
    /// The venue's number of it, where it said one.
    pub venue_number: Option<String>,
    /// What is traded.
    pub symbol: String,
    /// What it is for.
    pub purpose: String,
    /// As it was asked: side, size, kind.
    pub asked: String,
    /// When it was written down.
    pub written: String,
    /// The strategy's rule.
    pub rule: Vec<String>,
    /// What the strategy said of the instrument on the row that decided.
    pub said: Option<String>,
    /// How its size comes about.
    pub size_rule: String,
    /// The latest rows before it, the deciding one last.
    pub rows: Vec<String>,
    /// Executions.
    pub fills: Vec<String>,
    /// When nothing more came of it.
    pub ended: Option<String>,
}

/// What is known while a recording is read.
struct Reading {
    plan: Plan,
    roster: Roster,
    evaluator: RowEvaluator,
    rows: VecDeque<String>,
    wanted: String,
    found: Option<Explained>,
}

/// Looks for an order, by its name, the venue's number of it, or a trade's.
pub fn explain(tapes: &Path, name: &str) -> anyhow::Result<Explained> {
    let all = run::all_tapes(tapes)?;
    for tape in all.iter().rev() {
        let Some(client) = owner_of(tape, name)? else { continue };
        if let Some(found) = read(tape, &client)? {
            return Ok(found);
        }
    }
    bail!("no recording in {} tells of {name:?}", tapes.display())
}

/// The order that a name stands for in a recording.
fn owner_of(tape: &Path, name: &str) -> anyhow::Result<Option<String>> {
    let mut found = None;
    read_tape(tape, &mut |entry| {
        let Some(record) = record(&entry) else { return Ok(()) };
        match record {
            Record::Intent(intent) | Record::Foreign(intent) if intent.client.as_str() == name => {
                found = Some(name.to_owned());
            }
            Record::Bound { client, venue } if venue.as_str() == name => {
                found = Some(client.to_string());
            }
            Record::Fill(fill) if fill.trade.as_str() == name => {
                found = fill.client.or(fill.venue).map(|name| name.to_string()).or(found.take());
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(found)
}

fn record(entry: &Entry) -> Option<Record> {
    let Entry::Out(text) = entry else { return None };
    Record::read(&hex::decode(text).ok()?)
}

fn read(tape: &Path, client: &str) -> anyhow::Result<Option<Explained>> {
    let mut head: Option<Head> = None;
    let mut reading: Option<Reading> = None;
    read_tape(tape, &mut |entry| {
        match &entry {
            Entry::Head(found) => head = Some((**found).clone()),
            Entry::Instruments(listed) => {
                let head = head.as_ref().context("the recording has no head")?;
                reading = Some(Reading::begin(head, listed, client)?);
            }
            Entry::Warm(time, bars) => {
                if let Some(reading) = &mut reading {
                    reading.warm(&WarmRow::of(*time, bars.clone()))?;
                }
            }
            Entry::Row(time, bars) => {
                if let Some(reading) = &mut reading {
                    reading.row(&WarmRow::of(*time, bars.clone()))?;
                }
            }
            Entry::Out(_) => {
                if let (Some(reading), Some(record)) = (&mut reading, record(&entry)) {
                    reading.record(tape, &record);
                }
            }
            Entry::In(..) | Entry::Past(..) => {}
        }
        Ok(())
    })?;
    Ok(reading.and_then(|reading| reading.found))
}

impl Reading {
    fn begin(head: &Head, listed: &run::Arrival, client: &str) -> anyhow::Result<Self> {
        let (plan, roster) = run::listed_in(head, listed)?;
        let evaluator = RowEvaluator::new(&plan.strategy, &run::instruments(&roster))?;
        let (rows, wanted) = (VecDeque::new(), client.to_owned());
        Ok(Self { plan, roster, evaluator, rows, wanted, found: None })
    }

    fn warm(&mut self, row: &WarmRow) -> anyhow::Result<()> {
        self.evaluator.warm(row.time, &row.bars)?;
        self.note(row);
        Ok(())
    }

    fn row(&mut self, row: &WarmRow) -> anyhow::Result<()> {
        self.evaluator.push(row.time, &row.bars)?;
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

    fn record(&mut self, tape: &Path, record: &Record) {
        match record {
            Record::Intent(intent) | Record::Foreign(intent)
                if intent.client.as_str() == self.wanted =>
            {
                self.found = Some(self.explained(tape, intent));
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
            size_rule: size_rule(&self.plan, intent.role),
            rows: self.rows.iter().cloned().collect(),
            fills: Vec::new(),
            ended: None,
        }
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

impl Explained {
    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let number = self.venue_number.as_deref().unwrap_or("unknown");
        let mut out = format!(
            "order     {} ({number} at the venue)\nfor       {}\nasked     {}  {}\nwritten   {}\n",
            self.name, self.purpose, self.symbol, self.asked, self.written
        );
        for rule in &self.rule {
            out += &format!("rule      {rule}\n");
        }
        if let Some(said) = &self.said {
            out += &format!("said      {said}\n");
        }
        out += &format!("size      {}\n", self.size_rule);
        for row in &self.rows {
            out += &format!("row       {row}\n");
        }
        for fill in &self.fills {
            out += &format!("fill      {fill}\n");
        }
        out += &format!("ended     {}\n", self.ended.as_deref().unwrap_or("not in this recording"));
        out + &format!("session   {}\n", self.session.display())
    }
}
