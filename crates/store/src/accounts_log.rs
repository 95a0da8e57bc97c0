//! What identity says happened, as entries of the log.

use audit::{Entry, Kind};
use identity::{AccountId, Event};
use serde_json::{Map, Value};

/// The log's entry for an event. `actor` is who did it, where that is not the account that the
/// event is about: an administrator, say.
#[must_use]
pub fn entry_of(event: &Event, actor: Option<AccountId>) -> Entry {
    let nobody = match event {
        Event::SetupIssued { .. } => "host",
        _ => "anonymous",
    };
    let account = event.account();
    let actor = actor.or(account).map_or_else(|| nobody.to_owned(), |id| id.to_string());
    let subject = account.map_or_else(|| subject(event).to_owned(), |id| id.to_string());
    let mut detail: Map<String, Value> =
        event.facts().into_iter().map(|(name, fact)| (name.to_owned(), fact.into())).collect();
    if let Some(session) = event.session() {
        detail.insert("session".to_owned(), session.to_string().into());
    }
    Entry { kind: Kind::stated(event.kind()), actor, subject, detail: detail.into() }
}

/// What an event without an account is about.
const fn subject(event: &Event) -> &'static str {
    match event {
        Event::SetupIssued { .. } => "set-up",
        _ => "sign-in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use identity::{EndReason, FactorKind, Role, SessionId, Stage};
    use jiff::Timestamp;
    use seal::SeededEntropy;

    /// Together with identity's own test, which holds every variant against this list.
    #[test]
    fn every_event_of_identity_has_a_kind_that_the_log_takes() {
        for kind in Event::KINDS {
            assert_eq!(kind.parse::<Kind>().map(|kind| kind.to_string()), Ok(kind.to_owned()));
        }
    }

    #[test]
    fn an_entry_names_who_and_what_and_nothing_secret() {
        let (now, mut entropy) = (Timestamp::UNIX_EPOCH, SeededEntropy::new(1));
        let account = AccountId::new(now, &mut entropy);
        let admin = AccountId::new(now, &mut entropy);
        let session = SessionId::new(now, &mut entropy);
        let ended = Event::SessionEnded { account, session, reason: EndReason::Reuse };
        let entry = entry_of(&ended, None);
        assert_eq!((entry.actor, entry.subject), (account.to_string(), account.to_string()));
        assert_eq!(
            entry.detail,
            serde_json::json!({ "reason": "reuse", "session": session.to_string() })
        );
        let changed = Event::RoleChanged { account, role: Role::Auditor };
        let entry = entry_of(&changed, Some(admin));
        assert_eq!((entry.actor, entry.subject), (admin.to_string(), account.to_string()));
        let refused =
            Event::SignInRefused { source: None, stage: Stage::Factor, minute: now, count: 3 };
        let entry = entry_of(&refused, None);
        assert_eq!((entry.actor.as_str(), entry.subject.as_str()), ("anonymous", "sign-in"));
        let issued = entry_of(&Event::SetupIssued { expires: now }, None);
        assert_eq!((issued.actor.as_str(), issued.subject.as_str()), ("host", "set-up"));
        let enrolled = Event::FactorEnrolled { account, factor: FactorKind::Totp };
        assert_eq!(entry_of(&enrolled, None).detail, serde_json::json!({ "factor": "totp" }));
    }
}
