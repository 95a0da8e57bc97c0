//! Each channel's request beside the shape that its vendor documents.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may stop at what it does not find"
)]

use jiff::Timestamp;
use notify::{
    Address, Channel, Delivery, Discord, Endpoint, Error, Level, Mail, MailServer, Mailing, Matrix,
    Notice, Outgoing, Slack, Telegram, Transport, Webhook, WebhookKey,
};
use seal::Secret;
use serde_json::{Value, json};
use std::{io::Write, process::Stdio};

const TOKEN: &str = "123456789:AAEhBP0av28ySesame_Sesame-Sesame";
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn notice() -> Notice {
    Notice::new("k", Level::Warning, "a *bold* <b> & @everyone", at(1_700_000_000))
        .line("BTC_USDT at 1.5 \u{1b}[31m(-3%)")
}

fn outgoing(channel: &Channel, notice: &Notice) -> Outgoing {
    match channel.delivery(notice, at(1_700_000_009)).expect("can be written") {
        Delivery::Http(outgoing) => *outgoing,
        Delivery::Mail(_) => panic!("{} is no mail", channel.kind()),
    }
}

fn letter(channel: &Channel, notice: &Notice) -> Mailing {
    match channel.delivery(notice, at(1_700_000_009)).expect("can be written") {
        Delivery::Mail(letter) => *letter,
        Delivery::Http(_) => panic!("{} is mail", channel.kind()),
    }
}

fn telegram(chat: &str) -> Channel {
    Channel::Telegram(Telegram::new(&secret(TOKEN), chat).expect("is a token"))
}

fn discord() -> Channel {
    let url = secret("https://discord.com/api/webhooks/1/sesame?thread_id=7");
    Channel::Discord(Discord::new(&url).expect("is a webhook"))
}

fn slack() -> Channel {
    let url = secret("https://hooks.slack.com/services/T0/B0/sesame");
    Channel::Slack(Slack::new(&url).expect("is a webhook"))
}

fn matrix() -> Channel {
    let (server, room) = (secret("https://matrix.example.org"), "!r/oom:example.org");
    Channel::Matrix(Matrix::new(&server, &secret("syt_sesame"), room).expect("is a room"))
}

fn webhook() -> Channel {
    let key = WebhookKey::parse(&secret(KEY)).expect("is a key");
    let url = secret("https://hook.example.org/in/sesame");
    Channel::Webhook(Webhook::new(&url, key).expect("is an address"))
}

fn mail(server: MailServer) -> Channel {
    let to = ["Ann <ann@example.org>".to_owned(), "bob@example.org".to_owned()];
    Channel::Mail(Mail::new(server, "Bot <bot@example.net>", &to).expect("are addresses"))
}

fn server() -> MailServer {
    MailServer {
        host: "smtp.example.net".to_owned(),
        port: None,
        transport: Transport::Implicit,
        login: Some(("bot".to_owned(), secret("sesame"))),
        authority: None,
    }
}

#[test]
fn a_request_has_the_shape_that_its_vendor_documents() {
    let check = |channel: &Channel, method: &str, url: &str, body: Value| {
        let outgoing = outgoing(channel, &notice());
        assert_eq!(outgoing.method.as_str(), method);
        assert_eq!(outgoing.endpoint.expose(), url);
        assert_eq!(outgoing.headers[0].0.as_str(), "content-type");
        assert_eq!(outgoing.headers[0].1, "application/json");
        assert_eq!(serde_json::from_str::<Value>(&outgoing.body).expect("is JSON"), body);
        let secret = channel.kind() != "matrix";
        assert_eq!(outgoing.address == Address::Secret, secret);
    };
    let plain =
        "[warning] a *bold* <b> & @everyone\nBTC_USDT at 1.5 (-3%)\n2023-11-14 22:13:20 UTC";
    check(
        &telegram("-42"),
        "POST",
        &format!("https://api.telegram.org/bot{TOKEN}/sendMessage"),
        json!({
            "chat_id": "-42",
            "text": plain,
            "link_preview_options": { "is_disabled": true },
            "disable_notification": false,
        }),
    );
    check(
        &discord(),
        "POST",
        "https://discord.com/api/webhooks/1/sesame?thread_id=7&wait=true",
        json!({
            "content": "\\[warning\\] a \\*bold\\* \\<b\\> & \\@everyone\nBTC\\_USDT at 1.5 \\(\\-3%\\)\n2023\\-11\\-14 22:13:20 UTC",
            "allowed_mentions": { "parse": [] },
            "flags": 4,
        }),
    );
    check(
        &slack(),
        "POST",
        "https://hooks.slack.com/services/T0/B0/sesame",
        json!({
            "text": plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
            "mrkdwn": false,
            "unfurl_links": false,
            "unfurl_media": false,
        }),
    );
    check(
        &matrix(),
        "PUT",
        &format!(
            "https://matrix.example.org/_matrix/client/v3/rooms/%21r%2Foom%3Aexample.org/send/m.room.message/{}",
            notice().id()
        ),
        json!({ "msgtype": "m.text", "body": plain, "m.mentions": {} }),
    );
    check(
        &webhook(),
        "POST",
        "https://hook.example.org/in/sesame",
        json!({
            "type": "stockade.notice",
            "timestamp": "2023-11-14T22:13:20Z",
            "data": {
                "key": "k",
                "level": "warning",
                "title": "a *bold* <b> & @everyone",
                "lines": ["BTC_USDT at 1.5 (-3%)"],
            },
        }),
    );
}

