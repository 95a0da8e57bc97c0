//! Panels in, wide files out.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "tests write the files that they read, and know what is in them"
)]

use catalog::{
    Catalog, Format, ImportRequest, PanelBlocks, Replace, Shape, Sink, Storage, Target, Texts,
    outline, panel_bytes, read_panel,
};
use market::{Adjustment, Panel};
use std::{
    fmt::Write as _,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// Bytes that the panels of these tests may take.
const BYTES_MAX: u64 = 1 << 30;

fn file(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("panel.csv");
    std::fs::write(&path, text).expect("writes");
    path
}

#[test]
fn a_long_panel_becomes_columns_and_a_wide_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "Date,Symbol,Close,P/E Ratio,sector\n2024-01-03,B,2.5,,tech\n2024-01-02,B,0.1,7,tech\n2024-01-03,A,1e-7,NA,\n";
    let panel = read_panel(&file(dir.path(), text), BYTES_MAX).expect("reads");
    assert_eq!(panel.field_names().collect::<Vec<_>>(), ["close", "p_e_ratio"]);
    assert_eq!(panel.group_names().collect::<Vec<_>>(), ["sector"]);
    assert_eq!(panel_bytes(&panel), 2 * 8 * (8 + 8 + 4));
    let sector = panel.group("sector").expect("is there");
    assert_eq!(
        (&sector.row(1)[..2], sector.names.as_slice()),
        (&[u32::MAX, 0][..], &["tech".to_owned()][..])
    );
    let bytes = write(dir.path(), &panel, (Format::Csv, Shape::Wide, Storage::Float64));
    let written = std::fs::read_to_string(dir.path().join("close.csv")).expect("reads");
    assert_eq!(written, "date,A,B\n2024-01-02,,0.1\n2024-01-03,1e-7,2.5\n");
    let ratios = std::fs::read_to_string(dir.path().join("p_e_ratio.csv")).expect("reads");
    assert_eq!(ratios, "date,A,B\n2024-01-02,,7\n2024-01-03,,\n");
    assert_eq!(bytes, (written.len() + ratios.len()) as u64);
}

/// Writes every numeric field of a panel, in two pushes.
fn write(dir: &Path, panel: &Panel, (format, shape, storage): (Format, Shape, Storage)) -> u64 {
    let names: Vec<String> = panel.field_names().map(str::to_owned).collect();
    let target = Target { directory: dir.to_owned(), format, shape, storage, texts: Texts::Raw };
    let mut sink = Sink::create(&target, &names, panel.symbols()).expect("begins");
    let half = panel.rows() / 2;
    for rows in [0..half, half..panel.rows()] {
        let cells = rows.start * panel.stride()..rows.end * panel.stride();
        let part = |name: &String| &panel.field(name).expect("is there").values()[cells.clone()];
        let parts: Vec<&[f64]> = names.iter().map(part).collect();
        sink.push(&panel.times()[rows], &parts).expect("writes");
    }
    sink.finish().expect("whole")
}

#[test]
fn a_column_that_would_be_read_back_as_a_key_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let directory = dir.path().to_owned();
    for (shape, key) in [(Shape::Long, "date"), (Shape::Wide, "Symbol"), (Shape::Long, "TICKER")] {
        let storage = Storage::Float64;
        let target = Target {
            directory: directory.clone(),
            format: Format::Csv,
            shape,
            storage,
            texts: Texts::Raw,
        };
        let names = ["x".to_owned(), key.to_owned()];
        let refused = Sink::create(&target, &names, &[]).err().expect("is refused").to_string();
        assert!(refused.starts_with(&format!("{key:?} cannot name a column")), "{refused}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 0);
}

#[test]
fn what_a_killed_process_left_is_swept_and_what_lives_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let (directory, format, shape) = (dir.path().to_owned(), Format::Csv, Shape::Wide);
    let target = Target { directory, format, shape, storage: Storage::Float64, texts: Texts::Raw };
    for name in [".x.csv.4000000.tmp", ".x.tmp", ".notes.txt.1.tmp"] {
        std::fs::write(dir.path().join(name), "x").expect("writes");
    }
    let first = Sink::create(&target, &["y".to_owned()], &[]).expect("begins");
    let second = Sink::create(&target, &["z".to_owned()], &[]).expect("begins");
    first.finish().expect("whole");
    second.finish().expect("whole");
    let listed = std::fs::read_dir(dir.path()).expect("lists");
    let mut names: Vec<_> = listed.map(|e| e.expect("is there").file_name()).collect();
    names.sort();
    assert_eq!(names, [".notes.txt.1.tmp", ".x.tmp", "y.csv", "z.csv"]);
}

