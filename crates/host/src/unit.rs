//! The rules for a hardened systemd unit.
