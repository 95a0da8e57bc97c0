//! Sealing to a public key whose private half is elsewhere: HPKE (RFC 9180) in its base mode, with
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, one message a key.

use crate::{
    Entropy, Error, Secret,
    hash::{hmac_sha256, sha256},
    random,
};
use aws_lc_rs::{
    aead::{self, LessSafeKey, UnboundKey},
    agreement::{PrivateKey, UnparsedPublicKey, X25519, agree},
};
use std::{
    fmt::{self, Write as _},
    str::FromStr,
};
use zeroize::{Zeroize, Zeroizing};

const VERSION: &[u8] = b"HPKE-v1";
const KEM: &[u8] = b"KEM\x00\x20";
const POINT_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// In front of the text of a public half.
const PUBLIC: &str = "stockade-recipient-";
/// In front of the text of a private half.
const PRIVATE: &str = "stockade-identity-";

/// Who a message is sealed to: the public half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Recipient([u8; POINT_BYTES]);

/// Who opens what was sealed to them: the private half.
pub struct Identity(Secret<[u8; POINT_BYTES]>);

/// The AEAD of a suite. Only one is used; the published examples need another.
#[derive(Clone, Copy)]
struct Aead {
    id: u8,
    algorithm: &'static aead::Algorithm,
}

const AES_256_GCM: Aead = Aead { id: 2, algorithm: &aead::AES_256_GCM };

impl Recipient {
    /// The encapsulated key, the ciphertext and the tag; opens with the same `info` and `aad` only.
    pub fn seal(
        &self,
        (info, aad): (&[u8], &[u8]),
        plaintext: &[u8],
        entropy: &mut (impl Entropy + ?Sized),
    ) -> Result<Vec<u8>, Error> {
        let ephemeral = Identity::generate(entropy);
        self.seal_from(&ephemeral, AES_256_GCM, (info, aad), plaintext)
    }

    fn seal_from(
        &self,
        ephemeral: &Identity,
        suite: Aead,
        (info, aad): (&[u8], &[u8]),
        plaintext: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let encapsulated = ephemeral.recipient();
        let shared = ephemeral.shared(self, &encapsulated, self)?;
        let (key, nonce) = schedule(&shared, suite, info);
        let mut buffer = plaintext.to_vec();
        key.seal_in_place_append_tag(nonce, aead::Aad::from(aad), &mut buffer)
            .map_err(|_| Error::Forged)?;
        let mut out = encapsulated.0.to_vec();
        out.append(&mut buffer);
        Ok(out)
    }
}

impl Identity {
    /// A new one.
    #[must_use]
    pub fn generate(entropy: &mut (impl Entropy + ?Sized)) -> Self {
        Self(Secret::new(random(entropy)))
    }

    /// The public half.
    #[must_use]
    pub fn recipient(&self) -> Recipient {
        let public = self.private().compute_public_key().expect("a private key has a public half");
        let point = public.as_ref().try_into().expect("a public key of X25519 has 32 bytes");
        Recipient(point)
    }

