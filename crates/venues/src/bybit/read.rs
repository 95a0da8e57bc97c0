//! Rows of the venue to reports of the house.

use super::{
    text::{Round, moment, money},
    wire::{CoinRow, FillRow, KeyRow, OrderRow, PositionRow},
};
use engine::{
    live::{
        Balance, Cause, FillReport, FundingReport, KeyScope, Mode, OrderReport, OrderState,
        Permission, PositionReport, Word,
    },
    order::{OrderKind, Restrictions},
};
use market::{Currency, Money, Price, Product, Quantity, Roster, Side, Timestamp, Traded};
use portfolio::{InstrumentId, Leg, Liquidity};

/// What could not be read of a row.
pub(super) type Bad = &'static str;

/// What rows are read with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub roster: &'a Roster,
    /// Of which product rows are; those that say otherwise are passed over.
    pub product: Product,
    pub mode: Mode,
}

impl Reader<'_> {
    /// The instrument of a row; [`None`] for one that is not traded here.
    fn instrument(&self, category: &str, symbol: &str) -> Option<(InstrumentId, &Traded)> {
        if !category.is_empty() && category != super::category(self.product) {
            return None;
        }
        let (place, traded) = self.roster.find(self.product, symbol)?;
        u32::try_from(place).ok().map(|number| (InstrumentId(number), traded))
    }

    /// An order; [`None`] if it is of an instrument that is not traded here.
    pub fn order(&self, row: &OrderRow<'_>) -> Result<Option<OrderReport>, Bad> {
        let Some((instrument, traded)) = self.instrument(&row.category, &row.symbol) else {
            return Ok(None);
        };
        let side = side(&row.side).ok_or("an order's side")?;
        let by_value = traded.product == Product::Spot
            && &*row.order_type == "Market"
            && match &*row.market_unit {
                "baseCoin" => false,
                "quoteCoin" => true,
                _ => side == Side::Buy,
            };
        let filled = match &*row.cum_exec_qty {
            "" => None,
            text => Some(traded.lots(text).ok_or("an order's filled size")?),
        };
        let quantity = if by_value {
            // It asks for so much money: what it traded is all that is known of its size.
            filled.unwrap_or(Quantity::ZERO)
        } else {
            traded.lots(&row.qty).ok_or("an order's size")?
        };
        let post_only = matches!(&*row.time_in_force, "PostOnly" | "RPI");
        Ok(Some(OrderReport {
            client: row.order_link_id.parse().ok(),
            venue: row.order_id.parse().ok(),
            instrument,
            side,
            leg: leg(&row.position_idx).ok_or("an order's position")?,
            kind: kind(row, traded, side)?,
            restrictions: restrictions(post_only, row.reduce_only),
            quantity,
            filled,
            state: state(row).ok_or("an order's state")?,
            cause: made_by(&row.create_type),
            time: moment(&row.updated_time).ok_or("an order's time")?,
        }))
    }

    /// What an execution says: a trade, or a payment of funding.
    pub fn execution(&self, row: &FillRow<'_>) -> Result<Option<Word>, Bad> {
        if &*row.exec_type == "Funding" {
            return Ok(self.funding(row)?.map(Word::Funding));
        }
        Ok(self.fill(row)?.map(Word::Fill))
    }

    /// A payment of funding, which the venue books as an execution whose fee it is; a negative fee is
    /// received. [`None`] if the row is none, or of an instrument that is not traded here.
    pub fn funding(&self, row: &FillRow<'_>) -> Result<Option<FundingReport>, Bad> {
        let Some((instrument, traded)) = self.instrument(&row.category, &row.symbol) else {
            return Ok(None);
        };
        if &*row.exec_type != "Funding" {
            return Ok(None);
        }
        let leg = match (self.mode, side(&row.side).ok_or("a payment's side")?) {
            (Mode::OneWay, _) => Leg::Net,
            (Mode::Hedge, Side::Buy) => Leg::Long,
            (Mode::Hedge, Side::Sell) => Leg::Short,
        };
        let fee = money(&row.exec_fee, Round::Nearest).ok_or("a payment's amount")?;
        let currency = row.fee_currency.parse();
        Ok(Some(FundingReport {
            payment: row.exec_id.parse().map_err(|_| "a payment's number")?,
            instrument,
            leg,
            amount: fee.negated().map_err(|_| "a payment's amount")?,
            currency: currency.unwrap_or(traded.listing.instrument.currency),
            time: moment(&row.exec_time).ok_or("a payment's time")?,
        }))
    }

    /// A trade; [`None`] if it is of an instrument that is not traded here, or no trade at all.
    pub fn fill(&self, row: &FillRow<'_>) -> Result<Option<FillReport>, Bad> {
        // The venue books funding and sessions of settlement as executions too.
        if matches!(&*row.exec_type, "Funding" | "SessionSettlePnL") {
            return Ok(None);
        }
        let Some((instrument, traded)) = self.instrument(&row.category, &row.symbol) else {
            return Ok(None);
        };
        let side = side(&row.side).ok_or("a trade's side")?;
        let fee = money(&row.exec_fee, Round::Nearest).ok_or("a trade's fee")?;
        let maker_rebate = row.is_maker && fee < Money::ZERO;
        // A takeover is booked at the price of bankruptcy, which need not lie on a tick.
        let price = traded.price(&row.exec_price).or_else(|| traded.price_near(&row.exec_price));
        Ok(Some(FillReport {
            trade: row.exec_id.parse().map_err(|_| "a trade's number")?,
            client: row.order_link_id.parse().ok(),
            venue: row.order_id.parse().ok(),
            instrument,
            side,
            leg: self.leg_of_fill(side, &row.closed_size),
            price: price.ok_or("a trade's price")?,
            quantity: traded.lots(&row.exec_qty).ok_or("a trade's size")?,
            fee,
            fee_currency: Some(match row.fee_currency.parse() {
                Ok(currency) => currency,
                Err(_) => fee_currency(traded, side, maker_rebate),
            }),
            liquidity: if row.is_maker { Liquidity::Maker } else { Liquidity::Taker },
            cause: traded_by(&row.exec_type, &row.create_type),
            time: moment(&row.exec_time).ok_or("a trade's time")?,
        }))
    }

    /// Trades do not say of which position they are. In hedge mode an order is of one of the two, so
    /// what closes a position is of the other leg than what opens one.
    fn leg_of_fill(&self, side: Side, closed: &str) -> Leg {
        if self.mode == Mode::OneWay || self.product == Product::Spot {
            return Leg::Net;
        }
        let ends = money(closed, Round::Down).is_some_and(|size| size > Money::ZERO);
        match (side, ends) {
            (Side::Buy, false) | (Side::Sell, true) => Leg::Long,
            (Side::Sell, false) | (Side::Buy, true) => Leg::Short,
        }
    }

    /// A position, flat ones too; [`None`] if it is of an instrument that is not traded here.
    pub fn position(&self, row: &PositionRow<'_>) -> Result<Option<PositionReport>, Bad> {
        let Some((instrument, traded)) = self.instrument(&row.category, &row.symbol) else {
            return Ok(None);
        };
        let size = traded.lots(&row.size).ok_or("a position's size")?;
        let size = i64::try_from(size.0).map_err(|_| "a position's size")?;
        let lots = match (&*row.side, size) {
            (_, 0) => 0,
            ("Buy", size) => size,
            ("Sell", size) => -size,
            _ => return Err("a position's side"),
        };
        let entry = if row.avg_price.is_empty() { &row.entry_price } else { &row.avg_price };
        Ok(Some(PositionReport {
            instrument,
            leg: leg(&row.position_idx).ok_or("a position's leg")?,
            lots,
            entry: near(traded, entry),
            liquidation: near(traded, &row.liq_price),
            leverage: row.leverage.split('.').next().and_then(|whole| whole.parse().ok()),
            time: moment(&row.updated_time).ok_or("a position's time")?,
        }))
    }
}

