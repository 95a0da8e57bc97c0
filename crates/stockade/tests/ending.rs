//! A server that is told to stop, as a service manager does it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests of programs that they started"
)]

use crate::process::Program;
use rustix::process::Signal;

/// Who starts it may want it to end as soon as it is there, or before: that is an end like any other.
#[test]
fn who_stops_a_server_the_moment_it_is_ready_is_heard() {
    for _ in 0..5 {
        let root = tempfile::tempdir().expect("a directory");
        let log = root.path().join("said.log");
        let program = Program::start(&root.path().join("data"), &log, "");
        assert!(program.end(Signal::TERM).success());
    }
}
