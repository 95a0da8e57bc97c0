//! Bech32 (BIP 173), as age writes its keys: 32 bytes behind a prefix, with a checksum.

const ALPHABET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Characters of 32 bytes, five bits each.
const DATA: usize = 52;
const CHECKSUM: usize = 6;

/// The text of 32 bytes, lower case.
pub(super) fn encode(prefix: &str, bytes: &[u8; 32]) -> String {
    let mut values = Vec::with_capacity(DATA + CHECKSUM);
    let (mut held, mut bits) = (0_u16, 0_u32);
    for byte in bytes {
        held = (held << 8 | u16::from(*byte)) & 0xfff;
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            values.push(u8::try_from(held >> bits & 31).unwrap_or(0));
        }
    }
    values.push(u8::try_from(held << (5 - bits) & 31).unwrap_or(0));
    let checksum = polymod(prefix, values.iter().copied().chain([0; CHECKSUM])) ^ 1;
    values.extend((0_u32..6).map(|i| u8::try_from(checksum >> (5 * (5 - i)) & 31).unwrap_or(0)));
    let letter = |value: &u8| ALPHABET.get(usize::from(*value)).copied().unwrap_or(b'?');
    let letters = values.iter().map(letter).map(char::from).collect::<String>();
    format!("{prefix}1{letters}")
}

/// The bytes of a text that is all of one case.
pub(super) fn decode(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let lower = text.to_ascii_lowercase();
    if text != lower && text != text.to_ascii_uppercase() {
        return None;
    }
    let letters = lower.strip_prefix(prefix)?.strip_prefix('1')?;
    let value = |letter: u8| ALPHABET.iter().position(|known| *known == letter);
    let values: Option<Vec<u8>> =
        letters.bytes().map(|letter| u8::try_from(value(letter)?).ok()).collect();
    let values = values.filter(|values| values.len() == DATA + CHECKSUM)?;
    if polymod(prefix, values.iter().copied()) != 1 {
        return None;
    }
    let mut out = [0; 32];
    let mut bytes = out.iter_mut();
    let (mut held, mut bits) = (0_u16, 0_u32);
    for value in values.iter().take(DATA) {
        held = (held << 5 | u16::from(*value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            *bytes.next()? = u8::try_from(held >> bits & 0xff).ok()?;
        }
    }
    // What is left over is nothing.
    (held & ((1 << bits) - 1) == 0).then_some(out)
}

/// The checksum's polynomial over the prefix and the values.
fn polymod(prefix: &str, values: impl Iterator<Item = u8>) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|byte| byte >> 5);
    let low = prefix.bytes().map(|byte| byte & 31);
    let mut checksum = 1_u32;
    for value in high.chain([0]).chain(low).chain(values) {
        let top = checksum >> 25;
        checksum = (checksum & 0x01ff_ffff) << 5 ^ u32::from(value);
        for (bit, generator) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                checksum ^= generator;
            }
        }
    }
    checksum
}
