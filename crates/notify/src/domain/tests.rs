//! The checks over zones that are written down, row by row.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const RSA: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA";

fn domain() -> Domain {
    Domain {
        from: "example.org".to_owned(),
        signing: "example.org".to_owned(),
        keys: vec![("s-rsa".to_owned(), "rsa", RSA.to_owned())],
        spf: vec!["include:spf.example.net".to_owned()],
        reports: Some(Mailbox::parse("reports@example.org").expect("an address")),
        mx: Vec::new(),
    }
}

/// A zone: lines of name, kind and text. What is not in it is not there.
fn zone(lines: &[&str]) -> Answers {
    let mut answers: BTreeMap<Asked, Lookup> = BTreeMap::new();
    for line in lines {
        let mut words = line.splitn(3, ' ');
        let name = words.next().expect("a name").to_owned();
        let kind = match words.next().expect("a kind") {
            "A" => Kind::A,
            "AAAA" => Kind::Aaaa,
            "MX" => Kind::Mx,
            _ => Kind::Txt,
        };
        let asked = Asked { name, kind };
        let text = words.next().unwrap_or_default().to_owned();
        if text == "SERVFAIL" {
            answers.insert(asked, Lookup::Failed);
        } else if let Lookup::Found(texts) =
            answers.entry(asked).or_insert_with(|| Lookup::Found(Vec::new()))
        {
            texts.push(text);
        }
    }
    answers
}

/// The findings over a zone, and how much was asked.
fn found(domain: &Domain, zone: &Answers) -> (Vec<Finding>, usize) {
    let mut answers = Answers::new();
    loop {
        match examine(domain, &answers) {
            Ok(findings) => return (findings, answers.len()),
            Err(asked) => {
                let lookup = zone.get(&asked).cloned().unwrap_or(Lookup::Nothing);
                assert!(answers.insert(asked, lookup).is_none(), "nothing is asked twice");
                assert!(answers.len() < QUESTIONS_MAX, "the questions end");
            }
        }
    }
}

const GOOD: [&str; 5] = [
    "example.org MX mail.example.org",
    "example.org TXT v=spf1 include:spf.example.net -all",
    "spf.example.net TXT v=spf1 ip4:192.0.2.0/24 -all",
    "_dmarc.example.org TXT v=DMARC1; p=reject; adkim=s; rua=mailto:reports@example.org",
    "s-rsa._domainkey.example.org TXT v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
];

/// The good zone with every line about `name` replaced.
fn with(name: &str, lines: &[&str]) -> Answers {
    let head = format!("{name} ");
    let kept = GOOD.iter().copied().filter(|line| !line.starts_with(&head));
    zone(&kept.chain(lines.iter().copied()).collect::<Vec<_>>())
}

/// The worst finding on a subject, as text with the record to set.
fn said(zone: &Answers, subject: &str) -> String {
    let (findings, _) = found(&domain(), zone);
    let worst = findings.iter().filter(|finding| finding.subject == subject);
    let worst = worst.max_by_key(|finding| finding.weight).expect("a finding");
    let set = worst.set.as_ref().map(|set| format!(" => {}: {}", set.name, set.text));
    format!("{:?}: {}{}", worst.weight, worst.text, set.unwrap_or_default())
}

#[track_caller]
fn check(zone: &Answers, subject: &str, want: &str) {
    let said = said(zone, subject);
    assert!(said.starts_with(want), "{said}");
}

