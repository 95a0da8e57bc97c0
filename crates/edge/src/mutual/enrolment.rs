//! How a machine gets its certificates: one line out, the certificates or a refusal back.
//!
//! Without a certificate only a token is heard; with one, only the wish for the next. Both go over TLS,
//! whose ends know each other by the authority's fingerprint or by their certificates.

use super::{
    Badge, Issued, Kit, Proof, RENEWING, SignedRequest,
    authority::{TOKEN, hex, sha256, unhex},
    client::refusal,
    kit::Invited,
};
use crate::Error;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::{CertificateDer, ServerName};
use std::{fmt, future::Future, io, path::Path};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const ENROL: &str = "stockade-enrol/1";
const RENEW: &str = "stockade-renew/1";
const LINE_BYTES_MAX: u64 = 8 << 10;
const ANSWER_BYTES_MAX: u64 = 32 << 10;

/// What a machine asks for; it has proved that the key of the request is its own.
#[derive(Debug)]
pub enum Wish {
    /// To come in by the token of this SHA-256.
    Join([u8; 32], SignedRequest),
    /// The next certificate.
    Renew(Badge, SignedRequest),
}

impl Wish {
    fn read(line: &str, badge: Option<&Badge>) -> Option<Self> {
        let words: Vec<&str> = line.strip_suffix('\n')?.split(' ').collect();
        let request = |digits: &str| SignedRequest::read(&unhex(digits)?).ok();
        match (badge, words.as_slice()) {
            (None, [ENROL, token, digits]) => {
                let (secret, _) = token.strip_prefix(TOKEN)?.split_once('-')?;
                let hash = sha256(&unhex(secret)?).try_into().ok()?;
                Some(Self::Join(hash, request(digits)?))
            }
            (Some(badge), [RENEW, digits]) => Some(Self::Renew(badge.clone(), request(digits)?)),
            _ => None,
        }
    }
}

/// Answers one machine: by its badge, if the handshake had one. The caller bounds the time.
pub(super) async fn serve_enrolment<E, F, W>(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    badge: Option<&Badge>,
    decide: E,
) -> io::Result<()>
where
    E: FnOnce(Wish) -> F,
    F: Future<Output = Result<Issued, W>>,
    W: fmt::Display,
{
    let mut line = String::new();
    BufReader::new((&mut stream).take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let answer = match Wish::read(&line, badge) {
        None => format!("refused {}\n", Error::Invitation),
        Some(wish) => match decide(wish).await {
            Ok(issued) => pem(&issued.chain),
            Err(why) => format!("refused {why}\n"),
        },
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

/// Comes in by a token: the kit, which is in the file `path` from then on.
pub async fn join(stream: TcpStream, token: &str, path: &Path) -> Result<Kit, Error> {
    let connector = Invited::connector(token)?;
    // The name is in the authority's certificate, which is not known before it is shown.
    let name = ServerName::try_from(super::DOMAIN).expect("a constant DNS name");
    let mut stream = connector.connect(name, stream).await.map_err(lost)?;
    let proof = Proof::new()?;
    let line = format!("{ENROL} {token} {}\n", hex(&proof.request));
    let answer = ask(&mut stream, &line, lost).await?;
    proof.keep(&answer, path)
}

/// Gets another certificate with the one that is at hand: the new kit, which is in the file `path` from then on.
pub async fn renew(stream: TcpStream, kit: &Kit, path: &Path) -> Result<Kit, Error> {
    let known = |error: io::Error| refusal(&error, kit).unwrap_or_else(|| lost(error));
    let mut stream = kit.speaking(RENEWING)?.connect(kit.server(), stream).await.map_err(known)?;
    let proof = Proof::new()?;
    let answer = ask(&mut stream, &format!("{RENEW} {}\n", hex(&proof.request)), known).await?;
    proof.keep(&answer, path)
}

async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    line: &str,
    failed: impl Fn(io::Error) -> Error,
) -> Result<String, Error> {
    stream.write_all(line.as_bytes()).await.map_err(&failed)?;
    stream.flush().await.map_err(&failed)?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await.map_err(&failed)?;
    match answer.strip_prefix("refused ") {
        Some(why) => {
            let why = why.trim_end().chars().filter(|c| !c.is_control()).take(300).collect();
            Err(Error::NotEnrolled { why })
        }
        None => Ok(answer),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what a failed call hands over")]
fn lost(error: io::Error) -> Error {
    Error::NotEnrolled { why: error.to_string() }
}

fn pem(chain: &[CertificateDer<'_>]) -> String {
    let mut text = String::new();
    for certificate in chain {
        text.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in STANDARD.encode(certificate).as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END CERTIFICATE-----\n");
    }
    text
}
