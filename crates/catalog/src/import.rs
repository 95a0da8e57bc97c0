//! One import from file to published dataset.

use crate::{
    Content, Error, Field, Finding, FindingKind, Flaw, Grain, ImportReport, ImportRequest,
    InstrumentEntry, Manifest, Origin, Partition, Place, Progress, Replace, Result, Stage,
    catalog::{check_name, write_manifest},
    csv_source::{self, Facts},
    disk::{Draft, io_at},
    header::Header,
    manifest::{Dataset, Source, SplitEntry},
    parquet_source, part,
    quality::{Findings, Inspector, duration},
    rows::{Counts, Intake, Scales},
    spool::{Row, Spool},
    ticks,
    when::as_date,
};
use market::{Bar, BarSize, Price, Quantity, Symbol, Timestamp};
use sha2::{Digest, Sha256};
use std::{ops::ControlFlow, path::Path};

/// Rows between calls of the progress callback.
const STRIDE: u64 = 16_384;

/// The caller's progress callback.
pub(crate) type Watch<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

pub(crate) fn import(
    root: &Path,
    request: &ImportRequest,
    watch: &mut Watch<'_>,
) -> Result<ImportReport> {
    check_name(&request.name)?;
    if request.content != Content::Bars && request.bar.is_some() {
        let flaw = Flaw::NoBarSize { content: request.content };
        return Err(Place::file(&request.source).is(flaw));
    }
    if request.replace == Replace::No && root.join(&request.name).exists() {
        return Err(Error::DatasetExists { name: request.name.clone() });
    }
    let head = csv_source::head(&request.source)?;
    let draft = Draft::create(root, &request.name)?;
    let mut start = |header: &Header| Intake::new(request, header, draft.path());
    let parquet = match request.kind {
        Some(kind) => kind == crate::FileKind::Parquet,
        None => head.starts_with(b"PAR1"),
    };
    let before = stamp(&request.source)?;
    let (facts, intake) = if parquet {
        parquet_source::read(request, watch, &mut start)?
    } else {
        csv_source::read(request, &head, watch, &mut start)?
    };
    if stamp(&request.source)? != before {
        return Err(Place::file(&request.source).is(Flaw::Changed));
    }
    intake.settle()?;
    let (manifest, report) = write(request, facts, intake, &draft, watch)?;
    write_manifest(draft.path(), &manifest)?;
    draft.publish(&request.name, request.replace)?;
    Ok(report)
}

fn write(
    request: &ImportRequest,
    mut facts: Facts,
    mut intake: Intake<'_>,
    draft: &Draft,
    watch: &mut Watch<'_>,
) -> Result<(Manifest, ImportReport)> {
    let kept = intake.counts.read - intake.counts.without_price - intake.counts.bad;
    if kept == 0 {
        return Err(Place::file(&request.source).is(Flaw::HeaderOnly));
    }
    if request.content != Content::Bars {
        return write_ticks(request, facts, intake, draft, watch);
    }
    let dates = keep_dates(request, &mut facts, &mut intake);
    let extra: Vec<String> = facts.header.extra().into_iter().map(|(_, name)| name).collect();
    let fields = intake.fields();
    let spool = std::mem::replace(&mut intake.spool, Spool::new(draft.path(), 0, 0));
    let mut merge = Merge {
        request,
        names: intake.names.clone(),
        scales: intake.scales.clone(),
        has_open: fields.contains(&Field::Open),
        adjusted: extra.iter().position(|name| name == "adj_close" || name == "adjusted_close"),
        writer: part::Writer::new(draft.path(), &extra),
        inspector: Inspector::new(&intake.days, &splits(request)),
        digest: Columns::new(&fields, &extra),
        entries: Vec::new(),
        last: None,
        duplicates: 0,
        elsewhere: std::mem::take(&mut intake.bad),
        bad: 0,
    };
    let mut rows = 0_u64;
    spool.drain(&intake.names, &mut |row, values| {
        tell(watch, &mut rows, kept)?;
        match dates {
            Dates::Kept => merge.take(&row.at(as_date(row.time, &request.zone)), values),
            Dates::None => merge.take(row, values),
        }
    })?;
    intake.counts.bad += merge.bad;
    finish(request, facts, &intake, merge, (fields, extra))
}

