//! Accounts as those see them who run the server: whom there is, and what is done for them.
//!
//! Names and addresses are opened for the answer; passwords, factors and tokens are counted, never
//! shown. What one may do alone is judged in `identity`; what needs two is in `approvals`.

use super::{Accounts, Actor, Deed, Error, Result, keeping::Plan, now};
use identity::{
    AccountId, AccountState, Authenticated, Change, Council, EmailAddress, EndOfAll, Holdings,
    Loss, Member, OwnSession, Profile, Reach, Role, Standing, Tenant,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use store::{AccountRow, AccountSearch};

/// Which accounts; every condition that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct UserSearch {
    /// The whole address: addresses lie sealed, so a part of one finds nothing.
    pub email: Option<EmailAddress>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may come in.
    pub standing: Option<Standing>,
    /// Only accounts made before this one.
    pub before: Option<AccountId>,
    /// At most so many; 0 stands for 50.
    pub limit: u32,
}

/// An account in the list.
#[derive(Debug, Clone)]
pub struct UserLine {
    /// Role and standing.
    pub state: AccountState,
    /// Name and address; `None` where they do not open, which the server's log tells.
    pub profile: Option<Profile>,
    /// When it was made.
    pub created: Timestamp,
}

/// One account.
#[derive(Debug, Clone)]
pub struct UserView {
    /// As in the list.
    pub line: UserLine,
    /// What it can be entered with, in numbers.
    pub holdings: Holdings,
    /// Sessions that live, up to [`SESSIONS_COUNTED`].
    pub sessions: usize,
    /// API tokens and bots.
    pub credentials: usize,
    /// A lost second factor under way.
    pub loss: Option<Loss>,
    /// When it will be erased, if its owner asked for that.
    pub erasure: Option<Timestamp>,
    /// Whether disabling it takes two persons.
    pub needs_two: bool,
}

/// More live sessions of one account are not counted.
pub const SESSIONS_COUNTED: u32 = 1000;
/// Accounts whose names are read at once.
const NAMES_AT_ONCE: usize = 200;

impl Accounts {
    /// A page of the list, the newest account first.
    pub async fn users(&self, search: &UserSearch) -> Result<Vec<UserLine>> {
        let store = self.0.desk.store();
        let before = match search.before {
            None => None,
            Some(id) => {
                let row = store.accounts_named(&[id]).await?.pop();
                Some(row.map(|row| (row.created, id)).ok_or(Error::NotFound { what: "account" })?)
            }
        };
        let rows = store
            .find_accounts(&AccountSearch {
                email: search.email.as_ref().map(|email| self.0.vault.index(email)),
                role: search.role,
                standing: search.standing,
                before,
                limit: search.limit,
            })
            .await?;
        Ok(rows.iter().map(|row| self.line(row)).collect())
    }

    fn line(&self, row: &AccountRow) -> UserLine {
        let account = row.state.account;
        let vault = self.vault_by(account, row.data_key.as_deref());
        let profile = vault.and_then(|vault| Ok(vault.open_profile(account, &row.profile)?));
        // One damaged row hides itself, not the list.
        let profile = profile.map_err(|error| {
            tracing::error!(%account, %error, "a profile does not open");
        });
        UserLine { state: row.state, profile: profile.ok(), created: row.created }
    }

    /// What some accounts are called; who is erased is left out.
    pub async fn names(
        &self,
        accounts: impl IntoIterator<Item = AccountId>,
    ) -> Result<BTreeMap<AccountId, Profile>> {
        let mut wanted: Vec<AccountId> = accounts.into_iter().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut names = BTreeMap::new();
        for some in wanted.chunks(NAMES_AT_ONCE) {
            for row in self.0.desk.store().accounts_named(some).await? {
                let UserLine { state, profile, .. } = self.line(&row);
                names.extend(profile.map(|profile| (state.account, profile)));
            }
        }
        Ok(names)
    }

