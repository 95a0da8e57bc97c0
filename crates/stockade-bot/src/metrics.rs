//! A snapshot as Prometheus reads it (text format 0.0.4).

use crate::view::View;
use edge::{Limits, LoopbackDoor, Page, Sheet, serve_pages};
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// The latest snapshot, shared between the loop and whoever looks.
pub type Latest = Arc<Mutex<View>>;

/// A copy of the latest snapshot.
#[must_use]
pub fn latest(view: &Latest) -> View {
    view.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Serves `/metrics` and `/status` on an address of this machine until `stop`.
pub async fn serve(
    address: SocketAddr,
    view: Latest,
    stop: CancellationToken,
) -> Result<(), edge::Error> {
    let door = LoopbackDoor::bind(address).await?;
    let page = move |path: &str| match path {
        "/metrics" => Some(Page { content_type: Sheet::CONTENT_TYPE, text: text(&latest(&view)) }),
        "/status" => {
            let text = serde_json::to_string_pretty(&latest(&view)).ok()?;
            Some(Page { content_type: "application/json", text })
        }
        _ => None,
    };
    serve_pages(door, page, Limits::default(), stop).await;
    Ok(())
}

/// All metrics of a snapshot.
#[must_use]
pub fn text(view: &View) -> String {
    let mut sheet = Sheet::new("stockade_bot_");
    let counts = &view.counts;
    let yes = |is: bool| u64::from(is).to_string();
    sheet.one("ready", "gauge", "1 if orders and positions are the venue's.", &yes(view.ready));
    sheet.one("may_enter", "gauge", "1 if positions may be opened.", &yes(view.barred.is_empty()));
    let level = ["off", "no-entries", "cancel-all", "flatten"].iter().position(|l| *l == view.kill);
    let level = level.unwrap_or(0).to_string();
    sheet.one("kill_level", "gauge", "0 off, 1 no entries, 2 cancel all, 3 flatten.", &level);
    sheet.one(
        "private_stream_up",
        "gauge",
        "1 if the private stream tells all.",
        &yes(view.links.private),
    );
    let up = view.links.public.0.to_string();
    sheet.one("public_streams_up", "gauge", "Public streams that tell all.", &up);
    let ahead = view.links.clock_ahead_ms.to_string();
    sheet.one("clock_ahead_ms", "gauge", "The venue's clock less ours.", &ahead);
    for (name, help, amount) in [
        ("equity", "Cash and positions at the latest prices.", &view.account.equity),
        ("cash", "Cash by the ledger.", &view.account.cash),
        ("funding", "Funding received less paid.", &view.account.funding),
        ("unrealised", "What positions would bring, less cost.", &view.account.unrealised),
    ] {
        sheet.one(name, "gauge", help, amount);
    }
    for (name, kind, help, count) in [
        ("rows_total", "counter", "Rows of bars decided on.", counts.rows),
        ("bars_late_total", "counter", "Bars that came after their row.", counts.bars_late),
        ("fills_total", "counter", "Executions.", counts.fills),
        ("calls_total", "counter", "Calls to the venue.", counts.calls),
        ("calls_unknown_total", "counter", "Calls with an unknown end.", counts.calls_unknown),
        ("calls_open", "gauge", "Calls that are awaited.", counts.calls_open),
        ("reconnects_total", "counter", "Streams lost.", counts.reconnects),
        ("journal_last", "counter", "The last record.", counts.journal_last),
        ("journal_durable", "counter", "The last record on disk.", counts.journal_durable),
        ("venue_load_percent", "gauge", "Of the venue's limit.", counts.load_percent),
        ("notices_waiting", "gauge", "Notifications that wait.", counts.notices_waiting),
    ] {
        sheet.one(name, kind, help, &count.to_string());
    }
    sheet.head("position_size", "gauge", "Size held, by symbol and side.");
    for one in &view.positions {
        let labels = [("symbol", one.symbol.as_str()), ("side", one.side.as_str())];
        sheet.sample("position_size", &labels, &one.size);
    }
    sheet.head("orders_working", "gauge", "Working orders.");
    sheet.sample("orders_working", &[], &view.orders.len().to_string());
    sheet.into_text()
}
