//! `stockade sweep` as data.

use clap::{Args, Subcommand, ValueEnum, ValueHint};
use std::{num::NonZeroUsize, path::PathBuf};

/// `stockade sweep`.
#[derive(Debug, Subcommand)]
pub(crate) enum Sweep {
    /// Begin a sweep over a strategy's parameters.
    Run(Run),
    /// Go on with a sweep that was stopped or killed.
    Resume {
        /// Its directory.
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        #[command(flatten)]
        means: Means,
    },
    /// Put the shards of a sweep together: the table that one run would have given.
    Merge {
        /// The new directory.
        #[arg(value_hint = ValueHint::DirPath)]
        out: PathBuf,
        /// The directories of all shards.
        #[arg(required = true, value_hint = ValueHint::DirPath)]
        dirs: Vec<PathBuf>,
    },
    /// Show the sets that came out best so far.
    Show {
        /// The sweep's directory.
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// By which figure, the best first.
        #[arg(long, value_enum, default_value_t = Sort::Sharpe)]
        sort: Sort,
        /// How many.
        #[arg(long, default_value_t = 20)]
        top: usize,
    },
    /// Print the strategy of one set.
    Set {
        /// The sweep's directory.
        #[arg(value_hint = ValueHint::DirPath)]
        dir: PathBuf,
        /// The set's number.
        number: u64,
    },
}

/// `stockade sweep run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The strategy, YAML, with `parameters:`.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// A parameter and its values: fast=5..100:5 (both ends included) or fast=5,10,20; the last
    /// axis runs fastest.
    #[arg(long = "axis", value_name = "NAME=VALUES", required = true)]
    pub axes: Vec<String>,
    /// What every set must satisfy: 'fast < slow'; may be repeated.
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// Where to; a new directory.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// Run only a part of the sets: 2/5 is the second of five.
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    pub shard: String,
    #[command(flatten)]
    pub means: Means,
}

/// What the work may use; the result does not depend on it.
#[derive(Debug, Args)]
pub(crate) struct Means {
    /// How many threads; all cores unless given.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// MiB for the sets that run at once; the data come on top.
    #[arg(long, value_name = "MIB", default_value_t = 1024,
          value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub memory: u64,
}

/// A figure that sets are sorted by, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    /// The highest Sharpe ratio.
    Sharpe,
    /// The highest return.
    Return,
    /// The highest equity at the end.
    Equity,
    /// The smallest drawdown.
    Drawdown,
    /// The highest profit factor.
    ProfitFactor,
    /// The highest share of winners.
    WinRate,
    /// The most trades.
    Trades,
    /// The set's number.
    Set,
}
