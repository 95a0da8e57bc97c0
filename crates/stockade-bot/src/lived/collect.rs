//! What the lives of a bot did, gathered while they are made again.

use super::bars::Bars;
use crate::run::{Began, Plan, STALE_NANOS, Seen, barrier_of, instruments};
use anyhow::{Context, bail};
use engine::{
    Blotter,
    diff::{Executed, HeldBack, Life, Lived, Quiet, Sent, Silence},
    feed::{BuiltRow, RowBuilder},
    live::{Barrier, ClientId, Epoch, FillReport, Intent, Kill, Record, Role, TradeId},
    order::{Limit, Reason, Refusal},
    ticks::Block,
};
use market::{Bar, BarSize, Money, Roster, Timestamp};
use portfolio::InstrumentId;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
};

/// Orders and executions of one session.
const ORDERS_MAX: usize = 1_000_000;
/// Orders that were not sent, and silences: the first ones are kept.
const KEPT_MAX: usize = 100_000;
/// Remarks.
const NOTES_MAX: usize = 100;

/// All that is known of a session.
pub struct Collected {
    /// What was to be done, as the first life had it.
    pub plan: Plan,
    /// What was traded.
    pub roster: Roster,
    /// What was done.
    pub lived: Lived,
    /// Lots held at the end.
    pub held: Vec<(InstrumentId, i64)>,
    /// The first row on which the bot could decide.
    pub since: Timestamp,
    /// Rows in the table.
    pub rows: u64,
    /// The digest of the table.
    pub digest: String,
    /// What is to be known of it.
    pub notes: Vec<String>,
}

/// Gathers.
pub(super) struct Collector {
    bars: Bars,
    setting: Option<(Plan, Roster)>,
    lived: Lived,
    orders: BTreeMap<ClientId, Sent>,
    /// Stops inside entries, which the venue has not told of as orders yet.
    inside: BTreeMap<ClientId, Intent>,
    refusals: BTreeMap<ClientId, String>,
    trades: BTreeSet<(InstrumentId, TradeId)>,
    held: Vec<(InstrumentId, i64)>,
    /// When the first life began.
    born: Timestamp,
    since: Option<Timestamp>,
    /// The rows of this life by the kernel's number.
    rows: Vec<Timestamp>,
    /// The last row on which a bot could decide, and whether it was in this life.
    heard: Option<Timestamp>,
    is_fresh: bool,
    /// Entries that were not sent, whose row is not known yet.
    here: BTreeMap<(Timestamp, InstrumentId), VecDeque<Barrier>>,
    blotter: Blotter,
    /// When the kill switch was pulled, or let go.
    kills: Vec<(Timestamp, Kill)>,
    left_out: u64,
    notes: Vec<String>,
}

