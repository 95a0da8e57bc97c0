//! The few packets that a certificate and a signature are made of (RFC 9580 §4, §5.2, §5.5).

use super::wrong;
use crate::Error;

const VERSION: u8 = 4;
/// `EdDSALegacy`: the form that every `gpg` since 2.1 knows.
const EDDSA: u8 = 22;
const SHA256: u8 = 8;
/// Ed25519's object identifier, with its length before it.
const CURVE: [u8; 10] = [9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
/// Before a point that stands as the curve's own RFC has it.
const NATIVE: u8 = 0x40;

/// A packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub tag: u8,
    pub body: &'a [u8],
}

impl Packet<'_> {
    pub(super) const SIGNATURE: u8 = 2;
    pub(super) const PUBLIC_KEY: u8 = 6;
    pub(super) const USER_ID: u8 = 13;
}

/// A packet of at most 8383 bytes, in the newer form.
pub(super) fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    [[0xc0 | tag].as_slice(), &length(body.len()), body].concat()
}

fn length(bytes: usize) -> Vec<u8> {
    match u8::try_from(bytes) {
        Ok(short) if short < 192 => vec![short],
        _ => {
            let [high, low] = u16::try_from(bytes.saturating_sub(192)).unwrap_or(0).to_be_bytes();
            vec![high.wrapping_add(192), low]
        }
    }
}

/// A byte and a length of two, as they stand before what is hashed.
pub(super) fn short(first: u8, bytes: usize) -> [u8; 3] {
    let [high, low] = u16::try_from(bytes).unwrap_or(0).to_be_bytes();
    [first, high, low]
}

/// A part of a signature that says something beside it.
pub(super) fn subpacket(kind: u8, body: &[u8]) -> Vec<u8> {
    [length(body.len() + 1).as_slice(), &[kind], body].concat()
}

/// A number of an unknown size: its bits, then its bytes without leading zeros.
fn number(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = bytes.get(zeros..).unwrap_or_default();
    let lead = bytes.first().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = u16::try_from(bytes.len() * 8 - lead).unwrap_or(0);
    [bits.to_be_bytes().as_slice(), bytes].concat()
}

/// The body of a public key.
pub(super) fn public_key(created: u32, point: &[u8; 32]) -> Vec<u8> {
    let native = [[NATIVE].as_slice(), point].concat();
    let created = created.to_be_bytes();
    [[VERSION].as_slice(), &created, &[EDDSA], &CURVE, &number(&native)].concat()
}

/// When a key was made, and its point.
pub(super) fn read_public_key(body: &[u8]) -> Result<(u32, [u8; 32]), Error> {
    let mut reader = Reader::new(body);
    let other = || wrong("the key is not of version 4, or not an Ed25519 key");
    if reader.byte()? != VERSION {
        return Err(other());
    }
    let created = u32::from_be_bytes(reader.take(4)?.try_into().map_err(|_| other())?);
    if reader.byte()? != EDDSA || reader.take(CURVE.len())? != CURVE {
        return Err(other());
    }
    let native: [u8; 33] = reader.number()?;
    let point = native.strip_prefix(&[NATIVE]).and_then(|point| point.try_into().ok());
    match point {
        Some(point) if reader.is_empty() => Ok((created, point)),
        _ => Err(other()),
    }
}

/// What of a signature is signed with the text: everything up to the parts that are only hints.
pub(super) fn signature_head(kind: u8, hashed: &[u8]) -> Vec<u8> {
    let [_, high, low] = short(0, hashed.len());
    [[VERSION, kind, EDDSA, SHA256, high, low].as_slice(), hashed].concat()
}

/// What is hashed last: version and length of the head.
pub(super) fn trailer(head: usize) -> [u8; 6] {
    let [a, b, c, d] = u32::try_from(head).unwrap_or(0).to_be_bytes();
    [VERSION, 0xff, a, b, c, d]
}

