//! A strategy over quotes: streamed from the catalogue through the kernel a row group at a time,
//! its tables and ticks written while it goes on.

use super::{
    Error, FILLS, ORDERS, Part, REFUSALS, Result, TICKS, TRADES, Watch,
    results::Scratch,
    run::{Computed, failed, written},
};
use crate::report::{self, Executions, ResultDocument, TableWriter};
use catalog::{Catalog, Manifest, QuoteColumns, QuoteStream};
use engine::{
    Blotter, Convention, Digest, QuoteRun, Quotes, Strategy, Tallied, Tally,
    replay::QuoteSource,
    ticks::{Block, Log, Recording},
};
use market::{Instrument, Symbol, Timestamp};
use portfolio::{Fill, Trade};
use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    ops::ControlFlow,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Asked before quotes are taken: with their first time, how many were taken before, and the
/// executions since it was asked last. It may wait, or end the run there.
pub type Look<'a> = dyn FnMut(Timestamp, u64, &[Fill]) -> ControlFlow<()> + 'a;

/// How quotes are handed to a run.
pub(crate) struct Guide<'a> {
    /// So many at a time.
    pub piece: usize,
    /// So many in all, if the tape has them.
    pub most: u64,
    /// Asked before each piece.
    pub before: &'a mut Look<'a>,
}

/// Runs a strategy over the quotes of its symbol. Whatever the size of the data and the number of
/// trades, one row group of quotes is held, and what is open.
pub(super) fn compute(
    place: (&Catalog, &Path),
    what: (&Strategy, &Manifest, &str),
    watch: &Watch,
) -> Result<Computed> {
    let mut on = |_: Timestamp, _: u64, _: &[Fill]| ControlFlow::Continue(());
    compute_guided(place, what, watch, Guide { piece: PIECE, most: u64::MAX, before: &mut on })
}

/// The same, with quotes that are handed over as somebody wants.
pub(crate) fn compute_guided(
    (catalog, results): (&Catalog, &Path),
    (strategy, manifest, text): (&Strategy, &Manifest, &str),
    watch: &Watch,
    Guide { piece, most, before }: Guide<'_>,
) -> Result<Computed> {
    let (symbol, name) = (symbol(strategy, manifest)?, &manifest.dataset.name);
    let mut stream = catalog.quotes(name, &symbol)?;
    if strategy.convention == Convention::Book && !stream.is_sized() {
        return Err(Error::NoSizes { data: name.clone() });
    }
    let (data, instrument) = (Digest(stream.digest()), stream.entry().instrument());
    let total = stream.entry().rows;
    let mut tally = Tally::new(strategy, &instrument, data);
    let log = Log::new(Recording::Blocks, tally.run_id());
    let mut run = QuoteRun::of(strategy, &instrument, log)?;
    let scratch = Scratch::create(results, &tally.run_id().to_string())?;
    let mut tables = Tables::create(scratch.path(), &instrument, tally.run_id())?;
    watch.tell(0, total);
    let mut fills = Vec::new();
    'tape: while let Some(columns) = stream.read()? {
        let left = usize::try_from(most - run.taken() as u64).unwrap_or(usize::MAX);
        let here = columns.len().min(left);
        for from in (0..here).step_by(piece) {
            let part = view(columns).part(from..here.min(from + piece));
            let time = part.times.first().copied().unwrap_or_default();
            if before(time, run.taken() as u64, &fills).is_break() {
                break 'tape;
            }
            run.take(&part, watch.flag())?;
            fills = run.take_fills();
            tables.trades(&tally.take(&fills)?)?;
            tables.blocks(&run.take_blocks())?;
        }
        watch.tell(run.taken() as u64, total);
        if here < columns.len() {
            break;
        }
        if watch.is_stopped() {
            return Err(engine::Error::Cancelled.into());
        }
    }
    let last = run.last_time().ok_or(engine::Error::NoQuotes)?;
    let rows = run.rows();
    let simulation = run.finish()?;
    tables.blocks(&simulation.blocks)?;
    let tallied = tally.finish((strategy, &instrument), simulation, (rows, last))?;
    let Tallied { outcome, totals, rest } = tallied;
    tables.trades(&rest)?;
    let document = ResultDocument::summed(&outcome, &totals, text).map_err(engine::Error::from)?;
    let parts = tables.finish()?;
    written((&outcome, &document), (parts, Some(scratch)))
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
/// Quotes between two looks at what came of them.
const PIECE: usize = 1 << 14;

