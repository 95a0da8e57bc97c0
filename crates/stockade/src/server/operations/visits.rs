//! How often pages are opened, and by how many browsers: counted here, without cookies, and of nobody.
//!
//! Who opens a page is a hash under a salt that lives in this process's memory for one day. Neither leaves it:
//! what is kept is a number for each page and day.

use crate::desk::{Desk, Result, now};
use http::HeaderMap;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kms::SystemEntropy;
use seal::{Secret, random, sha256_parts};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::{Mutex, PoisonError},
};
use store::VisitCount;

/// Whether openings are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// They are.
    On,
    /// They are not.
    Off,
}

/// Browsers that are told apart in a day, over all pages; 8 bytes each. More count as seen.
const SEEN_MAX: usize = 200_000;
/// Under this name stands the day as a whole.
pub const WHOLE: &str = "(all)";
/// Pages of the interface, and what a deeper address of each counts as.
const PAGES: [(&str, &str); 19] = [
    ("setup", "/setup"),
    ("sign-in", "/sign-in"),
    ("register", "/register"),
    ("forgotten", "/forgotten"),
    ("link", "/link/{purpose}"),
    ("data", "/data"),
    ("factors", "/factors"),
    ("strategies", "/strategies"),
    ("backtests", "/backtests"),
    ("sweeps", "/sweeps"),
    ("audit", "/audit"),
    ("backups", "/backups"),
    ("routes", "/routes"),
    ("settings", "/settings"),
    ("account", "/account"),
    ("admin", "/admin"),
    ("outbox", "/outbox"),
    ("security", "/security"),
    ("", "/"),
];

/// The template that an address counts as. What is in no list is one page, whatever it is called.
#[must_use]
pub fn page(path: &str) -> &'static str {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    PAGES.iter().find(|(name, _)| *name == first).map_or("(other)", |(_, page)| page)
}

/// Whether a browser asks not to be counted: Global Privacy Control, or the older header.
fn declines(headers: &HeaderMap) -> bool {
    ["sec-gpc", "dnt"].iter().any(|name| headers.get(*name).is_some_and(|value| value == "1"))
}

/// A page that a browser opens.
#[derive(Debug, Clone)]
pub struct Opening {
    page: &'static str,
    address: Option<IpAddr>,
    agent: Vec<u8>,
}

impl Opening {
    /// Of a request for `path`; none where it is for no page, or who asks does not want to be counted.
    #[must_use]
    pub fn of(path: &str, headers: &HeaderMap, address: Option<IpAddr>) -> Option<Self> {
        if path.starts_with("/api/") || declines(headers) {
            return None;
        }
        let agent = headers.get(http::header::USER_AGENT).map(http::HeaderValue::as_bytes);
        Some(Self { page: page(path), address, agent: agent.unwrap_or_default().to_vec() })
    }
}

/// A day: its salt, whom it saw, and what is not kept yet.
struct Day {
    date: Date,
    salt: Secret<[u8; 32]>,
    seen: BTreeSet<[u8; 8]>,
    fresh: BTreeMap<&'static str, (u64, u64)>,
}

impl Day {
    fn new(date: Date) -> Self {
        let salt = Secret::new(random(&mut SystemEntropy::new()));
        Self { date, salt, seen: BTreeSet::new(), fresh: BTreeMap::new() }
    }

    fn count(&mut self, page: &'static str, address: &[u8], agent: &[u8]) {
        let length = u64::try_from(address.len()).unwrap_or(u64::MAX).to_be_bytes();
        for counted in [page, WHOLE] {
            // The page stands first and its names have no zero in them.
            let parts = [self.salt.expose(), counted.as_bytes(), &[0], &length, address, agent];
            let digest = sha256_parts(&parts);
            let who = digest.first_chunk::<8>().copied().unwrap_or_default();
            let is_new = self.seen.len() < SEEN_MAX && self.seen.insert(who);
            let counts = self.fresh.entry(counted).or_default();
            counts.0 += 1;
            counts.1 += u64::from(is_new);
        }
    }

    fn take(&mut self) -> Vec<VisitCount> {
        let of = |(page, (views, visitors)): (&'static str, (u64, u64))| VisitCount {
            day: self.date,
            page: page.to_owned(),
            views,
            visitors,
        };
        std::mem::take(&mut self.fresh).into_iter().map(of).collect()
    }
}

/// Openings of pages, until they are kept.
pub struct Visits {
    counting: Counting,
    day: Mutex<Option<Day>>,
    /// Of days that are over, and what could not be kept.
    left: Mutex<Vec<VisitCount>>,
}

/// Rows that wait to be kept; more are forgotten.
const LEFT_MAX: usize = 1000;

impl Visits {
    /// Nothing was opened yet.
    #[must_use]
    pub fn new(counting: Counting) -> Self {
        Self { counting, day: Mutex::default(), left: Mutex::default() }
    }

    /// Whether openings are counted.
    #[must_use]
    pub const fn counting(&self) -> Counting {
        self.counting
    }

    /// A page was opened.
    pub fn count(&self, opening: &Opening) {
        self.count_at(opening, now());
    }

