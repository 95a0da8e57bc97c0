//! Dependencies held against the database of advisories of `RustSec`, by its own library.

use super::record::{Finding, Severity, Watched};
use anyhow::{Context, Result};
use rustsec::{Database, Lockfile, Report, advisory::Informational, report::Settings};
use std::path::Path;

/// The library's version, as `Cargo.toml` has it.
pub const VERSION: &str = "0.34";

/// What the database says of the packages of a lock file.
pub fn consult(database: &Path, lockfile: &Path) -> Result<(Watched, Vec<Finding>)> {
    let place = database.display();
    let database =
        Database::open(database).with_context(|| format!("reading the advisories of {place}"))?;
    let lockfile = Lockfile::load(lockfile).context("reading Cargo.lock")?;
    let informational_warnings =
        vec![Informational::Notice, Informational::Unmaintained, Informational::Unsound];
    let settings = Settings { informational_warnings, ..Settings::default() };
    let report = Report::generate(&database, &lockfile, &settings);
    let mut findings = Vec::new();
    for one in &report.vulnerabilities.list {
        let severity = one.advisory.cvss.as_ref().map(|cvss| severity(cvss.severity().as_str()));
        findings.push(Finding {
            tool: "rustsec".to_owned(),
            id: one.advisory.id.to_string(),
            // Without a score nobody has said that it is harmless.
            severity: severity.unwrap_or(Severity::High),
            place: format!("{} {}", one.package.name, one.package.version),
            what: one.advisory.title.clone(),
        });
    }
    for (kind, warnings) in &report.warnings {
        for one in warnings {
            let advisory = one.advisory.as_ref();
            findings.push(Finding {
                tool: "rustsec".to_owned(),
                id: advisory.map_or_else(|| kind.as_str().to_owned(), |one| one.id.to_string()),
                severity: if kind.as_str() == "unsound" { Severity::Low } else { Severity::Note },
                place: format!("{} {}", one.package.name, one.package.version),
                what: advisory.map_or_else(|| kind.as_str().to_owned(), |one| one.title.clone()),
            });
        }
    }
    let newest = database.iter().map(|one| one.metadata.date.as_str().to_owned()).max();
    let watched = Watched {
        source: "https://github.com/RustSec/advisory-db".to_owned(),
        newest: newest.context("a database without an advisory")?,
        advisories: database.iter().count(),
        packages: lockfile.packages.len(),
    };
    Ok((watched, findings))
}

fn severity(word: &str) -> Severity {
    match word {
        "critical" => Severity::Critical,
        "high" => Severity::High,
        "medium" => Severity::Medium,
        _ => Severity::Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const ADVISORY: &str = "```toml\n[advisory]\nid = \"RUSTSEC-2020-0001\"\npackage = \"bad\"\n\
        date = \"2020-01-02\"\ncvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H\"\n\n\
        [versions]\npatched = [\">= 1.0.1\"]\n```\n\n# It is bad\n\nVery.\n";

    #[test]
    fn a_package_that_an_advisory_names_is_found_and_its_mended_version_is_not() {
        let root = tempfile::tempdir().expect("a directory");
        let folder = root.path().join("crates/bad");
        fs::create_dir_all(&folder).expect("makes");
        fs::write(folder.join("RUSTSEC-2020-0001.md"), ADVISORY).expect("writes");
        let lock = root.path().join("Cargo.lock");
        let check = |version: &str| {
            let text = format!(
                "version = 4\n\n[[package]]\nname = \"bad\"\nversion = \"{version}\"\n\
                 source = \"registry+https://github.com/rust-lang/crates.io-index\"\n\
                 checksum = \"{}\"\n",
                "0".repeat(64)
            );
            fs::write(&lock, text).expect("writes");
            consult(root.path(), &lock).expect("is consulted")
        };
        let (watched, found) = check("1.0.0");
        assert_eq!((watched.newest.as_str(), watched.advisories), ("2020-01-02", 1));
        assert_eq!((found[0].severity, found[0].place.as_str()), (Severity::High, "bad 1.0.0"));
        assert_eq!(found[0].what, "It is bad");
        assert_eq!(check("1.0.1").1, []);
        assert!(consult(&root.path().join("none"), &lock).is_err());
    }
}
