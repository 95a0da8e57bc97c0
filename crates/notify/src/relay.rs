//! The server that takes our mail: submission over TLS (RFC 8314), or not at all.

use crate::{Error, Message, Signer, Verdict, reply};
use jiff::Timestamp;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Tokio1Executor,
    transport::smtp::{
        self,
        authentication::{Credentials, Mechanism},
        client::{Certificate, CertificateStore, Tls, TlsParameters},
    },
};
use seal::Secret;
use std::{error::Error as _, fmt, sync::Arc, time::Duration};

/// How long a mail server may take over one answer.
const ANSWER_SECONDS_MAX: u64 = 30;
/// How long a whole delivery may take.
const DELIVERY_SECONDS_MAX: u64 = 150;

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

/// A connection to be made anew for every mail.
#[derive(Clone)]
pub struct Relay {
    host: String,
    port: u16,
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    signer: Option<Arc<Signer>>,
}

impl Relay {
    /// To the server; nothing is connected yet.
    pub fn new(server: MailServer) -> Result<Self, Error> {
        let named = !server.host.is_empty()
            && server.host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
        if !named {
            let why = "write the server's name alone, as smtp.example.org";
            return Err(Error::Malformed { what: "mail.server", why });
        }
        let port = server.port.unwrap_or(match server.transport {
            Transport::Implicit => 465,
            Transport::StartTls => 587,
        });
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
            .port(port)
            .tls(tls(&server)?)
            .timeout(Some(Duration::from_secs(ANSWER_SECONDS_MAX)));
        if let Some((user, password)) = server.login {
            // Only these two need nothing but TLS to be safe; what else a server offers is not wanted.
            smtp = smtp
                .credentials(Credentials::new(user, password.expose().clone()))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(Self { host: server.host, port, smtp: smtp.build(), signer: None })
    }

    /// The same, with every message signed.
    #[must_use]
    pub fn signed_by(mut self, signer: Arc<Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The host and port that it talks to.
    #[must_use]
    pub fn destination(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Signs the message anew and hands it over; never takes longer than some minutes.
    pub async fn send(&self, message: &Message, now: Timestamp) -> Verdict {
        let refused = |error: Error| Verdict::Refused { why: error.to_string() };
        let bytes = match message.to_bytes() {
            Ok(bytes) => bytes,
            Err(error) => return refused(error),
        };
        let signed = self.signer.as_ref().map(|signer| signer.sign(&bytes, now));
        let bytes = match signed.transpose() {
            Ok(signed) => signed.unwrap_or(bytes),
            Err(error) => return refused(error),
        };
        let envelope = match message.envelope() {
            Ok(envelope) => envelope,
            Err(error) => return refused(error),
        };
        let sending = self.smtp.send_raw(&envelope, &bytes);
        within(sending).await
    }

    /// Sends what is not signed: a notice of the bot goes by an account of its owner, whose server signs.
    pub(crate) async fn send_unsigned(&self, message: lettre::Message) -> Verdict {
        within(self.smtp.send(message)).await
    }
}

/// The verdict on a delivery, for which there is only so much time.
async fn within(
    sending: impl Future<Output = Result<smtp::response::Response, smtp::Error>>,
) -> Verdict {
    match tokio::time::timeout(Duration::from_secs(DELIVERY_SECONDS_MAX), sending).await {
        Ok(Ok(_)) => Verdict::Sent,
        Ok(Err(error)) => verdict(&error),
        Err(_) => Verdict::Later {
            after: None,
            why: format!("the mail server took longer than {DELIVERY_SECONDS_MAX} seconds"),
        },
    }
}

fn verdict(error: &smtp::Error) -> Verdict {
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    if let Some(code) = error.status() {
        return reply::verdict(code.into(), &said);
    }
    let why = crate::cut(&crate::clean(&error.to_string()), 200);
    // No TLS, or a certificate that does not hold: nothing is said until the settings or the server change.
    if error.is_tls() || error.is_client() {
        Verdict::Denied { why }
    } else {
        Verdict::Later { after: None, why }
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

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Relay({}:{})", self.host, self.port)
    }
}
