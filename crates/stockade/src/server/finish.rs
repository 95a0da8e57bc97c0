//! What is begun is finished: a client that goes away does not cut a handler off in the middle.

use super::Problem;
use axum::{
    extract::{FromRequestParts, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::request::Parts;
use std::convert::Infallible;
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

/// Runs the rest of the service in a task of its own. A connection that breaks, or a deadline that
/// passes, drops the wait and not the work: an act that is committed has its effect in memory too.
///
/// Work that is worth nothing to a client that is gone can look at [`Gone`].
pub async fn regardless(mut request: Request, next: Next) -> Response {
    let gone = CancellationToken::new();
    request.extensions_mut().insert(Gone(gone.clone()));
    // Dropped with the wait, whether that ended or was cut.
    let _waiting = gone.drop_guard();
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        Err(ended) => Problem::internal(&ended).into_response(),
    }
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
