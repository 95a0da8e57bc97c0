//! Rows in order become a dataset of ticks.

use super::{
    Logical,
    columns::{print, quote},
    write::Writer,
};
use crate::{
    BadRows, Content, Field, Finding, FindingKind, Flaw, Grain, ImportRequest, InstrumentEntry,
    Partition, Place, QualityReport, Result, SymbolQuality,
    quality::{Findings, duration},
    rows::Scales,
    spool::Row,
};
use market::{Pricing, Quantity, Seen, TickRules, TickWatch, Timestamp};
use std::{collections::BTreeMap, path::Path};

/// A longer silence is named in the quality report.
pub(super) const PAUSE_NANOS: i64 = 3_600_000_000_000;

/// What an import of ticks has come to.
pub(crate) struct Merged {
    pub(crate) fields: Vec<Field>,
    pub(crate) entries: Vec<InstrumentEntry>,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) digest: String,
    pub(crate) quality: QualityReport,
    pub(crate) duplicates: u64,
    pub(crate) bad: u64,
}

/// Judges rows of one instrument after the row before them.
pub(super) struct Watcher {
    content: Content,
    quotes: TickWatch<market::Quote>,
    prints: TickWatch<market::Print>,
}

impl Watcher {
    pub(super) fn new(content: Content) -> Self {
        let rules = TickRules { gap_max: Some(PAUSE_NANOS), ..TickRules::of(Pricing::Positive) };
        Self { content, quotes: TickWatch::new(rules), prints: TickWatch::new(rules) }
    }

    pub(super) fn see(
        &mut self,
        time: i64,
        figures: [i64; 4],
        sized: bool,
    ) -> Result<Seen, market::Flaw> {
        if self.content == Content::Trades {
            return self.prints.see(&print(time, figures));
        }
        let mut seen = quote(time, figures);
        if !sized {
            // The source has no sizes: what is unknown is not zero.
            (seen.bid_size, seen.ask_size) = (Quantity(1), Quantity(1));
        }
        self.quotes.see(&seen)
    }
}

/// What is told of a kept row.
pub(super) fn note(
    findings: &mut Findings,
    symbol: &market::Symbol,
    (time, figures, content): (i64, [i64; 4], Content),
    seen: Seen,
) {
    let at = Timestamp::from_nanos(time);
    let mut add = |kind, message: String| {
        findings.add(Finding::about(kind, Some(symbol), message).at(at));
    };
    let [bid, ask, ..] = figures;
    if content == Content::Quotes && bid == ask {
        add(FindingKind::Locked, "the bid is the ask".to_owned());
    }
    if seen.repeats {
        add(FindingKind::Repeat, "a trade equals the one before it; both are kept".to_owned());
    }
    if let Some(gap) = seen.gap {
        add(FindingKind::Pause, format!("{} without a row before it", duration(gap)));
    }
    if seen.jumped_from.is_some() {
        add(FindingKind::Jump, "more than a half away from the price before it".to_owned());
    }
}

/// Rows of a file in order of symbol, time and line.
pub(crate) struct Merge<'a> {
    request: &'a ImportRequest,
    names: &'a [String],
    scales: &'a [Scales],
    fields: Vec<Field>,
    sized: bool,
    /// A tick and a lot of the present instrument in units of `10^-9`.
    units: (i64, i64),
    watcher: Watcher,
    writer: Writer,
    logical: Logical,
    entries: Vec<InstrumentEntry>,
    last: Option<(u32, u64)>,
    findings: Findings,
    duplicates: u64,
    bad: u64,
}

/// Begins to write a dataset of ticks into a directory.
pub(crate) fn merge<'a>(
    request: &'a ImportRequest,
    dir: &Path,
    (names, scales): (&'a [String], &'a [Scales]),
    (fields, findings): (Vec<Field>, Findings),
) -> Merge<'a> {
    let content = request.content;
    let grain = if content == Content::Trades { Grain::Trades } else { Grain::Quotes };
    Merge {
        request,
        names,
        scales,
        sized: fields.contains(&Field::BidSize) && fields.contains(&Field::AskSize),
        units: (1, 1),
        watcher: Watcher::new(content),
        writer: Writer::new(dir, content),
        logical: Logical::new(grain, &fields),
        fields,
        entries: Vec::new(),
        last: None,
        findings,
        duplicates: 0,
        bad: 0,
    }
}

