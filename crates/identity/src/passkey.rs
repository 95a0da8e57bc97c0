//! Passkeys (W3C WebAuthn Level 3): registration and sign-in, verified here.
//!
//! The verifier is ours: what is to be checked without attestation is a JSON text, a 37-byte
//! header, a public key and a signature, and `seal` has the primitives. The library that does it
//! too serialises its state and brings an RSA implementation with an open advisory; as a core
//! cannot leave the state machine to it and the check to the app without splitting one ceremony
//! over two crates, the check lives where the state does. Answers of real authenticators and of a
//! browser's virtual one judge it in the tests.

mod answer;
mod cbor;
mod key;
#[cfg(test)]
mod tests;

pub use key::PASSKEY_ALGORITHMS;

use crate::{AccountId, DisplayName};
use answer::{AuthenticatorData, CREDENTIAL_BYTES_MAX, attested_data, check_client_data};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use core::net::IpAddr;
use jiff::Timestamp;
use key::PublicKey;
use seal::{Entropy, random, sha256, sha256_parts};

/// Why a passkey's answer is refused: for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasskeyFault {
    /// Passkeys need a name.
    #[error("passkeys need a host name with a trusted certificate, not an address")]
    NoName,
    /// Not what a browser sends.
    #[error("malformed")]
    Malformed,
    /// Made for another step.
    #[error("made for another ceremony")]
    Ceremony,
    /// Not for this challenge.
    #[error("wrong challenge")]
    Challenge,
    /// Made for another site.
    #[error("made for another origin")]
    Origin,
    /// Made for another relying party.
    #[error("made for another host")]
    RelyingParty,
    /// Nobody touched it.
    #[error("nobody was present")]
    Presence,
    /// It did not verify its user.
    #[error("the user was not verified")]
    Verification,
    /// Another algorithm than those offered.
    #[error("unknown algorithm")]
    Algorithm,
    /// Not a passkey of this account.
    #[error("not a passkey of this account")]
    Unknown,
    /// The signature does not match.
    #[error("wrong signature")]
    Signature,
    /// Its counter went back: there are two of it.
    #[error("the counter went back: it may have been copied")]
    Cloned,
}

/// A passkey's name in the database: a digest of the credential's id, which can be long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PasskeyId([u8; 32]);

impl PasskeyId {
    /// Of a credential's id, as the authenticator names it.
    #[must_use]
    pub fn of(credential: &[u8]) -> Self {
        Self(sha256_parts(&[b"stockade/v1 passkey ", credential]))
    }

    /// From the stored bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::Error> {
        bytes.try_into().map(Self).map_err(|_| crate::Error::Content { field: "passkey id" })
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// In hexadecimal, as the row is called where its key is sealed.
impl core::fmt::Display for PasskeyId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A passkey. Nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its name.
    pub id: PasskeyId,
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it.
    pub label: DisplayName,
    /// The credential's id, to ask an authenticator for it.
    pub credential: Vec<u8>,
    /// The public key in COSE form.
    pub cose: Vec<u8>,
    /// The signature counter shown last; 0: it does not count.
    pub counter: u32,
    /// Whether it may be synchronised to other devices; fixed for its life.
    pub may_be_copied: bool,
    /// When it was made.
    pub created: Timestamp,
}

/// Whether the authenticator must verify its user (PIN, fingerprint). With it, a passkey is two
/// factors; without, it is one beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerification {
    /// It must: for passkeys that stand alone.
    Required,
    /// It may.
    Preferred,
}

/// The site that passkeys are made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    id: String,
    origin: String,
}

impl RelyingParty {
    /// Of an origin as browsers write it: `https://name[:port]`, or `http://localhost[:port]`.
    pub fn new(origin: &str) -> Result<Self, PasskeyFault> {
        let (scheme, rest) = origin.split_once("://").ok_or(PasskeyFault::NoName)?;
        let host = rest.split_once(':').map_or(rest, |(host, _)| host);
        let is_local = host == "localhost";
        let secure = scheme == "https" || (scheme == "http" && is_local);
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        let named = !host.is_empty() && host.chars().all(plain) && host.parse::<IpAddr>().is_err();
        let port = rest.strip_prefix(host).unwrap_or_default();
        let fits =
            port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok());
        if secure && named && fits && (is_local || host.contains('.')) {
            Ok(Self { id: host.to_owned(), origin: origin.to_owned() })
        } else {
            Err(PasskeyFault::NoName)
        }
    }

    /// Its id: the host name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn check(
        &self,
        data: &AuthenticatorData,
        verification: UserVerification,
    ) -> Result<(), PasskeyFault> {
        if data.relying_party != sha256(self.id.as_bytes()) {
            return Err(PasskeyFault::RelyingParty);
        }
        if !data.flags.present() {
            return Err(PasskeyFault::Presence);
        }
        if verification == UserVerification::Required && !data.flags.verified() {
            return Err(PasskeyFault::Verification);
        }
        Ok(())
    }
}

/// A challenge under way: keep it in [`Pending`](crate::Pending), close it with the answer, so
/// that it is good once. Only our own registration and sign-in make one.
#[derive(Debug, Clone)]
pub struct PasskeyChallenge {
    bytes: Vec<u8>,
    account: Option<AccountId>,
    kind: &'static str,
    verification: UserVerification,
}

const CREATE: &str = "webauthn.create";
const GET: &str = "webauthn.get";