/// The same for quotes and trades.
fn write_ticks(
    request: &ImportRequest,
    facts: Facts,
    mut intake: Intake<'_>,
    draft: &Draft,
    watch: &mut Watch<'_>,
) -> Result<(Manifest, ImportReport)> {
    let kept = intake.counts.read - intake.counts.without_price - intake.counts.bad;
    let spool = std::mem::replace(&mut intake.spool, Spool::new(draft.path(), 0, 0));
    let mut findings = std::mem::take(&mut intake.bad);
    note(&mut findings, &intake.counts, facts.unfinished);
    let (names, fields) = ((&intake.names[..], &intake.scales[..]), intake.fields());
    let mut merge = ticks::merge(request, draft.path(), names, (fields, findings));
    let mut rows = 0_u64;
    spool.drain(&intake.names, &mut |row, _| {
        tell(watch, &mut rows, kept)?;
        merge.take(row)
    })?;
    let merged = merge.finish()?;
    let mut counts = intake.counts;
    counts.bad += merged.bad;
    let grain = if request.content == Content::Trades { Grain::Trades } else { Grain::Quotes };
    let made = Made {
        grain: (grain, Origin::Given),
        fields: merged.fields,
        extra: Vec::new(),
        entries: merged.entries,
        actions: Vec::new(),
        partitions: merged.partitions,
        digest: merged.digest,
        quality: merged.quality,
        duplicates: merged.duplicates,
    };
    Ok(assemble(request, facts, (counts, intake.memory_bytes as u64), made))
}

/// Tells now and then how many rows are written, and counts one more.
fn tell(watch: &mut Watch<'_>, rows: &mut u64, total: u64) -> Result<()> {
    if rows.is_multiple_of(STRIDE) {
        let progress = Progress { stage: Stage::Writing, done: *rows, total, rows: *rows };
        if watch(progress).is_break() {
            return Err(Error::Cancelled);
        }
    }
    *rows += 1;
    Ok(())
}

/// What tells that a file was written to: its length and when that was.
fn stamp(path: &Path) -> Result<(u64, Option<std::time::SystemTime>)> {
    let found = std::fs::metadata(path).map_err(io_at("read", path))?;
    Ok((found.len(), found.modified().ok()))
}

/// What a file's times are.
#[derive(Clone, Copy)]
enum Dates {
    /// Dates, written as midnight in the request's zone: midnight UTC of the date is kept, as
    /// for bare dates.
    Kept,
    /// Instants.
    None,
}

/// Decides it, tells the report, and lets the calendar follow.
fn keep_dates(request: &ImportRequest, facts: &mut Facts, intake: &mut Intake<'_>) -> Dates {
    let daily = request.bar.is_none_or(BarSize::is_daily);
    match intake.midnights.dates() {
        Some(dates) if facts.local && daily => {
            intake.days.clone_from(dates);
            facts.time_form.push_str("; all midnight, read as dates");
            Dates::Kept
        }
        _ => Dates::None,
    }
}

fn splits(request: &ImportRequest) -> Vec<SplitEntry> {
    let mut splits: Vec<SplitEntry> = request.actions.iter().map(SplitEntry::from).collect();
    splits.sort_by(|a, b| (&a.symbol, a.effective).cmp(&(&b.symbol, b.effective)));
    splits
}

