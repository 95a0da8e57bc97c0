//! The accept loop: every wait bounded, every count capped, and a drain with a deadline.

use crate::{
    Door, Drained, Limits, Peer, Proxies,
    introduction::Introduction,
    peers::{Peers, Seat},
};
use std::{future::Future, io, sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Lets `talk` speak on every connection of `door` until `stop`, then lets it finish. Proxies may have all places:
/// the connections of all the world are theirs. Where they introduce their clients, each client has its own share.
pub(crate) async fn accept<D, T, F>(
    door: D,
    (limits, proxies): (Limits, Proxies),
    stop: CancellationToken,
    talk: T,
) -> Drained
where
    D: Door,
    T: FnOnce(D::Stream, Peer, CancellationToken) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let door = Arc::new(door);
    let places = Arc::new(Semaphore::new(limits.connections));
    let peers = Peers::default();
    let connections = TaskTracker::new();
    let abort = CancellationToken::new();
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((place, door.accept().await))
        };
        let arrived = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            arrived = next => arrived,
        };
        let Some((place, accepted)) = arrived else { break };
        let (raw, peer) = match accepted {
            Ok(pair) => pair,
            Err(error) => {
                // Out of file descriptors, most likely: a pause lets some close.
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let seat = if proxies.trusts(peer) { None } else { Some(peers.seat(peer, &limits)) };
        if matches!(seat, Some(None)) {
            tracing::debug!(?peer, "a peer has all of its connections already");
            continue;
        }
        let (door, talk) = (Arc::clone(&door), talk.clone());
        let (stop, abort) = (stop.clone(), abort.clone());
        let (peers, proxies) = (peers.clone(), proxies.clone());
        connections.spawn(async move {
            let whole = async {
                let met = meet(&*door, (raw, peer), (&limits, &proxies), &peers);
                let met = tokio::select! {
                    met = timeout(limits.handshake, met) => met,
                    () = stop.cancelled() => return,
                };
                // The port is free as soon as nobody greets any more.
                drop(door);
                match met {
                    Ok(Ok((stream, asker, own_seat))) => {
                        talk(stream, asker, stop).await;
                        drop(own_seat);
                    }
                    Ok(Err(error)) => tracing::debug!(%error, ?peer, "no handshake"),
                    Err(_) => tracing::debug!(?peer, "the handshake took too long"),
                }
            };
            tokio::select! {
                () = whole => {}
                () = abort.cancelled() => {}
            }
            drop((place, seat));
        });
    }
    drop(door);
    connections.close();
    if timeout(limits.drain, connections.wait()).await.is_ok() {
        return Drained::Clean;
    }
    let cut = connections.len();
    abort.cancel();
    connections.wait().await;
    Drained::Cut { connections: cut }
}

/// Hears who comes, where a proxy must say it, and greets them. A client that a proxy introduces sits on a seat of
/// its own.
async fn meet<D: Door>(
    door: &D,
    (mut raw, peer): (D::Raw, Peer),
    (limits, proxies): (&Limits, &Proxies),
    peers: &Peers,
) -> io::Result<(D::Stream, Peer, Option<Seat>)> {
    if !proxies.introduces(peer) {
        return Ok((door.greet(raw).await?, peer, None));
    }
    let asker = Introduction::hear(&mut raw).await?.asker(peer);
    let seat = if proxies.trusts(asker) { None } else { Some(peers.seat(asker, limits)) };
    if matches!(seat, Some(None)) {
        return Err(io::Error::new(
            io::ErrorKind::QuotaExceeded,
            "the client that the proxy introduces has all of its connections already",
        ));
    }
    Ok((door.greet(raw).await?, asker, seat.flatten()))
}
