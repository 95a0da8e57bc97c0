//! The demo: one command from a fresh clone to the set-up link.

use crate::{flags::Flags, machine, process, report::minutes, ui};
use anyhow::{Context, Result, bail};
use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Instant, SystemTime},
};

/// The source that carries `ui/dist`: cargo sees a changed file in it, but not a new one.
const CARRIER: &str = "crates/stockade/src/server/ui.rs";

/// Builds, then becomes the server, so that Ctrl-C reaches it without a middleman.
pub fn run(arguments: &[String]) -> Result<ExitCode> {
    let flags = Flags::parse(arguments, &["--port", "--data-dir"], &[])?;
    let data: PathBuf = flags.value("--data-dir", PathBuf::from("demo-data"))?;
    let started = Instant::now();
    let project = machine::project();
    if ui::build()? == ui::Built::Now {
        embed_again(&project)?;
    }
    let build = ["build", "--release", "--locked", "--package", "stockade"];
    // Cargo's own progress bar is the best progress there is: it keeps the terminal.
    let mut cargo = process::command("cargo", &build, &project);
    println!("$ {}", process::shown(&cargo));
    if !process::spawn(&mut cargo)?.wait()?.success() {
        bail!("the server did not build; the messages above say where");
    }
    println!("built in {} min", minutes(started.elapsed()));
    let binary = machine::target().join("release/stockade");
    let mut server = std::process::Command::new(&binary);
    server.current_dir(&project);
    server.arg("--data-dir").arg(&data).arg("serve").arg("--sample").arg("data");
    if !flags.all("--port").is_empty() {
        let port: u16 = flags.value("--port", 0)?;
        server.arg("--listen").arg(format!("127.0.0.1:{port}"));
    }
    println!("$ {}", process::shown(&server));
    Err(server.exec()).with_context(|| format!("starting {}", binary.display()))
}

fn embed_again(project: &Path) -> Result<()> {
    let file = File::options().append(true).open(project.join(CARRIER));
    file.and_then(|file| file.set_modified(SystemTime::now()))
        .with_context(|| format!("touching {CARRIER}"))
}
