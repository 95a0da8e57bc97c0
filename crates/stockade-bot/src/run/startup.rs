//! The checks before a session begins, in their order, and what they bring home.

use super::{
    calls::{Calls, Whose},
    input::{Arrival, Do, Outbox},
    market::ahead,
    setup::{self, Plan, WarmRow},
    wire::{arrived, of_http},
};
use crate::{
    adapters,
    config::{IpRestriction, Network},
};
use anyhow::{Context, bail};
use engine::{
    RowEvaluator,
    feed::RowBuilder,
    live::{Answer, Call, KeyScope, Mode, Permission},
};
use feeds::{Ask, Source, Told};
use market::{Bar, BarSize, Money, Product, Roster, Timestamp, VenueName};
use portfolio::InstrumentId;
use std::{collections::VecDeque, sync::Arc, time::Duration};
use venues::Client;

/// How long one request of the start may take.
const WITHIN: Duration = Duration::from_secs(15);
/// How often a request of the start is tried.
const TRIES: u32 = 4;
/// Pages of bars for one instrument.
const PAGES_MAX: usize = 200;
/// A clock that differs more than this is worth a warning.
const SKEW_NANOS: i64 = 1_000_000_000;
/// Rows more than the strategy needs, for bars that are missing.
const SPARE_ROWS: i64 = 5;
/// Rows that closed while the bot was down and that are asked for beyond what the strategy needs, so that
/// its recordings have them: one page an instrument at any venue.
const MISSED_MAX: i64 = 1_000;

