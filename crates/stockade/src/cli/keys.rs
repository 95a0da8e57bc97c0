//! `stockade keys`: who holds the root key, and what is done with the keys under it.

use super::{
    configuration::home,
    interrupt,
    keys_args::{HolderArg, Keys as Command},
    output::{Ending, Output, table},
    usage,
};
use crate::desk::{
    self, Desk, HolderTerms, Home, KeyStatus, KeyTerms, Rewrapped, Unrecoverable, now,
};
use kms::{SystemEntropy, TokenTerms, TransitTerms, read_line, write_private};
use seal::{Identity, Recipient};
use serde_json::json;
use settings::Settings;
use std::{ops::ControlFlow, path::Path, time::Duration};
use tokio::runtime::{Builder, Runtime};

/// The text of an identity.
const IDENTITY_BYTES_MAX: usize = 200;

/// Where the root key is, by the configuration.
pub(super) fn terms(settings: &Settings) -> anyhow::Result<KeyTerms> {
    let recovery = match settings.text("keys.recovery") {
        "" => None,
        text => Some(text.parse::<Recipient>().map_err(|error| {
            usage(format!("keys.recovery ({}): {error}", settings.origin("keys.recovery")))
        })?),
    };
    let absence = u64::try_from(settings.number("keys.absence_seconds"))?;
    let holder = holder(settings.text("keys.holder"), settings)?;
    Ok(KeyTerms { holder, recovery, absence: Duration::from_secs(absence) })
}

/// A holder with what the configuration says of it.
fn holder(kind: &str, settings: &Settings) -> anyhow::Result<HolderTerms> {
    let needed = |key: &'static str| {
        settings.path(key).ok_or_else(|| usage(format!("keys.holder = {kind:?} needs {key}")))
    };
    let text = |key: &'static str| match settings.text(key) {
        "" => Err(usage(format!("keys.holder = {kind:?} needs {key}"))),
        text => Ok(text.to_owned()),
    };
    Ok(match kind {
        "passphrase" => HolderTerms::Passphrase(needed("keys.passphrase")?),
        "credential" => HolderTerms::Credential(needed("keys.credential")?),
        "pkcs11" => HolderTerms::Token(TokenTerms {
            module: needed("keys.module")?,
            token: text("keys.token")?,
            key: text("keys.key")?,
            pin: needed("keys.pin")?,
        }),
        "transit" => HolderTerms::Transit {
            terms: TransitTerms {
                address: text("keys.url")?,
                mount: text("keys.mount")?,
                key: text("keys.key")?,
                namespace: Some(settings.text("keys.namespace").to_owned())
                    .filter(|n| !n.is_empty()),
                token: needed("keys.vault_token")?,
            },
            authority: settings.path("keys.authority"),
        },
        _ => HolderTerms::File,
    })
}

/// Runs a command on the keys.
pub(super) fn run(
    command: &Command,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    match command {
        Command::Status => status(settings, output),
        Command::Attest => attest(settings, output),
        Command::Move { to, without_recovery } => {
            let kept =
                if *without_recovery { Unrecoverable::Accept } else { Unrecoverable::Refuse };
            move_to(*to, kept, settings, output)
        }
        Command::Rotate { accounts: true } => rotate_accounts(settings, output),
        Command::Rotate { accounts: false } => {
            let (recovery, desk) = (terms(settings)?.recovery, Held::take(settings)?);
            let done = desk.runtime.block_on(desk.desk.rotate_root(recovery))?;
            desk.end();
            rewrapped(done, "the root key has another version", output)
        }
        Command::Rewrap => rewrap(settings, output),
        Command::Recover { identity } => recover(identity, settings, output),
        Command::Identity { out } => identity(out, output),
    }
}

/// The data directory, held by this process.
struct Held {
    runtime: Runtime,
    desk: Desk,
}

impl Held {
    fn take(settings: &Settings) -> anyhow::Result<Self> {
        let (home, runtime) = (home(settings)?, runtime()?);
        let desk = runtime.block_on(Desk::open(home, "a command on its keys", now()))?;
        Ok(Self { runtime, desk })
    }

    fn end(self) {
        self.runtime.block_on(self.desk.close());
    }
}

fn runtime() -> anyhow::Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

fn status(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let home = home(settings)?;
    let status = runtime()?.block_on(desk::key_status(&home))?;
    let findings = findings(&status, &home);
    let (all, old) = status.data_keys;
    let lines: Vec<_> = status.lines.iter().map(|line| json!({
        "purpose": line.purpose, "version": line.version, "created": line.created.to_string(),
        "root_version": line.root, "recoverable": line.is_recoverable,
    })).collect();
    let document = json!({
        "holder": status.holder,
        "root_version": status.versions.map(|versions| versions.latest),
        "recovery": status.recovery.map(|recipient| recipient.to_string()),
        "keys": lines,
        "data_keys": all,
        "data_keys_under_replaced_keys": old,
        "findings": findings,
    });
    output.show(&document, |_| text(&status, &findings))?;
    Ok(if findings.is_empty() { Ending::Done } else { Ending::Findings })
}

/// What an operator should see to.
fn findings(status: &KeyStatus, home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    if status.is_key_file_left {
        let path = desk::Paths::new(home.root()).key_file();
        found.push(format!(
            "{} still has the keys in plaintext: once the server has started with the new holder, destroy it and its copies",
            path.display()
        ));
    }
    let latest = status.versions.map(|versions| versions.latest);
    if status.lines.iter().any(|line| Some(line.root) != latest) {
        found.push(
            "some keys are wrapped by an older version of the root key: run `stockade keys rewrap`"
                .to_owned(),
        );
    }
    let is_wrapped = !status.lines.is_empty();
    if is_wrapped && status.recovery.is_none() {
        found.push("nobody can open the keys if the root key is lost: set keys.recovery and run `stockade keys rewrap`".to_owned());
    }
    if status.data_keys.1 > 0 {
        found.push(
            "data keys of accounts lie under a key that was replaced: run `stockade keys rewrap`"
                .to_owned(),
        );
    }
    found
}

