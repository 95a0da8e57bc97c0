//! Several servers and several keys: leases on what is in memory, and keys that follow one another.

mod world;

use identity::{
    AccessKeys, AccountState, EndReason, Error, Lookup, Registry, TokenFault, VerifiedToken,
};
use jiff::{SignedDuration, Timestamp};
use seal::SeededEntropy;
use world::{at, keys, opened, signing};

fn millis(count: i64) -> Timestamp {
    at(0).saturating_add(SignedDuration::from_millis(count)).expect("in range")
}

fn token(state: &AccountState, session: &identity::Session, keys: &AccessKeys) -> VerifiedToken {
    let issued = keys.issue(session, state, at(0), &mut SeededEntropy::new(1));
    keys.verify(issued.text.expose(), at(0)).expect("just issued")
}

#[test]
fn a_shared_memory_is_believed_for_a_second_after_news() {
    let (opened, state) = opened(at(0), 1);
    let token = token(&state, &opened.session, &keys(5));
    let second = SignedDuration::from_secs(1);
    let mut registry = Registry::shared(10, second).expect("the bound");
    registry.insert(opened.session, state);
    let found = |registry: &Registry, now| match registry.lookup(&token, now) {
        Lookup::Found(_) => "found",
        Lookup::Missing(_) => "missing",
        Lookup::Refused(_) => "refused",
    };
    assert_eq!(found(&registry, millis(0)), "missing", "nothing was heard yet");
    registry.heard(millis(0));
    assert_eq!(found(&registry, millis(999)), "found");
    assert_eq!(found(&registry, millis(1000)), "missing");
    assert_eq!(found(&registry, millis(-1)), "missing", "the clock was set back");
    registry.heard(millis(-5000));
    assert_eq!(found(&registry, millis(999)), "found", "an old answer takes nothing back");
    registry.end(opened.session.id, EndReason::SignOut, millis(2000));
    assert_eq!(found(&registry, millis(5000)), "refused", "an end needs no lease");
    for bad in [SignedDuration::ZERO, SignedDuration::from_millis(1001)] {
        assert!(matches!(Registry::shared(10, bad), Err(Error::Lifetime { .. })));
    }
}

#[test]
fn what_was_just_read_is_believed_without_a_lease_unless_an_end_is_known() {
    let (opened, state) = opened(at(0), 1);
    let token = token(&state, &opened.session, &keys(5));
    let mut registry = Registry::shared(10, SignedDuration::from_secs(1)).expect("the bound");
    let confirm = |registry: &mut Registry, state| {
        matches!(registry.confirm(&token, (opened.session, state), at(9)), Lookup::Found(_))
    };
    assert!(confirm(&mut registry, state));
    let newer = AccountState { epoch: state.epoch + 1, ..state };
    assert!(!confirm(&mut registry, newer), "the database is ahead of the token");
    assert!(!confirm(&mut registry, state), "an older read takes nothing back");
    let mut registry = Registry::shared(10, SignedDuration::from_secs(1)).expect("the bound");
    registry.end(opened.session.id, EndReason::Remote, at(1));
    assert!(!confirm(&mut registry, state), "a read that raced with the end");
}

#[test]
fn keys_follow_one_another_and_no_token_is_lost_between() {
    let (opened, state) = opened(at(0), 1);
    let mut ours = keys(5);
    let mut theirs = keys(5);
    let issue = |keys: &AccessKeys, second| {
        let token = keys.issue(&opened.session, &state, at(second), &mut SeededEntropy::new(1));
        token.text.expose().clone()
    };
    let old = issue(&ours, 0);
    theirs.announce(*signing(6).verifying_key());
    assert_eq!(theirs.jwks().matches("\"kid\"").count(), 2, "published before it signs");
    let event = ours.rotate(signing(6), at(60));
    assert_eq!(event.kind(), "key.rotated");
    let new = issue(&ours, 60);
    assert!(ours.verify(&old, at(599)).is_ok(), "the overlap");
    assert!(ours.verify(&new, at(61)).is_ok());
    assert!(theirs.verify(&new, at(61)).is_ok(), "the other server knew the key");
    let late = issue(&theirs, 600);
    assert!(ours.verify(&late, at(719)).is_ok());
    let gone = ours.verify(&late, at(720)).err();
    assert_eq!(gone, Some(Error::Token(TokenFault::Key)), "the old key is retired");
    ours.rotate(signing(7), at(5000));
    assert_eq!(ours.jwks().matches("\"kid\"").count(), 2, "and forgotten");
    let unknown = issue(&keys(8), 0);
    assert_eq!(ours.verify(&unknown, at(1)).err(), Some(Error::Token(TokenFault::Key)));
}
