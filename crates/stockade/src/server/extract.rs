//! Parsing at the border: bodies, identifiers, queries; whatever fails is a [`Problem`].

use super::{
    Problem,
    named::Named,
    names,
    strict::{self, Step, unplaced},
};
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

/// A JSON body, in and out. Inwards the route's row has judged content type and text, unknown keys
/// are refused by the types, and a wrong value is named by its path.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = body(request, state).await?;
        // A reader made by serde also takes the values of an object's fields as a list, by place.
        if bytes.trim_ascii_start().starts_with(b"[") {
            let detail = "the body is a list and not an object with named fields";
            return Err(Problem::invalid(detail).at("line 1, column 1").pointer(""));
        }
        // It would be said again as what was found, and may be a secret.
        if bytes.trim_ascii_start().starts_with(b"\"") {
            let detail = "the body is a text and not an object with named fields";
            return Err(Problem::invalid(detail).at("line 1, column 1").pointer(""));
        }
        let mut reader = serde_json::Deserializer::from_slice(&bytes);
        let value = serde_path_to_error::deserialize(Named(&mut reader)).map_err(|error| {
            let pointer = pointer(error.path());
            let inner = error.into_inner();
            let place = format!("line {}, column {}", inner.line(), inner.column());
            let (detail, _) = unplaced(&inner);
            Problem::invalid(detail).at(names::place(&pointer, &place)).pointer(pointer)
        })?;
        Ok(Self(value))
    }
}

/// The bytes of a body; the route's row has bounded it, and judged it as JSON.
pub async fn body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state)
        .await
        .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "cut-off", "the body was cut off"))
}

/// serde's path as a JSON pointer; what it does not know the name of ends it.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Item(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    strict::pointer(&path.iter().map_while(step).collect::<Vec<_>>())
}

/// A part of the path that parses; what does not parse is simply not there.
#[derive(Debug, Clone)]
pub struct Part<T>(pub T);

impl<S, T> FromRequestParts<S> for Part<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        found.map(|axum::extract::Path(value)| Self(value)).map_err(|_| Problem::not_found())
    }
}

/// A number of the query that every program can hold, as those of bodies are (`strict`).
pub fn exact<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<u64>::deserialize(from)?;
    if number.is_some_and(|number| number > strict::EXACT_MAX) {
        return Err(strict::inexact());
    }
    Ok(number)
}

/// The query; unknown names are refused by the types.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Send + Sync,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        found.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            // axum's own opening words, then the parameter's name.
            let detail = text.rsplit_once("query string: ").map_or(text.as_str(), |(_, rest)| rest);
            let named = detail.split_once(": ").filter(|(name, _)| !name.contains(' '));
            let place = named.map_or("query".to_owned(), |(name, _)| format!("query, {name}"));
            Problem::new(StatusCode::BAD_REQUEST, "query", detail).at(place)
        })
    }
}
