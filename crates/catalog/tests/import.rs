//! Imports of real and of broken files.

#![allow(clippy::disallowed_methods, reason = "tests write the files that they import")]

use catalog::{
    BadRows, Catalog, FindingKind, Grain, ImportReport, ImportRequest, Mapping, Replace, TimeZone,
    read_actions,
};
use market::{Adjustment, BarSize, Symbol};
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

fn sample(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(file)
}

struct Place {
    dir: TempDir,
    catalog: Catalog,
}

fn place() -> Place {
    let dir = tempfile::tempdir().expect("a directory");
    let catalog = Catalog::open(&dir.path().join("catalog")).expect("opens");
    Place { dir, catalog }
}

impl Place {
    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).expect("writes");
        path
    }

    fn run(&self, request: &ImportRequest) -> catalog::Result<ImportReport> {
        self.catalog.import(request, &mut |_| ControlFlow::Continue(()))
    }

    /// Imports text as dataset `x`; an error loses its directory.
    fn text(
        &self,
        text: &[u8],
        change: impl FnOnce(&mut ImportRequest),
    ) -> Result<ImportReport, String> {
        let mut request = request(&self.file("X.csv", text), "x");
        request.replace = Replace::Yes;
        change(&mut request);
        let dir = format!("{}/", self.dir.path().display());
        self.run(&request).map_err(|e| e.to_string().replace(&dir, ""))
    }
}

fn request(source: &Path, name: &str) -> ImportRequest {
    ImportRequest::new(source, name, jiff::Timestamp::UNIX_EPOCH)
}

fn stocks() -> (Place, ImportReport) {
    let place = place();
    let mut request = request(&sample("us_stocks_daily.parquet"), "us-stocks-daily");
    request.actions = read_actions(&sample("corporate_actions.csv")).expect("reads");
    let report = place.run(&request).expect("imports");
    (place, report)
}

fn found(report: &ImportReport, kind: FindingKind) -> Vec<String> {
    let of_kind = report.quality.findings.iter().filter(|f| f.kind == kind);
    of_kind
        .map(|f| {
            let symbol = f.symbol.as_deref().unwrap_or("-");
            format!("{symbol} {}", f.from.as_deref().unwrap_or("-"))
        })
        .collect()
}

#[test]
fn the_sample_stocks_come_whole() {
    let (place, report) = stocks();
    assert_eq!((report.rows_read, report.rows_kept), (12_154, 12_154));
    assert_eq!(report.bar, Grain::Bars(BarSize::DAY));
    assert_eq!(report.quality.problems(), 0, "{:#?}", report.quality.findings);
    let seen = ["AAPL 2000-06-21", "AAPL 2005-02-28", "MSFT 2003-02-18"];
    assert_eq!(found(&report, FindingKind::SplitSeen), seen);
    assert_eq!(found(&report, FindingKind::LateListing), ["FB 2012-05-18", "GOOG 2004-08-19"]);
    assert_eq!(found(&report, FindingKind::LargeMove), ["AAPL 2000-09-29"]);
    let again = place.catalog.check("us-stocks-daily").expect("checks");
    assert_eq!(again, report.quality);
    let summaries = place.catalog.datasets().expect("lists");
    assert_eq!(summaries[0].symbols, ["AAPL", "FB", "GOOG", "IBM", "MSFT"]);
}

#[test]
fn splits_are_suspected_where_none_is_known() {
    let place = place();
    let report = place.run(&request(&sample("us_stocks_daily.parquet"), "raw")).expect("imports");
    let splits = ["AAPL 2000-06-21", "AAPL 2005-02-28", "MSFT 2003-02-18"];
    assert_eq!(found(&report, FindingKind::SplitSuspect), splits, "by the adjusted close");
    let mut blind = request(&sample("us_stocks_daily.parquet"), "blind");
    blind.mapping = Mapping::parse("ignore=adj_close").expect("parses");
    let report = place.run(&blind).expect("imports");
    assert_eq!(found(&report, FindingKind::SplitSuspect), splits, "by the open");
    assert_eq!(found(&report, FindingKind::LargeMove), ["AAPL 2000-09-29"]);
}

