//! Who decides about others: acts of two persons, roles, the quarter's review, tokens and bots.

mod world;

use identity::{
    Council, Duty, Error, Event, Factors, GrantLine, GrantList, HighAct, Level, Order, Permission,
    Proposal, ProposalState, Review, Role, Rule, Scope, Standing,
};
use jiff::{SignedDuration, Timestamp};
use seal::SeededEntropy;
use world::{Someone, at};

const DAY: i64 = 24 * 3600;

fn someone(seed: u64, role: Role) -> Someone {
    Someone::new(seed, role, Factors::WithSecond)
}

fn council(of: &[&Someone]) -> Council {
    Council::new(of.iter().map(|one| (one.member.state.account, one.member.state.role)))
}

fn grant_admin(to: &Someone) -> HighAct {
    HighAct::SetRole { account: to.member.state.account, role: Role::Admin }
}

fn proposed(act: HighAct, by: &Someone, council: &Council) -> Result<Proposal, Error> {
    let entropy = &mut SeededEntropy::new(1);
    let made = Proposal::propose(act, &by.present(at(0)), council, at(0), entropy)?;
    assert_eq!(made.before, None);
    assert!(!made.events.is_empty() && !made.mails.is_empty());
    Ok(made.proposal)
}

#[test]
fn where_there_are_two_one_proposes_and_the_other_approves() {
    let (ada, bob, eve) =
        (someone(1, Role::Owner), someone(2, Role::Owner), someone(3, Role::Trader));
    let both = council(&[&ada, &bob]);
    let proposal = proposed(grant_admin(&eve), &ada, &both).expect("an owner");
    assert_eq!(proposal.not_before, None);
    let carry = |proposal: &Proposal, by: &Someone, now: Timestamp| {
        proposal.carry(&by.present(now), &both, now).map(|(mandate, _)| mandate)
    };
    assert_eq!(carry(&proposal, &ada, at(60)).err(), Some(Rule::SecondPerson.into()));
    assert_eq!(carry(&proposal, &ada, at(2 * DAY)).err(), Some(Rule::SecondPerson.into()));
    let approve = |by: &Someone| proposal.approve(&by.present(at(60)), &both, at(60));
    assert_eq!(approve(&ada).err(), Some(Rule::OwnAct.into()));
    assert_eq!(approve(&eve).err(), Some(Error::Permission));
    let approved = approve(&bob).expect("the other");
    assert_eq!(approved.before, Some(ProposalState::Open));
    let approved = approved.proposal;
    assert_eq!(carry(&approved, &bob, at(60)).err(), Some(Rule::OwnAct.into()));
    assert_eq!(carry(&approved, &ada, at(3 * DAY)).err(), Some(Rule::Over.into()));
    let alone = council(&[&ada]);
    let gone = approved.carry(&ada.present(at(60)), &alone, at(60));
    assert_eq!(gone.err(), Some(Rule::SecondPerson.into()), "the approver left meanwhile");
    let mandate = carry(&approved, &ada, at(60)).expect("two persons");
    let change = eve.member.set_role_by(&mandate, &both, Role::Admin).expect("decided");
    assert_eq!((change.after.role, change.after.epoch), (Role::Admin, 1));
    let other = eve.member.set_role_by(&mandate, &both, Role::Owner);
    assert_eq!(other.err(), Some(Rule::OtherAct.into()));
    let other = bob.member.set_role_by(&mandate, &both, Role::Admin);
    assert_eq!(other.err(), Some(Rule::OtherAct.into()));
}

#[test]
fn a_sole_administrator_waits_a_day_that_can_be_stopped() {
    let (ada, eve) = (someone(1, Role::Owner), someone(3, Role::Trader));
    let alone = council(&[&ada]);
    let proposal = proposed(grant_admin(&eve), &ada, &alone).expect("an owner");
    assert_eq!(proposal.not_before, Some(at(DAY)));
    let carry =
        |council: &Council, now| proposal.carry(&ada.present(now), council, now).map(|_| ());
    let until = at(DAY);
    assert_eq!(carry(&alone, at(DAY - 1)), Err(Rule::Waiting { until }.into()));
    assert_eq!(carry(&alone, at(DAY)), Ok(()));
    assert_eq!(carry(&alone, at(4 * DAY)), Err(Rule::Over.into()));
    let bob = someone(2, Role::Admin);
    let two = council(&[&ada, &bob]);
    assert_eq!(carry(&two, at(DAY)), Err(Rule::SecondPerson.into()), "a second one came");
    let stopped = proposal.cancel(&ada.present(at(9)), &alone, at(9)).expect("one's own");
    let after = stopped.proposal.carry(&ada.present(at(DAY)), &alone, at(DAY));
    assert_eq!(after.err(), Some(Rule::Over.into()));
    let expired = proposal.expire(at(4 * DAY)).expect("nobody came");
    assert_eq!(expired.proposal.state, ProposalState::Expired);
    assert!(proposal.expire(at(DAY)).is_none());
}

