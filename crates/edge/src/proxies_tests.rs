//! Who asks, and who only says so.

use super::*;
use proptest::prelude::*;

const PROXIES: &str = "10.0.0.0/8, 192.0.2.7, fd00::/8";

fn peer(text: &str) -> Peer {
    match text {
        "local" => Peer::Local,
        text => Peer::Network(SocketAddr::new(text.parse().expect("an address"), 4711)),
    }
}

fn asked(proxies: &Proxies, from: &str, lines: &[(&'static str, &str)]) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().expect("a value"));
    }
    match proxies.asker(peer(from), &headers) {
        Ok(Peer::Network(address)) => address.ip().to_string(),
        Ok(Peer::Local) => "local".to_owned(),
        Err(misled) => misled.why.to_owned(),
    }
}

#[test]
fn networks_are_read_and_what_is_none_is_refused() {
    let check = |text: &str, inside: &[&str], outside: &[&str]| {
        let network: Network = text.parse().expect(text);
        for one in inside {
            assert!(network.holds(one.parse().expect("an address")), "{one} in {text}");
        }
        for one in outside {
            assert!(!network.holds(one.parse().expect("an address")), "{one} in {text}");
        }
    };
    check("10.0.0.0/8", &["10.0.0.1", "10.255.255.255", "::ffff:10.1.1.1"], &["11.0.0.0", "::1"]);
    check("192.0.2.7", &["192.0.2.7"], &["192.0.2.6", "192.0.2.8"]);
    check("192.0.2.128/25", &["192.0.2.128", "192.0.2.255"], &["192.0.2.127"]);
    check("fd00::/8", &["fd00::1", "fdff::1"], &["fe00::1", "10.0.0.1"]);
    check("::1/128", &["::1"], &["::2", "127.0.0.1"]);
    for text in [
        "",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "10.0.0.0/0",
        "::/0",
        "10.0.0.0/",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0/8",
        "localhost",
        "::1/129",
        "::ffff:10.0.0.0/104",
        "10.0.0.0/999",
    ] {
        assert!(text.parse::<Network>().is_err(), "{text:?}");
    }
    assert!(Proxies::parse(&"10.0.0.1,".repeat(65), Telling::ForwardedFor).is_err());
    assert!(Proxies::parse("", Telling::ForwardedFor).expect("nobody").is_empty());
}

#[test]
fn only_a_proxy_on_the_list_is_believed_and_only_what_it_saw_itself() {
    let proxies = Proxies::parse(PROXIES, Telling::ForwardedFor).expect("a list");
    let check = |from: &str, lines: &[(&'static str, &str)], want: &str| {
        assert_eq!(asked(&proxies, from, lines), want, "{from} {lines:?}");
    };
    let said = "x-forwarded-for";
    // A stranger may write what it likes.
    check("198.51.100.9", &[(said, "203.0.113.1")], "198.51.100.9");
    check("198.51.100.9", &[(said, "10.0.0.1"), ("forwarded", "for=10.0.0.1")], "198.51.100.9");
    check("198.51.100.9", &[(said, "rubbish")], "198.51.100.9");
    check("local", &[(said, "203.0.113.1")], "local");
    check("10.0.0.1", &[(said, "203.0.113.1")], "203.0.113.1");
    check("::ffff:10.0.0.1", &[(said, "203.0.113.1")], "203.0.113.1");
    check("fd00::1", &[(said, "2001:db8::1")], "2001:db8::1");
    // What a client wrote stands to the left of what the proxy added.
    check("10.0.0.1", &[(said, "127.0.0.1, 203.0.113.1")], "203.0.113.1");
    check("10.0.0.1", &[(said, "127.0.0.1"), (said, "203.0.113.1")], "203.0.113.1");
    check("10.0.0.1", &[(said, "rubbish, \"203.0.113.1")], "a proxy names no address");
    check("10.0.0.1", &[(said, "\"rubbish, 203.0.113.1")], "203.0.113.1");
    check("10.0.0.1", &[(said, "'; drop, 203.0.113.1, 192.0.2.7, 10.9.9.9")], "203.0.113.1");
    check("10.0.0.1", &[(said, "192.0.2.7, 10.0.0.2")], "192.0.2.7");
    // Ports and brackets, as some proxies write them.
    check("10.0.0.1", &[(said, "203.0.113.1:4711")], "203.0.113.1");
    check("10.0.0.1", &[(said, "[2001:db8::1]:4711")], "2001:db8::1");
    check("10.0.0.1", &[(said, "[2001:db8::1]")], "2001:db8::1");
    check("10.0.0.1", &[(said, "::ffff:203.0.113.1")], "203.0.113.1");
    check("10.0.0.1", &[], "10.0.0.1");
    // The other header is whatever a client wrote.
    check("10.0.0.1", &[("forwarded", "for=203.0.113.9")], "10.0.0.1");
    check("10.0.0.1", &[(said, "203.0.113.1"), ("forwarded", "for=203.0.113.9")], "203.0.113.1");
}

#[test]
fn where_proxies_introduce_their_clients_no_header_is_read() {
    let headers = Proxies::parse(PROXIES, Telling::ForwardedFor).expect("a list");
    let first = headers.introducing();
    let said = [("x-forwarded-for", "203.0.113.1")];
    // A client that a proxy introduces may lie in its own network, and a proxy may speak for itself.
    assert_eq!(asked(&first, "10.0.0.1", &said), "10.0.0.1");
    assert_eq!(asked(&headers, "10.0.0.1", &said), "203.0.113.1", "the weak twin");
    assert_eq!(asked(&first, "10.0.0.1", &[("x-forwarded-for", "rubbish")]), "10.0.0.1");
    assert_eq!(asked(&first, "198.51.100.9", &said), "198.51.100.9");
    let introduces = |proxies: &Proxies, one: &str| proxies.introduces(peer(one));
    assert!(introduces(&first, "10.0.0.1") && introduces(&first, "::ffff:10.0.0.1"));
    assert!(!introduces(&first, "198.51.100.9") && !introduces(&headers, "10.0.0.1"));
    // By the socket comes a proxy that speaks HTTP: its header counts, as before.
    let socket = first.behind_socket();
    assert!(!introduces(&socket, "local") && !introduces(&first, "local"));
    assert_eq!(asked(&socket, "local", &said), "203.0.113.1");
    assert!(!Proxies::default().introducing().introduces(peer("127.0.0.1")));
}

#[test]
fn a_proxy_that_says_nothing_of_use_is_refused() {
    let proxies = Proxies::parse(PROXIES, Telling::ForwardedFor).expect("a list");
    let check = |value: &str, want: &str| {
        assert_eq!(asked(&proxies, "10.0.0.1", &[("x-forwarded-for", value)]), want, "{value}");
    };
    for value in ["unknown", "", "203.0.113.1,", "203.0.113.300", "203.0.113.1 x", "a.example"] {
        check(value, "a proxy names no address");
    }
    check(&"10.0.0.2, ".repeat(17), "a proxy names no address");
    check(&vec!["10.0.0.2"; 17].join(","), "it names more proxies than there can be");
    check(&"1".repeat(300), "it is too long");
    // A client that names thousands of hops is heard no further than to the one that it is.
    check(&format!("{}203.0.113.1", "1.1.1.1, ".repeat(3000)), "203.0.113.1");
    let socket = proxies.behind_socket();
    assert_eq!(asked(&socket, "local", &[]), "the proxy does not say who asks");
    assert_eq!(asked(&socket, "local", &[("x-forwarded-for", "203.0.113.1")]), "203.0.113.1");
}

#[test]
fn forwarded_is_read_as_it_is_written() {
    let proxies = Proxies::parse(PROXIES, Telling::Forwarded).expect("a list");
    let check = |value: &str, want: &str| {
        assert_eq!(asked(&proxies, "10.0.0.1", &[("forwarded", value)]), want, "{value}");
    };
    check("for=203.0.113.1", "203.0.113.1");
    check("For=\"203.0.113.1:80\";proto=https;by=10.0.0.1", "203.0.113.1");
    check("for=\"[2001:db8::1]:4711\"", "2001:db8::1");
    check("for=198.51.100.1, for=203.0.113.1", "203.0.113.1");
    check("for=203.0.113.1, for=10.0.0.9", "203.0.113.1");
    check("for=\"a, for=198.51.100.1\", for=203.0.113.1", "203.0.113.1");
    check("for=\"a, for=203.0.113.1", "203.0.113.1");
    check("for=_hidden", "a proxy names no address");
    check("for=unknown", "a proxy names no address");
    check("for=203.0.113.1;for=203.0.113.2", "a proxy names no address");
    check("proto=https", "a proxy names no address");
    check("203.0.113.1", "a proxy names no address");
    assert_eq!(asked(&proxies, "10.0.0.1", &[("x-forwarded-for", "203.0.113.1")]), "10.0.0.1");
}

proptest! {
    #[test]
    fn whatever_a_client_writes_what_the_proxy_adds_decides(written in "[ -~]{0,200}") {
        for (telling, name, added) in [
            (Telling::ForwardedFor, "x-forwarded-for", "203.0.113.1"),
            (Telling::Forwarded, "forwarded", "for=203.0.113.1"),
        ] {
            let proxies = Proxies::parse(PROXIES, telling).expect("a list");
            let line = format!("{written}, {added}");
            prop_assert_eq!(asked(&proxies, "10.0.0.1", &[(name, &line)]), "203.0.113.1");
            let lines = [(name, written.as_str()), (name, added)];
            prop_assert_eq!(asked(&proxies, "10.0.0.1", &lines), "203.0.113.1");
            prop_assert_eq!(asked(&proxies, "198.51.100.9", &lines), "198.51.100.9");
        }
    }
}
