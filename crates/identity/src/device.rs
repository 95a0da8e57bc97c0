//! Devices: a signed cookie gives a browser that signed in before a budget of its own.

use crate::{DeviceId, Error};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use seal::{Entropy, MacKey, Secret};

const ID_BYTES: usize = 16;
const TAG_BYTES: usize = 32;

/// The value of the device cookie: an id and our MAC over it. It is no factor and opens nothing;
/// whether the device counts as known for an account is a row that only a full sign-in writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceCookie(DeviceId);

/// Where an attempt comes from, for the account that it is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceStanding {
    /// This account has signed in completely on this device before.
    Known(DeviceId),
    /// Anything else, valid cookies for other accounts included.
    Unknown,
}

impl DeviceCookie {
    /// A device not seen before.
    #[must_use]
    pub fn new(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        Self(DeviceId::new(now, entropy))
    }

    /// Whose cookie it is.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.0
    }

    /// The cookie's text.
    #[must_use]
    pub fn text(&self, key: &MacKey) -> Secret<String> {
        let tag = key.tag(&parts(self.0.as_bytes()));
        Secret::new(URL_SAFE_NO_PAD.encode([self.0.as_bytes().as_slice(), &tag].concat()))
    }

    /// Reads a cookie; whatever is not ours is [`Error::Forged`].
    pub fn parse(text: &str, key: &MacKey) -> Result<Self, Error> {
        if text.len() > 2 * (ID_BYTES + TAG_BYTES) {
            return Err(Error::Forged);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::Forged)?;
        let (id, tag) = bytes.split_first_chunk::<ID_BYTES>().ok_or(Error::Forged)?;
        if !key.verify(&parts(id), tag) {
            return Err(Error::Forged);
        }
        DeviceId::from_bytes(id).map(Self).map_err(|_| Error::Forged)
    }
}

fn parts(id: &[u8; ID_BYTES]) -> [&[u8]; 2] {
    [b"stockade/v1 device", id]
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    #[test]
    fn only_our_own_cookies_are_read() {
        let key = |byte| MacKey::new(Secret::new([byte; 32]));
        let cookie = DeviceCookie::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(1));
        let text = cookie.text(&key(1)).expose().clone();
        assert_eq!(DeviceCookie::parse(&text, &key(1)), Ok(cookie));
        assert_eq!(DeviceCookie::parse(&text, &key(2)), Err(Error::Forged));
        for at in 0..text.len() {
            let mut bent = text.clone().into_bytes();
            bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
            let bent = String::from_utf8(bent).expect("ASCII");
            assert_eq!(DeviceCookie::parse(&bent, &key(1)), Err(Error::Forged), "{bent}");
        }
        for bad in ["", "A", &text[..22], &format!("{text}A"), &"A".repeat(100_000)] {
            assert_eq!(DeviceCookie::parse(bad, &key(1)), Err(Error::Forged));
        }
    }
}