#[test]
fn what_is_generated_is_what_is_wanted() {
    let (findings, _) = found(&domain(), &zone(&GOOD));
    assert!(findings.iter().all(|f| f.weight == Weight::Good && f.set.is_none()), "{findings:#?}");
    // The records that are printed pass the check that reads them, whatever the settings.
    let mut other = domain();
    other.from = "mail.example.org".to_owned();
    other.spf = vec!["mx".to_owned(), "ip4:192.0.2.7".to_owned()];
    other.mx = vec!["mx.example.org".to_owned()];
    let records = records(&other);
    let mut lines: Vec<String> =
        records.iter().map(|record| format!("{} TXT {}", record.name, record.text)).collect();
    lines.push("mail.example.org MX mx.example.org".to_owned());
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let (findings, _) = found(&other, &zone(&lines));
    assert!(findings.iter().all(|f| f.weight == Weight::Good), "{findings:#?}");
    let names: Vec<&str> = records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "mail.example.org",
            "s-rsa._domainkey.example.org",
            "_dmarc.mail.example.org",
            "_mta-sts.mail.example.org",
            "_smtp._tls.mail.example.org",
        ]
    );
}

#[track_caller]
fn spf(lines: &[&str], want: &str) {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| {
            if line.to_lowercase().starts_with("v=") {
                format!("example.org TXT {line}")
            } else {
                (*line).to_owned()
            }
        })
        .chain(["example.org MX mail.example.org".to_owned()])
        .collect();
    check(&with("example.org", &lines.iter().map(String::as_str).collect::<Vec<_>>()), "SPF", want);
}

#[test]
fn spf_is_read_as_receivers_read_it() {
    spf(
        &[],
        "Wrong: there is no SPF record: anybody's server may pass for one of this domain => example.org: v=spf1 include:spf.example.net -all",
    );
    spf(&["v=spf10 -all"], "Wrong: there is no SPF record");
    spf(
        &["v=spf1 include:spf.example.net -all", "v=spf1 -all"],
        "Wrong: there is more than one SPF record",
    );
    spf(
        &[
            "v=spf1 a mx:other.example ~all",
            "example.org A 192.0.2.1",
            "other.example MX m.example",
        ],
        "Wrong: include:spf.example.net is missing: the servers that send are not in it => example.org: v=spf1 include:spf.example.net a mx:other.example ~all",
    );
    spf(
        &["V=SPF1 +Include:SPF.example.net ~all"],
        "Good: it names the servers that send, with 1 of 10 look-ups",
    );
    spf(
        &["v=spf1 include:spf.example.net"],
        "Wrong: it does not end in -all or ~all, so it forbids nobody => example.org: v=spf1 include:spf.example.net -all",
    );
    spf(&["v=spf1 include:spf.example.net ?all"], "Wrong: it does not end");
    spf(&["v=spf1 include:spf.example.net +all"], "Wrong: it ends in +all");
    spf(&["v=spf1 include:spf.example.net all"], "Wrong: it ends in +all");
    spf(&["v=spf1 include:spf.example.net ptr -all"], "Advice: it uses ptr");
    spf(
        &["v=spf1 include:spf.example.net ipv4:1.2.3.4 -all"],
        "Wrong: example.org: \"ipv4:1.2.3.4\" is no term of SPF => example.org: v=spf1 include:spf.example.net -all",
    );
    spf(&["v=spf1 include:spf.example.net ip4:1.2.3 -all"], "Wrong: example.org: \"ip4:1.2.3\"");
    spf(
        &["v=spf1 include:nowhere.example -all"],
        "Wrong: nowhere.example is included and has no SPF record",
    );
    spf(
        &["v=spf1 include:spf.example.net redirect=end.example", "end.example TXT v=spf1 -all"],
        "Good: it names the servers that send, with 2 of 10",
    );
    spf(
        &["v=spf1 include:spf.example.net a:x.example a:y.example mx:z.example -all"],
        "Wrong: more than two of its names are found nowhere",
    );
}

#[test]
fn spf_costs_what_receivers_count() {
    // Itself, for ever.
    spf(&["v=spf1 include:example.org -all"], "Wrong: it takes 11 look-ups");
    let eleven: Vec<String> = (0..11).map(|n| format!("exists:%{{i}}.{n}.example ")).collect();
    let eleven = eleven.concat();
    spf(&[&format!("v=spf1 {eleven}-all")], "Wrong: it takes 11 look-ups");
    spf(&[&format!("v=spf1 include:spf.example.net -all {eleven}")], "Good");
    check(
        &with("example.org", &["example.org MX m.example", "example.org TXT SERVFAIL"]),
        "SPF",
        "Wrong: the resolver",
    );
}

