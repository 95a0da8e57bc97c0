//! A mail as values: what is kept while it waits, and how it stands on the wire.

use crate::{Error, Mailbox, Sender, dkim::MESSAGE_BYTES_MAX};
use jiff::Timestamp;
use lettre::{
    address::Envelope,
    message::{
        Mailbox as Named, MultiPart, SinglePart,
        header::{ContentType, HeaderName, HeaderValue},
    },
};
use seal::{Secret, sha256_parts};
use std::fmt;

/// The longest subject, in characters.
const SUBJECT_CHARS_MAX: usize = 160;
/// The longest id.
const ID_BYTES_MAX: usize = 64;

/// One mail to one address.
///
/// The texts may hold a one-time link: they do not print, and whoever keeps the message seals them.
#[derive(Clone)]
pub struct Message {
    /// Its name for ever: what stands before the `@` of `Message-ID`, in letters and digits.
    pub id: String,
    /// Who it is from; the envelope's sender, too.
    pub from: Sender,
    /// Whom it is to.
    pub to: Mailbox,
    /// What its field `Date` says, on every try.
    pub date: Timestamp,
    /// The language of its texts (BCP 47); empty if it has none.
    pub language: String,
    /// Its subject.
    pub subject: String,
    /// Its plain text, with LF between lines.
    pub text: Secret<String>,
    /// The same as HTML.
    pub html: Option<Secret<String>>,
}

impl Message {
    /// An empty message; `id` is drawn at random by the caller and never drawn again for a retry.
    pub fn new(id: &str, from: Sender, to: Mailbox, date: Timestamp) -> Result<Self, Error> {
        let proper = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !proper || id.len() > ID_BYTES_MAX {
            return Err(Error::Message { why: "its id is not made of 1 to 64 letters and digits" });
        }
        Ok(Self {
            id: id.to_owned(),
            from,
            to,
            date,
            language: String::new(),
            subject: String::new(),
            text: Secret::new(String::new()),
            html: None,
        })
    }

    /// `Message-ID`, without its brackets: the same on every retry, by which a server knows a copy.
    #[must_use]
    pub fn message_id(&self) -> String {
        format!("{}@{}", self.id, self.from.mailbox().domain())
    }

    /// The message as RFC 5322 and MIME write it: the same bytes for the same message.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let subject = crate::cut(&crate::clean(&self.subject), SUBJECT_CHARS_MAX);
        let mut builder = lettre::Message::builder()
            .from(named(self.from.name(), self.from.mailbox())?)
            .to(named("", &self.to)?)
            .subject(subject)
            .date(self.date.max(Timestamp::UNIX_EPOCH).into())
            .message_id(Some(format!("<{}>", self.message_id())))
            // No answer by a machine is wanted (RFC 3834; Exchange has its own word for it).
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"));
        if !self.language.is_empty() {
            builder = builder.raw_header(raw("Content-Language", &self.language));
        }
        let text = part(ContentType::TEXT_PLAIN, self.text.expose());
        let message = match &self.html {
            None => builder.singlepart(text),
            Some(html) => {
                // Random boundaries would make other bytes on every try.
                let digest = sha256_parts(&[b"boundary", self.id.as_bytes()]);
                let boundary = hex::encode(digest.get(..16).unwrap_or_default());
                let both = MultiPart::alternative().boundary(format!("=_{boundary}"));
                let html = part(ContentType::TEXT_HTML, html.expose());
                builder.multipart(both.singlepart(text).singlepart(html))
            }
        };
        let bytes = message.map_err(|error| refused(&error))?.formatted();
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(Error::Message { why: "it is larger than 256 KiB" });
        }
        Ok(bytes)
    }

    /// Who the server is told it is from and to.
    pub(crate) fn envelope(&self) -> Result<Envelope, Error> {
        let from = address(self.from.mailbox())?;
        Envelope::new(Some(from), vec![address(&self.to)?]).map_err(|error| refused(&error))
    }
}

fn part(kind: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(kind).body(text.replace('\n', "\r\n"))
}

fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn address(mailbox: &Mailbox) -> Result<lettre::Address, Error> {
    mailbox.as_str().parse().map_err(|error| refused(&error))
}

fn named(name: &str, mailbox: &Mailbox) -> Result<Named, Error> {
    Ok(Named::new((!name.is_empty()).then(|| name.to_owned()), address(mailbox)?))
}

fn refused(error: &dyn fmt::Display) -> Error {
    Error::Mail { what: "the message", why: crate::cut(&crate::clean(&error.to_string()), 200) }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Message({} to {:?})", self.id, self.to)
    }
}
