//! Our mail before judges of others: dkimpy verifies the signatures and Python's parser the form, aiosmtpd takes
//! it over TLS, dnspython and unbound answer our questions. Each is passed over, with its reason, where it is
//! not installed; `cargo xtask test --only mail` brings them along.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "the judges are other programs on purpose, and a test may stop at what it does not find"
)]

#[path = "letters/mod.rs"]
mod letters;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use letters::{all, now, written};
use notify::{
    Asked, DkimKey, Domain, Kind, Language, Lookup, MailServer, Message, Relay, Resolver, Signer,
    Transport, Verdict,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use seal::{RsaSigningKey, Secret, SeededEntropy, SigningKey};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, UdpSocket},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

/// A program of others with its output, ended when the test is.
struct Running(Child, BufReader<ChildStdout>);

impl Running {
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.1.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Python with these modules, or `None` with the reason on stdout.
fn python(script: &str, modules: &str, arguments: &[&str]) -> Option<Running> {
    let program = std::env::var_os("MAIL_PYTHON").unwrap_or_else(|| "python3".into());
    let has = Command::new(&program)
        .args(["-c", &format!("import {modules}")])
        .stderr(Stdio::null())
        .status();
    if !has.is_ok_and(|status| status.success()) {
        println!(
            "skipped: no python3 with {modules}; `cargo xtask test --only mail` installs them"
        );
        return None;
    }
    let child = Command::new(program)
        .args(["-c", script])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = child.expect("starts");
    let stdout = child.stdout.take().expect("was asked for");
    Some(Running(child, BufReader::new(stdout)))
}

fn signer() -> Arc<Signer> {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key");
    let der = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair);
    let der = Secret::new(der.expect("DER").as_ref().to_vec());
    let rsa = RsaSigningKey::from_pkcs8(&der).expect("a key");
    let ed = SigningKey::from_seed(&Secret::new([7; 32]));
    let keys = vec![
        ("s-ed25519".to_owned(), DkimKey::Ed25519(Box::new(ed))),
        ("s-rsa".to_owned(), DkimKey::Rsa(Box::new(rsa))),
    ];
    Arc::new(Signer::new("example.org", keys).expect("a signer"))
}

/// The domain's records as `name -> text`, as we print them.
fn records(signer: &Signer) -> Value {
    let domain = Domain::new(letters::head().from.mailbox(), signer, "mx").expect("a domain");
    let records = notify::records(&domain);
    records.into_iter().map(|record| (record.name, Value::from(record.text))).collect()
}

/// What the judge says of each mail.
fn judged(mails: &[Vec<u8>], records: &Value, modules: &str) -> Option<Vec<Value>> {
    let script = include_str!("independent/judge.py");
    let mut judge = python(script, modules, &[&records.to_string()])?;
    let mut stdin = judge.0.stdin.take().expect("was asked for");
    let mut verdicts = Vec::new();
    for mail in mails {
        writeln!(stdin, "{}", mail.len()).expect("is read");
        stdin.write_all(mail).expect("is read");
        stdin.flush().expect("is read");
        let line = judge.line().expect("a verdict");
        verdicts.push(serde_json::from_str(&line).expect("JSON"));
    }
    Some(verdicts)
}

#[test]
fn the_parser_of_others_finds_what_we_wrote() {
    let mut messages: Vec<Message> = Vec::new();
    for language in Language::ALL {
        let letters = all("Jörg „Ann“ <b>\r\nBcc: eve@example.net");
        messages.extend(letters.into_iter().map(|(_, letter)| written(&letter, language)));
    }
    let mails: Vec<Vec<u8>> = messages.iter().map(|m| m.to_bytes().expect("is written")).collect();
    let Some(verdicts) = judged(&mails, &json!({}), "email") else { return };
    for (message, told) in messages.iter().zip(verdicts) {
        assert_eq!(told["defects"], json!([]), "{told:#}");
        let parts = &told["parts"];
        let html = message.html.as_ref().expect("HTML").expose();
        for (at, (kind, want)) in
            [("text/plain", message.text.expose()), ("text/html", html)].into_iter().enumerate()
        {
            assert_eq!(parts[at][0], kind);
            let found = parts[at][1].as_str().expect("a text").replace("\r\n", "\n");
            assert_eq!(found.trim_end(), want.trim_end());
        }
        let fields: Vec<(&str, &str)> = told["fields"]
            .as_array()
            .expect("fields")
            .iter()
            .map(|field| (field[0].as_str().expect("a name"), field[1].as_str().expect("a value")))
            .collect();
        assert!(fields.contains(&("Subject", &message.subject)), "{fields:?}");
        assert!(fields.contains(&("From", "Stockade <stockade@example.org>")), "{fields:?}");
        assert!(fields.contains(&("To", "ann@example.net")), "{fields:?}");
        assert!(fields.contains(&("Content-Language", &message.language)), "{fields:?}");
        assert!(!fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("bcc")), "{fields:?}");
    }
}

