//! Passwords: peppered, hashed, and checked in the same time whoever asks.

use crate::{
    AccountId, AccountState, Cost, Credentials, Error, NewPassword, PasswordHash, Scheme, Standing,
    foreign::{self, Recipe},
};
use jiff::Timestamp;
use seal::{Entropy, MacKey, Secret};
use unicode_normalization::UnicodeNormalization;

/// A password as someone sent it: NFC, otherwise untouched; over-long ones are cut to nothing.
///
/// ASVS 6.2.8 asks to verify it exactly as received. NFC is the one step we add, at setting and
/// at checking alike: a Mac and a PC send `é` as different bytes for the same key stroke. Case,
/// spaces and length are never touched.
#[derive(Debug, Clone)]
pub struct Candidate {
    text: Secret<String>,
    sent: Secret<String>,
    overlong: bool,
}

impl Candidate {
    /// The longest password, in bytes of UTF-8 as sent.
    pub const BYTES_MAX: usize = 1024;

    /// Normalises what was sent.
    #[must_use]
    pub fn new(sent: &Secret<String>) -> Self {
        let overlong = sent.expose().len() > Self::BYTES_MAX;
        let text = if overlong { String::new() } else { sent.expose().nfc().collect() };
        let sent = if overlong { Secret::new(String::new()) } else { sent.clone() };
        Self { text: Secret::new(text), sent, overlong }
    }

    pub(crate) fn text(&self) -> &str {
        self.text.expose()
    }

    /// Not normalised: for hashes that other systems made of what was sent to them.
    pub(crate) fn sent(&self) -> &str {
        self.sent.expose()
    }

    pub(crate) const fn is_overlong(&self) -> bool {
        self.overlong
    }
}

/// Hashes and checks passwords: the cost and the pepper that the key holder keeps.
#[derive(Debug, Clone)]
pub struct Passwords {
    pepper: MacKey,
    cost: Cost,
    recovery_cost: Cost,
    imported: Option<Recipe>,
}

/// Proof that someone sent this account's password; only [`Passwords::verify`] makes one.
#[derive(Debug)]
pub struct PasswordProof {
    state: AccountState,
    at: Timestamp,
    outdated: bool,
}

impl PasswordProof {
    /// Whose password it was.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.state.account
    }

    /// Whether the stored hash was made with other parameters than today's: call
    /// [`Passwords::rehash`] and store the result.
    #[must_use]
    pub const fn is_outdated(&self) -> bool {
        self.outdated
    }

    pub(crate) const fn state(&self) -> AccountState {
        self.state
    }

    pub(crate) const fn at(&self) -> Timestamp {
        self.at
    }
}

impl Passwords {
    /// With the pepper of this purpose; [`Cost::PASSWORD`] and [`Cost::RECOVERY`] outside tests.
    #[must_use]
    pub const fn new(pepper: MacKey, cost: Cost, recovery_cost: Cost) -> Self {
        Self { pepper, cost, recovery_cost, imported: None }
    }

    /// While imported hashes are left: `costliest` is one of them. Their check costs a foreign
    /// hash more, so every other check does that work too, and time tells nobody whose account
    /// was imported and has not signed in yet.
    #[must_use]
    pub fn beside_imported(self, costliest: &PasswordHash) -> Self {
        Self { imported: costliest.recipe(), ..self }
    }

    /// Takes over a hash of another system for an account, wrapped in ours; costs what a hash
    /// costs, but not the foreign one.
    pub fn import(
        &self,
        account: AccountId,
        hash: &str,
        entropy: &mut dyn Entropy,
    ) -> Result<(PasswordHash, Scheme), Error> {
        let (recipe, digest) = foreign::read(hash)?;
        let input = self.wrapping(account, digest.expose());
        Ok((self.cost.hash(input.expose(), entropy).around(&recipe), recipe.scheme()))
    }

    pub(crate) const fn pepper(&self) -> &MacKey {
        &self.pepper
    }

    /// What one hash costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }

    pub(crate) const fn recovery_cost(&self) -> Cost {
        self.recovery_cost
    }

    /// The hash to store for an account; costs some 100 ms: run it on a bounded pool.
    #[must_use]
    pub fn hash(
        &self,
        account: AccountId,
        password: &NewPassword,
        entropy: &mut dyn Entropy,
    ) -> PasswordHash {
        self.cost.hash(self.peppered(account, password.candidate()).expose(), entropy)
    }

    /// Checks a password. Every path hashes: no such account, a disabled one, an empty and an
    /// over-long password cost what a right one costs.
    pub fn verify(
        &self,
        stored: Option<&Credentials>,
        candidate: &Candidate,
        now: Timestamp,
    ) -> Result<PasswordProof, Error> {
        let Some(Credentials { state, password }) = stored else {
            self.burn_imported(candidate);
            // The pepper's MAC over an id that no account can have (it is no UUID of version 7).
            self.cost.burn(self.input(&[0; 16], candidate).expose());
            return Err(Error::Credentials);
        };
        let recipe = password.recipe();
        let (input, can_match) = self.input_for(state.account, recipe.as_ref(), candidate);
        let matches = password.matches(input.expose()) && can_match;
        if matches && !candidate.is_overlong() && state.standing == Standing::Active {
            let outdated = password.cost() != Some(self.cost) || recipe.is_some();
            Ok(PasswordProof { state: *state, at: now, outdated })
        } else {
            Err(Error::Credentials)
        }
    }

