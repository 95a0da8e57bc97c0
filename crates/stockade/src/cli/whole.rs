//! Files that people ask for: whole, or as they were.

use anyhow::Context;
use std::{fs::Permissions, io::Write, os::unix::fs::PermissionsExt, path::Path};

/// Writes a file beside its place and then puts it there.
pub(super) fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let place = || format!("cannot write {}", path.display());
    // A link stays one; its target is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.exists() && !target.is_file() {
        // A pipe or a terminal takes what comes; it cannot be replaced.
        return std::fs::write(path, bytes).with_context(place);
    }
    let parent = target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new();
    // What the user's mask leaves of it, as for any new file.
    let draft = draft.permissions(Permissions::from_mode(0o666));
    let mut draft = draft.tempfile_in(parent).with_context(place)?;
    draft.write_all(bytes).with_context(place)?;
    draft.as_file().sync_all().with_context(place)?;
    draft.persist(&target).with_context(place)?;
    Ok(())
}