#[test]
fn series_are_raw_or_adjusted_and_strangers_are_named() {
    let (place, _) = stocks();
    let symbols: Vec<Symbol> = ["MSFT", "AAPL"].iter().map(|s| s.parse().expect("ok")).collect();
    let read = |adjustment| {
        place.catalog.series("us-stocks-daily", Some(&symbols), adjustment).expect("reads")
    };
    let (raw, adjusted) = (read(Adjustment::Raw), read(Adjustment::Splits));
    let last = |series: &market::BarSeries| {
        series.instrument().price_f64(series.bar(series.len() - 1).expect("a bar").close)
    };
    assert_eq!(raw[0].instrument().symbol.as_str(), "MSFT");
    assert_eq!((raw[0].len(), raw[1].len()), (3270, 3270));
    assert!(
        (last(&raw[1]) - 430.47).abs() < 1e-9 && (last(&adjusted[1]) - 4.0 * 430.47).abs() < 1e-9
    );
    let strange: Symbol = "APPL".parse().expect("ok");
    let refused = place.catalog.series("us-stocks-daily", Some(&[strange]), Adjustment::Raw);
    let message = refused.expect_err("is refused").to_string();
    assert_eq!(message, "dataset us-stocks-daily has no symbol \"APPL\"; did you mean \"AAPL\"?");
    let message = place.catalog.manifest("us-stock-daily").expect_err("is refused").to_string();
    assert_eq!(
        message,
        "there is no dataset \"us-stock-daily\"; did you mean \"us-stocks-daily\"?"
    );
}

#[test]
fn rates_have_a_close_only_and_their_gaps_are_told() {
    let place = place();
    let report = place.run(&request(&sample("ecb_fx_daily.parquet"), "ecb-fx")).expect("imports");
    assert_eq!(report.rows_kept, 221_702);
    let manifest = place.catalog.manifest("ecb-fx").expect("reads");
    assert_eq!(manifest.dataset.fields, [catalog::Field::Close]);
    assert_eq!(manifest.instruments.len(), 41);
    let of = |symbol: &str| {
        let found = report.quality.symbols.iter().find(|s| s.symbol.as_str() == symbol);
        found
            .map(|s| (s.dates_before > 0, s.dates_after > 0, s.dates_missing > 0))
            .expect("is there")
    };
    assert_eq!(of("EURUSD"), (false, false, false));
    assert_eq!(of("EURISK"), (false, false, true));
    assert_eq!(of("EURTRL"), (false, true, false));
    assert_eq!(of("EURTRY"), (true, false, false));
}

#[test]
fn the_same_prices_have_the_same_digest_however_they_come() {
    let place = place();
    let digest = |text: &str, change: &dyn Fn(&mut ImportRequest)| {
        place.text(text.as_bytes(), |r| change(r)).expect("imports").digest
    };
    let plain = "date,symbol,open,high,low,close,volume\n2024-01-02,X,1,2.5,1,2,10\n2024-01-03,X,2,3,2,2.75,20\n";
    let want = digest(plain, &|_| ());
    let dressed = "\u{feff}\"Date\";\"Ticker\";Open;High;Low;Last;Vol\r\n2024-01-03;X;2,00;3,00;2,00;2,75;20\r\n\r\n2024-01-02;X;1,00;2,50;1,00;2,00;10\r\n";
    assert_eq!(digest(dressed, &|_| ()), want, "BOM, quotes, semicolons, commas, CRLF, order");
    let bare = "ts\to\th\tl\tc\tv\n1704153600\t1\t2.5\t1\t2\t10\n1704240000\t2\t3\t2\t2.75\t20\n1704240000\t2\t3\t2\t2.75\t20";
    assert_eq!(digest(bare, &|_| ()), want, "tabs, epoch, symbol by file name, duplicate");
    let odd = "when,X,o,h,l,Settle,v\n20240102,x,1,2.5,1,2,10\n20240103,x,2,3,2,2.75,20\n";
    let map = |r: &mut ImportRequest| {
        r.mapping = Mapping::parse("time=when,close=Settle,ignore=X").expect("parses");
        r.zone = TimeZone::named("Asia/Tokyo").expect("a zone");
    };
    let mapped = place.text(odd.as_bytes(), map).expect("imports");
    assert_eq!((mapped.digest, mapped.time_zone.as_str()), (want, "Asia/Tokyo"));
    assert_ne!(digest(&plain.replace("2.75", "2.76"), &|_| ()), digest(plain, &|_| ()));
}