/// What a browser sends back of `navigator.credentials.create`.
#[derive(Debug, Clone, Copy)]
pub struct Attestation<'a> {
    /// `clientDataJSON`, as bytes.
    pub client_data: &'a [u8],
    /// `attestationObject`.
    pub object: &'a [u8],
}

/// What a browser sends back of `navigator.credentials.get`.
#[derive(Debug, Clone, Copy)]
pub struct Assertion<'a> {
    /// `rawId`.
    pub credential: &'a [u8],
    /// `clientDataJSON`, as bytes.
    pub client_data: &'a [u8],
    /// `authenticatorData`.
    pub authenticator_data: &'a [u8],
    /// `signature`.
    pub signature: &'a [u8],
    /// `userHandle`, if the authenticator keeps it.
    pub user_handle: Option<&'a [u8]>,
}

/// Proof that a passkey of an account answered a challenge of ours. That its counter grew is
/// stored by compare-and-set, in the transaction that uses the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyProof {
    pub(crate) account: AccountId,
    pub(crate) id: PasskeyId,
    pub(crate) counter: (u32, u32),
    pub(crate) verified: bool,
    pub(crate) at: Timestamp,
}

impl PasskeyProof {
    /// Whose passkey it is.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Which.
    #[must_use]
    pub const fn id(&self) -> PasskeyId {
        self.id
    }

    /// Whether its user was verified: then it is two factors.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.verified
    }
}

impl PasskeyChallenge {
    /// For a new passkey of this account.
    #[must_use]
    pub fn registration(
        account: AccountId,
        verification: UserVerification,
        entropy: &mut dyn Entropy,
    ) -> Self {
        let bytes = random::<32>(entropy).to_vec();
        Self { bytes, account: Some(account), kind: CREATE, verification }
    }

    /// For a sign-in, a step-up or a reset of this account, beside its password.
    #[must_use]
    pub fn second_factor(account: AccountId, entropy: &mut dyn Entropy) -> Self {
        let bytes = random::<32>(entropy).to_vec();
        let verification = UserVerification::Preferred;
        Self { bytes, account: Some(account), kind: GET, verification }
    }

    /// For a sign-in with a passkey alone, whoever it is.
    #[must_use]
    pub fn alone(entropy: &mut dyn Entropy) -> Self {
        let bytes = random::<32>(entropy).to_vec();
        let verification = UserVerification::Required;
        Self { bytes, account: None, kind: GET, verification }
    }

    /// The challenge for the browser, as base64url.
    #[must_use]
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.bytes)
    }

    /// Whether the user must be verified.
    #[must_use]
    pub const fn verification(&self) -> UserVerification {
        self.verification
    }

    /// Verifies a new passkey.
    pub fn register(
        &self,
        site: &RelyingParty,
        answer: &Attestation<'_>,
        label: DisplayName,
        now: Timestamp,
    ) -> Result<(Passkey, PasskeyProof), PasskeyFault> {
        let account = self.account.filter(|_| self.kind == CREATE).ok_or(PasskeyFault::Ceremony)?;
        check_client_data(answer.client_data, CREATE, &self.bytes, &site.origin)?;
        let data = AuthenticatorData::read(attested_data(answer.object)?)?;
        site.check(&data, self.verification)?;
        let attested = data.attested.ok_or(PasskeyFault::Malformed)?;
        let id = PasskeyId::of(&attested.credential);
        let passkey = Passkey {
            id,
            account,
            label,
            credential: attested.credential,
            cose: attested.cose,
            counter: data.counter,
            may_be_copied: data.flags.may_be_copied(),
            created: now,
        };
        let counter = (data.counter, data.counter);
        let verified = data.flags.verified();
        Ok((passkey, PasskeyProof { account, id, counter, verified, at: now }))
    }

    /// Verifies an answer against the stored passkey that it names.
    pub fn verify(
        &self,
        site: &RelyingParty,
        answer: &Assertion<'_>,
        stored: Option<&Passkey>,
        now: Timestamp,
    ) -> Result<PasskeyProof, PasskeyFault> {
        if self.kind != GET {
            return Err(PasskeyFault::Ceremony);
        }
        let passkey = stored.ok_or(PasskeyFault::Unknown)?;
        let named = answer.credential.len() <= CREDENTIAL_BYTES_MAX
            && PasskeyId::of(answer.credential) == passkey.id;
        let expected = self.account.is_none_or(|account| account == passkey.account);
        let handle = answer.user_handle.map(|handle| handle == passkey.account.as_bytes());
        // Alone, the authenticator itself must say whose it is.
        let owned = handle.unwrap_or(self.account.is_some());
        if !(named && expected && owned) {
            return Err(PasskeyFault::Unknown);
        }
        let digest = check_client_data(answer.client_data, GET, &self.bytes, &site.origin)?;
        let data = AuthenticatorData::read(answer.authenticator_data)?;
        site.check(&data, self.verification)?;
        if data.flags.may_be_copied() != passkey.may_be_copied {
            return Err(PasskeyFault::Malformed);
        }
        let (key, _) = PublicKey::read(&passkey.cose)?;
        key.verify(&[answer.authenticator_data, &digest].concat(), answer.signature)?;
        let counts = data.counter != 0 || passkey.counter != 0;
        if counts && data.counter <= passkey.counter {
            return Err(PasskeyFault::Cloned);
        }
        let counter = (passkey.counter, data.counter);
        let (account, verified) = (passkey.account, data.flags.verified());
        Ok(PasskeyProof { account, id: passkey.id, counter, verified, at: now })
    }
}