#[test]
fn the_second_person_is_removed_by_two_or_after_a_day() {
    let (ada, bob) = (someone(1, Role::Owner), someone(2, Role::Admin));
    let both = council(&[&ada, &bob]);
    let at_once = bob.member.disable(&ada.present(at(0)), &both, at(0));
    assert_eq!(at_once.err(), Some(Rule::SecondPerson.into()));
    let act = HighAct::Disable { account: bob.member.state.account };
    let proposal = proposed(act, &ada, &both).expect("an owner");
    assert_eq!(proposal.not_before, Some(at(DAY)), "nobody but the two is there");
    let own = proposal.approve(&bob.present(at(9)), &both, at(9));
    assert_eq!(own.err(), Some(Rule::OwnAct.into()));
    let stopped = proposal.cancel(&bob.present(at(9)), &both, at(9));
    assert_eq!(stopped.err(), Some(Rule::OwnersOnly.into()), "an owner decides about an admin");
    let (mandate, _) = proposal.carry(&ada.present(at(DAY)), &both, at(DAY)).expect("waited");
    assert!(bob.member.disable_by(&mandate, &both).is_ok());
    let third = someone(4, Role::Admin);
    let three = council(&[&ada, &bob, &third]);
    assert!(bob.member.disable(&ada.present(at(0)), &three, at(0)).is_ok(), "two remain");
    assert!(proposed(HighAct::Disable { account: ada.member.state.account }, &ada, &both).is_err());
}

#[test]
fn one_person_changes_what_decides_nothing_about_others() {
    let (ada, bob) = (someone(1, Role::Owner), someone(2, Role::Admin));
    let eve = someone(3, Role::Trader);
    let both = council(&[&ada, &bob]);
    let set = |who: &Someone, by: &Someone, role| {
        who.member.set_role(&by.present(at(0)), role, at(0)).map(|change| change.after.role)
    };
    assert_eq!(set(&eve, &ada, Role::Viewer), Ok(Role::Viewer));
    assert_eq!(set(&eve, &ada, Role::Trader), Err(Rule::Unchanged.into()));
    assert_eq!(set(&eve, &bob, Role::Viewer), Err(Error::Permission), "admins grant nothing");
    assert_eq!(set(&eve, &eve, Role::Viewer), Err(Error::Permission));
    assert_eq!(set(&eve, &ada, Role::Admin), Err(Rule::SecondPerson.into()));
    assert_eq!(set(&bob, &ada, Role::Trader), Err(Rule::SecondPerson.into()));
    assert_eq!(set(&ada, &ada, Role::Viewer), Err(Rule::OwnAct.into()));
    let stale = eve.member.set_role(&ada.present(at(0)), Role::Viewer, at(300));
    assert_eq!(stale.err(), Some(Error::Stale), "rights are dangerous");
    let last = ada.member.disable(&bob.present(at(0)), &both, at(0));
    assert_eq!(last.err(), Some(Rule::OwnersOnly.into()));
    let gone = eve.member.disable(&bob.present(at(0)), &both, at(0)).expect("an admin may");
    assert_eq!(gone.after.standing, Standing::Disabled);
    let mut back = eve.member.clone();
    back.state = gone.after;
    assert!(back.enable(&bob.present(at(0)), at(0)).is_ok());
}

#[test]
fn a_review_is_signed_by_name_over_the_list_as_it_is() {
    let (ada, eve) = (someone(1, Role::Auditor), someone(3, Role::Trader));
    let entropy = &mut SeededEntropy::new(1);
    assert_eq!(Review::opens(at(0)), at(78 * DAY));
    let (review, event, _) = Review::open(at(0), at(78 * DAY), entropy);
    assert_eq!(event.kind(), "review.opened");
    let line = |who: &Someone, credentials| {
        let state = who.member.state;
        GrantLine {
            account: state.account,
            role: state.role,
            standing: state.standing,
            credentials,
        }
    };
    let list = GrantList::new(vec![line(&eve, 0), line(&ada, 1)]);
    assert_eq!(list.digest(), GrantList::new(vec![line(&ada, 1), line(&eve, 0)]).digest());
    let changed = GrantList::new(vec![line(&ada, 1), line(&eve, 2)]);
    let now = at(80 * DAY);
    let sign =
        |by: &Someone, read: &GrantList| review.sign(&by.present(now), &read.digest(), &list, now);
    assert_eq!(sign(&eve, &list).err(), Some(Error::Permission));
    assert_eq!(sign(&ada, &changed).err(), Some(Rule::ListChanged.into()));
    let (signed, event) = sign(&ada, &list).expect("an auditor");
    assert_eq!(event.account(), Some(ada.member.state.account));
    let again = signed.sign(&ada.present(now), &list.digest(), &list, now);
    assert_eq!(again.err(), Some(Rule::Over.into()));
    assert_eq!(review.duty(at(91 * DAY)), Duty::Due(at(92 * DAY)));
    assert_eq!(review.duty(at(92 * DAY)), Duty::Overdue(at(92 * DAY)));
    let (told, event) = review.overdue(at(92 * DAY)).expect("late");
    assert_eq!(event.kind(), "review.overdue");
    assert!(told.overdue(at(93 * DAY)).is_none(), "said once");
    assert_eq!(signed.duty(at(81 * DAY)), Duty::Done);
    assert_eq!(signed.duty(at(172 * DAY)), Duty::Overdue(at(172 * DAY)));
    let late = at(99 * DAY);
    assert!(review.sign(&ada.present(late), &list.digest(), &list, late).is_ok());
}

