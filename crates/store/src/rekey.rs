//! Another data key for an account, with the fields that lie under it.

use crate::{Act, Error, scope::Scope, sql::sql};
use identity::{AccountId, PasskeyId, SealedProfile, SessionId};

/// A sealed value of before, and the one of after.
pub type Instead<'a> = (&'a [u8], &'a [u8]);

/// An account whose fields lie under another data key.
#[derive(Debug, Clone, Copy)]
pub struct Rekeyed<'a> {
    /// Whose they are.
    pub account: AccountId,
    /// The data key itself, sealed.
    pub data_key: Instead<'a>,
    /// Address and name.
    pub profile: (&'a SealedProfile, &'a SealedProfile),
    /// The authenticator's secret.
    pub totp: Option<Instead<'a>>,
    /// Public keys of passkeys.
    pub passkeys: &'a [(PasskeyId, Vec<u8>, Vec<u8>)],
    /// Where sessions run.
    pub clients: &'a [(SessionId, Vec<u8>, Vec<u8>)],
}

impl Act {
    /// Puts another data key in the place of the one that was read, and the fields under it in the place
    /// of those that were read; `false` if another key is there. A field that was changed or added
    /// meanwhile stays as it is: the data key opens what lies under the one before.
    pub async fn rekey(&mut self, new: &Rekeyed<'_>) -> Result<bool, Error> {
        let (own, id) = (Scope::Account(new.account), new.account.to_string());
        let row = sql("UPDATE data_keys SET data_key = $1 WHERE account_id = $2 AND data_key = $3")
            .bind(new.data_key.1)
            .bind(&id)
            .bind(new.data_key.0);
        if self.run(own, row).await? != 1 {
            return Ok(false);
        }
        let (before, after) = new.profile;
        let row = sql("UPDATE accounts SET email = $1, display_name = $2
             WHERE account_id = $3 AND email = $4 AND display_name = $5")
        .bind(&after.email)
        .bind(&after.display_name)
        .bind(&id)
        .bind(&before.email)
        .bind(&before.display_name);
        self.run(own, row).await?;
        if let Some((before, after)) = new.totp {
            let row = sql("UPDATE totp SET secret = $1 WHERE account_id = $2 AND secret = $3");
            self.run(own, row.bind(after).bind(&id).bind(before)).await?;
        }
        for (passkey, before, after) in new.passkeys {
            let row = sql("UPDATE passkeys SET cose = $1
                 WHERE passkey_id = $2 AND account_id = $3 AND cose = $4")
            .bind(after)
            .bind(passkey.as_bytes().as_slice())
            .bind(&id)
            .bind(before);
            self.run(own, row).await?;
        }
        for (session, before, after) in new.clients {
            let row = sql("UPDATE sessions SET client = $1
                 WHERE session_id = $2 AND account_id = $3 AND client = $4")
            .bind(after)
            .bind(session.to_string())
            .bind(&id)
            .bind(before);
            self.run(own, row).await?;
        }
        Ok(true)
    }
}
