//! Reading: for recovery by whoever holds the journal, for explanation by anyone who may read it.

use crate::{
    directory::{segment_path, segments},
    error::Error,
    frame::{Frame, Kind, Link},
    segment::{Head, Segment},
};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
};

/// Times that a list of segments is made again because a checkpoint removed what it named.
const LISTINGS_MAX: usize = 8;

/// What a journal tells, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The state after all records up to `sequence`: what was told before is in it.
    Snapshot {
        /// The last record in it; 0 before the first.
        sequence: u64,
        /// As it was given to the checkpoint.
        bytes: &'a [u8],
    },
    /// One record.
    Record {
        /// Its number, counted from 1 without a gap.
        sequence: u64,
        /// As it was appended.
        bytes: &'a [u8],
    },
}

impl<'a> From<Frame<'a>> for Entry<'a> {
    fn from(Frame { kind, sequence, payload }: Frame<'a>) -> Self {
        match kind {
            Kind::Record => Self::Record { sequence, bytes: payload },
            Kind::Snapshot => Self::Snapshot { sequence, bytes: payload },
        }
    }
}

/// The last write did not end: what stands behind the last whole record of the last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub file: PathBuf,
    /// Where the last whole record ends.
    pub offset: u64,
    /// How many bytes stand behind it.
    pub bytes: u64,
    /// What they look like.
    pub why: &'static str,
}

/// Tells everything that a journal still has, from its oldest segment, until `tell` breaks off.
///
/// Takes no lock and changes nothing: beside a running writer it sees what was whole when it looked,
/// and a write under way is a torn end.
pub fn read(
    dir: &Path,
    tell: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
) -> Result<Option<Torn>, Error> {
    for _ in 1..LISTINGS_MAX {
        let numbers = segments(dir)?;
        let Some(first) = numbers.first() else { return Ok(None) };
        // A checkpoint may remove the oldest between the list and the look.
        match Segment::header(dir, *first) {
            Err(Error::Missing { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return walk(dir, &numbers, tell).map(|end| end.torn),
        }
    }
    let first = segments(dir)?.first().copied().unwrap_or_default();
    Err(Error::Missing { file: segment_path(dir, first) })
}

/// Where a journal ends, and so where it goes on.
#[derive(Debug)]
pub struct End {
    /// The last segment's number.
    pub number: u64,
    /// Where its last whole frame ends.
    pub offset: u64,
    /// The salt of the last segment.
    pub salt: Link,
    /// The link of the last whole frame.
    pub link: Link,
    /// The sequence that is due.
    pub due: u64,
    /// What stands behind the last whole frame.
    pub torn: Option<Torn>,
    /// Whether there is more that was not told.
    pub broken_off: bool,
}

/// The numbers from the newest segment that begins with a snapshot, or from the very first.
pub fn since_snapshot(dir: &Path, numbers: &[u64]) -> Result<Vec<u64>, Error> {
    let mut since = Vec::new();
    for number in numbers.iter().rev() {
        since.push(*number);
        let header = Segment::header(dir, *number)?;
        if header.head == Head::Snapshot || header.first == 1 {
            since.reverse();
            return Ok(since);
        }
    }
    let oldest = numbers.first().copied().unwrap_or_default();
    Err(Error::Missing { file: segment_path(dir, oldest.saturating_sub(1)) })
}

/// Tells the entries of these segments, each of which must build on the one before.
pub fn walk(
    dir: &Path,
    numbers: &[u64],
    tell: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
) -> Result<End, Error> {
    let (last, earlier) = numbers.split_last().expect("both callers have a segment");
    let mut behind = None;
    for number in earlier {
        let segment = Segment::read(dir, *number)?;
        let end = tell_all(&segment, behind.as_ref(), tell)?;
        if let Some(torn) = end.torn {
            return Err(Error::Damaged { file: torn.file, offset: torn.offset, why: torn.why });
        }
        if end.broken_off {
            return Ok(end);
        }
        behind = Some(end);
    }
    tell_all(&Segment::read(dir, *last)?, behind.as_ref(), tell)
}

/// Tells one segment's entries; whole frames behind a break are damage.
fn tell_all(
    segment: &Segment,
    behind: Option<&End>,
    tell: &mut dyn FnMut(Entry<'_>) -> ControlFlow<()>,
) -> Result<End, Error> {
    let header = &segment.header;
    if behind.is_some_and(|end| (end.link, end.due) != (header.before, header.first)) {
        return Err(segment.damaged(0, "it does not build on the segment before it"));
    }
    let mut frames = segment.frames();
    let mut expected = header.head;
    let mut broken_off = false;
    let mut torn = None;
    loop {
        let before = frames.clone();
        match frames.advance() {
            Ok(Some(frame)) => {
                let head = std::mem::replace(&mut expected, Head::Record);
                if (head == Head::Snapshot) != (frame.kind == Kind::Snapshot) {
                    return Err(segment.damaged(before.at(), "a snapshot out of place"));
                }
                if tell(frame.into()).is_break() {
                    broken_off = true;
                    break;
                }
            }
            Ok(None) => break,
            Err(broken) => {
                if frames.whole_frame_after(broken).is_some() {
                    return Err(segment.damaged(broken.at, broken.why));
                }
                let bytes = (segment.len() - broken.at) as u64;
                let (file, offset) = (segment.path.clone(), broken.at as u64);
                torn = Some(Torn { file, offset, bytes, why: broken.why });
                break;
            }
        }
    }
    // The snapshot was durable before the segment had its name: it cannot be torn.
    if expected == Head::Snapshot {
        let why = torn.map_or("the snapshot is not there", |torn| torn.why);
        return Err(segment.damaged(frames.at(), why));
    }
    Ok(End {
        number: header.number,
        offset: frames.at() as u64,
        salt: header.salt,
        link: frames.link(),
        due: frames.due(),
        torn,
        broken_off,
    })
}
