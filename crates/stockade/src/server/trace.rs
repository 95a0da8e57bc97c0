//! A line in the log for each request, without anything that could be a secret.

use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue};
use std::{
    fmt::Write as _,
    io,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
static REQUESTS: AtomicU64 = AtomicU64::new(1);

/// Numbers the request, and says how it ended. A client's own id is ignored: it could say anything.
pub async fn request(request: Request, next: Next) -> Response {
    let id = REQUESTS.fetch_add(1, Ordering::Relaxed);
    let method = request.method().clone();
    // The pattern, never the path: what is typed into a path may be a secret by mistake.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "(page)".to_owned());
    let began = Instant::now();
    let span = tracing::info_span!("request", id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| tracing::info!(%method, route, status, ms, "answered"));
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from(id));
    response
}

/// Keeps each entry of the log on one line: what a client wrote cannot begin another entry, and
/// cannot drive a terminal. Colours pass where they are the log's own. What looks like a secret stays
/// behind.
#[derive(Debug)]
pub struct OneLine<W> {
    to: W,
    colours: Colours,
}

/// Whether the log itself writes escape sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// It does; the subscriber has escaped those of values.
    Own,
    /// It does not.
    None,
}

impl<W> OneLine<W> {
    /// Around a writer that gets each entry in one piece.
    pub const fn new(to: W, colours: Colours) -> Self {
        Self { to, colours }
    }
}

impl<W: io::Write> io::Write for OneLine<W> {
    fn write(&mut self, entry: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(entry);
        let text = notify::scrub(&text);
        let (text, end) = text.strip_suffix('\n').map_or((&*text, ""), |text| (text, "\n"));
        let mut line = String::with_capacity(entry.len());
        for c in text.chars() {
            match c {
                '\u{1b}' if self.colours == Colours::Own => line.push(c),
                // The two that end a line without being control characters.
                '\u{2028}' | '\u{2029}' => drop(write!(line, "{}", c.escape_unicode())),
                c if c.is_control() => drop(write!(line, "{}", c.escape_default())),
                c => line.push(c),
            }
        }
        line.push_str(end);
        self.to.write_all(line.as_bytes())?;
        Ok(entry.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("a lock").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a subscriber writes of a value that somebody made up.
    fn logged(value: &str, json: bool, guarded: bool) -> String {
        let kept = Kept::default();
        let to = kept.clone();
        let lines = tracing_subscriber::fmt().with_ansi(false).without_time();
        let line = || tracing::error!(cause = %value, "a request failed");
        match (json, guarded) {
            (true, _) => {
                let to = move || OneLine::new(to.clone(), Colours::None);
                tracing::subscriber::with_default(lines.json().with_writer(to).finish(), line);
            }
            (false, true) => {
                let to = move || OneLine::new(to.clone(), Colours::None);
                tracing::subscriber::with_default(lines.with_writer(to).finish(), line);
            }
            (false, false) => {
                let to = move || to.clone();
                tracing::subscriber::with_default(lines.with_writer(to).finish(), line);
            }
        }
        let bytes = kept.0.lock().expect("a lock").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn what_looks_like_a_secret_stays_behind() {
        let told = "refused: postgres://ada:canary-7@db/x, password=canary-7, stk_canary7canary7";
        for json in [false, true] {
            assert!(!logged(told, json, true).contains("canary"), "json: {json}");
        }
        assert!(logged(told, false, false).contains("canary"), "without the fence it is there");
    }

    #[test]
    fn a_value_cannot_begin_an_entry_of_its_own() {
        let forged = "x\nERROR forged\r\u{85}\u{2028}\u{1b}[2J\u{9b}31m\0\u{8}";
        let breaks = |text: &str| {
            let inner = text.trim_end_matches('\n');
            inner.contains(|c: char| c.is_control() || c == '\u{2028}')
        };
        assert!(!breaks(&logged(forged, false, true)));
        assert!(!breaks(&logged(forged, true, true)));
        assert!(logged(forged, false, true).contains(r"x\nERROR forged\r"));
        assert!(breaks(&logged(forged, false, false)), "the test can fail");
        let coloured = OneLine::new(Vec::new(), Colours::Own);
        let mut coloured = coloured;
        io::Write::write_all(&mut coloured, b"\x1b[31mx\x1b[0m\ty\n").expect("writes");
        assert_eq!(coloured.to, b"\x1b[31mx\x1b[0m\\ty\n");
    }
}
