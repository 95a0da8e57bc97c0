//! `stockade certificate`, as it is typed.

use clap::Subcommand;

/// Commands about the certificate for the server's names.
#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    /// Show the certificate that an ACME server issued, and when the next is due.
    Show,
    /// Order another one now. The old one is served until the new one is there.
    Renew,
}
