//! Texts signed in the clear as `OpenPGP` has it (RFC 9580): anybody reads them without a program, and `gpg` checks
//! them.
//!
//! One kind of key (version 4, Ed25519 as every `gpg` since 2.1 knows it), one digest (SHA-256), one form of
//! signature. There is no key ring and no trust: whoever verifies says by which certificate.

use crate::{Error, SigningKey, VerifyingKey, sha1, sha256};
use std::{fmt, str::FromStr};

mod armour;
mod packet;

use packet::{Packet, Reader, Signature};

/// A signed text, and a certificate, have at most so many bytes.
pub const OPENPGP_BYTES_MAX: usize = 64 * 1024;
const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const CERTIFICATE: &str = "PUBLIC KEY BLOCK";
const SIGNATURE: &str = "SIGNATURE";
/// Over bytes as they are.
const OF_BYTES: u8 = 0x00;
/// Over a text whose lines end in CR LF, without blanks at their ends.
const OF_TEXT: u8 = 0x01;
/// Of a name, by the key itself.
const OF_NAME: u8 = 0x13;
/// What the key may do: certify its own name, and sign.
const CERTIFY_AND_SIGN: u8 = 0x03;

/// A key that signs texts.
#[derive(Debug)]
pub struct OpenPgpKey {
    key: SigningKey,
    certificate: OpenPgpCertificate,
}

/// Its public half: what is published, and what checks a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpCertificate {
    key: VerifyingKey,
    created: u32,
    name: String,
}

/// A text that a certificate's key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPgpText {
    /// The text, its lines ended by LF.
    pub text: String,
    /// When it was signed, in seconds since 1970, by the signer's clock.
    pub signed_at: u32,
}

impl OpenPgpKey {
    /// A key under a name; the moment of its making is a part of its fingerprint.
    #[must_use]
    pub fn new(key: SigningKey, created: u32, name: &str) -> Self {
        let name = name.chars().filter(|c| !c.is_control()).take(200).collect();
        let certificate = OpenPgpCertificate { key: *key.verifying_key(), created, name };
        Self { key, certificate }
    }

    /// What checks its signatures.
    #[must_use]
    pub const fn certificate(&self) -> &OpenPgpCertificate {
        &self.certificate
    }

    /// The certificate as it is published: key, name, and the key's word for the name.
    #[must_use]
    pub fn published(&self) -> String {
        let certificate = &self.certificate;
        let flags = packet::subpacket(27, &[CERTIFY_AND_SIGN]);
        let signature = self.signature(OF_NAME, certificate.created, &flags, &certificate.named());
        let packets = [
            packet::packet(Packet::PUBLIC_KEY, &certificate.body()),
            packet::packet(Packet::USER_ID, certificate.name.as_bytes()),
            packet::packet(Packet::SIGNATURE, &signature),
        ];
        armour::enclose(CERTIFICATE, &packets.concat())
    }

    /// The text, signed in the clear. Blanks at the ends of lines are not part of what is signed.
    #[must_use]
    pub fn sign(&self, text: &str, at: u32) -> String {
        let signature = self.signature(OF_TEXT, at, &[], canonical(text).as_bytes());
        let packet = packet::packet(Packet::SIGNATURE, &signature);
        let mut lines = String::new();
        for line in text.lines() {
            lines += if line.starts_with('-') { "- " } else { "" };
            lines += line;
            lines.push('\n');
        }
        format!("{SIGNED}\nHash: SHA256\n\n{lines}{}", armour::enclose(SIGNATURE, &packet))
    }

    /// A signature of a file, to lie beside it: `gpg --verify FILE.asc FILE`.
    #[must_use]
    pub fn sign_file(&self, bytes: &[u8], at: u32) -> String {
        let signature = self.signature(OF_BYTES, at, &[], bytes);
        armour::enclose(SIGNATURE, &packet::packet(Packet::SIGNATURE, &signature))
    }

    /// The body of a signature packet.
    fn signature(&self, kind: u8, at: u32, more: &[u8], over: &[u8]) -> Vec<u8> {
        let fingerprint = self.certificate.fingerprint_bytes();
        let issuer = [[4].as_slice(), &fingerprint].concat();
        let hashed = [
            packet::subpacket(2, &at.to_be_bytes()).as_slice(),
            &packet::subpacket(33, &issuer),
            more,
        ]
        .concat();
        let head = packet::signature_head(kind, &hashed);
        let digest = sha256(&[over, &head, &packet::trailer(head.len())].concat());
        let id = fingerprint.get(12..).unwrap_or_default();
        packet::signature(&head, &packet::subpacket(16, id), &digest, &self.key.sign(&digest))
    }
}

