//! Knows: the words that an auditor types, and how to print what a visit found.
//! Never knows: the server's own code: this program links `probe` and what it links, and nothing else.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a program: it knows what time it is")]

use jiff::Timestamp;
use probe::{Burst, Errand, Error, Pace};
use std::{
    io::{Write, stderr, stdout},
    process::ExitCode,
};

const HELP: &str = "\
stockade-verify https://HOST[:PORT] [OPTION VALUE]...

Looks at a server from outside, claim by claim, and trusts nothing that it says.

  --connect ADDR:PORT       connect here, whatever DNS says of the host
  --authority FILE|SHA256   believe certificates of this authority too
  --http-port PORT          the port without TLS, where the server's own is not 443
  --log-key KEY             the key of the server's log, from elsewhere
  --posture-key KEY         the key that the server signs its posture with
  --witness KEY             a witness whose word about the log counts; once for each
  --quorum COUNT            how many witnesses are enough; all unless given
  --since FILE              what is remembered of the last visit, and then of this one
  --accounts FILE           two test accounts: a JSON file that only you can read
  --claim ID                only this claim, or this probe; once for each
  --mail-domain DOMAIN      the domain that the server's letters come from
  --dkim-selector NAME      the name of one of its DKIM keys; once for each
  --resolver ADDR:PORT      ask this resolver, not this machine's
  --burst                   ask too often, once, at the end
  --wait                    wait where the server says to come again later, for 15 minutes at most
  --seconds SECONDS         how long the visit takes at most
  --requests COUNT          how many requests it makes at most
  --json, --sarif           print JSON, or what is not met as SARIF, instead of a table

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done and something is not met.
";

/// How the report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Table,
    Json,
    Sarif,
}

/// What was typed.
enum Typed {
    Help,
    Visit(Box<Errand>, Form),
    Wrong(String),
}

fn main() -> ExitCode {
    let (errand, form) = match typed(std::env::args().skip(1)) {
        Typed::Help => return say(HELP, ExitCode::SUCCESS),
        Typed::Wrong(why) => return complain(&format!("{why}; --help says what can be typed"), 2),
        Typed::Visit(errand, form) => (errand, form),
    };
    let report = errand.run(Timestamp::now, |probe, place, all| {
        // Nobody is left to tell if stderr is gone.
        let _ = writeln!(stderr(), "{place}/{all} {}", probe.name);
    });
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            return complain(&error.to_string(), if Error::is_usage(&error) { 2 } else { 1 });
        }
    };
    let text = match form {
        Form::Table => report.text(),
        Form::Json => format!("{:#}\n", serde_json::json!(report)),
        Form::Sarif => format!("{:#}\n", report.sarif()),
    };
    say(&text, if report.findings == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// Prints; a reader that has gone away ends the output, not the program.
fn say(text: &str, code: ExitCode) -> ExitCode {
    let _ = stdout().lock().write_all(text.as_bytes());
    code
}

fn complain(why: &str, code: u8) -> ExitCode {
    let _ = writeln!(stderr(), "error: {why}");
    ExitCode::from(code)
}

fn typed(words: impl Iterator<Item = String>) -> Typed {
    let (mut errand, mut form) = (Errand::default(), Form::Table);
    let mut words = words;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--help" | "-h" => return Typed::Help,
            "--json" => form = Form::Json,
            "--sarif" => form = Form::Sarif,
            "--burst" => errand.burst = Burst::Once,
            "--wait" => errand.pace = Pace::Patient,
            option if option.starts_with("--") => {
                let Some(value) = words.next() else {
                    return Typed::Wrong(format!("{option} needs a value"));
                };
                if let Err(why) = set(&mut errand, option, value) {
                    return Typed::Wrong(why);
                }
            }
            _ if errand.url.is_empty() => errand.url = word,
            _ => return Typed::Wrong(format!("{word:?} is one address too many")),
        }
    }
    if errand.url.is_empty() {
        return Typed::Wrong("no address was typed".to_owned());
    }
    Typed::Visit(Box::new(errand), form)
}

fn set(errand: &mut Errand, option: &str, value: String) -> Result<(), String> {
    fn read<T: std::str::FromStr>(option: &str, value: &str) -> Result<Option<T>, String> {
        value.parse().map(Some).map_err(|_| format!("{option}: {value:?} is not what it takes"))
    }
    match option {
        "--connect" => errand.connect = read(option, &value)?,
        "--authority" => errand.authority = Some(value),
        "--http-port" => errand.http_port = read(option, &value)?,
        "--log-key" => errand.log_key = Some(value),
        "--posture-key" => errand.posture_key = Some(value),
        "--witness" => errand.witnesses.push(value),
        "--quorum" => errand.quorum = read(option, &value)?,
        "--since" => errand.since = Some(value.into()),
        "--accounts" => errand.accounts = Some(value.into()),
        "--claim" => errand.claims.push(value),
        "--mail-domain" => errand.mail_domain = Some(value),
        "--dkim-selector" => errand.selectors.push(value),
        "--resolver" => errand.resolver = read(option, &value)?,
        "--seconds" => errand.seconds = read(option, &value)?,
        "--requests" => errand.requests = read(option, &value)?,
        _ => return Err(format!("there is no option {option}")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_help_is_taken_and_no_other() {
        let value = |option: &str| match option {
            "--connect" | "--resolver" => "127.0.0.1:1",
            _ => "7",
        };
        let options = HELP.lines().filter_map(|line| line.trim().strip_prefix("--"));
        let mut count = 0;
        for option in options.filter_map(|line| line.split([' ', ',']).next()) {
            let option = format!("--{option}");
            let words = ["https://a.example".to_owned(), option.clone(), value(&option).to_owned()];
            let flag = matches!(option.as_str(), "--burst" | "--wait" | "--json" | "--sarif");
            let words = words.into_iter().take(if flag { 2 } else { 3 });
            assert!(matches!(typed(words), Typed::Visit(..)), "{option}");
            count += 1;
        }
        assert!(count >= 16, "{count}");
        for wrong in [
            vec![],
            vec!["a", "b"],
            vec!["a", "--quorum"],
            vec!["a", "--quorum", "x"],
            vec!["a", "--no", "x"],
        ] {
            let words = wrong.iter().map(|word| (*word).to_owned());
            assert!(matches!(typed(words), Typed::Wrong(_)), "{wrong:?}");
        }
    }
}
