//! Reports of weaknesses, for those who answer them. What a report says is opened on another machine.

use crate::{
    desk::{Actor, ClockView, ReportView, StepView, step_named},
    server::{
        Answer, Problem,
        extract::{Json, Part},
        guard::{Granted, Signed},
        state::App,
    },
};
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use disclosure::{Answer as Reply, Tongue};
use http::header;
use seal::age_armour;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// All reports, and texts to begin an answer from.
#[derive(Serialize, ToSchema)]
pub struct Inbox {
    /// Whether reports are taken in.
    open: bool,
    /// How many can open them.
    recipients: usize,
    reports: Vec<InboxReport>,
    answers: Vec<AnswerText>,
}

/// A report, without what it says.
#[derive(Serialize, ToSchema)]
pub struct InboxReport {
    id: String,
    /// `received`, `acknowledged`, `triaged`, `fixed`, `published` or `declined`.
    standing: String,
    /// `low`, `medium`, `high` or `critical`; null before the triage.
    severity: Option<String>,
    /// `sender` or `server`.
    sealed_by: String,
    /// Whether its sender wants to be named.
    credit: bool,
    /// As whom its sender is thanked in public.
    thanks: Option<String>,
    /// SHA-256 of the sealed text, hexadecimal.
    sha256: String,
    /// The leaf of the log that holds it.
    leaf: u64,
    steps: Vec<InboxStep>,
    clocks: Vec<InboxClock>,
    overdue: bool,
}

/// A step that was taken.
#[derive(Serialize, ToSchema)]
pub struct InboxStep {
    step: String,
    at: String,
}

/// A clock.
#[derive(Serialize, ToSchema)]
pub struct InboxClock {
    /// `answer`, `critical`, `notice` or `publication`.
    clock: String,
    due: String,
    ended: Option<String>,
    /// `running`, `overdue`, `kept` or `late`.
    hand: String,
}

/// A text to begin an answer from; what stands in braces is to be filled in.
#[derive(Serialize, ToSchema)]
pub struct AnswerText {
    /// `acknowledge`, `fixed` or `declined`.
    answer: &'static str,
    /// `en` or `de`.
    language: &'static str,
    subject: &'static str,
    text: &'static str,
}

impl From<ReportView> for InboxReport {
    fn from(view: ReportView) -> Self {
        let step = |one: StepView| InboxStep { step: one.step, at: one.at.to_string() };
        let clock = |one: ClockView| InboxClock {
            clock: one.clock,
            due: one.due.to_string(),
            ended: one.ended.map(|at| at.to_string()),
            hand: one.hand,
        };
        Self {
            id: view.id.to_string(),
            standing: view.standing,
            severity: view.severity,
            sealed_by: view.sealed_by,
            credit: view.credit,
            thanks: view.thanks,
            sha256: view.sha256,
            leaf: view.leaf,
            steps: view.steps.into_iter().map(step).collect(),
            clocks: view.clocks.into_iter().map(clock).collect(),
            overdue: view.overdue,
        }
    }
}

/// A step to take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepForm {
    /// `acknowledge`, `triage`, `breach`, `notify`, `fix`, `publish` or `decline`.
    step: String,
    /// `low`, `medium`, `high` or `critical`: with a triage, and only then.
    severity: Option<String>,
}

/// Whom to thank.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ThanksForm {
    /// The name, as its sender wants it; null takes the thanks back.
    name: Option<String>,
}

/// `GET /api/v1/security-reports`
pub async fn list(State(app): State<App>, _: Granted) -> Answer<Json<Inbox>> {
    let reports = app.desk().reports().await?;
    let recipients = app.reporting().recipients().len();
    let answers = Reply::ALL.into_iter().flat_map(|reply| {
        [("en", Tongue::English), ("de", Tongue::German)].map(|(language, tongue)| {
            let template = reply.template(tongue);
            let (subject, text) = (template.subject, template.text);
            AnswerText { answer: reply.as_str(), language, subject, text }
        })
    });
    Ok(Json(Inbox {
        open: recipients > 0,
        recipients,
        reports: reports.into_iter().map(InboxReport::from).collect(),
        answers: answers.collect(),
    }))
}

/// `GET /api/v1/security-reports/{id}/sealed`
pub async fn sealed(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<Uuid>,
) -> Answer<Response> {
    let actor = Actor::Account(signed.tenant.account());
    let sealed = app.desk().sealed_report(actor, id).await?;
    let name = format!("attachment; filename=\"report-{id}.age\"");
    let kind = (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned());
    Ok(([kind, (header::CONTENT_DISPOSITION, name)], age_armour(&sealed)).into_response())
}

/// `POST /api/v1/security-reports/{id}/move`
pub async fn step(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<Uuid>,
    Json(form): Json<StepForm>,
) -> Answer<Json<InboxReport>> {
    let step = step_named(&form.step, form.severity.as_deref()).ok_or_else(|| {
        Problem::invalid("there is no such step, or its severity is missing or one too many")
            .field("step")
            .fix("a triage says how bad it is, and nothing else does")
    })?;
    let actor = Actor::Account(signed.tenant.account());
    let view = app.desk().move_report(actor, id, step).await?;
    Ok(Json(view.into()))
}

/// `POST /api/v1/security-reports/{id}/thanks`
pub async fn thank(
    State(app): State<App>,
    signed: Signed,
    Part(id): Part<Uuid>,
    Json(form): Json<ThanksForm>,
) -> Answer<Json<InboxReport>> {
    let actor = Actor::Account(signed.tenant.account());
    let view = app.desk().thank_report(actor, id, form.name.as_deref()).await?;
    Ok(Json(view.into()))
}
