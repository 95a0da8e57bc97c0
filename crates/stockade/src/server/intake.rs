//! What a route takes from whoever calls: its query, its body, and no more.

use super::{
    Problem, names,
    strict::{self, Fault},
};
use axum::{
    body::{Body, Bytes},
    extract::{Query, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use edge::{Misled, TooManyHeaders};
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// The content types of a JSON body.
pub const JSON: &[&str] = &["application/json"];
/// The content types of a text of a protocol; programs of others often name none.
pub const TEXT: &[&str] = &["text/plain", "application/octet-stream", ""];
/// The content type of a form that a browser sends without a script.
pub const FORM: &[&str] = &["application/x-www-form-urlencoded"];
/// Bytes of a parameter of the query.
const PARAMETER_BYTES_MAX: usize = 1024;

/// Who judges a body of JSON as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judge {
    /// The door, before the handler sees it ([`strict`]).
    Door,
    /// The handler: the bytes are what somebody signed, and whoever signed none of them is told nothing of them.
    Handler,
}

/// What a route takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intake {
    /// The content types of its body; none where it takes no body.
    pub media: &'static [&'static str],
    /// Who judges it, where it is JSON.
    pub judge: Judge,
    /// Bytes of the body.
    pub bytes_max: usize,
    /// How long the body may take.
    pub time_max: Duration,
    /// Names in the query.
    pub query: BTreeSet<String>,
}

impl Intake {
    /// No body. Browsers' programs send `{}` where they have nothing to say.
    pub const NOTHING: Self = Self {
        media: &[],
        judge: Judge::Door,
        bytes_max: 64,
        time_max: Duration::from_secs(10),
        query: BTreeSet::new(),
    };

    /// For routes that anyone may call. A form there has a few hundred bytes; a bundle of a
    /// browser's reports has a few thousand.
    #[must_use]
    pub const fn open(media: &'static [&'static str]) -> Self {
        let time_max = Duration::from_secs(10);
        let (judge, bytes_max) = (Judge::Door, 16 * 1024);
        Self { media, judge, bytes_max, time_max, query: BTreeSet::new() }
    }

    /// For whoever is signed in.
    #[must_use]
    pub const fn signed(media: &'static [&'static str]) -> Self {
        let time_max = Duration::from_secs(30);
        let (judge, bytes_max) = (Judge::Door, super::BODY_BYTES_MAX);
        Self { media, judge, bytes_max, time_max, query: BTreeSet::new() }
    }
}

/// Takes the whole query and body within their bounds before the handler sees the request.
pub async fn checked(State(intake): State<Arc<Intake>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let refused = match judge(&intake, &parts) {
        Ok(()) => match taken(&intake, body).await {
            Ok(bytes) => return next.run(Request::from_parts(parts, Body::from(bytes))).await,
            Err(problem) => problem,
        },
        Err(problem) => problem,
    };
    let mut response = refused.into_response();
    if parts.version < http::Version::HTTP_2 {
        // The rest of the body is not waited for.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn judge(intake: &Intake, parts: &Parts) -> Result<(), Problem> {
    let Parts { uri, headers, method, .. } = parts;
    if let Some(query) = uri.query() {
        parameters(intake, query, uri)?;
    }
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|encoding| encoding != "identity") {
        let detail = "the body is compressed";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoding", detail)
            .fix("send it as it is, without Content-Encoding"));
    }
    match intake.media {
        // Who has nothing to say says it in JSON: no form of another page can send that.
        [] if matches!(*method, Method::POST | Method::PUT) => media(JSON, headers),
        [] => Ok(()),
        known => media(known, headers),
    }
}

