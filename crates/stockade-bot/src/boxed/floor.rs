//! The floor of a box: its market, its accounts and both counters, without sockets and without a clock.
//!
//! One caller at a time, and the time is an argument: the same seed, the same calls at the same moments
//! give the same bytes.

use super::{
    accounts::Accounts,
    limits::Limits,
    market::{Market, Page},
};
use engine::{MarketEvent, live::Word};
use feeds::{Ask, PublicCounter, Told, Topic, Wish};
use http::{Request, Response, StatusCode};
use market::{Product, Roster, Timestamp, VenueName};
use std::collections::{BTreeMap, BTreeSet};
use venues::{Asked, Counter, Hearing, KeyRing};

/// Rows on a page of bars where a request names no number.
const PAGE: usize = 500;
const PAGE_MAX: usize = 1_500;
/// Levels of a book where a request names no number, and at most.
const LEVELS_MAX: usize = 5_000;
/// Topics of one connection.
const TOPICS_MAX: usize = 1_024;

/// The number of a connection.
pub type LineId = u64;

/// The two ends of a venue's protocol.
pub(super) struct Ends {
    pub(super) venue: VenueName,
    pub(super) product: Product,
    pub(super) signed: Box<dyn Counter>,
    pub(super) public: Box<dyn PublicCounter>,
}

impl Ends {
    pub(super) fn of(venue: VenueName, product: Product) -> Self {
        let (signed, public): (Box<dyn Counter>, Box<dyn PublicCounter>) = match venue {
            VenueName::Binance => (
                Box::new(venues::binance::Counter::new(product)),
                Box::new(feeds::binance::Counter::new(product)),
            ),
            VenueName::Bybit => (
                Box::new(venues::bybit::Counter::new(product)),
                Box::new(feeds::bybit::Counter::new(product)),
            ),
            VenueName::Okx => {
                (Box::new(venues::okx::Counter), Box::new(feeds::okx::Counter::new()))
            }
        };
        Self { venue, product, signed, public }
    }
}

/// One connection that became a stream.
struct Line {
    private: Option<Box<dyn Hearing>>,
    /// Whether public topics can be asked for on it.
    is_public: bool,
    topics: BTreeSet<Topic>,
    account: Option<usize>,
}

/// Everything that a box is.
pub(super) struct Floor {
    ends: Ends,
    roster: Roster,
    keys: KeyRing,
    market: Market,
    accounts: Accounts,
    limits: Limits,
    lines: BTreeMap<LineId, Line>,
    opened: LineId,
    /// What is to be sent, and to whom.
    outbox: Vec<(LineId, String)>,
}

impl Floor {
    pub(super) fn new(
        ends: Ends,
        (roster, market): (Roster, Market),
        (keys, accounts): (KeyRing, Accounts),
        limits: Limits,
    ) -> Self {
        let (lines, outbox) = (BTreeMap::new(), Vec::new());
        Self { ends, roster, keys, market, accounts, limits, lines, opened: 0, outbox }
    }

