//! What the venue writes, field by field. Fields that are not read are passed over. Texts are lent by the
//! message where they can be: that is what `'de: 'a` says.

use super::text::flag;
use crate::text::Text;
use serde::Deserialize;

/// What every answer begins with.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Head<'a> {
    pub ret_code: i64,
    #[serde(default)]
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
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a, T: Deserialize<'de>"))]
pub(super) struct Page<'a, T> {
    #[serde(default = "Vec::new")]
    pub list: Vec<T>,
    #[serde(default)]
    pub next_page_cursor: Text<'a>,
}

/// The two names of an order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Named<'a> {
    pub order_id: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/order/open-order> and
/// <https://bybit-exchange.github.io/docs/v5/websocket/private/order>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(super) struct OrderRow<'a> {
    pub category: Text<'a>,
    pub symbol: Text<'a>,
    pub order_id: Text<'a>,
    pub order_link_id: Text<'a>,
    pub side: Text<'a>,
    pub position_idx: Text<'a>,
    pub order_type: Text<'a>,
    pub price: Text<'a>,
    pub qty: Text<'a>,
    pub market_unit: Text<'a>,
    pub cum_exec_qty: Text<'a>,
    pub time_in_force: Text<'a>,
    pub order_status: Text<'a>,
    pub reject_reason: Text<'a>,
    pub create_type: Text<'a>,
    pub stop_order_type: Text<'a>,
    pub trigger_price: Text<'a>,
    pub trigger_direction: Text<'a>,
    pub last_price_on_created: Text<'a>,
    #[serde(deserialize_with = "flag")]
    pub reduce_only: bool,
    #[serde(deserialize_with = "flag")]
    pub close_on_trigger: bool,
    pub updated_time: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/order/execution> and
/// <https://bybit-exchange.github.io/docs/v5/websocket/private/execution>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(super) struct FillRow<'a> {
    pub category: Text<'a>,
    pub symbol: Text<'a>,
    pub order_id: Text<'a>,
    pub order_link_id: Text<'a>,
    pub side: Text<'a>,
    pub exec_id: Text<'a>,
    pub exec_type: Text<'a>,
    pub create_type: Text<'a>,
    pub exec_price: Text<'a>,
    pub exec_qty: Text<'a>,
    pub exec_fee: Text<'a>,
    pub fee_currency: Text<'a>,
    pub closed_size: Text<'a>,
    #[serde(deserialize_with = "flag")]
    pub is_maker: bool,
    pub exec_time: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/position> and
/// <https://bybit-exchange.github.io/docs/v5/websocket/private/position>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(super) struct PositionRow<'a> {
    pub category: Text<'a>,
    pub symbol: Text<'a>,
    pub side: Text<'a>,
    pub size: Text<'a>,
    pub position_idx: Text<'a>,
    /// Its name in answers.
    pub avg_price: Text<'a>,
    /// Its name on the stream.
    pub entry_price: Text<'a>,
    pub liq_price: Text<'a>,
    pub leverage: Text<'a>,
    pub updated_time: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/account/wallet-balance>.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Wallet<'a> {
    #[serde(default = "Vec::new")]
    pub coin: Vec<CoinRow<'a>>,
}

/// One coin of a wallet.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(super) struct CoinRow<'a> {
    pub coin: Text<'a>,
    pub wallet_balance: Text<'a>,
    pub locked: Text<'a>,
    pub spot_borrow: Text<'a>,
    #[serde(rename = "totalOrderIM")]
    pub total_order_im: Text<'a>,
    #[serde(rename = "totalPositionIM")]
    pub total_position_im: Text<'a>,
}

/// <https://bybit-exchange.github.io/docs/v5/user/apikey-info>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
pub(super) struct KeyRow<'a> {
    pub read_only: Text<'a>,
    pub permissions: Permissions<'a>,
    pub ips: Vec<Text<'a>>,
    pub expired_at: Text<'a>,
}

/// What a key may do, by kind of service.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default, bound(deserialize = "'de: 'a"))]
pub(super) struct Permissions<'a> {
    pub contract_trade: Vec<Text<'a>>,
    pub spot: Vec<Text<'a>>,
    pub wallet: Vec<Text<'a>>,
    #[serde(rename = "FiatP2P")]
    pub fiat_p2p: Vec<Text<'a>>,
    pub fiat_bybit_pay: Vec<Text<'a>>,
    pub fiat_bit_pay: Vec<Text<'a>>,
}

/// One message of the private stream.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct Message<'a> {
    #[serde(default)]
    pub op: Text<'a>,
    #[serde(default)]
    pub topic: Text<'a>,
    #[serde(default)]
    pub success: Option<bool>,
    #[serde(default, alias = "retMsg")]
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
