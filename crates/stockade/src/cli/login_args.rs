//! `stockade login` as data.

use clap::{Args, ValueHint};
use std::path::PathBuf;

/// `stockade login`.
///
/// The secret is made here and never leaves this machine but as `Authorization: Bearer`; the server learns
/// its digest. Whoever is signed in at the page sees what is asked for and by whom, and grants or refuses it;
/// the page Security lists the token and revokes it.
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The server: `https://HOST[:PORT]`.
    #[arg(value_hint = ValueHint::Url)]
    pub url: String,
    /// What the token may do, as `stockade routes` names it; once for each, or with commas.
    #[arg(long, value_name = "PERMISSION", required = true, value_delimiter = ',')]
    pub scope: Vec<String>,
    /// For how many days it is good.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=365))]
    pub days: u16,
    /// What the program that will use it is called.
    #[arg(long, default_value = "stockade")]
    pub name: String,
    /// Where to write the token; a file that only you may read.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// A file with the authority that the server's certificate is from, in PEM.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub authority: Option<PathBuf>,
}
