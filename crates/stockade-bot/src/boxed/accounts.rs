//! The accounts of a box, and what the simulated exchange does not say by itself.

use anyhow::Context;
use engine::{
    MarketEvent,
    live::{
        Answer, Balance, Book, Call, FillReport, KeyScope, Mode, OrderReport, OrderState,
        PositionReport, TradeId, Triggered, VenueId, Word,
    },
    order::OrderKind,
    venue::{Account, AccountSetup},
};
use market::{Money, Product, Quantity, Rate, Roster, Timestamp, Traded, VenueName};
use portfolio::{AccountTerms, InstrumentId, Leg, MarginTiers, PositionMode};
use std::collections::{BTreeMap, BTreeSet};

/// Orders that woke, as many as are remembered of an account.
const WOKEN_MAX: usize = 10_000;
/// Trades that a venue shows to one question, of all its pages: Binance's largest.
const TRADES_MAX: usize = 1_000;

/// What every account of a box begins with.
#[derive(Debug, Clone)]
pub struct Opening {
    /// How the venue fills, and what it takes.
    pub terms: engine::exchange::Terms,
    /// Cash at the start.
    pub cash: Money,
    /// One position an instrument, or two.
    pub mode: Mode,
}

/// One account, what its conditional orders were before they woke, and what its streams know.
#[derive(Debug)]
struct Desk {
    account: Account,
    woken: BTreeMap<VenueId, OrderReport>,
    /// Orders that work and of which something was told.
    told: BTreeSet<VenueId>,
    /// Holdings as they were told last.
    shown: Vec<Balance>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Accounts {
    desks: Vec<Desk>,
    roster: Roster,
    product: Product,
}

impl Accounts {
    /// One for each scope.
    pub(super) fn new(
        roster: &Roster,
        (venue, product): (VenueName, Product),
        opening: &Opening,
        scopes: &[KeyScope],
    ) -> anyhow::Result<Self> {
        let listings: Vec<_> = roster.all().iter().map(|one| one.listing.clone()).collect();
        let currency =
            listings.first().map_or(market::Currency::USDT, |one| one.instrument.currency);
        let mut account = AccountTerms::cash(currency, opening.cash);
        if product == Product::Perpetual {
            account.margin = margin(roster)?;
        }
        if opening.mode == Mode::Hedge {
            account.mode = PositionMode::Hedged;
        }
        let open = |(place, scope): (u64, &KeyScope)| -> anyhow::Result<Desk> {
            let mut terms = opening.terms;
            terms.seed ^= place;
            let setup = AccountSetup {
                terms,
                account: account.clone(),
                listings: listings.clone(),
                scope: *scope,
                holds: venues::stop_holds(venue, product),
            };
            Ok(Desk {
                account: Account::new(setup)?,
                woken: BTreeMap::new(),
                told: BTreeSet::new(),
                shown: Vec::new(),
            })
        };
        let desks = (0..).zip(scopes).map(open).collect::<anyhow::Result<_>>()?;
        Ok(Self { desks, roster: roster.clone(), product })
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        self.desks.iter().filter_map(|desk| desk.account.deadline()).min()
    }

    pub(super) fn market(&mut self, event: &MarketEvent) -> anyhow::Result<()> {
        self.desks.iter_mut().try_for_each(|desk| Ok(desk.account.market(event)?))
    }

    pub(super) fn tick(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let due = self
            .desks
            .iter_mut()
            .filter(|desk| desk.account.deadline().is_some_and(|at| at <= now));
        due.into_iter().try_for_each(|desk| Ok(desk.account.tick(now)?))
    }

    /// Orders that work.
    pub(super) fn working(&mut self, account: usize) -> Vec<OrderReport> {
        let desk = self.desks.get_mut(account);
        let all = Call::OpenOrders(None, Book::Both);
        match desk.map(|desk| desk.account.call(&all, Timestamp::from_nanos(0))) {
            Some(Ok(Answer::Orders(orders))) => orders,
            _ => Vec::new(),
        }
    }

