//! Where the two databases differ, all in one place; every other statement is the same for both.
//!
//! - Schema texts are written with SQLite's names of types. PostgreSQL's are put in their place:
//!   bytes are `BYTEA`, every whole number is `BIGINT` (the driver tells widths apart, SQLite does
//!   not), and a text is ordered by its bytes, as SQLite orders it.
//! - PostgreSQL guards rows by policies; SQLite has none.
//! - The catalogue of tables and columns has another name.

use crate::{
    Error,
    error::Place,
    scope::HOUSE,
    sql::{Link, Row, sql},
    tables::{LOG, MIGRATIONS_TABLE, Owner, TABLES, Table},
};
use sqlx::AssertSqlSafe;

/// A schema text in PostgreSQL's words.
pub(crate) fn postgres_schema(text: &str) -> String {
    let word = |word: &str| match word {
        "BLOB" => "BYTEA".to_owned(),
        "SMALLINT" => "BIGINT".to_owned(),
        "TEXT" => "TEXT COLLATE \"C\"".to_owned(),
        other => other.to_owned(),
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| is_word(c) != is_word(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        out.push_str(&word(piece));
        rest = after;
    }
    out
}

/// The statements that put a table behind its policy, or none for the house's own.
pub(crate) fn wall(table: &Table) -> Option<String> {
    let Table { name, owner, .. } = table;
    let setting = "current_setting('stockade.tenant', true)";
    let own = match owner {
        Owner::House => return None,
        Owner::Account(column) => format!("{column} = {setting} OR {setting} = '{HOUSE}'"),
        // The other table's own policy decides which of its rows this one sees.
        Owner::Of { table, column } => {
            format!("EXISTS (SELECT 1 FROM {table} o WHERE o.{column} = {name}.{column})")
        }
    };
    Some(format!(
        "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
         ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
         DROP POLICY IF EXISTS stockade_tenant ON {name};
         CREATE POLICY stockade_tenant ON {name} USING ({own}) WITH CHECK ({own});"
    ))
}

/// Puts every table that is there behind its policy.
pub(crate) async fn raise_walls(link: &mut Link, place: &Place) -> Result<(), Error> {
    if let Link::Postgres(_) = link {
        let known = tables(link, place).await?;
        for table in TABLES.iter().filter(|table| known.iter().any(|name| name == table.name)) {
            if let Some(text) = wall(table) {
                link.script(AssertSqlSafe(text)).await.map_err(|error| place.fault(error))?;
            }
        }
    }
    Ok(())
}

/// Refuses a role that no policy binds, and a table that has lost its policy.
pub(crate) async fn check_walls(link: &mut Link, place: &Place) -> Result<(), Error> {
    let Link::Postgres(_) = link else { return Ok(()) };
    let fault = |error| place.fault(error);
    let role =
        sql("SELECT rolname::text, CASE WHEN rolsuper OR rolbypassrls THEN 1 ELSE 0 END::bigint
         FROM pg_roles WHERE rolname = current_user")
        .fetch_one(link)
        .await
        .map_err(fault)?;
    if role.try_get::<i64, _>(1).map_err(fault)? != 0 {
        let role = role.try_get(0).map_err(fault)?;
        return Err(Error::Privileged { place: place.clone(), role });
    }
    let rows = sql("SELECT c.relname::text FROM pg_class c
         JOIN pg_policy p ON p.polrelid = c.oid AND p.polname = 'stockade_tenant'
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
           AND c.relrowsecurity AND c.relforcerowsecurity AND p.polcmd = '*'
           AND (SELECT COUNT(*) FROM pg_policy q WHERE q.polrelid = c.oid) = 1")
    .fetch_all(link)
    .await
    .map_err(fault)?;
    let walled = names(&rows).map_err(fault)?;
    let bare = |table: &&Table| {
        table.owner != Owner::House && !walled.iter().any(|name| name == table.name)
    };
    match TABLES.iter().find(bare) {
        None => Ok(()),
        Some(table) => Err(Error::Wall { place: place.clone(), table: table.name }),
    }
}

/// Gives a role what a server does with another role's tables; of the audit log that is reading and
/// adding, and of the schema's own table reading.
pub(crate) async fn admit(link: &mut Link, place: &Place, role: &str) -> Result<(), Error> {
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let quoted = "SELECT quote_ident(current_schema())::text";
    let row = sql(quoted).fetch_one(link).await.map_err(|error| place.fault(error))?;
    let schema: String = row.try_get(0).map_err(|error| place.fault(error))?;
    let log = LOG.join(", ");
    let text = format!(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
         REVOKE UPDATE, DELETE, TRUNCATE ON {log} FROM {role};
         REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {MIGRATIONS_TABLE} FROM {role};"
    );
    link.script(AssertSqlSafe(text)).await.map_err(|error| place.fault(error))
}

/// Refuses a role that can change what the audit log holds, where another one owns the tables.
pub(crate) async fn check_log(link: &mut Link, place: &Place) -> Result<(), Error> {
    let fault = |error| place.fault(error);
    for table in LOG {
        let row = sql("SELECT current_user::text, CASE WHEN has_table_privilege($1, 'UPDATE')
                 OR has_table_privilege($1, 'DELETE') OR has_table_privilege($1, 'TRUNCATE')
                 OR has_any_column_privilege($1, 'UPDATE') THEN 1 ELSE 0 END::bigint")
        .bind(table)
        .fetch_one(link)
        .await
        .map_err(fault)?;
        if row.try_get::<i64, _>(1).map_err(fault)? != 0 {
            let role = row.try_get(0).map_err(fault)?;
            return Err(Error::Alterable { place: place.clone(), role, table });
        }
    }
    Ok(())
}

/// The names of all tables, in order.
pub(crate) async fn tables(link: &mut Link, place: &Place) -> Result<Vec<String>, Error> {
    let text = match link {
        Link::Postgres(_) => {
            "SELECT table_name::text FROM information_schema.tables
             WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
             ORDER BY table_name::text COLLATE \"C\""
        }
        Link::Single(_) | Link::Sqlite(_) => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        }
    };
    let rows = sql(text).fetch_all(link).await.map_err(|error| place.fault(error))?;
    names(&rows).map_err(|error| place.fault(error))
}

/// Whether there is a table of this name.
pub(crate) async fn has_table(link: &mut Link, place: &Place, name: &str) -> Result<bool, Error> {
    Ok(tables(link, place).await?.iter().any(|known| known == name))
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Integer,
    Real,
    Text,
    Blob,
}

/// A table's columns, ordered by name.
pub(crate) async fn columns(
    link: &mut Link,
    place: &Place,
    table: &'static str,
) -> Result<Vec<(String, Sort)>, Error> {
    let fault = |error| place.fault(error);
    let text = match link {
        Link::Postgres(_) => {
            "SELECT column_name::text, data_type::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = $1
             ORDER BY column_name::text COLLATE \"C\""
        }
        Link::Single(_) | Link::Sqlite(_) => {
            "SELECT name, type FROM pragma_table_info($1) ORDER BY name"
        }
    };
    let rows = sql(text).bind(table).fetch_all(link).await.map_err(fault)?;
    let column = |row: &Row| {
        let name: String = row.try_get(0).map_err(fault)?;
        let sort: String = row.try_get(1).map_err(fault)?;
        let sort = match sort.to_ascii_uppercase().as_str() {
            "BIGINT" | "SMALLINT" => Sort::Integer,
            "DOUBLE PRECISION" => Sort::Real,
            "TEXT" => Sort::Text,
            "BLOB" | "BYTEA" => Sort::Blob,
            other => {
                return Err(place.damaged(table, &name, format!("a column of type {other}")));
            }
        };
        Ok((name, sort))
    };
    rows.iter().map(column).collect()
}

fn names(rows: &[Row]) -> Result<Vec<String>, sqlx::Error> {
    rows.iter().map(|row| row.try_get(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_types() {
        let check = |ours: &str, theirs: &str| assert_eq!(postgres_schema(ours), theirs);
        check("a BLOB NOT NULL,\n b TEXT", "a BYTEA NOT NULL,\n b TEXT COLLATE \"C\"");
        check("blob BLOBS SMALLINT_1 SMALLINT)", "blob BLOBS SMALLINT_1 BIGINT)");
        check("CHECK (state IN ('done', 'ü'))", "CHECK (state IN ('done', 'ü'))");
        check("", "");
    }
}
