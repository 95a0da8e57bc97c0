//! Live orders: what stands between the kernel and a venue that can be away, late, or wrong.
//!
//! The kernel asks and is answered as in a backtest. Here its wishes become calls with names of their
//! own, written down before they are sent; what the venue says, in whatever order and however often,
//! becomes updates of the kernel, each once.

mod answers;
mod brought;
mod call;
mod coins;
mod compare;
mod custodian;
mod examined;
mod funding;
mod hearing;
mod held;
mod killing;
mod memory;
mod name;
mod placing;
mod record;
mod report;
mod session;
mod stock;
mod stops;
mod terms;

pub use call::{
    Answer, AttachedStop, Book, Call, Mode, NewOrder, OrderRef, Refused, RefusedKind, Scope,
    Unknown,
};
pub use custodian::{Barrier, CallId, Custodian, Effect, Link, Notice, Writing};
pub use examined::Examined;
pub use memory::MemoryError;
pub use name::{ClientId, Epoch, Name, NameError, TradeId, VenueId};
pub(crate) use placing::amended;
pub use record::{Intent, Record, Role};
pub use report::{
    Balance, Cause, FillReport, FundingReport, KeyScope, OrderReport, OrderState, Permission,
    PositionReport, Triggered, Word,
};
pub use session::{BeginError, Past, Session, Tail};
pub use stock::Stock;
pub use terms::{Caps, Each, Heartbeat, Kill, Permit, StopHolds, StopRule, StopTiming, Terms};
