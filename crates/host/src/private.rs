//! Files that only their owner can read: opened if so, refused if not.

use crate::Error;
use std::{
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Read or written by the group or by everybody.
const OTHERS: u32 = 0o077;
/// Written by everybody.
const EVERYBODY_WRITES: u32 = 0o002;
/// Only a file's owner may rename or remove it.
const STICKY: u32 = 0o1000;

/// Opens a file for reading that nobody but `user` (or root) can read or change (M62).
///
/// The file's own bits and owner are those of what was opened, so nothing can be swapped in between; a link on
/// the way must be the user's own, and no directory above may be writable by everybody unless it is sticky.
pub fn open_private(path: &Path, user: u32) -> Result<File, Error> {
    let real = resolved(path, user)?;
    let file = open(path, &real)?;
    let metadata =
        file.metadata().map_err(|source| Error::File { path: path.to_owned(), source })?;
    check(path, &metadata, user, 0o600)?;
    Ok(file)
}

/// Opens a credential that systemd hands to a service, by its name in the service's directory of credentials.
///
/// systemd gives the service's user access by an access list, whose mask shows as the group's bit to read; the
/// directory around it is closed to others, so that bit alone is no exposure here.
pub fn open_credential(directory: &Path, name: &str, user: u32) -> Result<File, Error> {
    let path = directory.join(name);
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(Error::Kind { path, wanted: "a credential's name" });
    }
    let failed = |source| Error::File { path: path.clone(), source };
    let around = fs::symlink_metadata(directory).map_err(failed)?;
    if !around.is_dir() {
        return Err(Error::Kind { path: directory.to_owned(), wanted: "a directory" });
    }
    check_bits(directory, &around, user, (0o050, 0o500))?;
    let file = open(&path, &path)?;
    check_bits(&path, &file.metadata().map_err(failed)?, user, (0o040, 0o400))?;
    Ok(file)
}

/// Whether a directory is one that nobody but `user` (or root) can look into (M62).
pub fn check_private_directory(path: &Path, user: u32) -> Result<(), Error> {
    let real = resolved(path, user)?;
    let metadata =
        fs::metadata(&real).map_err(|source| Error::File { path: path.to_owned(), source })?;
    if !metadata.is_dir() {
        return Err(Error::Kind { path: path.to_owned(), wanted: "a directory" });
    }
    check(path, &metadata, user, 0o700)
}

/// Opens a file, not a link and not a pipe; errors name it as the caller does.
fn open(path: &Path, real: &Path) -> Result<File, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    // Not blocking: a pipe put in place of the file would hang the start.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags =
        i32::try_from(flags.bits()).map_err(|_| failed(io::ErrorKind::Unsupported.into()))?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(real).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::Kind { path: path.to_owned(), wanted: "a file" });
    }
    Ok(file)
}

fn check(path: &Path, metadata: &Metadata, user: u32, wanted: u32) -> Result<(), Error> {
    check_bits(path, metadata, user, (0, wanted))
}

