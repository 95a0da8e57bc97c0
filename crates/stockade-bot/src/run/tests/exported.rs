//! What a bot did live, exported and held against the backtest of its rows: the whole way from the
//! venue's bytes through the recording to the comparison, with lives that end and rows that nobody saw.

use super::*;
use crate::lived;
use ::market::{Bar, Money, Price, Quantity, Timestamp};
use engine::diff::{Parted, Rebuilt, Rerun, part};
use std::path::PathBuf;
use town::FREE;

/// A session that is recorded.
fn recorded(dir: &Path, strategy: &str) -> Town {
    let mut town = Town::with(dir, strategy);
    town.tapes = Some(dir.join("tape"));
    town.begin();
    town.run_to_ready();
    town
}

/// What the export has: collected, and its table told to a backtest again.
struct Found {
    collected: lived::Collected,
    rebuilt: Rebuilt,
    parted: Parted,
    table: String,
}

fn export(dir: &Path) -> Found {
    let tapes = lived::lives(&dir.join("tape"), None).expect("a session");
    let place = tempfile::tempdir().expect("a directory");
    let collected = lived::collect(&tapes, place.path()).expect("is collected");
    let table = std::fs::read_to_string(place.path().join("bars.csv")).expect("the rows");
    let lived::Collected { plan, roster, lived, since, .. } = &collected;
    let listings = setup::listings(roster);
    let cash = lived.lives.first().expect("a life").cash;
    let account = plan.account(roster, cash).expect("an account");
    let mut run = Rerun::new(&plan.strategy, &listings, account, *since).expect("a backtest");
    for line in table.lines().skip(1) {
        let bar = bar_of(line);
        run.row(bar.open_time, &[Some(bar)]).expect("a row");
    }
    let rebuilt = run.finish().expect("ends");
    let parted = part(lived, &rebuilt, (&listings, plan.size.nanos())).expect("sums");
    assert_eq!(rebuilt.times.len() as u64, collected.rows);
    Found { collected, rebuilt, parted, table }
}

fn bar_of(line: &str) -> Bar {
    let cells: Vec<&str> = line.split(',').collect();
    let [time, _, open, high, low, close, volume] = cells.as_slice() else { panic!("{line}") };
    let price = |text: &str| Price(::market::Scale::CENTS.parse(text).expect("a price"));
    let sizes = ::market::Scale::new(3).expect("small");
    let volume = sizes.parse(volume).expect("a size").unsigned_abs();
    Bar {
        open_time: time.parse().expect("a time"),
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
        volume: Quantity(volume),
    }
}

fn names(parted: &Parted) -> Vec<&'static str> {
    parted.trades.iter().map(|one| one.why.name()).collect()
}

/// Live = backtest: where a venue fills at the prices of the bars and takes nothing, every decision,
/// every order, every trade and the money are those of the backtest of the recorded rows.
#[test]
fn a_session_at_the_prices_of_its_bars_is_the_backtest_of_its_rows() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = recorded(dir.path(), FREE);
    town.spread = 0;
    let mut price = 10_000;
    for n in 0_i64..60 {
        let step = (n * n * 7 + n * 3) % 41 - 20;
        town.minute(price, price + step);
        price += step;
        if n % 20 == 19 {
            // A crash in between changes nothing: the next life knows what it holds.
            town.restart();
            town.run_to_ready();
        }
    }
    town.pass_seconds(5);
    let found = export(dir.path());
    let Found { collected, parted, rebuilt, .. } = &found;
    assert!(collected.notes.is_empty(), "{:?}", collected.notes);
    assert_eq!(collected.lived.lives.len(), 4);
    let sent = collected.lived.orders.iter().filter(|one| one.role == engine::live::Role::Kernel);
    assert!(sent.count() > 20, "{}", collected.lived.orders.len());
    let only_end = names(parted).iter().all(|name| *name == "tape-ends");
    assert!(only_end && parted.trades.len() <= 1, "{:#?}", parted.trades);
    assert!(parted.same + 1 >= rebuilt.blotter.orders.len() && parted.same > 20);
    let end = parted.trades.iter().map(|one| one.cost.rest.0).sum::<i128>();
    assert_eq!(parted.shortfall, Money(end));
}