#[test]
fn a_keys_record_is_held_against_the_key() {
    let dkim = |text: &str, want: &str| {
        let line = format!("s-rsa._domainkey.example.org TXT {text}");
        check(&with("s-rsa._domainkey.example.org", &[&line]), "DKIM", want);
    };
    let good = format!("v=DKIM1; k=rsa; p={RSA}");
    dkim(&good, "Good: the rsa key is published");
    dkim(&format!("p={RSA}"), "Good");
    dkim(&format!("v=DKIM1;k=rsa;h=sha1:sha256;s=*;p={} {};", &RSA[..10], &RSA[10..]), "Good");
    dkim(
        &good[..40],
        &format!(
            "Wrong: it is another key than the one that signs here, or a part of it => s-rsa._domainkey.example.org: {good}"
        ),
    );
    dkim("v=DKIM1; k=rsa; p=", "Wrong: the key is revoked");
    dkim(&format!("v=DKIM1; k=ed25519; p={RSA}"), "Wrong: it is a key of another kind");
    dkim(&format!("v=DKIM2; p={RSA}"), "Wrong: its version is not DKIM1");
    dkim(&format!("p={RSA}; v=DKIM1"), "Wrong: its version does not come first");
    dkim(&format!("v=DKIM1; h=sha1; p={RSA}"), "Wrong: it does not allow SHA-256");
    dkim(&format!("v=DKIM1; s=web; p={RSA}"), "Wrong: it is not for mail");
    dkim(&format!("v=DKIM1; t=y:s; p={RSA}"), "Advice: it says that it is a test");
    dkim(&format!("\"v=DKIM1; p={RSA}\""), "Wrong: the record is no list of tags");
    check(
        &with("s-rsa._domainkey.example.org", &[]),
        "DKIM",
        "Wrong: the key's record is missing =>",
    );
    let twice = format!("s-rsa._domainkey.example.org TXT {good}");
    check(
        &with("s-rsa._domainkey.example.org", &[&twice, &twice]),
        "DKIM",
        "Wrong: there are several",
    );
}

