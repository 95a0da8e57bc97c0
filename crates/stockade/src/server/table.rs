//! One table of routes: whoever mounts one states its rule and its words in the same breath.
//!
//! The router inside is private to the table, so a route without a rule does not compile, and
//! the OpenAPI document covers every route because it is made from the same rows.

use super::{
    guard::{self, Guard},
    intake::{self, Intake},
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
use identity::Permission;
use utoipa::openapi::{OpenApi, PathItem, PathsBuilder};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anyone; the reason is part of the table.
    Open(&'static str),
    /// Whoever has this permission, proven at the permission's own level.
    Needs(Permission),
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
}

/// Routes, their rules and their words.
pub struct Table {
    app: App,
    router: Router<App>,
    rows: Vec<Row>,
    document: OpenApi,
}

impl Table {
    /// No routes yet.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { app, router: Router::new(), rows: Vec::new(), document: words::document() }
    }

    /// Mounts a reading route.
    #[must_use]
    pub fn get<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let row = Row { method: Method::GET, path, rule };
        self.mount(row, words, on(MethodFilter::GET, handler))
    }

    /// Mounts a route that makes or does something.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let row = Row { method: Method::POST, path, rule };
        self.mount(row, words, on(MethodFilter::POST, handler))
    }

    /// Mounts a route that replaces something.
    #[must_use]
    pub fn put<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let row = Row { method: Method::PUT, path, rule };
        self.mount(row, words, on(MethodFilter::PUT, handler))
    }

    /// Mounts a route that removes something.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, rule: Rule, words: Words, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let row = Row { method: Method::DELETE, path, rule };
        self.mount(row, words, on(MethodFilter::DELETE, handler))
    }

    fn mount(mut self, row: Row, words: Words, route: MethodRouter<App>) -> Self {
        let route = match row.rule {
            Rule::Open(_) => route.route_layer(from_fn_with_state(Intake::OPEN, intake::bounded)),
            Rule::Needs(_) => route,
        };
        let guard = Guard { app: self.app.clone(), rule: row.rule };
        let guarded = route.route_layer(from_fn_with_state(guard, guard::admit));
        self.router = self.router.route(row.path, guarded);
        let (verb, operation, schemas) = words.operation(&row);
        let item = PathItem::new(verb, operation);
        let paths = std::mem::take(&mut self.document.paths);
        self.document.paths = PathsBuilder::from(paths).path(row.path, item).build();
        let components = self.document.components.get_or_insert_default();
        components.schemas.extend(schemas);
        self.rows.push(row);
        self
    }

    /// The routes, the rows and the document.
    pub fn finish(self) -> (Router<App>, Vec<Row>, OpenApi) {
        (self.router, self.rows, self.document)
    }
}
