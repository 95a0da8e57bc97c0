//! What those who run the server decide together, for the audit log.

use crate::{AccountId, HighAct, Role};
use jiff::Timestamp;
use uuid::Uuid;

/// One decision, or one step towards it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Governed {
    /// Someone was invited.
    Invited {
        /// By whom.
        by: AccountId,
        /// In which role.
        role: Role,
        /// Until when the invitation is good.
        expires: Timestamp,
    },
    /// An invitation was taken back.
    InvitationWithdrawn {
        /// By whom.
        by: AccountId,
    },
    /// A high-value act was proposed.
    Proposed {
        /// Which proposal.
        proposal: Uuid,
        /// By whom.
        by: AccountId,
        /// What shall be done.
        act: HighAct,
        /// For a sole administrator: not before this time.
        not_before: Option<Timestamp>,
    },
    /// A second person approved.
    Approved {
        /// Which proposal.
        proposal: Uuid,
        /// Who.
        by: AccountId,
    },
    /// It was taken back or refused.
    Cancelled {
        /// Which proposal.
        proposal: Uuid,
        /// By whom.
        by: AccountId,
    },
    /// Nobody approved in time.
    Expired {
        /// Which proposal.
        proposal: Uuid,
    },
    /// It was carried out.
    Carried {
        /// Which proposal.
        proposal: Uuid,
        /// What was done.
        act: HighAct,
    },
    /// A quarter's review of who may do what is due.
    ReviewOpened {
        /// Which review.
        review: Uuid,
        /// Until when.
        due: Timestamp,
    },
    /// It was signed off.
    ReviewSigned {
        /// Which review.
        review: Uuid,
        /// By whom.
        by: AccountId,
        /// Digest of the list of grants that was signed.
        grants: [u8; 32],
    },
    /// Nobody signed it in time.
    ReviewOverdue {
        /// Which review.
        review: Uuid,
    },
    /// Tokens are signed by another key from now on.
    KeyRotated {
        /// The key's id.
        key: String,
    },
}

impl Governed {
    /// Every kind, as the audit log names it.
    pub const KINDS: [&'static str; 11] = [
        "invitation.sent",
        "invitation.withdrawn",
        "act.proposed",
        "act.approved",
        "act.cancelled",
        "act.expired",
        "act.carried",
        "review.opened",
        "review.signed",
        "review.overdue",
        "key.rotated",
    ];

    /// The name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Invited { .. } => "invitation.sent",
            Self::InvitationWithdrawn { .. } => "invitation.withdrawn",
            Self::Proposed { .. } => "act.proposed",
            Self::Approved { .. } => "act.approved",
            Self::Cancelled { .. } => "act.cancelled",
            Self::Expired { .. } => "act.expired",
            Self::Carried { .. } => "act.carried",
            Self::ReviewOpened { .. } => "review.opened",
            Self::ReviewSigned { .. } => "review.signed",
            Self::ReviewOverdue { .. } => "review.overdue",
            Self::KeyRotated { .. } => "key.rotated",
        }
    }

    /// Who decided, where someone did.
    #[must_use]
    pub const fn by(&self) -> Option<AccountId> {
        match self {
            Self::Invited { by, .. }
            | Self::InvitationWithdrawn { by }
            | Self::Proposed { by, .. }
            | Self::Approved { by, .. }
            | Self::Cancelled { by, .. }
            | Self::ReviewSigned { by, .. } => Some(*by),
            _ => None,
        }
    }

    /// Everything else in it.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let id = |name, id: &Uuid| (name, id.to_string());
        match self {
            Self::Invited { role, expires, .. } => {
                vec![("role", role.to_string()), ("expires", expires.to_string())]
            }
            Self::InvitationWithdrawn { .. } => Vec::new(),
            Self::Proposed { proposal, act, not_before, .. } => {
                let mut facts = vec![id("proposal", proposal), ("act", act.to_string())];
                facts.extend(not_before.map(|at| ("not_before", at.to_string())));
                facts
            }
            Self::Carried { proposal, act } => {
                vec![id("proposal", proposal), ("act", act.to_string())]
            }
            Self::Approved { proposal, .. }
            | Self::Cancelled { proposal, .. }
            | Self::Expired { proposal } => vec![id("proposal", proposal)],
            Self::ReviewOpened { review, due } => {
                vec![id("review", review), ("due", due.to_string())]
            }
            Self::ReviewSigned { review, grants, .. } => {
                let mut digest = String::with_capacity(64);
                for byte in grants {
                    digest.push_str(&format!("{byte:02x}"));
                }
                vec![id("review", review), ("grants", digest)]
            }
            Self::ReviewOverdue { review } => vec![id("review", review)],
            Self::KeyRotated { key } => vec![("key", key.clone())],
        }
    }
}
