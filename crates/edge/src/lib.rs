//! Knows: tLS, listeners, the local CA, drain.
//! Never knows: routes or accounts.
