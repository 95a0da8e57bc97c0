//! What an account leaves behind: nothing secret in clear in any column, nothing that others see,
//! nothing after its erasure, and the same rows after a copy.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use household::{
    House, at, change, deed, entry,
    furniture::{furnish, letter},
    house, houses, life,
};
use identity::{
    Event, Governed, Grant, HighAct, Holder, Loss, Proposal, ProposalState, Purpose, Resolution,
    Review, Role, SealedWrite, SignOff, Tenant, Voucher, Write,
};
use jiff::Timestamp;
use std::{
    ops::ControlFlow,
    time::{Duration, UNIX_EPOCH},
};
use store::{AccountSearch, Database, Outcome, Overtaken, Part, TableSum, copy, remove_old_copies};
use uuid::Uuid;

mod household;
mod places;

#[tokio::test]
async fn nothing_secret_is_found_in_any_column() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let canaries = furnish(&house, &mut ada).await;
        for server in &house.servers {
            server.close().await;
        }
        let contents = house.place.contents().await;
        let found = |needle: &[u8]| contents.windows(needle.len()).any(|at| at == needle);
        for canary in &canaries {
            assert!(!found(canary.as_bytes()), "{canary}");
            // PostgreSQL shows bytes in hexadecimal.
            assert!(!found(hex::encode(canary).as_bytes()), "{canary} as bytes");
        }
        assert!(found(b"address-confirm"), "the search finds what is there");
    }
}

/// What a person owns here.
const OWNED: [&str; 9] = [
    "passwords",
    "data_keys",
    "passkeys",
    "credentials",
    "links",
    "losses",
    "erasures",
    "postings",
    "sessions",
];

#[tokio::test]
async fn the_second_wall_hides_all_of_it_from_others() {
    for house in houses().await.into_iter().filter(|house| house.place.is_server()) {
        let mut ada = house.person("ada", 1).await;
        furnish(&house, &mut ada).await;
        let eve = house.person("eve", 2).await;
        // A link of nobody's account is the house's.
        let holder = Holder::Address { email: eve.email.clone(), role: Role::Trader };
        let (_, grant) =
            Grant::issue(Purpose::Register, holder, Some(eve.device), at(0), &mut ada.entropy);
        let link = house.vault.seal_grant(&grant, &mut ada.entropy);
        house.keep(&[Part::Link(&link)], &[life(ada.account)], &[]).await;
        let mut role = house.place.role().await;
        let own = [("passwords", 1), ("data_keys", 1)];
        for table in OWNED {
            let eves = own.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows);
            for (who, least, most) in [
                (String::new(), 0, 0),
                (eve.account.to_string(), eves, eves),
                ("*".to_owned(), 1, 9),
            ] {
                sqlx::query("SELECT set_config('stockade.tenant', $1, false)")
                    .bind(&who)
                    .execute(&mut role)
                    .await
                    .expect("sets");
                let text = format!("SELECT COUNT(*) FROM {table}");
                let found: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(text))
                    .fetch_one(&mut role)
                    .await
                    .expect("counts");
                assert!((least..=most).contains(&found), "{table} as {who:?}: {found}");
            }
        }
    }
}

#[tokio::test]
async fn an_erased_account_leaves_its_id_and_frees_its_address() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        furnish(&house, &mut ada).await;
        let [erasure] = house
            .store()
            .due_erasures(at(70))
            .await
            .expect("reads")
            .try_into()
            .expect("one is due");
        assert!(house.store().due_erasures(at(69)).await.expect("reads").is_empty());
        let council = house.store().council().await.expect("reads");
        let member = house.member(&ada).await;
        let change = erasure.carry(&member, &council, at(70)).expect("due");
        assert!(change.writes.iter().any(|write| matches!(write, Write::DropDataKey)));
        let (sealed, _) = ada.vault.seal_change(change, &mut ada.entropy);
        // The last letter is the house's: it must outlive the key.
        let mut last = letter(&mut ada, "last", "it is done");
        last.account = None;
        house.keep(&[Part::Change(&sealed)], &[], &[last]).await;
        let store = house.store();
        assert_eq!(store.member(ada.account).await.expect("reads"), None);
        assert_eq!(store.account(&Tenant::host(ada.account)).await.expect("reads"), None);
        assert!(store.find_accounts(&AccountSearch::default()).await.expect("reads").is_empty());
        assert!(store.grants().await.expect("reads").lines().is_empty());
        let sums = store.sums().await.expect("reads");
        let rows = |table: &str| sums.iter().find(|sum| sum.table == table).expect("known").rows;
        for table in OWNED.into_iter().filter(|table| *table != "postings") {
            assert_eq!(rows(table), 0, "{table}");
        }
        for table in ["totp", "recovery_codes", "devices", "refresh_families"] {
            assert_eq!(rows(table), 0, "{table}");
        }
        assert_eq!((rows("accounts"), rows("postings")), (1, 1), "the tombstone, the last letter");
        // Nothing moves it any more, and the address is free.
        let again = change_of(&sealed.after);
        let act = store.begin().await.expect("an act");
        let outcome = act.keep(&deed(&[Part::Change(&again)]), entry, at(71)).await;
        assert_eq!(outcome.expect("writes"), Outcome::Overtaken(Overtaken::Account));
        let next = house.person("ada", 9).await;
        assert_ne!(next.account, ada.account);
    }
}