/// Now, by the machine's clock.
#[must_use]
pub fn machine_time() -> Timestamp {
    let nanos = jiff::Timestamp::now().as_nanosecond();
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// One venue, reached over one client.
pub struct Reached {
    /// What sends.
    pub http: edge::Client,
    /// The public end of its protocol.
    pub source: Arc<dyn Source>,
    /// How far its clock is ahead.
    pub ahead_nanos: i64,
}

/// Makes the client with its list of hosts.
pub fn http(plan: &Plan, more: &edge::Allowed) -> anyhow::Result<edge::Client> {
    let venue = &plan.config.venue;
    let mut allowed = adapters::allowed(venue)?;
    for (origin, reach) in more.origins() {
        allowed.add(origin.clone(), reach);
    }
    let mut trust = edge::Trust::web();
    if let Some(file) = &venue.ca_file {
        trust = trust.and_roots(file)?;
    }
    Ok(edge::Client::new(&allowed, trust, edge::Terms::default())?)
}

impl Reached {
    /// Reaches the venue's public end and compares the clocks.
    pub async fn reach(plan: &Plan, http: edge::Client) -> anyhow::Result<Self> {
        let source = adapters::source(&plan.config.venue);
        let mut reached = Self { http, source, ahead_nanos: 0 };
        let none = Roster::new(Vec::new());
        let sent = machine_time();
        let (told, _) = reached.ask(&Ask::Time, &none).await.context("asking the venue's time")?;
        let Told::Time(time) = told else { bail!("the venue's time is no time") };
        reached.ahead_nanos = ahead(sent, machine_time(), time);
        if reached.ahead_nanos.abs() > SKEW_NANOS {
            let ms = reached.ahead_nanos / 1_000_000;
            tracing::warn!(
                ms,
                "this machine's clock differs from the venue's; the bot goes by the venue's: see `stockade-bot doctor`"
            );
        }
        Ok(reached)
    }

    /// The venue's time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_nanos(machine_time().nanos().saturating_add(self.ahead_nanos))
    }

    /// Asks the public end, a few times if it must be.
    pub async fn ask(&self, ask: &Ask, roster: &Roster) -> anyhow::Result<(Told, Arrival)> {
        let request = self.source.request(ask, roster)?;
        let request = of_http(&request).context("the venue's address is none")?;
        let mut pause = Duration::from_millis(500);
        for tried in 1..=TRIES {
            let arrival = arrived(&self.http, &request, WITHIN).await;
            let failed = match arrival.response() {
                None => anyhow::anyhow!("{} does not answer", self.source.venue()),
                Some(response) => match self.source.answer(ask, &response, roster) {
                    Ok(told) => return Ok((told, arrival)),
                    Err(error) => {
                        if let feeds::Error::Throttled { seconds, .. } = &error {
                            pause = pause.max(Duration::from_secs(u64::from(*seconds).min(60)));
                        }
                        error.into()
                    }
                },
            };
            if tried == TRIES {
                return Err(failed);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        bail!("not reached")
    }

    /// What is traded, and the answer that said so.
    pub async fn roster(&self, plan: &Plan) -> anyhow::Result<(Roster, Arrival)> {
        let ask = Ask::Instruments(plan.config.venue.product, plan.natives());
        let (told, arrival) = self.ask(&ask, &Roster::new(Vec::new())).await?;
        let Told::Instruments(listed) = told else { bail!("the venue's list is none") };
        Ok((plan.roster(&listed)?, arrival))
    }

    /// The rows that the strategy looks back on, and those since the bot was last heard of.
    pub async fn history(
        &self,
        plan: &Plan,
        roster: &Roster,
        (evaluator, heard): (&RowEvaluator, Option<Timestamp>),
    ) -> anyhow::Result<Vec<WarmRow>> {
        let now = self.now();
        let wanted = i64::try_from(Plan::warm_rows(evaluator)).unwrap_or(i64::MAX);
        let missed = heard.map_or(0, |heard| missed_rows(plan.size, (heard, now)));
        let wanted = wanted.max(missed);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let from = RowBuilder::source(plan.size, self.source.sizes()).with_context(|| {
            format!("{} has no bars that make up {}", self.source.venue(), plan.size)
        })?;
        let open = RowBuilder::begin(plan.size, now);
        let span = (wanted + SPARE_ROWS).saturating_mul(plan.size.nanos());
        let since = Timestamp::from_nanos(open.nanos().saturating_sub(span));
        let since = RowBuilder::begin(plan.size, since);
        let mut all = Vec::new();
        for (id, one) in (0..).map(InstrumentId).zip(roster.all()) {
            let bars = self.bars((id, roster), from, (since, open)).await;
            let bars = bars.with_context(|| format!("asking for bars of {}", one.native))?;
            all.push((id, bars));
        }
        setup::history(&all, (plan.size, from), (since, now))
    }

    /// Bars of one instrument, page by page.
    async fn bars(
        &self,
        (instrument, roster): (InstrumentId, &Roster),
        size: BarSize,
        (since, until): (Timestamp, Timestamp),
    ) -> anyhow::Result<Vec<Bar>> {
        let mut bars: Vec<Bar> = Vec::new();
        let mut from = since;
        for _ in 0..PAGES_MAX {
            let ask = Ask::Bars { instrument, size, from, to: until };
            let (told, _) = self.ask(&ask, roster).await?;
            let Told::Bars(page) = told else { bail!("the venue's bars are none") };
            let Some((last, _)) = page.last().copied() else { break };
            bars.extend(page.into_iter().map(|(_, bar)| bar).filter(|bar| bar.open_time >= from));
            from = last.plus_nanos(size.nanos())?;
            if from >= until {
                break;
            }
        }
        Ok(bars)
    }
}

/// Rows that closed since the bot was last heard of.
fn missed_rows(size: BarSize, (heard, now): (Timestamp, Timestamp)) -> i64 {
    let passed = now.nanos().saturating_sub(heard.nanos()).max(0);
    let rows = passed.checked_div(size.nanos()).unwrap_or(0).saturating_add(1);
    rows.min(MISSED_MAX)
}

/// The account, reached with a key.
pub struct Account {
    /// The signed end of the venue's protocol.
    pub client: Arc<dyn Client>,
    /// What the key may do.
    pub scope: KeyScope,
    /// Cash in the account's currency.
    pub cash: Money,
}

/// Asks a signed call, a few times if no usable answer comes: what a start asks for can be asked for
/// twice.
pub async fn call(reached: &Reached, client: &Arc<dyn Client>, call: &Call) -> Answer {
    let mut pause = Duration::from_millis(500);
    for _ in 1..TRIES {
        let answer = call_once(reached, client, call).await;
        match &answer {
            Answer::Unknown(_) => {}
            Answer::Throttled { until } => {
                let wait = until.nanos().saturating_sub(reached.now().nanos());
                pause =
                    pause.max(Duration::from_nanos(u64::try_from(wait).unwrap_or(0)).min(WITHIN));
            }
            _ => return answer,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
    call_once(reached, client, call).await
}

/// Asks a signed call, all its parts.
async fn call_once(reached: &Reached, client: &Arc<dyn Client>, call: &Call) -> Answer {
    let window = Duration::from_millis(u64::from(setup::WINDOW_MS));
    let mut calls = Calls::new(Arc::clone(client), window);
    let mut out = Outbox::default();
    calls.make(Whose::Scope, call, reached.now(), &mut out);
    let mut todo: VecDeque<Do> = out.drain().collect();
    while let Some(one) = todo.pop_front() {
        let Do::Send(id, request, within) = one else { continue };
        let arrival = match of_http(&request) {
            Some(request) => arrived(&reached.http, &request, within).await,
            None => Arrival::Unsent,
        };
        calls.came(id, &arrival, reached.now(), &mut out);
        todo.extend(out.drain());
    }
    let unsent = Answer::Unknown(engine::live::Unknown::Unsent);
    calls.answers().pop().map_or(unsent, |(_, answer)| answer)
}

/// What an answer is in words, for a start that fails.
fn unexpected(what: &str, answer: &Answer) -> anyhow::Error {
    match answer {
        Answer::Refused(refused) => {
            anyhow::anyhow!("{what}: the venue refuses ({}): {}", refused.code, refused.text)
        }
        Answer::Throttled { until } => {
            anyhow::anyhow!("{what}: too many requests, wait until {until}")
        }
        Answer::Unknown(why) => anyhow::anyhow!("{what}: no usable answer ({why:?})"),
        other => anyhow::anyhow!("{what}: an answer to something else: {other:?}"),
    }
}

/// M60, M61: a key that may withdraw is refused; one that works from anywhere is warned of or refused.
pub fn check_scope(scope: &KeyScope, ip: IpRestriction) -> anyhow::Result<Vec<String>> {
    let mut warnings = Vec::new();
    match scope.withdraw {
        Permission::Yes => bail!(
            "this key may withdraw: a bot never needs that. Make a key at the venue that may read and trade, and nothing else"
        ),
        Permission::Unsaid => warnings.push(
            "the venue does not say whether this key may withdraw: look at its settings".to_owned(),
        ),
        Permission::No => {}
    }
    if scope.trade == Permission::No {
        bail!("this key may not trade: allow it at the venue, or use `stockade-bot paper`");
    }
    let seen = scope
        .seen_from
        .map_or_else(String::new, |ip| format!("; the venue sees this machine at {ip}"));
    match (scope.restricted, ip) {
        (Permission::Yes, _) => {}
        (Permission::No, IpRestriction::Refuse) => bail!(
            "this key works from any address, and `ip_restriction: refuse` is set: bind it to this machine's address at the venue{seen}"
        ),
        (Permission::Unsaid, IpRestriction::Refuse) => bail!(
            "the venue does not say whether this key is bound to addresses, and `ip_restriction: refuse` is set: bind it, and set `warn`{seen}"
        ),
        (Permission::No, IpRestriction::Warn) => warnings.push(format!(
            "this key works from any address: bind it to this machine's address at the venue{seen}"
        )),
        (Permission::Unsaid, IpRestriction::Warn) => warnings.push(format!(
            "the venue does not say whether this key is bound to addresses: look at its settings{seen}"
        )),
    }
    Ok(warnings)
}

/// Looks at the key.
pub async fn scope(reached: &Reached, client: &Arc<dyn Client>) -> anyhow::Result<KeyScope> {
    match call(reached, client, &Call::KeyScope).await {
        Answer::Scope(scope) => Ok(scope),
        answer => Err(unexpected("asking what the key may do", &answer)),
    }
}

/// Looks at key and account, and sets the account up.
pub async fn account(
    plan: &Plan,
    reached: &Reached,
    roster: &Roster,
    keys: venues::Keys,
) -> anyhow::Result<Account> {
    let client = signed(plan, roster, keys)?;
    let scope = scope(reached, &client).await?;
    for warning in check_scope(&scope, plan.config.ip_restriction)? {
        tracing::warn!("{warning}");
    }
    if plan.config.venue.product == Product::Perpetual {
        set_mode(reached, &client).await?;
        set_leverage(plan, reached, roster, &client).await?;
    }
    let cash = match call(reached, &client, &Call::Balances).await {
        Answer::Balances(balances) => {
            let currency = plan.currency(roster);
            let found = balances.iter().find(|balance| balance.currency == currency);
            found.map_or(Money::ZERO, |balance| balance.total)
        }
        answer => return Err(unexpected("asking for balances", &answer)),
    };
    Ok(Account { client, scope, cash })
}

/// The signed end for a roster.
pub fn signed(plan: &Plan, roster: &Roster, keys: venues::Keys) -> anyhow::Result<Arc<dyn Client>> {
    let venue = &plan.config.venue;
    if venue.name == VenueName::Okx && venue.network == Network::Test {
        bail!(
            "okx marks requests for its demo network in a way that the bot does not know: use `stockade-bot paper`"
        );
    }
    let places = adapters::places(venue);
    let setup = venues::Setup {
        product: venue.product,
        mode: Mode::OneWay,
        roster: roster.clone(),
        hosts: venues::Hosts { rest: places.rest, private: places.private },
        keys,
        window_ms: setup::WINDOW_MS,
    };
    Ok(adapters::client(venue.name, setup))
}

/// A strategy by rules keeps one position an instrument, so the account must too.
async fn set_mode(reached: &Reached, client: &Arc<dyn Client>) -> anyhow::Result<()> {
    match call(reached, client, &Call::Mode).await {
        Answer::Mode(Mode::OneWay) => return Ok(()),
        Answer::Mode(Mode::Hedge) => {}
        answer => return Err(unexpected("asking how the account keeps positions", &answer)),
    }
    tracing::warn!(
        "the account keeps a long and a short position side by side; it is set to one-way, which this strategy needs"
    );
    match call(reached, client, &Call::SetMode(Mode::OneWay)).await {
        Answer::Done | Answer::Mode(Mode::OneWay) => Ok(()),
        answer => {
            Err(unexpected("setting the account to one-way (close its positions first)", &answer))
        }
    }
}

async fn set_leverage(
    plan: &Plan,
    reached: &Reached,
    roster: &Roster,
    client: &Arc<dyn Client>,
) -> anyhow::Result<()> {
    let wanted = plan.config.account.leverage;
    for (id, one) in (0..).map(InstrumentId).zip(roster.all()) {
        let allowed = wanted.clamp(1, one.leverage_max.max(1));
        if allowed < wanted {
            tracing::warn!(symbol = %one.native, allowed, "the venue allows less leverage than configured");
        }
        match call(reached, client, &Call::SetLeverage(id, allowed)).await {
            Answer::Done => {}
            answer => {
                let what = format!("setting the leverage of {} to {allowed}", one.native);
                return Err(unexpected(&what, &answer));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_a_bot_missed_are_counted_up_to_a_page() {
        let check = |size: &str, seconds: i64, want: i64| {
            let at = |seconds: i64| Timestamp::from_nanos(seconds * 1_000_000_000);
            let size = size.parse().expect("a size");
            assert_eq!(missed_rows(size, (at(0), at(seconds))), want, "{size} {seconds}");
        };
        check("1m", 30, 1);
        check("1m", 190, 4);
        check("1h", 190, 1);
        check("1m", 10_000_000, 1_000);
        check("1m", -50, 1);
    }

    /// M60, M61.
    #[test]
    fn a_key_is_judged_before_anything_is_traded() {
        use {IpRestriction::*, Permission::*};
        let check = |(trade, withdraw, restricted), ip, want: Result<usize, &str>| {
            let seen_from = Some("203.0.113.7".parse().expect("an address"));
            let scope = KeyScope { trade, withdraw, restricted, seen_from, expires: None };
            let found = check_scope(&scope, ip).map_err(|error| error.to_string());
            match (found, want) {
                (Ok(warnings), Ok(count)) => assert_eq!(warnings.len(), count, "{warnings:?}"),
                (Err(text), Err(part)) => assert!(text.contains(part), "{text}"),
                (found, want) => panic!("{scope:?} {ip:?}: {found:?}, not {want:?}"),
            }
        };
        check((Yes, No, Yes), Refuse, Ok(0));
        check((Yes, Yes, Yes), Warn, Err("may withdraw"));
        check((No, No, Yes), Warn, Err("may not trade"));
        check((Yes, No, No), Warn, Ok(1));
        check((Yes, No, No), Refuse, Err("203.0.113.7"));
        check((Yes, No, Unsaid), Refuse, Err("does not say"));
        check((Yes, Unsaid, Unsaid), Warn, Ok(2));
        check((Unsaid, No, Yes), Warn, Ok(0));
    }
}