/// Names that are known, each once, in bytes that mean one text.
fn parameters(intake: &Intake, query: &str, uri: &Uri) -> Result<(), Problem> {
    let bad = |detail: String, name: &str| {
        let name: String = name.chars().take(40).collect();
        let problem = Problem::new(StatusCode::BAD_REQUEST, "query", detail);
        let known: Vec<&str> = intake.query.iter().map(String::as_str).collect();
        let fix = match known.as_slice() {
            [] => "leave the query out".to_owned(),
            known => format!("it takes {}", known.join(", ")),
        };
        problem.at(if name.is_empty() { "query".into() } else { format!("query, {name}") }).fix(fix)
    };
    if !is_encoded(query) {
        return Err(bad("a % is not followed by two hexadecimal digits".to_owned(), ""));
    }
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let pairs = pairs.map_err(|_| bad("the query cannot be read".to_owned(), ""))?.0;
    let mut seen = BTreeSet::new();
    for (name, value) in &pairs {
        if !intake.query.contains(name) {
            return Err(bad("nothing here takes this parameter: unknown field".to_owned(), name));
        }
        if !seen.insert(name) {
            return Err(bad("the parameter comes twice".to_owned(), name));
        }
        if value.len() > PARAMETER_BYTES_MAX {
            let detail = format!("the parameter has more than {PARAMETER_BYTES_MAX} bytes");
            return Err(bad(detail, name));
        }
        // Bytes that are no UTF-8 become the replacement character on the way.
        if value.contains(|c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER) {
            return Err(bad("the parameter holds a control character, or no UTF-8".into(), name));
        }
    }
    Ok(())
}

fn is_encoded(query: &str) -> bool {
    let mut rest = query.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
        if byte == b'%' && !(digit(rest.next()) && digit(rest.next())) {
            return false;
        }
    }
    true
}

/// One content type, a known one, in UTF-8.
fn media(known: &[&str], headers: &HeaderMap) -> Result<(), Problem> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let line = lines.next().filter(|_| lines.next().is_none()).and_then(|line| line.to_str().ok());
    let mut words = line.unwrap_or_default().split(';').map(str::trim);
    let kind = words.next().unwrap_or_default();
    let charset = |word: &str| {
        let value =
            word.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
        value.is_some_and(|(_, value)| value.trim_matches('"').eq_ignore_ascii_case("utf-8"))
    };
    if known.iter().any(|one| one.eq_ignore_ascii_case(kind)) && words.all(charset) {
        return Ok(());
    }
    let detail = "the body's content type is not one that this takes";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail)
        .fix(format!("send it with content-type: {}", known.join(" or "))))
}

async fn taken(intake: &Intake, body: Body) -> Result<Bytes, Problem> {
    let read = tokio::time::timeout(intake.time_max, read(body, intake.bytes_max));
    let bytes = read.await.unwrap_or_else(|_| {
        let detail = format!("the body took more than {} s", intake.time_max.as_secs_f64());
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
            .fix("send it faster, or in smaller parts"))
    })?;
    if intake.media.is_empty() {
        return match bytes.trim_ascii() {
            b"" | b"{}" => Ok(bytes),
            _ => Err(Problem::new(StatusCode::BAD_REQUEST, "no-body", "this takes no body")
                .fix("leave the body out, or send {}")),
        };
    }
    if intake.media != TEXT && intake.media != FORM && intake.judge == Judge::Door {
        strict::check(&bytes).map_err(refusal)?;
    }
    Ok(bytes)
}

fn refusal(fault: Fault) -> Problem {
    let Fault { pointer, detail, line, column } = fault;
    let place = format!("line {line}, column {column}");
    Problem::invalid(detail).at(names::place(&pointer, &place)).pointer(pointer)
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
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
                .fix("send less; the published table of routes says what each takes"));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}

/// Refuses a request with more header lines than the listener allows, and one of a proxy that does not say who
/// asks: all the world would have one quota.
pub async fn few_headers(request: Request, next: Next) -> Response {
    if let Some(many) = request.extensions().get::<TooManyHeaders>().copied() {
        return too_many_headers(many).into_response();
    }
    match request.extensions().get::<Misled>().copied() {
        Some(misled) => nobody_asks(misled).into_response(),
        None => next.run(request).await,
    }
}

