//! Licences that this server issued, for those who run it.

use crate::{
    desk::{Actor, InstanceView, LicenceTurn, LicenceView, LicenceWish},
    server::{
        Answer, Problem,
        extract::{Json, Part, Query},
        guard::{Granted, Signed},
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which page of licences.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Behind {
    /// Only licences behind this one: the last of the page before.
    after: Option<String>,
}

/// A page of licences, the newest first; 100 at most.
#[derive(Serialize, ToSchema)]
pub struct LicencesPage {
    /// The key that bots trust, for `license.issuer`.
    issuer: String,
    licences: Vec<LicenceLine>,
    /// Where to go on, as `after`; null at the end.
    next: Option<String>,
}

/// A licence.
#[derive(Serialize, ToSchema)]
pub struct LicenceLine {
    id: String,
    /// What was bought.
    edition: String,
    /// What may be used, by name.
    entitlements: Vec<String>,
    /// How many instances may run.
    instances: u32,
    /// How many do.
    taken: u32,
    /// `trial` or `paid`.
    term: String,
    issued: String,
    /// When it begins.
    not_before: String,
    /// When what was paid for ends.
    paid_until: String,
    /// No grace reaches beyond this.
    hard_until: String,
    grace_hours: u32,
    /// `issued`, `suspended` or `revoked`.
    state: String,
    /// Since when.
    changed: String,
    /// Whose it is.
    note: String,
}

/// A licence with its instances.
#[derive(Serialize, ToSchema)]
pub struct LicencePart {
    licence: LicenceLine,
    /// Those with a seat first; 2,000 at most.
    instances: Vec<InstanceLine>,
}

/// An instance that has a seat, or had one.
#[derive(Serialize, ToSchema)]
pub struct InstanceLine {
    id: String,
    /// Its public key.
    key: String,
    version: String,
    /// How often it was started.
    boots: u32,
    activated: String,
    /// When it last asked.
    seen: String,
    /// When its seat was given back; null while it has it.
    released: Option<String>,
}

/// A licence to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLicence {
    /// Up to 64 lower-case letters, digits and dashes; a random one where it is left out.
    id: Option<String>,
    edition: String,
    /// At most 64 names.
    entitlements: Vec<String>,
    /// 1 to 1,000.
    instances: u32,
    /// When it begins, `2027-01-31` or with a time of day and an offset; now where it is left out.
    from: Option<String>,
    /// When what was paid for ends.
    paid_until: String,
    /// No grace reaches beyond this; the end of grace where it is left out.
    hard_until: Option<String>,
    /// At most 336.
    grace_hours: u32,
    /// To try, not paid.
    trial: bool,
    /// Whose it is, at most 500 characters; kept sealed.
    note: String,
}

/// A licence that was just issued.
#[derive(Serialize, ToSchema)]
pub struct FreshLicence {
    licence: LicenceLine,
    /// The signed file; it is not kept here.
    file: String,
    /// The key that signed it, for `license.issuer`.
    issuer: String,
}

/// Whose seat.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatForm {
    /// The id of the instance.
    instance: String,
}

impl From<LicenceView> for LicenceLine {
    fn from(view: LicenceView) -> Self {
        Self {
            id: view.id,
            edition: view.edition,
            entitlements: view.entitlements,
            instances: view.instances,
            taken: view.taken,
            term: view.term,
            issued: view.issued.to_string(),
            not_before: view.not_before.to_string(),
            paid_until: view.paid_until.to_string(),
            hard_until: view.hard_until.to_string(),
            grace_hours: view.grace_hours,
            state: view.state,
            changed: view.changed.to_string(),
            note: view.note,
        }
    }
}

impl From<InstanceView> for InstanceLine {
    fn from(view: InstanceView) -> Self {
        Self {
            id: view.id,
            key: view.key,
            version: view.version,
            boots: view.boots,
            activated: view.activated.to_string(),
            seen: view.seen.to_string(),
            released: view.released.map(|time| time.to_string()),
        }
    }
}

