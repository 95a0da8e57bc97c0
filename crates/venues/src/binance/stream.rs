//! The private streams: a listen key's connection for the futures, a subscription of the WebSocket API for
//! spot.

use super::{
    event::{AccountUpdate, AlgoUpdate, Execution, Holdings, OrderUpdate, holdings},
    millis,
    order::{Garbled, Reader},
    query::Query,
    sign,
};
use crate::{Error, Setup};
use engine::live::Word;
use market::{Product, Timestamp, VenueName};
use serde::Deserialize;
use std::borrow::Cow;

fn unreadable(what: impl Into<String>) -> Error {
    Error::Unreadable { venue: VenueName::Binance, what: what.into() }
}

/// The name of an event, wherever it stands.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default)]
    e: Option<Cow<'a, str>>,
    /// In a combined stream.
    #[serde(borrow, default)]
    data: Option<Name<'a>>,
    /// In a subscription of the WebSocket API.
    #[serde(borrow, default)]
    event: Option<Name<'a>>,
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    error: Option<Fault>,
    #[serde(default)]
    id: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    e: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Event<T> {
    event: T,
}

impl Head<'_> {
    fn name(&self) -> Option<&str> {
        let inner = self.data.as_ref().or(self.event.as_ref());
        self.e.as_deref().or(inner.map(|name| name.e.as_ref()))
    }

    /// The event itself.
    fn whole<'a, T: Deserialize<'a>>(&self, text: &'a str) -> Result<T, Garbled> {
        let read = if self.e.is_some() {
            serde_json::from_str(text)
        } else if self.data.is_some() {
            serde_json::from_str::<Data<T>>(text).map(|outer| outer.data)
        } else {
            serde_json::from_str::<Event<T>>(text).map(|outer| outer.event)
        };
        read.map_err(|_| Garbled)
    }
}

/// Reads one message: an event, or the answer to what was sent. What was sent for the futures changes
/// nothing: any answer to it, a refusal too, shows that the stream is up.
fn hear(setup: &Setup, text: &str, is_ready: &mut bool, out: &mut Vec<Word>) -> Result<(), Error> {
    let head: Head<'_> = serde_json::from_str(text).map_err(|_| unreadable("no JSON object"))?;
    let Some(name) = head.name() else {
        if let Some(fault) = head.error.filter(|_| setup.product == Product::Spot) {
            return Err(unreadable(format!("what was sent is refused ({})", fault.code)));
        }
        let is_answer = head.id.is_some() && head.status.unwrap_or(200) == 200;
        if is_answer && !std::mem::replace(is_ready, true) {
            out.push(Word::Ready);
        }
        return Ok(());
    };
    if !std::mem::replace(is_ready, true) {
        out.push(Word::Ready);
    }
    let reader = Reader { setup };
    let before = out.len();
    let outcome = match name {
        "ORDER_TRADE_UPDATE" => {
            head.whole::<OrderUpdate<'_>>(text).and_then(|it| reader.execution(&it.o, out))
        }
        "ALGO_UPDATE" => {
            head.whole::<AlgoUpdate<'_>>(text).and_then(|it| reader.algo_update(&it, out))
        }
        "ACCOUNT_UPDATE" => {
            head.whole::<AccountUpdate<'_>>(text).and_then(|it| reader.account_update(&it, out))
        }
        "executionReport" => {
            head.whole::<Execution<'_>>(text).and_then(|it| reader.execution(&it, out))
        }
        "outboundAccountPosition" => {
            head.whole::<Holdings<'_>>(text).and_then(|it| holdings(&it, out))
        }
        "listenKeyExpired" | "eventStreamTerminated" | "serverShutdown" => {
            out.push(Word::Ending);
            Ok(())
        }
        _ => Ok(()),
    };
    outcome.map_err(|Garbled| {
        // Half of a message is none.
        out.truncate(before);
        unreadable(format!("an event {}", crate::text::clean(name)))
    })
}

/// The futures' user stream.
pub(super) struct Futures {
    setup: Setup,
    listen_key: String,
    is_ready: bool,
}

impl Futures {
    pub(super) fn new(setup: Setup, listen_key: &str) -> Self {
        Self { setup, listen_key: listen_key.to_owned(), is_ready: false }
    }
}

impl crate::Stream for Futures {
    fn uri(&self) -> String {
        format!("{}/private/ws/{}", self.setup.hosts.private, self.listen_key)
    }

    /// The key is the subscription. A question that changes nothing shows by its answer that the stream
    /// is up, for want of a greeting.
    fn opened(&mut self, _: Timestamp, send: &mut Vec<String>) {
        self.is_ready = false;
        send.push(r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#.to_owned());
    }

    fn hear(
        &mut self,
        text: &str,
        _: Timestamp,
        out: &mut Vec<Word>,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        hear(&self.setup, text, &mut self.is_ready, out)
    }

    /// The venue pings; whoever holds the socket answers.
    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn tick(&mut self, _: Timestamp, _: &mut Vec<String>) {}
}

/// Spot's user stream.
pub(super) struct Spot {
    setup: Setup,
    is_ready: bool,
}

impl Spot {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, is_ready: false }
    }
}

impl crate::Stream for Spot {
    fn uri(&self) -> String {
        format!("{}/ws-api/v3", self.setup.hosts.private)
    }

    /// Parameters are signed in the order of their names.
    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>) {
        self.is_ready = false;
        let (key, window, time) = (&self.setup.keys.key, self.setup.window_ms, millis(now));
        let mut query = Query::new();
        query.text("apiKey", key);
        query.number("recvWindow", window);
        query.number("timestamp", time);
        let signature = sign(&self.setup.keys.secret, query.unsigned().as_bytes());
        let key = serde_json::Value::from(key.as_str());
        send.push(format!(
            r#"{{"id":"1","method":"userDataStream.subscribe.signature","params":{{"apiKey":{key},"recvWindow":{window},"timestamp":{time},"signature":"{signature}"}}}}"#
        ));
    }

    fn hear(
        &mut self,
        text: &str,
        _: Timestamp,
        out: &mut Vec<Word>,
        _: &mut Vec<String>,
    ) -> Result<(), Error> {
        hear(&self.setup, text, &mut self.is_ready, out)
    }

    fn deadline(&self) -> Option<Timestamp> {
        None
    }

    fn tick(&mut self, _: Timestamp, _: &mut Vec<String>) {}
}
