//! The file of a secret key: sealed under a passphrase by scrypt, or plain.

use crate::{Error, Secret, SigningKey, equal};
use blake2::{Blake2b256, Digest};
use scrypt::Params;
use zeroize::Zeroizing;

/// What follows the head: the key's number, its seed and public half, and a checksum of them.
const BODY: usize = 8 + 64 + 32;
/// More than minisign asks for is no key of hers, and would cost more than a machine has.
const MEMORY_MAX: u64 = 1 << 30;

/// The key's number and the key.
pub(super) fn open(
    bytes: &[u8],
    passphrase: impl FnOnce() -> Option<Secret<String>>,
) -> Result<([u8; 8], SigningKey), Error> {
    let wrong = Error::Minisign { why: "no secret key of minisign" };
    let (head, bytes) = bytes.split_first_chunk::<6>().ok_or(wrong)?;
    let (salt, bytes) = bytes.split_first_chunk::<32>().ok_or(wrong)?;
    let (operations, bytes) = bytes.split_first_chunk::<8>().ok_or(wrong)?;
    let (memory, body) = bytes.split_first_chunk::<8>().ok_or(wrong)?;
    let mut body = Secret::new(<[u8; BODY]>::try_from(body).map_err(|_| wrong)?);
    match head {
        b"EdScB2" => {
            let cost = (u64::from_le_bytes(*operations), u64::from_le_bytes(*memory));
            let given = passphrase().ok_or(Error::Minisign { why: "its passphrase is needed" })?;
            body = unsealed(&body, salt, cost, &given)?;
            let (content, sum) = body.expose().split_at(BODY - 32);
            let own = Blake2b256::new().chain_update(b"Ed").chain_update(content).finalize();
            if !equal(&own, sum) {
                return Err(Error::Minisign { why: "that is not its passphrase" });
            }
        }
        b"Ed\0\0B2" => {}
        _ => return Err(wrong),
    }
    let (id, rest) = body.expose().split_first_chunk::<8>().ok_or(wrong)?;
    let (seed, rest) = rest.split_first_chunk::<32>().ok_or(wrong)?;
    let key = SigningKey::from_seed(&Secret::new(*seed));
    // A plain file has no checksum, but it has the public half.
    if rest.get(..32) != Some(&key.verifying_key().as_bytes()[..]) {
        return Err(Error::Minisign { why: "the halves of the secret key do not belong together" });
    }
    Ok((*id, key))
}

fn unsealed(
    body: &Secret<[u8; BODY]>,
    salt: &[u8; 32],
    cost: (u64, u64),
    passphrase: &Secret<String>,
) -> Result<Secret<[u8; BODY]>, Error> {
    let params = parameters(cost)?;
    let mut out = Zeroizing::new([0; BODY]);
    scrypt::scrypt(passphrase.expose().as_bytes(), salt, &params, &mut *out)
        .expect("the length is within the bounds of scrypt");
    for (byte, sealed) in out.iter_mut().zip(body.expose()) {
        *byte ^= sealed;
    }
    Ok(Secret::new(*out))
}

/// Scrypt's own numbers, from operations and memory as libsodium counts them.
fn parameters((operations, memory): (u64, u64)) -> Result<Params, Error> {
    const R: u32 = 8;
    let (r, operations) = (u64::from(R), operations.max(32_768));
    if memory > MEMORY_MAX || operations > MEMORY_MAX {
        return Err(Error::Minisign { why: "it asks for more than a gibibyte to be opened" });
    }
    let by_memory = operations >= memory / 32;
    let n_max = if by_memory { memory / (r * 128) } else { operations / (r * 4) };
    let log_n = (1..63_u8).find(|log| 1_u64 << log > n_max / 2).unwrap_or(62);
    let p = if by_memory { ((operations / 4) >> log_n) / r } else { 1 };
    let wrong = Error::Minisign { why: "its costs are no costs of scrypt" };
    let p = u32::try_from(p).map_err(|_| wrong)?;
    Params::new(log_n, R, p).map_err(|_| wrong)
}
