//! A run as files: the result document, trades, fills, orders and refusals as CSV. The same outcome gives the same bytes.

mod account;
mod document;
pub mod entry;
mod executions;
mod held;
pub mod study;
mod table;
mod trades;
pub mod words;

pub use account::{PositionView, WorkingView, micros, positions, working};
pub use document::{
    Data, DrawdownRow, EngineStamp, EquityRow, FillRow, MeasureRow, MonthRow, RefusalRow,
    ResultDocument, SharpeRow, StrategyText, Summary, TradeRow,
};
pub use executions::{Executions, FILLS, ORDERS, REFUSALS, Tick, What, ticks};
pub use held::HeldRow;
pub use table::{Columns, Kind, Schema, TableError, TableWriter, to_csv};
pub use trades::{COLUMNS, trade_cells, trades_csv};