impl Merge<'_> {
    /// The next row.
    pub(crate) fn take(&mut self, row: &Row) -> Result<()> {
        if self.last.is_none_or(|(symbol, _)| symbol != row.symbol) {
            self.begin(row.symbol)?;
        }
        let (tick, lot) = self.units;
        let [a, b, c, d] = row.prices;
        let figures = match self.request.content {
            Content::Trades => [a / tick, b / lot, c.signum(), 0],
            _ => [a / tick, b / tick, c / lot, d / lot],
        };
        let Some(entry) = self.entries.last_mut() else { return Ok(()) };
        match self.watcher.see(row.time, figures, self.sized) {
            Ok(seen) => {
                let what = (row.time, figures, self.request.content);
                note(&mut self.findings, &entry.symbol, what, seen);
            }
            Err(market::Flaw::Duplicate) => {
                self.duplicates += 1;
                let message = format!("line {} repeats the row before it; left out", row.line);
                let kind = FindingKind::Duplicate;
                let finding = Finding::about(kind, Some(&entry.symbol), message);
                self.findings.add(finding.at(Timestamp::from_nanos(row.time)));
                return Ok(());
            }
            Err(flaw) => return self.refuse(row, flaw),
        }
        let time = Timestamp::from_nanos(row.time);
        if entry.rows == 0 {
            entry.first = time;
        }
        entry.rows += 1;
        entry.last = time;
        if let Some(digest) = self.writer.push(&entry.symbol, row.time, figures)? {
            self.logical.chunk(&digest);
        }
        self.last = Some((row.symbol, row.line));
        Ok(())
    }

    fn refuse(&mut self, row: &Row, flaw: market::Flaw) -> Result<()> {
        let what = flaw.to_string();
        if self.request.bad_rows == BadRows::Refuse {
            let place = Place::line(&self.request.source, row.line);
            return Err(place.is(Flaw::BadRow { what, total: 1 }));
        }
        self.bad += 1;
        let symbol = self.entries.last().map(|entry| &entry.symbol);
        let message = format!("line {}: {what}; left out", row.line);
        self.findings.add(Finding::about(FindingKind::BadRow, symbol, message));
        Ok(())
    }

    fn begin(&mut self, symbol: u32) -> Result<()> {
        self.end()?;
        let name = self.names.get(symbol as usize).map_or("", String::as_str);
        let scales = self.scales.get(symbol as usize).copied().unwrap_or_default();
        let unit = |decimals: u8| 10_i64.pow(u32::from(9_u8.saturating_sub(decimals)));
        self.units = (unit(scales.price), unit(scales.lot));
        self.watcher = Watcher::new(self.request.content);
        self.entries.push(InstrumentEntry {
            symbol: name.parse()?,
            price_decimals: scales.price,
            lot_decimals: scales.lot,
            currency: self.request.currency,
            rows: 0,
            first: Timestamp::default(),
            last: Timestamp::default(),
        });
        self.last = Some((symbol, 0));
        Ok(())
    }

    /// Ends the present instrument; one of which every row was left out is none.
    fn end(&mut self) -> Result<()> {
        let Some(entry) = self.entries.last() else { return Ok(()) };
        if entry.rows == 0 {
            self.entries.pop();
            return Ok(());
        }
        if let Some(digest) = self.writer.end(&entry.symbol)? {
            self.logical.chunk(&digest);
        }
        self.logical.end(entry);
        Ok(())
    }

    /// All rows are through.
    pub(crate) fn finish(mut self) -> Result<Merged> {
        self.end()?;
        if self.entries.is_empty() {
            return Err(Place::file(&self.request.source).is(Flaw::HeaderOnly));
        }
        Ok(Merged {
            quality: quality(&self.entries, self.findings),
            fields: self.fields,
            entries: self.entries,
            partitions: self.writer.finish()?,
            digest: self.logical.finish(),
            duplicates: self.duplicates,
            bad: self.bad,
        })
    }
}

/// The quality report of ticks: they have no calendar that days could be missing from.
pub(super) fn quality(entries: &[InstrumentEntry], findings: Findings) -> QualityReport {
    let symbol = |entry: &InstrumentEntry| SymbolQuality {
        symbol: entry.symbol.clone(),
        rows: entry.rows,
        first: entry.first,
        last: entry.last,
        dates_before: 0,
        dates_after: 0,
        dates_missing: 0,
    };
    let counts: BTreeMap<_, _> = findings.counts;
    QualityReport {
        rows: entries.iter().map(|entry| entry.rows).sum(),
        symbols: entries.iter().map(symbol).collect(),
        counts,
        findings: findings.named,
    }
}
