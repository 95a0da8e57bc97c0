//! The kill switch as a file: whoever owns the bot can pull it with `touch`.

use engine::live::Kill;
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Read},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

/// The most bytes that are read.
const BYTES_MAX: u64 = 64;

/// What a kill file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is none.
    Nothing,
    /// Its owner wants this.
    Level(Kill),
    /// It does not count, and why.
    Ignored(String),
}

/// Looks for the file. It counts only if `owner` owns it and nobody else can write it; an empty one is
/// the last level.
#[must_use]
pub fn look(path: &Path, owner: u32) -> Found {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Found::Nothing,
        Err(error) => return Found::Ignored(format!("it cannot be read: {error}")),
    };
    let Ok(found) = file.metadata() else {
        return Found::Ignored("it cannot be looked at".to_owned());
    };
    if !found.is_file() {
        return Found::Ignored("it is no plain file".to_owned());
    }
    if found.uid() != owner {
        return Found::Ignored(format!("it belongs to user {}, not to {owner}", found.uid()));
    }
    if found.mode() & 0o022 != 0 {
        let mode = found.mode() & 0o7777;
        return Found::Ignored(format!("others can write it (mode {mode:04o}): chmod 600"));
    }
    let mut bytes = Vec::new();
    if let Err(error) = file.by_ref().take(BYTES_MAX).read_to_end(&mut bytes) {
        return Found::Ignored(format!("it cannot be read: {error}"));
    }
    match std::str::from_utf8(&bytes).map(str::trim) {
        Ok("") => Found::Level(Kill::Flatten),
        Ok(word) => match Kill::ALL.into_iter().find(|level| level.name() == word) {
            Some(Kill::Off) => Found::Nothing,
            Some(level) => Found::Level(level),
            None => unclear(),
        },
        Err(_) => unclear(),
    }
}

/// Somebody wanted something; the least that it can have meant is that nothing new begins.
fn unclear() -> Found {
    Found::Level(Kill::NoEntries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn a_kill_file_counts_only_from_the_bots_owner() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("KILL");
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(look(&path, me), Found::Nothing);
        let check = |text: &str, mode: u32, want: &Found| {
            fs::write(&path, text).expect("writes");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("sets the mode");
            assert_eq!(&look(&path, me), want, "{text:?} {mode:o}");
        };
        check("", 0o600, &Found::Level(Kill::Flatten));
        check("flatten\n", 0o644, &Found::Level(Kill::Flatten));
        check(" cancel-all ", 0o600, &Found::Level(Kill::CancelAll));
        check("no-entries", 0o600, &Found::Level(Kill::NoEntries));
        check("off", 0o600, &Found::Nothing);
        check("stop please", 0o600, &Found::Level(Kill::NoEntries));
        check("\u{1b}[2J", 0o600, &Found::Level(Kill::NoEntries));
        let ignored = |why: &str| Found::Ignored(why.to_owned());
        check("flatten", 0o666, &ignored("others can write it (mode 0666): chmod 600"));
        check("flatten", 0o620, &ignored("others can write it (mode 0620): chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("sets the mode");
        let foreign = format!("it belongs to user {me}, not to {}", me + 1);
        assert_eq!(look(&path, me + 1), Found::Ignored(foreign));
    }

    #[test]
    fn what_is_no_plain_file_does_not_count() {
        let dir = tempfile::tempdir().expect("a directory");
        let me = rustix::process::geteuid().as_raw();
        let real = dir.path().join("real");
        fs::write(&real, "flatten").expect("writes");
        let link = dir.path().join("KILL");
        std::os::unix::fs::symlink(&real, &link).expect("links");
        assert!(matches!(look(&link, me), Found::Ignored(_)));
        assert!(matches!(look(dir.path(), me), Found::Ignored(_)));
    }
}
