//! Mail over SMTP, encrypted and with the server's certificate verified, or not at all.

use crate::{Error, Notice, deliver::Verdict};
use jiff::Timestamp;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use seal::Secret;
use std::{fmt, time::Duration};

/// How long a mail server may take over one answer.
const ANSWER_SECONDS_MAX: u64 = 30;
/// The most addresses that a notice is mailed to.
const RECEIVERS_MAX: usize = 10;

/// How the connection becomes a TLS connection; there is no third way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TLS from the first byte (port 465).
    Implicit,
    /// STARTTLS, without which nothing is said (port 587).
    StartTls,
}

/// A mail server and how to get in.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// Its name, which its certificate must bear.
    pub host: String,
    /// Its port, if not the usual one.
    pub port: Option<u16>,
    /// How TLS begins.
    pub transport: Transport,
    /// User and password.
    pub login: Option<(String, Secret<String>)>,
    /// A certificate authority of one's own (PEM), in place of the web's.
    pub authority: Option<String>,
}

/// Mail to a few addresses over one server.
#[derive(Clone)]
pub struct Mail {
    host: String,
    port: u16,
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

/// One mail on its way.
pub struct Letter {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    message: Message,
}

impl Mail {
    /// From the server, the sender and the receivers.
    pub fn new(server: MailServer, from: &str, to: &[String]) -> Result<Self, Error> {
        let named = !server.host.is_empty()
            && server.host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
        if !named {
            let why = "write the server's name alone, as smtp.example.org";
            return Err(Error::Malformed { what: "mail.server", why });
        }
        if to.is_empty() || to.len() > RECEIVERS_MAX {
            return Err(Error::Malformed { what: "mail.to", why: "name one to ten addresses" });
        }
        let mailbox =
            |what, text: &str| text.parse::<Mailbox>().map_err(|error| refused(what, &error));
        let to = to.iter().map(|to| mailbox("mail.to", to)).collect::<Result<_, _>>()?;
        let from = mailbox("mail.from", from)?;
        let port = server.port.unwrap_or(match server.transport {
            Transport::Implicit => 465,
            Transport::StartTls => 587,
        });
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(port)
            .tls(tls(&server)?)
            .timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)));
        if let Some((user, password)) = server.login {
            smtp = smtp.credentials(Credentials::new(user, password.expose().clone()));
        }
        Ok(Self { host: server.host, port, smtp: smtp.build(), from, to })
    }

    pub(crate) fn destination(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// The notice as a mail, marked as sent by a machine (RFC 3834), its id the same on every retry.
    pub(crate) fn letter(&self, notice: &Notice) -> Result<Letter, Error> {
        let domain = self.from.email.domain();
        let automatic = HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        );
        let mut message = Message::builder()
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
        Ok(Letter { smtp: self.smtp.clone(), message })
    }
}

/// TLS 1.2 or later, against the web's authorities or the given one.
fn tls(server: &MailServer) -> Result<Tls, Error> {
    let mut parameters = TlsParameters::builder(server.host.clone());
    parameters = match &server.authority {
        None => parameters.certificate_store(CertificateStore::WebpkiRoots),
        Some(pem) => {
            let authority = Certificate::from_pem(pem.as_bytes())
                .map_err(|error| refused("mail.authority", &error))?;
            parameters.certificate_store(CertificateStore::None).add_root_certificate(authority)
        }
    };
    let parameters =
        parameters.build_rustls().map_err(|error| refused("mail.authority", &error))?;
    Ok(match server.transport {
        Transport::Implicit => Tls::Wrapper(parameters),
        Transport::StartTls => Tls::Required(parameters),
    })
}

fn refused(what: &'static str, error: &dyn fmt::Display) -> Error {
    Error::Mail { what, why: crate::cut(&crate::clean(&error.to_string()), 200) }
}

impl Letter {
    /// The mail as it goes over the wire.
    #[must_use]
    pub fn formatted(&self) -> Vec<u8> {
        self.message.formatted()
    }

    pub(crate) async fn send(self) -> Verdict {
        let Err(error) = self.smtp.send(self.message).await else { return Verdict::Sent };
        let why = crate::cut(&crate::clean(&error.to_string()), 200);
        // 530, 534 and 535 speak of the login (RFC 4954), other permanent answers of this mail.
        let code = error.status().map(u16::from);
        if matches!(code, Some(530 | 534 | 535)) || error.is_tls() || error.is_client() {
            Verdict::Denied { why }
        } else if error.is_permanent() {
            Verdict::Refused { why }
        } else {
            Verdict::Later { after: None, why }
        }
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({}:{})", self.host, self.port)
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Letter(..)")
    }
}
