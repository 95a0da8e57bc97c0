//! Quotes and trades: what is read, what is refused, and how they are streamed.

#![allow(clippy::disallowed_methods, reason = "tests write the files that they import")]

use arrow::{
    array::{
        ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
    },
    datatypes::{DataType, Field, Schema},
};
use catalog::{
    BadRows, Catalog, Content, Error, FindingKind, ImportReport, ImportRequest, QuoteColumns,
};
use market::{Price, Quantity, Side, Symbol};
use std::{fmt::Write, fs, ops::ControlFlow, path::PathBuf, sync::Arc};
use tempfile::TempDir;

/// Rows of a stored row group.
const GROUP: usize = 131_072;

struct Place {
    dir: TempDir,
    catalog: Catalog,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let catalog = Catalog::open(&dir.path().join("catalog")).expect("opens");
        Self { dir, catalog }
    }

    fn write(&self, text: &str) -> PathBuf {
        let path = self.dir.path().join("ticks.csv");
        fs::write(&path, text).expect("writes");
        path
    }

    fn import(
        &self,
        (content, text): (Content, &str),
        change: impl FnOnce(&mut ImportRequest),
    ) -> Result<ImportReport, Error> {
        let mut request =
            ImportRequest::new(self.write(text), "ticks", jiff::Timestamp::UNIX_EPOCH);
        request.content = content;
        request.symbol = Some(symbol("TEST"));
        request.replace = catalog::Replace::Yes;
        change(&mut request);
        self.catalog.import(&request, &mut |_| ControlFlow::Continue(()))
    }

    fn quotes(&self, text: &str) -> Result<ImportReport, Error> {
        self.import((Content::Quotes, text), |_| {})
    }

    fn read(&self, name: &str) -> Result<QuoteColumns, Error> {
        let mut stream = self.catalog.quotes("ticks", &symbol(name))?;
        let mut all = QuoteColumns::default();
        while let Some(part) = stream.read()? {
            all.times.extend(&part.times);
            all.bids.extend(&part.bids);
            all.asks.extend(&part.asks);
            all.bid_sizes.extend(&part.bid_sizes);
            all.ask_sizes.extend(&part.ask_sizes);
        }
        Ok(all)
    }
}

fn symbol(name: &str) -> Symbol {
    name.parse().expect("a symbol")
}

const HEAD: &str = "time,symbol,bid,ask,bid_size,ask_size\n";

/// A second of quotes a row, from a price that wanders by a rule.
fn many(rows: usize) -> String {
    let mut text = HEAD.to_owned();
    let mut state = 7_u64;
    for row in 0..rows {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (bid, size) = (10_000 + (state >> 60), 1 + (state >> 50) % 9);
        let seconds = 1_700_000_000 + row;
        writeln!(
            text,
            "{seconds},TEST,{}.{:02},{}.{:02},{size},{size}",
            bid / 100,
            bid % 100,
            (bid + 2) / 100,
            (bid + 2) % 100
        )
        .expect("writes");
    }
    text
}

#[test]
fn quotes_are_kept_as_whole_ticks_and_lots_by_symbol_and_time() {
    let place = Place::new();
    let text = format!(
        "{HEAD}2024-01-02T10:00:00.5Z,BBB,1.25,1.3,0.5,2\n\
         2024-01-02T10:00:00.25Z,AAA,100.01,100.02,7,8\n\
         2024-01-02T10:00:01Z,AAA,100.005,100.02,7,8\n\
         2024-01-02T10:00:00.1Z,BBB,1.2,1.3,1,2\n"
    );
    let report = place.quotes(&text).expect("imports");
    assert_eq!(
        (report.rows_kept, report.out_of_order, report.bar.to_string()),
        (4, 1, "quotes".into())
    );
    let read = place.read("AAA").expect("reads");
    assert_eq!(read.bids, [Price(100_010), Price(100_005)]);
    assert_eq!(read.asks, [Price(100_020); 2]);
    let read = place.read("BBB").expect("reads");
    assert_eq!(
        (read.bids, read.bid_sizes),
        (vec![Price(120), Price(125)], vec![Quantity(10), Quantity(5)])
    );
    assert_eq!(read.times[0].to_string(), "2024-01-02T10:00:00.1Z");
    let manifest = place.catalog.manifest("ticks").expect("reads");
    let scales: Vec<_> =
        manifest.instruments.iter().map(|i| (i.price_decimals, i.lot_decimals)).collect();
    assert_eq!(scales, [(3, 0), (2, 1)]);
    assert_eq!(place.catalog.check("ticks").expect("checks").problems(), 0);
}

