//! Each deed is told in words of its own, and none of them holds what nobody may read.

use super::*;
use std::collections::BTreeSet;

fn deeds() -> Vec<Deed> {
    let id = Uuid::nil();
    let text = || "t".to_owned();
    let sweep = |act| Deed::Sweep { id, act };
    vec![
        Deed::ServerStarted { version: "1" },
        Deed::DatasetImported { name: text(), digest: text(), rows: 1 },
        Deed::DatasetFound { name: text(), digest: text(), rows: 1 },
        Deed::DatasetRemoved { name: text() },
        Deed::StrategyCreated { id, text: text() },
        Deed::StrategyChanged { id, text: text(), revision: 2 },
        Deed::StrategyRemoved { id },
        Deed::FactorCreated { id, text: text() },
        Deed::FactorVersioned { id, version: 2, text: text() },
        Deed::FactorArchived { id },
        Deed::FactorTried { dataset: text(), text: text(), tried: 1 },
        Deed::BacktestQueued { id, text: text() },
        Deed::BacktestDone { id, run_id: text(), digest: text() },
        Deed::BacktestFailed { id, code: text() },
        Deed::BacktestCancelled { id },
        Deed::BacktestRemoved { id },
        sweep(SweepAct::Started { text: text(), sets: 1 }),
        sweep(SweepAct::Resumed),
        sweep(SweepAct::Stopped { done: 1 }),
        sweep(SweepAct::Done { sets: 1 }),
        sweep(SweepAct::Failed { done: 1 }),
        sweep(SweepAct::Removed),
        Deed::AccountKeyed {
            account: AccountId::new(jiff::Timestamp::UNIX_EPOCH, &mut seal::SeededEntropy::new(1)),
        },
        Deed::AllSessionsEnded { count: 1, spared: "nobody" },
        Deed::LogViewed,
        Deed::AccountsViewed { account: None },
        Deed::LettersViewed { count: 1 },
        Deed::LogExported { size: 1 },
        Deed::LogPruned { before: jiff::Timestamp::UNIX_EPOCH, count: 1 },
        Deed::WitnessRefused { witness: text(), why: text() },
        Deed::ForkSeen { log: text(), size: 1 },
        Deed::ViolationsSeen { count: 1 },
    ]
    .into_iter()
    .chain(KeyAct::samples().map(Deed::Keys))
    .chain(backups::samples().map(Deed::Backup))
    .chain(SecretAct::samples().map(Deed::Secret))
    .chain(machines::samples().map(Deed::Machine))
    .chain(limits::samples().map(Deed::Limit))
    .chain(licences::samples().map(Deed::Licence))
    .chain(certificates::samples().map(Deed::Certificate))
    .chain(PostureAct::samples().map(Deed::Posture))
    .chain(security_reports::samples().map(Deed::Disclosure))
    .chain(ReleaseAct::samples().map(Deed::Release))
    .chain(payments::samples().map(|act| Deed::Payment(Box::new(act))))
    .collect()
}

#[test]
fn every_deed_and_every_event_has_its_own_kind() {
    let said: Vec<&str> = deeds().iter().map(|deed| deed.parts().0).collect();
    assert_eq!(said, Deed::KINDS);
    let all: BTreeSet<&str> = Deed::KINDS.into_iter().chain(Event::KINDS).collect();
    assert_eq!(all.len(), Deed::KINDS.len() + Event::KINDS.len());
    for kind in all {
        kind.parse::<Kind>().expect(kind);
    }
}

#[test]
fn every_deed_makes_an_entry_that_the_log_takes() {
    for deed in deeds() {
        let entry = deed.entry(Actor::Host);
        audit::Opening::new(&entry, [0; 32]).expect("small and named");
    }
}

#[test]
fn an_entry_is_summed_up_in_words() {
    let deed = Deed::DatasetImported { name: "x".to_owned(), digest: "ab".to_owned(), rows: 5 };
    assert_eq!(summary(&deed.entry(Actor::Host)), "digest ab, rows 5");
    let deed = Deed::StrategyCreated { id: Uuid::nil(), text: "ab".repeat(32) };
    assert_eq!(summary(&deed.entry(Actor::Host)), "text sha256 abababababab…");
}

#[test]
fn the_web_page_has_words_for_every_kind() {
    for language in ["en", "de"] {
        let file =
            format!("{}/../../ui/src/lib/i18n/audit/{language}.ts", env!("CARGO_MANIFEST_DIR"));
        let words = std::fs::read_to_string(&file).expect("the messages are in the repository");
        for kind in Deed::KINDS.into_iter().chain(Event::KINDS) {
            assert!(words.contains(&format!("'audit.kind.{kind}':")), "{language}: {kind}");
        }
    }
}