impl OpenPgpCertificate {
    /// The fingerprint, as `gpg` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digits = |byte: &u8| [byte >> 4, byte & 0xf].map(u32::from);
        let digit = |digit| char::from_digit(digit, 16).unwrap_or('0').to_ascii_uppercase();
        self.fingerprint_bytes().iter().flat_map(digits).map(digit).collect()
    }

    /// Whose it says that it is. Nobody but the key vouches for that.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text inside, if this key signed all that is there, and nothing stands before or behind it.
    pub fn verify(&self, signed: &str) -> Result<OpenPgpText, Error> {
        let (text, signature) = taken_apart(signed)?;
        let signed_at = self.opened(signature, OF_TEXT, canonical(&text).as_bytes())?;
        Ok(OpenPgpText { text, signed_at })
    }

    /// When this key signed a file, by the signature that lies beside it.
    pub fn verify_file(&self, bytes: &[u8], signature: &str) -> Result<u32, Error> {
        self.opened(signature.trim_end(), OF_BYTES, bytes)
    }

    /// When this key made the one signature of an armour.
    fn opened(&self, armour: &str, kind: u8, over: &[u8]) -> Result<u32, Error> {
        let signature = armour::open(SIGNATURE, armour)?;
        let mut packets = Reader::new(&signature);
        let packet = packets.packet()?;
        if packet.tag != Packet::SIGNATURE || !packets.is_empty() {
            return Err(wrong("one signature is expected, and nothing beside it"));
        }
        Ok(self.checked(packet.body, kind, over)?.made_at)
    }

    /// A signature of this key over these bytes.
    fn checked<'a>(&self, body: &'a [u8], kind: u8, over: &[u8]) -> Result<Signature<'a>, Error> {
        let signature = Signature::parse(body)?;
        if signature.kind != kind {
            return Err(wrong("the signature is of another kind"));
        }
        if signature.issuer != self.fingerprint_bytes() {
            return Err(wrong("another key signed"));
        }
        let parts = [over, signature.head, &packet::trailer(signature.head.len())];
        let digest = sha256(&parts.concat());
        self.key.verify(&digest, &signature.value)?;
        Ok(signature)
    }

    fn fingerprint_bytes(&self) -> [u8; 20] {
        let body = self.body();
        sha1(&[packet::short(0x99, body.len()).as_slice(), &body].concat())
    }

    fn body(&self) -> Vec<u8> {
        packet::public_key(self.created, self.key.as_bytes())
    }

    /// What a signature of the name is over.
    fn named(&self) -> Vec<u8> {
        let body = self.body();
        let length = u32::try_from(self.name.len()).unwrap_or(0).to_be_bytes();
        let key = packet::short(0x99, body.len());
        [key.as_slice(), &body, &[0xb4], &length, self.name.as_bytes()].concat()
    }
}

impl FromStr for OpenPgpCertificate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = armour::open(CERTIFICATE, text.trim())?;
        let mut packets = Reader::new(&bytes);
        let expected = |packets: &mut Reader<'_>, tag| {
            let packet = packets.packet()?;
            if packet.tag != tag {
                return Err(wrong("a key, its name and its signature are expected"));
            }
            Ok(packet.body.to_vec())
        };
        let key = expected(&mut packets, Packet::PUBLIC_KEY)?;
        let name = expected(&mut packets, Packet::USER_ID)?;
        let signature = expected(&mut packets, Packet::SIGNATURE)?;
        let name = String::from_utf8(name).map_err(|_| wrong("the name is no UTF-8"))?;
        if name.contains(char::is_control) {
            return Err(wrong("the name holds a control character"));
        }
        let (created, point) = packet::read_public_key(&key)?;
        let found = Self { key: VerifyingKey::from_bytes(&point)?, created, name };
        found.checked(&signature, OF_NAME, &found.named())?;
        Ok(found)
    }
}

impl fmt::Display for OpenPgpCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

pub(crate) const fn wrong(why: &'static str) -> Error {
    Error::OpenPgp { why }
}

/// Lines without blanks at their ends, with CR LF between them and none behind the last.
fn canonical(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches([' ', '\t'])).collect();
    lines.join("\r\n")
}

