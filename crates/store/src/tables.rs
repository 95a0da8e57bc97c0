//! Every table: what orders its rows, and whose they are. A new table is a line here.
//!
//! The line gives it its row-level security on PostgreSQL, its place in a copy, and its digest; a
//! test holds the list against the schema.

/// A table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub name: &'static str,
    /// The columns of its primary key.
    pub key: &'static [&'static str],
    pub owner: Owner,
}

/// Whose a table's rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The house's.
    House,
    /// The account's that this column names.
    Account(&'static str),
    /// Whoever's the row of another table is that has the same value in this column.
    Of { table: &'static str, column: &'static str },
}

use Owner::{Account, House, Of};

const fn table(name: &'static str, key: &'static [&'static str], owner: Owner) -> Table {
    Table { name, key, owner }
}

/// All of them; a table stands behind those that its rows refer to.
pub(crate) const TABLES: &[Table] = &[
    table("audit_log", &["id"], House),
    table("audit_leaves", &["leaf_index"], House),
    table("audit_nodes", &["tree_level", "node_index"], House),
    table("audit_checkpoints", &["tree_size"], House),
    table("audit_cosignatures", &["witness"], House),
    table("witnessed_logs", &["log_key"], House),
    table("accounts", &["account_id"], Account("account_id")),
    table("audit_accounts", &["account_id", "leaf_index"], Account("account_id")),
    table("passwords", &["account_id"], Account("account_id")),
    table("data_keys", &["account_id"], Account("account_id")),
    table("passkeys", &["passkey_id"], Account("account_id")),
    table("credentials", &["credential_id"], Account("account_id")),
    // Links and letters of nobody's account are the house's: no person's scope names them.
    table("links", &["token_hash"], Account("account_id")),
    table("losses", &["account_id"], Account("account_id")),
    table("erasures", &["account_id"], Account("account_id")),
    table("proposals", &["proposal_id"], House),
    table("reviews", &["review_id"], House),
    table("postings", &["posting_id"], Account("account_id")),
    table("totp", &["account_id"], Account("account_id")),
    table("recovery_codes", &["account_id", "code_index"], Account("account_id")),
    table("devices", &["account_id", "device_id"], Account("account_id")),
    table("sessions", &["session_id"], Account("account_id")),
    table("refresh_families", &["session_id"], Of { table: "sessions", column: "session_id" }),
    table("setup_tokens", &["token_hash"], House),
    table("budgets", &["budget", "holder"], House),
    table("strategies", &["strategy_id"], Account("account_id")),
    table("backtests", &["backtest_id"], Account("account_id")),
    table("violations", &["violation_key"], House),
    table("datasets", &["dataset_name"], House),
    table("factors", &["factor_id"], Account("account_id")),
    table(
        "factor_versions",
        &["factor_id", "version"],
        Of { table: "factors", column: "factor_id" },
    ),
    table("factor_trials", &["tried_by", "dataset_name", "text_sha256"], Account("tried_by")),
    table("sweeps", &["sweep_id"], Account("account_id")),
    table("machine_authority", &["id"], House),
    table("machines", &["machine"], House),
    table("security_reports", &["report_id"], House),
    table("advisories", &["year", "number", "revision"], House),
    table("probes", &["probe"], House),
    table("visits", &["day", "page"], House),
    table("licences", &["licence_id"], House),
    table("licence_instances", &["instance_id"], House),
    table("licence_questions", &["instance_id", "challenge"], House),
    table("payment_notices", &["notice_digest"], House),
    table("payment_courses", &["processor", "payment_ref"], House),
    table("address_blocks", &["prefix"], House),
    table("address_lists", &["list_name"], House),
];

/// The tables that are the audit log: nobody but who owns them can change what they hold.
pub(crate) const LOG: [&str; 4] = ["audit_log", "audit_leaves", "audit_nodes", "audit_checkpoints"];

/// The table that keeps count of the schema itself.
pub(crate) const MIGRATIONS_TABLE: &str = "schema_migrations";
