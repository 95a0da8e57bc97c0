//! Which machines belong: tokens that work once and in time, epochs that only rise, on both kinds of database.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use identity::AccountId;
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{Act, MACHINES_MAX, MachineRow, MachineWord, Store};

mod places;

async fn open(place: &Place) -> Store {
    let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([1; 32])));
    let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
    let entropy = Box::new(SeededEntropy::new(1));
    Store::open(&place.database, ledger, entropy, at(0)).await.expect("opens")
}

fn at(minutes: i64) -> Timestamp {
    let start = Timestamp::from_second(1_790_000_000).expect("in range");
    start + SignedDuration::from_mins(minutes)
}

async fn kept(act: Act) {
    let entry = Entry {
        kind: Kind::stated("machine.added"),
        actor: "host".to_owned(),
        subject: "x".to_owned(),
        detail: serde_json::Value::Null,
    };
    act.commit(entry, at(0)).await.expect("kept");
}

async fn invite(store: &Store, machine: &str, hash: u8, minutes: i64) {
    let mut act = store.begin().await.expect("an act");
    let times = (at(minutes), at(minutes + 60));
    assert!(act.invite_machine((machine, None), &[hash; 32], times).await.expect("asks"));
    kept(act).await;
}

async fn redeem(store: &Store, hash: u8, minutes: i64) -> Option<(String, u32)> {
    let mut act = store.begin().await.expect("an act");
    let found = act.redeem_machine(&[hash; 32], at(minutes)).await.expect("asks");
    kept(act).await;
    found
}

async fn put_out(store: &Store, machine: &str) -> bool {
    let mut act = store.begin().await.expect("an act");
    let was = act.put_machine_out(machine).await.expect("asks");
    kept(act).await;
    was
}

async fn row(store: &Store, machine: &str) -> MachineRow {
    let rows = store.machines().await.expect("reads");
    rows.into_iter().find(|row| row.machine == machine).expect("is there")
}

fn word() -> MachineWord {
    let (version, world, state) = ("1".to_owned(), "live".to_owned(), "trading".to_owned());
    MachineWord { version, world, state, ticked: Some(at(7)) }
}

#[tokio::test]
async fn a_token_lets_one_machine_in_once_and_in_time() {
    for place in both() {
        let store = open(&place).await;
        invite(&store, "bot/one", 1, 0).await;
        assert_eq!(store.machine_roll().await.expect("reads"), [], "a token lets nobody in yet");
        assert_eq!(redeem(&store, 2, 1).await, None, "another token");
        assert_eq!(redeem(&store, 1, 60).await, None, "too late");
        assert_eq!(redeem(&store, 1, 59).await, Some(("bot/one".to_owned(), 1)));
        assert_eq!(redeem(&store, 1, 59).await, None, "used up");
        // A second token ends the first, and the machine goes on until it is used.
        invite(&store, "bot/one", 3, 0).await;
        invite(&store, "bot/one", 4, 0).await;
        assert_eq!(redeem(&store, 3, 1).await, None, "replaced");
        assert_eq!(store.machine_roll().await.expect("reads"), [("bot/one".to_owned(), 1)]);
        assert_eq!(redeem(&store, 4, 1).await, Some(("bot/one".to_owned(), 2)));
        // Put out, with a token that is out for it.
        invite(&store, "bot/one", 5, 0).await;
        assert!(put_out(&store, "bot/one").await);
        assert!(!put_out(&store, "bot/one").await, "it was out");
        assert_eq!(redeem(&store, 5, 1).await, None, "taken back");
        assert_eq!(store.machine_roll().await.expect("reads"), []);
        invite(&store, "bot/one", 6, 0).await;
        assert_eq!(redeem(&store, 6, 1).await, Some(("bot/one".to_owned(), 4)), "epochs only rise");
    }
}

