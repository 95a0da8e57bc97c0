//! The house checks itself: what a machine can see of HOUSE's rules, with each rule's own test.
//!
//! A new edge between crates is a line in [`EDGES`], with its reason. Each rule is a function from
//! text to findings, so that a bad sample can show that it bites.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "reading the project's files is what this test does"
)]

#[path = "tidy/code.rs"]
mod code;
#[path = "tidy/edges.rs"]
mod edges;
#[path = "tidy/files.rs"]
mod files;
#[path = "tidy/manifests.rs"]
mod manifests;
#[path = "tidy/page.rs"]
mod page;
#[path = "tidy/statements.rs"]
mod statements;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;

/// A floor of the house. Arrows point down, never sideways, but for the edges listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Floor {
    Noun,
    Core,
    Adapter,
    App,
    Chore,
}

/// Every crate and its floor. A crate is made when its first real code is written.
const CRATES: [(&str, Floor); 27] = [
    ("market", Floor::Noun),
    ("seal", Floor::Noun),
    ("factor", Floor::Core),
    ("portfolio", Floor::Core),
    ("research", Floor::Core),
    ("engine", Floor::Core),
    ("identity", Floor::Core),
    ("license", Floor::Core),
    ("guard", Floor::Core),
    ("audit", Floor::Core),
    ("disclosure", Floor::Core),
    ("catalog", Floor::Adapter),
    ("journal", Floor::Adapter),
    ("kms", Floor::Adapter),
    ("store", Floor::Adapter),
    ("backup", Floor::Adapter),
    ("settings", Floor::Adapter),
    ("edge", Floor::Adapter),
    ("feeds", Floor::Adapter),
    ("venues", Floor::Adapter),
    ("notify", Floor::Adapter),
    ("payments", Floor::Adapter),
    ("host", Floor::Adapter),
    ("probe", Floor::Adapter),
    ("stockade", Floor::App),
    ("stockade-bot", Floor::App),
    ("xtask", Floor::Chore),
];

/// Every edge between our crates, and why it is there.
const EDGES: [(&str, &str, &str); 62] = [
    ("factor", "market", "expressions are computed over the panel of columns"),
    ("portfolio", "market", "fills and positions are counted in money and quantities"),
    ("research", "market", "a factor and its later returns are columns of one panel"),
    ("engine", "factor", "a strategy's signals and weights are expressions"),
    ("engine", "portfolio", "fills become positions and performance"),
    ("engine", "market", "bars in, orders out"),
    ("identity", "seal", "password hashes are peppered, tokens signed, sessions hashed"),
    ("license", "seal", "licences and leases are signed, the kept state authenticated"),
    ("audit", "seal", "checkpoints are signed, leaves committed"),
    ("disclosure", "seal", "receipts and terms are known by their digests"),
    ("catalog", "market", "what is stored are bars and panels"),
    ("kms", "seal", "a key holder hands out sealing, MAC and signing keys"),
    ("feeds", "engine", "what a stream told is an event of the kernel"),
    ("feeds", "market", "bars, quotes and books of listed instruments"),
    ("feeds", "portfolio", "instruments go by their number in the ledger"),
    ("venues", "engine", "calls, answers and words are the kernel's"),
    ("venues", "market", "prices and sizes are the instrument's ticks and lots"),
    ("venues", "portfolio", "instruments and legs are the ledger's"),
    ("venues", "seal", "requests are signed, keys are secrets"),
    ("backup", "seal", "the ledger is signed, the recovery kit sealed to people elsewhere"),
    ("store", "audit", "the leaf is written in the transaction of the act"),
    ("store", "disclosure", "a report's course is kept as it was judged"),
    ("store", "identity", "rows that a person owns are reached through a Tenant"),
    ("store", "seal", "sealed fields are stored as envelopes"),
    ("host", "audit", "what is said of a release is judged where its signature is made"),
    ("host", "seal", "programs are hashed, their signatures checked"),
    ("notify", "seal", "webhooks are signed, tokens and passwords do not print"),
    ("payments", "seal", "the secret does not print, a notice is known by its digest"),
    (
        "probe",
        "audit",
        "what a log and a posture prove is judged by the same code that a witness runs",
    ),
    ("probe", "seal", "signatures and hashes are checked"),
    ("stockade-bot", "market", "wiring"),
    ("stockade-bot", "seal", "wiring"),
    ("stockade-bot", "audit", "the bot witnesses its server's log"),
    ("stockade-bot", "factor", "wiring"),
    ("stockade-bot", "portfolio", "wiring"),
    ("stockade-bot", "engine", "wiring"),
    ("stockade-bot", "license", "wiring"),
    ("stockade-bot", "kms", "wiring"),
    ("stockade-bot", "journal", "wiring"),
    ("stockade-bot", "notify", "wiring"),
    ("stockade-bot", "host", "wiring"),
    ("stockade-bot", "edge", "wiring"),
    ("stockade-bot", "feeds", "wiring"),
    ("stockade-bot", "venues", "wiring"),
    ("stockade", "market", "wiring"),
    ("stockade", "seal", "wiring"),
    ("stockade", "factor", "wiring"),
    ("stockade", "portfolio", "wiring"),
    ("stockade", "engine", "wiring"),
    ("stockade", "audit", "wiring"),
    ("stockade", "disclosure", "wiring"),
    ("stockade", "identity", "wiring"),
    ("stockade", "kms", "wiring"),
    ("stockade", "license", "wiring"),
    ("stockade", "catalog", "wiring"),
    ("stockade", "store", "wiring"),
    ("stockade", "backup", "wiring"),
    ("stockade", "guard", "wiring"),
    ("stockade", "probe", "`stockade verify` looks at servers"),
    (
        "stockade",
        "host",
        "the backup worker raises its fence; `stockade doctor` and the public page show the machine",
    ),
    ("stockade", "notify", "letters of accounts; `stockade mail` sets their domain up"),
    ("stockade", "payments", "what a processor tells is taken in"),
];

