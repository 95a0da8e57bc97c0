//! A repository's master key, sealed by the password, in restic's format
//! (<https://restic.readthedocs.io/en/stable/100_references.html#keys-encryption-and-mac>).
//!
//! The engine writes such files too, and stretches the password as words of people need it: scrypt with 2^17, which
//! is half a second and 128 MB for every order there ever is. Our password is 256 random bits, which nobody guesses
//! however fast a guess is, so 2^14 is taken: sixty milliseconds and 16 MB.

use crate::Error;
use aes256ctr_poly1305aes::{Aes256CtrPoly1305Aes, aead::Aead};
use rustic_core::{Id, repofile::KeyFile, repofile::MasterKey};
use scrypt::Params;
use seal::{Entropy, random, sha256};
use std::fmt;
use zeroize::Zeroizing;

/// The logarithm of scrypt's cost.
const LOG_COST: u8 = 14;
/// Scrypt's block size and parallelism, as restic takes them.
const BLOCKS: (u32, u32) = (8, 1);
/// The length of a salt, which restic holds to.
const SALT: usize = 64;
const NONCE: usize = 16;

/// The bytes of a new key file, and its name: their digest.
pub(crate) fn seal_master(
    master: &MasterKey,
    (password, owner): (&str, &str),
    entropy: &mut dyn Entropy,
) -> Result<(Id, Vec<u8>), Error> {
    let mut file = KeyFile {
        hostname: Some(owner.to_owned()),
        username: Some(owner.to_owned()),
        created: None,
        kdf: "scrypt".to_owned(),
        n: 1 << LOG_COST,
        r: BLOCKS.0,
        p: BLOCKS.1,
        data: Vec::new(),
        salt: random::<SALT>(entropy).to_vec(),
    };
    let plain = Zeroizing::new(serde_json::to_vec(master).map_err(unreadable)?);
    let nonce = random::<NONCE>(entropy);
    let sealed = cipher(&file, password)?.encrypt((&nonce).into(), plain.as_slice());
    file.data = [nonce.as_slice(), &sealed.map_err(unreadable)?].concat();
    let bytes = serde_json::to_vec(&file).map_err(unreadable)?;
    Ok((Id::new(sha256(&bytes)), bytes))
}

/// The master key of a key file; `None` if the password does not open it.
pub(crate) fn open_master(bytes: &[u8], password: &str) -> Result<Option<MasterKey>, Error> {
    let file: KeyFile = serde_json::from_slice(bytes).map_err(unreadable)?;
    let short = || unreadable("its data are too short");
    let (nonce, sealed) = file.data.split_first_chunk::<NONCE>().ok_or_else(short)?;
    let cipher = cipher(&file, password)?;
    let Ok(plain) = cipher.decrypt(nonce.into(), sealed).map(Zeroizing::new) else {
        return Ok(None);
    };
    serde_json::from_slice(&plain).map(Some).map_err(unreadable)
}

/// What the password is stretched to, with the cost that the file names: at most what the engine itself takes.
fn cipher(file: &KeyFile, password: &str) -> Result<Aes256CtrPoly1305Aes, Error> {
    let cost = u8::try_from(file.n.trailing_zeros()).unwrap_or(u8::MAX);
    let is_known = file.kdf == "scrypt" && file.n.is_power_of_two();
    if !is_known || cost > Params::RECOMMENDED_LOG_N || (file.r, file.p) != BLOCKS {
        let KeyFile { kdf, n, r, p, .. } = file;
        return Err(unreadable(format!("it asks for {kdf} with {n}, {r}, {p}")));
    }
    let params = Params::new(cost, file.r, file.p).map_err(unreadable)?;
    let mut key = Zeroizing::new([0; 64]);
    scrypt::scrypt(password.as_bytes(), &file.salt, &params, key.as_mut()).map_err(unreadable)?;
    Ok(Aes256CtrPoly1305Aes::new((&*key).into()))
}

#[allow(clippy::needless_pass_by_value, reason = "what a failed call hands over")]
fn unreadable(problem: impl fmt::Display) -> Error {
    Error::Engine(format!("a key file of the repository: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    fn sealed(password: &str) -> (MasterKey, Id, Vec<u8>) {
        let master = MasterKey::new();
        let made = seal_master(&master, (password, "host"), &mut SeededEntropy::new(1));
        let (id, bytes) = made.expect("sealed");
        (master, id, bytes)
    }

    #[test]
    fn a_master_key_is_opened_by_its_password_and_by_no_other() {
        let (master, id, bytes) = sealed("a password");
        let opened = open_master(&bytes, "a password").expect("reads").expect("opens");
        assert_eq!(opened.encrypt, master.encrypt);
        assert!(open_master(&bytes, "another").expect("reads").is_none());
        assert_eq!(id, Id::new(sha256(&bytes)));
    }

    #[test]
    fn the_engine_opens_what_we_seal_and_we_open_what_it_seals() {
        let (_, _, bytes) = sealed("a password");
        let file: KeyFile = serde_json::from_slice(&bytes).expect("a key file");
        let key = file.key_from_password(&"a password").expect("opens");
        let theirs = KeyFile::generate(key, &"a second one", None, None, false).expect("sealed");
        let theirs = serde_json::to_vec(&theirs).expect("JSON");
        let opened = open_master(&theirs, "a second one").expect("reads").expect("opens");
        let ours = open_master(&bytes, "a password").expect("reads").expect("opens");
        assert_eq!(opened.encrypt, ours.encrypt);
        assert_eq!((opened.mac.k, opened.mac.r), (ours.mac.k, ours.mac.r));
    }

    #[test]
    fn a_flipped_bit_and_a_cost_without_bound_are_refused() {
        let (_, _, bytes) = sealed("a password");
        let change = |change: &dyn Fn(&mut KeyFile)| {
            let mut file: KeyFile = serde_json::from_slice(&bytes).expect("a key file");
            change(&mut file);
            open_master(&serde_json::to_vec(&file).expect("JSON"), "a password")
        };
        let flipped = change(&|file| {
            file.data.iter_mut().skip(20).take(1).for_each(|byte| *byte ^= 1);
        });
        assert!(flipped.expect("reads").is_none());
        assert!(change(&|file| file.data.truncate(7)).is_err());
        for cost in [0, 3, 1 << 18, 1 << 31] {
            assert!(change(&|file| file.n = cost).is_err(), "{cost}");
        }
        assert!(change(&|file| file.p = 99).is_err());
        assert!(change(&|file| file.kdf = "none".to_owned()).is_err());
        assert!(open_master(b"{}", "a password").is_err());
    }
}
