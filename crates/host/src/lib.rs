//! Knows: the machine: what a doctor looks at, and the fences around a process.
//! Never knows: accounts, markets, or what the process does.

#![forbid(unsafe_code)]
