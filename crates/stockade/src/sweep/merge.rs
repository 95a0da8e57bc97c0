//! Shards that were run elsewhere, put together.

use super::{Meta, Result, State, error::Error, log::Log, open_directory, table, work};
use engine::sweep::{Row, Shard};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Puts the shards of one sweep together in a new directory: the same table as one run gives.
pub fn merge(out: &Path, dirs: &[PathBuf]) -> Result<State> {
    let Some(first) = dirs.first() else {
        return Err(Error::NoSweep { path: PathBuf::from("the list of directories") });
    };
    let meta = Meta::read(first)?;
    let (_, grid) = meta.parts()?;
    let mut rows: BTreeMap<u64, Row> = BTreeMap::new();
    for dir in dirs {
        let other = Meta::read(dir)?;
        if let Some(what) = difference(&meta, &other) {
            let (first, other) = (first.clone(), dir.clone());
            return Err(Error::Different { first, other, what });
        }
        for row in work::rows(dir, &other, &grid)? {
            let number = row.number;
            match rows.get(&number) {
                None => drop(rows.insert(number, row)),
                Some(known) if *known == row => {}
                Some(_) => return Err(Error::Contradiction { number, path: dir.clone() }),
            }
        }
    }
    let rows: Vec<Row> = rows.into_values().collect();
    whole(&rows, grid.sets(), dirs)?;
    open_directory(out)?;
    let meta = Meta { shard: Shard::WHOLE.to_string(), ..meta };
    meta.write(out)?;
    let (mut log, _) = Log::open(out, grid.axes().len())?;
    for batch in rows.chunks(BATCH) {
        log.append(batch)?;
    }
    table::write(out, &grid, &rows)?;
    Ok(State { done: grid.sets(), sets: grid.sets() })
}

/// Rows of a batch in a merged log.
const BATCH: usize = 10_000;

/// What makes two directories parts of different sweeps.
fn difference(a: &Meta, b: &Meta) -> Option<&'static str> {
    let differs = [
        (a.text != b.text, "the strategy's text"),
        (a.axes != b.axes, "an axis"),
        (a.conditions != b.conditions, "a condition"),
        (a.data != b.data, "the data's digest"),
        (a.semantics != b.semantics, "the engine's semantics"),
    ];
    differs.iter().find(|(differs, _)| *differs).map(|(_, what)| *what)
}

/// Refuses rows that are not all of them, and says which shard is missing or not done.
fn whole(rows: &[Row], sets: u64, dirs: &[PathBuf]) -> Result<()> {
    let missing = sets - rows.len() as u64;
    if missing == 0 {
        return Ok(());
    }
    let mut numbers = rows.iter().map(|row| row.number).zip(0..);
    let first = numbers.find(|(number, place)| number != place).map(|(_, place)| place);
    let first = first.unwrap_or(rows.len() as u64);
    let mut remedy = "name the directories of all shards".to_owned();
    for dir in dirs {
        if Meta::read(dir)?.shard()?.has(first) {
            remedy = format!("resume {} first", dir.display());
        }
    }
    Err(Error::Missing { missing, sets, first, remedy })
}
