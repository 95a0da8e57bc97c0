//! Positions, money, trades and keys as the venue describes them, in answers.

use super::{
    names::{leg, side},
    order::{Garbled, Read, Reader, moment, number},
};
use engine::live::{
    Balance, Cause, FillReport, FundingReport, KeyScope, Permission, PositionReport,
};
use market::{Currency, Money, Price, Product, Rate, Side};
use portfolio::{Leg, Liquidity};
use serde::Deserialize;
use std::borrow::Cow;

/// An amount; more than eight decimals are rounded half to even.
pub(super) fn money(text: &str) -> Result<Money, Garbled> {
    if let Ok(money) = Money::parse(text) {
        return Ok(money);
    }
    let fine = Rate::parse(text).map_err(|_| Garbled)?;
    fine.of(Money(Money::UNIT)).map_err(|_| Garbled)
}

/// A trade of the account.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TradeBody<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    id: i64,
    order_id: i64,
    #[serde(borrow)]
    price: Cow<'a, str>,
    #[serde(borrow)]
    qty: Cow<'a, str>,
    #[serde(borrow)]
    commission: Cow<'a, str>,
    #[serde(borrow)]
    commission_asset: Cow<'a, str>,
    time: i64,
    /// The futures' word.
    #[serde(borrow, default)]
    side: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    position_side: Option<Cow<'a, str>>,
    /// Spot's word.
    #[serde(default)]
    is_buyer: Option<bool>,
    #[serde(alias = "isMaker")]
    maker: bool,
}

/// Cash that moved: <https://developers.binance.com/docs/derivatives/usds-margined-futures/account/rest-api/Get-Income-History>.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IncomeBody<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow)]
    income_type: Cow<'a, str>,
    #[serde(borrow)]
    income: Cow<'a, str>,
    #[serde(borrow)]
    asset: Cow<'a, str>,
    time: i64,
    /// A number, or a text of digits.
    tran_id: serde_json::Value,
}

/// A position.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PositionBody<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    #[serde(borrow, default)]
    position_side: Option<Cow<'a, str>>,
    #[serde(borrow)]
    position_amt: Cow<'a, str>,
    #[serde(borrow)]
    entry_price: Cow<'a, str>,
    #[serde(borrow, default)]
    liquidation_price: Option<Cow<'a, str>>,
    /// Only the older versions of the endpoint say it.
    #[serde(borrow, default)]
    leverage: Option<Cow<'a, str>>,
    #[serde(default)]
    update_time: i64,
}

/// A futures account.
#[derive(Deserialize)]
pub(super) struct WalletsBody<'a> {
    #[serde(borrow)]
    pub(super) assets: Vec<WalletBody<'a>>,
}

/// A futures wallet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WalletBody<'a> {
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow)]
    wallet_balance: Cow<'a, str>,
    #[serde(borrow)]
    available_balance: Cow<'a, str>,
}

/// A spot account.
#[derive(Deserialize)]
pub(super) struct AccountBody<'a> {
    #[serde(borrow)]
    pub(super) balances: Vec<HoldingBody<'a>>,
}

/// A holding of spot.
#[derive(Deserialize)]
pub(super) struct HoldingBody<'a> {
    #[serde(borrow)]
    asset: Cow<'a, str>,
    #[serde(borrow)]
    free: Cow<'a, str>,
    #[serde(borrow)]
    locked: Cow<'a, str>,
}

/// What a key may do.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::struct_excessive_bools, reason = "the venue's own shape")]
pub(super) struct KeyBody {
    ip_restrict: bool,
    enable_withdrawals: bool,
    /// To another account of the house, at once.
    #[serde(default)]
    enable_internal_transfer: bool,
    /// Between the account's wallets.
    #[serde(default)]
    permits_universal_transfer: bool,
    #[serde(default)]
    enable_spot_and_margin_trading: Option<bool>,
    #[serde(default)]
    enable_futures: Option<bool>,
    #[serde(default)]
    trading_authority_expiration_time: Option<i64>,
}

/// A figure that stands for none where it is nought.
fn unless_zero(price: Option<Price>) -> Option<Price> {
    price.filter(|price| price.0 != 0)
}