#[test]
fn days_written_as_local_midnight_keep_their_date() {
    let place = place();
    let import = |text: &str, zone: &str| {
        let zone = TimeZone::named(zone).expect("a zone");
        place.text(text.as_bytes(), |r| r.zone = zone).expect("imports")
    };
    let bare = "date,close\n2020-03-06,1\n2020-03-07,2\n2020-03-08,3\n2020-03-09,4\n2020-03-10,5\n";
    let (want, midnight) = (import(bare, "Asia/Tokyo"), bare.replace(',', " 00:00:00,"));
    let midnight = midnight.replace("date 00:00:00", "date");
    // New York's clocks change on the 8th.
    for zone in ["UTC", "Asia/Tokyo", "America/New_York"] {
        let report = import(&midnight, zone);
        assert_eq!(
            (report.bar, &report.digest),
            (Grain::Bars(BarSize::DAY), &want.digest),
            "{zone}"
        );
        assert_eq!(report.quality, want.quality, "{zone}");
        let kept = "; all midnight, read as dates";
        assert_eq!(report.time_form.ends_with(kept), zone != "UTC", "{}", report.time_form);
    }
    let hourly = "date,close\n2020-01-06 00:00,1\n2020-01-06 01:00,2\n2020-01-06 02:00,3\n";
    let report = import(hourly, "Asia/Tokyo");
    assert!(!report.time_form.contains("read as dates"), "{}", report.time_form);
    assert_eq!(report.quality.symbols[0].first.to_string(), "2020-01-05T15:00:00Z");
}

#[test]
fn parquet_times_without_a_zone_keep_their_date_too() {
    use arrow::array::{ArrayRef, Float64Array, RecordBatch, TimestampMicrosecondArray};
    let place = place();
    let path = place.dir.path().join("X.parquet");
    let day = |n: i64| (18_267 + n) * 86_400_000_000;
    let dates: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![day(0), day(1), day(2)]));
    let close: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0]));
    let batch = RecordBatch::try_from_iter([("date", dates), ("close", close)]).expect("is even");
    let file = std::fs::File::create(&path).expect("makes");
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).expect("opens");
    writer.write(&batch).expect("writes");
    writer.close().expect("closes");
    let mut request = request(&path, "x");
    request.zone = TimeZone::named("Asia/Tokyo").expect("a zone");
    let report = place.run(&request).expect("imports");
    assert_eq!(report.time_form, "timestamp without zone; all midnight, read as dates");
    assert_eq!(report.quality.symbols[0].first.to_string(), "2020-01-06");
}

#[track_caller]
fn refused(place: &Place, text: &[u8], want: &str) {
    let message = place.text(text, |_| ()).expect_err("is refused");
    assert!(message.contains(want), "{message}\nlacks\n{want}");
}

#[test]
fn broken_files_are_refused_with_the_place_and_the_fix() {
    let place = place();
    let check = |text: &[u8], want: &str| refused(&place, text, want);
    check(b"", "X.csv: the file is empty; export it again");
    check(b"\xef\xbb\xbf \n", "X.csv: the file is empty");
    check(b"date,close\n", "X.csv: there is a header but no data");
    check(b"2024-01-02,1\n2024-01-03,2\n", "X.csv, line 1: the first line is data, not a header");
    check(b"\xff\xfed\0a\0t\0e\0", "X.csv: the text is UTF-16; save it as UTF-8");
    check(b"d\0a\0t\0e\0,\0c\0l\0", "X.csv: the text is UTF-16; save it as UTF-8");
    check(
        b"date,name,close\n2024-01-02,M\xfcnchen,1\n",
        "X.csv, line 2: the text is not UTF-8 (the first wrong byte is 0xfc)",
    );
    check(b"PK\x03\x04", "X.csv: the file is an archive");
    check(b"PAR1 torn", "X.csv: it cannot be read as Parquet");
    check(
        b"date,close,volume\n2024-01-02,1,2\n2024-01-0",
        "X.csv, line 3: 1 fields where the header has 3; the line is cut off",
    );
    check(
        b"date,close,volume\r\n\r\n2024-01-02,1\r\n2024-01-03,1,2\r\n",
        "X.csv, line 3: 2 fields where the header has 3; the line is cut off or has a stray delimiter: repair it",
    );
}

