//! The key file: one root key, readable by its owner only, from which every other key is derived.
//!
//! The file is plain text under mode 0600: `stockade-key/1`, 64 hex digits, 16 hex digits of
//! checksum, a line each. It is sealed by nothing, and no
//! hardware guards it, so the claim "keys managed through an HSM" (M10) is *not met* with it.

use crate::{
    Error, Purpose,
    error::failed,
    private_file::{self, Readers, write_new},
    ring::PurposeKeys,
};
use rustix::fs::{AtFlags, CWD};
use seal::{Entropy, MacKey, SealingKey, Secret, SigningKey, hkdf_sha256, random, sha256};
use std::{fmt::Write as _, path::Path};
use zeroize::Zeroizing;

const MAGIC: &str = "stockade-key/1\n";
/// Magic, root, checksum, and a line end behind each of the latter.
const FILE_BYTES: usize = MAGIC.len() + 64 + 1 + 16 + 1;

/// A root key held in memory, and the keys derived from it.
#[derive(Debug, Clone)]
pub struct KeyFile {
    root: Secret<[u8; 32]>,
}

impl KeyFile {
    /// Opens the key file, or makes a new one if there is none; never a half-written one.
    pub fn open_or_create(path: &Path, entropy: &mut dyn Entropy) -> Result<Self, Error> {
        match Self::open(path) {
            Err(Error::Missing { .. }) => {}
            other => return other,
        }
        create(path, entropy)?;
        // Of two that race to create it, both use the one whose link came first.
        Self::open(path)
    }

    /// Opens a key file that must exist.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let text = private_file::read(path, Readers::Owner, FILE_BYTES + 1)?;
        parse(&text).map_err(|why| Error::Damaged { path: path.into(), why })
    }

    /// A new one that lies nowhere yet.
    #[must_use]
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self { root: Secret::new(random(entropy)) }
    }

    /// The text of its file, to be sealed elsewhere.
    #[must_use]
    pub fn to_text(&self) -> Secret<Vec<u8>> {
        Secret::new(render(self.root.expose()).as_bytes().to_vec())
    }

    /// Of a text that lay sealed elsewhere; `place` is for messages.
    pub fn from_text(text: &[u8], place: &Path) -> Result<Self, Error> {
        parse(text).map_err(|why| Error::Damaged { path: place.into(), why })
    }

    /// The key that seals for this purpose.
    #[must_use]
    pub fn sealing(&self, purpose: Purpose) -> SealingKey {
        SealingKey::new(self.derive("sealing", purpose))
    }

    /// The key that authenticates for this purpose.
    #[must_use]
    pub fn mac(&self, purpose: Purpose) -> MacKey {
        MacKey::new(self.derive("mac", purpose))
    }

    /// The key that signs for this purpose.
    #[must_use]
    pub fn signing(&self, purpose: Purpose) -> SigningKey {
        SigningKey::from_seed(&self.derive("signing", purpose))
    }

    /// The keys of every use for this purpose.
    pub(crate) fn purpose(&self, purpose: Purpose) -> PurposeKeys {
        let key = |usage| self.derive(usage, purpose);
        PurposeKeys::new(key("sealing"), key("mac"), key("signing"))
    }

    /// HKDF-SHA256 of the root, apart for each use and purpose.
    fn derive(&self, usage: &str, purpose: Purpose) -> Secret<[u8; 32]> {
        let info = format!("stockade/v1|{usage}|{}", purpose.name());
        hkdf_sha256(self.root.expose(), b"stockade key file", info.as_bytes())
    }
}

/// The root key of a file's text, or what does not fit.
fn parse(text: &[u8]) -> Result<KeyFile, &'static str> {
    let body = text.strip_prefix(MAGIC.as_bytes()).ok_or("its first line is not stockade-key/1")?;
    if text.len() != FILE_BYTES {
        return Err("its size is wrong");
    }
    let mut root = Zeroizing::new([0_u8; 32]);
    let digits = body.get(..64).ok_or("its size is wrong")?;
    for (byte, pair) in root.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| "its key is not hexadecimal")?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| "its key is not hexadecimal")?;
    }
    if !seal::equal(text, render(&root).as_bytes()) {
        return Err("its checksum does not match");
    }
    Ok(KeyFile { root: Secret::new(*root) })
}

/// The file's text: magic, key, checksum.
fn render(root: &[u8; 32]) -> Zeroizing<String> {
    let hex = |bytes: &[u8]| {
        let mut out = Zeroizing::new(String::with_capacity(bytes.len() * 2));
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(out, "{byte:02x}");
        }
        out
    };
    let mut text = Zeroizing::new(String::with_capacity(FILE_BYTES));
    text.push_str(MAGIC);
    text.push_str(&hex(root));
    text.push('\n');
    let checksum = sha256(text.as_bytes());
    text.push_str(&hex(checksum.get(..8).unwrap_or_default()));
    text.push('\n');
    text
}