/// A town in which everything happens: a bar is seen by two lives, some by none; entries are held
/// back; somebody pulls the switch.
fn eventful(dir: &Path) -> Town {
    let mut town = recorded(dir, FREE);
    town.minute(10_000, 10_100);
    town.minute(10_100, 10_050);
    town.die();
    // Nobody is there: an entry and an exit are missed. The venue tells of these bars later.
    let missed = [(10_050, 10_080), (10_080, 10_120), (10_120, 10_110)];
    let missed = missed.map(|(open, close)| town.minute(open, close));
    let warm = |bar: Bar| WarmRow { time: bar.open_time, bars: vec![Some(bar)] };
    town.warm = missed.map(warm).to_vec();
    town.rise();
    town.run_to_ready();
    town.minute(10_110, 10_090);
    town.give(Input::Kill(Switch::NoEntries));
    town.minute(10_090, 10_150);
    town.give(Input::Kill(Switch::Off));
    town.minute(10_150, 10_200);
    town.give(Input::Kill(Switch::Flatten));
    town.pass_seconds(30);
    town.minute(10_200, 10_180);
    town
}

#[test]
fn what_parts_a_session_from_its_backtest_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    eventful(dir.path());
    let Found { collected, parted, table, rebuilt } = export(dir.path());
    let want = ["slippage", "slippage", "down", "down", "held-back", "follows", "close", "follows"];
    assert_eq!(names(&parted), want, "{:#?}", parted.trades);
    let [silence] = collected.lived.silences.as_slice() else { panic!("one silence") };
    assert!(
        table.contains(&format!("{},BTCUSDT,100.80", silence.first))
            || silence.last > silence.first
    );
    assert_eq!(table.lines().count(), 10, "{table}");
    let held = parted.trades.iter().find(|one| one.why.name() == "held-back").expect("is there");
    assert_eq!(held.why.to_string(), "held back: the kill switch is pulled");
    let earned = rebuilt.end.minus(rebuilt.start).expect("sums");
    assert_eq!(parted.backtest, earned);
    assert_eq!(parted.shortfall, earned.minus(parted.live).expect("sums"));
    // Ten-thousandths of a coin a tick apart, at the entry and at the exit.
    let (count, cost) = parted.totals.get("slippage").copied().expect("is there");
    assert_eq!((count, cost), (2, Money::parse("0.0002").expect("money")));
}

#[test]
fn a_row_that_came_too_late_to_act_on_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = recorded(dir.path(), FREE);
    town.minute(10_000, 10_100);
    town.asleep = 120;
    town.minute(10_100, 10_050);
    town.asleep = 0;
    town.pass_seconds(60);
    town.minute(10_050, 10_040);
    let Found { collected, parted, .. } = export(dir.path());
    assert_eq!(names(&parted), ["slippage", "late", "follows"], "{:#?}", parted.trades);
    let [silence] = collected.lived.silences.as_slice() else { panic!("one silence") };
    assert_eq!(silence.first, silence.last);
    let why = parted.trades.get(1).map(|one| one.why.to_string()).unwrap_or_default();
    assert!(why.starts_with("missed: the row came too late to act on"), "{why}");
}

#[test]
fn a_hole_that_nobody_can_tell_of_is_said_to_be_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = recorded(dir.path(), FREE);
    town.minute(10_000, 10_100);
    town.die();
    for _ in 0..4 {
        town.minute(10_100, 10_150);
    }
    town.rise();
    town.run_to_ready();
    town.minute(10_150, 10_100);
    let found = export(dir.path());
    let [note] = found.collected.notes.as_slice() else { panic!("{:?}", found.collected.notes) };
    assert!(note.contains("no bars from") && note.contains("down"), "{note}");
    assert_eq!(found.table.lines().count(), 3);
    let [silence] = found.collected.lived.silences.as_slice() else { panic!("one silence") };
    let minutes = (silence.last.nanos() - silence.first.nanos()) / 60_000_000_000;
    assert_eq!(minutes, 3, "four rows");
}

