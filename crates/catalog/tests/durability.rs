//! Kills, damage, full disks: the old dataset or the new one, and every fault is named.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests start a process to kill it, and damage files"
)]

use catalog::{Catalog, Content, FindingKind, ImportRequest, Replace};
use market::Adjustment;
use proptest::prelude::*;
use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
};

fn request(source: &Path) -> ImportRequest {
    let mut request = ImportRequest::new(source, "bars", jiff::Timestamp::UNIX_EPOCH);
    request.replace = Replace::Yes;
    if source.ends_with("q.csv") {
        request.content = Content::Quotes;
    }
    request
}

fn import(catalog: &Catalog, source: &Path) -> catalog::Result<catalog::ImportReport> {
    catalog.import(&request(source), &mut |_| ControlFlow::Continue(()))
}

fn minutes(rows: u32, price: u32) -> String {
    let mut text = String::from("ts,symbol,close\n");
    for row in 0..rows {
        let time = 1_700_000_000 + 60 * (row / 4);
        writeln!(text, "{time},S{},{}.{:02}", row % 4, price, row % 100).expect("fits");
    }
    text
}

fn quotes(rows: u32) -> String {
    let mut text = String::from("ts,symbol,bid,ask\n");
    for row in 0..rows {
        let (time, price) = (1_700_000_000 + row / 4, 10 + row % 7);
        writeln!(text, "{time},S{},{price},{price}.5", row % 4).expect("fits");
    }
    text
}

/// Run by `a_kill_at_any_moment_leaves_the_old_or_the_new`, never alone.
#[test]
#[ignore = "the process that is killed"]
fn imports_until_killed() {
    let Ok(root) = std::env::var("CATALOG_KILLED_ROOT") else { return };
    let root = Path::new(&root);
    let catalog = Catalog::open(&root.join("catalog")).expect("opens");
    let mut out = std::io::stdout();
    loop {
        for file in std::env::var("CATALOG_KILLED_FILES").expect("is given").split(' ') {
            let mut request = request(&root.join(file));
            request.limits.rows_in_memory = 1_000;
            let done = catalog.import(&request, &mut |_| {
                writeln!(out, "tick").expect("is read");
                out.flush().expect("is read");
                ControlFlow::Continue(())
            });
            done.expect("imports");
        }
    }
}

#[test]
fn a_kill_at_any_moment_leaves_the_old_or_the_new() {
    killed(["b.csv", "a.csv"], 20);
}

#[test]
fn so_it_does_where_bars_and_quotes_replace_one_another() {
    killed(["q.csv", "a.csv"], 12);
}

fn killed(files: [&str; 2], times: usize) {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("q.csv"), quotes(9_000)).expect("writes");
    std::fs::write(dir.path().join("a.csv"), minutes(9_000, 10)).expect("writes");
    std::fs::write(dir.path().join("b.csv"), minutes(9_400, 20)).expect("writes");
    let root = dir.path().join("catalog");
    let digest = |file: &str| {
        let catalog = Catalog::open(&root).expect("opens");
        import(&catalog, &dir.path().join(file)).expect("imports").digest
    };
    let known = files.map(digest);
    for ticks in 1..=times {
        let mut child = Command::new(std::env::current_exe().expect("is known"))
            .args(["imports_until_killed", "--exact", "--ignored", "--nocapture"])
            .env("CATALOG_KILLED_ROOT", dir.path())
            .env("CATALOG_KILLED_FILES", files.join(" "))
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        let seen =
            lines.filter(|l| l.as_ref().is_ok_and(|l| l.ends_with("tick"))).take(ticks).count();
        child.kill().expect("is killed");
        child.wait().expect("is gone");
        assert_eq!(seen, ticks);
        let catalog = Catalog::open(&root).expect("opens");
        let left: Vec<_> =
            std::fs::read_dir(&root).expect("lists").map(|e| e.expect("ok").file_name()).collect();
        assert_eq!(left.len(), 2, "the dataset and the lock, not {left:?}");
        let report = catalog.check("bars").expect("checks");
        assert_eq!(report.problems(), 0);
        assert!(known.contains(&catalog.manifest("bars").expect("reads").dataset.digest));
    }
}

#[test]
fn a_living_import_is_not_swept_and_a_cancelled_one_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (source, root) = (dir.path().join("a.csv"), dir.path().join("catalog"));
    std::fs::write(&source, minutes(100, 10)).expect("writes");
    let catalog = Catalog::open(&root).expect("opens");
    let count = || std::fs::read_dir(&root).expect("lists").count();
    let done = catalog.import(&request(&source), &mut |_| {
        Catalog::open(&root).expect("opens beside it");
        assert_eq!(count(), 2, "the lock and the draft");
        ControlFlow::Continue(())
    });
    done.expect("imports");
    let cancelled = catalog.import(&request(&source), &mut |_| ControlFlow::Break(()));
    assert!(matches!(cancelled, Err(catalog::Error::Cancelled)));
    assert_eq!(count(), 2, "the lock and the dataset");
    std::fs::rename(root.join("bars"), root.join(".old-bars")).expect("moves");
    Catalog::open(&root).expect("puts it back");
    assert_eq!(catalog.check("bars").expect("checks").problems(), 0);
}

