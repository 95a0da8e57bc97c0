//! Taking one's data away, and having one's account erased: the key under which its sealed fields
//! lie is destroyed, and a tombstone stays, so that the log's entries still name an account.

use crate::{
    AccountId, Authenticated, Change, Council, EndReason, Ends, Error, FactorProof, Grant, Letter,
    Life, Mail, Member, OneTimeToken, Permission, Purpose, Rule, Standing, Write,
};
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, Secret, random};

/// So long an erasure can be stopped.
pub const ERASURE_WAIT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// The key under which one account's sealed fields lie, and the few before it: what is short-lived,
/// such as a letter that waits, is not sealed anew when the key is replaced. Stored sealed under the
/// server's key; without its row, nothing of the account opens again, in backups neither.
#[derive(Debug, Clone)]
pub struct DataKey {
    current: Secret<[u8; 32]>,
    /// The newest first.
    before: Vec<Secret<[u8; 32]>>,
}

/// Data keys of one account that open something, at most.
const DATA_KEYS_MAX: usize = 4;

impl DataKey {
    /// A fresh one, for a new account.
    #[must_use]
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self { current: Secret::new(random(entropy)), before: Vec::new() }
    }

    /// Another one in its place; what lies under this one still opens, until three more have come.
    #[must_use]
    pub fn next(&self, entropy: &mut dyn Entropy) -> Self {
        let before = std::iter::once(&self.current).chain(&self.before);
        let before = before.take(DATA_KEYS_MAX - 1).cloned().collect();
        Self { current: Secret::new(random(entropy)), before }
    }

    /// From the opened field.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (keys, rest) = bytes.as_chunks::<32>();
        match keys {
            [current, before @ ..] if rest.is_empty() && keys.len() <= DATA_KEYS_MAX => {
                let before = before.iter().map(|key| Secret::new(*key)).collect();
                Ok(Self { current: Secret::new(*current), before })
            }
            _ => Err(Error::Content { field: "data key" }),
        }
    }

    /// For the sealed field.
    pub(crate) fn to_bytes(&self) -> Secret<Vec<u8>> {
        let mut bytes = Vec::with_capacity(32 * (1 + self.before.len()));
        for key in std::iter::once(&self.current).chain(&self.before) {
            bytes.extend_from_slice(key.expose());
        }
        Secret::new(bytes)
    }

    pub(crate) const fn secret(&self) -> &Secret<[u8; 32]> {
        &self.current
    }

    pub(crate) fn before(&self) -> &[Secret<[u8; 32]>] {
        &self.before
    }
}

/// One kind of thing that belongs to an account. An export holds all of them and an erasure
/// removes all of them: whoever adds a kind adds both, as neither compiles without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Belonging {
    /// Address and name.
    Profile,
    /// Which factors there are and since when; never their secrets.
    Factors,
    /// Sessions and where they ran.
    Sessions,
    /// Known devices.
    Devices,
    /// API tokens and bots, without their secrets.
    Credentials,
    /// Strategies with their versions.
    Strategies,
    /// Factors and their versions.
    Expressions,
    /// Backtests, sweeps and trials.
    Backtests,
    /// Letters that were sent.
    Letters,
    /// The account's own entries in the log.
    History,
}

/// What becomes of a kind of thing when its account is erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its rows are deleted.
    Deleted,
    /// Its sealed fields can never be opened again.
    KeyDestroyed,
    /// It stays: the log is append-only and names ids, never people.
    Kept,
}

impl Belonging {
    /// All of them, in the order of an export's parts.
    pub const ALL: [Self; 10] = [
        Self::Profile,
        Self::Factors,
        Self::Sessions,
        Self::Devices,
        Self::Credentials,
        Self::Strategies,
        Self::Expressions,
        Self::Backtests,
        Self::Letters,
        Self::History,
    ];

