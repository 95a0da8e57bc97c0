//! `gpg` as the judge of what is signed as `OpenPGP` has it. It is in the package `gnupg`; where it is not, that is said.

#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "another program is asked")]

use seal::{OpenPgpKey, Secret, SigningKey};
use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

fn gpg(home: &Path, words: &[&str]) -> Option<Output> {
    let mut command = Command::new("gpg");
    command.args(["--batch", "--no-autostart", "--status-fd", "1", "--homedir"]).arg(home);
    command.args(words).env_clear().env("LC_ALL", "C").stdin(Stdio::null()).output().ok()
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn gpg_believes_what_is_signed_and_not_what_was_changed() {
    let home = std::env::temp_dir().join(format!("stockade-gpg-{}", std::process::id()));
    std::fs::create_dir_all(&home).expect("a directory");
    if gpg(&home, &["--version"]).is_none() {
        println!("skipped: gpg is not on this machine (apt-get install gnupg)");
        return;
    }
    // Seeds of which the signatures' numbers have leading zeros, too, and names whose armour ends with no padding, one
    // sign of it, and two.
    for seed in 0..21 {
        let name = format!("security.txt of trade.example{}", ".".repeat(usize::from(seed % 3)));
        let key = SigningKey::from_seed(&Secret::new([seed; 32]));
        let key = OpenPgpKey::new(key, 1_767_225_600, &name);
        let text = format!("# {seed}\n-----BEGIN\n\nContact: mailto:security@trade.example\n");
        let (certificate, signed) = (home.join("key.asc"), home.join("security.txt"));
        std::fs::write(&certificate, key.published()).expect("writes");
        let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let imported = gpg(&home, &["--import", &path(&certificate)]).expect("runs");
        let said = told(&imported);
        let fingerprint = key.certificate().fingerprint();
        assert!(said.contains("IMPORT_OK 1") && said.contains(&fingerprint), "{said}");
        let verify = |text: &str| {
            std::fs::write(&signed, text).expect("writes");
            told(&gpg(&home, &["--verify", &path(&signed)]).expect("runs"))
        };
        let good = key.sign(&text, 1_767_312_000);
        let said = verify(&good);
        assert!(said.contains("GOODSIG") && said.contains("VALIDSIG"), "{said}");
        assert!(said.contains(&fingerprint), "{said}");
        let said = verify(&good.replace("security@", "insecurity@"));
        assert!(said.contains("BADSIG") && !said.contains("GOODSIG"), "{said}");
        // A file beside its signature.
        let file = home.join("advisory.json");
        std::fs::write(&file, "{\r\n \"a\": 1 \n}").expect("writes");
        let beside = |bytes: &[u8]| {
            std::fs::write(&signed, key.sign_file(bytes, 1_767_312_000)).expect("writes");
            told(&gpg(&home, &["--verify", &path(&signed), &path(&file)]).expect("runs"))
        };
        let said = beside(b"{\r\n \"a\": 1 \n}");
        assert!(said.contains("GOODSIG") && said.contains(&fingerprint), "{said}");
        let said = beside(b"{\n \"a\": 1\n}");
        assert!(said.contains("BADSIG") && !said.contains("GOODSIG"), "{said}");
        let listed = gpg(&home, &["--list-keys", "--with-colons", &fingerprint]).expect("runs");
        let said = told(&listed);
        assert!(said.contains(&name), "{said}");
    }
    let _ = std::fs::remove_dir_all(&home);
}
