//! What the examples come to on the sample prices, bit for bit, on any machine and in any build.
//!
//! The digests are in `examples.json` beside this file. They change with the engine's semantics and with
//! nothing else; `BLESS_DIGESTS=1` writes them anew.

#![allow(clippy::disallowed_methods, reason = "the test reads the project's own files")]

use catalog::ImportRequest;
use serde_json::{Map, Value, json};
use std::{fs, ops::ControlFlow, path::Path};
use stockade::desk;

#[test]
fn every_example_has_its_digest() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let directory = tempfile::tempdir().expect("a directory");
    let desk = desk::connect(directory.path().join("data")).expect("connects");
    let prices = project.join("data/us_stocks_daily.parquet");
    let mut request = ImportRequest::new(prices, "us-stocks-daily", desk::now());
    let actions = project.join("data/corporate_actions.csv");
    request.actions = catalog::read_actions(&actions).expect("reads");
    desk.import(&request, &mut |_, _| ControlFlow::Continue(())).expect("imports");
    let mut found = Map::new();
    for entry in fs::read_dir(project.join("examples")).expect("lists") {
        let path = entry.expect("an entry").path();
        let text = fs::read_to_string(&path).expect("reads");
        if path.extension().is_none_or(|e| e != "yaml") || !text.contains("us-stocks-daily") {
            continue;
        }
        let run = desk.run_backtest(&text, &mut |_, _| ControlFlow::Continue(())).expect("runs");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        found.insert(name, json!({ "run": run.result.run_id, "digest": run.result.digest }));
    }
    let kept = project.join("crates/stockade/tests/examples.json");
    let found = Value::Object(found);
    if std::env::var_os("BLESS_DIGESTS").is_some() {
        let text = serde_json::to_string_pretty(&found).expect("JSON");
        fs::write(&kept, format!("{text}\n")).expect("writes");
    }
    let want: Value = serde_json::from_slice(&fs::read(kept).expect("is there")).expect("JSON");
    assert_eq!(found, want);
}
