//! A box's sockets and clock.

use super::{
    BoxTerms, Prices,
    accounts::Accounts,
    floor::{Ends, Floor, LineId, broken},
    keys::ScopeName,
    limits::Limits,
    listings::{self, Listed},
    market::{Market, Origin},
    tape::Tape,
    walk::Walk,
};
use anyhow::Context;
use edge::{
    Authority, Call, Drained, Event, Exposure, FaultSwitch, Reply, Socket, Tls, TlsDoor,
    UpgradeTerms, serve_upgradable,
};
use http::{Request, Response, StatusCode, header};
use market::Timestamp;
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// Requests that wait for the floor.
const WAITING_MAX: usize = 1_024;
/// Messages that wait for one connection; one that takes no more is closed, as a venue does.
const UNSENT_MAX: usize = 8_192;
/// The longest the floor sleeps.
const NAP: Duration = Duration::from_millis(250);

/// A box that is open.
#[derive(Debug)]
pub struct OpenBox {
    /// Where it listens.
    pub address: SocketAddr,
    /// The certificate of its authority, in PEM: what a client must trust.
    pub authority: PathBuf,
    /// What goes wrong; it can be changed while the box is open.
    pub faults: FaultSwitch,
    /// Closes it.
    pub stop: CancellationToken,
    /// Ends once it is closed.
    pub ended: JoinHandle<Drained>,
}

/// What a connection asks of the floor.
enum Wanted {
    Answer(Box<Request<Vec<u8>>>, oneshot::Sender<Response<Vec<u8>>>),
    Open(String, oneshot::Sender<Option<Opened>>),
    Said(LineId, String),
    Closed(LineId),
}

struct Opened {
    line: LineId,
    messages: mpsc::Receiver<String>,
}

/// Opens a box.
pub async fn open(terms: BoxTerms) -> anyhow::Result<OpenBox> {
    if !terms.listen.ip().is_loopback() {
        return Err(edge::Error::LoopbackOnly { address: terms.listen }.into());
    }
    let now = jiff::Timestamp::now();
    let authority = Authority::open_or_create(&terms.data_dir, now)?;
    let tls = Tls::http1(authority.leaf(now)?)?;
    let door = TlsDoor::bind(terms.listen, Exposure::Loopback, tls).await?;
    let address = door.address()?;
    let floor = floor(&terms, clock())?;
    let faults = FaultSwitch::new(terms.faults);
    let stop = CancellationToken::new();
    let (ask, asked) = mpsc::channel(WAITING_MAX);
    let floor_ends = stop.child_token();
    tokio::spawn(keep(floor, asked, floor_ends));
    let handle = move |call: Call| answer(call, ask.clone());
    let limits = edge::Limits { drain: Duration::from_secs(1), ..edge::Limits::default() };
    let upgrade = UpgradeTerms { limits, faults: faults.clone(), ..UpgradeTerms::default() };
    let ended = tokio::spawn(serve_upgradable(door, handle, upgrade, stop.clone()));
    let authority = std::path::absolute(authority.path())?;
    Ok(OpenBox { address, authority, faults, stop, ended })
}

