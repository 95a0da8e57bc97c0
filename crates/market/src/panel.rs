//! The panel: named columns of `f64` over one calendar and one list of names.

use crate::{BarSeries, Error, Symbol, Timestamp};
use std::collections::BTreeMap;

/// Names side by side on the rows of one calendar, the union of all dates.
///
/// Every numeric field is one [`Column`], time-major: row `t` holds the values of all names at
/// `times[t]`, padded with missing values to a multiple of [`Panel::LANES`]. A missing value is
/// NaN. A text field is [`Labels`], laid out the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel<C = Column> {
    times: Vec<Timestamp>,
    symbols: Vec<Symbol>,
    fields: BTreeMap<String, C>,
    groups: BTreeMap<String, Labels>,
}

/// One numeric field: `rows × stride` values, time-major, NaN where missing.
#[derive(Debug, Clone)]
pub struct Column {
    values: Vec<f64>,
    stride: usize,
}

/// Two columns are equal if they are equal bit for bit.
impl PartialEq for Column {
    fn eq(&self, other: &Self) -> bool {
        self.stride == other.stride
            && self.values.len() == other.values.len()
            && self.values.iter().zip(&other.values).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

/// One text field: codes into `names`, time-major, [`Labels::NONE`] where missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The distinct labels; a code is an index into them.
    pub names: Vec<String>,
    codes: Vec<u32>,
    stride: usize,
}

impl Column {
    /// All missing.
    #[must_use]
    pub fn missing(rows: usize, names: usize) -> Self {
        let stride = Panel::stride_of(names);
        Self { values: vec![f64::NAN; rows * stride], stride }
    }

    /// Takes over `rows × stride` values, `stride` a multiple of [`Panel::LANES`].
    pub fn from_values(values: Vec<f64>, stride: usize) -> Result<Self, Error> {
        if stride == 0
            || !stride.is_multiple_of(Panel::LANES)
            || !values.len().is_multiple_of(stride)
        {
            let column = "values".to_owned();
            return Err(Error::Length { column, expected: stride, found: values.len() });
        }
        Ok(Self { values, stride })
    }

    /// Values a row takes, padding included.
    #[must_use]
    pub const fn stride(&self) -> usize {
        self.stride
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.values.len() / self.stride
    }

    /// All values, row after row.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// All values, row after row, to be written.
    #[must_use]
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// Row `t`, padding included; empty if there is none.
    #[must_use]
    pub fn row(&self, t: usize) -> &[f64] {
        self.values.get(t * self.stride..(t + 1) * self.stride).unwrap_or(&[])
    }

    /// The value of name `j` at row `t`; NaN outside the panel.
    #[must_use]
    pub fn at(&self, t: usize, j: usize) -> f64 {
        self.row(t).get(j).copied().unwrap_or(f64::NAN)
    }

    /// Sets the value of name `j` at row `t`; outside the panel nothing happens.
    pub fn set(&mut self, t: usize, j: usize, value: f64) {
        let stride = self.stride;
        if let Some(cell) = (j < stride).then(|| self.values.get_mut(t * stride + j)).flatten() {
            *cell = value;
        }
    }
}

impl Labels {
    /// The code of a missing label.
    pub const NONE: u32 = u32::MAX;

    /// All missing.
    #[must_use]
    pub fn missing(rows: usize, names: usize) -> Self {
        let stride = Panel::stride_of(names);
        Self { names: Vec::new(), codes: vec![Self::NONE; rows * stride], stride }
    }

    /// All codes, row after row.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// Row `t` of codes, padding included; empty if there is none.
    #[must_use]
    pub fn row(&self, t: usize) -> &[u32] {
        self.codes.get(t * self.stride..(t + 1) * self.stride).unwrap_or(&[])
    }

    /// Sets the code of name `j` at row `t`; outside the panel nothing happens.
    pub fn set(&mut self, t: usize, j: usize, code: u32) {
        let stride = self.stride;
        if let Some(cell) = (j < stride).then(|| self.codes.get_mut(t * stride + j)).flatten() {
            *cell = code;
        }
    }
}

impl Panel {
    /// Rows are padded to a multiple of this many values, a 512-bit register of `f64`.
    pub const LANES: usize = 8;

    /// No fields yet.
    #[must_use]
    pub fn new(times: Vec<Timestamp>, symbols: Vec<Symbol>) -> Self {
        Self { times, symbols, fields: BTreeMap::new(), groups: BTreeMap::new() }
    }

