//! The list of accounts, as an administrator asks for it.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Ledger, Signer};
use identity::{AccountId, EmailIndex, Role, Standing};
use jiff::Timestamp;
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{AccountRow, AccountSearch, Store};

mod places;

async fn open(place: &Place) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(&place.database, ledger, entropy, Timestamp::UNIX_EPOCH).await.expect("opens")
}

/// Ten accounts, two made in each second: every third a trader, every fifth disabled.
async fn furnish(place: &Place) -> Vec<AccountId> {
    let mut ids = Vec::new();
    for number in 0..10_i64 {
        let made = Timestamp::from_second(number / 2).expect("a time");
        let id = AccountId::new(made, &mut SeededEntropy::new(number.unsigned_abs()));
        let bytes = format!("{number:02}").repeat(16);
        let bytes = if place.is_server() {
            format!("decode('{bytes}', 'hex')")
        } else {
            format!("x'{bytes}'")
        };
        let role = if number % 3 == 0 { "trader" } else { "viewer" };
        let standing = if number % 5 == 0 { "disabled" } else { "active" };
        place
            .meddle(&format!(
                "INSERT INTO accounts (account_id, email_index, email, display_name, role, standing,
                     epoch, created_us)
                 VALUES ('{id}', {bytes}, {bytes}, {bytes}, '{role}', '{standing}', 0, {})",
                made.as_microsecond()
            ))
            .await;
        ids.push(id);
    }
    // The newest first; of one moment, by id.
    let mut order: Vec<usize> = (0..10).collect();
    order.sort_by_key(|at| std::cmp::Reverse((at / 2, ids.get(*at).map(ToString::to_string))));
    order.iter().filter_map(|at| ids.get(*at).copied()).collect()
}

#[tokio::test]
async fn accounts_are_listed_by_page_and_by_every_condition() {
    for place in both() {
        let store = open(&place).await;
        let all = furnish(&place).await;
        let find = async |search: AccountSearch| store.find_accounts(&search).await.expect("reads");
        let ids =
            |rows: &[AccountRow]| rows.iter().map(|row| row.state.account).collect::<Vec<_>>();
        let first = find(AccountSearch { limit: 7, ..AccountSearch::default() }).await;
        assert_eq!(Some(ids(&first).as_slice()), all.get(..7));
        let before = first.last().map(|row| (row.created, row.state.account));
        let rest = find(AccountSearch { before, ..AccountSearch::default() }).await;
        assert_eq!(Some(ids(&rest).as_slice()), all.get(7..));
        let traders = find(AccountSearch { role: Some(Role::Trader), ..Default::default() }).await;
        assert_eq!(traders.len(), 4);
        assert!(traders.iter().all(|row| row.state.role == Role::Trader));
        let standing = Some(Standing::Disabled);
        let shut = find(AccountSearch { standing, ..Default::default() }).await;
        assert_eq!(shut.len(), 2);
        let both = AccountSearch { standing, role: Some(Role::Trader), ..Default::default() };
        assert_eq!(find(both).await.len(), 1, "number 0 alone is both");
        let email = Some(EmailIndex::from_bytes(&[3; 16]).expect("16 bytes"));
        let one = find(AccountSearch { email, ..Default::default() }).await;
        assert_eq!(one.iter().map(|row| row.profile.email.clone()).collect::<Vec<_>>(), [[3; 16]]);
        let email = Some(EmailIndex::from_bytes(&[99; 16]).expect("16 bytes"));
        assert!(find(AccountSearch { email, ..Default::default() }).await.is_empty());
    }
}
