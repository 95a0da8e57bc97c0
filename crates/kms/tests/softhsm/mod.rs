//! A token of SoftHSM, made for one test. Its library reads its configuration from the environment, so
//! whoever uses it runs in a process of their own.

#![allow(dead_code, reason = "the bench uses a part of this")]

use kms::TokenTerms;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

pub const TOKEN: &str = "stockade tests";
const PIN: &str = "4711-tests";
const MODULES: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
];

/// SoftHSM's library, if it is here; says so if it is not.
pub fn module() -> Option<PathBuf> {
    let found = MODULES.into_iter().map(PathBuf::from).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: SoftHSM is not here; install softhsm2");
    }
    found
}

/// A configuration and a token; the configuration's path.
pub fn set_up(place: &Path) -> PathBuf {
    let tokens = place.join("tokens");
    fs::create_dir(&tokens).expect("a directory");
    let configuration = place.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display());
    fs::write(&configuration, text).expect("written");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", TOKEN, "--pin", PIN, "--so-pin", "0815-tests"])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .expect("softhsm2-util runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let pin = place.join("pin");
    fs::write(&pin, format!("{PIN}\n")).expect("written");
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).expect("chmod");
    configuration
}

pub fn terms(place: &Path, module: PathBuf) -> TokenTerms {
    let (token, key) = (TOKEN.to_owned(), "stockade".to_owned());
    TokenTerms { module, token, key, pin: place.join("pin") }
}
