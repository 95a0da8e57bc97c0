//! The command line as data: what can be typed, and nothing of what it does.

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::path::PathBuf;

/// What every command says of how it ends.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done and something was found.\n\
    Results go to stdout, everything else to stderr.";

/// Trade on paper or live, on your own machine, with your own keys.
#[derive(Debug, Parser)]
#[command(name = "stockade-bot", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Cli {
    /// The configuration; it must be its owner's alone (0600).
    #[arg(
        long,
        short,
        global = true,
        value_name = "FILE",
        default_value = "bot.yaml",
        value_hint = ValueHint::FilePath
    )]
    pub config: PathBuf,
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
    /// Trade with the account that the configuration names.
    Run(Run),
    /// Trade on paper: live prices, the fills of a backtest, no key.
    Paper(Paper),
    /// Kill, delay, double and lie to bots in a seeded world, and look whether an order is lost.
    Simulate(Simulate),
    /// Say how a running bot stands.
    Status {
        /// Draw it, and go on drawing.
        #[arg(long)]
        watch: bool,
    },
    /// Pull the kill switch: no new entries, unless more is asked for.
    Halt(Halt),
    /// Close every position and take every order back; with no bot running, by itself.
    Flatten {
        /// Do it without asking.
        #[arg(long, short)]
        yes: bool,
    },
    /// Let the kill switch go.
    Resume,
    /// Come in as a machine of a server, by the token that `stockade machines add` printed.
    Join(Join),
    /// Look after the sealed key store.
    #[command(subcommand)]
    Keys(Keys),
    /// Seal configuration, strategy, key store and journal into one file.
    Backup(Backup),
    /// Bring all of that back into an empty directory, byte for byte.
    Restore(Restore),
    /// Look at this machine, the key and the bot's files, and say how to mend what is wrong.
    Doctor {
        /// Mend what is safe to mend: modes of the bot's own files.
        #[arg(long)]
        fix: bool,
    },
    /// Look at the program itself: whether it is what was released, and what is known of its parts.
    SelfCheck(SelfCheck),
    /// Rebuild every decision of a recorded session and compare it with the journal.
    Replay {
        /// The session's recording; the latest one unless given.
        #[arg(value_hint = ValueHint::DirPath)]
        session: Option<PathBuf>,
    },
    /// Write what the bot did live as a directory that `stockade diff` holds against the backtest.
    Export(Export),
    /// Say why an order was made: signal, rule, size, rows of data.
    Explain {
        /// The order's name, or the venue's number of it or of a trade.
        name: String,
    },
    /// Say what the licence allows.
    License,
    /// Look at the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Be an exchange: matching as in a backtest, behind a venue's own protocol.
    Exchange(Box<super::exchange::Exchange>),
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

/// `stockade-bot self-check`.
///
/// It finds damage, mix-ups and old releases played again. Whoever owns the machine can make a program say anything:
/// where that is the question, ask another one, or `minisign -V`. Exit code 3 says that something was found.
#[derive(Debug, Args)]
pub(crate) struct SelfCheck {
    /// What was signed of the release; release.dsse.json beside the program unless given.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub manifest: Option<PathBuf>,
    /// The key that signs releases, from elsewhere: its line, or the file. Without it the one that was seen before
    /// counts, or the one beside the program, which is said.
    #[arg(long, value_name = "KEY|FILE")]
    pub key: Option<String>,
    /// A checkout of github.com/RustSec/advisory-db, to hold the program's parts against.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub advisories: Option<PathBuf>,
    /// Look at this file, not at the program that runs.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub executable: Option<PathBuf>,
}

/// `stockade-bot run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Draw the bot in this terminal.
    #[arg(long)]
    pub tui: bool,
}

/// `stockade-bot paper`.
#[derive(Debug, Args)]
pub(crate) struct Paper {
    /// Draw the bot in this terminal.
    #[arg(long)]
    pub tui: bool,
    /// Where the result goes.
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// End after so many rows.
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<u64>,
}

/// `stockade-bot join`.
#[derive(Debug, Args)]
pub(crate) struct Join {
    /// Where the server lets machines in.
    #[arg(long, value_name = "HOST:PORT")]
    pub server: String,
    /// The token; `-` reads it from the first line of stdin, where other users of this machine do not see it.
    /// Without this it is asked for.
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,
}

