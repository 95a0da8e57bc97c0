//! Access tokens: JWT (RFC 7519, RFC 9068), `EdDSA` only, ten minutes at most.
//!
//! The compact form is made and read here, on `seal`'s Ed25519: the key stays in its holder, one
//! algorithm exists per key, and every time is compared with the `now` that is given. A library
//! that takes exported keys and reads the clock itself serves as the peer in the tests.

use crate::{
    AccountId, AccountState, Error, Event, Governed, Session, SessionId, TokenFault, id::version_7,
    spread::Spread,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use indexmap::IndexMap;
use jiff::{SignedDuration, Timestamp};
use seal::{Entropy, Secret, SigningKey, VerifyingKey, sha256};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const TOKEN_BYTES_MAX: usize = 2048;
const LIFETIME_MAX: SignedDuration = SignedDuration::from_mins(10);
/// A clock that was set back by less than this refuses nobody.
const SKEW: SignedDuration = SignedDuration::from_secs(30);
const ALGORITHM: &str = "EdDSA";
const TYPE: &str = "at+jwt";

/// What a verified access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// Whose (`sub`).
    pub account: AccountId,
    /// Which session's (`sid`).
    pub session: SessionId,
    /// The account's epoch when it was issued.
    pub epoch: u32,
    /// On which proof of who is there it stands: when both factors were given, to the microsecond.
    pub proven: Timestamp,
    /// When it was issued (`iat`).
    pub issued: Timestamp,
    /// Until when it is good (`exp`).
    pub expires: Timestamp,
}

/// Proof that a token's signature, type, issuer, audience and times hold. Only
/// [`AccessKeys::verify`] and [`TokenCache::verify`] make one; whether its session lives is the
/// [`Registry`](crate::Registry)'s to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedToken(Claims);

impl VerifiedToken {
    /// What it says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.0
    }
}

/// A token to hand out. It does not print.
#[derive(Debug, Clone)]
pub struct AccessToken {
    /// The compact form.
    pub text: Secret<String>,
    /// Until when it is good.
    pub expires: Timestamp,
}

/// The key that signs, the keys that verify, and whom tokens are from and for.
#[derive(Debug)]
pub struct AccessKeys {
    issuer: String,
    audience: String,
    lifetime: SignedDuration,
    signing: SigningKey,
    key_id: String,
    verifying: BTreeMap<String, Verifier>,
}

/// A key that verifies, and when it stops, if it has been replaced.
#[derive(Debug, Clone, Copy)]
struct Verifier {
    key: VerifyingKey,
    until: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
    #[serde(default, skip_serializing)]
    crit: Option<serde::de::IgnoredAny>,
}

#[derive(Serialize, Deserialize)]
struct Payload {
    iss: String,
    aud: String,
    sub: String,
    sid: String,
    jti: String,
    iat: i64,
    exp: i64,
    epoch: u32,
    /// In microseconds; a token from before there was this field stands on no proof that counts.
    #[serde(default)]
    proven: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
}

impl AccessKeys {
    /// `names` are issuer and audience; `retired` keys still verify, for the overlap of a
    /// rotation; `lifetime` is at most ten minutes.
    pub fn new(
        names: (&str, &str),
        lifetime: SignedDuration,
        signing: SigningKey,
        retired: &[VerifyingKey],
    ) -> Result<Self, Error> {
        if !lifetime.is_positive() || lifetime > LIFETIME_MAX {
            let max_s = LIFETIME_MAX.as_secs();
            return Err(Error::Lifetime { what: "an access token's lifetime", max_s });
        }
        let current = *signing.verifying_key();
        let keys = retired.iter().copied().chain([current]);
        let forever = |key| (thumbprint(&key), Verifier { key, until: None });
        let verifying = keys.map(forever).collect();
        let (issuer, audience) = (names.0.to_owned(), names.1.to_owned());
        Ok(Self { issuer, audience, lifetime, key_id: thumbprint(&current), signing, verifying })
    }

