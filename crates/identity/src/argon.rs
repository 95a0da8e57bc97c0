//! Argon2id (RFC 9106) and its PHC string, with the parameters as a value.

use crate::{Error, Scheme, foreign::Recipe};
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher, Version,
    password_hash::phc::{self, Salt},
};
use seal::{Entropy, random};
use std::{fmt, str::FromStr};

/// What one hash costs. 64 MiB and 3 passes is the start; tune by a measured target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;
const OUTPUT_BYTES: usize = 32;

impl Cost {
    /// For passwords: RFC 9106's second recommended choice with one lane.
    pub const PASSWORD: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// For recovery codes: 80 random bits need the salted hash that ASVS 6.5.2 asks for below
    /// 112 bits, not the slowness that a human's choice needs; OWASP's minimum serves.
    pub const RECOVERY: Self = Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 };

    /// Bounded from above too: a planted row must not make the server allocate the machine away.
    pub const fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self, Error> {
        let lanes_fit = lanes >= 1 && lanes <= LANES_MAX;
        let passes_fit = passes >= 1 && passes <= PASSES_MAX;
        let memory_fits = memory_kib >= 8 * lanes && memory_kib <= MEMORY_KIB_MAX;
        if lanes_fit && passes_fit && memory_fits {
            Ok(Self { memory_kib, passes, lanes })
        } else {
            Err(Error::Cost { memory_kib, passes, lanes })
        }
    }

    fn argon(self) -> Argon2<'static> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(OUTPUT_BYTES))
            .expect("the constructor's bounds are within Argon2's");
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
    }

    /// Hashes with a fresh 128-bit salt.
    pub(crate) fn hash(self, input: &[u8], entropy: &mut dyn Entropy) -> PasswordHash {
        self.hash_with_salt(input, &random::<16>(entropy))
    }

    /// Does the work of a hash and throws the result away.
    pub(crate) fn burn(self, input: &[u8]) {
        let thrown_away = self.hash_with_salt(input, &[0; 16]);
        std::hint::black_box(thrown_away);
    }

    fn hash_with_salt(self, input: &[u8], salt: &[u8; 16]) -> PasswordHash {
        let hash = self
            .argon()
            .hash_password_with_salt(input, salt)
            .expect("a 16-byte salt and bounded parameters always hash");
        PasswordHash(hash.to_string())
    }
}

/// As a PHC string has it: `m=65536,t=3,p=1`.
impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory_kib, self.passes, self.lanes)
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::PASSWORD
    }
}

/// An Argon2id hash as a PHC string within bounds. It does not print.
///
/// An imported one is followed by `|` and the parameters of the foreign hash inside it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string, for the database.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it was made of `input`; costs what the stored parameters say.
    pub(crate) fn matches(&self, input: &[u8]) -> bool {
        let Ok((parsed, cost, _)) = parse(&self.0) else { return false };
        let (Some(salt), Some(output)) = (parsed.salt, parsed.hash) else { return false };
        let mut computed = vec![0; output.len()];
        let done = cost.argon().hash_password_into(input, salt.as_ref(), &mut computed);
        done.is_ok() && seal::equal(&computed, output.as_bytes())
    }

    /// What it cost.
    pub(crate) fn cost(&self) -> Option<Cost> {
        parse(&self.0).ok().map(|(_, cost, _)| cost)
    }

    /// The foreign hash inside, if it is an imported one.
    pub(crate) fn recipe(&self) -> Option<Recipe> {
        parse(&self.0).ok().and_then(|(_, _, recipe)| recipe)
    }

    /// Which foreign scheme is inside, if any: such a hash is renewed at the next sign-in.
    #[must_use]
    pub fn scheme(&self) -> Option<Scheme> {
        self.recipe().map(|recipe| recipe.scheme())
    }

    pub(crate) fn around(self, recipe: &Recipe) -> Self {
        Self(format!("{}|{}", self.0, recipe.as_str()))
    }
}

impl FromStr for PasswordHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map(|_| Self(text.to_owned()))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

