//! Completions and manual pages, from the command line's own definition.

use super::args::Cli;
use anyhow::Context;
use clap::CommandFactory;
use std::path::Path;

/// The completion script for `shell`, to stdout.
pub(super) fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "stockade-bot", &mut script);
    Ok(crate::output::write_stdout(&script)?)
}

/// One manual page a command, `stockade.1`, `stockade-bot-keys-import.1` and so on; their number.
pub(super) fn manual(out: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let mut command = Cli::command();
    command.build();
    page(&command, "stockade-bot", out)
}

fn page(command: &clap::Command, name: &str, out: &Path) -> anyhow::Result<usize> {
    let mut text = Vec::new();
    let named = command.clone().name(name.to_owned()).display_name(name.to_owned());
    clap_mangen::Man::new(named).render(&mut text)?;
    let file = out.join(format!("{name}.1"));
    std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    let mut pages = 1;
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        pages += page(sub, &format!("{name}-{}", sub.get_name()), out)?;
    }
    Ok(pages)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_has_a_page() {
        let out = tempfile::tempdir().expect("a directory");
        let pages = super::manual(out.path()).expect("pages");
        let found = std::fs::read_dir(out.path()).expect("listed").count();
        assert_eq!(found, pages);
        assert!(out.path().join("stockade-bot-keys-import.1").exists());
    }
}