#[test]
fn columns_of_vendors_are_known_and_sizes_may_be_missing() {
    let place = Place::new();
    let binance = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time\n\
        1,100.1,3,100.2,4,1700000000000,1700000000001\n";
    place.quotes(binance).expect("imports");
    let read = place.read("TEST").expect("reads");
    assert_eq!((read.bids[0], read.ask_sizes[0]), (Price(1001), Quantity(4)));
    place.quotes("time,bid,ask\n1700000000,1.1,1.2\n1700000001,1.1,1.3\n").expect("imports");
    let read = place.read("TEST").expect("reads");
    assert_eq!(read.bid_sizes, [Quantity(0); 2]);
    let fields = place.catalog.manifest("ticks").expect("reads").dataset.fields;
    assert_eq!(fields, [catalog::Field::Bid, catalog::Field::Ask]);
}

/// Imports columns from a Parquet file.
fn parquet(place: &Place, content: Content, columns: &[(&str, ArrayRef)]) -> ImportReport {
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let arrays = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).expect("a batch");
    let path = place.dir.path().join("ticks.parquet");
    let file = fs::File::create(&path).expect("makes");
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, schema, None).expect("begins");
    writer.write(&batch).expect("writes");
    writer.close().expect("ends");
    let mut request = ImportRequest::new(path, "ticks", jiff::Timestamp::UNIX_EPOCH);
    (request.content, request.replace) = (content, catalog::Replace::Yes);
    request.symbol = Some(symbol("TEST"));
    place.catalog.import(&request, &mut |_| ControlFlow::Continue(())).expect("imports")
}

#[test]
fn parquet_and_csv_give_the_same_ticks() {
    let place = Place::new();
    let times = |nanos: Vec<i64>| -> ArrayRef {
        Arc::new(TimestampNanosecondArray::from(nanos).with_timezone("UTC"))
    };
    let doubles = |values: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    let whole = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    let start = 1_700_000_000_000_000_000_i64;
    let read = parquet(
        &place,
        Content::Quotes,
        &[
            ("ts_event", times(vec![start, start + 1])),
            ("bid_px", doubles(vec![10.25, 10.3])),
            ("ask_px", doubles(vec![10.5, 10.5])),
            ("bid_sz", whole(vec![3, 4])),
            ("ask_sz", whole(vec![5, 6])),
        ],
    );
    let text = format!(
        "ts,bid,ask,bid_size,ask_size\n{start},10.25,10.5,3,5\n{},10.3,10.5,4,6\n",
        start + 1
    );
    assert_eq!(read.digest, place.quotes(&text).expect("imports").digest);
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("BUY"), None, Some("sell")]));
    assert_eq!(words.data_type(), &DataType::Utf8);
    let digest = |sides: ArrayRef| {
        let time = times(vec![start, start + 1, start + 2]);
        let (price, size) = (doubles(vec![1.5, 2.0, 1.0]), doubles(vec![1.0, 0.5, 2.0]));
        let columns = [("time", time), ("price", price), ("size", size), ("side", sides)];
        parquet(&place, Content::Trades, &columns).digest
    };
    let by_word = digest(words);
    assert_eq!(digest(whole(vec![1, 0, -1])), by_word);
    let text = format!(
        "time,price,size,side\n{start},1.5,1,b\n{},2,0.5,\n{},1,2,s\n",
        start + 1,
        start + 2
    );
    let csv = place.import((Content::Trades, &text), |_| {}).expect("imports");
    assert_eq!(csv.digest, by_word);
}

#[test]
fn trades_keep_their_side_and_real_repetitions() {
    let place = Place::new();
    let text = "time,price,qty,side\n1700000000,10.5,3,buy\n1700000000,10.5,3,buy\n\
        1700000001,10.25,1,S\n1700000002,10,0.5,\n";
    let report = place.import((Content::Trades, text), |_| {}).expect("imports");
    assert_eq!((report.rows_kept, report.duplicates), (4, 0));
    assert_eq!(report.quality.counts.get(&FindingKind::Repeat), Some(&1));
    let mut stream = place.catalog.trades("ticks", &symbol("TEST")).expect("opens");
    let read = stream.read().expect("reads").expect("has rows").clone();
    assert_eq!(read.prices, [1050, 1050, 1025, 1000].map(Price));
    assert_eq!(read.sizes, [30, 30, 10, 5].map(Quantity));
    assert_eq!(read.aggressors, [Some(Side::Buy), Some(Side::Buy), Some(Side::Sell), None]);
    assert!(stream.read().expect("ends").is_none());
    let wrong = text.replace(",S\n", ",up\n");
    let error =
        place.import((Content::Trades, &wrong), |_| {}).expect_err("is refused").to_string();
    assert!(error.contains("line 4, column \"side\": \"up\" is not a side"), "{error}");
}

