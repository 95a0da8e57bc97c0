//! Password hashes of other systems, for the import: the computation up to their digest.
//!
//! Of a foreign hash only its parameters are kept; the digest itself is wrapped in Argon2id under
//! our pepper at once. A copy of the database shows no weak hash to try passwords on.

use crate::{Candidate, Error};
use argon2::{Algorithm, Argon2, Params, Version, password_hash::phc};
use seal::Secret;
use std::{fmt, str::FromStr};

/// Whose hash it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// bcrypt: `$2a$`, `$2b$` or `$2y$`.
    Bcrypt,
    /// Argon2d, Argon2i or Argon2id without our pepper.
    Argon2,
}

impl Scheme {
    /// Its name, as logged.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bcrypt => "bcrypt",
            Self::Argon2 => "argon2",
        }
    }
}

/// The parameters of a foreign hash: all of it but the digest. Text form: `2b$12$` and the salt's
/// 22 characters, or `argon2i$v=19$m=…,t=…,p=…$` and the salt.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Recipe {
    text: String,
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq)]
enum Kind {
    Bcrypt { cost: u32, salt: [u8; 16] },
    Argon2 { algorithm: Algorithm, version: Version, params: Params, salt: Vec<u8> },
}

/// bcrypt looks at no more bytes than these.
const BCRYPT_BYTES_MAX: usize = 72;
/// Cost 16 takes some seconds; more is a way to stall the server, not a hash in use.
const BCRYPT_COSTS: std::ops::RangeInclusive<u32> = 4..=16;
const ARGON_MEMORY_KIB_MAX: u32 = 1024 * 1024;
const ARGON_PASSES_MAX: u32 = 64;

