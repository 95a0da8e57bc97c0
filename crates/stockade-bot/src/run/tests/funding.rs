//! Funding: each payment once, and the kernel's cash is the venue's to the last unit.

use super::town::{Heard, Town};
use ::market::Money;

/// What the account received in all, by the venue's own cash: it traded nothing meanwhile.
fn paid(town: &Town, before: Money) -> Money {
    town.account.ledger().cash().minus(before).expect("small")
}

fn is_even(town: &Town, before: Money) {
    assert_eq!(town.counted(), town.account.ledger().cash(), "cash to the last unit");
    let shown = town.view().account.funding;
    assert_eq!(shown, paid(town, before).to_string());
}

#[test]
fn funding_is_counted_once_however_it_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut town = Town::new(dir.path());
    town.begin();
    town.run_to_ready();
    town.minute(10_000, 10_100);
    town.pass_seconds(5);
    assert_eq!(town.view().positions.len(), 1);
    let before = town.account.ledger().cash();
    is_even(&town, before);
    town.fund("0.0001", Heard::Twice);
    town.pass_seconds(5);
    assert!(paid(&town, before) < Money::ZERO, "a long pays");
    is_even(&town, before);
    // Told by nobody: the venue is asked after the next full hour.
    town.fund("-0.00037123", Heard::Never);
    assert_ne!(town.counted(), town.account.ledger().cash(), "nobody has heard of it");
    town.pass_seconds(47 * 60);
    is_even(&town, before);
    // Paid while the bot was down: it is in the cash that the next life begins with, and in the sum.
    town.die();
    town.fund("0.0002", Heard::Never);
    town.rise();
    town.run_to_ready();
    town.pass_seconds(5);
    is_even(&town, before);
    // And again, told and asked for.
    town.fund("0.0003", Heard::Twice);
    town.restart();
    town.run_to_ready();
    is_even(&town, before);
    assert_eq!(town.again(), town.records, "made again from what came in");
}
