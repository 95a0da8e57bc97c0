//! The places that a notice can go to.

use crate::{
    Discord, Endpoint, Error, Mail, Mailing, Matrix, Notice, Pace, Slack, Telegram, Webhook,
};
use http::{HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::Value;

/// A place that a notice can go to, with what is needed to get in.
#[derive(Debug, Clone)]
pub enum Channel {
    /// A chat of a Telegram bot.
    Telegram(Telegram),
    /// A webhook of a Discord channel.
    Discord(Discord),
    /// An incoming webhook of Slack.
    Slack(Slack),
    /// A room on a Matrix homeserver.
    Matrix(Matrix),
    /// Any address, signed as Standard Webhooks describe.
    Webhook(Webhook),
    /// Mail over SMTP.
    Mail(Mail),
}

/// A request for the caller's HTTP client.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// The method.
    pub method: Method,
    /// Where to; its path may be a secret, so it does not print.
    pub endpoint: Endpoint,
    /// The headers; those that are secrets are marked sensitive.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body: JSON.
    pub body: String,
    /// Whether the address itself lets one in.
    pub address: Address,
}

/// What an address gives away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// Whoever has it can send: it stays out of logs.
    Secret,
    /// It is not enough to send.
    Open,
}

/// What a channel makes of a notice.
#[derive(Debug)]
pub enum Delivery {
    /// One request.
    Http(Box<Outgoing>),
    /// One mail.
    Mail(Box<Mailing>),
}

impl Channel {
    /// The channel's kind, for logs and metrics.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Telegram(_) => "telegram",
            Self::Discord(_) => "discord",
            Self::Slack(_) => "slack",
            Self::Matrix(_) => "matrix",
            Self::Webhook(_) => "webhook",
            Self::Mail(_) => "mail",
        }
    }

    /// The host and port that it talks to, for a list of what may be talked to.
    #[must_use]
    pub fn destination(&self) -> (&str, u16) {
        let endpoint = match self {
            Self::Telegram(telegram) => telegram.endpoint(),
            Self::Discord(discord) => discord.endpoint(),
            Self::Slack(slack) => slack.endpoint(),
            Self::Matrix(matrix) => matrix.endpoint(),
            Self::Webhook(webhook) => webhook.endpoint(),
            Self::Mail(mail) => return mail.destination(),
        };
        (endpoint.host(), endpoint.port())
    }

    /// How fast it may be fed.
    #[must_use]
    pub fn pace(&self) -> Pace {
        match self {
            Self::Telegram(telegram) => telegram.pace(),
            Self::Discord(_) => Pace::DISCORD,
            Self::Slack(_) => Pace::SLACK,
            Self::Matrix(_) => Pace::MATRIX,
            Self::Webhook(_) => Pace::WEBHOOK,
            Self::Mail(_) => Pace::MAIL,
        }
    }

    /// The notice in this channel's words; `now` is when it is sent, which a retry does not share.
    pub fn delivery(&self, notice: &Notice, now: Timestamp) -> Result<Delivery, Error> {
        let outgoing = match self {
            Self::Telegram(telegram) => telegram.request(notice),
            Self::Discord(discord) => discord.request(notice),
            Self::Slack(slack) => slack.request(notice),
            Self::Matrix(matrix) => matrix.request(notice),
            Self::Webhook(webhook) => webhook.request(notice, now),
            Self::Mail(mail) => return mail.mailing(notice).map(Box::new).map(Delivery::Mail),
        };
        Ok(Delivery::Http(Box::new(outgoing)))
    }
}

impl Outgoing {
    /// A request with a JSON body.
    pub(crate) fn json(method: Method, endpoint: Endpoint, address: Address, body: &Value) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Self { method, endpoint, headers, body: body.to_string(), address }
    }
}
