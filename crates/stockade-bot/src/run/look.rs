//! A session as a snapshot.

use super::{live::Live, notices::barrier_of, setup::Plan};
use crate::view::{Account, Counts, Links, LogLine, Order, Position, Signal, View};
use engine::{
    Decision, Flags,
    live::{Kill, Permit, Role},
    order::OrderKind,
};
use market::{Money, Price, Roster, Settlement, Side, Timestamp};
use portfolio::InstrumentId;
use std::collections::VecDeque;

/// What a snapshot has besides the session's own state.
#[derive(Debug, Clone)]
pub struct Around<'a> {
    /// When the bot began.
    pub started: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// The licence in words.
    pub licence: &'a str,
    /// How it stands with its server.
    pub server: &'a str,
    /// The latest lines of the log.
    pub log: &'a VecDeque<LogLine>,
    /// Notifications that wait.
    pub notices_waiting: u64,
}

/// A snapshot of a live session.
#[must_use]
pub fn live(live: &Live, plan: &Plan, around: &Around<'_>) -> View {
    let custodian = live.session.custodian();
    let desk = live.session.engine().desk();
    let roster = live.market.roster();
    let mut view = common(plan, around, "live");
    view.ready = custodian.is_ready();
    view.kill = custodian.kill_level().to_string();
    view.barred = barred(live);
    view.links = Links {
        public: live.market.links(),
        private: live.is_private_ready,
        clock_ahead_ms: live.market.ahead_nanos() / 1_000_000,
    };
    view.account = account(desk.ledger());
    view.account.funding = funding(live, roster);
    view.positions = positions(live, roster);
    view.orders = orders(live, roster);
    view.signals = signals(&live.evaluator, desk.ledger(), roster);
    let (journal_last, journal_durable) = live.keeper.progress();
    view.counts = Counts {
        rows: live.rows,
        bars_late: live.market.arrivals().late,
        fills: live.fills,
        calls_open: live.calls.awaited() as u64,
        calls: live.calls.made,
        calls_unknown: live.calls.unknown,
        reconnects: live.market.reconnects,
        journal_last,
        journal_durable,
        load_percent: live.calls.load_percent,
        notices_waiting: around.notices_waiting,
    };
    view
}

/// What does not depend on the session.
pub(super) fn common(plan: &Plan, around: &Around<'_>, world: &str) -> View {
    View {
        name: plan.config.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        venue: plan.config.venue.name.to_string(),
        product: plan.config.venue.product.name().to_owned(),
        world: world.to_owned(),
        strategy: plan.strategy.name.clone(),
        started: around.started.to_string(),
        now: around.now.to_string(),
        server: around.server.to_owned(),
        licence: around.licence.to_owned(),
        log: around.log.iter().cloned().collect(),
        ..View::default()
    }
}

fn barred(live: &Live) -> Vec<String> {
    let custodian = live.session.custodian();
    let mut why = Vec::new();
    if custodian.kill_level() > Kill::Off {
        why.push("the kill switch is pulled".to_owned());
    }
    if custodian.permit() == Permit::ManageOnly {
        why.push("there is no licence to open positions: what is held is managed".to_owned());
    }
    if !custodian.is_ready() {
        why.push("orders and positions are not known for certain".to_owned());
    }
    if let Some(barrier @ engine::live::Barrier::OtherBot) = live.barred {
        why.push(barrier_of(barrier).to_owned());
    }
    why
}

/// Funding of all lives, where there is such a thing.
fn funding(live: &Live, roster: &Roster) -> String {
    let custodian = live.session.custodian();
    let margined = (0..).map(InstrumentId).zip(roster.all());
    let mut margined =
        margined.filter(|(_, one)| one.listing.settlement == Settlement::Margin).peekable();
    if margined.peek().is_none() {
        return String::new();
    }
    let sum = margined.try_fold(Money::ZERO, |sum, (id, _)| sum.plus(custodian.funding(id)));
    sum.map_or_else(|_| "unknown".to_owned(), |sum| sum.to_string())
}

/// An account's money.
pub(super) fn account(ledger: &portfolio::Ledger) -> Account {
    let equity = ledger.equity().ok();
    let shown =
        |amount: Option<Money>| amount.map_or_else(|| "unknown".to_owned(), |a| a.to_string());
    let unrealised = equity.and_then(|equity| equity.minus(ledger.cash()).ok());
    Account {
        currency: ledger.currency().to_string(),
        cash: ledger.cash().to_string(),
        equity: shown(equity),
        unrealised: shown(unrealised),
        funding: String::new(),
    }
}

fn price(roster: &Roster, id: InstrumentId, price: Option<Price>) -> String {
    let one = roster.at(id.index());
    price.zip(one).map_or_else(
        || "unknown".to_owned(),
        |(price, one)| one.listing.instrument.price_scale.format(price.0),
    )
}

fn size(roster: &Roster, id: InstrumentId, lots: u64) -> String {
    let lots = i64::try_from(lots).unwrap_or(i64::MAX);
    let one = roster.at(id.index());
    one.map_or_else(|| lots.to_string(), |one| one.listing.instrument.lot_scale.format(lots))
}

fn symbol(roster: &Roster, id: InstrumentId) -> String {
    roster.at(id.index()).map_or_else(|| id.0.to_string(), |one| one.native.to_string())
}

