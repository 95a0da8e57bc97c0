//! One table of routes: whoever mounts one states its rule, its cost and its words in the same
//! breath.
//!
//! The router is made from the table and nowhere else, so a route without a row does not exist.
//! A row without a rule, a cost or words does not compile:
//!
//! ```compile_fail
//! use stockade::server::{Cost, Table, Words};
//! let words = Words::new(Cost::Light, "a route without a rule");
//! Table::default().get("/api/v1/x", words, async || "x");
//! ```
//!
//! ```compile_fail
//! use stockade::server::{Rule, Table, Words};
//! let words = Words::new("a route without a cost");
//! Table::default().get("/api/v1/x", Rule::Open("a test"), words, async || "x");
//! ```
//!
//! ```
//! use stockade::server::{Cost, Rule, Table, Words};
//! let words = Words::new(Cost::Light, "a route with everything");
//! Table::default().get("/api/v1/x", Rule::Open("a test"), words, async || "x");
//! ```
//!
//! Two rows of one method and path do not start: making the router panics.

use super::{
    cost::{Cost, Turns},
    guard::{self, Guard},
    intake::{self, Intake},
    quota::Zone,
    state::App,
    words::{self, Words},
};
use axum::{
    Router,
    handler::Handler,
    middleware::from_fn_with_state,
    routing::{MethodFilter, MethodRouter, on},
};
use http::Method;
use identity::{Authenticated, Delegate, Level, Permission, Role, Tenant};
use jiff::Timestamp;
use std::sync::Arc;
use utoipa::openapi::{OpenApi, PathItem, PathsBuilder};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anyone; the reason is part of the table.
    Open(&'static str),
    /// Whoever has this permission, proven at the permission's own level.
    Needs(Permission),
    /// Whoever has this permission, proven at this level where that is above the permission's.
    Fresh(Permission, Level),
}

impl Rule {
    /// What must be allowed.
    #[must_use]
    pub const fn permission(self) -> Option<Permission> {
        match self {
            Self::Open(_) => None,
            Self::Needs(permission) | Self::Fresh(permission, _) => Some(permission),
        }
    }

    /// How strong and fresh the proof must be; nothing is proven at an open route.
    #[must_use]
    pub fn level(self) -> Option<Level> {
        match self {
            Self::Open(_) => None,
            Self::Needs(permission) => Some(permission.level()),
            Self::Fresh(permission, level) => Some(level.max(permission.level())),
        }
    }

    /// Whether a role gets through.
    #[must_use]
    pub fn allows(self, role: Role) -> bool {
        self.permission().is_none_or(|permission| role.allows(permission))
    }

    /// The tenant of a session that satisfies the rule; none where anyone may come.
    pub fn admit(
        self,
        session: &Authenticated,
        now: Timestamp,
    ) -> Result<Option<Tenant>, identity::Error> {
        let Some(permission) = self.permission() else { return Ok(None) };
        let tenant = session.authorize(permission, now)?;
        if self.level().is_some_and(|level| session.level(now) < level) {
            return Err(identity::Error::Stale);
        }
        Ok(Some(tenant))
    }

    /// Whether an API token can get through at all: never where a fresh proof is asked for, as a token
    /// is none.
    #[must_use]
    pub fn suits_tokens(self) -> bool {
        match self {
            Self::Needs(permission) => {
                permission.suits_tokens() && permission.level() < Level::Dangerous
            }
            Self::Open(_) | Self::Fresh(..) => false,
        }
    }

    /// The tenant of a token that satisfies the rule.
    pub fn admit_token(self, token: &Delegate) -> Result<Tenant, identity::Error> {
        match self.permission() {
            Some(permission) if self.suits_tokens() => token.authorize(permission),
            _ => Err(identity::Error::Permission),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The method.
    pub method: Method,
    /// The path, its variable parts in braces.
    pub path: &'static str,
    /// Who may call it.
    pub rule: Rule,
    /// What a call takes of the server.
    pub cost: Cost,
    /// What its calls are counted as, where not as all others.
    pub zone: Option<Zone>,
    /// What it does.
    pub summary: &'static str,
    /// What it takes from whoever calls.
    pub intake: Intake,
    /// The schema of the body that it takes.
    pub takes: Option<String>,
    /// What it answers: schemas, and media types of what has none.
    pub gives: Vec<String>,
}

/// Routes, their rules and their words.
pub struct Table {
    rows: Vec<Row>,
    routes: Vec<MethodRouter<App>>,
    document: OpenApi,
    clashes: Vec<String>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            routes: Vec::new(),
            document: words::document(),
            clashes: Vec::new(),
        }
    }
}

impl Table {
    /// Mounts a reading route.
    #[must_use]
    pub fn get<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.mount((Method::GET, path, rule), words, on(MethodFilter::GET, handler))
    }

    /// Mounts a route that makes or does something.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.mount((Method::POST, path, rule), words, on(MethodFilter::POST, handler))
    }

    /// Mounts a route that replaces something.
    #[must_use]
    pub fn put<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.mount((Method::PUT, path, rule), words, on(MethodFilter::PUT, handler))
    }

    /// Mounts a route that removes something.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        self.mount((Method::DELETE, path, rule), words, on(MethodFilter::DELETE, handler))
    }

    fn mount(
        mut self,
        (method, path, rule): (Method, &'static str, Rule),
        words: Words,
        route: MethodRouter<App>,
    ) -> Self {
        let row = words.row(method, path, rule);
        let (verb, operation, schemas) = words.operation(&row);
        let item = PathItem::new(verb, operation);
        let paths = std::mem::take(&mut self.document.paths);
        // What takes the rest of a path is a variable like others to the document.
        let written = path.replace("{*", "{");
        self.document.paths = PathsBuilder::from(paths).path(written, item).build();
        let components = self.document.components.get_or_insert_default();
        for (name, schema) in schemas {
            match components.schemas.get(&name) {
                Some(known) if *known != schema => self.clashes.push(name),
                _ => drop(components.schemas.insert(name, schema)),
            }
        }
        self.rows.push(row);
        self.routes.push(route);
        self
    }

    /// The rows, in the order in which they were mounted.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Names that two schemas have; the document shows the first one only.
    #[must_use]
    pub fn clashes(&self) -> &[String] {
        &self.clashes
    }

    /// The OpenAPI document, the same text each time.
    pub fn document(&self) -> serde_json::Result<String> {
        // A value's keys are sorted; utoipa's extensions are not.
        let mut value = serde_json::to_value(&self.document)?;
        words::finish(&mut value);
        serde_json::to_string(&value)
    }

    /// The routes, each behind its own door: first who it is and whether they may, then whether
    /// there is a place for them, then what they brought.
    pub fn router(self, app: &App) -> Router<App> {
        let mut router = Router::new();
        for (row, route) in self.rows.into_iter().zip(self.routes) {
            let turns = row.cost.at_once().map(|at_once| Arc::new(Turns::new(at_once)));
            let weight = row.cost.weight();
            let guard = Guard { app: app.clone(), rule: row.rule, weight, zone: row.zone, turns };
            let intake = Arc::new(row.intake);
            let guarded = route
                .route_layer(from_fn_with_state(intake, intake::checked))
                .route_layer(from_fn_with_state(guard, guard::admit));
            router = router.route(row.path, guarded);
        }
        router
    }
}