/// `stockade-bot export`.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// One recording alone; otherwise the latest life of the bot and those before it with the same
    /// strategy, venue and instruments.
    #[arg(value_hint = ValueHint::DirPath, conflicts_with = "since")]
    pub session: Option<PathBuf>,
    /// No life that began before this: a date, or a time as in RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub since: Option<market::Timestamp>,
    /// Where the directory goes.
    #[arg(long, value_name = "DIR", default_value = "results", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
}

/// `stockade-bot simulate`.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// How many worlds.
    #[arg(long, default_value_t = 1_000)]
    pub seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    pub first: u64,
    /// Switch intents off: the simulation must then find a lost or doubled order.
    #[arg(long)]
    pub without_intents: bool,
    /// On spot, at a venue whose stops hold the coins that they would sell, or nothing; on margin otherwise.
    #[arg(long, value_name = "HELD")]
    pub spot: Option<Held>,
    /// At a venue whose lists of trades name orders by its own numbers alone, as Binance's do.
    #[arg(long)]
    pub numbered: bool,
    /// Print everything that happens in the first world, and run no other.
    #[arg(long)]
    pub trace: bool,
}

/// What a stop that waits holds back on spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Held {
    /// The coins that it would sell.
    Coins,
    /// Nothing.
    Nothing,
}

/// `stockade-bot halt`.
#[derive(Debug, Args)]
pub(crate) struct Halt {
    /// Take all orders back too, but for the stops of positions.
    #[arg(long, conflicts_with = "flatten")]
    pub cancel: bool,
    /// Close every position too.
    #[arg(long)]
    pub flatten: bool,
}

/// `stockade-bot backup`.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// Where to; nothing may be there.
    #[arg(value_hint = ValueHint::FilePath)]
    pub out: PathBuf,
    /// Read the passphrase from the first line of stdin.
    #[arg(long)]
    pub stdin: bool,
}

/// `stockade-bot restore`.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The sealed file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Where to: an empty directory, or one that is not there yet.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub into: PathBuf,
    /// Read the passphrase from the first line of stdin.
    #[arg(long)]
    pub stdin: bool,
}

/// Commands about the key store.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Put a key or another secret in. It is typed without an echo, or read from stdin; never from
    /// the command line.
    Add {
        /// What to call it: lower-case letters, digits, `.`, `_`, `-`.
        name: String,
        /// A remark for people.
        #[arg(long, default_value = "")]
        label: String,
        /// A single secret (a token, an address, a password) rather than an exchange's key.
        #[arg(long)]
        plain: bool,
        /// Read from stdin: key, secret and, if there is one, passphrase, a line each.
        #[arg(long)]
        stdin: bool,
    },
    /// Take a key over from the environment or from a YAML file, once.
    Import(Import),
    /// Show what there is: names, fingerprints, dates; never a value.
    List,
    /// Take a secret out.
    Remove {
        /// Its name.
        name: String,
    },
    /// Ask the venue what the configured key may do, and from where.
    Check,
    /// Seal the store under something else.
    Holder {
        /// Under what.
        #[arg(value_enum)]
        kind: HolderArg,
        /// The credential's or key file's path.
        path: Option<PathBuf>,
    },
    /// Write an encrypted copy of store, configuration and strategy.
    Backup {
        /// Where to.
        out: PathBuf,
    },
    /// Bring store, configuration and strategy back into an empty place.
    Restore {
        /// The copy.
        file: PathBuf,
        /// Where to.
        #[arg(long, value_name = "DIR", default_value = ".")]
        into: PathBuf,
    },
}

/// `stockade-bot keys import`.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What to call it.
    pub name: String,
    /// From `PREFIX_API_KEY`, `PREFIX_API_SECRET` and, if there is one, `PREFIX_API_PASSPHRASE`.
    #[arg(long, value_name = "PREFIX", required_unless_present = "from_yaml")]
    pub from_env: Option<String>,
    /// From a YAML file with `key`, `secret` and, if there is one, `passphrase`.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "from_env",
        value_hint = ValueHint::FilePath
    )]
    pub from_yaml: Option<PathBuf>,
}

/// What a store can be sealed under.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum HolderArg {
    /// What its owner types.
    Passphrase,
    /// A credential of systemd.
    Credential,
    /// A key file.
    KeyFile,
}

/// Commands about the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Say what is wrong with it.
    Check,
    /// Show every key and what it is.
    Show,
    /// Write a commented one at 0600.
    Init,
}
