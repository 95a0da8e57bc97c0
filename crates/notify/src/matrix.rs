//! Matrix: one message event in a room, by the client-server API.

use crate::{Address, Endpoint, Error, Notice, Outgoing, clean::fit, endpoint::segment};
use http::{HeaderValue, Method, header::AUTHORIZATION};
use seal::Secret;
use serde_json::json;

/// An event has at most 64 KiB with everything around it; a notice needs far less.
const BYTES_MAX: usize = 16 * 1024;

/// A room on a Matrix homeserver.
#[derive(Debug, Clone)]
pub struct Matrix {
    room: Endpoint,
    authorization: HeaderValue,
}

impl Matrix {
    /// From the homeserver's address, the access token and the room's id (`!…`).
    pub fn new(
        homeserver: &Secret<String>,
        token: &Secret<String>,
        room: &str,
    ) -> Result<Self, Error> {
        let server = Endpoint::parse("matrix.homeserver", homeserver)?;
        if server.path().contains('?') {
            let why = "it has a query in it";
            return Err(Error::Address { what: "matrix.homeserver", why });
        }
        if !room.starts_with('!') || room.len() > 255 {
            let why = "a room's id begins with ! (a name with # is not enough; the room's settings show the id)";
            return Err(Error::Malformed { what: "matrix.room", why });
        }
        let malformed = Error::Malformed {
            what: "matrix.token",
            why: "an access token has letters, digits and signs, and no spaces",
        };
        let visible = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
        if token.expose().is_empty() || !visible {
            return Err(malformed);
        }
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        let mut authorization = HeaderValue::from_str(bearer.expose()).map_err(|_| malformed)?;
        authorization.set_sensitive(true);
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message", segment(room));
        Ok(Self { room: server.join(&path), authorization })
    }

    pub(crate) const fn endpoint(&self) -> &Endpoint {
        &self.room
    }

    /// The transaction id is the notice's, so a retry that arrives twice is shown once.
    ///
    /// `m.text`, because a notice of type `m.notice` does not ring; empty mentions, so that no word rings twice.
    pub(crate) fn request(&self, notice: &Notice) -> Outgoing {
        let text = notice.text_lines().join("\n");
        let body = json!({
            "msgtype": "m.text",
            "body": fit(&text, BYTES_MAX, char::len_utf8, |c, out| out.push(c)),
            "m.mentions": {},
        });
        let endpoint = self.room.join(&format!("/{}", notice.id()));
        let mut outgoing = Outgoing::json(Method::PUT, endpoint, Address::Open, &body);
        outgoing.headers.push((AUTHORIZATION, self.authorization.clone()));
        outgoing
    }
}
