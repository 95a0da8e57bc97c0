//! What each route does: parse, ask the desk, put the answer into JSON.

pub mod account;
pub mod audit;
pub mod backtests;
pub mod bars;
pub mod data;
pub mod factors;
pub mod governance;
pub mod links;
pub mod losses;
pub mod outbox;
pub mod own_data;
pub mod passkeys;
pub mod proof;
pub mod replay;
pub mod reports;
pub mod results;
pub mod security;
pub mod step_up;
pub mod strategies;
pub mod studies;
mod sweep_rows;
pub mod sweeps;
pub mod system;
pub mod tokens;
pub mod users;
pub mod witnesses;
pub mod workbench;