fn nobody_asks(Misled { header, why }: Misled) -> Problem {
    let detail =
        format!("the proxy in front of this server does not say who asks: {header}: {why}");
    Problem::new(StatusCode::BAD_REQUEST, "bad-forwarding", detail).fix(
        "whoever runs the server: let the proxy append its client's address to the header that server.forwarded names",
    )
}

/// The refusal of a request with too many header lines, or too long ones.
pub(super) fn too_many_headers(
    TooManyHeaders { allowed, bytes_allowed }: TooManyHeaders,
) -> Problem {
    let detail = format!(
        "the request has more than {allowed} header lines, or {bytes_allowed} bytes of them"
    );
    Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "too-many-headers", detail)
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
        ask("/", &format!("content-type: application/json\r\n{text}"), want).await;
    }

    async fn ask(target: &str, text: &str, want: &str) {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.sock");
        let door = LocalDoor::bind(&path).await.expect("binds");
        let intake = Intake {
            media: &["application/json"],
            judge: Judge::Door,
            bytes_max: 8,
            time_max: Duration::from_millis(30),
            query: ["limit".to_owned()].into(),
        };
        let echo = post(|body: Bytes| async { body });
        let checks = from_fn_with_state(Arc::new(intake), checked);
        let app = Router::new().route("/", echo.layer(checks));
        let stop = CancellationToken::new();
        let ended = tokio::spawn(edge::serve(door, app, Limits::default(), stop.clone()));
        let mut stream = UnixStream::connect(&path).await.expect("connects");
        let head = format!("POST {target} HTTP/1.1\r\nhost: localhost\r\n");
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

    #[tokio::test]
    async fn a_body_says_what_it_is_and_a_query_only_what_is_asked() {
        let body = "connection: close\r\ncontent-length: 2\r\n\r\n{}";
        let kind = async |line: &str, want| ask("/", &format!("{line}{body}"), want).await;
        kind("content-type: application/json; charset=UTF-8\r\n", "200").await;
        kind("content-type: Application/JSON\r\n", "200").await;
        kind("content-type: application/json; charset=utf-16\r\n", "415").await;
        kind("content-type: application/json; boundary=x\r\n", "415").await;
        kind("content-type: text/json\r\n", "415").await;
        kind("content-type: application/json\r\ncontent-type: text/plain\r\n", "415").await;
        kind("", "415").await;
        kind("content-type: application/json\r\ncontent-encoding: gzip\r\n", "415").await;
        let query = async |query: &str, want| {
            let text = format!("content-type: application/json\r\n{body}");
            ask(&format!("/?{query}"), &text, want).await;
        };
        query("limit=5", "200").await;
        query("", "200").await;
        query("limit=5&limit=6", "400").await;
        query("limit=5&%6Cimit=6", "400").await;
        query("Limit=5", "400").await;
        query("limit=5&x", "400").await;
        query("limit=%", "400").await;
        query("limit=%zz", "400").await;
        query("limit=%ff", "400").await;
        query("limit=a%00b", "400").await;
        query(&format!("limit={}", "1".repeat(1025)), "400").await;
    }

    #[tokio::test]
    async fn what_somebody_signed_comes_to_the_handler_as_it_was_sent() {
        let check = async |judge, text: &'static str, fine: bool| {
            let intake = Intake { judge, ..Intake::open(JSON) };
            assert_eq!(taken(&intake, Body::from(text)).await.is_ok(), fine, "{text:?}");
        };
        for text in [r#"{"a":1,"a":2}"#, r#"{"id":9007199254740993}"#, "", "no JSON"] {
            check(Judge::Door, text, false).await;
            check(Judge::Handler, text, true).await;
        }
    }

    #[tokio::test]
    async fn what_takes_no_body_gets_none() {
        let check = async |text: &'static str, fine: bool| {
            let taken = taken(&Intake::NOTHING, Body::from(text)).await;
            assert_eq!(taken.is_ok(), fine, "{text:?}");
        };
        check("", true).await;
        check(" {} ", true).await;
        check("{\"a\":1}", false).await;
        check("[]", false).await;
    }
}
