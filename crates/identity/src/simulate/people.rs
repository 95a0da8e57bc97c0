//! Who lives in a world: what they know, hold and have lost to thieves.

use super::database::{Database, Row};
use crate::{
    Account, AccountId, AccountState, Candidate, DeviceCookie, DeviceId, EmailAddress, Factors,
    NewPassword, OneTimeToken, PasswordPolicy, Passwords, Purpose, RecoveryCode, Role, SessionId,
    Standing, Step, Strength, TotpSecret,
};
use jiff::Timestamp;
use seal::{Secret, SeededEntropy};

/// One open page.
#[derive(Debug, Clone)]
pub(super) struct Tab {
    pub session: SessionId,
    pub access: String,
    pub refresh: String,
}

#[derive(Debug)]
pub(super) struct Person {
    pub account: AccountId,
    pub email: EmailAddress,
    pub password: String,
    pub totp: Option<TotpSecret>,
    pub codes: Vec<RecoveryCode>,
    pub device: DeviceId,
    pub tabs: Vec<Tab>,
}

/// What thieves saw: everything that was ever shown, sent or typed, the oldest forgotten.
#[derive(Debug, Default)]
pub(super) struct Loot {
    pub access: Vec<String>,
    pub refresh: Vec<(String, DeviceId)>,
    pub codes: Vec<(AccountId, String)>,
    pub links: Vec<(Purpose, OneTimeToken)>,
}

const KEPT: usize = 24;

/// Keeps the newest.
pub(super) fn keep<T>(of: &mut Vec<T>, new: T) {
    if of.len() >= KEPT {
        of.remove(0);
    }
    of.push(new);
}

pub(super) fn sent(text: &str) -> Candidate {
    Candidate::new(&Secret::new(text.to_owned()))
}

/// A password that stands alone.
pub(super) fn new_password(text: &str, email: &EmailAddress) -> NewPassword {
    let strength = Strength { guesses_log10: 20.0 };
    PasswordPolicy::default()
        .accept(sent(text), strength, Factors::PasswordOnly, (email, &[]))
        .expect("long, and no word of the house in it")
}

/// The people that a world begins with: role, and whether they have a second factor.
pub(super) const CAST: [(Role, bool); 5] = [
    (Role::Owner, true),
    (Role::Admin, true),
    (Role::Support, false),
    (Role::Trader, true),
    (Role::Viewer, false),
];

impl Person {
    pub(super) fn settle(
        number: usize,
        database: &mut Database,
        passwords: &Passwords,
        now: Timestamp,
        entropy: &mut SeededEntropy,
    ) -> Self {
        let (role, has_factor) = CAST.get(number).copied().unwrap_or((Role::Viewer, false));
        let account = AccountId::new(now, entropy);
        let email: EmailAddress = format!("p{number}@example.org").parse().expect("an address");
        let password = format!("grey owls fly by night {number}");
        let display_name = crate::DisplayName::from_email(&email);
        let stored =
            Account { id: account, email: email.clone(), display_name, role, created: now };
        let state = AccountState { account, role, epoch: 0, standing: Standing::Active };
        let mut row = Row::new(&stored, state);
        row.password = Some(passwords.hash(account, &new_password(&password, &email), entropy));
        let (mut totp, mut codes) = (None, Vec::new());
        if has_factor {
            let secret = TotpSecret::generate(entropy);
            row.totp = Some((secret.clone(), Step::at(now)));
            codes = RecoveryCode::set(entropy);
            codes.truncate(3);
            row.recovery = codes.iter().map(|c| c.hash(account, passwords, entropy)).collect();
            totp = Some(secret);
        }
        database.rows.insert(account, row);
        let device = DeviceCookie::new(now, entropy).device();
        Self { account, email, password, totp, codes, device, tabs: Vec::new() }
    }
}