fn clock() -> Timestamp {
    let nanos = jiff::Timestamp::now().as_nanosecond();
    Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

/// The box without its sockets.
pub(super) fn floor(terms: &BoxTerms, now: Timestamp) -> anyhow::Result<Floor> {
    let Listed { roster, prices } = listings::listed(terms.like, terms.product, &terms.symbols)?;
    let (origin, minutes) = match &terms.prices {
        Prices::Walk { seed, minutes } => {
            (Origin::Walk(Walk::new(&roster, &prices, *seed, now)), i64::from(*minutes))
        }
        Prices::Tape { path, from, speed } => {
            let events = Tape::read(path, &roster)?;
            (Origin::Tape(Tape::new(events, (*from, now), *speed)), 0)
        }
    };
    let market = Market::new(&roster, origin, (now, minutes))?;
    let last = terms.scopes.last().copied().unwrap_or(ScopeName::Trade);
    let scopes = terms.scopes.iter().copied().chain(std::iter::repeat(last));
    let scopes: Vec<_> = scopes.take(terms.keys.len()).map(ScopeName::scope).collect();
    let accounts = Accounts::new(&roster, (terms.like, terms.product), &terms.opening, &scopes)?;
    let ring = venues::KeyRing { accounts: terms.keys.iter().map(super::BoxKey::keys).collect() };
    let limits = Limits::new(terms.like, terms.product, terms.limiting);
    let ends = Ends::of(terms.like, terms.product);
    let mut floor = Floor::new(ends, (roster, market), (ring, accounts), limits);
    // There is a book before the first request.
    floor.advance(now).context("the market cannot begin")?;
    Ok(floor)
}

/// The one task that owns the floor.
async fn keep(mut floor: Floor, mut asked: mpsc::Receiver<Wanted>, stop: CancellationToken) {
    let mut lines: BTreeMap<LineId, mpsc::Sender<String>> = BTreeMap::new();
    loop {
        let wait = floor.deadline().map_or(NAP, |at| {
            let nanos = at.nanos().saturating_sub(clock().nanos());
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)).min(NAP)
        });
        let wanted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            wanted = asked.recv() => match wanted {
                Some(wanted) => Some(wanted),
                None => return,
            },
            () = sleep(wait) => None,
        };
        let done = match wanted {
            Some(wanted) => serve(&mut floor, wanted, &mut lines),
            None => floor.advance(clock()),
        };
        if let Err(error) = done {
            tracing::error!(error = %format!("{error:#}"), product = floor.product().name(), "the box failed");
        }
        for (line, text) in floor.sent() {
            if lines.get(&line).is_some_and(|line| line.try_send(text).is_err()) {
                // Its messages end, and its handler closes the connection.
                lines.remove(&line);
            }
        }
    }
}

fn serve(
    floor: &mut Floor,
    wanted: Wanted,
    lines: &mut BTreeMap<LineId, mpsc::Sender<String>>,
) -> anyhow::Result<()> {
    let now = clock();
    match wanted {
        Wanted::Answer(request, reply) => {
            let (response, failed) = match floor.request(&request, now) {
                Ok(response) => (response, Ok(())),
                Err(error) => (broken(), Err(error)),
            };
            // Nobody is left to tell where the connection has ended.
            let _ = reply.send(response);
            failed
        }
        Wanted::Open(path, reply) => {
            let opened = floor.open(&path).map(|line| {
                let (send, messages) = mpsc::channel(UNSENT_MAX);
                lines.insert(line, send);
                Opened { line, messages }
            });
            if let Err(Some(lost)) = reply.send(opened) {
                lines.remove(&lost.line);
                floor.close(lost.line);
            }
            Ok(())
        }
        Wanted::Said(line, text) => floor.hear(line, &text, now),
        Wanted::Closed(line) => {
            lines.remove(&line);
            floor.close(line);
            Ok(())
        }
    }
}

async fn answer(call: Call, floor: mpsc::Sender<Wanted>) -> Reply {
    let path = call.head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let is_upgrade = call.head.headers.contains_key(header::UPGRADE);
    if is_upgrade {
        let (reply, opened) = oneshot::channel();
        let asked = floor.send(Wanted::Open(path, reply)).await.is_ok();
        return match if asked { opened.await.ok().flatten() } else { None } {
            Some(opened) => Reply::socket(move |socket| speak(socket, opened, floor)),
            None => said(StatusCode::NOT_FOUND),
        };
    }
    let request = Request::from_parts(call.head, call.body.to_vec());
    let (reply, response) = oneshot::channel();
    if floor.send(Wanted::Answer(Box::new(request), reply)).await.is_err() {
        return said(StatusCode::SERVICE_UNAVAILABLE);
    }
    response.await.map_or_else(|_| said(StatusCode::SERVICE_UNAVAILABLE), whole)
}

/// One connection that became a stream.
async fn speak(mut socket: Socket, mut opened: Opened, floor: mpsc::Sender<Wanted>) {
    loop {
        tokio::select! {
            message = opened.messages.recv() => {
                let Some(text) = message else {
                    socket.close(1008, "too slow").await;
                    break;
                };
                if socket.send_text(text).await.is_err() {
                    break;
                }
            }
            event = socket.next() => match event {
                Event::Text(text) => {
                    if floor.send(Wanted::Said(opened.line, text.to_string())).await.is_err() {
                        break;
                    }
                }
                Event::Binary(_) | Event::Ping | Event::Pong => {}
                Event::Closed(_) => break,
            },
        }
    }
    // The floor is gone where the box is closed.
    let _ = floor.send(Wanted::Closed(opened.line)).await;
}

fn said(status: StatusCode) -> Reply {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = status;
    whole(response)
}

fn whole(response: Response<Vec<u8>>) -> Reply {
    Reply::Answer(response.map(Into::into))
}
