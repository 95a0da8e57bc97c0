//! What this machine has, and what may be installed on it.

use crate::process;
use anyhow::{Result, bail};
use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest Node the web UI's build tool runs on.
const NODE_MIN: (u32, u32) = (20, 19);

/// The root of the project.
pub fn project() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo puts what it builds.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| project().join("target"), PathBuf::from)
}

/// The first of these programs that is on the path.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let directories: Vec<PathBuf> = env::split_paths(&path).collect();
    let places = names.iter().flat_map(|name| directories.iter().map(move |d| d.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Node and npm are there and new enough, or the reason why not with the way to get them.
pub fn check_node() -> Result<()> {
    let advice = "the web UI is built with Node: install Node 20.19 or newer with npm \
                  (https://nodejs.org), then run this again";
    let Ok(version) = process::output(Command::new("node").arg("--version")) else {
        bail!("node is not on the path; {advice}");
    };
    if node_version(version.trim()).is_none_or(|found| found < NODE_MIN) {
        bail!("node {} is too old; {advice}", version.trim());
    }
    if find(&["npm"]).is_none() {
        bail!("npm is not on the path; {advice}");
    }
    Ok(())
}

/// A Chromium to drive: the one named in `CHROMIUM`, one on the path, or one installed now.
pub fn chromium() -> Result<PathBuf, String> {
    const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
    if let Some(named) = env::var_os("CHROMIUM") {
        return Ok(PathBuf::from(named));
    }
    if let Some(found) = find(&NAMES) {
        return Ok(found);
    }
    if !may_install() {
        return Err("no Chromium on the path and none can be installed here (that needs root \
                    and apt-get); install one or name it in CHROMIUM"
            .into());
    }
    install("chromium")?;
    find(&NAMES).ok_or_else(|| "apt-get installed no program named chromium".into())
}

/// What others wrote and tests ask: which variables tell the tests of it, and why some is not here.
pub struct Judges {
    /// Variables and their values.
    pub found: Vec<(&'static str, OsString)>,
    /// Reasons, each with what to do.
    pub missing: Vec<String>,
}

/// All of them, installed now where that can be done.
pub fn judges() -> Judges {
    let mut judges = Judges { found: Vec::new(), missing: Vec::new() };
    let mut note = |variable: Option<&'static str>, asked: Result<OsString, String>| match asked {
        Ok(value) => judges.found.extend(variable.map(|variable| (variable, value))),
        Err(why) => judges.missing.push(why),
    };
    note(Some("TEST_POSTGRES"), postgres().map(|()| "required".into()));
    for program in &OTHERS {
        note(None, other(program).map(|()| OsString::new()));
    }
    for needs in [&CCXT, &MAIL, &STORE, &SCHEMAS] {
        note(Some(needs.variable), python(needs).map(PathBuf::into_os_string));
    }
    judges
}

/// PostgreSQL's programs are there, or are installed now; the tests start a server of their own.
fn postgres() -> Result<(), String> {
    let here = || {
        let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut debian = debian.map(|version| version.path().join("bin/initdb"));
        debian.any(|program| program.is_file()) || find(&["initdb"]).is_some()
    };
    if here() {
        return Ok(());
    }
    if !may_install() {
        return Err(
            "PostgreSQL is not here and cannot be installed (that needs root and apt-get): \
                    storage is tested on SQLite alone; install postgresql to test both"
                .into(),
        );
    }
    install("postgresql")?;
    if here() { Ok(()) } else { Err("apt-get installed no program named initdb".into()) }
}

/// A program of others that tests ask: its names, Debian's package, and what is not tested without it.
type Other = (&'static [&'static str], &'static str, &'static str);

const OTHERS: [Other; 8] = [
    (&["softhsm2-util"], "softhsm2", "nothing is tested with a token"),
    (
        &["pebble", "pebble-challtestsrv"],
        "pebble",
        "no certificate is ordered of a real ACME server",
    ),
    (&["restic"], "restic", "no other program reads our backups"),
    (&["age"], "age", "no other program opens what is sealed to people"),
    (&["gpg"], "gnupg", "no other program checks the signed security.txt"),
    (&["minisign"], "minisign", "no other program checks the signatures of releases"),
    (&["nginx"], "nginx-light", "nothing is tested behind a real proxy"),
    (&["haproxy"], "haproxy", "no proxy of others introduces its clients to us"),
];

/// What the scanners of others need beside Node and Python.
const SCANNING: [Other; 4] = [
    (&["testssl"], "testssl.sh", "nobody else judges our TLS"),
    (&["slowhttptest"], "slowhttptest", "nobody else is slow at us"),
    (&["pebble"], "pebble", "no certificate is ordered for the server that is scanned"),
    (&["curl"], "curl", "nobody asks beside the scanners"),
];

/// The scanners of others are there, or are installed now; the first that cannot be is named.
pub fn scanners() -> Result<(), String> {
    SCANNING.iter().try_for_each(other)
}

/// It is there, or is installed now.
fn other((names, package, without): &Other) -> Result<(), String> {
    let here = || names.iter().all(|name| find(&[name]).is_some());
    if here() {
        return Ok(());
    }
    if !may_install() {
        return Err(format!(
            "{package} is not here and cannot be installed (that needs root and apt-get): {without}"
        ));
    }
    install(package)?;
    if here() { Ok(()) } else { Err(format!("apt-get installed no {}", names.join(", "))) }
}

/// Installs a Debian package.
fn install(package: &str) -> Result<(), String> {
    println!("{package} is not here; installing it with apt-get");
    let install = ["install", "--yes", "--no-install-recommends", package];
    for arguments in [&["update"][..], &install[..]] {
        let mut command = process::command("apt-get", arguments, Path::new("/"));
        let ran = process::run(command.env("DEBIAN_FRONTEND", "noninteractive"));
        if !ran.is_ok_and(|ran| ran.success) {
            return Err(format!("apt-get {} failed", arguments.join(" ")));
        }
    }
    Ok(())
}

/// What a step needs of Python: an environment's name, the variable that names another Python, what is
/// imported, and what is installed.
pub struct Needs {
    environment: &'static str,
    variable: &'static str,
    imports: &'static str,
    packages: &'static [&'static str],
}