/// A change of a signed mail, and whether the signatures must survive it.
fn changes(mail: &str, runner: &mut TestRunner) -> Vec<(String, bool)> {
    let (head, body) = mail.split_once("\r\n\r\n").expect("a body");
    let mut out = vec![
        (mail.to_owned(), true),
        (format!("Received: from a by b\r\n{mail}"), true),
        (format!("X-Spam: no\r\n{mail}"), true),
        (format!("{mail}\r\n\r\n\r\n"), true),
        (format!("{head}\r\n\r\n{}", body.replace("\r\n", " \t\r\n")), true),
        (format!("{}\r\n\r\n{body}", head.replace("\r\nSubject: ", "\r\nSUBJECT:\t  ")), true),
        (format!("{}\r\n\r\n{body}", head.replace("\r\nDate: ", "\r\nDate:\r\n  ")), true),
        (format!("From: eve@example.net\r\n{mail}"), false),
        (format!("{head}\r\nSubject: another\r\n\r\n{body}"), false),
        (format!("{head}\r\nReply-To: eve@example.net\r\n\r\n{body}"), false),
        (format!("{head}\r\nCc: eve@example.net\r\n\r\n{body}"), false),
        (format!("{mail}one line more\r\n"), false),
        (format!("{head}\r\n\r\n\r\n{body}"), false),
        (mail.replace("multipart/alternative", "multipart/mixed"), false),
    ];
    // Any letter or digit behind the signatures, changed into another one.
    let start = mail.find("\r\nFrom:").expect("a sender");
    let places: Vec<usize> = (start + 2..mail.len())
        .filter(|at| mail.as_bytes()[*at].is_ascii_alphanumeric())
        // Fields that are not signed may change.
        .filter(|at| !line_of(mail, *at).starts_with("X-Auto-Response-Suppress"))
        // The case of a field's name is free, and so is which letter stands for none there: only values.
        .filter(|at| {
            *at > mail.find("\r\n\r\n").expect("a body")
                || line_of(mail, *at).find(':').is_some_and(|colon| {
                    let begin = mail[..*at].rfind("\r\n").map_or(0, |begin| begin + 2);
                    *at > begin + colon
                })
        })
        .collect();
    for _ in 0..60 {
        let tree = (0..places.len()).new_tree(runner).expect("a number");
        let at = places[tree.current()];
        let other = if mail.as_bytes()[at] == b'x' { "y" } else { "x" };
        let mut changed = mail.to_owned();
        changed.replace_range(at..=at, other);
        out.push((changed, false));
    }
    out
}

fn line_of(mail: &str, at: usize) -> &str {
    let begin = mail[..at].rfind("\r\n").map_or(0, |begin| begin + 2);
    let end = mail[at..].find("\r\n").map_or(mail.len(), |end| at + end);
    &mail[begin..end]
}

#[test]
fn dkimpy_accepts_both_signatures_and_refuses_what_was_changed() {
    let signer = signer();
    let mut runner = TestRunner::deterministic();
    let mut mails = Vec::new();
    for (language, which) in [(Language::English, 0), (Language::German, 2), (Language::German, 10)]
    {
        let (_, letter) = all("Jörg").remove(which);
        let bytes = written(&letter, language).to_bytes().expect("is written");
        // dkimpy holds `t=` and `x=` against its own clock.
        let mail = signer.sign(&bytes, clock()).expect("is signed");
        mails.extend(changes(&String::from_utf8(mail).expect("ASCII"), &mut runner));
    }
    let old = jiff::Timestamp::from_second(1_700_000_000).expect("in range");
    let (_, letter) = all("Ann").remove(0);
    let bytes = written(&letter, Language::English).to_bytes().expect("is written");
    let expired = signer.sign(&bytes, old).expect("is signed");
    mails.push((String::from_utf8(expired).expect("ASCII"), false));
    let raw: Vec<Vec<u8>> = mails.iter().map(|(mail, _)| mail.clone().into_bytes()).collect();
    let Some(verdicts) = judged(&raw, &records(&signer), "dkim, nacl") else { return };
    for ((mail, want), told) in mails.iter().zip(&verdicts) {
        let good = told["dkim"].as_array().expect("verdicts");
        assert_eq!(good.len(), 2, "{told}");
        let held = good.iter().filter(|verdict| **verdict == json!(true)).count();
        assert_eq!(held, if *want { 2 } else { 0 }, "{told:#}\n{mail}");
    }
    println!("dkimpy judged {} mails", verdicts.len());
}

