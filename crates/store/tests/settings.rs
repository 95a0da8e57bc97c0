//! What is documented of the connections to a database is what the connections themselves report.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made, against the book"
)]

use audit::{Ledger, Signer};
use jiff::Timestamp;
use places::both;
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use std::collections::BTreeMap;
use store::Store;

mod places;

const BOOK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/database.md");

/// The rows of the book's table of connections: a setting, and its value on SQLite and on PostgreSQL.
fn documented() -> Vec<(String, [String; 2])> {
    let text = std::fs::read_to_string(BOOK).expect("the book");
    let part = text.split("## Connections").nth(1).expect("the part on connections");
    let part = part.split("\n## ").next().unwrap_or_default();
    let cells = |line: &str| {
        let cells: Vec<String> =
            line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', "")).collect();
        <[String; 3]>::try_from(cells).ok().map(|[name, file, server]| (name, [file, server]))
    };
    let lines = part.lines().filter(|line| line.starts_with("| `"));
    lines.filter_map(cells).collect()
}

#[tokio::test]
async fn the_settings_of_the_book_are_those_of_every_connection() {
    let documented = documented();
    assert!(documented.len() >= 15, "{documented:?}");
    for place in both() {
        // As hostile as a server's own configuration can be: ours is what counts.
        if place.is_server() {
            let name = place.url.rsplit('/').next().expect("a database");
            for hostile in ["statement_timeout = 0", "lock_timeout = 0", "synchronous_commit = off"]
            {
                place.meddle(&format!("ALTER DATABASE {name} SET {hostile}")).await;
            }
        }
        let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
        let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
        let entropy = Box::new(SeededEntropy::new(1));
        let store = Store::open(&place.database, ledger, entropy, Timestamp::UNIX_EPOCH).await;
        let store = store.expect("opens");
        let found = store.connection_settings().await.expect("reports");
        let found: BTreeMap<String, String> = found.into_iter().collect();
        let mut expected = BTreeMap::new();
        for (name, [file, server]) in &documented {
            let value = if place.is_server() { server } else { file };
            if value != "–" {
                expected.insert(name.clone(), value.clone());
            }
        }
        assert_eq!(found, expected);
    }
}
