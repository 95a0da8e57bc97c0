//! The rows of a change, one by one.

use crate::{
    Act,
    accounts::number,
    deed::{Overtaken, Stop, one},
    scope::Scope,
    sql::{Statement, sql},
};
use identity::{AccountId, Belonging, Loss, Means, RecoveryHash, SealedAddress, SealedWrite};
use jiff::Timestamp;

impl Act {
    /// Writes one row of a change.
    pub(crate) async fn write_row(
        &mut self,
        account: AccountId,
        write: &SealedWrite,
        now: Timestamp,
    ) -> Result<(), Stop> {
        let own = Scope::Account(account);
        if let Some(statement) = plain(account, write, now) {
            self.run(own, statement).await?;
            return Ok(());
        }
        match write {
            SealedWrite::Use(means) => {
                let used = self.use_up(account, *means, now).await?;
                one(u64::from(used), Overtaken::Factor)
            }
            SealedWrite::Email(address) => self.move_address(account, address).await,
            SealedWrite::Recovery(codes) => self.write_codes(account, codes).await,
            SealedWrite::AddPasskey(passkey) => self.insert_passkey(passkey).await,
            SealedWrite::Grant(grant) => Ok(self.write_link(grant, None, now).await?),
            SealedWrite::TakeLoss(loss) => {
                one(self.run(own, take_loss(loss)).await?, Overtaken::Loss)
            }
            SealedWrite::Delete(belonging) => self.delete(account, *belonging).await,
            SealedWrite::DropDataKey => self.forget(account, now).await,
            // All others are plain.
            _ => Ok(()),
        }
    }

