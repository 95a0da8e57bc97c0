//! The bot against an exchange in a box, both as people start them: two processes, real sockets, TLS.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test runs the program, reads its files, and waits no longer than it should"
)]

#[path = "box_and_bot/town.rs"]
mod town;

use engine::live::{Record, Role};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use stockade_bot::run::{Entry, all_tapes, read_tape};
use town::{Town, holds, is_protected, is_ready, license_of};

/// All lives so far, exported: every trade has its order, every life its place, and the rows between two
/// lives are those that the venue told of later.
fn is_exported(town: &Town) {
    let exported = town.said(&["export", "--json"], "");
    assert!(exported.status.success(), "{exported:?}");
    let told: Value = serde_json::from_slice(&exported.stdout).expect("JSON");
    assert_eq!(
        (told["lives"].as_u64(), told["notes"].to_string().as_str()),
        (Some(3), "[]"),
        "{told}"
    );
    let place = town.path(told["directory"].as_str().expect("a place"));
    let live = std::fs::read_to_string(place.join("live.json")).expect("the session");
    let live: Value = serde_json::from_str(&live).expect("JSON");
    let all = |name: &str| live[name].as_array().expect("a list").clone();
    let (orders, fills) = (all("orders"), all("fills"));
    assert!(!fills.is_empty() && orders.iter().any(|one| one["for"] == "stop"), "{live:#}");
    assert!(orders.iter().any(|one| one["for"] == "close"), "flatten closed: {live:#}");
    for fill in &fills {
        assert!(orders.iter().any(|one| one["name"] == fill["order"]), "{fill}\n{live:#}");
    }
    assert_eq!(all("positions").len(), 0, "{live:#}");
    let bars = std::fs::read_to_string(place.join("bars.csv")).expect("the rows");
    let times: Vec<Timestamp> = bars
        .lines()
        .skip(1)
        .map(|line| line.split(',').next().expect("a time").parse().expect("a time"))
        .collect();
    let minute = SignedDuration::from_mins(1);
    assert!(times.windows(2).all(|pair| pair[1].duration_since(pair[0]) == minute), "{bars}");
}

/// The strategy's first order that was written down.
fn first_order(town: &Town) -> String {
    let mut name = None;
    for tape in all_tapes(&town.path("state/tape")).expect("recordings") {
        let told = read_tape(&tape, &mut |entry| {
            let Entry::Out(text) = entry else { return Ok(()) };
            let record = Record::read(&hex::decode(text)?);
            if let Some(Record::Intent(intent)) = record
                && intent.role == Role::Kernel
            {
                name.get_or_insert(intent.client.to_string());
            }
            Ok(())
        });
        told.expect("reads");
    }
    name.expect("an order of the strategy")
}

/// Which rule wanted it, what stood in it, and what it was held against.
fn is_explained(town: &Town) {
    let name = first_order(town);
    let explained = town.said(&["explain", &name, "--json"], "");
    let told: Value = serde_json::from_slice(&explained.stdout).expect("JSON");
    assert_eq!(told["purpose"], "strategy", "{told:#}");
    let gate = &told["gate"];
    assert_eq!(gate["outcome"], "passed as asked", "{told:#}");
    assert_eq!((&gate["licence"], &gate["kill"]), (&"may open positions".into(), &"off".into()));
    let limits = gate["limits"].as_array().expect("limits");
    let size =
        limits.iter().find(|one| one["name"] == "order_size").expect("the limit that is set");
    let figures = [&size["value"], &size["bound"]].map(|one| {
        let text = one.as_str().unwrap_or_default();
        text.parse::<f64>().expect("a decimal")
    });
    assert_eq!((figures, &size["within"]), ([0.01, 1.0], &true.into()), "{size}");
    let caps = gate["caps"].as_array().expect("caps");
    assert!(caps.iter().any(|one| one["name"] == "caps.per_minute"), "{gate:#}");
    let values = told["values"].as_array().expect("values");
    let whole = |one: &&Value| one["depth"] == 0 && one["value"] == "true";
    let ruled = values.iter().filter(whole).map(|one| one["name"].clone()).collect::<Vec<_>>();
    let said = told["said"].as_str().expect("a signal").split(' ').next();
    assert_eq!(ruled, [Value::from(said)], "{told:#}");
    let parts: Vec<_> =
        values.iter().filter(|one| one["depth"] == 1).map(|one| &one["text"]).collect();
    assert_eq!(parts, ["close", "open", "close", "open"], "{told:#}");
    let text = town.said(&["explain", &name], "");
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    for line in
        ["gate      passed as asked", "limit     order_size", "kept back ", "value     long: close"]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
}