/// Writes a new key beside `path`, makes it durable, and links it into place unless one is there.
fn create(path: &Path, entropy: &mut dyn Entropy) -> Result<(), Error> {
    let root = Zeroizing::new(random::<32>(entropy));
    let suffix = u64::from_be_bytes(random(entropy));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{suffix:016x}.new"));
    let temporary = path.with_file_name(name);
    let written = write_new(&temporary, render(&root).as_bytes())
        .and_then(|()| match rustix::fs::linkat(CWD, &temporary, CWD, path, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        })
        .map_err(failed(path, "create the key file"));
    // The temporary name goes in every case; the first failure is the one to report.
    let removed = std::fs::remove_file(&temporary);
    written?;
    removed.map_err(failed(&temporary, "remove the temporary key file"))?;
    private_file::sync_directory(path).map_err(failed(path, "make the key file durable"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::{Aad, SeededEntropy};
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, symlink},
        path::PathBuf,
    };

    const PLACE: Aad<'static> =
        Aad { tenant: "t", table: "t", row: "1", column: "c", kind: "text" };

    fn made(directory: &Path) -> (PathBuf, KeyFile) {
        let path = directory.join("stockade.key");
        let key =
            KeyFile::open_or_create(&path, &mut SeededEntropy::new(1)).expect("a new key file");
        (path, key)
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, key) = made(directory.path());
        let mode = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let again =
            KeyFile::open_or_create(&path, &mut SeededEntropy::new(2)).expect("it is there");
        let sealed = key.sealing(Purpose::Retention).seal(&PLACE, b"x", &mut SeededEntropy::new(3));
        assert!(again.sealing(Purpose::Retention).open(&PLACE, &sealed).is_ok());
        let left: Vec<_> = fs::read_dir(directory.path()).expect("it is there").collect();
        assert_eq!(left.len(), 1, "the temporary name is gone");
        assert_eq!(format!("{key:?}"), "KeyFile { root: Secret(..) }");
    }

    #[test]
    fn a_key_file_is_read_from_its_text_without_a_file() {
        let key = KeyFile::generate(&mut SeededEntropy::new(1));
        let text = key.to_text();
        let again = KeyFile::from_text(text.expose(), Path::new("a kit")).expect("reads");
        assert_eq!(again.root.expose(), key.root.expose());
        let cut = text.expose().get(1..).expect("a part");
        let error = KeyFile::from_text(cut, Path::new("a kit")).expect_err("cut");
        assert!(error.to_string().starts_with("a kit is not a whole"), "{error}");
    }

    #[test]
    fn keys_of_two_purposes_or_uses_have_nothing_in_common() {
        let directory = tempfile::tempdir().expect("a directory");
        let (_, key) = made(directory.path());
        let mut seen = std::collections::BTreeSet::new();
        for purpose in Purpose::ALL {
            seen.insert(*key.derive("sealing", purpose).expose());
            seen.insert(*key.derive("mac", purpose).expose());
            seen.insert(*key.derive("signing", purpose).expose());
        }
        assert_eq!(seen.len(), 3 * Purpose::ALL.len());
        let signature = key.signing(Purpose::AuditLog).sign(b"m");
        let check = |purpose| key.signing(purpose).verifying_key().verify(b"m", &signature).is_ok();
        assert!(check(Purpose::AuditLog) && !check(Purpose::AccessTokens));
        let tag = key.mac(Purpose::DeviceCookies).tag(&[b"m"]);
        assert!(!key.mac(Purpose::RefreshTokens).verify(&[b"m"], &tag));
    }

    #[test]
    fn a_key_file_that_others_can_read_is_refused_with_the_remedy() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, _) = made(directory.path());
        for mode in [0o640, 0o604, 0o660, 0o644, 0o610] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("chmod");
            let error = KeyFile::open(&path).expect_err("too open");
            assert!(matches!(error, Error::Exposed { mode: found, .. } if found == mode));
            let remedy = format!("chmod 600 {}", path.display());
            assert!(error.to_string().contains(&remedy), "{error}");
        }
        fs::set_permissions(&path, Permissions::from_mode(0o400)).expect("chmod");
        assert!(KeyFile::open(&path).is_ok(), "stricter is fine");
    }

    #[test]
    fn what_is_not_a_whole_key_file_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, _) = made(directory.path());
        let whole = fs::read_to_string(&path).expect("text");
        let check = |text: &str, part: &str| {
            fs::write(&path, text).expect("written");
            let error = KeyFile::open_or_create(&path, &mut SeededEntropy::new(9)).expect_err(part);
            assert!(matches!(error, Error::Damaged { .. }), "{error}");
            assert!(error.to_string().contains(part), "{error}");
            assert_eq!(fs::read_to_string(&path).expect("text"), text, "never overwritten");
        };
        check("", "first line");
        check(&whole.replace("key/1", "key/2"), "first line");
        check(&whole[..whole.len() - 1], "size");
        check(&format!("{whole}\n"), "size");
        let digit = if whole.as_bytes()[20] == b'0' { "1" } else { "0" };
        check(&[&whole[..20], digit, &whole[21..]].concat(), "checksum");
        check(&[&whole[..20], "g", &whole[21..]].concat(), "hexadecimal");
        check(&whole.to_uppercase().replace("STOCKADE-KEY", "stockade-key"), "checksum");
        fs::write(&path, &whole).expect("written");
        assert!(KeyFile::open(&path).is_ok());
    }

    #[test]
    fn a_link_a_directory_or_nothing_is_no_key_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let (path, _) = made(directory.path());
        let link = directory.path().join("link");
        symlink(&path, &link).expect("a link");
        assert!(matches!(KeyFile::open(&link), Err(Error::NotAFile { .. })));
        assert!(matches!(KeyFile::open(directory.path()), Err(Error::NotAFile { .. })));
        let missing = directory.path().join("none");
        assert!(matches!(KeyFile::open(&missing), Err(Error::Missing { .. })));
        let nowhere = directory.path().join("no/such/directory/key");
        let error =
            KeyFile::open_or_create(&nowhere, &mut SeededEntropy::new(1)).expect_err("none");
        assert!(error.to_string().contains("create the key file"), "{error}");
    }

    #[test]
    fn the_system_has_randomness() {
        let mut entropy = crate::SystemEntropy::new();
        assert_ne!(random::<32>(&mut entropy), random::<32>(&mut entropy));
    }
}
