//! A session against the venue's own end of its protocol, in memory: real client, real counter, real
//! journal; only sockets are missing.

mod exported;
mod full_disk;
mod funding;
mod town;

use super::*;
use engine::live::Record;
use journal::Entry as Frame;
use std::{ops::ControlFlow, path::Path};
use town::{Net, Town};

fn records(dir: &Path) -> Vec<Record> {
    let mut all = Vec::new();
    journal::read(&dir.join("journal"), &mut |frame| {
        if let Frame::Record { bytes, .. } = frame {
            all.push(Record::read(bytes).expect("a record"));
        }
        ControlFlow::Continue(())
    })
    .expect("the journal is whole");
    all
}

#[test]
fn an_entry_is_written_down_then_sent_then_protected() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.begin();
    town.run_to_ready();
    town.minute(10_000, 10_100);
    town.minute(10_100, 10_200);
    let view = town.view();
    assert!(view.ready, "{}", view.text());
    let [position] = view.positions.as_slice() else { panic!("holds one: {}", view.text()) };
    assert_eq!((position.side.as_str(), position.size.as_str()), ("long", "0.010"));
    assert!(position.stop.is_some(), "no position without its stop: {}", view.text());
    assert!(town.placed > 1, "an entry and a stop were placed");
    // Looked up at the moment at which each order went out.
    assert_eq!(town.unwritten, Vec::<String>::new(), "sent before they were written down");
    assert!(matches!(records(dir.path()).first(), Some(Record::Boot { .. })));
}

#[test]
fn an_order_whose_answer_is_lost_is_there_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.begin();
    town.run_to_ready();
    town.net = Net::LoseAnswers;
    town.minute(10_000, 10_100);
    town.net = Net::Good;
    town.pass_seconds(60);
    let entries = town.account.named().filter(|(_, ticket, _)| ticket.side == ::market::Side::Buy);
    assert_eq!(entries.count(), 1, "one entry at the venue");
    let view = town.view();
    assert_eq!(view.positions.len(), 1, "{}", view.text());
    assert!(view.positions.iter().all(|one| one.stop.is_some()), "{}", view.text());
}

#[test]
fn a_private_stream_whose_greeting_is_lost_is_opened_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.deaf = 1;
    town.begin();
    town.pass_seconds(10);
    assert!(!town.view().ready, "{}", town.view().text());
    town.run_to_ready();
    assert!(town.told.iter().any(|told| told.key == "private-stream"), "{:?}", town.told);
}

#[test]
fn the_next_life_goes_on_with_what_the_last_one_held_and_the_kill_switch_closes_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.begin();
    town.run_to_ready();
    town.minute(10_000, 10_100);
    town.pass_seconds(5);
    let before = town.view();
    assert_eq!(before.positions.len(), 1, "{}", before.text());
    let orders = town.account.named().count();
    town.restart();
    town.run_to_ready();
    let after = town.view();
    assert_eq!(after.positions.len(), 1, "{}", after.text());
    assert_eq!(town.account.named().count(), orders, "nothing was placed twice");
    assert!(after.positions.iter().all(|one| one.stop.is_some()), "{}", after.text());
    town.give(Input::Kill(Switch::Flatten));
    town.pass_seconds(30);
    let end = town.view();
    assert!(end.positions.is_empty(), "{}", end.text());
    assert!(town.told.iter().any(|told| told.key == "flat"), "{:?}", town.told);
    assert_eq!(town.account.working().count(), 0);
    // It stays pulled over the next start.
    town.restart();
    assert_eq!(town.view().kill, "flatten");
}

#[test]
fn without_a_licence_nothing_is_opened_and_what_is_held_is_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.begin();
    town.run_to_ready();
    town.minute(10_000, 10_100);
    town.pass_seconds(5);
    assert_eq!(town.view().positions.len(), 1);
    town.give(Input::MayOpen(false));
    town.pass_seconds(60);
    assert!(town.view().positions.iter().all(|one| one.stop.is_some()), "the stop stays");
    town.minute(10_100, 9900);
    town.pass_seconds(5);
    let view = town.view();
    assert!(view.positions.is_empty(), "the exit went through: {}", view.text());
    town.minute(9900, 10_100);
    town.pass_seconds(5);
    assert!(town.view().positions.is_empty(), "no entry did: {}", town.view().text());
}

#[test]
fn a_session_is_made_again_from_what_came_in() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.begin();
    town.run_to_ready();
    town.net = Net::LoseAnswers;
    town.minute(10_000, 10_100);
    town.net = Net::Good;
    town.pass_seconds(40);
    town.minute(10_100, 9900);
    town.pass_seconds(40);
    let written = std::mem::take(&mut town.records);
    assert!(written.len() > 4, "{} records", written.len());
    assert_eq!(town.again(), written, "byte for byte");
}

/// From the bytes of a bar to the bytes of the signed order, its intent in the journal's file between them;
/// what a flush costs comes after. Run with `cargo nextest run --release -p stockade-bot --run-ignored only`.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout, reason = "a measurement is read")]
fn how_long_it_takes_from_a_bar_to_an_order() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.begin();
    town.run_to_ready();
    town.look_into_journal = town::Look::Away;
    let mut orders: Vec<std::time::Duration> = Vec::new();
    for n in 0..2_000 {
        let placed = town.placed;
        town.timed.clear();
        let (open, close) = if n % 2 == 0 { (10_000, 10_100) } else { (10_100, 10_000) };
        town.minute(open, close);
        if town.placed > placed {
            orders.extend(town.timed.iter().max());
        }
    }
    orders.sort();
    let at = |part: usize| orders.get(orders.len() * part / 100).copied();
    println!("{} orders: p50 {:?}, p99 {:?}", orders.len(), at(50), at(99));
}