impl Reader<'_> {
    /// A trade of the account. The venue does not say of a trade why it was made.
    pub(super) fn trade(self, body: &TradeBody<'_>) -> Read<FillReport> {
        let Some((instrument, one)) = self.find(&body.symbol) else { return Ok(None) };
        let side = match (body.side.as_deref(), body.is_buyer) {
            (Some(name), _) => side(name).ok_or(Garbled)?,
            (None, Some(true)) => Side::Buy,
            (None, Some(false)) => Side::Sell,
            (None, None) => return Err(Garbled),
        };
        Ok(Some(FillReport {
            trade: number(body.id),
            client: None,
            venue: Some(number(body.order_id)),
            instrument,
            side,
            leg: leg(body.position_side.as_deref()).ok_or(Garbled)?,
            price: one.price(&body.price).ok_or(Garbled)?,
            quantity: one.lots(&body.qty).ok_or(Garbled)?,
            fee: money(&body.commission)?,
            fee_currency: body.commission_asset.parse().ok(),
            liquidity: if body.maker { Liquidity::Maker } else { Liquidity::Taker },
            cause: Cause::Owner,
            time: moment(body.time)?,
        }))
    }

    /// A payment of funding; the venue does not say of which leg.
    pub(super) fn income(self, body: &IncomeBody<'_>) -> Read<FundingReport> {
        let Some((instrument, _)) = self.find(&body.symbol) else { return Ok(None) };
        if body.income_type != "FUNDING_FEE" {
            return Ok(None);
        }
        let payment = match &body.tran_id {
            serde_json::Value::String(digits) => digits.parse(),
            other => other.to_string().parse(),
        };
        Ok(Some(FundingReport {
            payment: payment.map_err(|_| Garbled)?,
            instrument,
            leg: Leg::Net,
            amount: money(&body.income)?,
            currency: body.asset.parse().map_err(|_| Garbled)?,
            time: moment(body.time)?,
        }))
    }

    /// A position, flat ones too.
    pub(super) fn position(self, body: &PositionBody<'_>) -> Read<PositionReport> {
        let Some((instrument, one)) = self.find(&body.symbol) else { return Ok(None) };
        let liquidation = body.liquidation_price.as_deref();
        Ok(Some(PositionReport {
            instrument,
            leg: leg(body.position_side.as_deref()).ok_or(Garbled)?,
            lots: one.signed_lots(&body.position_amt).ok_or(Garbled)?,
            entry: unless_zero(Some(one.price_near(&body.entry_price).ok_or(Garbled)?)),
            liquidation: unless_zero(liquidation.and_then(|text| one.price_near(text))),
            leverage: body.leverage.as_deref().and_then(|text| text.parse().ok()),
            time: moment(body.update_time)?,
        }))
    }

    /// What a key may do, for this product. A key that may move money to another wallet or account is one
    /// that may take it to where it can be taken out.
    pub(super) fn key(self, body: &KeyBody) -> Result<KeyScope, Garbled> {
        let is = |so: bool| if so { Permission::Yes } else { Permission::No };
        let trade = match self.setup.product {
            Product::Spot => body.enable_spot_and_margin_trading,
            Product::Perpetual => body.enable_futures,
        };
        let moves = body.enable_internal_transfer || body.permits_universal_transfer;
        let expires = body.trading_authority_expiration_time.filter(|time| *time > 0);
        Ok(KeyScope {
            trade: trade.map_or(Permission::Unsaid, is),
            withdraw: is(body.enable_withdrawals || moves),
            restricted: is(body.ip_restrict),
            seen_from: None,
            expires: expires.map(moment).transpose()?,
        })
    }
}

/// A coin whose ticker is no plain one is passed over: nothing of the roster is paid in it.
fn coin(asset: &str) -> Option<Currency> {
    asset.parse().ok()
}

/// A futures wallet.
pub(super) fn wallet(body: &WalletBody<'_>) -> Read<Balance> {
    let Some(currency) = coin(&body.asset) else { return Ok(None) };
    let (total, available) = (money(&body.wallet_balance)?, money(&body.available_balance)?);
    Ok(Some(Balance { currency, total, available }))
}

/// A holding of spot.
pub(super) fn holding(body: &HoldingBody<'_>) -> Read<Balance> {
    held(&body.asset, &body.free, &body.locked)
}

/// What is free and what orders have locked, together.
pub(super) fn held(asset: &str, free: &str, locked: &str) -> Read<Balance> {
    let Some(currency) = coin(asset) else { return Ok(None) };
    let (available, locked) = (money(free)?, money(locked)?);
    let total = available.plus(locked).map_err(|_| Garbled)?;
    Ok(Some(Balance { currency, total, available }))
}
