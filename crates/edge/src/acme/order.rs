//! One order: from an account to a chain of certificates, all within so much time.

use super::{Acme, Certificate, Challenge, Challenges, Posted, Unissued, fate::Words, kept};
use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount, NewOrder, Order,
    OrderStatus, RetryPolicy,
};
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

/// How long an order may take.
const WITHIN: Duration = Duration::from_mins(5);
/// Orders that are begun for one certificate.
const ORDERS_MAX: usize = 4;
/// How an order is looked at again while the server is at work on it.
const AGAIN: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_mins(2));
/// How a server says that it does not know an account (RFC 8555 §6.7).
const UNKNOWN_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

impl Acme {
    /// Orders a certificate and keeps it. `challenges` must be those of the doors that the server will knock at.
    /// Whoever drops the future gives the order up; what was kept before stays.
    pub async fn order(
        self: &Arc<Self>,
        challenges: &Challenges,
        now: Timestamp,
    ) -> Result<Certificate, Unissued> {
        let (own, challenges) = (Arc::clone(self), challenges.clone());
        // In a task of its own: the library takes some of what a server says at its word, and panics where
        // that is nonsense.
        let order = AbortOnDropHandle::new(tokio::spawn(async move {
            timeout(WITHIN, own.ordered_at_last(&challenges, now)).await
        }));
        match order.await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) => Err(Unissued::Late { within_s: WITHIN.as_secs() }),
            Err(_) => Err(Unissued::Away(Words::of("it says what is no ACME"))),
        }
    }

    /// Orders again where the server took no nonce: the library gives up on the third that is refused.
    async fn ordered_at_last(
        &self,
        challenges: &Challenges,
        now: Timestamp,
    ) -> Result<Certificate, Unissued> {
        for _ in 1..ORDERS_MAX {
            match self.ordered(challenges, now).await {
                Err(Unissued::Nonces(_)) => {}
                ended => return ended,
            }
        }
        self.ordered(challenges, now).await
    }

    async fn ordered(
        &self,
        challenges: &Challenges,
        now: Timestamp,
    ) -> Result<Certificate, Unissued> {
        let names: Vec<Identifier> =
            self.terms.names.iter().cloned().map(Identifier::Dns).collect();
        let asked = NewOrder::new(&names);
        let began = Instant::now();
        let account = self.account().await?;
        let mut order = match account.new_order(&asked).await {
            Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(UNKNOWN_ACCOUNT) => {
                // Its memory was wiped, or the account was shut: another one is as good.
                self.forget_account()?;
                self.account().await?.new_order(&asked).await?
            }
            order => order?,
        };
        let posted = self.prove(&mut order, challenges).await?;
        let state = order.poll_ready(&AGAIN).await;
        match state {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => return Err(Unissued::NotProved(why(&mut order).await)),
            Err(error) => return Err(error.into()),
        }
        drop(posted);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(self.terms.names.clone())?;
        params.distinguished_name = DistinguishedName::new();
        let request = params.serialize_request(&key)?;
        order.finalize_csr(request.der()).await?;
        let chain = order.poll_certificate(&AGAIN).await?;
        // What was issued meanwhile begins later than the order did.
        let took = SignedDuration::try_from(began.elapsed()).unwrap_or_default();
        self.keep(&key, &chain, now.checked_add(took).unwrap_or(now))
    }

    /// The account that was kept, or a new one.
    async fn account(&self) -> Result<Account, Unissued> {
        let contact: Vec<&str> = self.terms.contact.iter().map(String::as_str).collect();
        let builder = || Account::builder_with_http(Box::new(self.carrier.clone()));
        if let Some(mut kept) = self.account_kept()? {
            let text = serde_json::to_string(&kept.credentials);
            let account = builder().from_credentials(kept.credentials).await?;
            if kept.contact == self.terms.contact {
                return Ok(account);
            }
            account.update_contacts(&contact).await?;
            let credentials = text.and_then(|text| serde_json::from_str(&text));
            kept.credentials = credentials.map_err(Error::Json)?;
            kept.contact.clone_from(&self.terms.contact);
            self.keep_account(&kept)?;
            return Ok(account);
        }
        let asked = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let made = builder().create(&asked, self.terms.directory.clone(), None).await?;
        let (account, credentials) = made;
        self.keep_account(&kept::Account { contact: self.terms.contact.clone(), credentials })?;
        Ok(account)
    }

    /// Lets a proof stand for each name that needs one, and calls the server to look.
    async fn prove(
        &self,
        order: &mut Order,
        challenges: &Challenges,
    ) -> Result<Vec<Posted>, Unissued> {
        let kind = match self.terms.challenge {
            Challenge::Http => ChallengeType::Http01,
            Challenge::Tls => ChallengeType::TlsAlpn01,
        };
        let mut posted = Vec::new();
        let mut seen = 0;
        let mut authorizations = order.authorizations();
        while let Some(next) = authorizations.next().await {
            let mut authorization = next?;
            seen += 1;
            if seen > self.terms.names.len() {
                return Err(Unissued::TooManyProofs);
            }
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                other => return Err(Unissued::NotProved(Words::of(format!("{other:?}")))),
            }
            let name = authorization.identifier().to_string();
            // A server could have us vouch for a name that nobody ordered.
            if !self.terms.names.contains(&name) {
                return Err(Unissued::NotProved(Words::of(format!("it asks about {name}"))));
            }
            let Some(mut challenge) = authorization.challenge(kind.clone()) else {
                let (kind, name) = (self.terms.challenge.as_str(), Words::of(name));
                return Err(Unissued::NoChallenge { kind, name });
            };
            let proof = challenge.key_authorization();
            posted.push(match self.terms.challenge {
                Challenge::Http => challenges.post_text(&challenge.token, proof.as_str())?,
                Challenge::Tls => challenges.post_certificate(&name, proof.digest().as_ref())?,
            });
            challenge.set_ready().await?;
        }
        Ok(posted)
    }
}

/// What the server says was wrong with the first proof that it did not find.
async fn why(order: &mut Order) -> Words {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        let failed = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = failed {
            return Words::of(problem);
        }
    }
    Words::of("it does not say why")
}