    /// What comes of a call.
    pub(super) fn call(
        &mut self,
        account: usize,
        call: &Call,
        now: Timestamp,
    ) -> anyhow::Result<Answer> {
        let spot = self.product == Product::Spot;
        let desk = self.desks.get_mut(account).context("a key of no account")?;
        if matches!(call, Call::ListenKey) {
            return Ok(Answer::ListenKey(venues::binance::listen_key(account)));
        }
        if let Call::Fills { instrument, since, after } = call {
            return desk.trades((*instrument, *since), *after, now);
        }
        let answer = desk.account.call(call, now)?;
        Ok(match (call, answer) {
            (Call::Order(order), Answer::Order(report)) if order.conditional => desk.before(report),
            (Call::Balances, Answer::Balances(mut all)) if spot => {
                all.extend(desk.coins(&self.roster)?);
                Answer::Balances(all)
            }
            (_, answer) => answer,
        })
    }

    /// What the private streams are to tell, as this venue tells it.
    pub(super) fn words(&mut self, venue: VenueName, now: Timestamp) -> Vec<(usize, Word)> {
        let mut out = Vec::new();
        for (account, desk) in self.desks.iter_mut().enumerate() {
            let said: Vec<Word> = desk.account.words().collect();
            let traded: Vec<FillReport> = said.iter().filter_map(traded).collect();
            let orders = said.iter().any(|word| matches!(word, Word::Order(_)));
            let is_paid = said.iter().any(|word| matches!(word, Word::Funding(_)));
            let words = desk.as_told(said, venue);
            out.extend(words.into_iter().map(|word| (account, word)));
            let tells = orders && tells_of_orders(venue, self.product);
            if !traded.is_empty() || is_paid || tells {
                let holdings = desk.holdings((&self.roster, self.product), now);
                out.extend(holdings.into_iter().map(|word| (account, word)));
            }
            if self.product == Product::Perpetual {
                let positions = desk.positions(&traded, now);
                out.extend(positions.into_iter().map(|word| (account, word)));
            }
        }
        out
    }
}

impl Desk {
    /// Coins of a spot account.
    fn coins(&self, roster: &Roster) -> anyhow::Result<Vec<Balance>> {
        let mut coins = Vec::new();
        for (id, one) in (0..).map(InstrumentId).zip(roster.all()) {
            let lots = u64::try_from(self.account.ledger().held(id, Leg::Net)).unwrap_or(0);
            let promised = self.account.promised(id).0;
            if lots > 0 {
                let available = coins_of(one, Quantity(lots.saturating_sub(promised)))?;
                coins.push(Balance {
                    currency: one.base,
                    total: coins_of(one, Quantity(lots))?,
                    available,
                });
            }
        }
        Ok(coins)
    }

    /// A conditional order that is none any more, as it was.
    fn before(&self, report: OrderReport) -> Answer {
        let known = report.venue.and_then(|id| Some((id, self.woken.get(&id)?)));
        match known {
            Some((id, was)) if is_plain(report.kind) => {
                let state = OrderState::Triggered;
                Answer::Woken(OrderReport { state, filled: report.filled, ..*was }, id)
            }
            _ => Answer::Order(report),
        }
    }

    /// A venue that tells a trade with its order does not tell of the order before.
    fn as_told(&mut self, said: Vec<Word>, venue: VenueName) -> Vec<Word> {
        let mut out = Vec::with_capacity(said.len());
        let mut said = said.into_iter().peekable();
        while let Some(word) = said.next() {
            if let Word::Order(order) = &word {
                let woke = order.state == OrderState::Triggered;
                if woke
                    && let Some(triggered) = self.wake(order)
                    && venue != VenueName::Bybit
                {
                    out.push(Word::Triggered(triggered));
                    continue;
                }
                let is_news = self.is_news(order);
                let trade = match said.peek() {
                    Some(Word::Fill(fill)) if fill.venue == order.venue => Some(*fill),
                    _ => None,
                };
                if let Some(fill) = trade.filter(|_| venue != VenueName::Bybit) {
                    // What trades on arrival was there before it did.
                    let filled = order.filled.unwrap_or_default().0;
                    let filled = Some(Quantity(filled.saturating_sub(fill.quantity.0)));
                    let before = OrderReport { state: OrderState::Working, filled, ..*order };
                    out.extend(is_news.then_some(Word::Order(before)));
                    continue;
                }
            }
            out.push(word);
        }
        out
    }

    /// Whether nothing was told of an order yet.
    fn is_news(&mut self, order: &OrderReport) -> bool {
        let Some(id) = order.venue else { return true };
        let is_news = self.told.insert(id);
        if order.state.is_final() {
            self.told.remove(&id);
        }
        is_news
    }

