//! A build that depends on the sources, the tools and nothing else of the machine: not on where it happens, who builds,
//! in which language, at what time.

use super::{elf, parts, source::Source};
use crate::{machine, process, scan::bom};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A program that is handed out.
#[derive(Debug)]
pub struct Program {
    /// Its file.
    pub name: &'static str,
    /// The package that makes it.
    pub package: &'static str,
    /// Whether it carries the web UI.
    pub web: bool,
    /// Whether it takes its libraries along. A server may have to load one that speaks to a token (PKCS#11).
    pub whole: bool,
}

/// All of them. Each is built by itself: which features a dependency has must not hang on what else is built.
pub const PROGRAMS: [Program; 3] = [
    Program { name: "stockade", package: "stockade", web: true, whole: false },
    Program { name: "stockade-bot", package: "stockade-bot", web: false, whole: true },
    Program { name: "stockade-verify", package: "probe", web: false, whole: true },
];
/// The profile of `Cargo.toml` that ships.
pub const PROFILE: &str = "dist";
/// What the folder of a build is called inside of what it makes.
const HERE: &str = "/stockade";
/// And the folder of Cargo.
const CARGO: &str = "/cargo";
/// What a build may know of the machine: how to find its tools, and how to reach the registries, whose packages are
/// locked with their digests.
const KEPT: [&str; 13] = [
    "PATH",
    "HOME",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "CARGO_HTTP_CAINFO",
    "NODE_EXTRA_CA_CERTS",
];

/// The list of parts that goes out with the programs.
pub const PARTS: &str = "sbom.cdx.json";

/// What a build left; it is removed with this.
pub struct Kept {
    _folder: tempfile::TempDir,
    /// Where the programs are, and nothing else.
    pub programs: PathBuf,
    /// The tree that they were made from.
    pub tree: PathBuf,
    /// The list of parts of all programs, as `CycloneDX`.
    pub parts: PathBuf,
    /// Tools and their versions.
    pub facts: BTreeMap<String, String>,
}

/// Builds these programs in a fresh folder whose name begins so.
pub fn make(project: &Path, source: &Source, programs: &[&Program], prefix: &str) -> Result<Kept> {
    fs::create_dir_all(machine::target())?;
    let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(machine::target())?;
    let room = Room { folder: folder.path().canonicalize()?, committed_at: source.committed_at };
    println!("building {} in {}", source.commit, room.folder.display());
    let tree = room.tree();
    source.unpack(project, &tree)?;
    if programs.iter().any(|program| program.web) {
        room.web()?;
    }
    let made = room.folder.join("programs");
    fs::create_dir_all(&made)?;
    for program in programs {
        room.program(program, &made)?;
    }
    let facts = room.facts()?;
    fs::write(room.folder.join(PARTS), room.parts()?)?;
    Ok(Kept { parts: room.folder.join(PARTS), _folder: folder, programs: made, tree, facts })
}

/// The room of one build.
struct Room {
    folder: PathBuf,
    committed_at: i64,
}

impl Room {
    fn tree(&self) -> PathBuf {
        self.folder.join("source")
    }

    /// A command that sees only what a build may see.
    fn command(&self, program: &str, words: &[&str], directory: &Path) -> Command {
        let mut command = process::command(program, words, directory);
        command.env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command.env("LC_ALL", "C").env("TZ", "UTC");
        command.env("SOURCE_DATE_EPOCH", self.committed_at.to_string());
        command
    }

    fn cargo(&self, words: &[&str]) -> Result<Command> {
        self.cargo_with(words, &[])
    }

    /// The same with more flags for the compiler.
    fn cargo_with(&self, words: &[&str], flags: &[String]) -> Result<Command> {
        let [here, cargo] = [&self.folder, &cargo_home()?].map(|path| path.display().to_string());
        let remap =
            |flag: &str| [format!("{flag}={here}={HERE}"), format!("{flag}={cargo}={CARGO}")];
        let rust = [&remap("--remap-path-prefix"), flags].concat().join("\u{1f}");
        let c = remap("-ffile-prefix-map").join(" ");
        let mut command = self.command("cargo", words, &self.tree());
        command.env("CARGO_TARGET_DIR", self.folder.join("target"));
        command.env("CARGO_INCREMENTAL", "0").env("CARGO_TERM_PROGRESS_WHEN", "never");
        command.env("CARGO_ENCODED_RUSTFLAGS", rust).env("CFLAGS", &c).env("CXXFLAGS", &c);
        Ok(command)
    }

    /// The web UI from its lock file, as the server embeds it.
    fn web(&self) -> Result<()> {
        machine::check_node()?;
        let folder = self.tree().join("ui");
        let install = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        for words in [&install[..], &["run", "build"]] {
            if !process::run(&mut self.command("npm", words, &folder))?.success {
                bail!("npm {} failed", words.join(" "));
            }
        }
        Ok(())
    }

    fn program(&self, program: &Program, made: &Path) -> Result<()> {
        let Program { name, package, whole, .. } = program;
        // With the target named, flags are for the program and not for what runs while it is built.
        let target = self.target()?;
        let build = ["build", "--profile", PROFILE, "--locked", "--target", &target];
        let words = [&build[..], &["--package", package, "--bin", name]].concat();
        let flags = whole.then(|| "-Ctarget-feature=+crt-static".to_owned());
        if !process::run(&mut self.cargo_with(&words, flags.as_slice())?)?.success {
            bail!("{name} did not build; the messages above say where");
        }
        let made_here = self.folder.join("target").join(target).join(PROFILE).join(name);
        if *whole {
            needs_no_library(&made_here)?;
        }
        let place = made.join(name);
        let list = self.folder.join(format!("{name}.parts"));
        fs::write(&list, parts::section(&self.metadata()?, package)?)?;
        let section = format!("{}={}", parts::SECTION, list.display());
        let mut command = self.command("objcopy", &["--add-section", &section], &self.folder);
        process::output(command.arg(&made_here).arg(&place))?;
        self.speaks_of_no_place(&place)
    }