/// The end of a recording may be lost with the machine; what it lacks stands in the next life's journal.
#[test]
fn an_order_that_the_recording_lost_is_known_from_the_journal() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = recorded(dir.path(), FREE);
    town.minute(10_000, 10_100);
    town.pass_seconds(2);
    town.die();
    let tape = latest_tape(&dir.path().join("tape")).expect("a recording");
    cut_before_the_order(&tape);
    town.rise();
    town.run_to_ready();
    town.minute(10_100, 10_050);
    town.pass_seconds(2);
    let found = export(dir.path());
    let kernel = |one: &&engine::diff::Sent| one.role == engine::live::Role::Kernel;
    assert_eq!(found.collected.lived.orders.iter().filter(kernel).count(), 2);
    assert!(!names(&found.parted).contains(&"unexplained"), "{:#?}", found.parted.trades);
    assert!(!names(&found.parted).contains(&"foreign"), "{:#?}", found.parted.trades);
}

/// Tears the recording where the first record of an order begins.
fn cut_before_the_order(tape: &Path) {
    let segment = std::fs::read_dir(tape).expect("a recording").map(|e| e.expect("a file").path());
    let segment: Vec<PathBuf> = segment.filter(|path| path.is_file()).collect();
    let largest = segment.iter().max_by_key(|path| path.metadata().map_or(0, |m| m.len()));
    let path = largest.expect("a segment");
    let bytes = std::fs::read(path).expect("reads");
    let needle = b"{\"out\":\"01";
    let at = bytes.windows(needle.len()).position(|part| part == needle).expect("an intent");
    let cut = bytes.get(..at + 5).expect("is within").to_vec();
    std::fs::write(path, cut).expect("writes");
}

#[test]
fn lives_of_another_strategy_and_of_another_day_are_another_session() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = recorded(dir.path(), FREE);
    town.minute(10_000, 10_100);
    town.restart();
    town.run_to_ready();
    let tapes = dir.path().join("tape");
    let all = lived::lives(&tapes, None).expect("a session");
    assert_eq!(all.len(), 2);
    let second = head_of_tape(all.last().expect("two")).expect("reads").expect("has a head");
    let since = Timestamp::from_nanos(second.began);
    assert_eq!(lived::lives(&tapes, Some(since)).expect("a session").len(), 1);
    let never = Timestamp::from_nanos(i64::MAX);
    let none = lived::lives(&tapes, Some(never)).expect_err("none").to_string();
    assert!(none.contains("no live session"), "{none}");
    // The other town's life is later, with another strategy.
    let other = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(other.path());
    town.tapes = Some(tapes.clone());
    town.pass_seconds(600);
    town.begin();
    assert_eq!(lived::lives(&tapes, None).expect("a session").len(), 1);
}

/// The files that `stockade diff` reads, and that its tests read too.
#[test]
fn the_files_are_those_that_the_server_is_tested_with() {
    let dir = tempfile::tempdir().expect("a directory");
    eventful(dir.path());
    let tapes = lived::lives(&dir.path().join("tape"), None).expect("a session");
    let out = dir.path().join("results");
    let exported = lived::export(&tapes, &out).expect("is written");
    // Once more over what is there.
    assert_eq!(lived::export(&tapes, &out).expect("is written"), exported);
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stockade/tests/live_session");
    for name in ["live.json", "bars.csv", "strategy.yaml"] {
        let path = exported.directory.join(name);
        let text = std::fs::read_to_string(&path).expect("is there");
        let version = format!("\"version\": \"{}\"", env!("CARGO_PKG_VERSION"));
        let text = text.replace(&version, "\"version\": \"0.0.0\"");
        let want = std::fs::read_to_string(kept.join(name)).unwrap_or_default();
        assert_eq!(text, want, "{name} is another one than in {}", kept.display());
    }
    let left = std::fs::read_dir(&out).expect("lists").count();
    assert_eq!(left, 1, "nothing half-written stays");
}
