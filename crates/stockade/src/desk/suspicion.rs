//! A session that goes on elsewhere: in another browser, or in two places by turns (M25).

use super::{Accounts, Actor, Error, Plan, Result, Visitor, now};
use identity::{EndReason, Error as Refused, Fit, Session, Sight, is_same_browser};
use store::SessionRow;

impl Accounts {
    /// Ends every session of the account, tells its owner, and gives what the request is answered.
    pub(super) async fn end_all_of(&self, session: &Session, sight: Sight<'_>, fit: Fit) -> Error {
        tracing::warn!(session = %session.id, ?fit, "sessions are ended on suspicion");
        match self.end_suspected(session, sight).await {
            Ok(()) => Refused::Ended { reason: EndReason::Suspected }.into(),
            Err(error) => error,
        }
    }

    async fn end_suspected(&self, session: &Session, sight: Sight<'_>) -> Result<()> {
        let Some(known) = self.known(session.account).await? else { return Ok(()) };
        let visitor = Visitor {
            address: sight.address,
            agent: sight.agent.to_owned(),
            device: None,
            refresh: None,
            work: None,
        };
        let plan =
            Plan::of(Actor::Server).asked_by(&visitor).change(&known, known.member.suspect());
        match self.keep(plan, now()).await {
            // The account changed meanwhile: the next request is judged again.
            Ok(_) | Err(Error::Overtaken { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Holds the browser that asks for new tokens against the one that the session was opened in: this
    /// is kept, while what requests show is in memory only.
    pub(super) async fn same_browser(&self, visitor: &Visitor, row: &SessionRow) -> Result<()> {
        let (account, id) = (row.session.account, row.session.id);
        let opened = self.vault_of(account).await?.open_client((account, id), &row.client)?;
        if is_same_browser(&opened.agent, &visitor.agent) {
            return Ok(());
        }
        let sight = Sight { address: visitor.address, agent: &visitor.agent };
        Err(self.end_all_of(&row.session, sight, Fit::OtherBrowser).await)
    }
}
