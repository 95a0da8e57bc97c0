//! `stockade secrets`: what the server keeps sealed, put in, told of, taken out.

use super::{
    ask,
    configuration::home,
    output::{Ending, Output, plain, table},
    sealed,
    secrets_args::Secrets as Command,
    secrets_import, usage,
};
use crate::desk::{self, BY_HOST, KnownSecret, SecretAct, SecretKept, now};
use anyhow::bail;
use seal::Secret;
use serde::Serialize;
use settings::Settings;

const NAME_BYTES_MAX: usize = 64;

/// Runs a command on the secrets.
pub(super) fn run(
    command: &Command,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    match command {
        Command::List => list(settings, output),
        Command::Put { name } => {
            check_name(name)?;
            let value = ask::new_secret(name)?;
            put(name, &value, settings, output)
        }
        Command::Remove { name } => remove(name, settings, output),
        Command::Import(import) => secrets_import::run(import, settings, output),
    }
}

#[derive(Serialize)]
struct Row {
    name: String,
    fingerprint: String,
    created: String,
    by: String,
    used_by: Option<String>,
}

fn list(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let all = sealed::secrets(settings)?.list()?;
    let row = |one: kms::Listed| Row {
        used_by: used_by(&one.name, settings),
        name: one.name,
        fingerprint: one.fingerprint,
        created: one.created.to_string(),
        // Made by the server itself, such as keys that sign mail.
        by: if one.label.is_empty() { "server".to_owned() } else { one.label },
    };
    let rows: Vec<Row> = all.into_iter().map(row).collect();
    output.show(&rows, |rows| {
        let head = ["name", "fingerprint", "put in", "by", "used by"].map(str::to_owned).to_vec();
        let cells = |row: &Row| {
            let used = row.used_by.clone().unwrap_or_else(|| "–".to_owned());
            vec![
                row.name.clone(),
                row.fingerprint.clone(),
                row.created.clone(),
                plain(&row.by),
                used,
            ]
        };
        table(&std::iter::once(head).chain(rows.iter().map(cells)).collect::<Vec<_>>())
    })?;
    Ok(Ending::Done)
}

/// Where a secret is used, by the settings in force; none where nothing asks for it.
fn used_by(name: &str, settings: &Settings) -> Option<String> {
    if let Some(key) = sealed::named_by(name, settings) {
        return Some(key.to_owned());
    }
    let known = KnownSecret::of(name)?;
    let is_used = match known.name {
        "mail.password" => !settings.text("mail.user").is_empty(),
        "dkim." => {
            let ours = format!("dkim.{}-", settings.text("mail.selector"));
            name.starts_with(&ours) && !settings.text("mail.from").is_empty()
        }
        "database." => false,
        _ => true,
    };
    is_used.then(|| known.purpose.to_owned())
}

/// Refuses what is no name, and never says it again: it may be the secret itself.
pub(super) fn check_name(name: &str) -> anyhow::Result<()> {
    if name.contains('=') {
        bail!(usage(
            "only the name is a word of the command, the value comes on stdin or is typed where it is asked for; whoever saw this command knows what stood behind the ="
        ));
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let first = name.bytes().next().is_some_and(plain);
    let rest = name.bytes().all(|byte| plain(byte) || b".-_".contains(&byte));
    if !first || !rest || name.len() > NAME_BYTES_MAX {
        bail!(usage(
            "a secret's name has up to 64 lower-case letters, digits, dots, dashes and underlines, a letter or a digit first: mail.password, vendor.NAME, webhook.NAME, database.password"
        ));
    }
    if name.starts_with("keys.") {
        bail!(usage(
            "what opens the root key opens this store too, and cannot lie in it: leave it in the file that the setting names, which is its owner's alone or comes from the service manager"
        ));
    }
    Ok(())
}

/// Seals a secret, and has the log know it.
pub(super) fn put(
    name: &str,
    value: &Secret<String>,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let known = KnownSecret::of(name);
    if known.is_some_and(KnownSecret::is_a_line) && value.expose().contains(char::is_control) {
        bail!(usage(format!(
            "{name} is one line of text, and this has more, or has control signs"
        )));
    }
    let bytes = Secret::new(value.expose().as_bytes().to_vec());
    let kept = sealed::secrets(settings)?.keep(name, BY_HOST, &bytes, now())?;
    let fingerprint = &kept.listed.fingerprint;
    if kept.is_unchanged() {
        output
            .note(&format!("{name} is sealed already with this value, fingerprint {fingerprint}"));
        return Ok(Ending::Done);
    }
    output.note(&format!("{name} is sealed, fingerprint {fingerprint}"));
    if known.is_none() && sealed::named_by(name, settings).is_none() {
        output.note(&format!("nothing asks for {name} unless a setting says sealed:{name}"));
    }
    Ok(logged(vec![act_of(&kept)], settings, output))
}

/// What the log says of a secret that was put in.
pub(super) fn act_of(kept: &SecretKept) -> SecretAct {
    let (name, fingerprint) = (kept.listed.name.clone(), kept.listed.fingerprint.clone());
    SecretAct::Kept { name, fingerprint, before: kept.before.clone() }
}

fn remove(name: &str, settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    check_name(name)?;
    if let Some(key) = sealed::named_by(name, settings) {
        let place = settings.origin(key);
        bail!(usage(format!("{key} ({place}) names this secret: change the setting first")));
    }
    let removed = sealed::secrets(settings)?.remove(name)?;
    let (name, fingerprint) = (removed.name, removed.fingerprint);
    output.note(&format!("{name} is removed; revoke it where it opens something"));
    Ok(logged(vec![SecretAct::Removed { name, fingerprint }], settings, output))
}

/// Writes what was done into the log. The password of the database itself can be sealed before there is a
/// way to the log: that is told, and no reason to keep nothing.
pub(super) fn logged(acts: Vec<SecretAct>, settings: &Settings, output: Output) -> Ending {
    let written = home(settings).and_then(|home| {
        let desk = desk::connect(home)?;
        acts.into_iter().try_for_each(|act| Ok(desk.note_secret(act)?))
    });
    match written {
        Ok(()) => Ending::Done,
        Err(error) => {
            output.note(&format!("it is done, and the audit log does not hold it: {error:#}"));
            Ending::Findings
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_is_refused_and_not_repeated() {
        let check = |name: &str, want: &str| {
            let error = check_name(name).expect_err(name).to_string();
            assert!(error.contains(want), "{error}");
            assert!(name.is_empty() || !error.contains(name), "{error}");
        };
        check("mail.password=hunter2", "behind the =");
        check("Hunter2", "lower-case");
        check("", "lower-case");
        check("../etc", "lower-case");
        check(&"a".repeat(65), "lower-case");
        check("keys.pin", "cannot lie in it");
        check_name("mail.password").expect("a name");
        check_name("vendor.polygon_io").expect("a name");
    }
}