#[test]
fn a_flipped_byte_is_named_with_its_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let source = dir.path().join("a.csv");
    std::fs::write(&source, minutes(100, 10)).expect("writes");
    let catalog = Catalog::open(&dir.path().join("catalog")).expect("opens");
    let flip = |file: &str, at: fn(&[u8]) -> usize| {
        import(&catalog, &source).expect("imports");
        let path = dir.path().join("catalog/bars").join(file);
        let mut bytes = std::fs::read(&path).expect("reads");
        let at = at(&bytes);
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).expect("writes");
    };
    flip("part-00000.parquet", |bytes| bytes.len() / 2);
    let report = catalog.check("bars").expect("checks");
    let finding = report.findings.iter().find(|f| f.kind == FindingKind::Damage).expect("is found");
    assert!(
        finding.message.contains("bars/part-00000.parquet is damaged: its SHA-256 is"),
        "{finding:?}"
    );
    let read = catalog.series("bars", None, Adjustment::Raw).expect_err("is refused");
    assert!(read.to_string().contains("part-00000.parquet is damaged"), "{read}");
    let digit = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.find("\"bar\": \"").expect("is there") + 8
    };
    flip("manifest.json", digit);
    let read = catalog.check("bars").expect_err("is refused");
    assert!(read.to_string().contains("manifest.json is damaged: its SHA-256"), "{read}");
}

/// Needs the right to mount; elsewhere there is no small disk to fill.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (source, root) = (dir.path().join("a.csv"), dir.path().join("small"));
    std::fs::create_dir(&root).expect("is made");
    let mount = |program: &str, arguments: &[&str]| {
        Command::new(program)
            .args(arguments)
            .arg(&root)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    if !mount("mount", &["-t", "tmpfs", "-o", "size=256k", "tmpfs"]) {
        println!("skipped: this user may not mount a small disk to fill");
        return;
    }
    let catalog = Catalog::open(&root).expect("opens");
    std::fs::write(&source, minutes(100, 10)).expect("writes");
    let before = import(&catalog, &source).map(|r| r.digest);
    let mut text = String::from("ts,close\n");
    for row in 0..60_000_u64 {
        let noise = row.wrapping_mul(6_364_136_223_846_793_005).rotate_left(29);
        let (whole, part) = (noise % 999_983 + 1, (noise >> 32) % 997);
        writeln!(text, "{},{whole}.{part}", 1_700_000_000 + 60 * row).expect("fits");
    }
    std::fs::write(&source, text).expect("writes");
    let mut large = request(&source);
    let never = &mut |_| ControlFlow::Continue(());
    let full_while_writing = catalog.import(&large, never);
    large.limits.rows_in_memory = 1_000;
    let full_while_sorting = catalog.import(&large, never);
    let left = catalog.manifest("bars").map(|m| m.dataset.digest);
    let entries = std::fs::read_dir(&root).expect("lists").count();
    assert!(mount("umount", &[]), "unmounts");
    for full in [full_while_writing, full_while_sorting] {
        let message = full.err().map_or_else(String::new, |e| e.to_string());
        let named =
            message.contains("No space left") && message.contains("free space on that disk");
        assert!(named, "{message}");
    }
    assert_eq!((before.ok(), entries), (left.ok(), 2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What is imported is what is read, tick for tick, however rows are cut into runs.
    #[test]
    fn import_then_series_is_the_identity(
        bars in proptest::collection::btree_map((0_u8..3, 0_i64..300), (1_u32..10_000_000, 0_u32..1000), 1..300),
        rows_in_memory in 16_usize..400,
    ) {
        let dir = tempfile::tempdir().expect("a directory");
        let mut text = String::from("time,symbol,close,volume\n");
        for ((symbol, day), (price, volume)) in bars.iter().rev() {
            let date = market::Timestamp::from_nanos(day * market::BarSize::DAY.nanos());
            let (whole, part) = (price / 10_000, price % 10_000);
            writeln!(text, "{date},S{symbol},{whole}.{part:04},{volume}").expect("fits");
        }
        let source = dir.path().join("bars.csv");
        std::fs::write(&source, text).expect("writes");
        let catalog = Catalog::open(&dir.path().join("catalog")).expect("opens");
        let mut request = request(&source);
        request.limits.rows_in_memory = rows_in_memory;
        request.bar = None;
        let Ok(_) = catalog.import(&request, &mut |_| ControlFlow::Continue(())) else {
            // Sparse days may have a most common spacing that is no bar size.
            return Ok(());
        };
        let series = catalog.series("bars", None, Adjustment::Raw).expect("reads");
        let mut seen = Vec::new();
        for one in &series {
            let unit = 10_i64.pow(4 - u32::from(one.instrument().price_scale.decimals()));
            let symbol = one.instrument().symbol.to_string();
            for bar in one.iter() {
                prop_assert_eq!(bar.open, bar.close);
                let day = bar.open_time.nanos() / market::BarSize::DAY.nanos();
                seen.push((symbol.clone(), day, bar.close.0 * unit, bar.volume.0));
            }
        }
        let row = |((symbol, day), (price, volume)): (&(u8, i64), &(u32, u32))| {
            (format!("S{symbol}"), *day, i64::from(*price), u64::from(*volume))
        };
        prop_assert_eq!(seen, bars.iter().map(row).collect::<Vec<_>>());
    }
}
