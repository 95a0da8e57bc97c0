//! Rows are judged as they come and kept for sorting.

use crate::{
    BadRows, Error, Field, Finding, FindingKind, Flaw, ImportRequest, Place, Result, Role,
    decimal::Number,
    error::excerpt,
    header::Header,
    quality::Findings,
    spool::{Row, Spool},
    when::{DAY, Midnights},
};
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

/// One row as a source reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Raw<'a> {
    /// Line or row of the file.
    pub(crate) line: u64,
    pub(crate) time: i64,
    /// `None` where the file has no symbol column.
    pub(crate) symbol: Option<&'a [u8]>,
    /// Open, high, low, close; what the file lacks is [`Number::Missing`].
    pub(crate) prices: [Number; 4],
    pub(crate) volume: Number,
    pub(crate) extra: &'a [f64],
}

/// What is known of a symbol before its bars are in order.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Scales {
    pub(crate) price: u8,
    pub(crate) lot: u8,
    last: i64,
}

/// Counts of what was left out or put right.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) read: u64,
    pub(crate) without_price: u64,
    pub(crate) bad: u64,
    pub(crate) out_of_order: u64,
    pub(crate) rounded: u64,
}

/// Takes rows in, judges them, keeps the good ones.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    request: &'a ImportRequest,
    /// Which of open, high, low, close the file has, with the column's name.
    columns: [Option<String>; 4],
    volume: Option<String>,
    pub(crate) names: Vec<String>,
    pub(crate) scales: Vec<Scales>,
    index: HashMap<Vec<u8>, u32>,
    recent: Option<(Vec<u8>, u32)>,
    pub(crate) spool: Spool,
    pub(crate) counts: Counts,
    pub(crate) days: BTreeSet<i64>,
    pub(crate) midnights: Midnights,
    day: i64,
    first_bad: Option<(u64, String, String)>,
    pub(crate) bad: Findings,
    /// Most bytes the buffers took.
    pub(crate) memory_bytes: usize,
}

pub(crate) const PRICES: [Role; 4] = [Role::Open, Role::High, Role::Low, Role::Close];

impl<'a> Intake<'a> {
    pub(crate) fn new(request: &'a ImportRequest, header: &Header, dir: &Path) -> Self {
        let name = |role: &Role| header.column(role).map(|i| header.name(i).to_owned());
        let extra_fields = header.extra().len();
        Self {
            request,
            columns: PRICES.each_ref().map(name),
            volume: name(&Role::Volume),
            names: Vec::new(),
            scales: Vec::new(),
            index: HashMap::new(),
            recent: None,
            spool: Spool::new(dir, extra_fields, request.limits.rows_in_memory),
            counts: Counts::default(),
            days: BTreeSet::new(),
            midnights: Midnights::new(&request.zone),
            day: i64::MIN,
            first_bad: None,
            bad: Findings::default(),
            memory_bytes: 0,
        }
    }

    /// The fields that the file has.
    pub(crate) fn fields(&self) -> Vec<Field> {
        let prices = [Field::Open, Field::High, Field::Low, Field::Close];
        let there = prices.into_iter().zip(&self.columns).filter(|(_, c)| c.is_some());
        there.map(|(field, _)| field).chain(self.volume.as_ref().map(|_| Field::Volume)).collect()
    }

    /// Judges a row; a good one is kept, one without any price is left out.
    pub(crate) fn push(&mut self, raw: &Raw<'_>) -> Result<()> {
        self.counts.read += 1;
        if self.counts.read > self.request.limits.rows_max {
            let limit = self.request.limits.rows_max;
            return Err(self.line(raw.line).is(Flaw::Limit { what: "rows", limit }));
        }
        let there = || raw.prices.iter().zip(&self.columns).filter(|(_, c)| c.is_some());
        if there().all(|(price, _)| *price == Number::Missing) {
            self.counts.without_price += 1;
            return Ok(());
        }
        match self.judge(raw) {
            Ok((prices, decimals)) => self.keep(raw, prices, decimals),
            Err((column, what)) => {
                self.refuse(raw.line, &column, what);
                Ok(())
            }
        }
    }

    fn line(&self, line: u64) -> Place {
        Place::line(&self.request.source, line)
    }

