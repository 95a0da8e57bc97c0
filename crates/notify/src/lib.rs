//! Knows: mail, chat and webhooks: what a notice looks like in each, how fast each takes it, and when to try again.
//! Never knows: why a notice is sent, markets, keys of a venue, or whether anybody reads it.
//!
//! A [`Notice`] goes into an [`Outbox`] (a state machine without a clock); what the outbox hands out is put
//! into the words of a [`Channel`] and given to [`deliver`], which takes the caller's HTTP client. This crate
//! opens no socket of its own, but for mail.

#![forbid(unsafe_code)]

mod channel;
mod clean;
mod deliver;
mod discord;
mod endpoint;
mod event;
mod mail;
mod matrix;
mod notice;
mod outbox;
mod pace;
mod slack;
mod telegram;
mod webhook;

pub use channel::{Address, Channel, Delivery, Outgoing};
pub use clean::{clean, cut};
pub use deliver::{Answer, Verdict, deliver};
pub use discord::Discord;
pub use endpoint::Endpoint;
pub use event::Event;
pub use mail::{Letter, Mail, MailServer, Transport};
pub use matrix::Matrix;
pub use notice::{Level, Notice};
pub use outbox::{Counts, Next, Outbox, OutboxSettings, Parcel, Pushed};
pub use pace::{Bucket, Pace};
pub use slack::Slack;
pub use telegram::Telegram;
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
    /// The mail library refuses an address or a certificate.
    #[error("mail: {what} is refused: {why}")]
    Mail {
        /// Which setting.
        what: &'static str,
        /// What the library says.
        why: String,
    },
}
