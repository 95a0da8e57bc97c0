//! Looks at bars in order and says what is odd.
//!
//! What follows are rules of thumb, and their constants are stated: a finding is a question to
//! the reader, never a change of the data.

use crate::{
    Finding, FindingKind, QualityReport, SplitEntry, SymbolQuality, report::Level, when::DAY,
};
use market::{Bar, BarSize, Instrument, Symbol, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Findings of one kind that are named; the rest is counted.
const NAMED_MAX: u64 = 50;
/// A close-to-close move of more than this share is large.
const LARGE: f64 = 0.25;
/// How near the open must come to a split's ratio where nothing else tells.
const NEAR: f64 = 0.03;
/// How near the ratio of raw to adjusted moves must come.
const NEAR_ADJUSTED: f64 = 0.01;
/// How near a known split must come.
const NEAR_KNOWN: f64 = 0.10;
/// A spike has come back when the next close is this near the one before it.
const BACK: f64 = 0.10;
/// A high (low) this many times above (below) both open and close is a spike.
const WICK: f64 = 1.5;
/// Days without any bar that make a hole in the calendar.
const HOLE_DAYS: i64 = 10;
/// Distinct spacings that are counted.
const SPACINGS_MAX: usize = 4096;
/// Ratios at which shares are split.
const SPLITS: [(u32, u32); 19] = [
    (2, 1),
    (3, 1),
    (4, 1),
    (5, 1),
    (6, 1),
    (7, 1),
    (8, 1),
    (9, 1),
    (10, 1),
    (12, 1),
    (15, 1),
    (20, 1),
    (25, 1),
    (30, 1),
    (40, 1),
    (50, 1),
    (100, 1),
    (3, 2),
    (5, 2),
];

/// Findings so far: all counted, the first of each kind named.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) counts: BTreeMap<FindingKind, u64>,
    pub(crate) named: Vec<Finding>,
}

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.kind).or_default();
        *count += 1;
        if *count <= NAMED_MAX {
            self.named.push(finding);
        }
    }

    /// Adds what was found elsewhere.
    pub(crate) fn join(&mut self, other: Self) {
        for (kind, count) in other.counts {
            *self.counts.entry(kind).or_default() += count;
        }
        self.named.extend(other.named);
    }
}

impl Finding {
    pub(crate) fn about(kind: FindingKind, symbol: Option<&Symbol>, message: String) -> Self {
        let symbol = symbol.map(Symbol::to_string);
        Self { kind, level: kind.level(), symbol, from: None, to: None, message }
    }

    pub(crate) fn at(mut self, time: Timestamp) -> Self {
        self.from = Some(time.to_string());
        self
    }

    fn until(mut self, time: Timestamp) -> Self {
        self.to = Some(time.to_string());
        self
    }
}

/// How far apart neighbouring bars are.
#[derive(Debug, Clone, Default)]
struct Spacings {
    counts: BTreeMap<i64, u64>,
    /// Spacings within one day, and the first place of the longest.
    within: BTreeMap<i64, u64>,
    longest: Option<(i64, Symbol, Timestamp)>,
}

impl Spacings {
    fn add(&mut self, from: Timestamp, to: Timestamp, symbol: &Symbol) {
        let spacing = to.nanos().saturating_sub(from.nanos());
        let count = |map: &mut BTreeMap<i64, u64>| {
            if map.len() < SPACINGS_MAX || map.contains_key(&spacing) {
                *map.entry(spacing).or_default() += 1;
            }
        };
        count(&mut self.counts);
        if day_of(from) == day_of(to) {
            count(&mut self.within);
            if self.longest.as_ref().is_none_or(|(longest, ..)| spacing > *longest) {
                self.longest = Some((spacing, symbol.clone(), from));
            }
        }
    }
}

/// The bar before, as far as jumps need it.
#[derive(Debug, Clone, Copy)]
struct Before {
    time: Timestamp,
    close: f64,
    adjusted: Option<f64>,
}

