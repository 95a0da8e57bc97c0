//! Taking one's data away: everything that belongs to an account, as lines of JSON in one file.

use super::{
    Accounts, Actor, Archived, Desk, Error, JSON, Known, LogLine, Plan, Result, Visitor, now,
};
use identity::{Authenticated, Belonging, EndReason, LetterPart, Permission, Tenant};
use serde_json::{Value, json};
use std::fmt::{self, Write as _};
use store::BacktestState;

/// Entries of the log that one piece of an export holds.
const ENTRIES: u32 = 256;

/// An export under way: one part after the other, none of them whole in memory beside another.
pub struct Takeout {
    accounts: Accounts,
    tenant: Tenant,
    parts: std::slice::Iter<'static, Belonging>,
    /// Of a history that is under way, the index below which it goes on.
    history: Option<u64>,
}

impl fmt::Debug for Takeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Takeout(..)")
    }
}

impl Accounts {
    /// Begins to take whoever is signed in their data away; that it is done is logged and told first.
    pub async fn take_out(&self, visitor: &Visitor, by: &Authenticated) -> Result<Takeout> {
        let now = now();
        let known = self.own(by).await?;
        let change = known.member.export(by, now)?;
        let plan = Plan::of(Actor::Account(known.member.state.account)).asked_by(visitor);
        self.keep(plan.change(&known, change), now).await?;
        let (accounts, tenant) = (self.clone(), by.authorize(Permission::OwnData, now)?);
        Ok(Takeout { accounts, tenant, parts: Belonging::ALL.iter(), history: None })
    }
}

