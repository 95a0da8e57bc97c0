//! Laws that hold for any tape and any orders, in every model, with any latency.

use crate::scene::{Scene, listing, ticket};
use engine::{
    exchange::{
        Delay, FeeTerms, Feed, Impact, Latency, Model, Moment, Passed, Queue, Slippage, Terms,
        Triggers,
    },
    order::{Change, Distance, Ending, Order, OrderId, OrderKind, Ticket, TimeInForce, Update},
};
use market::{Money, Quantity, Rate, Side, Timestamp};
use portfolio::{Fill, InstrumentId};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn terms() -> impl Strategy<Value = Terms> {
    let model = prop_oneof![
        Just(Model::NextOpen),
        Just(Model::SameClose),
        Just(Model::Touch),
        Just(Model::Book(Feed::Best)),
        Just(Model::Book(Feed::Depth)),
    ];
    let delay = || {
        prop_oneof![
            Just(Delay::NONE),
            (0u64..40, 0u64..40).prop_map(|(nanos, jitter_nanos)| Delay { nanos, jitter_nanos })
        ]
    };
    let latency = (delay(), delay()).prop_map(|(entry, response)| Latency { entry, response });
    let impact = prop_oneof![
        Just(Impact::None),
        Just(Impact::Ticks(1)),
        Just(Impact::Spread(Rate(500_000_000_000))),
        Just(Impact::VolumeShare(Rate(10_000_000_000))),
    ];
    let noise = prop_oneof![Just(Rate::ZERO), Just(Rate(20_000_000_000))];
    let triggers =
        prop_oneof![Just(Triggers::Print), Just(Triggers::Quote), Just(Triggers::Either)];
    let passed =
        prop_oneof![Just(Passed::Refuse), Just(Passed::Trigger), Just(Passed::RefuseEntries)];
    let queue = prop_oneof![Just(Queue::Behind), Just(Queue::Even)];
    let protection = prop::option::of((0u64..10).prop_map(Distance::Ticks));
    let participation = prop::option::of(Just(Rate(100_000_000_000)));
    let how = (triggers, passed, queue, protection, participation, any::<u64>());
    (model, latency, impact, noise, how).prop_map(|(model, latency, impact, noise, how)| {
        let (triggers, passed, queue, protection, participation, seed) = how;
        Terms {
            fees: FeeTerms::new(Rate(-50_000_000), Rate(1_000_000_000)),
            slippage: Slippage { impact, noise },
            latency,
            triggers,
            passed,
            queue,
            protection,
            participation,
            seed,
            ..Terms::of(model)
        }
    })
}

fn order() -> impl Strategy<Value = String> {
    let price = || 85i64..115;
    let kind = prop_oneof![
        Just("market".to_owned()),
        price().prop_map(|p| format!("limit {p}")),
        price().prop_map(|p| format!("stop {p}")),
        (price(), price()).prop_map(|(t, p)| format!("stop {t} limit {p}")),
        price().prop_map(|p| format!("touched {p}")),
        (price(), price()).prop_map(|(t, p)| format!("touched {t} limit {p}")),
        (1i64..9).prop_map(|d| format!("trail {d}")),
        (1i64..9, price()).prop_map(|(d, p)| format!("trail {d} from {p}")),
    ];
    let tif = prop_oneof![
        4 => Just(String::new()),
        1 => Just(" ioc".to_owned()),
        1 => Just(" fok".to_owned()),
        1 => (0i64..600).prop_map(|t| format!(" gtd {t}")),
    ];
    let extra = prop::sample::subsequence(vec![" post", " reduce", " show 3", " shrink"], 0..=2);
    let group =
        prop_oneof![3 => Just(String::new()), 1 => (1i64..4).prop_map(|g| format!(" group {g}"))];
    let side = prop_oneof![Just("buy"), Just("sell")];
    (side, 1u64..40, kind, tif, (extra, group)).prop_map(
        |(side, lots, kind, tif, (extra, group))| {
            format!("{side} {lots} {kind}{tif}{}{group}", extra.concat())
        },
    )
}

fn step() -> impl Strategy<Value = String> {
    let price = || 85i64..115;
    let bar =
        (price(), price(), 0i64..6, 0i64..6, 0i64..400).prop_map(|(open, close, up, down, v)| {
            let (high, low) = (open.max(close) + up, open.min(close) - down);
            format!("bar {open} {high} {low} {close} {v}; decided")
        });
    let by = prop_oneof![Just(""), Just(" by buyer"), Just(" by seller")];
    prop_oneof![
        5 => order(),
        1 => (1u64..40).prop_map(|id| format!("cancel {id}")),
        1 => (1u64..40, 0u64..40).prop_map(|(id, size)| format!("amend {id} size {size}")),
        1 => (1u64..40, price()).prop_map(|(id, p)| format!("amend {id} price {p}")),
        1 => (1u64..40, price()).prop_map(|(id, p)| format!("amend {id} trigger {p}")),
        1 => (0i64..30).prop_map(|nanos| format!("pass {nanos}")),
        4 => bar,
        4 => (price(), -1i64..5, 0u64..30, 0u64..30)
            .prop_map(|(bid, spread, b, a)| format!("quote {bid} {} {b} {a}", bid + spread)),
        3 => (price(), 1u64..30, by).prop_map(|(p, s, by)| format!("print {p} {s}{by}")),
        3 => (price(), 0u64..30).prop_map(|(p, s)| format!("bid {p} {s}")),
        3 => (price(), 0u64..30).prop_map(|(p, s)| format!("ask {p} {s}")),
        1 => prop_oneof![Just("halt".to_owned()), Just("trade".to_owned())],
    ]
}

