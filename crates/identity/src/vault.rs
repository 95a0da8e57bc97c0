//! The fields of an account that lie sealed: one place that knows where each belongs.

use crate::{
    AccountId, AccountState, Client, DataKey, DisplayName, EmailAddress, EmailIndex, Error,
    Passkey, RecoveryHash, SessionId, Step, StoredFactors, TotpSecret,
};
use seal::{Aad, Entropy, MacKey, SealingKey, Secret};

/// Seals and opens what identifies a person; a value moved to another row, column or account
/// does not open.
#[derive(Debug)]
pub struct Vault {
    key: SealingKey,
    /// Keys that sealed before this one; they open, and seal nothing any more.
    retired: Vec<SealingKey>,
    email_index: MacKey,
}

/// What a person is called and where their mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The address.
    pub email: EmailAddress,
    /// The name.
    pub display_name: DisplayName,
}

/// A profile as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedProfile {
    /// Finds the account by its address.
    pub email_index: EmailIndex,
    /// The address, sealed.
    pub email: Vec<u8>,
    /// The name, sealed.
    pub display_name: Vec<u8>,
}

/// An authenticator's secret as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTotp(pub Vec<u8>);

/// An account's second factors as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFactors {
    /// The account as it is now.
    pub state: AccountState,
    /// The authenticator's secret, and the last step used.
    pub totp: Option<(SealedTotp, Step)>,
    /// The recovery codes not used yet.
    pub recovery: Vec<RecoveryHash>,
    /// The passkeys.
    pub passkeys: Vec<SealedPasskey>,
}

/// A passkey as stored. Its public key is no secret and lies sealed all the same: whoever writes to the
/// database and knows no key of the server's cannot put a key of theirs in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPasskey {
    /// The passkey, but for `cose`, which is the sealed public key.
    pub row: Passkey,
}

/// Where a session runs, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedClient(pub Vec<u8>);

/// The column that a sealed value belongs to.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) column: &'static str,
}

pub(crate) const EMAIL: Place = Place { table: "accounts", column: "email" };
pub(crate) const DISPLAY_NAME: Place = Place { table: "accounts", column: "display_name" };
const DATA_KEY: Place = Place { table: "data_keys", column: "data_key" };
const PASSKEY: Place = Place { table: "passkeys", column: "cose" };
const TOTP: Place = Place { table: "totp", column: "secret" };
const CLIENT: Place = Place { table: "sessions", column: "client" };

impl Vault {
    /// With the sealing key and the blind index's key of their purposes.
    #[must_use]
    pub const fn new(key: SealingKey, email_index: MacKey) -> Self {
        Self { key, retired: Vec::new(), email_index }
    }

    /// Opens what was sealed by these keys, too.
    #[must_use]
    pub fn with_retired(self, retired: Vec<SealingKey>) -> Self {
        Self { retired, ..self }
    }

    /// The vault of one account's own fields, under its data key: it seals and opens as this one
    /// does, until the key is destroyed.
    #[must_use]
    pub fn of_account(&self, key: &DataKey) -> Self {
        let retired = key.before().iter().map(|key| SealingKey::new(key.clone())).collect();
        let key = SealingKey::new(key.secret().clone());
        Self { key, retired, email_index: self.email_index.clone() }
    }

    /// Seals an account's data key.
    #[must_use]
    pub fn seal_data_key(
        &self,
        account: AccountId,
        key: &DataKey,
        entropy: &mut dyn Entropy,
    ) -> Vec<u8> {
        let row = account.to_string();
        self.seal(&DATA_KEY, (account, &row), key.to_bytes().expose(), entropy)
    }

    /// Opens an account's data key.
    pub fn open_data_key(&self, account: AccountId, sealed: &[u8]) -> Result<DataKey, Error> {
        let row = account.to_string();
        DataKey::from_bytes(self.open(&DATA_KEY, (account, &row), sealed)?.expose())
    }

    /// Whether a data key lies under the key that seals now, and not under one before it.
    #[must_use]
    pub fn is_current(&self, sealed: &[u8]) -> bool {
        self.key.column(DATA_KEY.table, DATA_KEY.column).is_named_in(sealed)
    }

    /// What finds an account by its address.
    #[must_use]
    pub fn index(&self, email: &EmailAddress) -> EmailIndex {
        email.index(&self.email_index)
    }

