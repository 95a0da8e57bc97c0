//! What a sealed field costs, and what a root key costs that is elsewhere.
//!
//! `cargo bench -p kms` prints a table. A field of 64 bytes, sealed or opened, may cost 2 µs. With a token of
//! SoftHSM, which has the interface of a device and the speed of this processor, in a directory D:
//!
//! ```text
//! mkdir -p D/tokens; echo "directories.tokendir = D/tokens" > D/softhsm2.conf
//! export SOFTHSM2_CONF=D/softhsm2.conf STOCKADE_BENCH_TOKEN=D
//! softhsm2-util --init-token --free --label "stockade tests" --pin 4711-tests --so-pin 0815-tests
//! echo 4711-tests > D/pin; chmod 600 D/pin
//! ```

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench: it has a clock and a table to print"
)]

#[path = "../tests/softhsm/mod.rs"]
mod softhsm;

use kms::{Absent, Holder, KeyFile, Label, Root, SoftRoot, SystemEntropy, TokenRoot};
use seal::{Aad, SealingKey, Secret};
use std::{env, hint::black_box, time::Instant};

const HERE: Label<'static> = Label { purpose: "accounts", tenant: "house", version: 1 };
const PLACE: Aad<'static> = Aad {
    tenant: "0192f0c1-0000-7000-8000-000000000000",
    table: "accounts",
    row: "0192f0c1-0000-7000-8000-000000000000",
    column: "email",
    kind: "text",
};

/// The median of a few rounds, in microseconds a call.
fn measure(name: &str, calls: u32, mut work: impl FnMut()) {
    let mut rounds: Vec<f64> = (0..9)
        .map(|_| {
            let begun = Instant::now();
            (0..calls).for_each(|_| work());
            begun.elapsed().as_secs_f64() * 1e6 / f64::from(calls)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<44} {:>9.2} µs", rounds[rounds.len() / 2]);
}

fn fields() {
    let key = SealingKey::new(Secret::new([1; 32])).column("accounts", "email");
    let mut entropy = SystemEntropy::new();
    let plain = [7; 64];
    let sealed = key.seal(&PLACE, &plain, &mut entropy);
    measure("a field of 64 bytes is sealed", 20_000, || {
        black_box(key.seal(&PLACE, black_box(&plain), &mut entropy));
    });
    measure("a field of 64 bytes is opened", 20_000, || {
        black_box(key.open(&PLACE, black_box(&sealed)).expect("its own"));
    });
    let root = SealingKey::new(Secret::new([1; 32]));
    measure("a column's key is derived", 20_000, || {
        black_box(root.column("accounts", black_box("email")));
    });
}

fn root(name: &str, root: &dyn Root, calls: u32) {
    let mut entropy = SystemEntropy::new();
    let wrapped = root.wrap(&HERE, &[7; 96], &mut entropy).expect("wrapped");
    measure(&format!("{name} wraps 96 bytes"), calls, || {
        black_box(root.wrap(&HERE, &[7; 96], &mut entropy).expect("wrapped"));
    });
    measure(&format!("{name} unwraps 96 bytes"), calls, || {
        black_box(root.unwrap(&HERE, &wrapped).expect("its own"));
    });
}

fn main() {
    let scratch = tempfile::tempdir().expect("a directory");
    fields();
    let file = KeyFile::open_or_create(&scratch.path().join("key"), &mut SystemEntropy::new());
    let file = file.expect("a key file");
    let soft = SoftRoot::new(Holder::KeyFile(&file), None, &mut SystemEntropy::new());
    root("a key file", &soft.expect("a root"), 20_000);
    let place = env::var_os("STOCKADE_BENCH_TOKEN");
    if let Some((place, module)) = place.zip(softhsm::module()) {
        let terms = softhsm::terms(place.as_ref(), module);
        root("a token of SoftHSM", &TokenRoot::open(terms, Absent::Make).expect("a token"), 500);
    }
}
