//! API tokens and bots: keys with a narrow scope, an end, and a name.

use crate::{
    AccountId, AccountState, Authenticated, DisplayName, Error, Event, Level, Life, Permission,
    Standing, Tenant, TokenHash, id::version_7,
};
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, Secret, random, sha256};
use std::{collections::BTreeSet, str::FromStr};
use uuid::Uuid;

const PREFIX: &str = "stk_";
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 43 digits of base 62 are 256 bits.
const BODY_DIGITS: usize = 43;
const CHECK_DIGITS: usize = 6;
const LIFETIME_MAX: SignedDuration = SignedDuration::from_hours(24 * 365);
/// Last use is kept to the minute: more would be a write a request.
const LAST_USE: SignedDuration = SignedDuration::from_mins(1);

/// A token's text: `stk_`, 256 random bits and a checksum, by which a scanner of sources tells it
/// from chance without asking anybody. It does not print.
#[derive(Debug, Clone)]
pub struct ApiSecret(Secret<String>);

impl ApiSecret {
    /// A fresh one.
    #[must_use]
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let bytes = Secret::new(random::<32>(entropy));
        let body = base_62(bytes.expose());
        let check = checksum(&body);
        Self(Secret::new(format!("{PREFIX}{body}{check}")))
    }

    /// The text, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What finds its row.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        Self::hash_of(&self.digest())
    }

    /// What a program that made its secret itself says of it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.0.expose().as_bytes())
    }

    /// What finds the row of a secret of which only the digest is known.
    #[must_use]
    pub fn hash_of(digest: &[u8; 32]) -> TokenHash {
        TokenHash::of("api", digest)
    }
}

impl FromStr for ApiSecret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let body = text.strip_prefix(PREFIX).filter(|b| b.len() == BODY_DIGITS + CHECK_DIGITS);
        let (body, check) =
            body.and_then(|b| b.split_at_checked(BODY_DIGITS)).ok_or(Error::Forged)?;
        if body.bytes().all(|b| ALPHABET.contains(&b)) && checksum(body) == check {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(Error::Forged)
        }
    }
}

/// The first 32 bits of the body's SHA-256, in six digits.
fn checksum(body: &str) -> String {
    let digest = sha256(body.as_bytes());
    let number = digest.iter().take(4).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    digits(CHECK_DIGITS, |place| number / 62_u64.pow(u32::try_from(place).unwrap_or(0)) % 62)
}

fn base_62(bytes: &[u8; 32]) -> String {
    let mut number = *bytes;
    let mut out: Vec<u64> = (0..BODY_DIGITS).map(|_| divide(&mut number)).collect();
    out.reverse();
    out.into_iter().filter_map(letter).collect()
}

/// Divides a big-endian number by 62 in place and returns the rest.
fn divide(number: &mut [u8; 32]) -> u64 {
    number.iter_mut().fold(0_u64, |rest, byte| {
        let value = rest << 8 | u64::from(*byte);
        *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
        value % 62
    })
}

fn digits(count: usize, digit: impl Fn(usize) -> u64) -> String {
    (0..count).rev().filter_map(|place| letter(digit(place))).collect()
}

fn letter(digit: u64) -> Option<char> {
    let place = usize::try_from(digit).ok()?;
    ALPHABET.get(place).map(|letter| char::from(*letter))
}

/// What a token or a bot may do for its account: a set that never holds what changes accounts,
/// rights or factors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(BTreeSet<Permission>);

impl Scope {
    /// Of permissions that suit tokens; at least one.
    pub fn new(permissions: impl IntoIterator<Item = Permission>) -> Result<Self, Error> {
        let set: BTreeSet<Permission> = permissions.into_iter().collect();
        let fits = !set.is_empty() && set.iter().all(|p| p.suits_tokens());
        if fits { Ok(Self(set)) } else { Err(Error::Scope) }
    }

    /// What is in it.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> + '_ {
        self.0.iter().copied()
    }
}

/// By what a credential is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The hash of its secret.
    Token(TokenHash),
    /// The SHA-256 of its certificate's public key: bots hold certificates, not passwords.
    Bot([u8; 32]),
}

/// An API token or a bot as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its handle.
    pub id: Uuid,
    /// For whom it acts.
    pub account: AccountId,
    /// What its owner calls it; for a bot, the name in its certificate.
    pub label: DisplayName,
    /// What it may do.
    pub scope: Scope,
    /// By what it is recognised.
    pub proof: Proof,
    /// When it was made.
    pub created: Timestamp,
    /// Until when it is good.
    pub expires: Timestamp,
    /// When it was used last, to the minute.
    pub used: Option<Timestamp>,
}

/// A wish for a credential.
#[derive(Debug, Clone)]
pub struct Order {
    /// What its owner calls it.
    pub label: DisplayName,
    /// What it may do.
    pub scope: Scope,
    /// How long.
    pub lifetime: SignedDuration,
}

