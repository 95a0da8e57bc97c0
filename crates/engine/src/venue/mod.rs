//! The venue's side of live trading: accounts at the simulated exchange, which answer calls and tell
//! words as a real venue does. The exchange in a box is this behind a venue's protocol; the simulation
//! is this behind a network that lies.

mod account;
mod answers;
mod till;

pub use account::{Account, AccountSetup};
