//! Small texts sealed to public keys, in the file format of age (<https://age-encryption.org/v1>): whoever
//! seals cannot open, and the `age` tool opens what this seals.
//!
//! Only X25519 recipients, and only what fits into one chunk of the format's payload.

use crate::{Entropy, Error, Secret, equal, hkdf_sha256, hmac_sha256, random};
use aws_lc_rs::{aead, agreement};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

mod armour;
mod bech32;

pub use armour::{age_armour, age_file};

const VERSION: &str = "age-encryption.org/v1";
const STANZA: &str = "-> X25519 ";
const LABEL: &[u8] = b"age-encryption.org/v1/X25519";
const RECIPIENT: &str = "age";
const IDENTITY: &str = "age-secret-key-";
/// The format's chunk: a longer text would need a second one.
pub const AGE_BYTES_MAX: usize = 64 * 1024;
/// The stanzas of a file, at most.
const STANZAS_MAX: usize = 32;
/// The last chunk of a payload, which is also the first: its number, and the mark of the end.
const LAST_CHUNK: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// Whom something is sealed to: `age1…`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AgeRecipient([u8; 32]);

/// Who opens it: `AGE-SECRET-KEY-1…`.
#[derive(Debug, Clone)]
pub struct AgeIdentity(Secret<[u8; 32]>);

impl AgeIdentity {
    /// A new one.
    #[must_use]
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(Secret::new(random(entropy)))
    }

    /// What is sealed to so that this one opens it.
    #[must_use]
    pub fn recipient(&self) -> AgeRecipient {
        AgeRecipient(public(self.0.expose()))
    }

    /// The identity in the first line of a file that is no remark.
    pub fn from_file(text: &str) -> Result<Self, Error> {
        let lines = text.lines().map(str::trim);
        let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = lines.next().ok_or(Error::AgeKey)?;
        let bytes = bech32::decode(IDENTITY, line).ok_or(Error::AgeKey)?;
        Ok(Self(Secret::new(bytes)))
    }

    /// A file for it, as `age-keygen` writes one.
    #[must_use]
    pub fn to_file(&self) -> Zeroizing<String> {
        let key = Zeroizing::new(bech32::encode(IDENTITY, self.0.expose()).to_uppercase());
        Zeroizing::new(format!("# public key: {}\n{}\n", self.recipient(), *key))
    }

    /// Opens what was sealed to it.
    pub fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
        let file = File::parse(sealed).ok_or(Error::AgeFile)?;
        let key = file.stanzas.iter().find_map(|stanza| self.file_key(stanza));
        let key = key.ok_or(Error::AgeRecipient)?;
        if !equal(&mac(&key, file.header), &file.mac) {
            return Err(Error::Forged);
        }
        let (nonce, chunk) = file.payload.split_at_checked(16).ok_or(Error::AgeFile)?;
        let payload_key = hkdf_sha256::<32>(key.as_slice(), nonce, b"payload");
        chacha(&payload_key, &LAST_CHUNK).open(chunk)
    }

    /// The key of the file, if the stanza is for this identity.
    fn file_key(&self, stanza: &Stanza) -> Option<Zeroizing<[u8; 16]>> {
        let wrapping =
            wrapping(self.0.expose(), &stanza.share, (&stanza.share, &self.recipient()))?;
        let key = chacha(&wrapping, &[0; 12]).open(&stanza.wrapped).ok()?;
        key.expose().as_slice().try_into().ok().map(Zeroizing::new)
    }
}