/// Whether nobody else has a bit, but for those `allowed`.
fn check_bits(
    path: &Path,
    metadata: &Metadata,
    user: u32,
    (allowed, wanted): (u32, u32),
) -> Result<(), Error> {
    owned(path, metadata, user)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & OTHERS & !allowed != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

fn owned(path: &Path, metadata: &Metadata, user: u32) -> Result<(), Error> {
    let owner = metadata.uid();
    if owner == user || owner == 0 {
        return Ok(());
    }
    Err(Error::ForeignOwner { path: path.to_owned(), owner, wanted: user })
}

/// Where the path leads, once every link and directory on the way there is beyond others' reach.
fn resolved(path: &Path, user: u32) -> Result<PathBuf, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let absolute = std::path::absolute(path).map_err(failed)?;
    let link = fs::symlink_metadata(&absolute).map_err(failed)?;
    if link.is_symlink() {
        owned(path, &link, user)?;
    }
    let real = fs::canonicalize(&absolute).map_err(failed)?;
    for directory in absolute.ancestors().skip(1).chain(real.ancestors().skip(1)) {
        let metadata = fs::metadata(directory).map_err(failed)?;
        let mode = metadata.permissions().mode();
        if mode & EVERYBODY_WRITES != 0 && mode & STICKY == 0 {
            let directory = directory.to_owned();
            return Err(Error::OpenParent { path: path.to_owned(), directory });
        }
        // Whoever owns a directory can swap what is in it, sticky or not.
        owned(directory, &metadata, user)?;
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{io::Read, os::unix::fs::symlink};

    struct House {
        root: tempfile::TempDir,
        user: u32,
    }

    impl House {
        fn new() -> Self {
            Self {
                root: tempfile::tempdir().expect("a directory"),
                user: rustix::process::geteuid().as_raw(),
            }
        }

        fn file(&self, name: &str, mode: u32) -> PathBuf {
            let path = self.root.path().join(name);
            drop(fs::remove_file(&path));
            fs::write(&path, "secret").expect("is written");
            set_mode(&path, mode);
            path
        }

        fn opens(&self, path: &Path) -> String {
            match open_private(path, self.user) {
                Ok(mut file) => {
                    let mut text = String::new();
                    file.read_to_string(&mut text).expect("is read");
                    text
                }
                Err(error) => error.to_string(),
            }
        }
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("is ours");
    }

    /// M62: a configuration that others can read is refused, and the refusal says what mends it.
    #[test]
    fn a_file_is_the_owners_alone_or_refused() {
        let house = House::new();
        for mode in [0o600, 0o400, 0o700] {
            assert_eq!(house.opens(&house.file("config.yaml", mode)), "secret", "{mode:o}");
        }
        for mode in [0o644, 0o640, 0o604, 0o660, 0o602, 0o610, 0o666] {
            let path = house.file("config.yaml", mode);
            let said = house.opens(&path);
            let fix = format!("run `chmod 0600 {}`", path.display());
            assert!(said.contains(&format!("mode {mode:04o}")) && said.contains(&fix), "{said}");
        }
        assert!(house.opens(house.root.path()).ends_with("is not a file"));
        assert!(house.opens(&house.root.path().join("none")).contains("No such file"));
        let socket = house.root.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        set_mode(&socket, 0o600);
        assert!(open_private(&socket, house.user).is_err());
    }

    #[test]
    fn nobody_can_swap_it_on_the_way() {
        let house = House::new();
        let open = house.root.path().join("open");
        fs::create_dir(&open).expect("is made");
        house.file("open/config.yaml", 0o600);
        set_mode(&open, 0o777);
        let said = house.opens(&open.join("config.yaml"));
        assert!(said.contains("can be written by everybody"), "{said}");
        set_mode(&open, 0o1777);
        assert_eq!(house.opens(&open.join("config.yaml")), "secret", "sticky, as /tmp is");

        // A link is judged with where it lies and where it leads.
        let target = house.file("target.yaml", 0o600);
        let link = house.root.path().join("link.yaml");
        symlink(&target, &link).expect("is made");
        assert_eq!(house.opens(&link), "secret");
        set_mode(&target, 0o644);
        assert!(house.opens(&link).contains("mode 0644"));
        set_mode(&target, 0o600);
        set_mode(&open, 0o777);
        let astray = open.join("link.yaml");
        symlink(&target, &astray).expect("is made");
        assert!(house.opens(&astray).contains("can be written by everybody"));
    }

    #[test]
    fn what_is_somebody_elses_is_refused() {
        let house = House::new();
        let path = house.file("config.yaml", 0o600);
        if house.user == 0 {
            std::os::unix::fs::chown(&path, Some(4711), None).expect("root may");
            let error = open_private(&path, 0).map(drop).expect_err("is refused");
            assert!(matches!(error, Error::ForeignOwner { owner: 4711, wanted: 0, .. }), "{error}");
            assert!(open_private(&path, 4711).is_ok(), "the owner's, in directories of root");
        } else {
            let error = open_private(&path, house.user + 1).map(drop).expect_err("is refused");
            assert!(matches!(error, Error::ForeignOwner { .. }), "{error}");
        }
    }

    #[test]
    fn a_credential_may_show_the_mask_of_its_access_list() {
        let house = House::new();
        let check = |directory: u32, file: u32, name: &str, good: bool| {
            set_mode(house.root.path(), 0o700);
            house.file("passphrase", file);
            set_mode(house.root.path(), directory);
            let opened = open_credential(house.root.path(), name, house.user);
            assert_eq!(opened.is_ok(), good, "{directory:o} {file:o} {name}: {opened:?}");
        };
        check(0o500, 0o400, "passphrase", true);
        check(0o550, 0o440, "passphrase", true);
        check(0o555, 0o440, "passphrase", false);
        check(0o770, 0o440, "passphrase", false);
        check(0o550, 0o444, "passphrase", false);
        check(0o550, 0o460, "passphrase", false);
        check(0o500, 0o400, "../passphrase", false);
        check(0o500, 0o400, "none", false);
        check(0o700, 0o400, "passphrase", true);
    }

    #[test]
    fn a_directory_is_the_owners_alone_or_refused() {
        let house = House::new();
        let check = |mode: u32, good: bool| {
            set_mode(house.root.path(), mode);
            let checked = check_private_directory(house.root.path(), house.user);
            assert_eq!(checked.is_ok(), good, "{mode:o}: {checked:?}");
        };
        check(0o700, true);
        check(0o500, true);
        check(0o755, false);
        check(0o750, false);
        check(0o700, true);
        let file = house.file("x", 0o600);
        assert!(check_private_directory(&file, house.user).is_err());
    }
}
