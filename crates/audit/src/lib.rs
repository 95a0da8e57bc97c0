//! Knows: the tamper-evident log, its proofs and receipts.
//! Never knows: what an event means.
