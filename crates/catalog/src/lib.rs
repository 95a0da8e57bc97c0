//! Knows: price columns on disk: import, partitions, manifest, quality report.
//! Never knows: SQL or accounts.
