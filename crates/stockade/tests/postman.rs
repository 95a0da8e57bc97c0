//! Letters on their way to a mail server, with TLS and signatures, and to nobody twice.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the test waits for what others do"
)]

use crate::browser::{Browser, EMAIL, options};
use crate::mail::{ask, meddle};
use identity::RegistrationMode;
use notify::{
    DkimKey, Language, Letterhead, MailServer, Mailbox, Origin, Relay, Sender, Signer, Transport,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use seal::{Secret, SigningKey};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use stockade::{
    desk::{Home, Letters},
    server::{Options, Server},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// A mail server that takes letters, or says another thing first.
struct Sink {
    port: u16,
    authority: String,
    /// What it answers to `MAIL`, in turn; `250` from then on.
    answers: Arc<Mutex<Vec<&'static str>>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    async fn new(answers: &[&'static str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("signs itself");
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let leaf = params.signed_by(&key, &authority).expect("is signed");
        let private = PrivateKeyDer::try_from(key.serialize_der()).expect("is a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], private)
            .expect("they belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("is bound").port();
        let answers = Arc::new(Mutex::new(answers.iter().rev().copied().collect::<Vec<_>>()));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (said, mails) = (Arc::clone(&answers), Arc::clone(&heard));
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, said, mails) = (acceptor.clone(), said.clone(), mails.clone());
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    converse(BufReader::new(tls), &said, &mails).await;
                });
            }
        });
        Self { port, authority: authority.pem(), answers, heard }
    }

    fn relay(&self) -> Relay {
        let seed = Secret::new([7; 32]);
        let key = DkimKey::Ed25519(Box::new(SigningKey::from_seed(&seed)));
        let signer = Signer::new("example.org", vec![("test".to_owned(), key)]).expect("a signer");
        let server = MailServer {
            host: "localhost".to_owned(),
            port: Some(self.port),
            transport: Transport::Implicit,
            login: None,
            authority: Some(self.authority.clone()),
        };
        Relay::new(server).expect("a relay").signed_by(Arc::new(signer))
    }

    fn mails(&self) -> Vec<String> {
        self.heard.lock().expect("a lock").clone()
    }

    /// The mails, once there are so many.
    async fn mails_of(&self, count: usize) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let mails = self.mails();
            if mails.len() >= count {
                return mails;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{} of {count} mails", mails.len());
            tokio::task::yield_now().await;
        }
    }
}

async fn converse(
    mut stream: BufReader<tokio_rustls::server::TlsStream<tokio::net::TcpStream>>,
    answers: &Mutex<Vec<&'static str>>,
    heard: &Mutex<Vec<String>>,
) {
    let mut line = String::new();
    let mut answer = "220 test".to_owned();
    loop {
        if stream.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        line.clear();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let verb = line.split_whitespace().next().unwrap_or_default().to_owned();
        answer = match verb.as_str() {
            "MAIL" => answers.lock().expect("a lock").pop().unwrap_or("250 ok").to_owned(),
            "DATA" => {
                let _ = stream.write_all(b"354 go\r\n").await;
                let mut mail = String::new();
                while stream.read_line(&mut mail).await.unwrap_or(0) > 0
                    && !mail.ends_with("\r\n.\r\n")
                {}
                heard.lock().expect("a lock").push(mail);
                "250 kept".to_owned()
            }
            "QUIT" => "221 bye".to_owned(),
            _ => "250 ok".to_owned(),
        };
    }
}

fn letters() -> Letters {
    let from = Sender::new("Stockade", Mailbox::parse("stockade@example.org").expect("one"));
    let origin = Origin::parse("https://stockade.example.org").expect("an origin");
    Letters { head: Letterhead { from, origin }, language: Language::German }
}

async fn start(root: &Path, sink: &Sink) -> Server {
    let options = Options {
        letters: Some(letters()),
        relay: Some(sink.relay()),
        registration: RegistrationMode::Open,
        ..options(root)
    };
    Server::start(options).await.expect("the server starts")
}

/// A mail's text, as it was before quoted-printable.
fn plain(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=3D", "=")
}

