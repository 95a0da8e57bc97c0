//! What it costs to check a licence without any network. `cargo bench -p license`.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "a bench measures time and prints it"
)]

use license::{CheckIn, LicenseFile, Term, Terms};
use seal::{Secret, SigningKey};
use std::time::Instant;

const TIMES: u32 = 5_000;

fn main() {
    let key = SigningKey::from_seed(&Secret::new([7; 32]));
    let on = |day: &str| format!("{day}T00:00:00Z").parse().expect("a date");
    let terms = Terms {
        license: "lic-1".into(),
        edition: "pro".into(),
        entitlements: ["backtest", "live", "venues"].map(str::to_owned).into(),
        instances: 2,
        issued: on("2026-11-29"),
        not_before: on("2026-11-29"),
        paid_until: on("2027-11-29"),
        hard_until: on("2027-12-29"),
        grace_hours: 72,
        term: Term::Paid,
        check_in: CheckIn::Never,
        instance: None,
        policy: 1,
    };
    let text = terms.sign(&key).expect("these terms hold");
    let issuers = [*key.verifying_key()];
    let start = Instant::now();
    for _ in 0..TIMES {
        assert!(LicenseFile::verify(std::hint::black_box(&text), &issuers).is_ok());
    }
    println!("verify a licence file of {} bytes: {:?}", text.len(), start.elapsed() / TIMES);
}