fn positions(live: &Live, roster: &Roster) -> Vec<Position> {
    let custodian = live.session.custodian();
    let ledger = live.session.engine().desk().ledger();
    let stop_of = |id: InstrumentId| {
        custodian.orders().find_map(|(_, role, order, _)| {
            let is_it = role == Role::Stop && order.ticket.instrument == id;
            let trigger = match order.ticket.kind {
                OrderKind::Stop { trigger } if is_it => trigger,
                _ => return None,
            };
            Some(price(roster, id, Some(trigger)))
        })
    };
    custodian
        .stocks()
        .map(|(id, _, stock)| {
            let latest = ledger.latest(id);
            let profit = stock.entry().zip(latest).and_then(|(entry, latest)| {
                let contract = ledger.contract(id)?;
                let (now, then) = (
                    contract.value(latest, stock.lots).ok()?,
                    contract.value(entry, stock.lots).ok()?,
                );
                now.minus(then).ok()
            });
            Position {
                symbol: symbol(roster, id),
                side: if stock.lots > 0 { "long" } else { "short" }.to_owned(),
                size: size(roster, id, stock.lots.unsigned_abs()),
                entry: price(roster, id, stock.entry()),
                price: price(roster, id, latest),
                profit: profit.map_or_else(|| "unknown".to_owned(), |amount| amount.to_string()),
                stop: stop_of(id),
            }
        })
        .collect()
}

fn orders(live: &Live, roster: &Roster) -> Vec<Order> {
    let custodian = live.session.custodian();
    custodian
        .orders()
        .map(|(client, role, order, counted)| {
            let id = order.ticket.instrument;
            Order {
                name: client.to_string(),
                symbol: symbol(roster, id),
                purpose: purpose(role).to_owned(),
                side: if order.ticket.side == Side::Buy { "buy" } else { "sell" }.to_owned(),
                kind: kind(roster, id, &order.ticket.kind),
                size: size(roster, id, order.ticket.quantity.0),
                traded: size(roster, id, counted),
            }
        })
        .collect()
}

/// What an order is for, in a word.
#[must_use]
pub const fn purpose(role: Role) -> &'static str {
    match role {
        Role::Kernel => "strategy",
        Role::Stop => "stop",
        Role::Close => "close",
        Role::Foreign => "foreign",
    }
}

/// When an order trades, in words.
#[must_use]
pub fn kind(roster: &Roster, id: InstrumentId, kind: &OrderKind) -> String {
    let at = |one: Price| price(roster, id, Some(one));
    match kind {
        OrderKind::Market => "market".to_owned(),
        OrderKind::Limit { price } => format!("limit {}", at(*price)),
        OrderKind::Stop { trigger } => format!("stop {}", at(*trigger)),
        OrderKind::StopLimit { trigger, price } => {
            format!("stop {} limit {}", at(*trigger), at(*price))
        }
        OrderKind::Touched { trigger } => format!("touched {}", at(*trigger)),
        OrderKind::TouchedLimit { trigger, price } => {
            format!("touched {} limit {}", at(*trigger), at(*price))
        }
        OrderKind::Trailing { .. } => "trailing".to_owned(),
    }
}

/// What a ledger holds, where no venue holds it too.
pub(super) fn held(ledger: &portfolio::Ledger, roster: &Roster) -> Vec<Position> {
    let ids = (0..).map(InstrumentId).take(roster.all().len());
    ids.filter_map(|id| {
        let position = ledger.position(id);
        let side = match position.lots {
            0 => return None,
            lots if lots > 0 => "long",
            _ => "short",
        };
        let latest = ledger.latest(id);
        Some(Position {
            symbol: symbol(roster, id),
            side: side.to_owned(),
            size: size(roster, id, position.lots.unsigned_abs()),
            entry: String::new(),
            price: price(roster, id, latest),
            profit: String::new(),
            stop: None,
        })
    })
    .collect()
}

/// What the strategy says on the latest row.
pub(super) fn signals(
    evaluator: &engine::RowEvaluator,
    ledger: &portfolio::Ledger,
    roster: &Roster,
) -> Vec<Signal> {
    let Some(row) = evaluator.taken().checked_sub(1) else { return Vec::new() };
    let values = evaluator.values().row(row);
    let bar = evaluator.last_time().map_or_else(String::new, |time| time.to_string());
    (0..)
        .map(InstrumentId)
        .zip(roster.all())
        .map(|(id, one)| Signal {
            symbol: one.native.to_string(),
            says: says(values, id),
            bar: bar.clone(),
            close: price(roster, id, ledger.latest(id)),
        })
        .collect()
}

/// What a decision says of one instrument.
#[must_use]
pub fn says(values: Decision<'_>, id: InstrumentId) -> String {
    match values {
        Decision::Nothing => "nothing".to_owned(),
        Decision::Signals(flags) => {
            let flags = flags.get(id.index()).copied().unwrap_or(Flags::NONE);
            let words: Vec<&str> = [
                (Flags::LONG, "long"),
                (Flags::EXIT, "exit"),
                (Flags::SHORT, "short"),
                (Flags::COVER, "cover"),
            ]
            .into_iter()
            .filter(|(flag, _)| flags.has(*flag))
            .map(|(_, word)| word)
            .collect();
            if words.is_empty() { "nothing".to_owned() } else { words.join(" ") }
        }
        Decision::Members(all) => {
            let is_in = all.get(id.index()).is_some_and(|value| *value > 0.5);
            if is_in { "in" } else { "out" }.to_owned()
        }
        Decision::Weights(all) => {
            all.get(id.index()).map_or_else(String::new, |weight| format!("weight {weight:.4}"))
        }
    }
}
