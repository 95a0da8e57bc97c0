//! Payments: what a processor tells comes in, and is shown to those who run the server.

use crate::{
    desk::{NoticeEnd, NoticeView},
    server::{
        Answer, Problem,
        extract::{Json, Query, body},
        guard::Granted,
        state::App,
    },
};
use axum::extract::{Request, State};
use http::{HeaderMap, StatusCode};
use payments::nowpayments::SIGNATURE;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// What a processor sends: an object of its own making, whose bytes are signed.
#[derive(Debug, ToSchema)]
#[schema(value_type = Value)]
pub struct Notification(#[allow(dead_code, reason = "it is read as it comes")] Value);

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Below {
    /// From behind the notice with this digest on, hexadecimal.
    #[serde(default)]
    before: Option<String>,
}

/// What processors told.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticesPage {
    /// Whether there is a secret under which a processor could sign.
    expected: bool,
    /// Whether any notice waits for a person, on this page or on another one.
    waits: bool,
    notices: Vec<NoticeRow>,
    /// Where to go on, as `before`; null at the end.
    next: Option<String>,
}

/// A notice, as far as it is kept.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeRow {
    /// SHA-256 by which it is known again, hexadecimal.
    digest: String,
    /// `nowpayments`.
    processor: String,
    /// `payment`, `withdrawal`, `custody` or `other`.
    kind: String,
    payment: Option<String>,
    /// The payment that this one hangs on.
    parent: Option<String>,
    order: Option<String>,
    /// The processor's word.
    status: Option<String>,
    /// How the payment stands now.
    stands: Option<String>,
    price: Option<String>,
    due: Option<String>,
    paid: Option<String>,
    outcome: Option<String>,
    /// `noted` or `quarantined`.
    standing: String,
    /// Why it waits for a person.
    why: Option<String>,
    /// `onward`, `same`, `late`, `behind` or `against` what was told before.
    step: Option<String>,
    /// The leaf of the log that holds it; null where it came back with a backup, as its entry is in the log of
    /// before.
    leaf: Option<u64>,
    received: String,
}

impl From<NoticeView> for NoticeRow {
    fn from(view: NoticeView) -> Self {
        Self {
            digest: view.digest,
            processor: view.processor,
            kind: view.kind,
            payment: view.payment,
            parent: view.parent,
            order: view.order,
            status: view.status,
            stands: view.stands,
            price: view.price,
            due: view.due,
            paid: view.paid,
            outcome: view.outcome,
            standing: view.standing,
            why: view.why,
            step: view.step,
            leaf: view.leaf,
            received: view.received.to_string(),
        }
    }
}

/// `POST /v1/payments/nowpayments`
pub async fn nowpayments(State(app): State<App>, request: Request) -> Answer<StatusCode> {
    let signature = one(request.headers()).map(str::to_owned);
    let bytes = body(request, &app).await?;
    let taken = app.desk().take_notice(&bytes, signature.as_deref()).await;
    let end = taken.inspect_err(|_| app.notices().fail())?;
    app.notices().note(end);
    match end {
        // Whoever sends it again because no answer came is told the same.
        NoticeEnd::Kept(_) | NoticeEnd::Known => Ok(StatusCode::OK),
        NoticeEnd::Unexpected => Err(Problem::not_found()),
        NoticeEnd::Refused => {
            let detail = "this is not signed by the processor";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "not-signed", detail)
                .fix("sign it under the secret that both sides share"))
        }
    }
}

/// The signature, if there is exactly one.
fn one(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(SIGNATURE).iter();
    let line = lines.next()?;
    lines.next().is_none().then(|| line.to_str().ok()).flatten()
}

/// `GET /api/v1/payments/notices`
pub async fn notices(
    State(app): State<App>,
    _: Granted,
    Query(below): Query<Below>,
) -> Answer<Json<NoticesPage>> {
    let page = app.desk().notices(below.before.as_deref()).await?;
    Ok(Json(NoticesPage {
        expected: app.desk().expects_notices().await?,
        waits: page.waits,
        next: page.next,
        notices: page.notices.into_iter().map(NoticeRow::from).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_comes_once() {
        let check = |lines: &[&str], want: Option<&str>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(SIGNATURE, line.parse().expect("a header"));
            }
            assert_eq!(one(&headers), want, "{lines:?}");
        };
        check(&[], None);
        check(&["ab"], Some("ab"));
        check(&["ab", "ab"], None);
        check(&["ab", "cd"], None);
    }
}
