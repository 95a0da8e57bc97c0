//! A segment: a header that says where it belongs, then frames.

use crate::{
    directory::segment_path,
    error::{Error, failed},
    frame::{Frame, Frames, Kind, LINK_BYTES, Link, encode, link},
};
use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 7] = b"stkjrnl";
/// The layout that this version writes.
pub const LAYOUT: u8 = 1;
/// Magic, layout, head, number, first sequence, salt, the link before, the header's own link.
pub const HEADER_BYTES: usize = 7 + 1 + 1 + 8 + 8 + 3 * LINK_BYTES;
/// A segment is never longer, whatever the options.
pub const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// Where a segment belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What stands first in it, if not a record.
    pub head: Head,
    /// Its number in the directory.
    pub number: u64,
    /// The sequence of its first record.
    pub first: u64,
    /// Drawn for this segment alone.
    pub salt: Link,
    /// The link of the last frame of the segment before.
    pub before: Link,
}

/// What a segment begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The next record.
    Record,
    /// The state after all records before.
    Snapshot,
}

impl Header {
    /// The header's bytes, and the link that the first frame builds on.
    pub fn encode(&self) -> (Vec<u8>, Link) {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(MAGIC);
        out.push(LAYOUT);
        out.push(match self.head {
            Head::Record => 0,
            Head::Snapshot => 1,
        });
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.salt);
        out.extend_from_slice(&self.before);
        let own = link(&[&out]);
        out.extend_from_slice(&own);
        (out, own)
    }

    /// Reads a header back, with its link.
    fn decode(bytes: &[u8]) -> Result<(Self, Link), Refusal> {
        let short = Refusal::Damaged("shorter than its header");
        let body = bytes.get(..HEADER_BYTES).ok_or(short)?;
        let rest =
            body.strip_prefix(MAGIC).ok_or(Refusal::Damaged("not a segment of a journal"))?;
        let (&layout, rest) = rest.split_first().ok_or(short)?;
        if layout != LAYOUT {
            return Err(Refusal::Layout(layout));
        }
        let (&head, rest) = rest.split_first().ok_or(short)?;
        let (number, rest) = rest.split_first_chunk().ok_or(short)?;
        let (first, rest) = rest.split_first_chunk().ok_or(short)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(short)?;
        let (before, _) = rest.split_first_chunk().ok_or(short)?;
        let header = Self {
            head: if head == 0 { Head::Record } else { Head::Snapshot },
            number: u64::from_le_bytes(*number),
            first: u64::from_le_bytes(*first),
            salt: *salt,
            before: *before,
        };
        let (again, own) = header.encode();
        if again != body {
            return Err(Refusal::Damaged("a header that fails its checksum"));
        }
        Ok((header, own))
    }
}

#[derive(Debug, Clone, Copy)]
enum Refusal {
    Layout(u8),
    Damaged(&'static str),
}

/// A segment with nothing in it but a snapshot, if there is one.
pub fn begin(header: &Header, snapshot: Option<&[u8]>) -> (Vec<u8>, Link) {
    let (mut bytes, own) = header.encode();
    let Some(payload) = snapshot else { return (bytes, own) };
    let frame = Frame { kind: Kind::Snapshot, sequence: header.first.saturating_sub(1), payload };
    let link = encode(&mut bytes, &header.salt, &own, frame);
    (bytes, link)
}

/// A segment read whole.
#[derive(Debug)]
pub struct Segment {
    /// Where it lies.
    pub path: PathBuf,
    /// Where it belongs.
    pub header: Header,
    own: Link,
    bytes: Vec<u8>,
}

impl Segment {
    /// Reads the segment of this number.
    pub fn read(dir: &Path, number: u64) -> Result<Self, Error> {
        let path = segment_path(dir, number);
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(missing(&path))?;
        let length = file.metadata().map_err(failed(&path, "look at the segment"))?.len();
        if length > SEGMENT_BYTES_MAX {
            return Err(Error::TooLarge {
                what: "a segment",
                bytes: length,
                limit: SEGMENT_BYTES_MAX,
            });
        }
        file.take(SEGMENT_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(failed(&path, "read the segment"))?;
        let (header, own) = checked(&path, number, &bytes)?;
        Ok(Self { path, header, own, bytes })
    }

    /// Reads no more than the header.
    pub fn header(dir: &Path, number: u64) -> Result<Header, Error> {
        let path = segment_path(dir, number);
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        File::open(&path)
            .map_err(missing(&path))?
            .take(HEADER_BYTES as u64)
            .read_to_end(&mut bytes)
            .map_err(failed(&path, "read the segment"))?;
        checked(&path, number, &bytes).map(|(header, _)| header)
    }

    /// Its frames, from the first.
    pub fn frames(&self) -> Frames<'_> {
        let Header { salt, first, .. } = self.header;
        Frames::new(&self.bytes, HEADER_BYTES, salt, self.own, first)
    }

    /// Its length.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// That something does not fit at `offset`.
    pub fn damaged(&self, offset: usize, why: &'static str) -> Error {
        Error::Damaged { file: self.path.clone(), offset: offset as u64, why }
    }
}

fn checked(path: &Path, number: u64, bytes: &[u8]) -> Result<(Header, Link), Error> {
    let damaged = |why| Error::Damaged { file: path.into(), offset: 0, why };
    match Header::decode(bytes) {
        Ok((header, _)) if header.number != number => {
            Err(damaged("a segment under another one's name"))
        }
        Ok(read) => Ok(read),
        Err(Refusal::Layout(found)) => Err(Error::Layout { file: path.into(), found }),
        Err(Refusal::Damaged(why)) => Err(damaged(why)),
    }
}

fn missing(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| match error.kind() {
        io::ErrorKind::NotFound => Error::Missing { file: path.into() },
        _ => failed(path, "open the segment")(error),
    }
}
