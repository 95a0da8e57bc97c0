//! The table of routes as people and programs read it.

use super::{Answer, AtOnce, Row, Rule, extract::Json, names, state::App};
use axum::extract::State;
use identity::{Permission, Role};
use serde::Serialize;
use std::fmt::Write;
use utoipa::ToSchema;

/// The whole table.
#[derive(Debug, Serialize, ToSchema)]
pub struct Published {
    /// All roles, the strongest first.
    roles: Vec<&'static str>,
    permissions: Vec<PermissionRow>,
    routes: Vec<RouteRow>,
}

/// A permission and who has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionRow {
    name: String,
    /// The level that it asks for at least: `read`, `write` or `dangerous`.
    level: &'static str,
    roles: Vec<&'static str>,
    /// Routes that ask for it.
    routes: usize,
}

/// A route.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteRow {
    method: String,
    path: &'static str,
    summary: &'static str,
    /// Why anyone may call it; null where somebody must be signed in.
    open: Option<&'static str>,
    /// What must be allowed; null where anyone may call it.
    permission: Option<String>,
    /// `read`: a live session; `write`: signed in within 15 minutes; `dangerous`: within 5
    /// minutes, with a second factor. Null where anyone may call it.
    level: Option<&'static str>,
    /// Roles that get through.
    roles: Vec<&'static str>,
    /// `light`, `moderate`, `hashing` or `heavy`.
    cost: &'static str,
    /// Units of a rate limit that a call uses up.
    weight: u32,
    at_once: Option<Bound>,
    /// Bytes of the body, at most.
    body_bytes_max: usize,
    /// Parameters of the query.
    query: Vec<String>,
    /// The schema of the body; null where there is none.
    takes: Option<String>,
    /// Schemas and media types of the answer; none where it is empty.
    gives: Vec<String>,
}

/// How many calls of a route run at a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bound {
    /// Of everybody.
    all: usize,
    /// Of one person.
    each: usize,
}

impl From<&Row> for RouteRow {
    fn from(row: &Row) -> Self {
        let open = match row.rule {
            Rule::Open(reason) => Some(reason),
            Rule::Needs(_) | Rule::Fresh(..) => None,
        };
        let roles = Role::ALL.into_iter().filter(|role| row.rule.allows(*role));
        Self {
            method: row.method.to_string(),
            path: row.path,
            summary: row.summary,
            open,
            permission: row.rule.permission().map(names::permission),
            level: row.rule.level().map(names::level),
            roles: roles.map(Role::as_str).collect(),
            cost: row.cost.as_str(),
            weight: row.cost.weight(),
            at_once: row.cost.at_once().map(|AtOnce { all, each }| Bound { all, each }),
            body_bytes_max: row.intake.bytes_max,
            query: row.intake.query.iter().cloned().collect(),
            takes: row.takes.clone(),
            gives: row.gives.clone(),
        }
    }
}

impl Published {
    /// From the rows.
    #[must_use]
    pub fn of(rows: &[Row]) -> Self {
        let permission = |permission: Permission| PermissionRow {
            name: names::permission(permission),
            level: names::level(permission.level()),
            roles: Role::ALL
                .into_iter()
                .filter(|r| r.allows(permission))
                .map(Role::as_str)
                .collect(),
            routes: rows.iter().filter(|row| row.rule.permission() == Some(permission)).count(),
        };
        Self {
            roles: Role::ALL.map(Role::as_str).into(),
            permissions: Permission::ALL.into_iter().map(permission).collect(),
            routes: rows.iter().map(RouteRow::from).collect(),
        }
    }

    /// A page of the book.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = self.matrix();
        text.push_str("\n## Routes\n\n");
        text.push_str("| route | what it does | who | level | cost | body | takes | answers |\n");
        text.push_str("|---|---|---|---|---|---|---|---|\n");
        for row in &self.routes {
            let who =
                row.permission.as_ref().map_or("anyone".to_owned(), |name| format!("`{name}`"));
            let body = match (&row.takes, row.body_bytes_max / 1024) {
                (Some(_), kib) => format!("{kib} KiB"),
                (None, _) => "–".to_owned(),
            };
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "| `{} {}` | {} | {who} | {} | {} | {body} | {} | {} |",
                row.method,
                row.path,
                row.summary,
                row.level.unwrap_or("–"),
                row.price(),
                row.takes.as_deref().unwrap_or("–"),
                if row.gives.is_empty() { "–".to_owned() } else { row.gives.join(", ") },
            );
        }
        text.push_str("\n## Why some are open\n\n");
        for row in &self.routes {
            if let Some(reason) = row.open {
                let _ = writeln!(text, "- `{} {}`: {reason}.", row.method, row.path);
            }
        }
        text
    }

    fn matrix(&self) -> String {
        let mut text = format!("## Roles\n\n| permission | level | {} |\n", self.roles.join(" | "));
        let _ = writeln!(text, "|---|---|{}", ":-:|".repeat(self.roles.len()));
        for row in &self.permissions {
            let cells =
                self.roles.iter().map(|role| if row.roles.contains(role) { "✓" } else { "" });
            let cells: Vec<&str> = cells.collect();
            let _ = writeln!(text, "| `{}` | {} | {} |", row.name, row.level, cells.join(" | "));
        }
        text
    }

    /// Cells for a terminal, the headings first.
    #[must_use]
    pub fn cells(&self) -> Vec<Vec<String>> {
        let headings = ["METHOD", "PATH", "PERMISSION", "LEVEL", "COST"].map(str::to_owned);
        let row = |row: &RouteRow| {
            let permission = row.permission.clone().unwrap_or_else(|| "(anyone)".to_owned());
            let level = row.level.unwrap_or("-").to_owned();
            vec![row.method.clone(), row.path.to_owned(), permission, level, row.price()]
        };
        std::iter::once(headings.into()).chain(self.routes.iter().map(row)).collect()
    }
}

impl RouteRow {
    /// `heavy 10, 4 at once, 2 of one person`
    fn price(&self) -> String {
        let bound = self.at_once.as_ref();
        let bound = bound.map(|b| format!(", {} at once, {} of one person", b.all, b.each));
        format!("{} {}{}", self.cost, self.weight, bound.unwrap_or_default())
    }
}

/// `GET /api/v1/routes`
pub async fn routes(State(app): State<App>) -> Answer<Json<Published>> {
    Ok(Json(Published::of(app.rows())))
}

#[cfg(test)]
mod tests {
    use super::super::routes;
    use super::*;

    #[test]
    fn who_may_and_how_fresh_is_read_from_the_rules() {
        let published = Published::of(routes::table().rows());
        let find = |method: &str, path: &str| {
            let row = published.routes.iter().find(|row| row.method == method && row.path == path);
            row.expect("a row")
        };
        let export = find("GET", "/api/v1/audit/export");
        assert_eq!(export.permission.as_deref(), Some("audit_export"));
        assert_eq!((export.level, export.weight), (Some("dangerous"), 10));
        assert_eq!(export.roles, ["owner", "admin", "auditor"]);
        let health = find("GET", "/health");
        assert_eq!((health.level, health.roles.len()), (None, Role::ALL.len()));
        assert!(health.open.is_some_and(|reason| !reason.is_empty()));
        let markdown = published.markdown();
        for row in &published.routes {
            assert!(markdown.contains(&format!("`{} {}`", row.method, row.path)));
        }
        for row in &published.permissions {
            assert!(markdown.contains(&format!("| `{}` | {} |", row.name, row.level)));
        }
    }
}
