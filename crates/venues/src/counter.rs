//! The venue's end of a protocol: what the exchange in a box speaks with.

use crate::Keys;
use engine::live::{Answer, Call, Word};
use http::{Request, Response};
use market::{Roster, Timestamp};

/// The keys that a venue knows, by account.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    /// An account's number is its place here.
    pub accounts: Vec<Keys>,
}

/// A request that was signed by somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// By whom.
    pub account: usize,
    /// What is asked. A request for what a [`Call`] has no words for is answered by the counter
    /// itself, with the venue's own error.
    pub call: Call,
}

/// The venue's end: bytes to calls, answers to bytes, words to stream messages. It checks signatures,
/// timestamps and shapes as the venue does, and refuses in the venue's words.
pub trait Counter: Send + Sync {
    /// What a request asks for, or the venue's refusal of it.
    fn asked(
        &self,
        request: &Request<Vec<u8>>,
        keys: &KeyRing,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Asked, Box<Response<Vec<u8>>>>;

    /// The response that says this.
    fn respond(
        &self,
        call: &Call,
        answer: &Answer,
        roster: &Roster,
        now: Timestamp,
    ) -> Response<Vec<u8>>;

    /// Every call that a request comes to, the one of [`Asked`] first: orders by the handful, or one
    /// response that says two things.
    fn calls(&self, request: &Request<Vec<u8>>, asked: &Asked, roster: &Roster) -> Vec<Call> {
        let _ = (request, roster);
        vec![asked.call.clone()]
    }

    /// The response to a request that says the answers to all its [`Counter::calls`], with the roster and
    /// the time: a page of a list, or the shape that the request wants.
    fn reply(
        &self,
        request: &Request<Vec<u8>>,
        asked: &Asked,
        answers: &[Answer],
        (roster, now): (&Roster, Timestamp),
    ) -> Response<Vec<u8>> {
        let _ = request;
        let none = Answer::Unknown(engine::live::Unknown::Unsent);
        self.respond(&asked.call, answers.first().unwrap_or(&none), roster, now)
    }

    /// A private stream's connection to this path, if this venue has one there.
    fn hearing(&self, path_and_query: &str) -> Option<Box<dyn Hearing>>;
}

/// The venue's end of one private stream.
pub trait Hearing: Send {
    /// Whose stream it is, once it is known.
    fn account(&self) -> Option<usize>;

    /// Reads what the client sent (log in, subscribe, ping); appends what to send back.
    fn hear(&mut self, text: &str, keys: &KeyRing, now: Timestamp, send: &mut Vec<String>);

    /// The messages that say this, none if the client did not subscribe to such; `now` is the time
    /// of the message.
    fn tell(&mut self, word: &Word, roster: &Roster, now: Timestamp, send: &mut Vec<String>);
}
