//! Panels in, wide files out.

#![allow(clippy::disallowed_methods, reason = "tests write the files that they read")]

use catalog::{panel_bytes, read_panel, write_wide};
use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

fn file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("panel.csv");
    std::fs::write(&path, text).expect("writes");
    path
}

#[test]
fn a_long_panel_becomes_columns_and_a_wide_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "Date,Symbol,Close,P/E Ratio,sector\n2024-01-03,B,2.5,,tech\n2024-01-02,B,0.1,7,tech\n2024-01-03,A,1e-7,NA,\n";
    let panel = read_panel(&file(dir.path(), text)).expect("reads");
    assert_eq!(panel.field_names().collect::<Vec<_>>(), ["close", "p_e_ratio"]);
    assert_eq!(panel.group_names().collect::<Vec<_>>(), ["sector"]);
    assert_eq!(panel_bytes(&panel), 2 * 8 * (8 + 8 + 4));
    let sector = panel.group("sector").expect("is there");
    assert_eq!(
        (&sector.row(1)[..2], sector.names.as_slice()),
        (&[u32::MAX, 0][..], &["tech".to_owned()][..])
    );
    let wide = dir.path().join("close.csv");
    let close = panel.field("close").expect("is there");
    let bytes = write_wide(&wide, panel.times(), panel.symbols(), close).expect("writes");
    let written = std::fs::read_to_string(&wide).expect("reads");
    assert_eq!(written, "date,A,B\n2024-01-02,,0.1\n2024-01-03,1e-7,2.5\n");
    assert_eq!(bytes, written.len() as u64);
}

#[test]
fn a_column_without_values_is_a_number_that_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "date,symbol,close,eps\n2024-01-02,A,1,\n2024-01-03,A,2,NA\n";
    let panel = read_panel(&file(dir.path(), text)).expect("reads");
    assert_eq!(panel.field_names().collect::<Vec<_>>(), ["close", "eps"]);
    assert_eq!(panel.group_names().count(), 0);
    let eps = panel.field("eps").expect("is there");
    assert!((0..2).all(|row| eps.at(row, 0).is_nan()));
}

#[test]
fn parquet_and_csv_give_the_same_panel() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let panel = read_panel(&data.join("us_stocks_daily.parquet")).expect("reads");
    assert_eq!((panel.rows(), panel.symbols().len()), (3270, 5));
    let mut text = String::from("date,symbol,open,high,low,close,volume,adj_close\n");
    for (t, time) in panel.times().iter().enumerate() {
        for (j, symbol) in panel.symbols().iter().enumerate() {
            let cell = |name: &str| panel.field(name).expect("is there").at(t, j);
            if cell("close").is_finite() {
                let fields = ["open", "high", "low", "close", "volume", "adj_close"].map(cell);
                let cells = fields.map(|x| x.to_string()).join(",");
                writeln!(text, "{time},{symbol},{cells}").expect("fits");
            }
        }
    }
    let dir = tempfile::tempdir().expect("a directory");
    assert_eq!(read_panel(&file(dir.path(), &text)).expect("reads"), panel);
}

#[test]
fn a_bad_panel_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |text: &str, want: &str| {
        let message = read_panel(&file(dir.path(), text)).expect_err("is refused").to_string();
        assert!(message.contains(want), "{message}\nlacks\n{want}");
    };
    check("date,symbol,x\n2024-01-02,A,1\n2024-01-02,A,1\n", "line 3: differs from line 2");
    check(
        "date,symbol,x\n2024-01-02,A,1\n2024-01-03,A,one\n",
        "line 3, column \"x\": \"one\" is not a number",
    );
    check("day,symbol,x\n2024-01-02,A,1\n", "no column is known as time");
    check("date,symbol,x\n", "a header but no data");
    check("date,symbol,x,X\n2024-01-02,A,1,2\n", "two columns are called \"x\"");
    check("date,symbol,x\n2024-01-02,A,1\n2024-01-02", "truncated, export it again");
    check("date,symbol,x\n2024-01-02,,1\n", "is not a symbol");
}