#[test]
fn a_matrix_request_bears_its_token_where_it_does_not_print() {
    let outgoing = outgoing(&matrix(), &notice());
    let (name, value) = &outgoing.headers[1];
    assert_eq!((name.as_str(), value.as_bytes()), ("authorization", &b"Bearer syt_sesame"[..]));
    assert!(value.is_sensitive());
}

#[test]
fn the_longest_notice_fits_every_channel() {
    // Two UTF-16 units, four bytes, and all that is escaped.
    for fill in ["🚀", "&", "*", "x", "漢"] {
        let mut longest = Notice::new("k", Level::Critical, &fill.repeat(1000), at(0));
        for _ in 0..30 {
            longest = longest.line(&fill.repeat(1000));
        }
        let check = |channel: &Channel, field: &str, units_max: usize, ends: &str| {
            let body: Value =
                serde_json::from_str(&outgoing(channel, &longest).body).expect("is JSON");
            let text = body[field].as_str().expect("is text");
            assert!(text.encode_utf16().count() <= units_max, "{} {fill}", channel.kind());
            assert!(text.ends_with(ends), "{} {fill}: {text:?}", channel.kind());
        };
        check(&telegram("1"), "text", 4096, "…");
        check(&discord(), "content", 2000, "…");
        check(&slack(), "text", 4000, "…");
        check(&matrix(), "body", 16 * 1024, if fill == "🚀" || fill == "漢" { "…" } else { "UTC" });
        assert!(outgoing(&webhook(), &longest).body.len() < 64 * 1024);
    }
}

