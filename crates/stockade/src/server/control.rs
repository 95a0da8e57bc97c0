//! The control socket: what this machine's own user asks of the running server, as JSON lines.

use super::{handlers::posture, machines::call_roll, state::App};
use crate::desk::{
    self, Actor, AddressAsk, Archived, Ask, CertificateView, Desk, Error, LicenceAsk, MachineToken,
    ReportView, Say, Status, Watch, now,
};
use backup::Trigger;
use edge::{Door, LocalDoor};
use serde::Serialize;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy, sink},
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

/// The longest question.
const ASK_BYTES_MAX: u64 = 1 << 20;
/// Answers that wait to be written: progress beyond that is left out.
const WAITING: usize = 64;

/// What the socket grants.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// Connections at a time; more wait in the kernel's queue.
    connections: usize,
    /// Until the question is asked.
    asking: Duration,
}

const BOUNDS: Bounds = Bounds { connections: 32, asking: Duration::from_secs(10) };

/// Answers on the socket until `stop`; work in progress is stopped and waited for.
pub async fn answer(door: LocalDoor, app: App, address: String, stop: CancellationToken) {
    answer_within(BOUNDS, door, app, address, stop).await;
}

async fn answer_within(
    bounds: Bounds,
    door: LocalDoor,
    app: App,
    address: String,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let places = Arc::new(Semaphore::new(bounds.connections));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, door.accept().await))
        };
        let arrived = tokio::select! {
            () = stop.cancelled() => break,
            arrived = next => arrived,
        };
        let Some((place, accepted)) = arrived else { break };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: a pause lets some close.
                tracing::warn!(%error, "the control socket could not accept");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (app, address, stop) = (app.clone(), address.clone(), stop.clone());
        tasks.spawn(async move {
            let (reading, writing) = stream.into_split();
            let mut reading = BufReader::new(reading);
            let asked = tokio::select! {
                asked = timeout(bounds.asking, ask(&mut reading)) => asked,
                () = stop.cancelled() => return,
            };
            let ended = match asked {
                Ok(Ok(Some(line))) => {
                    let line = (line, address);
                    converse((reading, writing), line, app, stop).await
                }
                Ok(Ok(None)) => Ok(()),
                Ok(Err(error)) => Err(error),
                Err(late) => Err(late.into()),
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "a control connection ended early");
            }
            drop(place);
        });
    }
    drop(door);
    tasks.close();
    tasks.wait().await;
}

/// The question: one line.
async fn ask(reading: &mut BufReader<OwnedReadHalf>) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let bytes =
        AsyncReadExt::take(&mut *reading, ASK_BYTES_MAX).read_until(b'\n', &mut line).await?;
    if is_cut(&line) {
        // The rest is let go: who still writes does not read the answer.
        let mut rest = Vec::new();
        while !rest.ends_with(b"\n") {
            rest.clear();
            let mut part = AsyncReadExt::take(&mut *reading, ASK_BYTES_MAX);
            if part.read_until(b'\n', &mut rest).await? == 0 {
                break;
            }
        }
    }
    Ok((bytes > 0).then_some(line))
}

/// Whether there is more of a question than is read.
fn is_cut(line: &[u8]) -> bool {
    line.len() as u64 == ASK_BYTES_MAX && !line.ends_with(b"\n")
}

