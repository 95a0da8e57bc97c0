//! A frame: kind, length, sequence, payload, link.
//!
//! The link is SHA-256, cut to 16 bytes, over the segment's salt, the link before it and the frame.
//! A CRC would tell a torn write as well, but it cannot tell a frame from another that was made to
//! look like it: a record carries text of strangers, and the search for whole frames behind a broken
//! one must not take a record's text for a frame. The salt is drawn for each segment, so neither a
//! frame of another segment nor one of an older file fits. An append with it takes a microsecond.

use sha2::{Digest, Sha256};

/// Bytes of a link and of a salt.
pub const LINK_BYTES: usize = 16;
/// Kind, length, sequence.
const HEAD_BYTES: usize = 1 + 4 + 8;
/// How many bytes longer a frame is than its payload.
pub const OVERHEAD_BYTES: usize = HEAD_BYTES + LINK_BYTES;

/// What the next frame builds on.
pub type Link = [u8; LINK_BYTES];

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One record.
    Record,
    /// The state after all records up to its sequence; stands first in its segment.
    Snapshot,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Record => 0xA5,
            Self::Snapshot => 0x5C,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            0xA5 => Some(Self::Record),
            0x5C => Some(Self::Snapshot),
            _ => None,
        }
    }
}

/// A whole frame, as it stands in a segment.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What it carries.
    pub kind: Kind,
    /// Its number; a snapshot's is that of the last record in it.
    pub sequence: u64,
    /// What was written.
    pub payload: &'a [u8],
}

/// Where frames stop, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Break {
    /// The first byte that is not part of a whole frame.
    pub at: usize,
    /// What stands there instead.
    pub why: &'static str,
}

/// The link of the parts, one behind the other; their seams are fixed by the layout.
pub fn link(parts: &[&[u8]]) -> Link {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    *hash.finalize().first_chunk().expect("SHA-256 has more than 16 bytes")
}

/// Writes one frame behind `out` and returns its link.
pub fn encode(out: &mut Vec<u8>, salt: &Link, before: &Link, frame: Frame<'_>) -> Link {
    let length = u32::try_from(frame.payload.len()).expect("options keep a payload below 4 GiB");
    let start = out.len();
    out.push(frame.kind.byte());
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&frame.sequence.to_le_bytes());
    out.extend_from_slice(frame.payload);
    let link = link(&[salt, before, out.get(start..).unwrap_or_default()]);
    out.extend_from_slice(&link);
    link
}

/// The frames of one segment, one after another.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    salt: Link,
    before: Link,
    next: u64,
}

impl<'a> Frames<'a> {
    /// Begins at byte `at` of the segment `bytes`, behind the link `before`; `next` is due.
    pub const fn new(bytes: &'a [u8], at: usize, salt: Link, before: Link, next: u64) -> Self {
        Self { bytes, at, salt, before, next }
    }

    /// Where the last whole frame ended.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The link of the last whole frame.
    pub const fn link(&self) -> Link {
        self.before
    }

    /// The sequence that is due.
    pub const fn due(&self) -> u64 {
        self.next
    }

    /// The next frame; `None` at the end of the bytes.
    pub fn advance(&mut self) -> Result<Option<Frame<'a>>, Break> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let broken = |why| Break { at: self.at, why };
        let Some((frame, sealed, stored)) = shape(rest) else {
            let why = if rest.iter().all(|byte| *byte == 0) {
                "zeros in the place of a record"
            } else {
                "a record that is not whole"
            };
            return Err(broken(why));
        };
        let link = link(&[&self.salt, &self.before, sealed]);
        if link != stored {
            return Err(broken("a record that fails its checksum"));
        }
        let due = match frame.kind {
            Kind::Record => self.next,
            Kind::Snapshot => self.next.saturating_sub(1),
        };
        if frame.sequence != due {
            return Err(broken("a record out of sequence"));
        }
        self.at += sealed.len() + LINK_BYTES;
        self.before = link;
        self.next = frame.sequence + 1;
        Ok(Some(frame))
    }

    /// A place behind a break at which a whole frame stands: then the break is damage, not the torn
    /// end of the last write.
    ///
    /// A frame builds on the 16 bytes in front of it. Where just those are broken, it still builds on
    /// the link that the broken frame should have had.
    pub fn whole_frame_after(&self, broken: Break) -> Option<usize> {
        let rest = self.bytes.get(broken.at..)?;
        if let Some((_, sealed, _)) = shape(rest) {
            let mended = link(&[&self.salt, &self.before, sealed]);
            let at = broken.at + sealed.len() + LINK_BYTES;
            if self.fits(at, &mended) {
                return Some(at);
            }
        }
        let last = self.bytes.len().checked_sub(OVERHEAD_BYTES)?;
        (broken.at + 1..=last).find(|at| {
            let before = self.bytes.get(..*at).and_then(<[u8]>::last_chunk::<LINK_BYTES>);
            before.is_some_and(|before| self.fits(*at, before))
        })
    }

    /// Whether a whole record that can follow stands at `at`, behind the link `before`.
    fn fits(&self, at: usize, before: &Link) -> bool {
        let Some((frame, sealed, stored)) = self.bytes.get(at..).and_then(shape) else {
            return false;
        };
        // Cheap questions first: the link is asked of few places only.
        let ahead = (self.bytes.len() / OVERHEAD_BYTES) as u64;
        frame.kind == Kind::Record
            && frame.sequence >= self.next
            && frame.sequence - self.next <= ahead
            && link(&[&self.salt, before, sealed]) == stored
    }
}