    /// Publishes a key that will sign later, so that whoever caches the key set knows it by then,
    /// and verifies what another server signs with it already.
    pub fn announce(&mut self, next: VerifyingKey) {
        let verifier = Verifier { key: next, until: None };
        self.verifying.entry(thumbprint(&next)).or_insert(verifier);
    }

    /// Signs with another key from now on. The one before verifies for as long as a token of it
    /// may live, on a clock that is a little behind.
    pub fn rotate(&mut self, next: SigningKey, now: Timestamp) -> Event {
        let overlap = LIFETIME_MAX + SKEW + SKEW;
        let until = now.saturating_add(overlap).unwrap_or(Timestamp::MAX);
        let key = *next.verifying_key();
        let before = std::mem::replace(&mut self.key_id, thumbprint(&key));
        if let Some(verifier) = self.verifying.get_mut(&before) {
            verifier.until = Some(until);
        }
        self.verifying.insert(self.key_id.clone(), Verifier { key, until: None });
        self.verifying.retain(|_, verifier| verifier.until.is_none_or(|until| now < until));
        self.signing = next;
        Event::Governed(Governed::KeyRotated { key: self.key_id.clone() })
    }

    /// Issues a token for a session.
    #[must_use]
    pub fn issue(
        &self,
        session: &Session,
        state: &AccountState,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> AccessToken {
        let end = now.saturating_add(self.lifetime).unwrap_or(Timestamp::MAX).min(session.expires);
        let (iat, exp) = (now.as_second(), end.as_second());
        let payload = Payload {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: session.account.to_string(),
            sid: session.id.to_string(),
            jti: version_7(now, entropy).to_string(),
            iat,
            exp,
            epoch: state.epoch,
            proven: session.authenticated.as_microsecond(),
            nbf: None,
        };
        let (alg, typ) = (ALGORITHM.to_owned(), TYPE.to_owned());
        let header = Header { alg, typ, kid: self.key_id.clone(), crit: None };
        let signed = format!("{}.{}", part(&header), part(&payload));
        let signature = URL_SAFE_NO_PAD.encode(self.signing.sign(signed.as_bytes()));
        let expires = Timestamp::from_second(exp).unwrap_or(Timestamp::MAX);
        AccessToken { text: Secret::new(format!("{signed}.{signature}")), expires }
    }

    /// Verifies a token: header, signature, then content; the first fault is named.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, Error> {
        let payload = self.payload(token, now)?;
        let claims = self.claims(&payload)?;
        check_times(&claims, payload.nbf, now)?;
        Ok(VerifiedToken(claims))
    }

    /// The public keys as a JWK set (RFC 7517, RFC 8037).
    #[must_use]
    pub fn jwks(&self) -> String {
        let jwk = |(kid, Verifier { key, .. }): (&String, &Verifier)| {
            serde_json::json!({
                "kty": "OKP", "crv": "Ed25519", "alg": ALGORITHM, "use": "sig",
                "kid": kid, "x": URL_SAFE_NO_PAD.encode(key.as_bytes()),
            })
        };
        let keys: Vec<_> = self.verifying.iter().map(jwk).collect();
        serde_json::json!({ "keys": keys }).to_string()
    }

