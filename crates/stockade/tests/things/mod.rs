//! A world of three people, in which one owns something of everything.

use crate::{
    asked::Asker,
    browser::{Browser, import},
    people::{New, server_with},
};
use axum::Router;
use http::Method;
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};
use stockade::server::{self, Row, Server};
use tempfile::TempDir;

/// A word that stands in everything that Ada wrote.
pub const CANARY: &str = "canary-of-ada";

pub const STRATEGY: &str = "version: 1\nname: Cross\ndata: made-up\nparameters:\n  fast: 3\n  slow: 8\n\
signals:\n  long: ema(close, $fast) > ema(close, $slow)\n  exit: ema(close, $fast) < ema(close, $slow)\n\
sizing: { fixed: 10 }\ncosts: { fee_bps: 10 }\ncash: 100000\n";

/// What Ada owns: an id for each beginning of a path.
pub struct Things {
    ids: BTreeMap<&'static str, String>,
    /// The content hash that names her run.
    pub run: String,
}

/// Where a path begins to name something.
pub fn beginning(path: &str) -> &str {
    path.split('{').next().unwrap_or_default()
}

/// What everybody with the permission sees; nobody owns it.
pub fn is_shared(path: &str) -> bool {
    let shared = [
        "/api/v1/datasets/",
        "/api/v1/audit/",
        "/log/tile/",
        "/security/",
        "/security/evidence/",
        "/security/policy/",
        "/security/advisories/",
        "/.well-known/stockade/advisories/",
        "/.well-known/csaf/",
        // Accounts and what is decided about them are the house's: who may see and change them is the
        // permission's to say.
        "/api/v1/users/",
        "/api/v1/invitations/",
        "/api/v1/proposals/",
        "/api/v1/vendor-keys/",
        // Reports of weaknesses are the house's as well, and so are licences.
        "/api/v1/security-reports/",
        "/api/v1/licences/",
    ];
    !path.contains('{') || shared.contains(&beginning(path))
}

impl Things {
    /// Ada's id for what a path names.
    pub fn id(&self, path: &str) -> Option<&str> {
        self.ids.get(beginning(path)).map(String::as_str).filter(|_| path.contains('{'))
    }

    /// What no answer to another may hold.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        // A number stands everywhere.
        let ids = self.ids.values().map(String::as_str).filter(|id| id.len() > 8);
        ids.chain([CANARY, self.run.as_str(), "ada@people"])
    }
}

/// The path of a row with an id, and the least query that it needs.
pub fn filled(row: &Row, id: &str) -> String {
    let mut path = String::new();
    for (place, part) in row.path.split('{').enumerate() {
        let (name, rest) = part.split_once('}').unwrap_or(("", part));
        path.push_str(if name == "number" || name.starts_with('*') {
            "1"
        } else if place == 1 {
            id
        } else {
            ""
        });
        path.push_str(rest);
    }
    let query = &row.intake.query;
    match () {
        () if query.contains("symbol") => path + "?symbol=AAA",
        () if query.contains("tick") => path + "?tick=1",
        () => path,
    }
}

pub struct World {
    pub root: TempDir,
    pub server: Server,
    /// A trader who owns something of everything.
    pub ada: Asker,
    /// Another trader.
    pub bob: Asker,
    /// A viewer.
    pub eve: Asker,
    /// Not signed in.
    pub nobody: Asker,
    pub things: Things,
}

impl World {
    pub async fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let people = [
            New { email: "ada@people.example", role: "trader" },
            New { email: "bob@people.example", role: "trader" },
            New { email: "eve@people.example", role: "viewer" },
        ];
        let (server, browsers) = server_with(root.path(), &people).await;
        import(root.path(), 300).await;
        let service = server::router(server.app());
        let [ada, bob, eve] = [0, 1, 2].map(|place| asker(&service, &browsers[place]));
        let nobody = Asker::of(service.clone(), String::new());
        let things = own_something_of_everything(&ada).await;
        Self { root, server, ada, bob, eve, nobody, things }
    }

    /// The id of somebody's account.
    pub async fn account(&self, who: &Asker) -> String {
        let session = who.ask(Method::GET, "/api/v1/session", None).await.json();
        session["account"]["id"].as_str().expect("an id").to_owned()
    }
}

/// Somebody who asks the service with a browser's cookies.
pub fn asker(service: &Router, browser: &Browser) -> Asker {
    let pairs = browser.cookies.iter().map(|(name, value)| format!("{name}={value}"));
    Asker::of(service.clone(), pairs.collect::<Vec<_>>().join("; "))
}

async fn made(who: &Asker, path: &str, body: Value) -> Value {
    let seen = who.ask(Method::POST, path, Some(body)).await;
    assert!(seen.status.is_success(), "{path}: {}", seen.text());
    seen.json()
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().expect("an id").to_owned()
}

/// Asks until a thing is done.
async fn done(who: &Asker, path: &str) {
    let found = ended(who, path).await;
    assert_eq!(found["state"], "done", "{found}");
}

/// Asks until a thing is done, or failed.
pub async fn ended(who: &Asker, path: &str) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(4);
    loop {
        let found = who.ask(Method::GET, path, None).await.json();
        if matches!(found["state"].as_str(), Some("done" | "failed" | "cancelled" | "stopped")) {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "still {found}");
        tokio::task::yield_now().await;
    }
}

/// Runs the strategy to its end.
pub async fn backtest(who: &Asker) -> String {
    let id = id(&made(who, "/api/v1/backtests", json!({ "text": STRATEGY })).await);
    done(who, &format!("/api/v1/backtests/{id}")).await;
    id
}

/// Makes one of each for somebody.
pub async fn own_something_of_everything(ada: &Asker) -> Things {
    let strategy = json!({ "name": CANARY, "text": STRATEGY });
    let strategy = id(&made(ada, "/api/v1/strategies", strategy).await);
    let factor = json!({ "name": CANARY, "text": "rank(close)", "note": CANARY });
    let factor = id(&made(ada, "/api/v1/factors", factor).await);
    let study = json!({ "dataset": "made-up", "text": "ts_mean(close, 3)", "name": CANARY, "quantiles": 2 });
    let study = made(ada, "/api/v1/factors/study", study).await;
    let backtest = backtest(ada).await;
    let axes = json!([{ "name": "fast", "values": "2,3" }]);
    let sweep = json!({ "strategy_id": strategy, "axes": axes });
    let sweep = id(&made(ada, "/api/v1/sweeps", sweep).await);
    done(ada, &format!("/api/v1/sweeps/{sweep}")).await;
    let sessions = ada.ask(Method::GET, "/api/v1/sessions", None).await.json();
    let result = ada.ask(Method::GET, &format!("/api/v1/backtests/{backtest}/result"), None).await;
    let run = result.json()["run_id"].as_str().expect("a run").to_owned();
    let handle = sessions[0]["handle"].as_str().expect("a handle").to_owned();
    let token = json!({ "label": CANARY, "scope": ["data_read"], "days": 1 });
    let token = id(&made(ada, "/api/v1/account/tokens", token).await["token"]);
    let history = ada.ask(Method::GET, "/api/v1/account/history", None).await.json();
    let entry = history["entries"][0]["index"].to_string();
    let ids = [
        ("/api/v1/strategies/", strategy),
        ("/api/v1/factors/", factor),
        ("/api/v1/factors/studies/", id(&study)),
        ("/api/v1/backtests/", backtest),
        ("/api/v1/sweeps/", sweep),
        ("/api/v1/sessions/", handle),
        ("/api/v1/account/tokens/", token),
        ("/api/v1/account/history/", entry),
    ];
    Things { ids: ids.into(), run }
}
