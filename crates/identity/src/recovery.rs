//! Recovery codes: ten of 80 bits, shown once, each good once.

use crate::{AccountId, Error, PasswordHash, Passwords};
use seal::{Entropy, Secret, random};
use std::str::FromStr;

/// How many codes an account gets.
pub const RECOVERY_CODES: u8 = 10;

/// Crockford's base 32: no letter that reads as a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS: usize = 16;

/// A recovery code: its number, which finds the one row to hash against, and 80 random bits.
#[derive(Debug, Clone)]
pub struct RecoveryCode {
    index: u8,
    bits: Secret<[u8; 10]>,
}

/// A stored code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryHash {
    /// The code's number, 0 to 9.
    pub index: u8,
    /// Salted Argon2id of the peppered bits.
    pub hash: PasswordHash,
}

impl RecoveryCode {
    /// A fresh set.
    #[must_use]
    pub fn set(entropy: &mut dyn Entropy) -> Vec<Self> {
        let code = |index| Self { index, bits: Secret::new(random(entropy)) };
        (0..RECOVERY_CODES).map(code).collect()
    }

    /// Which of the ten it is.
    #[must_use]
    pub const fn index(&self) -> u8 {
        self.index
    }

    /// As it is shown, once: `3-ABCD-EFGH-JKMN-PQRS`.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        let value =
            self.bits.expose().iter().fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
        let mut text = self.index.to_string();
        for place in (0..DIGITS).rev() {
            if place % 4 == 3 {
                text.push('-');
            }
            let digit = usize::try_from(value >> (5 * place) & 31).unwrap_or(0);
            text.extend(ALPHABET.get(digit).map(|letter| char::from(*letter)));
        }
        Secret::new(text)
    }

    /// What to store.
    #[must_use]
    pub fn hash(
        &self,
        account: AccountId,
        passwords: &Passwords,
        entropy: &mut dyn Entropy,
    ) -> RecoveryHash {
        let input = self.input(account, passwords);
        let hash = passwords.recovery_cost().hash(input.expose(), entropy);
        RecoveryHash { index: self.index, hash }
    }

    /// Whether it is the stored code; without one, the work is done all the same.
    pub(crate) fn accept(
        &self,
        account: AccountId,
        passwords: &Passwords,
        stored: Option<&RecoveryHash>,
    ) -> Result<u8, Error> {
        let input = self.input(account, passwords);
        match stored.filter(|stored| stored.index == self.index) {
            Some(stored) if stored.hash.matches(input.expose()) => Ok(self.index),
            Some(_) => Err(Error::Code),
            None => {
                passwords.recovery_cost().burn(input.expose());
                Err(Error::Code)
            }
        }
    }

    fn input(&self, account: AccountId, passwords: &Passwords) -> Secret<[u8; 32]> {
        let parts: [&[u8]; 4] =
            [b"stockade/v1 recovery", account.as_bytes(), &[self.index], self.bits.expose()];
        Secret::new(passwords.pepper().tag(&parts))
    }
}

impl FromStr for RecoveryCode {
    type Err = Error;

    /// Forgives case, spaces, dashes, and the letters that Crockford's alphabet leaves out.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() > 64 {
            return Err(Error::Code);
        }
        let mut letters = text.chars().filter(|c| !matches!(c, '-' | ' '));
        let index = letters.next().and_then(|c| c.to_digit(10)).ok_or(Error::Code)?;
        let index = u8::try_from(index).ok().filter(|i| *i < RECOVERY_CODES).ok_or(Error::Code)?;
        let digits: Vec<u128> = letters.map(digit).collect::<Option<_>>().ok_or(Error::Code)?;
        if digits.len() != DIGITS {
            return Err(Error::Code);
        }
        let value = digits.into_iter().fold(0_u128, |all, digit| all << 5 | digit);
        let bytes = value.to_be_bytes();
        let bits = bytes.last_chunk::<10>().expect("16 bytes have a last ten");
        Ok(Self { index, bits: Secret::new(*bits) })
    }
}

fn digit(letter: char) -> Option<u128> {
    let letter = match letter.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let place = ALPHABET.iter().position(|known| char::from(*known) == letter)?;
    u128::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Cost;
    use jiff::Timestamp;
    use proptest::prelude::*;
    use seal::{MacKey, SeededEntropy};

    fn account(seed: u64) -> AccountId {
        AccountId::new(Timestamp::UNIX_EPOCH, &mut SeededEntropy::new(seed))
    }

    fn passwords() -> Passwords {
        let cheap = Cost::new(64, 1, 1).expect("small");
        Passwords::new(MacKey::new(Secret::new([7; 32])), cheap, cheap)
    }

    #[test]
    fn a_code_opens_its_own_row_of_its_own_account_only() {
        let mut entropy = SeededEntropy::new(1);
        let codes = RecoveryCode::set(&mut entropy);
        assert_eq!(codes.len(), 10);
        let keys = &passwords();
        let rows: Vec<RecoveryHash> =
            codes.iter().map(|c| c.hash(account(1), keys, &mut entropy)).collect();
        for (n, code) in codes.iter().enumerate() {
            assert_eq!(usize::from(code.index()), n);
            assert_eq!(code.accept(account(1), keys, rows.get(n)), Ok(code.index()));
            assert_eq!(code.accept(account(2), keys, rows.get(n)), Err(Error::Code));
            assert_eq!(code.accept(account(1), keys, rows.get((n + 1) % 10)), Err(Error::Code));
            assert_eq!(code.accept(account(1), keys, None), Err(Error::Code));
        }
    }

    #[test]
    fn what_is_shown_can_be_typed_sloppily() {
        let code = RecoveryCode { index: 3, bits: Secret::new([0; 10]) };
        assert_eq!(code.text().expose(), "3-0000-0000-0000-0000");
        let check = |text: &str, works: bool| {
            let read = text.parse::<RecoveryCode>().map(|c| (c.index, *c.bits.expose()));
            assert_eq!(read, if works { Ok((3, [0; 10])) } else { Err(Error::Code) }, "{text}");
        };
        check("3-0000-0000-0000-0000", true);
        check("3oooo OOOO0000 0000", true);
        check("3-0000-0000-0000-000", false);
        check("3-0000-0000-0000-00000", false);
        check("3-0000-0000-0000-000U", false);
        check("-", false);
        check("", false);
        check(&"0".repeat(1000), false);
    }

    proptest! {
        #[test]
        fn text_goes_round(index in 0..10_u8, bits in any::<[u8; 10]>()) {
            let code = RecoveryCode { index, bits: Secret::new(bits) };
            let read: RecoveryCode = code.text().expose().to_lowercase().parse().expect("our own text");
            prop_assert_eq!((read.index, *read.bits.expose()), (index, bits));
            prop_assert_eq!(code.text().expose().len(), 21);
        }
    }
}