#[test]
fn too_many_open_files_names_the_limit() {
    let (doing, path) = ("write", PathBuf::from("x.csv"));
    let source = std::io::Error::from_raw_os_error(24);
    let message = catalog::Error::Io { doing, path, source }.to_string();
    assert!(message.contains("raise the limit of open files (ulimit -n)"), "{message}");
}

#[test]
fn what_is_written_long_reads_back_as_the_same_panel() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let panel = read_panel(&data.join("us_stocks_daily.parquet"), BYTES_MAX).expect("reads");
    for (format, ending) in
        [(Format::Csv, "csv"), (Format::Parquet, "parquet"), (Format::Arrow, "arrow")]
    {
        let dir = tempfile::tempdir().expect("a directory");
        let bytes = write(dir.path(), &panel, (format, Shape::Long, Storage::Float64));
        let file = dir.path().join(format!("factors.{ending}"));
        assert_eq!(std::fs::metadata(&file).expect("is there").len(), bytes);
        assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 1, "nothing else");
        assert_eq!(read_panel(&file, BYTES_MAX).expect("reads"), panel, "{ending}");
    }
}

#[test]
fn storage_in_32_bits_rounds_and_never_makes_an_infinity() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "date,symbol,x\n2024-01-02,A,0.1\n2024-01-02,B,1e300\n2024-01-02,C,16777217\n";
    let panel = read_panel(&file(dir.path(), text), BYTES_MAX).expect("reads");
    write(dir.path(), &panel, (Format::Csv, Shape::Wide, Storage::Float32));
    let written = std::fs::read_to_string(dir.path().join("x.csv")).expect("reads");
    assert_eq!(written, "date,A,B,C\n2024-01-02,0.1,,16777216\n");
}

#[test]
fn a_sink_that_is_dropped_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (format, shape, storage) = (Format::Csv, Shape::Wide, Storage::Float64);
    let target =
        Target { directory: dir.path().to_owned(), format, shape, storage, texts: Texts::Raw };
    drop(Sink::create(&target, &["a".to_owned()], &[]).expect("begins"));
    assert_eq!(std::fs::read_dir(dir.path()).expect("lists").count(), 0);
}

#[test]
fn a_file_read_by_blocks_of_dates_is_the_panel_in_pieces() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut text = String::from("date,symbol,close,late,sector\n");
    for day in 1..=28 {
        for name in ["C", "A", "B"].iter().skip(usize::from(day == 1)) {
            let late = if day < 20 { String::new() } else { day.to_string() };
            let sector = if day % 3 == 0 { "" } else { ["x", "y"][day % 2] };
            writeln!(text, "2024-01-{day:02},{name},{day}.5,{late},{sector}").expect("fits");
        }
    }
    let path = file(dir.path(), &text);
    let whole = read_panel(&path, BYTES_MAX).expect("reads");
    let outline = outline(&path).expect("reads");
    assert_eq!((outline.rows, outline.symbols.as_slice()), (28, whole.symbols()));
    assert_eq!((outline.fields.len(), outline.groups.len()), (2, 1));
    for dates in [1, 5, 28, 100] {
        let mut row = 0;
        for block in PanelBlocks::open(&outline, dates).expect("opens") {
            let block = block.expect("reads");
            assert!(block.rows() <= dates && block.symbols() == whole.symbols());
            for t in 0..block.rows() {
                assert_eq!(block.times()[t], whole.times()[row]);
                for name in ["close", "late"] {
                    let bits = |panel: &Panel, t| -> Vec<u64> {
                        let column = panel.field(name).expect("is there");
                        column.row(t).iter().map(|x| x.to_bits()).collect()
                    };
                    assert_eq!(bits(&block, t), bits(&whole, row), "{name} {row}");
                }
                let codes =
                    |panel: &Panel, t| panel.group("sector").expect("a group").row(t).to_vec();
                assert_eq!(codes(&block, t), codes(&whole, row));
                row += 1;
            }
        }
        assert_eq!(row, 28, "{dates}");
    }
}

#[test]
fn a_column_without_values_is_a_number_that_is_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "date,symbol,close,eps\n2024-01-02,A,1,\n2024-01-03,A,2,NA\n";
    let panel = read_panel(&file(dir.path(), text), BYTES_MAX).expect("reads");
    assert_eq!(panel.field_names().collect::<Vec<_>>(), ["close", "eps"]);
    assert_eq!(panel.group_names().count(), 0);
    let eps = panel.field("eps").expect("is there");
    assert!((0..2).all(|row| eps.at(row, 0).is_nan()));
}

#[test]
fn parquet_and_csv_give_the_same_panel() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data");
    let panel = read_panel(&data.join("us_stocks_daily.parquet"), BYTES_MAX).expect("reads");
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
    assert_eq!(read_panel(&file(dir.path(), &text), BYTES_MAX).expect("reads"), panel);
}

