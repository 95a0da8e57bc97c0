//! Knows: one loop for backtest, paper and live; the strategy language; the simulated exchange.
//! Never knows: the clock, threads or venue protocols.

#![forbid(unsafe_code)]

mod account;
mod backtest;
mod blotter;
pub mod diff;
mod digest;
mod error;
mod event;
pub mod exchange;
pub mod feed;
mod fields;
mod history;
mod kernel;
pub mod live;
pub mod order;
pub mod plan;
mod problem;
mod quotes;
pub mod replay;
pub mod risk;
mod rows;
mod session;
pub mod simulate;
pub mod strategy;
pub mod sweep;
pub mod ticks;
mod values;
pub mod venue;

pub use account::{Account, Books};
pub use backtest::{
    Moment, Outcome, Resources, Simulation, Unwatched, Watch, backtest, backtest_on, paper,
    simulate, simulate_streaming,
};
pub use blotter::{Blotter, OrderRecord, OrderState};
pub use digest::{Digest, columns_digest, run_id};
pub use error::Error;
pub use event::{Data, MarketEvent};
pub use kernel::{
    Action, AnyPlan, Checked, Command, Decision, Desk, Engine, Event, Flags, PlanId, Row,
    RuleTrader, Terms, TimerId, Trader, Working,
};
pub use problem::Problem;
pub use quotes::{KEPT_MAX, QuoteRun, Tallied, Tally};
pub use rows::{PaperRun, PartEvaluator, PartValue, RowEvaluator};
pub use session::{Quotes, Session};
pub use strategy::{
    Clock, Completion, CompletionKind, Convention, Costs, Guards, Rules, Schedule, Signals, Sizing,
    Strategy, Template, check_strategy, complete_strategy, parse_strategy,
};
pub use values::{Evaluator, ValueRows, Values, calendar, evaluate};

/// The number of the engine's semantics. It goes into every run id, and rises with every change
/// after which the same strategy on the same data can give other figures.
pub const SEMANTICS: u32 = 2;