#[test]
fn a_signature_is_the_one_that_standard_webhooks_print() {
    // The vector of the reference libraries' tests.
    let key = WebhookKey::parse(&secret(KEY)).expect("is a key");
    let signature =
        key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

/// What a receiver does, with nothing of ours: Python's own HMAC over what went over the wire.
const RECEIVER: &str = r"
import base64, hashlib, hmac, json, sys
wire = json.load(sys.stdin)
signed = '.'.join([wire['webhook-id'], wire['webhook-timestamp'], wire['body']]).encode()
for signature, key in zip(wire['webhook-signature'].split(' '), wire['keys']):
    version, value = signature.split(',')
    tag = hmac.new(base64.b64decode(key[6:]), signed, hashlib.sha256).digest()
    assert version == 'v1' and hmac.compare_digest(base64.b64decode(value), tag), signature
print('verified')
";

#[test]
fn a_receiver_of_its_own_verifies_a_webhook_under_both_keys() {
    let former = format!("whsec_{}", "Zm9ybWVyLWtleS1vZi10aGUtd2ViaG9vay0xMjM0NTY=");
    let key = |text: &str| WebhookKey::parse(&secret(text)).expect("is a key");
    let webhook = Webhook::new(&secret("https://hook.example.org/in"), key(KEY));
    let webhook = webhook.expect("is an address").and_former_key(key(&former));
    let outgoing = outgoing(&Channel::Webhook(webhook), &notice());
    let mut wire = json!({ "body": outgoing.body, "keys": [KEY, former] });
    for (name, value) in &outgoing.headers {
        wire[name.as_str()] = value.to_str().expect("is visible").into();
    }
    assert_eq!(wire["webhook-id"], format!("msg_{}", notice().id()));
    assert_eq!(wire["webhook-timestamp"], "1700000009");
    assert_eq!(wire["webhook-signature"].as_str().expect("is text").split(' ').count(), 2);
    #[allow(clippy::disallowed_methods, reason = "the receiver is another program on purpose")]
    let python = std::process::Command::new("python3")
        .args(["-c", RECEIVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut python) = python else {
        println!("skipped: no python3 to verify with");
        return;
    };
    let mut stdin = python.stdin.take().expect("was asked for");
    stdin.write_all(wire.to_string().as_bytes()).expect("is read");
    drop(stdin);
    let output = python.wait_with_output().expect("ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "verified");
}

#[test]
fn a_mail_is_one_that_a_machine_sent() {
    let channel = mail(server());
    let text = String::from_utf8(letter(&channel, &notice()).formatted()).expect("is text");
    let (head, body) = text.split_once("\r\n\r\n").expect("has a head");
    for want in [
        "From: Bot <bot@example.net>",
        "To: Ann <ann@example.org>, bob@example.org",
        "Subject: [warning] a *bold* <b> & @everyone",
        "Auto-Submitted: auto-generated",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000",
        &format!("Message-ID: <{}@example.net>", notice().id()),
    ] {
        assert!(head.contains(want), "{want:?} is not in {head}");
    }
    assert!(body.contains("BTC_USDT at 1.5 (-3%)"), "{body}");
    // A title cannot become a header, a line cannot end the mail.
    let crafted =
        Notice::new("", Level::Info, "x\r\nBcc: evil@example.org", at(0)).line("a\r\n.\r\nb");
    let text = String::from_utf8(letter(&channel, &crafted).formatted()).expect("is text");
    assert!(text.contains("Subject: x  Bcc: evil@example.org\r\n"), "{text}");
    assert!(text.contains("a  .  b"), "{text}");
}

#[test]
fn what_is_pasted_into_the_wrong_place_is_refused_without_repeating_it() {
    let check = |error: Result<(), Error>, want: &str| {
        let error = error.expect_err("is refused").to_string();
        assert!(error.contains(want), "{error}");
        assert!(!error.contains("esame"), "{error}");
    };
    let token = |text: &str| Telegram::new(&secret(text), "1").map(drop);
    check(token("sesame"), "@BotFather");
    check(token("123:sesame/../sesame-sesame-sesame"), "@BotFather");
    check(Telegram::new(&secret(TOKEN), "my chat").map(drop), "a chat is a number");
    check(
        Discord::new(&secret("https://hooks.slack.com/services/sesame")).map(drop),
        "discord.com",
    );
    check(Slack::new(&secret("https://discord.com/api/webhooks/1/sesame")).map(drop), "slack.com");
    check(Slack::new(&secret("http://hooks.slack.com/services/sesame")).map(drop), "use https");
    let server = secret("https://m.example.org");
    check(Matrix::new(&server, &secret("sesame"), "#room:example.org").map(drop), "begins with !");
    check(Matrix::new(&server, &secret("sesame\r\nx"), "!r:x").map(drop), "no spaces");
    check(WebhookKey::parse(&secret("whsec_c2VzYW1l")).map(drop), "24 to 64");
    check(WebhookKey::parse(&secret("whsec_sesame*")).map(drop), "24 to 64");
    let mailed = |host: &str, from: &str, to: &[String]| {
        let server = MailServer { host: host.to_owned(), ..self::server() };
        Mail::new(server, from, to).map(drop)
    };
    let bob = ["bob@example.org".to_owned()];
    check(mailed("smtp://bot:sesame@example.net", "a@b.c", &bob), "alone");
    check(mailed("smtp.example.net", "nobody", &bob), "mail.from");
    check(mailed("smtp.example.net", "a@b.c", &[]), "one to ten");
}

#[test]
fn nothing_that_opens_a_channel_prints() {
    let channels = [telegram("1"), discord(), slack(), matrix(), webhook(), mail(server())];
    for channel in channels {
        let mut shown = format!("{channel:?} {:?}", channel.destination());
        match channel.delivery(&notice(), at(0)).expect("can be written") {
            Delivery::Http(outgoing) => {
                shown += &format!("{:?} {:?}", outgoing.endpoint, outgoing.headers);
            }
            Delivery::Mail(letter) => shown += &format!("{letter:?}"),
        }
        for secret in ["esame", TOKEN, "MfKQ9r8G"] {
            assert!(!shown.contains(secret), "{}: {shown}", channel.kind());
        }
    }
}

#[test]
fn a_client_that_prints_the_address_in_its_error_gives_nothing_away() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("starts");
    let channel = slack();
    let delivery = channel.delivery(&notice(), at(0)).expect("can be written");
    let verdict =
        runtime.block_on(notify::deliver(delivery, at(0), |outgoing: Outgoing| async move {
            Err::<notify::Answer, _>(format!(
                "error sending request for {}",
                outgoing.endpoint.expose()
            ))
        }));
    let why = "error sending request for (address)".to_owned();
    assert_eq!(verdict, notify::Verdict::Later { after: None, why });
}

#[test]
fn a_channel_names_the_host_that_it_talks_to() {
    let check =
        |channel: &Channel, host: &str, port| assert_eq!(channel.destination(), (host, port));
    check(&telegram("@channel"), "api.telegram.org", 443);
    check(&matrix(), "matrix.example.org", 443);
    check(&mail(server()), "smtp.example.net", 465);
    let start = MailServer { transport: Transport::StartTls, ..server() };
    check(&mail(start), "smtp.example.net", 587);
    let api = Endpoint::parse("api", &secret("http://127.0.0.1:8081/")).expect("is an address");
    let own = Telegram::with_api(&api, &secret(TOKEN), "1").expect("is a token");
    let outgoing = outgoing(&Channel::Telegram(own), &notice());
    let want = format!("http://127.0.0.1:8081/bot{TOKEN}/sendMessage");
    assert_eq!(outgoing.endpoint.expose(), want);
}
