//! A secret from a person at a terminal, without an echo, or from stdin.

use super::usage;
use anyhow::{Context, bail};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use seal::Secret;
use std::{
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, IsTerminal, Read, Write},
};

/// The longest secret that is read: what the store takes, and a line's end.
const BYTES_MAX: u64 = (1 << 14) + 2;

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

/// A new secret: typed twice where stdin is a terminal, or else all of stdin but the end of its last line.
pub(super) fn new_secret(name: &str) -> anyhow::Result<Secret<String>> {
    let given = if std::io::stdin().is_terminal() {
        let (one, two) = (typed(&format!("{name} (not shown)"))?, typed("the same again")?);
        if one.expose() != two.expose() {
            bail!("the two differ; nothing was changed");
        }
        one
    } else {
        stdin()?
    };
    if given.expose().is_empty() {
        bail!(usage("the secret is empty: give it on stdin, or type it where it is asked for"));
    }
    Ok(given)
}

/// A secret that is known already: typed once, or the same from stdin.
pub(super) fn known_secret(name: &str) -> anyhow::Result<Secret<String>> {
    if std::io::stdin().is_terminal() { typed(&format!("{name} (not shown)")) } else { stdin() }
}

fn typed(question: &str) -> anyhow::Result<Secret<String>> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let terminal = opened.context("there is no terminal to ask at: give it on stdin")?;
    // First: whoever sees the question types at once.
    let hushed = Hushed::new(&terminal)?;
    write!(&terminal, "{question}: ")?;
    let mut line = String::with_capacity(256);
    BufReader::new((&terminal).take(BYTES_MAX)).read_line(&mut line)?;
    drop(hushed);
    Ok(without_end(&Secret::new(line)))
}

fn stdin() -> anyhow::Result<Secret<String>> {
    let mut bytes = Vec::with_capacity(256);
    std::io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut bytes).context("stdin")?;
    let bytes = Secret::new(bytes);
    if bytes.expose().len() as u64 > BYTES_MAX {
        bail!(usage(format!("stdin has more than {} bytes: is it the secret?", 1 << 14)));
    }
    let text = std::str::from_utf8(bytes.expose()).map_err(|_| usage("stdin is no text"))?;
    Ok(without_end(&Secret::new(text.to_owned())))
}

fn without_end(text: &Secret<String>) -> Secret<String> {
    let line = text.expose();
    let line = line.strip_suffix('\n').unwrap_or(line);
    Secret::new(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
