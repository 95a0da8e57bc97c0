//! Knows: secrets, envelopes, signatures: pure functions over bytes.
//! Never knows: where a key lives, or what it protects.
