//! Sweeps on disk: a directory that is begun, killed, resumed, divided and merged, and ends with the
//! same table whatever happened to it.
//!
//! | file | what |
//! |---|---|
//! | `sweep.json` | what is swept: text, grid, digest of the data; written first, never changed |
//! | `rows.log` | rows as they come, batch by batch, each with its checksum |
//! | `table.parquet` | all rows by set number, once nothing is missing |

mod error;
mod log;
mod merge;
mod meta;
mod table;
mod work;

pub use crate::desk::Watch;
pub use error::{Error, Result};
pub use log::ROWS;
pub use merge::merge;
pub use meta::{META, Meta};
pub use table::TABLE;

use catalog::Catalog;
use engine::sweep::{Row, Shard, Sweep};
use error::file;
use std::{num::NonZeroUsize, path::Path};

/// What is to be swept.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The strategy's text.
    pub text: &'a str,
    /// Its axes, `fast=5..50:5`.
    pub axes: &'a [String],
    /// What every set must satisfy, `fast < slow`.
    pub conditions: &'a [String],
    /// Which part of the sets is run here.
    pub shard: Shard,
}

/// What the work may use; its figures do not depend on it.
#[derive(Debug, Clone, Copy)]
pub struct Means {
    /// Threads.
    pub threads: NonZeroUsize,
    /// Bytes for the sets that run at once, all threads together; the data come on top.
    pub memory_bytes: u64,
}

impl Default for Means {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { threads, memory_bytes: 1 << 30 }
    }
}

/// How far a sweep is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Sets whose rows are kept.
    pub done: u64,
    /// Sets that this directory is to have.
    pub sets: u64,
}

impl State {
    /// Whether nothing is missing; then the table is there.
    #[must_use]
    pub const fn is_complete(self) -> bool {
        self.done == self.sets
    }
}

/// How many sets an order has, all shards together, without touching data or disk.
pub fn count(order: &Order<'_>) -> Result<u64> {
    Ok(meta::parts(order.text, order.axes, order.conditions)?.1.sets())
}

/// Begins a sweep in a new or empty directory, and runs it until it is whole or told to stop.
pub fn start(
    catalog: &Catalog,
    dir: &Path,
    order: &Order<'_>,
    (means, watch): (&Means, &Watch),
) -> Result<State> {
    let (template, grid) = meta::parts(order.text, order.axes, order.conditions)?;
    let series = work::series(catalog, &template)?;
    let sweep = Sweep::new(&template, &grid, &series)?;
    open_directory(dir)?;
    Meta::of(order, (&template, &grid), &sweep.data().to_string()).write(dir)?;
    work::carry_on(dir, (&sweep, order.shard), means, watch)
}

/// Goes on with a sweep that was stopped or killed; a whole one gets its table again.
pub fn resume(catalog: &Catalog, dir: &Path, (means, watch): (&Means, &Watch)) -> Result<State> {
    let meta = Meta::read(dir)?;
    let (template, grid) = meta.parts()?;
    let series = work::series(catalog, &template)?;
    let sweep = Sweep::new(&template, &grid, &series)?;
    work::same(&meta, &sweep)?;
    work::rows(dir, &meta, &grid)?;
    work::carry_on(dir, (&sweep, meta.shard()?), means, watch)
}

/// What a directory sweeps.
pub fn meta(dir: &Path) -> Result<Meta> {
    Meta::read(dir)
}

/// The rows that a directory has so far, by set number; it may be worked on meanwhile.
pub fn rows(dir: &Path) -> Result<Vec<Row>> {
    let meta = Meta::read(dir)?;
    let (_, grid) = meta.parts()?;
    work::rows(dir, &meta, &grid)
}

/// How far a directory is.
pub fn state(dir: &Path) -> Result<State> {
    let meta = Meta::read(dir)?;
    let sets = meta.shard()?.numbers(meta.sets).count() as u64;
    Ok(State { done: rows(dir)?.len() as u64, sets })
}

/// The strategy's text of one set: the swept text with the set's values.
pub fn set_text(dir: &Path, number: u64) -> Result<String> {
    let (template, grid) = Meta::read(dir)?.parts()?;
    let values = grid.values(number)?;
    template.text_with(&grid.named(&values)).map_err(Error::Strategy)
}

/// Makes a directory, or takes an empty one.
fn open_directory(dir: &Path) -> Result<()> {
    crate::desk::make_directory(dir).map_err(file("make", dir))?;
    for entry in std::fs::read_dir(dir).map_err(file("list", dir))? {
        // A kill may have come while the first file was a draft.
        if entry.map_err(file("list", dir))?.file_name() != meta::DRAFT {
            return Err(Error::Taken { path: dir.to_owned() });
        }
    }
    Ok(())
}
