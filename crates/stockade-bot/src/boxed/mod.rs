//! The exchange in a box: matching as in a backtest, behind a venue's own protocol.
//!
//! [`floor`] is the box without sockets and clock: the market, the accounts, the counters. [`door`] is what
//! gives it both: one task owns the floor, and every connection asks that task.

mod accounts;
mod allowance;
mod dice;
mod door;
mod faults;
mod floor;
mod keys;
mod limits;
mod listings;
mod market;
mod shelf;
mod tape;
#[cfg(test)]
mod tests;
mod walk;

pub use accounts::Opening;
pub use door::{OpenBox, open};
pub use faults::{NAMES as FAULT_NAMES, faults};
pub use keys::{ACCOUNTS_MAX, BoxKey, ScopeName, load_or_make, make};
pub use limits::Limiting;
pub use listings::{Listed, fees, listed};

use ::market::{Product, Timestamp, VenueName};
use std::{net::SocketAddr, path::PathBuf};

/// What a box is started with.
#[derive(Debug, Clone)]
pub struct BoxTerms {
    /// Which venue's protocol.
    pub like: VenueName,
    /// Spot or perpetuals: a box trades one of them.
    pub product: Product,
    /// Coins or symbols; all that the box knows, if there is none.
    pub symbols: Vec<String>,
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// Where its certificate authority is kept.
    pub data_dir: PathBuf,
    /// Where its prices come from.
    pub prices: Prices,
    /// The keys, one for each account.
    pub keys: Vec<BoxKey>,
    /// What each key may do; the last one counts for all further keys.
    pub scopes: Vec<ScopeName>,
    /// What accounts begin with.
    pub opening: Opening,
    /// What goes wrong.
    pub faults: edge::Faults,
    /// Whether requests are counted.
    pub limiting: Limiting,
}

/// Where a box's prices come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prices {
    /// A random walk.
    Walk {
        /// Its seed.
        seed: u64,
        /// Minutes of history before the box began.
        minutes: u32,
    },
    /// A tape.
    Tape {
        /// Its file.
        path: PathBuf,
        /// The moment on the tape at which the box begins; what is before is history.
        from: Option<Timestamp>,
        /// How many times faster than it happened.
        speed: u32,
    },
}