    /// One account.
    pub async fn user(&self, account: AccountId) -> Result<UserView> {
        let store = self.0.desk.store();
        let known = self.known(account).await?.ok_or(Error::NotFound { what: "account" })?;
        let tenant = Tenant::host(account);
        let sessions = store.sessions(&tenant, now(), SESSIONS_COUNTED).await?.len();
        let credentials = store.own_credentials(&tenant).await?.len();
        let council = store.council().await?;
        let row = known.row;
        Ok(UserView {
            line: UserLine { state: row.state, profile: Some(known.profile), created: row.created },
            holdings: row.holdings,
            sessions,
            credentials,
            loss: row.loss,
            erasure: row.erasure.map(|erasure| erasure.due),
            needs_two: council.needs(account),
        })
    }

    /// Gives an account another role, among those that decide nothing about others.
    pub async fn set_role(&self, by: &Authenticated, whose: AccountId, role: Role) -> Result<()> {
        self.decide(by, whose, |member, _, now| member.set_role(by, role, now)).await
    }

    /// Disables an account; what it has open ends on the next request.
    pub async fn disable(&self, by: &Authenticated, whose: AccountId) -> Result<()> {
        self.decide(by, whose, |member, council, now| member.disable(by, council, now)).await
    }

    /// Lets a disabled account in again.
    pub async fn enable(&self, by: &Authenticated, whose: AccountId) -> Result<()> {
        self.decide(by, whose, |member, _, now| member.enable(by, now)).await
    }

    /// Ends everything that an account has open.
    pub async fn end_sessions_of(&self, by: &Authenticated, whose: AccountId) -> Result<()> {
        self.decide(by, whose, |member, _, now| member.end_sessions(by, now)).await
    }

    /// Ends everybody's sessions in one act; how many. Devices, factors, tokens and bots stay, and
    /// nobody gets a letter: whoever runs the server says why in words of their own.
    pub async fn end_everybodys_sessions(
        &self,
        by: &Authenticated,
        own: OwnSession,
    ) -> Result<u64> {
        let now = now();
        let end = EndOfAll::by(by, own, now)?;
        let who = by.session().account;
        if !self.0.desk.store().council().await?.has(who) {
            return Err(identity::Error::Permission.into());
        }
        self.end_all(&end, Actor::Account(who), now).await
    }

    /// The same by the operator, with nobody spared.
    pub async fn end_everybodys_sessions_from_host(&self) -> Result<u64> {
        self.end_all(&EndOfAll::host(), Actor::Host, now()).await
    }

    async fn end_all(&self, end: &EndOfAll, actor: Actor, now: Timestamp) -> Result<u64> {
        let mut act = self.0.desk.store().begin().await?;
        let count = act.end_everybodys_sessions(end, now).await?;
        let spared = match end.reach() {
            Reach::Everyone => "nobody",
            Reach::AllButOwners => "owners",
        };
        let deed = Deed::AllSessionsEnded { count, spared };
        act.commit(deed.entry(actor), now).await?;
        self.forget_all();
        Ok(count)
    }

    /// Begins a reset for somebody.
    pub async fn begin_reset_of(&self, by: &Authenticated, whose: AccountId) -> Result<()> {
        self.decide(by, whose, |member, _, now| member.begin_reset(by, now)).await
    }

    /// Judges and keeps what one person decides about another. Whoever does not sit in the council
    /// any more decides nothing, and the act is kept only if the council still is the one that was
    /// read: of two who remove each other one is too late, and is told so.
    async fn decide(
        &self,
        by: &Authenticated,
        whose: AccountId,
        judge: impl FnOnce(&Member, &Council, Timestamp) -> Result<Change, identity::Error>,
    ) -> Result<()> {
        let now = now();
        let who = by.session().account;
        let council = self.0.desk.store().council().await?;
        if !council.has(who) {
            return Err(identity::Error::Permission.into());
        }
        let known = self.known(whose).await?.ok_or(Error::NotFound { what: "account" })?;
        let mut change = judge(&known.member, &council, now)?;
        change.council = Some(council);
        self.keep(Plan::of(Actor::Account(who)).change(&known, change), now).await?;
        Ok(())
    }
}
