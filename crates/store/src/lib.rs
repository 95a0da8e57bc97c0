//! Knows: sQL, all of it.
//! Never knows: the plaintext of a sealed field.