fn parse(text: &str) -> Result<(phc::PasswordHash, Cost, Option<Recipe>), Error> {
    let (text, recipe) = match text.split_once('|') {
        Some((text, recipe)) => (text, Some(recipe.parse().map_err(|_| Error::StoredHash)?)),
        None => (text, None),
    };
    let parsed = phc::PasswordHash::new(text).map_err(|_| Error::StoredHash)?;
    let number = |name: &str| parsed.params.get_decimal(name);
    let known = parsed.algorithm.as_str() == "argon2id" && parsed.version == Some(0x13);
    let only_known = parsed.params.iter().all(|(name, _)| ["m", "t", "p"].contains(&name.as_str()));
    let salted = parsed.salt.as_ref().is_some_and(|salt: &Salt| salt.len() >= 8);
    let long_enough = parsed.hash.as_ref().is_some_and(|output| output.len() >= 16);
    match (number("m"), number("t"), number("p")) {
        (Some(m), Some(t), Some(p)) if known && only_known && salted && long_enough => {
            Cost::new(m, t, p).map(|cost| (parsed, cost, recipe)).map_err(|_| Error::StoredHash)
        }
        _ => Err(Error::StoredHash),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    /// Made by the reference implementation in C.
    #[test]
    fn hashes_of_others_verify() {
        let check = |password: &str, phc: &str| {
            let hash: PasswordHash = phc.parse().expect("a PHC string");
            assert!(hash.matches(password.as_bytes()), "{phc}");
            assert!(!hash.matches(b"another"), "{phc}");
        };
        check(
            "password",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$K13EBUiG7JV+9ZxztmHFTdb7J0WQsnj2V8bZaqyPptE",
        );
        check(
            "correct horse battery staple",
            "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$mtB7vZKFuEQDVzeZe5lTtf3BPC1e5BL1UKy7IW/SpV0",
        );
        check(
            "",
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$sZ483VbIIoOwneO8ZsIkXh2bXDPDVnZdV4cu0pKbM8I",
        );
        check(
            "p\u{e4}\u{df}w\u{f6}rd\u{1f68b}",
            "$argon2id$v=19$m=8192,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$Wonut2sQ1w7Vdx2245r/Uyd+ni6P3Mo2aBu23QSWFJg",
        );
    }

    /// RFC 9106, section 5.3.
    #[test]
    fn the_library_computes_the_rfc() {
        let mut params = argon2::ParamsBuilder::new();
        params.m_cost(32).t_cost(3).p_cost(4);
        params.data(argon2::AssociatedData::new(&[4; 12]).expect("short"));
        let params = params.build().expect("the RFC's parameters");
        let argon = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params);
        let mut tag = [0; 32];
        argon
            .expect("a short secret")
            .hash_password_into(&[1; 32], &[2; 16], &mut tag)
            .expect("runs");
        assert_eq!(
            hex::encode(tag),
            "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
        );
    }

    #[test]
    fn what_we_hash_is_a_phc_string_that_reads_back() {
        let hash = CHEAP.hash(b"input", &mut SeededEntropy::new(1));
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(hash.as_str().parse(), Ok(hash.clone()));
        assert_eq!(hash.cost(), Some(CHEAP));
        assert!(hash.matches(b"input") && !hash.matches(b"other"));
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
        assert_ne!(hash, CHEAP.hash(b"input", &mut SeededEntropy::new(2)));
    }

    #[test]
    fn planted_and_foreign_strings_are_refused() {
        let good = CHEAP.hash(b"input", &mut SeededEntropy::new(1)).as_str().to_owned();
        for bad in [
            String::new(),
            "password".to_owned(),
            "$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewdBPj4J/8Kz8KOC".to_owned(),
            good.replace("argon2id", "argon2i"),
            good.replace("v=19", "v=16"),
            good.replace("m=64", "m=4194304"),
            good.replace("t=1", "t=4000"),
            good.replace("p=1", "p=1,keyid=QQ"),
            good.replace("p=1", "p=0"),
            good.rsplit_once('$').expect("five parts").0.to_owned(),
        ] {
            assert_eq!(bad.parse::<PasswordHash>(), Err(Error::StoredHash), "{bad}");
        }
    }
}
