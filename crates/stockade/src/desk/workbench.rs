//! Expressions on data: looked at, compared, read against later returns. Bounded, cancellable,
//! and every expression that is new to a dataset is counted as tried before it runs.

use super::{
    Desk, Error, Result,
    factors::{check_name, panel_schema, parsed},
    pool::{Stop, Turn},
    studies::bounded,
};
use factor::{Cost, Expression, Limits, Plan, Run, Type};
use identity::Tenant;
use market::{Adjustment, Column, Panel, Symbol, Timestamp};
use research::{Correlations, Participation, Settings, Study, Trials};
use std::{collections::BTreeSet, num::NonZeroUsize, sync::Arc};

/// Expressions of one question.
pub const EXPRESSIONS_MAX: usize = 20;
/// Rows of a name's history that are shown.
pub const HISTORY_ROWS_MAX: usize = 2600;
/// Bytes that one evaluation may hold.
const MEMORY_BYTES_MAX: u64 = 2 << 30;
/// Elementary steps of one evaluation: about a minute of one core at the slowest operators.
const WORK_MAX: u64 = 200_000_000_000;

/// Which expressions on which data.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The dataset.
    pub dataset: String,
    /// How splits are dealt with.
    pub adjustment: Adjustment,
    /// Names and texts.
    pub expressions: Vec<(String, String)>,
    /// What the values are for.
    pub intent: Intent,
}

/// What the values of expressions are for: it has its own need of memory.
#[derive(Debug, Clone)]
pub enum Intent {
    /// They are shown.
    Look,
    /// They are compared with one another.
    Compare,
    /// The first is read against later returns.
    Read(Reading),
}

/// An expression as it was understood.
#[derive(Debug, Clone)]
pub struct Understood {
    /// What the person calls it.
    pub name: String,
    /// Its canonical text.
    pub canonical: String,
    /// What it gives.
    pub result: Type,
    /// Rows before the first full value.
    pub lookback: usize,
}

/// Columns of expressions over a panel; while they are in memory nobody else has a turn.
#[derive(Debug)]
pub struct Evaluated {
    /// The expressions, in the order asked for.
    pub expressions: Vec<Understood>,
    /// Their values.
    pub columns: Vec<Column>,
    /// The data.
    pub panel: Arc<Panel>,
    /// The digest of the data.
    pub digest: String,
    /// Expressions tried on this dataset by now.
    pub trials: u64,
    turn: Turn,
}

/// How a factor is to be read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Rows that a position is held.
    pub horizons: Vec<usize>,
    /// Parts of equal size.
    pub quantiles: usize,
    /// The labels that names are grouped by.
    pub group: Option<String>,
    /// The price of entries and exits; `adj_close` if the data have it, else `close`.
    pub price: Option<String>,
    /// Rows between a value and the entry.
    pub delay: usize,
    /// Share of traded value that a trade costs.
    pub cost: f64,
}

impl Default for Reading {
    fn default() -> Self {
        let (horizons, quantiles, delay) = (vec![1, 5, 21], 5, 1);
        Self { horizons, quantiles, group: None, price: None, delay, cost: 0.0 }
    }
}

/// A plan that fits the limits, beside the data that it runs on.
struct Prepared {
    expressions: Vec<Understood>,
    plan: Plan,
    panel: Arc<Panel>,
    digest: String,
}

impl Desk {
    /// Evaluates expressions on a dataset; counts them as tried.
    pub async fn evaluate(
        &self,
        tenant: Option<&Tenant>,
        asked: Asked,
        stop: &Stop,
    ) -> Result<Evaluated> {
        let turn = self.bench().enter(stop).await?;
        let dataset = asked.dataset.clone();
        let (desk, told) = (self.clone(), stop.clone());
        let prepared = turn.run(move || desk.prepare(&asked, &told)).await??;
        let Prepared { expressions, plan, panel, digest } = prepared;
        let canonical: Vec<String> = expressions.iter().map(|e| e.canonical.clone()).collect();
        stop.check()?;
        let trials = self.count_trials(tenant, &dataset, &canonical).await?;
        let (told, data) = (stop.clone(), Arc::clone(&panel));
        let columns = turn.run(move || columns(&plan, &data, &told)).await??;
        Ok(Evaluated { expressions, columns, panel, digest, trials, turn })
    }