/// The frame that these bytes begin with by their shape alone, its bytes before the link, the link.
fn shape(bytes: &[u8]) -> Option<(Frame<'_>, &[u8], Link)> {
    let (&kind, rest) = bytes.split_first()?;
    let kind = Kind::of(kind)?;
    let (length, rest) = rest.split_first_chunk()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let payload = rest.get(..length)?;
    let stored = rest.get(length..)?.first_chunk()?;
    let frame = Frame { kind, sequence: u64::from_le_bytes(*sequence), payload };
    Some((frame, bytes.get(..HEAD_BYTES + length)?, *stored))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Link = [7; 16];
    const START: Link = [9; 16];

    fn three() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut before, mut ends) = (vec![1; 20], START, Vec::new());
        for (sequence, payload) in [(5, &b"one"[..]), (6, b""), (7, b"three")] {
            let frame = Frame { kind: Kind::Record, sequence, payload };
            before = encode(&mut bytes, &SALT, &before, frame);
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn read(bytes: &[u8], salt: Link) -> (Vec<u64>, Option<(Break, bool)>) {
        let mut frames = Frames::new(bytes, 20, salt, START, 5);
        let mut seen = Vec::new();
        loop {
            match frames.advance() {
                Ok(Some(frame)) => seen.push(frame.sequence),
                Ok(None) => return (seen, None),
                Err(broken) => {
                    return (seen, Some((broken, frames.whole_frame_after(broken).is_some())));
                }
            }
        }
    }

    #[test]
    fn frames_come_back_as_written() {
        let (bytes, ends) = three();
        assert_eq!(read(&bytes, SALT), (vec![5, 6, 7], None));
        assert_eq!(bytes.len(), 20 + 8 + 3 * OVERHEAD_BYTES);
        assert_eq!(ends.last(), Some(&bytes.len()));
    }

    #[test]
    fn every_flip_before_the_last_frame_is_damage_and_in_it_a_torn_end() {
        let (bytes, ends) = three();
        for at in 20..bytes.len() {
            for bit in 0..8 {
                let mut bent = bytes.clone();
                bent[at] ^= 1 << bit;
                let (seen, broken) = read(&bent, SALT);
                let (broken, followed) = broken.expect("a flipped bit is seen");
                let whole = ends.iter().filter(|end| **end <= at).count();
                assert_eq!(seen.len(), whole, "byte {at}");
                assert_eq!(followed, at < ends[1], "byte {at}: {broken:?}");
            }
        }
    }

    #[test]
    fn a_frame_from_elsewhere_does_not_fit() {
        let (bytes, ends) = three();
        assert_eq!(read(&bytes, [8; 16]).0, Vec::<u64>::new(), "another segment's salt");
        // The second frame left out: the third is whole, but not next.
        let cut = [&bytes[..ends[0]], &bytes[ends[1]..]].concat();
        let (seen, broken) = read(&cut, SALT);
        assert_eq!((seen, broken.map(|(broken, _)| broken.at)), (vec![5], Some(ends[0])));
    }

    #[test]
    fn a_frame_inside_a_torn_record_is_not_taken_for_one() {
        // Whoever writes a record's text knows the layout, but not the salt.
        let mut text = vec![3; 16];
        let frame = Frame { kind: Kind::Record, sequence: 6, payload: b"forged" };
        encode(&mut text, &[0; 16], &[3; 16], frame);
        let mut bytes = vec![1; 20];
        let frame = Frame { kind: Kind::Record, sequence: 5, payload: &text };
        encode(&mut bytes, &SALT, &START, frame);
        bytes.pop();
        let (_, broken) = read(&bytes, SALT);
        assert_eq!(broken, Some((Break { at: 20, why: "a record that is not whole" }, false)));
    }
}
