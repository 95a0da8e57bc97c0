//! The second wall: on PostgreSQL the database itself keeps one person's rows from another's.
#![allow(clippy::expect_used, reason = "tests of a database that they made")]

use audit::{Entry, Kind, Ledger, Signer};
use identity::{AccountId, Tenant};
use jiff::Timestamp;
use places::{Place, file, server};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use store::{Error, Store, StrategyWords};
use uuid::Uuid;

mod places;

/// Everything of everybody: what a query that forgot its `WHERE` asks for.
const FORGETFUL: [&str; 5] =
    ["accounts", "strategies", "factors", "factor_versions", "factor_trials"];

async fn open(place: &Place) -> Result<Store, Error> {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(&place.database, ledger, entropy, Timestamp::UNIX_EPOCH).await
}

fn person(seed: u64) -> Tenant {
    Tenant::host(AccountId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(seed)))
}

/// Two people with a row in each table.
async fn furnished(place: &Place) -> [Tenant; 2] {
    let store = open(place).await.expect("opens");
    let people = [person(1), person(2)];
    for (number, tenant) in people.iter().enumerate() {
        let id = tenant.account();
        place
            .meddle(&format!(
                "INSERT INTO accounts (account_id, email_index, email, display_name, role, standing,
                     epoch, created_us)
                 SELECT '{id}', node_hash, node_hash, node_hash, 'trader', 'active', 0, 0
                 FROM (SELECT {} AS node_hash) x",
                if place.is_server() {
                    format!("decode('{}', 'hex')", format!("{number:02}").repeat(16))
                } else {
                    format!("x'{}'", format!("{number:02}").repeat(16))
                }
            ))
            .await;
        let mut act = store.begin().await.expect("an act");
        let words = StrategyWords { name: "mine", text: "text" };
        let fresh = || Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0000 + number as u128);
        let now = Timestamp::UNIX_EPOCH;
        act.insert_strategy(tenant, fresh(), words, now).await.expect("writes");
        let factor = store::FactorWords { text: "close", note: "" };
        assert!(act.insert_factor(tenant, (fresh(), "f"), factor, now).await.expect("writes"));
        assert!(act.try_expression(Some(tenant), "d", &"0".repeat(64), now).await.expect("writes"));
        let entry = Entry {
            kind: Kind::stated("a.b"),
            actor: "a test".to_owned(),
            subject: id.to_string(),
            detail: serde_json::json!({}),
        };
        act.commit(entry, now).await.expect("kept");
    }
    store.close().await;
    people
}

async fn count(on: &mut PgConnection, table: &str) -> i64 {
    let text = format!("SELECT COUNT(*) FROM {table}");
    sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(on).await.expect("counts")
}

async fn set(on: &mut PgConnection, tenant: &str) {
    let set = "SELECT set_config('stockade.tenant', $1, false)";
    sqlx::query(set).bind(tenant).execute(on).await.expect("sets");
}

#[tokio::test]
async fn a_query_that_forgot_its_where_sees_one_persons_rows_or_none() {
    let Some(place) = server() else { return };
    let people = furnished(&place).await;
    let mut role = place.role().await;
    let mut administrator = place.administrator().await;
    for table in FORGETFUL {
        assert_eq!(count(&mut role, table).await, 0, "{table} without a tenant");
        set(&mut role, "").await;
        assert_eq!(count(&mut role, table).await, 0, "{table} with an empty tenant");
        for tenant in people {
            set(&mut role, &tenant.account().to_string()).await;
            assert_eq!(count(&mut role, table).await, 1, "{table} of one person");
        }
        set(&mut role, &person(3).account().to_string()).await;
        assert_eq!(count(&mut role, table).await, 0, "{table} of a stranger");
        set(&mut role, "*").await;
        assert_eq!(count(&mut role, table).await, 2, "{table} of the house");
        // The same query without the wall: it is the wall that hid the rows.
        assert_eq!(count(&mut administrator, table).await, 2, "{table} without policies");
        set(&mut role, "").await;
    }
}

#[tokio::test]
async fn the_weak_twin_without_policies_shows_everything() {
    let place = file();
    furnished(&place).await;
    let path = place.database.path().expect("a file").display().to_string();
    let mut on = SqliteConnection::connect(&format!("sqlite:{path}")).await.expect("opens");
    for table in FORGETFUL {
        let text = format!("SELECT COUNT(*) FROM {table}");
        let found: i64 =
            sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut on).await.expect("counts");
        assert_eq!(found, 2, "{table}: SQLite has the first wall only");
    }
}

#[tokio::test]
async fn nobody_writes_into_anothers_rows() {
    let Some(place) = server() else { return };
    let [mine, other] = furnished(&place).await.map(|tenant| tenant.account().to_string());
    let mut role = place.role().await;
    set(&mut role, &mine).await;
    let check = async |on: &mut PgConnection, text: &str, rows: Option<u64>| {
        let done = sqlx::query(AssertSqlSafe(text)).execute(on).await;
        assert_eq!(done.ok().map(|done| done.rows_affected()), rows, "{text}");
    };
    check(&mut role, "UPDATE strategies SET name = 'changed'", Some(1)).await;
    check(&mut role, &format!("UPDATE strategies SET account_id = '{other}'"), None).await;
    check(&mut role, &format!("DELETE FROM strategies WHERE account_id = '{other}'"), Some(0))
        .await;
    let forged = format!(
        "INSERT INTO factor_trials (tried_by, dataset_name, text_sha256, first_us)
         VALUES ('{other}', 'd', '{}', 0)",
        "1".repeat(64)
    );
    check(&mut role, &forged, None).await;
    let theirs = "INSERT INTO factor_versions SELECT '01890000-0000-7000-8000-000000000001', 9, 'x', '', 0, 0";
    check(&mut role, theirs, None).await;
}

#[tokio::test]
async fn a_wall_that_is_down_and_a_role_that_climbs_are_refused() {
    let check = async |sql: &str, part: &str| {
        let Some(place) = server() else { return };
        open(&place).await.expect("opens").close().await;
        place.meddle(sql).await;
        let error = open(&place).await.expect_err(sql).to_string();
        assert!(error.contains(part), "{sql}: {error}");
    };
    check("ALTER TABLE sweeps DISABLE ROW LEVEL SECURITY", "table sweeps").await;
    check("ALTER TABLE totp NO FORCE ROW LEVEL SECURITY", "table totp").await;
    check("DROP POLICY stockade_tenant ON sessions", "table sessions").await;
    check("CREATE POLICY wide ON accounts USING (true)", "table accounts").await;
    let Some(mut privileged) = server() else { return };
    let url = privileged.url.replace("stockade@", "postgres@");
    privileged.database = url.parse().expect("an address");
    let error = open(&privileged).await.expect_err("a superuser").to_string();
    assert!(error.contains("role postgres may pass over"), "{error}");
}
