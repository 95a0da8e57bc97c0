//! What a sign-in and an administrator wait for among a million accounts.
//!
//! Budgets: 1 ms for the look-up of a sign-in, 50 ms for a page of the list of accounts, on SQLite.
//! Run with `cargo bench -p store --bench accounts [-- ADDRESS]`: a file in the current directory, or
//! an empty database, such as `postgres://stockade@%2Frun%2Fpostgresql/bench`.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a bench reads the clock, and stops at the first thing that goes wrong"
)]

use audit::{Ledger, Signer};
use identity::{DeviceId, EmailIndex, Role, Standing};
use jiff::Timestamp;
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::{
    io::Write,
    time::{Duration, Instant},
};
use store::{AccountSearch, Database, Store};

const ACCOUNTS: u64 = 1_000_000;
const TIMES: u64 = 2_000;

/// A million rows: ids and addresses are numbers, one in a thousand an administrator, one in a
/// hundred disabled.
const SQLITE: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999)
    INSERT INTO accounts (account_id, email_index, email, display_name, role, standing, epoch,
        created_us)
    SELECT printf('01890000-0000-7000-8000-%012d', i),
        CAST(printf('%016d', i) AS BLOB), randomblob(60), randomblob(50),
        CASE WHEN i % 1000 = 0 THEN 'admin' ELSE 'trader' END,
        CASE WHEN i % 100 = 1 THEN 'disabled' ELSE 'active' END, 0,
        i * 1000000 FROM n;
    INSERT INTO passwords SELECT account_id,
        '$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g' FROM accounts";
const POSTGRES: &str = "SET stockade.tenant = '*';
    INSERT INTO accounts (account_id, email_index, email, display_name, role, standing, epoch,
        created_us)
    SELECT '01890000-0000-7000-8000-' || lpad(i::text, 12, '0'), lpad(i::text, 16, '0')::bytea,
        repeat('x', 60)::bytea, repeat('y', 50)::bytea,
        CASE WHEN i % 1000 = 0 THEN 'admin' ELSE 'trader' END,
        CASE WHEN i % 100 = 1 THEN 'disabled' ELSE 'active' END, 0,
        i::bigint * 1000000 FROM generate_series(0, 999999) i;
    INSERT INTO passwords SELECT account_id,
        '$argon2id$v=19$m=65536,t=3,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g' FROM accounts;
    ANALYZE accounts; ANALYZE passwords;";

async fn open(database: &Database) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(database, ledger, entropy, Timestamp::UNIX_EPOCH).await.expect("opens")
}

fn email(number: u64) -> EmailIndex {
    EmailIndex::from_bytes(format!("{number:016}").as_bytes()).expect("16 bytes")
}

/// The median and the slowest but one in a hundred.
async fn measure(what: &str, times: u64, mut work: impl AsyncFnMut(u64)) {
    let mut taken: Vec<Duration> = Vec::new();
    for turn in 0..times {
        let begun = Instant::now();
        work(turn).await;
        taken.push(begun.elapsed());
    }
    taken.sort_unstable();
    let at = |share: usize| taken.get(taken.len() * share / 100).copied().unwrap_or_default();
    let mut out = std::io::stdout();
    writeln!(out, "{what:<44} p50 {:>9.3?}  p99 {:>9.3?}", at(50), at(99)).expect("somebody reads");
}

#[tokio::main]
async fn main() {
    let address = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = tempfile::tempdir_in(".").expect("a directory");
    let own = format!("sqlite:{}", directory.path().join("bench.db").display());
    let address = address.unwrap_or(own);
    let database: Database = address.parse().expect("an address");
    open(&database).await.close().await;
    if database.path().is_some() {
        let mut on = SqliteConnection::connect(&address).await.expect("connects");
        sqlx::raw_sql(SQLITE).execute(&mut on).await.expect("fills");
        on.close().await.expect("closes");
    } else {
        let mut on = PgConnection::connect(&address).await.expect("connects");
        sqlx::raw_sql(POSTGRES).execute(&mut on).await.expect("fills");
    }
    let store = open(&database).await;
    let device = DeviceId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(1));
    let spread = |turn: u64| turn * 7_919 % ACCOUNTS;
    measure("sign-in: device and credentials", TIMES, async |turn| {
        let index = email(spread(turn));
        store.device_standing(&index, device).await.expect("reads");
        assert!(store.credentials(&index).await.expect("reads").is_some());
    })
    .await;
    measure("sign-in: nobody's address", TIMES, async |turn| {
        assert!(store.credentials(&email(ACCOUNTS + turn)).await.expect("reads").is_none());
    })
    .await;
    let page = async |search: AccountSearch| {
        let rows = store.find_accounts(&search).await.expect("reads");
        assert_eq!(rows.len(), 50);
        rows.last().map(|row| (row.created, row.state.account))
    };
    let middle = page(AccountSearch { role: Some(Role::Trader), ..Default::default() }).await;
    measure("list: newest 50", 200, async |_| {
        page(AccountSearch::default()).await;
    })
    .await;
    measure("list: 50 administrators", 200, async |_| {
        page(AccountSearch { role: Some(Role::Admin), ..Default::default() }).await;
    })
    .await;
    measure("list: 50 disabled traders, second page", 200, async |_| {
        let (role, standing) = (Some(Role::Trader), Some(Standing::Disabled));
        page(AccountSearch { role, standing, before: middle, ..Default::default() }).await;
    })
    .await;
    store.close().await;
}
