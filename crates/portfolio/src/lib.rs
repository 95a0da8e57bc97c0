//! Knows: fills, positions, performance and risk.
//! Never knows: why a trade was made.
