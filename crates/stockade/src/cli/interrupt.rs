//! Ctrl-C: the first asks the work to stop cleanly, the second stops the process.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Starts listening; called once, by commands that work for long.
pub(super) fn listen() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("interrupt".to_owned()).spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if ASKED.swap(true, Ordering::SeqCst) {
                    // 128 + SIGINT, as shells expect.
                    std::process::exit(130);
                }
            }
        });
    })?;
    Ok(())
}

/// Whether Ctrl-C was pressed.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// The flag itself, for work that watches one.
pub(super) const fn flag() -> &'static AtomicBool {
    &ASKED
}
