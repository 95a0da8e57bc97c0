//! The client's handshake, over the same list, roots and pins as every other request.

use super::{Socket, SocketTerms, config};
use crate::client::{
    Client, Lost, Origin, SendError, Unsent,
    request::{FRAMING, target},
};
use http::{HeaderName, HeaderValue, StatusCode};
use std::{fmt, time::Duration};
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest};

/// Where a socket goes. The target and the headers may carry a key, so `Debug` shows neither.
#[derive(Clone)]
pub struct SocketRequest {
    /// To whom.
    pub origin: Origin,
    /// Path and query.
    pub target: String,
    /// Headers besides those of the handshake.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl fmt::Debug for SocketRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketRequest").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The connection did not come about, or broke during the handshake.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The server answered something else than a socket.
    #[error("{origin} answered {status} instead of opening a stream")]
    Refused {
        /// Who.
        origin: Origin,
        /// The status.
        status: StatusCode,
        /// As much of the body as came along with the head.
        body: Vec<u8>,
    },
    /// What came is no handshake.
    #[error("{origin} does not speak WebSocket: {source}")]
    NotWebSocket {
        /// Who.
        origin: Origin,
        /// What is wrong.
        source: Box<tungstenite::Error>,
    },
}

impl Client {
    /// Opens a WebSocket `within` so much time.
    pub async fn websocket(
        &self,
        request: &SocketRequest,
        terms: SocketTerms,
        within: Duration,
    ) -> Result<Socket, ConnectError> {
        let deadline = Instant::now() + within;
        let origin = &request.origin;
        let invalid =
            |what| SendError::NeverSent { origin: origin.clone(), why: Unsent::Invalid { what } };
        target(&request.target).map_err(|_| invalid("the target must be /path?query"))?;
        let address = format!("ws://{}{}", origin.authority(), request.target);
        let mut handshake = address
            .into_client_request()
            .map_err(|_| invalid("no handshake can be made of the target"))?;
        for (name, value) in &request.headers {
            if FRAMING.contains(name) || name.as_str().starts_with("sec-websocket-") {
                return Err(invalid("a header that the client sets itself").into());
            }
            handshake.headers_mut().append(name.clone(), value.clone());
        }
        let (wire, meter) = self.dial(origin, deadline).await?;
        let shaking =
            tokio_tungstenite::client_async_with_config(handshake, wire, Some(config(&terms)));
        match timeout_at(deadline, shaking).await {
            Ok(Ok((stream, _))) => Ok(Socket::new(stream, meter, terms)),
            Ok(Err(tungstenite::Error::Http(answer))) => {
                let (head, body) = answer.into_parts();
                let body = body.unwrap_or_default();
                Err(ConnectError::Refused { origin: origin.clone(), status: head.status, body })
            }
            Ok(Err(source)) => {
                Err(ConnectError::NotWebSocket { origin: origin.clone(), source: source.into() })
            }
            Err(_) => {
                let origin = origin.clone();
                Err(SendError::Unknown { origin, status: None, why: Lost::Timeout }.into())
            }
        }
    }
}
