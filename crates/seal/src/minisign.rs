//! Signatures of files as minisign has them (<https://jedisct1.github.io/minisign/>): Ed25519 over the BLAKE2b-512 of the
//! file, and over the words that stand beside it. `minisign -V` checks what is signed here; `minisign -G` makes the keys.

use crate::{Error, Secret, SigningKey, VerifyingKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use blake2::{Blake2b512, Digest};
use std::{fmt, str::FromStr};

mod sealed;

/// A key or a signature has at most so many bytes.
pub const MINISIGN_BYTES_MAX: usize = 4096;
/// How signatures say that the file was hashed first.
const PREHASHED: &[u8; 2] = b"ED";
/// How keys say what they are.
const ED25519: &[u8; 2] = b"Ed";
const UNTRUSTED: &str = "untrusted comment: ";
const TRUSTED: &str = "trusted comment: ";

/// BLAKE2b-512 of what comes piece by piece.
#[derive(Clone, Default)]
pub struct Blake2b(Blake2b512);

impl Blake2b {
    /// Goes on with a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest.
    #[must_use]
    pub fn end(self) -> [u8; 64] {
        self.0.finalize().into()
    }
}

impl fmt::Debug for Blake2b {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blake2b(in progress)")
    }
}

/// A key that signs files.
#[derive(Debug)]
pub struct MinisignKey {
    id: [u8; 8],
    key: SigningKey,
}

/// What checks its signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinisignPublicKey {
    id: [u8; 8],
    key: VerifyingKey,
}

impl MinisignKey {
    /// Opens the file that `minisign -G` makes; `passphrase` is asked only where it is sealed.
    pub fn open(
        file: &str,
        passphrase: impl FnOnce() -> Option<Secret<String>>,
    ) -> Result<Self, Error> {
        let bytes = Secret::new(second_line(file)?);
        let (id, key) = sealed::open(bytes.expose(), passphrase)?;
        Ok(Self { id, key })
    }

    /// What is handed out.
    #[must_use]
    pub const fn public(&self) -> MinisignPublicKey {
        MinisignPublicKey { id: self.id, key: *self.key.verifying_key() }
    }

    /// The key itself, for what else is signed under the same name.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    /// The text beside a file with this digest. The words are one line, and are signed too.
    #[must_use]
    pub fn sign(&self, digest: &[u8; 64], words: &str) -> String {
        let words: String = words.chars().filter(|c| !c.is_control()).take(1024).collect();
        let signature = self.key.sign(digest);
        let of_all = self.key.sign(&[&signature[..], words.as_bytes()].concat());
        let line = STANDARD.encode([&PREHASHED[..], &self.id, &signature].concat());
        let whole = STANDARD.encode(of_all);
        format!("{UNTRUSTED}signed by Stockade's release\n{line}\n{TRUSTED}{words}\n{whole}\n")
    }
}

impl MinisignPublicKey {
    /// The words beside a file, if this key signed both.
    pub fn verify<'t>(&self, digest: &[u8; 64], signature: &'t str) -> Result<&'t str, Error> {
        let wrong = Error::Minisign { why: "no signature of a file that was hashed first" };
        let mut lines = signature.lines().skip(2);
        let words = lines.next().and_then(|line| line.strip_prefix(TRUSTED)).ok_or(wrong)?;
        let whole = lines.next().and_then(|line| STANDARD.decode(line).ok()).ok_or(wrong)?;
        let bytes = second_line(signature)?;
        let (kind, bytes) = bytes.split_first_chunk::<2>().ok_or(wrong)?;
        let (id, of_file) = bytes.split_first_chunk::<8>().ok_or(wrong)?;
        if kind != PREHASHED || of_file.len() != 64 {
            return Err(wrong);
        }
        if *id != self.id {
            return Err(Error::Minisign { why: "another key signed it" });
        }
        self.key.verify(digest, of_file)?;
        self.key.verify(&[of_file, words.as_bytes()].concat(), &whole)?;
        Ok(words)
    }

    /// The key itself.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Its number, as minisign prints it.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{:016X}", u64::from_le_bytes(self.id))
    }
}

/// One line of base64, as `minisign -P` takes it.
impl fmt::Display for MinisignPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode([&ED25519[..], &self.id, self.key.as_bytes()].concat()))
    }
}

/// That line, or the file of `minisign -G`.
impl FromStr for MinisignPublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = Error::Minisign { why: "no public key of minisign: it begins with RW" };
        let line = text.lines().map(str::trim).find(|line| line.starts_with("RW")).ok_or(wrong)?;
        let bytes = STANDARD.decode(line).map_err(|_| wrong)?;
        let (kind, bytes) = bytes.split_first_chunk::<2>().ok_or(wrong)?;
        let (id, key) = bytes.split_first_chunk::<8>().ok_or(wrong)?;
        if kind != ED25519 || text.len() > MINISIGN_BYTES_MAX {
            return Err(wrong);
        }
        Ok(Self { id: *id, key: VerifyingKey::from_bytes(key).map_err(|_| wrong)? })
    }
}