/// What is being looked at now.
#[derive(Debug)]
struct Subject {
    instrument: Instrument,
    has_open: bool,
    rows: u64,
    first: Timestamp,
    last: Option<Before>,
    /// A jump that may yet come back, and the close before it.
    pending: Option<(Finding, f64)>,
    /// Place of the last bar's day in the calendar.
    calendar_at: usize,
    missing: u64,
    before: u64,
}

/// Looks at the bars of a dataset, symbol after symbol.
#[derive(Debug)]
pub(crate) struct Inspector {
    days: Vec<i64>,
    actions: Vec<SplitEntry>,
    findings: Findings,
    spacings: Spacings,
    symbols: Vec<SymbolQuality>,
    subject: Option<Subject>,
    rows: u64,
    all_midnight: bool,
}

fn day_of(time: Timestamp) -> i64 {
    time.nanos().div_euclid(DAY)
}

fn midnight(day: i64) -> Timestamp {
    Timestamp::from_nanos(day.saturating_mul(DAY))
}

impl Inspector {
    /// `days`: the union of all symbols' dates.
    pub(crate) fn new(days: &BTreeSet<i64>, actions: &[SplitEntry]) -> Self {
        Self {
            days: days.iter().copied().collect(),
            actions: actions.to_vec(),
            findings: Findings::default(),
            spacings: Spacings::default(),
            symbols: Vec::new(),
            subject: None,
            rows: 0,
            all_midnight: true,
        }
    }

    /// The next symbol's bars follow.
    pub(crate) fn begin(&mut self, instrument: &Instrument, has_open: bool) {
        self.end();
        self.subject = Some(Subject {
            instrument: instrument.clone(),
            has_open,
            rows: 0,
            first: Timestamp::default(),
            last: None,
            pending: None,
            calendar_at: 0,
            missing: 0,
            before: 0,
        });
    }

    /// One bar; `adjusted` is the vendor's adjusted close, where there is one.
    pub(crate) fn bar(&mut self, bar: &Bar, adjusted: Option<f64>) {
        let Some(mut subject) = self.subject.take() else { return };
        self.rows += 1;
        subject.rows += 1;
        self.all_midnight &= bar.open_time.nanos().rem_euclid(DAY) == 0;
        self.calendar(&mut subject, bar.open_time);
        self.shape(&subject, bar);
        let adjusted = adjusted.filter(|a| a.is_finite() && *a > 0.0);
        let close = subject.instrument.price_f64(bar.close);
        if let Some(before) = subject.last {
            self.spacings.add(before.time, bar.open_time, &subject.instrument.symbol);
            self.jump(&mut subject, before, bar, adjusted);
        }
        subject.last = Some(Before { time: bar.open_time, close, adjusted });
        self.subject = Some(subject);
    }

    /// The dates since the bar before.
    fn calendar(&mut self, subject: &mut Subject, time: Timestamp) {
        let day = day_of(time);
        let here = self.days.partition_point(|d| *d < day);
        let Some(before) = subject.last else {
            subject.first = time;
            subject.before = here as u64;
            subject.calendar_at = here;
            return;
        };
        let between = here.saturating_sub(subject.calendar_at + 1);
        subject.calendar_at = here;
        if between > 0 {
            subject.missing += between as u64;
            let gap = self.days.get(here - between..here).unwrap_or(&[]);
            let (from, to) =
                (gap.first().copied().unwrap_or(day), gap.last().copied().unwrap_or(day));
            let message = format!(
                "{between} date(s) without a bar between {} and {} on which other symbols have one",
                before.time, time
            );
            let symbol = &subject.instrument.symbol;
            let finding = Finding::about(FindingKind::Gap, Some(symbol), message);
            self.findings.add(finding.at(midnight(from)).until(midnight(to)));
        }
    }