impl Takeout {
    /// The next piece, whole lines; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<String>> {
        if let Some(before) = self.history {
            return self.entries(before).await;
        }
        let Some(part) = self.parts.next() else { return Ok(None) };
        let account = self.tenant.account();
        let known = self.accounts.known(account).await?;
        let known = known.ok_or(Error::NotFound { what: "account" })?;
        let values = match part {
            Belonging::Profile => vec![profile(&known)],
            Belonging::Factors => self.factors(&known).await?,
            Belonging::Sessions => self.sessions(&known).await?,
            Belonging::Devices => self.devices().await?,
            Belonging::Credentials => self.tokens().await?,
            Belonging::Strategies => self.strategies().await?,
            Belonging::Expressions => self.expressions().await?,
            Belonging::Backtests => self.backtests().await?,
            Belonging::Letters => self.letters(&known).await?,
            Belonging::History => return self.entries(u64::MAX).await,
        };
        Ok(Some(lines(part.as_str(), values)))
    }

    fn desk(&self) -> &Desk {
        self.accounts.desk()
    }

    async fn factors(&self, known: &Known) -> Result<Vec<Value>> {
        let store = self.desk().store();
        let holdings = &known.member.holdings;
        let stored = store.factors(self.tenant.account()).await?;
        let totp = store.totp_since(&self.tenant).await?;
        let mut all = vec![json!({
            "password": holdings.password,
            "authenticator_since": totp.map(|time| time.to_string()),
            "recovery_codes_left": holdings.recovery,
        })];
        all.extend(stored.map(|stored| stored.passkeys).unwrap_or_default().iter().map(|key| {
            let key = &key.row;
            json!({
                "passkey": key.label.as_str(),
                "created": key.created.to_string(),
                "may_be_copied": key.may_be_copied,
            })
        }));
        Ok(all)
    }

    async fn sessions(&self, known: &Known) -> Result<Vec<Value>> {
        let rows = self.desk().store().own_sessions(&self.tenant).await?;
        let session = |row: &store::SessionRow| {
            let session = &row.session;
            let client = known.vault.open_client((session.account, session.id), &row.client)?;
            Ok(json!({
                "id": session.id.to_string(),
                "device": session.device.to_string(),
                "factor": session.factor.as_str(),
                "opened": session.opened.to_string(),
                "last_used": row.family.used.to_string(),
                "expires": session.expires.to_string(),
                "ended": session.ended.map(EndReason::as_str),
                "address": client.address.map(|address| address.to_string()),
                "agent": client.agent,
            }))
        };
        rows.iter().map(session).collect()
    }

    async fn devices(&self) -> Result<Vec<Value>> {
        let rows = self.desk().store().own_devices(&self.tenant).await?;
        let device = |row: &store::DeviceRow| {
            let (first, last) = (row.first.to_string(), row.last.to_string());
            json!({ "id": row.device.to_string(), "first": first, "last": last })
        };
        Ok(rows.iter().map(device).collect())
    }

    async fn tokens(&self) -> Result<Vec<Value>> {
        let tokens = self.accounts.tokens(&self.tenant).await?;
        let token = |token: &identity::Credential| {
            let scope: Vec<&str> = token.scope.permissions().map(Permission::as_str).collect();
            json!({
                "id": token.id.to_string(),
                "name": token.label.as_str(),
                "scope": scope,
                "created": token.created.to_string(),
                "expires": token.expires.to_string(),
                "last_used": token.used.map(|time| time.to_string()),
            })
        };
        Ok(tokens.iter().map(token).collect())
    }

    async fn strategies(&self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for line in self.desk().store().strategies(&self.tenant, u32::MAX).await? {
            // One that was removed meanwhile is not theirs any more.
            let row = self.desk().store().strategy(&self.tenant, line.id).await?;
            all.extend(row.map(|row| {
                json!({
                    "id": line.id.to_string(),
                    "name": line.name,
                    "revision": line.revision,
                    "created": row.created.to_string(),
                    "updated": line.updated.to_string(),
                    "text": row.text,
                })
            }));
        }
        Ok(all)
    }

    async fn expressions(&self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for line in self.desk().factors(&self.tenant, Archived::Shown).await? {
            let versions = self.desk().factor_versions(&self.tenant, line.id).await?;
            let version = |one: &store::FactorVersion| {
                json!({
                    "version": one.version,
                    "text": one.text,
                    "note": one.note,
                    "created": one.created.to_string(),
                })
            };
            all.push(json!({
                "id": line.id.to_string(),
                "name": line.name,
                "created": line.created.to_string(),
                "archived": line.archived.map(|time| time.to_string()),
                "versions": versions.iter().map(version).collect::<Vec<_>>(),
            }));
        }
        Ok(all)
    }

    async fn backtests(&self) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        for row in self.desk().store().backtests(&self.tenant, u32::MAX).await? {
            let (problem, result) = match &row.state {
                BacktestState::Done { .. } => (None, Some(self.result(&row).await?)),
                BacktestState::Failed { problem } => (serde_json::from_str(problem).ok(), None),
                BacktestState::Queued | BacktestState::Cancelled => (None::<Value>, None),
            };
            all.push(json!({
                "backtest": row.id.to_string(),
                "strategy": row.strategy.map(|id| id.to_string()),
                "name": row.name,
                "state": row.state.as_str(),
                "created": row.created.to_string(),
                "finished": row.finished.map(|time| time.to_string()),
                "problem": problem,
                "result": result,
            }));
        }
        for row in self.desk().store().sweeps(&self.tenant, u32::MAX).await? {
            // One whose files are gone does not keep the rest back.
            let found = self.desk().sweep_rows(&self.tenant, row.id).await.ok();
            let sets = found.map(|(names, rows)| rows.iter().map(|row| set(&names, row)).collect());
            all.push(json!({
                "sweep": row.id.to_string(),
                "name": row.name,
                "dataset": row.dataset,
                "state": row.state.as_str(),
                "created": row.created.to_string(),
                "sets": sets.map(Value::Array),
            }));
        }
        Ok(all)
    }

    /// A result's document; a file that is missing or damaged does not keep the rest back.
    async fn result(&self, row: &store::BacktestRow) -> Result<Value> {
        let path = self.desk().result_dir(&self.tenant, row.id).await?.join(JSON);
        let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await?;
        let value = read.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(value.unwrap_or_else(|| json!("the result's file cannot be read")))
    }

    async fn letters(&self, known: &Known) -> Result<Vec<Value>> {
        let rows = self.desk().store().own_postings(&self.tenant).await?;
        let letter = |row: &store::PostingRow| {
            let opened = |part, sealed: &[u8]| {
                let letter = (row.account, row.id.as_str());
                known.vault.open_letter(letter, part, sealed).map(|text| text.expose().clone())
            };
            Ok(json!({
                "date": row.date.to_string(),
                "to": opened(LetterPart::Recipient, &row.recipient)?,
                "subject": opened(LetterPart::Subject, &row.subject)?,
                "tries": row.tries,
            }))
        };
        rows.iter().map(letter).collect()
    }

    /// A page of the account's own entries of the log, the newest first.
    async fn entries(&mut self, before: u64) -> Result<Option<String>> {
        let store = self.desk().store();
        let records = store.own_log(&self.tenant, Some(before), ENTRIES).await?;
        let last = records.last().map(|record| record.index);
        self.history = last;
        if last.is_none() {
            self.history = None;
            return Ok(None);
        }
        let entry = |record: audit::Record| {
            let line = LogLine::from(record);
            json!({
                "index": line.index,
                "time": line.time.to_string(),
                "kind": line.kind,
                "actor": line.actor,
                "subject": line.subject,
                "summary": line.summary,
            })
        };
        let entries = records.into_iter().map(entry).collect();
        Ok(Some(lines(Belonging::History.as_str(), entries)))
    }
}

fn profile(known: &Known) -> Value {
    json!({
        "account": known.member.state.account.to_string(),
        "email": known.profile.email.as_str(),
        "display_name": known.profile.display_name.as_str(),
        "role": known.member.state.role.as_str(),
        "created": known.row.created.to_string(),
    })
}

/// A set of a sweep: its parameters and what came of it.
fn set(names: &[String], row: &engine::sweep::Row) -> Value {
    let values = names.iter().zip(&row.values);
    let values = values.map(|(name, value)| (name.clone(), value.to_string().into())).collect();
    json!({
        "set": row.number,
        "parameters": Value::Object(values),
        "equity": row.equity.to_string(),
        "fees": row.fees.to_string(),
        "trades": row.trades,
        "total_return": row.total_return,
        "sharpe": row.sharpe,
        "max_drawdown": row.max_drawdown,
    })
}

/// A line for each thing, its part first.
fn lines(part: &str, values: Vec<Value>) -> String {
    let mut text = String::new();
    for value in values {
        let line = json!({ "part": part, "is": value });
        let _ = writeln!(text, "{line}");
    }
    text
}
