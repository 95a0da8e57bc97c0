//! slowhttptest: connections that are held for as long as the server lets them, by one address, while a neighbour
//! asks for a page.

use super::{
    judge::{Verdict, without_colour},
    world::{NAME, NEIGHBOUR, World},
};
use crate::process;
use anyhow::{Context, Result};
use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Slow heads, slow bodies, ranges that overlap, answers that are read slowly.
const WAYS: [(&str, &str); 4] =
    [("-H", "heads"), ("-B", "bodies"), ("-R", "ranges"), ("-X", "reading")];
/// Alone a way stays within what one address may hold; then all of them come at once, beyond it.
const ALONE: Force = Force { connections: "100", per_second: "50", seconds: "20" };
const AT_ONCE: Force = Force { connections: "250", per_second: "100", seconds: "30" };
/// How often the neighbour asks: forty times a minute, within the limit of a network.
const PAUSE: Duration = Duration::from_millis(1500);
/// How fast the neighbour must be answered.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

struct Force {
    connections: &'static str,
    per_second: &'static str,
    seconds: &'static str,
}

/// Each way alone by the scanner's own word, then all at once by the neighbour's.
pub fn attack(world: &World) -> Result<Verdict> {
    let mut findings = Vec::new();
    for (way, name) in WAYS {
        let said = world.ask(&mut command(way, &ALONE), &format!("slowhttptest-{name}.txt"))?;
        findings.extend(unavailable(&said).map(|why| format!("{name}: {why}")));
    }
    let all: Result<Vec<Child>> = WAYS
        .iter()
        .map(|(way, _)| process::spawn(command(way, &AT_ONCE).stdout(Stdio::null())))
        .collect();
    let mut all = all?;
    let asked = neighbour(world, &mut all);
    for child in &mut all {
        child.kill().ok();
        child.wait()?;
    }
    let asked = asked?;
    findings.extend(neglected(&asked));
    let slowest = asked.iter().map(|(_, time)| time.as_millis()).max().unwrap_or_default();
    let said = format!(
        "4 ways alone with 100 connections; 1000 at once, {} answers to a neighbour within {slowest} ms",
        asked.len()
    );
    let version =
        process::output(Command::new("dpkg-query").args(["-Wf", "${Version}", "slowhttptest"]));
    Ok(Verdict { version: version.unwrap_or_default(), said, findings })
}

fn command(way: &str, force: &Force) -> Command {
    let mut command = Command::new("slowhttptest");
    let page = format!("https://{NAME}/health");
    let method = if way == "-B" { "POST" } else { "GET" };
    command.args([way, "-c", force.connections, "-r", force.per_second, "-l", force.seconds]);
    command.args(["-i", "5", "-x", "24", "-p", "3", "-t", method, "-u", &page]);
    command.stdin(Stdio::null());
    command
}

/// What the scanner said last of the service, where that is not that it is there.
fn unavailable(text: &str) -> Option<String> {
    let text = without_colour(text);
    let last = text.lines().rfind(|line| line.contains("service available:"));
    match last.and_then(|line| line.split_whitespace().last()) {
        Some("YES") => None,
        Some(word) => Some(format!("service available: {word}")),
        None => Some("it says nothing of the service".to_owned()),
    }
}

/// Status and time of each request that a neighbour makes while the attack lasts.
fn neighbour(world: &World, attack: &mut [Child]) -> Result<Vec<(String, Duration)>> {
    let page = format!("{}/health", World::origin());
    let mut asked = Vec::new();
    loop {
        let begun = Instant::now();
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--output",
            "/dev/null",
            "--max-time",
            "10",
            "--interface",
            NEIGHBOUR,
        ]);
        curl.args(["--write-out", "%{http_code}", "--cacert"]).arg(world.root()).arg(&page);
        let said = curl.output().context("starting curl")?;
        asked.push((String::from_utf8_lossy(&said.stdout).into_owned(), begun.elapsed()));
        let ended: Result<Vec<_>, _> = attack.iter_mut().map(Child::try_wait).collect();
        if ended?.iter().all(Option::is_some) {
            return Ok(asked);
        }
        thread::sleep(PAUSE.saturating_sub(begun.elapsed()));
    }
}

/// Requests of the neighbour that were not answered well, or not soon.
fn neglected(asked: &[(String, Duration)]) -> Vec<String> {
    let bad = asked.iter().filter(|(status, time)| status != "200" || *time > ANSWER_LIMIT);
    let mut findings: Vec<String> = bad
        .map(|(status, time)| format!("a neighbour got {status} after {} ms", time.as_millis()))
        .collect();
    if asked.len() < 10 {
        findings.push(format!("the attack was over after {} requests of a neighbour", asked.len()));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = include_str!("../../outside/recorded/slowhttptest.txt");

    #[test]
    fn the_scanners_last_word_counts() {
        assert_eq!(unavailable(RECORDED), None);
        let said = RECORDED.replace("YES", "NO");
        assert_eq!(unavailable(&said).as_deref(), Some("service available: NO"));
        let turned = format!(
            "{RECORDED}\n\u{1b}[1;32mservice available:\u{1b}[1;32m   \u{1b}[1;31mNO\u{1b}[0m\n"
        );
        assert!(unavailable(&turned).is_some());
        assert!(unavailable("connection refused").is_some());
    }

    #[test]
    fn a_neighbour_is_answered_soon_and_well() {
        let all = |status: &str, time: u64, times: usize| {
            vec![(status.to_owned(), Duration::from_millis(time)); times]
        };
        assert_eq!(neglected(&all("200", 20, 12)), [""; 0]);
        assert_eq!(neglected(&all("200", 20, 3)).len(), 1);
        assert_eq!(neglected(&all("429", 20, 12)).len(), 12);
        assert_eq!(neglected(&all("000", 10_000, 12)).len(), 12);
        assert_eq!(neglected(&all("200", 2_001, 12)).len(), 12);
    }
}
