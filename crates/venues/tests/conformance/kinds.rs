//! What is done with a case of each kind.

use crate::{
    call::{Reader, moment},
    data::File,
    shown::Shower,
    venue,
};
use engine::live::{Answer, Call};
use http::{Request, Response};
use market::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use venues::{Client, Stream};

type Outcome = Result<(), String>;

fn same(found: &Value, wanted: &Value) -> Outcome {
    if found == wanted {
        return Ok(());
    }
    Err(format!("\n  wanted {wanted}\n  found  {found}"))
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_else(|| panic!("{case} has no {key}"))
}

/// The moment of a case, 2023-11-14T22:13:20Z if it says none.
fn now(case: &Value) -> Timestamp {
    if case["now"].is_null() { moment(&json!(1_700_000_000_000_i64)) } else { moment(&case["now"]) }
}

fn read_call(file: &File, case: &Value, value: &Value) -> Call {
    Reader { roster: &file.roster, product: file.product_of(case) }.call(value)
}

fn client(file: &File, case: &Value) -> Box<dyn Client> {
    venue::client(file.venue, file.setup(case))
}

/// `{secret, payload, signature}`.
pub fn signature(file: &File, case: &Value) -> Outcome {
    let found = venue::sign(file.venue, text(case, "secret"), text(case, "payload"));
    same(&json!(found), &case["signature"])
}

/// `{call, method, path, params | body, headers}`, or `{call, error}`.
pub fn request(file: &File, case: &Value) -> Outcome {
    let call = read_call(file, case, &case["call"]);
    let request = match (client(file, case).request(&call, now(case)), case["error"].is_null()) {
        (Ok(request), true) => request,
        (Err(error), false) => {
            let wanted = text(case, "error");
            let found = error.to_string();
            return if found.contains(wanted) { Ok(()) } else { Err(found) };
        }
        (Err(error), true) => return Err(error.to_string()),
        (Ok(request), false) => return Err(format!("no error, but {request:?}")),
    };
    same(&json!(request.method().as_str()), &case["method"])?;
    same(&json!(request.uri().path()), &case["path"])?;
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        let found = request.headers().get(name).and_then(|found| found.to_str().ok());
        same(&json!(found), value)?;
    }
    let (mut params, body) = sent(&request);
    params.retain(|name, _| !file.volatile.contains(name));
    let wanted = if case["params"].is_null() { json!({}) } else { case["params"].clone() };
    same(&json!(params), &wanted)?;
    same(&body, &case["body"])
}

/// The parameters of query and form, and a body in JSON.
fn sent(request: &Request<Vec<u8>>) -> (BTreeMap<String, String>, Value) {
    let mut params = BTreeMap::new();
    let body = std::str::from_utf8(request.body()).expect("a body is text");
    let json = if body.starts_with(['{', '[']) {
        serde_json::from_str(body).expect("JSON")
    } else {
        Value::Null
    };
    let form = if json.is_null() { body } else { "" };
    let query = request.uri().query().unwrap_or("");
    for pair in query.split('&').chain(form.split('&')).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let before = params.insert(name.to_owned(), decoded(value));
        assert!(before.is_none(), "{name} is sent twice");
    }
    (params, json)
}

fn decoded(text: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let pair = [bytes.next().expect("two digits"), bytes.next().expect("two digits")];
                let digits = std::str::from_utf8(&pair).expect("digits");
                out.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).expect("UTF-8")
}

/// A body or message: text as it is, everything else as JSON.
fn raw(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn response(case: &Value) -> Response<Vec<u8>> {
    let status = u16::try_from(case["status"].as_u64().unwrap_or(200)).expect("a status");
    let mut response = Response::builder().status(status);
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        response = response.header(name, value.as_str().expect("a header is text"));
    }
    response.body(raw(&case["body"]).into_bytes()).expect("a response")
}

/// The answer to one response, or to several `responses` that a call took one after the other.
fn told(file: &File, case: &Value, call: &Value) -> Answer {
    let (client, call) = (client(file, case), read_call(file, case, call));
    match case["responses"].as_array() {
        None => client.answer(&call, &response(case), now(case)),
        Some(all) => {
            let all: Vec<_> = all.iter().map(response).collect();
            client.conclude(&call, &all, now(case))
        }
    }
}

/// `{call, status, headers, body, answer}`, or `{call, responses, answer}`.
pub fn answer(file: &File, case: &Value) -> Outcome {
    let answer = told(file, case, &case["call"]);
    same(&Shower(&file.roster).answer(&answer), &case["answer"])
}

/// `{status, headers, body, kind}`: the answer's sort alone; to a new order, if there is no `call`.
pub fn error(file: &File, case: &Value) -> Outcome {
    let (_, one) = file
        .roster
        .all()
        .iter()
        .enumerate()
        .find(|(_, one)| one.product == file.product_of(case))
        .expect("the roster has one");
    let mut size = String::new();
    assert!(one.push_size(one.listing.size_min, &mut size), "a size");
    let order = json!({ "place": {
        "instrument": one.native.as_str(), "client": "kit", "side": "buy", "size": size,
        "kind": "market"
    } });
    let call = if case["call"].is_null() { &order } else { &case["call"] };
    let shown = Shower(&file.roster).answer(&told(file, case, call));
    let found = match &shown {
        Value::String(name) => json!(name),
        Value::Object(map) => {
            let kind = map.get("refused").or_else(|| map.get("unknown"));
            kind.cloned().unwrap_or_else(|| json!(map.keys().next()))
        }
        other => other.clone(),
    };
    same(&found, &case["kind"])
}

/// Feeds messages to a stream; what it said, with `"unreadable"` for what it could not read.
fn listen(file: &File, stream: &mut dyn Stream, case: &Value, messages: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    for message in messages.as_array().into_iter().flatten() {
        let (mut words, mut send) = (Vec::new(), Vec::new());
        let heard = stream.hear(&raw(message), now(case), &mut words, &mut send);
        out.extend(words.iter().map(|word| Shower(&file.roster).word(word)));
        if heard.is_err() {
            out.push(json!("unreadable"));
        }
    }
    out
}

fn opened(file: &File, case: &Value) -> Box<dyn Stream> {
    let mut stream = client(file, case).stream(Some("listen-key"));
    stream.opened(now(case), &mut Vec::new());
    stream
}

/// `{messages, words}`.
pub fn stream(file: &File, case: &Value) -> Outcome {
    let mut stream = opened(file, case);
    let words = listen(file, stream.as_mut(), case, &case["messages"]);
    same(&Value::Array(words), &case["words"])
}

/// `{steps, outcome}`: a step is `{"hear": [messages]}`, `{"answer": {call, status, body}}` or
/// `"reconnect"`; the outcome is all that was told, in order.
pub fn restart(file: &File, case: &Value) -> Outcome {
    let mut stream = opened(file, case);
    let mut out = Vec::new();
    for step in case["steps"].as_array().expect("a scenario has steps") {
        if step == "reconnect" {
            stream = opened(file, case);
        } else if step["hear"].is_array() {
            out.extend(listen(file, stream.as_mut(), case, &step["hear"]));
        } else {
            let asked = &step["answer"];
            let answer = told(file, asked, &asked["call"]);
            out.push(Shower(&file.roster).answer(&answer));
        }
    }
    same(&Value::Array(out), &case["outcome"])
}
