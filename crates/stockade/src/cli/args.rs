//! The command line as data: what can be typed, and nothing of what it does.

pub(crate) use super::{
    advisories_args::Advisories,
    audit_args::{Audit, OnlineLog, WitnessAsk},
    backup_args::Backup,
    certificate_args::Certificate,
    db_args::Db,
    doctor_args::Doctor,
    evidence_args::Evidence,
    factor_args::Factor,
    keys_args::Keys,
    license_args::License,
    limits_args::Limits,
    login_args::Login,
    machines_args::Machines,
    mail_args::Mail,
    payments_args::Payments,
    release_args::{Release, SelfCheck},
    reports_args::Reports,
    secrets_args::Secrets,
    sweep_args::Sweep,
    users_args::Users,
    verify_args::Verify,
};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::{net::SocketAddr, path::PathBuf};

/// What every command says of how it ends.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done and something was found,\n\
4 the holder of the root key refuses.\n\
    Results go to stdout, everything else to stderr.";

/// Research, backtest and trade on your own machine, with security that anyone can check.
#[derive(Debug, Parser)]
#[command(name = "stockade", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    /// Where the data of this installation live.
    #[arg(long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data_dir: Option<PathBuf>,
    /// Configuration file; `stockade.toml` in the data directory unless given.
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Print JSON to stdout instead of text.
    #[arg(long, global = true)]
    pub json: bool,
    /// Say nothing on stderr but errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    Serve(Serve),
    /// Bring price data in and look at them.
    #[command(subcommand)]
    Data(Data),
    /// Compute expressions, keep them, and read them against later returns.
    #[command(subcommand)]
    Factor(Factor),
    /// Run strategies over history.
    #[command(subcommand)]
    Backtest(Backtest),
    /// Run a strategy with many sets of values for its parameters.
    #[command(subcommand)]
    Sweep(Sweep),
    /// Trade on paper: a tape that runs at its own pace.
    #[command(subcommand)]
    Paper(Paper),
    /// Rebuild the account as it stood after a tick of a past run.
    Replay(Replay),
    /// Say where two runs part and why, or a live session and the backtest of its rows.
    Diff(Diff),
    /// Run a past run again and compare every byte.
    Reproduce(Reproduce),
    /// Verify and export the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Check the database, and copy it to another place or kind.
    #[command(subcommand)]
    Db(Db),
    /// Hold, move, rotate and recover the installation's keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Keep the server's secrets sealed: passwords of services, keys of vendors.
    #[command(subcommand)]
    Secrets(Secrets),
    /// Make backups, list them, prove them, bring a server back.
    #[command(subcommand)]
    Backup(Backup),
    /// Keep documents that people sign for, beside the claims that they speak for.
    #[command(subcommand)]
    Evidence(Evidence),
    /// What backups are made by: this program as a process of its own. It is told what to do on stdin.
    #[command(hide = true)]
    BackupWorker,
    /// Look at this machine: what of it leaves a server open, why, and the command that mends it.
    Doctor(Doctor),
    /// Issue and check licences.
    #[command(subcommand)]
    License(License),
    /// Take over accounts of another system.
    #[command(subcommand)]
    Users(Users),
    /// Let workers and bots in by certificate, list them, put them out.
    #[command(subcommand)]
    Machines(Machines),
    /// Show who is kept out by address, block and unblock.
    #[command(subcommand)]
    Limits(Limits),
    /// List, open and answer reports of weaknesses.
    #[command(subcommand)]
    Reports(Reports),
    /// List what payment processors told.
    #[command(subcommand)]
    Payments(Payments),
    /// Publish advisories about weaknesses, list and show them.
    #[command(subcommand)]
    Advisories(Advisories),
    /// Look at the certificate of an ACME server, or order another one now.
    #[command(subcommand)]
    Certificate(Certificate),
    /// Set up the mail that the server sends: keys, DNS records, a test.
    #[command(subcommand)]
    Mail(Mail),
    /// Look at a server from outside, claim by claim, and trust nothing that it says.
    Verify(Verify),
    /// Look at the program itself: whether it is what was released, and what is known of its parts.
    SelfCheck(SelfCheck),
    /// Sign releases.
    #[command(subcommand)]
    Release(Release),
    /// Ask a server for an API token, which you grant in the browser.
    Login(Login),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Show the table of routes: who may call what, how fresh, at what cost.
    Routes {
        /// As a page of the book.
        #[arg(long, conflicts_with = "openapi")]
        markdown: bool,
        /// As the OpenAPI document.
        #[arg(long)]
        openapi: bool,
    },
    /// Print a new one-time link for making the owner's account.
    SetupLink,
    /// Print a link for getting back into an account, when nothing else helps: a new password and a
    /// new second factor. The log holds it, and everyone who runs the server gets a letter.
    Recover {
        /// The account's address.
        email: String,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write the manual pages.
    Man {
        /// Where to; one file a command.
        #[arg(long, value_name = "DIR", default_value = "man", value_hint = ValueHint::DirPath)]
        out: PathBuf,
    },
}

/// `stockade serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on; anything but loopback needs --public as well.
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Accept connections from other machines.
    #[arg(long)]
    pub public: bool,
    /// Import every Parquet file of this directory that the catalogue lacks.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub sample: Option<PathBuf>,
}

