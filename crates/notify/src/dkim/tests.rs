//! The RFCs' own examples, and what a signature must survive and must not.

#![allow(clippy::indexing_slicing, reason = "a test may stop at what it does not find")]

use super::*;
use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
    signature::{RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey},
};
use proptest::prelude::*;
use seal::{Secret, VerifyingKey, rsa_verify};

/// RFC 8463, appendix A.3: the message, and the two fields that sign it. (Code from RFCs is under the
/// Revised BSD licence of the IETF Trust.)
const MESSAGE: &str = "From: Joe SixPack <joe@football.example.com>\r\n\
To: Suzie Q <suzie@shopping.example.net>\r\n\
Subject: Is dinner ready?\r\n\
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
\r\n\
Hi.\r\n\
\r\n\
We lost the game.  Are you hungry yet?\r\n\
\r\n\
Joe.\r\n";
const NAMES: [&str; 8] = ["from", "to", "subject", "date", "message-id", "from", "subject", "date"];
const BODY_HASH: &str = "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=";
const ED25519_FIELD: &str = " v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n \
d=football.example.com; i=@football.example.com;\r\n \
q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n \
subject : date : message-id : from : subject : date;\r\n \
bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
const ED25519_SEED: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
const ED25519_PUBLIC: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const ED25519_SIGNATURE: &str =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";
const RSA_FIELD: &str = " v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n \
d=football.example.com; i=@football.example.com;\r\n \
q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n \
date : message-id : from : subject : date;\r\n \
bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
const RSA_PUBLIC: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
const RSA_SIGNATURE: &str = "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=";

fn bytes(text: &str) -> Vec<u8> {
    BASE64.decode(text).expect("Base64")
}

fn ed25519() -> SigningKey {
    let seed: [u8; 32] = bytes(ED25519_SEED).try_into().expect("32 bytes");
    SigningKey::from_seed(&Secret::new(seed))
}

#[test]
fn the_signatures_of_rfc_8463_come_out() {
    // The example's body is hashed with the empty line that the RFC prints behind it or without: relaxed
    // bodies end at their last line.
    let message = format!("{MESSAGE}\r\n");
    let parts = Parts::of(message.as_bytes()).expect("a message");
    assert_eq!(BASE64.encode(sha256(&body(parts.body))), BODY_HASH);
    let text = signed_text(&parts, &NAMES, &header("DKIM-Signature", ED25519_FIELD.as_bytes()));
    let key = DkimKey::Ed25519(Box::new(ed25519()));
    assert_eq!(key.public(), ED25519_PUBLIC);
    assert_eq!(BASE64.encode(key.sign(&text)), ED25519_SIGNATURE);
    // The RFC's RSA key has 1,024 bits, which we do not sign with; that its signature is over our text
    // shows that the text is right.
    let text = signed_text(&parts, &NAMES, &header("DKIM-Signature", RSA_FIELD.as_bytes()));
    UnparsedPublicKey::new(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, bytes(RSA_PUBLIC))
        .verify(&text, &bytes(RSA_SIGNATURE))
        .expect("the RFC's signature");
}

#[test]
fn the_canonical_forms_of_rfc_6376_come_out() {
    // Section 3.4.5.
    let message = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
    let parts = Parts::of(message).expect("a message");
    assert_eq!(signed_text(&parts, &["a", "B"], b""), b"a:X\r\nb:Y Z\r\n");
    assert_eq!(body(parts.body), b" C\r\nD E\r\n");
    let check = |text: &str, want: &str| {
        assert_eq!(String::from_utf8_lossy(&body(text.as_bytes())), want, "{text:?}");
    };
    check("", "");
    check("\r\n", "");
    check(" \t\r\n\r\n", "");
    check("x", "x\r\n");
    check("x\r\n\r\ny\t \r\n \r\n", "x\r\n\r\ny\r\n");
    // Section 5.4.2: the same name twice is taken from the bottom; more often than it is there, as nothing.
    let parts = Parts::of(b"A: 1\r\nB: x\r\na: 2\r\n\r\n").expect("a message");
    assert_eq!(signed_text(&parts, &["a", "a", "a", "c"], b"own:1\r\n"), b"a:2\r\na:1\r\nown:1");
}

