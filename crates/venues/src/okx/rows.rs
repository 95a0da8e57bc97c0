//! The venue's rows, as they come: <https://www.okx.com/docs-v5/en/>. Unknown fields are passed over.

use crate::text::Text;
use serde::Deserialize;

/// A response or a part of it: a code, a message and rows.
#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Envelope<'a, T> {
    /// `0` for success; `1` and `2` if all or some of the rows failed.
    #[serde(borrow)]
    pub code: Text<'a>,
    #[serde(borrow, default)]
    pub msg: Text<'a>,
    #[serde(default = "Vec::new")]
    pub data: Vec<T>,
}

/// A struct whose fields are texts by the venue's names.
macro_rules! row {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* $(,)? } $(lists $($list:ident),*)?) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub(super) struct $name<'a> {
            $(#[serde(borrow)] pub $field: Text<'a>,)*
            $($(#[serde(borrow)] pub $list: Vec<Text<'a>>,)*)?
        }
    };
}

row! {
    /// What came of one order of a request.
    Ack { ord_id, cl_ord_id, algo_id, algo_cl_ord_id, s_code, s_msg }
}

row! {
    /// An order that meets the market; a stream says its latest trade besides.
    OrderRow {
        inst_id, ord_id, cl_ord_id, algo_id, algo_cl_ord_id, side, pos_side, ord_type, px, sz,
        tgt_ccy, acc_fill_sz, state, category, reduce_only, cancel_source, u_time, trade_id, fill_px,
        fill_sz, fill_time, fill_fee, fill_fee_ccy, fee, fee_ccy, exec_type,
    }
}

row! {
    /// An order that waits for a trigger.
    AlgoRow {
        inst_id, algo_id, algo_cl_ord_id, ord_id, side, pos_side, ord_type, sz, close_fraction,
        sl_trigger_px, sl_ord_px, tp_trigger_px, tp_ord_px, trigger_px, ord_px, last, callback_ratio,
        callback_spread, active_px, reduce_only, tgt_ccy, state, u_time, c_time,
    } lists ord_id_list
}

row! {
    /// One trade of the account.
    FillRow {
        inst_id, trade_id, ord_id, cl_ord_id, bill_id, fill_px, fill_sz, side, pos_side, exec_type,
        fee, fee_ccy, fill_time, ts, sub_type,
    }
}

row! {
    /// A position.
    PositionRow { inst_id, inst_type, pos_side, pos, avg_px, liq_px, lever, u_time }
}

row! {
    /// What is held of one coin.
    CoinRow { ccy, cash_bal, avail_bal, avail_eq }
}

row! {
    /// How the account and the key are set up.
    ConfigRow { pos_mode, perm, ip }
}

/// What is held of all coins.
#[derive(Debug, Deserialize)]
pub(super) struct AccountRow<'a> {
    #[serde(borrow, default)]
    pub details: Vec<CoinRow<'a>>,
}

/// A movement of cash: <https://www.okx.com/docs-v5/en/#trading-account-rest-api-get-bills-details-last-7-days>.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct BillRow<'a> {
    #[serde(borrow)]
    pub bill_id: Text<'a>,
    #[serde(borrow)]
    pub inst_id: Text<'a>,
    /// 8 is funding.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub ccy: Text<'a>,
    #[serde(borrow)]
    pub bal_chg: Text<'a>,
    #[serde(borrow)]
    pub ts: Text<'a>,
}

/// What moved cash or a position: of this channel only the reason is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MoveRow<'a> {
    #[serde(borrow)]
    pub event_type: Text<'a>,
}
