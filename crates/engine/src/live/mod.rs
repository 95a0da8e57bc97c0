//! Live orders: what stands between the kernel and a venue that can be away, late, or wrong.
//!
//! The kernel asks and is answered as in a backtest. Here its wishes become calls with names of their
//! own, written down before they are sent; what the venue says, in whatever order and however often,
//! becomes updates of the kernel, each once.

mod call;
mod name;
mod report;

pub use call::{
    Answer, Book, Call, Mode, NewOrder, OrderRef, Refused, RefusedKind, Scope, Unknown,
};
pub use name::{ClientId, Epoch, Name, NameError, TradeId, VenueId};
pub use report::{
    Balance, Cause, FillReport, KeyScope, OrderReport, OrderState, Permission, PositionReport,
    Triggered, Word,
};
