//! The seeds of the fuzz target `openpgp`: what is good reads, what is bad is refused, and nothing stops.

#![allow(clippy::disallowed_methods, reason = "the seeds are files")]

use seal::{OpenPgpCertificate, OpenPgpKey, Secret, SigningKey};
use std::{collections::BTreeMap, fs, path::Path};

/// The key that the seeds are signed by; the target has the same.
fn key() -> OpenPgpKey {
    OpenPgpKey::new(SigningKey::from_seed(&Secret::new([7; 32])), 1_767_225_600, "fuzz")
}

/// The seeds that our own writer makes, by their files' names.
fn ours() -> BTreeMap<&'static str, String> {
    let key = key();
    let text = "# a remark\n- a list\n-----BEGIN\nContact: https://a.example  \n\nlast line\n";
    let signed = key.sign(text, 1_800_000_000);
    let other = OpenPgpKey::new(SigningKey::from_seed(&Secret::new([8; 32])), 1, "other");
    let torn = |text: &str| text.chars().take(text.len() / 2).collect::<String>();
    BTreeMap::from([
        ("good-key", key.published()),
        ("good-key-of-another", other.published()),
        ("good-text", signed.clone()),
        ("good-text-empty", key.sign("", 1)),
        ("good-text-on-windows", signed.replace('\n', "\r\n")),
        ("good-file", format!("{{\"a\": 1}}\r\n\0{}", key.sign_file(b"{\"a\": 1}\r\n", 5))),
        ("bad-key-torn", torn(&key.published())),
        ("bad-key-as-signature", key.published().replace("PUBLIC KEY BLOCK", "SIGNATURE")),
        ("bad-text-changed", signed.replace("a.example", "b.example")),
        ("bad-text-of-another", other.sign(text, 1)),
        ("bad-text-torn", torn(&signed)),
        ("bad-text-with-more", format!("{signed}more\n")),
        ("bad-file", format!("{{\"a\": 2}}\r\n\0{}", key.sign_file(b"{\"a\": 1}\r\n", 5))),
        (
            "bad-armour-empty",
            "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n".to_owned(),
        ),
    ])
}

/// Whether it is anything that the readers take.
fn reads(text: &str) -> bool {
    let key = key();
    let own = key.certificate();
    let (file, signature) = text.split_once('\0').unwrap_or(("", text));
    text.parse::<OpenPgpCertificate>().is_ok()
        || own.verify(text).is_ok()
        || own.verify_file(file.as_bytes(), signature).is_ok()
}

#[test]
fn each_seed_of_the_fuzzer_is_read_or_refused_as_its_name_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/openpgp");
    let ours = ours();
    // Where the writer's form changes on purpose, the seeds are made anew by it.
    if std::env::var_os("SEEDS_ANEW").is_some() {
        fs::create_dir_all(&folder).expect("makes");
        for (name, text) in &ours {
            fs::write(folder.join(name), text).expect("writes");
        }
    }
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).expect("the seeds are in the tree") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        found.insert(name, fs::read_to_string(&path).expect("text"));
    }
    for (name, text) in &ours {
        assert_eq!(found.get(*name), Some(text), "{name}: SEEDS_ANEW=1 writes it");
    }
    for (name, text) in &found {
        assert_eq!(reads(text), name.starts_with("good-"), "{name}");
    }
}