#[test]
fn what_cannot_be_quoted_is_refused_with_its_line_or_dropped_and_counted() {
    let place = Place::new();
    let check = |row: &str, kind: FindingKind, words: &str| {
        let text = format!("{HEAD}1700000000,TEST,10,11,1,1\n{row}\n1700000009,TEST,10,12,1,1\n");
        let refused = place.quotes(&text).expect_err(row).to_string();
        assert!(refused.contains("ticks.csv, line 3") && refused.contains(words), "{refused}");
        let drop = |request: &mut ImportRequest| request.bad_rows = BadRows::Drop;
        let report = place.import((Content::Quotes, &text), drop).expect("imports");
        assert_eq!((report.rows_kept, report.bad_rows), (2, 1), "{row}");
        assert_eq!(report.quality.counts.get(&kind), Some(&1), "{row}");
    };
    let bad = FindingKind::BadRow;
    check("1700000001,TEST,11,10,1,1", FindingKind::Crossed, "the bid is above the ask");
    check("1700000001,TEST,0,10,1,1", bad, "the price is zero");
    check("1700000001,TEST,-1,10,1,1", bad, "the price is negative");
    check("1700000001,TEST,,10,1,1", bad, "the price is missing while the row has others");
    check("1700000001,TEST,nan,10,1,1", bad, "the price is not a finite number");
    check("1700000001,TEST,9,10,0,1", bad, "the size is zero");
    check("1700000001,TEST,9,10,-4,1", bad, "the size is negative");
    check("1700000001,TEST,9,10,,1", bad, "the size is missing");
    check("1700000001,TEST,9,10,9300000000,1", bad, "the size is above 9.2 thousand million");
    // Before any tick was kept: a clock that counts something else.
    check("300000000,TEST,9,10,1,1", bad, "check the unit of the times");
}

#[test]
fn what_is_odd_is_kept_and_counted() {
    let place = Place::new();
    let text = format!(
        "{HEAD}1700000000,TEST,10,11,1,1\n1700000000,TEST,10,11,1,1\n1700000000,TEST,10,10,1,1\n\
         1700003601,TEST,10,11,1,1\n1700003602,TEST,30,31,1,1\n1700003601,TEST,10,12,1,1\n,TEST,,,,\n"
    );
    let text = text.replace("\n,TEST,,,,\n", "\n1700003603,TEST,,,,\n");
    let report = place.quotes(&text).expect("imports");
    assert_eq!(
        (
            report.rows_read,
            report.rows_kept,
            report.duplicates,
            report.rows_without_price,
            report.out_of_order
        ),
        (7, 5, 1, 1, 1)
    );
    let count = |kind| report.quality.counts.get(&kind).copied().unwrap_or(0);
    let kinds =
        [FindingKind::Duplicate, FindingKind::Locked, FindingKind::Pause, FindingKind::Jump];
    assert_eq!(kinds.map(count), [1, 1, 1, 1]);
    assert_eq!(place.read("TEST").expect("reads").len(), 5);
}

#[test]
fn what_is_asked_must_fit_the_rows() {
    let place = Place::new();
    let told = |error: Error| error.to_string();
    let text = format!("{HEAD}1700000000,TEST,10,11,1,1\n");
    let stated = |request: &mut ImportRequest| request.bar = Some(market::BarSize::DAY);
    let error = told(place.import((Content::Quotes, &text), stated).expect_err("is refused"));
    assert!(error.contains("a bar size is stated, and quotes have none"), "{error}");
    let error = told(place.import((Content::Trades, &text), |_| {}).expect_err("is refused"));
    assert!(error.contains("no column is known as price"), "{error}");
    place.quotes(&text).expect("imports");
    let series = place.catalog.series("ticks", None, market::Adjustment::Raw);
    let error = told(series.expect_err("is refused"));
    assert!(error.contains("holds quotes, and bars are needed"), "{error}");
    let panel = place.catalog.panel("ticks", None, market::Adjustment::Raw, 1 << 30);
    let error = told(panel.expect_err("is refused"));
    assert!(error.contains("holds quotes, and bars are needed"), "{error}");
    let error = told(place.catalog.trades("ticks", &symbol("TEST")).err().expect("is refused"));
    assert!(error.contains("holds quotes, and trades are needed"), "{error}");
    let error = told(place.catalog.quotes("ticks", &symbol("TEXT")).err().expect("is refused"));
    assert!(error.contains("did you mean \"TEST\"?"), "{error}");
}

