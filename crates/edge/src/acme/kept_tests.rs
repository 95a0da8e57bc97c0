//! What is kept of what an ACME server issues, and what is not.

use super::*;
use crate::{AcmeTerms, Tls};
use jiff::SignedDuration;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use std::{os::unix::fs::PermissionsExt, path::Path};

const NAMES: &str = "trade.example.org, www.example.org";
const NOW: &str = "2026-06-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key")
}

/// An authority of this test's own, and a client that believes it.
struct Issuing {
    directory: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Issuing {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("an authority");
        std::fs::write(directory.path().join("root.pem"), issuer.pem()).expect("writes");
        Self { directory, issuer }
    }

    fn acme(&self, names: &str) -> Acme {
        let mut terms =
            AcmeTerms::parse("https://localhost:14000/dir", names, "").expect("good terms");
        terms.authority = Some(self.directory.path().join("root.pem"));
        Acme::open(&self.directory.path().join("acme"), terms).expect("opens")
    }

    /// The chain of a certificate of ninety days that began on the first of May.
    fn issue(&self, key: &KeyPair, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = rcgen::date_time_ymd(2026, 5, 1);
        params.not_after = rcgen::date_time_ymd(2026, 7, 30);
        params.signed_by(key, &self.issuer).expect("signs").pem()
    }
}

fn file_of(directory: &Path) -> PathBuf {
    let all = fs::read_dir(directory.join("acme")).expect("lists");
    let mut all = all.map(|entry| entry.expect("an entry").path());
    all.find(|path| path.extension().is_some_and(|end| end == "pem")).expect("a certificate")
}

#[test]
fn what_browsers_would_believe_is_kept_for_its_owner_alone_and_found_again() {
    let issuing = Issuing::new();
    let acme = issuing.acme(NAMES);
    assert!(acme.kept(at(NOW)).expect("reads").is_none());
    let key = new_key();
    let chain = issuing.issue(&key, &["trade.example.org", "www.example.org"]);
    let issued = acme.keep(&key, &chain, at(NOW)).expect("is believed");
    assert_eq!(issued.coverage, Coverage::Whole);
    let found = acme.kept(at(NOW)).expect("reads").expect("is there");
    assert_eq!(found.facts, issued.facts);
    let path = file_of(issuing.directory.path());
    let mode = fs::metadata(&path).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("sets");
    assert!(matches!(acme.kept(at(NOW)), Err(Error::KeyExposed { .. })));
    // Another directory's is not taken for this one's.
    let mut terms = acme.terms().clone();
    terms.directory = "https://localhost:14000/other".to_owned();
    let other = Acme::open(&issuing.directory.path().join("acme"), terms).expect("opens");
    assert!(other.kept(at(NOW)).expect("reads").is_none());
}

#[test]
fn what_no_browser_would_believe_never_takes_the_old_ones_place() {
    let issuing = Issuing::new();
    let acme = issuing.acme(NAMES);
    let key = new_key();
    let both = ["trade.example.org", "www.example.org"];
    let good = issuing.issue(&key, &both);
    let first = acme.keep(&key, &good, at(NOW)).expect("is believed");
    let check = |key: &KeyPair, chain: &str, now: &str, want: &str| {
        let refused = acme.keep(key, chain, at(now)).err().expect(want).to_string();
        assert!(refused.contains(want), "{want}: {refused}");
        let kept = acme.kept(at(NOW)).expect("reads").expect("the old one stays");
        assert_eq!(kept.facts, first.facts, "{want}");
    };
    check(&new_key(), &good, NOW, "does not fit the key");
    check(&key, &good, "2026-08-01T00:00:00Z", "not believed for");
    check(&key, &good, "2026-04-01T00:00:00Z", "not believed for");
    check(&key, &good, "2026-04-30T23:50:00Z", "not believed for");
    check(&key, &issuing.issue(&key, &["www.example.org"]), NOW, "trade.example.org");
    check(&key, &issuing.issue(&key, &["evil.example"]), NOW, "not believed for");
    check(&key, &Issuing::new().issue(&key, &both), NOW, "acme.authority");
    check(&key, "", NOW, "no chain");
    check(&key, "no PEM", NOW, "no chain");
    check(&key, &good.repeat(9), NOW, "at most 8");
    check(&key, &good.replace("-----BEGIN", "----BEGIN"), NOW, "no chain");
    // Clocks differ a little.
    acme.keep(&key, &good, at("2026-04-30T23:58:00Z")).expect("it has as good as begun");
}

#[test]
fn the_next_is_due_when_a_third_is_left_and_late_two_weeks_before_the_end() {
    let issuing = Issuing::new();
    let acme = issuing.acme(NAMES);
    let key = new_key();
    let chain = issuing.issue(&key, &["trade.example.org", "www.example.org"]);
    let issued = acme.keep(&key, &chain, at(NOW)).expect("is believed");
    assert_eq!(issued.due(), at("2026-06-30T00:00:00Z"));
    assert!(!issued.is_late(at("2026-07-15T23:59:59Z")));
    assert!(issued.is_late(at("2026-07-16T00:00:01Z")));
    // One of six days is not late from its first day on.
    let mut short = issued;
    short.begins = short.facts.expires.checked_sub(SignedDuration::from_hours(144)).expect("is");
    assert_eq!(short.due(), at("2026-07-28T00:00:00Z"));
    assert!(!short.is_late(at("2026-07-28T23:00:00Z")));
    assert!(short.is_late(at("2026-07-29T01:00:00Z")));
}

#[test]
fn a_name_that_is_added_is_due_at_once_and_the_others_go_on() {
    let issuing = Issuing::new();
    let key = new_key();
    let chain = issuing.issue(&key, &["trade.example.org"]);
    issuing.acme("trade.example.org").keep(&key, &chain, at(NOW)).expect("is believed");
    let found = issuing.acme(NAMES).kept(at(NOW)).expect("reads").expect("is there");
    assert_eq!(found.names, ["trade.example.org"]);
    assert_eq!(found.coverage, Coverage::Part);
    assert!(found.due() < at(NOW));
    let none = issuing.acme("other.example.org").kept(at(NOW)).expect("reads");
    assert!(none.is_none(), "it is for none of the names");
}

#[test]
fn the_world_sees_the_named_certificate() {
    let issuing = Issuing::new();
    let acme = issuing.acme("trade.example.org");
    let key = new_key();
    let chain = issuing.issue(&key, &["trade.example.org"]);
    let issued = acme.keep(&key, &chain, at(NOW)).expect("is believed");
    let own = crate::Authority::open_or_create(&issuing.directory.path().join("tls"), at(NOW));
    let tls = Tls::new(own.expect("an authority").leaf(at(NOW)).expect("a leaf")).expect("TLS");
    let before = tls.served().expect("a certificate");
    assert!(before.names.contains(&"localhost".to_owned()));
    tls.name(&issued);
    assert_eq!(tls.served().expect("a certificate"), issued.facts);
}

#[test]
fn a_damaged_account_is_no_account() {
    let issuing = Issuing::new();
    let acme = issuing.acme("trade.example.org");
    assert!(acme.account_kept().expect("reads").is_none());
    files::write_whole(&acme.account_path(), "{}", Readers::Owner).expect("writes");
    assert!(acme.account_kept().expect("reads").is_none());
    acme.forget_account().expect("removes");
    acme.forget_account().expect("is gone already");
}