    /// When to call [`Floor::advance`] if nobody asks first.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        [self.market.deadline(), self.accounts.deadline()].into_iter().flatten().min()
    }

    /// What is to be sent since this was last asked.
    pub(super) fn sent(&mut self) -> std::vec::Drain<'_, (LineId, String)> {
        self.outbox.drain(..)
    }

    /// The market goes on up to `now`, and everybody hears of it.
    pub(super) fn advance(&mut self, now: Timestamp) -> anyhow::Result<()> {
        let mut events = Vec::new();
        self.market.advance(now, &mut events)?;
        for event in &events {
            self.accounts.market(event)?;
            self.tell(event);
            self.hear_accounts(event.time);
        }
        self.accounts.tick(now)?;
        self.hear_accounts(now);
        Ok(())
    }

    /// The answer to a request.
    pub(super) fn request(
        &mut self,
        request: &Request<Vec<u8>>,
        now: Timestamp,
    ) -> anyhow::Result<Response<Vec<u8>>> {
        self.advance(now)?;
        if let Some(refused) = self.limits.arrived(request, now) {
            return Ok(refused);
        }
        if let Some(asked) = self.ends.public.asked(request, &self.roster) {
            let mut response = match asked {
                Ok(ask) => {
                    let told = self.told(&ask, request, now);
                    self.ends.public.respond(&ask, &told, &self.roster, now)
                }
                Err(own) => *own,
            };
            self.limits.say(request, None, now, &mut response);
            return Ok(response);
        }
        match self.ends.signed.asked(request, &self.keys, &self.roster, now) {
            Err(mut own) => {
                self.limits.say(request, None, now, &mut own);
                Ok(*own)
            }
            Ok(asked) => self.signed(request, &asked, now),
        }
    }

    fn signed(
        &mut self,
        request: &Request<Vec<u8>>,
        asked: &Asked,
        now: Timestamp,
    ) -> anyhow::Result<Response<Vec<u8>>> {
        if let Some(refused) = self.limits.known(request, asked.account, now) {
            return Ok(refused);
        }
        let calls = self.ends.signed.calls(request, asked, &self.roster);
        let mut answers = Vec::with_capacity(calls.len());
        for call in &calls {
            answers.push(self.accounts.call(asked.account, call, now)?);
        }
        self.hear_accounts(now);
        let mut response = self.ends.signed.reply(request, asked, &answers, (&self.roster, now));
        self.limits.say(request, Some(asked.account), now, &mut response);
        Ok(response)
    }

    fn told(&self, ask: &Ask, request: &Request<Vec<u8>>, now: Timestamp) -> Told {
        match ask {
            Ask::Time => Told::Time(now),
            Ask::Instruments(product, names) => {
                let all = self.roster.all().iter().filter(|one| one.product == *product);
                let wanted = |one: &&market::Traded| {
                    names.is_empty() || names.iter().any(|name| name == one.native.as_str())
                };
                Told::Instruments(all.filter(wanted).cloned().collect())
            }
            Ask::Bars { instrument, size, from, to } => {
                let most = number(request, "limit").unwrap_or(PAGE).clamp(1, PAGE_MAX);
                // Who names no beginning wants the newest; OKX always answers with the newest.
                let newest = from.nanos() <= 0 || self.ends.venue == VenueName::Okx;
                let page = if newest { Page::Last(most) } else { Page::First(most) };
                Told::Bars(self.market.bars((*instrument, *size), (*from, *to), page))
            }
            Ask::Book(instrument, levels) => {
                let levels = usize::try_from(*levels).unwrap_or(LEVELS_MAX).clamp(1, LEVELS_MAX);
                Told::Book(self.market.book(*instrument, levels))
            }
        }
    }

    /// A connection to this path becomes a stream; [`None`] where the venue has none.
    pub(super) fn open(&mut self, path_and_query: &str) -> Option<LineId> {
        let private = self.ends.signed.hearing(path_and_query);
        let topics = self.ends.public.stream(path_and_query, &self.roster);
        if private.is_none() && topics.is_none() {
            return None;
        }
        self.opened += 1;
        // A path with a key in it is of that account alone.
        let is_public = topics.is_some() && private.as_ref().is_none_or(|p| p.account().is_none());
        let topics = topics.unwrap_or_default().into_iter().take(TOPICS_MAX).collect();
        let line = Line { private, is_public, topics, account: None };
        self.lines.insert(self.opened, line);
        self.meet(self.opened);
        Some(self.opened)
    }

    /// A connection ended.
    pub(super) fn close(&mut self, line: LineId) {
        self.lines.remove(&line);
    }

    /// A client said this.
    pub(super) fn hear(&mut self, id: LineId, text: &str, now: Timestamp) -> anyhow::Result<()> {
        self.advance(now)?;
        let Some(line) = self.lines.get_mut(&id) else { return Ok(()) };
        let mut send = Vec::new();
        let is_public = line.is_public && (line.private.is_none() || text.contains("\"candle"));
        if is_public {
            for (topic, wish) in self.ends.public.hear(text, &self.roster, &mut send) {
                match wish {
                    Wish::Subscribe if line.topics.len() < TOPICS_MAX => {
                        line.topics.insert(topic);
                    }
                    Wish::Subscribe => {}
                    Wish::Unsubscribe => {
                        line.topics.remove(&topic);
                    }
                }
            }
        } else if let Some(private) = &mut line.private {
            private.hear(text, &self.keys, now, &mut send);
        }
        self.outbox.extend(send.into_iter().map(|text| (id, text)));
        self.meet(id);
        Ok(())
    }

    /// A connection that has just said whose it is learns of the account's orders, so that what is told
    /// later of one is told whole; nothing is sent of it.
    fn meet(&mut self, id: LineId) {
        let Some(line) = self.lines.get_mut(&id) else { return };
        let Some(private) = &mut line.private else { return };
        let account = private.account();
        if account == line.account {
            return;
        }
        line.account = account;
        let mut unsaid = Vec::new();
        for report in account.into_iter().flat_map(|account| self.accounts.working(account)) {
            private.tell(&Word::Order(report), &self.roster, report.time, &mut unsaid);
        }
    }

    /// The market's news, to whoever subscribed.
    fn tell(&mut self, event: &MarketEvent) {
        let mut messages = Vec::new();
        self.ends.public.tell(event, &self.roster, &mut messages);
        for (topic, text) in messages {
            let wanted = self.lines.iter().filter(|(_, line)| line.topics.contains(&topic));
            self.outbox.extend(wanted.map(|(id, _)| (*id, text.clone())));
        }
    }

    /// What the accounts have to say, to their own streams.
    fn hear_accounts(&mut self, now: Timestamp) {
        for (account, word) in self.accounts.words(self.ends.venue, now) {
            for (id, line) in &mut self.lines {
                let Some(private) = &mut line.private else { continue };
                if private.account() == Some(account) {
                    let mut send = Vec::new();
                    private.tell(&word, &self.roster, now, &mut send);
                    self.outbox.extend(send.into_iter().map(|text| (*id, text)));
                }
            }
        }
    }

    /// Of which product it is.
    pub(super) const fn product(&self) -> Product {
        self.ends.product
    }
}

/// A number in a query.
fn number(request: &Request<Vec<u8>>, name: &str) -> Option<usize> {
    let query = request.uri().query()?;
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).and_then(|(_, value)| value.parse().ok())
}

/// What a box answers where it fails itself.
pub(super) fn broken() -> Response<Vec<u8>> {
    let mut response = Response::new(b"the box failed; its log says why".to_vec());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
