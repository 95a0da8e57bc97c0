//! Keys and signed texts as `security.txt` and its key come: read or refused, and what is read says what was signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seal::{OpenPgpCertificate, OpenPgpKey, Secret, SigningKey};

/// The key that the corpus is signed by.
fn key() -> OpenPgpKey {
    OpenPgpKey::new(SigningKey::from_seed(&Secret::new([7; 32])), 1_767_225_600, "fuzz")
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = key();
    let own = key.certificate();
    if let Ok(read) = text.parse::<OpenPgpCertificate>() {
        // A certificate's number follows from its key and its date: one that reads has one, and shows no control.
        assert_eq!(read.fingerprint().len(), 40);
        assert!(!read.name().contains(char::is_control));
    }
    if let Ok(signed) = own.verify(text) {
        // What was signed is what comes back: signed again by the same key at the same time it is the same text.
        let again = own.verify(&key.sign(&signed.text, signed.signed_at)).expect("its own form");
        assert_eq!(again, signed);
    }
    // A signature that lies beside a file fits that file alone.
    let (file, signature) = text.split_once('\0').unwrap_or(("", text));
    if own.verify_file(file.as_bytes(), signature).is_ok() {
        let other = format!("{file}.");
        assert!(own.verify_file(other.as_bytes(), signature).is_err());
    }
});
