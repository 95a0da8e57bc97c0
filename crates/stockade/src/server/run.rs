//! From options to a running server, and from a signal to a clean end.

use super::{
    Front, Rates, StrictTransport,
    addresses::Addresses,
    control,
    headers::of_refusals,
    jobs::{Capacity, Jobs},
    machines::Port,
    operations::{self, OperationsTerms},
    posture::{Observatory, SelfTests, Site},
    router,
    security_reports::Reporting,
    state::App,
};
use crate::desk::{
    Accounts, Actor, AddressTerms, BackupTerms, Backups, Deed, Desk, DisclosureTerms, Error, Home,
    Letters, Minutes, Post, Result, Terms, WitnessTerms, Witnesses, before_upgrade, now,
    read_breached,
};
use edge::{Authority, Challenges, Drained, Exposure, Limits, LocalDoor, Tls, TlsDoor};
use identity::{BreachedPasswords, Purpose, RegistrationMode};
use jiff::Timestamp;
use notify::Relay;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory and the database.
    pub home: Home,
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Who may be able to reach it.
    pub exposure: Exposure,
    /// How it stands before the world.
    pub front: Front,
    /// How many backtests run and wait.
    pub capacity: Capacity,
    /// How letters are written; if nothing is set, as from this machine.
    pub letters: Option<Letters>,
    /// Who carries letters; nobody: they wait where the owner can read them.
    pub relay: Option<Relay>,
    /// Who may register.
    pub registration: RegistrationMode,
    /// Who witnesses whom.
    pub witnesses: WitnessTerms,
    /// Where backups go.
    pub backups: BackupTerms,
    /// A file of passwords that leaked, which nobody may set here.
    pub breached_passwords: Option<PathBuf>,
    /// Where machines come in, if they do.
    pub machines: Option<SocketAddr>,
    /// Whom reports of weaknesses go to.
    pub disclosure: DisclosureTerms,
    /// How it is watched.
    pub operations: OperationsTerms,
    /// Whether the server probes itself.
    pub self_tests: SelfTests,
    /// What a connection is granted, and how long a drain may take.
    pub limits: Limits,
    /// How often somebody may ask.
    pub rates: Rates,
    /// Who is kept out by address.
    pub addresses: AddressTerms,
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
    /// Where machines come in, if they do.
    pub machines: Option<SocketAddr>,
    /// Where the port without TLS is, if there is one.
    pub plain: Option<SocketAddr>,
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
    machine_port: JoinHandle<()>,
    front: [JoinHandle<()>; 3],
    control: JoinHandle<()>,
    peers: JoinHandle<()>,
    mail: [JoinHandle<()>; 2],
    asking: JoinHandle<()>,
    holder: JoinHandle<()>,
    backups: JoinHandle<()>,
    observing: Option<[JoinHandle<()>; 2]>,
    watching: [JoinHandle<()>; 3],
    chores: JoinHandle<()>,
}

/// How often certificates are looked at.
const RENEWAL: Duration = Duration::from_hours(12);
/// How often counted refusals and reports are written.
const WRITING: Duration = Duration::from_mins(1);

/// The log says that the server serves, and which release it is if it is another than before.
async fn begun(desk: &Desk, now: Timestamp) -> Result<()> {
    let deed = Deed::ServerStarted { version: env!("CARGO_PKG_VERSION") };
    desk.store().begin().await?.commit(deed.entry(Actor::Server), now).await?;
    if let Ok(executable) = std::env::current_exe() {
        desk.tell_release(executable, now).await?;
    }
    Ok(())
}