/// The body of a signature.
pub(super) fn signature(head: &[u8], hints: &[u8], digest: &[u8; 32], value: &[u8; 64]) -> Vec<u8> {
    let [_, high, low] = short(0, hints.len());
    let (first, second) = value.split_at(32);
    let left = digest.get(..2).unwrap_or_default();
    [head, &[high, low], hints, left, &number(first), &number(second)].concat()
}

/// A signature, taken apart.
#[derive(Debug)]
pub(super) struct Signature<'a> {
    pub kind: u8,
    /// What is signed with the text.
    pub head: &'a [u8],
    pub made_at: u32,
    /// The fingerprint of the key that signed; it is among what is signed.
    pub issuer: [u8; 20],
    pub value: [u8; 64],
}

impl<'a> Signature<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        let [version, kind, key, hash] = reader.array()?;
        if (version, key, hash) != (VERSION, EDDSA, SHA256) {
            return Err(wrong("the signature is not of version 4 by Ed25519 and SHA-256"));
        }
        let hashed = usize::from(u16::from_be_bytes(reader.array()?));
        let mut parts = Reader::new(reader.take(hashed)?);
        let head = body.get(..6 + hashed).unwrap_or_default();
        let (mut made_at, mut issuer) = (None, None);
        while !parts.is_empty() {
            let bytes = parts.length()?;
            let (kind, part) = parts.take(bytes)?.split_first().ok_or_else(cut)?;
            match kind & 0x7f {
                2 => made_at = part.try_into().ok().map(u32::from_be_bytes),
                33 => issuer = part.strip_prefix(&[VERSION]).and_then(|id| id.try_into().ok()),
                // What must be understood and is not (the highest bit) would change what is said.
                _ if kind & 0x80 != 0 => {
                    return Err(wrong("the signature asks for more than is known"));
                }
                _ => {}
            }
        }
        let hints = usize::from(u16::from_be_bytes(reader.array()?));
        reader.take(hints)?;
        let _left: [u8; 2] = reader.array()?;
        let (first, second): ([u8; 32], [u8; 32]) = (reader.number()?, reader.number()?);
        let mut value = [0; 64];
        value.iter_mut().zip(first.into_iter().chain(second)).for_each(|(to, from)| *to = from);
        let (Some(made_at), Some(issuer)) = (made_at, issuer) else {
            return Err(wrong("the signature does not say when and by whom it was made"));
        };
        if !reader.is_empty() {
            return Err(cut());
        }
        Ok(Self { kind, head, made_at, issuer, value })
    }
}

const fn cut() -> Error {
    wrong("a packet is cut off, or longer than it says")
}

/// Bytes that are read from the front.
#[derive(Debug)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or_else(cut)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| cut())
    }

    /// A number of at most so many bytes, with its leading zeros.
    fn number<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let bits = usize::from(u16::from_be_bytes(self.array()?));
        let bytes = self.take(bits.div_ceil(8))?;
        let mut whole = [0; N];
        let start = N.checked_sub(bytes.len()).ok_or_else(cut)?;
        whole.iter_mut().skip(start).zip(bytes).for_each(|(to, from)| *to = *from);
        Ok(whole)
    }

    /// The length of a subpacket, or of a packet in the newer form; longer ones do not occur here.
    fn length(&mut self) -> Result<usize, Error> {
        match self.byte()? {
            short @ 0..192 => Ok(usize::from(short)),
            high @ 192..224 => {
                Ok((usize::from(high) - 192) * 256 + usize::from(self.byte()?) + 192)
            }
            _ => Err(cut()),
        }
    }

    /// The next packet, in the newer form or in the older one, which `gpg` writes.
    pub(super) fn packet(&mut self) -> Result<Packet<'a>, Error> {
        let first = self.byte()?;
        let (tag, bytes) = match first {
            0xc0.. => (first & 0x3f, self.length()?),
            0x80..0xc0 => {
                let bytes = match first & 3 {
                    0 => usize::from(self.byte()?),
                    1 => usize::from(u16::from_be_bytes(self.array()?)),
                    _ => return Err(cut()),
                };
                (first >> 2 & 0xf, bytes)
            }
            _ => return Err(cut()),
        };
        Ok(Packet { tag, body: self.take(bytes)? })
    }
}