/// Rows in order become bars.
struct Merge<'a> {
    request: &'a ImportRequest,
    names: Vec<String>,
    scales: Vec<Scales>,
    has_open: bool,
    adjusted: Option<usize>,
    writer: part::Writer,
    inspector: Inspector,
    digest: Columns,
    entries: Vec<InstrumentEntry>,
    last: Option<(Row, Vec<f64>)>,
    duplicates: u64,
    elsewhere: Findings,
    bad: u64,
}

impl Merge<'_> {
    fn take(&mut self, row: &Row, extra: &[f64]) -> Result<()> {
        if let Some((last, values)) = &self.last
            && (last.symbol, last.time) == (row.symbol, row.time)
        {
            let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
            let equal = (last.prices, last.volume) == (row.prices, row.volume)
                && values.iter().zip(extra).all(same);
            let first = last.line;
            if equal {
                self.repeat(first, row);
                return Ok(());
            }
            return self.conflict(first, row);
        }
        if self.last.as_ref().is_none_or(|(last, _)| last.symbol != row.symbol) {
            self.begin(row.symbol)?;
        }
        let Some(entry) = self.entries.last_mut() else { return Ok(()) };
        let bar = bar(row, entry).ok_or_else(|| {
            let text = format!("the volume of line {}", row.line);
            Place::line(&self.request.source, row.line).is(Flaw::TooLarge { text })
        })?;
        if entry.rows == 0 {
            entry.first = bar.open_time;
        }
        entry.rows += 1;
        entry.last = bar.open_time;
        self.digest.bar(&bar, extra);
        self.inspector.bar(&bar, self.adjusted.and_then(|i| extra.get(i)).copied());
        self.writer.push(&entry.symbol, &bar, extra)?;
        match &mut self.last {
            Some((last, values)) => {
                *last = *row;
                values.clear();
                values.extend_from_slice(extra);
            }
            None => self.last = Some((*row, extra.to_vec())),
        }
        Ok(())
    }

    fn begin(&mut self, symbol: u32) -> Result<()> {
        let name = self.names.get(symbol as usize).map_or("", String::as_str);
        let scales = self.scales.get(symbol as usize).copied().unwrap_or_default();
        let entry = InstrumentEntry {
            symbol: name.parse()?,
            price_decimals: scales.price,
            lot_decimals: scales.lot,
            currency: self.request.currency,
            rows: 0,
            first: Timestamp::default(),
            last: Timestamp::default(),
        };
        self.inspector.begin(&entry.instrument(), self.has_open);
        self.digest.begin(&entry);
        self.entries.push(entry);
        Ok(())
    }

    fn owner(&self, row: &Row) -> (Option<Symbol>, Timestamp) {
        let symbol = self.entries.last().map(|entry| entry.symbol.clone());
        (symbol, Timestamp::from_nanos(row.time))
    }

    fn repeat(&mut self, first: u64, row: &Row) {
        let (symbol, time) = self.owner(row);
        self.duplicates += 1;
        let message = format!("line {} repeats line {first} exactly; left out", row.line);
        let finding = Finding::about(FindingKind::Duplicate, symbol.as_ref(), message);
        self.elsewhere.add(finding.at(time));
    }

    fn conflict(&mut self, first: u64, row: &Row) -> Result<()> {
        let (symbol, time) = self.owner(row);
        if self.request.bad_rows == crate::BadRows::Refuse {
            let symbol = symbol.map(|s| s.to_string()).unwrap_or_default();
            let flaw = Flaw::Conflict { other: first, symbol, time: time.to_string() };
            return Err(Place::line(&self.request.source, row.line).is(flaw));
        }
        self.bad += 1;
        let message = format!("line {} contradicts line {first}; the first is kept", row.line);
        let finding = Finding::about(FindingKind::BadRow, symbol.as_ref(), message);
        self.elsewhere.add(finding.at(time));
        Ok(())
    }
}

