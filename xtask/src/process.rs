//! Child processes: their words are passed on line by line, and what they counted is kept.

use crate::report::Tally;
use anyhow::{Context, Result, anyhow};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

/// What is left of a process that ran to its end.
pub struct Ran {
    /// Whether it ended with code 0.
    pub success: bool,
    /// The tests that it said it ran, if it said so.
    pub tally: Option<Tally>,
}

/// A command in a directory, shown as a person would type it.
pub fn command<S: AsRef<OsStr>>(program: &str, arguments: &[S], directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    command
}

/// Runs to the end; both streams appear as they come.
pub fn run(command: &mut Command) -> Result<Ran> {
    println!("$ {}", shown(command));
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let streams: [Option<Box<dyn Read + Send>>; 2] = [
        child.stdout.take().map(|stream| Box::new(stream) as _),
        child.stderr.take().map(|stream| Box::new(stream) as _),
    ];
    let readers: Vec<_> = streams
        .into_iter()
        .flatten()
        .map(|stream| thread::spawn(move || pass_on(stream)))
        .collect();
    let status = child.wait()?;
    let tallies = readers.into_iter().filter_map(|reader| reader.join().ok().flatten());
    Ok(Ran { success: status.success(), tally: tallies.reduce(Tally::plus) })
}

/// Runs quietly; the text of standard output, or an error with what it said on the other stream.
pub fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| cannot_start(command))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(anyhow!("{} ended with {}: {}", shown(command), done.status, said.trim()));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

/// Starts, or says what could not be started.
pub fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().with_context(|| cannot_start(command))
}

/// Asks a process to end itself, as Ctrl-C does.
pub fn terminate(child: &Child) -> Result<()> {
    let id = child.id().to_string();
    output(Command::new("kill").args(["-TERM", &id])).map(drop)
}

/// Waits for the end, at most `limit`.
pub fn wait_at_most(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// The command line as a person would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start {}: is it installed?", command.get_program().display())
}

fn pass_on(stream: impl Read) -> Option<Tally> {
    let mut reader = BufReader::new(stream);
    let mut tally: Option<Tally> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return tally,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        if let Some(found) = Tally::read(text.trim()) {
            tally = Some(tally.map_or(found, |sum| sum.plus(found)));
        }
    }
}
