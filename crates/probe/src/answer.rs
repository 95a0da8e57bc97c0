//! An answer of HTTP/1.1 (RFC 9112), read strictly and within bounds.

use crate::{Error, Miss};
use serde_json::Value;

/// The longest head.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// The longest body.
const BODY_BYTES_MAX: usize = 8 << 20;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body, out of its frame.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a header that comes once.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.all(name);
        values.next().filter(|_| values.next().is_none())
    }

    /// All values of a header.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        let found = self.headers.iter().filter(move |(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text, whatever is no UTF-8 replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self, what: &str) -> Result<Value, Miss> {
        let read = serde_json::from_slice(&self.body);
        read.map_err(|error| Miss::Failed(format!("{what} is no JSON: {error}")))
    }
}

/// How the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Length(usize),
    Chunked,
    /// By the end of the connection.
    End,
}

/// What has come so far of an answer.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    bytes: Vec<u8>,
}

/// A whole answer, and whether another may come on its connection.
pub(crate) struct Whole {
    pub answer: Answer,
    pub keeps: bool,
}

impl Reading {
    /// Takes what has come; `over` says that the connection has ended. [`None`] while more must come.
    pub(crate) fn take(&mut self, bytes: &[u8], over: bool) -> Result<Option<Whole>, Error> {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > HEAD_BYTES_MAX + BODY_BYTES_MAX {
            return Err(Error::Answer { what: "more than 8 MiB" });
        }
        while let Some(at) = find(&self.bytes, b"\r\n\r\n") {
            let (head, body) = self.bytes.split_at(at);
            let body = body.get(4..).unwrap_or_default();
            let (status, headers) = parse(head)?;
            if (100..200).contains(&status) {
                // What comes first is not the answer.
                self.bytes = body.to_vec();
                continue;
            }
            let mut answer = Answer { status, headers, body: Vec::new() };
            let frame = frame(&answer)?;
            let Some(found) = unframed(body, frame, over)? else { break };
            answer.body = found;
            let closes = answer.all("connection").any(|one| one.eq_ignore_ascii_case("close"));
            return Ok(Some(Whole { answer, keeps: !closes && frame != Frame::End && !over }));
        }
        match (over, self.bytes.is_empty(), self.bytes.len() > HEAD_BYTES_MAX) {
            (true, true, _) => Err(Error::HungUp),
            (true, false, _) => Err(Error::Answer { what: "less than it announced" }),
            (false, _, true) if find(&self.bytes, b"\r\n\r\n").is_none() => {
                Err(Error::Answer { what: "a head of more than 64 KiB" })
            }
            (false, ..) => Ok(None),
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

type Head = (u16, Vec<(String, String)>);

fn parse(head: &[u8]) -> Result<Head, Error> {
    let strange = Error::Answer { what: "what is no HTTP/1.1" };
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5)?.parse().ok())
        .ok_or(strange)?;
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) =
            line.split_once(':').ok_or(Error::Answer { what: "a header without a colon" })?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok((status, headers))
}

fn frame(answer: &Answer) -> Result<Frame, Error> {
    if matches!(answer.status, 204 | 304) {
        return Ok(Frame::Length(0));
    }
    if let Some(coding) = answer.header("transfer-encoding") {
        let chunked = coding.eq_ignore_ascii_case("chunked");
        return if chunked {
            Ok(Frame::Chunked)
        } else {
            Err(Error::Answer { what: "an unknown coding" })
        };
    }
    match answer.header("content-length").map(str::parse) {
        None => Ok(Frame::End),
        Some(Ok(length)) if length <= BODY_BYTES_MAX => Ok(Frame::Length(length)),
        Some(_) => Err(Error::Answer { what: "more than 8 MiB" }),
    }
}

/// The body, once all of it is there.
fn unframed(bytes: &[u8], frame: Frame, over: bool) -> Result<Option<Vec<u8>>, Error> {
    match frame {
        Frame::Length(length) => Ok(bytes.get(..length).map(<[u8]>::to_vec)),
        Frame::End => Ok(over.then(|| bytes.to_vec())),
        Frame::Chunked => chunks(bytes),
    }
}

fn chunks(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let strange = || Error::Answer { what: "a chunk without its length" };
    let mut body = Vec::new();
    loop {
        let Some(at) = find(bytes, b"\r\n") else { return Ok(None) };
        let (line, rest) = bytes.split_at(at);
        let digits = line.split(|b| *b == b';').next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(|_| strange())?.trim();
        let length = usize::from_str_radix(digits, 16).map_err(|_| strange())?;
        let rest = rest.get(2..).unwrap_or_default();
        if length == 0 {
            // No trailer is asked for; one that comes ends with an empty line.
            let end = rest.starts_with(b"\r\n") || find(rest, b"\r\n\r\n").is_some();
            return Ok(end.then_some(body));
        }
        let end = length.checked_add(2).filter(|end| *end <= BODY_BYTES_MAX).ok_or_else(strange)?;
        let Some(content) = rest.get(..end) else { return Ok(None) };
        body.extend_from_slice(content.get(..length).unwrap_or_default());
        bytes = rest.get(end..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same whether it comes at once or byte by byte.
    fn read(text: &str, over: bool) -> Result<Option<(Answer, bool)>, Error> {
        let whole = Reading::default().take(text.as_bytes(), over);
        let whole = whole.map(|found| found.map(|whole| (whole.answer, whole.keeps)));
        let mut reading = Reading::default();
        let mut found = Ok(None);
        for byte in text.bytes() {
            found = reading.take(&[byte], false);
            if !matches!(found, Ok(None)) {
                break;
            }
        }
        if matches!(found, Ok(None)) && over {
            found = reading.take(&[], true);
        }
        let found = found.map(|found| found.map(|whole| whole.answer));
        match (&whole, &found) {
            (Ok(Some((one, _))), Ok(Some(other))) => assert_eq!(one, other),
            (Ok(None), Ok(None)) | (Err(_), Err(_)) => {}
            other => panic!("{text:?}: {other:?}"),
        }
        whole
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_no_further() {
        let check = |text: &str, over: bool, status: u16, body: &str, keeps: bool| {
            let (answer, kept) = read(text, over).expect("reads").expect("is whole");
            assert_eq!(
                (answer.status, answer.text().as_str(), kept),
                (status, body, keeps),
                "{text}"
            );
        };
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, 200, "ok", true);
        check("HTTP/1.1 204 No\r\n\r\n", false, 204, "", true);
        check(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            false,
            200,
            "",
            false,
        );
        check("HTTP/1.0 404 No\r\n\r\ngone", true, 404, "gone", false);
        check(
            "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            false,
            200,
            "x",
            true,
        );
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        check(chunked, false, 200, "abcde", true);
    }

    #[test]
    fn what_is_no_answer_is_an_error_and_what_is_cut_off_too() {
        for (text, over) in [
            ("", true),
            ("SSH-2.0-x\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", false),
        ] {
            assert!(read(text, over).is_err(), "{text:?}");
        }
        assert!(matches!(read("HTTP/1.1 200 OK\r\nContent-Le", false), Ok(None)));
    }

    #[test]
    fn a_header_that_comes_twice_has_no_one_value() {
        let text = "HTTP/1.1 204 No\r\nA: 1\r\na: 2\r\nB: 3\r\n\r\n";
        let (answer, _) = read(text, false).expect("reads").expect("is whole");
        assert_eq!((answer.header("a"), answer.header("b")), (None, Some("3")));
        assert_eq!(answer.all("a").collect::<Vec<_>>(), ["1", "2"]);
    }
}
