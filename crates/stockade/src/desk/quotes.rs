//! A strategy over quotes: streamed from the catalogue through the kernel, a row group at a time.

use super::{Error, Result, Watch};
use catalog::{Catalog, Manifest, QuoteColumns};
use engine::{
    Convention, Digest, Outcome, QuoteRun, Quotes, Strategy, run_id,
    ticks::{Log, Recording},
};
use market::Symbol;

/// Executions of one run: what a run keeps of them would not fit into memory without a bound.
pub(super) const FILLS_MAX: usize = 250_000;

/// Runs a strategy over the quotes of its symbol. The files hold one row group in memory, whatever
/// their size; what grows is bounded by [`FILLS_MAX`].
pub(super) fn run(
    catalog: &Catalog,
    (strategy, manifest): (&Strategy, &Manifest),
    watch: &Watch,
) -> Result<Outcome> {
    let (symbol, name) = (symbol(strategy, manifest)?, &manifest.dataset.name);
    let mut stream = catalog.quotes(name, &symbol)?;
    if strategy.convention == Convention::Book && !stream.is_sized() {
        return Err(Error::NoSizes { data: name.clone() });
    }
    let (data, instrument) = (Digest(stream.digest()), stream.entry().instrument());
    let total = stream.entry().rows;
    let log = Log::new(Recording::Blocks, run_id(data, strategy));
    let mut run = QuoteRun::of(strategy, &instrument, log)?;
    watch.tell(0, total);
    while let Some(columns) = stream.next()? {
        run.take(&view(columns), watch.flag())?;
        watch.tell(run.taken() as u64, total);
        if watch.is_stopped() {
            return Err(engine::Error::Cancelled.into());
        }
        if run.fills() > FILLS_MAX {
            return Err(Error::TooManyFills { most: FILLS_MAX, quotes: run.taken() });
        }
    }
    Ok(run.outcome(strategy, &instrument, data)?)
}

/// The digest of the quotes that a strategy would trade on in a dataset; nothing where it has none.
pub(super) fn digest(
    catalog: &Catalog,
    (strategy, manifest): (&Strategy, &Manifest),
) -> Option<Digest> {
    let symbol = symbol(strategy, manifest).ok()?;
    let stream = catalog.quotes(&manifest.dataset.name, &symbol).ok()?;
    Some(Digest(stream.digest()))
}

/// The one symbol that is traded.
fn symbol(strategy: &Strategy, manifest: &Manifest) -> Result<Symbol> {
    if let Some([symbol]) = strategy.universe.as_deref() {
        return Ok(symbol.clone());
    }
    match manifest.instruments.as_slice() {
        [one] if strategy.universe.is_none() => Ok(one.symbol.clone()),
        several => Err(engine::Error::OneInstrument { found: several.len() }.into()),
    }
}

fn view(columns: &QuoteColumns) -> Quotes<'_> {
    Quotes {
        times: &columns.times,
        bids: &columns.bids,
        asks: &columns.asks,
        bid_sizes: &columns.bid_sizes,
        ask_sizes: &columns.ask_sizes,
    }
}
