//! Who comes in new: registration, invitations, passkey-only accounts, and what strangers hear.

mod world;

use identity::{
    DeviceId, Errand, Error, Factors, FirstCredential, Grant, Invitation, Letter, Member,
    NewMember, OneTimeToken, RegistrationForm, RegistrationMode, Role, Rule, Wish,
};
use jiff::Timestamp;
use seal::SeededEntropy;
use world::{Someone, at, chosen, device, passwords};

fn email(text: &str) -> identity::EmailAddress {
    text.parse().expect("an address")
}

fn letter(delivery: &identity::Delivery) -> OneTimeToken {
    match delivery.mails.first().map(|mail| &mail.letter) {
        Some(Letter::Register(token) | Letter::Reset(token)) => token.clone(),
        other => panic!("{other:?}"),
    }
}

fn register(
    token: &OneTimeToken,
    grant: &Grant,
    mode: RegistrationMode,
    from: (DeviceId, Timestamp),
) -> Result<NewMember, Error> {
    let password = chosen("nine small grey owls by night", Factors::PasswordOnly);
    let keys = passwords();
    let credential = FirstCredential::Password(&password, &keys);
    let display_name = "Ada".parse().expect("a name");
    let form = RegistrationForm { token, display_name, credential, device: from.0 };
    let registered = NewMember::register(form, grant, mode, from.1, &mut SeededEntropy::new(5));
    registered.map(|(new, _)| new)
}

#[test]
fn an_account_is_made_by_the_link_and_not_by_the_form() {
    let own = device(at(0), 50);
    let apply = |mode: RegistrationMode| mode.apply(email("ada@example.org"), own, at(0));
    assert_eq!(apply(RegistrationMode::Invite).err(), Some(Error::Closed));
    assert_eq!(apply(RegistrationMode::Closed).err(), Some(Error::Closed));
    let errand = apply(RegistrationMode::Open).expect("open");
    let delivery = errand.run(None, at(5), &mut SeededEntropy::new(1));
    let (token, grant) = (letter(&delivery), delivery.grant.expect("a row"));
    let check = |mode, device, now, want: Option<Error>| {
        assert_eq!(register(&token, &grant, mode, (device, now)).err(), want);
    };
    check(RegistrationMode::Closed, own, at(9), Some(Error::Ticket));
    check(RegistrationMode::Invite, own, at(9), Some(Error::Ticket));
    check(RegistrationMode::Open, device(at(0), 51), at(9), Some(Error::Ticket));
    check(RegistrationMode::Open, own, at(3605), Some(Error::Ticket));
    check(RegistrationMode::Open, own, at(9), None);
    let made = register(&token, &grant, RegistrationMode::Open, (own, at(9))).expect("good");
    assert_eq!((made.account.role, made.spend), (Role::Trader, grant.hash));
    assert!(made.password.is_some() && made.passkey.is_none());
    for mode in RegistrationMode::ALL {
        assert_eq!(mode.as_str().parse(), Ok(mode));
    }
    assert!("anyone".parse::<RegistrationMode>().is_err());
}

#[test]
fn an_address_with_an_account_hears_so_and_its_visitor_does_not() {
    let ada = Someone::new(1, Role::Trader, Factors::WithSecond);
    let run = |wish, found: Option<&Member>| {
        let errand = Errand {
            wish,
            email: ada.member.email.clone(),
            device: device(at(0), 50),
            asked: at(0),
        };
        let delivery = errand.run(found, at(1), &mut SeededEntropy::new(1));
        (delivery.grant.is_some(), delivery.mails.len())
    };
    let mut disabled = ada.member.clone();
    disabled.state.standing = identity::Standing::Disabled;
    assert_eq!(run(Wish::Register, Some(&ada.member)), (false, 1), "you have an account already");
    for wish in [Wish::Reset, Wish::Device, Wish::Loss] {
        assert_eq!(run(wish, Some(&ada.member)), (true, 1));
        assert_eq!(run(wish, None), (false, 0));
        assert_eq!(run(wish, Some(&disabled)), (false, 0));
    }
}

#[test]
fn an_invitation_is_given_by_who_may_and_not_into_power() {
    let admin = Someone::new(4, Role::Admin, Factors::WithSecond);
    let issue = |by: &Someone, role, now| {
        let address = email("eve@example.org");
        Invitation::issue(&by.present(at(0)), address, role, now, &mut SeededEntropy::new(1))
    };
    let refused = |by: &Someone, role, now| issue(by, role, now).err();
    let trader = Someone::new(1, Role::Trader, Factors::WithSecond);
    let half = Someone::new(6, Role::Admin, Factors::PasswordOnly);
    assert_eq!(refused(&trader, Role::Viewer, at(0)), Some(Error::Permission));
    assert_eq!(refused(&half, Role::Viewer, at(0)), Some(Error::FactorNeeded));
    assert_eq!(refused(&admin, Role::Admin, at(0)), Some(Rule::SecondPerson.into()));
    assert_eq!(refused(&admin, Role::Owner, at(0)), Some(Rule::SecondPerson.into()));
    assert_eq!(refused(&admin, Role::Viewer, at(3600)), Some(Error::Stale));
    let invited = issue(&admin, Role::Auditor, at(0)).expect("an admin");
    let Letter::Invitation(token, role) = &invited.mail.letter else { panic!("{invited:?}") };
    assert_eq!(*role, Role::Auditor);
    let anywhere = (device(at(0), 77), at(3600));
    let made = register(token, &invited.grant, RegistrationMode::Invite, anywhere).expect("good");
    assert_eq!(made.account.role, Role::Auditor);
    let closed = register(token, &invited.grant, RegistrationMode::Closed, anywhere);
    assert_eq!(closed.err(), Some(Error::Ticket));
    assert_eq!(invited.event.kind(), "invitation.sent");
    assert!(!format!("{invited:?}").contains(token.text().expose()));
}
