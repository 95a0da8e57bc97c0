//! `stockade-bot join`: the bot becomes a machine of an installation.

use super::{args::Join, ask, usage};
use crate::{config, membership::Membership, output::Output};
use anyhow::Context;
use edge::MachineAddress;
use seal::Secret;
use std::path::Path;

/// Comes in by a token.
pub(super) fn run(join: &Join, path: &Path, output: Output) -> anyhow::Result<()> {
    let address: MachineAddress =
        join.server.parse().map_err(|error: edge::Error| usage(error.to_string()))?;
    let config = config::load(path)?;
    let token = match join.token.as_deref() {
        Some("-") => {
            let line = ask::lines_of_stdin()?.into_iter().next();
            line.context("there is no token on stdin")?
        }
        Some(token) => Secret::new(token.to_owned()),
        None => ask::secret("token of `stockade machines add`")?,
    };
    let place = Membership::at(&config.state_dir);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let badge = runtime.block_on(place.join(&address, &token))?;
    let told =
        serde_json::json!({ "machine": badge.machine.to_string(), "server": address.to_string() });
    output.show(&told, |_| format!("this bot is {} of the server at {address}", badge.machine))?;
    output.note("a bot that runs already speaks with the server once it is started anew");
    Ok(())
}
