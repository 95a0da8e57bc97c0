//! Everything that happens has a name in the log, and no name twice.

use identity::{
    AccountId, DeviceId, EndReason, Event, FactorKind, Governed, HighAct, Life, Role, Scheme,
    SessionId, Stage,
};
use jiff::Timestamp;
use seal::SeededEntropy;
use std::collections::BTreeSet;
use uuid::Uuid;

fn sign_ins() -> Vec<Event> {
    let (now, mut entropy) = (Timestamp::UNIX_EPOCH, SeededEntropy::new(1));
    let account = AccountId::new(now, &mut entropy);
    let session = SessionId::new(now, &mut entropy);
    let device = DeviceId::new(now, &mut entropy);
    let (role, factor, generation) = (Role::Owner, FactorKind::Totp, 7);
    vec![
        Event::SetupIssued { expires: now },
        Event::AccountCreated { account, role },
        Event::AccountDisabled { account },
        Event::AccountEnabled { account },
        Event::RoleChanged { account, role },
        Event::FactorEnrolled { account, factor },
        Event::PasswordRehashed { account },
        Event::RecoveryUsed { account, index: 3 },
        Event::SessionOpened { account, session, device, factor },
        Event::SessionSteppedUp { account, session, factor },
        Event::SessionRefreshed { account, session, generation },
        Event::RefreshRepeated { account, session, generation },
        Event::RefreshReused { account, session, generation },
        Event::SessionEnded { account, session, reason: EndReason::Reuse },
        Event::SignInRefused { source: None, stage: Stage::Password, minute: now, count: 2 },
    ]
}

fn lives() -> Vec<Life> {
    let (now, mut entropy) = (Timestamp::UNIX_EPOCH, SeededEntropy::new(1));
    let device = DeviceId::new(now, &mut entropy);
    let id = Uuid::nil();
    vec![
        Life::PasswordChanged,
        Life::ResetAsked,
        Life::PasswordReset,
        Life::PasswordImported(Scheme::Bcrypt),
        Life::AddressAsked,
        Life::AddressChanged,
        Life::AddressKept,
        Life::FactorRemoved(FactorKind::Passkey),
        Life::FactorLost(now),
        Life::LossVouched,
        Life::FactorKept,
        Life::FactorReplaced,
        Life::PasskeyCloned,
        Life::DeviceVouched(device),
        Life::RecoverIssued(now),
        Life::Recovered,
        Life::Suspected,
        Life::SessionsEnded,
        Life::ResetBegun,
        Life::Exported,
        Life::ErasureAsked(now),
        Life::ErasureStopped,
        Life::Erased,
        Life::TokenMade(id),
        Life::TokenGranted(id),
        Life::TokenRefused,
        Life::TokenRevoked(id),
        Life::BotBound(id),
        Life::BotUnbound(id),
        Life::Renamed,
        Life::HalfSignedIn,
    ]
}

fn decisions() -> Vec<Governed> {
    let (now, mut entropy) = (Timestamp::UNIX_EPOCH, SeededEntropy::new(1));
    let by = AccountId::new(now, &mut entropy);
    let id = Uuid::nil();
    let act = HighAct::RootKey { digest: [0xab; 32] };
    vec![
        Governed::Invited { by, role: Role::Viewer, expires: now },
        Governed::InvitationWithdrawn { by },
        Governed::Proposed { proposal: id, by, act, not_before: Some(now) },
        Governed::Approved { proposal: id, by },
        Governed::Cancelled { proposal: id, by },
        Governed::Expired { proposal: id },
        Governed::Carried { proposal: id, act },
        Governed::ReviewOpened { review: id, due: now },
        Governed::ReviewSigned { review: id, by, grants: [1; 32] },
        Governed::ReviewOverdue { review: id },
        Governed::KeyRotated { key: "k".to_owned() },
    ]
}

fn one_of_each() -> Vec<Event> {
    let account = AccountId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(1));
    let lives = lives().into_iter().map(|what| Event::Life { account, what });
    let decisions = decisions().into_iter().map(Event::Governed);
    sign_ins().into_iter().chain(lives).chain(decisions).collect()
}

/// Held against the log's mapping: `kind` and `facts` match without a wildcard, so a new variant
/// does not compile until it has a name, and this fails until the name is listed.
#[test]
fn every_event_has_a_name_in_the_log() {
    let kinds: Vec<&str> = one_of_each().iter().map(Event::kind).collect();
    assert_eq!(kinds, Event::KINDS);
    let distinct: BTreeSet<&str> = kinds.iter().copied().collect();
    assert_eq!(distinct.len(), Event::KINDS.len());
    let nobodys = [
        "setup.issued",
        "signin.refused",
        "act.expired",
        "act.carried",
        "review.opened",
        "review.overdue",
        "key.rotated",
    ];
    for event in one_of_each() {
        assert_eq!(event.account().is_none(), nobodys.contains(&event.kind()), "{}", event.kind());
    }
}

#[test]
fn facts_say_what_was_decided() {
    let check = |kind: &str, fact: (&str, &str)| {
        let event = one_of_each().into_iter().find(|event| event.kind() == kind).expect(kind);
        let fact = (fact.0, fact.1.to_owned());
        assert!(event.facts().contains(&fact), "{kind}: {:?}", event.facts());
    };
    check("password.imported", ("scheme", "bcrypt"));
    check("factor.removed", ("factor", "passkey"));
    check("invitation.sent", ("role", "viewer"));
    check("act.carried", ("act", &format!("use the root key on {}", "ab".repeat(32))));
    check("review.signed", ("grants", &"01".repeat(32)));
    check("key.rotated", ("key", "k"));
}

#[test]
fn names_go_round() {
    for reason in EndReason::ALL {
        assert_eq!(EndReason::from_name(reason.as_str()), Some(reason));
    }
    for kind in FactorKind::ALL {
        assert_eq!(FactorKind::from_name(kind.as_str()), Some(kind));
    }
    assert_eq!(EndReason::from_name("bored"), None);
}