    /// Seals a profile for its account.
    #[must_use]
    pub fn seal_profile(
        &self,
        account: AccountId,
        profile: &Profile,
        entropy: &mut dyn Entropy,
    ) -> SealedProfile {
        let row = account.to_string();
        let mut seal =
            |place: &Place, text: &str| self.seal(place, (account, &row), text.as_bytes(), entropy);
        SealedProfile {
            email: seal(&EMAIL, profile.email.as_str()),
            display_name: seal(&DISPLAY_NAME, profile.display_name.as_str()),
            email_index: self.index(&profile.email),
        }
    }

    /// Opens an account's profile.
    pub fn open_profile(
        &self,
        account: AccountId,
        sealed: &SealedProfile,
    ) -> Result<Profile, Error> {
        let row = account.to_string();
        let email = self.open_text(&EMAIL, (account, &row), &sealed.email)?;
        let name = self.open_text(&DISPLAY_NAME, (account, &row), &sealed.display_name)?;
        Ok(Profile {
            email: email.expose().parse().map_err(|_| Error::Content { field: EMAIL.column })?,
            display_name: name
                .expose()
                .parse()
                .map_err(|_| Error::Content { field: DISPLAY_NAME.column })?,
        })
    }

    /// Seals an authenticator's secret for its account.
    #[must_use]
    pub fn seal_totp(
        &self,
        account: AccountId,
        secret: &TotpSecret,
        entropy: &mut dyn Entropy,
    ) -> SealedTotp {
        let row = account.to_string();
        SealedTotp(self.seal(&TOTP, (account, &row), secret.expose(), entropy))
    }

    /// Opens an account's authenticator secret.
    pub fn open_totp(&self, account: AccountId, sealed: &SealedTotp) -> Result<TotpSecret, Error> {
        let row = account.to_string();
        let bytes = self.open(&TOTP, (account, &row), &sealed.0)?;
        TotpSecret::from_bytes(bytes.expose())
    }

    /// Seals a passkey's public key for its account and its credential.
    #[must_use]
    pub fn seal_passkey(&self, passkey: Passkey, entropy: &mut dyn Entropy) -> SealedPasskey {
        let place = (passkey.account, passkey.id.to_string());
        let cose = self.seal(&PASSKEY, (place.0, &place.1), &passkey.cose, entropy);
        SealedPasskey { row: Passkey { cose, ..passkey } }
    }

    /// Opens a passkey; one whose key was sealed for another account or credential, or by nobody, does
    /// not open.
    pub fn open_passkey(&self, sealed: &SealedPasskey) -> Result<Passkey, Error> {
        let row = sealed.row.clone();
        let place = (row.account, row.id.to_string());
        let cose = self.open(&PASSKEY, (place.0, &place.1), &row.cose)?.expose().clone();
        Ok(Passkey { cose, ..row })
    }

    /// Opens an account's second factors.
    pub fn open_factors(&self, sealed: &SealedFactors) -> Result<StoredFactors, Error> {
        let account = sealed.state.account;
        let open = |(secret, step): &(SealedTotp, Step)| {
            self.open_totp(account, secret).map(|secret| (secret, *step))
        };
        let totp = sealed.totp.as_ref().map(open).transpose()?;
        let recovery = sealed.recovery.clone();
        let passkeys = sealed.passkeys.iter().map(|key| self.open_passkey(key));
        let passkeys = passkeys.collect::<Result<_, _>>()?;
        Ok(StoredFactors { state: sealed.state, totp, recovery, passkeys })
    }

    /// Seals where a session runs.
    #[must_use]
    pub fn seal_client(
        &self,
        owner: (AccountId, SessionId),
        client: &Client,
        entropy: &mut dyn Entropy,
    ) -> SealedClient {
        let address = client.address.map(|a| a.to_string()).unwrap_or_default();
        let text = format!("{address}\n{}", client.agent);
        let row = owner.1.to_string();
        SealedClient(self.seal(&CLIENT, (owner.0, &row), text.as_bytes(), entropy))
    }

    /// Opens where a session runs.
    pub fn open_client(
        &self,
        owner: (AccountId, SessionId),
        sealed: &SealedClient,
    ) -> Result<Client, Error> {
        let row = owner.1.to_string();
        let text = self.open_text(&CLIENT, (owner.0, &row), &sealed.0)?;
        let parts = text.expose().split_once('\n');
        let (address, agent) = parts.ok_or(Error::Content { field: CLIENT.column })?;
        Ok(Client { address: address.parse().ok(), agent: agent.to_owned() })
    }

    /// Seals a value for its owner, its column and its row; without an account it is the house's.
    pub(crate) fn seal(
        &self,
        place: &Place,
        row: (impl Into<Option<AccountId>>, &str),
        plaintext: &[u8],
        entropy: &mut dyn Entropy,
    ) -> Vec<u8> {
        let tenant = tenant(row.0.into());
        let aad = aad(place, &tenant, row.1);
        self.key.column(place.table, place.column).seal(&aad, plaintext, entropy)
    }

