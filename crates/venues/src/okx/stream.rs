//! The private streams: one connection tells of orders, positions and money, another one of
//! conditional orders.
//!
//! <https://www.okx.com/docs-v5/en/#overview-websocket>,
//! <https://www.okx.com/docs-v5/en/#order-book-trading-trade-ws-order-channel>,
//! <https://www.okx.com/docs-v5/en/#order-book-trading-algo-trading-ws-algo-orders-channel>,
//! <https://www.okx.com/docs-v5/en/#trading-account-websocket>.

use super::{
    reports,
    rows::{AccountRow, AlgoRow, MoveRow, OrderRow, PositionRow},
    sign::{LOGIN, millis, signature},
    text::{self, Unread, close, push},
};
use crate::{Error, Setup, Stream, text::Text};
use engine::live::{Triggered, Word};
use market::{Product, Roster, Timestamp, VenueName};
use serde::Deserialize;
use std::sync::Arc;

/// The venue hangs up after 30 s of silence: ask for a sign of life before.
const SILENCE_NANOS: i64 = 20_000_000_000;

/// Which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// Orders that meet the market, positions, money.
    Private,
    /// Orders that wait.
    Business,
}

/// The bot's end of one connection.
#[derive(Debug)]
pub(super) struct Listener {
    setup: Arc<Setup>,
    line: Line,
    /// Subscriptions that the venue has not confirmed yet.
    awaited: usize,
    /// When to ask for a sign of life.
    deadline: Option<Timestamp>,
}

/// A message: an event, or rows of a channel, which are read once the channel is known.
#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    event: Text<'a>,
    #[serde(borrow, default)]
    code: Text<'a>,
    #[serde(borrow, default)]
    arg: Arg<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct Arg<'a> {
    #[serde(borrow, default)]
    channel: Text<'a>,
}

impl Listener {
    pub(super) const fn new(setup: Arc<Setup>, line: Line) -> Self {
        Self { setup, line, awaited: 0, deadline: None }
    }

