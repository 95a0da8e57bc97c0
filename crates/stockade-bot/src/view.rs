//! One snapshot of a bot for everybody who looks at it: terminal, `--json`, metrics.

use crate::clean::line;
use serde::{Deserialize, Serialize};

/// Lines of the log that a snapshot carries.
pub const LOG_MAX: usize = 200;

/// How a bot stands. Amounts, prices and sizes are exact decimal texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// What the bot is called.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// The exchange.
    pub venue: String,
    /// Spot or perpetual.
    pub product: String,
    /// `live` or `paper`.
    pub world: String,
    /// The strategy's name.
    pub strategy: String,
    /// When the bot began.
    pub started: String,
    /// When this snapshot was taken.
    pub now: String,
    /// Whether orders and positions are known to be the venue's.
    pub ready: bool,
    /// How far the kill switch is pulled.
    pub kill: String,
    /// Why nothing new is opened; empty if it may be.
    pub barred: Vec<String>,
    /// The licence's state.
    pub licence: String,
    /// How it stands with its server; empty where it has none.
    pub server: String,
    /// The connections.
    pub links: Links,
    /// The account.
    pub account: Account,
    /// What is held.
    pub positions: Vec<Position>,
    /// What works.
    pub orders: Vec<Order>,
    /// What the strategy says.
    pub signals: Vec<Signal>,
    /// Figures of the machinery.
    pub counts: Counts,
    /// The latest lines of the log, oldest first.
    pub log: Vec<LogLine>,
}

/// Connections and clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Public streams that tell everything, of how many.
    pub public: (usize, usize),
    /// Whether the private stream tells everything.
    pub private: bool,
    /// How far the venue's clock is ahead of ours, in milliseconds.
    pub clock_ahead_ms: i64,
}

/// An account's money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What it counts in.
    pub currency: String,
    /// Cash by the kernel's ledger.
    pub cash: String,
    /// Cash and positions at the latest prices.
    pub equity: String,
    /// What positions would bring, less what they cost.
    pub unrealised: String,
    /// Funding received less funding paid, as the venue booked it, since the journal began; empty where
    /// there is none.
    pub funding: String,
}

/// A position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The venue's name of what is held.
    pub symbol: String,
    /// `long` or `short`.
    pub side: String,
    /// How much.
    pub size: String,
    /// The average price of its entry.
    pub entry: String,
    /// The latest price.
    pub price: String,
    /// What it would bring, less what it cost.
    pub profit: String,
    /// Where the stop at the venue wakes.
    pub stop: Option<String>,
}

/// A working order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its name, as the venue knows it too.
    pub name: String,
    /// The venue's name of what is traded.
    pub symbol: String,
    /// What it is for: `strategy`, `stop`, `close`, `foreign`.
    pub purpose: String,
    /// `buy` or `sell`.
    pub side: String,
    /// When, and at which price.
    pub kind: String,
    /// How much.
    pub size: String,
    /// How much of it traded.
    pub traded: String,
}

/// What a strategy says of an instrument on its latest row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signal {
    /// The venue's name.
    pub symbol: String,
    /// In words.
    pub says: String,
    /// The latest bar.
    pub bar: String,
    /// Its close.
    pub close: String,
}

/// Figures of the machinery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of bars that were decided on.
    pub rows: u64,
    /// Bars that came after their row had gone.
    pub bars_late: u64,
    /// Executions.
    pub fills: u64,
    /// Calls whose answer is awaited.
    pub calls_open: u64,
    /// Calls that were made.
    pub calls: u64,
    /// Calls of which nobody knows what became.
    pub calls_unknown: u64,
    /// Times that a stream was lost.
    pub reconnects: u64,
    /// The last record of the journal.
    pub journal_last: u64,
    /// The last that is on the disk.
    pub journal_durable: u64,
    /// Of the venue's limit, used so far; in percent.
    pub load_percent: u64,
    /// Notifications that wait.
    pub notices_waiting: u64,
}

/// A line of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub time: String,
    /// `error`, `warn`, `info`.
    pub level: String,
    /// What.
    pub text: String,
}

impl View {
    /// For people, without a terminal's help.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "{} {} on {} {} · {} · {}\n",
            line(&self.name),
            self.world,
            self.venue,
            self.product,
            line(&self.strategy),
            self.now
        );
        let ready =
            if self.ready { "in step with the venue" } else { "not in step with the venue" };
        out += &format!("{ready} · kill switch {} · {}\n", self.kill, line(&self.licence));
        for why in &self.barred {
            out += &format!("no entries: {}\n", line(why));
        }
        if !self.server.is_empty() {
            out += &format!("server: {}\n", line(&self.server));
        }
        let account = &self.account;
        out += &format!(
            "equity {} {} · cash {} · unrealised {}",
            account.equity, account.currency, account.cash, account.unrealised
        );
        if !account.funding.is_empty() {
            out += &format!(" · funding {}", account.funding);
        }
        out.push('\n');
        out += &section("positions", &self.position_rows());
        out += &section("orders", &self.order_rows());
        out
    }

    /// Positions as a table, its heading first.
    #[must_use]
    pub fn position_rows(&self) -> Vec<Vec<String>> {
        let head = ["symbol", "side", "size", "entry", "price", "profit", "stop"];
        let row = |one: &Position| {
            let stop = one.stop.clone().unwrap_or_else(|| "none".to_owned());
            let (symbol, side) = (line(&one.symbol), one.side.clone());
            let rest = [&one.size, &one.entry, &one.price, &one.profit].map(Clone::clone);
            [symbol, side].into_iter().chain(rest).chain([stop]).collect()
        };
        table(&head, self.positions.iter().map(row))
    }

    /// Orders as a table, its heading first.
    #[must_use]
    pub fn order_rows(&self) -> Vec<Vec<String>> {
        let head = ["symbol", "purpose", "side", "kind", "size", "traded", "name"];
        let row = |one: &Order| {
            let symbol = line(&one.symbol);
            let rest =
                [&one.purpose, &one.side, &one.kind, &one.size, &one.traded].map(Clone::clone);
            [symbol].into_iter().chain(rest).chain([line(&one.name)]).collect()
        };
        table(&head, self.orders.iter().map(row))
    }

    /// Signals as a table, its heading first.
    #[must_use]
    pub fn signal_rows(&self) -> Vec<Vec<String>> {
        let head = ["symbol", "says", "bar", "close"];
        let row = |one: &Signal| {
            vec![line(&one.symbol), one.says.clone(), one.bar.clone(), one.close.clone()]
        };
        table(&head, self.signals.iter().map(row))
    }
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let head = head.iter().map(|name| (*name).to_owned()).collect();
    std::iter::once(head).chain(rows).collect()
}

fn section(name: &str, rows: &[Vec<String>]) -> String {
    if rows.len() < 2 {
        return format!("no {name}\n");
    }
    format!("{name}\n{}\n", crate::output::table(rows))
}
