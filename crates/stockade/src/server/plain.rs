//! The port without TLS: pages are led to the one with it, calls are refused, an ACME server finds its proof.

use super::{Problem, StrictTransport, headers, trace};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn},
    response::{IntoResponse, Response},
};
use edge::{Drained, InPlain, Limits, Origin, PlainDoor, PlainRefusal, PlainTerms};
use http::{HeaderValue, StatusCode, header};
use tokio_util::sync::CancellationToken;

/// What programs ask, by the beginnings of its paths.
pub(super) const DATA: &[&str] = &["/api", "/v1"];

/// Answers on `door` until `stop`.
pub(super) async fn serve(
    door: PlainDoor,
    terms: PlainTerms,
    limits: Limits,
    stop: CancellationToken,
) -> Drained {
    // Never strict transport: a browser takes it from a connection with TLS alone (RFC 6797 §7.2).
    let limits = Limits { refusal: headers::of_refusals(StrictTransport::Nothing), ..limits };
    edge::serve(door, service(terms), limits, stop).await
}

fn service(terms: PlainTerms) -> Router {
    Router::new()
        .fallback(answer)
        .with_state(terms)
        .layer(from_fn(hardened))
        .layer(from_fn(trace::request))
}

async fn hardened(request: Request<Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in headers::ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn answer(State(terms): State<PlainTerms>, request: Request<Body>) -> Response {
    match terms.judge(&request.into_parts().0) {
        InPlain::Moved { to } => match HeaderValue::try_from(to) {
            Ok(to) => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, to)]).into_response(),
            Err(_) => refusal(PlainRefusal::Target, &terms.secure).into_response(),
        },
        InPlain::Proof { text } => {
            let kind = HeaderValue::from_static("application/octet-stream");
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        InPlain::NoProof => Problem::not_found().into_response(),
        InPlain::Refused(why) => refusal(why, &terms.secure).into_response(),
    }
}

fn refusal(why: PlainRefusal, secure: &Origin) -> Problem {
    let forbidden = |detail| Problem::new(StatusCode::FORBIDDEN, "without-tls", detail);
    match why {
        PlainRefusal::TooManyHeaders(many) => super::intake::too_many_headers(many),
        PlainRefusal::Method => {
            forbidden("nothing is taken without TLS").fix(format!("send it to {secure}"))
        }
        PlainRefusal::Data => forbidden("the API does not answer without TLS").fix(format!(
            "ask {secure}, and let nothing lead you on: what goes out here, others read"
        )),
        PlainRefusal::Credential => {
            forbidden("a credential came without TLS: whoever listens on the way has it now")
                .fix(format!("revoke it, make another, and use it at {secure} alone"))
        }
        PlainRefusal::Target => forbidden("this is no path").fix(format!("begin at {secure}")),
    }
}