    /// Open and close within low to high, and no spike in high or low.
    fn shape(&mut self, subject: &Subject, bar: &Bar) {
        let within = |p| bar.low <= p && p <= bar.high;
        let price = |p| subject.instrument.price_scale.format(p);
        let symbol = Some(&subject.instrument.symbol);
        for (name, p) in [("open", bar.open), ("close", bar.close)] {
            if !within(p) {
                let (p, low, high) = (price(p.0), price(bar.low.0), price(bar.high.0));
                let message = format!("the {name} {p} lies outside low {low} to high {high}");
                let finding = Finding::about(FindingKind::OutsideRange, symbol, message);
                self.findings.add(finding.at(bar.open_time));
            }
        }
        let of = |p| subject.instrument.price_f64(p);
        let (top, bottom) = (of(bar.open.max(bar.close)), of(bar.open.min(bar.close)));
        for (name, p, odd) in [
            ("high", bar.high, of(bar.high) > top * WICK),
            ("low", bar.low, of(bar.low) * WICK < bottom),
        ] {
            if odd {
                let p = price(p.0);
                let message = format!("the {name} {p} is far from both open and close");
                let finding = Finding::about(FindingKind::Spike, symbol, message);
                self.findings.add(finding.at(bar.open_time));
            }
        }
    }

    /// Splits, large moves, spikes.
    fn jump(&mut self, subject: &mut Subject, before: Before, bar: &Bar, adjusted: Option<f64>) {
        let close = subject.instrument.price_f64(bar.close);
        let shown = || subject.instrument.price_scale.format(bar.close.0);
        if let Some((finding, base)) = subject.pending.take() {
            if (close / base - 1.0).abs() < BACK {
                let message = format!("{}; the next close is back at {}", finding.message, shown());
                let level = Level::Problem;
                self.findings.add(Finding { kind: FindingKind::Spike, level, message, ..finding });
                return;
            }
            self.findings.add(finding);
        }
        let large = (close / before.close - 1.0).abs() > LARGE;
        let by_adjusted =
            before.adjusted.zip(adjusted).map(|(was, is)| (before.close / close) / (was / is));
        let by_price = before.close
            / if subject.has_open { subject.instrument.price_f64(bar.open) } else { close };
        let symbol = &subject.instrument.symbol;
        let known = |a: &&SplitEntry| {
            a.effective > before.time && a.effective <= bar.open_time && a.symbol == *symbol
        };
        let moved = || format!("the close goes from {} to {}", before.close, shown());
        if let Some(action) = self.actions.iter().find(known) {
            let (kind, message) = known_split(action, by_price, by_adjusted, &moved());
            self.findings.add(Finding::about(kind, Some(symbol), message).at(bar.open_time));
            return;
        }
        let suspect = match by_adjusted {
            Some(ratio) if (ratio - 1.0).abs() > LARGE => {
                split_near(ratio, NEAR_ADJUSTED).map(|s| (s, "so says the adjusted close"))
            }
            None if large => split_near(by_price, NEAR).map(|s| (s, "by the size of the jump")),
            _ => None,
        };
        let finding = match suspect {
            Some(((n, d), why)) => {
                let message = format!(
                    "{}: it looks like a {n}:{d} split ({why}), and none is known; add it to the corporate actions or correct the price",
                    moved()
                );
                Finding::about(FindingKind::SplitSuspect, Some(symbol), message)
            }
            None if large => Finding::about(FindingKind::LargeMove, Some(symbol), moved()),
            None => return,
        };
        subject.pending = Some((finding.at(bar.open_time), before.close));
    }

    /// Closes the symbol at hand.
    fn end(&mut self) {
        let Some(mut subject) = self.subject.take() else { return };
        if let Some((finding, _)) = subject.pending.take() {
            self.findings.add(finding);
        }
        let Some(last) = subject.last else { return };
        let after = self.days.len().saturating_sub(subject.calendar_at + 1) as u64;
        let symbol = subject.instrument.symbol;
        let edge = |kind, dates: u64, word: &str, time: Timestamp| {
            let message = format!("{word} on {time}; the calendar has {dates} other date(s)");
            Finding::about(kind, Some(&symbol), message).at(time)
        };
        if subject.before > 0 {
            let (kind, n) = (FindingKind::LateListing, subject.before);
            self.findings.add(edge(kind, n, "the first bar is", subject.first));
        }
        if after > 0 {
            self.findings.add(edge(FindingKind::EarlyEnd, after, "the last bar is", last.time));
        }
        self.symbols.push(SymbolQuality {
            symbol,
            rows: subject.rows,
            first: subject.first,
            last: last.time,
            dates_before: subject.before,
            dates_after: after,
            dates_missing: subject.missing,
        });
    }

