//! What a study holds. A figure that the input does not define is `None`: never NaN, never
//! infinite. What is "by row" has one entry for each row of [`Study::times`].

use crate::Settings;
use market::{Symbol, Timestamp};

/// One figure for each row of the panel.
pub type Series = Vec<Option<f64>>;

/// A factor read against later returns.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// How it was read.
    pub settings: Settings,
    /// The panel's rows.
    pub times: Vec<Timestamp>,
    /// How many names have what, by row.
    pub coverage: Coverage,
    /// One for each horizon, in the order asked for.
    pub horizons: Vec<Horizon>,
    /// Rank correlation of the factor with itself so many rows earlier, mean over dates.
    pub autocorrelation: Vec<Lag>,
    /// Rank IC of the one-row return that ends `lag` rows after the opening of the position.
    pub decay: Vec<Lag>,
    /// What became of the names.
    pub survivorship: Survivorship,
    /// How the top and the bottom quantile spread over groups; empty without groups.
    pub exposures: Vec<Exposure>,
}

/// How many names have what, by row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Coverage {
    /// Names with a price.
    pub priced: Vec<usize>,
    /// Names with a factor value.
    pub valued: Vec<usize>,
    /// Names with a factor value and a price.
    pub both: Vec<usize>,
    /// Cells with both ÷ cells with a price, over all rows.
    pub share: Option<f64>,
}

/// The figures of one holding period.
#[derive(Debug, Clone, PartialEq)]
pub struct Horizon {
    /// Rows that a position is held.
    pub rows: usize,
    /// Pearson correlation of factor and forward return over the names of a date.
    pub ic: Information,
    /// The same of their ranks (Spearman).
    pub rank_ic: Information,
    /// Pearson correlation after the means of date and group are taken off both.
    pub neutral_ic: Option<Information>,
    /// Rank correlation after the means of date and group are taken off both.
    pub neutral_rank_ic: Option<Information>,
    /// Rank IC within each group; empty without groups.
    pub groups: Vec<GroupInformation>,
    /// From the lowest factor values to the highest.
    pub quantiles: Vec<Quantile>,
    /// Top quantile less bottom quantile.
    pub spread: Spread,
    /// Forward returns that are missing, and why.
    pub labels: LabelCounts,
    /// The same figures without forward returns that end in a delisting.
    pub without_delisted: Sensitivity,
    /// How large the long-short book may be; `None` without volumes.
    pub capacity: Option<Capacity>,
    /// What is left of the spread's Sharpe ratio after so many trials.
    pub deflated: Deflated,
}

/// A correlation for each date, and what they come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Information {
    /// By row: the correlation over the names with both values, at least three.
    pub series: Series,
    /// Its mean and how far it can be trusted.
    pub summary: Summary,
    /// Its means by calendar month (UTC).
    pub monthly: Vec<YearMonths>,
}

/// Mean of a series and its standard error.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Summary {
    /// Rows with a value.
    pub count: usize,
    /// Arithmetic mean.
    pub mean: Option<f64>,
    /// Sample standard deviation (ddof 1).
    pub std: Option<f64>,
    /// Mean ÷ std, per row: the information ratio of an IC.
    pub ratio: Option<f64>,
    /// Share of values above 0.
    pub positive: Option<f64>,
    /// Standard error of the mean that allows for autocorrelation and overlap (Newey and West).
    pub error: Option<f64>,
    /// Autocovariances that it counts.
    pub error_lags: usize,
    /// Mean ÷ error.
    pub t: Option<f64>,
    /// Two-sided probability of such a t under a normal law.
    pub p: Option<f64>,
    /// Mean ÷ (std / √count), as if the values were independent.
    pub t_independent: Option<f64>,
}

/// The means of one calendar year (UTC).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YearMonths {
    /// The year.
    pub year: i16,
    /// January to December.
    pub months: [Option<f64>; 12],
    /// Over all values of the year.
    pub total: Option<f64>,
}

/// A mean at a lag.
#[derive(Debug, Clone, PartialEq)]
pub struct Lag {
    /// Rows.
    pub rows: usize,
    /// Mean over dates and its standard error.
    pub summary: Summary,
}

/// The rank IC within one group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupInformation {
    /// The label.
    pub group: String,
    /// Mean number of names with both values, over the dates with a correlation.
    pub names: Option<f64>,
    /// Mean over dates and its standard error.
    pub summary: Summary,
}

/// Names of one part of the factor's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantile {
    /// Mean number of names, over the dates where it has any.
    pub names: Option<f64>,
    /// Mean over dates of the mean forward return.
    pub mean: Summary,
    /// The same less the date's mean over all quantiles.
    pub demeaned: Option<f64>,
    /// The same less the mean of date and group; `None` without groups.
    pub group_demeaned: Option<f64>,
    /// Mean share of names that were not in it `rows` rows before.
    pub turnover: Option<f64>,
    /// By row: growth of 1, in tranches.
    pub growth: Series,
}