/// Proof that a request comes by a live credential of an active account.
#[derive(Debug, Clone)]
pub struct Delegate {
    credential: Uuid,
    state: AccountState,
    scope: Scope,
}

impl Order {
    fn fill(
        self,
        by: &Authenticated,
        proof: Proof,
        now: Timestamp,
        id: Uuid,
    ) -> Result<Credential, Error> {
        by.authorize(Permission::OwnTokens, now)?;
        let granted = self.scope.permissions().all(|permission| by.role().allows(permission));
        if !granted || !self.lifetime.is_positive() || self.lifetime > LIFETIME_MAX {
            return Err(Error::Scope);
        }
        let account = by.session().account;
        let expires = now.saturating_add(self.lifetime).unwrap_or(Timestamp::MAX);
        let Self { label, scope, .. } = self;
        Ok(Credential { id, account, label, scope, proof, created: now, expires, used: None })
    }

    /// Makes a token; its text is shown once.
    pub fn token(
        self,
        by: &Authenticated,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(ApiSecret, Credential, Event), Error> {
        let secret = ApiSecret::generate(entropy);
        let (proof, id) = (Proof::Token(secret.hash()), version_7(now, entropy));
        let row = self.fill(by, proof, now, id)?;
        let event = Event::Life { account: row.account, what: Life::TokenMade(row.id) };
        Ok((secret, row, event))
    }

    /// Grants what a program asked for, whose own secret has this hash.
    pub fn granted(
        self,
        by: &Authenticated,
        hash: TokenHash,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(Credential, Event), Error> {
        let row = self.fill(by, Proof::Token(hash), now, version_7(now, entropy))?;
        let event = Event::Life { account: row.account, what: Life::TokenGranted(row.id) };
        Ok((row, event))
    }

    /// Binds a bot's certificate.
    pub fn bot(
        self,
        by: &Authenticated,
        key: [u8; 32],
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<(Credential, Event), Error> {
        let row = self.fill(by, Proof::Bot(key), now, version_7(now, entropy))?;
        let event = Event::Life { account: row.account, what: Life::BotBound(row.id) };
        Ok((row, event))
    }
}

impl Credential {
    /// Lets a token in.
    pub fn admit(
        &self,
        secret: &ApiSecret,
        state: &AccountState,
        now: Timestamp,
    ) -> Result<Delegate, Error> {
        match &self.proof {
            Proof::Token(hash) if hash.matches(&secret.hash()) => self.delegate(state, now),
            _ => Err(Error::Forged),
        }
    }

    /// Lets a bot in whose certificate the TLS layer has checked: both name and key must be those
    /// that were bound.
    pub fn admit_bot(
        &self,
        certificate: (&str, &[u8; 32]),
        state: &AccountState,
        now: Timestamp,
    ) -> Result<Delegate, Error> {
        let (name, key) = certificate;
        match &self.proof {
            Proof::Bot(bound) if seal::equal(bound, key) && self.label.as_str() == name => {
                self.delegate(state, now)
            }
            _ => Err(Error::Forged),
        }
    }

    fn delegate(&self, state: &AccountState, now: Timestamp) -> Result<Delegate, Error> {
        let own = state.account == self.account && state.standing == Standing::Active;
        if !own || now >= self.expires {
            return Err(Error::Forged);
        }
        Ok(Delegate { credential: self.id, state: *state, scope: self.scope.clone() })
    }

    /// The last use to store, if the stored one is older than a minute.
    #[must_use]
    pub fn used_now(&self, now: Timestamp) -> Option<Timestamp> {
        let fresh = self.used.is_some_and(|used| now.duration_since(used) < LAST_USE);
        (!fresh).then_some(now)
    }

    /// Whether its owner is to be reminded of its end (ASVS 6.4.5): in the last seven days.
    #[must_use]
    pub fn is_ending(&self, now: Timestamp) -> bool {
        let left = self.expires.duration_since(now);
        left.is_positive() && left <= SignedDuration::from_hours(24 * 7)
    }

    /// The event of its end.
    #[must_use]
    pub const fn revoke(&self) -> Event {
        let what = match self.proof {
            Proof::Token(_) => Life::TokenRevoked(self.id),
            Proof::Bot(_) => Life::BotUnbound(self.id),
        };
        Event::Life { account: self.account, what }
    }
}

impl Delegate {
    /// Which credential.
    #[must_use]
    pub const fn credential(&self) -> Uuid {
        self.credential
    }

    /// The tenant, if scope and role allow it. What is dangerous no token does, whatever it says.
    pub fn authorize(&self, permission: Permission) -> Result<Tenant, Error> {
        let scoped = self.scope.0.contains(&permission) && permission.suits_tokens();
        let allowed = self.state.role.allows(permission) && permission.level() < Level::Dangerous;
        if scoped && allowed { Ok(Tenant::of(self.state.account)) } else { Err(Error::Permission) }
    }
}
