//! Discord: a channel's webhook.

use crate::{Address, Endpoint, Error, Notice, Outgoing, clean::fit};
use http::Method;
use seal::Secret;
use serde_json::json;

/// The longest content of a message.
const UNITS_MAX: usize = 2000;
/// The message flag `SUPPRESS_EMBEDS`: no preview of links.
const SUPPRESS_EMBEDS: u32 = 1 << 2;

/// A webhook of a Discord channel.
#[derive(Debug, Clone)]
pub struct Discord {
    endpoint: Endpoint,
}

impl Discord {
    /// From the webhook's address.
    pub fn new(url: &Secret<String>) -> Result<Self, Error> {
        let endpoint = Endpoint::parse("discord.url", url)?;
        if !endpoint.path().starts_with("/api/") || !endpoint.path().contains("/webhooks/") {
            let like = "https://discord.com/api/webhooks/ID/TOKEN";
            return Err(Error::Foreign { what: "discord.url", like });
        }
        // Without `wait` a message that is not kept is answered like one that is.
        let tail = if endpoint.path().contains('?') { "&wait=true" } else { "?wait=true" };
        Ok(Self { endpoint: endpoint.join(tail) })
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn request(&self, notice: &Notice) -> Outgoing {
        let text = notice.text_lines().join("\n");
        let cost = |c: char| c.len_utf16() + usize::from(is_markup(c));
        let content = fit(&text, UNITS_MAX, cost, |c, out| {
            if is_markup(c) {
                out.push('\\');
            }
            out.push(c);
        });
        let body = json!({
            "content": content,
            "allowed_mentions": { "parse": [] },
            "flags": SUPPRESS_EMBEDS,
        });
        Outgoing::json(Method::POST, self.endpoint.clone(), Address::Secret, &body)
    }
}

/// What Discord's Markdown and its mentions are made of.
const fn is_markup(c: char) -> bool {
    matches!(
        c,
        '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '#' | '[' | ']' | '(' | ')' | '@' | '-'
    )
}