async fn converse(
    (mut reading, mut writing): (BufReader<OwnedReadHalf>, OwnedWriteHalf),
    (line, address): (Vec<u8>, String),
    app: App,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let (say, mut said) = mpsc::channel(WAITING);
    let halt = Arc::new(AtomicBool::new(false));
    let work = async {
        let last = match serde_json::from_slice(&line) {
            _ if is_cut(&line) => Say::Failed {
                message: format!("the question is too long: {ASK_BYTES_MAX} bytes at most"),
            },
            Ok(ask) => act(&app, ask, address, (&say, &halt)).await,
            Err(error) => Say::Failed {
                message: format!("the running server has another version: {error}; stop it first"),
            },
        };
        // Nobody reads any more if this fails.
        let _ = say.send(last).await;
        drop(say);
    };
    let write = async {
        while let Some(say) = said.recv().await {
            let mut line = serde_json::to_vec(&say).unwrap_or_default();
            line.push(b'\n');
            writing.write_all(&line).await?;
        }
        Ok(())
    };
    // Whoever closes the connection, or stops the server, stops the work.
    let gone = async {
        let mut sink = sink();
        tokio::select! {
            // Nothing more is expected; what comes is let go.
            _ = copy(&mut reading, &mut sink) => {}
            () = stop.cancelled() => {}
        }
        halt.store(true, Ordering::Relaxed);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ((), written) = async { tokio::join!(work, write) } => written,
        () = gone => Ok(()),
    }
}

async fn act(
    app: &App,
    ask: Ask,
    address: String,
    (say, halt): (&mpsc::Sender<Say>, &Arc<AtomicBool>),
) -> Say {
    let teller = say.clone();
    let tell = move |done, total| {
        // A slow reader misses a step of the progress, nothing else.
        let _ = teller.try_send(Say::Progress { done, total });
    };
    let watch = Watch::new(tell, Arc::clone(halt));
    let desk = app.desk();
    match ask {
        Ask::Status => {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            finish(Ok(Status { version, address, pid: std::process::id() }))
        }
        Ask::Import(import) => match import.request(now()) {
            Ok(request) => finish(desk.import(Actor::Host, request, watch).await),
            Err(error) => finish::<()>(Err(error.into())),
        },
        Ask::RemoveDataset { name } => finish(desk.remove_dataset(Actor::Host, &name).await),
        Ask::RunBacktest { text } => finish(run_backtest(app, text, watch).await),
        Ask::IssueRecovery { email } => finish(app.accounts().issue_recovery(&email).await),
        Ask::EndSessions => finish(app.accounts().end_everybodys_sessions_from_host().await),
        Ask::IssueSetup => finish(setup_token(desk).await),
        Ask::ImportUsers { file, intake } => {
            finish(app.accounts().import_users(file, intake, watch).await)
        }
        Ask::CountTrials { dataset, digests } => {
            finish(count_trials(app, &dataset, &digests).await)
        }
        Ask::Factors { archived } => {
            let archived = if archived { Archived::Shown } else { Archived::Hidden };
            finish(desk.own_factors(archived).await)
        }
        Ask::FactorVersions { name } => finish(desk.own_versions(&name).await),
        Ask::SaveFactor(saved) => finish(desk.save_factor(&saved).await),
        Ask::Backup => {
            let asked = (Trigger::Asked, Actor::Host);
            finish(Box::pin(app.backups().take(desk, asked, watch.shared_flag())).await)
        }
        Ask::Drill => {
            let drilled = app.backups().drill(desk, Actor::Host, watch.shared_flag());
            finish(Box::pin(drilled).await)
        }
        Ask::AddMachine { machine } => finish(add_machine(desk, &machine).await),
        Ask::RevokeMachine { machine } => finish(revoke(app, &machine).await),
        Ask::Machines => finish(desk.machines().await),
        Ask::Addresses(ask) => addresses(app, ask).await,
        Ask::Licence(ask) => licence(desk, ask).await,
        Ask::Reports => finish(desk.reports().await),
        Ask::SealedReport { id } => finish(sealed_report(desk, id).await),
        Ask::MoveReport { id, step, severity } => {
            finish(move_report(desk, id, (&step, severity.as_deref())).await)
        }
        Ask::ThankReport { id, name } => {
            finish(desk.thank_report(Actor::Host, id, name.as_deref()).await)
        }
        Ask::PaymentNotices { before } => finish(desk.notices(before.as_deref()).await),
        Ask::Advisories => finish(desk.advisory_views().await),
        Ask::PublishAdvisory { text, issue } => {
            finish(desk.publish_advisory(Actor::Host, &text, &issue).await)
        }
        Ask::Certificate => finish(Ok(app.certificates().map(|own| own.view()))),
        Ask::RenewCertificate => finish(Ok(renewed(app).await)),
        Ask::AddEvidence(new) => finish(posture::taken(app, *new).await),
        Ask::Attested => finish(desk.attested().await),
        Ask::ArchiveFactor { name } => finish(desk.archive_named(&name).await),
        Ask::NoteSecret(act) => {
            app.withheld().know(desk).await;
            finish(desk.note_secret(act).await)
        }
    }
}