#[tokio::test]
async fn only_the_epoch_that_belongs_is_certified_and_heard() {
    for place in both() {
        let store = open(&place).await;
        invite(&store, "bot/one", 1, 0).await;
        redeem(&store, 1, 1).await.expect("comes in");
        let certify = async |epoch| {
            let mut act = store.begin().await.expect("an act");
            let done = act.certify_machine(("bot/one", epoch), at(100)).await.expect("asks");
            kept(act).await;
            done
        };
        let hear = async |epoch, witness: Option<&str>| {
            let heard = store.note_machine(("bot/one", epoch), &word(), witness, at(8)).await;
            heard.expect("asks")
        };
        assert!(certify(1).await && !certify(0).await && !certify(2).await);
        assert!(hear(1, Some("key")).await && hear(1, None).await && !hear(2, None).await);
        let seen = row(&store, "bot/one").await;
        assert_eq!((seen.seen, seen.said), (Some(at(8)), Some(word())));
        assert_eq!((seen.certificate_ends, seen.witness), (Some(at(100)), Some("key".to_owned())));
        put_out(&store, "bot/one").await;
        assert!(!certify(1).await && !certify(2).await, "who is out gets nothing");
        assert!(!hear(1, None).await && !hear(2, None).await, "and is not heard");
        assert_eq!(row(&store, "bot/one").await.certificate_ends, None);
    }
}

#[tokio::test]
async fn whoever_is_gone_is_put_out_alone_and_the_token_of_another_stays() {
    for place in both() {
        let store = open(&place).await;
        let keeper = AccountId::new(at(0), &mut SeededEntropy::new(2));
        let account = format!(
            "INSERT INTO accounts (account_id, email_index, email, display_name, role, standing,
             epoch, created_us) SELECT '{keeper}', substr(x, 1, 16), x, x, 'trader', 'active', 0, 1
             FROM (SELECT zeroblob(32) AS x) y"
        );
        place.meddle(&account).await;
        let mut act = store.begin().await.expect("an act");
        let hers = ("bot/one", Some(keeper));
        assert!(act.invite_machine(hers, &[1; 32], (at(0), at(60))).await.expect("asks"));
        kept(act).await;
        assert_eq!(redeem(&store, 1, 1).await, Some(("bot/one".to_owned(), 1)));
        // Somebody else is to have it next.
        invite(&store, "bot/one", 2, 1).await;
        let put_out = async || {
            let mut act = store.begin().await.expect("an act");
            let was = act.put_left_machine_out("bot/one").await.expect("asks");
            kept(act).await;
            was
        };
        let hear = async |epoch| {
            store.note_machine(("bot/one", epoch), &word(), None, at(2)).await.expect("asks")
        };
        assert!(hear(1).await && !put_out().await, "she may come in");
        place.meddle("UPDATE accounts SET standing = 'disabled'").await;
        assert!(!hear(1).await, "nobody's word is taken whose keeper is gone");
        assert_eq!(store.machines_left().await.expect("reads"), ["bot/one"]);
        assert!(put_out().await && !put_out().await, "once");
        assert_eq!(redeem(&store, 2, 3).await, Some(("bot/one".to_owned(), 3)), "it stays");
        // Whoever read the list before that does not put it out again.
        assert!(!put_out().await && hear(3).await);
    }
}

#[tokio::test]
async fn the_authority_is_made_once_and_machines_have_a_limit() {
    for place in both() {
        let store = open(&place).await;
        assert_eq!(store.machine_authority().await.expect("reads"), None);
        for (key, first) in [(b"one", true), (b"two", false)] {
            let mut act = store.begin().await.expect("an act");
            assert_eq!(act.keep_machine_authority(key).await.expect("asks"), first);
            kept(act).await;
        }
        assert_eq!(store.machine_authority().await.expect("reads"), Some(b"one".to_vec()));
        let mut act = store.begin().await.expect("an act");
        let mut hash = [0; 32];
        for number in 0..MACHINES_MAX {
            hash[..4].copy_from_slice(&number.to_be_bytes());
            let name = format!("bot/{number}");
            assert!(act.invite_machine((&name, None), &hash, (at(0), at(60))).await.expect("asks"));
        }
        let full = act.invite_machine(("bot/more", None), &[255; 32], (at(0), at(60))).await;
        assert!(!full.expect("asks"), "there are as many as there may be");
        let again = act.invite_machine(("bot/7", None), &[254; 32], (at(0), at(60))).await;
        assert!(again.expect("asks"), "one that is there is no other one");
        kept(act).await;
    }
}
