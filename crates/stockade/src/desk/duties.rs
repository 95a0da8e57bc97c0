//! What must be done about accounts though nobody asks: proposals run out, reviews fall due, erasures
//! are carried out, what is over is deleted.
//!
//! Every server does it, at its start and every minute. On one database that does no harm: each act
//! compares what it read when it is kept, so of two servers one is too late and leaves it.

use super::{Accounts, Actor, Error, Result, keeping::Plan, now};
use jiff::{SignedDuration, Timestamp};
use store::Part;

/// Letters that are over stay so long, for whoever asks why one did not arrive.
const LETTERS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 30);

impl Accounts {
    /// Does all that is due; what fails is logged and tried again in the next turn.
    pub async fn tend(&self) {
        let now = now();
        let done = [
            ("proposals could not be tidied", self.expire_proposals(now).await),
            ("the access review could not be tended", self.tend_review(now).await),
            ("erasures could not be carried out", self.carry_erasures(now).await.map(drop)),
            ("erased keys could not be cleared", self.clear_erased(now).await),
            ("tokens that end could not be told", self.remind_of_tokens(now).await.map(drop)),
            ("what is over could not be deleted", self.prune(now).await),
        ];
        for (what, outcome) in done {
            match outcome {
                // Another server was faster: it is done.
                Ok(()) | Err(Error::Overtaken { .. }) => {}
                Err(error) => tracing::error!(%error, "{what}"),
            }
        }
    }

    async fn expire_proposals(&self, now: Timestamp) -> Result<()> {
        for proposal in self.0.desk.store().open_proposals().await? {
            let Some(step) = proposal.expire(now) else { continue };
            let plan = Plan::of(Actor::Server).part(Part::Step(&step));
            match self.keep(plan, now).await {
                Ok(_) | Err(Error::Overtaken { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn prune(&self, now: Timestamp) -> Result<()> {
        let store = self.0.desk.store();
        let links = store.prune_links(now).await?;
        let before = now.saturating_sub(LETTERS_KEPT).unwrap_or(Timestamp::MIN);
        let letters = store.prune_postings(before).await?;
        let budgets = store.prune_budgets(now).await?;
        if links + letters + budgets > 0 {
            tracing::debug!(links, letters, budgets, "deleted what is over");
        }
        Ok(())
    }
}
