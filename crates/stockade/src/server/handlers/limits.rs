//! What limits do, and whom the server keeps out by address, for those who run it.

use super::operations::{BlockedRow, blocked};
use crate::{
    desk::{Actor, BlockView, Error, ListView, NewBlock, now, prefix_named},
    server::{
        Answer, Zone,
        extract::Json,
        guard::{Caller, Granted, Signed},
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits, lists and blocks.
#[derive(Serialize, ToSchema)]
pub struct LimitsPage {
    zones: Vec<LimitRow>,
    /// Whoever asked too much in the last ten minutes, the latest first; a minute later they are let in again.
    waiting: Vec<BlockedRow>,
    /// Lists of addresses that are kept out.
    lists: Vec<ListRow>,
    /// How many days a list may be old before it is said to be stale.
    stale_after_days: i64,
    /// Blocks that are not over.
    blocks: Vec<BlockRow>,
    /// How many prefixes pass whatever is held against them (`limits.allow`).
    allowed: usize,
    /// Requests that were refused since the start because a list has their address.
    refused_listed: u64,
    /// The same because of a block.
    refused_blocked: u64,
}

/// A zone of the limiter.
#[derive(Serialize, ToSchema)]
pub struct LimitRow {
    /// `general`, `api`, `account` or `files`.
    zone: &'static str,
    /// Units that one asker has in any minute.
    per_minute: u32,
    admitted: u64,
    refused: u64,
}

/// A list of addresses.
#[derive(Serialize, ToSchema)]
pub struct ListRow {
    /// Its file's name.
    file: String,
    /// What it calls itself; null where it could never be read.
    name: Option<String>,
    /// Its date, by its own word.
    date: Option<String>,
    /// The number of the key that signed it.
    key: Option<String>,
    prefixes: usize,
    /// Whether it is older than it should be; it holds all the same.
    stale: bool,
    /// Why the file as it lies there now is not believed; what was loaded before it holds on.
    problem: Option<String>,
}

impl From<ListView> for ListRow {
    fn from(view: ListView) -> Self {
        let ListView { file, name, date, key, prefixes, stale, problem } = view;
        let date = date.map(|date| date.to_string());
        Self { file, name, date, key, prefixes, stale, problem }
    }
}

/// A block.
#[derive(Serialize, ToSchema)]
pub struct BlockRow {
    /// Whom it shuts out: `192.0.2.0/24`.
    prefix: String,
    /// Until when.
    until: String,
    why: String,
    /// The account that made it, or `host`.
    by: String,
    at: String,
}

impl From<BlockView> for BlockRow {
    fn from(view: BlockView) -> Self {
        let BlockView { prefix, until, why, by, at } = view;
        Self { prefix, until: until.to_string(), why, by, at: at.to_string() }
    }
}

/// Whom to shut out, for how long and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockForm {
    /// An address or a prefix.
    prefix: String,
    /// For so many seconds: a minute at least, 366 days at most.
    seconds: i64,
    /// Why, on one line.
    why: String,
}

/// Whom to let in again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LiftForm {
    /// The prefix as it was blocked.
    prefix: String,
}

/// `GET /api/v1/limits`
pub async fn show(State(app): State<App>, _: Granted) -> Answer<Json<LimitsPage>> {
    let (now, addresses) = (now(), app.addresses());
    let rates = app.quotas().rates();
    let zone = |(zone, admitted, refused): (Zone, u64, u64)| LimitRow {
        zone: zone.as_str(),
        per_minute: rates.per_minute(zone),
        admitted,
        refused,
    };
    let [refused_listed, refused_blocked] = addresses.refused();
    let blocks = app.desk().blocks().await?;
    Ok(Json(LimitsPage {
        zones: app.quotas().decisions().into_iter().map(zone).collect(),
        waiting: blocked(&app),
        lists: addresses.lists(now).into_iter().map(ListRow::from).collect(),
        stale_after_days: addresses.terms().lasts.as_hours() / 24,
        blocks: blocks.into_iter().map(BlockRow::from).collect(),
        allowed: addresses.terms().allowed.len(),
        refused_listed,
        refused_blocked,
    }))
}

/// `POST /api/v1/limits/blocks`
pub async fn block(
    State(app): State<App>,
    signed: Signed,
    Caller(visitor): Caller,
    Json(form): Json<BlockForm>,
) -> Answer<(StatusCode, Json<BlockRow>)> {
    let prefix = prefix_named(&form.prefix)?;
    if visitor.address.is_some_and(|own| prefix.holds(own)) {
        let why = "you come from there yourself: nobody shuts themselves out by a page";
        return Err(Error::Block { field: "prefix", why: why.to_owned() }.into());
    }
    let BlockForm { prefix, seconds, why } = form;
    let actor = Actor::Account(signed.tenant.account());
    let block = app.desk().block(actor, &NewBlock { prefix, seconds, why }).await?;
    app.addresses().learn(app.desk()).await?;
    Ok((StatusCode::CREATED, Json(block.into())))
}

/// `POST /api/v1/limits/blocks/lift`
pub async fn lift(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<LiftForm>,
) -> Answer<StatusCode> {
    let actor = Actor::Account(signed.tenant.account());
    app.desk().unblock(actor, &form.prefix).await?;
    app.addresses().learn(app.desk()).await?;
    Ok(StatusCode::NO_CONTENT)
}