/// The quotes that a strategy trades on in a dataset, from their beginning, and whose they are.
pub(crate) fn quotes_of(
    catalog: &Catalog,
    strategy: &Strategy,
    dataset: &str,
) -> Result<(Instrument, Told)> {
    let symbol = symbol(strategy, &catalog.manifest(dataset)?)?;
    let stream = catalog.quotes(dataset, &symbol)?;
    Ok((stream.entry().instrument(), Told(stream)))
}

/// Quotes that are told again.
pub(crate) struct Told(QuoteStream);

impl QuoteSource for Told {
    fn advance(&mut self) -> Result<Option<Quotes<'_>>, String> {
        let columns = self.0.read().map_err(|error| error.to_string())?;
        Ok(columns.map(view))
    }
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

type Out = BufWriter<File>;

/// The tables of a run and its ticks, on their way to disk.
struct Tables<'a> {
    directory: PathBuf,
    instruments: &'a [Instrument],
    blotter: Blotter,
    told: usize,
    trades: csv::Writer<Out>,
    fills: TableWriter<Out>,
    orders: TableWriter<Out>,
    refusals: TableWriter<Out>,
    ticks: Out,
}

impl<'a> Tables<'a> {
    fn create(directory: &Path, instrument: &'a Instrument, run_id: Digest) -> Result<Self> {
        let open = |name: &str| create(&directory.join(name));
        let mut trades = csv::Writer::from_writer(open(TRADES)?);
        trades.write_record(report::COLUMNS).map_err(|e| failed(&e))?;
        let table = |name, schema| TableWriter::new(schema, open(name)?).map_err(|e| failed(&e));
        let mut ticks = open(TICKS)?;
        ticks.write_all(&engine::ticks::write_chain(run_id, &[])).map_err(|e| failed(&e))?;
        Ok(Self {
            directory: directory.to_owned(),
            instruments: std::slice::from_ref(instrument),
            blotter: Blotter::default(),
            told: 0,
            trades,
            fills: table(FILLS, report::FILLS)?,
            orders: table(ORDERS, report::ORDERS)?,
            refusals: table(REFUSALS, report::REFUSALS)?,
            ticks,
        })
    }

    fn trades(&mut self, trades: &[Trade]) -> Result<()> {
        for trade in trades {
            let cells =
                report::trade_cells(self.instruments, trade).map_err(engine::Error::from)?;
            self.trades.write_record(cells).map_err(|e| failed(&e))?;
        }
        Ok(())
    }

    /// The next blocks of ticks, and what the tables have of them.
    fn blocks(&mut self, blocks: &[Block]) -> Result<()> {
        for block in blocks {
            let mut bytes = Vec::new();
            block.write(&mut bytes);
            self.ticks.write_all(&bytes).map_err(|e| failed(&e))?;
            self.blotter.add(block).map_err(|e| failed(&e))?;
            self.tell()?;
        }
        Ok(())
    }

    /// Writes what is known whole, and forgets it.
    fn tell(&mut self) -> Result<()> {
        let part = Executions::part(self.instruments, &self.blotter, self.told);
        part.fills().try_for_each(|row| self.fills.row(row)).map_err(|e| failed(&e))?;
        part.refusals().try_for_each(|row| self.refusals.row(row)).map_err(|e| failed(&e))?;
        for record in self.blotter.ended() {
            let row = part.order(record).map_err(engine::Error::from)?;
            self.orders.row(row).map_err(|e| failed(&e))?;
        }
        self.told += self.blotter.fills.len();
        self.blotter.forget();
        Ok(())
    }

    /// Ends all of them; orders that still work come last.
    fn finish(mut self) -> Result<Vec<(&'static str, Part)>> {
        let part = Executions::part(self.instruments, &self.blotter, self.told);
        for row in part.orders().map_err(engine::Error::from)? {
            self.orders.row(row).map_err(|e| failed(&e))?;
        }
        let trades = self.trades.into_inner().map_err(|e| failed(&e.into_error()))?;
        let ended = |table: TableWriter<Out>| table.finish().map_err(|e| failed(&e));
        let [fills, orders, refusals] =
            [ended(self.fills)?, ended(self.orders)?, ended(self.refusals)?];
        let out = [trades, fills, orders, refusals, self.ticks];
        for mut file in out {
            file.flush().map_err(|e| failed(&e))?;
        }
        let names = [TRADES, FILLS, ORDERS, REFUSALS, TICKS];
        Ok(names.map(|name| (name, Part::At(self.directory.join(name)))).into())
    }
}

fn create(path: &Path) -> Result<Out> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let failed = |source| Error::File { doing: "write", path: path.to_owned(), source };
    Ok(BufWriter::with_capacity(1 << 16, file.map_err(failed)?))
}
