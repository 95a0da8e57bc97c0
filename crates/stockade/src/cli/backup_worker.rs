//! `stockade backup-worker`: one order, behind a fence around what it has to reach.

use ::backup::{MEMORY_BYTES_MAX, Reach, serve_worker};
use host::{Fence, Paths, Ports, Strength};
use kms::SystemEntropy;
use std::io;

/// Names of machines are asked for here where one answer does not fit a datagram.
const NAMES: u16 = 53;

/// Does the order that comes on stdin.
pub(super) fn run() -> io::Result<()> {
    serve_worker(MEMORY_BYTES_MAX, &mut SystemEntropy::new(), |reach| {
        fence(reach).raise().map(drop).map_err(io::Error::other)
    })
}

/// The repository and the tree of the order, and no other file; no port but the store's; no program is run.
fn fence(reach: &Reach) -> Fence {
    let mut wished = reach.read.clone();
    let mut ports = Vec::new();
    if let Some(port) = reach.port {
        wished.extend(Paths::of_a_client());
        ports.extend([port, NAMES]);
    }
    Fence {
        read: Paths { needed: Vec::new(), wished },
        write: Paths { needed: reach.write.clone(), wished: Vec::new() },
        connect: Ports::Only(ports),
        listen: Ports::Only(Vec::new()),
        // A night without a backup is worse than one with less of a fence, on a kernel that has less.
        strength: Strength::BestEffort,
    }
}
