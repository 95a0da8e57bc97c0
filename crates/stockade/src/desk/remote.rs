//! The command line's side of the control socket: HTTP over a Unix socket, answers as JSON lines.

use super::{
    AdvisoryText, Error, Intake, Issue, LicenceTurn, LicenceWish, NewBlock, NewEvidence, Paths,
    Result, ResultRef, Saved, SecretAct, UserImport, connect::Progress,
};
use catalog::{
    BadRows, FileKind, ImportReport, ImportRequest, Mapping, Replace, SplitEntry, TimeZone,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    ops::ControlFlow,
    os::unix::net::UnixStream,
    path::PathBuf,
};
use uuid::Uuid;

/// What the command line asks of a running server, one JSON line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Who are you?
    Status,
    /// Import a file of this machine.
    Import(Box<WireImport>),
    /// Remove a dataset.
    RemoveDataset {
        /// Its name.
        name: String,
    },
    /// Run a strategy.
    RunBacktest {
        /// Its text.
        text: String,
    },
    /// Make a new set-up link.
    IssueSetup,
    /// Take over the accounts of a file of this machine.
    ImportUsers {
        /// The file.
        file: PathBuf,
        /// Whether it is only judged.
        intake: Intake,
    },
    /// Make a recovery link for an account.
    IssueRecovery {
        /// Its address.
        email: String,
    },
    /// End everybody's sessions.
    EndSessions,
    /// Make a backup.
    Backup,
    /// Prove a restore.
    Drill,
    /// Make a token by which a machine comes in.
    AddMachine {
        /// `ROLE/NAME`.
        machine: String,
    },
    /// Put a machine out.
    RevokeMachine {
        /// `ROLE/NAME`.
        machine: String,
    },
    /// List the machines.
    Machines,
    /// Something about who is kept out by address.
    Addresses(AddressAsk),
    /// Do something with licences.
    Licence(LicenceAsk),
    /// List the reports of weaknesses.
    Reports,
    /// Hand over the sealed text of one.
    SealedReport {
        /// Its number.
        id: Uuid,
    },
    /// Take a step with one.
    MoveReport {
        /// Its number.
        id: Uuid,
        /// The step.
        step: String,
        /// How bad it is, where the step says so.
        severity: Option<String>,
    },
    /// Thank the sender of one in public, or no longer.
    ThankReport {
        /// Its number.
        id: Uuid,
        /// Under which name; without one no longer.
        name: Option<String>,
    },
    /// List what payment processors told.
    PaymentNotices {
        /// From behind the notice with this digest on.
        before: Option<String>,
    },
    /// List the advisories.
    Advisories,
    /// Publish an advisory, or another revision of one.
    PublishAdvisory {
        /// What it says.
        text: Box<AdvisoryText>,
        /// Which it is.
        issue: Issue,
    },
    /// How the certificate for the server's names stands.
    Certificate,
    /// Order another certificate now.
    RenewCertificate,
    /// Keep a document that a person signs for.
    AddEvidence(Box<NewEvidence>),
    /// Tell what was signed for.
    Attested,
    /// Count expressions as tried on a dataset.
    CountTrials {
        /// The dataset.
        dataset: String,
        /// The SHA-256 of each canonical text: thousands of texts are more than a question holds.
        digests: Vec<String>,
    },
    /// List the owner's factors.
    Factors {
        /// Those that were put away too.
        archived: bool,
    },
    /// List the versions of one of the owner's factors.
    FactorVersions {
        /// Its name.
        name: String,
    },
    /// Keep an expression.
    SaveFactor(Box<Saved>),
    /// Put a factor away.
    ArchiveFactor {
        /// Its name.
        name: String,
    },
    /// Write into the log what was done with a secret.
    NoteSecret(SecretAct),
}

/// What is asked of who is kept out by address.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case", deny_unknown_fields)]
pub enum AddressAsk {
    /// Shut addresses out.
    Block(NewBlock),
    /// Let them in again.
    Unblock {
        /// Which.
        prefix: String,
    },
    /// List the addresses that are shut out.
    Blocks,
    /// List the lists that are held against whoever comes.
    Lists,
}

/// What is asked about licences.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case", deny_unknown_fields)]
pub enum LicenceAsk {
    /// Issue one.
    Issue(Box<LicenceWish>),
    /// List them, from behind one of them on.
    List {
        /// Which.
        after: Option<String>,
    },
    /// Show one with its instances.
    Show {
        /// Its id.
        id: String,
    },
    /// Suspend, resume or revoke one.
    Turn {
        /// Its id.
        id: String,
        /// Which of them.
        turn: LicenceTurn,
    },
    /// Give the seat of an instance back.
    Release {
        /// The licence.
        licence: String,
        /// The instance.
        instance: String,
    },
}

/// What the server answers, JSON lines: progress, then one of the others.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case", deny_unknown_fields)]
pub enum Say {
    /// How far it is.
    Progress {
        /// Done.
        done: u64,
        /// Of so much.
        total: u64,
    },
    /// It is done.
    Done {
        /// What came of it.
        answer: serde_json::Value,
    },
    /// It is refused or failed.
    Failed {
        /// Why, and the fix.
        message: String,
    },
    /// The caller went away or asked to stop.
    Stopped,
}

/// Who answers on the socket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The version that runs.
    pub version: String,
    /// Where browsers reach it.
    pub address: String,
    /// Its process.
    pub pid: u32,
}

/// An import as it travels.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WireImport {
    source: PathBuf,
    name: String,
    content: String,
    kind: Option<WireKind>,
    mapping: String,
    symbol: Option<String>,
    bar: Option<String>,
    zone: String,
    currency: String,
    actions: Vec<SplitEntry>,
    drop_bad_rows: bool,
    replace: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WireKind {
    Csv,
    Parquet,
}

