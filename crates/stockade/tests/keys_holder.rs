//! A server whose root key is in a service, over real TLS: it serves while the service is there, closes
//! while it is not, and opens again by itself.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "tests of servers and programs that they started, against the clock"
)]

use crate::browser::{Browser, options};
use crate::service::{Mood, Service, TOKEN};
use edge::{Authority, Exposure, Limits, Tls, TlsDoor};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use kms::TransitTerms;
use serde_json::json;
use std::{
    convert::Infallible,
    ops::ControlFlow,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use stockade::{
    desk::{Desk, HolderTerms, Home, KeyTerms, Paths, Unrecoverable, now},
    server::{Options, Server},
};
use tokio_util::sync::CancellationToken;

/// The service behind TLS of its own, in this process.
struct Vault {
    scratch: tempfile::TempDir,
    service: Arc<Mutex<Service>>,
    address: String,
    stop: CancellationToken,
}

impl Vault {
    async fn start() -> Self {
        let scratch = tempfile::tempdir().expect("a directory");
        let authority = Authority::open_or_create(scratch.path(), now()).expect("an authority");
        let tls = Tls::http1(authority.leaf(now()).expect("a leaf")).expect("TLS");
        let at = "127.0.0.1:0".parse().expect("an address");
        let door = TlsDoor::bind(at, Exposure::Loopback, tls).await.expect("binds");
        let address = format!("https://{}", door.address().expect("an address"));
        let service = Arc::new(Mutex::new(Service::new()));
        let stop = CancellationToken::new();
        let behind = Arc::clone(&service);
        let answer = tower::service_fn(move |request: Request<Incoming>| {
            let behind = Arc::clone(&behind);
            async move { Ok::<_, Infallible>(answer(&behind, request).await) }
        });
        tokio::spawn(edge::serve(door, answer, Limits::default(), stop.clone()));
        let token = scratch.path().join("token");
        std::fs::write(&token, TOKEN).expect("written");
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).expect("chmod");
        Self { scratch, service, address, stop }
    }

    fn set(&self, mood: Mood) {
        self.service.lock().expect("whole").mood = mood;
    }

    fn authority(&self) -> PathBuf {
        self.scratch.path().join("authority.pem")
    }

    fn options(&self, root: &Path, authority: Option<PathBuf>) -> Options {
        let terms = TransitTerms {
            address: self.address.clone(),
            mount: "transit".to_owned(),
            key: "stockade".to_owned(),
            namespace: None,
            token: self.scratch.path().join("token"),
        };
        let holder = HolderTerms::Transit { terms, authority };
        let absence = Duration::from_millis(100);
        let home = Home::from(root).with_keys(KeyTerms { holder, recovery: None, absence });
        Options { home, ..options(root) }
    }
}

async fn answer(service: &Mutex<Service>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let token = head.headers.get("x-vault-token").and_then(|t| t.to_str().ok()).unwrap_or_default();
    let place = (head.method.as_str(), head.uri.path());
    let (status, body) = service.lock().expect("whole").answer(place, token, &body);
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = http::StatusCode::from_u16(status).expect("a status");
    response
}

/// Waits until it is so, and not for ever.
async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is().await {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what} does not happen");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_closes_while_the_service_is_sealed_and_opens_by_itself() {
    let (vault, root) = (Vault::start().await, tempfile::tempdir().expect("a directory"));
    let settings = || vault.options(root.path(), Some(vault.authority()));
    let server = Server::start(settings()).await.expect("starts");
    assert!(root.path().join("stockade.ring").exists());
    assert!(!root.path().join("stockade.key").exists(), "there is no key in plaintext");
    let mut owner = Browser::new(&server);
    owner.set_up(&server).await;
    owner.get("/api/v1/sessions").await.expect(200);
    vault.set(Mood::Sealed);
    until("closing", async || {
        let answer = owner.clone().get("/api/v1/sessions").await;
        answer.status == 503 && answer.json()["code"] == "keys-away"
    })
    .await;
    let answer = owner.get("/api/v1/session").await;
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.headers.contains_key("retry-after"));
    vault.set(Mood::Well);
    until("opening", async || owner.clone().get("/api/v1/sessions").await.status == 200).await;
    let told = owner.get("/api/v1/audit?kind=keys.holder_away").await.expect(200).json();
    assert_eq!(told["entries"].as_array().expect("entries").len(), 1, "{told}");
    server.stop().await.expect("stops");
    // Where the service is away at the start, the server says so and does not start; later it does.
    vault.set(Mood::Sealed);
    let refused = Server::start(settings()).await.err().expect("no keys").to_string();
    assert!(
        refused.contains("does not answer") && refused.contains("Vault is sealed"),
        "{refused}"
    );
    vault.set(Mood::Well);
    let server = Server::start(settings()).await.expect("starts");
    owner.moved(&server).get("/api/v1/sessions").await.expect(200);
    server.stop().await.expect("stops");
    vault.stop.cancel();
}