/// What the account holds of a coin. What was borrowed is in the wallet, and is not the account's.
pub(super) fn balance(row: &CoinRow<'_>) -> Result<Option<Balance>, Bad> {
    // Tickers that are no currency of ours cannot be traded here either.
    let Ok(currency) = row.coin.parse::<Currency>() else { return Ok(None) };
    let read = |text: &str| money(text, Round::Down).ok_or("a balance");
    let wallet = read(&row.wallet_balance)?;
    let total = wallet.minus(read(&row.spot_borrow)?).map_err(|_| "a balance")?;
    let mut available = total;
    for held in [&row.locked, &row.total_order_im, &row.total_position_im] {
        available = available.minus(read(held)?).map_err(|_| "a balance")?;
    }
    Ok(Some(Balance { currency, total, available: available.max(Money::ZERO) }))
}

/// What a key may do. Money leaves an account by withdrawal, by a transfer to another account or to the
/// funding wallet, from which it is withdrawn, by a sale between persons, and by a payment.
pub(super) fn scope(row: &KeyRow<'_>, product: Product) -> KeyScope {
    let permissions = &row.permissions;
    let moves = permissions.wallet.iter().any(|one| &**one != "SubMemberTransferList");
    let pays = [&permissions.fiat_p2p, &permissions.fiat_bybit_pay, &permissions.fiat_bit_pay];
    let sells = pays.into_iter().any(|list| !list.is_empty());
    let may = match product {
        Product::Spot => permissions.spot.iter().any(|one| &**one == "SpotTrade"),
        Product::Perpetual => permissions.contract_trade.iter().any(|one| &**one == "Order"),
    };
    let yes = |so: bool| if so { Permission::Yes } else { Permission::No };
    let reads_only = &*row.read_only == "1";
    let bound = !row.ips.is_empty() && row.ips.iter().all(|one| &**one != "*");
    let expires = row.expired_at.parse::<Timestamp>().ok();
    KeyScope {
        trade: yes(may && !reads_only),
        withdraw: yes((moves || sells) && !reads_only),
        restricted: if row.ips.is_empty() { Permission::Unsaid } else { yes(bound) },
        seen_from: None,
        // A key without an end has one at the beginning of time.
        expires: expires.filter(|time| time.nanos() > 0),
    }
}