#[test]
fn the_policy_is_found_and_its_alignment_checked() {
    let dmarc = |text: &str, want: &str| {
        let line = format!("_dmarc.example.org TXT {text}");
        check(&with("_dmarc.example.org", &[&line]), "DMARC", want);
    };
    dmarc("v=DMARC1; p=quarantine", "Good: forged mail: quarantine");
    dmarc(
        "v=DMARC1; p=none",
        "Advice: forged mail is let through (p=none): set this once the reports are clean => _dmarc.example.org: v=DMARC1; p=reject; adkim=s; rua=mailto:reports@example.org",
    );
    dmarc("v=DMARC1; p=reject; pct=20", "Advice: reject, but only for a part");
    dmarc("v=DMARC1", "Wrong: it has no policy");
    dmarc("v=DMARC1; p=reject; p=none", "Wrong: the record is no list of tags");
    dmarc(
        "v=DMARC1; p=reject; rua=mailto:x@else.example",
        "Advice: reports to else.example are not sent: that domain has not agreed => example.org._report._dmarc.else.example: v=DMARC1",
    );
    dmarc("v=DMARC1; p=reject; rua=https://else.example", "Advice: rua=");
    check(&with("_dmarc.example.org", &[]), "DMARC", "Wrong: there is no DMARC record");
    let agreed = [
        "_dmarc.example.org TXT v=DMARC1; p=reject; rua=mailto:x@else.example!10m",
        "example.org._report._dmarc.else.example TXT v=DMARC1",
    ];
    check(&with("_dmarc.example.org", &agreed), "DMARC", "Good");
    let alignment = |from: &str, signing: &str, policy: &str, want: &str| {
        let mut domain = domain();
        (domain.from, domain.signing) = (from.to_owned(), signing.to_owned());
        let line = format!("_dmarc.example.org TXT {policy}");
        let (findings, _) = found(&domain, &with("_dmarc.example.org", &[&line]));
        let worst = findings.iter().filter(|f| f.subject == "DMARC").max_by_key(|f| f.weight);
        let text = format!("{:?}: {}", worst.expect("one").weight, worst.expect("one").text);
        assert!(text.starts_with(want), "{from} {signing}: {text}");
    };
    alignment(
        "a.example.org",
        "example.org",
        "v=DMARC1; p=reject",
        "Good: forged mail: reject (from example.org)",
    );
    alignment(
        "a.example.org",
        "example.org",
        "v=DMARC1; p=reject; sp=none",
        "Advice: forged mail is let through (p=none) (from example.org)",
    );
    alignment("a.example.org", "b.example.org", "v=DMARC1; p=reject", "Good");
    alignment(
        "a.example.org",
        "example.org",
        "v=DMARC1; p=reject; adkim=s",
        "Wrong: adkim=s wants signatures of a.example.org itself",
    );
    alignment(
        "example.org",
        "badexample.org",
        "v=DMARC1; p=reject",
        "Wrong: badexample.org signs, which has nothing to do with example.org",
    );
}

#[test]
fn a_domain_that_takes_no_mail_is_told() {
    let spf = GOOD[1];
    check(&with("example.org", &[spf]), "MX", "Wrong: it has neither");
    check(
        &with("example.org", &[spf, "example.org AAAA 2001:db8::1"]),
        "MX",
        "Advice: it has an address",
    );
    check(
        &with("example.org", &[spf, "example.org MX "]),
        "MX",
        "Wrong: the domain says that it takes no mail",
    );
}

#[test]
fn a_long_text_is_cut_into_strings() {
    let record = Record {
        name: "s._domainkey.example.org".to_owned(),
        text: format!("v=DKIM1; p={}", "A".repeat(392)),
    };
    let line = record.zone_line();
    let strings: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    assert_eq!(strings.iter().map(|string| string.len()).collect::<Vec<_>>(), [255, 148]);
    assert_eq!(strings.concat(), record.text);
    assert!(line.starts_with("s._domainkey.example.org. 3600 IN TXT \"v=DKIM1; p=AAA"));
    let odd = Record { name: "a.example".to_owned(), text: r#"a"b\c"#.to_owned() };
    assert_eq!(odd.zone_line(), r#"a.example. 3600 IN TXT "a\"b\\c""#);
}

proptest! {
    /// Whatever stands in DNS: the questions end, and there is a finding on each subject.
    #[test]
    fn any_zone_is_judged(
        spf in "(v=spf1)?( (include:|a:|mx:|redirect=|exists:|[?~+-]?all|ip4:)[a-c]\\.(org|example\\.org)?){0,14}",
        texts in proptest::collection::vec("(v=DMARC1|v=DKIM1|v=spf1|p=|k=|;| |:|=|[a-z]|include:a.example.org){0,12}", 0..6),
    ) {
        let names = ["example.org", "_dmarc.example.org", "s-rsa._domainkey.example.org", "a.org", "a.example.org", "_dmarc.org"];
        let mut lines = vec![format!("example.org TXT {spf}"), format!("a.example.org TXT {spf}")];
        lines.extend(names.iter().zip(&texts).map(|(name, text)| format!("{name} TXT {text}")));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let (findings, _) = found(&domain(), &zone(&lines));
        for subject in ["MX", "SPF", "DKIM", "DMARC"] {
            prop_assert!(findings.iter().any(|finding| finding.subject == subject));
        }
    }
}
