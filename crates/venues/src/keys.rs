//! What an exchange gave its customer to sign with.

use seal::Secret;

/// A key of an exchange: its public name, what signs, and the passphrase that some want besides.
#[derive(Debug, Clone)]
pub struct Keys {
    /// The key's name; it travels with each request.
    pub key: String,
    /// What signs.
    pub secret: Secret<Vec<u8>>,
    /// OKX wants a passphrase besides.
    pub passphrase: Option<Secret<String>>,
}
