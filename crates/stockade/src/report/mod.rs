//! A run as files: the result document, the trades as CSV. The same outcome gives the same bytes.

mod document;
mod held;
pub mod study;
mod trades;
pub mod words;

pub use document::{
    Data, DrawdownRow, EngineStamp, EquityRow, FillRow, MeasureRow, MonthRow, RefusalRow,
    ResultDocument, SharpeRow, StrategyText, Summary, TradeRow,
};
pub use held::HeldRow;
pub use trades::{COLUMNS, trades_csv};
