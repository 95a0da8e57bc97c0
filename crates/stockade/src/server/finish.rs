//! What is begun is finished: a client that goes away does not cut a handler off in the middle.

use super::Problem;
use axum::{
    extract::{FromRequestParts, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header, request::Parts};
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Becomes cancelled when nobody waits for the answer any more.
#[derive(Debug, Clone, Default)]
pub struct Gone(pub CancellationToken);

impl<S: Send + Sync> FromRequestParts<S> for Gone {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Runs the rest of the service to its end. A connection that breaks, or a deadline that passes, drops the wait
/// and not the work: an act that is committed has its effect in memory too.
///
/// Work that is worth nothing to a client that is gone can look at [`Gone`].
pub async fn regardless(mut request: Request, next: Next) -> Response {
    let gone = CancellationToken::new();
    request.extensions_mut().insert(Gone(gone.clone()));
    // Dropped with the wait, whether that ended or was cut.
    let _waiting = gone.drop_guard();
    Finished(Some(Box::pin(next.run(request)))).await
}

type Work = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Work that goes on in a task of its own once nobody waits for it; until then it costs none.
struct Finished(Option<Work>);

impl Future for Finished {
    type Output = Response;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response> {
        // Taken out meanwhile: what panics must not be begun again.
        let Some(mut work) = self.0.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl Drop for Finished {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and so is the work.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

/// What a witness answers to who has another size in mind (<https://c2sp.org/tlog-witness>).
pub const TREE_SIZE: &str = "text/x.tlog.size";

/// Says every refusal as a problem, also those of layers that have no words of their own: a
/// deadline, a panic, a library. Pages for people stay pages.
pub async fn worded(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let own = ["application/problem+json", "text/html", TREE_SIZE];
    let said = kind.is_some_and(|kind| own.iter().any(|own| kind.starts_with(own)));
    if said || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (code, detail) = match status {
        StatusCode::SERVICE_UNAVAILABLE => ("too-long", "it took longer than an answer may take"),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "the body is too large"),
        _ => ("refused", "the server refuses this"),
    };
    let mut problem = Problem::new(status, code, detail);
    problem.retry_after_s = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
    let mut worded = problem.into_response();
    if let Some(allow) = response.headers().get(header::ALLOW) {
        worded.headers_mut().insert(header::ALLOW, allow.clone());
    }
    worded
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, middleware::from_fn, routing::get};
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };
    use tokio::sync::Notify;
    use tower::ServiceExt;

    #[tokio::test]
    async fn every_refusal_is_a_problem() {
        let check = async |status: u16, kind: &'static str, want: &str| {
            let answer = move || async move {
                let status = StatusCode::from_u16(status).expect("a status");
                (status, [(header::CONTENT_TYPE, kind), (header::ALLOW, "GET")], "x")
            };
            let service = Router::new().route("/", get(answer)).layer(from_fn(worded));
            let request = Request::get("/").body(axum::body::Body::empty()).expect("a request");
            let answer = service.oneshot(request).await.expect("an answer");
            assert_eq!(answer.status().as_u16(), status);
            assert_eq!(answer.headers()[header::CONTENT_TYPE], want, "{status}");
            assert_eq!(answer.headers()[header::ALLOW], "GET", "{status}");
        };
        let problem = "application/problem+json";
        check(200, "text/plain", "text/plain").await;
        check(304, "text/plain", "text/plain").await;
        check(404, "text/html; charset=utf-8", "text/html; charset=utf-8").await;
        check(422, problem, problem).await;
        for status in [400, 404, 405, 408, 413, 415, 429, 500, 503] {
            check(status, "text/plain", problem).await;
        }
    }

    #[tokio::test]
    async fn a_handler_whose_client_left_goes_on() {
        let (begun, go, done) =
            (Arc::new(Notify::new()), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let written = Arc::new(AtomicBool::new(false));
        let handler = {
            let (begun, go, done) = (begun.clone(), go.clone(), done.clone());
            let written = written.clone();
            move |gone: Gone| async move {
                begun.notify_one();
                gone.0.cancelled().await;
                go.notified().await;
                written.store(true, Ordering::SeqCst);
                done.notify_one();
            }
        };
        let service = Router::new().route("/", get(handler)).layer(from_fn(regardless));
        let request = Request::get("/").body(axum::body::Body::empty()).expect("a request");
        let waiting = tokio::spawn(service.oneshot(request));
        begun.notified().await;
        waiting.abort();
        assert!(waiting.await.is_err_and(|ended| ended.is_cancelled()));
        go.notify_one();
        done.notified().await;
        assert!(written.load(Ordering::SeqCst));
    }
}
