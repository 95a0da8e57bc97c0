//! What stands in the venue's fields, which are texts whatever they mean, and what our values are as
//! such texts.

use crate::text::{push_encoded, push_quoted};
use engine::live::{ClientId, VenueId};
use market::{Money, Product, Rate, Roster, Side, Timestamp, Traded};
use portfolio::{InstrumentId, Leg};
use std::str::FromStr;

/// A field that is not what it should be, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread(pub &'static str);

/// The instrument of this name; names differ between products here.
pub(super) fn find<'r>(roster: &'r Roster, name: &str) -> Option<(InstrumentId, &'r Traded)> {
    let (place, traded) = roster.find(product(name), name)?;
    u32::try_from(place).ok().map(|place| (InstrumentId(place), traded))
}

/// Of which product an instrument of this name is.
pub(super) fn product(name: &str) -> Product {
    if name.ends_with("-SWAP") { Product::Perpetual } else { Product::Spot }
}

/// The venue's word for a product.
pub(super) const fn kind(product: Product) -> &'static str {
    match product {
        Product::Spot => "SPOT",
        Product::Perpetual => "SWAP",
    }
}

/// Milliseconds since 1970.
pub(super) fn time(text: &str, field: &'static str) -> Result<Timestamp, Unread> {
    let ms = text.parse::<i64>().ok().and_then(|ms| ms.checked_mul(1_000_000));
    ms.map(Timestamp::from_nanos).ok_or(Unread(field))
}

pub(super) fn side(text: &str) -> Result<Side, Unread> {
    match text {
        "buy" => Ok(Side::Buy),
        "sell" => Ok(Side::Sell),
        _ => Err(Unread("side")),
    }
}

pub(super) fn leg(text: &str) -> Result<Leg, Unread> {
    match text {
        "" | "net" => Ok(Leg::Net),
        "long" => Ok(Leg::Long),
        "short" => Ok(Leg::Short),
        _ => Err(Unread("posSide")),
    }
}

/// The venue's word for a leg.
pub(super) const fn leg_text(leg: Leg) -> &'static str {
    match leg {
        Leg::Net => "net",
        Leg::Long => "long",
        Leg::Short => "short",
    }
}

/// Whether an order of this side can only shrink this leg.
pub(super) const fn closes(leg: Leg, side: Side) -> bool {
    matches!((leg, side), (Leg::Long, Side::Sell) | (Leg::Short, Side::Buy))
}

/// A name, if the field has one that can be one.
pub(super) fn name<const N: usize>(text: &str) -> Option<engine::live::Name<N>> {
    engine::live::Name::from_str(text).ok()
}

/// The first of two names that is there.
pub(super) fn client(own: &str, other: &str) -> Option<ClientId> {
    name(own).or_else(|| name(other))
}

pub(super) fn id(text: &str, field: &'static str) -> Result<VenueId, Unread> {
    name(text).ok_or(Unread(field))
}

/// Money, what is beyond 1e-8 cut off: never more than there is.
pub(super) fn money_down(text: &str, field: &'static str) -> Result<Money, Unread> {
    let rate = long_rate(text).ok_or(Unread(field))?;
    Ok(Money(rate.0 / 10_000))
}

/// Money, to the nearest 1e-8.
pub(super) fn money_near(text: &str, field: &'static str) -> Result<Money, Unread> {
    let rate = long_rate(text).ok_or(Unread(field))?;
    let half = if rate.0 < 0 { -5000 } else { 5000 };
    rate.0.checked_add(half).map(|units| Money(units / 10_000)).ok_or(Unread(field))
}

/// A decimal of any length, what is beyond 1e-12 cut off.
fn long_rate(text: &str) -> Option<Rate> {
    let Some((whole, fraction)) = text.split_once('.') else { return Rate::parse(text).ok() };
    let (head, tail) = fraction.split_at_checked(12).unwrap_or((fraction, ""));
    if !tail.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Rate::parse(&format!("{whole}.{head}")).ok()
}

/// Appends `"name":"text",`; a quote or a backslash in a foreign name is escaped.
pub(super) fn push(out: &mut String, name: &str, text: &str) {
    push_quoted(name, out);
    out.push(':');
    push_quoted(text, out);
    out.push(',');
}

/// Ends an object that ends in a comma.
pub(super) fn close(out: &mut String) {
    if out.ends_with(',') {
        out.pop();
    }
    out.push('}');
}

/// Appends a value of a query; everything but letters, digits and `-._~,` is escaped.
pub(super) fn push_query(out: &mut String, name: &str, text: &str) {
    out.push(if out.contains('?') { '&' } else { '?' });
    out.push_str(name);
    out.push('=');
    push_encoded(text, b",", out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_cut_or_rounded_to_what_we_keep() {
        let check = |text: &str, down: i128, near: i128| {
            assert_eq!(money_down(text, "x"), Ok(Money(down)), "{text}");
            assert_eq!(money_near(text, "x"), Ok(Money(near)), "{text}");
        };
        check("4834.317093622894", 483_431_709_362, 483_431_709_362);
        check("-0.021776769", -2_177_676, -2_177_677);
        check("0.000000005", 0, 1);
        check("1.00000000499999999999", 100_000_000, 100_000_000);
        check("12", 1_200_000_000, 1_200_000_000);
        for text in
            ["", "x", "1.2.3", "1e5", "1.1234567890123x", "99999999999999999999999999999999999"]
        {
            assert_eq!(money_down(text, "x"), Err(Unread("x")), "{text}");
        }
    }

    #[test]
    fn names_are_escaped_where_they_are_sent() {
        let mut out = String::from("{");
        push(&mut out, "clOrdId", "a\"b\\c");
        close(&mut out);
        assert_eq!(out, r#"{"clOrdId":"a\"b\\c"}"#);
        let mut out = String::from("/x");
        push_query(&mut out, "a", "1,2");
        push_query(&mut out, "b", "q&r#s");
        assert_eq!(out, "/x?a=1,2&b=q%26r%23s");
    }
}