/// A row in its instrument's ticks and lots; exact, because the scales are the finest used.
fn bar(row: &Row, entry: &InstrumentEntry) -> Option<Bar> {
    let tick = 10_i64.pow(u32::from(9_u8.saturating_sub(entry.price_decimals)));
    let lot = 10_u128.pow(u32::from(9_u8.saturating_sub(entry.lot_decimals)));
    let [open, high, low, close] = row.prices.map(|units| Price(units / tick));
    let volume = Quantity(u64::try_from(row.volume / lot).ok()?);
    let open_time = Timestamp::from_nanos(row.time);
    Some(Bar { open_time, open, high, low, close, volume })
}

fn finish(
    request: &ImportRequest,
    facts: Facts,
    intake: &Intake<'_>,
    merge: Merge<'_>,
    (fields, extra): (Vec<Field>, Vec<String>),
) -> Result<(Manifest, ImportReport)> {
    let bar = bar_size(request, &merge.inspector)?;
    let bar_origin = if request.bar.is_some() { Origin::Given } else { Origin::Guessed };
    let (entries, counts, duplicates) = (merge.entries, intake.counts, merge.duplicates);
    let mut elsewhere = merge.elsewhere;
    note(&mut elsewhere, &counts, facts.unfinished);
    let actions = used_splits(request, &entries, &mut elsewhere);
    let quality = merge.inspector.finish(bar, elsewhere);
    let partitions = merge.writer.finish()?;
    let digest = merge.digest.finish(bar, &actions);
    let grain = (Grain::Bars(bar), bar_origin);
    let made =
        Made { grain, fields, extra, entries, actions, partitions, digest, quality, duplicates };
    Ok(assemble(request, facts, (counts, intake.memory_bytes as u64), made))
}

/// What was written, whatever its rows are.
struct Made {
    grain: (Grain, Origin),
    fields: Vec<Field>,
    extra: Vec<String>,
    entries: Vec<InstrumentEntry>,
    actions: Vec<SplitEntry>,
    partitions: Vec<Partition>,
    digest: String,
    quality: crate::QualityReport,
    duplicates: u64,
}

/// The manifest of what was written, and the report.
fn assemble(
    request: &ImportRequest,
    facts: Facts,
    (counts, memory_bytes): (Counts, u64),
    made: Made,
) -> (Manifest, ImportReport) {
    let Made { grain: (bar, bar_origin), digest, quality, .. } = made;
    let (instruments, actions, partitions) = (made.entries, made.actions, made.partitions);
    let file = request.source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let dataset = Dataset {
        name: request.name.clone(),
        bar,
        time_zone: request.zone.name().to_owned(),
        fields: made.fields,
        extra: made.extra,
        rows: instruments.iter().map(|entry| entry.rows).sum(),
        first: instruments.iter().map(|entry| entry.first).min().unwrap_or_default(),
        last: instruments.iter().map(|entry| entry.last).max().unwrap_or_default(),
        digest: digest.clone(),
        imported: request.now,
    };
    let report = ImportReport {
        name: request.name.clone(),
        rows_read: counts.read,
        rows_kept: dataset.rows,
        rows_without_price: counts.without_price,
        duplicates: made.duplicates,
        bad_rows: counts.bad,
        out_of_order: counts.out_of_order,
        rounded: counts.rounded,
        columns: facts.header.uses.clone(),
        delimiter: facts.delimiter,
        time_form: facts.time_form.clone(),
        time_zone: dataset.time_zone.clone(),
        bar,
        bar_origin,
        bytes: partitions.iter().map(|part: &Partition| part.bytes).sum(),
        partitions: partitions.len(),
        digest,
        memory_bytes,
        quality: quality.clone(),
    };
    let columns = facts.header.uses;
    let (bytes, sha256, time_form) = (facts.bytes, facts.sha256, facts.time_form);
    let source = Source { file, bytes, sha256, columns, time_form };
    let manifest =
        Manifest { version: 1, dataset, source, instruments, actions, partitions, quality };
    (manifest, report)
}

