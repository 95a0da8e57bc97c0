//! `stockade factor` as data: what can be typed, and nothing of what it does.

use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint, builder::RangedU64ValueParser};
use std::{num::NonZeroUsize, path::PathBuf};

/// Names that a cost is told for, as many as a read-out takes.
const NAMES_MAX: u64 = 1_000_000;

/// `stockade factor`.
#[derive(Debug, Subcommand)]
pub(crate) enum Factor {
    /// Evaluate expressions over a panel and write what comes of it.
    Eval(Eval),
    /// List the operators of the language.
    Operators {
        /// As tables of the documentation, family by family.
        #[arg(long)]
        markdown: bool,
    },
    /// List the factors that are shipped, or show one of them.
    Library {
        /// Its name; all of them unless given.
        name: Option<String>,
        /// As a page of the documentation.
        #[arg(long, conflicts_with = "name")]
        markdown: bool,
    },
    /// Check a text and say what it is.
    Check(Check),
    /// Say how an expression runs: its nodes, its look-back, its cost.
    Explain(Explain),
    /// Cut the future off at several rows and compare every bit.
    TruncateCheck(TruncateCheck),
    /// Run the public suite of rules for missing values, ties, constant windows and gaps.
    Conformance,
    /// Read a factor against later returns.
    Study(Study),
    /// Compare factors with one another.
    #[command(visible_alias = "correlate")]
    Compare(Compare),
    /// Keep an expression under a name, as a new factor or as a new version.
    Save(Save),
    /// List the owner's factors.
    #[command(visible_alias = "list")]
    Ls {
        /// Show those that were put away too.
        #[arg(long)]
        archived: bool,
    },
    /// List the versions of one of the owner's factors.
    Versions {
        /// Its name.
        name: String,
    },
    /// Put a factor away; its versions stay, its name becomes free.
    Rm {
        /// Its name.
        name: String,
    },
}

/// Where the data are.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("where").required(true))]
pub(crate) struct Data {
    /// A panel of date, symbol and any fields: CSV, Parquet or Arrow; a text column is a group.
    #[arg(long = "data", value_name = "FILE", value_hint = ValueHint::FilePath, group = "where")]
    pub file: Option<PathBuf>,
    /// A dataset of the catalogue; each expression counts there as tried.
    #[arg(long, value_name = "NAME", group = "where")]
    pub dataset: Option<String>,
    /// What splits do to the prices of a dataset.
    #[arg(long, value_enum, default_value_t = Adjust::Splits)]
    pub adjust: Adjust,
}

/// What splits do to prices and volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adjust {
    /// They are applied forward.
    Splits,
    /// Nothing.
    None,
}

/// Which expressions.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true))]
pub(crate) struct Expressions {
    /// One expression.
    #[arg(long, value_name = "TEXT", group = "what", allow_hyphen_values = true)]
    pub expr: Option<String>,
    /// Many expressions: a CSV file with the columns id and expression.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, group = "what")]
    pub expr_file: Option<PathBuf>,
    /// The newest version of one of the owner's factors.
    #[arg(long, value_name = "NAME", group = "what")]
    pub own: Option<String>,
    /// One of the factors that are shipped.
    #[arg(long, value_name = "NAME", group = "what")]
    pub library: Option<String>,
}

/// `stockade factor eval`.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Debug, Args)]
pub(crate) struct Eval {
    #[command(flatten)]
    pub source: Data,
    #[command(flatten)]
    pub what: Expressions,
    /// The directory to write to.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,
    /// One file an expression (a row a date, a column a symbol), or all in one (a row each).
    #[arg(long, value_enum, default_value_t = Shape::Wide)]
    pub shape: Shape,
    /// Store numbers in 32 bits, in memory and in files; arithmetic keeps 64.
    #[arg(long)]
    pub float32: bool,
    /// Write symbols into CSV as they are: without it, one that begins with a dash stands behind an
    /// apostrophe, as a spreadsheet would take it for a formula.
    #[arg(long)]
    pub raw: bool,
    /// Read and write by blocks of dates: for files larger than memory, sorted by date.
    #[arg(long, conflicts_with_all = ["dataset", "threads"])]
    pub stream: bool,
    /// How many threads; all cores unless given. The result is the same to the bit.
    #[arg(long)]
    pub threads: Option<NonZeroUsize>,
    /// Print time, cells and bytes as JSON.
    #[arg(long)]
    pub stats: bool,
}

