//! Rows are judged as they come and kept for sorting.

use crate::{
    BadRows, Content, Error, Field, Finding, Flaw, ImportRequest, Place, Result, Role,
    decimal::Number,
    error::excerpt,
    header::Header,
    judge::{self, Bad, Judged},
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
    /// The figures of the content (bars: open, high, low, close); what the file lacks is
    /// [`Number::Missing`].
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

impl<'a> Intake<'a> {
    pub(crate) fn new(request: &'a ImportRequest, header: &Header, dir: &Path) -> Self {
        let name = |role: &Role| header.column(role).map(|i| header.name(i).to_owned());
        let is_bar = request.content == Content::Bars;
        let extra_fields = if is_bar { header.extra().len() } else { 0 };
        Self {
            request,
            columns: request.content.figures().map(|role| role.and_then(|role| name(&role))),
            volume: name(&Role::Volume).filter(|_| is_bar),
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
        let figures = match self.request.content {
            Content::Bars => [Field::Open, Field::High, Field::Low, Field::Close],
            Content::Quotes => [Field::Bid, Field::Ask, Field::BidSize, Field::AskSize],
            Content::Trades => [Field::Price, Field::Size, Field::Side, Field::Close],
        };
        let there = figures.into_iter().zip(&self.columns).filter(|(_, c)| c.is_some());
        there.map(|(field, _)| field).chain(self.volume.as_ref().map(|_| Field::Volume)).collect()
    }

    /// Judges a row; a good one is kept, one without any price is left out.
    pub(crate) fn push(&mut self, raw: &Raw<'_>) -> Result<()> {
        self.counts.read += 1;
        if self.counts.read > self.request.limits.rows_max {
            let limit = self.request.limits.rows_max;
            return Err(self.line(raw.line).is(Flaw::Limit { what: "rows", limit }));
        }
        let prices = judge::prices(self.request.content);
        let there = || {
            let own = raw.prices.iter().zip(&self.columns).take(prices);
            own.filter(|(_, column)| column.is_some())
        };
        if there().all(|(price, _)| *price == Number::Missing) {
            self.counts.without_price += 1;
            return Ok(());
        }
        match self.judge(raw) {
            Ok(judged) => self.keep(raw, &judged),
            Err(bad) => {
                self.refuse(raw.line, bad);
                Ok(())
            }
        }
    }

    fn line(&self, line: u64) -> Place {
        Place::line(&self.request.source, line)
    }

    /// The figures and the decimals they need, or what is wrong.
    fn judge(&self, raw: &Raw<'_>) -> Result<Judged, Bad> {
        match self.request.content {
            Content::Bars => judge::bar(raw, &self.columns, self.volume.as_ref()),
            Content::Quotes => judge::quote(raw, &self.columns),
            Content::Trades => judge::trade(raw, &self.columns),
        }
    }

    /// Counts a row that cannot have traded and remembers the first ones.
    fn refuse(&mut self, line: u64, bad: Bad) {
        self.counts.bad += 1;
        let Bad { kind, column, what } = bad;
        let message = format!("line {line}, column {column:?}: {what}; left out");
        self.bad.add(Finding::about(kind, None, message));
        if self.first_bad.is_none() {
            self.first_bad = Some((line, column, what));
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

    fn keep(&mut self, raw: &Raw<'_>, judged: &Judged) -> Result<()> {
        let symbol = self.symbol(raw)?;
        let mut row = Row::new(raw.line, symbol, raw.time);
        row.prices = judged.figures;
        if let Number::Value(nine) = raw.volume {
            row.volume = nine.units.unsigned_abs();
        }
        let rounded = |n: &Number| matches!(n, Number::Value(nine) if nine.rounded);
        self.counts.rounded += u64::from(raw.prices.iter().any(rounded));
        if let Some(scales) = self.scales.get_mut(symbol as usize) {
            scales.price = scales.price.max(judged.price_decimals);
            scales.lot = scales.lot.max(judged.lot_decimals);
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
