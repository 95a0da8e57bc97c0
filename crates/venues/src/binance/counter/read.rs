//! Parameters as calls.

use super::params::{Params, Refusal, malformed, refuse};
use crate::binance::names::{Shape, closes, leg, side, waits};
use engine::{
    live::{Book, Call, ClientId, Mode, NewOrder, OrderRef, Scope},
    order::{Amendment, OrderKind, Restrictions, Ticket, TimeInForce},
};
use market::{Price, Product, Quantity, Roster, Side, Timestamp, Traded};
use portfolio::{InstrumentId, Leg};

/// Reads the parameters of one request.
pub(super) struct Reader<'a> {
    pub(super) params: &'a Params,
    pub(super) roster: &'a Roster,
    pub(super) product: Product,
}

type Read<T> = Result<T, Refusal>;

fn time(ms: i64) -> Timestamp {
    Timestamp::from_nanos(ms.saturating_mul(1_000_000))
}

impl Reader<'_> {
    fn instrument(&self) -> Read<(InstrumentId, &Traded)> {
        let name = self.params.needed("symbol")?;
        let unknown = || refuse(400, -1121, "Invalid symbol.");
        let (place, one) = self.roster.find(self.product, name).ok_or_else(unknown)?;
        Ok((InstrumentId(u32::try_from(place).map_err(|_| unknown())?), one))
    }

    fn maybe(&self) -> Read<Option<InstrumentId>> {
        match self.params.text("symbol") {
            Some(_) => self.instrument().map(|(id, _)| Some(id)),
            None => Ok(None),
        }
    }

    fn price(&self, one: &Traded, name: &str) -> Read<Price> {
        let text = self.params.needed(name)?;
        one.price(text).ok_or_else(|| match self.product {
            Product::Spot => refuse(400, -1013, "Filter failure: PRICE_FILTER"),
            Product::Perpetual => refuse(400, -4014, "Price not increased by tick size."),
        })
    }

    fn size(&self, one: &Traded, name: &str) -> Read<Quantity> {
        let text = self.params.needed(name)?;
        one.lots(text).ok_or_else(|| match self.product {
            Product::Spot => refuse(400, -1013, "Filter failure: LOT_SIZE"),
            Product::Perpetual => {
                refuse(400, -1111, "Precision is over the maximum defined for this asset.")
            }
        })
    }

    fn side(&self) -> Read<Side> {
        side(self.params.needed("side")?).ok_or_else(|| refuse(400, -1117, "Invalid side."))
    }

    /// The name that an order is given, under one of these parameters.
    fn client(&self, names: &[&str]) -> Read<ClientId> {
        let given = names.iter().find_map(|name| self.params.text(name));
        let text = given.map_or_else(|| self.params.made_up(), str::to_owned);
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".:/_-".contains(&b);
        let illegal = || {
            refuse(
                400,
                -1100,
                "Illegal characters found in parameter 'newClientOrderId'; legal range is '^[\\.A-Z\\:/a-z0-9_-]{1,36}$'.",
            )
        };
        text.parse().ok().filter(|_| text.bytes().all(is_plain)).ok_or_else(illegal)
    }

    /// An order of the plain book of the futures, or any of spot.
    pub(super) fn place(&self) -> Read<Call> {
        let (instrument, one) = self.instrument()?;
        let side = self.side()?;
        if self.params.text("quoteOrderQty").is_some() {
            let text = "Quote order qty market orders are not support for this symbol.";
            return Err(refuse(400, -2010, text));
        }
        let (kind, mut restrictions) = self.kind(one, self.params.needed("type")?)?;
        if self.product == Product::Perpetual && waits(kind) {
            let text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.";
            return Err(refuse(400, -4120, text));
        }
        let leg = self.leg()?;
        restrictions = self.reduces(restrictions, leg, side)?;
        let ticket = Ticket {
            kind,
            tif: self.tif(kind)?,
            restrictions,
            display: match self.params.text("icebergQty") {
                Some(_) => Some(self.size(one, "icebergQty")?),
                None => None,
            },
            leg,
            ..Ticket::market(instrument, side, self.size(one, "quantity")?)
        };
        let client = self.client(&["newClientOrderId"])?;
        Ok(Call::Place(NewOrder { client, ticket, scope: Scope::Size, stop: None }))
    }

    /// A conditional order of the futures.
    pub(super) fn place_conditional(&self) -> Read<Call> {
        let (instrument, one) = self.instrument()?;
        if self.params.needed("algoType")? != "CONDITIONAL" {
            return Err(malformed("algoType"));
        }
        let side = self.side()?;
        let (kind, restrictions) = self.kind(one, self.params.needed("type")?)?;
        if !waits(kind) {
            return Err(refuse(400, -1116, "Invalid orderType."));
        }
        let leg = self.leg()?;
        let mut restrictions = self.reduces(restrictions, leg, side)?;
        let closes_position = self.params.is_true("closePosition");
        if closes_position && self.params.text("quantity").is_some() {
            let text = "Quantity must be zero with closePosition equals true.";
            return Err(refuse(400, -4137, text));
        }
        let (scope, quantity) = if closes_position {
            restrictions = restrictions.with(Restrictions::REDUCE_ONLY);
            (Scope::Position, Quantity::ZERO)
        } else {
            (Scope::Size, self.size(one, "quantity")?)
        };
        let tif = self.tif(kind)?;
        let ticket =
            Ticket { kind, tif, restrictions, leg, ..Ticket::market(instrument, side, quantity) };
        // Older clients name it as they name other orders.
        let client = self.client(&["clientAlgoId", "newClientOrderId"])?;
        Ok(Call::Place(NewOrder { client, ticket, scope, stop: None }))
    }

    fn kind(&self, one: &Traded, name: &str) -> Read<(OrderKind, Restrictions)> {
        let text = |name: &str| self.params.text(name).unwrap_or("");
        let trigger = if self.product == Product::Spot { "stopPrice" } else { "triggerPrice" };
        for (needed, names) in [
            (
                "price",
                &["LIMIT", "LIMIT_MAKER", "STOP", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"][..],
            ),
            (
                trigger,
                &["STOP", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TAKE_PROFIT", "STOP_LOSS_LIMIT"][..],
            ),
        ] {
            if names.contains(&name) {
                self.price(one, needed)?;
            }
        }
        let shape = Shape {
            name,
            price: text("price"),
            trigger: text(trigger),
            delta: self.params.number("trailingDelta")?,
            rate: self.params.text("callbackRate"),
            from: self.params.text("activatePrice").or(self.params.text("activationPrice")),
            tif: text("timeInForce"),
        };
        if name == "TRAILING_STOP_MARKET" {
            self.params.needed("callbackRate")?;
        }
        shape.kind(self.product, one).ok_or_else(|| refuse(400, -1116, "Invalid orderType."))
    }

    /// Which leg; in one-way mode none.
    fn leg(&self) -> Read<Leg> {
        let name = self.params.text("positionSide").filter(|_| self.product != Product::Spot);
        leg(name).ok_or_else(|| refuse(400, -4060, "Invalid position side."))
    }

    fn reduces(&self, restrictions: Restrictions, leg: Leg, side: Side) -> Read<Restrictions> {
        let says = self.params.is_true("reduceOnly");
        if says && leg != Leg::Net {
            return Err(refuse(400, -1106, "Parameter 'reduceonly' sent when not required."));
        }
        let reduces = says || closes(leg, side);
        Ok(if reduces { restrictions.with(Restrictions::REDUCE_ONLY) } else { restrictions })
    }

    fn tif(&self, kind: OrderKind) -> Read<TimeInForce> {
        let has_limit = kind.limit().is_some();
        match self.params.text("timeInForce") {
            _ if !has_limit => Ok(TimeInForce::GoodTillCancelled),
            None if matches!(kind, OrderKind::Limit { .. }) => {
                let is_maker = self.params.text("type") == Some("LIMIT_MAKER");
                if is_maker {
                    Ok(TimeInForce::GoodTillCancelled)
                } else {
                    Err(malformed("timeInForce"))
                }
            }
            None | Some("GTC" | "GTX") => Ok(TimeInForce::GoodTillCancelled),
            Some("IOC") => Ok(TimeInForce::ImmediateOrCancel),
            Some("FOK") => Ok(TimeInForce::FillOrKill),
            Some("GTD") if self.product == Product::Perpetual => {
                let until = self.params.number("goodTillDate")?;
                Ok(TimeInForce::GoodTill(time(until.ok_or_else(|| malformed("goodTillDate"))?)))
            }
            Some(_) => Err(refuse(400, -1115, "Invalid timeInForce.")),
        }
    }

    /// An order by number or name; the book is the path's.
    pub(super) fn reference(&self, book: Book) -> Read<OrderRef> {
        let (number, name) = match book {
            Book::Conditional => ("algoId", "clientAlgoId"),
            Book::Both | Book::Plain => ("orderId", "origClientOrderId"),
        };
        self.named(number, name, book == Book::Conditional)
    }

    fn named(&self, number: &str, name: &str, conditional: bool) -> Read<OrderRef> {
        let (instrument, _) = self.instrument()?;
        let text = |name: &str| self.params.text(name).filter(|text| !text.is_empty());
        let venue = text(number).map(|text| text.parse().map_err(|_| malformed(number)));
        let client = text(name).map(|text| text.parse().map_err(|_| malformed(name)));
        let (venue, client) = (venue.transpose()?, client.transpose()?);
        if venue.is_none() && client.is_none() {
            let text =
                format!("Param '{name}' or '{number}' must be sent, but both were empty/null!");
            return Err(refuse(400, -1102, &text));
        }
        Ok(OrderRef { instrument, client, venue, conditional })
    }

    /// `PUT /fapi/v1/order`.
    pub(super) fn modify(&self) -> Read<Call> {
        let (_, one) = self.instrument()?;
        let quantity = Some(self.size(one, "quantity")?);
        let change = Amendment { quantity, price: Some(self.price(one, "price")?), trigger: None };
        Ok(Call::Amend(self.reference(Book::Plain)?, change, Some(self.side()?)))
    }

    /// `PUT /api/v3/order/amend/keepPriority`.
    pub(super) fn shrink(&self) -> Read<Call> {
        let (_, one) = self.instrument()?;
        let change =
            Amendment { quantity: Some(self.size(one, "newQty")?), ..Amendment::default() };
        Ok(Call::Amend(self.reference(Book::Plain)?, change, None))
    }

    /// `POST /api/v3/order/cancelReplace`, read as a change of size and price.
    pub(super) fn replace(&self) -> Read<Call> {
        let (_, one) = self.instrument()?;
        let order = self.named("cancelOrderId", "cancelOrigClientOrderId", false)?;
        let quantity = Some(self.size(one, "quantity")?);
        let change = Amendment { quantity, price: Some(self.price(one, "price")?), trigger: None };
        Ok(Call::Amend(order, change, Some(self.side()?)))
    }

    pub(super) fn cancel_all(&self, book: Book) -> Read<Call> {
        Ok(Call::CancelAll(Some(self.instrument()?.0), book))
    }

    pub(super) fn open_orders(&self, book: Book) -> Read<Call> {
        Ok(Call::OpenOrders(self.maybe()?, book))
    }

    pub(super) fn fills(&self) -> Read<Call> {
        let (instrument, _) = self.instrument()?;
        let from = self.params.number("fromId")?;
        let after = from.map(|from| from.saturating_sub(1).to_string().parse());
        let after = after.transpose().map_err(|_| malformed("fromId"))?;
        let since = time(self.params.number("startTime")?.unwrap_or(0));
        Ok(Call::Fills { instrument, since, after })
    }

    /// Of cash that no trade moved the box knows funding alone.
    pub(super) fn funding(&self) -> Read<Call> {
        let (instrument, _) = self.instrument()?;
        if self.params.text("incomeType").is_some_and(|kind| kind != "FUNDING_FEE") {
            return Err(Box::new(super::params::answer(200, &serde_json::json!([]))));
        }
        let since = time(self.params.number("startTime")?.unwrap_or(0));
        let until = time(self.params.number("endTime")?.unwrap_or(i64::MAX / 1_000_000));
        Ok(Call::Funding { instrument, since, until })
    }

    pub(super) fn heartbeat(&self) -> Read<Call> {
        let instrument = Some(self.instrument()?.0);
        let ms = self.params.number("countdownTime")?.ok_or_else(|| malformed("countdownTime"))?;
        // Whole seconds, rather more than fewer.
        let seconds = u32::try_from(ms.saturating_add(999) / 1000);
        Ok(Call::Heartbeat {
            instrument,
            seconds: seconds.map_err(|_| malformed("countdownTime"))?,
        })
    }

    pub(super) fn set_mode(&self) -> Read<Call> {
        match self.params.needed("dualSidePosition")? {
            "true" | "True" => Ok(Call::SetMode(Mode::Hedge)),
            "false" | "False" => Ok(Call::SetMode(Mode::OneWay)),
            _ => Err(malformed("dualSidePosition")),
        }
    }

    pub(super) fn set_leverage(&self) -> Read<Call> {
        let (instrument, one) = self.instrument()?;
        let asked = self.params.number("leverage")?.and_then(|n| u32::try_from(n).ok());
        let asked = asked.filter(|n| (1..=one.leverage_max).contains(n));
        let wrong = || refuse(400, -4028, "Leverage is not valid");
        Ok(Call::SetLeverage(instrument, asked.ok_or_else(wrong)?))
    }
}
