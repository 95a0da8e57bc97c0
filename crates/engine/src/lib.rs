//! Knows: one loop for backtest, paper and live; the strategy language; the simulated exchange.
//! Never knows: the clock, threads or venue protocols.

#![forbid(unsafe_code)]

mod account;
mod backtest;
mod digest;
mod error;
mod event;
pub mod feed;
mod kernel;
pub mod order;
mod problem;
pub mod risk;
pub mod strategy;
mod values;

pub use account::{Account, Books};
pub use backtest::{
    Outcome, Resources, Simulation, Unwatched, Watch, backtest, backtest_on, simulate,
};
pub use digest::{Digest, columns_digest, run_id};
pub use error::Error;
pub use event::{Data, MarketEvent};
pub use kernel::{
    Action, Decision, Engine, Event, Exchange, Execution, Flags, Intent, Order, OrderId, Refusal,
    RefusalReason, Shortfall, Terms,
};
pub use problem::Problem;
pub use strategy::{
    Completion, CompletionKind, Convention, FeeRate, Rules, Schedule, Signals, Sizing, Strategy,
    check_strategy, complete_strategy, parse_strategy,
};
pub use values::{Values, evaluate};

/// The number of the engine's semantics. It goes into every run id, and rises with every change
/// after which the same strategy on the same data can give other figures.
pub const SEMANTICS: u32 = 1;
