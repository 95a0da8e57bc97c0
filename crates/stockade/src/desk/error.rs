//! What can go wrong at the desk; every message names the place and the fix.

use std::{io, path::PathBuf};

/// Everything that the app's operations refuse or fail at.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refuses.
    #[error("cannot {doing} {}: {source}; {}", path.display(), remedy(source))]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's own words.
        source: io::Error,
    },
    /// Others may write to the data directory.
    #[error("{0} belongs to another user or can be written by others: chown it to this user and run chmod go-w {0}", path.display())]
    Exposed {
        /// The directory.
        path: PathBuf,
    },
    /// Something that the server wrote is a link to elsewhere by now.
    #[error("{} is a symbolic link, and nothing is read through it: remove the link", path.display())]
    Linked {
        /// The link.
        path: PathBuf,
    },
    /// Another process holds the data directory.
    #[error(
        "{} is in use by {holder}: stop it first, or name another data directory with --data-dir",
        root.display(),
        holder = if holder.is_empty() { "another process" } else { holder }
    )]
    InUse {
        /// The data directory.
        root: PathBuf,
        /// Who holds it, by its own word.
        holder: String,
    },
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Backups refuse.
    #[error(transparent)]
    Backup(#[from] backup::Error),
    /// Nobody said where backups go.
    #[error(
        "no place for backups is set: name a directory on another disk or machine in backup.place, and two keys of age in backup.recipients"
    )]
    NoBackups,
    /// Another machine keeps the backups.
    #[error("{machine} pulls the backups: run `stockade backup pull` there")]
    PulledBy {
        /// Which.
        machine: String,
    },
    /// Not the machine that pulls.
    #[error("{machine} is not the machine that pulls backups here: name it in backup.pull")]
    NoPuller {
        /// Which asked.
        machine: String,
    },
    /// A backup could not be pulled.
    #[error("the backup could not be pulled: {why}")]
    Pull {
        /// Why.
        why: String,
    },
    /// A document cannot speak for a claim.
    #[error("nothing is kept for {claim:?}: {why}")]
    Evidence {
        /// The claim as typed.
        claim: String,
        /// Why.
        why: String,
    },
    /// The sealed DSN cannot be one.
    #[error(
        "errors cannot be reported: the sealed errors.dsn is no DSN, {why}: take it from the service's page and `stockade secrets put errors.dsn`, or `stockade secrets remove errors.dsn`"
    )]
    ErrorsDsn {
        /// Why; never the DSN.
        why: &'static str,
    },
    /// A report of a weakness refuses, or the words about reports do.
    #[error(transparent)]
    Disclosure(#[from] disclosure::Error),
    /// An advisory is not as it was when it was published.
    #[error(
        "what the database holds of {id} is no advisory: run `stockade db check`, and restore it from a backup"
    )]
    AdvisoryTorn {
        /// Its name.
        id: String,
    },
    /// What was sent as sealed is not.
    #[error("the report cannot be kept: {0}")]
    Unsealed(seal::Error),
    /// Nobody is thanked for this.
    #[error("nobody is thanked for this report: {why}")]
    Thanks {
        /// Why.
        why: &'static str,
    },
    /// There is nobody to seal reports to.
    #[error(
        "no report can be taken in here: whoever runs the server sets disclosure.recipients to a key of age (`age-keygen`)"
    )]
    NoRecipients,
    /// The catalogue refuses.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// The key file cannot be used.
    #[error(transparent)]
    Key(#[from] kms::Error),
    /// The keys are not where the configuration says.
    #[error("{} is under the holder {under:?}, and keys.holder says {holder:?}: set keys.holder to {under:?}, or move the keys with `stockade keys move --to {holder}`", ring.display())]
    KeysElsewhere {
        /// The key file or the ring.
        ring: PathBuf,
        /// What it is under.
        under: String,
        /// What is configured.
        holder: &'static str,
    },
    /// There is nobody who could open the keys if the root key is lost.
    #[error(
        "a root key that cannot leave its holder can be lost with it: make an identity with `stockade keys identity`, keep it offline, and set keys.recovery to its recipient; or say --without-recovery"
    )]
    NoRecipient,
    /// All keys are derived from the key file.
    #[error(
        "the keys are derived from the key file, and there is nothing to wrap anew: `stockade keys move --to file` makes a ring of them, or name another holder"
    )]
    NoRing,
    /// An account, a session or a proof is refused.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// The log refuses.
    #[error(transparent)]
    Audit(#[from] audit::Error),
    /// A letter refuses.
    #[error(transparent)]
    Mail(#[from] notify::Error),
    /// The listener refuses.
    #[error(transparent)]
    Edge(#[from] edge::Error),
    /// Not the name of a machine.
    #[error(transparent)]
    NoMachine(#[from] edge::NoMachine),
    /// The server adds itself.
    #[error("a server needs no token: add worker/NAME or bot/NAME")]
    ServerNoMachine,
    /// The authority of the machines was sealed under other keys.
    #[error(
        "the key of the machines' authority does not open: it was sealed under other keys; start with the key file that belongs to this database"
    )]
    SealedElsewhere,
    /// What a licence would say contradicts itself.
    #[error(transparent)]
    License(#[from] license::Error),
    /// An instance gets no lease.
    #[error(transparent)]
    NoLease(#[from] super::NoLease),
    /// Another licence has the id.
    #[error("there is a licence {id} already: name another id, or none, and a random one is made")]
    LicenceExists {
        /// The id.
        id: String,
    },
    /// A licence does not stand as it must for this.
    #[error(
        "the licence is {state}: an issued one is suspended, a suspended one resumed, either is revoked, and a revoked one stays so"
    )]
    LicenceState {
        /// How it stands.
        state: &'static str,
    },
    /// The note of a licence was sealed under other keys.
    #[error(
        "the note of a licence does not open: it was sealed under other keys; start with the key file that belongs to this database"
    )]
    SealedNote,
    /// Another log, or a witness.
    #[error(transparent)]
    Watching(#[from] crate::watching::Error),
    /// A strategy's text has errors.
    #[error("the strategy has {} error(s): {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Strategy(Vec<engine::Problem>),
    /// An expression's text has errors.
    #[error("the expression has {} error(s); {place}: {}", problems.len(), problems.first().map(|problem| problem.message.as_str()).unwrap_or_default())]
    Expression {
        /// Where the first one is.
        place: String,
        /// All of them.
        problems: Vec<factor::Diagnostic>,
    },
    /// Expressions cannot be evaluated.
    #[error(transparent)]
    Factor(#[from] factor::Error),
    /// A factor cannot be read.
    #[error(transparent)]
    Research(#[from] research::Error),
    /// A person has another thing of this name.
    #[error(
        "you have a factor named {name:?}: give this one another name, or a new version of that"
    )]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A run stopped.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A log cannot be told again.
    #[error(transparent)]
    Replay(#[from] engine::replay::ReplayError),
    /// The strategy fills at an open that the data do not have.
    #[error(
        "{data} has closing prices only, and next_open fills at the open: write `convention: same_close`, or use data with opens"
    )]
    NoOpen {
        /// The dataset.
        data: String,
    },
    /// No result has this name.
    #[error(
        "no result is named {what}: name a directory that `backtest run` wrote, or the first 8 or more digits of a run in {}",
        listed(places)
    )]
    NoResult {
        /// What was looked for.
        what: String,
        /// Where.
        places: Vec<PathBuf>,
    },
    /// Several results have names that begin alike.
    #[error("{found} results are named {what}…: write more of its digits")]
    ManyResults {
        /// What was looked for.
        what: String,
        /// How many there are.
        found: usize,
    },
    /// A run has fewer ticks.
    #[error("there is no tick {tick}: the run has {ticks}")]
    NoTick {
        /// Which was asked for.
        tick: u64,
        /// How many there are.
        ticks: u64,
    },
    /// Nothing in the catalogue is what a run ran on.
    #[error(
        "no dataset here has the columns that the run had ({digest}); it called them {name:?}: import the same file; these were looked at: {}",
        named(looked)
    )]
    NoSuchData {
        /// The dataset's name in the strategy.
        name: String,
        /// The digest of its columns.
        digest: String,
        /// What was looked at.
        looked: Vec<String>,
    },
    /// A convention that nobody could have traded by.
    #[error(
        "{convention} fills at a price that is known only once it is too late: paper needs `convention: next_open`"
    )]
    NotTradable {
        /// The convention.
        convention: String,
    },
    /// The strategy fills from sizes that the data do not have.
    #[error(
        "{data} has no sizes, and book fills from what is shown: write `convention: touch`, or import quotes with sizes"
    )]
    NoSizes {
        /// The dataset.
        data: String,
    },
    /// A run on quotes cannot be looked into.
    #[error(
        "a run on quotes is not told again tick by tick here: its orders, fills and refusals are in its tables, its ticks in ticks.log"
    )]
    OnQuotes,
    /// A result could not be put into words.
    #[error("the result cannot be written: {problem}")]
    Report {
        /// Why.
        problem: String,
    },
    /// There is nothing under this name for whoever asks.
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// Somebody changed it in between.
    #[error("{what} was changed in the meantime: load it again and repeat your change")]
    Changed {
        /// What was to be changed.
        what: &'static str,
    },
    /// It was put away, and what was put away stays as it is.
    #[error("{what} is archived and takes no new version: keep the text as a new one")]
    Archived {
        /// What was put away.
        what: &'static str,
    },
    /// Nobody owns things on this machine yet.
    #[error(
        "there is no account yet, and factors are somebody's: make it with the link that `stockade setup-link` prints"
    )]
    NoOwner,
    /// Whoever is invited is here already.
    #[error("this address has an account already: there is nobody to invite")]
    HasAccount,
    /// A new authenticator shows another code.
    #[error("the authenticator shows another code: check its clock, then type the next one")]
    Enrolment,
    /// Somebody was faster: what was judged is not so any more.
    #[error("somebody else was faster: {lost}; load it again and decide anew")]
    Overtaken {
        /// What has changed.
        lost: store::Overtaken,
    },
    /// There is an owner, so nobody else can become one.
    #[error("this installation has its owner: sign in instead")]
    HasOwner,
    /// A sweep on disk refuses.
    #[error(transparent)]
    Sweep(Box<crate::sweep::Error>),
    /// A sweep is not in the state that this asks for.
    #[error("the sweep is {state}, not {wanted}: stop it first, or wait for its end")]
    SweepState {
        /// How it stands.
        state: &'static str,
        /// How it should stand.
        wanted: &'static str,
    },
    /// Too much at once.
    #[error("the server is busy with {what}: try again in {retry_after_s} s")]
    Busy {
        /// With what.
        what: &'static str,
        /// Seconds until it makes sense to try again.
        retry_after_s: u64,
    },
    /// More than there may be.
    #[error("{what}: {limit} at most")]
    Limit {
        /// Of what there is too much.
        what: &'static str,
        /// The most allowed.
        limit: usize,
    },
    /// As many notices of payments are kept as may be.
    #[error(
        "{limit} notices of payments are kept, and no more can be: another one is not taken in"
    )]
    NoticesFull {
        /// The most that are kept.
        limit: u32,
    },
    /// A block of addresses cannot be.
    #[error("{field}: {why}")]
    Block {
        /// Which part of it is wrong.
        field: &'static str,
        /// What is wrong, and what to write.
        why: String,
    },
    /// A list of addresses is not believed.
    #[error("limits.lists: {}: {why}", path.display())]
    AddressList {
        /// The list, or the folder of lists.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The work was stopped by whoever asked for it.
    #[error("stopped; nothing was kept")]
    Cancelled,
    /// The running server refuses what the command line asks.
    #[error("{0}")]
    Refused(String),
    /// The running server does not answer as it should.
    #[error("the running server at {} does not answer ({problem}): stop it and repeat the command", socket.display())]
    Unanswered {
        /// Its socket.
        socket: PathBuf,
        /// What went wrong.
        problem: String,
    },
    /// A worker died.
    #[error("the work ended unexpectedly: {0}")]
    Worker(#[from] tokio::task::JoinError),
}

impl From<crate::sweep::Error> for Error {
    fn from(error: crate::sweep::Error) -> Self {
        Self::Sweep(Box::new(error))
    }
}

/// What this module's operations return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

fn listed(places: &[PathBuf]) -> String {
    places.iter().map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
}

fn named(names: &[String]) -> String {
    if names.is_empty() { "none, the catalogue is empty".to_owned() } else { names.join(", ") }
}

fn remedy(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "grant this user access to it",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space on that disk and run it again; nothing was half-written"
        }
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable or choose another directory",
        _ => "look at the disk and run it again",
    }
}