/// Top quantile less bottom quantile.
#[derive(Debug, Clone, PartialEq)]
pub struct Spread {
    /// By row of decision: mean forward return of the top less that of the bottom.
    pub series: Series,
    /// Its mean and how far it can be trusted.
    pub summary: Summary,
    /// By row: return of the long-short book in tranches, before costs.
    pub returns: Series,
    /// By row: growth of 1 before costs.
    pub growth: Series,
    /// By row: growth of 1 after costs.
    pub growth_net: Series,
    /// Annual mean of the row's returns.
    pub annual_return: Option<f64>,
    /// Annual standard deviation.
    pub annual_volatility: Option<f64>,
    /// Sharpe ratio, annual, before costs.
    pub sharpe: Option<f64>,
    /// Sharpe ratio, annual, after costs.
    pub sharpe_net: Option<f64>,
    /// Deepest fall of the growth before costs, at most 0.
    pub drawdown: Option<f64>,
    /// By row of decision: share of the book that is replaced, 0 to 1.
    pub turnover: Series,
    /// Its mean over dates.
    pub turnover_mean: Option<f64>,
}

/// Forward returns of the cells with a factor value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LabelCounts {
    /// Cells with a factor value.
    pub values: usize,
    /// With a forward return.
    pub known: usize,
    /// Of these: the name has no price at the exit and trades again later; the last price counts.
    pub suspended: usize,
    /// Of these: the name trades no more at the exit; the last price counts.
    pub delisted: usize,
    /// Without: the exit lies beyond the panel's end.
    pub beyond: usize,
    /// Without: no price at the entry.
    pub no_entry: usize,
    /// Without ÷ cells with a factor value.
    pub missing_share: Option<f64>,
}

/// Figures with every forward return that ends in a delisting left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Sensitivity {
    /// Mean Pearson IC.
    pub ic: Summary,
    /// Mean rank IC.
    pub rank_ic: Summary,
    /// Mean spread of forward returns.
    pub spread: Summary,
}

/// The book, long plus short, in the currency of the prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// By row: the book whose trades are the share of the traded value of all names held.
    pub pooled: Series,
    /// By row: the book at which the first name reaches the share of its own traded value.
    pub strict: Series,
    /// Median over dates.
    pub pooled_median: Option<f64>,
    /// Median over dates.
    pub strict_median: Option<f64>,
    /// Tenth percentile over dates.
    pub pooled_low: Option<f64>,
    /// Tenth percentile over dates.
    pub strict_low: Option<f64>,
}

/// What is left of a Sharpe ratio after so many trials.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Deflated {
    /// Returns used.
    pub count: usize,
    /// Sharpe ratio per row.
    pub sharpe: Option<f64>,
    /// Third standardised moment.
    pub skew: Option<f64>,
    /// Fourth standardised moment, 3 for a normal law.
    pub kurtosis: Option<f64>,
    /// Expressions tried.
    pub trials: u64,
    /// Variance of their Sharpe ratios per row, given or assumed.
    pub variance: Option<f64>,
    /// The highest Sharpe ratio per row that so many worthless trials are expected to show.
    pub expected_max: Option<f64>,
    /// The same, annual.
    pub expected_max_annual: Option<f64>,
    /// Probability that the true ratio is above 0.
    pub probabilistic: Option<f64>,
    /// Probability that the true ratio is above what so many trials show by chance.
    pub deflated: Option<f64>,
    /// Rows needed to tell the ratio from 0 at 95 %.
    pub track_record: Option<f64>,
    /// Rows needed to tell it from what so many trials show by chance, at 95 %.
    pub track_record_deflated: Option<f64>,
}

/// What became of the names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Survivorship {
    /// Names of the panel.
    pub names: usize,
    /// Without any price.
    pub never: usize,
    /// First price after the panel's first row.
    pub late: usize,
    /// Last price before the panel's last row.
    pub delisted: usize,
    /// With a gap between first and last price.
    pub suspended: usize,
    /// Cells of all gaps.
    pub suspended_cells: usize,
    /// Factor values of names without a price on that row.
    pub unpriced_values: usize,
    /// Factor values on or after the last price of a delisted name: it never trades again.
    pub dead_values: usize,
    /// The names that are late, delisted, suspended or without a price, in the panel's order.
    pub fates: Vec<Fate>,
}

/// What became of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// The name.
    pub symbol: Symbol,
    /// First row with a price.
    pub first: Option<Timestamp>,
    /// Last row with a price.
    pub last: Option<Timestamp>,
    /// The first price comes after the panel's first row.
    pub late: bool,
    /// The last price comes before the panel's last row.
    pub delisted: bool,
    /// Gaps between first and last price.
    pub gaps: usize,
    /// Rows of all gaps.
    pub gap_rows: usize,
    /// Rows of the longest gap.
    pub gap_longest: usize,
    /// Factor values on or after the last price, if delisted.
    pub dead_values: usize,
}

/// Weight of one group in the top and the bottom quantile, each quantile adding up to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposure {
    /// The label; `None` for names without one.
    pub group: Option<String>,
    /// By row: share of the top quantile.
    pub top: Series,
    /// By row: share of the bottom quantile.
    pub bottom: Series,
    /// Mean over dates.
    pub top_mean: Option<f64>,
    /// Mean over dates.
    pub bottom_mean: Option<f64>,
    /// Mean share of all names with a factor value.
    pub all_mean: Option<f64>,
}
