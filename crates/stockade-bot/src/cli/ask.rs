//! Questions to a person at a terminal: secrets without an echo, and yes or no.

use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use seal::Secret;
use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, IsTerminal, Read, Write},
};

/// The longest line that is read.
const LINE_BYTES_MAX: u64 = 16 * 1024;

/// The terminal with its echo off; it is on again when this goes.
struct Hushed<'t> {
    terminal: &'t File,
    before: Termios,
}

impl<'t> Hushed<'t> {
    fn new(terminal: &'t File) -> anyhow::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        quiet.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(terminal, OptionalActions::Flush, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Hushed<'_> {
    fn drop(&mut self) {
        // The terminal may be gone; there is nobody to tell.
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn terminal() -> anyhow::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty").context(
        "there is no terminal to ask at: name `keys.credential` or `keys.file` in the configuration, or use --stdin",
    )
}

/// Asks for a secret at the terminal, without an echo.
pub(super) fn secret(question: &str) -> anyhow::Result<Secret<String>> {
    let mut terminal = terminal()?;
    write!(terminal, "{question}: ")?;
    let hushed = Hushed::new(&terminal)?;
    let mut line = String::new();
    BufReader::new((&terminal).take(LINE_BYTES_MAX)).read_line(&mut line)?;
    drop(hushed);
    Ok(trimmed(line))
}

/// Asks for a new secret twice.
pub(super) fn new_secret(question: &str) -> anyhow::Result<Secret<String>> {
    let (one, two) = (secret(question)?, secret("the same again")?);
    if one.expose() != two.expose() {
        bail!("the two differ; nothing was changed");
    }
    Ok(one)
}

/// Asks for something that may be seen.
pub(super) fn open_text(question: &str) -> anyhow::Result<String> {
    let mut terminal = terminal()?;
    write!(terminal, "{question}: ")?;
    let mut line = String::new();
    BufReader::new((&terminal).take(LINE_BYTES_MAX)).read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Whether a person says yes.
pub(super) fn is_wanted(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{question}? There is no terminal to ask at: add --yes");
    }
    Ok(matches!(open_text(&format!("{question}? [y/N]"))?.as_str(), "y" | "Y" | "yes"))
}

/// Up to three lines of stdin.
pub(super) fn lines_of_stdin() -> anyhow::Result<Vec<Secret<String>>> {
    let mut all = String::new();
    std::io::stdin().lock().take(LINE_BYTES_MAX).read_to_string(&mut all)?;
    let all = Secret::new(all);
    Ok(all.expose().lines().take(3).map(|line| trimmed(line.to_owned())).collect())
}

fn trimmed(line: String) -> Secret<String> {
    let line = Secret::new(line);
    Secret::new(line.expose().trim().to_owned())
}

/// The passphrase that opens a store.
pub(super) fn passphrase() -> anyhow::Result<Secret<String>> {
    secret("passphrase of the key store")
}