/// Every file has a comment first, and its bytes in the second line.
fn second_line(file: &str) -> Result<Vec<u8>, Error> {
    let wrong = Error::Minisign { why: "no file of minisign: its second line is base64" };
    if file.len() > MINISIGN_BYTES_MAX || !file.starts_with(UNTRUSTED) {
        return Err(wrong);
    }
    file.lines().nth(1).and_then(|line| STANDARD.decode(line).ok()).ok_or(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by minisign 0.11 on a machine with little memory, under `horse staple`; it signs nothing.
    const SEALED: &str = "untrusted comment: minisign encrypted secret key\n\
        RWRTY0IyR8d56kgYoqsqilXv8HMJ4kmbgDrvvLqCyM4JohxRAQwAAEAAAAAAAAAAAAgAAAAAqKrSitYrdV+MHOP2CIWffQgp\
        KW0N9C/wOZR/KIUtKP/oD7s1vcDUJfn/TWcosEfzfteWtdo3tA6XoYoLykXGk4q62mIKW5if+GPWoDtEdkygH7I6p2Y3Q7tP\
        hTob0B82nOxJooeYSrs=\n";
    const PUBLIC: &str = "RWRN4AFaQ/oJpoxvDeytoHFLDaFmjMDbvyez3nQj4FzC0/6tpf8IdC3i";

    fn digest(file: &[u8]) -> [u8; 64] {
        let mut hash = Blake2b::default();
        hash.add(file);
        hash.end()
    }

    fn passphrase(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_key_that_minisign_sealed_opens_with_its_passphrase_and_no_other() {
        let key = MinisignKey::open(SEALED, || Some(passphrase("horse staple"))).expect("opens");
        assert_eq!(key.public().to_string(), PUBLIC);
        assert_eq!(PUBLIC.parse(), Ok(key.public()));
        assert_eq!(key.public().id(), "A609FA435A01E04D");
        let why = |error| matches!(error, Error::Minisign { why } if why.contains("passphrase"));
        assert!(why(MinisignKey::open(SEALED, || Some(passphrase("horse"))).expect_err("refused")));
        assert!(why(MinisignKey::open(SEALED, || None).expect_err("refused")));
        let signed = key.sign(&digest(b"a file"), "version 1\nfile x");
        let check = |file: &[u8], text: &str| key.public().verify(&digest(file), text).map(drop);
        assert_eq!(key.public().verify(&digest(b"a file"), &signed), Ok("version 1file x"));
        assert_eq!(check(b"another", &signed), Err(Error::Signature));
        assert_eq!(
            check(b"a file", &signed.replace("version 1", "version 2")),
            Err(Error::Signature)
        );
        for lame in [signed.replace("trusted comment: v", "v"), String::new(), "a\nb\n".to_owned()]
        {
            assert!(matches!(check(b"a file", &lame), Err(Error::Minisign { .. })), "{lame}");
        }
    }

    #[test]
    fn blake2b_as_in_rfc_7693() {
        assert_eq!(
            hex::encode(digest(b"abc")),
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1\
             7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
        );
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "RW", "RWRN4AFaQ", &PUBLIC.replace("RWRN", "RURN"), SEALED] {
            assert!(text.parse::<MinisignPublicKey>().is_err(), "{text}");
        }
        for text in [
            "",
            PUBLIC,
            "untrusted comment: x\nRWRTY0Iy\n",
            &SEALED.replace("RWRTY0Iy", "RWRTY0Ix"),
        ] {
            assert!(
                MinisignKey::open(text, || Some(passphrase("horse staple"))).is_err(),
                "{text}"
            );
        }
        // Costs that no machine pays are refused before they are paid.
        let mut dear = second_line(SEALED).expect("bytes");
        dear.splice(38..54, [0xff; 16]);
        let dear = format!("{UNTRUSTED}x\n{}\n", STANDARD.encode(dear));
        assert!(MinisignKey::open(&dear, || Some(passphrase("horse staple"))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~\n]{0,300}", bytes in proptest::collection::vec(0_u8.., 0..200)) {
            let framed = format!("{UNTRUSTED}x\n{}\n{TRUSTED}y\n{text}", STANDARD.encode(&bytes));
            let public: MinisignPublicKey = PUBLIC.parse().expect("a key");
            for text in [&text, &framed] {
                proptest::prop_assert!(public.verify(&[0; 64], text).is_err());
                proptest::prop_assert!(MinisignKey::open(text, || None).is_err());
                let _ = text.parse::<MinisignPublicKey>();
            }
        }
    }
}
