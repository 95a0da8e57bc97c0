//! Refresh tokens: opaque, single use, in a family whose reuse revokes it.
//!
//! The token of generation `n` is a MAC over (family, n) under the holder's key, so a second tab
//! that asks at the same moment gets the very same successor; the database keeps only its hash.

use crate::{
    AccountState, DeviceId, EndReason, Error, Event, Session, SessionId, SessionPolicy, Standing,
    TokenHash,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use seal::{MacKey, Secret};

const BYTES: usize = 16 + 4 + 32;

/// A refresh token that we issued: its MAC was checked when it was read. It does not print.
#[derive(Debug, Clone)]
pub struct RefreshToken {
    session: SessionId,
    generation: u32,
    tag: Secret<[u8; 32]>,
}

impl RefreshToken {
    fn derive(session: SessionId, generation: u32, key: &MacKey) -> Self {
        let tag = key.tag(&parts(session.as_bytes(), &generation.to_be_bytes()));
        Self { session, generation, tag: Secret::new(tag) }
    }

    /// Reads a cookie. What the key did not make is [`Error::Forged`] and touches no session, so
    /// that knowing a session's name is not enough to end it.
    pub fn parse(text: &str, key: &MacKey) -> Result<Self, Error> {
        if text.len() > 2 * BYTES {
            return Err(Error::Forged);
        }
        let bytes = Secret::new(URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::Forged)?);
        let (id, rest) = bytes.expose().split_first_chunk::<16>().ok_or(Error::Forged)?;
        let (number, tag) = rest.split_first_chunk::<4>().ok_or(Error::Forged)?;
        let tag: [u8; 32] = tag.try_into().map_err(|_| Error::Forged)?;
        if !key.verify(&parts(id, number), &tag) {
            return Err(Error::Forged);
        }
        let session = SessionId::from_bytes(id).map_err(|_| Error::Forged)?;
        Ok(Self { session, generation: u32::from_be_bytes(*number), tag: Secret::new(tag) })
    }

    /// The cookie's text.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        let number = self.generation.to_be_bytes();
        let bytes = [self.session.as_bytes().as_slice(), &number, self.tag.expose()].concat();
        Secret::new(URL_SAFE_NO_PAD.encode(Secret::new(bytes).expose()))
    }

    /// Which session's family it belongs to: read that from the database.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    fn hash(&self) -> TokenHash {
        TokenHash::of("refresh", self.tag.expose())
    }
}

fn parts<'a>(session: &'a [u8; 16], generation: &'a [u8; 4]) -> [&'a [u8]; 3] {
    [b"stockade/v1 refresh", session, generation]
}

/// A refresh family as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Its session.
    pub session: SessionId,
    /// The number of the one token that is good.
    pub generation: u32,
    /// That token's hash.
    pub hash: TokenHash,
    /// Whether the token was handed out a second time already.
    pub repeated: bool,
    /// When it was last rotated.
    pub used: Timestamp,
}

/// What came of presenting a token. Store `family` (and the end, if it is one) if the row still
/// has the generation and repetition of `before`; if not, read again and start over.
#[derive(Debug)]
pub struct Rotation {
    /// The row that was judged.
    pub before: Family,
    /// The row to store.
    pub family: Family,
    /// The token to hand out; `None`: the session is revoked.
    pub token: Option<RefreshToken>,
    /// What happened, its end included.
    pub events: Vec<Event>,
}

impl Rotation {
    /// Why the session must be ended, if it must.
    #[must_use]
    pub fn ended(&self) -> Option<EndReason> {
        if self.token.is_some() { None } else { Some(EndReason::Reuse) }
    }
}

/// How long after a rotation an honest second tab may still show the token before.
pub const REPEAT_WITHIN: SignedDuration = SignedDuration::from_secs(30);

impl Family {
    pub(crate) fn begin(session: SessionId, now: Timestamp, key: &MacKey) -> (Self, RefreshToken) {
        let token = RefreshToken::derive(session, 0, key);
        let hash = token.hash();
        (Self { session, generation: 0, hash, repeated: false, used: now }, token)
    }

    /// Judges a presented token against what is stored.
    ///
    /// - the good one, on its own device: the successor;
    /// - the one before, on its own device, while the successor is unused and within
    ///   [`REPEAT_WITHIN`]: the same successor again, once;
    /// - any other that we once issued: it was copied, so the family is revoked.
    ///
    /// A session that is over is an error and changes nothing.
    pub fn rotate(
        &self,
        owner: (&Session, &AccountState),
        presented: (&RefreshToken, DeviceId),
        rules: (&SessionPolicy, &MacKey),
        now: Timestamp,
    ) -> Result<Rotation, Error> {
        let ((session, state), (token, device), (policy, key)) = (owner, presented, rules);
        if token.session != self.session || session.id != self.session {
            return Err(Error::Forged);
        }
        if let Some(reason) = self.over(session, state, policy, now) {
            return Err(Error::Ended { reason });
        }
        let (account, id) = (session.account, self.session);
        let own_device = session.device == device;
        let is_good = token.generation == self.generation && self.hash.matches(&token.hash());
        if own_device && is_good {
            return Ok(self.renew(session, key, now));
        }
        let is_previous = token.generation.checked_add(1) == Some(self.generation);
        // A tab that was beaten to it asks at once. Without the bound, a thief with the device
        // cookie and the owner could take turns for as long as the session lives.
        let since = now.duration_since(self.used);
        let at_once = (SignedDuration::ZERO..=REPEAT_WITHIN).contains(&since);
        if own_device && is_previous && at_once && !self.repeated {
            let generation = self.generation;
            let same = RefreshToken::derive(id, generation, key);
            let family = Self { repeated: true, ..*self };
            let event = Event::RefreshRepeated { account, session: id, generation };
            return Ok(Rotation { before: *self, family, token: Some(same), events: vec![event] });
        }
        let reused = Event::RefreshReused { account, session: id, generation: token.generation };
        let events = vec![reused, session.end(EndReason::Reuse)];
        Ok(Rotation { before: *self, family: *self, token: None, events })
    }

    /// The next token without one that was presented: for a fresh proof of who is there, which ends
    /// the token before it as an exchange would.
    #[must_use]
    pub fn renew(&self, owner: &Session, key: &MacKey, now: Timestamp) -> Rotation {
        let (account, id) = (owner.account, self.session);
        let generation = self.generation.saturating_add(1);
        let next = RefreshToken::derive(id, generation, key);
        let family =
            Self { session: id, generation, hash: next.hash(), repeated: false, used: now };
        let event = Event::SessionRefreshed { account, session: id, generation };
        Rotation { before: *self, family, token: Some(next), events: vec![event] }
    }

    fn over(
        &self,
        session: &Session,
        state: &AccountState,
        policy: &SessionPolicy,
        now: Timestamp,
    ) -> Option<EndReason> {
        if let Some(reason) = session.ended {
            return Some(reason);
        }
        if state.standing != Standing::Active || state.account != session.account {
            return Some(EndReason::Disabled);
        }
        if now >= session.expires {
            return Some(EndReason::Absolute);
        }
        (now.duration_since(self.used) >= policy.idle()).then_some(EndReason::Idle)
    }
}