/// What lies in the database of an owner with an authenticator: address, secret, data key.
async fn lying(root: &Path) -> [Vec<u8>; 3] {
    use sqlx::{Connection, Row};
    let database = format!("sqlite://{}", Paths::new(root).database().display());
    let mut connection = sqlx::SqliteConnection::connect(&database).await.expect("opens");
    let text = "SELECT a.email, t.secret, k.data_key FROM accounts a
         JOIN totp t ON t.account_id = a.account_id JOIN data_keys k ON k.account_id = a.account_id";
    let row = sqlx::query(text).fetch_one(&mut connection).await.expect("one owner");
    let lying = [row.get(0), row.get(1), row.get(2)];
    connection.close().await.expect("closes");
    lying
}

/// An owner by the code of half a minute ago, so that the present one is still good for signing in.
async fn set_up_earlier(owner: &mut Browser, server: &Server) {
    let link = server.started.setup_link.clone().expect("a link");
    let token = link.split_once('#').expect("a fragment").1;
    let form = json!({ "token": token, "email": crate::browser::EMAIL, "password": crate::browser::PASSWORD });
    loop {
        let begun = owner.post("/api/v1/setup/begin", form.clone()).await.expect(200).json();
        begun["totp"]["secret"].as_str().expect("a secret").clone_into(&mut owner.secret);
        let used = crate::browser::code(&owner.secret, -1);
        let finish = json!({ "ticket": begun["ticket"], "code": used });
        let answer = owner.post("/api/v1/setup/finish", finish).await;
        // The next step may begin in between.
        if answer.status != 401 {
            answer.expect(200);
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_signs_in_after_every_key_of_theirs_was_replaced() {
    let root = tempfile::tempdir().expect("a directory");
    let server = crate::browser::start(root.path()).await;
    let mut owner = Browser::new(&server);
    set_up_earlier(&mut owner, &server).await;
    server.stop().await.expect("stops");
    let before = lying(root.path()).await;
    let open = async || Desk::open(root.path(), "a test", now()).await.expect("opens");
    let desk = open().await;
    let kept = Unrecoverable::Accept;
    desk.move_keys(HolderTerms::File, None, kept).await.expect("a ring of the key file");
    desk.close().await;
    drop(desk);
    let desk = open().await;
    for version in 2..4 {
        let turned = desk.rotate_accounts(&mut |_, _| ControlFlow::Continue(())).await;
        assert_eq!(turned.expect("another key"), version);
    }
    desk.close().await;
    drop(desk);
    let after = lying(root.path()).await;
    assert!(before.iter().zip(&after).all(|(before, after)| before != after), "all is sealed anew");
    let server = crate::browser::start(root.path()).await;
    // The session of before lives, and a new one is opened by the same authenticator.
    let mut again = owner.moved(&server);
    again.get("/api/v1/sessions").await.expect(200);
    let mut fresh = Browser::new(&server);
    fresh.sign_in("totp", &crate::browser::code(&again.secret, 0)).await.expect(200);
    server.stop().await.expect("stops");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_not_the_one_gets_no_token() {
    let (vault, root) = (Vault::start().await, tempfile::tempdir().expect("a directory"));
    // Its certificate is from an authority that nobody named.
    let refused = Server::start(vault.options(root.path(), None)).await;
    let refused = refused.err().expect("not trusted").to_string();
    assert!(refused.contains("does not answer"), "{refused}");
    assert_eq!(vault.service.lock().expect("whole").calls, 0);
    assert!(!root.path().join("stockade.ring").exists(), "nothing is half-made");
    // A ring under another key of the service is not opened by this one.
    let settings = || vault.options(root.path(), Some(vault.authority()));
    Server::start(settings()).await.expect("starts").stop().await.expect("stops");
    *vault.service.lock().expect("whole") = Service::with_seed(99);
    let refused = Server::start(settings()).await.err().expect("another key").to_string();
    assert!(refused.contains("was altered, or was not wrapped"), "{refused}");
    vault.stop.cancel();
}
