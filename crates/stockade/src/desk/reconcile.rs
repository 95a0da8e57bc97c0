//! Rows against the log: witnesses prove that nothing was rewritten, not that all was logged. A row that no
//! entry made, or that stands otherwise than the last entry about it says, was not made by an act.

use super::Result;
use audit::{Entry, Record};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use store::{Acted, ActedRow, Store};

/// What a comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Entries that were read.
    pub entries: u64,
    /// Rows that were compared.
    pub rows: u64,
    /// Those that no entry explains.
    pub orphans: Vec<Orphan>,
}

/// A row that the log does not explain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its table.
    pub table: &'static str,
    /// Its id.
    pub id: String,
    /// What the log has instead.
    pub why: Why,
}

/// Why a row is an orphan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// No entry made it.
    Unmade,
    /// The last entry about it says otherwise.
    Otherwise {
        /// What the row says.
        row: String,
        /// What the log says.
        log: String,
    },
}

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.table, self.id)?;
        match &self.why {
            Why::Unmade => f.write_str("no act made it"),
            Why::Otherwise { row, log } => write!(f, "it says {row:?}, the log {log:?}"),
        }
    }
}

/// What the log tells of rows, gathered from the newest entry back.
#[derive(Default)]
struct Told {
    entries: u64,
    /// What was made, by table and id.
    made: BTreeSet<(&'static str, String)>,
    roles: BTreeMap<String, String>,
    standings: BTreeMap<String, &'static str>,
    texts: BTreeMap<String, String>,
    ended: BTreeSet<String>,
    /// What became of notices, by their digests.
    notices: BTreeMap<String, &'static str>,
    licences: BTreeMap<String, &'static str>,
    /// Up to here the entries are not there: their bodies are pruned, or the database came back from a backup and
    /// they are in the log of before. What was made earlier is not judged.
    untold: Option<Timestamp>,
}

/// Reads the whole log and compares every row that an act must have made.
pub async fn reconcile(store: &Store) -> Result<Reconciled> {
    let (mut told, mut found) = (Told::default(), Reconciled::default());
    // Of one moment: what a running server does meanwhile is in neither of them.
    store
        .acted(|acted| match acted {
            Acted::Entry(record) => told.take(&record),
            Acted::Row(row) => {
                found.rows += 1;
                if let Some(why) = told.judge(&row) {
                    found.orphans.push(Orphan { table: row.table, id: row.id, why });
                }
            }
        })
        .await?;
    Ok(Reconciled { entries: told.entries, ..found })
}

impl Told {
    /// Takes in a record that is older than all before it.
    fn take(&mut self, record: &Record) {
        self.entries += 1;
        let Some(entry) = &record.entry else {
            self.untold = self.untold.max(Some(record.time));
            return;
        };
        let (subject, fact) = (entry.subject.clone(), |name: &str| fact(entry, name));
        match record.kind.as_str() {
            "backup.restored" => self.untold = self.untold.max(Some(record.time)),
            "account.created" => {
                self.made.insert(("accounts", subject.clone()));
                self.roles.entry(subject.clone()).or_insert_with(|| fact("role"));
                self.standings.entry(subject).or_insert("active");
            }
            "account.role_changed" => {
                self.roles.entry(subject).or_insert_with(|| fact("role"));
            }
            "account.disabled" => {
                self.standings.entry(subject).or_insert("disabled");
            }
            "account.enabled" => {
                self.standings.entry(subject).or_insert("active");
            }
            "session.opened" => {
                self.made.insert(("sessions", fact("session")));
            }
            "session.ended" => {
                self.ended.insert(fact("session"));
            }
            "token.made" | "token.granted" => {
                self.made.insert(("credentials", fact("token")));
            }
            "bot.bound" => {
                self.made.insert(("credentials", fact("bot")));
            }
            "strategy.created" | "strategy.changed" => {
                self.made.insert(("strategies", subject.clone()));
                self.texts.entry(subject).or_insert_with(|| fact("text_sha256"));
            }
            "expression.created" => {
                self.made.insert(("factors", subject));
            }
            "backtest.queued" => {
                self.made.insert(("backtests", subject));
            }
            "sweep.started" => {
                self.made.insert(("sweeps", subject));
            }
            "payment.notified" | "payment.quarantined" => {
                let is_noted = record.kind.as_str() == "payment.notified";
                let standing = if is_noted { "noted" } else { "quarantined" };
                self.made.insert(("payment_notices", fact("digest")));
                self.notices.entry(fact("digest")).or_insert(standing);
            }
            "licence.issued" => {
                self.made.insert(("licences", subject.clone()));
                self.licences.entry(subject).or_insert("issued");
            }
            "licence.suspended" => {
                self.licences.entry(subject).or_insert("suspended");
            }
            "licence.resumed" => {
                self.licences.entry(subject).or_insert("issued");
            }
            "licence.revoked" => {
                self.licences.entry(subject).or_insert("revoked");
            }
            _ => {}
        }
    }

    /// Why a row is an orphan, if it is one.
    fn judge(&self, row: &ActedRow) -> Option<Why> {
        let key = (row.table, row.id.clone());
        if !self.made.contains(&key) {
            let untold = self.untold.is_some_and(|until| row.made <= until);
            return (!untold).then_some(Why::Unmade);
        }
        let log = match row.table {
            "accounts" => {
                let role = self.roles.get(&row.id)?;
                Some(format!("{role} {}", self.standings.get(&row.id)?))
            }
            // An end of many has one entry for all of them; one that is told of singly is an end.
            "sessions" => self.ended.contains(&row.id).then(|| "over".to_owned()),
            "strategies" => self.texts.get(&row.id).cloned(),
            "payment_notices" => self.notices.get(&row.id).map(|&standing| standing.to_owned()),
            "licences" => self.licences.get(&row.id).map(|&state| state.to_owned()),
            _ => None,
        }?;
        (log != row.standing).then(|| Why::Otherwise { row: row.standing.clone(), log })
    }
}

fn fact(entry: &Entry, name: &str) -> String {
    entry.detail.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}
