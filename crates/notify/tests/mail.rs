//! Mail against real servers on this machine: one of the test's own that answers as it is told to, and
//! aiosmtpd where it is installed.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at what it does not find"
)]

use jiff::Timestamp;
use notify::{
    Answer, Channel, Level, Mail, MailServer, Notice, Outgoing, Transport, Verdict, deliver,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use seal::Secret;
use std::{io::BufRead, process::Stdio, sync::Arc};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

/// An authority, and a certificate of it for `name`.
struct Identity {
    authority: String,
    certificate: String,
    key: String,
    acceptor: TlsAcceptor,
}

fn identity(name: &str) -> Identity {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("signs itself");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let leaf = params.signed_by(&key, &authority).expect("is signed");
    let private = PrivateKeyDer::try_from(key.serialize_der()).expect("is a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], private)
        .expect("they belong together");
    Identity {
        authority: authority.pem(),
        certificate: leaf.pem(),
        key: key.serialize_pem(),
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }
}

/// What the server of the test does.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// TLS from the first byte.
    Implicit,
    /// Offers STARTTLS.
    StartTls,
    /// Offers no TLS at all.
    Open,
}

/// One conversation; everything the client said, the mail included.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    manner: Manner,
    answers: (&'static str, &'static str),
    heard: &mut Vec<String>,
) -> Option<BufReader<S>> {
    let (login, mail) = answers;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
        let said = std::mem::take(&mut line).trim_end().to_owned();
        let verb = said.split(' ').next().unwrap_or_default().to_owned();
        heard.push(said);
        let answer = match verb.as_str() {
            "EHLO" if manner == Manner::StartTls => "250-test\r\n250 STARTTLS",
            "EHLO" if manner == Manner::Open => "250 test",
            "EHLO" => "250-test\r\n250 AUTH PLAIN LOGIN",
            "STARTTLS" => {
                stream.write_all(b"220 go\r\n").await.expect("is read");
                return Some(stream);
            }
            "AUTH" => login,
            "MAIL" => mail,
            "DATA" => {
                stream.write_all(b"354 go\r\n").await.expect("is read");
                while stream.read_line(&mut line).await.unwrap_or(0) > 0
                    && !line.ends_with("\r\n.\r\n")
                {}
                heard.push(std::mem::take(&mut line));
                "250 kept"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        stream.write_all(format!("{answer}\r\n").as_bytes()).await.expect("is read");
    }
    None
}

/// A server for one connection on a free port.
async fn serve(
    identity: &Identity,
    manner: Manner,
    answers: (&'static str, &'static str),
) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("is bound").port();
    let acceptor = identity.acceptor.clone();
    let task = tokio::spawn(async move {
        let mut heard = Vec::new();
        let (mut tcp, _) = listener.accept().await.expect("somebody comes");
        if manner != Manner::Implicit {
            tcp.write_all(b"220 test\r\n").await.expect("is read");
            let Some(upgraded) = converse(tcp, manner, answers, &mut heard).await else {
                return heard;
            };
            let Ok(tls) = acceptor.accept(upgraded.into_inner()).await else { return heard };
            heard.push("(TLS)".to_owned());
            converse(tls, Manner::Implicit, answers, &mut heard).await;
        } else if let Ok(mut tls) = acceptor.accept(tcp).await {
            heard.push("(TLS)".to_owned());
            tls.write_all(b"220 test\r\n").await.expect("is read");
            converse(tls, Manner::Implicit, answers, &mut heard).await;
        }
        heard
    });
    (port, task)
}

fn channel(port: u16, transport: Transport, authority: &str) -> Channel {
    let server = MailServer {
        host: "localhost".to_owned(),
        port: Some(port),
        transport,
        login: Some(("bot".to_owned(), Secret::new("open sesame".to_owned()))),
        authority: Some(authority.to_owned()),
    };
    let mail = Mail::new(server, "bot@example.net", &["ann@example.org".to_owned()]);
    Channel::Mail(mail.expect("are addresses"))
}

async fn send(channel: &Channel) -> Verdict {
    let now = Timestamp::from_second(1_700_000_000).expect("in range");
    let notice = Notice::new("", Level::Critical, "position without its stop", now).line("BTCUSDT");
    let delivery = channel.delivery(&notice, now).expect("can be written");
    deliver(delivery, now, |_: Outgoing| async { Err::<Answer, _>("mail is no request") }).await
}

const GOOD: (&str, &str) = ("235 in", "250 ok");

#[tokio::test]
async fn mail_goes_over_tls_in_both_ways() {
    let identity = identity("localhost");
    for (manner, transport) in
        [(Manner::Implicit, Transport::Implicit), (Manner::StartTls, Transport::StartTls)]
    {
        let (port, task) = serve(&identity, manner, GOOD).await;
        assert_eq!(send(&channel(port, transport, &identity.authority)).await, Verdict::Sent);
        let heard = task.await.expect("ends");
        let tls = heard.iter().position(|line| line == "(TLS)").expect("spoke TLS");
        let before: Vec<&str> =
            heard[..tls].iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
        let wanted: &[&str] = if manner == Manner::Implicit { &[] } else { &["EHLO", "STARTTLS"] };
        assert_eq!(before, wanted, "nothing else is said in the open");
        // "\0bot\0open sesame"
        assert!(heard[tls..].iter().any(|line| line == "AUTH PLAIN AGJvdABvcGVuIHNlc2FtZQ=="));
        assert!(heard.contains(&"RCPT TO:<ann@example.org>".to_owned()));
        let mail = heard.iter().find(|line| line.contains("Subject:")).expect("a mail");
        assert!(mail.contains("Subject: [CRITICAL] position without its stop"), "{mail}");
    }
}