/// Findings about the file as a whole.
fn note(findings: &mut Findings, counts: &Counts, unfinished: bool) {
    if counts.rounded > 0 {
        let message =
            format!("{} row(s) have prices of more than nine decimals: rounded", counts.rounded);
        findings.add(Finding::about(FindingKind::Rounded, None, message));
    }
    if unfinished {
        let message = "the file's last line has no line end: it may be cut off".to_owned();
        findings.add(Finding::about(FindingKind::Unfinished, None, message));
    }
}

/// The splits that fall within their symbol's bars; others would only change the unit.
fn used_splits(
    request: &ImportRequest,
    entries: &[InstrumentEntry],
    findings: &mut Findings,
) -> Vec<SplitEntry> {
    let mut used = splits(request);
    used.retain(|split| {
        let Some(entry) = entries.iter().find(|entry| entry.symbol == split.symbol) else {
            return false;
        };
        let within = entry.first < split.effective && split.effective <= entry.last;
        if !within {
            let message = "a known split lies outside the symbol's bars: left out".to_owned();
            let finding = Finding::about(FindingKind::SplitOutside, Some(&split.symbol), message);
            findings.add(finding.at(split.effective));
        }
        within
    });
    used
}

fn bar_size(request: &ImportRequest, inspector: &Inspector) -> Result<BarSize> {
    let spacing = inspector.spacing();
    let words = || spacing.map_or_else(|| "unknown".to_owned(), duration);
    let place = || Place::file(&request.source);
    match (request.bar, spacing) {
        // Fewer than two bars of any symbol: nothing contradicts.
        (Some(bar), None) => Ok(bar),
        (Some(bar), Some(spacing)) if spacing == bar.nanos() => Ok(bar),
        (Some(bar), Some(_)) => {
            Err(place().is(Flaw::BarSize { stated: bar.to_string(), spacing: words() }))
        }
        (None, spacing) => spacing
            .and_then(BarSize::from_nanos)
            .ok_or_else(|| place().is(Flaw::Spacing { spacing: words() })),
    }
}

/// SHA-256 over the logical columns: what they mean, however they are stored.
pub(crate) struct Columns {
    hash: Sha256,
    rows: u64,
}

impl Columns {
    pub(crate) fn new(fields: &[Field], extra: &[String]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"stockade bars 1\n");
        hash.update(format!("{fields:?} {extra:?}\n"));
        Self { hash, rows: 0 }
    }

    pub(crate) fn begin(&mut self, entry: &InstrumentEntry) {
        // The count of the rows before makes every length part of the text.
        let (symbol, currency) = (&entry.symbol, entry.currency);
        let (price, lot) = (entry.price_decimals, entry.lot_decimals);
        self.hash.update(format!("{}\n{symbol} {price} {lot} {currency}\n", self.rows));
        self.rows = 0;
    }

    pub(crate) fn bar(&mut self, bar: &Bar, extra: &[f64]) {
        self.rows += 1;
        let mut bytes = [0; 48];
        let values = [bar.open_time.nanos(), bar.open.0, bar.high.0, bar.low.0, bar.close.0];
        let words = values.map(i64::to_le_bytes).into_iter().chain([bar.volume.0.to_le_bytes()]);
        for (slot, word) in bytes.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word);
        }
        self.hash.update(bytes);
        for value in extra {
            // Every NaN means "missing", whatever its bits.
            let value = if value.is_nan() { f64::NAN } else { *value };
            self.hash.update(value.to_bits().to_le_bytes());
        }
    }

    pub(crate) fn finish(mut self, bar: BarSize, actions: &[SplitEntry]) -> String {
        self.hash.update(format!("{}\n{bar}\n", self.rows));
        for split in actions {
            let (symbol, time) = (&split.symbol, split.effective.nanos());
            self.hash
                .update(format!("{symbol} {time} {}:{}\n", split.numerator, split.denominator));
        }
        hex::encode(self.hash.finalize())
    }
}