/// Opens, dies, goes on, closes by itself with no bot running, and is made again from its recording.
fn a_life_and_the_next(venue: &str) {
    let mut town = Town::new(venue, &[]);
    town.start();
    let status = town.until("ready", 30, is_ready);
    assert_eq!(status["barred"].as_array().map(Vec::len), Some(0), "{status}");
    let held = town.until("a position with its stop", 150, is_protected);
    let stop =
        held["orders"].as_array().and_then(|all| all.iter().find(|o| o["purpose"] == "stop"));
    let name = stop.and_then(|stop| stop["name"].as_str()).expect("a stop's name").to_owned();
    let explained = town.said(&["explain", &name, "--json"], "");
    let told: Value = serde_json::from_slice(&explained.stdout).expect("JSON");
    assert_eq!((told["purpose"].as_str(), told["name"].as_str()), (Some("stop"), Some(&*name)));
    is_explained(&town);
    town.kill();
    town.start();
    let again = town.until("ready again", 30, is_ready);
    assert!(holds(&again), "{held}\n{again}");
    town.until("protected again", 20, is_protected);
    town.kill();
    let flat = town.said(&["flatten", "--yes"], "");
    assert!(flat.status.success(), "{flat:?}");
    // Every recorded session is made again, byte for byte.
    let tapes = std::fs::read_dir(town.path("state/tape")).expect("recordings");
    for tape in tapes {
        let tape = tape.expect("a recording").path();
        let replayed = town.said(&["replay", &tape.display().to_string()], "");
        let text = String::from_utf8_lossy(&replayed.stdout).into_owned();
        assert!(replayed.status.success(), "{text} {replayed:?}");
        assert!(text.contains("byte for byte"), "{text}");
    }
    is_exported(&town);
    town.start();
    let status = town.until("ready at last", 30, is_ready);
    assert_eq!(status["kill"], "flatten", "the kill switch outlives the process");
    assert!(!holds(&status), "{status}");
    assert!(town.said(&["resume"], "").status.success());
    town.until("let go", 5, |status| status["kill"] == "off");
    // A name that explains itself: the first order of the latest life that made one.
    std::fs::write(town.path("state/KILL"), "").expect("writes");
    town.until("killed by a file", 5, |status| status["kill"] == "flatten");
    let refused = town.said(&["resume"], "");
    assert_eq!(refused.status.code(), Some(3), "{refused:?}");
    let stopped = town.said(&["halt"], "");
    assert!(stopped.status.success());
    rustix::process::kill_process(
        rustix::process::Pid::from_child(town.bot.as_ref().expect("runs")),
        rustix::process::Signal::TERM,
    )
    .expect("is told to end");
    assert_eq!(town.wait(), 0);
}

fn figure(status: &Value, name: &str) -> f64 {
    status["account"][name].as_str().and_then(|text| text.parse().ok()).expect("an amount")
}

/// Who closes everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closer {
    /// The bot, which runs.
    Bot,
    /// The command, with no bot running.
    Command,
}

/// On spot: buys, is protected by a stop at the venue, dies, goes on with the same coins and the same money,
/// and sells them although the stop stands.
fn a_life_on_spot(venue: &str, closer: Closer) {
    let mut town = Town::of((venue, "spot"), &[]);
    town.start();
    town.until("ready", 30, is_ready);
    let held = town.until("coins with their stop", 150, is_protected);
    assert_eq!(held["positions"][0]["side"], "long", "{held}");
    assert_eq!(held["account"]["funding"], "", "there is none on spot");
    town.kill();
    town.start();
    let again = town.until("protected again", 30, |now| is_ready(now) && is_protected(now));
    assert_eq!(again["positions"][0]["size"], held["positions"][0]["size"], "{held}\n{again}");
    // A hundredth of a coin costs hundreds; a minute's walk and fees take a few.
    let (before, after) = (figure(&held, "equity"), figure(&again, "equity"));
    assert!((before - after).abs() < 100.0, "what is held was paid once: {before} {after}");
    if closer == Closer::Command {
        town.kill();
    }
    for _ in 0..2 {
        let flat = town.said(&["flatten", "--yes"], "");
        assert!(flat.status.success(), "{flat:?}");
    }
    if closer == Closer::Command {
        town.start();
    }
    let is_flat = |now: &Value| {
        let orders = now["orders"].as_array().is_some_and(Vec::is_empty);
        is_ready(now) && !holds(now) && orders
    };
    let sold = town.until("no coins and no orders", 30, is_flat);
    assert_eq!(sold["kill"], "flatten", "{sold}");
    let after = figure(&sold, "equity");
    assert!((before - after).abs() < 100.0, "the coins were sold once: {before} {after}");
}