    /// Uses up what proved a factor; whether it was unused.
    pub(crate) async fn use_up(
        &mut self,
        account: AccountId,
        means: Means,
        now: Timestamp,
    ) -> Result<bool, crate::Error> {
        let id = account.to_string();
        let statement = match means {
            Means::Enrolment => return Ok(true),
            Means::Totp(step) => {
                sql("UPDATE totp SET last_step = $1 WHERE account_id = $2 AND last_step < $1")
                    .bind(number(step))
                    .bind(id)
            }
            Means::Recovery(index) => sql("UPDATE recovery_codes SET used_us = $1
                 WHERE account_id = $2 AND code_index = $3 AND used_us IS NULL")
            .bind(now.as_microsecond())
            .bind(id)
            .bind(i64::from(index)),
            Means::Passkey(passkey, (before, after)) => sql("UPDATE passkeys SET counter = $1
                 WHERE passkey_id = $2 AND account_id = $3 AND counter = $4")
            .bind(i64::from(after))
            .bind(passkey.as_bytes().as_slice())
            .bind(id)
            .bind(i64::from(before)),
            // Nothing is used up, but there must be nothing more to ask for.
            Means::Alone => sql("UPDATE accounts SET epoch = epoch WHERE account_id = $1
                 AND NOT EXISTS (SELECT 1 FROM totp t WHERE t.account_id = $1)
                 AND NOT EXISTS (SELECT 1 FROM passkeys p WHERE p.account_id = $1)")
            .bind(id),
        };
        Ok(self.run(Scope::Account(account), statement).await? == 1)
    }

    /// Only the house sees whether another account has the address.
    async fn move_address(
        &mut self,
        account: AccountId,
        address: &SealedAddress,
    ) -> Result<(), Stop> {
        let statement = sql("UPDATE accounts SET email_index = $1, email = $2
             WHERE account_id = $3 AND NOT EXISTS (
                 SELECT 1 FROM accounts o WHERE o.email_index = $1 AND o.account_id <> $3)")
        .bind(address.index.as_bytes().as_slice())
        .bind(&address.sealed)
        .bind(account.to_string());
        one(self.run(Scope::House, statement).await?, Overtaken::Address)
    }

    pub(crate) async fn write_codes(
        &mut self,
        account: AccountId,
        codes: &[RecoveryHash],
    ) -> Result<(), Stop> {
        let own = Scope::Account(account);
        let id = account.to_string();
        let old = sql("DELETE FROM recovery_codes WHERE account_id = $1").bind(&id);
        self.run(own, old).await?;
        for code in codes {
            let row = sql("INSERT INTO recovery_codes (account_id, code_index, code_hash)
                 VALUES ($1, $2, $3)")
            .bind(&id)
            .bind(i64::from(code.index))
            .bind(code.hash.as_str());
            self.run(own, row).await?;
        }
        Ok(())
    }

    /// Deletes an account's rows of one kind.
    async fn delete(&mut self, account: AccountId, belonging: Belonging) -> Result<(), Stop> {
        let statements: &[&'static str] = match belonging {
            // The profile goes with the data key, the log stays.
            Belonging::Profile | Belonging::History => &[],
            Belonging::Letters => &["DELETE FROM postings WHERE account_id = $1"],
            Belonging::Factors => &[
                "DELETE FROM totp WHERE account_id = $1",
                "DELETE FROM recovery_codes WHERE account_id = $1",
                "DELETE FROM passkeys WHERE account_id = $1",
                "DELETE FROM passwords WHERE account_id = $1",
            ],
            Belonging::Sessions => &[
                "DELETE FROM refresh_families WHERE session_id IN
                     (SELECT session_id FROM sessions WHERE account_id = $1)",
                "DELETE FROM sessions WHERE account_id = $1",
            ],
            Belonging::Devices => &["DELETE FROM devices WHERE account_id = $1"],
            Belonging::Credentials => &["DELETE FROM credentials WHERE account_id = $1"],
            Belonging::Strategies => &["DELETE FROM strategies WHERE account_id = $1"],
            Belonging::Expressions => &[
                "DELETE FROM factor_versions WHERE factor_id IN
                     (SELECT factor_id FROM factors WHERE account_id = $1)",
                "DELETE FROM factors WHERE account_id = $1",
            ],
            Belonging::Backtests => &[
                "DELETE FROM backtests WHERE account_id = $1",
                "DELETE FROM sweeps WHERE account_id = $1",
                "DELETE FROM factor_trials WHERE tried_by = $1",
            ],
        };
        for text in statements {
            let statement = sql(*text).bind(account.to_string());
            self.run(Scope::Account(account), statement).await?;
        }
        Ok(())
    }

    /// Destroys an account's data key and what was sealed before accounts had one: its profile and
    /// its letters. The address is free from then on; the id in its place is nobody's address.
    async fn forget(&mut self, account: AccountId, now: Timestamp) -> Result<(), Stop> {
        let own = Scope::Account(account);
        let id = account.to_string();
        let tombstone = sql("UPDATE accounts SET email_index = $1, email = $2, display_name = $2,
             erased_us = $3 WHERE account_id = $4")
        .bind(account.as_bytes().as_slice())
        .bind([].as_slice())
        .bind(now.as_microsecond())
        .bind(&id);
        self.run(own, tombstone).await?;
        self.run(own, sql("DELETE FROM data_keys WHERE account_id = $1").bind(&id)).await?;
        self.delete(account, Belonging::Letters).await
    }
}

/// Writes that nothing can overtake but a change of the account itself.
fn plain(account: AccountId, write: &SealedWrite, now: Timestamp) -> Option<Statement> {
    let id = account.to_string();
    let drop = |text: &'static str| sql(text).bind(&id);
    Some(match write {
        SealedWrite::Password(hash) => sql("INSERT INTO passwords (account_id, password_hash)
             VALUES ($1, $2) ON CONFLICT (account_id)
             DO UPDATE SET password_hash = excluded.password_hash")
        .bind(&id)
        .bind(hash.as_str()),
        SealedWrite::DisplayName(name) => {
            sql("UPDATE accounts SET display_name = $1 WHERE account_id = $2").bind(name).bind(&id)
        }
        SealedWrite::Totp(secret, step) => sql("INSERT INTO totp
             (account_id, secret, last_step, enrolled_us) VALUES ($1, $2, $3, $4)
             ON CONFLICT (account_id) DO UPDATE SET secret = excluded.secret,
             last_step = excluded.last_step, enrolled_us = excluded.enrolled_us")
        .bind(&id)
        .bind(&secret.0)
        .bind(number(*step))
        .bind(now.as_microsecond()),
        SealedWrite::NoTotp => drop("DELETE FROM totp WHERE account_id = $1"),
        SealedWrite::DropPasskey(key) => {
            drop("DELETE FROM passkeys WHERE account_id = $1 AND passkey_id = $2")
                .bind(key.as_bytes().as_slice())
        }
        SealedWrite::DropGrants => drop("DELETE FROM links WHERE account_id = $1"),
        SealedWrite::Loss(loss) => loss_row(loss),
        SealedWrite::DropLoss => drop("DELETE FROM losses WHERE account_id = $1"),
        SealedWrite::Device(device) => sql("INSERT INTO devices
             (account_id, device_id, first_us, last_us) VALUES ($1, $2, $3, $3)
             ON CONFLICT (account_id, device_id) DO UPDATE SET last_us = excluded.last_us")
        .bind(&id)
        .bind(device.to_string())
        .bind(now.as_microsecond()),
        SealedWrite::DropDevices => drop("DELETE FROM devices WHERE account_id = $1"),
        SealedWrite::DropCredentials => drop("DELETE FROM credentials WHERE account_id = $1"),
        SealedWrite::Erasure(erasure) => sql("INSERT INTO erasures (account_id, due_us)
             VALUES ($1, $2) ON CONFLICT (account_id) DO UPDATE SET due_us = excluded.due_us")
        .bind(&id)
        .bind(erasure.due.as_microsecond()),
        SealedWrite::DropErasure => drop("DELETE FROM erasures WHERE account_id = $1"),
        _ => return None,
    })
}

fn loss_row(loss: &Loss) -> Statement {
    let (voucher, by) = voucher_name(loss);
    sql("INSERT INTO losses (account_id, epoch, ready_us, voucher, vouched_by)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id) DO UPDATE SET
         epoch = excluded.epoch, ready_us = excluded.ready_us, voucher = excluded.voucher,
         vouched_by = excluded.vouched_by")
    .bind(loss.account.to_string())
    .bind(i64::from(loss.epoch))
    .bind(loss.ready.as_microsecond())
    .bind(voucher)
    .bind(by)
}

/// This very one, or none.
fn take_loss(loss: &Loss) -> Statement {
    let (voucher, by) = voucher_name(loss);
    sql("DELETE FROM losses WHERE account_id = $1 AND epoch = $2 AND ready_us = $3
         AND voucher = $4 AND vouched_by IS NOT DISTINCT FROM $5")
    .bind(loss.account.to_string())
    .bind(i64::from(loss.epoch))
    .bind(loss.ready.as_microsecond())
    .bind(voucher)
    .bind(by)
}

fn voucher_name(loss: &Loss) -> (&'static str, Option<String>) {
    match loss.voucher {
        identity::Voucher::None => ("none", None),
        identity::Voucher::Awaited => ("awaited", None),
        identity::Voucher::Given(by) => ("given", Some(by.to_string())),
    }
}
