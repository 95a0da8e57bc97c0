//! Factors as the command line names them: by name, for the owner of this machine.

use super::{Archived, Desk, Draft, Error, Result, sha256_hex};
use identity::Tenant;
use serde::{Deserialize, Serialize};
use store::FactorLine;

/// A factor with its newest version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OwnFactor {
    /// What the person calls it.
    pub name: String,
    /// Its newest version.
    pub version: i64,
    /// The expression.
    pub text: String,
    /// What the person says of it.
    pub note: String,
    /// When it was last changed.
    pub updated: String,
    /// It was put away.
    pub archived: bool,
}

/// A version of a factor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OwnVersion {
    /// Counts from 1.
    pub version: i64,
    /// The expression.
    pub text: String,
    /// What the person says of it.
    pub note: String,
    /// When it was made.
    pub created: String,
    /// SHA-256 of its text, as the log has it.
    pub text_sha256: String,
    /// The entry of the log that holds the hash.
    pub leaf_index: i64,
}

/// What is to be kept under a name.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// What the person calls it.
    pub name: String,
    /// The expression.
    pub text: String,
    /// What the person says of it.
    pub note: String,
    /// Whose fields the expression means; those that the library reads unless given.
    pub dataset: Option<String>,
    /// The version that the person saw; the newest unless given.
    pub base: Option<i64>,
}

impl Desk {
    /// The owner's factors.
    pub async fn own_factors(&self, archived: Archived) -> Result<Vec<OwnFactor>> {
        let lines = self.factors(&self.owner().await?, archived).await?;
        let own = |line: FactorLine| OwnFactor {
            name: line.name,
            version: line.newest.version,
            text: line.newest.text,
            note: line.newest.note,
            updated: line.newest.created.to_string(),
            archived: line.archived.is_some(),
        };
        Ok(lines.into_iter().map(own).collect())
    }

    /// The versions of one of the owner's factors, the newest first.
    pub async fn own_versions(&self, name: &str) -> Result<Vec<OwnVersion>> {
        let tenant = self.owner().await?;
        let line = self.named(&tenant, name).await?;
        let line = line.ok_or(Error::NotFound { what: "factor" })?;
        let versions = self.factor_versions(&tenant, line.id).await?;
        let own = |one: store::FactorVersion| OwnVersion {
            version: one.version,
            text_sha256: sha256_hex(one.text.as_bytes()),
            text: one.text,
            note: one.note,
            created: one.created.to_string(),
            leaf_index: one.leaf_index,
        };
        Ok(versions.into_iter().map(own).collect())
    }

    /// Keeps an expression under a name, as a new factor or as a new version; the version.
    pub async fn save_factor(&self, saved: &Saved) -> Result<i64> {
        let tenant = self.owner().await?;
        let dataset = saved.dataset.as_deref();
        let draft = Draft { text: &saved.text, note: &saved.note, dataset };
        match (self.named(&tenant, &saved.name).await?, saved.base) {
            (None, Some(_)) => Err(Error::NotFound { what: "factor" }),
            (None, None) => self.create_factor(&tenant, &saved.name, draft).await.map(|_| 1),
            (Some(line), base) => {
                let seen = base.unwrap_or(line.newest.version);
                self.add_factor_version(&tenant, (line.id, seen), draft).await
            }
        }
    }

    /// Puts one of the owner's factors away.
    pub async fn archive_named(&self, name: &str) -> Result<()> {
        let tenant = self.owner().await?;
        let line = self.named(&tenant, name).await?;
        let line = line.ok_or(Error::NotFound { what: "factor" })?;
        self.archive_factor(&tenant, line.id).await
    }

    async fn named(&self, tenant: &Tenant, name: &str) -> Result<Option<FactorLine>> {
        let lines = self.factors(tenant, Archived::Hidden).await?;
        Ok(lines.into_iter().find(|line| line.name == name.trim()))
    }

    async fn owner(&self) -> Result<Tenant> {
        self.host_tenant().await?.ok_or(Error::NoOwner)
    }
}