    fn open(
        &self,
        place: &Place,
        row: (impl Into<Option<AccountId>>, &str),
        sealed: &[u8],
    ) -> Result<Secret<Vec<u8>>, Error> {
        let tenant = tenant(row.0.into());
        let aad = aad(place, &tenant, row.1);
        let keys = std::iter::once(&self.key).chain(&self.retired);
        let columns = keys.map(|key| key.column(place.table, place.column));
        let named = columns.into_iter().find(|column| column.is_named_in(sealed));
        // Where no key is named, the first one says what is wrong.
        let column = named.unwrap_or_else(|| self.key.column(place.table, place.column));
        Ok(column.open(&aad, sealed)?)
    }

    pub(crate) fn open_text(
        &self,
        place: &Place,
        row: (impl Into<Option<AccountId>>, &str),
        sealed: &[u8],
    ) -> Result<Secret<String>, Error> {
        let bytes = self.open(place, row, sealed)?;
        let text = String::from_utf8(bytes.expose().clone());
        text.map(Secret::new).map_err(|_| Error::Content { field: place.column })
    }
}

/// Who owns a row; no account's id reads like the house's name.
fn tenant(account: Option<AccountId>) -> String {
    account.map_or_else(|| "house".to_owned(), |account| account.to_string())
}

fn aad<'a>(place: &Place, tenant: &'a str, row: &'a str) -> Aad<'a> {
    let is_bytes = place.table == TOTP.table || place.column == DATA_KEY.column;
    let kind = if is_bytes { "bytes" } else { "text" };
    Aad { tenant, table: place.table, row, column: place.column, kind }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use seal::SeededEntropy;

    fn vault() -> Vault {
        Vault::new(SealingKey::new(Secret::new([1; 32])), MacKey::new(Secret::new([2; 32])))
    }

    fn account(seed: u64) -> AccountId {
        AccountId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(seed))
    }

    #[test]
    fn a_field_opens_for_its_own_account_only() {
        let (vault, mut entropy) = (vault(), SeededEntropy::new(3));
        let (ada, eve) = (account(1), account(2));
        let profile = Profile {
            email: "ada@example.org".parse().expect("an address"),
            display_name: "Ada".parse().expect("a name"),
        };
        let sealed = vault.seal_profile(ada, &profile, &mut entropy);
        assert_eq!(vault.open_profile(ada, &sealed), Ok(profile.clone()));
        assert!(matches!(vault.open_profile(eve, &sealed), Err(Error::Sealed(_))));
        assert_eq!(sealed.email_index, vault.index(&profile.email));
        let swapped = SealedProfile {
            email: sealed.display_name.clone(),
            display_name: sealed.email.clone(),
            ..sealed.clone()
        };
        assert!(vault.open_profile(ada, &swapped).is_err());

        let secret = TotpSecret::generate(&mut entropy);
        let sealed = vault.seal_totp(ada, &secret, &mut entropy);
        let opened = vault.open_totp(ada, &sealed).expect("its own");
        assert_eq!(opened.expose(), secret.expose());
        assert!(vault.open_totp(eve, &sealed).is_err());
    }

    #[test]
    fn a_passkeys_key_opens_for_its_own_account_and_credential_only() {
        let (vault, mut entropy) = (vault(), SeededEntropy::new(3));
        let passkey = |account, credential: &[u8]| Passkey {
            id: crate::PasskeyId::of(credential),
            account,
            label: "key".parse().expect("a label"),
            credential: credential.to_vec(),
            cose: vec![7; 77],
            counter: 0,
            may_be_copied: false,
            created: Timestamp::UNIX_EPOCH,
        };
        let mine = passkey(account(1), b"mine");
        let sealed = vault.seal_passkey(mine.clone(), &mut entropy);
        assert_eq!(vault.open_passkey(&sealed), Ok(mine.clone()));
        assert_ne!(sealed.row.cose, mine.cose);
        let moved =
            |row: Passkey| SealedPasskey { row: Passkey { cose: sealed.row.cose.clone(), ..row } };
        for other in [passkey(account(2), b"mine"), passkey(account(1), b"another")] {
            assert!(matches!(vault.open_passkey(&moved(other)), Err(Error::Sealed(_))));
        }
        // One that nobody sealed: as whoever writes to the database would put it there.
        let planted = SealedPasskey { row: mine };
        assert!(matches!(vault.open_passkey(&planted), Err(Error::Sealed(_))));
    }

    #[test]
    fn without_its_data_key_nothing_of_an_account_opens() {
        let (vault, mut entropy) = (vault(), SeededEntropy::new(3));
        let ada = account(1);
        let key = DataKey::generate(&mut entropy);
        let stored = vault.seal_data_key(ada, &key, &mut entropy);
        let own = vault.of_account(&vault.open_data_key(ada, &stored).expect("its own"));
        let secret = TotpSecret::generate(&mut entropy);
        let sealed = own.seal_totp(ada, &secret, &mut entropy);
        assert_eq!(own.open_totp(ada, &sealed).expect("its own").expose(), secret.expose());
        let other = vault.of_account(&DataKey::generate(&mut entropy));
        assert!(other.open_totp(ada, &sealed).is_err() && vault.open_totp(ada, &sealed).is_err());
        assert!(vault.open_data_key(account(2), &stored).is_err());
        assert!(!format!("{key:?}").contains(&format!("{:?}", key.secret().expose())));
    }

    #[test]
    fn a_data_key_opens_under_a_retired_key_and_is_known_to_lie_there() {
        let (old, mut entropy) = (vault(), SeededEntropy::new(3));
        let (ada, key) = (account(1), DataKey::generate(&mut entropy));
        let before = old.seal_data_key(ada, &key, &mut entropy);
        let fresh = || SealingKey::new(Secret::new([9; 32]));
        let index = || MacKey::new(Secret::new([2; 32]));
        let retired = vec![SealingKey::new(Secret::new([1; 32]))];
        let new = Vault::new(fresh(), index()).with_retired(retired);
        let opened = new.open_data_key(ada, &before).expect("by the key before");
        assert_eq!(opened.secret().expose(), key.secret().expose());
        let after = new.seal_data_key(ada, &key, &mut entropy);
        assert!(new.is_current(&after) && !new.is_current(&before) && !new.is_current(b""));
        assert!(old.open_data_key(ada, &after).is_err());
        // The weak twin forgets the key before, and with it everybody.
        let forgetful = Vault::new(fresh(), index());
        assert!(matches!(forgetful.open_data_key(ada, &before), Err(Error::Sealed(_))));
        // And the key id in a row chooses among our own keys only.
        let foreign = Vault::new(SealingKey::new(Secret::new([7; 32])), index());
        assert!(new.open_data_key(ada, &foreign.seal_data_key(ada, &key, &mut entropy)).is_err());
    }

    #[test]
    fn a_new_data_key_seals_and_those_before_it_open_for_a_while() {
        let (vault, mut entropy) = (vault(), SeededEntropy::new(3));
        let (ada, first) = (account(1), DataKey::generate(&mut entropy));
        let secret = TotpSecret::generate(&mut entropy);
        let sealed = vault.of_account(&first).seal_totp(ada, &secret, &mut entropy);
        let mut key = first.clone();
        for _ in 0..3 {
            key = key.next(&mut entropy);
            let stored = vault.seal_data_key(ada, &key, &mut entropy);
            let own = vault.of_account(&vault.open_data_key(ada, &stored).expect("its own"));
            assert_eq!(own.open_totp(ada, &sealed).expect("before").expose(), secret.expose());
            let fresh = own.seal_totp(ada, &secret, &mut entropy);
            assert!(vault.of_account(&first).open_totp(ada, &fresh).is_err(), "sealed by the new");
        }
        let own = vault.of_account(&key.next(&mut entropy));
        assert!(own.open_totp(ada, &sealed).is_err(), "after four it is gone");
        let refused = |bytes: &[u8]| assert!(DataKey::from_bytes(bytes).is_err());
        refused(&[]);
        refused(&[7; 31]);
        refused(&[7; 33]);
        refused(&[7; 160]);
    }

    #[test]
    fn where_a_session_runs_survives() {
        let (vault, mut entropy) = (vault(), SeededEntropy::new(3));
        let session = SessionId::new(Timestamp::UNIX_EPOCH, &mut entropy);
        let other = SessionId::new(Timestamp::UNIX_EPOCH, &mut entropy);
        let owner = (account(1), session);
        for address in [None, Some("2001:db8::1".parse().expect("an address"))] {
            let client = Client::new(address, "Mozilla/5.0 (X11)\r\nX: y");
            assert_eq!(client.agent, "Mozilla/5.0 (X11)X: y");
            let sealed = vault.seal_client(owner, &client, &mut entropy);
            assert_eq!(vault.open_client(owner, &sealed), Ok(client));
            assert!(vault.open_client((account(1), other), &sealed).is_err());
        }
    }
}
