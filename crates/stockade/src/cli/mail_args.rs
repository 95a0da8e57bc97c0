//! `stockade mail` as data.

use clap::{Args, Subcommand};
use std::net::SocketAddr;

/// `stockade mail`.
#[derive(Debug, Subcommand)]
pub(crate) enum Mail {
    /// Print the records that the sender's domain needs in DNS; makes the signing keys at the first time.
    Dns(Dns),
    /// Look the records up, and say what is missing or wrong and what to set instead.
    Check(Check),
    /// Send a test letter, signed, and say what the mail server made of it.
    Test(Test),
    /// Keep the mail server's password, read from stdin as one line.
    Password,
}

/// `stockade mail dns`.
#[derive(Debug, Args)]
pub(crate) struct Dns {
    /// Make keys under this selector instead of `mail.selector`, to publish them before they sign.
    #[arg(long, value_name = "NAME")]
    pub selector: Option<String>,
    /// A host that takes the domain's mail; once for each: adds the policy that mail to it is encrypted.
    #[arg(long, value_name = "HOST")]
    pub mx: Vec<String>,
}

/// `stockade mail check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Ask this resolver instead of those of /etc/resolv.conf.
    #[arg(long, value_name = "ADDR:PORT")]
    pub resolver: Option<SocketAddr>,
}

/// `stockade mail test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// Where to.
    pub address: String,
    /// In which language: en or de.
    #[arg(long, default_value = "en")]
    pub language: String,
}