    fn wake(&mut self, order: &OrderReport) -> Option<Triggered> {
        let id = order.venue?;
        self.woken.insert(id, *order);
        if self.woken.len() > WOKEN_MAX {
            self.woken.pop_first();
        }
        Some(Triggered { client: order.client, waiting: Some(id), venue: id })
    }

    /// As many trades as a venue shows at once; how its pages are cut is the counter's.
    fn trades(
        &mut self,
        (instrument, since): (InstrumentId, Timestamp),
        mut after: Option<TradeId>,
        now: Timestamp,
    ) -> anyhow::Result<Answer> {
        let mut all = Vec::new();
        loop {
            let call = Call::Fills { instrument, since, after };
            let (fills, more) = match self.account.call(&call, now)? {
                Answer::Fills { fills, more } => (fills, more),
                other => return Ok(other),
            };
            after = fills.last().map(|fill| fill.trade).or(after);
            all.extend(fills);
            if !more || all.len() >= TRADES_MAX {
                all.truncate(TRADES_MAX);
                return Ok(Answer::Fills { fills: all, more });
            }
        }
    }

    /// Holdings, if they are not as they were told last; a coin that is gone is told once more.
    fn holdings(&mut self, (roster, product): (&Roster, Product), now: Timestamp) -> Vec<Word> {
        let mut all = match self.account.call(&Call::Balances, now) {
            Ok(Answer::Balances(all)) => all,
            _ => Vec::new(),
        };
        if product == Product::Spot {
            all.extend(self.coins(roster).unwrap_or_default());
        }
        if all == self.shown {
            return Vec::new();
        }
        let is_gone = |old: &&Balance| !all.iter().any(|one| one.currency == old.currency);
        let gone = self.shown.iter().filter(is_gone);
        let gone = gone.map(|old| Balance { total: Money::ZERO, available: Money::ZERO, ..*old });
        let words = all.iter().copied().chain(gone).map(Word::Balance).collect();
        self.shown = all;
        words
    }

    /// Positions that trades changed.
    fn positions(&mut self, traded: &[FillReport], now: Timestamp) -> Vec<Word> {
        if traded.is_empty() {
            return Vec::new();
        }
        let mut words = Vec::new();
        let held = match self.account.call(&Call::Positions, now) {
            Ok(Answer::Positions(held)) => held,
            _ => Vec::new(),
        };
        let mut changed: Vec<(InstrumentId, Leg)> =
            traded.iter().map(|fill| (fill.instrument, fill.leg)).collect();
        changed.sort_unstable();
        changed.dedup();
        for (instrument, leg) in changed {
            let found = held.iter().find(|one| (one.instrument, one.leg) == (instrument, leg));
            let flat = PositionReport {
                instrument,
                leg,
                lots: 0,
                entry: None,
                liquidation: None,
                leverage: None,
                time: now,
            };
            words.push(Word::Position(found.copied().unwrap_or(flat)));
        }
        words
    }
}

/// Whether the private stream tells of money that orders hold back; Binance's futures tell what is in the
/// wallet alone, and orders do not change that.
const fn tells_of_orders(venue: VenueName, product: Product) -> bool {
    !matches!((venue, product), (VenueName::Binance, Product::Perpetual))
}

const fn is_plain(kind: OrderKind) -> bool {
    matches!(kind, OrderKind::Market | OrderKind::Limit { .. })
}

fn traded(word: &Word) -> Option<FillReport> {
    match word {
        Word::Fill(fill) => Some(*fill),
        _ => None,
    }
}

/// Lots as coins.
fn coins_of(one: &Traded, lots: Quantity) -> anyhow::Result<Money> {
    let scale = one.listing.instrument.lot_scale;
    let units = i64::try_from(lots.0).context("more coins than there are")?;
    Ok(Money::parse(&scale.format(units))?)
}

/// What a position needs: its value by the most leverage, and half of that to be kept.
fn margin(roster: &Roster) -> anyhow::Result<Vec<(InstrumentId, MarginTiers)>> {
    let tiers = |one: &Traded| -> anyhow::Result<MarginTiers> {
        let most = i128::from(one.leverage_max.max(1));
        let initial = Rate(Rate::ONE.0 / most);
        Ok(MarginTiers::flat(initial, Rate(initial.0 / 2))?)
    };
    (0..).map(InstrumentId).zip(roster.all()).map(|(id, one)| Ok((id, tiers(one)?))).collect()
}
