//! What is taken from somebody who is not known: little, and not for long.

use super::Problem;
use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::TooManyHeaders;
use futures_util::StreamExt;
use http::{HeaderValue, StatusCode, header};
use std::time::Duration;

/// Bounds of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intake {
    bytes_max: usize,
    time_max: Duration,
}

impl Intake {
    /// For routes that anyone may call. A form there has a few hundred bytes; a bundle of a
    /// browser's reports has a few thousand.
    pub const OPEN: Self = Self { bytes_max: 16 * 1024, time_max: Duration::from_secs(10) };
}

/// Takes the whole body within its bounds before the handler sees the request.
pub async fn bounded(State(intake): State<Intake>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let read = tokio::time::timeout(intake.time_max, read(body, intake.bytes_max));
    let refused = match read.await {
        Ok(Ok(bytes)) => return next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Ok(Err(problem)) => problem,
        Err(_) => {
            let detail = format!("the body took more than {} s", intake.time_max.as_secs_f64());
            Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
        }
    };
    let mut response = refused.into_response();
    if parts.version < http::Version::HTTP_2 {
        // The rest of the body is not waited for.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| {
            Problem::new(StatusCode::BAD_REQUEST, "cut-off", "the body was cut off")
        })?;
        if piece.len() > bytes_max.saturating_sub(whole.len()) {
            let detail = format!("the body has more than {bytes_max} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

/// Refuses a request with more header lines than the listener allows.
pub async fn few_headers(request: Request, next: Next) -> Response {
    let Some(TooManyHeaders { allowed }) = request.extensions().get().copied() else {
        return next.run(request).await;
    };
    let detail = format!("the request has more than {allowed} header lines");
    let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    Problem::new(status, "too-many-headers", detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, middleware::from_fn_with_state, routing::post};
    use edge::{Limits, LocalDoor};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::UnixStream,
    };
    use tokio_util::sync::CancellationToken;

    /// Sends `text` and nothing more; the status line's code, once the server closes.
    async fn check(text: &str, want: &str) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.sock");
        let door = LocalDoor::bind(&path).await.expect("binds");
        let intake = Intake { bytes_max: 8, time_max: Duration::from_millis(30) };
        let echo = post(|body: Bytes| async { body });
        let app = Router::new().route("/", echo.layer(from_fn_with_state(intake, bounded)));
        let stop = CancellationToken::new();
        let ended = tokio::spawn(edge::serve(door, app, Limits::default(), stop.clone()));
        let mut stream = UnixStream::connect(&path).await.expect("connects");
        let head = "POST / HTTP/1.1\r\nhost: localhost\r\n";
        stream.write_all(format!("{head}{text}").as_bytes()).await.expect("writes");
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("ends").expect("reads");
        let code = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(code, want, "{text:?}: {answer}");
        stop.cancel();
        ended.await.expect("joins");
    }

    #[tokio::test]
    async fn a_strangers_body_is_short_and_comes_soon() {
        let close = "connection: close\r\n";
        check(&format!("{close}content-length: 8\r\n\r\n12345678"), "200").await;
        check("content-length: 9\r\n\r\n123456789", "413").await;
        check("transfer-encoding: chunked\r\n\r\n6\r\n123456\r\n6\r\n123456\r\n", "413").await;
        check("content-length: 8\r\n\r\n1234", "408").await;
        check("transfer-encoding: chunked\r\n\r\n6\r\n123456\r\n", "408").await;
    }
}
