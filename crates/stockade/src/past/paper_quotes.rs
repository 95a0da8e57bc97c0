//! Paper on a tape of quotes, one quote at a time.

use super::Pace;
use crate::desk::{self, Computed, Error, Guide, Look, Result, Watch};
use catalog::Catalog;
use engine::Strategy;
use market::{Instrument, Timestamp};
use portfolio::Fill;
use std::{ops::ControlFlow, time::Instant};

/// A strategy and the quotes that it trades on.
#[derive(Debug)]
pub struct QuoteTape<'a> {
    catalog: &'a Catalog,
    strategy: Strategy,
    text: &'a str,
    /// Whose quotes they are.
    pub instrument: Instrument,
}

/// What a run on paper came to.
#[derive(Debug)]
pub struct PaperedQuotes {
    /// The run with quotes one at a time; its files say what it did.
    pub paper: Computed,
    /// The digest of a backtest on the same quotes: the law is that it is that of the paper.
    pub backtest: String,
    /// The first quote that was not taken, if somebody ended it.
    pub stopped: Option<Timestamp>,
}

impl<'a> QuoteTape<'a> {
    /// A strategy's tape in the catalogue; `None` if it does not trade on quotes.
    pub fn open(catalog: &'a Catalog, text: &'a str) -> Result<Option<Self>> {
        let strategy = engine::parse_strategy(text).map_err(Error::Strategy)?;
        if !strategy.clock.counts_quotes() {
            return Ok(None);
        }
        let (instrument, _) = desk::quotes_of(catalog, &strategy, &strategy.data)?;
        Ok(Some(Self { catalog, strategy, text, instrument }))
    }

    /// Runs it. `look` is told, before each quote and while it waits, when the quote is, how many
    /// were taken and what traded since it was told last; it may end the run there.
    pub fn run(&self, pace: Pace, look: &mut Look<'_>) -> Result<PaperedQuotes> {
        let (begun, mut first, mut stopped) = (Instant::now(), None, None);
        let mut before = |time: Timestamp, taken: u64, fills: &[Fill]| {
            let from: Timestamp = *first.get_or_insert(time);
            let due = pace.after(time.nanos().saturating_sub(from.nanos()));
            let mut fills = fills;
            loop {
                if look(time, taken, fills).is_break() {
                    stopped = Some((time, taken));
                    return ControlFlow::Break(());
                }
                fills = &[];
                let left = due.saturating_sub(begun.elapsed());
                if left.is_zero() {
                    return ControlFlow::Continue(());
                }
                std::thread::sleep(left.min(super::paper::LOOK));
            }
        };
        let paper = self.compute(Guide { piece: 1, most: u64::MAX, before: &mut before })?;
        // A backtest takes many at a time, up to where the paper ended.
        let most = stopped.map_or(u64::MAX, |(_, taken)| taken);
        let mut on = |_: Timestamp, _: u64, _: &[Fill]| ControlFlow::Continue(());
        let backtest = self.compute(Guide { piece: PIECE, most, before: &mut on })?.digest;
        Ok(PaperedQuotes { paper, backtest, stopped: stopped.map(|(time, _)| time) })
    }

    fn compute(&self, guide: Guide<'_>) -> Result<Computed> {
        let manifest = self.catalog.manifest(&self.strategy.data)?;
        let what = (&self.strategy, &manifest, self.text);
        desk::compute_guided((self.catalog, &std::env::temp_dir()), what, &Watch::nobody(), guide)
    }
}

/// Quotes that a backtest takes at a time.
const PIECE: usize = 4_096;
