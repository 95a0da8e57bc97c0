//! Knows: how this project is built, tested and shown.
//! Never knows: what the product computes.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore runs programs, reads files and speaks to a person"
)]

mod browser;
mod demo;
mod docs;
mod flags;
mod kill_loop;
mod machine;
mod outside;
mod process;
mod register;
mod release;
mod report;
mod scan;
mod server;
mod steps;
mod supply;
mod ui;

use std::process::ExitCode;

const USAGE: &str = "\
The chores of this project.

  cargo xtask demo [--port N] [--data-dir DIR]
      Builds the web UI and the server, makes ./demo-data with the sample prices
      and starts on https://localhost:8443. Ctrl-C stops it; again continues it.

  cargo xtask test [--list] [--only STEP]...
      Format, clippy, all Rust tests, supply chain, web UI, browser tests.

  cargo xtask kill-loop [--times N] [--seed N] [--binary FILE] [--keep]
      Kills imports and backtests at random moments and looks at what is left.

  cargo xtask docs [--check]
      Writes the blocks of the book that the program itself says.

  cargo xtask scan [--advisories DIR] [--known] [--write]
      Looks at our own sources and at what they depend on; keeps the record with --write.

  cargo xtask release [--commit NAME] [--out DIR] [--tests FILE] [--key FILE] [--twice] [--against DIR]
                      [--only PROGRAM]... [--since NAME] [--unread]
      Builds what is handed out from a commit, the last one unless named, twice if asked, and compares;
      signs with a key what was tested and, since the release before, read by a second person.

  cargo xtask approve --commit NAME... --key FILE
  cargo xtask approvals [--commit NAME] [--since NAME]
      Signs for commits that you have read; lists those that nobody has read but who made them.

  cargo xtask outside [--only SCANNER]... [--binary FILE]
      Lets the scanners of others look at a running server, and holds what they say
      against its limits: sslyze, observatory, testssl, slowhttptest, schemathesis.

  cargo xtask register
      Holds the register of claims against the tests of the sources, and counts its rows.

Exit codes: 0 well, 1 something failed, 2 wrong usage.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = arguments.split_first() else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    let done = match command.as_str() {
        "demo" => demo::run(rest),
        "test" => steps::run(rest),
        "docs" => docs::run(rest),
        "scan" => scan::run(rest),
        "release" => release::run(rest),
        "approve" => release::approve(rest),
        "approvals" => release::list(rest),
        "outside" => outside::run(rest),
        "register" => register::run(rest),
        "kill-loop" => kill_loop::run(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        other => Err(flags::Usage(format!("there is no chore named {other:?}")).into()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        if error.is::<flags::Usage>() {
            eprint!("\n{USAGE}");
            return ExitCode::from(2);
        }
        ExitCode::FAILURE
    })
}
