//! `stockade license` on the licences that a server keeps: issued into its register, listed, and what is done with
//! them.

use super::{
    configuration::home,
    license_args::License as Command,
    output::{Ending, Output, plain, table},
};
use crate::desk::{
    self, Connection, InstanceView, LicenceDetail, LicenceTurn, LicenceView, LicenceWish,
};
use jiff::Timestamp;
use license::issuer_from_text;
use seal::VerifyingKey;
use serde_json::json;
use settings::Settings;

/// Runs a command on kept licences.
pub(super) fn run(
    command: &Command,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    let desk = desk::connect(home(settings)?)?;
    match command {
        Command::Ls { licence: None } => list(&desk, output)?,
        Command::Ls { licence: Some(licence) } => {
            output.show(&desk.licence(licence)?, detail)?;
        }
        Command::Suspend { licence } => {
            turn(&desk, (licence, LicenceTurn::Suspend), output)?;
        }
        Command::Resume { licence } => turn(&desk, (licence, LicenceTurn::Resume), output)?,
        Command::Revoke { licence } => turn(&desk, (licence, LicenceTurn::Revoke), output)?,
        Command::Release { licence, instance } => {
            desk.release_instance(licence, instance)?;
            output.show(&json!({ "licence": licence, "released": instance }), |_| {
                plain(&format!("the seat of {instance} is free; the log holds this"))
            })?;
        }
        // Those are done without a register.
        Command::Issue(_) | Command::Show(_) | Command::Key { .. } => {}
    }
    Ok(Ending::Done)
}

/// Issues a licence into the register: the file, and the key that signed it.
pub(super) fn issue(
    wish: LicenceWish,
    settings: &Settings,
) -> anyhow::Result<(String, VerifyingKey)> {
    let issued = desk::connect(home(settings)?)?.issue_licence(wish)?;
    let key = issuer_from_text(&issued.issuer)?;
    Ok((issued.file, key))
}

fn turn(
    desk: &Connection,
    (licence, turn): (&str, LicenceTurn),
    output: Output,
) -> anyhow::Result<()> {
    let after = desk.turn_licence(licence, turn)?;
    output.show(&after, |after| {
        plain(&format!(
            "{} is {} since {}; the log holds this",
            after.id, after.state, after.changed
        ))
    })
}

fn list(desk: &Connection, output: Output) -> anyhow::Result<()> {
    let mut page = desk.licences(None)?;
    let mut licences = std::mem::take(&mut page.licences);
    while let Some(after) = page.next.take() {
        page = desk.licences(Some(&after))?;
        licences.append(&mut page.licences);
    }
    output.note(&format!("bots believe them by `license.issuer: {}`", page.issuer));
    output.note("no bot asks a licence service yet: each opens by its file until the grace after its issue is over");
    output.show(&licences, |licences| {
        if licences.is_empty() {
            return "no licence was issued yet: stockade license issue --paid-until DATE --out FILE"
                .to_owned();
        }
        let head = ["licence", "edition", "state", "seats", "paid until", "issued", "note"];
        let mut lines = vec![head.map(str::to_owned).to_vec()];
        lines.extend(licences.iter().map(line));
        plain(&table(&lines))
    })
}

fn line(one: &LicenceView) -> Vec<String> {
    let note = one.note.lines().next().unwrap_or_default();
    vec![
        one.id.clone(),
        format!("{} ({})", one.edition, one.term),
        one.state.clone(),
        format!("{} of {}", one.taken, one.instances),
        one.paid_until.to_string(),
        one.issued.to_string(),
        if note.is_empty() { "–".to_owned() } else { note.to_owned() },
    ]
}

fn detail(found: &LicenceDetail) -> String {
    let one = &found.licence;
    let names = one.entitlements.join(", ");
    let rows = [
        ("licence", one.id.clone()),
        ("edition", format!("{} ({})", one.edition, one.term)),
        ("entitlements", if names.is_empty() { "–".to_owned() } else { names }),
        ("state", format!("{} since {}", one.state, one.changed)),
        ("seats", format!("{} of {}", one.taken, one.instances)),
        ("begins", one.not_before.to_string()),
        ("paid until", one.paid_until.to_string()),
        ("ends for good", one.hard_until.to_string()),
        ("note", one.note.clone()),
    ];
    let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    let mut text = table(&rows.collect::<Vec<_>>());
    if !found.instances.is_empty() {
        let head = ["instance", "version", "starts", "activated", "last asked", "seat"];
        let mut lines = vec![head.map(str::to_owned).to_vec()];
        lines.extend(found.instances.iter().map(instance));
        text = format!("{text}\n{}", table(&lines));
    }
    plain(&text)
}

fn instance(one: &InstanceView) -> Vec<String> {
    let back = |time: Timestamp| format!("given back {time}");
    vec![
        one.id.clone(),
        one.version.clone(),
        one.boots.to_string(),
        one.activated.to_string(),
        one.seen.to_string(),
        one.released.map_or_else(|| "taken".to_owned(), back),
    ]
}
