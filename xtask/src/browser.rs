//! The browser tests: a real server, a real Chromium, nothing in between.

use crate::{
    machine, process,
    process::Ran,
    server::{self, Server},
};
use anyhow::{Context, Result};
use std::{fs, path::Path};

/// Starts a fresh server, lets `ui/e2e/run.mjs` drive it, stops it cleanly.
pub fn run(chromium: &Path) -> Result<Ran> {
    let binary = machine::target().join("debug/stockade");
    let scratch = machine::target().join("xtask/e2e");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).context("clearing the last run's data")?;
    }
    fs::create_dir_all(&scratch)?;
    let project = machine::project();
    let identity = scratch.join("reports.key");
    let mut keygen = process::command("node", &["ui/e2e/identity.mjs"], &project);
    let recipient = process::output(keygen.arg(&identity))?;
    let mut settings = server::UNHURRIED.to_vec();
    settings.push(("server.listen", "127.0.0.1:0"));
    // The journey has strangers in it, and somebody who found a weakness.
    settings.push(("accounts.registration", "open"));
    settings.push(("disclosure.contact", "security@example.org"));
    settings.push(("disclosure.recipients", recipient.trim()));
    let data = scratch.join("data");
    let server = Server::start(&binary, data, &project.join("data"), &settings)?;
    let mut node = process::command("node", &["ui/e2e/run.mjs"], &project);
    node.env("E2E_LINK", &server.link)
        .env("E2E_DATA", &server.data)
        .env("E2E_BINARY", &binary)
        .env("E2E_IDENTITY", &identity)
        .env("CHROMIUM", chromium);
    let ran = process::run(&mut node)?;
    server.stop()?;
    Ok(ran)
}
