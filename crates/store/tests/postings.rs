//! Letters on their way, with two servers on one database that both want to send them.
#![allow(clippy::expect_used, reason = "tests of databases that they made")]

use household::{House, at, entry, furniture, houses, life, mac};
use identity::{DeviceId, EndReason, SessionPolicy};
use jiff::Timestamp;
use seal::SeededEntropy;
use store::{Deed, Outcome, Overtaken, Part, PostingRow, PostingStanding as At};

mod household;
mod places;

fn letter(id: &str, now: Timestamp) -> PostingRow {
    PostingRow {
        id: id.to_owned(),
        account: None,
        sender: "Stockade <stockade@example.org>".to_owned(),
        language: "en".to_owned(),
        date: now,
        recipient: vec![1; 40],
        subject: vec![2; 40],
        text: Some(vec![3; 40]),
        html: Some(vec![4; 40]),
        since: now,
        until: at(3600 * 72),
        tries: 0,
        standing: At::Waiting(now),
        answer: None,
    }
}

async fn queued(house: &House, letters: &[PostingRow]) {
    let ada = house.person("ada", 1).await;
    house.keep(&[], &[life(ada.account)], letters).await;
}

/// Takes what is due as a server does: only what it could keep as begun is sent.
async fn take(house: &House, server: usize, now: Timestamp) -> Vec<PostingRow> {
    let store = house.servers.get(server).expect("two");
    let lost = now.checked_sub(jiff::SignedDuration::from_mins(10)).expect("in range");
    let mut taken = Vec::new();
    for due in store.due_postings(now, lost, 100).await.expect("reads") {
        let begun = PostingRow { tries: due.tries + 1, standing: At::UnderWay(now), ..due.clone() };
        if store.keep_posting(due.tries, &begun).await.expect("keeps") {
            taken.push(begun);
        }
    }
    taken
}

fn ids(rows: &[PostingRow]) -> Vec<&str> {
    rows.iter().map(|row| row.id.as_str()).collect()
}

#[tokio::test]
async fn two_servers_never_send_one_letter_at_once() {
    for house in houses().await {
        let letters: Vec<_> = (0..20).map(|n| letter(&format!("m{n:02}"), at(n))).collect();
        queued(&house, &letters).await;
        let (mine, theirs) = tokio::join!(take(&house, 0, at(60)), take(&house, 1, at(60)));
        let mut all = [ids(&mine), ids(&theirs)].concat();
        all.sort_unstable();
        assert_eq!(all, ids(&letters), "each once");
        assert!(take(&house, 0, at(61)).await.is_empty(), "all are under way");
        let open = house.store().open_postings("m09").await.expect("reads");
        assert_eq!(open.len(), 10);
    }
}

#[tokio::test]
async fn a_lost_try_is_tried_again_and_its_late_answer_changes_nothing() {
    for house in houses().await {
        queued(&house, &[letter("m", at(0))]).await;
        let store = house.store();
        let [first] = take(&house, 0, at(0)).await.try_into().expect("one");
        assert!(take(&house, 1, at(599)).await.is_empty());
        let [second] = take(&house, 1, at(601)).await.try_into().expect("one");
        assert_eq!((first.tries, second.tries), (1, 2));
        // The first server comes back and says that it shall wait.
        let late = PostingRow { standing: At::Waiting(at(900)), ..first.clone() };
        assert!(!store.keep_posting(first.tries, &late).await.expect("keeps"));
        // That it was sent ends it, once read again.
        let read = store.posting("m").await.expect("reads").expect("there");
        assert_eq!(read, second);
        let sent = PostingRow { standing: At::Sent(at(602)), ..read };
        assert!(store.keep_posting(2, &sent).await.expect("keeps"));
        let over = store.posting("m").await.expect("reads").expect("there");
        assert_eq!((over.text.as_ref(), over.html.as_ref()), (None, None), "the texts are gone");
        assert_eq!(over.standing, At::Sent(at(602)));
        let waits = PostingRow { standing: At::Waiting(at(900)), ..second };
        assert!(!store.keep_posting(2, &waits).await.expect("keeps"), "it is over");
        assert_eq!(store.prune_postings(at(602)).await.expect("prunes"), 0);
        assert_eq!(store.prune_postings(at(603)).await.expect("prunes"), 1);
        assert_eq!(store.posting("m").await.expect("reads"), None);
    }
}

