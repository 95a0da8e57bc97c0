//! Metrics as Prometheus reads them, at a port of their own on this machine.

use super::{Part, health::Reading, traffic::BOUNDS_S};
use crate::{desk::Result, server::state::App};
use audit::posture::Standing;
use edge::{Limits, LoopbackDoor, Page, Sheet, serve_pages};
use std::{collections::BTreeMap, net::SocketAddr};
use store::ACT_BOUNDS_S;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Serves `/metrics` until `stop`. Whoever asks by another name than this machine's is refused, so that no
/// page of a browser reads along.
pub async fn serve(
    listen: Option<SocketAddr>,
    app: &App,
    stop: CancellationToken,
) -> Result<JoinHandle<()>> {
    let Some(listen) = listen else { return Ok(tokio::spawn(async {})) };
    let door = LoopbackDoor::bind(listen).await?;
    let address = door.address();
    app.operations().read_at(address);
    tracing::info!(%address, "metrics are read here, at /metrics");
    let own = app.clone();
    let page = move |path: &str| {
        let is_ours = path == "/metrics";
        is_ours.then(|| Page { content_type: Sheet::CONTENT_TYPE, text: text(&own) })
    };
    Ok(tokio::spawn(async move {
        serve_pages(door, page, Limits::default(), stop).await;
    }))
}

/// All metrics of a server, now.
#[must_use]
pub fn text(app: &App) -> String {
    let mut sheet = Sheet::new("stockade_");
    about(&mut sheet, app);
    requests(&mut sheet, app);
    limits(&mut sheet, app);
    health(&mut sheet, &app.operations().health().readings(), app);
    acts(&mut sheet, app);
    notices(&mut sheet, app);
    errors(&mut sheet, app);
    process(&mut sheet);
    sheet.into_text()
}

fn about(sheet: &mut Sheet, app: &App) {
    sheet.head("build_info", "gauge", "1, with the version that runs.");
    sheet.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], "1");
    let started = app.operations().started().as_second().to_string();
    sheet.one("start_time_seconds", "gauge", "When it was started, since 1970.", &started);
    let sessions = app.accounts().sessions_live().to_string();
    sheet.one("sessions", "gauge", "Sessions that this server holds in memory.", &sessions);
}

fn requests(sheet: &mut Sheet, app: &App) {
    let all = app.operations().traffic().all();
    sheet.head("requests_total", "counter", "Answers, by route and first digit of the status.");
    for ((method, route), counts) in &all {
        let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
        for (class, count) in classes.into_iter().zip(counts.classes) {
            if count > 0 {
                let labels = [("method", *method), ("route", route.as_str()), ("code", class)];
                sheet.sample("requests_total", &labels, &count.to_string());
            }
        }
    }
    sheet.head("request_seconds", "histogram", "How long an answer took to begin.");
    for ((method, route), counts) in &all {
        let labels = [("method", *method), ("route", route.as_str())];
        sheet.histogram("request_seconds", &labels, (&BOUNDS_S, &counts.took), counts.sum_s);
    }
}

fn limits(sheet: &mut Sheet, app: &App) {
    sheet.head("limiter_decisions_total", "counter", "What the limiter said, by what is counted.");
    for (zone, admitted, refused) in app.quotas().decisions() {
        for (verdict, count) in [("admitted", admitted), ("refused", refused)] {
            let labels = [("zone", zone.as_str()), ("verdict", verdict)];
            sheet.sample("limiter_decisions_total", &labels, &count.to_string());
        }
    }
}

/// What a figure of a part is.
const FIGURES: [(&str, &str, &str); 11] = [
    ("database_probe_seconds", "gauge", "How long the last probe took to keep a row."),
    ("disk_free_bytes", "gauge", "Free bytes where the data lies."),
    ("disk_size_bytes", "gauge", "Bytes of the disk where the data lies."),
    ("clock_jumps_total", "counter", "Times that the clock was set while it was watched."),
    ("log_entries", "gauge", "Entries of the audit log."),
    ("log_checkpoint_age_seconds", "gauge", "Age of its newest checkpoint."),
    ("certificate_not_after_seconds", "gauge", "Until when the certificate holds, since 1970."),
    ("letters_waiting", "gauge", "Letters that wait."),
    ("letters_oldest_seconds", "gauge", "For how long the oldest of them waits."),
    ("backup_age_seconds", "gauge", "Age of the last backup."),
    ("restore_proved_age_seconds", "gauge", "Age of the last proved restore."),
];

fn health(sheet: &mut Sheet, readings: &BTreeMap<Part, Reading>, app: &App) {
    let now = crate::desk::now();
    let parts = app.operations().health().parts(now);
    sheet.head("health", "gauge", "1 for how a part stands, 0 for how it does not.");
    for part in &parts {
        for standing in Standing::ALL {
            let labels = [("part", part.part.as_str()), ("standing", standing.as_str())];
            let is_so = u8::from(part.standing == standing).to_string();
            sheet.sample("health", &labels, &is_so);
        }
    }
    let ready = u8::from(app.operations().health().lacking(now).is_empty()).to_string();
    sheet.one("ready", "gauge", "1 if every part that is needed serves.", &ready);
    sheet.head("health_probed_seconds", "gauge", "When a part was last looked at, since 1970.");
    for (part, reading) in readings {
        let at = reading.at.as_second().to_string();
        sheet.sample("health_probed_seconds", &[("part", part.name())], &at);
    }
    let figures: BTreeMap<&str, f64> =
        readings.values().flat_map(|reading| reading.word.figures.iter().copied()).collect();
    for (name, kind, help) in FIGURES {
        if let Some(value) = figures.get(name) {
            sheet.one(name, kind, help, &value.to_string());
        }
    }
}

fn acts(sheet: &mut Sheet, app: &App) {
    let times = app.desk().store().act_times();
    sheet.head("act_seconds", "histogram", "How long acts took that the database kept.");
    sheet.histogram("act_seconds", &[], (&ACT_BOUNDS_S, &times.counts), times.sum_s);
}

fn notices(sheet: &mut Sheet, app: &App) {
    sheet.head("payment_notices_total", "counter", "What came of what processors told.");
    for (end, count) in app.notices().counts() {
        sheet.sample("payment_notices_total", &[("end", end)], &count.to_string());
    }
}

fn errors(sheet: &mut Sheet, app: &App) {
    let Some(reporter) = app.operations().reporter() else { return };
    let told = reporter.told();
    sheet.head("error_reports_total", "counter", "Errors that were to be reported, by their end.");
    for (end, count) in [("sent", told.sent), ("dropped", told.dropped), ("failed", told.failed)] {
        sheet.sample("error_reports_total", &[("end", end)], &count.to_string());
    }
}

/// What the kernel says of this process; nothing where it says nothing.
fn process(sheet: &mut Sheet) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| {
        line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
    });
    if let Some(kib) = kib {
        let bytes = (kib << 10).to_string();
        sheet.one("resident_memory_bytes", "gauge", "Memory of this process.", &bytes);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        sheet.one("open_fds", "gauge", "Open file descriptors.", &open.count().to_string());
    }
}
