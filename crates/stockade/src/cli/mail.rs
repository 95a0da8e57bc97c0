//! `stockade mail`: what a domain needs for its mail, whether it has it, and a letter to try it out.

use super::{
    ask,
    mail_args::{Check, Dns, Mail as Command, Test},
    output::{Ending, Output, plain},
    sealed, usage,
};
use crate::desk::{self, Letters};
use anyhow::{Context, bail};
use kms::{SystemEntropy, new_rsa_key};
use notify::{
    DkimKey, Domain, Finding, Language, Letter, Letterhead, MailServer, Mailbox, Origin, Record,
    Relay, Resolver, Sender, Signer, Transport, Verdict, Weight,
};
use seal::{RsaSigningKey, Secret, SigningKey, random};
use serde_json::{Value, json};
use settings::Settings;
use std::{io::Read, path::Path, sync::Arc};

/// The most that is read of a password, of a list of resolvers, of a certificate authority.
const FILE_BYTES_MAX: u64 = 1 << 16;
const PASSWORD: &str = "mail.password";

/// Runs a mail command.
pub(super) fn run(
    command: &Command,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    match command {
        Command::Dns(ask) => dns(ask, settings, output),
        Command::Check(ask) => check(ask, settings, output),
        Command::Test(ask) => test(ask, settings, output),
        Command::Password => password(settings, output),
    }
}

/// The sender's address, without which there is no mail.
fn sender(settings: &Settings) -> anyhow::Result<Mailbox> {
    let text = settings.text("mail.from");
    if text.is_empty() {
        bail!(usage(
            "no sender is set: put mail.from = \"stockade@YOUR-DOMAIN\" into the configuration"
        ));
    }
    Mailbox::parse(text).with_context(|| format!("mail.from ({})", settings.origin("mail.from")))
}

/// The signer by the keys of a selector; keys that are missing are made.
fn signer(settings: &Settings, selector: &str, output: Output) -> anyhow::Result<Signer> {
    let from = sender(settings)?;
    let domain = match settings.text("mail.domain") {
        "" => from.domain(),
        domain => domain,
    };
    let secrets = sealed::secrets(settings)?;
    let key = |kind: &str, make: fn() -> Secret<Vec<u8>>| -> anyhow::Result<_> {
        let selector = format!("{selector}-{kind}");
        let name = format!("dkim.{selector}");
        if let Some(kept) = secrets.find(&name)? {
            return Ok((selector, kept));
        }
        let fresh = make();
        secrets.keep(&name, "", &fresh, desk::now())?;
        output.note(&format!("made the signing key {selector}"));
        Ok((selector, fresh))
    };
    let (ed25519, seed) =
        key("ed25519", || Secret::new(random::<32>(&mut SystemEntropy::new()).to_vec()))?;
    let seed: [u8; 32] = seed.expose().as_slice().try_into().context("a key has 32 bytes")?;
    let ed = DkimKey::Ed25519(Box::new(SigningKey::from_seed(&Secret::new(seed))));
    let (rsa, der) = key("rsa", new_rsa_key)?;
    let rsa_key = DkimKey::Rsa(Box::new(RsaSigningKey::from_pkcs8(&der)?));
    Ok(Signer::new(domain, vec![(ed25519, ed), (rsa, rsa_key)])?)
}

/// The domain as the settings have it.
fn domain(settings: &Settings, signer: &Signer) -> anyhow::Result<Domain> {
    let mut domain = Domain::new(&sender(settings)?, signer, settings.text("mail.spf"))?;
    let reports = settings.text("mail.reports");
    if !reports.is_empty() {
        domain.reports = Some(Mailbox::parse(reports).context("mail.reports")?);
    }
    Ok(domain)
}

fn record(record: &Record) -> Value {
    json!({ "name": record.name, "type": "TXT", "value": record.text, "zone_line": record.zone_line() })
}

fn dns(ask: &Dns, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let selector = ask.selector.as_deref().unwrap_or_else(|| settings.text("mail.selector"));
    let signer = signer(settings, selector, output)?;
    let domain = domain(settings, &signer)?.with_mx(&ask.mx)?;
    let records = notify::records(&domain);
    let policy = domain.mta_sts();
    let shown = json!({
        "records": records.iter().map(record).collect::<Vec<_>>(),
        "mta_sts": policy,
    });
    output.show(&shown, |_| {
        let lines: Vec<String> = records.iter().map(Record::zone_line).collect();
        let policy = policy.as_ref().map(|policy| {
            let place = format!("https://mta-sts.{}/.well-known/mta-sts.txt", domain.from);
            format!("\n\nserve this at {place}:\n\n{policy}")
        });
        lines.join("\n") + &policy.unwrap_or_default()
    })?;
    Ok(Ending::Done)
}

