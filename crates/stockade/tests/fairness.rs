//! Work that computes for long holds up nobody who comes in.

#![allow(clippy::indexing_slicing, reason = "a test: a missing field fails it")]
#![allow(clippy::disallowed_methods, reason = "the helpers of tests look at files")]

use crate::browser::{Browser, import, start};
use serde_json::json;

const STRATEGY: &str = "version: 1\nname: Cross\ndata: made-up\nparameters:\n  fast: 3\n  slow: 8\n\
signals:\n  long: ema(close, $fast) > ema(close, $slow)\n  exit: ema(close, $fast) < ema(close, $slow)\n\
sizing: { fixed: 10 }\ncosts: { fee_bps: 10 }\ncash: 100000\n";

/// A sweep of tens of thousands of sets takes every worker there is, and backtests wait behind each other:
/// whoever signs in, renews a session or reads is through before any of it is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_is_through_before_the_work_that_began_before_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = start(directory.path()).await;
    let mut owner = Browser::new(&server);
    let codes = owner.set_up(&server).await;
    import(directory.path(), 300).await;
    let kept = owner.post("/api/v1/strategies", json!({ "text": STRATEGY })).await.expect(201);
    let axis = |name: &str| json!({ "name": name, "values": "1..300:1" });
    let sweep = json!({
        "strategy_id": kept.json()["id"], "axes": [axis("fast"), axis("slow")],
        "conditions": ["fast < slow"],
    });
    let started = owner.post("/api/v1/sweeps", sweep).await.expect(202).json();
    let path = format!("/api/v1/sweeps/{}", started["id"].as_str().expect("an id"));
    for _ in 0..4 {
        owner.post("/api/v1/backtests", json!({ "text": STRATEGY })).await.expect(202);
    }
    for code in codes.iter().take(3) {
        let mut other = Browser::new(&server);
        other.sign_in("recovery", code).await.expect(200);
        other.post("/api/v1/session/refresh", json!({})).await.expect(204);
        other.get("/api/v1/sessions").await.expect(200);
    }
    let found = owner.get(&path).await.expect(200).json();
    assert_eq!(found["state"], "running", "{found}");
    let (done, sets) = (found["done"].as_u64(), found["sets"].as_u64());
    assert!(done.expect("a number") < sets.expect("a number"), "{found}");
    owner.post(&format!("{path}/stop"), json!({})).await.expect(202);
    server.stop().await.expect("stops");
}