/// The text, and what is left for the armour of its signature.
fn taken_apart(signed: &str) -> Result<(String, &str), Error> {
    if signed.len() > OPENPGP_BYTES_MAX {
        return Err(wrong("it is too long"));
    }
    let mut rest = signed;
    let mut next = || {
        let (line, tail) = rest.split_once('\n')?;
        let before = rest;
        rest = tail;
        Some((line.trim_end_matches('\r'), before))
    };
    let cut = || wrong("it is no text signed in the clear, or is cut off");
    if next().ok_or_else(cut)?.0 != SIGNED {
        return Err(cut());
    }
    loop {
        match next().ok_or_else(cut)?.0 {
            "" => break,
            "Hash: SHA256" => {}
            _ => return Err(wrong("a header of it is not Hash: SHA256")),
        }
    }
    let mut text = String::new();
    loop {
        let (line, before) = next().ok_or_else(cut)?;
        if line == "-----BEGIN PGP SIGNATURE-----" {
            return Ok((text, before.trim_end()));
        }
        let line = match line.strip_prefix('-') {
            Some(escaped) => escaped.strip_prefix(' ').ok_or_else(cut)?,
            None => line,
        };
        text.push_str(line);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use proptest::prelude::*;

    fn key(seed: u8) -> OpenPgpKey {
        let key = SigningKey::from_seed(&Secret::new([seed; 32]));
        OpenPgpKey::new(key, 1_767_225_600, "security.txt of trade.example")
    }

    #[test]
    fn what_a_key_signs_its_certificate_verifies() {
        let key = key(1);
        let published: OpenPgpCertificate = key.published().parse().expect("its own form");
        assert_eq!(&published, key.certificate());
        assert_eq!(published.fingerprint().len(), 40);
        let text = "# a remark\n-----BEGIN\n- a list\nContact: https://a.example\n\nlast line\n";
        let signed = key.sign(text, 1_800_000_000);
        let found = published.verify(&signed).expect("verifies");
        assert_eq!(found, OpenPgpText { text: text.to_owned(), signed_at: 1_800_000_000 });
        let on_windows = signed.replace('\n', "\r\n");
        assert_eq!(published.verify(&on_windows).expect("the same lines").text, text);
    }

    #[test]
    fn a_text_is_refused_that_another_key_signed_or_that_was_changed() {
        let (one, other) = (key(1), key(2));
        let signed = one.sign("Contact: https://a.example\n", 1_800_000_000);
        let check = |text: &str, why: &str| {
            let error = one.certificate().verify(text).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        };
        check(&other.sign("Contact: https://a.example\n", 1_800_000_000), "another key");
        check(&signed.replace("a.example", "b.example"), "does not match");
        check(&format!("Contact: https://b.example\n{signed}"), "no text signed");
        check(&format!("{signed}Contact: https://b.example\n"), "armour");
        check(&signed.replace("Hash: SHA256", "Comment: x"), "header");
        check(&signed.replace("Hash: SHA256", "Hash: SHA256\nContact: x"), "header");
        check("Contact: https://a.example\n", "no text signed");
        check(&"x".repeat(OPENPGP_BYTES_MAX + 1), "too long");
        // A certificate is no signature of a text, and another's name is not taken.
        let published = one.published();
        check(&published, "no text signed");
        let error = signed.parse::<OpenPgpCertificate>().expect_err("no certificate");
        assert!(error.to_string().contains("armour"), "{error}");
    }

    #[test]
    fn a_file_is_signed_as_it_is_and_no_other_is_taken_for_it() {
        let (one, other) = (key(1), key(2));
        let file = b"{\r\n  \"a\": 1  \n}";
        let signature = one.sign_file(file, 1_800_000_000);
        let own = one.certificate();
        assert_eq!(own.verify_file(file, &signature).expect("verifies"), 1_800_000_000);
        let check = |bytes: &[u8], signature: &str, why: &str| {
            let error = own.verify_file(bytes, signature).expect_err(why).to_string();
            assert!(error.contains(why), "{error}");
        };
        // What would be the same text is another file.
        check(b"{\n  \"a\": 1\n}", &signature, "does not match");
        check(file, &other.sign_file(file, 1), "another key");
        check(file, &signature.replace("-----END", "----END"), "armour");
        let signed = one.sign("a\n", 1);
        let at = signed.find("-----BEGIN PGP SIGNATURE").expect("one");
        check(b"a", &signed[at..], "another kind");
    }

    #[test]
    fn a_certificate_with_a_flipped_bit_is_none() {
        let published = key(3).published();
        let at = published.find("\n\n").expect("a blank line") + 2;
        let end = published.find("-----END").expect("an end");
        for place in at..end - 2 {
            let mut bytes = published.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).expect("text");
            let parsed = changed.parse::<OpenPgpCertificate>();
            // What the key does not sign are only hints: who issued, and two bytes of the digest.
            assert!(parsed.is_err() || &parsed.expect("read") == key(3).certificate(), "{place}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_read_makes_it_panic(text in "(-----BEGIN PGP SIGNED MESSAGE-----\n)?(Hash: SHA256\n\n)?.{0,200}") {
            let _ = key(1).certificate().verify(&text);
            let _ = text.parse::<OpenPgpCertificate>();
        }

        #[test]
        fn whatever_is_signed_comes_back(lines in prop::collection::vec("[ -~]{0,30}", 1..9)) {
            let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
            let text = lines.join("\n") + "\n";
            let signed = key(4).sign(&text, 1);
            let found = key(4).certificate().verify(&signed).expect("verifies");
            prop_assert_eq!(found.text, text);
        }
    }
}