    fn metadata(&self) -> Result<serde_json::Value> {
        let target = self.target()?;
        let words = ["metadata", "--format-version", "1", "--locked", "--filter-platform", &target];
        let text = process::output(&mut self.cargo(&words)?)?;
        serde_json::from_str(&text).context("cargo metadata writes no JSON")
    }

    /// Made anew: the one that the tree keeps is as old as its last scan.
    fn parts(&self) -> Result<String> {
        let words = ["metadata", "--format-version", "1", "--locked", "--all-features"];
        let metadata = process::output(&mut self.cargo(&words)?)?;
        let metadata = serde_json::from_str(&metadata).context("cargo metadata writes no JSON")?;
        let lock = fs::read_to_string(self.tree().join("Cargo.lock"))?;
        let list = bom::of(&metadata, &lock, Timestamp::from_second(self.committed_at)?)?;
        Ok(format!("{}\n", serde_json::to_string_pretty(&list)?))
    }

    /// A path of the builder's machine would make other bytes on another one, and tell who built.
    fn speaks_of_no_place(&self, program: &Path) -> Result<()> {
        let bytes = fs::read(program)?;
        for place in [self.folder.clone(), cargo_home()?] {
            let words = place.display().to_string();
            if bytes.windows(words.len()).any(|window| window == words.as_bytes()) {
                bail!(
                    "{} has the path {words} inside; no other machine makes it",
                    program.display()
                );
            }
        }
        Ok(())
    }

    /// The tools, each by what it says of itself.
    fn facts(&self) -> Result<BTreeMap<String, String>> {
        let tools: [(&str, &[&str]); 5] = [
            ("rustc", &["--version"]),
            ("cargo", &["--version"]),
            ("cc", &["--version"]),
            ("ld", &["--version"]),
            ("objcopy", &["--version"]),
        ];
        let mut facts = BTreeMap::new();
        for (tool, words) in tools {
            let said = process::output(&mut self.command(tool, words, &self.tree()))?;
            facts.insert(tool.to_owned(), said.lines().next().unwrap_or_default().to_owned());
        }
        if self.tree().join("ui/dist/index.html").is_file() {
            let said = process::output(&mut self.command("node", &["--version"], &self.tree()))?;
            facts.insert("node".to_owned(), said.trim().to_owned());
        }
        facts.insert("target".to_owned(), self.target()?);
        Ok(facts)
    }

    fn target(&self) -> Result<String> {
        let said = process::output(&mut self.command("rustc", &["-vV"], &self.tree()))?;
        let host = said.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(host.context("rustc names no host")?.to_owned())
    }
}

/// What loads libraries of the machine names the program that does it for it, which another machine may not have.
fn needs_no_library(program: &Path) -> Result<()> {
    let sections = elf::sections(&fs::read(program)?);
    if sections.is_empty() || sections.iter().any(|section| section.name == ".interp") {
        bail!("{} is not whole: it loads libraries of the machine", program.display());
    }
    Ok(())
}

fn cargo_home() -> Result<PathBuf> {
    let named = env::var_os("CARGO_HOME").map(PathBuf::from);
    let own = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    named.or_else(own).context("neither CARGO_HOME nor HOME is set")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_tells_where_it_was_built_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = Room { folder: folder.path().to_owned(), committed_at: 1 };
        let program = folder.path().join("program");
        fs::write(&program, b"...\0/stockade/source/a.rs\0...").expect("writes");
        assert!(room.speaks_of_no_place(&program).is_ok());
        let told = format!("...\0{}/source/a.rs\0", folder.path().display());
        fs::write(&program, told).expect("writes");
        let said = room.speaks_of_no_place(&program).expect_err("is refused");
        assert!(said.to_string().contains("no other machine makes it"), "{said}");
    }

    #[test]
    fn a_program_that_loads_libraries_is_not_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("a.c");
        fs::write(&source, "int main(void) { return 0; }\n").expect("writes");
        let build = |name: &str, words: &[&str]| {
            let program = folder.path().join(name);
            let mut command = process::command("cc", words, folder.path());
            process::output(command.arg(&source).arg("-o").arg(&program)).expect("builds");
            needs_no_library(&program)
        };
        let said = build("loads", &[]).expect_err("is refused");
        assert!(said.to_string().contains("loads libraries of the machine"), "{said}");
        assert!(build("whole", &["-static-pie"]).is_ok());
        fs::write(folder.path().join("script"), "#!/bin/sh\n").expect("writes");
        assert!(needs_no_library(&folder.path().join("script")).is_err(), "it is no program");
    }

    #[test]
    fn a_build_does_not_see_who_builds() {
        let room = Room { folder: PathBuf::from("/somewhere"), committed_at: 7 };
        let command = room.cargo(&["build"]).expect("a command");
        let seen: BTreeMap<_, _> = command.get_envs().collect();
        let value = |name: &str| {
            let value = seen.get(std::ffi::OsStr::new(name)).copied().flatten();
            value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
        };
        assert_eq!(value("SOURCE_DATE_EPOCH"), "7");
        assert!(
            value("CARGO_ENCODED_RUSTFLAGS")
                .starts_with("--remap-path-prefix=/somewhere=/stockade\u{1f}")
        );
        assert!(value("CFLAGS").contains("-ffile-prefix-map=/somewhere=/stockade"));
        assert_eq!(value("USER"), "");
    }
}
