//! The HTTP server: one table of routes, one file of statuses, headers on everything.

pub mod addresses;
mod admin_routes;
pub mod advisories;
mod advisory_routes;
pub mod certificates;
pub mod control;
pub mod cookies;
mod cost;
pub mod extract;
pub mod finish;
mod front;
pub mod guard;
pub mod handlers;
pub mod headers;
mod intake;
pub mod jobs;
mod licence_routes;
mod limit_routes;
mod link_routes;
mod log_routes;
mod machines;
mod named;
pub mod names;
mod notices;
pub mod operations;
mod operations_routes;
mod payment_routes;
mod plain;
pub mod posture;
mod posture_routes;
mod problem;
pub mod published;
mod quota;
mod report_routes;
mod result_routes;
pub mod routes;
mod run;
pub mod security_reports;
mod security_routes;
pub mod state;
pub mod stream;
pub mod strict;
mod sweep_routes;
pub mod sweeping;
pub mod table;
pub mod trace;
mod ui;
mod vendor_routes;
pub mod withheld;
mod words;

pub use cost::{AtOnce, Cost};
pub use front::Front;
pub use headers::StrictTransport;
pub use intake::{Intake, Judge};
pub use notices::Notices;
pub use operations::OperationsTerms;
pub use posture::SelfTests;
pub use problem::{Answer, Problem};
pub use quota::{Blocked, Rates, Zone};
pub use run::{Options, Server, Started, link as setup_link, recovery_link, serve};
pub use table::{Row, Rule, Table};
pub use words::Words;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use http::StatusCode;
use state::App;
use std::time::Duration;
use tower::ServiceBuilder;
use tower_http::{
    CompressionLevel,
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, Predicate, SizeAbove},
    },
    timeout::TimeoutLayer,
};

/// The largest body that is read; of somebody who is not signed in it is much less (`intake`).
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// What is smaller travels in one or two packets either way, and is sent as it is.
const PACKED_ABOVE_BYTES: u64 = 2048;
/// How long a handler may take until its answer begins; event streams begin at once.
const HANDLER_TIME: Duration = Duration::from_mins(1);

/// The whole service: routes, the UI behind them, and the layers around both.
pub fn router(app: &App) -> Router {
    service(app, routes::table())
}

/// Answers hold no text of another site beside a secret, and other sites cannot ask for them at all:
/// compression tells nobody anything (BREACH).
fn packing() -> CompressionLayer<impl Predicate> {
    let worth = SizeAbove::new(PACKED_ABOVE_BYTES).and(DefaultPredicate::new());
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(worth)
}

/// The service of another table: a test adds a route that fails as ours should not.
pub fn service(app: &App, table: Table) -> Router {
    tracing::debug!(routes = table.rows().len(), "routes are mounted");
    match table.document() {
        Ok(text) => app.keep_table(table.rows().to_vec(), text),
        Err(error) => tracing::error!(%error, "the OpenAPI document cannot be written"),
    }
    // One layer of many: each that the router adds by itself is cloned with all within it, for each request.
    let around = ServiceBuilder::new()
        .layer(from_fn(trace::request))
        .layer(from_fn_with_state(app.clone(), operations::watch))
        .layer(from_fn_with_state(app.clone(), headers::harden))
        .layer(from_fn(intake::few_headers))
        .layer(from_fn(finish::worded))
        .layer(from_fn_with_state(app.clone(), addresses::admit))
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            use axum::response::IntoResponse;
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
            Problem::broken(words.unwrap_or("without words")).into_response()
        }))
        .layer(packing())
        .layer(from_fn_with_state(app.clone(), withheld::withhold))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, HANDLER_TIME))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(from_fn(finish::regardless));
    table
        .router(app)
        .fallback(ui::fallback)
        .method_not_allowed_fallback(ui::wrong_method)
        .with_state(app.clone())
        .layer(around)
}
