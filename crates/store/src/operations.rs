//! What whoever runs the server watches: a probe that writes, the queue of letters, and counts of visits.
//! None of it is an act of anybody's, so it makes no leaf.

use crate::{
    Error, Store,
    scope::Scope,
    sql::{Row, sql},
};
use jiff::{Timestamp, civil::Date};

/// Days of visits that are kept.
pub const VISIT_DAYS_MAX: i64 = 400;
/// Rows of visits that are read at once: every page of every day that is asked for.
const VISITS_MAX: i64 = 20_000;

/// Letters that are not over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PostingQueue {
    /// How many, those that are of no use any more left out.
    pub waiting: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
}

/// How often a page was opened on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitCount {
    /// The day, of UTC.
    pub day: Date,
    /// The page's template.
    pub page: String,
    /// How often.
    pub views: u64,
    /// By how many browsers.
    pub visitors: u64,
}

impl Store {
    /// Writes a row and commits it: whether something can be kept at all.
    pub async fn probe_write(&self, probe: &str, now: Timestamp) -> Result<(), Error> {
        let mut act = self.begin().await?;
        let row = sql("INSERT INTO probes (probe, written_us) VALUES ($1, $2)
             ON CONFLICT (probe) DO UPDATE SET written_us = excluded.written_us")
        .bind(probe)
        .bind(now.as_microsecond());
        act.run(Scope::House, row).await?;
        act.keep_unlogged().await
    }

    /// How many letters wait, and since when.
    pub async fn posting_queue(&self, now: Timestamp) -> Result<PostingQueue, Error> {
        let fault = |error| self.place().fault(error);
        let row = sql("SELECT COUNT(*), MIN(since_us) FROM postings
             WHERE state IN ('waiting', 'under-way') AND until_us > $1")
        .bind(now.as_microsecond())
        .fetch_one(&mut self.reading(Scope::House).await?)
        .await
        .map_err(fault)?;
        let waiting: i64 = row.try_get(0).map_err(fault)?;
        let oldest: Option<i64> = row.try_get(1).map_err(fault)?;
        Ok(PostingQueue {
            waiting: u64::try_from(waiting).unwrap_or(0),
            oldest: oldest.and_then(|micros| Timestamp::from_microsecond(micros).ok()),
        })
    }

    /// Adds to the counts of visits, and lets days go that are too old.
    pub async fn add_visits(&self, counts: &[VisitCount], today: Date) -> Result<(), Error> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut act = self.begin().await?;
        for one in counts {
            let row = sql("INSERT INTO visits AS v (day, page, views, visitors)
                 VALUES ($1, $2, $3, $4) ON CONFLICT (day, page) DO UPDATE
                 SET views = v.views + excluded.views, visitors = v.visitors + excluded.visitors")
            .bind(one.day.to_string())
            .bind(&one.page)
            .bind(number(one.views))
            .bind(number(one.visitors));
            act.run(Scope::House, row).await?;
        }
        let last = today.saturating_sub(jiff::Span::new().days(VISIT_DAYS_MAX));
        let old = sql("DELETE FROM visits WHERE day < $1").bind(last.to_string());
        act.run(Scope::House, old).await?;
        act.keep_unlogged().await
    }

    /// The counts since a day, the newest first.
    pub async fn visits(&self, since: Date) -> Result<Vec<VisitCount>, Error> {
        let rows = sql("SELECT day, page, views, visitors FROM visits WHERE day >= $1
             ORDER BY day DESC, views DESC, page LIMIT $2")
        .bind(since.to_string())
        .bind(VISITS_MAX)
        .fetch_all(&mut self.reading(Scope::House).await?)
        .await
        .map_err(|error| self.place().fault(error))?;
        rows.iter().map(|row| self.visit(row)).collect()
    }

    fn visit(&self, row: &Row) -> Result<VisitCount, Error> {
        let fault = |error| self.place().fault(error);
        let (day, page): (String, String) =
            (row.try_get("day").map_err(fault)?, row.try_get("page").map_err(fault)?);
        let count = |name: &str| -> Result<u64, Error> {
            let value: i64 = row.try_get(name).map_err(fault)?;
            Ok(u64::try_from(value).unwrap_or(0))
        };
        let (views, visitors) = (count("views")?, count("visitors")?);
        let day =
            day.parse().map_err(|_| self.place().damaged("visits", &page, "its day is no date"))?;
        Ok(VisitCount { day, page, views, visitors })
    }
}