/// How files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text.
    Csv,
    /// Apache Parquet.
    Parquet,
    /// Apache Arrow IPC file.
    Arrow,
}

/// How columns are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// A file an expression.
    Wide,
    /// All in `factors.*`: date, symbol, a column an expression.
    Long,
}

/// `stockade factor check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The expression.
    #[arg(allow_hyphen_values = true)]
    pub text: String,
    /// Whose fields it may name; those that the library reads unless given.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// More fields that it may name.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Group labels that it may name.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub groups: Vec<String>,
}

/// `stockade factor explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub check: Check,
    /// Rows of the panel that the cost is told for.
    #[arg(long, default_value_t = 2520)]
    pub rows: usize,
    /// Names of the panel that the cost is told for.
    #[arg(long, default_value_t = 500, value_parser = RangedU64ValueParser::<usize>::new().range(..=NAMES_MAX))]
    pub names: usize,
}

/// `stockade factor truncate-check`.
#[derive(Debug, Args)]
pub(crate) struct TruncateCheck {
    #[command(flatten)]
    pub source: Data,
    #[command(flatten)]
    pub what: Expressions,
    /// At how many rows, evenly spaced.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub cuts: u16,
}

/// `stockade factor study`.
#[derive(Debug, Args)]
pub(crate) struct Study {
    #[command(flatten)]
    pub source: Data,
    #[command(flatten)]
    pub what: Expressions,
    #[command(flatten)]
    pub how: How,
    /// Write the read-out as a page too.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// How a factor is read.
#[derive(Debug, Args)]
pub(crate) struct How {
    /// Rows that a position is held.
    #[arg(long, value_name = "ROWS", value_delimiter = ',', default_values_t = [1, 5, 21])]
    pub horizons: Vec<usize>,
    /// Parts of equal size.
    #[arg(long, default_value_t = 5)]
    pub quantiles: usize,
    /// The labels that names are grouped by.
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// The price of entries and exits; `adj_close` if the data have it, else `close`.
    #[arg(long, value_name = "FIELD")]
    pub price: Option<String>,
    /// Rows between a value and the entry.
    #[arg(long, default_value_t = 1)]
    pub delay: usize,
    /// Share of traded value that a trade costs: 0.001 is ten basis points.
    #[arg(long, default_value_t = 0.0)]
    pub cost: f64,
    /// Expressions tried before, for data outside the catalogue, where nobody counts.
    #[arg(long, conflicts_with = "dataset", default_value_t = 1)]
    pub trials: u64,
}

/// `stockade factor compare`.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    #[command(flatten)]
    pub source: Data,
    #[command(flatten)]
    pub what: Expressions,
    /// Rows that a position is held, for the probability of overfitting.
    #[arg(long, default_value_t = 5)]
    pub horizon: usize,
}

/// `stockade factor save`.
#[derive(Debug, Args)]
pub(crate) struct Save {
    /// Its name.
    pub name: String,
    /// The expression.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub expr: String,
    /// What to remember about it.
    #[arg(long, default_value = "")]
    pub note: String,
    /// Whose fields it means; those that the library reads unless given.
    #[arg(long, value_name = "NAME")]
    pub dataset: Option<String>,
    /// The version that it follows; refused if that is no longer the newest.
    #[arg(long, value_name = "VERSION")]
    pub base: Option<i64>,
}
