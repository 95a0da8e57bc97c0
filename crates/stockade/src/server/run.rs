//! From options to a running server, and from a signal to a clean end.

use super::{control, jobs::Capacity, jobs::Jobs, router, state::App};
use crate::desk::{Accounts, Actor, Deed, Desk, Error, Minutes, Result, now};
use edge::{Authority, Drained, Exposure, Limits, LocalDoor, Tls, TlsDoor};
use jiff::Timestamp;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory.
    pub root: PathBuf,
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Who may be able to reach it.
    pub exposure: Exposure,
    /// How many backtests run and wait.
    pub capacity: Capacity,
    /// What a connection is granted, and how long a drain may take.
    pub limits: Limits,
}

/// What a person must know of a server that runs.
#[derive(Debug, Clone)]
pub struct Started {
    /// Where it is: `https://localhost:8443`.
    pub url: String,
    /// The address it listens on.
    pub address: SocketAddr,
    /// The one-time link for the first account, where there is none yet. It is a secret: the
    /// value stands behind `#`, which browsers do not send, and must not reach a log.
    pub setup_link: Option<String>,
    /// SHA-256 of the local authority's certificate, as browsers show it.
    pub fingerprint: String,
    /// The authority's certificate, to be trusted.
    pub authority: PathBuf,
    /// Base64 SHA-256 of the server's public key.
    pub spki: Option<String>,
}

/// A running server.
pub struct Server {
    /// What a person must know.
    pub started: Started,
    app: App,
    stop: CancellationToken,
    pages: JoinHandle<Drained>,
    control: JoinHandle<()>,
    chores: JoinHandle<()>,
}

/// How often certificates are looked at.
const RENEWAL: Duration = Duration::from_hours(12);
/// How often counted refusals and reports are written.
const WRITING: Duration = Duration::from_mins(1);

impl Server {
    /// Takes the data directory, opens the doors, and serves in the background.
    pub async fn start(options: Options) -> Result<Self> {
        let now = now();
        let desk = Desk::open(&options.root, "the server", now).await?;
        let authority = Authority::open_or_create(&desk.paths().tls(), now)?;
        let leaf = authority.leaf(now)?;
        let spki = leaf.spki_hash();
        let tls = Tls::new(leaf)?;
        let door = TlsDoor::bind(options.listen, options.exposure, tls.clone()).await?;
        let address = door.address().map_err(|source| Error::File {
            doing: "read the address of",
            path: PathBuf::from("the listener"),
            source,
        })?;
        let socket = LocalDoor::bind(&desk.paths().socket()).await?;
        let url = format!("https://localhost:{}", address.port());
        let deed = Deed::ServerStarted { version: env!("CARGO_PKG_VERSION") };
        desk.store().begin().await?.commit(deed.entry(Actor::Server), now).await?;
        let setup_link = setup_link(&desk, &url).await?;
        let stop = CancellationToken::new();
        let app = App::new(
            Accounts::new(desk.clone())?,
            Jobs::new(desk, options.capacity),
            options.exposure,
            stop.clone(),
        );
        let service = router(&app);
        let pages = tokio::spawn(edge::serve(door, service, options.limits, stop.clone()));
        let control = tokio::spawn(control::answer(socket, app.clone(), url.clone(), stop.clone()));
        let fingerprint = authority.fingerprint();
        let path = authority.path();
        let chores = tokio::spawn(chores(app.clone(), authority, tls, stop.clone()));
        let started = Started { url, address, setup_link, fingerprint, authority: path, spki };
        Ok(Self { started, app, stop, pages, control, chores })
    }

    /// The app inside, for callers in the same process.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Drains: no new connections, requests in flight end, streams and jobs stop, all is written.
    pub async fn stop(self) -> Result<Drained> {
        self.stop.cancel();
        let drained = self.pages.await?;
        self.control.await?;
        self.chores.await?;
        tokio::join!(self.app.jobs().close(), self.app.sweeping().close());
        self.app.accounts().log_refusals(Minutes::All).await?;
        self.app.desk().keep_violations(self.app.violations()).await?;
        self.app.desk().close().await;
        Ok(drained)
    }
}

/// Serves until Ctrl-C or a termination signal; a second one ends the process at once.
pub async fn serve(options: Options, ready: impl FnOnce(&Started)) -> Result<Drained> {
    let server = Server::start(options).await?;
    ready(&server.started);
    signalled().await;
    tracing::info!("stopping: waiting for requests in flight; once more stops at once");
    tokio::select! {
        drained = server.stop() => drained,
        () = signalled() => std::process::exit(130),
    }
}

/// Ctrl-C, or what a service manager sends.
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

async fn setup_link(desk: &Desk, url: &str) -> Result<Option<String>> {
    if !desk.needs_setup().await? {
        return Ok(None);
    }
    let token = desk.issue_setup(Actor::Server).await?;
    Ok(Some(link(url, token.text().expose())))
}

/// The set-up link of a token: behind `#`, so that no server and no log sees it.
#[must_use]
pub fn link(url: &str, token: &str) -> String {
    format!("{url}/setup#{token}")
}

/// What must be done now and then.
async fn chores(app: App, authority: Authority, tls: Tls, stop: CancellationToken) {
    let mut renewal = tokio::time::interval(RENEWAL);
    let mut writing = tokio::time::interval(WRITING);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = renewal.tick() => renew(&authority, &tls, now()),
            _ = writing.tick() => {
                // One that fails is no reason to leave the other out.
                let refusals = app.accounts().log_refusals(Minutes::Over).await;
                let violations = app.desk().keep_violations(app.violations()).await;
                let prices = app.desk().settle(now()).await;
                for error in [refusals, violations, prices].into_iter().filter_map(Result::err) {
                    tracing::error!(%error, "what was counted could not be written");
                }
            }
        }
    }
}

fn renew(authority: &Authority, tls: &Tls, now: Timestamp) {
    match authority.leaf(now).and_then(|leaf| tls.replace(leaf)) {
        Ok(()) => {}
        Err(error) => tracing::error!(%error, "the certificate could not be looked at"),
    }
}
