//! Who is refused by address: before any route, and after it is settled who asks.

use super::{Problem, headers::address_of, state::App};
use crate::desk::{
    AddressTerms, BlockView, Desk, Error, ListView, LoadedLists, Result, mark_of, now,
};
use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::Peer;
use guard::{Gate, Passage, Prefix};
use http::StatusCode;
use jiff::Timestamp;
use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often blocks are read anew: what another server, or a command, has changed.
const BLOCKS: Duration = Duration::from_secs(5);
/// How often the folder of the lists is looked at, in turns of the above.
const LISTS_TURNS: u32 = 12;

/// What stays in reach of everybody: the way to report a weakness, and what is published for whoever checks.
const OPEN: [&str; 2] = ["/security", "/.well-known"];

type Mark = Vec<(PathBuf, u64, i128)>;

/// Whom the server keeps out.
#[derive(Debug)]
pub struct Addresses {
    terms: AddressTerms,
    gate: RwLock<Arc<Gate>>,
    known: Mutex<(LoadedLists, Mark)>,
    /// Requests that were refused: by a list, and by a block.
    refused: [AtomicU64; 2],
}

impl Addresses {
    /// Reads lists and blocks. A list that is not believed stops the start: nobody could tell whom it would have
    /// kept out.
    pub async fn open(desk: &Desk, terms: AddressTerms) -> Result<Self> {
        let mark = marked(&terms).await?;
        let lists = desk.load_lists(&terms, &[]).await?;
        if let Some((path, why)) = lists.problems.into_iter().next() {
            return Err(Error::AddressList { path, why });
        }
        let lists = LoadedLists { lists: lists.lists, ..LoadedLists::default() };
        let addresses = Self {
            gate: RwLock::default(),
            terms,
            known: Mutex::new((lists, mark)),
            refused: [const { AtomicU64::new(0) }; 2],
        };
        addresses.learn(desk).await?;
        Ok(addresses)
    }

    /// Reads the blocks anew, and holds them and the lists against whoever comes from now on.
    pub async fn learn(&self, desk: &Desk) -> Result<()> {
        let blocks = desk.blocks().await?;
        let block = |one: &BlockView| Some((one.prefix.parse::<Prefix>().ok()?, one.until));
        let gate = Gate {
            allowed: self.terms.allowed.iter().copied().collect(),
            blocks: blocks.iter().filter_map(block).collect(),
            lists: self.known().0.lists.iter().map(|one| Arc::clone(&one.list)).collect(),
        };
        *self.gate.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(gate);
        Ok(())
    }

    /// Reads the lists anew if something in their folder has changed; whatever cannot be believed leaves in force what
    /// was loaded before.
    pub async fn reload(&self, desk: &Desk) -> Result<()> {
        let mark = marked(&self.terms).await?;
        let (before, is_same) = {
            let known = self.known();
            (known.0.lists.clone(), known.1 == mark && known.0.problems.is_empty())
        };
        if is_same {
            return Ok(());
        }
        let lists = desk.load_lists(&self.terms, &before).await?;
        for (path, why) in &lists.problems {
            tracing::error!(path = %path.display(), why, "a list of addresses is not believed; what was loaded before it holds on");
        }
        for gone in before.iter().filter(|old| lists.lists.iter().all(|new| new.file != old.file)) {
            tracing::warn!(list = gone.list.name, "a list of addresses was taken away");
        }
        *self.known() = (lists, mark);
        self.learn(desk).await
    }

    /// Follows blocks and lists until the server stops.
    pub(super) async fn follow(&self, desk: &Desk, stop: CancellationToken) {
        let mut turns = tokio::time::interval(BLOCKS);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut turn = 0_u32;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = turns.tick() => turn = turn.wrapping_add(1),
            }
            let looked =
                if turn.is_multiple_of(LISTS_TURNS) { self.reload(desk).await } else { Ok(()) };
            for error in [looked, self.learn(desk).await].into_iter().filter_map(Result::err) {
                tracing::error!(%error, "addresses could not be read anew; what was known holds on");
            }
        }
    }

    /// The lists as people see them.
    #[must_use]
    pub fn lists(&self, now: Timestamp) -> Vec<ListView> {
        self.known().0.views(self.terms.lasts, now)
    }

    /// What is configured.
    #[must_use]
    pub const fn terms(&self) -> &AddressTerms {
        &self.terms
    }

    /// Requests that were refused since the start: by a list, and by a block.
    #[must_use]
    pub fn refused(&self) -> [u64; 2] {
        self.refused.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// What is held in memory now.
    #[must_use]
    pub fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.gate.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The refusal of an address, if it is one. It says little: who is kept out learns no list by asking.
    fn judge(&self, address: IpAddr, now: Timestamp) -> Option<Problem> {
        let gate = self.gate();
        let (at, code, detail) = match gate.judge(address, now) {
            Passage::Free | Passage::Allowed => return None,
            Passage::Listed { .. } => {
                (0, "address-listed", "the address that this comes from is on a list")
            }
            Passage::Blocked { .. } => {
                (1, "address-blocked", "the address that this comes from is blocked")
            }
        };
        if let Some(count) = self.refused.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let problem = Problem::new(StatusCode::FORBIDDEN, code, detail);
        Some(
            problem
                .fix("ask whoever runs this server; weaknesses are reported at /security/report"),
        )
    }

    fn known(&self) -> MutexGuard<'_, (LoadedLists, Mark)> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn marked(terms: &AddressTerms) -> Result<Mark> {
    let Some(folder) = terms.folder.clone() else { return Ok(Mark::new()) };
    tokio::task::spawn_blocking(move || mark_of(&folder)).await?
}

/// Refuses whoever is kept out. The control socket has no address, and the server's own looks have its mark.
pub async fn admit(State(app): State<App>, request: Request, next: Next) -> Response {
    let address = address_of(request.extensions().get::<Peer>());
    let is_open = is_open(request.uri().path());
    let Some(address) = address.filter(|_| !is_open) else { return next.run(request).await };
    if app.observatory().mark().is_on(request.headers()) {
        return next.run(request).await;
    }
    match app.addresses().judge(address, now()) {
        Some(problem) => problem.into_response(),
        None => next.run(request).await,
    }
}

fn is_open(path: &str) -> bool {
    let rest = OPEN.iter().find_map(|open| path.strip_prefix(open));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_report_and_what_is_published_stays_open_and_nothing_beside() {
        for path in [
            "/security",
            "/security/report",
            "/security/evidence/0a",
            "/.well-known/security.txt",
            "/.well-known/stockade/posture.json",
        ] {
            assert!(is_open(path), "{path}");
        }
        for path in ["/", "/securityx", "/api/v1/security-reports", "/.well-knownx", "//security"] {
            assert!(!is_open(path), "{path}");
        }
    }
}
