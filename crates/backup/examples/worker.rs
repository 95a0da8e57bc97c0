//! The worker alone, as `stockade backup-worker` is: `benches/backup/run.py` measures it without building the server.
//! It takes one order from stdin, has no fence around it, and the salt of its key files is no secret.

fn main() -> std::io::Result<()> {
    let mut entropy = seal::SeededEntropy::new(1);
    backup::serve_worker(backup::MEMORY_BYTES_MAX, &mut entropy, |_| Ok(()))
}
