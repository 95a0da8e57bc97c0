//! The table of routes. A route is a line here, with its rule and its words, or it does not exist.

use super::{
    AtOnce, Cost, Rule, Table, Words,
    admin_routes::administration,
    advisory_routes::advisories_of,
    handlers::{
        account, audit, backtests, backups, bars, data, factors, proof, reports, step_up,
        strategies, studies, system, witnesses, workbench,
    },
    licence_routes::licences_of,
    limit_routes::limits_of,
    link_routes::links_of,
    log_routes::log_of,
    operations_routes::{health_of, operations_of},
    payment_routes::{notices_of, payments_of},
    posture_routes::posture_of,
    published,
    report_routes::reports_of,
    result_routes::results_of,
    security_routes::security_of,
    sweep_routes::sweeps_of,
    vendor_routes::vendors_of,
};
use http::StatusCode;
use identity::Permission as P;

/// All routes of the server.
#[must_use]
pub fn table() -> Table {
    let table = records(links_of(sessions(doors(open(Table::default())))));
    let table = vendors_of(administration(security_of(research(table))));
    licences_of(payments_of(limits_of(operations_of(table))))
}

/// What is there for anyone to see.
fn open(table: Table) -> Table {
    let table = advisories_of(reports_of(posture_of(log_of(public(table)))));
    notices_of(health_of(table))
}

fn public(table: Table) -> Table {
    let probe = Rule::Open("probes and browsers ask before anybody is signed in");
    table
        .get(
            "/health",
            probe,
            Words::new(Cost::Light, "That the server is there").json::<system::Alive>(),
            system::health,
        )
        .get(
            "/openapi.json",
            probe,
            Words::new(Cost::Light, "This document").media("application/json"),
            system::openapi,
        )
        .post(
            "/csp-report",
            Rule::Open("browsers send reports without credentials; they are bounded and counted"),
            Words::new(Cost::Light, "Takes reports of the content security policy")
                .takes_as::<reports::Report>(&[
                    "application/csp-report",
                    "application/reports+json",
                    "application/json",
                ]),
            reports::collect,
        )
}

fn doors(table: Table) -> Table {
    let door = Rule::Open("nobody is signed in yet; limits and equal answers guard it");
    table
        .get(
            "/api/v1/session",
            Rule::Open("says whether somebody is signed in, and only to themselves"),
            Words::new(Cost::Light, "Who is signed in").json::<account::SessionState>(),
            account::session,
        )
        .post(
            "/api/v1/setup/begin",
            door,
            Words::new(Cost::Hashing, "Begins the first account with a set-up link's token")
                .takes::<account::SetupForm>()
                .json::<account::SetupBegun>(),
            account::setup_begin,
        )
        .post(
            "/api/v1/setup/finish",
            door,
            Words::new(Cost::Hashing, "Confirms the authenticator and makes the first account")
                .takes::<account::SetupCode>()
                .json::<account::SetupFinished>(),
            account::setup_finish,
        )
        .post(
            "/api/v1/sign-in",
            door,
            Words::new(Cost::Hashing, "Checks address and password")
                .takes::<account::SignInForm>()
                .json::<account::PasswordTaken>(),
            account::sign_in,
        )
        .post(
            "/api/v1/sign-in/factor",
            door,
            Words::new(Cost::Hashing, "Checks the second factor and opens a session")
                .takes::<account::FactorForm>()
                .json::<account::SignedIn>(),
            account::sign_in_factor,
        )
}

fn sessions(table: Table) -> Table {
    table
        .post(
            "/api/v1/session/refresh",
            Rule::Open("the refresh cookie is the proof"),
            Words::new(Cost::Moderate, "Exchanges the refresh cookie for fresh ones"),
            account::refresh,
        )
        .post(
            "/api/v1/session/step-up",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Hashing, "Takes both factors again and makes the session fresh")
                .takes::<proof::Proof>(),
            step_up::step_up,
        )
        .post(
            "/api/v1/sign-out",
            Rule::Open("ends the session that the cookies name, and takes the cookies"),
            Words::new(Cost::Moderate, "Signs out"),
            account::sign_out,
        )
        .get(
            "/api/v1/routes",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Light, "This table: who may call what, how fresh, at what cost")
                .json::<published::Published>(),
            published::routes,
        )
        .get(
            "/api/v1/sessions",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Light, "One's own sessions").json::<Vec<account::SessionRow>>(),
            account::sessions,
        )
        .delete(
            "/api/v1/sessions/{handle}",
            Rule::Needs(P::OwnSessions),
            Words::new(Cost::Moderate, "Ends one of one's own sessions"),
            account::end_session,
        )
}