    /// The part's name in an export.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Factors => "second-factors",
            Self::Sessions => "sessions",
            Self::Devices => "devices",
            Self::Credentials => "tokens",
            Self::Strategies => "strategies",
            Self::Expressions => "factors",
            Self::Backtests => "backtests",
            Self::Letters => "letters",
            Self::History => "history",
        }
    }

    /// What an erasure does to it.
    #[must_use]
    pub const fn fate(self) -> Fate {
        match self {
            Self::Profile | Self::Letters => Fate::KeyDestroyed,
            Self::History => Fate::Kept,
            _ => Fate::Deleted,
        }
    }
}

/// An erasure under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Whose.
    pub account: AccountId,
    /// From when on it is carried out.
    pub due: Timestamp,
}

impl Member {
    /// Takes the account's own data away: the parts to write, and what the log and the owner hear.
    pub fn export(&self, by: &Authenticated, now: Timestamp) -> Result<Change, Error> {
        by.authorize(Permission::OwnData, now)?;
        if by.session().account != self.state.account {
            return Err(Error::Permission);
        }
        let state = self.active()?;
        Ok(Change::of(state).event(self.life(Life::Exported)).mail(self.letter(Letter::Exported)))
    }

    /// Asks for the account to be erased, with all factors; it can be stopped for a week. The last
    /// owner cannot go: the server would be nobody's.
    pub fn ask_erasure(
        &self,
        proof: &FactorProof,
        council: &Council,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Change, Error> {
        self.may_go(council)?;
        let change = self.proven(proof, now)?;
        let due = now.saturating_add(ERASURE_WAIT).unwrap_or(Timestamp::MAX);
        let (stop, grant) = Grant::for_account(Purpose::EraseStop, &self.state, None, now, entropy);
        Ok(change
            .write(Write::Erasure(Erasure { account: self.state.account, due }))
            .write(Write::Grant(grant))
            .event(self.life(Life::ErasureAsked(due)))
            .mail(self.letter(Letter::Erasing(stop, due))))
    }

    /// Whoever decides about others leaves the council first, by its rules.
    fn may_go(&self, council: &Council) -> Result<(), Error> {
        let account = self.state.account;
        if council.is_last_owner(account) {
            return Err(Rule::LastOwner.into());
        }
        if council.needs(account) { Err(Rule::SecondPerson.into()) } else { Ok(()) }
    }
}

impl Erasure {
    /// Stops it by the link in the letter. Whoever asked for it had all factors: all sessions end.
    pub fn stop_by_link(
        &self,
        link: (&OneTimeToken, &Grant),
        member: &Member,
        now: Timestamp,
    ) -> Result<Change, Error> {
        let change = member.admitted(Purpose::EraseStop, link, now)?;
        Ok(change
            .next_epoch()
            .ending(Ends::All(EndReason::Suspected))
            .write(Write::DropErasure)
            .write(Write::DropGrants)
            .event(member.life(Life::ErasureStopped)))
    }

    /// Stops it from a session of the account.
    pub fn stop(&self, by: &Authenticated, member: &Member) -> Result<Change, Error> {
        if by.session().account != self.account || member.state.account != self.account {
            return Err(Error::Permission);
        }
        let change = Change::of(member.active()?);
        Ok(change.write(Write::DropErasure).event(member.life(Life::ErasureStopped)))
    }

    /// Carries it out, when it is due: every belonging meets its fate, the tombstone stays.
    pub fn carry(
        &self,
        member: &Member,
        council: &Council,
        now: Timestamp,
    ) -> Result<Change, Error> {
        if member.state.account != self.account {
            return Err(Error::Ticket);
        }
        member.may_go(council)?;
        if now < self.due {
            return Err(Rule::Waiting { until: self.due }.into());
        }
        let mut change = Change::of(member.state)
            .under(council)
            .next_epoch()
            .standing(Standing::Disabled)
            .ending(Ends::All(EndReason::Disabled));
        for belonging in Belonging::ALL {
            change = match belonging.fate() {
                Fate::Deleted => change.write(Write::Delete(belonging)),
                Fate::KeyDestroyed | Fate::Kept => change,
            };
        }
        Ok(change
            .write(Write::DropGrants)
            .write(Write::DropLoss)
            .write(Write::DropErasure)
            .write(Write::DropDataKey)
            .event(member.life(Life::Erased))
            .mail(Mail::to_address(member.email.clone(), Letter::Erased)))
    }
}