/// Where a file of SQLite keeps these bytes: in itself, or in its write-ahead log.
fn lies(house: &House, needle: &[u8]) -> Vec<String> {
    let path = house.place.database.path().expect("a file").display().to_string();
    let names = ["", "-wal"].map(|end| format!("{path}{end}"));
    let has = |name: &String| {
        let bytes = std::fs::read(name).unwrap_or_default();
        bytes.windows(needle.len()).any(|at| at == needle)
    };
    names.into_iter().filter(has).collect()
}

#[tokio::test]
async fn an_erased_key_is_nowhere_in_the_file_nor_in_its_write_ahead_log() {
    for house in houses().await.into_iter().filter(|house| !house.place.is_server()) {
        let mut ada = house.person("ada", 1).await;
        furnish(&house, &mut ada).await;
        let store = house.store();
        let key = store.data_key(ada.account).await.expect("reads").expect("has one");
        assert!(!lies(&house, &key).is_empty(), "the search finds what is there");
        // It lies in the file too, as after any day.
        assert!(store.clear_write_ahead().await.expect("clears"));
        assert_eq!(lies(&house, &key).len(), 1);
        let due = store.due_erasures(at(70)).await.expect("reads").remove(0);
        let council = store.council().await.expect("reads");
        let change = due.carry(&house.member(&ada).await, &council, at(70)).expect("due");
        let (sealed, _) = ada.vault.seal_change(change, &mut ada.entropy);
        house.keep(&[Part::Change(&sealed)], &[], &[]).await;
        assert!(store.clear_write_ahead().await.expect("clears"));
        assert_eq!(lies(&house, &key), Vec::<String>::new());
        assert_eq!(store.data_key(ada.account).await.expect("reads"), None);
    }
}

#[test]
fn copies_from_before_a_migration_go_when_they_are_old() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let day = |days: u64| UNIX_EPOCH + Duration::from_hours(24 * days);
    for (name, days) in [
        ("stockade.db", 1),
        ("stockade.db.schema-20", 9),
        ("stockade.db.schema-19.draft", 9),
        ("stockade.db.schema-21", 10),
        ("stockade.db.schema-", 1),
        ("stockade.db.schema-mine", 1),
        ("other.db.schema-20", 1),
    ] {
        let file = std::fs::File::create(at(name)).expect("makes");
        file.set_modified(day(days)).expect("dates");
    }
    let database = Database::file(&at("stockade.db"));
    let before = Timestamp::try_from(day(10)).expect("in range");
    assert_eq!(remove_old_copies(&database, before).expect("removes"), 2);
    assert_eq!(remove_old_copies(&database, before).expect("removes"), 0);
    let mut left: Vec<_> = std::fs::read_dir(directory.path())
        .expect("lists")
        .map(|one| one.expect("is").file_name())
        .collect();
    left.sort();
    let want = [
        "other.db.schema-20",
        "stockade.db",
        "stockade.db.schema-",
        "stockade.db.schema-21",
        "stockade.db.schema-mine",
    ];
    assert_eq!(left, want);
}

fn change_of(state: &identity::AccountState) -> identity::SealedChange {
    change(
        *state,
        vec![SealedWrite::Loss(Loss {
            account: state.account,
            epoch: state.epoch,
            ready: at(0),
            voucher: Voucher::None,
        })],
    )
}

/// A decision and a review that was signed, beside what one person owns.
async fn governed(house: &House) {
    let mut ada = house.person("ada", 1).await;
    furnish(house, &mut ada).await;
    let bob = house.person_as("bob", 2, Role::Owner).await;
    let open = Proposal {
        id: Uuid::from_u128(7),
        act: HighAct::RootKey { digest: [7; 32] },
        by: ada.account,
        at: at(0),
        not_before: None,
        expires: at(100),
        state: ProposalState::Open,
    };
    let approved = ProposalState::Approved(bob.account);
    for (before, state) in [(None, ProposalState::Open), (Some(ProposalState::Open), approved)] {
        let proposal = Proposal { state, ..open };
        let event = Event::Governed(Governed::Expired { proposal: open.id });
        let (events, mails) = (vec![event], Vec::new());
        let step = Resolution { before, council: None, proposal, events, mails };
        house.keep(&[Part::Step(&step)], &[], &[]).await;
    }
    let (review, event, _) = Review::open(at(0), at(0), &mut ada.entropy);
    let grants = house.store().grants().await.expect("reads").digest();
    let signed = Some(SignOff { by: ada.account, at: at(1), grants });
    let parts =
        [Part::Review(None, &review), Part::Review(Some(&review), &Review { signed, ..review })];
    house.keep(&parts, &[event], &[]).await;
}

#[tokio::test]
async fn all_of_it_is_the_same_after_a_copy_to_the_other_database() {
    for from in houses().await {
        governed(&from).await;
        let want = from.store().sums().await.expect("reads");
        let empty: Vec<&str> =
            want.iter().filter(|sum| sum.rows == 0).map(|sum| sum.table).collect();
        assert!(OWNED.iter().all(|table| !empty.contains(table)), "{empty:?}");
        assert!(!empty.contains(&"proposals") && !empty.contains(&"reviews"), "{empty:?}");
        let to = if from.place.is_server() { Some(places::file()) } else { places::server() };
        let Some(to) = to else { continue };
        let go_on = &mut |_, _| ControlFlow::Continue(());
        let ends = (&from.place.database, &to.database);
        let done: Vec<TableSum> = copy(ends, Timestamp::UNIX_EPOCH, go_on).await.expect("copies");
        assert_eq!(done, want);
        let copied = house(to).await;
        let proposal = copied.store().proposal(Uuid::from_u128(7)).await.expect("reads");
        assert!(matches!(proposal.expect("there").state, ProposalState::Approved(_)));
    }
}
