//! One statement for both databases: its text, its values, and the rows that come back.

use crate::{Error, error::Place, scope::Scope};
use sqlx::{
    AssertSqlSafe, ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, Postgres,
    SqlSafeStr, SqlStr, Sqlite, Transaction, Type, pool::PoolConnection, postgres::PgRow,
    query::Query, sqlite::SqliteRow,
};

/// A transaction, or one connection of SQLite outside of any.
#[derive(Debug)]
pub(crate) enum Link {
    /// For one statement, which is a moment of its own.
    Single(PoolConnection<Sqlite>),
    /// Several statements of one moment.
    Sqlite(Transaction<'static, Sqlite>),
    /// Several statements of one moment, each behind the policies of a scope.
    Postgres(Transaction<'static, Postgres>),
}

/// What a column can hold; booleans are 0 and 1, times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Integer(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

/// A statement with its values; `$1` stands for the first.
#[derive(Debug)]
#[must_use = "a statement does nothing before it is executed"]
pub(crate) struct Statement {
    text: SqlStr,
    values: Vec<Value>,
}

/// A row that came back.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Begins a statement.
pub(crate) fn sql(text: impl SqlSafeStr) -> Statement {
    Statement { text: text.into_sql_str(), values: Vec::new() }
}

/// `$first, …`, so many of them.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    let names: Vec<String> = (first..first + count).map(|number| format!("${number}")).collect();
    names.join(", ")
}

/// One statement that adds several rows; names are ours, never a caller's.
pub(crate) fn insertion(table: &str, names: &[&str], rows: &[Vec<Value>]) -> Statement {
    let width = names.len();
    let groups: Vec<String> =
        (0..rows.len()).map(|row| format!("({})", placeholders(row * width + 1, width))).collect();
    let (names, groups) = (names.join(", "), groups.join(", "));
    let text = format!("INSERT INTO {table} ({names}) VALUES {groups}");
    rows.iter().flatten().cloned().fold(sql(AssertSqlSafe(text)), Statement::bind)
}

impl Statement {
    /// Adds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Executes it; how many rows it wrote.
    pub(crate) async fn execute(self, link: &mut Link) -> Result<u64, sqlx::Error> {
        self.check()?;
        Ok(match link {
            Link::Single(on) => self.prepared().execute(&mut **on).await?.rows_affected(),
            Link::Sqlite(on) => self.prepared().execute(&mut **on).await?.rows_affected(),
            Link::Postgres(on) => self.prepared().execute(&mut **on).await?.rows_affected(),
        })
    }

    /// All its rows.
    pub(crate) async fn fetch_all(self, link: &mut Link) -> Result<Vec<Row>, sqlx::Error> {
        self.check()?;
        let sqlite = match link {
            Link::Single(on) => self.prepared().fetch_all(&mut **on).await?,
            Link::Sqlite(on) => self.prepared().fetch_all(&mut **on).await?,
            Link::Postgres(on) => {
                let rows = self.prepared().fetch_all(&mut **on).await?;
                return Ok(rows.into_iter().map(Row::Postgres).collect());
            }
        };
        Ok(sqlite.into_iter().map(Row::Sqlite).collect())
    }

    /// Its first row, if there is one.
    pub(crate) async fn fetch_optional(self, link: &mut Link) -> Result<Option<Row>, sqlx::Error> {
        self.check()?;
        let sqlite = match link {
            Link::Single(on) => self.prepared().fetch_optional(&mut **on).await?,
            Link::Sqlite(on) => self.prepared().fetch_optional(&mut **on).await?,
            Link::Postgres(on) => {
                return Ok(self.prepared().fetch_optional(&mut **on).await?.map(Row::Postgres));
            }
        };
        Ok(sqlite.map(Row::Sqlite))
    }

    /// Its first row; an error if there is none.
    pub(crate) async fn fetch_one(self, link: &mut Link) -> Result<Row, sqlx::Error> {
        self.fetch_optional(link).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// PostgreSQL keeps no zero character in a text: SQLite is held to the same.
    fn check(&self) -> Result<(), sqlx::Error> {
        let zero = |value: &Value| matches!(value, Value::Text(Some(text)) if text.contains('\0'));
        if self.values.iter().any(zero) {
            return Err(sqlx::Error::Encode("a zero character".into()));
        }
        Ok(())
    }

    fn prepared<DB>(self) -> Query<'static, DB, DB::Arguments>
    where
        DB: Database,
        DB::Arguments: IntoArguments<DB>,
        Option<i64>: Encode<'static, DB> + Type<DB>,
        Option<f64>: Encode<'static, DB> + Type<DB>,
        Option<String>: Encode<'static, DB> + Type<DB>,
        Option<Vec<u8>>: Encode<'static, DB> + Type<DB>,
    {
        self.values.into_iter().fold(sqlx::query(self.text), |query, value| match value {
            Value::Integer(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Blob(value) => query.bind(value),
        })
    }
}

impl Row {
    /// The value of a column, by name or by place.
    pub(crate) fn try_get<T, I>(&self, column: I) -> Result<T, sqlx::Error>
    where
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
        T: for<'r> Decode<'r, Sqlite> + Type<Sqlite>,
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => sqlx::Row::try_get(row, column),
            Self::Postgres(row) => sqlx::Row::try_get(row, column),
        }
    }
}

impl Link {
    /// Several statements in one text, without values: the schema's.
    pub(crate) async fn script(&mut self, text: impl SqlSafeStr) -> Result<(), sqlx::Error> {
        let text = sqlx::raw_sql(text);
        match self {
            Self::Single(on) => (&mut **on).execute(text).await.map(drop),
            Self::Sqlite(on) => (&mut **on).execute(text).await.map(drop),
            Self::Postgres(on) => (&mut **on).execute(text).await.map(drop),
        }
    }

    /// Lets the statements that follow see what this scope may see.
    pub(crate) async fn enter(&mut self, scope: Scope) -> Result<(), sqlx::Error> {
        if let Self::Postgres(_) = self {
            sql("SELECT set_config('stockade.tenant', $1, true)")
                .bind(scope.to_string())
                .fetch_one(self)
                .await?;
        }
        Ok(())
    }

    /// Keeps what was written.
    pub(crate) async fn commit(self, place: &Place) -> Result<(), Error> {
        let done = match self {
            Self::Single(_) => Ok(()),
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        };
        done.map_err(|error| place.fault(error))
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Integer(value)
    }
}

impl From<Option<f64>> for Value {
    fn from(value: Option<f64>) -> Self {
        Self::Real(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<Option<&String>> for Value {
    fn from(value: Option<&String>) -> Self {
        Self::Text(value.cloned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(Some(value.to_vec()))
    }
}

impl From<&Vec<u8>> for Value {
    fn from(value: &Vec<u8>) -> Self {
        Self::Blob(Some(value.clone()))
    }
}

impl From<Option<&[u8]>> for Value {
    fn from(value: Option<&[u8]>) -> Self {
        Self::Blob(value.map(<[u8]>::to_vec))
    }
}
