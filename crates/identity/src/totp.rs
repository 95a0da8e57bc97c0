//! Time-based one-time passwords (RFC 6238): 160-bit keys, six digits, 30 s, each code once.

use crate::{EmailAddress, Error};
use jiff::Timestamp;
use seal::{Entropy, Secret, random};
use std::fmt;
use totp_rs::{Builder, Totp};

const STEP_SECONDS: u64 = 30;
const DIGITS: usize = 6;

/// The number of a 30 s step since 1970. The last one used is stored, and only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step(u64);

impl Step {
    /// The step that `now` lies in; before 1970 counts as the first.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(u64::try_from(now.as_second()).unwrap_or(0) / STEP_SECONDS)
    }

    /// From the stored number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number to store.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// The secret that an authenticator app shares with us: 160 bits, HMAC-SHA-1 as RFC 6238 has it
/// (many apps silently ignore any other choice).
#[derive(Clone)]
pub struct TotpSecret(Secret<[u8; 20]>);

impl TotpSecret {
    /// A fresh one.
    #[must_use]
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        Self(Secret::new(random(entropy)))
    }

    /// From the opened field.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let bytes = <[u8; 20]>::try_from(bytes);
        bytes.map(|b| Self(Secret::new(b))).map_err(|_| Error::Content { field: "TOTP secret" })
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 20] {
        self.0.expose()
    }

    /// The code of a step: what an authenticator would show.
    #[must_use]
    pub fn code(&self, step: Step) -> Secret<String> {
        Secret::new(
            self.totp(String::new()).generate(step.0.saturating_mul(STEP_SECONDS)).to_string(),
        )
    }

    /// Accepts the code of this step or of the one before, if it is later than `last`.
    ///
    /// The step returned must be stored by compare-and-set (`last < step`) in the transaction
    /// that uses it: two parallel requests may both get this far, one may commit.
    pub fn accept(&self, code: &str, now: Timestamp, last: Option<Step>) -> Result<Step, Error> {
        let typed: String = code.chars().filter(|c| *c != ' ').take(DIGITS + 1).collect();
        let now = Step::at(now);
        let fits = |step: Step| seal::equal(self.code(step).expose().as_bytes(), typed.as_bytes());
        // Both are computed whatever the first says.
        let (this, before) = (fits(now), fits(Step(now.0.saturating_sub(1))));
        let step = match (this, before) {
            (true, _) => now,
            (false, true) => Step(now.0.saturating_sub(1)),
            (false, false) => return Err(Error::Code),
        };
        if last.is_some_and(|last| step <= last) { Err(Error::Code) } else { Ok(step) }
    }

    /// The secret as people type it when they cannot scan: base 32, 32 characters.
    #[must_use]
    pub fn base32(&self) -> Secret<String> {
        Secret::new(self.totp(String::new()).secret().to_base32())
    }

    /// The `otpauth:` address behind the QR code.
    #[must_use]
    pub fn uri(&self, account: &EmailAddress) -> Secret<String> {
        let uri = self.totp(account.as_str().to_owned()).to_url();
        Secret::new(uri.expect("an e-mail address is a non-empty name without a colon"))
    }

    fn totp(&self, account: String) -> Totp {
        Builder::new()
            .with_secret(self.0.expose().to_vec())
            .with_account_name(account)
            .with_issuer(Some("Stockade"))
            .build()
            .expect("160 bits, six digits and a step of 30 s are RFC 6238's own")
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").expect("20 bytes")
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    /// RFC 6238, appendix B, the SHA-1 rows: our six digits are the last six of its eight.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let check = |second: i64, eight: &str| {
            let code = rfc().code(Step::at(at(second)));
            assert_eq!(code.expose(), &eight[2..], "at {second}");
        };
        check(59, "94287082");
        check(1_111_111_109, "07081804");
        check(1_111_111_111, "14050471");
        check(1_234_567_890, "89005924");
        check(2_000_000_000, "69279037");
        check(20_000_000_000, "65353130");
    }

    #[test]
    fn one_step_back_is_accepted_and_nothing_else() {
        let shown = rfc().code(Step::at(at(1_000_000_020)));
        let check = |second: i64, works: bool| {
            let got = rfc().accept(shown.expose(), at(second), None);
            assert_eq!(got.is_ok(), works, "at {second}");
        };
        check(1_000_000_020, true);
        check(1_000_000_049, true);
        check(1_000_000_050, true);
        check(1_000_000_079, true);
        check(1_000_000_080, false);
        check(1_000_000_019, false);
    }

    #[test]
    fn a_code_is_good_once_and_never_goes_back() {
        let (first, second) = (at(1_000_000_020), at(1_000_000_050));
        let code = |when| rfc().code(Step::at(when));
        let used = rfc().accept(code(first).expose(), first, None).expect("right");
        assert_eq!(rfc().accept(code(first).expose(), first, Some(used)), Err(Error::Code));
        let later = rfc().accept(code(second).expose(), second, Some(used)).expect("right");
        assert_eq!(rfc().accept(code(first).expose(), second, Some(later)), Err(Error::Code));
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let now = at(59);
        let check = |text: &str, works: bool| {
            assert_eq!(rfc().accept(text, now, None).is_ok(), works, "{text:?}");
        };
        check("287082", true);
        check("287 082", true);
        check("94287082", false);
        check("28708", false);
        check("", false);
        check("287082\n", false);
        check("٢٨٧٠٨٢", false);
        check(&"2".repeat(100_000), false);
    }

    #[test]
    fn an_authenticator_can_read_the_address_and_no_log_can() {
        let account = "ada+x@example.org".parse().expect("an address");
        assert_eq!(
            rfc().uri(&account).expose(),
            "otpauth://totp/Stockade:ada%2Bx%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Stockade"
        );
        assert_eq!(rfc().base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let fresh = TotpSecret::generate(&mut SeededEntropy::new(1));
        assert_eq!(format!("{fresh:?}"), "TotpSecret(..)");
        assert!(TotpSecret::from_bytes(&[0; 19]).is_err());
    }
}
