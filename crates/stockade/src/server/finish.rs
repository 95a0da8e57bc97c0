//! What is begun is finished: a client that goes away does not cut a handler off in the middle.

use super::Problem;
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Runs the rest of the service in a task of its own. A connection that breaks, or a deadline that
/// passes, drops the wait and not the work: an act that is committed has its effect in memory too.
pub async fn regardless(request: Request, next: Next) -> Response {
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
            move || async move {
                begun.notify_one();
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