    /// The fields `open high low close volume` of each series, over the union of their times.
    #[must_use]
    pub fn from_series(series: &[BarSeries]) -> Self {
        let mut times: Vec<Timestamp> = series.iter().flat_map(BarSeries::times).copied().collect();
        times.sort_unstable();
        times.dedup();
        let symbols: Vec<Symbol> = series.iter().map(|s| s.instrument().symbol.clone()).collect();
        let mut columns: [Column; 5] =
            std::array::from_fn(|_| Column::missing(times.len(), symbols.len()));
        for (j, one) in series.iter().enumerate() {
            let instrument = one.instrument();
            let mut t = 0;
            for bar in one.iter() {
                while times.get(t).is_some_and(|time| *time < bar.open_time) {
                    t += 1;
                }
                let values = [
                    instrument.price_f64(bar.open),
                    instrument.price_f64(bar.high),
                    instrument.price_f64(bar.low),
                    instrument.price_f64(bar.close),
                    instrument.quantity_f64(bar.volume),
                ];
                for (column, value) in columns.iter_mut().zip(values) {
                    column.set(t, j, value);
                }
            }
        }
        let names = ["open", "high", "low", "close", "volume"];
        let fields = names.into_iter().map(str::to_owned).zip(columns).collect();
        Self { times, symbols, fields, groups: BTreeMap::new() }
    }

    /// Values a row takes for so many names.
    #[must_use]
    pub const fn stride_of(names: usize) -> usize {
        let full = names.next_multiple_of(Self::LANES);
        if full == 0 { Self::LANES } else { full }
    }

    /// Adds or replaces a numeric field; its shape must be the panel's.
    pub fn insert(&mut self, name: impl Into<String>, column: Column) -> Result<(), Error> {
        let name = name.into();
        self.check_shape(&name, column.values.len())?;
        self.fields.insert(name, column);
        Ok(())
    }

    /// Takes a numeric field out.
    pub fn remove(&mut self, name: &str) -> Option<Column> {
        self.fields.remove(name)
    }

    /// Adds or replaces a text field; its shape must be the panel's.
    pub fn insert_labels(&mut self, name: impl Into<String>, labels: Labels) -> Result<(), Error> {
        let name = name.into();
        self.check_shape(&name, labels.codes.len())?;
        self.groups.insert(name, labels);
        Ok(())
    }

    fn check_shape(&self, name: &str, found: usize) -> Result<(), Error> {
        let expected = self.times.len() * self.stride();
        if found == expected {
            Ok(())
        } else {
            Err(Error::Length { column: name.to_owned(), expected, found })
        }
    }
}

impl<C> Panel<C> {
    /// The calendar.
    #[must_use]
    pub fn times(&self) -> &[Timestamp] {
        &self.times
    }

    /// The names, in column order.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Rows of the calendar.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// Values a row takes, padding included.
    #[must_use]
    pub fn stride(&self) -> usize {
        Panel::stride_of(self.symbols.len())
    }

    /// A numeric field by name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&C> {
        self.fields.get(name)
    }

    /// A text field by name.
    #[must_use]
    pub fn group(&self, name: &str) -> Option<&Labels> {
        self.groups.get(name)
    }

    /// Names of the numeric fields, sorted.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// Names of the text fields, sorted.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// The same panel with other columns, made one by one, so that one at most is there twice.
    pub(crate) fn with_columns<D>(self, of: impl Fn(C) -> D) -> Panel<D> {
        let fields = self.fields.into_iter().map(|(name, column)| (name, of(column))).collect();
        Panel { times: self.times, symbols: self.symbols, fields, groups: self.groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bar, BarSize, Instrument, Price, Quantity};

    fn series(symbol: &str, days: &[i64]) -> BarSeries {
        let bars = days.iter().map(|day| {
            let price = Price(day * 100);
            let open_time = Timestamp::from_nanos(day * BarSize::DAY.nanos());
            let volume = Quantity(7);
            Bar { open_time, open: price, high: price, low: price, close: price, volume }
        });
        let instrument = Instrument::share(symbol.parse().expect("a symbol"));
        BarSeries::from_bars(instrument, BarSize::DAY, bars).expect("in order")
    }

    #[test]
    fn the_calendar_is_the_union_and_gaps_are_missing() {
        let panel = Panel::from_series(&[series("A", &[1, 3]), series("B", &[2, 3, 4])]);
        assert_eq!(panel.rows(), 4);
        let close = panel.field("close").expect("is there");
        let column = |j: usize| (0..4).map(|t| close.at(t, j)).collect::<Vec<_>>();
        insta::assert_debug_snapshot!((column(0), column(1)), @r"
        (
            [
                1.0,
                NaN,
                3.0,
                NaN,
            ],
            [
                NaN,
                2.0,
                3.0,
                4.0,
            ],
        )
        ");
        assert!(close.row(0).iter().skip(2).all(|x| x.is_nan()), "padding is missing");
    }

    #[test]
    fn a_field_of_another_shape_is_refused() {
        let mut panel = Panel::from_series(&[series("A", &[1])]);
        let wrong = panel.insert("x", Column::missing(2, 1));
        assert_eq!(wrong, Err(Error::Length { column: "x".into(), expected: 8, found: 16 }));
    }
}
