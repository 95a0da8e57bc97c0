//! Notices by mail.

use crate::{Error, MailServer, Notice, Relay, deliver::Verdict};
use jiff::Timestamp;
use lettre::message::{
    Mailbox,
    header::{ContentType, HeaderName, HeaderValue},
};
use std::fmt;

/// The most addresses that a notice is mailed to.
const RECEIVERS_MAX: usize = 10;

/// Mail to a few addresses over one server.
#[derive(Clone)]
pub struct Mail {
    relay: Relay,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// One notice on its way by mail.
pub struct Mailing {
    relay: Relay,
    message: lettre::Message,
}

impl Mail {
    /// From the server, the sender and the receivers.
    pub fn new(server: MailServer, from: &str, to: &[String]) -> Result<Self, Error> {
        let relay = Relay::new(server)?;
        if to.is_empty() || to.len() > RECEIVERS_MAX {
            return Err(Error::Malformed { what: "mail.to", why: "name one to ten addresses" });
        }
        let mailbox =
            |what, text: &str| text.parse::<Mailbox>().map_err(|error| refused(what, &error));
        let to = to.iter().map(|to| mailbox("mail.to", to)).collect::<Result<_, _>>()?;
        let from = mailbox("mail.from", from)?;
        Ok(Self { relay, from, to })
    }

    pub(crate) fn destination(&self) -> (&str, u16) {
        self.relay.destination()
    }

    /// The notice as a mail, marked as sent by a machine (RFC 3834), its id the same on every retry.
    pub(crate) fn mailing(&self, notice: &Notice) -> Result<Mailing, Error> {
        let domain = self.from.email.domain();
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut message = lettre::Message::builder()
            .from(self.from.clone())
            .subject(notice.headline())
            .date(notice.at().max(Timestamp::UNIX_EPOCH).into())
            .message_id(Some(format!("<{}@{domain}>", notice.id())))
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let text = notice.text_lines().join("\r\n") + "\r\n";
        let message = message.body(text).map_err(|error| refused("the message", &error))?;
        Ok(Mailing { relay: self.relay.clone(), message })
    }
}

fn refused(what: &'static str, error: &dyn fmt::Display) -> Error {
    Error::Mail { what, why: crate::cut(&crate::clean(&error.to_string()), 200) }
}

impl Mailing {
    /// The mail as it goes over the wire.
    #[must_use]
    pub fn formatted(&self) -> Vec<u8> {
        self.message.formatted()
    }

    pub(crate) async fn send(self) -> Verdict {
        self.relay.send_unsigned(self.message).await
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.destination();
        write!(f, "Mail({host}:{port})")
    }
}

impl fmt::Debug for Mailing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailing(..)")
    }
}