impl AgeRecipient {
    /// Seals to all of these; each of them opens it alone.
    pub fn seal(
        recipients: &[Self],
        plaintext: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Result<Vec<u8>, Error> {
        if plaintext.len() > AGE_BYTES_MAX || recipients.len() > STANZAS_MAX {
            return Err(Error::AgeFile);
        }
        let key = Zeroizing::new(random::<16>(entropy));
        let mut header = format!("{VERSION}\n");
        for recipient in recipients {
            let ephemeral = Zeroizing::new(random::<32>(entropy));
            let share = public(&ephemeral);
            let wrapping = wrapping(&ephemeral, &recipient.0, (&share, recipient));
            let wrapped = chacha(&wrapping.ok_or(Error::AgeKey)?, &[0; 12]).seal(key.as_slice());
            let (share, wrapped) = (BASE64.encode(share), BASE64.encode(wrapped));
            header.push_str(&format!("{STANZA}{share}\n{wrapped}\n"));
        }
        header.push_str("---");
        let mac = BASE64.encode(mac(&key, header.as_bytes()));
        let nonce: [u8; 16] = random(entropy);
        let payload_key = hkdf_sha256::<32>(key.as_slice(), &nonce, b"payload");
        let chunk = chacha(&payload_key, &LAST_CHUNK).seal(plaintext);
        Ok([header.as_bytes(), b" ", mac.as_bytes(), b"\n", &nonce, &chunk].concat())
    }
}

impl FromStr for AgeRecipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let key = bech32::decode(RECIPIENT, text.trim()).map(Self).ok_or(Error::AgeKey)?;
        // A point of small order would give everybody the same secret.
        wrapping(&[1; 32], &key.0, (&key.0, &key)).map(|_| key).ok_or(Error::AgeKey)
    }
}

impl AgeRecipient {
    /// The point itself, for those who seal without a reader of its text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for AgeRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bech32::encode(RECIPIENT, &self.0))
    }
}

impl fmt::Debug for AgeRecipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgeRecipient({self})")
    }
}

/// What one recipient needs.
struct Stanza {
    share: [u8; 32],
    wrapped: Vec<u8>,
}

/// A file, taken apart.
struct File<'a> {
    stanzas: Vec<Stanza>,
    /// What the code of the header is over.
    header: &'a [u8],
    mac: [u8; 32],
    payload: &'a [u8],
}

impl<'a> File<'a> {
    fn parse(sealed: &'a [u8]) -> Option<Self> {
        let mut rest = sealed;
        if line(&mut rest)? != VERSION {
            return None;
        }
        let mut stanzas = Vec::new();
        loop {
            let head = line(&mut rest)?;
            if let Some(mac) = head.strip_prefix("--- ") {
                let mac = BASE64.decode(mac).ok()?.try_into().ok()?;
                let end = sealed.len() - rest.len() - head.len() - 1 + 3;
                return Some(Self { stanzas, header: sealed.get(..end)?, mac, payload: rest });
            }
            // Recipients of other kinds have stanzas too; theirs are passed over.
            let mut body = String::new();
            loop {
                let part = line(&mut rest)?;
                body.push_str(part);
                if part.len() < 64 {
                    break;
                }
            }
            if let Some(share) = head.strip_prefix(STANZA) {
                let share = BASE64.decode(share).ok()?.try_into().ok()?;
                stanzas.push(Stanza { share, wrapped: BASE64.decode(body).ok()? });
            }
            if stanzas.len() > STANZAS_MAX {
                return None;
            }
        }
    }
}

/// The next line of a header.
fn line<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let end = rest.iter().take(1 << 10).position(|byte| *byte == b'\n')?;
    let (line, tail) = rest.split_at(end);
    *rest = tail.get(1..)?;
    std::str::from_utf8(line).ok()
}

fn private(secret: &[u8; 32]) -> agreement::PrivateKey {
    agreement::PrivateKey::from_private_key(&agreement::X25519, secret)
        .expect("every 32 bytes are an X25519 key")
}

fn public(secret: &[u8; 32]) -> [u8; 32] {
    let public = private(secret).compute_public_key().expect("a private key has a public one");
    public.as_ref().try_into().expect("32 bytes")
}

