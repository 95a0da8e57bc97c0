//! Passkeys between a browser and an account: what is asked, and what comes back of it.

use super::{Accounts, Actor, Error, Known, Plan, Result};
use identity::{
    AccountId, Assertion, Attestation, DisplayName, Error as Refused, Passkey, PasskeyChallenge,
    PasskeyFault, PasskeyId, PasskeyProof, RelyingParty, UserVerification,
};
use jiff::Timestamp;
use kms::SystemEntropy;

/// What a browser is asked for.
#[derive(Debug)]
pub struct PasskeyAsk {
    /// Finds the challenge when the answer comes; good once.
    pub ticket: String,
    /// The challenge, as base64url.
    pub challenge: String,
    /// The host name that the passkey is made for.
    pub host: String,
    /// Whether the authenticator must verify its user.
    pub verification: UserVerification,
    /// The credentials that are asked for; none: whichever the person picks.
    pub credentials: Vec<Vec<u8>>,
}

/// What comes back of a passkey that is there, as bytes.
#[derive(Debug)]
pub struct PasskeyAnswer {
    /// The challenge's.
    pub ticket: String,
    /// `rawId`.
    pub credential: Vec<u8>,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `authenticatorData`.
    pub authenticator_data: Vec<u8>,
    /// `signature`.
    pub signature: Vec<u8>,
    /// `userHandle`, if the authenticator keeps it.
    pub user_handle: Option<Vec<u8>>,
}

/// What comes back of a passkey that was just made, as bytes.
#[derive(Debug)]
pub struct PasskeyMade {
    /// The challenge's.
    pub ticket: String,
    /// `clientDataJSON`.
    pub client_data: Vec<u8>,
    /// `attestationObject`.
    pub object: Vec<u8>,
    /// What its owner calls it.
    pub label: DisplayName,
}

impl Accounts {
    /// The site that passkeys are made for: the server's own origin, if it has a name.
    pub(super) fn site(&self) -> Result<RelyingParty> {
        RelyingParty::new(self.origin()).map_err(|fault| Refused::Passkey(fault).into())
    }

    /// The origin at which passkeys work; none where the server is known by an address only.
    #[must_use]
    pub fn passkey_origin(&self) -> Option<&str> {
        self.site().ok().map(|_| self.origin())
    }

    /// Asks for whichever passkey the person has here, as the only proof.
    pub fn ask_any_passkey(&self, now: Timestamp) -> Result<PasskeyAsk> {
        let challenge = PasskeyChallenge::alone(&mut SystemEntropy::new());
        self.ask(challenge, Vec::new(), now)
    }

    /// Asks for one of an account's passkeys, beside its password or, where it has none, alone.
    pub async fn ask_own_passkey(&self, account: AccountId, now: Timestamp) -> Result<PasskeyAsk> {
        let stored = self.0.desk.store().factors(account).await?;
        let passkeys = stored.map(|stored| stored.passkeys).unwrap_or_default();
        if passkeys.is_empty() {
            return Err(Refused::Passkey(PasskeyFault::Unknown).into());
        }
        let challenge = PasskeyChallenge::second_factor(account, &mut SystemEntropy::new());
        self.ask(challenge, passkeys.into_iter().map(|key| key.row.credential).collect(), now)
    }

    /// Asks for a new passkey; those that the account has are not to be made twice.
    pub(super) async fn ask_new_passkey(
        &self,
        account: AccountId,
        verification: UserVerification,
        now: Timestamp,
    ) -> Result<PasskeyAsk> {
        let stored = self.0.desk.store().factors(account).await?;
        let passkeys = stored.map(|stored| stored.passkeys).unwrap_or_default();
        let entropy = &mut SystemEntropy::new();
        let challenge = PasskeyChallenge::registration(account, verification, entropy);
        self.ask(challenge, passkeys.into_iter().map(|key| key.row.credential).collect(), now)
    }

    fn ask(
        &self,
        challenge: PasskeyChallenge,
        credentials: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> Result<PasskeyAsk> {
        let host = self.site()?.id().to_owned();
        let (text, verification) = (challenge.text(), challenge.verification());
        let ticket = self.live().passkeys.open(challenge, now, &mut SystemEntropy::new());
        let ticket = ticket.expose().to_owned();
        Ok(PasskeyAsk { ticket, challenge: text, host, verification, credentials })
    }

    /// Verifies a passkey's answer; its ticket is used up whatever comes of it. A counter that went
    /// back is refused, and the owner hears of it.
    pub(super) async fn verify_passkey(
        &self,
        answer: &PasskeyAnswer,
        now: Timestamp,
    ) -> Result<PasskeyProof> {
        let challenge = self.live().passkeys.close(&answer.ticket, now)?;
        let site = self.site()?;
        let id = PasskeyId::of(&answer.credential);
        let stored = self.0.desk.store().passkey(&id).await?;
        let stored = match stored {
            Some((key, _)) => Some(self.vault_of(key.row.account).await?.open_passkey(&key)?),
            None => None,
        };
        let assertion = Assertion {
            credential: &answer.credential,
            client_data: &answer.client_data,
            authenticator_data: &answer.authenticator_data,
            signature: &answer.signature,
            user_handle: answer.user_handle.as_deref(),
        };
        match (challenge.verify(&site, &assertion, stored.as_ref(), now), stored) {
            (Err(PasskeyFault::Cloned), Some(passkey)) => {
                self.note_copied_passkey(passkey.account, now).await?;
                Err(Refused::Passkey(PasskeyFault::Cloned).into())
            }
            (verified, _) => verified.map_err(|fault| Refused::Passkey(fault).into()),
        }
    }

    async fn note_copied_passkey(&self, account: AccountId, now: Timestamp) -> Result<()> {
        let Some(known) = self.known(account).await? else { return Ok(()) };
        let plan = Plan::of(Actor::Server).change(&known, known.member.passkey_cloned());
        match self.keep(plan, now).await {
            // Somebody changed the account meanwhile; the refusal stands all the same.
            Ok(_) | Err(Error::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Verifies a passkey that was just made for an account; its ticket is used up.
    pub(super) fn made_passkey(
        &self,
        known: &Known,
        made: PasskeyMade,
        now: Timestamp,
    ) -> Result<Passkey> {
        let challenge = self.live().passkeys.close(&made.ticket, now)?;
        let answer = Attestation { client_data: &made.client_data, object: &made.object };
        let registered = challenge.register(&self.site()?, &answer, made.label, now);
        let (passkey, _) = registered.map_err(Refused::Passkey)?;
        if passkey.account != known.member.state.account {
            return Err(Refused::Passkey(PasskeyFault::Unknown).into());
        }
        Ok(passkey)
    }
}