#[test]
fn a_bad_panel_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let check = |text: &str, want: &str| {
        let message =
            read_panel(&file(dir.path(), text), BYTES_MAX).expect_err("is refused").to_string();
        assert!(message.contains(want), "{message}\nlacks\n{want}");
        assert!(message.contains("panel.csv"), "{message}");
    };
    check("date,symbol,x\n2024-01-02,A,1\n2024-01-02,A,1\n", "line 3: differs from line 2");
    check(
        "date,symbol,x\n2024-01-02,A,1\n2024-01-03,A,one\n",
        "line 3, column \"x\": \"one\" is not a number; write plain digits",
    );
    check(
        "date,symbol,x\n2024-01-02,A,halted\n2024-01-03,A,1.5\n",
        "line 3, column \"x\": \"1.5\" is a number, but the column began with the text \"halted\"",
    );
    check(
        "date,symbol,x\n2024-01-02,A,1\n2024-01-03T09:30:00Z,A,1\n",
        "line 3, column \"date\": \"2024-01-03T09:30:00Z\" is not a time like the column's first",
    );
    check("date,symbol,x\n2024-01-02,A,1\n,A,1\n", "line 3, column \"date\"");
    check("date,symbol,x\n2024-02-30,A,1\n", "line 2, column \"date\": \"2024-02-30\"");
    check("day,symbol,x\n2024-01-02,A,1\n", "no column is known as time");
    check("date,name,x\n2024-01-02,A,1\n", "no column is known as symbol");
    check("date,symbol,x\n", "a header but no data");
    check("", "the file is empty");
    check("date,symbol,x,X\n2024-01-02,A,1,2\n", "two columns are called \"x\"");
    check("date,symbol,,x\n2024-01-02,A,1,2\n", "line 1: column 3 has no name");
    check("date,symbol,x\n2024-01-02,A,1\n2024-01-02", "truncated, export it again");
    check("date,symbol,x\n2024-01-02,,1\n", "line 2, column \"symbol\": \"\" is not a symbol");
}

#[test]
fn infinities_and_words_for_missing_are_missing() {
    let dir = tempfile::tempdir().expect("a directory");
    let words = ["inf", "-inf", "Infinity", "NaN", "nan", "NA", "null", "", "1e999"];
    let mut text = String::from("date,symbol,x\n2024-01-02,Z,7\n");
    for (i, word) in words.iter().enumerate() {
        writeln!(text, "2024-01-02,A{i},{word}").expect("fits");
    }
    let panel = read_panel(&file(dir.path(), &text), BYTES_MAX).expect("reads");
    let x = panel.field("x").expect("a number");
    let known: Vec<f64> = x.row(0).iter().copied().filter(|x| !x.is_nan()).collect();
    assert_eq!((known, panel.symbols().len()), (vec![7.0], words.len() + 1));
}

#[test]
fn mixed_calendars_make_a_union_and_one_name_or_day_is_a_panel() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "date,symbol,x\n2024-01-05,EU,1\n2024-01-02,US,2\n2024-01-05,US,3\n";
    let panel = read_panel(&file(dir.path(), text), BYTES_MAX).expect("reads");
    let x = panel.field("x").expect("a number");
    assert_eq!(panel.rows(), 2);
    assert!(x.at(0, 0).is_nan());
    assert_eq!([x.at(0, 1), x.at(1, 0), x.at(1, 1)], [2.0, 1.0, 3.0]);
    let one = read_panel(&file(dir.path(), "date,symbol,x\n2024-01-05,EU,1\n"), BYTES_MAX)
        .expect("reads");
    assert_eq!((one.rows(), one.symbols().len()), (1, 1));
}

#[test]
fn few_rows_of_many_dates_and_symbols_are_refused_before_memory_is_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    let rows = (0..40_000).map(|n| format!("{},A{n},1,x\n", 1_600_000_000 + 86_400 * (n / 8)));
    let text: String = std::iter::once("date,symbol,x,group\n".to_owned()).chain(rows).collect();
    let path = file(dir.path(), &text);
    let refused = read_panel(&path, 2_599_999_999).expect_err("is refused").to_string();
    let want = "as a panel of 5000 dates and 40000 symbols it would take 2600000000 bytes, 2599999999 are allowed";
    assert!(refused.contains(want), "{refused}");
    let small = file(dir.path(), "date,symbol,x,group\n2024-01-05,EU,1,a\n");
    assert!(read_panel(&small, 8 * 13).is_ok());
    assert!(read_panel(&small, 8 * 13 - 1).is_err());
}

