//! A real server on a fresh data directory, for browsers and for the scanners of others.

use crate::process;
use anyhow::{Context, Result, anyhow, bail};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

/// How long the first start may take: it makes keys and imports the sample prices.
const START_LIMIT: Duration = Duration::from_mins(2);
/// What all who come from one address in a hurry need.
pub const UNHURRIED: [(&str, &str); 4] = [
    ("limits.general_per_minute", "1000000"),
    ("limits.api_per_minute", "1000000"),
    ("limits.account_per_minute", "1000000"),
    ("limits.files_per_minute", "1000000"),
];
/// How long a stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A running server; killed when dropped, so that no failure leaves one behind.
pub struct Server {
    child: Child,
    /// The one-time link it printed.
    pub link: String,
    /// Where it keeps its data.
    pub data: PathBuf,
}

impl Server {
    /// Starts with the sample prices and these settings, and waits for the set-up link.
    pub fn start(
        binary: &Path,
        data: PathBuf,
        sample: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let log = fs::File::create(data.with_extension("log"))?;
        let mut command = Command::new(binary);
        command.arg("--data-dir").arg(&data).args(["serve", "--sample"]).arg(sample);
        for (name, value) in settings {
            let variable = name.replace('.', "_").to_uppercase();
            command.env(format!("STOCKADE_{variable}"), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        println!("$ {}", process::shown(&command));
        let mut child = process::spawn(&mut command)?;
        let lines = listen(&mut child, &log)?;
        let mut server = Self { child, link: String::new(), data };
        server.link = wait_for_link(&lines)?;
        Ok(server)
    }

    /// Asks it to stop, as Ctrl-C does; it must drain and end with code 0.
    pub fn stop(mut self) -> Result<()> {
        process::terminate(&self.child)?;
        match process::wait_at_most(&mut self.child, STOP_LIMIT)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("the server was asked to stop and ended with {status}"),
            None => bail!("the server did not stop within {} s", STOP_LIMIT.as_secs()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when it has ended already, which is what is wanted.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Both streams go to the log file and, line by line, to the receiver.
fn listen(child: &mut Child, log: &fs::File) -> Result<Receiver<String>> {
    let (lines, receiver) = mpsc::channel();
    let out = child.stdout.take().context("the server has no standard output")?;
    let err = child.stderr.take().context("the server has no standard error")?;
    follow(out, log.try_clone()?, lines.clone());
    follow(err, log.try_clone()?, lines);
    Ok(receiver)
}

fn follow(stream: impl Read + Send + 'static, mut log: fs::File, lines: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            // The log is a help for a person; the test goes on without it.
            writeln!(log, "{line}").ok();
            lines.send(line).ok();
        }
    });
}

fn wait_for_link(lines: &Receiver<String>) -> Result<String> {
    let deadline = Instant::now() + START_LIMIT;
    let mut said = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => {
                if let Some(link) = link_in(&line) {
                    return Ok(link);
                }
                said.push(line);
            }
            Err(RecvTimeoutError::Timeout) => {
                bail!(
                    "no set-up link within {} s; it said:\n{}",
                    START_LIMIT.as_secs(),
                    said.join("\n")
                )
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(anyhow!("the server ended at once; it said:\n{}", said.join("\n")));
            }
        }
    }
}

/// The set-up link in a line of the server's words.
fn link_in(words: &str) -> Option<String> {
    let start = words.find("https://")?;
    let link = words.get(start..)?.split_whitespace().next()?;
    let link = link.trim_end_matches(['"', '\'', ')', '.']);
    link.contains("setup").then(|| link.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_up_link_is_found_in_the_words() {
        let check = |line: &str, want: Option<&str>| {
            assert_eq!(link_in(line).as_deref(), want, "{line}");
        };
        let link = "https://localhost:8443/setup#abc-_1";
        check("Set up: https://localhost:8443/setup#abc-_1", Some(link));
        check("open https://localhost:8443/setup#abc-_1 once", Some(link));
        check("listening on https://localhost:8443/", None);
        check("hello", None);
    }
}