#[tokio::test]
async fn a_letter_goes_out_signed_over_tls_in_the_language_of_the_house() {
    let root = tempfile::tempdir().expect("a directory");
    let sink = Sink::new(&[]).await;
    let server = start(root.path(), &sink).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    ask(&mut owner, "reset", EMAIL).await.expect(202);
    let mails = sink.mails_of(1).await;
    let mail = plain(&mails[0]);
    for part in [
        "DKIM-Signature: ",
        "d=example.org",
        "To: ada@example.org",
        "Content-Language: de",
        "https://stockade.example.org/link/reset#",
    ] {
        assert!(mail.contains(part), "{part} is missing in {mail}");
    }
    // What goes out is not shown, neither before nor after.
    let outbox = owner.get("/api/v1/outbox").await.expect(200).json();
    assert_eq!(outbox["post"], "sent");
    assert!(!outbox.to_string().contains("/link/"), "{outbox}");
    server.stop().await.expect("stops");
    // Sent, and its texts are gone.
    let over = "UPDATE postings SET at_us = at_us WHERE state = 'sent' AND body_text IS NULL
                AND body_html IS NULL";
    meddle(root.path(), &[over]).await;
    assert_eq!(sink.mails().len(), 1, "once");
}

#[tokio::test]
async fn what_is_told_to_wait_waits_and_what_is_refused_is_given_up() {
    let root = tempfile::tempdir().expect("a directory");
    let sink = Sink::new(&["451 later, please", "550 no such box"]).await;
    let server = start(root.path(), &sink).await;
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    ask(&mut owner, "reset", EMAIL).await.expect(202);
    let begun = Instant::now();
    let letter = loop {
        let outbox = owner.get("/api/v1/outbox").await.expect(200).json();
        let letter = outbox["letters"][0].clone();
        if letter["tries"] == 1 && letter["next"].is_string() {
            break letter;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{outbox}");
        tokio::task::yield_now().await;
    };
    assert!(letter["answer"].as_str().expect("text").contains("later, please"), "{letter}");
    assert!(letter["text"].is_null(), "{letter}");
    server.stop().await.expect("stops");
    meddle(root.path(), &["UPDATE postings SET at_us = since_us"]).await;
    let server = start(root.path(), &sink).await;
    let mut owner = owner.moved(&server);
    let begun = Instant::now();
    while owner.get("/api/v1/outbox").await.expect(200).json()["waiting"] != 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "given up");
        tokio::task::yield_now().await;
    }
    server.stop().await.expect("stops");
    let over = "UPDATE postings SET at_us = at_us WHERE state = 'given-up' AND body_text IS NULL";
    meddle(root.path(), &[over]).await;
    assert!(sink.mails().is_empty() && sink.answers.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn letters_from_before_a_mail_server_was_set_go_out_once_it_is() {
    let root = tempfile::tempdir().expect("a directory");
    let server = Server::start(options(root.path())).await.expect("starts");
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    let mut reader = crate::mail::Reader::new(owner);
    ask(&mut reader.owner.clone(), "reset", EMAIL).await.expect(202);
    reader.token(EMAIL, "reset").await;
    server.stop().await.expect("stops");
    let sink = Sink::new(&[]).await;
    let server = start(root.path(), &sink).await;
    let mails = sink.mails_of(1).await;
    let mail = plain(&mails[0]);
    assert!(mail.contains("From: Stockade <stockade@example.org>"), "{mail}");
    assert!(mail.contains("/link/reset#"), "{mail}");
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_servers_on_one_database_one_sends_a_letter() {
    let Some(database) = crate::server_of_tests::fresh() else { return };
    let roots = [tempfile::tempdir(), tempfile::tempdir()].map(|root| root.expect("a directory"));
    let sink = Sink::new(&[]).await;
    let start = async |root: &Path| {
        let options = Options {
            home: Home::new(root, &database.url).expect("an address"),
            letters: Some(letters()),
            relay: Some(sink.relay()),
            registration: RegistrationMode::Open,
            ..options(root)
        };
        Server::start(options).await.expect("starts")
    };
    let first = start(roots[0].path()).await;
    let mut owner = Browser::new(&first);
    owner.set_up(&first).await;
    let key = |place: usize| roots[place].path().join("stockade.key");
    std::fs::copy(key(0), key(1)).expect("copies");
    let second = start(roots[1].path()).await;
    let mut there = Browser::new(&second);
    for number in 0..4 {
        let email = format!("p{number}@example.org");
        let who = if number % 2 == 0 { &mut owner } else { &mut there };
        ask(who, "register", &email).await.expect(202);
    }
    let mails = sink.mails_of(4).await;
    // Nothing is under way any more, on either server.
    let begun = Instant::now();
    while owner.get("/api/v1/outbox").await.expect(200).json()["waiting"] != 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "all are sent");
        tokio::task::yield_now().await;
    }
    first.stop().await.expect("stops");
    second.stop().await.expect("stops");
    assert_eq!(sink.mails().len(), mails.len(), "each went out once");
    for number in 0..4 {
        let to = format!("To: p{number}@example.org");
        assert_eq!(mails.iter().filter(|mail| mail.contains(&to)).count(), 1, "{to}");
    }
}