/// An expired licence with an open position: nothing new is opened, the stop stays, closing works.
fn an_expired_licence_manages_what_is_open() {
    let mut town = Town::new("bybit", &[]);
    town.start();
    town.until("a position with its stop", 150, is_protected);
    town.kill();
    let (expired, _) = license_of(-1);
    std::fs::write(town.path("license.txt"), expired).expect("writes");
    town.start();
    let status = town.until("ready again", 30, |status| is_ready(status) && is_protected(status));
    let barred = status["barred"].to_string();
    assert!(barred.contains("licence"), "{status}");
    rustix::process::kill_process(
        rustix::process::Pid::from_child(town.bot.as_ref().expect("runs")),
        rustix::process::Signal::USR2,
    )
    .expect("is told to close");
    town.until("closed by a signal", 20, |status| !holds(status));
}

/// Backtest = paper: live prices, the fills of a backtest.
fn paper_is_the_backtest_of_the_rows_that_it_saw() {
    let town = Town::new("okx", &[]);
    let ended = town.said(&["paper", "--rows", "2", "--json"], "");
    let told: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    assert_eq!(told["equals_backtest"], true, "{ended:?}");
    let place = town.path("results").join(told["run_id"].as_str().expect("a name"));
    let bars = std::fs::read_to_string(place.join("bars.csv")).expect("the rows");
    assert!(bars.lines().count() >= 3, "{bars}");
    assert_eq!(told["digest"], backtest_of(&place), "a backtest of the files alone");
}

/// The digest of a backtest of what a session on paper left.
fn backtest_of(place: &std::path::Path) -> String {
    let read = |name: &str| std::fs::read_to_string(place.join(name)).expect("is there");
    let strategy = engine::parse_strategy(&read("strategy.yaml")).expect("a strategy");
    let paper: Value = serde_json::from_str(&read("paper.json")).expect("JSON");
    let one = &paper["instruments"][0];
    let text = |name: &str| one[name].as_str().expect("a text").to_owned();
    let scale = |name: &str| {
        let decimals = one[name].as_u64().expect("a number");
        market::Scale::new(u8::try_from(decimals).expect("small")).expect("small")
    };
    let instrument = market::Instrument {
        symbol: text("symbol").parse().expect("a symbol"),
        price_scale: scale("price_decimals"),
        lot_scale: scale("size_decimals"),
        currency: text("currency").parse().expect("a currency"),
    };
    let bars = read("bars.csv");
    let bar = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let price = |place: usize| {
            market::Price(instrument.price_scale.parse(cells[place]).expect("a price"))
        };
        let volume = instrument.lot_scale.parse(cells[6]).expect("a size");
        market::Bar {
            open_time: cells[0].parse().expect("a time"),
            open: price(2),
            high: price(3),
            low: price(4),
            close: price(5),
            volume: market::Quantity(volume.unsigned_abs()),
        }
    };
    let all: Vec<market::Bar> = bars.lines().skip(1).map(bar).collect();
    let size = market::BarSize::MINUTE;
    let series = market::BarSeries::from_bars(instrument.clone(), size, all).expect("in order");
    let outcome = engine::backtest(&strategy, &[series], &mut engine::Unwatched).expect("runs");
    outcome.digest.to_string()
}

/// Each of these waits for minutes of its market to end and hardly computes: together they wait once.
#[test]
fn bots_live_die_and_go_on_at_every_venue_and_on_paper() {
    let lives: [(&str, fn()); 8] = [
        ("bybit", || a_life_and_the_next("bybit")),
        ("binance", || a_life_and_the_next("binance")),
        ("okx", || a_life_and_the_next("okx")),
        ("binance, spot", || a_life_on_spot("binance", Closer::Bot)),
        ("bybit, spot", || a_life_on_spot("bybit", Closer::Command)),
        ("okx, spot", || a_life_on_spot("okx", Closer::Command)),
        ("an expired licence", an_expired_licence_manages_what_is_open),
        ("paper", paper_is_the_backtest_of_the_rows_that_it_saw),
    ];
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let begin = |(name, life): (&'static str, fn())| {
            let thread = std::thread::Builder::new().name(name.to_owned());
            (name, thread.spawn_scoped(scope, life).expect("a thread"))
        };
        let lives = lives.map(begin);
        lives.into_iter().filter_map(|(name, life)| life.join().err().map(|_| name)).collect()
    });
    assert!(failed.is_empty(), "{failed:?}; each said why above");
}

/// M60: a key that may withdraw is refused before anything is sent.
#[test]
fn a_key_that_may_withdraw_is_refused() {
    let mut town = Town::new("bybit", &["--key-scope", "withdraw"]);
    town.start();
    assert_eq!(town.wait(), 1);
    let log = town.log();
    assert!(log.contains("may withdraw"), "{log}");
}

/// M61: a key that works from anywhere is warned of.
#[test]
fn a_key_that_works_from_anywhere_is_warned_of() {
    let mut town = Town::new("okx", &["--key-scope", "no-ip"]);
    town.start();
    town.until("ready", 30, is_ready);
    let log = town.log();
    assert!(log.contains("works from any address"), "{log}");
}
