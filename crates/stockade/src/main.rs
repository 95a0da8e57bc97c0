//! Knows: wiring, routes, schedules.
//! Never knows: rules of its own.

fn main() {}