impl Recipe {
    pub(crate) const fn scheme(&self) -> Scheme {
        match self.kind {
            Kind::Bcrypt { .. } => Scheme::Bcrypt,
            Kind::Argon2 { .. } => Scheme::Argon2,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The digest of a password, exactly as it was sent: what the other system hashed.
    ///
    /// `None`: the password cannot be the one. bcrypt ignores what is beyond 72 bytes, and what
    /// is behind a NUL in most programs, so such a password would match a shorter one; the work
    /// is done all the same.
    pub(crate) fn digest(&self, candidate: &Candidate) -> Option<Secret<Vec<u8>>> {
        let sent = candidate.sent().as_bytes();
        match &self.kind {
            Kind::Bcrypt { cost, salt } => {
                let usable = sent.len() <= BCRYPT_BYTES_MAX && !sent.contains(&0);
                let looked_at = if usable { sent } else { b"" };
                let mut key = Vec::with_capacity(BCRYPT_BYTES_MAX + 1);
                key.extend_from_slice(looked_at);
                key.push(0);
                key.truncate(BCRYPT_BYTES_MAX);
                let key = Secret::new(key);
                let out = bcrypt::bcrypt(*cost, *salt, key.expose());
                // The text form of bcrypt drops the last byte.
                let digest = out.split_last().map(|(_, digest)| digest.to_vec());
                digest.filter(|_| usable).map(Secret::new)
            }
            Kind::Argon2 { algorithm, version, params, salt } => {
                let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
                let mut out = vec![0; length];
                let argon = Argon2::new(*algorithm, *version, params.clone());
                argon.hash_password_into(sent, salt, &mut out).ok()?;
                Some(Secret::new(out))
            }
        }
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipe({})", self.scheme().as_str())
    }
}

/// Splits a foreign hash into its parameters and its digest.
pub(crate) fn read(text: &str) -> Result<(Recipe, Secret<Vec<u8>>), Error> {
    let refuse = |problem| Err(Error::Import { problem });
    if text.len() > 512 {
        return refuse("it is longer than 512 characters");
    }
    let text = text.trim();
    let Some(body) = text.strip_prefix('$') else {
        return refuse("it does not begin with $: write it as $2b$… or $argon2id$…");
    };
    if body.starts_with('2') {
        let Some((recipe, digest)) = body.split_at_checked(6 + 22) else {
            return refuse("a bcrypt hash has 60 characters");
        };
        let recipe: Recipe = recipe.parse()?;
        return match bcrypt_decode::<23>(digest, 31) {
            Some(digest) => Ok((recipe, Secret::new(digest.to_vec()))),
            None => refuse("a bcrypt hash has 60 characters, its digest 31 of ./A-Za-z0-9"),
        };
    }
    if body.starts_with("argon2") {
        let parsed = phc::PasswordHash::new(text).ok();
        let digest = parsed.and_then(|hash| hash.hash).map(|output| output.as_bytes().to_vec());
        return match (body.rsplit_once('$'), digest) {
            (Some((recipe, _)), Some(digest)) => {
                Ok((with_length(&recipe.parse()?, digest.len())?, Secret::new(digest)))
            }
            _ => refuse("it is no PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$digest"),
        };
    }
    refuse("its scheme is none of 2a, 2b, 2y, argon2d, argon2i, argon2id: have such people reset")
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.starts_with("argon2") { argon_recipe(text) } else { bcrypt_recipe(text) }
    }
}

fn bcrypt_recipe(text: &str) -> Result<Recipe, Error> {
    let refuse = |problem| Err(Error::Import { problem });
    let mut parts = text.split('$');
    let (Some(version), Some(cost), Some(salt), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return refuse("a bcrypt hash reads $2b$cost$ and 53 characters");
    };
    if !["2a", "2b", "2y"].contains(&version) {
        return refuse("of bcrypt only 2a, 2b and 2y are known; 2x is broken");
    }
    let number = cost.parse::<u32>().ok().filter(|_| cost.len() == 2);
    let Some(cost) = number.filter(|cost| BCRYPT_COSTS.contains(cost)) else {
        return refuse("its cost is not between 04 and 16");
    };
    match bcrypt_decode::<16>(salt, 22) {
        Some(salt) => Ok(Recipe { text: text.to_owned(), kind: Kind::Bcrypt { cost, salt } }),
        None => refuse("a bcrypt salt has 22 characters of ./A-Za-z0-9"),
    }
}

fn argon_recipe(text: &str) -> Result<Recipe, Error> {
    let refuse = |problem| Err(Error::Import { problem });
    // The length of the digest is kept behind the salt: `…$salt#32`.
    let (recipe, length) = text.rsplit_once('#').unwrap_or((text, "32"));
    let length = length.parse::<usize>().ok().filter(|bytes| (16..=64).contains(bytes));
    let Some(length) = length else { return refuse("its digest has not 16 to 64 bytes") };
    let Ok(parsed) = phc::PasswordHash::new(&format!("${recipe}")) else {
        return refuse("it is no PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$digest");
    };
    let algorithm = match parsed.algorithm.as_str() {
        "argon2d" => Algorithm::Argon2d,
        "argon2i" => Algorithm::Argon2i,
        "argon2id" => Algorithm::Argon2id,
        _ => return refuse("its variant is none of argon2d, argon2i, argon2id"),
    };
    let version = match parsed.version {
        None | Some(0x10) => Version::V0x10,
        Some(0x13) => Version::V0x13,
        _ => return refuse("its version is neither 16 nor 19"),
    };
    let only_known = parsed.params.iter().all(|(name, _)| ["m", "t", "p"].contains(&name.as_str()));
    let number = |name: &str| parsed.params.get_decimal(name);
    let (Some(memory), Some(passes), Some(lanes), true) =
        (number("m"), number("t"), number("p"), only_known)
    else {
        return refuse("its parameters are not m, t and p (a keyed hash cannot be imported)");
    };
    let fits = memory <= ARGON_MEMORY_KIB_MAX && passes <= ARGON_PASSES_MAX && lanes <= 64;
    let params = Params::new(memory, passes, lanes, Some(length)).ok().filter(|_| fits);
    let salt = parsed.salt.map(|salt| salt.as_ref().to_vec()).filter(|salt| salt.len() >= 8);
    match (params, salt) {
        (Some(params), Some(salt)) => {
            let kind = Kind::Argon2 { algorithm, version, params, salt };
            Ok(Recipe { text: format!("{recipe}#{length}"), kind })
        }
        (None, _) => refuse("its cost is beyond 1 GiB, 64 passes or 64 lanes, or below Argon2's"),
        (_, None) => refuse("its salt has fewer than 8 bytes"),
    }
}

fn with_length(recipe: &Recipe, bytes: usize) -> Result<Recipe, Error> {
    let plain = recipe.text.split('#').next().unwrap_or_default();
    format!("{plain}#{bytes}").parse()
}

/// bcrypt's own base 64: another alphabet, no padding, one spelling only.
fn bcrypt_decode<const N: usize>(text: &str, characters: usize) -> Option<[u8; N]> {
    const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    if text.len() != characters {
        return None;
    }
    let (mut out, mut bits, mut held) = ([0; N], 0_u32, 0_u32);
    let mut places = out.iter_mut();
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            // The last character of some programs' salts carries bits that nobody reads.
            if let Some(place) = places.next() {
                *place = u8::try_from(bits >> held & 0xff).ok()?;
            }
        }
    }
    places.next().is_none().then_some(out)
}
