//! The rows of the table of routes for sweeps.

use super::{AtOnce, Cost, Rule, Table, Words, handlers::sweeps};
use http::StatusCode;
use identity::Permission as P;

/// One strategy with many sets of values for its parameters.
pub(super) fn sweeps_of(table: Table) -> Table {
    work_of(reading_of(table))
}

fn reading_of(table: Table) -> Table {
    let read = Rule::Needs(P::BacktestRead);
    table
        .get(
            "/api/v1/sweeps",
            read,
            Words::new(Cost::Light, "One's own sweeps").json::<sweeps::Sweeps>(),
            sweeps::list,
        )
        .get(
            "/api/v1/sweeps/{id}",
            read,
            Words::new(Cost::Light, "A sweep: its axes and measures, how far it is")
                .json::<sweeps::SweepView>(),
            sweeps::show,
        )
        .get(
            "/api/v1/sweeps/{id}/rows",
            read,
            Words::new(
                Cost::Heavy(AtOnce::READING),
                "The outcomes of its finished sets, by column",
            )
            .media("application/json"),
            sweeps::rows,
        )
        .get(
            "/api/v1/sweeps/{id}/sets/{number}",
            read,
            Words::new(Cost::Moderate, "One set: its values, its strategy, its run id")
                .json::<sweeps::SetView>(),
            sweeps::set,
        )
        .get(
            "/api/v1/sweeps/{id}/events",
            read,
            Words::new(Cost::Light, "Its live events; Last-Event-ID resumes")
                .media("text/event-stream"),
            sweeps::events,
        )
}

fn work_of(table: Table) -> Table {
    let run = Rule::Needs(P::BacktestRun);
    table
        .post(
            "/api/v1/sweeps/check",
            run,
            Words::new(
                Cost::Heavy(AtOnce::COMPUTING),
                "How many sets a sweep would have, and what is wrong with it",
            )
            .takes::<sweeps::NewSweep>()
            .json::<sweeps::CheckedSweep>(),
            sweeps::check,
        )
        .post(
            "/api/v1/sweeps",
            run,
            Words::new(Cost::Moderate, "Starts a sweep; each person has one at work at a time")
                .takes::<sweeps::NewSweep>()
                .json::<sweeps::StartedSweep>()
                .status(StatusCode::ACCEPTED),
            sweeps::start,
        )
        .post(
            "/api/v1/sweeps/{id}/stop",
            run,
            Words::new(Cost::Moderate, "Stops a sweep; what it found is kept")
                .status(StatusCode::ACCEPTED),
            sweeps::stop,
        )
        .post(
            "/api/v1/sweeps/{id}/resume",
            run,
            Words::new(Cost::Moderate, "Lets a sweep that stopped or failed go on")
                .status(StatusCode::ACCEPTED),
            sweeps::resume,
        )
        .delete(
            "/api/v1/sweeps/{id}",
            run,
            Words::new(Cost::Moderate, "Removes a sweep that does not run, with its outcomes"),
            sweeps::remove,
        )
}
