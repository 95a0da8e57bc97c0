//! How a machine gets its certificates: one line out, the certificates or a refusal back.
//!
//! Without a certificate only a token is heard; with one, only the wish for the next. Both go over TLS,
//! whose ends know each other by the authority's fingerprint or by their certificates.

use super::{
    Badge, Kit, MachineAuthority, Proof,
    authority::{hex, unhex},
    kit::Invited,
};
use crate::Error;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, ServerName};
use std::{io, path::Path};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const ENROL: &str = "stockade-enrol/1";
const RENEW: &str = "stockade-renew/1";
const LINE_BYTES_MAX: u64 = 8 << 10;
const ANSWER_BYTES_MAX: u64 = 32 << 10;

/// Answers one machine: by its badge, if the handshake had one. The caller bounds the time.
pub async fn serve_enrolment(
    authority: &MachineAuthority,
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    badge: Option<&Badge>,
    now: Timestamp,
) -> io::Result<()> {
    let mut line = String::new();
    BufReader::new((&mut *stream).take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    let words: Vec<&str> = line.strip_suffix('\n').unwrap_or_default().split(' ').collect();
    let issued = match (badge, words.as_slice()) {
        (None, [ENROL, token, request]) => unhex(request)
            .ok_or(Error::Invitation)
            .and_then(|request| authority.enrol(token, &request, now)),
        (Some(badge), [RENEW, request]) => unhex(request)
            .ok_or(Error::Invitation)
            .and_then(|request| authority.renew(badge, &request, now)),
        _ => Err(Error::Invitation),
    };
    let answer = match issued {
        Ok(chain) => pem(&chain),
        Err(error) => format!("refused {error}\n"),
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
    let answer = ask(&mut stream, &line).await?;
    proof.keep(&answer, path)
}

/// Gets another certificate with the one that is at hand: the new kit, which is in the file `path` from then on.
pub async fn renew(stream: TcpStream, kit: &Kit, path: &Path) -> Result<Kit, Error> {
    let mut stream = kit.connector()?.connect(kit.server(), stream).await.map_err(lost)?;
    let proof = Proof::new()?;
    let answer = ask(&mut stream, &format!("{RENEW} {}\n", hex(&proof.request))).await?;
    proof.keep(&answer, path)
}

async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    line: &str,
) -> Result<String, Error> {
    stream.write_all(line.as_bytes()).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await.map_err(lost)?;
    match answer.strip_prefix("refused ") {
        Some(why) => {
            let why = why.trim_end().chars().filter(|c| !c.is_control()).take(300).collect();
            Err(Error::NotEnrolled { why })
        }
        None => Ok(answer),
    }
}

fn lost(error: impl Into<io::Error>) -> Error {
    let error = error.into();
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
