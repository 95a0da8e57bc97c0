//! The web UI, embedded; pre-compressed where its build made `.br` files.

use super::{PACKED_ABOVE_BYTES, Problem, quota::Zone, state::App};
use axum::{
    body::{Body, Bytes},
    extract::{MatchedPath, Request, State},
    response::{Html, IntoResponse, Response},
};
use edge::Peer;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};
use std::borrow::Cow;

/// The output of the UI's build; empty where it was not built.
#[derive(RustEmbed)]
#[folder = "../../ui/dist/"]
#[allow_missing = true]
struct Files;

/// Names under this prefix hold a hash of their content and never change.
const HASHED: &str = "assets/";

/// Whatever no route answers: a file of the UI, its start page, or a problem.
pub async fn fallback(State(app): State<App>, request: Request) -> Response {
    let is_file =
        request.uri().path().contains('.') || request.uri().path().starts_with("/assets/");
    let zone = if is_file { Zone::Files } else { Zone::General };
    if let Err(problem) = app.page(zone, request.extensions().get::<Peer>()) {
        return problem.into_response();
    }
    let path = match request.uri().path().trim_start_matches('/') {
        // A tear sheet names no icon, so browsers ask for the one that has always been here.
        "favicon.ico" => "favicon.svg",
        path => path,
    };
    if path.starts_with("api/") {
        return Problem::not_found().into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return other_method(request.method(), "GET, HEAD, OPTIONS");
    }
    if let Some(response) = file(path, request.headers()) {
        return response;
    }
    // A name with a dot is a file that is not there; anything else is a page of the UI.
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) {
        return Problem::not_found().into_response();
    }
    file("index.html", request.headers())
        .unwrap_or_else(|| (StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response())
}

/// A wrong method on a known path: `Allow` says which are right (RFC 9110 §15.5.6); that is also
/// the whole answer to OPTIONS. Other sites' pages are told nothing: no header of CORS is sent.
pub async fn wrong_method(
    State(app): State<App>,
    method: Method,
    path: Option<MatchedPath>,
) -> Response {
    let known = path.map(|path| app.methods(path.as_str())).unwrap_or_default();
    other_method(&method, &known)
}

fn other_method(method: &Method, known: &str) -> Response {
    let allow = HeaderValue::try_from(known).expect("methods and commas are a header's value");
    let mut response = if method == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        let detail = "this address does not take this method";
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", detail)
            .fix(format!("it takes {known}"))
            .into_response()
    };
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
<title>Stockade</title><h1>The web interface is not in this build</h1>\
<p>Run <code>cargo xtask demo</code>, which builds the interface and the server, \
or <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code> and build the server again.</p>\
<p>The API is here: <a href=\"/openapi.json\">/openapi.json</a>.</p></html>\n";

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let plain = Files::get(path)?;
    let packs = plain.data.len() as u64 > PACKED_ABOVE_BYTES && takes_brotli(headers);
    let packed = Files::get(&format!("{path}.br")).filter(|_| packs);
    // Each encoding is a representation of its own, with a tag of its own.
    let digest = hex::encode(packed.as_ref().unwrap_or(&plain).metadata.sha256_hash());
    let tag = HeaderValue::try_from(format!("\"{digest}\""))
        .expect("hexadecimal digits in quotes are a header's value");
    let encoding = packed.is_some().then_some(HeaderValue::from_static("br"));
    let EmbeddedFile { data, .. } = packed.unwrap_or(plain);
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Some(described(StatusCode::NOT_MODIFIED, path, tag));
    }
    let mut response = described(StatusCode::OK, path, tag);
    *response.body_mut() = match data {
        // Whoever does not take it takes no memory either.
        Cow::Borrowed(data) => Body::from(Bytes::from_static(data)),
        Cow::Owned(data) => Body::from(data),
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    if let Some(encoding) = encoding {
        out.insert(header::CONTENT_ENCODING, encoding);
    }
    Some(response)
}

/// What a file's answer says with its content and without (RFC 9110 §15.4.5): a 304 that left
/// out how long the file may be kept would be given the rule of all other answers, which is not
/// to keep it.
fn described(status: StatusCode, path: &str, tag: HeaderValue) -> Response {
    let cache =
        if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = status.into_response();
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::ETAG, tag);
    response
}

fn takes_brotli(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|part| {
        let mut words = part.split(';').map(str::trim);
        words.next() == Some("br") && words.next() != Some("q=0")
    })
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;

    #[test]
    fn a_file_that_is_known_says_again_how_long_it_may_be_kept() {
        // Without a built interface there is nothing to answer with.
        for path in Files::iter().filter(|path| !path.ends_with(".br")) {
            let mut headers = HeaderMap::new();
            let whole = file(&path, &headers).expect("the file");
            let tag = whole.headers()[header::ETAG].clone();
            headers.insert(header::IF_NONE_MATCH, tag);
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("br"));
            let packed = file(&path, &headers).expect("the file");
            let small = whole.body().size_hint().exact().expect("a size") <= PACKED_ABOVE_BYTES;
            let is_packed = packed.headers().contains_key(header::CONTENT_ENCODING);
            assert!(!(small && is_packed), "{path} is small and packed");
            headers.remove(header::ACCEPT_ENCODING);
            let known = file(&path, &headers).expect("the file");
            assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
            for name in [header::CACHE_CONTROL, header::VARY, header::ETAG] {
                assert_eq!(known.headers().get(&name), whole.headers().get(&name), "{path} {name}");
            }
        }
        let tag = HeaderValue::from_static("\"a\"");
        let known = described(StatusCode::NOT_MODIFIED, "assets/a.js", tag);
        assert!(
            known.headers()[header::CACHE_CONTROL].to_str().expect("text").contains("31536000")
        );
    }

    #[test]
    fn brotli_is_sent_to_whom_it_is_welcome() {
        let check = |line: &'static str, want: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
            assert_eq!(takes_brotli(&headers), want, "{line}");
        };
        check("gzip, br", true);
        check("br;q=1.0", true);
        check("br;q=0", false);
        check("gzip", false);
        check("brotli", false);
    }
}