#[test]
fn rows_out_of_order_cannot_be_read_by_blocks_and_a_torn_file_says_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let text = "date,symbol,x\n2024-01-03,A,1\n2024-01-02,A,2\n";
    let refused = outline(&file(dir.path(), text)).expect_err("is refused").to_string();
    assert!(refused.contains("line 3: 2024-01-02 comes after 2024-01-03; sort"), "{refused}");
    let torn = dir.path().join("torn.arrow");
    std::fs::write(&torn, b"ARROW1\0\0 and then nothing").expect("writes");
    let refused = read_panel(&torn, BYTES_MAX).expect_err("is refused").to_string();
    assert!(refused.contains("cannot be read as an Arrow file"), "{refused}");
    std::fs::write(&torn, b"PAR1 and then nothing").expect("writes");
    let refused = read_panel(&torn, BYTES_MAX).expect_err("is refused").to_string();
    assert!(refused.contains("cannot be read as Parquet"), "{refused}");
}

#[test]
fn a_dataset_is_the_panel_of_its_file_with_its_extra_columns() {
    let dir = tempfile::tempdir().expect("a directory");
    let catalog = Catalog::open(&dir.path().join("catalog")).expect("opens");
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join("us_stocks_daily.parquet");
    let request = ImportRequest::new(&source, "us", jiff::Timestamp::UNIX_EPOCH);
    catalog.import(&request, &mut |_| ControlFlow::Continue(())).expect("imports");
    let (digest, panel) = catalog.panel("us", None, Adjustment::Raw, 1 << 30).expect("reads");
    assert_eq!(panel, read_panel(&source, BYTES_MAX).expect("reads"));
    let manifest = catalog.manifest("us").expect("reads");
    assert_eq!(digest, manifest.dataset.digest);
    assert_eq!(manifest.panel_fields(), panel.field_names().collect::<Vec<_>>());
    let some = [panel.symbols()[3].clone(), panel.symbols()[1].clone()];
    let (_, fewer) = catalog.panel("us", Some(&some), Adjustment::Splits, 1 << 30).expect("reads");
    assert_eq!(fewer.symbols(), [some[1].clone(), some[0].clone()]);
    let adjusted = |panel: &Panel, j: usize| panel.field("adj_close").expect("is there").at(100, j);
    assert_eq!(adjusted(&fewer, 0).to_bits(), adjusted(&panel, 1).to_bits());
    let cells = 3270 * 8 * 6;
    let most = 8 * cells + manifest.dataset.rows * 8 * 8;
    assert!(catalog.panel("us", None, Adjustment::Raw, most).is_ok());
    let refused = catalog.panel("us", None, Adjustment::Raw, most - 1).expect_err("is refused");
    let catalog::Error::PanelSize { needed, .. } = refused else { panic!("{refused}") };
    assert_eq!(needed, most);
    let partition = &manifest.partitions[0].file;
    std::fs::remove_file(dir.path().join("catalog/us").join(partition)).expect("is there");
    let unread = catalog.panel("us", None, Adjustment::Raw, 1_000_000).expect_err("is refused");
    assert!(matches!(unread, catalog::Error::PanelSize { .. }), "{unread}");
}

#[test]
fn a_panel_that_is_read_while_its_dataset_is_replaced_is_of_one_import() {
    let dir = tempfile::tempdir().expect("a directory");
    let catalog = Catalog::open(&dir.path().join("catalog")).expect("opens");
    let import = |value: u32| {
        let source = dir.path().join(format!("{value}.csv"));
        let days = |day| format!("2024-01-{day:02},A,{value},{value}\n");
        let text: String = (1..29).map(days).collect();
        std::fs::write(&source, format!("date,symbol,close,eps\n{text}")).expect("writes");
        let mut request = ImportRequest::new(&source, "x", jiff::Timestamp::UNIX_EPOCH);
        request.replace = Replace::Yes;
        catalog.import(&request, &mut |_| ControlFlow::Continue(())).expect("imports");
        catalog.manifest("x").expect("reads").dataset.digest
    };
    let digests = [import(1), import(2)];
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..60).for_each(|n| drop(import(1 + n % 2)));
            done.store(true, Ordering::Release);
        });
        let mut whole = 0;
        while !done.load(Ordering::Acquire) {
            // A dataset that is replaced again and again may not be readable in three attempts.
            let read = catalog.panel("x", None, Adjustment::Raw, 1 << 30);
            let Ok((digest, panel)) = read else { continue };
            let of = |name: &str| panel.field(name).expect("is there").at(0, 0);
            assert_eq!(of("close"), of("eps"));
            let at = usize::from(of("close") > 1.0);
            assert_eq!(digest, digests[at]);
            whole += 1;
        }
        assert!(whole > 0, "every attempt met an import");
    });
}
