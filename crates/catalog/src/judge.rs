//! Whether a row can be: the rules for one row alone, by what it is.

use crate::{
    Content, FindingKind,
    decimal::{Nine, Number},
    rows::Raw,
};

/// Names of the columns that the file has, in the order of [`Raw::prices`].
pub(crate) type Columns = [Option<String>; 4];

/// A row that can be: its figures in units of `10^-9`, and the decimals they need.
pub(crate) struct Judged {
    pub(crate) figures: [i64; 4],
    pub(crate) price_decimals: u8,
    pub(crate) lot_decimals: u8,
}

/// Why a row cannot be.
pub(crate) struct Bad {
    pub(crate) kind: FindingKind,
    pub(crate) column: String,
    pub(crate) what: String,
}

fn bad(column: &str, what: &str) -> Bad {
    Bad { kind: FindingKind::BadRow, column: column.to_owned(), what: what.to_owned() }
}

/// How many of the figures are prices: a row in which all of them are missing is left out.
pub(crate) const fn prices(content: Content) -> usize {
    match content {
        Content::Bars => 4,
        Content::Quotes => 2,
        Content::Trades => 1,
    }
}

/// A price that can be.
fn price(number: Number, column: &str) -> Result<(i64, u8), Bad> {
    match number {
        Number::Value(nine) if nine.units > 0 => match i64::try_from(nine.units) {
            Ok(units) => Ok((units, nine.decimals)),
            Err(_) => Err(bad(column, "the price is above 9.2 thousand million")),
        },
        Number::Value(nine) if nine.units == 0 => Err(bad(column, "the price is zero")),
        Number::Value(_) => Err(bad(column, "the price is negative")),
        Number::Missing => Err(bad(column, "the price is missing while the row has others")),
        _ => Err(bad(column, "the price is not a finite number")),
    }
}

/// A size of a tick; zero where the file has no such column.
fn size(number: Number, column: Option<&String>) -> Result<(i64, u8), Bad> {
    let Some(column) = column else { return Ok((0, 0)) };
    match number {
        Number::Value(Nine { rounded: true, .. }) => {
            Err(bad(column, "the size has more than nine decimals"))
        }
        Number::Value(nine) if nine.units > 0 => match i64::try_from(nine.units) {
            Ok(units) => Ok((units, nine.decimals)),
            Err(_) => Err(bad(column, "the size is above 9.2 thousand million")),
        },
        Number::Value(nine) if nine.units == 0 => Err(bad(column, "the size is zero")),
        Number::Value(_) => Err(bad(column, "the size is negative")),
        Number::Missing => Err(bad(column, "the size is missing")),
        _ => Err(bad(column, "the size is not a finite number")),
    }
}

/// Open, high, low and close; what the file lacks follows from what it has.
pub(crate) fn bar(
    raw: &Raw<'_>,
    columns: &Columns,
    volume: Option<&String>,
) -> Result<Judged, Bad> {
    let mut found = [None; 4];
    let mut price_decimals = 0;
    for ((slot, number), column) in found.iter_mut().zip(&raw.prices).zip(columns) {
        let Some(column) = column else { continue };
        let (units, decimals) = price(*number, column)?;
        *slot = Some(units);
        price_decimals = price_decimals.max(decimals);
    }
    let mut lot_decimals = 0;
    if let Some(volume) = volume {
        match raw.volume {
            Number::NotFinite | Number::TooLarge => {
                return Err(bad(volume, "the volume is not a finite number"));
            }
            Number::Value(nine) if nine.units < 0 => {
                return Err(bad(volume, "the volume is negative"));
            }
            Number::Value(nine) => lot_decimals = nine.decimals,
            _ => {}
        }
    }
    let [open, high, low, close] = found;
    let close = close.unwrap_or(0);
    // The manifest says which fields the file had.
    let open = open.unwrap_or(close);
    let high = high.unwrap_or_else(|| open.max(close));
    let low = low.unwrap_or_else(|| open.min(close));
    if high < low {
        let column = columns.iter().flatten().nth(1).map_or("", String::as_str);
        return Err(bad(column, "the high is below the low"));
    }
    Ok(Judged { figures: [open, high, low, close], price_decimals, lot_decimals })
}

/// Bid, ask and their sizes.
pub(crate) fn quote(raw: &Raw<'_>, columns: &Columns) -> Result<Judged, Bad> {
    let [bid, ask, bid_size, ask_size] = raw.prices;
    let [bid_name, ask_name, bid_size_name, ask_size_name] = columns;
    let name = |column: &Option<String>| column.clone().unwrap_or_default();
    let (bid, bid_decimals) = price(bid, &name(bid_name))?;
    let (ask, ask_decimals) = price(ask, &name(ask_name))?;
    let (bid_size, bid_lot) = size(bid_size, bid_size_name.as_ref())?;
    let (ask_size, ask_lot) = size(ask_size, ask_size_name.as_ref())?;
    if bid > ask {
        let crossed = bad(&name(bid_name), "the bid is above the ask");
        return Err(Bad { kind: FindingKind::Crossed, ..crossed });
    }
    Ok(Judged {
        figures: [bid, ask, bid_size, ask_size],
        price_decimals: bid_decimals.max(ask_decimals),
        lot_decimals: bid_lot.max(ask_lot),
    })
}

/// Price, size and side: 1 for a buy, -1 for a sell, 0 where it is unknown.
pub(crate) fn trade(raw: &Raw<'_>, columns: &Columns) -> Result<Judged, Bad> {
    let [number, amount, side, _] = raw.prices;
    let [price_name, size_name, ..] = columns;
    let (units, price_decimals) = price(number, price_name.as_deref().unwrap_or_default())?;
    let (amount, lot_decimals) = size(amount, size_name.as_ref())?;
    let side = match side {
        Number::Value(nine) => i64::try_from(nine.units.signum()).unwrap_or_default(),
        _ => 0,
    };
    Ok(Judged { figures: [units, amount, side, 0], price_decimals, lot_decimals })
}

/// A cell of a trade's side; `None` if it is none.
pub(crate) fn side(cell: &[u8]) -> Option<Number> {
    let is = |words: &[&str]| words.iter().any(|word| cell.eq_ignore_ascii_case(word.as_bytes()));
    let of = |units| Some(Number::Value(Nine { units, decimals: 0, rounded: false }));
    match cell {
        _ if is(&["buy", "b", "1", "bid"]) => of(1_000_000_000),
        _ if is(&["sell", "s", "-1", "ask"]) => of(-1_000_000_000),
        _ if is(&["0", "n", "unknown"]) || crate::decimal::is_missing(cell) => {
            Some(Number::Missing)
        }
        _ => None,
    }
}
