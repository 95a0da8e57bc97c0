//! The public page: how every claim stands, in HTML that needs no script.

mod badge;
mod findings;
mod history;
mod list;
mod words;

pub use badge::badge;
pub use findings::findings;
pub use history::history;
pub use list::{Filter, list};
pub use words::Language;

use crate::tearsheet::escape;
use audit::posture::State;
use jiff::Timestamp;
use words::Words;

/// The one stylesheet; the policy of pages takes no style inside them.
pub const STYLE: &str = include_str!("style.css");

/// What of the server itself is shown beside its claims.
#[derive(Debug, Clone, Default)]
pub struct House {
    /// The posture's key.
    pub key: String,
    /// Who signed the certificate.
    pub issuer: Option<String>,
    /// Until when it holds.
    pub expires: Option<Timestamp>,
    /// Entries of the log that the newest checkpoint signs, and when it was signed.
    pub checkpoint: Option<(u64, Timestamp)>,
    /// How many witnesses there are, and the largest size that one of them cosigned.
    pub witnesses: (usize, Option<u64>),
}

/// A page of the same kind around another body; `here` is its own address.
pub(in crate::server) fn framed(
    (host, here): (&str, &str),
    language: Language,
    title: &str,
    body: &str,
) -> String {
    let banner = banner(host, here, language, language.words());
    whole(language, &format!("{title} · {host}"), &(banner + body))
}

/// A whole page around its body.
fn whole(language: Language, title: &str, body: &str) -> String {
    let title = escape(title);
    let tongue = language.as_str();
    format!(
        "<!doctype html>\n<html lang=\"{tongue}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/security/style.css\">\n\
         <link rel=\"icon\" href=\"/favicon.svg\">\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// The state's word in a coloured frame; the word says it, the colour only helps.
fn mark(state: State, words: &Words) -> String {
    format!("<span class=\"mark {}\">{}</span>", class(state), words.state(state))
}

/// The state that an address names: `not-met`.
#[must_use]
pub fn state(word: &str) -> Option<State> {
    State::ALL.into_iter().find(|state| class(*state) == word)
}

fn class(state: State) -> String {
    state.as_str().replace(' ', "-")
}

/// A time as people read it, with the exact one beside it.
fn moment(time: Timestamp, now: Timestamp, words: &Words) -> String {
    format!(
        "<time datetime=\"{}\">{} <span class=\"age\">({})</span></time>",
        time.strftime("%Y-%m-%dT%H:%M:%SZ"),
        time.strftime("%Y-%m-%d %H:%M UTC"),
        words.ago(time, now)
    )
}

/// The head of each page: the server's name, and the other language.
fn banner(host: &str, here: &str, language: Language, words: &Words) -> String {
    let other = language.other();
    let joint = if here.contains('?') { '&' } else { '?' };
    format!(
        "<header class=\"banner\"><a class=\"brand\" href=\"/security\">Stockade</a>\
         <span class=\"host\">{}</span>\
         <a class=\"tongue\" hreflang=\"{}\" lang=\"{}\" href=\"{}{joint}lang={}\">{}</a></header>\n",
        escape(host),
        other.as_str(),
        other.as_str(),
        escape(here),
        other.as_str(),
        words.other_language,
    )
}