    /// The most common spacing; a lone daily bar is a day. `None`: nothing to go by.
    pub(crate) fn spacing(&self) -> Option<i64> {
        let most = self.spacings.counts.iter().max_by_key(|(spacing, count)| (**count, -**spacing));
        most.map(|(spacing, _)| *spacing).or(self.all_midnight.then_some(DAY))
    }

    /// The report, with what was found elsewhere first.
    pub(crate) fn finish(mut self, bar: BarSize, elsewhere: Findings) -> QualityReport {
        self.end();
        self.holes();
        if !bar.is_daily() {
            self.missing_bars(bar);
        }
        let mut findings = elsewhere;
        findings.join(self.findings);
        findings.named.sort_by(|a, b| {
            (b.level, &a.symbol, &a.from, a.kind).cmp(&(a.level, &b.symbol, &b.from, b.kind))
        });
        QualityReport {
            rows: self.rows,
            symbols: self.symbols,
            counts: findings.counts,
            findings: findings.named,
        }
    }

    fn holes(&mut self) {
        for (a, b) in self.days.iter().zip(self.days.iter().skip(1)) {
            if b - a > HOLE_DAYS {
                let (from, to) = (midnight(a + 1), midnight(b - 1));
                let message = format!("nothing has a bar for {} days", b - a - 1);
                let finding = Finding::about(FindingKind::CalendarHole, None, message);
                self.findings.add(finding.at(from).until(to));
            }
        }
    }

    fn missing_bars(&mut self, bar: BarSize) {
        let size = bar.nanos();
        let wide = self.spacings.within.iter().filter(|(spacing, _)| **spacing > size);
        let (places, bars) = wide.fold((0_u64, 0_u64), |(places, bars), (spacing, count)| {
            let each = u64::try_from(spacing / size - 1).unwrap_or(0);
            (places + count, bars.saturating_add(count.saturating_mul(each)))
        });
        if let (1.., Some((longest, symbol, from))) = (places, &self.spacings.longest) {
            let length = duration(*longest);
            let message = format!(
                "{bars} bar(s) of {bar} are missing within days, in {places} place(s); the longest pause is {length}"
            );
            let finding = Finding::about(FindingKind::MissingBars, Some(symbol), message).at(*from);
            self.findings.add(finding);
        }
    }
}

/// Do the prices show a split that is known?
fn known_split(
    action: &SplitEntry,
    by_price: f64,
    by_adjusted: Option<f64>,
    moved: &str,
) -> (FindingKind, String) {
    let (n, d) = (action.numerator, action.denominator);
    let ratio = f64::from(n) / f64::from(d);
    let off = |found: f64| (found / ratio - 1.0).abs();
    if off(by_price).min(off(by_adjusted.unwrap_or(by_price))) < NEAR_KNOWN {
        return (FindingKind::SplitSeen, format!("{moved}: the known {n}:{d} split"));
    }
    let rest = "the prices do not show it and may be adjusted already";
    (FindingKind::SplitUnseen, format!("a {n}:{d} split is known, but {moved}: {rest}"))
}

/// The split nearest to a ratio of old to new price, if one is near.
fn split_near(ratio: f64, tolerance: f64) -> Option<(u32, u32)> {
    SPLITS
        .iter()
        .flat_map(|(n, d)| [(*n, *d), (*d, *n)])
        .find(|(n, d)| (ratio / (f64::from(*n) / f64::from(*d)) - 1.0).abs() < tolerance)
}

/// A spacing in words: `90s`, `5m`, `7h`, `30d`.
pub(crate) fn duration(nanos: i64) -> String {
    for (unit, name) in
        [(DAY, "d"), (3_600_000_000_000, "h"), (60_000_000_000, "m"), (1_000_000_000, "s")]
    {
        if nanos >= unit && nanos % unit == 0 {
            return format!("{}{name}", nanos / unit);
        }
    }
    format!("{nanos}ns")
}
