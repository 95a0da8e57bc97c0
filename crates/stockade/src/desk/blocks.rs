//! Addresses that whoever runs the server shuts out: each until a moment, with a reason, and with its entry in the log.

use super::{Actor, Deed, Desk, Error, LimitAct, Result, now};
use guard::Prefix;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use store::{BLOCKS_MAX, BlockRow};

/// The shortest and the longest block.
const LASTS: [SignedDuration; 2] =
    [SignedDuration::from_mins(1), SignedDuration::from_hours(366 * 24)];
/// Bytes of a reason.
const WHY_BYTES_MAX: usize = 200;

/// A block that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewBlock {
    /// An address or a prefix.
    pub prefix: String,
    /// For so many seconds.
    pub seconds: i64,
    /// Why.
    pub why: String,
}

/// A block as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockView {
    /// Whom it shuts out.
    pub prefix: String,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub why: String,
    /// Who made it: an account, or `host`.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

impl From<BlockRow> for BlockView {
    fn from(row: BlockRow) -> Self {
        let BlockRow { prefix, until, why, by, at } = row;
        Self { prefix, until, why, by, at }
    }
}

/// A prefix that a person may block.
pub fn prefix_named(text: &str) -> Result<Prefix> {
    let refuse = |why: String| Error::Block { field: "prefix", why };
    let prefix: Prefix = text.trim().parse().map_err(|error: guard::NoPrefix| {
        refuse(format!("{:?}: {error}", text.chars().take(60).collect::<String>()))
    })?;
    if prefix.is_too_wide() {
        return Err(refuse(format!(
            "{prefix} is wider than an IPv4 /8 or an IPv6 /16: block what you mean"
        )));
    }
    Ok(prefix)
}

/// A moment as the database keeps it.
fn kept(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

impl NewBlock {
    /// Checks what was asked for.
    fn row(&self, actor: Actor, now: Timestamp) -> Result<BlockRow> {
        let refuse = |field, why: &str| Error::Block { field, why: why.to_owned() };
        let prefix = prefix_named(&self.prefix)?;
        let [least, most] = LASTS;
        let lasts = SignedDuration::from_secs(self.seconds);
        if !(least..=most).contains(&lasts) {
            return Err(refuse("seconds", "a block lasts from one minute to 366 days"));
        }
        let why = self.why.trim();
        let plain = !why.is_empty() && !why.contains(char::is_control);
        if !plain || why.len() > WHY_BYTES_MAX {
            return Err(refuse("why", "say why, on one line of at most 200 bytes"));
        }
        Ok(BlockRow {
            prefix: prefix.to_string(),
            until: kept(now + lasts),
            why: why.to_owned(),
            by: actor.to_string(),
            at: kept(now),
        })
    }
}

impl Desk {
    /// Shuts addresses out, in place of a block of the same ones.
    pub async fn block(&self, actor: Actor, new: &NewBlock) -> Result<BlockView> {
        let now = now();
        let row = new.row(actor, now)?;
        let mut act = self.store().begin().await?;
        if !act.block(&row).await? {
            return Err(Error::Limit { what: "blocks", limit: BLOCKS_MAX as usize });
        }
        let (prefix, why) = (row.prefix.clone(), row.why.clone());
        let deed = Deed::Limit(LimitAct::Blocked { prefix, until: row.until, why });
        act.commit(deed.entry(actor), now).await?;
        Ok(row.into())
    }

    /// Lets addresses in again before their time.
    pub async fn unblock(&self, actor: Actor, prefix: &str) -> Result<()> {
        let (prefix, now) = (prefix_named(prefix)?.to_string(), now());
        let mut act = self.store().begin().await?;
        if !act.unblock(&prefix, now).await? {
            return Err(Error::NotFound { what: "block of these addresses" });
        }
        act.commit(Deed::Limit(LimitAct::Unblocked { prefix }).entry(actor), now).await?;
        Ok(())
    }

    /// The blocks that are not over.
    pub async fn blocks(&self) -> Result<Vec<BlockView>> {
        let rows = self.store().blocks(now()).await?;
        Ok(rows.into_iter().map(BlockView::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_says_whom_for_how_long_and_why_or_which_of_them_is_wrong() {
        let now = Timestamp::UNIX_EPOCH;
        let asked = |prefix: &str, seconds: i64, why: &str| {
            let (prefix, why) = (prefix.to_owned(), why.to_owned());
            NewBlock { prefix, seconds, why }.row(Actor::Host, now)
        };
        let row = asked(" 192.0.2.7 ", 60, " it guesses ").expect("a block");
        assert_eq!((row.prefix.as_str(), row.why.as_str()), ("192.0.2.7/32", "it guesses"));
        assert_eq!((row.until.as_second(), row.by.as_str()), (60, "host"));
        let day = 24 * 60 * 60;
        let check = |prefix: &str, seconds: i64, why: &str, want: &str| {
            let refused = asked(prefix, seconds, why).expect_err(want);
            assert!(matches!(refused, Error::Block { field, .. } if field == want), "{refused}");
        };
        check("example.org", day, "x", "prefix");
        check("192.0.2.1/24", day, "x", "prefix");
        check("0.0.0.0/1", day, "x", "prefix");
        check("2000::/3", day, "x", "prefix");
        check("192.0.2.0/24", 59, "x", "seconds");
        check("192.0.2.0/24", 366 * day + 1, "x", "seconds");
        check("192.0.2.0/24", i64::MAX, "x", "seconds");
        check("192.0.2.0/24", day, " ", "why");
        check("192.0.2.0/24", day, "a\nb", "why");
        check("192.0.2.0/24", day, &"x".repeat(201), "why");
    }
}