#[allow(clippy::disallowed_types, reason = "the judge has the machine's clock")]
fn clock() -> jiff::Timestamp {
    std::time::SystemTime::now().try_into().expect("in range")
}

/// An authority, and a certificate of it for localhost in files.
fn identity(folder: &std::path::Path) -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
    let authority = authority.expect("signs itself");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let leaf = params.signed_by(&key, &authority).expect("is signed");
    let place = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (certificate, private) = (place("cert.pem"), place("key.pem"));
    std::fs::write(&certificate, leaf.pem()).expect("is written");
    std::fs::write(&private, key.serialize_pem()).expect("is written");
    (authority.pem(), certificate, private)
}

#[tokio::test]
async fn a_server_of_others_gets_what_dkimpy_accepts() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, certificate, key) = identity(folder.path());
    let signer = signer();
    let ways =
        [(Transport::Implicit, "implicit", "PLAIN"), (Transport::StartTls, "starttls", "LOGIN")];
    for (transport, word, mechanism) in ways {
        let script = include_str!("independent/sink.py");
        let arguments = [certificate.as_str(), key.as_str(), word, mechanism];
        let Some(mut sink) = python(script, "aiosmtpd", &arguments) else { return };
        let port = sink.line().expect("a port").parse().expect("a port");
        let server = |password: &str| MailServer {
            host: "localhost".to_owned(),
            port: Some(port),
            transport,
            login: Some(("stockade".to_owned(), Secret::new(password.to_owned()))),
            authority: Some(authority.clone()),
        };
        let (_, letter) = all("Jörg").remove(1);
        let message = written(&letter, Language::German);
        let wrong = Relay::new(server("wrong")).expect("a relay");
        let verdict = wrong.send(&message, clock()).await;
        assert!(
            matches!(&verdict, Verdict::Denied { why } if why.starts_with("535")),
            "{verdict:?}"
        );
        let relay = Relay::new(server("open sesame")).expect("a relay").signed_by(signer.clone());
        assert_eq!(relay.send(&message, clock()).await, Verdict::Sent, "{word}");
        let told: Value = serde_json::from_str(&sink.line().expect("a mail")).expect("JSON");
        assert_eq!(told["tls"], json!(true));
        assert_eq!(told["login"], json!("stockade"));
        assert_eq!(
            (&told["from"], &told["to"]),
            (&json!("stockade@example.org"), &json!(["ann@example.net"]))
        );
        let mail = BASE64.decode(told["mail"].as_str().expect("a mail")).expect("Base64");
        let Some(verdicts) = judged(&[mail], &records(&signer), "dkim, nacl") else { continue };
        assert_eq!(verdicts[0]["dkim"], json!([true, true]), "{word}: {:#}", verdicts[0]);
    }
}

/// Lines of a zone that the servers of others serve.
fn zone() -> Value {
    let long = format!("v=DKIM1; k=rsa; p={}", "A".repeat(392));
    let strings = format!("\"{}\" \"{}\"", &long[..255], &long[255..]);
    let many: Vec<String> =
        (0..40).map(|n| format!("\"text number {n} of a name with many\"")).collect();
    json!([
        ["example.org", "TXT", ["\"v=spf1 mx -all\"", "\"other; \\\"quoted\\\"\""]],
        ["example.org", "MX", ["10 mail.example.org.", "20 spare.example.org."]],
        ["mail.example.org", "A", ["192.0.2.7"]],
        ["mail.example.org", "AAAA", ["2001:db8::7"]],
        ["s-rsa._domainkey.example.org", "TXT", [strings]],
        ["many.example.org", "TXT", many],
        ["alias.example.org", "CNAME", ["mail.example.org"]],
    ])
}

