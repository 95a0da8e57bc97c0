//! What an import and a check have to say.

use crate::{ColumnUse, Grain, manifest::text};
use market::{Symbol, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// The dataset.
    pub name: String,
    /// Rows of the file.
    pub rows_read: u64,
    /// Bars kept.
    pub rows_kept: u64,
    /// Rows in which every price is missing, left out.
    pub rows_without_price: u64,
    /// Rows that repeat another exactly, left out.
    pub duplicates: u64,
    /// Rows that cannot have traded or contradict another, left out.
    pub bad_rows: u64,
    /// Rows that came before their predecessor of the same symbol, sorted.
    pub out_of_order: u64,
    /// Prices with more than nine decimals, rounded.
    pub rounded: u64,
    /// What each column became, and who said so.
    pub columns: Vec<ColumnUse>,
    /// Between fields of a CSV: `,` `;` `|` or tab.
    pub delimiter: Option<char>,
    /// How times are written, in words.
    pub time_form: String,
    /// Zone of times that carry none.
    pub time_zone: String,
    /// What a row is: the bar's length, `quotes` or `trades`.
    #[serde(with = "text")]
    pub bar: Grain,
    /// Was that guessed or given?
    pub bar_origin: crate::Origin,
    /// Bytes of the partitions.
    pub bytes: u64,
    /// Number of partitions.
    pub partitions: usize,
    /// Digest of the logical columns.
    pub digest: String,
    /// Most bytes that row buffers took.
    pub memory_bytes: u64,
    /// Gaps, jumps, splits.
    pub quality: QualityReport,
}

/// What looks odd in a dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityReport {
    /// Bars looked at.
    pub rows: u64,
    /// Every symbol with its span and its gaps.
    pub symbols: Vec<SymbolQuality>,
    /// How often each kind was found, those beyond the named ones included.
    pub counts: BTreeMap<FindingKind, u64>,
    /// At most 50 of each kind, in order of symbol and time.
    pub findings: Vec<Finding>,
}

impl QualityReport {
    /// How many findings are problems, not notices.
    #[must_use]
    pub fn problems(&self) -> u64 {
        let problem = |(kind, count): (&FindingKind, &u64)| {
            if kind.level() == Level::Problem { *count } else { 0 }
        };
        self.counts.iter().map(problem).sum()
    }
}

/// One symbol's span within the dataset's calendar (the union of all its symbols' dates).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolQuality {
    /// Whose.
    #[serde(with = "text")]
    pub symbol: Symbol,
    /// Bars.
    pub rows: u64,
    /// First bar.
    #[serde(with = "text")]
    pub first: Timestamp,
    /// Last bar.
    #[serde(with = "text")]
    pub last: Timestamp,
    /// Calendar dates before its first bar: listed late, no gap.
    pub dates_before: u64,
    /// Calendar dates after its last bar: ended early, no gap.
    pub dates_after: u64,
    /// Calendar dates in between without a bar.
    pub dates_missing: u64,
}

/// One oddity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What it is.
    pub kind: FindingKind,
    /// How bad it is.
    pub level: Level,
    /// Whose; `None`: the dataset's.
    pub symbol: Option<String>,
    /// When, or the first date of a stretch.
    pub from: Option<String>,
    /// The last date of a stretch.
    pub to: Option<String>,
    /// In words.
    pub message: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Good to know.
    Notice,
    /// Results may be wrong because of it.
    Problem,
}

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Dates of the calendar on which a symbol has no bar.
    Gap,
    /// More than ten days on which nothing has a bar.
    CalendarHole,
    /// Bars missing within a day.
    MissingBars,
    /// The symbol starts after the dataset.
    LateListing,
    /// The symbol ends before the dataset.
    EarlyEnd,
    /// A row that repeats another exactly; left out.
    Duplicate,
    /// A row that cannot have traded or contradicts another; left out.
    BadRow,
    /// Open or close outside low to high.
    OutsideRange,
    /// A price that jumps and comes straight back.
    Spike,
    /// A jump near n:1 that no known split explains.
    SplitSuspect,
    /// A known split, seen in the prices.
    SplitSeen,
    /// A known split that the prices do not show: they may be adjusted already.
    SplitUnseen,
    /// A known split outside the symbol's bars; left out.
    SplitOutside,
    /// A move of more than a quarter that is no split.
    LargeMove,
    /// A stored file differs from what was written.
    Damage,
    /// Prices with more than nine decimals; rounded.
    Rounded,
    /// The file does not end with a line end.
    Unfinished,
    /// A quote whose bid is above its ask; left out.
    Crossed,
    /// A quote whose bid is its ask; kept.
    Locked,
    /// A trade that equals the one before it, time included; kept, both may be real.
    Repeat,
    /// More than an hour without a tick; kept.
    Pause,
    /// A price more than a half away from the one before it; kept.
    Jump,
}

impl FindingKind {
    /// How bad it is.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::BadRow
            | Self::Spike
            | Self::OutsideRange
            | Self::SplitSuspect
            | Self::SplitUnseen
            | Self::Crossed
            | Self::Jump
            | Self::Damage => Level::Problem,
            Self::Gap
            | Self::CalendarHole
            | Self::MissingBars
            | Self::LateListing
            | Self::EarlyEnd
            | Self::Duplicate
            | Self::SplitSeen
            | Self::SplitOutside
            | Self::LargeMove
            | Self::Rounded
            | Self::Locked
            | Self::Repeat
            | Self::Pause
            | Self::Unfinished => Level::Notice,
        }
    }
}