#[tokio::test]
async fn a_letter_waits_is_given_up_and_is_handed_in_once() {
    for house in houses().await {
        queued(&house, &[letter("m", at(0)), letter("m", at(5))]).await;
        let store = house.store();
        let [begun] = take(&house, 0, at(0)).await.try_into().expect("one");
        assert_eq!(begun.since, at(0), "the second is the same");
        let waits =
            PostingRow { standing: At::Waiting(at(90)), answer: Some(vec![9; 40]), ..begun };
        assert!(store.keep_posting(1, &waits).await.expect("keeps"));
        assert!(take(&house, 1, at(89)).await.is_empty());
        let [again] = take(&house, 1, at(90)).await.try_into().expect("one");
        assert_eq!((again.tries, again.answer.as_deref()), (2, Some([9; 40].as_slice())));
        let given_up = PostingRow { standing: At::GivenUp(at(91)), ..again };
        assert!(store.keep_posting(2, &given_up).await.expect("keeps"));
        assert!(store.open_postings("").await.expect("reads").is_empty());
    }
}

/// A token that comes back ends its session; the letter that tells of it is kept with the end, or neither.
#[tokio::test]
async fn the_letter_of_a_theft_is_kept_with_the_end_of_the_session() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let opened = furniture::sign_in(&house, &mut ada).await;
        let stranger = DeviceId::new(at(2), &mut SeededEntropy::new(9));
        let (policy, key) = (SessionPolicy::default(), mac(2));
        let owner = (&opened.session, &opened.state);
        let presented = (&opened.refresh, stranger);
        let stolen = opened.family.rotate(owner, presented, (&policy, &key), at(2));
        let stolen = stolen.expect("it lives");
        assert_eq!(stolen.ended(), Some(EndReason::Reuse));
        let keep = async |id: &str| {
            let (parts, postings) = ([Part::Rotation(&stolen)], [letter(id, at(2))]);
            let deed = Deed { parts: &parts, events: &[], postings: &postings };
            let act = house.store().begin().await.expect("an act");
            act.keep(&deed, entry, at(2)).await.expect("writes")
        };
        let before = house.leaves().await;
        let Outcome::Kept { ended, .. } = keep("told").await else { panic!("nobody was faster") };
        assert_eq!(ended, [(opened.session.id, EndReason::Reuse)]);
        assert_eq!(house.leaves().await, before + 2, "the reuse and the end");
        assert_eq!(keep("again").await, Outcome::Overtaken(Overtaken::Session));
        assert!(house.store().posting("told").await.expect("reads").is_some());
        assert_eq!(house.store().posting("again").await.expect("reads"), None);
    }
}

#[tokio::test]
async fn a_session_that_is_left_ends_once_and_says_so_once() {
    for house in houses().await {
        let mut ada = house.person("ada", 1).await;
        let opened = furniture::sign_in(&house, &mut ada).await;
        let parts = [Part::End(&opened.session, EndReason::SignOut)];
        let deed = Deed { parts: &parts, events: &[life(ada.account)], postings: &[] };
        for wanted in [1, 0] {
            let act = house.store().begin().await.expect("an act");
            let outcome = act.keep(&deed, entry, at(2)).await.expect("writes");
            let Outcome::Kept { committed, ended } = outcome else { panic!("nothing to overtake") };
            assert_eq!(ended.len(), wanted);
            assert_eq!(committed.indexes.count(), 1 + wanted, "a leaf for each that happened");
        }
    }
}
