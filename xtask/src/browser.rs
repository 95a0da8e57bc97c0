//! The browser tests: a real server, a real Chromium, nothing in between.

use crate::{machine, process, process::Ran, server::Server};
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
    let server = Server::start(&binary, scratch.join("data"), &project.join("data"))?;
    let mut node = process::command("node", &["ui/e2e/run.mjs"], &project);
    node.env("E2E_LINK", &server.link)
        .env("E2E_DATA", &server.data)
        .env("E2E_BINARY", &binary)
        .env("CHROMIUM", chromium);
    let ran = process::run(&mut node)?;
    server.stop()?;
    Ok(ran)
}
