//! A live session beside the backtest of its rows, in words.

use super::session::LiveSession;
use crate::desk::{Error, Result};
use engine::diff::{Done, Parted, Parting, Rebuilt, part};
use market::{Instrument, Listing, Money, Quantity};
use portfolio::InstrumentId;
use serde::Serialize;

/// A live session held against the backtest of its rows.
#[derive(Debug, Serialize)]
pub struct LiveCompared {
    /// Where the session lies.
    pub session: String,
    /// The venue and what is traded there.
    pub venue: String,
    /// Lives of the bot: when each began and was last heard of.
    pub lives: Vec<(String, String)>,
    /// Rows in all.
    pub rows: usize,
    /// The first row on which the bot could decide.
    pub since: String,
    /// Rows on which it decided nothing: the first, the last, `down` or `late`.
    pub silences: Vec<(String, String, &'static str)>,
    /// Decisions that are the same in both, to the unit.
    pub same: usize,
    /// All others, in the order of time.
    pub differences: Vec<PartingRow>,
    /// What each kind of cost comes to.
    pub totals: Vec<TotalRow>,
    /// What the live session's trades earned by the last closes, fees taken off.
    pub live: String,
    /// What the backtest's earned.
    pub backtest: String,
    /// The backtest's less the live session's.
    pub shortfall: String,
    /// Cash that came or went between two lives and that no trade explains.
    pub unbooked: Option<String>,
    /// Positions at the end, where either has one: symbol, live, backtest.
    pub positions: Vec<(String, String, String)>,
    /// What is to be known of the session.
    pub notes: Vec<String>,
}

/// One decision on which they part. Costs are in the account's currency; above zero, the live session
/// did worse.
#[derive(Debug, Serialize)]
pub struct PartingRow {
    /// The row that decided.
    pub row: String,
    /// What was traded.
    pub symbol: String,
    /// Which way.
    pub side: String,
    /// The live order's name.
    pub order: Option<String>,
    /// What the live session did.
    pub live: Option<DoneRow>,
    /// What the backtest did.
    pub backtest: Option<DoneRow>,
    /// The cause's name.
    pub cause: &'static str,
    /// The cause in words.
    pub why: String,
    /// How much worse the live price was, in basis points.
    pub slippage_bps: Option<String>,
    /// From the row's close to the order, in milliseconds.
    pub sent_after_ms: Option<i64>,
    /// From the order to its first trade, in milliseconds.
    pub filled_after_ms: Option<i64>,
    /// What it cost by the price of what both traded.
    pub by_price: String,
    /// By fees.
    pub by_fees: String,
    /// By what only one of them traded.
    pub by_rest: String,
    /// In all.
    pub cost: String,
}

/// What came of one decision.
#[derive(Debug, Serialize)]
pub struct DoneRow {
    /// What was asked.
    pub asked: String,
    /// What traded.
    pub filled: String,
    /// The average price, rounded to 1e-8.
    pub price: Option<String>,
    /// Fees.
    pub fees: String,
    /// When the first of it traded.
    pub time: Option<String>,
}

/// What one kind of cost comes to.
#[derive(Debug, Serialize)]
pub struct TotalRow {
    /// Its name.
    pub cause: &'static str,
    /// Decisions that have it as their cause.
    pub decisions: usize,
    /// What it cost.
    pub cost: String,
}

/// Runs the backtest of a session's rows and holds the session against it.
pub fn compare_live(session: &LiveSession) -> Result<LiveCompared> {
    let rebuilt = session.backtest()?;
    let refused = |error: market::Error| Error::Report {
        problem: format!("{}: {error}", session.directory.display()),
    };
    let (listings, bar_nanos) = (session.listings.as_slice(), session.bar_nanos);
    let parted = part(&session.lived, &rebuilt, (listings, bar_nanos)).map_err(refused)?;
    told(session, &rebuilt, &parted).map_err(refused)
}

fn told(
    session: &LiveSession,
    rebuilt: &Rebuilt,
    parted: &Parted,
) -> std::result::Result<LiveCompared, market::Error> {
    let lived = &session.lived;
    let listings = &session.listings;
    let rows = parted.trades.iter().map(|one| row(listings, one));
    let totals = parted.totals.iter().filter(|(_, (count, cost))| *count > 0 || cost.0 != 0);
    Ok(LiveCompared {
        session: session.directory.display().to_string(),
        venue: session.venue.clone(),
        lives: lived.lives.iter().map(|l| (l.began.to_string(), l.until.to_string())).collect(),
        rows: rebuilt.times.len(),
        since: session.since.to_string(),
        silences: lived
            .silences
            .iter()
            .map(|one| (one.first.to_string(), one.last.to_string(), one.because.name()))
            .collect(),
        same: parted.same,
        differences: rows.collect::<std::result::Result<_, _>>()?,
        totals: totals
            .map(|(cause, (decisions, cost))| TotalRow {
                cause,
                decisions: *decisions,
                cost: cost.to_string(),
            })
            .collect(),
        live: parted.live.to_string(),
        backtest: parted.backtest.to_string(),
        shortfall: parted.shortfall.to_string(),
        unbooked: lived.unbooked()?.map(|money| money.to_string()),
        positions: positions(session, rebuilt),
        notes: session.notes.clone(),
    })
}

fn positions(session: &LiveSession, rebuilt: &Rebuilt) -> Vec<(String, String, String)> {
    let both = session.held.iter().zip(&rebuilt.held);
    let all = session.listings.iter().zip(both).filter(|(_, (a, b))| **a != 0 || **b != 0);
    all.map(|(listing, (live, backtest))| {
        let one = &listing.instrument;
        let size = |lots: i64| one.lot_scale.format(lots);
        (one.symbol.to_string(), size(*live), size(*backtest))
    })
    .collect()
}

fn row(listings: &[Listing], one: &Parting) -> std::result::Result<PartingRow, market::Error> {
    let instrument = instrument(listings, one.instrument);
    let (cost, ms) = (one.cost, |nanos: i64| nanos / 1_000_000);
    let all = cost.price.plus(cost.fees)?.plus(cost.rest)?;
    Ok(PartingRow {
        row: one.row.to_string(),
        symbol: instrument.map_or_else(String::new, |one| one.symbol.to_string()),
        side: one.side.to_string(),
        order: one.name.map(|name| name.to_string()),
        live: one.live.map(|done| done_row(instrument, &done)),
        backtest: one.backtest.map(|done| done_row(instrument, &done)),
        cause: one.why.name(),
        why: one.why.to_string(),
        slippage_bps: one.bps.map(|bps| bps.to_string()),
        sent_after_ms: one.delays.map(|(sent, _)| ms(sent)),
        filled_after_ms: one.delays.and_then(|(_, filled)| filled).map(ms),
        by_price: cost.price.to_string(),
        by_fees: cost.fees.to_string(),
        by_rest: cost.rest.to_string(),
        cost: all.to_string(),
    })
}

fn instrument(listings: &[Listing], id: InstrumentId) -> Option<&Instrument> {
    listings.get(id.index()).map(|one| &one.instrument)
}

fn done_row(instrument: Option<&Instrument>, done: &Done) -> DoneRow {
    let size = |quantity: Quantity| {
        let lots = i64::try_from(quantity.0).unwrap_or(i64::MAX);
        instrument.map_or_else(|| lots.to_string(), |one| one.lot_scale.format(lots))
    };
    let units = instrument.map_or(1, |one| i128::from(one.lot_scale.units()));
    let mean = |done: &Done| -> Option<Money> {
        (done.filled.0 > 0).then_some(())?;
        done.notional.scaled(units, i128::from(done.filled.0)).ok()
    };
    DoneRow {
        asked: size(done.asked),
        filled: size(done.filled),
        price: mean(done).map(|price| price.to_string()),
        fees: done.fees.to_string(),
        time: done.first.map(|time| time.to_string()),
    }
}
