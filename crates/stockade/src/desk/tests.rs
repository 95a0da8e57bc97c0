//! The desk as a whole: one owner at a time, nothing half-written, everything in the log.