async fn setup_token(desk: &Desk) -> desk::Result<String> {
    Ok(desk.issue_setup(Actor::Host).await?.text().expose().clone())
}

async fn add_machine(desk: &Desk, machine: &str) -> desk::Result<MachineToken> {
    desk.add_machine(Actor::Host, &desk::machine_named(machine)?).await
}

/// How the certificate stands once another one was ordered; none, where none is asked for.
async fn renewed(app: &App) -> Option<CertificateView> {
    let own = app.certificates()?;
    // A server that stops gives its order up, and nobody would say that it has ended.
    tokio::select! {
        _ = own.renewed() => {}
        () = app.stop().cancelled() => {}
    }
    Some(own.view())
}

async fn licence(desk: &Desk, ask: LicenceAsk) -> Say {
    match ask {
        LicenceAsk::Issue(wish) => finish(desk.issue_licence(Actor::Host, &wish).await),
        LicenceAsk::List { after } => finish(desk.licences(after.as_deref()).await),
        LicenceAsk::Show { id } => finish(desk.licence(&id).await),
        LicenceAsk::Turn { id, turn } => finish(desk.turn_licence(Actor::Host, &id, turn).await),
        LicenceAsk::Release { licence, instance } => {
            finish(desk.release_instance(Actor::Host, &licence, &instance).await)
        }
    }
}

async fn revoke(app: &App, machine: &str) -> desk::Result<()> {
    let machine = desk::machine_named(machine)?;
    app.desk().revoke_machine(Actor::Host, &machine).await?;
    call_roll(app).await
}

async fn addresses(app: &App, ask: AddressAsk) -> Say {
    let (desk, own) = (app.desk(), app.addresses());
    match ask {
        AddressAsk::Block(new) => {
            let block = desk.block(Actor::Host, &new).await;
            finish(match own.learn(desk).await {
                Ok(()) => block,
                Err(error) => block.and(Err(error)),
            })
        }
        AddressAsk::Unblock { prefix } => {
            let lifted = desk.unblock(Actor::Host, &prefix).await;
            finish(lifted.and(own.learn(desk).await))
        }
        AddressAsk::Blocks => finish(desk.blocks().await),
        AddressAsk::Lists => finish(Ok(own.lists(now()))),
    }
}

async fn sealed_report(desk: &Desk, id: Uuid) -> desk::Result<String> {
    desk.sealed_report(Actor::Host, id).await.map(hex::encode)
}

async fn move_report(
    desk: &Desk,
    id: Uuid,
    (step, severity): (&str, Option<&str>),
) -> desk::Result<ReportView> {
    let step = desk::step_named(step, severity).ok_or(Error::NotFound { what: "step" })?;
    desk.move_report(Actor::Host, id, step).await
}

async fn count_trials(app: &App, dataset: &str, digests: &[String]) -> desk::Result<u64> {
    let tenant = app.desk().host_tenant().await?;
    app.desk().count_digests(tenant.as_ref(), dataset, digests).await
}

async fn run_backtest(app: &App, text: String, watch: Watch) -> desk::Result<desk::ResultRef> {
    let tenant = app.desk().host_tenant().await?;
    app.desk().run_backtest(tenant.as_ref(), text, watch).await
}

