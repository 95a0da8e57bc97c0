//! A question for TXT records (RFC 1035), over UDP and, where the answer is too long, over TCP.

use crate::Error;
use std::{
    fs,
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

const TXT: u16 = 16;
const IN: u16 = 1;
const PATIENCE: Duration = Duration::from_secs(3);
/// Answers of a reply that are read, at most.
const ANSWERS_MAX: u16 = 64;

/// The resolver of this machine, as it stands in `/etc/resolv.conf`.
pub(crate) fn system() -> Option<SocketAddr> {
    let text = fs::read_to_string("/etc/resolv.conf").ok()?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("nameserver"));
    let address: IpAddr = lines.next()?.trim().parse().ok()?;
    Some(SocketAddr::new(address, 53))
}

/// The texts at a name; none where there is no such name or it has none.
pub(crate) fn texts(resolver: SocketAddr, name: &str, id: u16) -> Result<Vec<String>, Error> {
    let strange = || Error::Answer { what: "what is no answer of DNS" };
    let question = question(name, id).ok_or_else(strange)?;
    let reply = by_udp(resolver, &question).map_err(Error::Socket)?;
    let reply = match read(&reply, id).ok_or_else(strange)? {
        Reply::Cut => by_tcp(resolver, &question).map_err(Error::Socket)?,
        _ => reply,
    };
    match read(&reply, id).ok_or_else(strange)? {
        Reply::Texts(texts) => Ok(texts),
        Reply::Refused(code) => Err(Error::Resolver { name: name.to_owned(), code }),
        Reply::Cut => Err(strange()),
    }
}

fn by_udp(resolver: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let any: IpAddr =
        if resolver.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(resolver)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(question)?;
    let mut reply = [0; 4096];
    let count = socket.recv(&mut reply)?;
    Ok(reply.get(..count).unwrap_or_default().to_vec())
}

fn by_tcp(resolver: SocketAddr, question: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&resolver, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes(), question].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

fn question(name: &str, id: u16) -> Option<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    // One question; recursion is wanted.
    bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        bytes.push(length);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(TXT.to_be_bytes());
    bytes.extend(IN.to_be_bytes());
    Some(bytes)
}

enum Reply {
    Texts(Vec<String>),
    Refused(u8),
    Cut,
}

fn read(bytes: &[u8], id: u16) -> Option<Reply> {
    let (head, mut rest) = bytes.split_first_chunk::<12>()?;
    let word = |at: usize| {
        let pair = head.get(at..at + 2).and_then(|pair| pair.try_into().ok());
        pair.map_or(0, u16::from_be_bytes)
    };
    let [_, _, flags, code, ..] = *head;
    if word(0) != id || flags & 0x80 == 0 {
        return None;
    }
    if flags & 0x02 != 0 {
        return Some(Reply::Cut);
    }
    match code & 0x0f {
        0 => {}
        // There is no such name.
        3 => return Some(Reply::Texts(Vec::new())),
        code => return Some(Reply::Refused(code)),
    }
    for _ in 0..word(4) {
        rest = name(rest)?.get(4..)?;
    }
    let mut texts = Vec::new();
    for _ in 0..word(6).min(ANSWERS_MAX) {
        let (fixed, tail) = name(rest)?.split_first_chunk::<10>()?;
        let [kind_high, kind_low, _, _, _, _, _, _, high, low] = *fixed;
        let (data, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        if u16::from_be_bytes([kind_high, kind_low]) == TXT {
            texts.push(text(data)?);
        }
        rest = tail;
    }
    Some(Reply::Texts(texts))
}

/// What stands behind a name.
fn name(mut bytes: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, rest) = bytes.split_first()?;
        match length {
            0 => return Some(rest),
            // A pointer ends the name.
            192.. => return rest.get(1..),
            _ => bytes = rest.get(usize::from(length)..)?,
        }
    }
}

/// The pieces of a text, put together (RFC 7208 §3.3).
fn text(mut data: &[u8]) -> Option<String> {
    let mut whole = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (piece, rest) = rest.split_at_checked(usize::from(length))?;
        whole.extend_from_slice(piece);
        data = rest;
    }
    Some(String::from_utf8_lossy(&whole).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_by_the_letter() {
        let mut reply = question("a.example", 7).expect("a question");
        reply[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 2]);
        // A CNAME before it, then a text in two pieces, both with pointers for names.
        reply.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12]);
        reply.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 9, 0, 8, 3]);
        reply.extend(b"v=s\x03pf1");
        let texts = |bytes: &[u8], id| match read(bytes, id) {
            Some(Reply::Texts(texts)) => Some(texts),
            _ => None,
        };
        assert_eq!(texts(&reply, 7), Some(vec!["v=spf1".to_owned()]));
        assert_eq!(texts(&reply, 8), None, "the answer to another question");
        for cut in 0..reply.len() {
            assert_eq!(texts(&reply[..cut], 7), None, "cut at {cut}");
        }
        reply[2] |= 0x02;
        assert!(matches!(read(&reply, 7), Some(Reply::Cut)));
        reply[2..4].copy_from_slice(&[0x81, 0x82]);
        assert!(matches!(read(&reply, 7), Some(Reply::Refused(2))));
        reply[3] = 0x83;
        assert_eq!(texts(&reply, 7), Some(Vec::new()), "there is no such name");
        assert!(question("a..example", 7).is_none() && question(&"x".repeat(64), 7).is_none());
    }
}
