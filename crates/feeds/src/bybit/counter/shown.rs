//! What was told of an instrument last.

use super::rows::{level, price, size};
use market::{Depth, Price, Print, Quantity, Quote, Side, Traded};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A book as it was told, the number of what was told last, and what a ticker shows.
#[derive(Debug, Default)]
pub(super) struct Shown {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    update: u64,
    last: Option<Price>,
    quote: Option<Quote>,
}

impl Shown {
    /// A change of the book, as the venue numbers it.
    pub fn change(&mut self, one: &Traded, depth: &Depth) -> Value {
        self.update += 1;
        let side = if depth.side == Side::Buy { &mut self.bids } else { &mut self.asks };
        if depth.size == Quantity::ZERO {
            side.remove(&depth.price);
        } else {
            side.insert(depth.price, depth.size);
        }
        let level = json!([level(one, depth.price, depth.size)]);
        let (bids, asks) =
            if depth.side == Side::Buy { (level, json!([])) } else { (json!([]), level) };
        self.book(one, &bids, &asks)
    }

    /// The whole book.
    pub fn whole(&self, one: &Traded) -> Value {
        let row = |(price, size): (&Price, &Quantity)| level(one, *price, *size);
        let bids: Vec<_> = self.bids.iter().rev().map(row).collect();
        let asks: Vec<_> = self.asks.iter().map(row).collect();
        self.book(one, &json!(bids), &json!(asks))
    }

    /// The number 1 of a change would be taken for a restart.
    fn book(&self, one: &Traded, bids: &Value, asks: &Value) -> Value {
        let name = one.native.as_str();
        json!({ "s": name, "b": bids, "a": asks, "u": self.update + 1, "seq": self.update })
    }

    pub const fn quoted(&mut self, quote: &Quote) {
        self.quote = Some(*quote);
    }

    pub const fn traded(&mut self, print: &Print) {
        self.last = Some(print.price);
    }

    /// <https://bybit-exchange.github.io/docs/v5/market/tickers>, as far as it is known.
    pub fn ticker(&self, one: &Traded) -> Value {
        let text = |at: Option<Price>| at.map(|at| price(one, at)).unwrap_or_default();
        let lots = |lots: Option<Quantity>| lots.map(|lots| size(one, lots)).unwrap_or_default();
        let quote = self.quote;
        let last = self.last.or(quote.map(|quote| quote.bid));
        json!({
            "symbol": one.native.as_str(), "lastPrice": text(last), "markPrice": text(last),
            "indexPrice": text(last),
            "bid1Price": text(quote.map(|quote| quote.bid)),
            "bid1Size": lots(quote.map(|quote| quote.bid_size)),
            "ask1Price": text(quote.map(|quote| quote.ask)),
            "ask1Size": lots(quote.map(|quote| quote.ask_size)),
        })
    }
}