/// A date is its beginning in UTC.
fn time(field: &str, text: &str) -> Answer<Timestamp> {
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|day| day.timestamp()).ok();
    let date = text.parse::<Date>().ok().filter(|_| text.len() == 10).and_then(midnight);
    date.or_else(|| text.parse().ok()).ok_or_else(|| {
        let detail = "this is no time: 2027-01-31, or 2027-01-31T12:00:00Z";
        Problem::invalid(detail).field(field)
    })
}

impl NewLicence {
    fn wish(self) -> Answer<LicenceWish> {
        let optional =
            |field, text: Option<String>| text.map(|text| time(field, &text)).transpose();
        Ok(LicenceWish {
            id: self.id,
            edition: self.edition,
            entitlements: self.entitlements,
            instances: self.instances,
            from: optional("from", self.from)?,
            paid_until: time("paid_until", &self.paid_until)?,
            hard_until: optional("hard_until", self.hard_until)?,
            grace_hours: self.grace_hours,
            trial: self.trial,
            note: self.note,
        })
    }
}

/// `GET /api/v1/licences`
pub async fn list(
    State(app): State<App>,
    _: Granted,
    Query(behind): Query<Behind>,
) -> Answer<Json<LicencesPage>> {
    let page = app.desk().licences(behind.after.as_deref()).await?;
    let licences = page.licences.into_iter().map(LicenceLine::from).collect();
    Ok(Json(LicencesPage { issuer: page.issuer, licences, next: page.next }))
}

/// `POST /api/v1/licences`
pub async fn issue(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<NewLicence>,
) -> Answer<(StatusCode, Json<FreshLicence>)> {
    let issued = app.desk().issue_licence(actor(&signed), &form.wish()?).await?;
    let fresh =
        FreshLicence { licence: issued.licence.into(), file: issued.file, issuer: issued.issuer };
    Ok((StatusCode::CREATED, Json(fresh)))
}

/// `GET /api/v1/licences/{name}`
pub async fn show(
    State(app): State<App>,
    _: Granted,
    Part(name): Part<String>,
) -> Answer<Json<LicencePart>> {
    let found = app.desk().licence(&name).await?;
    let instances = found.instances.into_iter().map(InstanceLine::from).collect();
    Ok(Json(LicencePart { licence: found.licence.into(), instances }))
}

/// `POST /api/v1/licences/{name}/suspend`
pub async fn suspend(
    State(app): State<App>,
    signed: Signed,
    Part(name): Part<String>,
) -> Answer<StatusCode> {
    turn(&app, &signed, (&name, LicenceTurn::Suspend)).await
}

/// `POST /api/v1/licences/{name}/resume`
pub async fn resume(
    State(app): State<App>,
    signed: Signed,
    Part(name): Part<String>,
) -> Answer<StatusCode> {
    turn(&app, &signed, (&name, LicenceTurn::Resume)).await
}

/// `POST /api/v1/licences/{name}/revoke`
pub async fn revoke(
    State(app): State<App>,
    signed: Signed,
    Part(name): Part<String>,
) -> Answer<StatusCode> {
    turn(&app, &signed, (&name, LicenceTurn::Revoke)).await
}

/// `POST /api/v1/licences/{name}/release`
pub async fn release(
    State(app): State<App>,
    signed: Signed,
    Part(name): Part<String>,
    Json(form): Json<SeatForm>,
) -> Answer<StatusCode> {
    app.desk().release_instance(actor(&signed), &name, &form.instance).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn turn(app: &App, signed: &Signed, (name, turn): (&str, LicenceTurn)) -> Answer<StatusCode> {
    app.desk().turn_licence(actor(signed), name, turn).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn actor(signed: &Signed) -> Actor {
    Actor::Account(signed.tenant.account())
}