fn check(ask: &Check, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let signer = signer(settings, settings.text("mail.selector"), output)?;
    let domain = domain(settings, &signer)?;
    let resolver = match ask.resolver {
        Some(server) => Resolver::at(server),
        None => Resolver::of(&bounded(Path::new("/etc/resolv.conf")).unwrap_or_default()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let findings =
        runtime.block_on(notify::check(&domain, &resolver, &mut SystemEntropy::new()))?;
    let shown: Vec<Value> = findings.iter().map(finding).collect();
    output.show(&shown, |_| findings.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    let good = findings.iter().all(|finding| finding.weight == Weight::Good);
    Ok(if good { Ending::Done } else { Ending::Findings })
}

const fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Good => "good",
        Weight::Advice => "advice",
        Weight::Wrong => "WRONG",
    }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "subject": finding.subject,
        "name": finding.name,
        "weight": weight(finding.weight).to_lowercase(),
        "text": finding.text,
        "set": finding.set.as_ref().map(record),
    })
}

/// A finding for people. What DNS says is others' text.
fn line(finding: &Finding) -> String {
    let Finding { subject, name, text, .. } = finding;
    let set = finding.set.as_ref().map(|set| format!("\n        set: {}", set.zone_line()));
    let head = format!("{:<7} {subject:<5} {name}: {text}", weight(finding.weight));
    plain(&head) + &plain(&set.unwrap_or_default())
}

fn head(settings: &Settings) -> anyhow::Result<Letterhead> {
    let origin = match (settings.text("mail.origin"), settings.text("server.origin")) {
        ("", "") => format!("https://{}", settings.text("server.listen")),
        ("", origin) | (origin, _) => origin.to_owned(),
    };
    Ok(Letterhead {
        from: Sender::new(settings.text("mail.name"), sender(settings)?),
        origin: Origin::parse(&origin)?,
    })
}

/// Who carries the server's letters, signed; `None` without a mail server.
pub(super) fn relay(settings: &Settings, output: Output) -> anyhow::Result<Option<Relay>> {
    if settings.text("mail.server").is_empty() {
        return Ok(None);
    }
    let signer = signer(settings, settings.text("mail.selector"), output)?;
    Ok(Some(Relay::new(server(settings)?)?.signed_by(Arc::new(signer))))
}

/// How the server writes letters; `None` without a sender.
pub(super) fn letters(settings: &Settings) -> anyhow::Result<Option<Letters>> {
    if settings.text("mail.from").is_empty() {
        return Ok(None);
    }
    let language = Language::of(settings.text("mail.language")).unwrap_or(Language::English);
    Ok(Some(Letters { head: head(settings)?, language }))
}

fn test(ask: &Test, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let to = Mailbox::parse(&ask.address).map_err(|error| usage(error.to_string()))?;
    let language = Language::of(&ask.language)
        .ok_or_else(|| usage("--language: there are letters in en and de"))?;
    let Some(relay) = relay(settings, output)? else {
        bail!(usage(
            "no mail server is set: put mail.server = \"smtp.YOUR-PROVIDER\" into the configuration"
        ))
    };
    let head = head(settings)?;
    let now = desk::now();
    let id = hex::encode(random::<16>(&mut SystemEntropy::new()));
    let message = Letter::Test { at: now }.write(&head, &to, language, (&id, now))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(relay.send(&message, now)) {
        Verdict::Sent => {
            let shown = json!({ "sent": true, "message_id": message.message_id() });
            let (host, port) = relay.destination();
            output
                .show(&shown, |_| format!("{host}:{port} took it as {}", message.message_id()))?;
            Ok(Ending::Done)
        }
        Verdict::Later { why, .. } => bail!("not now: {why}; try again"),
        Verdict::Refused { why } => bail!("the mail server refuses this letter: {why}"),
        Verdict::Denied { why } => {
            bail!(
                "the mail server lets nothing through: {why}; look at mail.server, mail.user and the password, and at `stockade mail check`"
            )
        }
    }
}

/// The mail server as the settings have it, with the password that is kept.
fn server(settings: &Settings) -> anyhow::Result<MailServer> {
    let host = settings.text("mail.server").to_owned();
    let login = match settings.text("mail.user") {
        "" => None,
        user => {
            let kept = sealed::secrets(settings)?.find(PASSWORD)?;
            let kept = kept
                .context("mail.user is set and there is no password: `stockade mail password`")?;
            let password =
                String::from_utf8(kept.expose().clone()).context("the password is no text")?;
            Some((user.to_owned(), Secret::new(password)))
        }
    };
    let authority = match settings.text("mail.authority") {
        "" => None,
        path => Some(bounded(Path::new(path))?),
    };
    let port = u16::try_from(settings.number("mail.port")).ok().filter(|port| *port > 0);
    let transport = match settings.text("mail.transport") {
        "starttls" => Transport::StartTls,
        _ => Transport::Implicit,
    };
    Ok(MailServer { host, port, transport, login, authority })
}

fn password(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    super::secrets::put(PASSWORD, &ask::new_secret(PASSWORD)?, settings, output)
}

/// A text file of a size that such a file has.
fn bounded(path: &Path) -> anyhow::Result<String> {
    let place = || format!("cannot read {}", path.display());
    let mut text = String::new();
    let file = std::fs::File::open(path).with_context(place)?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).with_context(place)?;
    Ok(text)
}
