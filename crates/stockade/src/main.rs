//! The program; all of it is in the library, where tests reach it.

use std::alloc::System;
use zeroizing_alloc::ZeroAlloc;

/// Wipes memory that is given back: what was typed went through the buffers of TLS, of HTTP and of
/// JSON, which know nothing of secrets.
#[global_allocator]
static WIPED: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> std::process::ExitCode {
    stockade::main()
}
