//! The way of a letter: rows on its rules, then worlds from seeds in which machines die and answers get lost.

#![allow(clippy::indexing_slicing, reason = "a test may stop at what it does not find")]

use jiff::{SignedDuration, Timestamp};
use notify::{HandedIn, Mailbox, Message, Posting, Queue, Sender, Standing, Step, Verdict};
use seal::{Secret, SeededEntropy, random};
use std::collections::BTreeMap;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_764_000_000 + second).expect("in range")
}

fn message(id: &str) -> Message {
    let from = Mailbox::parse("stockade@example.org").expect("an address");
    let to = Mailbox::parse("ann@example.net").expect("an address");
    let mut message = Message::new(id, Sender::new("Stockade", from), to, at(0)).expect("an id");
    message.text = Secret::new("https://example.org/reset#secret".to_owned());
    message
}

fn later() -> Verdict {
    Verdict::Later { after: None, why: "451 come back".to_owned() }
}

fn denied() -> Verdict {
    Verdict::Denied { why: "535 bad credentials".to_owned() }
}

/// The waits until the end, each try answered the same at once.
fn waits(posting: &mut Posting, verdict: &Verdict) -> Vec<i64> {
    let mut waits = Vec::new();
    let mut now = posting.since;
    while let Some(due) = posting.due() {
        waits.push(due.duration_since(now).as_secs());
        now = due;
        if let Some(attempt) = posting.begin(now) {
            posting.settle(attempt, verdict, now);
        }
    }
    waits
}

#[test]
fn a_letter_is_tried_for_three_days_and_no_longer_than_it_is_of_use() {
    let mut posting = Posting::new(message("a1"), None, at(0));
    let found = waits(&mut posting, &later());
    assert_eq!(found[0], 0);
    for (n, wait) in found.iter().enumerate().skip(1) {
        let full = (60 << (n - 1).min(16)).min(4 * 3600);
        assert!((full / 2..=full).contains(wait), "wait {n}: {wait} of {full}");
    }
    let Standing::GivenUp { at: end } = posting.standing else { panic!("{:?}", posting.standing) };
    let age = end.duration_since(posting.since).as_hours();
    assert!((66..=72).contains(&age), "{age} h");
    assert_eq!(posting.why, "451 come back");
    // The same letter has the same waits on any machine, another has others.
    let again = waits(&mut Posting::new(message("a1"), None, at(0)), &later());
    assert_eq!(found, again);
    assert_ne!(found, waits(&mut Posting::new(message("a2"), None, at(0)), &later()));
    // A link that works for an hour is not delivered after it.
    let mut short = Posting::new(message("a1"), Some(at(3600)), at(0));
    let found = waits(&mut short, &later());
    assert!(found.iter().sum::<i64>() < 3600 && found.len() >= 5, "{found:?}");
    let mut stale = Posting::new(message("a1"), Some(at(3600)), at(0));
    assert_eq!(stale.begin(at(3601)), None);
    assert_eq!(stale.standing, Standing::GivenUp { at: at(3601) });
}

#[test]
fn a_verdict_does_what_it_says() {
    let check = |verdict: Verdict, want: &str| {
        let mut posting = Posting::new(message("a1"), None, at(0));
        let attempt = posting.begin(at(0)).expect("is due");
        posting.settle(attempt, &verdict, at(5));
        let found = match posting.standing {
            Standing::Waiting { next } => format!("waits {}", next.duration_since(at(5)).as_mins()),
            Standing::UnderWay { .. } => "under way".to_owned(),
            Standing::Sent { .. } => "sent".to_owned(),
            Standing::GivenUp { .. } => format!("given up: {}", posting.why),
        };
        assert_eq!(found, want);
        let gone = posting.message.text.expose().is_empty();
        assert_eq!(gone, posting.is_over(), "the link goes with the end, and not before");
    };
    check(Verdict::Sent, "sent");
    check(Verdict::Refused { why: "550 no such user".to_owned() }, "given up: 550 no such user");
    check(denied(), "waits 15");
    let after = Some(SignedDuration::from_mins(42));
    check(Verdict::Later { after, why: String::new() }, "waits 42");
    let after = Some(SignedDuration::from_hours(400));
    check(Verdict::Later { after, why: String::new() }, "waits 240");
}

