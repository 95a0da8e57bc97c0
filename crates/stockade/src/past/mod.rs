//! A run that lies in a directory, and what can be done with it again: look into it, hold it
//! against another one, do it once more. Nothing is written here but what a caller asks for.

mod compare;
mod live;
mod paper;
mod paper_quotes;
mod repeat;
mod session;
mod state;

pub use compare::{Compared, compare};
pub use live::{DoneRow, LiveCompared, PartingRow, TotalRow, compare_live};
pub use paper::{Pace, Papered, Tape, paper};
pub use paper_quotes::{PaperedQuotes, QuoteTape};
pub use repeat::{Repeated, repeat};
pub use session::{LIVE, LiveSession, is_live};
pub use state::{StateView, state};

use crate::{
    desk::{self, Error, JSON, Result, TICKS},
    report::ResultDocument,
};
use catalog::Catalog;
use engine::{
    Blotter, Clock, Digest, Strategy,
    ticks::{Block, read_chain},
};
use market::{BarSeries, Instrument, Scale};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Characters of a run's name that tell it apart, at least.
const NAME_CHARS_MIN: usize = 8;

/// What a result directory says.
#[derive(Debug)]
pub struct PastRun {
    /// Where it lies.
    pub directory: PathBuf,
    /// Its figures.
    pub document: ResultDocument,
    /// What was run.
    pub strategy: Strategy,
    /// The name that its log begins with.
    pub beginning: Digest,
    /// Its ticks.
    pub blocks: Vec<Block>,
}

impl PastRun {
    /// Of a directory that a backtest wrote; its log is verified.
    pub fn read(directory: &Path) -> Result<Self> {
        let bytes = |name: &str| {
            let path = directory.join(name);
            fs::read(&path).map_err(|source| Error::File { doing: "read", path, source })
        };
        let broken = |name: &str, problem: &dyn std::fmt::Display| Error::Report {
            problem: format!("{}: {problem}", directory.join(name).display()),
        };
        let document: ResultDocument =
            serde_json::from_slice(&bytes(JSON)?).map_err(|e| broken(JSON, &e))?;
        let strategy = engine::parse_strategy(&document.strategy.text).map_err(Error::Strategy)?;
        let (beginning, blocks) = read_chain(&bytes(TICKS)?).map_err(|e| broken(TICKS, &e))?;
        if beginning.to_string() != document.run_id {
            return Err(broken(TICKS, &"the log is that of another run"));
        }
        Ok(Self { directory: directory.to_owned(), document, strategy, beginning, blocks })
    }

    /// A directory, or the one directory in `places` whose name begins like this.
    pub fn find(what: &str, places: &[PathBuf]) -> Result<Self> {
        let path = Path::new(what);
        if path.is_dir() {
            return Self::read(path);
        }
        let hex = what.len() >= NAME_CHARS_MIN && what.bytes().all(|b| b.is_ascii_hexdigit());
        let mut found = Vec::new();
        for place in places.iter().filter(|_| hex) {
            let entries = fs::read_dir(place).into_iter().flatten().flatten();
            let named =
                |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(what);
            found.extend(entries.filter(named).map(|entry| entry.path()));
        }
        found.sort();
        found.dedup_by_key(|path| path.file_name().map(ToOwned::to_owned));
        match found.as_slice() {
            [one] => Self::read(one),
            [] => Err(Error::NoResult { what: what.to_owned(), places: places.to_vec() }),
            many => Err(Error::ManyResults { what: what.to_owned(), found: many.len() }),
        }
    }

    /// Every order with what became of it.
    pub fn blotter(&self) -> Result<Blotter> {
        let damaged = |e: engine::ticks::Damaged| Error::Report { problem: e.to_string() };
        Blotter::of(&self.blocks).map_err(damaged)
    }

    /// What it traded, by number.
    pub fn instruments(&self) -> impl Iterator<Item = Instrument> {
        let data = &self.document.data;
        let decimals = data.decimals.iter().copied().chain(std::iter::repeat((2, 0)));
        data.symbols.iter().zip(decimals).filter_map(|(symbol, (price, lot))| {
            Some(Instrument {
                symbol: symbol.parse().ok()?,
                price_scale: Scale::new(price)?,
                lot_scale: Scale::new(lot)?,
                currency: self.strategy.currency,
            })
        })
    }

    /// The bars that it ran on, and the dataset that has them.
    pub fn series(&self, catalog: &Catalog) -> Result<(String, Vec<BarSeries>)> {
        if self.strategy.clock.counts_quotes() {
            return Err(Error::OnQuotes);
        }
        self.find_data(catalog, &|name| self.series_in(catalog, name))
    }

    /// The dataset that has the quotes it ran on.
    pub fn quotes(&self, catalog: &Catalog) -> Result<String> {
        let has = |name: &str| {
            let found = desk::quotes_digest(catalog, &self.strategy, name)?;
            Ok((found.as_deref() == Some(&self.document.data.digest)).then_some(()))
        };
        Ok(self.find_data(catalog, &has)?.0)
    }

    /// What a dataset has of the run's data: the one of that name is asked first, then any other.
    fn find_data<T>(
        &self,
        catalog: &Catalog,
        look: &dyn Fn(&str) -> Result<Option<T>>,
    ) -> Result<(String, T)> {
        let own = self.strategy.data.clone();
        let mut names: Vec<String> = catalog.datasets()?.into_iter().map(|set| set.name).collect();
        names.sort_by_key(|name| (*name != own, name.clone()));
        for name in &names {
            if let Some(found) = look(name)? {
                return Ok((name.clone(), found));
            }
        }
        let digest = self.document.data.digest.clone();
        Err(Error::NoSuchData { name: own, digest, looked: names })
    }

    /// The bars of a dataset, if they are those of the run.
    fn series_in(&self, catalog: &Catalog, name: &str) -> Result<Option<Vec<BarSeries>>> {
        let manifest = catalog.manifest(name)?;
        if manifest.bar().ok().map(Clock::Bars) != Some(self.strategy.clock) {
            return Ok(None);
        }
        let universe = self.strategy.universe.as_deref();
        let mut series = match catalog.series(name, universe, self.strategy.adjust) {
            Ok(series) => series,
            // A dataset that lacks the symbols is another one.
            Err(catalog::Error::NoSymbol { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        series.sort_by(|a, b| a.instrument().symbol.cmp(&b.instrument().symbol));
        let digest = engine::columns_digest(&series).to_string();
        Ok((digest == self.document.data.digest).then_some(series))
    }
}
