//! The rows of the table of routes for what a backtest left.

use super::{
    Rule, Table, Words,
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
            Words::new("Its result").media("application/json"),
            results::result,
        )
        .get(
            "/api/v1/backtests/{id}/tearsheet",
            read,
            Words::new("Its tear sheet").media("text/html"),
            results::tearsheet,
        )
        .get(
            "/api/v1/backtests/{id}/trades.csv",
            read,
            Words::new("Its trades").media("text/csv"),
            results::trades_csv,
        )
        .get(
            "/api/v1/backtests/{id}/fills.csv",
            read,
            Words::new("Its fills").media("text/csv"),
            results::fills_csv,
        )
        .get(
            "/api/v1/backtests/{id}/orders.csv",
            read,
            Words::new("Its orders").media("text/csv"),
            results::orders_csv,
        )
        .get(
            "/api/v1/backtests/{id}/refusals.csv",
            read,
            Words::new("What was refused, and why").media("text/csv"),
            results::refusals_csv,
        )
}

/// Its tables as columns of JSON.
fn tables_of(table: Table) -> Table {
    let read = Rule::Needs(P::BacktestRead);
    let columns = |summary| {
        Words::new(summary)
            .query("from", "the first row, from 0")
            .query("count", "how many rows, at most 500,000")
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
            Words::new("What happened at each tick, by column")
                .query("from", "the first tick, from 1")
                .query("count", "how many ticks, at most 100,000")
                .media("application/json"),
            replay::ticks,
        )
        .get(
            "/api/v1/backtests/{id}/state",
            read,
            Words::new("The account after a tick")
                .query("tick", "the tick's number")
                .query("at", "instead of it a second since 1970: the newest row by then")
                .json::<replay::StateView>(),
            replay::state,
        )
        .get(
            "/api/v1/backtests/{id}/bars",
            read,
            Words::new("The bars of one symbol as the run saw them")
                .query("symbol", "whose bars")
                .query("from", "only bars that open at or after this second since 1970")
                .query("to", "only bars that open at or before this second")
                .query("around", "instead: bars around this second, half of them up to it")
                .query("limit", "how many at most, 20,000 unless less; a longer span is joined")
                .json::<bars::Bars>(),
            bars::of_run,
        )
}
