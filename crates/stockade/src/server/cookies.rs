//! The three cookies: host-only, unreadable for script, never sent from another site.

use axum::response::AppendHeaders;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::SignedDuration;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// The access token.
    Access,
    /// The refresh token.
    Refresh,
    /// The device cookie.
    Device,
}

impl Cookie {
    /// Its name; the prefix makes browsers insist on `Secure`, `Path=/` and no `Domain`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "__Host-stockade-access",
            Self::Refresh => "__Host-stockade-refresh",
            Self::Device => "__Host-stockade-device",
        }
    }

    /// Its value in a request; `None` also where it is sent twice.
    #[must_use]
    pub fn read(self, headers: &HeaderMap) -> Option<&str> {
        let pairs = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name()).map(|(_, value)| value);
        let first = values.next()?;
        values.next().is_none().then_some(first)
    }

    /// The line that sets it for so long.
    #[must_use]
    pub fn set(self, value: &str, lifetime: SignedDuration) -> HeaderValue {
        let seconds = lifetime.as_secs().max(0);
        let name = self.name();
        let line =
            format!("{name}={value}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Strict");
        let mut line =
            HeaderValue::try_from(line).expect("our tokens are letters, digits, dots and dashes");
        line.set_sensitive(true);
        line
    }

    /// The line that removes it.
    #[must_use]
    pub fn clear(self) -> HeaderValue {
        self.set("", SignedDuration::ZERO)
    }
}

/// The header lines of these cookies.
pub fn lines(
    cookies: impl IntoIterator<Item = HeaderValue>,
) -> AppendHeaders<Vec<(HeaderName, HeaderValue)>> {
    AppendHeaders(cookies.into_iter().map(|line| (header::SET_COOKIE, line)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_once_or_not_at_all() {
        let check = |lines: &[&'static str], want: Option<&str>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_static(line));
            }
            assert_eq!(Cookie::Access.read(&headers), want, "{lines:?}");
        };
        check(&["a=1; __Host-stockade-access=x.y; b=2"], Some("x.y"));
        check(&["a=1", "__Host-stockade-access=x"], Some("x"));
        check(&["__Host-stockade-access=x; __Host-stockade-access=y"], None);
        check(&["stockade-access=x"], None);
        check(&[], None);
    }

    #[test]
    fn a_cookie_is_set_with_every_guard() {
        let line = Cookie::Refresh.set("t", SignedDuration::from_secs(9));
        assert_eq!(
            line.to_str().expect("text"),
            "__Host-stockade-refresh=t; Max-Age=9; Path=/; Secure; HttpOnly; SameSite=Strict"
        );
        assert!(line.is_sensitive());
    }
}
