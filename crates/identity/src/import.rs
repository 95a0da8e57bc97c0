//! Accounts of another system, taken over with their passwords' hashes.

use crate::{
    Account, AccountId, AccountState, DisplayName, EmailAddress, Error, Event, Life, PasswordHash,
    Passwords, Role, Rule, Standing, foreign,
};
use jiff::Timestamp;
use seal::Entropy;

/// One line of an import, as it came.
#[derive(Debug, Clone)]
pub struct ImportLine<'a> {
    /// The address.
    pub email: &'a str,
    /// The name; empty: the part before the `@`.
    pub name: &'a str,
    /// The role.
    pub role: &'a str,
    /// The hash: bcrypt, or a PHC string of Argon2.
    pub hash: &'a str,
}

/// An imported account, to be stored as a whole; it is refused if the address has one already.
#[derive(Debug)]
pub struct Imported {
    /// Who.
    pub account: Account,
    /// Its state.
    pub state: AccountState,
    /// The foreign hash, wrapped.
    pub password: PasswordHash,
    /// What happened.
    pub events: Vec<Event>,
}

impl ImportLine<'_> {
    /// Whether the line can be taken over, and for which address: everything but the hashing, so
    /// that a file is judged as a whole before it costs anything. Roles that decide about others
    /// are not imported: they are given here, by the rules of here.
    pub fn judge(&self) -> Result<EmailAddress, Error> {
        let (email, ..) = self.read()?;
        foreign::read(self.hash)?;
        Ok(email)
    }

    fn read(&self) -> Result<(EmailAddress, DisplayName, Role), Error> {
        let email: EmailAddress = self.email.parse()?;
        let display_name = match self.name.trim() {
            "" => DisplayName::from_email(&email),
            name => name.parse()?,
        };
        let role: Role = self.role.parse()?;
        if role.governs() {
            Err(Rule::SecondPerson.into())
        } else {
            Ok((email, display_name, role))
        }
    }
}

impl Imported {
    /// Takes a line over, by the rules of [`ImportLine::judge`]. Costs a hash a line: run it on the
    /// bounded pool.
    pub fn accept(
        line: &ImportLine<'_>,
        passwords: &Passwords,
        now: Timestamp,
        entropy: &mut dyn Entropy,
    ) -> Result<Self, Error> {
        let (email, display_name, role) = line.read()?;
        let id = AccountId::new(now, entropy);
        let (password, scheme) = passwords.import(id, line.hash, entropy)?;
        let account = Account { id, email, display_name, role, created: now };
        let state = AccountState { account: id, role, epoch: 0, standing: Standing::Active };
        let what = Life::PasswordImported(scheme);
        let events =
            vec![Event::AccountCreated { account: id, role }, Event::Life { account: id, what }];
        Ok(Self { account, state, password, events })
    }
}
