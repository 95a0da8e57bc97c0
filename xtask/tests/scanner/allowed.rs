//! What is found and is no credential: the file, the rule, how many of them, and why they are none.

/// What a row allows: so many findings of one rule in one file, neither more nor fewer.
pub struct Allowed {
    pub file: &'static str,
    pub rule: &'static str,
    pub count: usize,
    pub reason: &'static str,
}

const fn row(
    file: &'static str,
    rule: &'static str,
    count: usize,
    reason: &'static str,
) -> Allowed {
    Allowed { file, rule, count, reason }
}

const ADDRESS: &str = "an address with a password";
const PRIVATE: &str = "a private key";

pub const ALLOWED: [Allowed; 16] = [
    row("crates/backup/src/bucket/sign.rs", "a key of Amazon", 1, "the example of Amazon's manual"),
    row("crates/edge/src/acme/carrier.rs", ADDRESS, 1, "made up: such an address is refused"),
    row("crates/identity/tests/access.rs", "a signed token", 1, "the example of RFC 7515, A.1"),
    row("crates/notify/src/endpoint.rs", ADDRESS, 1, "made up: such an address is refused"),
    row("crates/notify/src/scrub.rs", ADDRESS, 1, "made up: what the log hides"),
    row("crates/notify/src/scrub.rs", PRIVATE, 2, "made up: what the log hides, without a key"),
    row(
        "crates/notify/tests/channels.rs",
        "a webhook's secret of Stripe",
        1,
        "the published vector",
    ),
    row("crates/notify/tests/channels.rs", ADDRESS, 1, "made up: an address of a mail server"),
    row("crates/stockade/src/cli/sealed.rs", ADDRESS, 3, "made up: addresses that are told apart"),
    row("crates/stockade/src/server/headers.rs", ADDRESS, 1, "made up: such a host is refused"),
    row(
        "crates/stockade/src/server/operations/errors/clean.rs",
        ADDRESS,
        1,
        "made up: what is never told",
    ),
    row(
        "crates/stockade/src/server/operations/errors/dsn.rs",
        ADDRESS,
        1,
        "made up: a DSN of an old kind",
    ),
    row("crates/stockade/src/server/trace.rs", ADDRESS, 1, "made up: what the log hides"),
    row("crates/stockade/tests/db_commands.rs", ADDRESS, 4, "made up: what no message repeats"),
    row("crates/store/src/database.rs", ADDRESS, 5, "made up: what no message repeats"),
    row("xtask/tests/scanner/rules.rs", ADDRESS, 1, "the rule's own words"),
];