fn near(traded: &Traded, text: &str) -> Option<Price> {
    traded.price_near(text).filter(|price| price.0 > 0)
}

pub(super) fn side(text: &str) -> Option<Side> {
    match text {
        "Buy" => Some(Side::Buy),
        "Sell" => Some(Side::Sell),
        _ => None,
    }
}

pub(super) fn leg(position: &str) -> Option<Leg> {
    match position {
        "" | "0" => Some(Leg::Net),
        "1" => Some(Leg::Long),
        "2" => Some(Leg::Short),
        _ => None,
    }
}

pub(super) fn restrictions(post_only: bool, reduce_only: bool) -> Restrictions {
    let when = |so: bool, what| if so { what } else { Restrictions::NONE };
    when(post_only, Restrictions::POST_ONLY).with(when(reduce_only, Restrictions::REDUCE_ONLY))
}

/// When an order trades. A conditional one keeps its number and its trigger after it woke.
fn kind(row: &OrderRow<'_>, traded: &Traded, side: Side) -> Result<OrderKind, Bad> {
    let limit = match &*row.order_type {
        "Limit" => Some(traded.price(&row.price).ok_or("an order's price")?),
        "Market" => None,
        _ => return Err("an order's type"),
    };
    let waits = matches!(&*row.order_status, "Untriggered" | "Triggered" | "Deactivated");
    let conditional = waits || !matches!(&*row.stop_order_type, "" | "UNKNOWN");
    let trigger = near(traded, &row.trigger_price).filter(|_| conditional);
    let Some(trigger) = trigger else { return Ok(plain(limit)) };
    let rises = match &*row.trigger_direction {
        "1" => Some(true),
        "2" => Some(false),
        // Spot does not say: the trigger is reached from where the market stood.
        _ => near(traded, &row.last_price_on_created).map(|last| trigger > last),
    };
    Ok(conditional_kind(side, rises, trigger, limit))
}

pub(super) const fn plain(limit: Option<Price>) -> OrderKind {
    match limit {
        Some(price) => OrderKind::Limit { price },
        None => OrderKind::Market,
    }
}

/// A stop wakes as the market runs away from the order's side, and one "if touched" as it comes
/// closer; without a direction it is taken for a stop.
pub(super) const fn conditional_kind(
    side: Side,
    rises: Option<bool>,
    trigger: Price,
    limit: Option<Price>,
) -> OrderKind {
    let touched = matches!((side, rises), (Side::Buy, Some(false)) | (Side::Sell, Some(true)));
    match (touched, limit) {
        (false, None) => OrderKind::Stop { trigger },
        (false, Some(price)) => OrderKind::StopLimit { trigger, price },
        (true, None) => OrderKind::Touched { trigger },
        (true, Some(price)) => OrderKind::TouchedLimit { trigger, price },
    }
}

/// <https://bybit-exchange.github.io/docs/v5/enum#orderstatus>; [`None`] for a state that is not there.
fn state(row: &OrderRow<'_>) -> Option<OrderState> {
    Some(match &*row.order_status {
        "Untriggered" => OrderState::Waiting,
        "Triggered" => OrderState::Triggered,
        "New" | "PartiallyFilled" => OrderState::Working,
        "Filled" => OrderState::Filled,
        // A post-only order that would trade is cancelled rather than refused.
        "Cancelled" if &*row.reject_reason == "EC_PostOnlyWillTakeLiquidity" => {
            OrderState::Rejected
        }
        "Cancelled" | "PartiallyFilledCanceled" | "Deactivated" => OrderState::Cancelled,
        "Rejected" => OrderState::Rejected,
        _ => return None,
    })
}

/// <https://bybit-exchange.github.io/docs/v5/enum#createtype>
fn made_by(create_type: &str) -> Cause {
    match create_type {
        "CreateByLiq" | "CreateByTakeOver_PassThrough" => Cause::Liquidation,
        "CreateByAdl_PassThrough" => Cause::Deleveraging,
        "CreateBySettle" | "CreateByAdminClosing" => Cause::Settlement,
        _ => Cause::Owner,
    }
}

/// <https://bybit-exchange.github.io/docs/v5/enum#exectype>
fn traded_by(exec_type: &str, create_type: &str) -> Cause {
    match exec_type {
        "AdlTrade" => Cause::Deleveraging,
        "BustTrade" => Cause::Liquidation,
        "Delivery" | "Settle" => Cause::Settlement,
        _ => made_by(create_type),
    }
}

/// <https://bybit-exchange.github.io/docs/v5/enum#spot-fee-currency-instruction>: what is received
/// pays the fee, and what a maker's rebate is paid in is what it gave.
fn fee_currency(traded: &Traded, side: Side, maker_rebate: bool) -> Currency {
    let quote = traded.listing.instrument.currency;
    let in_base = match traded.product {
        Product::Perpetual => false,
        Product::Spot => (side == Side::Buy) != maker_rebate,
    };
    if in_base { traded.base } else { quote }
}