impl From<&ImportRequest> for WireImport {
    fn from(request: &ImportRequest) -> Self {
        Self {
            source: request.source.clone(),
            name: request.name.clone(),
            content: request.content.to_string(),
            kind: request.kind.map(|kind| match kind {
                FileKind::Csv => WireKind::Csv,
                FileKind::Parquet => WireKind::Parquet,
            }),
            mapping: request.mapping.to_string(),
            symbol: request.symbol.as_ref().map(ToString::to_string),
            bar: request.bar.map(|bar| bar.to_string()),
            zone: request.zone.name().to_owned(),
            currency: request.currency.to_string(),
            actions: request.actions.iter().map(SplitEntry::from).collect(),
            drop_bad_rows: request.bad_rows == BadRows::Drop,
            replace: request.replace == Replace::Yes,
        }
    }
}

impl WireImport {
    /// The request as the catalogue takes it.
    pub fn request(self, now: jiff::Timestamp) -> Result<ImportRequest, catalog::Error> {
        let mut request = ImportRequest::new(self.source, self.name, now);
        request.kind = self.kind.map(|kind| match kind {
            WireKind::Csv => FileKind::Csv,
            WireKind::Parquet => FileKind::Parquet,
        });
        request.content = self.content.parse()?;
        request.mapping = Mapping::parse(&self.mapping)?;
        request.symbol = self.symbol.map(|symbol| symbol.parse()).transpose()?;
        request.bar = self.bar.map(|bar| bar.parse()).transpose()?;
        request.zone = TimeZone::named(&self.zone)?;
        request.currency = self.currency.parse()?;
        request.actions = self.actions.iter().map(Into::into).collect();
        request.bad_rows = if self.drop_bad_rows { BadRows::Drop } else { BadRows::Refuse };
        request.replace = if self.replace { Replace::Yes } else { Replace::No };
        Ok(request)
    }
}

/// A running server, asked over its Unix socket.
#[derive(Debug, Clone)]
pub struct Remote {
    socket: PathBuf,
}

/// The longest line of an answer.
const LINE_BYTES_MAX: u64 = 64 << 20;

impl Remote {
    /// The server that runs on a directory, if one answers.
    pub fn connect(paths: &Paths) -> Result<Option<Self>> {
        let socket = paths.socket();
        match UnixStream::connect(&socket) {
            Ok(_) => Ok(Some(Self { socket })),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
            {
                Ok(None)
            }
            Err(source) => Err(Error::File { doing: "reach the server at", path: socket, source }),
        }
    }

    /// Who answers.
    pub fn status(&self) -> Result<Status> {
        self.ask(&Ask::Status, &mut |_, _| ControlFlow::Continue(()))
    }

    /// Imports a file of this machine.
    pub fn import(&self, request: &ImportRequest, progress: Progress<'_>) -> Result<ImportReport> {
        self.ask(&Ask::Import(Box::new(request.into())), progress)
    }

    /// Removes a dataset.
    pub fn remove_dataset(&self, name: &str) -> Result<()> {
        let ask = Ask::RemoveDataset { name: name.to_owned() };
        self.ask(&ask, &mut |_, _| ControlFlow::Continue(()))
    }

    /// Runs a strategy.
    pub fn run_backtest(&self, text: &str, progress: Progress<'_>) -> Result<ResultRef> {
        self.ask(&Ask::RunBacktest { text: text.to_owned() }, progress)
    }

    /// The token of a fresh set-up link.
    pub fn issue_setup(&self) -> Result<String> {
        self.ask(&Ask::IssueSetup, &mut |_, _| ControlFlow::Continue(()))
    }

    /// Takes over the accounts of a file of this machine.
    pub fn import_users(
        &self,
        file: PathBuf,
        intake: Intake,
        progress: Progress<'_>,
    ) -> Result<UserImport> {
        self.ask(&Ask::ImportUsers { file, intake }, progress)
    }

    /// Asks for what is done at once.
    pub(super) fn quick<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T> {
        self.ask(ask, &mut |_, _| ControlFlow::Continue(()))
    }

    fn ask<T: DeserializeOwned>(&self, ask: &Ask, progress: Progress<'_>) -> Result<T> {
        let failed = |problem: &dyn std::fmt::Display| Error::Unanswered {
            socket: self.socket.clone(),
            problem: problem.to_string(),
        };
        let mut stream = UnixStream::connect(&self.socket).map_err(|e| failed(&e))?;
        let mut line = serde_json::to_string(ask).map_err(|e| failed(&e))?;
        line.push('\n');
        stream.write_all(line.as_bytes()).map_err(|e| failed(&e))?;
        let mut reader = BufReader::new(stream);
        loop {
            let mut line = String::new();
            let read = reader.by_ref().take(LINE_BYTES_MAX).read_line(&mut line);
            if read.map_err(|e| failed(&e))? == 0 {
                return Err(failed(&"it went away"));
            }
            match serde_json::from_str(&line).map_err(|e| failed(&e))? {
                Say::Progress { done, total } => {
                    if progress(done, total).is_break() {
                        // The server sees that nobody listens, and stops the work.
                        return Err(Error::Cancelled);
                    }
                }
                Say::Done { answer } => {
                    return serde_json::from_value(answer).map_err(|e| failed(&e));
                }
                Say::Failed { message } => return Err(Error::Refused(message)),
                Say::Stopped => return Err(Error::Cancelled),
            }
        }
    }
}
