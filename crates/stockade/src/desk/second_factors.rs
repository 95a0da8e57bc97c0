//! Second factors of one's own: enrolled once they are shown to work, removed, and their stand-ins
//! renewed; each time with proof of all factors that there are.

use super::{
    Accounts, Error, Known, PasskeyAsk, PasskeyMade, ProofForm, Result, Visitor, now, pool::Queue,
};
use identity::{
    Authenticated, Enrolled, Error as Refused, FactorProof, NewFactor, OldFactor, Passwords,
    RecoveryCode, Rule, TotpSecret, UserVerification,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use std::sync::Arc;

/// An authenticator that is to be confirmed.
#[derive(Debug)]
pub struct TotpBegun {
    /// To go on with.
    pub ticket: String,
    /// To be typed into the authenticator.
    pub secret: Secret<String>,
    /// To be scanned.
    pub uri: Secret<String>,
}

/// A passkey that is to be made.
#[derive(Debug)]
pub struct PasskeyBegun {
    /// What the browser is asked; its credentials are those that there are.
    pub ask: PasskeyAsk,
    /// The account's id in bytes, which the authenticator keeps.
    pub handle: [u8; 16],
    /// The address, as the authenticator names the account.
    pub email: String,
    /// The name.
    pub display_name: String,
}

/// What comes of an enrolment.
#[derive(Debug)]
pub struct FactorKept {
    /// With which the session goes on.
    pub access: Secret<String>,
    /// Fresh recovery codes, shown once; none if the old ones go on.
    pub codes: Vec<Secret<String>>,
}

/// The new factor, owned by whatever hashes beside it.
enum Shown {
    Totp(TotpSecret, String),
    Passkey(Box<identity::Passkey>),
}

impl Accounts {
    /// Begins with an authenticator: nothing is kept before it is shown to work.
    pub async fn begin_totp(&self, by: &Authenticated) -> Result<TotpBegun> {
        let known = self.own(by).await?;
        let mut entropy = SystemEntropy::new();
        let secret = TotpSecret::generate(&mut entropy);
        let (typed, uri) = (secret.base32(), secret.uri(&known.profile.email));
        let account = known.member.state.account;
        let ticket = self.live().enrolments.open((account, secret), now(), &mut entropy);
        Ok(TotpBegun { ticket: ticket.expose().to_owned(), secret: typed, uri })
    }

    /// Enrols an authenticator by the code that it shows; that code is used up.
    pub async fn enrol_totp(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        (ticket, code): (&str, &str),
        form: ProofForm,
    ) -> Result<FactorKept> {
        let now = now();
        let known = self.own(by).await?;
        let (account, secret) = self.live().enrolments.find(ticket, now).cloned()?;
        if account != known.member.state.account {
            return Err(Refused::Ticket.into());
        }
        // A slip here must not cost the proof.
        secret.accept(code, now, None).map_err(|_| Error::Enrolment)?;
        let proof = self.prove(visitor, &known, form).await?;
        let kept =
            self.enrol(visitor, by, (&known, proof), Shown::Totp(secret, code.to_owned())).await?;
        // Its code is used up in the database already; here it only takes room.
        let _ = self.live().enrolments.close(ticket, now);
        Ok(kept)
    }

    /// Begins with a passkey. Where there is no password it must verify its user.
    pub async fn begin_passkey(&self, by: &Authenticated) -> Result<PasskeyBegun> {
        let known = self.own(by).await?;
        let account = known.member.state.account;
        let verification = if known.member.holdings.password {
            UserVerification::Preferred
        } else {
            UserVerification::Required
        };
        Ok(PasskeyBegun {
            ask: self.ask_new_passkey(account, verification, now()).await?,
            handle: *account.as_bytes(),
            email: known.profile.email.to_string(),
            display_name: known.profile.display_name.to_string(),
        })
    }

    /// Enrols a passkey that was just made.
    pub async fn enrol_passkey(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        made: PasskeyMade,
        form: ProofForm,
    ) -> Result<FactorKept> {
        let known = self.own(by).await?;
        // First: a wrong proof must not cost the passkey.
        let proof = self.prove(visitor, &known, form).await?;
        let passkey = self.made_passkey(&known, made, now())?;
        self.enrol(visitor, by, (&known, proof), Shown::Passkey(Box::new(passkey))).await
    }

    async fn enrol(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        (known, proof): (&Known, FactorProof),
        shown: Shown,
    ) -> Result<FactorKept> {
        let (member, session, at) = (known.member.clone(), by.session().id, now());
        let hashed = move |passwords: &Passwords| {
            let factor = match &shown {
                Shown::Totp(secret, code) => NewFactor::Totp(secret, code),
                Shown::Passkey(passkey) => NewFactor::Passkey(passkey.as_ref().clone()),
            };
            let rules = (passwords, session, at);
            member.enrol(&proof, factor, rules, &mut SystemEntropy::new())
        };
        self.keep_enrolled(visitor, by, known, (hashed, at)).await
    }

    /// A fresh set of recovery codes; the old ones are worth nothing from then on.
    pub async fn renew_codes(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        form: ProofForm,
    ) -> Result<FactorKept> {
        let known = self.own(by).await?;
        let proof = self.prove(visitor, &known, form).await?;
        let (member, session, at) = (known.member.clone(), by.session().id, now());
        let hashed = move |passwords: &Passwords| {
            member.renew_codes(&proof, (passwords, session, at), &mut SystemEntropy::new())
        };
        self.keep_enrolled(visitor, by, &known, (hashed, at)).await
    }

    /// Hashes on the pool, keeps, and words the codes.
    async fn keep_enrolled(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        known: &Known,
        (hashed, at): (
            impl FnOnce(&Passwords) -> Result<Enrolled, Refused> + Send + 'static,
            Timestamp,
        ),
    ) -> Result<FactorKept> {
        let passwords = Arc::clone(&self.0.passwords);
        let enrolled = self.0.pool.run_for(Queue::Known, move || hashed(&passwords)).await??;
        let codes = enrolled.codes.iter().map(RecoveryCode::text).collect();
        let access = self.keep_own(visitor, by, (known, enrolled.change), at).await?;
        Ok(FactorKept { access, codes })
    }

    /// Removes a second factor. The last one goes only where the role can do without, and together
    /// with a new password that can stand alone.
    pub async fn remove_factor(
        &self,
        visitor: &Visitor,
        by: &Authenticated,
        (factor, alone): (OldFactor, Option<Secret<String>>),
        form: ProofForm,
    ) -> Result<Secret<String>> {
        let known = self.own(by).await?;
        let holdings = &known.member.holdings;
        let has = match factor {
            OldFactor::Totp => holdings.totp,
            OldFactor::Passkey(id) => holdings.passkeys.contains(&id),
        };
        if !has {
            return Err(Error::NotFound { what: "second factor" });
        }
        let is_last = holdings.second_factors() <= 1;
        if is_last && known.member.state.role.is_staff() {
            return Err(Refused::FactorNeeded.into());
        }
        let session = by.session().id;
        let change = match (is_last, alone) {
            (true, None) => return Err(Refused::from(Rule::LastFactor).into()),
            (true, Some(password)) => {
                let factors = identity::Factors::PasswordOnly;
                let new = self.new_password(password, known.profile.clone(), factors).await?;
                let proof = self.prove(visitor, &known, form).await?;
                let (member, passwords) = (known.member.clone(), Arc::clone(&self.0.passwords));
                let at = now();
                let removed = move || {
                    let here = (session, at);
                    let entropy = &mut SystemEntropy::new();
                    member.remove_last_factor(&proof, (&new, &passwords), here, entropy)
                };
                self.0.pool.run_for(Queue::Known, removed).await??
            }
            (false, _) => {
                let proof = self.prove(visitor, &known, form).await?;
                known.member.remove_factor(&proof, factor, session, now())?
            }
        };
        self.keep_own(visitor, by, (&known, change), now()).await
    }
}
