//! Licences and their seats: as many as were paid for, by whoever asks first, each question once; on both kinds of
//! database.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of databases that they made"
)]

use audit::{Entry, Kind, Ledger, Signer};
use jiff::{SignedDuration, Timestamp};
use places::{Place, both};
use seal::{SealingKey, Secret, SeededEntropy, SigningKey};
use store::{
    Act, Database, Hearing, InstanceRow, InstanceWord, LicenceRow, LicenceState, LogPage, Seat,
    Seating, Store, Telling, be_reborn, copy_out,
};

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

fn entry(kind: &'static str) -> Entry {
    Entry {
        kind: Kind::stated(kind),
        actor: "host".to_owned(),
        subject: "x".to_owned(),
        detail: serde_json::Value::Null,
    }
}

async fn kept(act: Act) {
    act.commit(entry("licence.issued"), at(0)).await.expect("kept");
}

async fn entries(store: &Store) -> usize {
    store.log_page(&LogPage { limit: 500, ..LogPage::default() }).await.expect("reads").len()
}

fn licence(id: &str, instances: u32) -> LicenceRow {
    LicenceRow {
        id: id.to_owned(),
        edition: "pro".to_owned(),
        entitlements: "live, paper".to_owned(),
        instances,
        term: "paid".to_owned(),
        issued: at(0),
        not_before: at(0),
        paid_until: at(1000),
        hard_until: at(2000),
        grace_hours: 72,
        policy: 1,
        note: b"sealed".to_vec(),
        state: LicenceState::Issued,
        changed: at(0),
        epoch: 0,
        taken: 0,
    }
}

async fn issue(store: &Store, row: &LicenceRow) -> bool {
    let mut act = store.begin().await.expect("an act");
    let kept_it = act.keep_licence(row).await.expect("asks");
    kept(act).await;
    kept_it
}

async fn turn(store: &Store, id: &str, from: LicenceState, to: LicenceState) -> bool {
    let mut act = store.begin().await.expect("an act");
    let turned = act.turn_licence(id, (from, to), at(5)).await.expect("asks");
    kept(act).await;
    turned
}

async fn revoke(store: &Store, id: &str) -> Option<u64> {
    let mut act = store.begin().await.expect("an act");
    let number = act.revoke_licence(id, at(6)).await.expect("asks");
    kept(act).await;
    number
}

fn heard<'a>(instance: &'a str, challenge: &'a [u8; 32], minutes: i64) -> InstanceWord<'a> {
    let until = at(minutes + 20);
    InstanceWord { licence: "lic-1", instance, version: "1", boots: 3, challenge, until }
}

async fn seat(store: &Store, instance: &str, key: u8, challenge: u8, minutes: i64) -> Seating {
    let challenge = [challenge; 32];
    let asked = heard(instance, &challenge, minutes);
    let told = |_: &str| entry("licence.activated");
    let tell = |_: &LicenceRow, before: &InstanceRow| Telling {
        entry: None,
        told: before.told,
        told_back: before.told_back,
    };
    store.seat_instance((&asked, &[key; 32]), told, tell, at(minutes)).await.expect("asks")
}

fn taken(instance: &str, revocations: u64) -> Seating {
    Seating::Taken(Seat { instance: instance.to_owned(), revocations })
}

fn kept_by(instance: &str) -> Seating {
    Seating::Kept(Seat { instance: instance.to_owned(), revocations: 0 })
}

const HEARD: Hearing = Hearing::Heard { revocations: 0 };

async fn revocations(store: &Store) -> u64 {
    store.begin().await.expect("an act").revocations().await.expect("reads")
}

/// Asks; whether the log is told is said by whoever calls.
async fn ask(store: &Store, asked: &InstanceWord<'_>, tells: bool, minutes: i64) -> Hearing {
    let tell = |_: &LicenceRow, before: &InstanceRow| Telling {
        entry: tells.then(|| entry("licence.checked")),
        told: if tells { Some(at(minutes)) } else { before.told },
        told_back: before.told_back,
    };
    store.hear_instance(asked, tell, at(minutes)).await.expect("asks")
}