#[test]
fn what_servers_read_in_two_ways_is_not_signed() {
    let keys = signer();
    let check = |message: &str, why: &str| {
        let found = keys.sign(message.as_bytes(), now()).expect_err("is refused").to_string();
        assert!(found.contains(why), "{message:?}: {found}");
    };
    check("From: a\n\nx", "CR or LF alone");
    check("From: a\r\n\r\nx\n.\r\n", "CR or LF alone");
    check("From: a\r\n\r\nx\r", "CR or LF alone");
    check("From: a\r\nno colon\r\n\r\n", "no colon");
    check("From: a\r\n: b\r\n\r\n", "no proper name");
    check("From: a\r\n", "no empty line");
    check(&format!("{}\r\n", "A: b\r\n".repeat(65)), "more than 64");
    check(&format!("A: b\r\n\r\n{}", "x".repeat(300_000)), "larger than");
}

#[test]
fn a_signer_needs_a_domain_and_selectors() {
    let check = |domain: &str, selectors: &[&str], want: bool| {
        let keys =
            selectors.iter().map(|s| ((*s).to_owned(), DkimKey::Ed25519(Box::new(ed25519()))));
        assert_eq!(Signer::new(domain, keys.collect()).is_ok(), want, "{domain} {selectors:?}");
    };
    check("example.org", &["a", "b-2"], true);
    check("example.org", &["2027.mail"], true);
    check("example.org", &[], false);
    check("example.org", &["a", "a"], false);
    check("example.org", &["A"], false);
    check("example.org", &["a;b"], false);
    check("example.org", &["a..b"], false);
    check("example.org", &["a", "b", "c", "d", "e"], false);
    check("localhost", &["a"], false);
}

fn now() -> Timestamp {
    Timestamp::from_second(1_764_422_678).expect("in range")
}

fn signer() -> Signer {
    static RSA: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    let der = RSA.get_or_init(|| {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).expect("DER").as_ref().to_vec()
    });
    let rsa = RsaSigningKey::from_pkcs8(&Secret::new(der.clone())).expect("a key");
    let keys = vec![
        ("ed".to_owned(), DkimKey::Ed25519(Box::new(ed25519()))),
        ("rsa".to_owned(), DkimKey::Rsa(Box::new(rsa))),
    ];
    Signer::new("football.example.com", keys).expect("a signer")
}

/// The smallest verifier that can judge these tests: fields from the bottom, relaxed/relaxed. It shares the
/// canonical forms with the signer, which the RFCs' examples hold; dkimpy judges all of it from outside.
fn verifies(mail: &[u8], keys: &Signer) -> bool {
    let Ok(parts) = Parts::of(mail) else { return false };
    let mut good = 0;
    for nth in 0..parts.count("DKIM-Signature") {
        let raw = parts.known_value("DKIM-Signature", nth);
        let flat: String = String::from_utf8_lossy(raw).replace(['\r', '\n', ' ', '\t'], "");
        let tag = |name: &str| {
            let head = format!("{name}=");
            flat.split(';').find_map(|tag| tag.strip_prefix(&head)).unwrap_or_default().to_owned()
        };
        let text = String::from_utf8_lossy(raw).into_owned();
        let behind = text.find("bh=").expect("a body's hash");
        let behind = behind + text[behind..].find(';').expect("an end");
        let blank = &text[..behind + text[behind..].find("b=").expect("a signature") + 2];
        let names = tag("h");
        let names: Vec<&str> = names.split(':').collect();
        let input = signed_text(&parts, &names, &header("DKIM-Signature", blank.as_bytes()));
        let body_good = tag("bh") == BASE64.encode(sha256(&body(parts.body)));
        let Ok(signature) = BASE64.decode(tag("b")) else { return false };
        let key = keys.keys().find(|(selector, _)| *selector == tag("s"));
        let signature_good = match key.expect("a known selector").1 {
            DkimKey::Ed25519(key) => VerifyingKey::from_bytes(key.verifying_key().as_bytes())
                .and_then(|key| key.verify(&sha256(&input), &signature)),
            DkimKey::Rsa(key) => rsa_verify(key.public_der(), &input, &signature),
        };
        good += usize::from(body_good && signature_good.is_ok());
    }
    good == 2
}

#[test]
fn both_signatures_stand_before_the_message_and_hold() {
    let keys = signer();
    let signed = keys.sign(MESSAGE.as_bytes(), now()).expect("is signed");
    let text = String::from_utf8(signed.clone()).expect("ASCII");
    assert!(text.ends_with(MESSAGE));
    assert!(verifies(&signed, &keys));
    let head = &text[..text.len() - MESSAGE.len()];
    assert_eq!(head.matches("DKIM-Signature:").count(), 2);
    assert!(head.lines().all(|line| line.len() <= 78), "{head}");
    let flat = head.replace("\r\n ", "").replace(' ', "");
    assert!(flat.contains(
        "h=From:From:Sender:Reply-To:To:To:Cc:Subject:Subject:Date:Date:Message-ID:Message-ID:In-Reply-To:"
    ));
    assert!(flat.contains("t=1764422678;x=1765027478;"), "{flat}");
    // The same second gives the same bytes: nothing is drawn.
    assert_eq!(keys.sign(MESSAGE.as_bytes(), now()).expect("is signed"), signed);
}