/// The independent client library that trades on the exchange in a box.
const CCXT: Needs = Needs {
    environment: "ccxt",
    variable: "CCXT_PYTHON",
    imports: "ccxt",
    packages: &["ccxt==4.5.90"],
};

/// The independent judges of our mail: a verifier of DKIM, a mail server, a name server.
const MAIL: Needs = Needs {
    environment: "mail",
    variable: "MAIL_PYTHON",
    imports: "dkim, nacl, aiosmtpd, dns.message",
    packages: &["dkimpy==1.1.8", "PyNaCl==1.6.2", "aiosmtpd==1.4.6", "dnspython==2.9.2"],
};

/// What holds advisories against the schemas of OSV and CSAF.
const SCHEMAS: Needs = Needs {
    environment: "schemas",
    variable: "SCHEMAS_PYTHON",
    imports: "jsonschema, referencing",
    packages: &["jsonschema==4.26.0"],
};

/// The independent reader of the OpenAPI document.
pub const OPENAPI: Needs = Needs {
    environment: "openapi",
    variable: "OPENAPI_PYTHON",
    imports: "openapi_spec_validator",
    packages: &["openapi-spec-validator==0.9.0"],
};

/// The scanners of others that are packages of Python.
pub const SCANNERS: Needs = Needs {
    environment: "scanners",
    variable: "SCANNERS_PYTHON",
    imports: "sslyze, schemathesis",
    packages: &["sslyze==6.3.1", "schemathesis==4.32.5"],
};

/// The object store that backups go to in the tests, with signatures and policies that count.
const STORE: Needs = Needs {
    environment: "s3",
    variable: "S3_PYTHON",
    imports: "boto3, moto.server",
    packages: &["moto[server,s3]==5.1.4"],
};

/// A Python that has what is needed: the one that is named in the variable, the one on the path, or one in an
/// environment of its own under `target`, made now.
pub fn python(needs: &Needs) -> Result<PathBuf, String> {
    let Needs { environment, variable, imports, packages } = needs;
    if let Some(named) = env::var_os(variable) {
        return Ok(PathBuf::from(named));
    }
    let Some(python) = find(&["python3"]) else {
        return Err(format!(
            "no python3 on the path; install one, or name one that has {imports} in {variable}"
        ));
    };
    let own = target().join(environment);
    let inside = own.join("bin/python");
    let import = format!("import {imports}");
    let has = |python: &Path| process::output(Command::new(python).args(["-c", &import])).is_ok();
    if let Some(found) = [&python, &inside].into_iter().find(|python| has(python)) {
        return Ok(found.clone());
    }
    println!("{} are not here; installing them into {}", packages.join(", "), own.display());
    let directory = own.to_string_lossy().into_owned();
    let install = ["-m", "pip", "install", "--quiet", "--retries", "1", "--timeout", "20"];
    let install: Vec<&str> = install.iter().chain(*packages).copied().collect();
    let (program, inner) = (python.to_string_lossy(), inside.to_string_lossy());
    for (program, arguments) in
        [(&program, &["-m", "venv", &directory][..]), (&inner, install.as_slice())]
    {
        let mut command = process::command(program, arguments, Path::new("/"));
        if !process::run(&mut command).is_ok_and(|ran| ran.success) {
            return Err(format!(
                "{} cannot be installed here (that needs venv, pip and PyPI); name a Python that has them in {variable}",
                packages.join(", ")
            ));
        }
    }
    Ok(inside)
}

/// Root on a Debian machine.
fn may_install() -> bool {
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    root && find(&["apt-get"]).is_some()
}

fn node_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix('v')?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_compared_as_numbers() {
        assert_eq!(node_version("v20.19.2"), Some((20, 19)));
        assert!(node_version("v9.11.0") < Some(NODE_MIN));
        assert!(node_version("v22.1.0") > Some(NODE_MIN));
        assert_eq!(node_version("nonsense"), None);
    }

    #[test]
    fn the_project_is_where_the_workspace_is() {
        assert!(project().join("Cargo.lock").is_file());
    }
}