#[test]
fn one_try_is_under_way_and_old_news_change_nothing() {
    let mut posting = Posting::new(message("a1"), None, at(0));
    assert_eq!(posting.begin(at(0)), Some(1));
    assert_eq!(posting.begin(at(599)), None, "a try is under way");
    assert_eq!(posting.begin(at(600)), Some(2), "the first counts as lost");
    posting.settle(1, &Verdict::Refused { why: "late".to_owned() }, at(601));
    assert_eq!(posting.standing, Standing::UnderWay { since: at(600) });
    let mut other = posting.clone();
    posting.settle(1, &Verdict::Sent, at(602));
    assert_eq!(
        posting.standing,
        Standing::Sent { at: at(602) },
        "that it arrived is never old news"
    );
    posting.settle(2, &later(), at(603));
    assert_eq!(posting.standing, Standing::Sent { at: at(602) });
    other.settle(2, &later(), at(603));
    other.settle(2, &Verdict::Refused { why: "twice".to_owned() }, at(604));
    assert!(matches!(other.standing, Standing::Waiting { .. }), "a try is settled once");
}

#[test]
fn a_queue_is_bounded_fair_and_brakes() {
    let mut queue = Queue::restore([], 3);
    for (n, id) in ["c", "b", "a"].into_iter().enumerate() {
        let posting = Posting::new(message(id), None, at(i64::try_from(n).expect("small")));
        assert_eq!(queue.hand_in(posting).expect("room"), HandedIn::Queued);
    }
    let same = Posting::new(message("b"), None, at(9));
    assert_eq!(queue.hand_in(same).expect("is known"), HandedIn::Known);
    let error = queue.hand_in(Posting::new(message("d"), None, at(9))).expect_err("is full");
    assert!(error.to_string().starts_with("3 mails wait already"), "{error}");
    let mut sent = Vec::new();
    while let Step::Send(posting) = queue.next(at(10)) {
        sent.push(posting.message.id.clone());
    }
    assert_eq!(sent, ["c", "b", "a"], "the oldest first, each once");
    // The server lets nobody in: nothing is tried for a while, however many are due.
    assert!(queue.settle("c", 1, &denied(), at(11)).is_some());
    assert_eq!(queue.problem(), Some("535 bad credentials"));
    assert!(queue.settle("b", 1, &later(), at(11)).is_some());
    assert!(matches!(queue.next(at(11 + 299)), Step::Wait(Some(then)) if then >= at(311)));
    assert!(matches!(queue.next(at(311)), Step::Send(p) if p.message.id == "b"));
    assert!(queue.settle("b", 2, &Verdict::Sent, at(312)).expect("a row").is_over());
    assert_eq!((queue.len(), queue.problem()), (2, None));
    assert!(queue.settle("b", 2, &Verdict::Sent, at(313)).is_none(), "it is forgotten");
}

/// A table of rows, as a database keeps it, and what a mail server has in its mailboxes.
#[derive(Default)]
struct World {
    table: BTreeMap<String, Posting>,
    arrived: BTreeMap<String, Vec<String>>,
    under_way: BTreeMap<String, (Timestamp, u32)>,
    crashes: u64,
    copies: u64,
}

impl World {
    /// Keeps a row that begins a try, unless another machine did first.
    fn keep_begun(&mut self, row: &Posting) -> bool {
        let known = self.table.get_mut(&row.message.id).expect("was handed in");
        if known.is_over() || known.tries + 1 != row.tries {
            return false;
        }
        *known = row.clone();
        true
    }
}