/// What relaxed/relaxed lets pass: folding, runs of space, case of names, space at ends, empty lines at the end.
fn harmless(message: &str, choices: &[u8]) -> String {
    let mut choice = choices.iter().copied().cycle();
    let mut next = move || choice.next().unwrap_or(0);
    let (head, body) = message.split_once("\r\n\r\n").expect("a body");
    let mut out = String::new();
    for line in head.split("\r\n") {
        let continued = line.starts_with(' ');
        let (name, value) =
            if continued { ("", line) } else { line.split_once(':').expect("a colon") };
        if !continued {
            out.push_str(&if next() % 2 == 0 { name.to_uppercase() } else { name.to_lowercase() });
            out.push_str([":", " :", "\t: "][usize::from(next() % 3)]);
        }
        for (at, c) in value.chars().enumerate() {
            match c {
                // A fold here would make an empty line, and end the header.
                ' ' if at == 0 && continued => {
                    out.push_str([" ", "  ", "\t"][usize::from(next() % 3)]);
                }
                ' ' => out.push_str([" ", "  ", "\t", "\r\n ", " \r\n\t"][usize::from(next() % 5)]),
                c => out.push(c),
            }
        }
        out.push_str(["\r\n", " \r\n", "\t\r\n"][usize::from(next() % 3)]);
    }
    out.push_str("\r\n");
    for line in body.split_inclusive("\r\n") {
        let text = line.trim_end_matches("\r\n");
        let (inner, wide) = (text.trim_start(), ["  ", " \t ", " "][usize::from(next() % 3)]);
        let inner: Vec<&str> = inner.split(' ').filter(|word| !word.is_empty()).collect();
        if text.starts_with(' ') {
            out.push_str(wide);
        }
        out.push_str(&inner.join(wide));
        out.push_str(["", " ", "\t"][usize::from(next() % 3)]);
        out.push_str("\r\n");
    }
    out.push_str(&"\r\n".repeat(usize::from(next() % 4)));
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_relaxed_allows_changes_nothing(
        body in "([a-z .=]{0,30}\r\n){0,6}",
        subject in "[!-~]{1,20}( [!-~]{1,20}){0,3}",
        choices in proptest::collection::vec(any::<u8>(), 1..60),
    ) {
        let keys = signer();
        let message = MESSAGE.replace("Is dinner ready?", &subject);
        let message = format!("{}\r\n\r\n{body}", message.split_once("\r\n\r\n").expect("a body").0);
        let signed = keys.sign(message.as_bytes(), now()).expect("is signed");
        let changed = harmless(&String::from_utf8(signed).expect("ASCII"), &choices);
        prop_assert!(verifies(changed.as_bytes(), &keys), "{}", changed);
    }

    #[test]
    fn any_other_change_breaks_both(at in any::<proptest::sample::Index>(), byte in b'!'..=b'~') {
        let keys = signer();
        let signed = keys.sign(MESSAGE.as_bytes(), now()).expect("is signed");
        let start = signed.len() - MESSAGE.len();
        let at = start + at.index(MESSAGE.len());
        let mut changed = signed.clone();
        changed[at] = byte;
        // Space and line ends are what relaxed is lenient about; the case of a field's name, too.
        let lenient = |b: u8| b.is_ascii_whitespace() || b == b':';
        let name = |b: u8| b.to_ascii_lowercase();
        prop_assume!(!lenient(signed[at]) && name(signed[at]) != name(byte) && byte != b':');
        prop_assert!(!verifies(&changed, &keys), "{}", String::from_utf8_lossy(&changed));
    }

    #[test]
    fn a_field_that_is_added_breaks_both(which in 0..SIGNED.len(), top in any::<bool>()) {
        let keys = signer();
        let signed = keys.sign(MESSAGE.as_bytes(), now()).expect("is signed");
        let text = String::from_utf8(signed).expect("ASCII");
        let added = format!("{}: eve@example.net\r\n", SIGNED[which]);
        let changed = if top { format!("{added}{text}") } else { text.replacen("\r\n\r\n", &format!("\r\n{added}\r\n"), 1) };
        prop_assert!(!verifies(changed.as_bytes(), &keys), "{}", changed);
    }
}