fn order(scope: Scope) -> Order {
    let label = "script".parse().expect("a name");
    Order { label, scope, lifetime: SignedDuration::from_hours(24) }
}

#[test]
fn a_token_does_what_its_owner_may_and_its_scope_says_until_it_ends() {
    let ada = someone(1, Role::Viewer);
    let entropy = &mut SeededEntropy::new(1);
    assert_eq!(Scope::new([]).err(), Some(Error::Scope));
    for never in [Permission::RoleGrant, Permission::OwnFactors, Permission::AuditExport] {
        assert_eq!(Scope::new([never]).err(), Some(Error::Scope));
    }
    let read = || Scope::new([Permission::DataRead]).expect("suits");
    let write = Scope::new([Permission::DataImport]).expect("suits");
    let more = order(write).token(&ada.present(at(0)), at(0), entropy);
    assert_eq!(more.err(), Some(Error::Scope), "more than a viewer may");
    let long = Order { lifetime: SignedDuration::from_hours(24 * 366), ..order(read()) };
    assert_eq!(long.token(&ada.present(at(0)), at(0), entropy).err(), Some(Error::Scope));
    let late = order(read()).token(&ada.present(at(0)), at(3600), entropy);
    assert_eq!(late.err(), Some(Error::Stale));
    let (secret, row, event) =
        order(read()).token(&ada.present(at(0)), at(0), entropy).expect("fine");
    assert_eq!(event.kind(), "token.made");
    let state = ada.member.state;
    let admit = |state, now| row.admit(&secret, &state, now);
    let delegate = admit(state, at(DAY - 1)).expect("alive");
    assert!(delegate.authorize(Permission::DataRead).is_ok());
    assert_eq!(delegate.authorize(Permission::BacktestRead).err(), Some(Error::Permission));
    assert_eq!(admit(state, at(DAY)).err(), Some(Error::Forged));
    let off = identity::AccountState { standing: Standing::Disabled, ..state };
    assert_eq!(admit(off, at(1)).err(), Some(Error::Forged));
    let demoted = identity::AccountState { role: Role::Support, ..state };
    let delegate = admit(demoted, at(1)).expect("alive");
    assert_eq!(delegate.authorize(Permission::DataRead).err(), Some(Error::Permission));
    let (other, ..) = order(read()).token(&ada.present(at(0)), at(0), entropy).expect("fine");
    assert_eq!(row.admit(&other, &state, at(1)).err(), Some(Error::Forged));
    assert!(row.is_ending(at(1)) && row.used_now(at(5)) == Some(at(5)));
    assert_eq!(row.revoke().kind(), "token.revoked");
}

#[test]
fn a_scanner_tells_a_token_from_chance() {
    let ada = someone(1, Role::Trader);
    let scope = Scope::new([Permission::DataRead]).expect("suits");
    let made = order(scope).token(&ada.present(at(0)), at(0), &mut SeededEntropy::new(1));
    let (secret, ..) = made.expect("fine");
    let text = secret.expose().to_owned();
    assert!(text.starts_with("stk_") && text.len() == 53, "{text}");
    assert!(text.parse::<identity::ApiSecret>().is_ok());
    assert!(!format!("{secret:?}").contains(&text));
    for place in 0..text.len() {
        let mut bent = text.clone().into_bytes();
        bent[place] = if bent[place] == b'a' { b'b' } else { b'a' };
        let bent = String::from_utf8(bent).expect("ASCII");
        assert!(bent.parse::<identity::ApiSecret>().is_err(), "{bent}");
    }
    for bad in ["", "stk_", &text[..52], &format!("{text}0"), &"stk_".repeat(100_000)] {
        assert_eq!(bad.parse::<identity::ApiSecret>().err(), Some(Error::Forged));
    }
}

#[test]
fn a_bot_is_its_certificates_name_and_key() {
    let ada = someone(1, Role::Trader);
    let scope = Scope::new([Permission::DataRead]).expect("suits");
    let bound = order(scope).bot(&ada.present(at(0)), [7; 32], at(0), &mut SeededEntropy::new(1));
    let (row, event): (_, Event) = bound.expect("fine");
    assert_eq!(event.kind(), "bot.bound");
    let admit = |name: &str, key: u8| {
        row.admit_bot((name, &[key; 32]), &ada.member.state, at(1)).map(|_| ()).err()
    };
    assert_eq!(admit("script", 7), None);
    assert_eq!(admit("script", 8), Some(Error::Forged));
    assert_eq!(admit("other", 7), Some(Error::Forged));
    assert_eq!(row.revoke().kind(), "bot.unbound");
    assert!(Permission::ALL.iter().all(|p| !p.suits_tokens() || p.level() < Level::Dangerous));
}
