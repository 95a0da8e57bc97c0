//! The work itself: batches on several threads, rows to the log as they come.

use super::{Means, Meta, Result, State, Watch, error::Error, log::Log, table};
use catalog::{Catalog, Field};
use engine::{
    Convention, SEMANTICS, Template,
    sweep::{Grid, Row, SETS_AT_ONCE, Shard, Sweep},
};
use market::BarSeries;
use std::{
    path::Path,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
};

/// The prices of a strategy's universe, by symbol.
pub(super) fn series(catalog: &Catalog, template: &Template) -> Result<Vec<BarSeries>> {
    let strategy = template.strategy();
    let manifest = catalog.manifest(&strategy.data)?;
    if strategy.convention == Convention::NextOpen
        && !manifest.dataset.fields.contains(&Field::Open)
    {
        return Err(Error::NoOpen { data: strategy.data.clone() });
    }
    let mut series =
        catalog.series(&strategy.data, strategy.universe.as_deref(), strategy.adjust)?;
    series.sort_by(|a, b| a.instrument().symbol.cmp(&b.instrument().symbol));
    Ok(series)
}

/// Refuses data or an engine that are not those of the sweep.
pub(super) fn same(meta: &Meta, sweep: &Sweep<'_>) -> Result<()> {
    if meta.semantics != SEMANTICS {
        return Err(Error::Semantics { now: SEMANTICS, then: meta.semantics });
    }
    let now = sweep.data().to_string();
    if now != meta.data {
        let (data, then) = (meta.dataset.clone(), meta.data.clone());
        return Err(Error::DataChanged { data, now, then });
    }
    Ok(())
}

/// Runs what is missing; ends with the table when nothing is.
pub(super) fn carry_on(
    dir: &Path,
    (sweep, shard): (&Sweep<'_>, Shard),
    means: &Means,
    watch: &Watch,
) -> Result<State> {
    let grid = sweep.grid();
    let (mut log, mut rows) = Log::open(dir, grid.axes().len())?;
    let wanted: Vec<u64> = shard.numbers(grid.sets()).collect();
    let mut there: Vec<u64> = rows.iter().map(|row| row.number).collect();
    there.sort_unstable();
    let missing: Vec<u64> =
        wanted.iter().copied().filter(|n| there.binary_search(n).is_err()).collect();
    let total = wanted.len() as u64;
    let mut done = total - missing.len() as u64;
    watch.tell(done, total);
    let threads = means.threads.get();
    let memory = means.memory_bytes / threads as u64;
    // Several batches for each thread, so that all end at about the same time.
    let even = missing.len().div_ceil(4 * threads).max(1);
    let size = sweep.batch_sets(memory).min(SETS_AT_ONCE).min(even);
    let batches: Vec<&[u64]> = missing.chunks(size).collect();
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (send, come) = mpsc::sync_channel(threads);
    std::thread::scope(|scope| -> Result<()> {
        for _ in 0..threads.min(batches.len()) {
            let (send, batches, next, stop) = (send.clone(), &batches, &next, &stop);
            scope.spawn(move || {
                while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if stop.load(Ordering::Relaxed) || watch.is_stopped() {
                        return;
                    }
                    let rows = sweep.run_batch(batch, watch.flag());
                    if send.send(rows).is_err() {
                        return;
                    }
                }
            });
        }
        drop(send);
        // Whatever fails, the threads are told before the scope waits for them.
        let come = come;
        let kept = keep(&come, (&mut log, &mut rows), |more| {
            done += more;
            watch.tell(done, total);
        });
        stop.store(true, Ordering::Relaxed);
        drop(come);
        kept
    })?;
    if done == total {
        rows.sort_by_key(|row| row.number);
        table::write(dir, grid, &rows)?;
    }
    Ok(State { done, sets: total })
}

/// Keeps batches as they come, until none comes any more or one failed; a batch that was stopped
/// on its way is no failure.
fn keep(
    come: &mpsc::Receiver<Result<Vec<Row>, engine::sweep::Error>>,
    (log, rows): (&mut Log, &mut Vec<Row>),
    mut tell: impl FnMut(u64),
) -> Result<()> {
    for batch in come {
        match batch {
            Ok(batch) => {
                log.append(&batch)?;
                tell(batch.len() as u64);
                rows.extend(batch);
            }
            Err(error) if is_stop(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn is_stop(error: &engine::sweep::Error) -> bool {
    use engine::sweep::Error as Sweep;
    let stopped = |error: &engine::Error| {
        matches!(error, engine::Error::Cancelled | engine::Error::Factor(factor::Error::Cancelled))
    };
    match error {
        Sweep::Engine(source) | Sweep::Run { source, .. } => stopped(source),
        _ => false,
    }
}

/// The rows of a directory by number, each once; they must be those of its grid and shard.
pub(super) fn rows(dir: &Path, meta: &Meta, grid: &Grid) -> Result<Vec<Row>> {
    let mut rows = super::log::read(dir, grid.axes().len())?;
    rows.sort_by_key(|row| row.number);
    let shard = meta.shard()?;
    for pair in rows.windows(2) {
        if let [a, b] = pair
            && a.number == b.number
        {
            let path = dir.join(super::ROWS);
            return Err(Error::Damaged { path, what: format!("set {} is there twice", a.number) });
        }
    }
    if let Some(alien) = rows
        .iter()
        .find(|row| !shard.has(row.number) || grid.values(row.number).as_ref() != Ok(&row.values))
    {
        let what = format!("set {} is not one of this sweep", alien.number);
        return Err(Error::Damaged { path: dir.join(super::ROWS), what });
    }
    Ok(rows)
}