impl Collector {
    /// Writes rows to `table`.
    pub(super) fn new(table: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            bars: Bars::create(table)?,
            setting: None,
            lived: Lived::default(),
            orders: BTreeMap::new(),
            inside: BTreeMap::new(),
            refusals: BTreeMap::new(),
            trades: BTreeSet::new(),
            held: Vec::new(),
            born: Timestamp::from_nanos(i64::MIN),
            since: None,
            rows: Vec::new(),
            heard: None,
            is_fresh: true,
            here: BTreeMap::new(),
            blotter: Blotter::default(),
            kills: Vec::new(),
            left_out: 0,
            notes: Vec::new(),
        })
    }

    /// A remark.
    pub(super) fn note(&mut self, text: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(text);
        }
    }

    /// Takes what a life shows.
    pub(super) fn see(&mut self, seen: &Seen<'_>) -> anyhow::Result<()> {
        match seen {
            Seen::Began(began) => self.began(began),
            Seen::Input { now, rows, refused } => {
                if let Some(life) = self.lived.lives.last_mut() {
                    life.until = *now;
                }
                for (id, barrier) in &refused.here {
                    self.here.entry((*now, *id)).or_default().push_back(*barrier);
                }
                self.refusals.extend(refused.there.iter().cloned());
                rows.iter().try_for_each(|row| self.row(row, *now))
            }
            Seen::Again(bytes) | Seen::Recorded(bytes) => self.record(bytes),
            Seen::Ticks(blocks) => self.ticks(blocks),
            Seen::Ended { booked, held } => {
                if let Some(life) = self.lived.lives.last_mut() {
                    life.booked = *booked;
                }
                self.held.clone_from(held);
                Ok(())
            }
        }
    }

    fn began(&mut self, began: &Began<'_>) -> anyhow::Result<()> {
        let cash = Money::parse(&began.head.cash)?;
        match &self.setting {
            None => {
                self.setting = Some((began.plan.clone(), began.roster.clone()));
                self.born = began.now;
                self.lived.carried = began.lots.to_vec();
            }
            Some((_, roster)) if roster.all() != began.roster.all() => bail!(
                "the venue changed the terms of an instrument before the life of {}: export from there on \
                 with `--since {0}`",
                began.now
            ),
            Some(_) => {}
        }
        // The journal has what a recording lost with its process.
        for record in &began.past.records {
            self.record(record)?;
        }
        let (now, until) = (began.now, began.now);
        self.lived.lives.push(Life { began: now, until, cash, booked: cash });
        self.kills.push((began.now, began.kill));
        self.rows.clear();
        self.here.clear();
        self.blotter = Blotter::default();
        self.is_fresh = true;
        for row in began.warm {
            self.rows.push(row.time);
            self.write(row.time, &row.bars)?;
        }
        Ok(())
    }

    /// A row that nobody told before goes into the table.
    fn write(&mut self, time: Timestamp, bars: &[Option<Bar>]) -> anyhow::Result<()> {
        if self.bars.last.is_some_and(|last| time <= last) {
            return Ok(());
        }
        let (plan, roster) = self.setting.as_ref().context("a session")?;
        let (size, instruments) = (plan.size, instruments(roster));
        let next = self.bars.last.map(|last| later(last, size, 1));
        // Within a life a row of which nothing came is none; between two lives nobody was there to hear.
        let is_between = self.is_fresh && self.heard.is_some();
        if let Some(next) = next.filter(|next| is_between && time > *next) {
            self.note(format!(
                "no bars from {next} to {}: the bot was down, and its history begins later",
                later(time, size, -1)
            ));
        }
        self.bars.row(time, &instruments, bars)
    }

    fn row(&mut self, row: &BuiltRow, now: Timestamp) -> anyhow::Result<()> {
        self.rows.push(row.time);
        self.write(row.time, &row.bars)?;
        let size = self.size()?;
        if std::mem::take(&mut self.is_fresh) {
            if let Some(heard) = self.heard {
                let (first, last) = (later(heard, size, 1), later(row.time, size, -1));
                if first <= last {
                    self.silent(Silence { first, last, because: Quiet::Down });
                }
            }
            self.since.get_or_insert(row.time);
        }
        self.heard = Some(row.time);
        // As the session itself decides it.
        if row.end.nanos().saturating_add(STALE_NANOS) < now.nanos() {
            let (first, last, because) = (row.time, row.time, Quiet::Late);
            self.silent(Silence { first, last, because });
        }
        Ok(())
    }

    fn silent(&mut self, silence: Silence) {
        let before = self.lived.silences.last_mut();
        if let Some(before) = before.filter(|one| one.because == silence.because) {
            let size = self.setting.as_ref().map(|(plan, _)| plan.size);
            if size.is_some_and(|size| later(before.last, size, 1) >= silence.first) {
                before.last = silence.last;
                return;
            }
        }
        if self.lived.silences.len() < KEPT_MAX {
            self.lived.silences.push(silence);
        } else {
            self.left_out += 1;
        }
    }

    fn size(&self) -> anyhow::Result<BarSize> {
        Ok(self.setting.as_ref().context("a session")?.0.size)
    }

    fn record(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        if self.orders.len() + self.lived.fills.len() > ORDERS_MAX {
            bail!("more than {ORDERS_MAX} orders and trades: export a part with `--since TIME`");
        }
        match Record::read(bytes).context("a record is not readable")? {
            Record::Intent(intent) => {
                self.inside.extend(intent.brought().map(|stop| (stop.client, stop)));
                self.sent(&intent)?;
            }
            Record::Bound { client, .. } => self.came_out(client)?,
            Record::Foreign(intent) => self.sent(&Intent { role: Role::Foreign, ..intent })?,
            Record::Fill(fill) => {
                fill.client.map_or(Ok(()), |client| self.came_out(client))?;
                self.fill(&fill)?;
            }
            Record::Ended { client, time } => {
                self.came_out(client)?;
                if let Some(sent) = self.orders.get_mut(&client) {
                    sent.ended.get_or_insert(time);
                }
            }
            Record::Change { client, ticket } => {
                if let Some(sent) = self.orders.get_mut(&client) {
                    sent.asked = ticket.quantity;
                }
            }
            Record::Kill { level, time } => {
                if self.kills.last() != Some(&(time, level)) {
                    self.kills.push((time, level));
                }
            }
            // Funding is paid by positions, not by decisions: it shows as cash between lives.
            // What became of a stop that was taken back, its end says.
            Record::Boot { .. }
            | Record::Funding(_)
            | Record::Doubt { .. }
            | Record::Cancel { .. } => {}
        }
        Ok(())
    }

    /// The venue made an order of a stop inside an entry.
    fn came_out(&mut self, client: ClientId) -> anyhow::Result<()> {
        self.inside.remove(&client).map_or(Ok(()), |stop| self.sent(&stop))
    }

    fn sent(&mut self, intent: &Intent) -> anyhow::Result<()> {
        if self.orders.contains_key(&intent.client) {
            return Ok(());
        }
        let ticket = intent.order.ticket;
        let size = self.size()?;
        let decided = match intent.role {
            Role::Kernel => self.rows.get(intent.order.row as usize).copied(),
            Role::Stop | Role::Close | Role::Foreign => None,
        };
        let sent = Sent {
            name: intent.client,
            role: intent.role,
            instrument: ticket.instrument,
            side: ticket.side,
            asked: ticket.quantity,
            row: decided.unwrap_or_else(|| closed(intent.time, size)),
            time: intent.time,
            ended: None,
            refusal: None,
        };
        self.orders.insert(intent.client, sent);
        Ok(())
    }

    fn fill(&mut self, fill: &FillReport) -> anyhow::Result<()> {
        if fill.time < self.born || !self.trades.insert((fill.instrument, fill.trade)) {
            return Ok(());
        }
        let (_, roster) = self.setting.as_ref().context("a session")?;
        let one = roster.at(fill.instrument.index()).context("a trade of no instrument here")?;
        let home = one.listing.instrument.currency;
        let in_kind = fill.paid_in_kind(one.base, &one.listing);
        let (fee, other) = match fill.fee_currency {
            Some(paid) if paid != home => (Money::ZERO, Some(paid).filter(|_| in_kind.is_none())),
            _ => (fill.fee, None),
        };
        let worth = in_kind.map(|sale| worth(one, &sale)).transpose()?;
        let sale = in_kind.zip(worth).map(|(sale, fee)| self.executed(&sale, fee));
        let trade = self.executed(fill, fee);
        self.lived.fills.extend([Some(trade), sale].into_iter().flatten());
        if let Some(paid) = other {
            let text =
                format!("fees of {} {paid} are counted nowhere: trade {}", fill.fee, fill.trade);
            self.note(text);
        }
        Ok(())
    }

    fn executed(&mut self, fill: &FillReport, fee: Money) -> Executed {
        let role = fill.client.as_ref().and_then(Epoch::role_of);
        if let Some((name, role)) = fill.client.zip(role) {
            let size = self.setting.as_ref().map_or(BarSize::MINUTE, |(plan, _)| plan.size);
            // An order of a former life whose intent is in no journal any more.
            self.orders.entry(name).or_insert_with(|| Sent {
                name,
                role,
                instrument: fill.instrument,
                side: fill.side,
                asked: fill.quantity,
                row: closed(fill.time, size),
                time: fill.time,
                ended: None,
                refusal: None,
            });
        }
        Executed {
            trade: fill.trade,
            order: fill.client.filter(|client| self.orders.contains_key(client)),
            cause: fill.cause,
            instrument: fill.instrument,
            side: fill.side,
            price: fill.price,
            quantity: fill.quantity,
            fee,
            time: fill.time,
        }
    }

    fn ticks(&mut self, blocks: &[Block]) -> anyhow::Result<()> {
        for block in blocks {
            self.blotter.add(block)?;
            for (_, refusal) in std::mem::take(&mut self.blotter.refusals) {
                self.refused(&refusal);
            }
            self.blotter.forget();
        }
        Ok(())
    }

    /// What the kernel was told to be refused: by its gate, or here. What the venue refuses was sent.
    fn refused(&mut self, refusal: &Refusal) {
        let Refusal { time, instrument, side, quantity, reason, .. } = *refusal;
        let why = if refusal.order.is_none() {
            self.gate(time, &reason)
        } else {
            let barrier = self.here.get_mut(&(time, instrument)).and_then(VecDeque::pop_front);
            let Some(barrier) = barrier else { return };
            barrier_of(barrier).to_owned()
        };
        let Some(row) = self.rows.get(refusal.row as usize).copied() else { return };
        if self.lived.held_back.len() < KEPT_MAX {
            self.lived.held_back.push(HeldBack { row, instrument, side, quantity, why });
        } else {
            self.left_out += 1;
        }
    }

    /// What the kernel's gate says. The kill switch closes the gate too.
    fn gate(&self, time: Timestamp, reason: &Reason) -> String {
        let is_state = matches!(reason, Reason::Limit(breach) if breach.limit == Limit::State);
        let level = self.kills.iter().rev().find(|(at, _)| *at <= time);
        let is_pulled = level.is_some_and(|(_, level)| *level != Kill::Off);
        if is_state && is_pulled {
            return barrier_of(Barrier::Killed).to_owned();
        }
        reason.to_string()
    }

    /// All of it.
    pub(super) fn finish(mut self) -> anyhow::Result<Collected> {
        let (plan, roster) = self.setting.context("nothing came in, in any of these recordings")?;
        let since =
            self.since.context("no row closed in any of these recordings: nothing was decided")?;
        let traded: BTreeSet<ClientId> =
            self.lived.fills.iter().filter_map(|fill| fill.order).collect();
        let mut orders: Vec<Sent> = self.orders.into_values().collect();
        orders.retain(|sent| sent.time >= self.born || traded.contains(&sent.name));
        orders.sort_by_key(|sent| (sent.time, sent.name));
        for sent in &mut orders {
            sent.refusal = self.refusals.remove(&sent.name);
        }
        self.lived.orders = orders;
        if self.left_out > 0 {
            let text = format!("{} more that were held back, or late, are left out", self.left_out);
            self.notes.push(text);
        }
        let (rows, notes) = (self.bars.rows, self.notes);
        let (digest, lived, held) = (self.bars.finish()?, self.lived, self.held);
        Ok(Collected { plan, roster, lived, held, since, rows, digest, notes })
    }
}

/// |price × lots|.
fn worth(one: &market::Traded, fill: &FillReport) -> anyhow::Result<Money> {
    let contract = portfolio::Contract::listed(&one.listing)?;
    let lots = i64::try_from(fill.quantity.0).unwrap_or(i64::MAX);
    Ok(contract.value(fill.price, lots)?.magnitude()?)
}

/// So many rows later.
fn later(time: Timestamp, size: BarSize, rows: i64) -> Timestamp {
    let by = size.nanos().saturating_mul(rows);
    Timestamp::from_nanos(time.nanos().saturating_add(by))
}

/// The latest row that has closed by then.
fn closed(time: Timestamp, size: BarSize) -> Timestamp {
    let open = RowBuilder::begin(size, time);
    RowBuilder::begin(size, Timestamp::from_nanos(open.nanos().saturating_sub(1)))
}
