//! The list of accounts, for whoever administers them. Names and addresses lie sealed, so an
//! account is found by its whole address, its role or its standing, not by a part of a name.

use crate::{
    AccountRow, Error, Store,
    accounts::{account_row, standing_name},
    scope::Scope,
    sql::{Statement, placeholders, sql},
};
use identity::{AccountId, EmailIndex, Role, Standing};
use jiff::Timestamp;

/// The most accounts on one page.
const PAGE_MAX: u32 = 200;

/// Which accounts; every condition that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct AccountSearch {
    /// The whole address, as the vault indexes it.
    pub email: Option<EmailIndex>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may come in.
    pub standing: Option<Standing>,
    /// Only accounts made before this one, by the time of its making and its id.
    pub before: Option<(Timestamp, AccountId)>,
    /// At most so many, and never more than 200; 0 stands for 50.
    pub limit: u32,
}

impl Store {
    /// Accounts of everybody that are not erased, the newest first.
    pub async fn find_accounts(&self, search: &AccountSearch) -> Result<Vec<AccountRow>, Error> {
        let limit = if search.limit == 0 { 50 } else { search.limit.min(PAGE_MAX) };
        let rows = statement(search, i64::from(limit))
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| account_row(row, self.place())).collect()
    }

    /// Some accounts by their names, unless they are erased; at most 200, in no order.
    pub async fn accounts_named(&self, accounts: &[AccountId]) -> Result<Vec<AccountRow>, Error> {
        let some: Vec<AccountId> = accounts.iter().take(PAGE_MAX as usize).copied().collect();
        if some.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!(
            "{} WHERE a.account_id IN ({}) AND a.erased_us IS NULL",
            crate::accounts::ACCOUNT,
            placeholders(1, some.len())
        );
        let statement = some
            .iter()
            .fold(sql(sqlx::AssertSqlSafe(text)), |text, account| text.bind(account.to_string()));
        let rows = statement
            .fetch_all(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| account_row(row, self.place())).collect()
    }
}

fn statement(search: &AccountSearch, limit: i64) -> Statement {
    let mut conditions = vec!["a.erased_us IS NULL".to_owned()];
    let mut values = Vec::new();
    let mut add = |text: &str, value: crate::sql::Value| {
        values.push(value);
        conditions.push(format!("{text} ${}", values.len()));
    };
    if let Some(email) = &search.email {
        add("a.email_index =", email.as_bytes().as_slice().into());
    }
    if let Some(role) = search.role {
        add("a.role =", role.as_str().into());
    }
    if let Some(standing) = search.standing {
        add("a.standing =", standing_name(standing).into());
    }
    if let Some((created, id)) = search.before {
        // As a comparison of pairs, so that the index leads to the place.
        values.push(created.as_microsecond().into());
        values.push(id.to_string().into());
        let count = values.len();
        conditions.push(format!("(a.created_us, a.account_id) < (${}, ${count})", count - 1));
    }
    let filter = conditions.join(" AND ");
    values.push(limit.into());
    let text = format!(
        "{} WHERE {filter} ORDER BY a.created_us DESC, a.account_id DESC LIMIT ${}",
        crate::accounts::ACCOUNT,
        values.len()
    );
    values.into_iter().fold(sql(sqlx::AssertSqlSafe(text)), Statement::bind)
}
