//! The venue's end of a private stream.

use super::{
    super::{category, sign::login, text::to_ms},
    rows,
};
use crate::{Hearing, KeyRing, text::Text};
use engine::live::Word;
use market::{Product, Roster, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Topics that one connection may hold.
const TOPICS_MAX: usize = 32;
const CONNECTION: &str = "box-1";

/// One connection.
#[derive(Debug)]
pub(super) struct Private {
    product: Product,
    account: Option<usize>,
    topics: BTreeSet<String>,
    told: u64,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default)]
    req_id: Text<'a>,
    #[serde(borrow, default)]
    op: Text<'a>,
    #[serde(borrow, default = "Vec::new")]
    args: Vec<Text<'a>>,
}

impl Private {
    pub fn boxed(product: Product) -> Box<dyn Hearing> {
        Box::new(Self { product, account: None, topics: BTreeSet::new(), told: 0 })
    }

    /// Whose key signed, until a moment that has not passed.
    fn login(args: &[Text<'_>], keys: &KeyRing, now: Timestamp) -> Option<usize> {
        let [key, expires, signature] = args else { return None };
        let until: i64 = expires.parse().ok()?;
        let account = keys.accounts.iter().position(|one| one.key == **key)?;
        let right = login(keys.accounts.get(account)?.secret.expose(), expires);
        let is_right = seal::equal(right.as_bytes(), signature.as_bytes());
        (until > to_ms(now) && is_right).then_some(account)
    }

    /// Only whole subscriptions are taken.
    fn subscribe(&mut self, args: &[Text<'_>]) -> Result<(), String> {
        if self.account.is_none() {
            return Err("Request not authorized".to_owned());
        }
        let mut topics = self.topics.clone();
        for topic in args {
            let (kind, of) = topic.split_once('.').unwrap_or((&**topic, ""));
            let kinds = ["order", "execution", "position", "wallet", "dcp"];
            let products = ["", "spot", "linear", "future", "inverse", "option"];
            if !kinds.contains(&kind) || !products.contains(&of) {
                return Err(format!("Invalid topic: {}", crate::text::clean(topic)));
            }
            topics.insert(topic.to_string());
        }
        if topics.len() > TOPICS_MAX {
            return Err("too many topics".to_owned());
        }
        self.topics = topics;
        Ok(())
    }

    fn reply(&mut self, said: &Said<'_>, keys: &KeyRing, now: Timestamp) -> Value {
        let outcome = match &*said.op {
            "auth" => {
                self.account = Self::login(&said.args, keys, now);
                if self.account.is_some() { Ok(()) } else { Err("Params Error".to_owned()) }
            }
            "subscribe" => self.subscribe(&said.args),
            "unsubscribe" => {
                self.topics.retain(|topic| said.args.iter().all(|one| **one != **topic));
                Ok(())
            }
            "ping" => {
                return json!({
                    "req_id": &*said.req_id, "op": "pong", "args": [to_ms(now).to_string()],
                    "conn_id": CONNECTION,
                });
            }
            _ => Err("op type is not found".to_owned()),
        };
        json!({
            "success": outcome.is_ok(), "ret_msg": outcome.err().unwrap_or_default(),
            "op": &*said.op, "req_id": &*said.req_id, "conn_id": CONNECTION,
        })
    }

    /// The topic under which the client wants to hear this, if it does.
    fn topic(&self, kind: &str) -> Option<String> {
        let of_product = format!("{kind}.{}", category(self.product));
        [kind.to_owned(), of_product].into_iter().find(|topic| self.topics.contains(topic))
    }
}

impl Hearing for Private {
    fn account(&self) -> Option<usize> {
        self.account
    }

    fn hear(&mut self, text: &str, keys: &KeyRing, now: Timestamp, send: &mut Vec<String>) {
        let reply = match serde_json::from_str::<Said<'_>>(text) {
            Ok(said) => self.reply(&said, keys, now),
            Err(_) => json!({ "success": false, "ret_msg": "Params Error", "op": "" }),
        };
        send.push(reply.to_string());
    }

    fn tell(&mut self, word: &Word, roster: &Roster, now: Timestamp, send: &mut Vec<String>) {
        let (kind, row) = match word {
            Word::Order(report) => ("order", rows::order(report, roster)),
            Word::Fill(report) => ("execution", rows::fill(report, roster)),
            Word::Funding(report) => ("execution", rows::funding(report, roster)),
            Word::Position(report) => ("position", rows::position(report, roster)),
            Word::Balance(balance) => ("wallet", Some(rows::wallet(&[*balance]))),
            // An order keeps its number when it wakes, and the rest is the connection's.
            Word::Triggered(_) | Word::Funded | Word::Ready | Word::Gap | Word::Ending => return,
        };
        let (Some(topic), Some(row)) = (self.topic(kind), row) else { return };
        self.told += 1;
        let id = format!("{CONNECTION}-{}", self.told);
        let message =
            json!({ "id": id, "topic": topic, "creationTime": to_ms(now), "data": [row] });
        send.push(message.to_string());
    }
}
