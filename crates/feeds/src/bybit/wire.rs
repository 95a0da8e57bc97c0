//! What the venue writes, field by field. Fields that are not read are passed over.

use serde::Deserialize;
use std::borrow::Cow;

/// What every answer begins with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'a> {
    pub ret_code: i64,
    #[serde(borrow, default)]
    pub ret_msg: Cow<'a, str>,
    #[serde(default)]
    pub time: i64,
}

/// An answer with its result.
#[derive(Debug, Deserialize)]
pub(super) struct Whole<T> {
    pub result: T,
}

/// A list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<'a, T> {
    #[serde(default = "Vec::new")]
    pub list: Vec<T>,
    /// Null where there is no further page.
    #[serde(borrow, default, deserialize_with = "text")]
    pub next_page_cursor: Cow<'a, str>,
}

fn text<'de: 'a, 'a, D: serde::Deserializer<'de>>(d: D) -> Result<Cow<'a, str>, D::Error> {
    Option::<Cow<'a, str>>::deserialize(d).map(Option::unwrap_or_default)
}

/// Start, open, high, low, close, volume, turnover.
pub(super) type KlineRow<'a> = Vec<Cow<'a, str>>;

/// A book, or changes of one.
#[derive(Debug, Deserialize)]
pub(super) struct Levels<'a> {
    #[serde(borrow)]
    pub b: Vec<[Cow<'a, str>; 2]>,
    #[serde(borrow)]
    pub a: Vec<[Cow<'a, str>; 2]>,
    pub u: u64,
}

/// <https://bybit-exchange.github.io/docs/v5/market/instrument>
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InstrumentRow<'a> {
    #[serde(borrow)]
    pub symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    pub contract_type: Cow<'a, str>,
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    #[serde(borrow)]
    pub base_coin: Cow<'a, str>,
    #[serde(borrow)]
    pub quote_coin: Cow<'a, str>,
    #[serde(borrow, default)]
    pub settle_coin: Cow<'a, str>,
    #[serde(borrow)]
    pub price_filter: PriceFilter<'a>,
    #[serde(borrow)]
    pub lot_size_filter: LotFilter<'a>,
    #[serde(borrow, default)]
    pub leverage_filter: LeverageFilter<'a>,
}

/// The step of prices.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PriceFilter<'a> {
    #[serde(borrow)]
    pub tick_size: Cow<'a, str>,
}

/// The step and the bounds of sizes, under the names of either product.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct LotFilter<'a> {
    #[serde(borrow)]
    pub qty_step: Cow<'a, str>,
    #[serde(borrow)]
    pub base_precision: Cow<'a, str>,
    #[serde(borrow)]
    pub min_order_qty: Cow<'a, str>,
    #[serde(borrow)]
    pub max_order_qty: Cow<'a, str>,
    #[serde(borrow)]
    pub max_mkt_order_qty: Cow<'a, str>,
    #[serde(borrow)]
    pub max_limit_order_qty: Cow<'a, str>,
    #[serde(borrow)]
    pub max_market_order_qty: Cow<'a, str>,
    #[serde(borrow)]
    pub min_notional_value: Cow<'a, str>,
    #[serde(borrow)]
    pub min_order_amt: Cow<'a, str>,
}

/// How much leverage there is.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LeverageFilter<'a> {
    #[serde(borrow)]
    pub max_leverage: Cow<'a, str>,
}

/// What every message begins with.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub topic: Cow<'a, str>,
    #[serde(borrow, default, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(default)]
    pub ts: i64,
    #[serde(default)]
    pub cts: Option<i64>,
    #[serde(borrow, default)]
    pub op: Cow<'a, str>,
    #[serde(borrow, default)]
    pub req_id: Cow<'a, str>,
    #[serde(default)]
    pub success: Option<bool>,
    #[serde(borrow, default)]
    pub ret_msg: Cow<'a, str>,
}

/// A message with its data.
#[derive(Debug, Deserialize)]
pub(super) struct Data<T> {
    pub data: T,
}

/// A bar on the stream.
#[derive(Debug, Deserialize)]
pub(super) struct Kline<'a> {
    pub start: i64,
    #[serde(borrow)]
    pub open: Cow<'a, str>,
    #[serde(borrow)]
    pub high: Cow<'a, str>,
    #[serde(borrow)]
    pub low: Cow<'a, str>,
    #[serde(borrow)]
    pub close: Cow<'a, str>,
    #[serde(borrow)]
    pub volume: Cow<'a, str>,
    pub confirm: bool,
}

/// A trade on the stream.
#[derive(Debug, Deserialize)]
pub(super) struct Trade<'a> {
    #[serde(rename = "T")]
    pub time: i64,
    #[serde(borrow, rename = "S")]
    pub side: Cow<'a, str>,
    #[serde(borrow, rename = "v")]
    pub size: Cow<'a, str>,
    #[serde(borrow, rename = "p")]
    pub price: Cow<'a, str>,
    #[serde(default, rename = "BT")]
    pub block: bool,
}

/// A ticker, or what changed of one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ticker<'a> {
    #[serde(borrow, default)]
    pub next_funding_time: Cow<'a, str>,
    #[serde(borrow, default)]
    pub funding_rate: Cow<'a, str>,
    #[serde(borrow, default)]
    pub mark_price: Cow<'a, str>,
}

/// What a client says on a public stream.
#[derive(Debug, Deserialize)]
pub(super) struct Said<'a> {
    #[serde(borrow, default)]
    pub req_id: Cow<'a, str>,
    #[serde(borrow, default)]
    pub op: Cow<'a, str>,
    #[serde(borrow, default = "Vec::new")]
    pub args: Vec<Cow<'a, str>>,
}
