//! Knows: mail, chat and webhooks: what a notice looks like in each, how fast each takes it, and when to try again.
//! Never knows: why a notice is sent, markets, keys of a venue, or whether anybody reads it.
//!
//! A [`Notice`] goes into an [`Outbox`] (a state machine without a clock); what the outbox hands out is put
//! into the words of a [`Channel`] and given to [`deliver`], which takes the caller's HTTP client. This crate
//! opens no socket of its own, but for mail and for the records in DNS that belong to it.
//!
//! A [`Letter`] to a person is written as a [`Message`], waits in a [`Queue`] as a [`Posting`], and is signed by
//! a [`Signer`] and handed over by a [`Relay`]; or it is put into a [`Tray`], where nothing is sent. [`records`]
//! says what the domain of a sender needs in DNS, and [`check`] whether it is there.

#![forbid(unsafe_code)]

mod brake;
mod channel;
mod clean;
mod deliver;
mod discord;
mod dkim;
mod dns;
mod domain;
mod endpoint;
mod event;
mod letter;
mod link;
mod mail;
mod mailbox;
mod matrix;
mod message;
mod notice;
mod outbox;
mod pace;
mod posting;
mod queue;
mod relay;
mod reply;
mod scrub;
mod slack;
mod telegram;
mod tray;
mod webhook;

pub use brake::Brake;
pub use channel::{Address, Channel, Delivery, Outgoing};
pub use clean::{clean, cut};
pub use deliver::{Answer, Verdict, deliver};
pub use discord::Discord;
pub use dkim::{DkimKey, Signer};
pub use dns::{Answers, Asked, Kind, Lookup, Resolver};
pub use domain::{Domain, Finding, Record, Weight, check, records};
pub use endpoint::Endpoint;
pub use event::Event;
pub use letter::{Decision, Due, Factor, Foreign, Language, Letter, Letterhead, Occasion, Side};
pub use link::{Link, Origin};
pub use mail::{Mail, Mailing};
pub use mailbox::{Mailbox, Sender};
pub use matrix::Matrix;
pub use message::Message;
pub use notice::{Level, Notice};
pub use outbox::{Counts, Next, Outbox, OutboxSettings, Parcel, Pushed};
pub use pace::{Bucket, Pace};
pub use posting::{Posting, Standing};
pub use queue::{HandedIn, Queue, Step};
pub use relay::{MailServer, Relay, Transport};
pub use scrub::scrub;
pub use slack::Slack;
pub use telegram::Telegram;
pub use tray::{Carrier, Kept, Tray};
pub use webhook::{Webhook, WebhookKey};

/// Everything that can be wrong with a channel's settings; no message holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not an address that a request can be sent to.
    #[error("{what}: not a usable address ({why}); write it as https://HOST/PATH")]
    Address {
        /// Which setting.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An address of another service, or another page of it.
    #[error("{what}: this is no address of that service; it looks like {like}")]
    Foreign {
        /// Which setting.
        what: &'static str,
        /// What such an address looks like.
        like: &'static str,
    },
    /// A token, key or id that cannot be one.
    #[error("{what}: {why}")]
    Malformed {
        /// Which setting.
        what: &'static str,
        /// What is wrong and how it should look.
        why: &'static str,
    },
    /// A message that is not sent as it stands.
    #[error("the message is not sent: {why}")]
    Message {
        /// What is wrong with it.
        why: &'static str,
    },
    /// No room for another message.
    #[error(
        "{capacity} mails wait already: look at why none is delivered with `stockade mail check`"
    )]
    Full {
        /// How many may wait.
        capacity: usize,
    },
    /// DNS could not be asked.
    #[error("cannot ask {server} for {name}: {why}")]
    Dns {
        /// The server that was asked.
        server: std::net::SocketAddr,
        /// What for.
        name: String,
        /// What went wrong.
        why: &'static str,
    },
    /// The mail library refuses an address or a certificate.
    #[error("mail: {what} is refused: {why}")]
    Mail {
        /// Which setting.
        what: &'static str,
        /// What the library says.
        why: String,
    },
}