/// One try: what the server takes, what it says, and whether the machine lives to hear it.
fn attempt(world: &mut World, row: &Posting, now: Timestamp, dice: u64) -> Option<Verdict> {
    let id = row.message.id.clone();
    if let Some((since, _)) = world.under_way.get(&id) {
        let age = now.duration_since(*since);
        assert!(age >= SignedDuration::from_mins(10), "{id}: two tries at once after {age}");
    }
    world.under_way.insert(id.clone(), (now, row.tries));
    let takes = dice.is_multiple_of(7);
    if takes {
        let copies = world.arrived.entry(id.clone()).or_default();
        copies.push(row.message.message_id());
        world.copies += u64::from(copies.len() > 1);
    }
    match (dice >> 8) % 16 {
        // The machine dies, or the connection breaks after the server took the mail.
        0 | 1 => {
            world.crashes += 1;
            return None;
        }
        2 => return Some(later()),
        3 if !takes => return Some(denied()),
        4 if !takes && (dice >> 16).is_multiple_of(4) => {
            return Some(Verdict::Refused { why: "550 no".to_owned() });
        }
        _ => {}
    }
    Some(if takes { Verdict::Sent } else { later() })
}

fn run(seed: u64) -> World {
    let mut entropy = SeededEntropy::new(seed);
    let mut roll = move || u64::from_be_bytes(random(&mut entropy));
    let mut world = World::default();
    for n in 0..12 {
        let useful = (n % 3 == 0).then(|| at(3600 * (n + 1)));
        let posting = Posting::new(message(&format!("m{n}")), useful, at(60 * n));
        world.table.insert(posting.message.id.clone(), posting);
    }
    // Two servers on one database.
    let mut queues = [0, 1].map(|_| Queue::restore(world.table.values().cloned(), 100));
    let mut now = at(0);
    for _ in 0..60_000 {
        if world.table.values().all(Posting::is_over) {
            break;
        }
        let which = usize::from(roll() % 2 == 0);
        match queues[which].next(now) {
            Step::Wait(_) => {
                now += SignedDuration::from_secs(i64::try_from(roll() % 120).expect("small"));
            }
            Step::Over(row) => {
                let known = world.table.get_mut(&row.message.id).expect("is there");
                if !known.is_over() && known.tries == row.tries {
                    *known = *row;
                }
            }
            Step::Send(row) => {
                if !world.keep_begun(&row) {
                    // Another machine was first: read the table again.
                    queues[which] = Queue::restore(world.table.values().cloned(), 100);
                    continue;
                }
                let id = row.message.id.clone();
                match attempt(&mut world, &row, now, roll()) {
                    None => queues[which] = Queue::restore(world.table.values().cloned(), 100),
                    Some(verdict) => {
                        world.under_way.remove(&id);
                        let settled = queues[which].settle(&id, row.tries, &verdict, now);
                        let known = world.table.get_mut(&id).expect("is there");
                        if let Some(settled) =
                            settled.filter(|s| !known.is_over() && known.tries <= s.tries)
                        {
                            *known = settled;
                        }
                    }
                }
            }
        }
    }
    world
}

#[test]
fn no_letter_is_lost_and_none_is_tried_twice_at_once() {
    let (mut crashes, mut copies, mut sent, mut given_up) = (0, 0, 0, 0);
    for seed in 0..300 {
        let world = run(seed);
        for (id, row) in &world.table {
            assert!(row.is_over(), "seed {seed}: {id} never ends: {row:?}");
            assert!(row.message.text.expose().is_empty(), "seed {seed}: the link outlives {id}");
            let arrived = world.arrived.get(id).map_or(0, Vec::len);
            match row.standing {
                Standing::Sent { .. } => {
                    sent += 1;
                    assert!(arrived >= 1, "seed {seed}: {id} is called sent and never arrived");
                }
                _ => given_up += 1,
            }
            if let Standing::GivenUp { at } = row.standing {
                let age = at.duration_since(row.since);
                assert!(row.why.starts_with("550") || age <= SignedDuration::from_hours(73));
            }
        }
        for copies in world.arrived.values() {
            assert!(copies.iter().all(|copy| *copy == copies[0]), "copies are known by their id");
        }
        crashes += world.crashes;
        copies += world.copies;
    }
    // A world in which nothing goes wrong would show nothing.
    assert!(
        crashes > 300 && copies > 10 && sent > 1000 && given_up > 50,
        "{crashes} {copies} {sent} {given_up}"
    );
}