    /// Runs costly work when its turn comes.
    pub async fn in_turn<T: Send + 'static>(
        &self,
        stop: &Stop,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.bench().enter(stop).await?;
        stop.check()?;
        turn.run(work).await?
    }

    fn prepare(&self, asked: &Asked, stop: &Stop) -> Result<Prepared> {
        stop.check()?;
        let manifest = self.catalog().manifest(&asked.dataset)?;
        let schema = panel_schema(&manifest);
        let (set, expressions) = understood(&asked.expressions, &schema)?;
        let limits = Limits { work: WORK_MAX, ..Limits::default() };
        let plan = Plan::new(&set, &schema, &limits)?;
        let (digest, panel) = self.panel(&asked.dataset, asked.adjustment)?;
        if let Intent::Read(reading) = &asked.intent {
            bounded(&panel, reading)?;
        }
        let mut cost = plan.cost(panel.rows(), panel.symbols().len());
        if matches!(asked.intent, Intent::Compare) {
            cost.bytes = cost.bytes.saturating_add(compared_bytes(&panel, set.len()));
        }
        afford(cost)?;
        Ok(Prepared { expressions, plan, panel, digest })
    }
}

/// Bytes of columns that are being compared: each once more, with its order and its places.
fn compared_bytes(panel: &Panel, columns: usize) -> u64 {
    let cells = (panel.rows() as u64).saturating_mul(panel.stride() as u64);
    cells.saturating_mul(24).saturating_mul(columns as u64)
}

/// Refuses what is too large before anything is counted or computed.
fn afford(cost: Cost) -> Result<()> {
    if cost.work > WORK_MAX {
        return Err(factor::Error::Work { needed: cost.work, limit: WORK_MAX }.into());
    }
    if cost.bytes > MEMORY_BYTES_MAX {
        let (needed, limit) = (cost.bytes, MEMORY_BYTES_MAX);
        return Err(factor::Error::Memory { needed, limit }.into());
    }
    Ok(())
}

/// Parsed expressions, beside what is told of each.
type Set = (Vec<(String, Expression)>, Vec<Understood>);

fn understood(texts: &[(String, String)], schema: &factor::Schema) -> Result<Set> {
    if texts.is_empty() || texts.len() > EXPRESSIONS_MAX {
        let what = "expressions at once, and at least one";
        return Err(Error::Limit { what, limit: EXPRESSIONS_MAX });
    }
    let (mut set, mut told) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for (at, (name, text)) in texts.iter().enumerate() {
        check_name(name)?;
        if !seen.insert(name) {
            return Err(factor::Error::Duplicate { name: name.clone() }.into());
        }
        let expression = parsed(&format!("expressions[{at}]"), text, schema)?;
        told.push(Understood {
            name: name.clone(),
            canonical: expression.to_string(),
            result: expression.result_type(),
            lookback: expression.lookback(),
        });
        set.push((name.clone(), expression));
    }
    Ok((set, told))
}

fn columns(plan: &Plan, panel: &Panel, stop: &Stop) -> Result<Vec<Column>> {
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let run = Run { threads, cancel: stop.flag(), memory_bytes_max: MEMORY_BYTES_MAX };
    let columns = plan.evaluate(panel, &run)?;
    Ok(columns.into_iter().map(|(_, column)| column).collect())
}

