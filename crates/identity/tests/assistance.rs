//! What an administrator does for somebody else's account, and that none of it opens anything.

mod world;

use identity::{
    EndReason, Ends, Error, Event, Factors, Letter, Life, Recipient, Role, Rule, Standing, Write,
};
use world::{Someone, at};

fn someone(seed: u64, role: Role) -> Someone {
    Someone::new(seed, role, Factors::WithSecond)
}

#[test]
fn who_may_end_sessions_and_begin_a_reset() {
    let by = [Role::Owner, Role::Admin, Role::Support, Role::Auditor, Role::Trader, Role::Viewer];
    let (owner, eve) = (someone(90, Role::Owner), someone(91, Role::Trader));
    for (seed, role) in (1..).zip(by) {
        let one = someone(seed, role);
        let present = one.present(at(0));
        let check = |whom: &Someone, want: Option<Error>| {
            let ended = whom.member.end_sessions(&present, at(0)).err();
            let begun = whom.member.begin_reset(&present, at(0)).err();
            assert_eq!(
                (ended, begun),
                (want.clone(), want),
                "{role} to {}",
                whom.member.state.role
            );
        };
        let refused = (!role.governs()).then_some(Error::Permission);
        check(&eve, refused.clone());
        let of_owner = (role != Role::Owner).then_some(Rule::OwnersOnly.into());
        check(&owner, refused.clone().or(of_owner));
        check(&one, refused.or(Some(Rule::OwnAct.into())));
    }
}

#[test]
fn a_reset_that_another_begins_ends_sessions_and_opens_nothing() {
    let (ada, mut eve) = (someone(1, Role::Admin), someone(2, Role::Trader));
    let change = eve.member.begin_reset(&ada.present(at(0)), at(0)).expect("an administrator");
    assert_eq!(change.after.epoch, change.before.epoch + 1);
    assert_eq!(change.ends, Ends::All(EndReason::Remote));
    assert!(matches!(change.writes.as_slice(), [Write::DropGrants]), "{:?}", change.writes);
    let account = eve.member.state.account;
    assert_eq!(change.events, [Event::Life { account, what: Life::ResetBegun }]);
    let [mail] = change.mails.as_slice() else { panic!("{:?}", change.mails) };
    assert!(matches!(mail.to, Recipient::Account(to) if to == account), "{mail:?}");
    assert!(matches!(mail.letter, Letter::ResetBegun), "{mail:?}");
    eve.member.holdings.password = false;
    let refused = eve.member.begin_reset(&ada.present(at(0)), at(0));
    assert_eq!(refused.err(), Some(Rule::NoPassword.into()));
    eve.member.state.standing = Standing::Disabled;
    let refused = eve.member.end_sessions(&ada.present(at(0)), at(0));
    assert_eq!(refused.err(), Some(Rule::Disabled.into()));
    let old = eve.member.begin_reset(&ada.present(at(0)), at(3600));
    assert_eq!(old.err(), Some(Error::Stale), "an hour later");
}
