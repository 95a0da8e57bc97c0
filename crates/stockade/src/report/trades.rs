//! The round trips as CSV.

use super::{ResultDocument, TradeRow, document::Names, table::harmless};
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
    // The one cell that holds somebody's words; a loss stays a number with its sign.
    let mut symbol = trade.symbol.clone();
    harmless(&mut symbol);
    [
        symbol,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_never_a_formula_and_a_loss_stays_a_number() {
        let trade = TradeRow {
            symbol: "-2+3".to_owned(),
            side: "long".to_owned(),
            opened: "2020-01-02".to_owned(),
            closed: None,
            quantity: "1".to_owned(),
            entry: "10.00".to_owned(),
            exit: None,
            fees: "0.00".to_owned(),
            pnl: "-1.50".to_owned(),
            return_: Some(-0.15),
            bars: 3,
        };
        let line = cells(&trade).join(",");
        assert_eq!(line, "'-2+3,long,2020-01-02,,1,10.00,,0.00,-1.50,-0.15,3");
    }
}