    fn login(&self, now: Timestamp) -> String {
        let seconds = millis(now).div_euclid(1000).to_string();
        let keys = &self.setup.keys;
        let sign = signature(keys, &[seconds.as_str(), LOGIN].concat());
        let mut out = String::from(r#"{"op":"login","args":[{"#);
        push(&mut out, "apiKey", &keys.key);
        push(&mut out, "passphrase", keys.passphrase.as_ref().map_or("", |words| words.expose()));
        push(&mut out, "timestamp", &seconds);
        push(&mut out, "sign", &sign);
        close(&mut out);
        out.push_str("]}");
        out
    }

    /// The channels of this connection.
    fn channels(&self) -> Vec<String> {
        let kind = text::kind(self.setup.product);
        let of = |channel: &str| format!(r#"{{"channel":"{channel}","instType":"{kind}"}}"#);
        // Only what happens, not the same again every few seconds.
        let quiet = r#""extraParams":"{\"updateInterval\":\"0\"}""#;
        match (self.line, self.setup.product) {
            (Line::Business, _) => vec![of("orders-algo"), of("algo-advance")],
            (Line::Private, product) => {
                let mut all = vec![of("orders"), format!(r#"{{"channel":"account",{quiet}}}"#)];
                if product == Product::Perpetual {
                    all.push(r#"{"channel":"balance_and_position"}"#.to_owned());
                    all.push(format!(r#"{{"channel":"positions","instType":"SWAP",{quiet}}}"#));
                }
                all
            }
        }
    }

    fn event(&mut self, message: &Message<'_>, out: &mut Vec<Word>, send: &mut Vec<String>) {
        match &*message.event {
            "login" if &*message.code == "0" => {
                let channels = self.channels();
                self.awaited = channels.len();
                send.push(format!(r#"{{"op":"subscribe","args":[{}]}}"#, channels.join(",")));
            }
            "subscribe" => {
                self.awaited = self.awaited.saturating_sub(1);
                if self.awaited == 0 {
                    out.push(Word::Ready);
                }
            }
            // A refused login or channel, too many connections, an upgrade of the venue: in each case this
            // connection will not tell everything.
            "login" | "error" | "notice" | "channel-conn-count-error" => out.push(Word::Ending),
            _ => {}
        }
    }
}

impl Stream for Listener {
    fn uri(&self) -> String {
        let path = match self.line {
            Line::Private => "/ws/v5/private",
            Line::Business => "/ws/v5/business",
        };
        [self.setup.hosts.private.as_str(), path].concat()
    }

    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>) {
        self.awaited = 0;
        self.deadline = now.plus_nanos(SILENCE_NANOS).ok();
        send.push(self.login(now));
    }

    fn hear(
        &mut self,
        text: &str,
        now: Timestamp,
        out: &mut Vec<Word>,
        send: &mut Vec<String>,
    ) -> Result<(), Error> {
        self.deadline = now.plus_nanos(SILENCE_NANOS).ok();
        if text == "pong" {
            return Ok(());
        }
        let unreadable = |what: String| Error::Unreadable { venue: VenueName::Okx, what };
        let message: Message<'_> =
            serde_json::from_str(text).map_err(|_| unreadable("a message".to_owned()))?;
        if !message.event.is_empty() {
            self.event(&message, out, send);
            return Ok(());
        }
        // All of a message's words, or none.
        let before = out.len();
        let told = words(&message.arg.channel, text, &self.setup.roster, out);
        told.map_err(|Unread(field)| {
            out.truncate(before);
            unreadable(format!("{field} of channel {}", crate::text::clean(&message.arg.channel)))
        })
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn tick(&mut self, now: Timestamp, send: &mut Vec<String>) {
        self.deadline = now.plus_nanos(SILENCE_NANOS).ok();
        send.push("ping".to_owned());
    }
}

/// What a channel's rows say.
fn words(channel: &str, text: &str, roster: &Roster, out: &mut Vec<Word>) -> Result<(), Unread> {
    match channel {
        "orders" => {
            let rows = read::<OrderRow<'_>>(text)?;
            rows.iter().try_for_each(|row| order_words(row, roster, out))
        }
        "orders-algo" | "algo-advance" => {
            let rows = read::<AlgoRow<'_>>(text)?;
            rows.iter().try_for_each(|row| algo_words(row, roster, out))
        }
        "positions" => {
            for row in &read::<PositionRow<'_>>(text)? {
                out.extend(reports::position(row, roster)?.map(Word::Position));
            }
            Ok(())
        }
        "balance_and_position" => {
            let rows = read::<MoveRow<'_>>(text)?;
            out.extend(
                rows.iter().filter(|row| &*row.event_type == "funding_fee").map(|_| Word::Funded),
            );
            Ok(())
        }
        "account" => {
            for row in read::<AccountRow<'_>>(text)?.iter().flat_map(|row| &row.details) {
                out.extend(reports::coin(row)?.map(Word::Balance));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<Vec<T>, Unread> {
    #[derive(Deserialize)]
    struct Rows<T> {
        data: Vec<T>,
    }
    let rows: Rows<T> = serde_json::from_str(text).map_err(|_| Unread("data"))?;
    Ok(rows.data)
}

/// The link to the order that waited first, then what traded, then how the order stands.
fn order_words(row: &OrderRow<'_>, roster: &Roster, out: &mut Vec<Word>) -> Result<(), Unread> {
    let Some(report) = reports::order(row, roster)? else { return Ok(()) };
    if let (Some(algo), Some(venue)) = (row.algo_id.some(), report.venue) {
        let client = text::name(&row.algo_cl_ord_id);
        out.push(Word::Triggered(Triggered { client, waiting: text::name(algo), venue }));
    }
    out.extend(reports::stream_fill(row, &report, roster)?);
    out.push(Word::Order(report));
    Ok(())
}

fn algo_words(row: &AlgoRow<'_>, roster: &Roster, out: &mut Vec<Word>) -> Result<(), Unread> {
    let Some(report) = reports::algo(row, roster)? else { return Ok(()) };
    if let Some(child) = reports::child(row) {
        out.push(Word::Triggered(Triggered {
            client: report.client,
            waiting: text::name(&row.algo_id),
            venue: text::id(child, "ordId")?,
        }));
    }
    out.push(Word::Order(report));
    Ok(())
}
