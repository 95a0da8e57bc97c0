//! Knows: layered configuration with origins and "did you mean".
//! Never knows: what a setting does.