fn records(table: Table) -> Table {
    let read = Rule::Needs(P::AuditRead);
    table
        .get(
            "/api/v1/audit",
            read,
            Words::new(Cost::Moderate, "The audit log, the newest entry first")
                .query::<audit::Which>()
                .json::<audit::Page>(),
            audit::page,
        )
        .get(
            "/api/v1/backups",
            Rule::Needs(P::AuditRead),
            Words::new(Cost::Moderate, "Backups, and when a restore of one was last proved")
                .json::<backups::BackupsPage>(),
            backups::show,
        )
        .get(
            "/api/v1/audit/witnesses",
            read,
            Words::new(Cost::Light, "Who witnesses the log, and whose this server witnesses")
                .json::<witnesses::Witnessing>(),
            witnesses::witnesses,
        )
        .get(
            "/api/v1/audit/{index}/receipt",
            read,
            Words::new(Cost::Moderate, "Proof that the log holds an entry (C2SP tlog-proof)")
                .media("text/plain"),
            audit::receipt,
        )
        .get(
            "/api/v1/audit/export",
            Rule::Needs(P::AuditExport),
            Words::new(Cost::Heavy(AtOnce::EXPORT), "The whole log as JSON lines")
                .media("application/jsonl"),
            audit::export,
        )
        .get(
            "/api/v1/audit/checkpoint",
            read,
            Words::new(Cost::Light, "The newest signed checkpoint").media("text/plain"),
            audit::checkpoint,
        )
        .get(
            "/api/v1/audit/key",
            read,
            Words::new(Cost::Light, "The key that verifies checkpoints").media("text/plain"),
            audit::key,
        )
        .get(
            "/api/v1/csp-reports",
            Rule::Needs(P::ViolationRead),
            Words::new(Cost::Light, "What browsers report of our pages")
                .json::<reports::Reported>(),
            reports::list,
        )
}

fn research(table: Table) -> Table {
    let table = strategies_of(data_of(table));
    workbench_of(factors_of(sweeps_of(results_of(backtests_of(table)))))
}

fn data_of(table: Table) -> Table {
    let read = Rule::Needs(P::DataRead);
    table
        .get(
            "/api/v1/datasets",
            read,
            Words::new(Cost::Light, "All datasets").json::<Vec<data::Dataset>>(),
            data::list,
        )
        .get(
            "/api/v1/datasets/{name}",
            read,
            Words::new(Cost::Moderate, "A dataset's manifest and quality")
                .json::<data::DatasetDetail>(),
            data::show,
        )
        .get(
            "/api/v1/datasets/{name}/bars",
            read,
            Words::new(Cost::Heavy(AtOnce::READING), "The bars of one symbol")
                .query::<bars::Which>()
                .json::<bars::Bars>(),
            bars::of_dataset,
        )
        .get(
            "/api/v1/language",
            Rule::Needs(P::StrategyRead),
            Words::new(Cost::Light, "The expression language")
                .query::<system::Whose>()
                .json::<system::Language>(),
            system::language,
        )
}

fn strategies_of(table: Table) -> Table {
    let (read, write) = (Rule::Needs(P::StrategyRead), Rule::Needs(P::StrategyWrite));
    table
        .post(
            "/api/v1/strategies/check",
            read,
            Words::new(Cost::Moderate, "What is wrong with a strategy's text")
                .takes::<strategies::Text>()
                .json::<strategies::Checked>(),
            strategies::check,
        )
        .post(
            "/api/v1/strategies/complete",
            read,
            Words::new(Cost::Moderate, "What may stand at the cursor")
                .takes::<strategies::Cursor>()
                .json::<strategies::Completed>(),
            strategies::complete,
        )
        .get(
            "/api/v1/strategies",
            read,
            Words::new(Cost::Light, "One's own strategies").json::<Vec<strategies::Line>>(),
            strategies::list,
        )
        .post(
            "/api/v1/strategies",
            write,
            Words::new(Cost::Moderate, "Keeps a new strategy")
                .takes::<strategies::NewStrategy>()
                .json::<strategies::Kept>()
                .status(StatusCode::CREATED),
            strategies::create,
        )
        .get(
            "/api/v1/strategies/{id}",
            read,
            Words::new(Cost::Light, "A strategy").json::<strategies::Strategy>(),
            strategies::show,
        )
        .put(
            "/api/v1/strategies/{id}",
            write,
            Words::new(Cost::Moderate, "Changes a strategy")
                .takes::<strategies::ChangedStrategy>()
                .json::<strategies::Kept>(),
            strategies::change,
        )
        .delete(
            "/api/v1/strategies/{id}",
            write,
            Words::new(Cost::Moderate, "Removes a strategy"),
            strategies::remove,
        )
}