fn text(status: &KeyStatus, findings: &[String]) -> String {
    let mut text = format!("held by     {}\n", status.holder);
    if let Some(versions) = status.versions {
        text.push_str(&format!(
            "version     {} (unwraps from {})\n",
            versions.latest, versions.oldest
        ));
    }
    let recovery = status.recovery.map_or_else(|| "nobody".to_owned(), |who| who.to_string());
    text.push_str(&format!("offline     {recovery}\n"));
    let (all, old) = status.data_keys;
    text.push_str(&format!("data keys   {all}, {old} under keys that were replaced\n"));
    if !status.lines.is_empty() {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let mut rows = vec![row(["key", "version", "made", "by root version"])];
        rows.extend(status.lines.iter().map(|line| {
            let made = line.created.to_string();
            let day = made.get(..10).unwrap_or_default();
            row([&line.purpose, &line.version.to_string(), day, &line.root.to_string()])
        }));
        text.push_str(&format!("\n{}\n", table(&rows)));
    }
    for finding in findings {
        text.push_str(&format!("\nto do: {finding}"));
    }
    text
}

fn attest(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let (place, said) = runtime()?.block_on(desk::attest(&home(settings)?))?;
    let device: serde_json::Map<_, _> =
        said.device.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let document = json!({
        "holder": place,
        "guard": said.guard.name(),
        "extractable": said.extractable,
        "never_extractable": said.never_extractable,
        "made_inside": said.made_inside,
        "device": device,
        "hsm_claim_met": said.is_met(),
    });
    output.show(&document, |_| {
        let yes = |is: bool| if is { "yes" } else { "no" };
        let mut text =
            format!("held by            {place}\nguarded by         {}\n", said.guard.name());
        text.push_str(&format!("can leave          {}\n", yes(said.extractable)));
        text.push_str(&format!("could ever leave   {}\n", yes(!said.never_extractable)));
        text.push_str(&format!("made inside        {}\n", yes(said.made_inside)));
        for (name, value) in &said.device {
            text.push_str(&format!("{name:<18} {value}\n"));
        }
        let verdict = if said.is_met() { "met, by the device's own word" } else { "not met" };
        text + &format!("keys in an HSM     {verdict}")
    })?;
    Ok(if said.is_met() { Ending::Done } else { Ending::Findings })
}

fn move_to(
    to: HolderArg,
    kept: Unrecoverable,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let (target, recovery) = (holder(to.name(), settings)?, terms(settings)?.recovery);
    let held = Held::take(settings)?;
    let done = held.runtime.block_on(held.desk.move_keys(target, recovery, kept))?;
    held.end();
    output
        .note(&format!("set keys.holder = {:?} now; without it nothing opens the keys", to.name()));
    rewrapped(done, "the keys are under another root key", output)
}

fn rotate_accounts(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let held = Held::take(settings)?;
    let version =
        sweep(output, |progress| held.runtime.block_on(held.desk.rotate_accounts(progress)))?;
    held.end();
    output.show(&json!({ "accounts_version": version }), |_| {
        format!("the accounts have key {version}; the data keys lie under it")
    })?;
    Ok(Ending::Done)
}

fn rewrap(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let (recovery, held) = (terms(settings)?.recovery, Held::take(settings)?);
    let done = held.runtime.block_on(held.desk.rewrap_keys(recovery))?;
    let resealed =
        sweep(output, |progress| held.runtime.block_on(held.desk.go_on_resealing(progress)))?;
    held.end();
    if resealed > 0 {
        output.note(&format!("{resealed} data keys of accounts were sealed under the newest key"));
    }
    rewrapped(done, "all keys are wrapped anew", output)
}

/// Work with a bar that Ctrl-C ends; what is done by then is done.
fn sweep<T>(
    output: Output,
    work: impl FnOnce(&mut (dyn FnMut(u64, u64) -> ControlFlow<()> + Send)) -> desk::Result<T>,
) -> anyhow::Result<T> {
    interrupt::listen()?;
    let bar = output.progress("sealing data keys");
    let mut progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let done = work(&mut progress);
    bar.finish_and_clear();
    Ok(done?)
}

fn recover(path: &Path, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let identity: Identity = read_line(path, IDENTITY_BYTES_MAX)?.expose().parse()?;
    let done = runtime()?.block_on(desk::recover_keys(&home(settings)?, identity))?;
    rewrapped(done, "the keys are under a root key again", output)
}

fn identity(out: &Path, output: Output) -> anyhow::Result<Ending> {
    let mut entropy = SystemEntropy::new();
    let identity = Identity::generate(&mut entropy);
    write_private(out, &identity.to_text(), &mut entropy)?;
    let recipient = identity.recipient().to_string();
    output.note(&format!(
        "{} opens all keys: take it off this machine, and keep it where the backups are not",
        out.display()
    ));
    output.show(&json!({ "recipient": recipient }), |_| recipient.clone())?;
    Ok(Ending::Done)
}

fn rewrapped(done: Rewrapped, what: &str, output: Output) -> anyhow::Result<Ending> {
    let document = json!({ "root_version": done.version, "keys": done.keys });
    output
        .show(&document, |_| format!("{what}: {} keys, by version {}", done.keys, done.version))?;
    Ok(Ending::Done)
}
