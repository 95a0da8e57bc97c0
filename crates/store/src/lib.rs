//! Knows: SQL, all of it.
//! Never knows: the plaintext of a sealed field.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "an adapter: this crate does the database's I/O"
)]

// The harness of the tests names this crate as other crates do.
#[cfg(test)]
extern crate self as store;

mod accounts;
mod act;
mod acted;
mod addresses;
mod advisories;
mod backtests;
mod backup;
mod belongings;
mod budgets;
mod changes;
mod copy;
mod credentials;
mod database;
mod datasets;
mod deed;
mod dialect;
mod directory;
mod erased;
mod error;
mod factors;
mod gathering;
mod history;
mod licences;
mod links;
mod log;
mod machines;
mod members;
mod migrate;
mod open;
mod operations;
mod pace;
mod passkeys;
mod payments;
mod pools;
mod postings;
mod posture;
mod proposals;
mod rebirth;
mod rekey;
mod reports;
mod retention;
mod reviews;
mod scope;
mod seats;
mod security_reports;
mod sessions;
mod snapshot;
mod sql;
mod strategies;
mod sums;
mod sweeps;
mod tables;
mod trials;
mod verify;
mod witnesses;
mod writes;

pub use accounts::AccountRow;
pub use act::{Act, Committed};
pub use acted::{Acted, ActedRow};
pub use addresses::{BLOCKS_MAX, BlockRow, LIST_NAMES_MAX, ListRow};
pub use advisories::{AdvisoryRow, REVISIONS_MAX};
pub use backtests::{BacktestRow, BacktestState, NewBacktest, RemovedBacktest};
pub use belongings::DeviceRow;
pub use budgets::Take;
pub use changes::{Change, Changes, Heard};
pub use copy::{Progress, copy};
pub use credentials::CREDENTIALS_MAX;
pub use database::{Database, Reach};
pub use deed::{Deed, Outcome, Overtaken, Part};
pub use directory::AccountSearch;
pub use erased::remove_old_copies;
pub use error::{Error, Place};
pub use factors::{FactorLine, FactorVersion, FactorWords};
pub use licences::{LICENCE_PAGE, LICENCES_MAX, LicenceRow, LicenceState};
pub use links::InvitationRow;
pub use log::{Export, Head, LogPage};
pub use machines::{MACHINES_MAX, MachineRow, MachineWord};
pub use members::{MemberRow, MemberSeed, Resealed, Sealed};
pub use open::Store;
pub use operations::{PostingQueue, VISIT_DAYS_MAX, VisitCount};
pub use pace::{ACT_BOUNDS_S, ActTimes};
pub use payments::{NOTICES_AT_ONCE, NoticeStanding, PAYMENT_NOTICES_MAX, PaymentNotice, ToldSum};
pub use postings::{PostingRow, PostingStanding};
pub use posture::PasswordCounts;
pub use rebirth::{AccountStanding, LicenceStanding, Reborn, Standings, be_reborn};
pub use rekey::{Instead, Rekeyed};
pub use reports::Violation;
pub use retention::Sampled;
pub use seats::{Hearing, InstanceRow, InstanceWord, Seat, Seating, Telling};
pub use security_reports::{NewReport, REPORTS_MAX, ReportRow, SealedBy};
pub use sessions::SessionRow;
pub use snapshot::{DatabaseCopy, WrappedKey, copy_out, sums_of};
pub use strategies::{StrategyLine, StrategyRow, StrategyWords};
pub use sums::TableSum;
pub use sweeps::{NewSweep, SweepProgress, SweepRow, SweepState};
pub use witnesses::{Cosigned, Watched};