impl Server {
    /// Takes the data directory, opens the doors, and serves in the background.
    pub async fn start(options: Options) -> Result<Self> {
        let now = now();
        let absence = options.home.keys().absence;
        before_upgrade(&options.home, &options.backups, now).await?;
        let desk = Desk::open(options.home.clone(), "the server", now).await?;
        let addresses = Addresses::open(&desk, options.addresses).await?;
        let authority = Authority::open_or_create(&desk.paths().tls(), now)?;
        let leaf = authority.leaf(now)?;
        let spki = leaf.spki_hash();
        let (front, challenges) = (options.front, Challenges::default());
        let tls = front.tls(leaf, &challenges)?;
        let door = TlsDoor::bind(options.listen, options.exposure, tls.clone()).await?;
        let address = listening(&door)?;
        let socket = LocalDoor::bind(&desk.paths().socket()).await?;
        let url = format!("https://localhost:{}", address.port());
        begun(&desk, now).await?;
        let setup_link = setup_link(&desk, &url).await?;
        let letters =
            options.letters.map_or_else(|| Letters::from_here(&front.found_at(&url)), Ok)?;
        let post = if options.relay.is_some() { Post::Sent } else { Post::Kept };
        let breached = Arc::new(breached(options.breached_passwords).await?);
        let at = (address, options.exposure, front.proxies.clone());
        let site = Site::new(front.found_at(letters.head.origin.as_str()), at, &tls, &authority)?;
        let reporting = Reporting::new(&site.subject, options.disclosure, desk.keys())?;
        let observatory = Observatory::new(site, desk.keys());
        let terms = Terms { letters, registration: options.registration, post, breached };
        let stop = CancellationToken::new();
        let strict = StrictTransport::of(options.exposure, front.strict);
        let witnesses = Witnesses::new(&desk, options.witnesses);
        let app = App::new(
            Accounts::open(desk.clone(), terms).await?,
            Jobs::new(desk, options.capacity),
            (witnesses, Backups::new(options.backups), observatory, reporting),
            (options.exposure, strict, options.operations),
            ((options.rates, addresses), stop.clone()),
        );
        app.withheld().know(app.desk()).await;
        let watching = let_watch(&app, &stop).await?;
        let machine_port = let_machines_in(options.machines, &app, options.limits).await?;
        let proxies = front.proxies.clone();
        let front = front.open(&app, (&tls, challenges), &url, options.limits).await?;
        let limits = (Limits { refusal: of_refusals(strict), ..options.limits }, proxies);
        let pages = tokio::spawn(edge::serve_behind(door, router(&app), limits, stop.clone()));
        let control = tokio::spawn(control::answer(socket, app.clone(), url.clone(), stop.clone()));
        let peers = tokio::spawn(app.accounts().clone().follow(stop.clone()));
        let mail = carry_mail(&app, options.relay, &stop);
        let asking = tokio::spawn(ask_witnesses(app.clone(), stop.clone()));
        let holder = tokio::spawn(app.desk().clone().watch_holder(absence, stop.clone()));
        let backups = tokio::spawn(keep_backups(app.clone(), stop.clone()));
        let observing = (options.self_tests == SelfTests::Running).then(|| observe(&app, &stop));
        let started = told((url, address), (setup_link, spki), &authority, &app);
        let chores = tokio::spawn(chores(app.clone(), authority, tls, stop.clone()));
        Ok(Self {
            started,
            app,
            stop,
            pages,
            machine_port,
            front,
            control,
            peers,
            mail,
            asking,
            holder,
            backups,
            observing,
            watching,
            chores,
        })
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
        self.machine_port.await?;
        self.control.await?;
        self.peers.await?;
        for task in self.mail.into_iter().chain(self.front) {
            task.await?;
        }
        self.asking.await?;
        self.holder.await?;
        self.backups.await?;
        for task in self.observing.into_iter().flatten().chain(self.watching) {
            task.await?;
        }
        self.chores.await?;
        tokio::join!(self.app.jobs().close(), self.app.sweeping().close());
        self.app.accounts().log_refusals(Minutes::All).await?;
        self.app.desk().keep_violations(self.app.violations()).await?;
        self.app.operations().visits().keep(self.app.desk()).await?;
        self.app.desk().close().await;
        Ok(drained)
    }
}

/// Where the door is, its port filled in.
fn listening(door: &TlsDoor) -> Result<SocketAddr> {
    door.address().map_err(|source| Error::File {
        doing: "read the address of",
        path: PathBuf::from("the listener"),
        source,
    })
}

/// What a person must know, once all doors are open.
fn told(
    (url, address): (String, SocketAddr),
    (setup_link, spki): (Option<String>, Option<String>),
    authority: &Authority,
    app: &App,
) -> Started {
    Started {
        url,
        address,
        setup_link,
        fingerprint: authority.fingerprint(),
        authority: authority.path(),
        machines: app.machines_at(),
        plain: app.plain_at(),
        spki,
    }
}

/// Serves until Ctrl-C or a termination signal; a second one ends the process at once.
pub async fn serve(options: Options, ready: impl FnOnce(&Started)) -> Result<Drained> {
    // Before anybody knows that there is a server: whoever hears of it may want it to end at once.
    let mut signals = Signals::listen()?;
    let mut server = Server::start(options).await?;
    if let Some(reporter) = server.app.operations().reporter() {
        reporter.hear_panics(&server.app);
    }
    ready(&server.started);
    // Whoever had to know it knows it now.
    server.started.setup_link = None;
    signals.next().await;
    tracing::info!("stopping: waiting for requests in flight; once more stops at once");
    tokio::select! {
        drained = server.stop() => drained,
        () = signals.next() => std::process::exit(130),
    }
}

