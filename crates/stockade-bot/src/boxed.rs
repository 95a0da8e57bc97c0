//! The exchange in a box: matching as in a backtest, behind a venue's own protocol.

use std::path::PathBuf;

/// What a box is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxTerms {
    /// Which venue's protocol.
    pub like: String,
    /// The port on this machine.
    pub port: u16,
    /// Faults, as YAML.
    pub faults: Option<PathBuf>,
    /// Where its certificate authority is kept.
    pub dir: PathBuf,
}
