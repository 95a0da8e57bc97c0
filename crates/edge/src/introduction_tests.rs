//! What a proxy's word is, what is none, and that nothing behind it is touched.

use super::*;
use proptest::prelude::*;

/// The head of version 2 before `body`.
fn binary(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short");
    [&SIGNATURE[..], &[command, family], &length.to_be_bytes(), body].concat()
}

/// Source and goal of IPv4 in version 2, and what may follow.
fn four_body(source: [u8; 4], port: u16, rest: &[u8]) -> Vec<u8> {
    [&source[..], &[192, 0, 2, 1], &port.to_be_bytes(), &443_u16.to_be_bytes(), rest].concat()
}

fn six_body(source: &str, port: u16) -> Vec<u8> {
    let source: Ipv6Addr = source.parse().expect("an address");
    [&source.octets()[..], &[0; 16], &port.to_be_bytes(), &443_u16.to_be_bytes()].concat()
}

/// Reads as a connection would: as many bytes as are wanted, until it is whole or refused.
fn heard(bytes: &[u8]) -> Result<(Introduction, usize), String> {
    let mut end = 0;
    loop {
        let so_far = bytes.get(..end).ok_or("it ends too early")?;
        match Introduction::read(so_far).map_err(|error| error.why.to_owned())? {
            Heard::Wants(0) => return Err("it wants nothing, and is not whole".to_owned()),
            Heard::Wants(count) => end += count,
            Heard::Whole(introduction) => return Ok((introduction, end)),
        }
    }
}

fn shown(bytes: &[u8]) -> String {
    match heard(bytes) {
        Ok((Introduction::Client(address), _)) => address.to_string(),
        Ok((Introduction::Itself, _)) => "itself".to_owned(),
        Err(why) => why,
    }
}

#[test]
fn a_line_names_the_client_or_is_refused() {
    let check = |line: &str, want: &str| assert_eq!(shown(line.as_bytes()), want, "{line:?}");
    check("PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n", "203.0.113.7:56324");
    check("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535");
    check("PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n", "[2001:db8::7]:56324");
    check("PROXY TCP6 ::ffff:203.0.113.7 ::1 0 443\r\n", "203.0.113.7:0");
    check("PROXY UNKNOWN\r\n", "itself");
    check("PROXY UNKNOWN 203.0.113.7 192.0.2.1 56324 443\r\n", "itself");
    check("PROXY UNKNOWN whatever it is\r\n", "itself");
    let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(LINE_BYTES_MAX - 16));
    check(&longest, "itself");
    let longer = format!("PROXY UNKNOWN {}\r\n", "f".repeat(LINE_BYTES_MAX - 15));
    check(&longer, "its line is longer than 107 bytes");
    check(&format!("PROXY {}", "T".repeat(10_000)), "its line is longer than 107 bytes");
    for (line, why) in [
        ("GET / HTTP/1.1\r\n\r\n", "it begins with something else"),
        ("proxy TCP4 203.0.113.7 192.0.2.1 1 2\r\n", "it begins with something else"),
        ("PROXY  TCP4 203.0.113.7 192.0.2.1 1 2\r\n", "its line has more than six words"),
        ("PROXY TCP4 203.0.113.7  192.0.2.1 1 2\r\n", "its line has more than six words"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 1 2 \r\n", "its line has more than six words"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 1\r\n", "its line has fewer than six words"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 1 2\n\r\n", "its line ends without a carriage return"),
        ("PROXY TCP4\n203.0.113.7 192.0.2.1 1 2\r\n", "its line ends without a carriage return"),
        ("PROXY TCP4\t203.0.113.7 192.0.2.1 1 2\r\n", "its line has fewer than six words"),
        ("PROXY UNKNOWNX TCP4 1 2 3\r\n", "it comes by something other than TCP"),
        ("PROXY UDP4 203.0.113.7 192.0.2.1 1 2\r\n", "it comes by something other than TCP"),
        ("PROXY tcp4 203.0.113.7 192.0.2.1 1 2\r\n", "it comes by something other than TCP"),
        ("PROXY TCP4 ::1 192.0.2.1 1 2\r\n", "it names no address"),
        ("PROXY TCP6 203.0.113.7 2001:db8::1 1 2\r\n", "it names no address"),
        ("PROXY TCP4 203.0.113.7 2001:db8::1 1 2\r\n", "it names no address"),
        ("PROXY TCP4 203.0.113.07 192.0.2.1 1 2\r\n", "it names no address"),
        ("PROXY TCP4 203.0.113 192.0.2.1 1 2\r\n", "it names no address"),
        ("PROXY TCP4 example.org 192.0.2.1 1 2\r\n", "it names no address"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 65536 2\r\n", "it names no port"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 01 2\r\n", "it names no port"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 +1 2\r\n", "it names no port"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 1 -2\r\n", "it names no port"),
        ("PROXY TCP4 203.0.113.7 192.0.2.1 1 \r\n", "it names no port"),
    ] {
        check(line, why);
    }
    assert_eq!(shown(b"PROXY TCP4 \xff\xfe 192.0.2.1 1 2\r\n"), "its line is no text");
}

