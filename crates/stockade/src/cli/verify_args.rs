//! `stockade verify` as data.

use clap::{Args, ValueHint};
use std::{net::SocketAddr, path::PathBuf};

/// `stockade verify`.
///
/// It trusts nothing that the server says where it can look itself. One connection at a time, each request
/// within bounds; a probe that could not look is "not checked". Exit code 3 says that a row is not met.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The server: `https://HOST[:PORT]`.
    #[arg(value_hint = ValueHint::Url)]
    pub url: String,
    /// Connect here, whatever DNS says of the host.
    #[arg(long, value_name = "ADDR:PORT")]
    pub connect: Option<SocketAddr>,
    /// Believe certificates of this authority too: a PEM file, or the SHA-256 of its certificate.
    #[arg(long, value_name = "FILE|SHA256")]
    pub authority: Option<String>,
    /// The port without TLS, where the server's own is not 443.
    #[arg(long, value_name = "PORT")]
    pub http_port: Option<u16>,
    /// The key of the server's log, from elsewhere.
    #[arg(long, value_name = "KEY")]
    pub log_key: Option<String>,
    /// The key that the server signs its posture with, from elsewhere.
    #[arg(long, value_name = "KEY")]
    pub posture_key: Option<String>,
    /// A witness whose word about the log counts; once for each.
    #[arg(long, value_name = "KEY")]
    pub witness: Vec<String>,
    /// How many witnesses are enough; all that are named unless given.
    #[arg(long, value_name = "COUNT")]
    pub quorum: Option<usize>,
    /// What is remembered of the last visit, and what is remembered of this one; a file below the data
    /// directory unless given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub since: Option<PathBuf>,
    /// Two test accounts, for what only somebody signed in can see: a JSON file that only you can read.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub accounts: Option<PathBuf>,
    /// Only this claim, or this probe; once for each.
    #[arg(long, value_name = "ID")]
    pub claim: Vec<String>,
    /// The domain that the server's letters come from.
    #[arg(long, value_name = "DOMAIN")]
    pub mail_domain: Option<String>,
    /// The name of one of its DKIM keys; once for each.
    #[arg(long, value_name = "NAME")]
    pub dkim_selector: Vec<String>,
    /// Ask this resolver for its records, not this machine's.
    #[arg(long, value_name = "ADDR:PORT")]
    pub resolver: Option<SocketAddr>,
    /// Ask too often, once and at the end, to see whether the server says so.
    #[arg(long)]
    pub burst: bool,
    /// Wait where the server says to come again later, for a quarter of an hour at most unless --seconds says more.
    #[arg(long)]
    pub wait: bool,
    /// Write what is not met as SARIF, for those who collect findings.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub sarif: Option<PathBuf>,
    /// How many seconds the visit takes at most.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: Option<u64>,
    /// How many requests it makes at most.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub requests: Option<u32>,
}