async fn check_zone(resolver: &Resolver) {
    let mut entropy = SeededEntropy::new(1);
    let mut ask = async |name: &str, kind| {
        let asked = Asked { name: name.to_owned(), kind };
        match resolver.ask(&asked, &mut entropy).await.expect("is answered") {
            Lookup::Found(mut values) => {
                values.sort();
                values
            }
            other => vec![format!("{other:?}")],
        }
    };
    let texts = ask("example.org", Kind::Txt).await;
    assert_eq!(texts, ["other; \"quoted\"", "v=spf1 mx -all"]);
    assert_eq!(ask("example.org", Kind::Mx).await, ["mail.example.org", "spare.example.org"]);
    assert_eq!(ask("MAIL.example.org", Kind::A).await, ["192.0.2.7"]);
    assert_eq!(ask("mail.example.org", Kind::Aaaa).await, ["2001:db8::7"]);
    let key = format!("v=DKIM1; k=rsa; p={}", "A".repeat(392));
    assert_eq!(ask("s-rsa._domainkey.example.org", Kind::Txt).await, [key]);
    assert_eq!(ask("many.example.org", Kind::Txt).await.len(), 40, "over TCP");
    assert_eq!(ask("alias.example.org", Kind::A).await, ["192.0.2.7"]);
    assert_eq!(ask("mail.example.org", Kind::Txt).await, ["Nothing"]);
    assert_eq!(ask("nowhere.example.org", Kind::Txt).await, ["Nothing"]);
}

#[tokio::test]
async fn a_name_server_of_others_is_understood() {
    let mut zone = zone();
    let broken = json!(["broken.example.org", "SERVFAIL", []]);
    zone.as_array_mut().expect("a list").push(broken);
    let script = include_str!("independent/zone.py");
    let Some(mut server) = python(script, "dns.message", &[&zone.to_string()]) else { return };
    let port: u16 = server.line().expect("a port").parse().expect("a port");
    let resolver = Resolver::at(SocketAddr::from(([127, 0, 0, 1], port)));
    // dnspython does not follow an alias for us; its answer has both records, as a resolver's would.
    check_zone(&resolver).await;
    let asked = Asked { name: "broken.example.org".to_owned(), kind: Kind::Txt };
    let found = resolver.ask(&asked, &mut SeededEntropy::new(2)).await;
    assert_eq!(found.expect("is answered"), Lookup::Failed);
}

#[tokio::test]
async fn unbound_is_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    // A port that was free a moment ago; unbound takes no other way.
    let free = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let port = free.local_addr().expect("is bound").port();
    drop(free);
    let mut text = format!(
        "server:\n do-daemonize: no\n chroot: \"\"\n username: \"\"\n pidfile: \"\"\n use-syslog: no\n \
         directory: \"{}\"\n interface: 127.0.0.1@{port}\n do-ip6: no\n module-config: \"iterator\"\n \
         local-zone: \"example.org.\" static\n",
        folder.path().display()
    );
    for line in zone().as_array().expect("a list") {
        let (name, kind) = (line[0].as_str().expect("a name"), line[1].as_str().expect("a kind"));
        // Unbound's local data have no aliases that it follows.
        let (name, kind, values) = match kind {
            "CNAME" => (name, "A", vec!["192.0.2.7"]),
            _ => (
                name,
                kind,
                line[2]
                    .as_array()
                    .expect("values")
                    .iter()
                    .map(|v| v.as_str().expect("text"))
                    .collect(),
            ),
        };
        for value in values {
            text.push_str(&format!(" local-data: '{name}. IN {kind} {value}'\n"));
        }
    }
    let configuration = folder.path().join("unbound.conf");
    std::fs::write(&configuration, text).expect("is written");
    let child = Command::new("unbound")
        .args(["-d", "-c"])
        .arg(&configuration)
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        println!("skipped: no unbound on the path (`apt-get install unbound`)");
        return;
    };
    let stdout = child.stdout.take().expect("was asked for");
    let _server = Running(child, BufReader::new(stdout));
    let resolver = Resolver::at(SocketAddr::from(([127, 0, 0, 1], port)));
    let asked = Asked { name: "example.org".to_owned(), kind: Kind::Txt };
    // It takes a moment until it answers; each question waits for some seconds anyway.
    for _ in 0..20_000 {
        if matches!(resolver.ask(&asked, &mut SeededEntropy::new(3)).await, Ok(Lookup::Found(_))) {
            break;
        }
    }
    check_zone(&resolver).await;
}

#[tokio::test]
async fn nobody_there_is_told_with_the_way_out() {
    let free = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let server = free.local_addr().expect("is bound");
    drop(free);
    let asked = Asked { name: "example.org".to_owned(), kind: Kind::Txt };
    let found = Resolver::at(server).ask(&asked, &mut SeededEntropy::new(4)).await;
    let text = found.expect_err("nobody is there").to_string();
    assert!(text.starts_with(&format!("cannot ask {server} for example.org:")), "{text}");
    assert!(text.contains("--resolver"), "{text}");
    assert_eq!(now().as_second(), 1_795_953_600);
}
