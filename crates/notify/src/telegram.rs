//! Telegram: `sendMessage` of the Bot API, as plain text.

use crate::{Address, Endpoint, Error, Level, Notice, Outgoing, Pace, clean::fit};
use http::Method;
use seal::Secret;
use serde_json::json;

/// A message's text has 1 to 4096 characters, counted in UTF-16 units as its entities are.
const UNITS_MAX: usize = 4096;

/// A chat of a Telegram bot.
#[derive(Debug, Clone)]
pub struct Telegram {
    endpoint: Endpoint,
    chat: String,
}

impl Telegram {
    /// From the bot's token and the chat's id (a number, or `@channel`).
    pub fn new(token: &Secret<String>, chat: &str) -> Result<Self, Error> {
        let api = Secret::new("https://api.telegram.org".to_owned());
        Self::with_api(&Endpoint::parse("telegram.api", &api)?, token, chat)
    }

    /// The same at a Bot API server of one's own.
    pub fn with_api(api: &Endpoint, token: &Secret<String>, chat: &str) -> Result<Self, Error> {
        let malformed = |what, why| Error::Malformed { what, why };
        let right = token.expose().split_once(':').is_some_and(|(id, secret)| {
            !id.is_empty()
                && id.bytes().all(|b| b.is_ascii_digit())
                && secret.len() >= 20
                && secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        });
        if !right {
            let why = "a bot's token looks like 123456789:AAE…; ask @BotFather for it";
            return Err(malformed("telegram.token", why));
        }
        let number = chat.strip_prefix('-').unwrap_or(chat);
        let name = chat.strip_prefix('@').unwrap_or_default();
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let is_name =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !is_number && !is_name {
            return Err(malformed("telegram.chat", "a chat is a number, or @channel"));
        }
        let endpoint = api.join(&format!("/bot{}/sendMessage", token.expose()));
        Ok(Self { endpoint, chat: chat.to_owned() })
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Groups (negative ids) and channels take fewer messages than a chat with one person.
    pub(crate) fn pace(&self) -> Pace {
        if self.chat.starts_with(['-', '@']) { Pace::TELEGRAM_GROUP } else { Pace::TELEGRAM_CHAT }
    }

    /// Without `parse_mode` nothing in the text is markup, so nothing needs escaping.
    pub(crate) fn request(&self, notice: &Notice) -> Outgoing {
        let text = notice.text_lines().join("\n");
        let body = json!({
            "chat_id": self.chat,
            "text": fit(&text, UNITS_MAX, char::len_utf16, |c, out| out.push(c)),
            "link_preview_options": { "is_disabled": true },
            "disable_notification": notice.level() == Level::Info,
        });
        Outgoing::json(Method::POST, self.endpoint.clone(), Address::Secret, &body)
    }
}
