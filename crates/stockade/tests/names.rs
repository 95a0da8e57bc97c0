//! Names that people give to what becomes a file: none leads out of its place, by whatever spelling,
//! and no link that lies in the way is written through.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(
    clippy::disallowed_methods,
    reason = "the test lays files and links in the way and looks at them afterwards"
)]

use crate::browser::{Browser, import, start};
use serde_json::json;
use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};
use stockade::{
    desk::{self, Paths},
    server::Server,
};

const PRICES: &str = "date,symbol,open,high,low,close,volume\n2020-01-02,AAA,1,1,1,1,1\n\
                      2020-01-03,AAA,1,1,1,1,1\n2020-01-06,AAA,1,1,1,1,1\n";

const TRICKS: &[&str] = &[
    "",
    ".",
    "..",
    "../outside",
    "..\\outside",
    "a/../../outside",
    "/etc/stockade",
    "a/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "a b",
    " a",
    "a ",
    ".hidden",
    "-rf",
    "~root",
    "$(id)",
    "`id`",
    "%2e%2e%2foutside",
    "..%c0%afoutside",
    "a:stream",
    "Prices",
    "PRICES",
    "pri\u{ad}ces",
    "\u{ff0e}\u{ff0e}",
    "pr\u{131}ces",
    "\u{202e}secirp",
];

/// All files below a place and what they hold, links as what they point to.
fn seen(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_symlink() {
            let target = std::fs::read_link(&path).expect("a link");
            found.insert(path, target.into_os_string().into_encoded_bytes());
        } else if path.is_dir() {
            found.extend(seen(&path));
        } else if path.is_file() {
            let bytes = std::fs::read(&path).expect("a file");
            found.insert(path, bytes);
        }
    }
    found
}

/// Asks the running server for an import and a removal, as the command line does.
async fn asked(root: &Path, file: &Path, name: &str) -> (Result<(), String>, Result<(), String>) {
    let (root, file, name) = (root.to_owned(), file.to_owned(), name.to_owned());
    let both = tokio::task::spawn_blocking(move || {
        let desk = desk::connect(&root).expect("connects");
        let request = catalog::ImportRequest::new(file, &name, desk::now());
        let import = desk.import(&request, &mut |_, _| ControlFlow::Continue(()));
        let import = import.map(drop).map_err(|error| error.to_string());
        let removed = desk.remove_dataset(&name).map(drop).map_err(|error| error.to_string());
        (import, removed)
    });
    both.await.expect("joins")
}

#[tokio::test]
async fn no_name_of_a_dataset_leads_out_of_the_catalogue() {
    let place = tempfile::tempdir().expect("a directory");
    let (root, outside) = (place.path().join("data"), place.path().join("outside"));
    std::fs::create_dir_all(&outside).expect("makes");
    std::fs::write(outside.join("kept"), "as it was").expect("writes");
    let file = place.path().join("prices.csv");
    std::fs::write(&file, PRICES).expect("writes");
    let server = start(&root).await;
    let catalog = Paths::new(&root).catalog();
    let before = (seen(&catalog), seen(&outside));
    for name in TRICKS {
        let (import, removed) = asked(&root, &file, name).await;
        import.expect_err(name);
        removed.expect_err(name);
        assert_eq!((seen(&catalog), seen(&outside)), before, "{name:?}");
    }
    let long = "a".repeat(300);
    assert!(asked(&root, &file, &long).await.0.is_err(), "longer than a file's name may be");
    let (import, removed) = asked(&root, &file, "prices").await;
    assert_eq!((import, removed), (Ok(()), Ok(())), "the test can fail");
    server.stop().await.expect("stops");
}

#[tokio::test]
async fn a_link_in_the_way_of_a_dataset_is_not_followed() {
    let place = tempfile::tempdir().expect("a directory");
    let (root, outside) = (place.path().join("data"), place.path().join("outside"));
    std::fs::create_dir_all(&outside).expect("makes");
    std::fs::write(outside.join("kept"), "as it was").expect("writes");
    let file = place.path().join("prices.csv");
    std::fs::write(&file, PRICES).expect("writes");
    let server = start(&root).await;
    let before = seen(&outside);
    symlink(&outside, Paths::new(&root).catalog().join("linked")).expect("a link");
    // Whatever the answers are: what lies behind the link is as it was.
    let _ = asked(&root, &file, "linked").await;
    assert_eq!(seen(&outside), before);
    server.stop().await.expect("stops");
    let server = start(&root).await;
    assert_eq!(seen(&outside), before, "nor is it tidied away at a start");
    server.stop().await.expect("stops");
}

const STRATEGY: &str = "version: 1\nname: Cross\ndata: made-up\nsignals:\n  long: close > 100\n\
                        sizing: { fixed: 10 }\ncosts: { fee_bps: 10 }\ncash: 100000\n";

/// Runs a backtest to its end; where its result is asked for, and where it lies.
async fn tested(server: &Server, browser: &mut Browser) -> (String, PathBuf) {
    let started = browser.post("/api/v1/backtests", json!({ "text": STRATEGY })).await;
    let id = started.expect(202).json()["id"].as_str().expect("an id").to_owned();
    crate::browser::events(browser, &format!("/api/v1/backtests/{id}/events"), None).await;
    let path = format!("/api/v1/backtests/{id}");
    let row = browser.get(&path).await.expect(200).json();
    assert_eq!(row["state"], "done", "{row}");
    let desk = server.app().desk();
    let tenant = desk.host_tenant().await.expect("reads").expect("an owner");
    let lies = desk.result_dir(&tenant, id.parse().expect("an id")).await.expect("is there");
    (path, lies)
}

#[tokio::test]
async fn a_result_that_was_replaced_by_a_link_is_not_read_through_it() {
    let place = tempfile::tempdir().expect("a directory");
    let (root, outside) = (place.path().join("data"), place.path().join("outside"));
    std::fs::create_dir_all(&outside).expect("makes");
    let server = start(&root).await;
    let mut browser = Browser::new(&server);
    browser.set_up(&server).await;
    import(&root, 60).await;
    let (path, lies) = tested(&server, &mut browser).await;
    let above = lies.parent().expect("a directory").to_owned();
    let asked =
        ["result", "tearsheet", "trades.csv", "fills", "orders.csv", "refusals", "state?tick=1"];
    // The file, the result and all results of the person, each in turn.
    for link in [lies.join("result.json"), lies.clone(), above] {
        let moved = outside.join("moved");
        std::fs::rename(&link, &moved).expect("moves");
        symlink(&moved, &link).expect("a link");
        for what in asked {
            let gone = browser.get(&format!("{path}/{what}")).await.expect(410).json();
            assert_eq!(gone["code"], "result-gone", "{what}: {gone}");
            let text = gone.to_string();
            assert!(!text.contains("outside") && !text.contains("data/"), "{text}");
        }
        std::fs::remove_file(&link).expect("removes");
        std::fs::rename(&moved, &link).expect("moves back");
        // Twin: without the link the same is read.
        browser.get(&format!("{path}/result")).await.expect(200);
    }
    // The same run again replaces a link and leaves what it led to as it was.
    let moved = outside.join("moved");
    std::fs::rename(&lies, &moved).expect("moves");
    symlink(&moved, &lies).expect("a link");
    let before = seen(&outside);
    let (again, anew) = tested(&server, &mut browser).await;
    assert_eq!(anew, lies, "one name for one run");
    browser.get(&format!("{again}/result")).await.expect(200);
    assert!(!lies.is_symlink());
    assert_eq!(seen(&outside), before);
    server.stop().await.expect("stops");
}