    /// The plaintext, if it was sealed to this identity with the same `info` and `aad`.
    pub fn open(
        &self,
        (info, aad): (&[u8], &[u8]),
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, Error> {
        self.open_with(AES_256_GCM, (info, aad), sealed)
    }

    fn open_with(
        &self,
        suite: Aead,
        (info, aad): (&[u8], &[u8]),
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, Error> {
        let needed = POINT_BYTES + TAG_BYTES;
        let truncated = || Error::Truncated { found: sealed.len(), needed };
        let (point, sealed) = sealed.split_first_chunk().ok_or_else(truncated)?;
        if sealed.len() < TAG_BYTES {
            return Err(truncated());
        }
        let encapsulated = Recipient(*point);
        let shared = self.shared(&encapsulated, &encapsulated, &self.recipient())?;
        let (key, nonce) = schedule(&shared, suite, info);
        let mut buffer = sealed.to_vec();
        let opened = key.open_in_place(nonce, aead::Aad::from(aad), &mut buffer);
        let Ok(length) = opened.map(|plaintext| plaintext.len()) else {
            buffer.zeroize();
            return Err(Error::Forged);
        };
        buffer.truncate(length);
        Ok(Secret::new(buffer))
    }

    /// To be kept offline, in one line; [`Identity::from_str`] reads it.
    #[must_use]
    pub fn to_text(&self) -> Secret<String> {
        Secret::new(text(PRIVATE, self.0.expose()))
    }

    fn private(&self) -> PrivateKey {
        PrivateKey::from_private_key(&X25519, self.0.expose())
            .expect("every 32 bytes are a private key of X25519")
    }

    /// `ExtractAndExpand` (RFC 9180 §4.1) of the Diffie-Hellman result with `other`.
    fn shared(
        &self,
        other: &Recipient,
        encapsulated: &Recipient,
        recipient: &Recipient,
    ) -> Result<Secret<[u8; 32]>, Error> {
        let context = [encapsulated.0, recipient.0].concat();
        let point = UnparsedPublicKey::new(&X25519, &other.0);
        // A point of low order gives nothing but zeros, and is refused there.
        agree(&self.private(), point, Error::Forged, |secret| {
            let extracted = extract(KEM, b"", b"eae_prk", secret);
            Ok(expand(KEM, &extracted, b"shared_secret", &context))
        })
    }
}

/// `KeySchedule` (RFC 9180 §5.1) of the base mode: the key, and the nonce of the first message.
fn schedule(shared: &Secret<[u8; 32]>, suite: Aead, info: &[u8]) -> (LessSafeKey, aead::Nonce) {
    let name = [&b"HPKE\x00\x20\x00\x01\x00"[..], &[suite.id]].concat();
    let mut context = vec![0];
    context.extend_from_slice(extract(&name, b"", b"psk_id_hash", b"").expose());
    context.extend_from_slice(extract(&name, b"", b"info_hash", info).expose());
    let secret = extract(&name, shared.expose(), b"secret", b"");
    let mut key = Zeroizing::new([0; 32]);
    let key = key.get_mut(..suite.algorithm.key_len()).expect("no key is longer than 32 bytes");
    expand_into(&name, &secret, (b"key", &context), key);
    let unbound = UnboundKey::new(suite.algorithm, key).expect("the key has its length");
    let mut nonce = [0; aead::NONCE_LEN];
    expand_into(&name, &secret, (b"base_nonce", &context), &mut nonce);
    (LessSafeKey::new(unbound), aead::Nonce::assume_unique_for_key(nonce))
}

/// `LabeledExtract` (RFC 9180 §4).
fn extract(suite: &[u8], salt: &[u8], label: &[u8], material: &[u8]) -> Secret<[u8; 32]> {
    let labelled = Zeroizing::new([VERSION, suite, label, material].concat());
    Secret::new(hmac_sha256(salt, &labelled))
}

/// `LabeledExpand` (RFC 9180 §4) to 32 bytes.
fn expand(suite: &[u8], secret: &Secret<[u8; 32]>, label: &[u8], info: &[u8]) -> Secret<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    expand_into(suite, secret, (label, info), out.as_mut());
    Secret::new(*out)
}

/// As much as `out` holds, which is no more than one block.
fn expand_into(
    suite: &[u8],
    secret: &Secret<[u8; 32]>,
    (label, info): (&[u8], &[u8]),
    out: &mut [u8],
) {
    let length = u16::try_from(out.len()).expect("at most 32 bytes").to_be_bytes();
    let labelled = [&length, VERSION, suite, label, info, &[1]].concat();
    let block = Zeroizing::new(hmac_sha256(secret.expose(), &labelled));
    out.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = *from);
}