#[test]
fn bytes_name_the_client_or_are_refused() {
    let check = |bytes: &[u8], want: &str| assert_eq!(shown(bytes), want, "{bytes:02x?}");
    let plain = four_body([203, 0, 113, 7], 56324, b"");
    check(&binary(0x21, 0x11, &plain), "203.0.113.7:56324");
    // What else a proxy tells is skipped, whatever it is.
    let more = four_body([203, 0, 113, 7], 56324, b"\x04\x00\x03abc\xff\xff");
    check(&binary(0x21, 0x11, &more), "203.0.113.7:56324");
    check(&binary(0x21, 0x21, &six_body("2001:db8::7", 9)), "[2001:db8::7]:9");
    check(&binary(0x21, 0x21, &six_body("::ffff:203.0.113.7", 9)), "203.0.113.7:9");
    check(&binary(0x21, 0x00, b""), "itself");
    check(&binary(0x21, 0x00, b"anything"), "itself");
    // Its own check, with or without addresses, also of a family that is none.
    for family in [0x00, 0x11, 0x21, 0x31, 0xff] {
        check(&binary(0x20, family, b""), "itself");
        check(&binary(0x20, family, &plain), "itself");
    }
    check(&binary(0x21, 0x11, &four_body([1, 1, 1, 1], 1, &[0; BODY_BYTES_MAX - 12])), "1.1.1.1:1");
    let long = four_body([1, 1, 1, 1], 1, &[0; BODY_BYTES_MAX - 11]);
    check(&binary(0x21, 0x11, &long), "it is longer than 2048 bytes");
    check(&binary(0x20, 0x00, &vec![0; 65_535]), "it is longer than 2048 bytes");
    for family in [0x12, 0x22, 0x31, 0x32, 0x10, 0x01, 0x41, 0xff] {
        let why = "it comes by something other than TCP";
        check(&binary(0x21, family, &[0; 216]), why);
    }
    for command in [0x00, 0x10, 0x11, 0x22, 0x2f, 0x31, 0xff] {
        check(&binary(command, 0x11, &plain), "its version or command is none");
    }
    let short = "it has no room for its addresses";
    check(&binary(0x21, 0x11, &plain[..11]), short);
    check(&binary(0x21, 0x11, b""), short);
    check(&binary(0x21, 0x21, &[0; 35]), short);
    check(&binary(0x21, 0x21, &plain), short);
    check(&FOR_MYSELF, "itself");
    check(b"\r\n\r\n\0\r\nQUIX\n\x20\0\0\0", "it begins with something else");
    check(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00", "it begins with something else");
}

/// One of each that is good.
fn good() -> Vec<(Vec<u8>, Introduction)> {
    let client = |text: &str| Introduction::Client(text.parse().expect("an address"));
    let body = four_body([203, 0, 113, 7], 5, b"\x04\x00\x01x");
    vec![
        (b"PROXY TCP4 203.0.113.7 192.0.2.1 5 443\r\n".to_vec(), client("203.0.113.7:5")),
        (b"PROXY TCP6 2001:db8::7 ::1 5 443\r\n".to_vec(), client("[2001:db8::7]:5")),
        (b"PROXY UNKNOWN\r\n".to_vec(), Introduction::Itself),
        (binary(0x21, 0x11, &body), client("203.0.113.7:5")),
        (binary(0x21, 0x21, &six_body("2001:db8::7", 5)), client("[2001:db8::7]:5")),
        (FOR_MYSELF.to_vec(), Introduction::Itself),
    ]
}

#[tokio::test]
async fn however_it_is_cut_up_what_follows_is_left_alone() {
    let follows: &[u8] = b"\x16\x03\x01PROXY TCP4 9.9.9.9 9.9.9.9 9 9\r\n";
    for (said, want) in good() {
        let whole = [&said[..], follows].concat();
        for cut in 0..=whole.len() {
            let (first, second) = whole.split_at(cut);
            let mut stream = first.chain(second);
            let introduction = Introduction::hear(&mut stream).await.expect("good");
            assert_eq!(introduction, want, "cut at {cut}");
            let mut left = Vec::new();
            stream.read_to_end(&mut left).await.expect("reads");
            assert_eq!(left, follows, "cut at {cut}");
        }
        // A connection that ends before is refused, and says nothing.
        for end in 0..said.len() {
            let mut cut = said.get(..end).expect("shorter");
            let error = Introduction::hear(&mut cut).await.expect_err("cut off");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{end} of {said:02x?}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_that_comes_takes_more_than_its_bounds(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        for begin in [&b""[..], b"PROXY ", SIGNATURE, b"PROXY TCP4 "] {
            let bytes = [begin, &bytes].concat();
            if let Ok((_, end)) = heard(&bytes) {
                prop_assert!(end <= HEAD_BYTES + BODY_BYTES_MAX);
                prop_assert!(begin.starts_with(b"\r") || end <= LINE_BYTES_MAX);
            }
        }
    }

    #[test]
    fn what_is_written_is_what_is_read(
        four in any::<[u8; 4]>(),
        six in any::<[u8; 16]>(),
        port in any::<u16>(),
    ) {
        let (v4, v6) = (Ipv4Addr::from(four), Ipv6Addr::from(six));
        let want = |address: IpAddr| SocketAddr::new(address.to_canonical(), port).to_string();
        let line = format!("PROXY TCP4 {v4} 192.0.2.1 {port} 443\r\n");
        prop_assert_eq!(shown(line.as_bytes()), want(v4.into()));
        let line = format!("PROXY TCP6 {v6} ::1 {port} 443\r\n");
        prop_assert_eq!(shown(line.as_bytes()), want(v6.into()));
        prop_assert_eq!(shown(&binary(0x21, 0x11, &four_body(four, port, b""))), want(v4.into()));
        let six = six_body(&v6.to_string(), port);
        prop_assert_eq!(shown(&binary(0x21, 0x21, &six)), want(v6.into()));
    }
}
