//! The quarter's reviews of who may do what, and the list that is signed.

use crate::{
    Act, Error, Store,
    accounts::{parsed, state, u32_of},
    deed::{Overtaken, Stop, one},
    error::Place,
    scope::Scope,
    sql::{Link, Row, sql},
    strategies::time,
};
use identity::{GrantLine, GrantList, Review, SignOff};
use uuid::Uuid;

const COLUMNS: &str = "SELECT review_id, opened_us, due_us, signed_by, signed_us, grants_digest,
     overdue_logged FROM reviews";

impl Act {
    /// Opens a review, or moves one on that still is as it was judged. A signature holds for the
    /// list as it is now.
    pub(crate) async fn write_review(
        &mut self,
        before: Option<&Review>,
        review: &Review,
    ) -> Result<(), Stop> {
        let Some(before) = before else {
            let row = sql("INSERT INTO reviews (review_id, opened_us, due_us, overdue_logged)
                 VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING")
            .bind(review.id.to_string())
            .bind(review.opened.as_microsecond())
            .bind(review.due.as_microsecond());
            return one(self.run(Scope::House, row).await?, Overtaken::Review);
        };
        let signed = review.signed.filter(|_| before.signed.is_none());
        if let Some(signed) = signed {
            let (link, place) = self.parts(Scope::House).await?;
            if grant_list(link, place).await?.digest() != signed.grants {
                return Err(Stop::Lost(Overtaken::Grants));
            }
        }
        let row = sql("UPDATE reviews SET signed_by = $1, signed_us = $2, grants_digest = $3,
                 overdue_logged = $4
             WHERE review_id = $5 AND signed_us IS NULL AND overdue_logged = $6")
        .bind(signed.map(|signed| signed.by.to_string()))
        .bind(signed.map(|signed| signed.at.as_microsecond()))
        .bind(signed.as_ref().map(|signed| signed.grants.as_slice()))
        .bind(i64::from(review.overdue_logged))
        .bind(before.id.to_string())
        .bind(i64::from(before.overdue_logged));
        one(self.run(Scope::House, row).await?, Overtaken::Review)
    }
}

impl Store {
    /// The newest review, signed or not.
    pub async fn newest_review(&self) -> Result<Option<Review>, Error> {
        self.review_where("ORDER BY opened_us DESC, review_id DESC LIMIT 1").await
    }

    /// The last review that was signed.
    pub async fn signed_review(&self) -> Result<Option<Review>, Error> {
        self.review_where("WHERE signed_us IS NOT NULL ORDER BY signed_us DESC, review_id LIMIT 1")
            .await
    }

    async fn review_where(&self, which: &'static str) -> Result<Option<Review>, Error> {
        let row = sql(sqlx::AssertSqlSafe(format!("{COLUMNS} {which}")))
            .fetch_optional(&mut self.reading(Scope::House).await?)
            .await
            .map_err(|error| self.place().fault(error))?;
        row.map(|row| review(&row, self.place())).transpose()
    }

    /// Who may do what: every account that is not erased.
    pub async fn grants(&self) -> Result<GrantList, Error> {
        grant_list(&mut self.reading(Scope::House).await?, self.place()).await
    }
}

async fn grant_list(link: &mut Link, place: &Place) -> Result<GrantList, Error> {
    let rows = sql("SELECT a.account_id, a.role, a.standing, a.epoch,
         (SELECT COUNT(*) FROM credentials c WHERE c.account_id = a.account_id) AS credentials
         FROM accounts a WHERE a.erased_us IS NULL")
    .fetch_all(link)
    .await
    .map_err(|error| place.fault(error))?;
    let grant = |row| {
        let state = state(row, place)?;
        let credentials = u32_of(row, "credentials", place)?;
        let (account, role, standing) = (state.account, state.role, state.standing);
        Ok(GrantLine { account, role, standing, credentials })
    };
    rows.iter().map(grant).collect::<Result<_, Error>>().map(GrantList::new)
}

fn review(row: &Row, place: &Place) -> Result<Review, Error> {
    let fault = |error| place.fault(error);
    let text: String = row.try_get("review_id").map_err(fault)?;
    let damaged = |problem: &str| place.damaged("reviews", &text, problem);
    let digest: Option<Vec<u8>> = row.try_get("grants_digest").map_err(fault)?;
    let signed = match digest {
        None => None,
        Some(digest) => Some(SignOff {
            by: parsed(row, "signed_by", place)?,
            at: time(row, "signed_us", place)?,
            grants: digest.try_into().map_err(|_| damaged("its digest"))?,
        }),
    };
    let overdue_logged: i64 = row.try_get("overdue_logged").map_err(fault)?;
    Ok(Review {
        id: Uuid::try_parse(&text).map_err(|_| damaged("its id"))?,
        opened: time(row, "opened_us", place)?,
        due: time(row, "due_us", place)?,
        signed,
        overdue_logged: overdue_logged == 1,
    })
}