/// Sixty-four digits, and eight more that show a slip of the pen.
fn text(kind: &str, bytes: &[u8; POINT_BYTES]) -> String {
    let body = format!("{kind}{}", digits(bytes));
    let check = sha256(body.as_bytes());
    format!("{body}{}", digits(check.get(..4).unwrap_or_default()))
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The 32 bytes of such a text.
fn parse(kind: &'static str, given: &str) -> Option<Zeroizing<[u8; POINT_BYTES]>> {
    let body = given.trim().strip_prefix(kind)?.as_bytes();
    let mut bytes = Zeroizing::new([0; POINT_BYTES]);
    for (byte, pair) in bytes.iter_mut().zip(body.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let whole = Zeroizing::new(text(kind, &bytes));
    crate::equal(whole.as_bytes(), given.trim().as_bytes()).then_some(bytes)
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        parse(PUBLIC, given).map(|bytes| Self(*bytes)).ok_or(Error::KeyText { begins: PUBLIC })
    }
}

impl FromStr for Identity {
    type Err = Error;

    fn from_str(given: &str) -> Result<Self, Error> {
        let bytes = parse(PRIVATE, given).ok_or(Error::KeyText { begins: PRIVATE })?;
        Ok(Self(Secret::new(*bytes)))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text(PUBLIC, &self.0))
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.recipient())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    const HERE: (&[u8], &[u8]) = (b"info", b"aad");

    fn unhex<const N: usize>(digits: &str) -> [u8; N] {
        hex::decode(digits).expect("hex").try_into().expect("its length")
    }

    #[test]
    fn base_mode_as_in_rfc_9180_a_1_1() {
        let suite = Aead { id: 1, algorithm: &aead::AES_128_GCM };
        let identity = |digits: &str| Identity(Secret::new(unhex(digits)));
        let ephemeral =
            identity("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736");
        let own = identity("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8");
        let recipient = own.recipient();
        assert_eq!(
            hex::encode(recipient.0),
            "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d"
        );
        let shared = ephemeral.shared(&recipient, &ephemeral.recipient(), &recipient);
        assert_eq!(
            hex::encode(shared.expect("a point").expose()),
            "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc"
        );
        let info = hex::decode("4f6465206f6e2061204772656369616e2055726e").expect("hex");
        let sealed = recipient
            .seal_from(&ephemeral, suite, (&info, b"Count-0"), b"Beauty is truth, truth beauty")
            .expect("sealed");
        assert_eq!(
            hex::encode(&sealed),
            "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431\
             f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
        );
        let opened = own.open_with(suite, (&info, b"Count-0"), &sealed).expect("its own");
        assert_eq!(opened.expose(), b"Beauty is truth, truth beauty");
    }

    #[test]
    fn what_is_sealed_opens_for_its_recipient_and_its_place_alone() {
        let mut entropy = SeededEntropy::new(1);
        let (own, other) = (Identity::generate(&mut entropy), Identity::generate(&mut entropy));
        let sealed = own.recipient().seal(HERE, b"key", &mut entropy).expect("sealed");
        assert_eq!(own.open(HERE, &sealed).expect("its own").expose(), b"key");
        assert_eq!(other.open(HERE, &sealed).err(), Some(Error::Forged));
        assert_eq!(own.open((b"info", b"other"), &sealed).err(), Some(Error::Forged));
        assert_eq!(own.open((b"other", b"aad"), &sealed).err(), Some(Error::Forged));
        for length in 0..sealed.len() {
            assert!(own.open(HERE, &sealed[..length]).is_err(), "cut to {length}");
        }
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            // The curve ignores the last bit of a point; what follows from it does not.
            assert!(own.open(HERE, &bent).is_err(), "byte {at}");
        }
        let nobody = Recipient([0; 32]);
        assert_eq!(nobody.seal(HERE, b"key", &mut entropy).err(), Some(Error::Forged));
    }

    #[test]
    fn halves_are_written_down_and_read_again() {
        let identity = Identity::generate(&mut SeededEntropy::new(2));
        let (public, private) = (identity.recipient().to_string(), identity.to_text());
        assert_eq!(public.parse(), Ok(identity.recipient()));
        let again: Identity = format!("{}\n", private.expose()).parse().expect("its own text");
        assert_eq!(again.recipient(), identity.recipient());
        let refused = |text: &str| assert!(text.parse::<Recipient>().is_err(), "{text}");
        refused(private.expose());
        refused(&public[..public.len() - 1]);
        refused(&public.to_uppercase());
        let digit = if public.ends_with('0') { "1" } else { "0" };
        refused(&[&public[..public.len() - 1], digit].concat());
        refused("");
        assert!(!format!("{identity:?}").contains(&private.expose()[18..40]));
    }
}
