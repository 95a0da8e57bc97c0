//! `stockade audit sample`, `purge` and `reconcile`: what the log keeps, and what it tells of.

use super::{
    audit::reader,
    output::{Ending, Output},
};
use crate::desk::{self, Home, now};
use jiff::civil::Date;
use serde::Serialize;

#[derive(Serialize)]
struct Shown {
    entries: u64,
    earliest: Option<String>,
    looked: u64,
    opened: u64,
    pruned: u64,
    missing: Vec<u64>,
}

/// Opens bodies that nobody chose.
pub(super) fn sample(home: &Home, count: u32, output: Output) -> anyhow::Result<Ending> {
    let (runtime, store) = reader(home)?;
    let found = runtime.block_on(store.sample_bodies(count, now()))?;
    let shown = Shown {
        entries: found.size,
        earliest: found.earliest.map(|time| time.to_string()),
        looked: found.looked,
        opened: found.opened,
        pruned: found.pruned,
        missing: found.missing,
    };
    output.show(&shown, |shown| {
        let mut text = format!(
            "{} of {} entries looked at: {} opened, {} pruned after seven years\nthe first entry is of {}",
            shown.looked,
            shown.entries,
            shown.opened,
            shown.pruned,
            shown.earliest.as_deref().unwrap_or("no time: there is none"),
        );
        if !shown.missing.is_empty() {
            let missing: Vec<String> = shown.missing.iter().map(u64::to_string).collect();
            text.push_str(&format!("\nGONE TOO EARLY: {}", missing.join(", ")));
        }
        text
    })?;
    Ok(if shown.missing.is_empty() { Ending::Done } else { Ending::Findings })
}

#[derive(Serialize)]
struct Pruned {
    before: String,
    bodies: u64,
}

/// Prunes what is old enough.
pub(super) fn purge(home: &Home, before: Date, output: Output) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let purged = runtime.block_on(desk::purge(home, before))?;
    let pruned = Pruned { before: purged.before.to_string(), bodies: purged.count };
    output.show(&pruned, |pruned| {
        format!("{} bodies of entries before {} are pruned", pruned.bodies, pruned.before)
    })
}

#[derive(Serialize)]
struct Reconciled {
    entries: u64,
    rows: u64,
    orphans: Vec<String>,
}

/// Compares rows with what the log says was done.
pub(super) fn reconcile(home: &Home, output: Output) -> anyhow::Result<Ending> {
    let (runtime, store) = reader(home)?;
    let found = runtime.block_on(desk::reconcile(&store))?;
    let told = Reconciled {
        entries: found.entries,
        rows: found.rows,
        orphans: found.orphans.iter().map(ToString::to_string).collect(),
    };
    output.show(&told, |told| {
        let mut text = format!("{} rows, {} entries", told.rows, told.entries);
        for orphan in &told.orphans {
            text.push_str(&format!("\nNO ENTRY TELLS OF IT: {orphan}"));
        }
        if told.orphans.is_empty() {
            text.push_str(": every row has its entry");
        }
        text
    })?;
    Ok(if told.orphans.is_empty() { Ending::Done } else { Ending::Findings })
}
