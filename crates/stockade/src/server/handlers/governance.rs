//! What those decide together who run the server: approvals, invitations, the quarter's review.

use super::{
    audit::look,
    users::{Person, RoleName, account, standing},
};
use crate::{
    desk::Sight,
    server::{
        Answer, Problem,
        extract::{Json, Part},
        guard::Signed,
        machines::call_roll,
        state::App,
    },
};
use axum::extract::State;
use http::StatusCode;
use identity::{AccountId, Duty, HighAct, Profile, Proposal, ProposalState, TokenHash};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// What waits for a second person, or for a time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proposals {
    proposals: Vec<ProposalView>,
}

/// An act that needs two persons.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Proposal)]
pub struct ProposalView {
    id: String,
    /// `set_role`, `disable`, or the name of an act that nobody proposes over HTTP.
    act: &'static str,
    /// On whom.
    account: Option<Person>,
    /// The role to give.
    role: Option<&'static str>,
    /// By whom.
    by: Person,
    at: String,
    /// Where nobody else can approve: not before this time.
    not_before: Option<String>,
    expires: String,
    /// Who approved.
    approved_by: Option<Person>,
    /// Whether whoever asks proposed it.
    mine: bool,
}

/// What shall be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposalForm {
    act: ActName,
    /// Whose account.
    account: String,
    /// The new role, for `set_role` alone.
    role: Option<RoleName>,
}

/// Acts that can be proposed.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActName {
    /// Give or take a role that decides about others.
    SetRole,
    /// Disable an account that decides about others.
    Disable,
}

/// A proposal's name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Proposed {
    id: String,
}

/// Invitations that are out, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Invitations {
    invitations: Vec<InvitationView>,
}

/// An invitation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Invitation)]
pub struct InvitationView {
    /// Names it; it opens nothing.
    id: String,
    email: Option<String>,
    role: Option<&'static str>,
    by: Person,
    issued: String,
    expires: String,
}

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationForm {
    email: String,
    role: RoleName,
}

/// Where the quarter's review stands, and the list that is signed.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessReview {
    /// `done`, `due` or `overdue`.
    duty: &'static str,
    /// Until when it is to be signed; null where nothing waits for a name.
    due: Option<String>,
    /// When the next one opens, where none waits.
    opens: Option<String>,
    signed_by: Option<Person>,
    signed_at: Option<String>,
    /// SHA-256 of the whole list: what is signed.
    grants: String,
    /// How many accounts have each role.
    counts: BTreeMap<&'static str, u64>,
    /// Whoever runs or watches the server first, then those whom tokens act for.
    lines: Vec<GrantRow>,
    /// Lines that are not shown; the list of accounts has them by role.
    more: u64,
}

/// What one account may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantRow {
    account: Person,
    role: &'static str,
    standing: &'static str,
    /// API tokens and bots that act for it.
    tokens: u32,
}

/// A name under the list that was read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignatureForm {
    /// The digest that was read.
    grants: String,
}

impl ProposalView {
    fn of(proposal: &Proposal, who: AccountId, names: &BTreeMap<AccountId, Profile>) -> Self {
        let (act, role) = match proposal.act {
            HighAct::SetRole { role, .. } => ("set_role", Some(role.as_str())),
            HighAct::Disable { .. } => ("disable", None),
            HighAct::BulkExport => ("bulk_export", None),
            HighAct::Retention { .. } => ("retention", None),
            HighAct::RootKey { .. } => ("root_key", None),
        };
        let approved_by = match proposal.state {
            ProposalState::Approved(by) => Some(Person::of(by, names)),
            _ => None,
        };
        Self {
            id: proposal.id.to_string(),
            act,
            account: proposal.act.target().map(|target| Person::of(target, names)),
            role,
            by: Person::of(proposal.by, names),
            at: proposal.at.to_string(),
            not_before: proposal.not_before.map(|time| time.to_string()),
            expires: proposal.expires.to_string(),
            approved_by,
            mine: proposal.by == who,
        }
    }
}

/// `GET /api/v1/proposals`
pub async fn proposals(State(app): State<App>, signed: Signed) -> Answer<Json<Proposals>> {
    let approvals = app.accounts().approvals().await?;
    let who = signed.tenant.account();
    let view = |proposal| ProposalView::of(proposal, who, &approvals.names);
    Ok(Json(Proposals { proposals: approvals.open.iter().map(view).collect() }))
}

