//! What the venue writes, field by field. Fields that are not read are passed over.

use super::text::{Text, flag};
use serde::Deserialize;

/// What every answer begins with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'a> {
    pub ret_code: i64,
    #[serde(borrow, default)]
    pub ret_msg: Text<'a>,
    #[serde(default)]
    pub time: i64,
}

/// An answer with its result.
#[derive(Debug, Deserialize)]
pub(super) struct Whole<T> {
    pub result: T,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<'a, T> {
    #[serde(default = "Vec::new")]
    pub list: Vec<T>,
    #[serde(borrow, default)]
    pub next_page_cursor: Text<'a>,
}

/// The two names of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub order_id: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/order/open-order> and
/// <https://bybit-exchange.github.io/docs/v5/websocket/private/order>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OrderRow<'a> {
    #[serde(borrow)]
    pub category: Text<'a>,
    #[serde(borrow)]
    pub symbol: Text<'a>,
    #[serde(borrow)]
    pub order_id: Text<'a>,
    #[serde(borrow)]
    pub order_link_id: Text<'a>,
    #[serde(borrow)]
    pub side: Text<'a>,
    #[serde(borrow)]
    pub position_idx: Text<'a>,
    #[serde(borrow)]
    pub order_type: Text<'a>,
    #[serde(borrow)]
    pub price: Text<'a>,
    #[serde(borrow)]
    pub qty: Text<'a>,
    #[serde(borrow)]
    pub market_unit: Text<'a>,
    #[serde(borrow)]
    pub cum_exec_qty: Text<'a>,
    #[serde(borrow)]
    pub time_in_force: Text<'a>,
    #[serde(borrow)]
    pub order_status: Text<'a>,
    #[serde(borrow)]
    pub reject_reason: Text<'a>,
    #[serde(borrow)]
    pub create_type: Text<'a>,
    #[serde(borrow)]
    pub stop_order_type: Text<'a>,
    #[serde(borrow)]
    pub trigger_price: Text<'a>,
    #[serde(borrow)]
    pub trigger_direction: Text<'a>,
    #[serde(borrow)]
    pub last_price_on_created: Text<'a>,
    #[serde(deserialize_with = "flag")]
    pub reduce_only: bool,
    #[serde(deserialize_with = "flag")]
    pub close_on_trigger: bool,
    #[serde(borrow)]
    pub updated_time: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/order/execution> and
/// <https://bybit-exchange.github.io/docs/v5/websocket/private/execution>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FillRow<'a> {
    #[serde(borrow)]
    pub category: Text<'a>,
    #[serde(borrow)]
    pub symbol: Text<'a>,
    #[serde(borrow)]
    pub order_id: Text<'a>,
    #[serde(borrow)]
    pub order_link_id: Text<'a>,
    #[serde(borrow)]
    pub side: Text<'a>,
    #[serde(borrow)]
    pub exec_id: Text<'a>,
    #[serde(borrow)]
    pub exec_type: Text<'a>,
    #[serde(borrow)]
    pub create_type: Text<'a>,
    #[serde(borrow)]
    pub exec_price: Text<'a>,
    #[serde(borrow)]
    pub exec_qty: Text<'a>,
    #[serde(borrow)]
    pub exec_fee: Text<'a>,
    #[serde(borrow)]
    pub fee_currency: Text<'a>,
    #[serde(borrow)]
    pub closed_size: Text<'a>,
    #[serde(deserialize_with = "flag")]
    pub is_maker: bool,
    #[serde(borrow)]
    pub exec_time: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/position> and
/// <https://bybit-exchange.github.io/docs/v5/websocket/private/position>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct PositionRow<'a> {
    #[serde(borrow)]
    pub category: Text<'a>,
    #[serde(borrow)]
    pub symbol: Text<'a>,
    #[serde(borrow)]
    pub side: Text<'a>,
    #[serde(borrow)]
    pub size: Text<'a>,
    #[serde(borrow)]
    pub position_idx: Text<'a>,
    /// Its name in answers.
    #[serde(borrow)]
    pub avg_price: Text<'a>,
    /// Its name on the stream.
    #[serde(borrow)]
    pub entry_price: Text<'a>,
    #[serde(borrow)]
    pub liq_price: Text<'a>,
    #[serde(borrow)]
    pub leverage: Text<'a>,
    #[serde(borrow)]
    pub updated_time: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/account/wallet-balance>.
#[derive(Debug, Deserialize)]
pub(super) struct Wallet<'a> {
    #[serde(borrow, default = "Vec::new")]
    pub coin: Vec<CoinRow<'a>>,
}

/// One coin of a wallet.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CoinRow<'a> {
    #[serde(borrow)]
    pub coin: Text<'a>,
    #[serde(borrow)]
    pub wallet_balance: Text<'a>,
    #[serde(borrow)]
    pub locked: Text<'a>,
    #[serde(borrow)]
    pub spot_borrow: Text<'a>,
    #[serde(borrow, rename = "totalOrderIM")]
    pub total_order_im: Text<'a>,
    #[serde(borrow, rename = "totalPositionIM")]
    pub total_position_im: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/user/apikey-info>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct KeyRow<'a> {
    #[serde(borrow)]
    pub read_only: Text<'a>,
    #[serde(borrow)]
    pub permissions: Permissions<'a>,
    #[serde(borrow)]
    pub ips: Vec<Text<'a>>,
    #[serde(borrow)]
    pub expired_at: Text<'a>,
}

/// What a key may do, by kind of service.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Permissions<'a> {
    #[serde(borrow)]
    pub contract_trade: Vec<Text<'a>>,
    #[serde(borrow)]
    pub spot: Vec<Text<'a>>,
    #[serde(borrow)]
    pub wallet: Vec<Text<'a>>,
    #[serde(borrow, rename = "FiatP2P")]
    pub fiat_p2p: Vec<Text<'a>>,
    #[serde(borrow)]
    pub fiat_bybit_pay: Vec<Text<'a>>,
    #[serde(borrow)]
    pub fiat_bit_pay: Vec<Text<'a>>,
}

/// One message of the private stream.
#[derive(Debug, Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub op: Text<'a>,
    #[serde(borrow, default)]
    pub topic: Text<'a>,
    #[serde(default)]
    pub success: Option<bool>,
    #[serde(borrow, default, alias = "retMsg")]
    pub ret_msg: Text<'a>,
    #[serde(default, rename = "retCode")]
    pub ret_code: Option<i64>,
}

/// The rows of a message of the private stream.
#[derive(Debug, Deserialize)]
pub(super) struct Rows<T> {
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
}