/// Ctrl-C, and what a service manager sends; one that comes early is heard later.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let listened = |kind| {
            signal(kind).map_err(|source| Error::File {
                doing: "listen for",
                path: PathBuf::from("signals"),
                source,
            })
        };
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: listened(interrupt)?, terminate: listened(terminate)? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The list of the operator's, if there is one; a large one takes seconds to read.
async fn breached(path: Option<PathBuf>) -> Result<BreachedPasswords> {
    let Some(path) = path else { return Ok(BreachedPasswords::default()) };
    let list = tokio::task::spawn_blocking(move || read_breached(&path)).await??;
    tracing::info!(entries = list.len(), "leaked passwords are refused");
    Ok(list)
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

/// The recovery link of a token, likewise.
#[must_use]
pub fn recovery_link(url: &str, token: &str) -> String {
    format!("{url}/link/{}#{token}", Purpose::Recover.as_str())
}

/// Opens the port of the machines, if there shall be one.
async fn let_machines_in(
    listen: Option<SocketAddr>,
    app: &App,
    limits: Limits,
) -> Result<JoinHandle<()>> {
    let Some(listen) = listen else { return Ok(tokio::spawn(async {})) };
    let port = Port::open(app, listen).await?;
    app.open_to_machines(port.address);
    tracing::info!(address = %port.address, "machines come in here");
    Ok(tokio::spawn(port.serve(app.clone(), limits, app.stop().clone())))
}

/// Begins what letters wait for.
fn carry_mail(app: &App, relay: Option<Relay>, stop: &CancellationToken) -> [JoinHandle<()>; 2] {
    [
        tokio::spawn(app.accounts().clone().run_errands(stop.clone())),
        tokio::spawn(app.accounts().clone().send_letters(relay, stop.clone())),
    ]
}

/// Asks witnesses to cosign whatever is new.
async fn ask_witnesses(app: App, stop: CancellationToken) {
    app.witnesses().ask(app.desk(), &stop).await;
}

/// Probes the server itself, and the parts below it.
fn observe(app: &App, stop: &CancellationToken) -> [JoinHandle<()>; 2] {
    let (own, own_stop) = (app.clone(), stop.clone());
    let claims = async move { own.observatory().run(&own, &own_stop).await };
    let (own, own_stop) = (app.clone(), stop.clone());
    let parts = async move { own.operations().health().run(&own, &own_stop).await };
    [tokio::spawn(claims), tokio::spawn(parts)]
}

/// Opens the port of metrics, and begins to report errors, where somebody wants either; follows who is kept out.
async fn let_watch(app: &App, stop: &CancellationToken) -> Result<[JoinHandle<()>; 3]> {
    let terms = app.operations().terms();
    let metrics = operations::serve_metrics(terms.metrics, app, stop.clone()).await?;
    let (own, own_stop) = (app.clone(), stop.clone());
    let follow = async move { own.addresses().follow(own.desk(), own_stop).await };
    let addresses = tokio::spawn(follow);
    let Some(reporter) = operations::reporter(app.desk(), &terms.errors)? else {
        return Ok([metrics, tokio::spawn(async {}), addresses]);
    };
    tracing::info!(host = reporter.host(), "errors are reported, without what people typed");
    app.operations().report_to(Arc::clone(&reporter));
    Ok([metrics, tokio::spawn(reporter.run(stop.clone())), addresses])
}

/// Makes backups and proves them when they are due.
async fn keep_backups(app: App, stop: CancellationToken) {
    app.backups().run(app.desk(), &stop).await;
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
                app.accounts().tend().await;
                // One that fails is no reason to leave the other out.
                let refusals = app.accounts().log_refusals(Minutes::Over).await;
                let violations = app.desk().keep_violations(app.violations()).await;
                let visits = app.operations().visits().keep(app.desk()).await;
                let contact = app.reporting().address();
                let reports = app.accounts().tell_of_reports(contact, now()).await.map(drop);
                let prices = app.desk().settle(now()).await;
                let keys = app.accounts().turn_keys(now()).await;
                let done = [refusals, violations, visits, reports, prices, keys];
                for error in done.into_iter().filter_map(Result::err) {
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
