//! Packets of DNS (RFC 1035, RFC 6891): one question out, one answer in.

use super::{Asked, Kind, Lookup};
use std::net::{Ipv4Addr, Ipv6Addr};

/// What is offered for an answer over UDP: what passes everywhere without being cut into pieces.
pub const UDP_BYTES_MAX: usize = 1232;
/// The most records of an answer that are read.
const RECORDS_MAX: usize = 256;
/// The most aliases on the way to an answer.
const ALIASES_MAX: usize = 8;
/// The longest name, with its dots.
const NAME_BYTES_MAX: usize = 253;
const HEADER_BYTES: usize = 12;
const CLASS_IN: u16 = 1;
const TYPE_CNAME: u16 = 5;

/// What a packet is.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading {
    /// The answer.
    Lookup(Lookup),
    /// The answer's beginning: ask over TCP.
    Truncated,
    /// Not the answer to this question.
    Foreign,
}

const fn code(kind: Kind) -> u16 {
    match kind {
        Kind::A => 1,
        Kind::Mx => 15,
        Kind::Txt => 16,
        Kind::Aaaa => 28,
    }
}

/// The packet of a question; `None` if the name is none.
pub fn question(id: u16, asked: &Asked) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(64);
    // Recursion is desired; one question, and one record that says how large an answer may be.
    for word in [id, 0x0100, 1, 0, 0, 1] {
        out.extend(word.to_be_bytes());
    }
    if asked.name.is_empty() || asked.name.len() > NAME_BYTES_MAX {
        return None;
    }
    for label in asked.name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        if !label.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        out.push(length);
        out.extend(label.bytes());
    }
    out.push(0);
    for word in [code(asked.kind), CLASS_IN] {
        out.extend(word.to_be_bytes());
    }
    out.push(0);
    for word in [41, 1232, 0, 0, 0_u16] {
        out.extend(word.to_be_bytes());
    }
    Some(out)
}

/// Reads a packet as the answer to a question.
pub fn answer(packet: &[u8], id: u16, asked: &Asked) -> Reading {
    read(packet, id, asked).unwrap_or(Reading::Foreign)
}

fn read(packet: &[u8], id: u16, asked: &Asked) -> Option<Reading> {
    let flags = word(packet, 2)?;
    let (response, opcode) = (flags & 0x8000 != 0, (flags >> 11) & 15);
    if word(packet, 0)? != id || !response || opcode != 0 || word(packet, 4)? != 1 {
        return None;
    }
    let (name, at) = name(packet, HEADER_BYTES)?;
    let same = name.eq_ignore_ascii_case(&asked.name);
    if !same || word(packet, at)? != code(asked.kind) || word(packet, at + 2)? != CLASS_IN {
        return None;
    }
    if flags & 0x0200 != 0 {
        return Some(Reading::Truncated);
    }
    // No error, or no such name: both may come with aliases, and both may hold nothing.
    if !matches!(flags & 15, 0 | 3) {
        return Some(Reading::Lookup(Lookup::Failed));
    }
    let Some(records) = records(packet, at + 4, word(packet, 6)?) else {
        return Some(Reading::Lookup(Lookup::Failed));
    };
    Some(Reading::Lookup(found(packet, &records, asked)))
}

struct Record {
    owner: String,
    kind: u16,
    at: usize,
    length: usize,
}

/// The records of the answer section; `None` if they cannot be read or are too many.
fn records(packet: &[u8], mut at: usize, count: u16) -> Option<Vec<Record>> {
    let count = usize::from(count);
    if count > RECORDS_MAX {
        return None;
    }
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let (owner, next) = name(packet, at)?;
        let (kind, class) = (word(packet, next)?, word(packet, next + 2)?);
        let length = usize::from(word(packet, next + 8)?);
        let data = next + 10;
        packet.get(data..data + length)?;
        if class == CLASS_IN {
            records.push(Record { owner, kind, at: data, length });
        }
        at = data + length;
    }
    Some(records)
}

/// What the records say of the name, by way of its aliases.
fn found(packet: &[u8], records: &[Record], asked: &Asked) -> Lookup {
    let mut target = asked.name.clone();
    for _ in 0..ALIASES_MAX {
        let of_target = records.iter().filter(|record| record.owner.eq_ignore_ascii_case(&target));
        let values: Option<Vec<String>> = of_target
            .clone()
            .filter(|record| record.kind == code(asked.kind))
            .map(|record| value(packet, record, asked.kind))
            .collect();
        match values {
            None => return Lookup::Failed,
            Some(values) if !values.is_empty() => return Lookup::Found(values),
            Some(_) => {}
        }
        let alias = of_target.clone().find(|record| record.kind == TYPE_CNAME);
        match alias.map(|record| name(packet, record.at)) {
            None => return Lookup::Nothing,
            Some(None) => return Lookup::Failed,
            Some(Some((next, _))) => target = next,
        }
    }
    Lookup::Failed
}

fn value(packet: &[u8], record: &Record, kind: Kind) -> Option<String> {
    let data = packet.get(record.at..record.at + record.length)?;
    match kind {
        Kind::A => Some(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).to_string()),
        Kind::Aaaa => Some(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).to_string()),
        Kind::Mx => name(packet, record.at + 2).map(|(host, _)| host),
        Kind::Txt => {
            let mut bytes = Vec::with_capacity(data.len());
            let mut rest = data;
            while let Some((length, after)) = rest.split_first() {
                let (piece, after) = after.split_at_checked(usize::from(*length))?;
                bytes.extend_from_slice(piece);
                rest = after;
            }
            Some(String::from_utf8_lossy(&bytes).into_owned())
        }
    }
}