#[tokio::test]
async fn a_licence_is_kept_once_and_turned_only_from_where_it_stands() {
    use LicenceState::{Issued, Revoked, Suspended};
    for place in both() {
        let store = open(&place).await;
        assert!(issue(&store, &licence("lic-1", 2)).await);
        assert!(!issue(&store, &licence("lic-1", 9)).await, "there is one of this id");
        assert_eq!(store.licence("lic-1").await.expect("reads"), Some(licence("lic-1", 2)));
        assert_eq!(store.licence("lic-2").await.expect("reads"), None);
        assert!(!turn(&store, "lic-1", Suspended, Issued).await, "it is not suspended");
        assert!(turn(&store, "lic-1", Issued, Suspended).await);
        assert!(!turn(&store, "lic-1", Issued, Suspended).await, "it is");
        assert!(turn(&store, "lic-1", Suspended, Issued).await);
        assert_eq!(revocations(&store).await, 0);
        assert_eq!(revoke(&store, "lic-1").await, Some(1));
        assert_eq!(revoke(&store, "lic-1").await, None, "once");
        assert!(!turn(&store, "lic-1", Suspended, Issued).await, "for good");
        let row = store.licence("lic-1").await.expect("reads").expect("is there");
        assert_eq!((row.state, row.changed, row.epoch), (Revoked, at(6), 1));
        let mut second = licence("lic-2", 1);
        second.issued = at(1);
        assert!(issue(&store, &second).await);
        assert_eq!(revoke(&store, "lic-2").await, Some(2), "numbers only rise");
        assert_eq!(revocations(&store).await, 2);
        let ids = async |after| -> Vec<String> {
            let rows = store.licences(after).await.expect("reads");
            rows.into_iter().map(|row| row.id).collect()
        };
        assert_eq!(ids(None).await, ["lic-2", "lic-1"]);
        assert_eq!(ids(Some((at(1), "lic-2"))).await, ["lic-1"]);
        assert_eq!(ids(Some((at(0), "lic-1"))).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_seat_is_taken_once_by_each_key_and_given_back() {
    for place in both() {
        let store = open(&place).await;
        issue(&store, &licence("lic-1", 2)).await;
        let before = entries(&store).await;
        assert_eq!(seat(&store, "a", 1, 1, 1).await, taken("a", 0));
        assert_eq!(seat(&store, "b", 1, 2, 1).await, kept_by("a"), "one key");
        assert_eq!(seat(&store, "c", 2, 1, 1).await, taken("c", 0));
        assert_eq!(seat(&store, "d", 3, 1, 1).await, Seating::Full);
        assert_eq!(seat(&store, "x", 1, 2, 1).await, Seating::Again, "the same question");
        assert_eq!(entries(&store).await - before, 2, "a leaf for each seat that was taken");
        assert_eq!(store.licence("lic-1").await.expect("reads").expect("is there").taken, 2);
        let give_back = async |id| {
            let mut act = store.begin().await.expect("an act");
            let had = act.release_instance(("lic-1", id), at(2)).await.expect("asks");
            kept(act).await;
            had
        };
        assert!(give_back("a").await && !give_back("a").await && !give_back("nobody").await);
        assert_eq!(seat(&store, "e", 1, 2, 3).await, Seating::Again, "nor after that");
        assert_eq!(seat(&store, "d", 3, 3, 3).await, taken("d", 0));
        assert_eq!(seat(&store, "f", 1, 4, 3).await, Seating::Full);
        let rows = store.licence_instances("lic-1").await.expect("reads");
        let stand: Vec<_> = rows.iter().map(|row| (row.id.as_str(), row.released)).collect();
        assert_eq!(stand, [("d", None), ("c", None), ("a", Some(at(2)))]);
        assert!(give_back("c").await);
        assert_eq!(seat(&store, "g", 1, 5, 4).await, taken("a", 0), "its own id");
        // What is suspended or not paid for gives no seat, and keeps none up.
        turn(&store, "lic-1", LicenceState::Issued, LicenceState::Suspended).await;
        assert_eq!(seat(&store, "h", 1, 6, 4).await, Seating::Full);
        turn(&store, "lic-1", LicenceState::Suspended, LicenceState::Issued).await;
        assert_eq!(seat(&store, "h", 1, 6, 1000).await, Seating::Full);
        assert_eq!(seat(&store, "h", 1, 6, 999).await, kept_by("a"));
    }
}

#[tokio::test]
async fn a_question_is_heard_once_and_told_where_it_is_due() {
    for place in both() {
        let store = open(&place).await;
        issue(&store, &licence("lic-1", 2)).await;
        seat(&store, "a", 1, 1, 1).await;
        let before = entries(&store).await;
        let (first, second) = ([2; 32], [3; 32]);
        let nobody = heard("b", &first, 2);
        assert_eq!(ask(&store, &nobody, true, 2).await, Hearing::Gone);
        let elsewhere = InstanceWord { licence: "lic-2", ..heard("a", &first, 2) };
        assert_eq!(ask(&store, &elsewhere, true, 2).await, Hearing::Gone);
        assert_eq!(ask(&store, &heard("a", &first, 2), true, 2).await, HEARD);
        assert_eq!(ask(&store, &heard("a", &first, 2), true, 3).await, Hearing::Again);
        assert_eq!(ask(&store, &heard("a", &second, 3), false, 3).await, HEARD);
        assert_eq!(entries(&store).await - before, 1, "told once");
        let row = store.licence_instance(("lic-1", "a")).await.expect("reads").expect("is there");
        assert_eq!((row.seen, row.told, row.told_back), (at(3), Some(at(2)), None));
        assert_eq!((row.boots, row.version.as_str(), row.key), (3, "1", [1; 32]));
        // A question that is too old to be asked is forgotten; until then there is a limit.
        assert_eq!(ask(&store, &heard("a", &first, 30), false, 30).await, HEARD);
        for number in 10..109 {
            let asked = [number; 32];
            assert_eq!(ask(&store, &heard("a", &asked, 30), false, 30).await, HEARD);
        }
        assert_eq!(ask(&store, &heard("a", &[200; 32], 30), false, 30).await, Hearing::TooMany);
        assert_eq!(ask(&store, &heard("a", &[200; 32], 51), false, 51).await, HEARD);
        assert_eq!(seat(&store, "z", 1, 201, 51).await, kept_by("a"));
    }
}

#[tokio::test]
async fn whoever_gave_a_seat_back_hears_of_the_revocation_and_of_how_many_there_were() {
    for place in both() {
        let store = open(&place).await;
        issue(&store, &licence("lic-1", 1)).await;
        issue(&store, &licence("lic-2", 1)).await;
        assert_eq!(seat(&store, "a", 1, 1, 1).await, taken("a", 0));
        let mut act = store.begin().await.expect("an act");
        assert!(act.release_instance(("lic-1", "a"), at(2)).await.expect("asks"));
        kept(act).await;
        assert_eq!(ask(&store, &heard("a", &[2; 32], 3), true, 3).await, Hearing::Gone);
        assert_eq!(revoke(&store, "lic-2").await, Some(1));
        assert_eq!(seat(&store, "b", 2, 1, 3).await, taken("b", 1));
        let told = Hearing::Heard { revocations: 1 };
        assert_eq!(ask(&store, &heard("b", &[2; 32], 3), false, 3).await, told);
        assert_eq!(revoke(&store, "lic-1").await, Some(2));
        let before = entries(&store).await;
        let told = Hearing::Heard { revocations: 2 };
        assert_eq!(ask(&store, &heard("a", &[2; 32], 4), true, 4).await, told, "it has no seat");
        assert_eq!(ask(&store, &heard("a", &[2; 32], 4), true, 4).await, Hearing::Again);
        assert_eq!(entries(&store).await - before, 1);
        let row = store.licence_instance(("lic-1", "a")).await.expect("reads").expect("is there");
        assert_eq!((row.released, row.told), (Some(at(2)), Some(at(4))), "and gets none by that");
    }
}

/// Who has a seat and asks for one is heard as in a check: what was known before is judged, and then kept.
#[tokio::test]
async fn who_asks_for_a_seat_again_is_judged_by_what_was_known_before() {
    for place in both() {
        let store = open(&place).await;
        issue(&store, &licence("lic-1", 1)).await;
        assert_eq!(seat(&store, "a", 1, 1, 1).await, taken("a", 0));
        let mut seen = Vec::new();
        for (challenge, boots, due) in [(2, 2, true), (3, 9, false)] {
            let challenge = [challenge; 32];
            let asked = InstanceWord { boots, ..heard("x", &challenge, 2) };
            let before = entries(&store).await;
            let tell = |licence: &LicenceRow, one: &InstanceRow| {
                seen.push((licence.id.clone(), one.id.clone(), one.boots, one.told));
                let (told, told_back) = (one.told.or(Some(at(2))), Some(at(3)));
                Telling { entry: due.then(|| entry("licence.checked")), told, told_back }
            };
            let none = |_: &str| entry("licence.activated");
            let seated = store.seat_instance((&asked, &[1; 32]), none, tell, at(2)).await;
            assert_eq!(seated.expect("asks"), kept_by("a"));
            assert_eq!(entries(&store).await - before, usize::from(due));
        }
        let known = |boots, told| ("lic-1".to_owned(), "a".to_owned(), boots, told);
        assert_eq!(seen, [known(3, None), known(2, Some(at(2)))]);
        let row = store.licence_instance(("lic-1", "a")).await.expect("reads").expect("is there");
        assert_eq!((row.boots, row.told_back), (9, Some(at(3))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_at_once_take_one_seat() {
    for place in both() {
        let store = open(&place).await;
        issue(&store, &licence("lic-1", 1)).await;
        let before = entries(&store).await;
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..100_u8 {
            let store = store.clone();
            asking.spawn(
                async move { seat(&store, &format!("ins-{number}"), number, number, 1).await },
            );
        }
        let seated = asking.join_all().await;
        let taken = seated.iter().filter(|one| matches!(one, Seating::Taken(_))).count();
        let full = seated.iter().filter(|one| **one == Seating::Full).count();
        assert_eq!((taken, full), (1, 99), "{seated:?}");
        assert_eq!(entries(&store).await - before, 1);
    }
}

/// What was taken back after a backup stays taken back when the backup comes back, whatever else it knows not;
/// and two restores of it give no epoch twice.
#[tokio::test]
async fn a_licence_revoked_since_the_backup_stays_revoked() {
    for place in both() {
        let store = open(&place).await;
        for id in ["good", "resumed", "revoked", "suspended"] {
            assert!(issue(&store, &licence(id, 1)).await);
        }
        assert!(turn(&store, "resumed", LicenceState::Issued, LicenceState::Suspended).await);
        let out = place.directory.path().join("copy.db");
        let copy = copy_out(&place.database, &out, at(7)).await.expect("copies");
        assert_eq!(revoke(&store, "revoked").await, Some(1));
        assert!(turn(&store, "suspended", LicenceState::Issued, LicenceState::Suspended).await);
        assert!(turn(&store, "resumed", LicenceState::Suspended, LicenceState::Issued).await);
        let since = store.standings().await.expect("reads");
        store.close().await;
        let mut epochs = Vec::new();
        for minutes in [10, 20] {
            let back = place.directory.path().join(format!("back-{minutes}.db"));
            std::fs::copy(&out, &back).expect("copies");
            let database = Database::file(&back);
            let done = be_reborn(&database, &copy.keys, &since, at(minutes)).await;
            assert_eq!(done.expect("is reborn").licences, 2);
            let signer = Signer::named_by_key(SigningKey::from_seed(&Secret::new([2; 32])));
            let ledger = Ledger::new(signer, &SealingKey::new(Secret::new([1; 32])));
            let entropy = Box::new(SeededEntropy::new(1));
            let store = Store::open(&database, ledger, entropy, at(minutes)).await.expect("opens");
            let told = store.standings().await.expect("reads").licences;
            let states: Vec<_> =
                told.iter().map(|one| (one.licence.as_str(), one.state.as_str())).collect();
            let want = [
                ("good", "issued"),
                // What was resumed since is resumed by its issuer, who knows why.
                ("resumed", "suspended"),
                ("revoked", "revoked"),
                ("suspended", "suspended"),
            ];
            assert_eq!(states, want);
            assert!(told.iter().all(|one| one.epoch > 1), "above what was heard: {told:?}");
            epochs.push(revocations(&store).await);
            store.close().await;
        }
        assert!(epochs.first() < epochs.last(), "{epochs:?}");
    }
}