    /// The four prices and the decimals they need, or the column and what is wrong with it.
    fn judge(&self, raw: &Raw<'_>) -> Result<([i64; 4], u8), (String, String)> {
        let mut found = [None; 4];
        let mut decimals = 0;
        for ((slot, number), column) in found.iter_mut().zip(&raw.prices).zip(&self.columns) {
            let Some(column) = column else { continue };
            let wrong = |what: String| Err((column.clone(), what));
            match number {
                Number::Value(nine) if nine.units > 0 => match i64::try_from(nine.units) {
                    Ok(units) => {
                        *slot = Some(units);
                        decimals = decimals.max(nine.decimals);
                    }
                    Err(_) => return wrong("the price is above 9.2 thousand million".to_owned()),
                },
                Number::Value(nine) if nine.units == 0 => {
                    return wrong("the price is zero".to_owned());
                }
                Number::Value(_) => return wrong("the price is negative".to_owned()),
                Number::Missing => {
                    return wrong("the price is missing while the row has others".to_owned());
                }
                _ => return wrong("the price is not a finite number".to_owned()),
            }
        }
        if let (Some(volume), Number::NotFinite | Number::TooLarge) = (&self.volume, raw.volume) {
            return Err((volume.clone(), "the volume is not a finite number".to_owned()));
        }
        if let (Some(volume), Number::Value(nine)) = (&self.volume, raw.volume)
            && nine.units < 0
        {
            return Err((volume.clone(), "the volume is negative".to_owned()));
        }
        let [open, high, low, close] = found;
        let close = close.unwrap_or(0);
        // What the file lacks follows from what it has, and the manifest says so.
        let open = open.unwrap_or(close);
        let high = high.unwrap_or_else(|| open.max(close));
        let low = low.unwrap_or_else(|| open.min(close));
        if high < low {
            let column = self.columns.iter().flatten().nth(1).cloned().unwrap_or_default();
            return Err((column, "the high is below the low".to_owned()));
        }
        Ok(([open, high, low, close], decimals))
    }

    /// Counts a row that cannot have traded and remembers the first ones.
    pub(crate) fn refuse(&mut self, line: u64, column: &str, what: String) {
        self.counts.bad += 1;
        let message = format!("line {line}, column {column:?}: {what}; left out");
        self.bad.add(Finding::about(FindingKind::BadRow, None, message));
        if self.first_bad.is_none() {
            self.first_bad = Some((line, column.to_owned(), what));
        }
    }

    /// Fails if bad rows were seen and none may be dropped.
    pub(crate) fn settle(&self) -> Result<()> {
        match (&self.first_bad, self.request.bad_rows) {
            (Some((line, column, what)), BadRows::Refuse) => {
                let place = Place::cell(&self.request.source, *line, column);
                Err(place.is(Flaw::BadRow { what: what.clone(), total: self.counts.bad }))
            }
            _ => Ok(()),
        }
    }

    fn keep(&mut self, raw: &Raw<'_>, prices: [i64; 4], decimals: u8) -> Result<()> {
        let symbol = self.symbol(raw)?;
        let mut row = Row::new(raw.line, symbol, raw.time);
        row.prices = prices;
        let mut lot = 0;
        if let Number::Value(nine) = raw.volume {
            row.volume = nine.units.unsigned_abs();
            lot = nine.decimals;
        }
        let rounded = |n: &Number| matches!(n, Number::Value(nine) if nine.rounded);
        self.counts.rounded += u64::from(raw.prices.iter().any(rounded));
        if let Some(scales) = self.scales.get_mut(symbol as usize) {
            scales.price = scales.price.max(decimals);
            scales.lot = scales.lot.max(lot);
            self.counts.out_of_order += u64::from(raw.time < scales.last);
            scales.last = raw.time;
        }
        self.midnights.see(raw.time);
        let day = raw.time.div_euclid(DAY);
        if day != self.day {
            self.day = day;
            self.days.insert(day);
        }
        self.spool.push(row, raw.extra, &self.names)?;
        self.memory_bytes = self.memory_bytes.max(self.spool.memory_bytes());
        Ok(())
    }

    /// The index of the row's symbol, new or known.
    fn symbol(&mut self, raw: &Raw<'_>) -> Result<u32> {
        let bytes = match raw.symbol {
            Some(bytes) => bytes,
            None if self.names.is_empty() => {
                let name = self.own_symbol()?;
                return self.join(&name.into_bytes(), raw.line);
            }
            None => return Ok(0),
        };
        if let Some((recent, index)) = &self.recent
            && recent == bytes
        {
            return Ok(*index);
        }
        let index = match self.index.get(bytes) {
            Some(index) => *index,
            None => self.join(bytes, raw.line)?,
        };
        self.recent = Some((bytes.to_vec(), index));
        Ok(index)
    }

    fn join(&mut self, bytes: &[u8], line: u64) -> Result<u32> {
        let text = String::from_utf8_lossy(bytes);
        let name = text.trim();
        if name.parse::<market::Symbol>().is_err() {
            return Err(self.line(line).is(Flaw::Symbol { text: excerpt(name) }));
        }
        let limit = self.request.limits.symbols_max;
        if self.names.len() >= limit {
            let limit = limit as u64;
            return Err(self.line(line).is(Flaw::Limit { what: "symbols", limit }));
        }
        let index = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.index.insert(bytes.to_vec(), index);
        self.names.push(name.to_owned());
        self.scales.push(Scales { last: i64::MIN, ..Scales::default() });
        Ok(index)
    }

    /// Given, or the file's name.
    fn own_symbol(&self) -> Result<String, Error> {
        if let Some(symbol) = &self.request.symbol {
            return Ok(symbol.to_string());
        }
        let stem = self.request.source.file_stem().unwrap_or_default().to_string_lossy();
        let symbol = stem.parse::<market::Symbol>().map(|symbol| symbol.to_string());
        symbol.map_err(|_| {
            Place::file(&self.request.source).is(Flaw::NoSymbol { stem: excerpt(&stem) })
        })
    }
}