#[tokio::test]
async fn without_verified_tls_nothing_is_said() {
    let (right, wrong_name, other) =
        (identity("localhost"), identity("elsewhere"), identity("localhost"));
    let rows = [
        ("no STARTTLS", &right, &right, Manner::Open, Transport::StartTls),
        ("another authority", &right, &other, Manner::Implicit, Transport::Implicit),
        ("another authority", &right, &other, Manner::StartTls, Transport::StartTls),
        ("another name", &wrong_name, &wrong_name, Manner::Implicit, Transport::Implicit),
    ];
    for (what, server, trusted, manner, transport) in rows {
        let (port, task) = serve(server, manner, GOOD).await;
        let verdict = send(&channel(port, transport, &trusted.authority)).await;
        assert!(!matches!(verdict, Verdict::Sent | Verdict::Refused { .. }), "{what}: {verdict:?}");
        let heard = task.await.expect("ends");
        let words = ["AUTH", "MAIL", "DATA", "(TLS)"];
        let told = heard.iter().any(|line| words.iter().any(|word| line.starts_with(word)));
        assert!(!told, "{what}: {heard:?}");
    }
}

#[tokio::test]
async fn a_mail_servers_refusal_is_read_as_it_is_meant() {
    let identity = identity("localhost");
    let rows = [
        (("535 no", "250 ok"), "denied"),
        (("235 in", "550 no such sender"), "refused"),
        (("235 in", "451 come back"), "later"),
    ];
    for (answers, want) in rows {
        let (port, task) = serve(&identity, Manner::Implicit, answers).await;
        let verdict = send(&channel(port, Transport::Implicit, &identity.authority)).await;
        let name = match &verdict {
            Verdict::Sent => "sent",
            Verdict::Later { .. } => "later",
            Verdict::Refused { .. } => "refused",
            Verdict::Denied { .. } => "denied",
        };
        assert_eq!(name, want, "{answers:?}: {verdict:?}");
        assert!(!format!("{verdict:?}").contains("sesame"));
        task.await.expect("ends");
    }
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = closed.local_addr().expect("is bound").port();
    drop(closed);
    let verdict = send(&channel(port, Transport::Implicit, &identity.authority)).await;
    assert!(matches!(verdict, Verdict::Later { after: None, .. }), "{verdict:?}");
}

/// A mail server of others: prints its port, then each mail that it keeps.
const AIOSMTPD: &str = r"
import asyncio, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(sys.argv[1], sys.argv[2])
implicit = sys.argv[3] == 'implicit'
class Handler:
    async def handle_DATA(self, server, session, envelope):
        login = session.auth_data.decode() if session.auth_data else 'nobody'
        subject = [line for line in envelope.content.decode().splitlines() if line.startswith('Subject')]
        print('mail', bool(session.ssl), login, envelope.mail_from, envelope.rcpt_tos, subject, flush=True)
        return '250 kept'
def check(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b'open sesame', auth_data=data.login)
def protocol():
    tls = None if implicit else context
    # Its own check of TLS looks for STARTTLS only; with implicit TLS the listener saw to it.
    return SMTP(Handler(), tls_context=tls, require_starttls=not implicit,
                authenticator=check, auth_required=True, auth_require_tls=not implicit)
async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, '127.0.0.1', 0, ssl=context if implicit else None)
    print('port', server.sockets[0].getsockname()[1], flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
";

#[tokio::test]
async fn a_mail_server_of_others_takes_our_mail() {
    let identity = identity("localhost");
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    #[allow(clippy::disallowed_methods, reason = "the server reads its certificate from files")]
    for (path, text) in [(&certificate, &identity.certificate), (&key, &identity.key)] {
        std::fs::write(path, text).expect("is written");
    }
    for (word, transport) in [("implicit", Transport::Implicit), ("starttls", Transport::StartTls)]
    {
        #[allow(
            clippy::disallowed_methods,
            reason = "the mail server is another program on purpose"
        )]
        let server = std::process::Command::new("python3")
            .args(["-c", AIOSMTPD])
            .args([certificate.as_os_str(), key.as_os_str(), word.as_ref()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut server) = server else {
            println!("skipped: no python3");
            return;
        };
        let mut lines =
            std::io::BufReader::new(server.stdout.take().expect("was asked for")).lines();
        let Some(port) = lines.next().and_then(Result::ok) else {
            println!("skipped: no aiosmtpd (`pip install aiosmtpd`)");
            return;
        };
        let port = port.trim_start_matches("port ").parse().expect("is a port");
        let verdict = send(&channel(port, transport, &identity.authority)).await;
        assert_eq!(verdict, Verdict::Sent, "{word}");
        let mail = lines.next().and_then(Result::ok).expect("a mail");
        server.kill().expect("was running");
        server.wait().expect("ends");
        let tail = "bot bot@example.net ['ann@example.org'] ['Subject: [CRITICAL] position without its stop']";
        assert!(mail.starts_with("mail ") && mail.ends_with(tail), "{word}: {mail}");
    }
}