/// Edges of tests only.
const TEST_EDGES: [(&str, &str, &str); 0] = [];

/// What a crate must never reach, by any path: the claims of the layout.
const NEVER_REACHES: [(&str, &str, &str); 5] = [
    ("stockade", "venues", "the server cannot hold a trading key"),
    ("stockade-bot", "store", "the bot has no accounts"),
    ("stockade-bot", "identity", "the bot has no accounts"),
    ("stockade-bot", "payments", "the bot takes no money"),
    ("stockade-bot", "vendors", "vendor keys stay with the server"),
];

/// Crates from outside that would bring a clock, a socket or a file into a core.
const NOT_IN_A_CORE: [&str; 14] = [
    "tokio",
    "tokio-util",
    "async-std",
    "axum",
    "hyper",
    "reqwest",
    "sqlx",
    "rustix",
    "libc",
    "nix",
    "tempfile",
    "getrandom",
    "rand",
    "clap",
];

/// Files that are longer than the limit, the length that they may not exceed, and why.
const LONG_FILES: [(&str, usize, &str); 0] = [];

/// Words that a core or noun may use although the rule forbids them: file, word, why.
const CORE_WORDS: [(&str, &str, &str); 0] = [];

/// The modules that may hold unsafe code, and why. Every other crate forbids it.
const UNSAFE_MODULES: [(&str, &str); 1] = [(
    "crates/factor/src/kernels/wide.rs",
    "calls a loop compiled for the widest registers; its safe twin is compared",
)];

/// The one file that starts a program, and why that one may.
const STARTERS: [(&str, &str); 1] = [(
    "crates/backup/src/child.rs",
    "starts this very program, with a constant argument and an empty environment",
)];

/// SQL that is no literal: the file, how many such statements it has, and what they are made of.
/// A value of a person, a file or a request is never a part: it is bound.
const STATEMENTS_FROM_PARTS: [(&str, usize, &str); 28] = [
    ("crates/store/src/belongings.rs", 2, "a constant list of columns, before a literal"),
    ("crates/store/src/credentials.rs", 3, "a constant list of columns, before a literal"),
    ("crates/store/src/licences.rs", 2, "a constant list of columns, before a literal"),
    ("crates/store/src/links.rs", 2, "a constant list of columns, before a literal"),
    ("crates/store/src/machines.rs", 6, "constants of the file"),
    ("crates/store/src/members.rs", 1, "a constant list of columns, before a literal"),
    ("crates/store/src/payments.rs", 1, "a constant of the file"),
    ("crates/store/src/passkeys.rs", 2, "a constant list of columns, before a literal"),
    ("crates/store/src/postings.rs", 3, "a constant list of columns, before a literal"),
    ("crates/store/src/proposals.rs", 2, "a constant list of columns, before a literal"),
    ("crates/store/src/reviews.rs", 1, "a constant list of columns, before a literal"),
    ("crates/store/src/seats.rs", 3, "a constant list of columns, before a literal"),
    ("crates/store/src/security_reports.rs", 3, "a constant list of columns, before a literal"),
    ("crates/store/src/accounts.rs", 4, "constants of the file; a column that its caller names"),
    ("crates/store/src/backtests.rs", 2, "constants of the file"),
    ("crates/store/src/backup.rs", 3, "names of the catalogue, quoted; a version's number"),
    ("crates/store/src/copy.rs", 1, "names of TABLES"),
    ("crates/store/src/dialect.rs", 2, "names of TABLES, and a role that is quoted"),
    ("crates/store/src/directory.rs", 2, "literals of the function, and numbers of places"),
    ("crates/store/src/factors.rs", 2, "constants of the file"),
    ("crates/store/src/history.rs", 1, "literals of the function, and numbers of places"),
    ("crates/store/src/log.rs", 1, "literals of the function, and numbers of places"),
    ("crates/store/src/migrate.rs", 1, "the embedded schema in PostgreSQL's words"),
    ("crates/store/src/pools.rs", 2, "a scope: digits, dashes or a star; names of the file"),
    ("crates/store/src/sessions.rs", 2, "constants of the file"),
    ("crates/store/src/sql.rs", 1, "names that callers in this crate write, and numbers of places"),
    ("crates/store/src/sums.rs", 2, "names of TABLES and of the catalogue"),
    ("crates/store/src/sweeps.rs", 3, "constants of the file"),
];

/// Lines in a file, at most.
const LINES_MAX: usize = 500;
