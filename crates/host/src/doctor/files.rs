//! The program's own files: whose they are and who can read them (M62), and the one repair that is safe.

use super::{Examination, Finding, Own, Severity};
use crate::Error;
use serde::Serialize;
use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::PathBuf,
};

const AREA: &str = "files";
const WHY: &str = "who reads these files has the keys in them, who changes them makes the program do as they like";

pub(super) fn probe(examination: &Examination) -> Vec<Finding> {
    if examination.own.is_empty() {
        let what = format!("no file of the {} was named", examination.program.name());
        return vec![told(examination, Finding::new(AREA, Severity::NotChecked, what))];
    }
    examination.own.iter().map(|own| told(examination, look(examination, own))).collect()
}

fn told(examination: &Examination, finding: Finding) -> Finding {
    Finding { claim: examination.program.files_claim(), ..finding.why(WHY) }
}

fn look(examination: &Examination, own: &Own) -> Finding {
    let path = examination.root.path(&own.path);
    let metadata = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let what = format!("the {} cannot be looked at", own.name);
            let finding = Finding::new(AREA, Severity::NotChecked, what);
            let shown = own.path.display();
            return finding.fix(format!("ls -ld {shown}")).evidence(format!("{shown}: {error}"));
        }
    };
    let mode = metadata.permissions().mode() & 0o7777;
    let evidence = format!("{}: mode {mode:04o}, user {}", own.path.display(), metadata.uid());
    let checked = if metadata.is_dir() {
        crate::check_private_directory(&path, examination.user)
    } else {
        crate::open_private(&path, examination.user).map(drop)
    };
    match checked {
        Ok(()) => {
            let what = format!("the {} is its owner's alone", own.name);
            Finding::new(AREA, Severity::Ok, what).evidence(evidence)
        }
        Err(error) => refused(examination, own, &error).evidence(evidence),
    }
}

fn refused(examination: &Examination, own: &Own, error: &Error) -> Finding {
    let shown = own.path.display();
    let (severity, what, fix) = match error {
        Error::Exposed { wanted, .. } => (
            Severity::Problem,
            format!("others on this machine can get at the {}", own.name),
            format!("chmod {wanted:04o} {shown}"),
        ),
        Error::ForeignOwner { owner, .. } => (
            Severity::Problem,
            format!("the {}, or a directory above it, belongs to user {owner}", own.name),
            format!("sudo chown {} {shown}", examination.user),
        ),
        Error::OpenParent { directory, .. } => (
            Severity::Problem,
            format!("everybody can put another file in the place of the {}", own.name),
            format!("sudo chmod o-w {}", directory.display()),
        ),
        _ => (
            Severity::NotChecked,
            format!("the {} cannot be read by this user", own.name),
            format!("ls -ld {shown}"),
        ),
    };
    Finding::new(AREA, severity, what).fix(fix)
}

/// A repair that was made, or could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// Which file.
    pub path: PathBuf,
    /// What was done, and the command that takes it back.
    pub done: String,
    /// Why it could not be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// Takes the bits of others off the program's own files: all that is safe, and can be taken back.
///
/// Only what the user owns is touched, only files and directories that were named, and no link is followed.
#[must_use]
pub fn repair(examination: &Examination) -> Vec<Repair> {
    examination.own.iter().filter_map(|own| close(examination, own)).collect()
}

fn close(examination: &Examination, own: &Own) -> Option<Repair> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = File::options();
    options.read(true).custom_flags(i32::try_from(flags.bits()).ok()?);
    let file = options.open(examination.root.path(&own.path)).ok()?;
    let metadata = file.metadata().ok()?;
    let mode = metadata.permissions().mode() & 0o7777;
    let ours = metadata.uid() == examination.user && (metadata.is_file() || metadata.is_dir());
    let closed = mode & 0o700;
    if mode & 0o777 == closed || !ours {
        return None;
    }
    let failed = file.set_permissions(fs::Permissions::from_mode(closed)).err();
    let shown = own.path.display();
    Some(Repair {
        path: own.path.clone(),
        done: format!("chmod {closed:04o} {shown} (to take it back: chmod {mode:04o} {shown})"),
        failed: failed.map(|error| error.to_string()),
    })
}