    /// The payload, after header and signature hold. Nothing in the header but `alg`, `typ`,
    /// `kid` and `crit` is looked at: a key or an address in it can have no effect.
    fn payload(&self, token: &str, now: Timestamp) -> Result<Payload, Error> {
        let malformed = Error::Token(TokenFault::Malformed);
        if token.len() > TOKEN_BYTES_MAX {
            return Err(malformed);
        }
        let mut parts = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed);
        };
        let fields: Header = read(header)?;
        if fields.alg != ALGORITHM {
            return Err(Error::Token(TokenFault::Algorithm));
        }
        if fields.typ != TYPE {
            return Err(Error::Token(TokenFault::Type));
        }
        if fields.crit.is_some() {
            return Err(Error::Token(TokenFault::Critical));
        }
        let known = self.verifying.get(&fields.kid);
        let alive = known.filter(|verifier| verifier.until.is_none_or(|until| now < until));
        let key = alive.ok_or(Error::Token(TokenFault::Key))?.key;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed)?;
        let signed = token.get(..=header.len() + payload.len()).unwrap_or_default();
        key.verify(signed.as_bytes(), &signature)
            .map_err(|_| Error::Token(TokenFault::Signature))?;
        read(payload)
    }

    fn claims(&self, payload: &Payload) -> Result<Claims, Error> {
        if payload.iss != self.issuer {
            return Err(Error::Token(TokenFault::Issuer));
        }
        if payload.aud != self.audience {
            return Err(Error::Token(TokenFault::Audience));
        }
        let malformed = |_| Error::Token(TokenFault::Malformed);
        let micros = |value| {
            Timestamp::from_microsecond(value).map_err(|_| Error::Token(TokenFault::Malformed))
        };
        let time = |second| {
            Timestamp::from_second(second).map_err(|_| Error::Token(TokenFault::Malformed))
        };
        Ok(Claims {
            account: payload.sub.parse().map_err(malformed)?,
            session: payload.sid.parse().map_err(malformed)?,
            epoch: payload.epoch,
            proven: micros(payload.proven)?,
            issued: time(payload.iat)?,
            expires: time(payload.exp)?,
        })
    }
}

fn check_times(claims: &Claims, not_before: Option<i64>, now: Timestamp) -> Result<(), Error> {
    if now >= claims.expires {
        return Err(Error::Token(TokenFault::Expired(claims.expires)));
    }
    let begin = not_before.and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(claims.issued);
    let begin = begin.max(claims.issued);
    if begin.duration_since(now) > SKEW {
        return Err(Error::Token(TokenFault::Early(begin)));
    }
    if claims.expires.duration_since(claims.issued) > LIFETIME_MAX {
        return Err(Error::Token(TokenFault::Lifetime));
    }
    Ok(())
}

/// The key's name: its JWK thumbprint (RFC 7638).
fn thumbprint(key: &VerifyingKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(sha256(canonical.as_bytes()))
}

fn part(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("strings and numbers always serialise");
    URL_SAFE_NO_PAD.encode(json)
}

fn read<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Error> {
    let json = URL_SAFE_NO_PAD.decode(part).ok();
    let value = json.and_then(|json| serde_json::from_slice(&json).ok());
    value.ok_or(Error::Token(TokenFault::Malformed))
}

/// Verified tokens by digest: a signature is checked once, its times at every use.
#[derive(Debug)]
pub struct TokenCache {
    entries_max: usize,
    by_digest: IndexMap<[u8; 32], VerifiedToken, Spread>,
    by_end: BTreeSet<(Timestamp, [u8; 32])>,
}

impl TokenCache {
    /// Keeps at most so many; the one that ends soonest gives way.
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        let by_digest = IndexMap::with_hasher(Spread);
        Self { entries_max, by_digest, by_end: BTreeSet::new() }
    }

    /// A token verified before and still good.
    #[must_use]
    pub fn find(&self, token: &str, now: Timestamp) -> Option<VerifiedToken> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let found = self.by_digest.get(&sha256(token.as_bytes()))?;
        check_times(&found.0, None, now).ok().map(|()| *found)
    }

    /// From the cache, or by checking the signature.
    pub fn verify(
        &mut self,
        keys: &AccessKeys,
        token: &str,
        now: Timestamp,
    ) -> Result<VerifiedToken, Error> {
        if let Some(found) = self.find(token, now) {
            return Ok(found);
        }
        let verified = keys.verify(token, now)?;
        let digest = sha256(token.as_bytes());
        self.by_digest.insert(digest, verified);
        self.by_end.insert((verified.0.expires, digest));
        while self.by_digest.len() > self.entries_max
            || self.by_end.first().is_some_and(|(end, _)| *end <= now)
        {
            let Some((_, digest)) = self.by_end.pop_first() else { break };
            self.by_digest.swap_remove(&digest);
        }
        Ok(verified)
    }
}
