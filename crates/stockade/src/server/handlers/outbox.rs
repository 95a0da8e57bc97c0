//! Letters that wait, for whoever runs the server.

use crate::{
    desk::{Post, WaitingLetter},
    server::{Answer, extract::Json, guard::Signed, state::App},
};
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// The letters that wait.
#[derive(Serialize, ToSchema)]
pub struct OutboxShown {
    /// `sent`: a mail server takes them. `kept`: none is set, so that they are read here.
    post: &'static str,
    /// How many wait; at most two hundred are listed, the newest first.
    waiting: usize,
    letters: Vec<LetterShown>,
}

/// A letter that waits.
#[derive(Serialize, ToSchema)]
pub struct LetterShown {
    id: String,
    to: String,
    subject: String,
    /// With links that let somebody in; only where letters are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    since: String,
    until: String,
    tries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    answer: String,
}

impl From<WaitingLetter> for LetterShown {
    fn from(letter: WaitingLetter) -> Self {
        Self {
            id: letter.id,
            to: letter.to,
            subject: letter.subject,
            text: letter.text.map(|text| text.expose().clone()),
            since: letter.since.to_string(),
            until: letter.until.to_string(),
            tries: letter.tries,
            next: letter.next.map(|next| next.to_string()),
            answer: letter.answer,
        }
    }
}

/// `GET /api/v1/outbox`
pub async fn show(State(app): State<App>, signed: Signed) -> Answer<Json<OutboxShown>> {
    let outbox = app.accounts().outbox(&signed.tenant).await?;
    let post = match outbox.post {
        Post::Sent => "sent",
        Post::Kept => "kept",
    };
    let letters = outbox.letters.into_iter().map(LetterShown::from).collect();
    Ok(Json(OutboxShown { post, waiting: outbox.waiting, letters }))
}
