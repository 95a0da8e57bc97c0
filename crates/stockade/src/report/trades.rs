//! The round trips as CSV.

use super::{ResultDocument, TradeRow, document::Names};
use market::Instrument;
use portfolio::Trade;

/// The columns of `trades.csv`, those of the document's `trades`.
pub const COLUMNS: [&str; 11] = [
    "symbol", "side", "opened", "closed", "quantity", "entry", "exit", "fees", "pnl", "return",
    "bars",
];

/// The bytes of `trades.csv`: RFC 4180 with a header row; an empty cell where there is no value.
pub fn trades_csv(document: &ResultDocument) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS)?;
    for trade in &document.trades {
        writer.write_record(cells(trade))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

/// The cells of one round trip.
pub fn trade_cells(
    instruments: &[Instrument],
    trade: &Trade,
) -> Result<[String; 11], portfolio::Error> {
    Ok(cells(&Names(instruments).trade(trade)?))
}

fn cells(trade: &TradeRow) -> [String; 11] {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        trade.symbol.clone(),
        trade.side.clone(),
        trade.opened.clone(),
        or_empty(&trade.closed),
        trade.quantity.clone(),
        trade.entry.clone(),
        or_empty(&trade.exit),
        trade.fees.clone(),
        trade.pnl.clone(),
        trade.return_.map(|r| r.to_string()).unwrap_or_default(),
        trade.bars.to_string(),
    ]
}
