//! Factors: named expressions that a person keeps; each version stays as it is and is in the log.

use super::{Actor, Deed, Desk, Error, Result, new_id, now, sha256_hex};
use catalog::Manifest;
use factor::{Diagnostic, Expression, Limits, Schema};
use identity::Tenant;
use std::collections::BTreeSet;
use store::{FactorLine, FactorVersion, FactorWords};
use uuid::Uuid;

/// The longest text of an expression, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 64 * 1024;
/// The longest name, in characters.
pub const FACTOR_NAME_CHARS_MAX: usize = 64;
/// The longest note, in characters.
const NOTE_CHARS_MAX: usize = 2000;
/// How many a person may keep, archived ones included.
const KEPT_MAX: u32 = 1000;
/// How many versions a factor may have.
const VERSIONS_MAX: i64 = 1000;

/// What is kept of a factor: its expression, a note, and whose fields the expression means.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// The expression.
    pub text: &'a str,
    /// What the person says of it.
    pub note: &'a str,
    /// The dataset whose fields it is checked against; those that the library reads unless given.
    pub dataset: Option<&'a str>,
}

impl Desk {
    /// A person's factors, the last changed first; archived ones at the caller's choice.
    pub async fn factors(&self, tenant: &Tenant, archived: Archived) -> Result<Vec<FactorLine>> {
        let mut all = self.store().kept_factors(tenant, KEPT_MAX).await?;
        all.retain(|line| archived == Archived::Shown || line.archived.is_none());
        Ok(all)
    }

    /// One of a person's factors.
    pub async fn factor(&self, tenant: &Tenant, id: Uuid) -> Result<FactorLine> {
        let found = self.store().kept_factor(tenant, id).await?;
        found.ok_or(Error::NotFound { what: "factor" })
    }

    /// The versions of one of a person's factors, the newest first.
    pub async fn factor_versions(&self, tenant: &Tenant, id: Uuid) -> Result<Vec<FactorVersion>> {
        let found = self.store().factor_versions(tenant, id).await?;
        if found.is_empty() { Err(Error::NotFound { what: "factor" }) } else { Ok(found) }
    }

    /// Keeps a new factor in its first version.
    pub async fn create_factor(
        &self,
        tenant: &Tenant,
        name: &str,
        draft: Draft<'_>,
    ) -> Result<Uuid> {
        let name = name.trim();
        check_name(name)?;
        self.check_draft(draft).await?;
        if self.store().kept_factors(tenant, KEPT_MAX).await?.len() >= KEPT_MAX as usize {
            return Err(Error::Limit { what: "factors", limit: KEPT_MAX as usize });
        }
        let now = now();
        let id = new_id(now);
        let mut act = self.store().begin().await?;
        let words = FactorWords { text: draft.text, note: draft.note };
        if !act.insert_factor(tenant, (id, name), words, now).await? {
            return Err(Error::NameTaken { name: name.to_owned() });
        }
        let deed = Deed::FactorCreated { id, text: sha256_hex(draft.text.as_bytes()) };
        act.commit(deed.entry(Actor::Account(tenant.account())), now).await?;
        Ok(id)
    }

    /// Adds a version after the one that the person saw; its number.
    pub async fn add_factor_version(
        &self,
        tenant: &Tenant,
        seen: (Uuid, i64),
        draft: Draft<'_>,
    ) -> Result<i64> {
        self.check_draft(draft).await?;
        let (id, version) = (seen.0, seen.1.saturating_add(1));
        if version > VERSIONS_MAX {
            let limit = usize::try_from(VERSIONS_MAX).unwrap_or(usize::MAX);
            return Err(Error::Limit { what: "versions of a factor", limit });
        }
        let now = now();
        let mut act = self.store().begin().await?;
        let words = FactorWords { text: draft.text, note: draft.note };
        if !act.add_factor_version(tenant, seen, words, now).await? {
            drop(act);
            let archived = self.factor(tenant, id).await?.archived.is_some();
            let what = "the factor";
            return Err(if archived { Error::Archived { what } } else { Error::Changed { what } });
        }
        let text = sha256_hex(draft.text.as_bytes());
        let deed = Deed::FactorVersioned { id, version, text };
        act.commit(deed.entry(Actor::Account(tenant.account())), now).await?;
        Ok(version)
    }

    /// Puts a factor away: its versions stay, its name becomes free.
    pub async fn archive_factor(&self, tenant: &Tenant, id: Uuid) -> Result<()> {
        let now = now();
        let mut act = self.store().begin().await?;
        if !act.archive_factor(tenant, id, now).await? {
            return Err(Error::NotFound { what: "factor" });
        }
        let deed = Deed::FactorArchived { id };
        act.commit(deed.entry(Actor::Account(tenant.account())), now).await?;
        Ok(())
    }

    /// The names that an expression over a dataset may use; without one those that the library reads.
    pub async fn factor_schema(&self, dataset: Option<&str>) -> Result<Schema> {
        match dataset {
            Some(name) => Ok(panel_schema(&self.manifest(name).await?)),
            None => Ok(factor::library_schema()),
        }
    }

    /// A kept text may name fields that are yet to come; all else about it must be right.
    async fn check_draft(&self, draft: Draft<'_>) -> Result<()> {
        if draft.note.chars().count() > NOTE_CHARS_MAX {
            return Err(Error::Limit { what: "characters of a note", limit: NOTE_CHARS_MAX });
        }
        let schema = self.factor_schema(draft.dataset).await?;
        match parsed("", draft.text, &schema) {
            Err(Error::Expression { problems, .. })
                if problems.iter().all(|problem| problem.code == "unknown-name") =>
            {
                Ok(())
            }
            other => other.map(drop),
        }
    }
}

/// Whether a list shows what was put away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Archived {
    /// It does.
    Shown,
    /// It does not.
    Hidden,
}

/// The names that an expression over a dataset may use: its price fields and its extra columns.
#[must_use]
pub fn panel_schema(manifest: &Manifest) -> Schema {
    Schema { fields: manifest.panel_fields().into_iter().collect(), groups: BTreeSet::new() }
}

/// The expression of a text; `place` says which of several it is.
pub(super) fn parsed(place: &str, text: &str, schema: &Schema) -> Result<Expression> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(Error::Limit { what: "bytes of an expression", limit: EXPRESSION_BYTES_MAX });
    }
    Expression::parse(text, schema, &Limits::default()).map_err(|problems| {
        let at = problems.first().map(|problem| place_of(text, problem)).unwrap_or_default();
        let place = if place.is_empty() { at } else { format!("{place}, {at}") };
        Error::Expression { place, problems }
    })
}

/// `line 1, column 5`, characters counted.
fn place_of(text: &str, problem: &Diagnostic) -> String {
    let before = text.get(..problem.span.start).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

/// A name that lists and charts can show.
pub(super) fn check_name(name: &str) -> Result<()> {
    let fits = (1..=FACTOR_NAME_CHARS_MAX).contains(&name.chars().count());
    if fits && !name.chars().any(char::is_control) {
        Ok(())
    } else {
        let what = "printable characters of a factor's name, and at least one";
        Err(Error::Limit { what, limit: FACTOR_NAME_CHARS_MAX })
    }
}