/// `stockade data`.
#[derive(Debug, Subcommand)]
pub(crate) enum Data {
    /// Import a CSV or Parquet file of bars, quotes or trades.
    Import(Import),
    /// List the datasets.
    Ls,
    /// Show one dataset: symbols, columns, partitions.
    Show {
        /// Its name.
        name: String,
    },
    /// Verify checksums and report gaps, duplicates, bad ticks and splits.
    Check {
        /// Its name; all of them unless given.
        name: Option<String>,
    },
    /// Remove a dataset.
    Rm {
        /// Its name.
        name: String,
    },
}

/// `stockade data import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The file, `.csv`, `.tsv`, `.txt` or `.parquet`.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// The dataset's name: lower-case letters, digits and dashes.
    #[arg(long)]
    pub name: String,
    /// What the rows are.
    #[arg(long, value_enum, default_value_t = Kind::Bars)]
    pub kind: Kind,
    /// Length of a bar, such as 1d or 5m; guessed from the spacing unless given.
    #[arg(long, value_name = "SIZE")]
    pub bar: Option<String>,
    /// Time zone of times without one, such as `America/New_York`.
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub time_zone: String,
    /// Which column is what, where the guess is wrong: time=Date,close=Last.
    #[arg(long, value_name = "FIELD=COLUMN", value_delimiter = ',')]
    pub map: Vec<String>,
    /// Symbol of a file that has no symbol column.
    #[arg(long)]
    pub symbol: Option<String>,
    /// What the prices are in.
    #[arg(long, default_value = "USD")]
    pub currency: String,
    /// Corporate actions: symbol, date, action, numerator, denominator.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub actions: Option<PathBuf>,
    /// Leave out rows that cannot have traded, instead of refusing the file.
    #[arg(long)]
    pub drop_bad_rows: bool,
    /// Put the file in the place of a dataset of the same name.
    #[arg(long)]
    pub replace: bool,
}

/// What the rows of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Open, high, low, close, volume.
    Bars,
    /// Best bid and ask, and their sizes.
    Quotes,
    /// Price, size, and the side that took liquidity.
    Trades,
}

/// `stockade backtest`.
#[derive(Debug, Subcommand)]
pub(crate) enum Backtest {
    /// Run a strategy file and write its result, trades and tear sheet.
    Run {
        /// The strategy, YAML.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Where to write; the result lands in a directory named by its hash.
        #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
        out: PathBuf,
    },
    /// Check a strategy file without running it.
    Check {
        /// The strategy, YAML.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Check field names against a file's dataset too.
        #[arg(long, value_enum, default_value_t = Fields::Dataset)]
        fields: Fields,
    },
    /// List the keys of a strategy file.
    Keys,
}

/// `stockade paper`.
#[derive(Debug, Subcommand)]
pub(crate) enum Paper {
    /// Run a strategy file on its dataset, row by row.
    Run {
        /// The strategy, YAML.
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// How many times as fast as the market was; `max` waits for nothing.
        #[arg(long, value_name = "TIMES|max", default_value = "max")]
        speed: Speed,
        /// Where to write; the result lands in a directory named by its hash.
        #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
        out: PathBuf,
    },
}

/// How fast a tape runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// As fast as it goes.
    Max,
    /// So many times as fast as the market was.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse::<f64>() {
            Ok(times) if times > 0.0 && times.is_finite() => Ok(Self::Times(times)),
            _ => Err("write a number above 0, such as 3600, or `max`".to_owned()),
        }
    }
}

/// `stockade replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A result's directory, or the first digits of a run's name.
    #[arg(value_name = "RESULT")]
    pub result: String,
    /// After which tick, from 1; the last one unless given.
    #[arg(long)]
    pub tick: Option<u64>,
    /// Where results are looked for by name, beside the data directory.
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
}

/// `stockade diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A result's directory, or the first digits of a run's name; or the directory of a live session,
    /// as `stockade-bot export` writes it.
    #[arg(value_name = "A")]
    pub a: String,
    /// The other run. A live session is held against the backtest of its own rows, and takes none.
    #[arg(value_name = "B")]
    pub b: Option<String>,
    /// Trades that are shown.
    #[arg(long, default_value_t = 20)]
    pub limit: usize,
    /// Where results are looked for by name, beside the data directory.
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
}

/// `stockade reproduce`.
#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// A result's directory, or the first digits of a run's name.
    #[arg(value_name = "RESULT")]
    pub result: String,
    /// Where to write what came out now, if it is not the same.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
    /// Where results are looked for by name, beside the data directory.
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
}

/// What names of fields are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fields {
    /// The dataset that the strategy names.
    Dataset,
    /// Those of bars, or of quotes where the strategy is on quotes.
    Bars,
}

/// `stockade config`.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Show every setting in force.
    Show {
        /// Say where each value comes from.
        #[arg(long)]
        origin: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn wrong_usage_is_refused() {
        let check = |line: &str, word: &str| {
            let refused = Cli::try_parse_from(line.split(' ')).expect_err(line).to_string();
            assert!(refused.contains(word), "{line}: {refused}");
        };
        check("stockade bactest run x.yaml", "backtest");
        check("stockade factor eval --data p.csv --out o", "--expr");
        check("stockade factor eval --data p.csv --out o --expr a --threads 0", "threads");
        check("stockade data import", "FILE");
        check("stockade paper run x.yaml --speed 0", "above 0");
    }
}