/// Bars move a bar model, ticks a tick model: the others would only pass time.
fn fits(step: &str, model: Model) -> bool {
    let tick = ["quote", "print", "bid", "ask"].iter().any(|word| step.starts_with(word));
    if model.reads_bars() { !tick } else { !step.starts_with("bar") }
}

/// What is known of an order from its updates alone.
#[derive(Default)]
struct Life {
    filled: u64,
    ended: bool,
}

fn follow(
    scene: &Scene,
    tickets: &BTreeMap<u64, Ticket>,
) -> Result<BTreeMap<u64, Life>, TestCaseError> {
    let mut lives: BTreeMap<u64, Life> = BTreeMap::new();
    let mut sizes: BTreeMap<u64, u64> =
        tickets.iter().map(|(id, ticket)| (*id, ticket.quantity.0)).collect();
    let mut before = Timestamp::from_nanos(i64::MIN);
    for update in &scene.books.updates {
        let id = update.order.0;
        prop_assert!(update.time >= before, "time goes back");
        before = update.time;
        let life = lives.entry(id).or_default();
        if let Change::Unchanged { .. } = update.change {
            continue;
        }
        let ticket = tickets.get(&id);
        prop_assert!(ticket.is_some(), "no such order was sent: {id}");
        prop_assert!(!life.ended, "{id} lives on after its end: {update:?}");
        match update.change {
            Change::Amended { quantity } => {
                sizes.insert(id, quantity.0);
            }
            Change::Filled(fill) => {
                life.filled += fill.quantity.0;
                prop_assert!(fill.quantity > Quantity::ZERO && life.filled <= sizes[&id]);
                life.ended = life.filled == sizes[&id];
            }
            Change::Ended { rest, why } => {
                life.ended = true;
                let all = life.filled + rest.0;
                // An amendment below what traded ends the order with its old size.
                prop_assert!(all == sizes[&id] || why == Ending::Cancelled, "{update:?}");
            }
            Change::Accepted | Change::Triggered | Change::Unchanged { .. } => {}
        }
    }
    Ok(lives)
}