#[test]
fn the_digest_is_that_of_the_rows_however_they_came() {
    let place = Place::new();
    let rows = GROUP + 1_000;
    let text = many(rows);
    let want = place.quotes(&text).expect("imports");
    let all = place.read("TEST").expect("reads");
    assert_eq!(all.len(), rows);
    // Spilled to disk in runs, and shuffled.
    let (head, body) = text.split_once('\n').expect("has a head");
    let mut lines: Vec<&str> = body.lines().collect();
    lines.reverse();
    let shuffled = format!("{head}\n{}\n", lines.join("\n"));
    let spilled = |request: &mut ImportRequest| request.limits.rows_in_memory = 5_000;
    let again = place.import((Content::Quotes, &shuffled), spilled).expect("imports");
    assert_eq!(again.digest, want.digest);
    assert_eq!(place.read("TEST").expect("reads"), all);
    let manifest = place.catalog.manifest("ticks").expect("reads");
    assert_eq!(manifest.partitions[0].chunks.len(), 2);
    assert_eq!(place.catalog.check("ticks").expect("checks").problems(), 0);
    // One lot more in one row.
    let changed = text.replacen(",1,1\n", ",2,1\n", 1);
    assert_ne!(place.quotes(&changed).expect("imports").digest, want.digest);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_noticed() {
    let place = Place::new();
    place.quotes(&many(3 * GROUP)).expect("imports");
    let path = place.dir.path().join("catalog/ticks/part-00000.parquet");
    let sound = fs::read(&path).expect("reads");
    let mut stream = place.catalog.quotes("ticks", &symbol("TEST")).expect("opens");
    assert_eq!(stream.read().expect("is sound").map(QuoteColumns::len), Some(GROUP));
    // Bytes of the second group, in place: the file that is open is the one that changes.
    let mut bytes = sound.clone();
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 64] {
        *byte ^= 0x55;
    }
    let file = fs::OpenOptions::new().write(true).open(&path).expect("opens");
    std::os::unix::fs::FileExt::write_all_at(&file, &bytes, 0).expect("writes");
    let error = stream.read().expect_err("is noticed").to_string();
    assert!(error.contains("part-00000.parquet is damaged"), "{error}");
    let report = place.catalog.check("ticks").expect("checks");
    assert_eq!(report.counts.get(&FindingKind::Damage), Some(&1));
    // Another dataset in its place, whole in itself.
    fs::write(&path, &sound).expect("writes");
    let mut stream = place.catalog.quotes("ticks", &symbol("TEST")).expect("opens");
    let other = many(3 * GROUP).replacen(",1,1\n", ",2,1\n", 1);
    place.quotes(&other).expect("imports");
    let error = stream.read().expect_err("is noticed").to_string();
    assert!(error.contains("the rows from 1 on (row group 0) are not those"), "{error}");
}

#[test]
fn a_source_that_is_written_to_while_it_is_imported_is_refused() {
    let place = Place::new();
    let path = place.write(&many(50_000));
    let mut request = ImportRequest::new(&path, "ticks", jiff::Timestamp::UNIX_EPOCH);
    request.content = Content::Quotes;
    let mut calls = 0;
    let refused = place.catalog.import(&request, &mut |_| {
        calls += 1;
        if calls == 2 {
            let mut file = fs::OpenOptions::new().append(true).open(&path).expect("opens");
            std::io::Write::write_all(&mut file, b"1800000000,TEST,10,11,1,1\n").expect("writes");
        }
        ControlFlow::Continue(())
    });
    let error = refused.expect_err("is refused").to_string();
    assert!(error.contains("it changed while it was read"), "{error}");
    assert!(place.catalog.datasets().expect("lists").is_empty());
}
