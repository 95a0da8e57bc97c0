//! A new version over an old schema: the backup comes first, and what fails leaves everything as it was.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests of servers on prepared directories"
)]

use crate::browser::options;
use crate::house::{House, free, kill_at, told};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::path::Path;
use stockade::{
    desk::Error,
    server::{Options, Server},
};

async fn connected(file: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(file);
    SqliteConnection::connect_with(&options).await.expect("opens")
}

/// The newest step of the schema that a database has.
async fn step(file: &Path) -> i64 {
    let mut database = connected(file).await;
    let newest = sqlx::query_scalar("SELECT MAX(version) FROM schema_migrations");
    let newest = newest.fetch_one(&mut database).await.expect("a number");
    database.close().await.expect("closes");
    newest
}

/// The newest step: its name, and the tables that it makes.
fn newest() -> (String, Vec<String>) {
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations");
    let files = std::fs::read_dir(migrations).expect("lists");
    let files = files.map(|entry| entry.expect("an entry").path());
    let last = files.max().expect("a migration");
    let text = std::fs::read_to_string(&last).expect("reads");
    let tables = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
    let tables: Vec<_> =
        tables.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect();
    assert!(!tables.is_empty(), "a step that makes no table needs an old database of its own here");
    let name = last.file_stem().and_then(|stem| stem.to_str()).expect("UTF-8");
    (name.split_once('_').expect("a number and a name").1.to_owned(), tables)
}

/// A directory as the version before the newest step has left it.
async fn old_house() -> House {
    let house = House::new();
    house.furnish();
    let (name, tables) = newest();
    let mut database = connected(&house.data().join("stockade.db")).await;
    for table in tables.iter().rev() {
        // One that took an older one's place has its name by now, and the step finds it there.
        let dropped = sqlx::raw_sql(AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}")));
        dropped.execute(&mut database).await.expect(table);
    }
    let forgotten = sqlx::query("DELETE FROM schema_migrations WHERE name = $1").bind(name);
    let forgotten = forgotten.execute(&mut database).await.expect("forgotten");
    assert_eq!(forgotten.rows_affected(), 1);
    database.close().await.expect("closes");
    house
}

async fn start(house: &House) -> Result<Server, Error> {
    let root = house.data();
    Server::start(Options { backups: house.terms(), ..options(&root) }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_backup_of_before_an_upgrade_is_made_and_comes_back_under_the_new_version() {
    let house = old_house().await;
    let file = house.data().join("stockade.db");
    let old = step(&file).await;
    start(&house).await.expect("upgrades").stop().await.expect("stops");
    assert_eq!(step(&file).await, old + 1);
    let listed = house.json(&["backup", "ls"]);
    assert_eq!(listed["snapshots"][0]["number"], 1, "{listed}");
    // It is of the old schema; the restore brings it up to date, and all of it is compared before.
    let into = house.at("back");
    let restored = house.restore(&into).args(["--snapshot", "1"]).output().expect("runs");
    assert!(restored.status.success(), "{}", told(&restored));
    assert_eq!(step(&into.join("stockade.db")).await, old + 1);
    let back = Server::start(options(&into)).await.expect("starts");
    back.app().desk().verify_log(&[]).await.expect("verifies");
    back.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_upgrade_that_fails_says_so_changes_nothing_and_has_its_backup() {
    let house = old_house().await;
    let file = house.data().join("stockade.db");
    let old = step(&file).await;
    // Something else has the name of the new table.
    let mut database = connected(&file).await;
    let (name, tables) = newest();
    let table = tables.first().expect("a table");
    let odd = format!("CREATE INDEX {table} ON audit_leaves (kind)");
    sqlx::raw_sql(AssertSqlSafe(odd)).execute(&mut database).await.expect("an index");
    database.close().await.expect("closes");
    let error = start(&house).await.err().expect("the step fails").to_string();
    assert!(error.contains(&name) && error.contains("nothing has changed"), "{error}");
    assert_eq!(step(&file).await, old, "nothing has changed");
    let listed = house.json(&["backup", "ls"]);
    assert_eq!(listed["snapshots"].as_array().map(Vec::len), Some(1), "{listed}");
    // Once the cause is gone, the same directory is upgraded.
    let mut database = connected(&file).await;
    let gone = sqlx::raw_sql(AssertSqlSafe(format!("DROP INDEX {table}")));
    gone.execute(&mut database).await.expect("gone");
    database.close().await.expect("closes");
    start(&house).await.expect("upgrades").stop().await.expect("stops");
    assert_eq!(step(&file).await, old + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_kill_in_the_middle_of_an_upgrade_leaves_the_old_schema_or_the_new() {
    let house = old_house().await;
    let file = house.data().join("stockade.db");
    let (old, place) = (step(&file).await, house.place());
    let (stage, log) = (house.data().join("backup/stage"), house.data().join("stockade.db-wal"));
    let signs: [&dyn Fn() -> bool; 4] = [
        &|| stage.join("stockade.db").exists(),
        &|| place.join("ledger").exists(),
        &|| log.metadata().is_ok_and(|about| about.len() > 0),
        &|| house.data().join("stockade.sock").exists(),
    ];
    for sign in signs {
        kill_at(&mut house.command(&["serve", "--listen", "127.0.0.1:0"]), sign);
        free(&place);
        let found = step(&file).await;
        assert!((old..=old + 1).contains(&found), "{found} is neither {old} nor the next");
    }
    let server = start(&house).await.expect("goes on");
    server.app().desk().verify_log(&[]).await.expect("verifies");
    server.stop().await.expect("stops");
    assert_eq!(step(&file).await, old + 1);
}
