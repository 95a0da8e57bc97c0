//! Read-outs that people have asked for, kept in memory: the same question gives them again.

use super::{Error, Result, new_id, now};
use identity::{AccountId, Tenant};
use research::Study;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// Read-outs of one person.
const OF_ONE: usize = 32;
/// People whose read-outs are kept.
const PEOPLE_MAX: usize = 64;

/// A read-out with what it is of.
#[derive(Debug)]
pub struct Kept {
    /// Its name while it is kept.
    pub id: Uuid,
    /// What the person calls the factor.
    pub name: String,
    /// The expression as it was typed.
    pub text: String,
    /// The expression's canonical text.
    pub canonical: String,
    /// The dataset.
    pub dataset: String,
    /// The digest of its columns.
    pub digest: String,
    /// Rows and names of the data.
    pub size: (usize, usize),
    /// Expressions tried on the dataset by then.
    pub trials: u64,
    /// The figures.
    pub study: Study,
}

/// The last read-outs of each person.
#[derive(Debug, Default)]
pub struct Studies(Mutex<BTreeMap<AccountId, VecDeque<Arc<Kept>>>>);

impl Studies {
    /// Keeps a read-out; the oldest of the person gives way.
    pub fn keep(&self, tenant: &Tenant, kept: Kept) -> Arc<Kept> {
        let kept = Arc::new(kept);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= PEOPLE_MAX && !all.contains_key(&tenant.account()) {
            all.pop_first();
        }
        let own = all.entry(tenant.account()).or_default();
        own.truncate(OF_ONE - 1);
        own.push_front(Arc::clone(&kept));
        kept
    }

    /// One of a person's read-outs.
    pub fn find(&self, tenant: &Tenant, id: Uuid) -> Result<Arc<Kept>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = all.get(&tenant.account()).into_iter().flatten();
        own.find(|kept| kept.id == id).map(Arc::clone).ok_or(Error::NotFound { what: "study" })
    }

    /// A name for a new one.
    #[must_use]
    pub fn fresh_id() -> Uuid {
        new_id(now())
    }
}
