//! Keys of price vendors: put in and taken out over the API, and told of by fingerprint alone.

use super::{
    super::{Actor, Deed, Desk, Error, Result, now},
    SecretAct, SecretKept, Secrets,
};
use identity::AccountId;
use jiff::Timestamp;
use kms::Listed;
use seal::Secret;

/// Keys of vendors, at most.
pub const VENDORS_MAX: usize = 64;
const FAMILY: &str = "vendor.";
const VENDOR_BYTES_MAX: usize = 32;

/// What may be told of a vendor's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorKey {
    /// The vendor.
    pub vendor: String,
    /// The same for the same key in the same installation, and of no use elsewhere.
    pub fingerprint: String,
    /// When it was put in.
    pub created: Timestamp,
    /// Who put it in; nobody with an account: the operator on the machine.
    pub by: Option<AccountId>,
}

impl VendorKey {
    fn of(listed: Listed) -> Option<Self> {
        let vendor = listed.name.strip_prefix(FAMILY)?.to_owned();
        let (fingerprint, created) = (listed.fingerprint, listed.created);
        Some(Self { vendor, fingerprint, created, by: listed.label.parse().ok() })
    }
}

/// Whether a vendor may be called so: up to 32 lower-case letters, digits, dashes and underlines, a letter
/// or a digit first.
#[must_use]
pub fn is_vendor(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let first = name.bytes().next().is_some_and(plain);
    first && name.len() <= VENDOR_BYTES_MAX && name.bytes().all(|b| plain(b) || b"-_".contains(&b))
}

impl Desk {
    /// The keys of vendors, by name.
    pub async fn vendor_keys(&self) -> Result<Vec<VendorKey>> {
        let secrets = self.secrets()?;
        let all = tokio::task::spawn_blocking(move || secrets.list()).await??;
        Ok(all.into_iter().filter_map(VendorKey::of).collect())
    }

    /// Seals a vendor's key, in the place of the one before. The leaf and the key are one act as far as a
    /// file and a database can be: what the log does not take is put back as it was.
    pub async fn keep_vendor_key(
        &self,
        by: AccountId,
        vendor: &str,
        value: Secret<Vec<u8>>,
    ) -> Result<VendorKey> {
        let (name, now) = (format!("{FAMILY}{vendor}"), now());
        let known = self.vendor_keys().await?;
        if known.len() >= VENDORS_MAX && known.iter().all(|key| key.vendor != vendor) {
            return Err(Error::Limit { what: "keys of vendors", limit: VENDORS_MAX });
        }
        let secrets = self.secrets()?;
        let act = self.store().begin().await?;
        let (kept, before) = blocking(secrets.clone(), {
            let name = name.clone();
            move |secrets| {
                let before = Before::of(&secrets, &name)?;
                Ok((secrets.keep(&name, &by.to_string(), &value, now)?, before))
            }
        })
        .await?;
        let SecretKept { listed, before: replaced } = kept.clone();
        let key = VendorKey::of(listed).ok_or(Error::NotFound { what: "vendor's key" })?;
        if kept.is_unchanged() {
            return Ok(key);
        }
        let fingerprint = key.fingerprint.clone();
        let deed =
            Deed::Secret(SecretAct::Kept { name: name.clone(), fingerprint, before: replaced });
        let committed = act.commit(deed.entry(Actor::Account(by)), now).await;
        if committed.is_err() {
            blocking(secrets, move |secrets| before.put_back(&secrets, &name)).await?;
        }
        committed?;
        Ok(key)
    }

    /// Takes a vendor's key out.
    pub async fn remove_vendor_key(&self, by: AccountId, vendor: &str) -> Result<()> {
        let (name, now) = (format!("{FAMILY}{vendor}"), now());
        let secrets = self.secrets()?;
        let act = self.store().begin().await?;
        let (removed, before) = blocking(secrets.clone(), {
            let name = name.clone();
            move |secrets| {
                let before = Before::of(&secrets, &name)?;
                Ok((secrets.remove(&name)?, before))
            }
        })
        .await?;
        let fingerprint = removed.fingerprint;
        let deed = Deed::Secret(SecretAct::Removed { name: name.clone(), fingerprint });
        let committed = act.commit(deed.entry(Actor::Account(by)), now).await;
        if committed.is_err() {
            blocking(secrets, move |secrets| before.put_back(&secrets, &name)).await?;
        }
        committed?;
        Ok(())
    }
}

/// What stood in the store before an act.
struct Before(Option<(Listed, Secret<Vec<u8>>)>);

impl Before {
    fn of(secrets: &Secrets, name: &str) -> Result<Self> {
        let listed = secrets.list()?.into_iter().find(|listed| listed.name == name);
        Ok(Self(listed.zip(secrets.find(name)?)))
    }

    fn put_back(&self, secrets: &Secrets, name: &str) -> Result<()> {
        match &self.0 {
            Some((listed, value)) => {
                secrets.keep(name, &listed.label, value, listed.created).map(|_| ())
            }
            None => secrets.remove(name).map(|_| ()),
        }
    }
}

async fn blocking<T: Send + 'static>(
    secrets: Secrets,
    work: impl FnOnce(Secrets) -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(move || work(secrets)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vendor_is_called_by_a_plain_word() {
        let check = |name: &str, want: bool| assert_eq!(is_vendor(name), want, "{name}");
        check("polygon", true);
        check("eod-historical_2", true);
        check(&"a".repeat(32), true);
        check(&"a".repeat(33), false);
        check("", false);
        check("-a", false);
        check("Polygon", false);
        check("a.b", false);
        check("../a", false);
        check("ä", false);
    }
}