    fn count_at(&self, opening: &Opening, now: Timestamp) {
        if self.counting == Counting::Off {
            return;
        }
        let date = now.to_zoned(TimeZone::UTC).date();
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut over) = day.take_if(|day| day.date != date) {
            self.leave(over.take());
        }
        let day = day.get_or_insert_with(|| Day::new(date));
        let address = opening.address.map(|address| address.to_string()).unwrap_or_default();
        day.count(opening.page, address.as_bytes(), &opening.agent);
    }

    fn leave(&self, rows: Vec<VisitCount>) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.extend(rows);
        left.truncate(LEFT_MAX);
    }

    fn take(&self) -> Vec<VisitCount> {
        let mut rows =
            std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner));
        let mut day = self.day.lock().unwrap_or_else(PoisonError::into_inner);
        rows.extend(day.as_mut().map(Day::take).unwrap_or_default());
        rows
    }

    /// Adds what was counted to the database. What cannot be kept now is kept later.
    pub async fn keep(&self, desk: &Desk) -> Result<()> {
        let rows = self.take();
        if rows.is_empty() {
            return Ok(());
        }
        let today = now().to_zoned(TimeZone::UTC).date();
        let kept = desk.store().add_visits(&rows, today).await;
        if kept.is_err() {
            self.leave(rows);
        }
        Ok(kept?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(*name, http::HeaderValue::from_static(value));
        }
        headers
    }

    fn opened(path: &str, agent: &'static str, address: &str) -> Opening {
        let address = Some(address.parse().expect("an address"));
        Opening::of(path, &headers(&[("user-agent", agent)]), address).expect("a page")
    }

    fn at(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    /// Page, views and visitors of what would be kept.
    fn taken(visits: &Visits) -> Vec<(String, String, u64, u64)> {
        let row = |row: VisitCount| (row.day.to_string(), row.page, row.views, row.visitors);
        visits.take().into_iter().map(row).collect()
    }

    #[test]
    fn an_address_counts_as_a_page_of_ours_and_as_no_other() {
        for (path, want) in [
            ("/", "/"),
            ("/strategies/0189-secret", "/strategies"),
            ("/link/reset", "/link/{purpose}"),
            ("/ada@example.org", "(other)"),
            ("/wp-login.php", "(other)"),
        ] {
            assert_eq!(page(path), want, "{path}");
        }
    }

    #[test]
    fn a_browser_counts_once_a_day_and_is_another_one_on_the_next() {
        let visits = Visits::new(Counting::On);
        let (here, there) = ("192.0.2.7", "192.0.2.8");
        visits.count_at(&opened("/", "a", here), at(0));
        visits.count_at(&opened("/", "a", here), at(1));
        visits.count_at(&opened("/data", "a", here), at(2));
        visits.count_at(&opened("/", "b", here), at(3));
        visits.count_at(&opened("/", "a", there), at(4));
        let row = |day: &str, page: &str, views, visitors| {
            (day.to_owned(), page.to_owned(), views, visitors)
        };
        let (first, next) = ("1970-01-01", "1970-01-02");
        let want = [row(first, "(all)", 5, 3), row(first, "/", 4, 3), row(first, "/data", 1, 1)];
        assert_eq!(taken(&visits), want);
        // Later on the same day: more views, nobody new.
        visits.count_at(&opened("/", "a", here), at(20));
        assert_eq!(taken(&visits), [row(first, "(all)", 1, 0), row(first, "/", 1, 0)]);
        visits.count_at(&opened("/", "a", here), at(25));
        assert_eq!(taken(&visits), [row(next, "(all)", 1, 1), row(next, "/", 1, 1)]);
    }

    #[test]
    fn who_asks_not_to_be_counted_is_not_and_nobody_is_where_it_is_off() {
        for lines in [&[("sec-gpc", "1")][..], &[("dnt", "1")]] {
            assert!(Opening::of("/", &headers(lines), None).is_none(), "{lines:?}");
        }
        assert!(Opening::of("/", &headers(&[("dnt", "0")]), None).is_some());
        assert!(Opening::of("/api/v1/session", &headers(&[]), None).is_none(), "no page");
        let (on, off) = (Visits::new(Counting::On), Visits::new(Counting::Off));
        for visits in [&on, &off] {
            visits.count_at(&opened("/", "a", "192.0.2.7"), at(0));
        }
        assert_eq!((taken(&on).len(), taken(&off).len()), (2, 0));
    }

    #[test]
    fn what_is_kept_in_memory_is_bounded_and_two_salts_know_nothing_of_one_another() {
        let mut day = Day::new(Date::MIN);
        for n in 0..u32::try_from(SEEN_MAX).expect("small") {
            day.count("/", &n.to_be_bytes(), b"a");
        }
        assert_eq!(day.seen.len(), SEEN_MAX);
        assert_eq!(day.fresh["/"].0, SEEN_MAX as u64);
        let mut days = [Day::new(Date::MIN), Day::new(Date::MIN)];
        for day in &mut days {
            day.count("/", b"192.0.2.7", b"a");
        }
        assert!(days[0].seen.is_disjoint(&days[1].seen));
    }
}
