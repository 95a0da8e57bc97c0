//! Knows: key holders; today the key file.
//! Never knows: what is sealed.