#[test]
fn broken_rows_are_refused_with_the_place_and_the_fix() {
    let place = place();
    let check = |text: &[u8], want: &str| refused(&place, text, want);
    check(
        b"date,price paid\n2024-01-02,1\n",
        "X.csv, line 1: no column is known as close; name it with a mapping such as close=NAME (columns: date, price paid)",
    );
    check(
        b"date,symbol,close\n2024-01-02,\"A,1\n2024-01-03,A,1\n",
        "X.csv, line 2: a quotation mark is opened and not closed on this line",
    );
    check(
        b"date,close\n2024-01-02,1\n2024-01-03,abc\n",
        "X.csv, line 3, column \"close\": \"abc\" is not a number",
    );
    check(
        b"date,close\n2024-01-02,1\n2024-01-03,NaN\n",
        "X.csv, line 3, column \"close\": the price is not a finite number; 1 row(s) are like that",
    );
    check(
        b"date,close\n2024-01-02,-1\n2024-01-03,0\n",
        "X.csv, line 2, column \"close\": the price is negative; 2 row(s)",
    );
    check(b"date,close\n2024-01-02,0\n", "line 2, column \"close\": the price is zero");
    check(b"date,o,h,l,close\n2024-01-02,1,1,2,1\n", "the high is below the low");
    check(
        b"date,o,h,l,close\n2024-01-02,1,,1,1\n",
        "column \"h\": the price is missing while the row has others",
    );
    check(
        b"date,close\n01/02/2024,1\n",
        "line 2, column \"date\": \"01/02/2024\" may have its day or its month first",
    );
    check(
        b"date,close\n2024-01-02,1\n2024-13-02,1\n",
        "line 3, column \"date\": \"2024-13-02\" is not a time like the column's first",
    );
    check(b"date,symbol,close\n2024-01-02,A B,1\n", "line 2: \"A B\" is not a symbol");
    check(
        b"date,close\n2024-01-02,1\n2024-01-02,2\n",
        "X.csv, line 3: differs from line 2, which is for the same symbol and time (X 2024-01-02)",
    );
    check(b"date,close,close\n2024-01-02,1,1\n", "two columns are called \"close\"");
    check(
        b"date,close\n2024-01-02,1\n2024-02-02,1\n",
        "the most common spacing is 31d, which is no bar size",
    );
    check(
        format!("date,close\n2024-01-02,{}\n", "1".repeat(70_000)).as_bytes(),
        "line 2: more than 65536 bytes in one line",
    );
    assert_eq!(
        std::fs::read_dir(place.dir.path().join("catalog")).expect("lists").count(),
        1,
        "only the lock"
    );
}

#[test]
fn oddities_are_kept_and_told() {
    let place = place();
    let text = b"date,symbol,open,high,low,close\n\
        2024-01-02,A,10,11,9,10\n2024-01-03,A,10,11,9,10\n2024-01-04,A,20,21,19,20\n2024-01-05,A,10,11,9,10\n\
        2024-01-02,B,5,6,4,7\n2024-01-05,B,5,6,4,5\n2024-01-05,B,5,6,4,5\n2024-01-04,B,-1,6,4,5\n2024-01-03,C,.,,NA,-\n\
        2024-01-08,A,0.1,0.1,0.1,0.1000000000001";
    let report = place.text(text, |r| r.bad_rows = BadRows::Drop).expect("imports");
    assert_eq!((report.rows_read, report.rows_kept), (10, 7));
    assert_eq!((report.rows_without_price, report.duplicates, report.bad_rows), (1, 1, 1));
    let check = |kind, want: &[&str]| assert_eq!(found(&report, kind), want, "{kind:?}");
    check(FindingKind::Spike, &["A 2024-01-04"]);
    check(FindingKind::OutsideRange, &["B 2024-01-02"]);
    check(FindingKind::Gap, &["B 2024-01-03"]);
    check(FindingKind::EarlyEnd, &["B 2024-01-05"]);
    check(FindingKind::LargeMove, &["B 2024-01-05"]);
    check(FindingKind::SplitSuspect, &["A 2024-01-08"]);
    check(FindingKind::Duplicate, &["B 2024-01-05"]);
    check(FindingKind::Rounded, &["- -"]);
    check(FindingKind::Unfinished, &["- -"]);
}

#[test]
fn a_stated_bar_size_and_an_existing_name_are_checked() {
    let place = place();
    let text = b"date,close\n2024-01-02T10:00:00Z,1\n2024-01-02T10:05:00Z,1\n2024-01-02T10:15:00Z,1\n2024-01-02T10:20:00Z,1\n";
    let report = place.text(text, |_| ()).expect("imports");
    assert_eq!(
        (report.bar.to_string().as_str(), report.quality.counts[&FindingKind::MissingBars]),
        ("5m", 1)
    );
    let wrong = place.text(text, |r| r.bar = Some(BarSize::DAY)).expect_err("is refused");
    assert!(
        wrong.ends_with(
            "bars of 1d were stated, the most common spacing is 5m; state the right size"
        ),
        "{wrong}"
    );
    let twice = place.text(text, |r| r.replace = Replace::No).expect_err("is refused");
    assert_eq!(twice, "dataset x exists; import under another name or ask to replace it");
    for name in ["", ".x", "../x", "X", "a b"] {
        assert!(place.text(text, |r| name.clone_into(&mut r.name)).is_err(), "{name}");
    }
    place.catalog.remove("x").expect("goes");
    assert!(place.catalog.datasets().expect("lists").is_empty());
}
