//! An independent client trades on a box: ccxt, where Python has it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A box in a process of its own, as its owner starts it.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A Python with ccxt: the one named in `CCXT_PYTHON`, or the one on the path.
fn python() -> Option<String> {
    let named = std::env::var("CCXT_PYTHON").ok();
    let python = named.unwrap_or_else(|| "python3".to_owned());
    let ran = Command::new(&python).args(["-c", "import ccxt"]).output();
    ran.is_ok_and(|ran| ran.status.success()).then_some(python)
}

fn start(directory: &Path, (venue, product): (&str, &str)) -> (Started, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_stockade-bot"))
        .args(["exchange", "--json", "--like", venue, "--product", product])
        .args(["--listen", "127.0.0.1:0", "--walk", "7"])
        .arg("--data-dir")
        .arg(directory)
        .arg("--keys")
        .arg(directory.join("keys.json"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut out = BufReader::new(child.stdout.take().expect("its output"));
    let started = Started(child);
    let mut text = String::new();
    while !text.ends_with("}\n") {
        assert!(out.read_line(&mut text).expect("reads") > 0, "it ended: {text}");
    }
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(told["keys"], serde_json::json!([]), "keys of a file are not printed");
    (started, told["rest"].as_str().expect("an address").to_owned())
}

fn check(venue: &str) {
    let Some(python) = python() else {
        println!(
            "skipped: no Python with ccxt; `pip install ccxt==4.5.90` in a venv, and name its python in CCXT_PYTHON"
        );
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boxes/box.py");
    for product in ["perpetual", "spot"] {
        let directory = tempfile::tempdir().expect("a directory");
        let (_box, rest) = start(directory.path(), (venue, product));
        let mut client = Command::new(&python);
        client.arg(&script).args([venue, product, &rest]);
        client.arg(directory.path().join("authority.pem")).arg(directory.path().join("keys.json"));
        let ran = client.output().expect("Python starts");
        let (said, errors) =
            (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{venue} {product}:\n{said}{errors}");
        assert!(said.contains(r#""step": "done", "ok": true"#), "{venue} {product}:\n{said}");
    }
}

#[test]
fn a_client_library_that_knows_nothing_of_us_trades_on_binance_in_a_box() {
    check("binance");
}

#[test]
fn a_client_library_that_knows_nothing_of_us_trades_on_bybit_in_a_box() {
    check("bybit");
}

#[test]
fn a_client_library_that_knows_nothing_of_us_trades_on_okx_in_a_box() {
    check("okx");
}