/// The settings of a study over a panel.
#[must_use]
pub fn settings(panel: &Panel, reading: &Reading, trials: u64) -> Settings {
    let adjusted = || if panel.field("adj_close").is_some() { "adj_close" } else { "close" };
    let capacity = panel.field("volume").map(|_| Participation::default());
    Settings {
        horizons: reading.horizons.clone(),
        quantiles: reading.quantiles,
        price: reading.price.clone().unwrap_or_else(|| adjusted().to_owned()),
        delay: reading.delay,
        group: reading.group.clone(),
        periods_per_year: rows_per_year(panel.times()),
        trials: Trials { count: trials.max(1), variance: None },
        cost: reading.cost,
        capacity,
        ..Settings::default()
    }
}

/// Rows in a year, from the calendar itself: 252 for one without weekends, 365 for one of every
/// day, else as many as there are.
#[expect(clippy::cast_precision_loss, reason = "a ratio of counts")]
fn rows_per_year(times: &[Timestamp]) -> f64 {
    const YEAR_NANOS: f64 = 365.25 * 86_400e9;
    let span = match (times.first(), times.last()) {
        (Some(first), Some(last)) if last > first => last.nanos() as f64 - first.nanos() as f64,
        _ => return 252.0,
    };
    let counted = (times.len() - 1) as f64 / span * YEAR_NANOS;
    match counted {
        c if (235.0..=270.0).contains(&c) => 252.0,
        c if (350.0..=366.0).contains(&c) => 365.0,
        other => other.max(1.0),
    }
}

impl Evaluated {
    /// Makes something of the values in the turn that computed them.
    pub async fn work<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T> {
        let turn = self.turn.clone();
        turn.run(move || work(&self)).await
    }

    /// Reads the first against later returns. Where it may block.
    pub fn study(&self, reading: &Reading, stop: &Stop) -> Result<Study> {
        let settings = settings(&self.panel, reading, self.trials);
        let factor = self.columns.first().ok_or(Error::NotFound { what: "factor" })?;
        Ok(research::study(factor, &self.panel, &settings, stop.flag())?)
    }

    /// How much they say the same. Where it may block.
    pub fn correlate(&self, stop: &Stop) -> Result<Correlations> {
        let titles = self.expressions.iter().map(|one| one.name.as_str());
        let factors: Vec<(&str, &Column)> = titles.zip(&self.columns).collect();
        let width = self.panel.symbols().len();
        Ok(research::correlations(&factors, width, stop.flag())?)
    }

    /// The last row at or before a time; the last of all without one; `None` before the first.
    #[must_use]
    pub fn row(&self, time: Option<Timestamp>) -> Option<usize> {
        let times = self.panel.times();
        let end = time.map_or(times.len(), |time| times.partition_point(|known| *known <= time));
        end.checked_sub(1)
    }

    /// The place of a name.
    pub fn name(&self, symbol: &Symbol) -> Result<usize> {
        let found = self.panel.symbols().iter().position(|known| known == symbol);
        found.ok_or(Error::NotFound { what: "symbol" })
    }

    /// The values of one row, an expression after the other, missing as `None`.
    #[must_use]
    pub fn section(&self, row: usize) -> Vec<Vec<Option<f64>>> {
        let names = self.panel.symbols().len();
        let of = |column: &Column| (0..names).map(|j| known(column.at(row, j))).collect();
        self.columns.iter().map(of).collect()
    }

    /// The values of one name over rows, an expression after the other, missing as `None`.
    #[must_use]
    pub fn history(&self, name: usize, rows: std::ops::Range<usize>) -> Vec<Vec<Option<f64>>> {
        let of = |column: &Column| rows.clone().map(|t| known(column.at(t, name))).collect();
        self.columns.iter().map(of).collect()
    }

    /// The share of cells with a value.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of counts")]
    pub fn coverage(&self, column: &Column) -> f64 {
        let names = self.panel.symbols().len();
        let rows = (0..self.panel.rows()).map(|t| column.row(t));
        let valid = |row: &[f64]| row.iter().take(names).filter(|x| x.is_finite()).count();
        let cells = self.panel.rows() * names;
        if cells == 0 { 0.0 } else { rows.map(valid).sum::<usize>() as f64 / cells as f64 }
    }
}

fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
