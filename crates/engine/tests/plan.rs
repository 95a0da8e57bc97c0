//! Plans above single orders, as a specification: what each does after each thing it is told.
#![allow(missing_docs, clippy::indexing_slicing, reason = "tests")]

#[path = "plan/bracket.rs"]
mod bracket;
#[path = "plan/emulator.rs"]
mod emulator;
#[path = "plan/groups.rs"]
mod groups;
#[path = "plan/laws.rs"]
mod laws;
#[path = "plan/twap.rs"]
mod twap;

use engine::order::{Change, Ending, OrderKind, Reason, Restrictions, Ticket, TimeInForce};
use engine::plan::{Input, Key, News, Outcome, Plan, Prices, Step};
use market::{Instrument, Listing, Money, Price, Quantity, Side, Timestamp};
use portfolio::{Fill, InstrumentId, Leg, Liquidity};

const X: InstrumentId = InstrumentId(0);

const fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

const fn buy(lots: u64) -> Ticket {
    Ticket::market(X, Side::Buy, Quantity(lots))
}

const fn sell(lots: u64) -> Ticket {
    Ticket::market(X, Side::Sell, Quantity(lots))
}

const fn limit(price: i64) -> OrderKind {
    OrderKind::Limit { price: Price(price) }
}

const fn stop(trigger: i64) -> OrderKind {
    OrderKind::Stop { trigger: Price(trigger) }
}

fn listing() -> Listing {
    Listing::of(Instrument::share("X".parse().expect("a symbol")))
}

const START: News = News::Start { last: None, held: 0 };

const fn update(key: u32, change: Change) -> News {
    News::Update { key: Key(key), change }
}

const fn accept(key: u32) -> News {
    update(key, Change::Accepted)
}

const fn fill(key: u32, lots: u64) -> News {
    let (quantity, price) = (Quantity(lots), Price(100));
    update(
        key,
        Change::Filled(Fill {
            order: 1,
            row: 0,
            time: at(0),
            instrument: X,
            side: Side::Buy,
            quantity,
            price,
            notional: Money::ZERO,
            fee: Money::ZERO,
            leg: Leg::Net,
            liquidity: Liquidity::Taker,
        }),
    )
}

const fn amended(key: u32, lots: u64) -> News {
    update(key, Change::Amended { quantity: Quantity(lots) })
}

const fn unchanged(key: u32) -> News {
    update(key, Change::Unchanged { why: Reason::UnknownOrder })
}

const fn ended(key: u32, why: Ending) -> News {
    update(key, Change::Ended { rest: Quantity(1), why })
}

const fn cancelled(key: u32) -> News {
    ended(key, Ending::Cancelled)
}

const fn refused(key: u32) -> News {
    ended(key, Ending::Refused(Reason::NotTrading))
}

/// Tells a plan one thing after another, each at its second; after each it must want these steps.
#[track_caller]
fn check(plan: &mut impl Plan, rows: &[(i64, News, &str)]) {
    for (now, news, want) in rows {
        let mut out = Vec::new();
        plan.on(&Input { now: at(*now), news: *news }, &mut out);
        let steps: Vec<String> = out.iter().map(short).collect();
        assert_eq!(steps.join("; "), *want, "at {now} after {news:?}");
    }
}

fn short(step: &Step) -> String {
    match step {
        Step::Submit { key, ticket } => format!("{}: {}", key.0, of(ticket)),
        Step::Cancel(key) => format!("cancel {}", key.0),
        Step::Amend(key, change) => {
            format!("amend {} to {}", key.0, change.quantity.expect("a size").0)
        }
        Step::Timer(time) => format!("timer {}", time.nanos() / 1_000_000_000),
        Step::Done(Outcome::Complete) => "complete".to_owned(),
        Step::Done(Outcome::Incomplete { rest, why }) => {
            let why = match why {
                Ending::Cancelled => "cancelled".to_owned(),
                Ending::Expired => "expired".to_owned(),
                Ending::Refused(reason) => format!("refused, {reason}"),
            };
            format!("{} left: {why}", rest.0)
        }
        Step::Done(Outcome::Unprotected { lots }) => format!("{} unprotected", lots.0),
    }
}

/// `sell 5 stop 90 reduce`.
fn of(ticket: &Ticket) -> String {
    let mut text = format!("{} {} {}", ticket.side, ticket.quantity.0, ticket.kind.name());
    for price in [ticket.kind.trigger(), ticket.kind.limit()].into_iter().flatten() {
        text.push_str(&format!(" {}", price.0));
    }
    if ticket.tif != TimeInForce::GoodTillCancelled {
        text.push_str(&format!(" {}", ticket.tif));
    }
    for (one, name) in [(Restrictions::REDUCE_ONLY, " reduce"), (Restrictions::POST_ONLY, " post")]
    {
        if ticket.restrictions.has(one) {
            text.push_str(name);
        }
    }
    if let Some(shown) = ticket.display {
        text.push_str(&format!(" showing {}", shown.0));
    }
    text
}
