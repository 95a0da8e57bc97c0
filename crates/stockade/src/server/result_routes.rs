//! The rows of the table of routes for what a backtest left.

use super::{
    AtOnce, Cost, Rule, Table, Words,
    handlers::{bars, replay, results},
};
use identity::Permission as P;

/// What a backtest left, as files and as columns of JSON, and the way into it.
pub(super) fn results_of(table: Table) -> Table {
    replay_of(tables_of(files_of(table)))
}

/// Files of a result.
fn files_of(table: Table) -> Table {
    let read = Rule::Needs(P::BacktestRead);
    table
        .get(
            "/api/v1/backtests/{id}/result",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "Its result").media("application/json"),
            results::result,
        )
        .get(
            "/api/v1/backtests/{id}/tearsheet",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "Its tear sheet").media("text/html"),
            results::tearsheet,
        )
        .get(
            "/api/v1/backtests/{id}/trades.csv",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "Its trades").media("text/csv"),
            results::trades_csv,
        )
        .get(
            "/api/v1/backtests/{id}/fills.csv",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "Its fills").media("text/csv"),
            results::fills_csv,
        )
        .get(
            "/api/v1/backtests/{id}/orders.csv",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "Its orders").media("text/csv"),
            results::orders_csv,
        )
        .get(
            "/api/v1/backtests/{id}/refusals.csv",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "What was refused, and why").media("text/csv"),
            results::refusals_csv,
        )
}

/// Its tables as columns of JSON.
fn tables_of(table: Table) -> Table {
    let read = Rule::Needs(P::BacktestRead);
    let columns = |summary| {
        Words::new(Cost::Heavy(AtOnce::READING), summary)
            .query::<results::PartOfTable>()
            .media("application/json")
    };
    table
        .get("/api/v1/backtests/{id}/fills", read, columns("Its fills by column"), results::fills)
        .get(
            "/api/v1/backtests/{id}/orders",
            read,
            columns("Its orders by column"),
            results::orders,
        )
        .get(
            "/api/v1/backtests/{id}/refusals",
            read,
            columns("What was refused, by column"),
            results::refusals,
        )
}

/// A run tick by tick.
fn replay_of(table: Table) -> Table {
    let read = Rule::Needs(P::BacktestRead);
    table
        .get(
            "/api/v1/backtests/{id}/ticks",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "What happened at each tick, by column")
                .query::<replay::PartOfTicks>()
                .media("application/json"),
            replay::ticks,
        )
        .get(
            "/api/v1/backtests/{id}/state",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "The account after a tick")
                .query::<replay::Which>()
                .json::<replay::StateView>(),
            replay::state,
        )
        .get(
            "/api/v1/backtests/{id}/bars",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "The bars of one symbol as the run saw them")
                .query::<bars::Which>()
                .json::<bars::Bars>(),
            bars::of_run,
        )
}