/// The name that begins at `at`, and where what follows it begins. The root is the empty name.
fn name(packet: &[u8], at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let (mut at, mut end) = (at, None);
    // A pointer leads to before where its name began, so the walk ends.
    let mut floor = at;
    loop {
        let length = *packet.get(at)?;
        match length {
            0 => return Some((text, end.unwrap_or(at + 1))),
            1..=63 => {
                let label = packet.get(at + 1..at + 1 + usize::from(length))?;
                if !text.is_empty() {
                    text.push('.');
                }
                let shown = |b: &u8| if b.is_ascii_graphic() { char::from(*b) } else { '?' };
                text.extend(label.iter().map(shown).map(|c| c.to_ascii_lowercase()));
                if text.len() > NAME_BYTES_MAX {
                    return None;
                }
                at += 1 + usize::from(length);
            }
            192.. => {
                let target = usize::from(word(packet, at)? & 0x3fff);
                if target >= floor {
                    return None;
                }
                end = end.or(Some(at + 2));
                floor = target;
                at = target;
            }
            64..=191 => return None,
        }
    }
}

fn word(packet: &[u8], at: usize) -> Option<u16> {
    packet.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn asked(name: &str, kind: Kind) -> Asked {
        Asked { name: name.to_owned(), kind }
    }

    /// An answer to the question for `a.example`, `TXT`: flags, then records as they stand.
    fn packet(flags: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut out = question(7, &asked("a.example", Kind::Txt)).expect("a name");
        out.truncate(HEADER_BYTES + 11 + 4);
        out[2..4].copy_from_slice(&flags.to_be_bytes());
        out[6..8].copy_from_slice(&u16::try_from(records.len()).expect("few").to_be_bytes());
        out[10..12].copy_from_slice(&[0, 0]);
        out.extend(records.concat());
        out
    }

    /// A record of the name at `owner`, as a pointer.
    fn record(owner: u8, kind: u16, data: &[u8]) -> Vec<u8> {
        let mut out = vec![0xc0, owner];
        out.extend(kind.to_be_bytes());
        out.extend([0, 1, 0, 0, 0, 60]);
        out.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        out.extend_from_slice(data);
        out
    }

    #[test]
    fn an_answer_is_read_with_its_pieces_and_aliases() {
        let check = |packet: &[u8], want: &str| {
            let found = answer(packet, 7, &asked("a.example", Kind::Txt));
            assert_eq!(format!("{found:?}"), want);
        };
        let text = record(12, 16, b"\x03v=s\x03pf1");
        check(&packet(0x8180, &[&text]), r#"Lookup(Found(["v=spf1"]))"#);
        check(
            &packet(0x8180, &[&text, &record(12, 16, b"\x00")]),
            r#"Lookup(Found(["v=spf1", ""]))"#,
        );
        check(&packet(0x8180, &[]), "Lookup(Nothing)");
        check(&packet(0x8183, &[]), "Lookup(Nothing)");
        check(&packet(0x8182, &[]), "Lookup(Failed)");
        check(&packet(0x8380, &[]), "Truncated");
        check(&packet(0x0180, &[&text]), "Foreign");
        // `a.example` is `b.example`, which is told behind it: the label, then a pointer to `example`.
        let alias = record(12, 5, b"\x01b\xc0\x0e");
        let place = u8::try_from(HEADER_BYTES + 11 + 4 + 12).expect("small");
        check(&packet(0x8180, &[&alias, &record(place, 16, b"\x01x")]), r#"Lookup(Found(["x"]))"#);
        check(&packet(0x8180, &[&alias]), "Lookup(Nothing)");
        // A name that is its own alias.
        check(&packet(0x8180, &[&record(12, 5, b"\xc0\x0c")]), "Lookup(Failed)");
        // A piece that is longer than its record; a pointer to itself; a record that is cut off.
        check(&packet(0x8180, &[&record(12, 16, b"\x09v")]), "Lookup(Failed)");
        check(&packet(0x8180, &[&record(27, 16, b"\x01x")]), "Lookup(Failed)");
        let whole = packet(0x8180, &[&text]);
        check(&whole[..whole.len() - 1], "Lookup(Failed)");
        check(&whole[..20], "Foreign");
        check(&[], "Foreign");
        // The answer to another question.
        let other = answer(&whole, 8, &asked("a.example", Kind::Txt));
        assert_eq!(other, Reading::Foreign);
        assert_eq!(answer(&whole, 7, &asked("b.example", Kind::Txt)), Reading::Foreign);
        assert_eq!(answer(&whole, 7, &asked("a.example", Kind::Mx)), Reading::Foreign);
    }

    #[test]
    fn what_is_no_name_is_not_asked() {
        let check = |name: &str, want: bool| {
            assert_eq!(question(1, &asked(name, Kind::A)).is_some(), want, "{name:?}");
        };
        check("_dmarc.example.org", true);
        check("", false);
        check("a..b", false);
        check("a b.example", false);
        check("bücher.example", false);
        check(&"a".repeat(64), false);
        check(&"a.".repeat(130), false);
    }

    proptest! {
        #[test]
        fn no_packet_makes_the_reader_stumble(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..300),
            flip in any::<proptest::sample::Index>(),
            kind in prop_oneof![Just(Kind::A), Just(Kind::Aaaa), Just(Kind::Mx), Just(Kind::Txt)],
        ) {
            let _ = answer(&bytes, 7, &asked("a.example", kind));
            // Nearly right packets go deeper.
            let mut near = packet(0x8180, &[&record(12, 16, b"\x03v=s\x03pf1"), &bytes]);
            let at = flip.index(near.len());
            near[at] = bytes.pop().unwrap_or(0xc0);
            let _ = answer(&near, 7, &asked("a.example", kind));
            let _ = answer(&near, 7, &asked("a.example", Kind::Txt));
        }
    }
}
