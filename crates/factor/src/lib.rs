//! Knows: expression text, plan, columns.
//! Never knows: files, orders or users.
