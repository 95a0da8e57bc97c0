//! Measures an import or a panel: time, rows, peak memory.
//!
//! `cargo run --release -p catalog --example measure -- import FILE | panel FILE`

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "a measurement: it needs the clock and prints"
)]

use catalog::{
    Catalog, Format, ImportRequest, Shape, Sink, Storage, Target, Texts, panel_bytes, read_panel,
};
use market::Adjustment;
use std::{error::Error, ops::ControlFlow, path::Path, time::Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, file] = arguments.as_slice() else {
        return Err("usage: measure import|panel FILE".into());
    };
    let target = std::env::temp_dir().join(format!("catalog-measure-{}", std::process::id()));
    let start = Instant::now();
    if what == "import" {
        let catalog = Catalog::open(&target)?;
        let request = ImportRequest::new(file, "measured", jiff::Timestamp::UNIX_EPOCH);
        let report = catalog.import(&request, &mut |_| ControlFlow::Continue(()))?;
        let seconds = start.elapsed().as_secs_f64();
        println!("import: {} rows in {seconds:.2} s, {} bytes", report.rows_kept, report.bytes);
        println!("row buffers {} MB, {}", report.memory_bytes >> 20, memory()?);
        let start = Instant::now();
        let series = catalog.series("measured", None, Adjustment::Splits)?;
        let bars: usize = series.iter().map(market::BarSeries::len).sum();
        println!("series: {bars} bars in {:.2} s, {}", start.elapsed().as_secs_f64(), memory()?);
    } else {
        let panel = read_panel(Path::new(file), u64::MAX)?;
        println!("panel: {:.2} s, {} bytes", start.elapsed().as_secs_f64(), panel_bytes(&panel));
        let start = Instant::now();
        std::fs::create_dir_all(&target)?;
        let close = panel.field("close").ok_or("no field close")?;
        let (format, shape, storage) = (Format::Csv, Shape::Wide, Storage::Float64);
        let to = Target { directory: target.clone(), format, shape, storage, texts: Texts::Raw };
        let mut sink = Sink::create(&to, &["close".to_owned()], panel.symbols())?;
        sink.push(panel.times(), &[close.values()])?;
        let bytes = sink.finish()?;
        println!("wide: {:.2} s, {bytes} bytes, {}", start.elapsed().as_secs_f64(), memory()?);
    }
    std::fs::remove_dir_all(&target)?;
    Ok(())
}

/// The kernel's word on the largest resident set so far.
fn memory() -> Result<String, std::io::Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM unknown");
    Ok(line.split_whitespace().collect::<Vec<_>>().join(" "))
}
