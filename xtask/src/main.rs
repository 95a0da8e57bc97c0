//! Knows: how this project is built, tested and shown.
//! Never knows: what the product computes.
fn main() {}
