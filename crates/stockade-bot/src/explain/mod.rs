//! Why an order is there: from the recordings, the signal and what stands in it, the rows of data, the
//! intent, what it was held against, and what came of it.

mod gate;
mod reading;

pub use gate::{Figure, Gate};

use crate::run::{self, Entry, Head, WarmRow, read_tape};
use anyhow::{Context, bail};
use engine::{
    PartValue,
    live::{Record, Role},
};
use factor::Type;
use reading::Reading;
use serde::Serialize;
use std::path::{Path, PathBuf};

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
    /// The strategy's expressions and what stands in them, with their values on that row.
    pub values: Vec<Valued>,
    /// What it was held against; none for what is not the strategy's own.
    pub gate: Option<Gate>,
    /// Why that is not known, where it ought to be.
    pub gate_unknown: Option<String>,
    /// How its size comes about.
    pub size_rule: String,
    /// The latest rows before it, the deciding one last.
    pub rows: Vec<String>,
    /// Executions.
    pub fills: Vec<String>,
    /// When nothing more came of it.
    pub ended: Option<String>,
}

/// A part of an expression and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Valued {
    /// The expression's name in the strategy.
    pub name: String,
    /// How many others it is a part of: 0 for the whole.
    pub depth: usize,
    /// Its text.
    pub text: String,
    /// `true`, `false`, a number in the fewest digits that read back as it, or `missing`.
    pub value: String,
}

impl Valued {
    fn of(part: PartValue) -> Self {
        let PartValue { name, depth, text, of, value } = part;
        let value = match of {
            _ if value.is_nan() => "missing".to_owned(),
            Type::Truth => (value > 0.5).to_string(),
            Type::Number | Type::Constant | Type::Group => value.to_string(),
        };
        Self { name, depth, text, value }
    }
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
            Record::Intent(intent) | Record::Foreign(intent)
                if reading::named(&intent, name).is_some() =>
            {
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
    let Some(Reading { found: Some(mut found), role, roster, .. }) = reading else {
        return Ok(None);
    };
    if role == Some(Role::Kernel) {
        match gate::gate(tape, client, &roster) {
            Ok(gate) => found.gate = Some(gate),
            Err(error) => found.gate_unknown = Some(format!("{error:#}")),
        }
    }
    Ok(Some(found))
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
        for Valued { name, depth, text, value } in &self.values {
            let name = if *depth == 0 { format!("{name}: ") } else { "  ".repeat(*depth) };
            out += &format!("value     {name}{text} = {value}\n");
        }
        out += &format!("size      {}\n", self.size_rule);
        for (what, line) in self.gate.iter().flat_map(Gate::lines) {
            out += &format!("{what:<10}{line}\n");
        }
        if let Some(why) = &self.gate_unknown {
            out += &format!("gate      not known: {why}\n");
        }
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