/// No fill is better than the order's own limit allows, before any amendment.
fn within_limit(fill: &Fill, ticket: &Ticket) -> bool {
    ticket.kind.limit().is_none_or(|limit| match fill.side {
        Side::Buy => fill.price <= limit,
        Side::Sell => fill.price >= limit,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn orders_end_once_and_the_books_balance(
        terms in terms(), steps in prop::collection::vec(step(), 1..60), cash in 10i64..5_000,
    ) {
        let mut scene = Scene::new(&terms, listing(), &cash.to_string());
        let mut tickets = BTreeMap::new();
        let mut amended = Vec::new();
        for step in steps.iter().filter(|step| fits(step, terms.model)) {
            let words: Vec<_> = step.split_whitespace().collect();
            if matches!(words[0], "buy" | "sell") {
                let id = tickets.len() as u64 + 1;
                tickets.insert(id, ticket(InstrumentId(0), &words));
            }
            if words[0] == "amend" {
                amended.push(words[1].parse::<u64>().unwrap());
            }
            scene.play(step);
        }
        scene.play("pass 1000"); // all messages arrive
        let lives = follow(&scene, &tickets)?;
        let working: Vec<u64> =
            scene.exchange.working(InstrumentId(0)).map(|r| r.order.id.0).collect();
        for (id, ticket) in &tickets {
            let ended = lives.get(id).is_some_and(|life| life.ended);
            prop_assert_ne!(ended, working.contains(id), "order {}", id);
            if matches!(ticket.tif, TimeInForce::GoodTill(_)) {
                prop_assert!(ended);
            }
        }
        prop_assert_eq!(scene.exchange.is_idle(InstrumentId(0)), working.is_empty());
        balances(&scene, &tickets, &amended, cash)?;
    }

    #[test]
    fn the_same_seed_gives_the_same_updates(
        terms in terms(), steps in prop::collection::vec(step(), 1..40),
    ) {
        let play = || {
            let mut scene = Scene::new(&terms, listing(), "2000");
            for step in steps.iter().filter(|step| fits(step, terms.model)) {
                scene.play(step);
            }
            scene.books.updates
        };
        prop_assert_eq!(play(), play());
    }

    #[test]
    fn a_cancel_that_is_confirmed_is_the_last_word(
        terms in terms(), first in order(), steps in prop::collection::vec(step(), 1..30),
    ) {
        let mut scene = Scene::new(&terms, listing(), "5000");
        scene.play(&first);
        let half = steps.len() / 2;
        let market = |step: &&String| fits(step, terms.model) && !step.starts_with("amend");
        for step in steps[..half].iter().filter(market) {
            scene.play(step);
        }
        scene.exchange.cancel(OrderId(1), InstrumentId(0), Timestamp::from_nanos(scene.now));
        scene.play("pass 100");
        let so_far = scene.books.updates.len();
        for step in steps[half..].iter().filter(market) {
            scene.play(step);
        }
        let later = &scene.books.updates[so_far..];
        let quiet = |u: &Update| {
            u.order != OrderId(1) || matches!(u.change, Change::Unchanged { .. })
        };
        prop_assert!(later.iter().all(quiet));
    }

    #[test]
    fn skipping_bars_while_idle_changes_nothing(
        steps in prop::collection::vec(prop_oneof![order(), step()], 1..40), seed in any::<u64>(),
    ) {
        let terms = Terms { seed, ..Terms::of(Model::NextOpen) };
        let bars = |step: &&String| fits(step, terms.model);
        let mut told = Vec::new();
        for skips in [false, true] {
            let mut scene = Scene::new(&terms, listing(), "100000");
            for step in steps.iter().filter(bars) {
                let idle = scene.exchange.is_idle(InstrumentId(0));
                if skips && idle && step.starts_with("bar") {
                    let close = step.split_whitespace().nth(4).unwrap();
                    scene.play(&format!("mark {close}; pass 10"));
                } else {
                    scene.play(step);
                }
            }
            told.push(scene.books.updates);
        }
        prop_assert_eq!(&told[0], &told[1]);
    }
}

fn balances(
    scene: &Scene,
    tickets: &BTreeMap<u64, Ticket>,
    amended: &[u64],
    cash: i64,
) -> Result<(), TestCaseError> {
    let (mut lots, mut money) = (0i64, Money::from_whole(cash));
    for update in &scene.books.updates {
        let Change::Filled(fill) = update.change else { continue };
        let ticket = &tickets[&fill.order];
        let signed = fill.side.sign() * i64::try_from(fill.quantity.0).unwrap();
        if ticket.restrictions.has(engine::order::Restrictions::REDUCE_ONLY) {
            prop_assert!(lots.signum() == -fill.side.sign());
            prop_assert!(fill.quantity.0 <= lots.unsigned_abs());
        }
        prop_assert!(amended.contains(&fill.order) || within_limit(&fill, ticket));
        if ticket.restrictions.has(engine::order::Restrictions::POST_ONLY) {
            prop_assert_eq!(fill.liquidity, portfolio::Liquidity::Maker);
        }
        if ticket.tif == TimeInForce::FillOrKill && ticket.kind == OrderKind::Market {
            prop_assert!(fill.price.0 > 0);
        }
        lots += signed;
        let paid = Money(i128::from(fill.side.sign()) * fill.notional.0);
        money = money.minus(paid).unwrap().minus(fill.fee).unwrap();
    }
    prop_assert_eq!(scene.books.ledger.position(InstrumentId(0)).lots, lots);
    prop_assert_eq!(scene.books.ledger.cash(), money);
    Ok(())
}

/// Fill-or-kill: all of it in one moment, or nothing.
#[test]
fn fill_or_kill_is_whole_or_nothing() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let script = (terms(), prop::collection::vec(step(), 1..30), 1u64..60);
    runner
        .run(&script, |(terms, steps, lots)| {
            let mut scene = Scene::new(&terms, listing(), "3000");
            for step in steps.iter().filter(|step| fits(step, terms.model)) {
                scene.play(step);
            }
            let time = Timestamp::from_nanos(scene.now);
            let words = ["buy", &lots.to_string(), "limit", "105", "fok"].map(str::to_owned);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ticket = ticket(InstrumentId(0), &words);
            scene.exchange.submit(Order { id: OrderId(9999), tick: 0, row: 0, time, ticket }, time);
            let at = Moment { time: Timestamp::from_nanos(scene.now + 100), row: 0 };
            scene.exchange.wake(at, &mut scene.books).unwrap();
            let filled: u64 = scene
                .books
                .updates
                .iter()
                .filter(|update| update.order == OrderId(9999))
                .filter_map(|update| match update.change {
                    Change::Filled(fill) => Some(fill.quantity.0),
                    _ => None,
                })
                .sum();
            prop_assert!(filled == 0 || filled == lots, "{} of {}", filled, lots);
            Ok(())
        })
        .unwrap();
}