fn backtests_of(table: Table) -> Table {
    let (read, run) = (Rule::Needs(P::BacktestRead), Rule::Needs(P::BacktestRun));
    table
        .get(
            "/api/v1/backtests",
            read,
            Words::new(Cost::Light, "One's own backtests").json::<Vec<backtests::Backtest>>(),
            backtests::list,
        )
        .post(
            "/api/v1/backtests",
            run,
            Words::new(Cost::Moderate, "Starts a backtest")
                .takes::<backtests::NewBacktest>()
                .json::<backtests::Started>()
                .status(StatusCode::ACCEPTED),
            backtests::start,
        )
        .get(
            "/api/v1/backtests/{id}",
            read,
            Words::new(Cost::Light, "A backtest").json::<backtests::Backtest>(),
            backtests::show,
        )
        .get(
            "/api/v1/backtests/{id}/events",
            read,
            Words::new(Cost::Light, "Its live events; Last-Event-ID resumes")
                .media("text/event-stream"),
            backtests::events,
        )
        .post(
            "/api/v1/backtests/{id}/cancel",
            run,
            Words::new(Cost::Moderate, "Stops a backtest").status(StatusCode::ACCEPTED),
            backtests::cancel,
        )
        .delete(
            "/api/v1/backtests/{id}",
            run,
            Words::new(Cost::Moderate, "Removes a backtest that is over, with its result"),
            backtests::remove,
        )
}

fn factors_of(table: Table) -> Table {
    let (read, write) = (Rule::Needs(P::StrategyRead), Rule::Needs(P::StrategyWrite));
    table
        .post(
            "/api/v1/factors/check",
            read,
            Words::new(Cost::Moderate, "What is wrong with an expression, or what it is")
                .takes::<factors::ExpressionText>()
                .json::<factors::CheckedExpression>(),
            factors::check,
        )
        .post(
            "/api/v1/factors/complete",
            read,
            Words::new(Cost::Moderate, "What may stand at the cursor of an expression")
                .takes::<factors::ExpressionCursor>()
                .json::<strategies::Completed>(),
            factors::complete,
        )
        .get(
            "/api/v1/factors/library",
            read,
            Words::new(Cost::Light, "The factors that are shipped").json::<factors::Library>(),
            factors::library,
        )
        .get(
            "/api/v1/factors",
            read,
            Words::new(Cost::Light, "One's own factors")
                .query::<factors::Listed>()
                .json::<Vec<factors::Factor>>(),
            factors::list,
        )
        .post(
            "/api/v1/factors",
            write,
            Words::new(Cost::Moderate, "Keeps a new factor")
                .takes::<factors::NewFactor>()
                .json::<factors::KeptFactor>()
                .status(StatusCode::CREATED),
            factors::create,
        )
        .get(
            "/api/v1/factors/{id}",
            read,
            Words::new(Cost::Light, "A factor with its newest version").json::<factors::Factor>(),
            factors::show,
        )
        .get(
            "/api/v1/factors/{id}/versions",
            read,
            Words::new(Cost::Light, "Its versions, the newest first")
                .json::<Vec<factors::VersionRow>>(),
            factors::versions,
        )
        .post(
            "/api/v1/factors/{id}/versions",
            write,
            Words::new(Cost::Moderate, "Adds a version; the others stay as they are")
                .takes::<factors::NewVersion>()
                .json::<factors::KeptFactor>()
                .status(StatusCode::CREATED),
            factors::add_version,
        )
        .delete(
            "/api/v1/factors/{id}",
            write,
            Words::new(Cost::Moderate, "Puts a factor away; its versions stay"),
            factors::archive,
        )
}

fn workbench_of(table: Table) -> Table {
    let (read, run) = (Rule::Needs(P::BacktestRead), Rule::Needs(P::BacktestRun));
    table
        .post(
            "/api/v1/factors/preview",
            run,
            Words::new(
                Cost::Heavy(AtOnce::COMPUTING),
                "Expressions on data: a date's cross-section, a name's history",
            )
            .takes::<workbench::Look>()
            .json::<workbench::Preview>(),
            workbench::preview,
        )
        .post(
            "/api/v1/factors/correlate",
            run,
            Words::new(Cost::Heavy(AtOnce::COMPUTING), "How much expressions say the same")
                .takes::<workbench::Comparison>()
                .json::<workbench::Compared>(),
            workbench::correlate,
        )
        .post(
            "/api/v1/factors/study",
            run,
            Words::new(Cost::Heavy(AtOnce::COMPUTING), "Reads a factor against later returns")
                .takes::<studies::NewStudy>()
                .json::<studies::StudyView>(),
            studies::start,
        )
        .get(
            "/api/v1/factors/studies/{id}",
            read,
            Words::new(Cost::Light, "A read-out again, while it is kept")
                .json::<studies::StudyView>(),
            studies::show,
        )
        .get(
            "/api/v1/factors/studies/{id}/report",
            read,
            Words::new(Cost::Moderate, "A read-out as a page").media("text/html"),
            studies::report,
        )
}
