//! The private stream: log in, subscribe, keep alive, read.
//!
//! <https://bybit-exchange.github.io/docs/v5/ws/connect>: a ping every 20 seconds, or the venue ends
//! the connection. What it tells is not numbered, so a lost message cannot be seen in the messages:
//! whoever loses the connection compares everything.

use super::{
    read::{Bad, Reader, balance},
    sign::login,
    text::to_ms,
    wire::{FillRow, Message, OrderRow, PositionRow, Rows, Wallet},
};
use crate::{
    Error, Setup,
    text::{clean, push_quoted},
};
use engine::live::Word;
use market::{Product, Timestamp, VenueName};

const PATH: &str = "/v5/private";
const PING_NANOS: i64 = 20_000_000_000;
const PING: &str = r#"{"op":"ping"}"#;
/// How long a log-in stands: clocks differ, and the venue wants a moment that lies ahead.
const LOGIN_MS: i64 = 10_000;

/// One connection.
#[derive(Debug)]
pub(super) struct Private {
    setup: Setup,
    /// Subscriptions that are not confirmed yet.
    pending: usize,
    ping_at: Option<Timestamp>,
}

impl Private {
    pub const fn new(setup: Setup) -> Self {
        Self { setup, pending: 0, ping_at: None }
    }

    /// Orders and trades of the client's product, and the wallet, which is one for all. Topics of one
    /// product and of all may not stand in one subscription.
    const fn subscriptions(&self) -> [&'static str; 2] {
        let of_product = match self.setup.product {
            Product::Spot => r#"{"op":"subscribe","args":["order.spot","execution.spot"]}"#,
            Product::Perpetual => {
                r#"{"op":"subscribe","args":["order.linear","execution.linear","position.linear"]}"#
            }
        };
        [of_product, r#"{"op":"subscribe","args":["wallet"]}"#]
    }

    fn plan_ping(&mut self, now: Timestamp) {
        self.ping_at = now.plus_nanos(PING_NANOS).ok();
    }

    /// What the venue says of what it was told to do.
    fn reply(
        &mut self,
        message: &Message<'_>,
        out: &mut Vec<Word>,
        send: &mut Vec<String>,
    ) -> Result<(), Error> {
        let fails =
            message.success == Some(false) || message.ret_code.is_some_and(|code| code != 0);
        match (&*message.op, fails) {
            ("auth", false) => {
                let subscriptions = self.subscriptions();
                self.pending = subscriptions.len();
                send.extend(subscriptions.map(str::to_owned));
            }
            ("subscribe", false) if self.pending > 0 => {
                self.pending -= 1;
                if self.pending == 0 {
                    out.push(Word::Ready);
                }
            }
            ("auth" | "subscribe", true) => {
                out.push(Word::Ending);
                let op = clean(&message.op);
                let what = format!("{op} was refused: {}", clean(&message.ret_msg));
                return Err(Error::Unreadable { venue: VenueName::Bybit, what });
            }
            _ => {}
        }
        Ok(())
    }

    fn tell(&self, topic: &str, text: &str, out: &mut Vec<Word>) -> Result<(), Bad> {
        let setup = &self.setup;
        let reader = Reader { roster: &setup.roster, product: setup.product, mode: setup.mode };
        // Each stands for all products, or for one; `execution.fast` lacks fees and is another thing.
        let (kind, of) = topic.split_once('.').unwrap_or((topic, ""));
        match kind {
            _ if !matches!(of, "" | "spot" | "linear") => Ok(()),
            "order" => each(text, |row: &OrderRow<'_>| reader.order(row), Word::Order, out),
            "execution" => {
                each(text, |row: &FillRow<'_>| reader.execution(row), |word: Word| word, out)
            }
            "position" => {
                each(text, |row: &PositionRow<'_>| reader.position(row), Word::Position, out)
            }
            "wallet" => rows::<Wallet<'_>>(text).and_then(|wallets| {
                let coins = wallets.iter().flat_map(|wallet| &wallet.coin);
                every(coins.map(balance), Word::Balance, out)
            }),
            _ => Ok(()),
        }
    }
}

/// Tells what can be read of the rows of a message, and whether that was all of them.
fn each<'a, R: serde::Deserialize<'a>, T>(
    text: &'a str,
    read: impl Fn(&R) -> Result<Option<T>, Bad>,
    word: fn(T) -> Word,
    out: &mut Vec<Word>,
) -> Result<(), Bad> {
    every(rows::<R>(text)?.iter().map(read), word, out)
}

fn every<T>(
    read: impl Iterator<Item = Result<Option<T>, Bad>>,
    word: fn(T) -> Word,
    out: &mut Vec<Word>,
) -> Result<(), Bad> {
    let mut all = Ok(());
    for one in read {
        match one {
            Ok(one) => out.extend(one.map(word)),
            Err(bad) => all = Err(bad),
        }
    }
    all
}

fn rows<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<Vec<T>, Bad> {
    serde_json::from_str::<Rows<T>>(text).map(|rows| rows.data).map_err(|_| "rows")
}

fn unreadable(what: &str) -> Error {
    Error::Unreadable { venue: VenueName::Bybit, what: what.to_owned() }
}

impl crate::Stream for Private {
    fn uri(&self) -> String {
        format!("{}{PATH}", self.setup.hosts.private)
    }

    fn opened(&mut self, now: Timestamp, send: &mut Vec<String>) {
        let keys = &self.setup.keys;
        let expires = to_ms(now).saturating_add(LOGIN_MS).to_string();
        let signature = login(keys.secret.expose(), &expires);
        let mut text = String::from(r#"{"op":"auth","args":["#);
        push_quoted(&keys.key, &mut text);
        text.push_str(&format!(",{expires},\"{signature}\"]}}"));
        send.push(text);
        self.plan_ping(now);
    }

    fn hear(
        &mut self,
        text: &str,
        _: Timestamp,
        out: &mut Vec<Word>,
        send: &mut Vec<String>,
    ) -> Result<(), Error> {
        let message: Message<'_> =
            serde_json::from_str(text).map_err(|_| unreadable("no message"))?;
        if message.topic.is_empty() {
            return self.reply(&message, out, send);
        }
        let told = self.tell(&message.topic, text, out);
        told.map_err(|what| unreadable(&format!("{what} in {}", clean(&message.topic))))
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.ping_at
    }

    fn tick(&mut self, now: Timestamp, send: &mut Vec<String>) {
        if self.ping_at.is_some_and(|at| now >= at) {
            send.push(PING.to_owned());
            self.plan_ping(now);
        }
    }
}
