//! The control socket: what this machine's own user asks of the running server, as JSON lines.

use super::state::App;
use crate::desk::{self, Actor, Ask, Error, Say, Status, Watch, now};
use edge::{Door, LocalDoor};
use serde::Serialize;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The longest question.
const ASK_BYTES_MAX: u64 = 1 << 20;
/// Answers that wait to be written: progress beyond that is left out.
const WAITING: usize = 64;

/// Answers on the socket until `stop`; work in progress is stopped and waited for.
pub async fn answer(door: LocalDoor, app: App, address: String, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = door.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "the control socket could not accept");
                    continue;
                }
            },
        };
        let (app, address, stop) = (app.clone(), address.clone(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = converse(stream, app, address, stop).await {
                tracing::debug!(%error, "a control connection ended early");
            }
        });
    }
    drop(door);
    tasks.close();
    tasks.wait().await;
}

async fn converse(
    stream: UnixStream,
    app: App,
    address: String,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let mut line = String::new();
    if (&mut reading).take(ASK_BYTES_MAX).read_line(&mut line).await? == 0 {
        return Ok(());
    }
    let (say, mut said) = mpsc::channel(WAITING);
    let halt = Arc::new(AtomicBool::new(false));
    let work = async {
        let last = match serde_json::from_str(&line) {
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
        let mut rest = Vec::new();
        tokio::select! {
            _ = reading.read_to_end(&mut rest) => {}
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
        Ask::IssueSetup => {
            let token = desk.issue_setup(Actor::Host).await;
            finish(token.map(|token| token.text().expose().clone()))
        }
    }
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