/// `POST /api/v1/proposals`
pub async fn propose(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<ProposalForm>,
) -> Answer<(StatusCode, Json<Proposed>)> {
    let unknown = |_| Problem::not_found();
    let account = account(&form.account).map_err(unknown)?;
    let act = match (form.act, form.role) {
        (ActName::SetRole, Some(role)) => HighAct::SetRole { account, role: role.into() },
        (ActName::Disable, None) => HighAct::Disable { account },
        (ActName::SetRole, None) => {
            return Err(Problem::invalid("which role shall it be?").field("role"));
        }
        (ActName::Disable, Some(_)) => {
            return Err(Problem::invalid("disabling gives no role").field("role"));
        }
    };
    let id = app.accounts().propose(&signed.session, act).await?;
    Ok((StatusCode::CREATED, Json(Proposed { id: id.to_string() })))
}

fn proposal(id: &str) -> Answer<Uuid> {
    let known = Uuid::try_parse(id).ok().filter(|known| known.to_string() == id);
    known.ok_or_else(Problem::not_found)
}

/// `POST /api/v1/proposals/{id}/approve`
pub async fn approve(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    app.accounts().approve(&signed.session, proposal(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/proposals/{id}/cancel`
pub async fn cancel(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    app.accounts().cancel(&signed.session, proposal(&id)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/proposals/{id}/carry`
pub async fn carry(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    app.accounts().carry(&signed.session, proposal(&id)?).await?;
    // The machines of whoever was disabled go with them.
    call_roll(&app).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/invitations`
pub async fn invitations(State(app): State<App>) -> Answer<Json<Invitations>> {
    let (lines, names) = app.accounts().invitations().await?;
    let view = |line: crate::desk::InvitationLine| InvitationView {
        id: hex::encode(line.hash.as_bytes()),
        email: line.email.map(|email| email.to_string()),
        role: line.role.map(identity::Role::as_str),
        by: Person::of(line.by, &names),
        issued: line.issued.to_string(),
        expires: line.expires.to_string(),
    };
    Ok(Json(Invitations { invitations: lines.into_iter().map(view).collect() }))
}

/// `POST /api/v1/invitations`
pub async fn invite(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<InvitationForm>,
) -> Answer<StatusCode> {
    let email = form.email.parse().map_err(Problem::from)?;
    app.accounts().invite(&signed.session, email, form.role.into()).await?;
    Ok(StatusCode::CREATED)
}

/// `DELETE /api/v1/invitations/{id}`
pub async fn withdraw(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<String>,
) -> Answer<StatusCode> {
    let hash = hex::decode(&id).ok().and_then(|bytes| TokenHash::from_bytes(&bytes).ok());
    let hash = hash.filter(|hash| hex::encode(hash.as_bytes()) == id);
    app.accounts().withdraw(&signed.session, hash.ok_or_else(Problem::not_found)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /api/v1/access-review`
pub async fn review(State(app): State<App>, signed: Signed) -> Answer<Json<AccessReview>> {
    look(&app, signed.tenant.account(), Sight::Accounts).await?;
    let view = app.accounts().review().await?;
    let names = &view.names;
    let row = |line: &identity::GrantLine| GrantRow {
        account: Person::of(line.account, names),
        role: line.role.as_str(),
        standing: standing(line.standing),
        tokens: line.credentials,
    };
    let (duty, due) = match view.duty {
        Duty::Done => ("done", None),
        Duty::Due(until) => ("due", Some(until)),
        Duty::Overdue(since) => ("overdue", Some(since)),
    };
    Ok(Json(AccessReview {
        duty,
        due: due.map(|due| due.to_string()),
        opens: view.open.is_none().then(|| view.opens.to_string()),
        signed_by: view.signed.map(|signed| Person::of(signed.by, names)),
        signed_at: view.signed.map(|signed| signed.at.to_string()),
        grants: hex::encode(view.digest),
        counts: view.counts.iter().map(|(role, count)| (role.as_str(), *count)).collect(),
        lines: view.lines.iter().map(row).collect(),
        more: view.more,
    }))
}

/// `POST /api/v1/access-review/sign`
pub async fn sign(
    State(app): State<App>,
    signed: Signed,
    Json(form): Json<SignatureForm>,
) -> Answer<StatusCode> {
    let digest = hex::decode(&form.grants).ok().and_then(|bytes| bytes.try_into().ok());
    let wrong = || Problem::invalid("this is no digest of a list").field("grants");
    app.accounts().sign_review(&signed.session, &digest.ok_or_else(wrong)?).await?;
    Ok(StatusCode::NO_CONTENT)
}