fn finish<T: Serialize>(outcome: desk::Result<T>) -> Say {
    match outcome.map(|answer| serde_json::to_value(answer)) {
        Ok(Ok(answer)) => Say::Done { answer },
        Ok(Err(error)) => Say::Failed { message: error.to_string() },
        Err(Error::Cancelled) => Say::Stopped,
        Err(error) => Say::Failed { message: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::{Options, Rates, Server, jobs::Capacity};
    use edge::{Exposure, Limits};
    use tokio::net::UnixStream;

    async fn server(root: &std::path::Path) -> Server {
        let server = Server::start(Options {
            home: root.join("data").into(),
            listen: "127.0.0.1:0".parse().expect("an address"),
            exposure: Exposure::Loopback,
            front: crate::server::Front::default(),
            capacity: Capacity { workers: 1, queue: 1 },
            limits: Limits::default(),
            rates: Rates::default(),
            letters: None,
            relay: None,
            registration: identity::RegistrationMode::Invite,
            witnesses: crate::desk::WitnessTerms::default(),
            backups: crate::desk::BackupTerms::default(),
            breached_passwords: None,
            machines: None,
            disclosure: crate::desk::DisclosureTerms::default(),
            operations: crate::server::OperationsTerms::default(),
            self_tests: crate::server::SelfTests::OnCall,
            addresses: crate::desk::AddressTerms::default(),
        });
        server.await.expect("starts")
    }

    #[tokio::test]
    async fn a_question_that_is_too_long_is_told_so() {
        let directory = tempfile::tempdir().expect("a directory");
        let server = server(directory.path()).await;
        let path = directory.path().join("b.sock");
        let (door, stop) = (LocalDoor::bind(&path).await.expect("binds"), CancellationToken::new());
        let answers = answer(door, server.app().clone(), "here".to_owned(), stop.clone());
        let answers = tokio::spawn(answers);
        let mut asking = UnixStream::connect(&path).await.expect("connects");
        // The limit falls into the middle of a character.
        let question = format!("\"{}\"\n", "\u{e9}".repeat(1 << 20));
        asking.write_all(question.as_bytes()).await.expect("writes");
        let mut answer = String::new();
        let mut asking = BufReader::new(asking);
        let read = timeout(Duration::from_secs(20), asking.read_line(&mut answer));
        read.await.expect("soon").expect("reads");
        assert!(answer.contains("the question is too long"), "{answer}");
        drop(asking);
        stop.cancel();
        answers.await.expect("joins");
        server.stop().await.expect("stops");
    }

    #[tokio::test]
    async fn who_asks_nothing_gives_the_place_back_and_delays_no_stop() {
        let directory = tempfile::tempdir().expect("a directory");
        let server = server(directory.path()).await;
        let path = directory.path().join("b.sock");
        let start = async |connections, asking| {
            let door = LocalDoor::bind(&path).await.expect("binds");
            let stop = CancellationToken::new();
            let (app, bounds) = (server.app().clone(), Bounds { connections, asking });
            let answers = answer_within(bounds, door, app, "here".to_owned(), stop.clone());
            (tokio::spawn(answers), stop)
        };

        // More than the question is let go, not kept.
        let question = serde_json::to_string(&Ask::Status).expect("JSON");
        let question = format!("{question}\n{}", "x".repeat(1 << 16));
        let answered = async || {
            let mut asking = UnixStream::connect(&path).await.expect("connects");
            asking.write_all(question.as_bytes()).await.expect("writes");
            let (mut asking, mut answer) = (BufReader::new(asking), String::new());
            let read = timeout(Duration::from_secs(20), asking.read_line(&mut answer));
            read.await.expect("soon").expect("reads");
            assert!(answer.contains("here"), "{answer}");
        };

        let (answers, stop) = start(1, Duration::from_millis(30)).await;
        let _silent = UnixStream::connect(&path).await.expect("connects");
        answered().await;
        stop.cancel();
        answers.await.expect("joins");

        let (answers, stop) = start(2, Duration::from_hours(1)).await;
        let mut silent = UnixStream::connect(&path).await.expect("connects");
        silent.write_all(b"\"half a quest").await.expect("writes");
        answered().await;
        stop.cancel();
        timeout(Duration::from_secs(20), answers).await.expect("soon").expect("joins");
        server.stop().await.expect("stops");
    }
}
