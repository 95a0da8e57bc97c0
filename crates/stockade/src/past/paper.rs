//! Paper on a tape: the kernel and the exchange of a backtest, with rows that come at their times.

use crate::desk::{self, Error, Result, Watch};
use catalog::Catalog;
use engine::{
    Convention, Digest, Moment, Outcome, Strategy,
    ticks::{Log, Recording},
};
use market::{BarSeries, Instrument, Timestamp};
use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

/// A strategy and the tape that it trades on.
#[derive(Debug)]
pub struct Tape {
    /// What is run.
    pub strategy: Strategy,
    /// Its text.
    pub text: String,
    /// The bars, in symbol order.
    pub series: Vec<BarSeries>,
}

/// How fast the tape runs: so many seconds of it in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as it goes.
    Free,
    /// This many times as fast as the market was.
    Times(f64),
}

/// The longest wait between two looks at whether to stop.
pub(super) const LOOK: Duration = Duration::from_millis(50);

impl Tape {
    /// A strategy's tape in the catalogue.
    pub fn open(catalog: &Catalog, text: &str) -> Result<Self> {
        let strategy = engine::parse_strategy(text).map_err(Error::Strategy)?;
        if strategy.convention == Convention::SameClose {
            return Err(Error::NotTradable { convention: strategy.convention.to_string() });
        }
        if strategy.clock.counts_quotes() {
            return Err(Error::OnQuotes);
        }
        let mut series = desk::series_of(catalog, &strategy)?;
        series.sort_by(|a, b| a.instrument().symbol.cmp(&b.instrument().symbol));
        Ok(Self { strategy, text: text.to_owned(), series })
    }

    /// Its instruments, by number.
    #[must_use]
    pub fn instruments(&self) -> Vec<Instrument> {
        self.series.iter().map(|series| series.instrument().clone()).collect()
    }

    /// The part of it before a time.
    fn until(&self, end: Timestamp) -> Result<Vec<BarSeries>> {
        let part = |series: &BarSeries| {
            let bars = series.iter().take_while(|bar| bar.open_time < end);
            BarSeries::from_bars(series.instrument().clone(), series.size(), bars)
        };
        let parts = self.series.iter().map(part).collect::<Result<Vec<_>, _>>();
        Ok(parts.map_err(engine::Error::from)?)
    }
}

/// What a run on paper came to.
#[derive(Debug)]
pub struct Papered {
    /// Its outcome's digest.
    pub digest: String,
    /// The result of a backtest on the rows that were taken: the law is that it has this digest.
    pub backtest: desk::Computed,
    /// Where somebody ended it, if somebody did.
    pub stopped: Option<Timestamp>,
}

/// Runs it. `look` is told, before each row and while it waits, where the account stands, and may
/// end the run there.
///
/// A row is handed over when its time has come at the tape's pace; the first one at once.
pub fn paper(
    tape: &Tape,
    pace: Pace,
    look: &mut dyn FnMut(&Moment<'_>) -> ControlFlow<()>,
) -> Result<Papered> {
    let (begun, mut first, mut stopped) = (Instant::now(), None, None);
    let mut wait = |moment: &Moment<'_>| {
        let from: Timestamp = *first.get_or_insert(moment.time);
        let due = pace.after(moment.time.nanos().saturating_sub(from.nanos()));
        loop {
            if look(moment).is_break() {
                stopped = Some(moment.time);
                return ControlFlow::Break(());
            }
            let left = due.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return ControlFlow::Continue(());
            }
            std::thread::sleep(left.min(LOOK));
        }
    };
    let log = Log::new(Recording::Nothing, Digest([0; 32]));
    let simulation = engine::paper(&tape.strategy, &tape.series, log, &mut wait)?;
    let taken = match stopped {
        None => tape.series.clone(),
        Some(time) => tape.until(time)?,
    };
    let data = engine::columns_digest(&taken);
    let outcome = Outcome::of(&tape.strategy, &taken, data, simulation)?;
    let backtest = desk::compute_on(&tape.strategy, &tape.text, &taken, &Watch::nobody())?;
    Ok(Papered { digest: outcome.digest.to_string(), backtest, stopped })
}

impl Pace {
    /// How long after the first row something comes that came so many nanoseconds after it.
    pub(super) fn after(self, nanos: i64) -> Duration {
        match self {
            Self::Free => Duration::ZERO,
            #[allow(clippy::cast_precision_loss, reason = "a wait, not a figure")]
            Self::Times(times) => {
                let seconds = nanos.max(0) as f64 / 1e9 / times;
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_divides_the_tapes_time() {
        let hour = 3_600_000_000_000;
        assert_eq!(Pace::Times(3600.0).after(hour), Duration::from_secs(1));
        assert_eq!(Pace::Free.after(hour), Duration::ZERO);
        assert_eq!(Pace::Times(0.0).after(hour), Duration::MAX, "a tape that stands still");
        assert_eq!(Pace::Times(1.0).after(-5), Duration::ZERO);
    }
}
