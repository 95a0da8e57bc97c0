//! What a dataset says about itself.

use crate::{ColumnUse, Grain, QualityReport};
use market::{Action, CorporateAction, Currency, Instrument, Scale, Symbol, Timestamp};
use serde::{Deserialize, Serialize};

/// Reads and writes a value by its own text form.
pub(crate) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::{fmt::Display, str::FromStr};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(crate) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The manifest of a dataset, `manifest.json` in its directory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form; 1.
    pub version: u32,
    /// What the dataset is.
    pub dataset: Dataset,
    /// Where it came from.
    pub source: Source,
    /// Its instruments in symbol order.
    pub instruments: Vec<InstrumentEntry>,
    /// Its splits in order of symbol and time.
    pub actions: Vec<SplitEntry>,
    /// Its files, in order of symbol and time.
    pub partitions: Vec<Partition>,
    /// What was found while importing.
    pub quality: QualityReport,
}

/// What a dataset is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// What a row is: the bar's length, `quotes` or `trades`.
    #[serde(with = "text")]
    pub bar: Grain,
    /// Zone in which times without one were read.
    pub time_zone: String,
    /// Fields the source has. With [`Field::Close`] alone (rates, fixings) open, high and
    /// low repeat the close: a rule that trades at the next open has nothing to trade at.
    pub fields: Vec<Field>,
    /// Names of the extra `f64` columns.
    pub extra: Vec<String>,
    /// Rows in all.
    pub rows: u64,
    /// First row.
    #[serde(with = "text")]
    pub first: Timestamp,
    /// Last row.
    #[serde(with = "text")]
    pub last: Timestamp,
    /// SHA-256 over the logical columns and the splits, never over file bytes: the same prices
    /// have the same digest however they are stored.
    pub digest: String,
    /// When it was imported.
    pub imported: jiff::Timestamp,
}

/// A field of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Field {
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Traded size; zero throughout where the source has none.
    Volume,
    /// The best price that somebody pays.
    Bid,
    /// The best price that somebody asks.
    Ask,
    /// Shown at the bid; zero throughout where the source has none.
    #[serde(rename = "bid_size")]
    BidSize,
    /// Shown at the ask; zero throughout where the source has none.
    #[serde(rename = "ask_size")]
    AskSize,
    /// The price of a trade.
    Price,
    /// The size of a trade.
    Size,
    /// The side of a trade that took liquidity.
    Side,
}

/// Where a dataset came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's name, without its directory.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// What each of its columns became.
    pub columns: Vec<ColumnUse>,
    /// How its times are written, in words.
    pub time_form: String,
}

/// One instrument of a dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentEntry {
    /// Its name.
    #[serde(with = "text")]
    pub symbol: Symbol,
    /// A tick is `10^-price_decimals`.
    pub price_decimals: u8,
    /// A lot is `10^-lot_decimals`.
    pub lot_decimals: u8,
    /// What it is paid in.
    #[serde(with = "text")]
    pub currency: Currency,
    /// Bars.
    pub rows: u64,
    /// First bar.
    #[serde(with = "text")]
    pub first: Timestamp,
    /// Last bar.
    #[serde(with = "text")]
    pub last: Timestamp,
}

impl InstrumentEntry {
    /// As the market knows it.
    #[must_use]
    pub fn instrument(&self) -> Instrument {
        let scale = |decimals: u8| Scale::new(decimals.min(Scale::MAX)).unwrap_or(Scale::WHOLE);
        Instrument {
            symbol: self.symbol.clone(),
            price_scale: scale(self.price_decimals),
            lot_scale: scale(self.lot_decimals),
            currency: self.currency,
        }
    }
}

/// A split, as files keep it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitEntry {
    /// Whose.
    #[serde(with = "text")]
    pub symbol: Symbol,
    /// From this bar on it is in the price.
    #[serde(with = "text")]
    pub effective: Timestamp,
    /// New shares.
    pub numerator: u32,
    /// For so many old ones.
    pub denominator: u32,
}

impl From<&CorporateAction> for SplitEntry {
    fn from(action: &CorporateAction) -> Self {
        let Action::Split { numerator, denominator } = action.action;
        let (symbol, effective) = (action.symbol.clone(), action.effective);
        Self { symbol, effective, numerator, denominator }
    }
}

impl From<&SplitEntry> for CorporateAction {
    fn from(entry: &SplitEntry) -> Self {
        let (numerator, denominator) = (entry.numerator, entry.denominator);
        Self {
            symbol: entry.symbol.clone(),
            effective: entry.effective,
            action: Action::Split { numerator, denominator },
        }
    }
}

/// One Parquet file of a dataset: rows in order of symbol and time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// Its name in the dataset's directory.
    pub file: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Its rows.
    pub rows: u64,
    /// Earliest bar in it.
    #[serde(with = "text")]
    pub first: Timestamp,
    /// Latest bar in it.
    #[serde(with = "text")]
    pub last: Timestamp,
    /// Which rows are whose, in order.
    pub spans: Vec<Span>,
    /// Of ticks: the SHA-256 of each row group's logical columns, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chunks: Vec<String>,
}

/// A stretch of rows of one symbol in one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Whose.
    #[serde(with = "text")]
    pub symbol: Symbol,
    /// How many rows.
    pub rows: u64,
}

impl Manifest {
    /// The splits, as the market knows them.
    #[must_use]
    pub fn corporate_actions(&self) -> Vec<CorporateAction> {
        self.actions.iter().map(CorporateAction::from).collect()
    }
}