    /// The same password under today's parameters.
    #[must_use]
    pub fn rehash(
        &self,
        proof: &PasswordProof,
        candidate: &Candidate,
        entropy: &mut dyn Entropy,
    ) -> PasswordHash {
        self.cost.hash(self.peppered(proof.account(), candidate).expose(), entropy)
    }

    /// What the stored hash is made of, if the password is right, and whether it can be.
    fn input_for(
        &self,
        account: AccountId,
        recipe: Option<&Recipe>,
        candidate: &Candidate,
    ) -> (Secret<[u8; 32]>, bool) {
        let Some(recipe) = recipe else {
            self.burn_imported(candidate);
            return (self.peppered(account, candidate), true);
        };
        match recipe.digest(candidate) {
            Some(digest) => (self.wrapping(account, digest.expose()), true),
            None => (self.wrapping(account, &[]), false),
        }
    }

    fn burn_imported(&self, candidate: &Candidate) {
        let thrown_away = self.imported.as_ref().map(|recipe| recipe.digest(candidate));
        std::hint::black_box(thrown_away);
    }

    /// What Argon2id hashes of a foreign digest: bound to the account like everything else.
    fn wrapping(&self, account: AccountId, digest: &[u8]) -> Secret<[u8; 32]> {
        let parts: [&[u8]; 3] = [b"stockade/v1 imported", account.as_bytes(), digest];
        Secret::new(self.pepper.tag(&parts))
    }

    fn peppered(&self, account: AccountId, candidate: &Candidate) -> Secret<[u8; 32]> {
        self.input(account.as_bytes(), candidate)
    }

    /// What Argon2id hashes: a MAC over account and password, so that a hash planted in another
    /// row, or tried without the key holder, is useless.
    fn input(&self, account: &[u8; 16], candidate: &Candidate) -> Secret<[u8; 32]> {
        let parts: [&[u8]; 3] = [b"stockade/v1 password", account, candidate.text().as_bytes()];
        Secret::new(self.pepper.tag(&parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Factors, PasswordPolicy, Role, Strength};
    use seal::SeededEntropy;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn passwords(pepper: u8, passes: u32) -> Passwords {
        let cost = Cost::new(64, passes, 1).expect("small");
        Passwords::new(MacKey::new(Secret::new([pepper; 32])), cost, cost)
    }

    fn sent(text: &str) -> Candidate {
        Candidate::new(&Secret::new(text.to_owned()))
    }

    fn account(seed: u64) -> AccountId {
        AccountId::new(NOW, &mut SeededEntropy::new(seed))
    }

    fn stored(seed: u64, text: &str, standing: Standing) -> Credentials {
        let email = "ada@example.org".parse().expect("an address");
        let strength = Strength { guesses_log10: 20.0 };
        let new = PasswordPolicy::default()
            .accept(sent(text), strength, Factors::WithSecond, (&email, &[]))
            .expect("long enough");
        let account = account(seed);
        let password = passwords(1, 1).hash(account, &new, &mut SeededEntropy::new(9));
        let state = AccountState { account, role: Role::Owner, epoch: 0, standing };
        Credentials { state, password }
    }

    #[test]
    fn only_the_right_password_of_an_active_account_is_a_proof() {
        let ada = stored(1, "caf\u{e9} au lait", Standing::Active);
        let disabled = stored(2, "caf\u{e9} au lait", Standing::Disabled);
        let check = |who: Option<&Credentials>, text: &str, works: bool| {
            let proof = passwords(1, 1).verify(who, &sent(text), NOW).map(|p| p.account());
            let want = if works { Ok(account(1)) } else { Err(Error::Credentials) };
            assert_eq!(proof, want, "{text}");
        };
        check(Some(&ada), "caf\u{e9} au lait", true);
        check(Some(&ada), "cafe\u{301} au lait", true);
        check(Some(&ada), "Caf\u{e9} au lait", false);
        check(Some(&ada), "caf\u{e9} au lait ", false);
        check(Some(&ada), "", false);
        check(Some(&ada), &"x".repeat(5000), false);
        check(Some(&disabled), "caf\u{e9} au lait", false);
        check(None, "caf\u{e9} au lait", false);
        check(None, "", false);
    }

    #[test]
    fn a_hash_planted_in_another_row_or_server_is_useless() {
        let ada = stored(1, "caf\u{e9} au lait", Standing::Active);
        let eve = AccountState { account: account(2), ..ada.state };
        let planted = Credentials { state: eve, password: ada.password.clone() };
        let candidate = sent("caf\u{e9} au lait");
        assert!(passwords(1, 1).verify(Some(&planted), &candidate, NOW).is_err());
        assert!(passwords(2, 1).verify(Some(&ada), &candidate, NOW).is_err());
    }

    #[test]
    fn old_parameters_are_noticed_and_upgraded() {
        let mut ada = stored(1, "caf\u{e9} au lait", Standing::Active);
        let candidate = sent("caf\u{e9} au lait");
        let today = passwords(1, 2);
        let proof = today.verify(Some(&ada), &candidate, NOW).expect("right");
        assert!(proof.is_outdated());
        ada.password = today.rehash(&proof, &candidate, &mut SeededEntropy::new(5));
        let proof = today.verify(Some(&ada), &candidate, NOW).expect("right");
        assert!(!proof.is_outdated());
    }

    #[test]
    fn nothing_secret_prints() {
        let ada = stored(1, "caf\u{e9} au lait", Standing::Active);
        let text = format!("{:?} {:?} {:?}", sent("hunter2hunter2"), passwords(1, 1), ada);
        assert!(!text.contains("hunter2") && !text.contains("argon2id"), "{text}");
    }
}
