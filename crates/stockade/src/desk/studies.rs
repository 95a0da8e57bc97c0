//! Read-outs that people have asked for, kept in memory: the same question gives them again.

use super::{Error, Reading, Result, new_id, now};
use identity::{AccountId, Tenant};
use market::Panel;
use research::Study;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// Read-outs of one person.
const OF_ONE: usize = 32;
/// Bytes of everybody's read-outs together.
const KEPT_BYTES_MAX: usize = 256 << 20;
/// Read-outs of everybody.
const OF_ALL: usize = 2048;
/// Figures of one read-out: 64 MiB, and about as much as text.
const FIGURES_MAX: usize = 4_000_000;
/// Series of a horizon beside those of its quantiles.
const SERIES: usize = 11;

/// Refuses to read what has more figures than a read-out may have.
pub(super) fn bounded(panel: &Panel, reading: &Reading) -> Result<()> {
    let group = reading.group.as_ref().and_then(|name| panel.group(name));
    let groups = group.map_or(0, |labels| labels.names.len() + 1);
    if figures(panel.rows(), (reading.horizons.len(), reading.quantiles), groups) > FIGURES_MAX {
        let what = "figures of a read-out, about rows by horizons by quantiles and 11 more";
        return Err(Error::Limit { what, limit: FIGURES_MAX });
    }
    Ok(())
}

fn figures(rows: usize, (horizons, quantiles): (usize, usize), groups: usize) -> usize {
    let series = horizons.saturating_mul(quantiles.saturating_add(SERIES));
    rows.saturating_mul(series.saturating_add(groups.saturating_mul(2)))
}

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

impl Kept {
    /// About what it takes in memory.
    fn bytes(&self) -> usize {
        let (study, settings) = (&self.study, &self.study.settings);
        let asked = (settings.horizons.len(), settings.quantiles);
        let figures = figures(study.times.len(), asked, study.exposures.len());
        let rest = study.times.len() * 32 + study.survivorship.fates.len() * 128;
        figures.saturating_mul(16) + rest + self.text.len() + self.canonical.len() + 4096
    }
}

/// A read-out and whose it is.
#[derive(Debug)]
struct Held {
    account: AccountId,
    bytes: usize,
    kept: Arc<Kept>,
}

/// The last read-outs of each person, the last used of all first.
#[derive(Debug)]
pub struct Studies {
    held: Mutex<VecDeque<Held>>,
    bytes_max: usize,
}

impl Default for Studies {
    fn default() -> Self {
        Self::of(KEPT_BYTES_MAX)
    }
}

impl Studies {
    fn of(bytes_max: usize) -> Self {
        Self { held: Mutex::default(), bytes_max }
    }

    /// Keeps a read-out; what was not used for longest gives way, the person's own first.
    pub fn keep(&self, tenant: &Tenant, kept: Kept) -> Arc<Kept> {
        let (account, bytes, kept) = (tenant.account(), kept.bytes(), Arc::new(kept));
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_front(Held { account, bytes, kept: Arc::clone(&kept) });
        let mut own = 0;
        all.retain(|held| {
            own += usize::from(held.account == account);
            held.account != account || own <= OF_ONE
        });
        let mut total = 0_usize;
        let fits = |held: &&Held| {
            total = total.saturating_add(held.bytes);
            total <= self.bytes_max
        };
        let fitting = all.iter().take_while(fits).count();
        all.truncate(fitting.min(OF_ALL));
        kept
    }

    /// One of a person's read-outs.
    pub fn find(&self, tenant: &Tenant, id: Uuid) -> Result<Arc<Kept>> {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |held: &Held| held.account == tenant.account() && held.kept.id == id;
        let at = all.iter().position(own);
        let found = at.and_then(|at| all.remove(at)).ok_or(Error::NotFound { what: "study" })?;
        let kept = Arc::clone(&found.kept);
        all.push_front(found);
        Ok(kept)
    }

    /// A name for a new one.
    #[must_use]
    pub fn fresh_id() -> Uuid {
        new_id(now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::settings;
    use market::{Column, Symbol, Timestamp};
    use std::sync::atomic::AtomicBool;

    fn made() -> Kept {
        let times = (0..60).map(|day| Timestamp::from_nanos(day * 86_400_000_000_000)).collect();
        let symbols: Vec<Symbol> =
            ["A", "B", "C", "D"].map(|name| name.parse().expect("a symbol")).to_vec();
        let mut panel = Panel::new(times, symbols);
        let close = Column::from_values(vec![10.0; 60 * panel.stride()], panel.stride());
        let close = close.expect("fits");
        panel.insert("close", close.clone()).expect("fits");
        let settings = settings(&panel, &Reading::default(), 1);
        let study = research::study(&close, &panel, &settings, &AtomicBool::new(false));
        let [name, text, canonical, dataset, digest] =
            ["a", "close", "close", "d", "0"].map(str::to_owned);
        let (id, size, study) = (Studies::fresh_id(), (60, 4), study.expect("runs"));
        Kept { id, name, text, canonical, dataset, digest, size, trials: 1, study }
    }

    #[test]
    fn what_was_not_used_for_longest_gives_way_by_bytes() {
        let one = made();
        let series = 60 * 3 * (5 + SERIES) * 16;
        assert!((series..2 * series + 8192).contains(&one.bytes()), "{}", one.bytes());
        let studies = Studies::of(2 * one.bytes());
        let person = |n: u8| {
            let id = format!("01890000-0000-7000-8000-00000000000{n}");
            Tenant::host(id.parse().expect("an account"))
        };
        // The smallest account is no reason to go.
        let (low, high) = (person(1), person(9));
        let first = studies.keep(&low, one).id;
        let second = studies.keep(&high, made()).id;
        studies.find(&low, first).expect("is kept");
        let third = studies.keep(&high, made()).id;
        assert!(studies.find(&high, second).is_err(), "there is room for two");
        studies.find(&low, first).expect("was used");
        studies.find(&high, third).expect("is new");
        assert!(studies.find(&low, third).is_err(), "it is somebody else's");
        for _ in 0..=OF_ONE {
            studies.keep(&high, made());
        }
        assert_eq!(studies.held.lock().expect("not poisoned").len(), 2);
    }
}
