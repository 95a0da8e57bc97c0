//! The installation's machines, for those who run the server.

use crate::{
    desk::{Actor, MachineView, machine_named},
    server::{
        Answer,
        extract::Json,
        guard::{Granted, Signed},
        machines::call_roll,
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use identity::AccountId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which machines there are.
#[derive(Serialize, ToSchema)]
pub struct MachinesPage {
    /// Where machines come in; null where `machines.listen` is not set.
    listen: Option<String>,
    machines: Vec<MachineRow>,
}

/// A machine.
#[derive(Serialize, ToSchema)]
pub struct MachineRow {
    /// `worker/NAME` or `bot/NAME`.
    machine: String,
    /// The epoch of its certificates; 0 before the first.
    epoch: u32,
    /// Whether it belongs.
    belongs: bool,
    /// Whose it is, and goes with; null for what was let in on the host.
    keeper: Option<String>,
    added: String,
    /// Until when the token can be used that is out for it.
    token_ends: Option<String>,
    /// When its certificate runs out.
    certificate_ends: Option<String>,
    /// When it last spoke.
    seen: Option<String>,
    /// Whether it belongs, and has not been heard for half a minute.
    silent: bool,
    version: Option<String>,
    /// `live`, `paper` or `worker`.
    world: Option<String>,
    /// `trading`, `managing`, `syncing`, `halted` or `idle`.
    state: Option<String>,
    /// When its loop last went round, by its own clock.
    ticked: Option<String>,
    /// Whether it is a witness of the log.
    witness: bool,
}

impl MachineRow {
    /// With the name of whose it is.
    fn of(view: MachineView, keeper: Option<String>) -> Self {
        let text = |time: Timestamp| time.to_string();
        Self {
            keeper,
            machine: view.machine,
            epoch: view.epoch,
            belongs: view.belongs,
            added: text(view.added),
            token_ends: view.token_ends.map(text),
            certificate_ends: view.certificate_ends.map(text),
            seen: view.seen.map(text),
            silent: view.silent,
            version: view.version,
            world: view.world,
            state: view.state,
            ticked: view.ticked.map(text),
            witness: view.witness,
        }
    }
}

/// Which machine.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MachineForm {
    /// `worker/NAME` or `bot/NAME`.
    machine: String,
}

/// A token just made.
#[derive(Serialize, ToSchema)]
pub struct AddedMachine {
    machine: String,
    /// Shown once; for `stockade-bot join`.
    token: String,
    /// Until when it can be used.
    ends: String,
}

/// `GET /api/v1/machines`
pub async fn list(State(app): State<App>, _: Granted) -> Answer<Json<MachinesPage>> {
    let machines = app.desk().machines().await?;
    let listen = app.machines_at().map(|address| address.to_string());
    let account = |view: &MachineView| view.keeper.as_deref()?.parse::<AccountId>().ok();
    let names = app.accounts().names(machines.iter().filter_map(account)).await?;
    let row = |view: MachineView| {
        let name = account(&view).and_then(|keeper| names.get(&keeper));
        let keeper = name.map(|profile| profile.display_name.to_string()).or(view.keeper.clone());
        MachineRow::of(view, keeper)
    };
    Ok(Json(MachinesPage { listen, machines: machines.into_iter().map(row).collect() }))
}

/// `POST /api/v1/machines`
pub async fn add(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<MachineForm>,
) -> Answer<(StatusCode, Json<AddedMachine>)> {
    let machine = machine_named(&form.machine)?;
    let actor = Actor::Account(signed.tenant.account());
    let made = app.desk().add_machine(actor, &machine).await?;
    let (token, ends) = (made.token, made.ends.to_string());
    Ok((StatusCode::CREATED, Json(AddedMachine { machine: made.machine, token, ends })))
}

/// `POST /api/v1/machines/revoke`
pub async fn revoke(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<MachineForm>,
) -> Answer<StatusCode> {
    let machine = machine_named(&form.machine)?;
    app.desk().revoke_machine(Actor::Account(signed.tenant.account()), &machine).await?;
    // Its next handshake here is refused, and what it has open ends now.
    call_roll(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}
