//! The command line as data: what can be typed, and nothing of what it does.

pub(crate) use super::{factor_args::Factor, sweep_args::Sweep};
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::{net::SocketAddr, path::PathBuf};

/// What every command says of how it ends.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done and something was found.\n\
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
    /// Verify and export the audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Print a new one-time link for making the owner's account.
    SetupLink,
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
    /// Import a CSV or Parquet file of bars.
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

/// What names of fields are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fields {
    /// The dataset that the strategy names.
    Dataset,
    /// Open, high, low, close and volume.
    Bars,
}

/// `stockade audit`.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Verify the whole log, or one receipt, or an export, without a server.
    Verify {
        /// A receipt (`.tlog-proof`) or an export (`.jsonl`); the whole log unless given.
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// The log's verifier key, `name+hash+key`, known from elsewhere.
        #[arg(long, value_name = "VKEY")]
        key: Option<String>,
        /// A checkpoint kept from an earlier day, which the log must extend.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        seen: Vec<PathBuf>,
    },
    /// List the newest entries.
    Ls {
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Only entries of this kind, such as session.opened.
        #[arg(long)]
        kind: Option<String>,
    },
    /// Print the receipt of one entry.
    Receipt {
        /// Its index, from 0.
        index: u64,
    },
    /// Write the whole log as JSON lines.
    Export {
        /// Where to; stdout unless given.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
    /// Print the newest signed checkpoint.
    Checkpoint,
    /// Print the log's verifier key.
    Key,
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
    }
}
