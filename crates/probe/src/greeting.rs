//! The first answer to a hello: a version and a suite, an alert, or nothing.

use crate::hello::TLS_1_2;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const SUPPORTED_VERSIONS: u16 = 43;
/// The longest first answer that is waited for.
pub(crate) const BYTES_MAX: usize = 16 << 10;

/// What a server says to an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// It agrees on this.
    Agreed {
        /// The version.
        version: u16,
        /// The suite.
        suite: u16,
    },
    /// It refuses by this alert.
    Alert(u8),
    /// It hangs up without a word.
    Closed,
    /// It says what is no TLS.
    Strange,
}

impl Greeting {
    /// Reads what has come so far; [`None`] while more must come. `over` says that nothing will.
    pub(crate) fn read(bytes: &[u8], over: Over) -> Option<Self> {
        let rest = match over {
            Over::Yes if bytes.is_empty() => return Some(Self::Closed),
            Over::Yes => Some(Self::Strange),
            Over::No => None,
        };
        let Some((head, content)) = bytes.split_first_chunk::<5>() else { return rest };
        let [kind, major, _, high, low] = *head;
        if major != 3 || !matches!(kind, ALERT | HANDSHAKE) {
            return Some(Self::Strange);
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(content) = content.get(..length) else { return rest };
        if kind == ALERT {
            return Some(content.get(1).map_or(Self::Strange, |&what| Self::Alert(what)));
        }
        Some(hello(content).unwrap_or(Self::Strange))
    }
}

/// Whether the other side has finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// It has.
    Yes,
    /// It has not.
    No,
}

fn hello(content: &[u8]) -> Option<Greeting> {
    let (&[kind, ..], body) = content.split_first_chunk::<4>()?;
    if kind != SERVER_HELLO {
        return None;
    }
    let (version, rest) = body.split_first_chunk::<2>()?;
    let (_, rest) = rest.split_first_chunk::<32>()?;
    let (&session, rest) = rest.split_first()?;
    let rest = rest.get(usize::from(session)..)?;
    let (suite, rest) = rest.split_first_chunk::<2>()?;
    let (_, rest) = rest.split_first()?;
    let legacy = u16::from_be_bytes(*version);
    let version = if legacy == TLS_1_2 { newer(rest).unwrap_or(legacy) } else { legacy };
    Some(Greeting::Agreed { version, suite: u16::from_be_bytes(*suite) })
}

/// The version that TLS 1.3 and later say in an extension.
fn newer(rest: &[u8]) -> Option<u16> {
    let (_, mut rest) = rest.split_first_chunk::<2>()?;
    while let Some((&[a, b, c, d], tail)) = rest.split_first_chunk::<4>() {
        let (content, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes([c, d])))?;
        if u16::from_be_bytes([a, b]) == SUPPORTED_VERSIONS {
            return content.try_into().ok().map(u16::from_be_bytes);
        }
        rest = tail;
    }
    None
}

/// The name of an alert (RFC 8446 §6.2), for people.
pub(crate) const fn alert(code: u8) -> &'static str {
    match code {
        0 => "close_notify",
        10 => "unexpected_message",
        40 => "handshake_failure",
        47 => "illegal_parameter",
        50 => "decode_error",
        70 => "protocol_version",
        71 => "insufficient_security",
        80 => "internal_error",
        86 => "inappropriate_fallback",
        109 => "missing_extension",
        112 => "unrecognized_name",
        120 => "no_application_protocol",
        _ => "another alert",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_hello(version: u16, suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([9; 32]);
        body.extend([0]);
        body.extend(suite.to_be_bytes());
        body.extend([0]);
        body.extend(u16::try_from(extensions.len()).expect("short").to_be_bytes());
        body.extend(extensions);
        let length = u8::try_from(body.len()).expect("short");
        let mut message = vec![2, 0, 0, length];
        message.extend(body);
        let length = u16::try_from(message.len()).expect("short").to_be_bytes();
        [&[22, 3, 3][..], &length, &message].concat()
    }

    #[test]
    fn what_a_server_says_first_is_read() {
        let check = |bytes: &[u8], over, want| assert_eq!(Greeting::read(bytes, over), want);
        let agreed = |version, suite| Some(Greeting::Agreed { version, suite });
        check(&server_hello(0x0302, 0x002f, &[]), Over::No, agreed(0x0302, 0x002f));
        check(&server_hello(0x0303, 0xc02b, &[]), Over::No, agreed(0x0303, 0xc02b));
        let newer = server_hello(0x0303, 0x1301, &[0, 43, 0, 2, 3, 4]);
        check(&newer, Over::No, agreed(0x0304, 0x1301));
        check(newer.get(..20).expect("part"), Over::No, None);
        check(newer.get(..20).expect("part"), Over::Yes, Some(Greeting::Strange));
        check(&[21, 3, 1, 0, 2, 2, 70], Over::No, Some(Greeting::Alert(70)));
        check(&[], Over::Yes, Some(Greeting::Closed));
        check(&[], Over::No, None);
        check(b"HTTP/1.1 400", Over::No, Some(Greeting::Strange));
        check(&[22, 3, 3, 0, 4, 11, 0, 0, 0], Over::No, Some(Greeting::Strange));
    }
}
