//! Knows: credentials, sessions and roles, as state machines.
//! Never knows: HTTP, SQL or mail.