/// The key that wraps the file's key: X25519 (RFC 7748), then HKDF over share and recipient; none where the
/// other side's point is of small order.
fn wrapping(
    secret: &[u8; 32],
    peer: &[u8; 32],
    (share, recipient): (&[u8; 32], &AgeRecipient),
) -> Option<Secret<[u8; 32]>> {
    let peer = agreement::UnparsedPublicKey::new(&agreement::X25519, peer);
    let salt = [share.as_slice(), recipient.0.as_slice()].concat();
    agreement::agree(&private(secret), peer, (), |shared| Ok(hkdf_sha256(shared, &salt, LABEL)))
        .ok()
}

/// The code over a header, up to and with its three dashes.
fn mac(key: &[u8; 16], header: &[u8]) -> [u8; 32] {
    hmac_sha256(hkdf_sha256::<32>(key, b"", b"header").expose(), header)
}

/// `ChaCha20-Poly1305` (RFC 8439) for one message.
struct Once {
    key: aead::LessSafeKey,
    nonce: [u8; 12],
}

fn chacha(key: &Secret<[u8; 32]>, nonce: &[u8; 12]) -> Once {
    let key = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, key.expose())
        .expect("ChaCha20-Poly1305 takes 32 bytes");
    Once { key: aead::LessSafeKey::new(key), nonce: *nonce }
}

impl Once {
    fn nonce(&self) -> aead::Nonce {
        aead::Nonce::assume_unique_for_key(self.nonce)
    }

    fn seal(self, plaintext: &[u8]) -> Vec<u8> {
        let mut out = plaintext.to_vec();
        self.key
            .seal_in_place_append_tag(self.nonce(), aead::Aad::empty(), &mut out)
            .expect("a chunk is short");
        out
    }

    fn open(self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let opened = self.key.open_in_place(self.nonce(), aead::Aad::empty(), &mut buffer);
        opened.map(|plain| Secret::new(plain.to_vec())).map_err(|_| Error::Forged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;
    use proptest::prelude::*;

    fn sealed(to: &[AgeRecipient], text: &[u8]) -> Vec<u8> {
        AgeRecipient::seal(to, text, &mut SeededEntropy::new(9)).expect("seals")
    }

    #[test]
    fn each_recipient_opens_it_alone_and_nobody_else_does() {
        let mut entropy = SeededEntropy::new(1);
        let [one, two, other] = [(); 3].map(|()| AgeIdentity::generate(&mut entropy));
        let file = sealed(&[one.recipient(), two.recipient()], b"hunter2");
        for identity in [&one, &two] {
            assert_eq!(identity.open(&file).expect("opens").expose(), b"hunter2");
            let again = AgeIdentity::from_file(&identity.to_file()).expect("its own file");
            assert_eq!(again.recipient(), identity.recipient());
            let named: AgeRecipient = identity.recipient().to_string().parse().expect("parses");
            assert_eq!(named, identity.recipient());
        }
        assert_eq!(other.open(&file).expect_err("not theirs"), Error::AgeRecipient);
    }

    #[test]
    fn a_flipped_byte_anywhere_is_found() {
        let one = AgeIdentity::generate(&mut SeededEntropy::new(1));
        let file = sealed(&[one.recipient()], b"hunter2");
        for at in 0..file.len() {
            let mut flipped = file.clone();
            flipped[at] ^= 1;
            assert!(one.open(&flipped).is_err(), "byte {at}");
            assert!(one.open(&file[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let check = |text: &str| {
            assert_eq!(text.parse::<AgeRecipient>().expect_err(text), Error::AgeKey, "{text}");
        };
        check("");
        check("age1");
        // One character of the README's recipient is another.
        check("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q");
        check(&bech32::encode("age", &[0; 32]));
        assert!(
            "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
                .parse::<AgeRecipient>()
                .is_ok()
        );
    }

    proptest! {
        #[test]
        fn whatever_is_sealed_opens(text in prop::collection::vec(any::<u8>(), 0..300), seed: u64) {
            let one = AgeIdentity::generate(&mut SeededEntropy::new(seed));
            let file = sealed(&[one.recipient()], &text);
            let opened = one.open(&file).expect("opens");
            prop_assert_eq!(opened.expose(), &text);
        }
    }
}
