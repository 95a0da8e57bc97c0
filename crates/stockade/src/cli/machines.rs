//! `stockade machines`: workers and bots, let in and put out.

use super::{
    args::Machines,
    configuration::home,
    output::{Ending, Output, plain, table},
    usage,
};
use crate::desk::{self, MachineView, machine_named};
use edge::{Machine, Role};
use jiff::Timestamp;
use serde_json::json;
use settings::Settings;

/// Runs a command on machines.
pub(super) fn run(
    command: &Machines,
    settings: &Settings,
    output: Output,
) -> anyhow::Result<Ending> {
    match command {
        Machines::Add { machine } => add(&named(machine)?, settings, output)?,
        Machines::List => return list(settings, output),
        Machines::Revoke { machine } => {
            let machine = named(machine)?;
            desk::connect(home(settings)?)?.revoke_machine(&machine)?;
            output.show(&json!({ "revoked": machine.to_string() }), |_| {
                format!("{machine} is out: no server lets it in any more; the log holds this")
            })?;
        }
    }
    Ok(Ending::Done)
}

fn named(text: &str) -> anyhow::Result<Machine> {
    machine_named(text).map_err(|error| usage(error.to_string()))
}

fn add(machine: &Machine, settings: &Settings, output: Output) -> anyhow::Result<()> {
    let made = desk::connect(home(settings)?)?.add_machine(machine)?;
    if settings.text("machines.listen").is_empty() {
        output.note("no machine comes in yet: set machines.listen, and start the server anew");
    }
    let joins = match machine.role {
        Role::Worker => "stockade backup pull --join HOST:PORT",
        Role::Server | Role::Bot => "stockade-bot join --server HOST:PORT --token -",
    };
    output.show(&made, |made| {
        format!(
            "{}\n\nworks once, until {}; on the machine, with this on stdin:\n  {joins}",
            made.token, made.ends
        )
    })
}

fn list(settings: &Settings, output: Output) -> anyhow::Result<Ending> {
    let machines = desk::connect(home(settings)?)?.machines()?;
    output.show(&machines, |machines| {
        if machines.is_empty() {
            return "there are no machines yet: stockade machines add bot/NAME".to_owned();
        }
        let head = ["machine", "standing", "epoch", "certificate until", "last heard", "says"];
        let mut lines = vec![head.map(str::to_owned).to_vec()];
        lines.extend(machines.iter().map(line));
        table(&lines)
    })?;
    let silent = machines.iter().any(|one| one.silent);
    Ok(if silent { Ending::Findings } else { Ending::Done })
}

fn line(one: &MachineView) -> Vec<String> {
    let standing = match (one.belongs, one.silent, one.token_ends) {
        (true, true, _) => "SILENT",
        (true, false, _) => "in",
        (false, _, Some(_)) => "awaited",
        (false, _, None) => "out",
    };
    let time = |time: Option<Timestamp>| time.map_or_else(|| "–".to_owned(), |at| at.to_string());
    let says = [&one.world, &one.state, &one.version].map(|word| word.as_deref().unwrap_or(""));
    let says = plain(&says.join(" "));
    vec![
        one.machine.clone(),
        standing.to_owned(),
        one.epoch.to_string(),
        time(one.certificate_ends),
        time(one.seen),
        if says.trim().is_empty() { "–".to_owned() } else { says },
    ]
}
