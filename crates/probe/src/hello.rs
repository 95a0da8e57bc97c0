//! The first message of a handshake, written by hand: what no good TLS library can be made to offer.
//!
//! RFC 8446 §4.1.2 and RFC 5246 §7.4.1.2. Nothing is ever agreed on by it: only the first answer is read.

/// Versions as they travel.
pub(crate) const SSL_3_0: u16 = 0x0300;
pub(crate) const TLS_1_0: u16 = 0x0301;
pub(crate) const TLS_1_1: u16 = 0x0302;
pub(crate) const TLS_1_2: u16 = 0x0303;
pub(crate) const TLS_1_3: u16 = 0x0304;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURES: u16 = 13;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;
const RENEGOTIATION: u16 = 0xff01;
const X25519: u16 = 0x001d;
/// X25519, P-256, P-384, P-521, and two groups of finite fields.
const GROUPS: [u16; 6] = [X25519, 0x0017, 0x0018, 0x0019, 0x0100, 0x0101];
/// ECDSA, RSA-PSS, Ed25519, RSA PKCS#1, and the two with SHA-1 that old suites sign with.
const SCHEMES: [u16; 12] = [
    0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
];

/// What is offered.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer<'a> {
    /// The only version.
    pub version: u16,
    /// The suites, the best liked first.
    pub suites: &'a [u16],
}

impl Offer<'_> {
    /// The record to send. `seed` fills what is random; no secret comes of it.
    pub(crate) fn record(&self, host: &str, seed: &[u8; 32]) -> Vec<u8> {
        let mut body = self.version.min(TLS_1_2).to_be_bytes().to_vec();
        body.extend_from_slice(&seal::sha256_parts(&[seed, b"random"]));
        body.extend_from_slice(&short(&seal::sha256_parts(&[seed, b"session"])));
        body.extend_from_slice(&long(&words(self.suites)));
        body.extend_from_slice(&short(&[0]));
        // Before TLS 1.0 there was no place for extensions.
        if self.version > SSL_3_0 {
            body.extend_from_slice(&long(&self.extensions(host, seed)));
        }
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut message = vec![CLIENT_HELLO];
        message.extend_from_slice(length.get(1..).unwrap_or_default());
        message.extend_from_slice(&body);
        let mut record = vec![HANDSHAKE];
        record.extend_from_slice(&self.version.min(TLS_1_0).to_be_bytes());
        record.extend_from_slice(&long(&message));
        record
    }

    fn extensions(&self, host: &str, seed: &[u8; 32]) -> Vec<u8> {
        let mut all = Vec::new();
        // RFC 6066 §3: an address is no server name.
        if host.parse::<std::net::IpAddr>().is_err() {
            let name = [&[0][..], &long(host.as_bytes())].concat();
            all.extend(extension(SERVER_NAME, &long(&name)));
        }
        all.extend(extension(SUPPORTED_GROUPS, &long(&words(&GROUPS))));
        all.extend(extension(SIGNATURES, &long(&words(&SCHEMES))));
        if self.version == TLS_1_3 {
            all.extend(extension(SUPPORTED_VERSIONS, &short(&words(&[TLS_1_3]))));
            let share = [&words(&[X25519])[..], &long(&seal::sha256_parts(&[seed, b"share"]))];
            all.extend(extension(KEY_SHARE, &long(&share.concat())));
        } else {
            all.extend(extension(POINT_FORMATS, &short(&[0])));
            all.extend(extension(RENEGOTIATION, &short(&[])));
        }
        all
    }
}

fn extension(kind: u16, content: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &long(content)].concat()
}

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Behind its length in one byte.
fn short(content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("what is written here is short");
    [&[length], content].concat()
}

/// Behind its length in two bytes.
fn long(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).expect("a name has at most 253 bytes, all else less");
    [&length.to_be_bytes(), content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::server::Acceptor;

    #[test]
    fn another_implementation_reads_what_is_written() {
        for (version, suite) in [(TLS_1_2, 0xc02b), (TLS_1_3, 0x1301)] {
            let offer = Offer { version, suites: &[suite] };
            let record = offer.record("a.example", &[7; 32]);
            let mut acceptor = Acceptor::default();
            acceptor.read_tls(&mut record.as_slice()).expect("takes it");
            let accepted = acceptor.accept().expect("it is well made").expect("it is whole");
            let hello = accepted.client_hello();
            assert_eq!(hello.server_name(), Some("a.example"));
            let suites: Vec<u16> = hello.cipher_suites().iter().map(|&one| one.into()).collect();
            assert_eq!(suites, [suite]);
        }
    }

    #[test]
    fn the_oldest_has_no_extensions() {
        let offer = Offer { version: SSL_3_0, suites: &[0x000a] };
        let record = offer.record("a.example", &[7; 32]);
        assert_eq!(record.get(..3), Some(&[22, 3, 0][..]));
        assert_eq!(record.len(), 5 + 4 + 2 + 32 + 33 + 4 + 2);
        assert_ne!(record, offer.record("a.example", &[8; 32]));
    }
}
