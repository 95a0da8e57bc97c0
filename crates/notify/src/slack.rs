//! Slack: an incoming webhook.

use crate::{Address, Endpoint, Error, Notice, Outgoing, clean::fit};
use http::Method;
use seal::Secret;
use serde_json::json;

/// Slack asks for at most 4,000 characters and truncates far later.
const UNITS_MAX: usize = 4000;

/// An incoming webhook of Slack.
#[derive(Debug, Clone)]
pub struct Slack {
    endpoint: Endpoint,
}

impl Slack {
    /// From the webhook's address.
    pub fn new(url: &Secret<String>) -> Result<Self, Error> {
        let endpoint = Endpoint::parse("slack.url", url)?;
        if !endpoint.path().starts_with("/services/") {
            let like = "https://hooks.slack.com/services/T…/B…/…";
            return Err(Error::Foreign { what: "slack.url", like });
        }
        Ok(Self { endpoint })
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Slack reads `&`, `<` and `>` as its own even where Markdown is off, so these three are escaped.
    pub(crate) fn request(&self, notice: &Notice) -> Outgoing {
        let text = notice.text_lines().join("\n");
        let cost = |c: char| escaped(c).map_or(c.len_utf16(), str::len);
        let text = fit(&text, UNITS_MAX, cost, |c, out| match escaped(c) {
            Some(escape) => out.push_str(escape),
            None => out.push(c),
        });
        let body = json!({
            "text": text,
            "mrkdwn": false,
            "unfurl_links": false,
            "unfurl_media": false,
        });
        Outgoing::json(Method::POST, self.endpoint.clone(), Address::Secret, &body)
    }
}

const fn escaped(c: char) -> Option<&'static str> {
    match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        _ => None,
    }
}
