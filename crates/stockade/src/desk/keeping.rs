//! Keeping: what was judged about accounts is sealed, put into letters and stored in one act; then
//! what is held in memory follows.

use super::{
    Accounts, Actor, Error, Opened, Result, Visitor, entry,
    letters::{Addressed, Context},
    now,
};
use identity::{
    AccountId, AccountState, Change, Client, DeviceCookie, EmailAddress, EndReason, Event,
    FactorProof, Mail, Member, OpenedSession, Profile, RefreshToken, SealedChange, SealedClient,
    Session, Vault, Write,
};
use jiff::Timestamp;
use kms::SystemEntropy;
use seal::Secret;
use std::{collections::BTreeMap, sync::Arc};
use store::{Committed, MemberRow, Outcome, Overtaken, Part, PostingRow};

/// An account, opened: what its acts are judged by, and what its fields are sealed with.
pub(super) struct Known {
    pub member: Member,
    pub profile: Profile,
    pub row: MemberRow,
    /// Its own.
    pub vault: Arc<Vault>,
}

/// What one act stores; filled step by step, written in that order.
pub(super) struct Plan<'a> {
    actor: Actor,
    items: Vec<Item<'a>>,
    events: Vec<Event>,
    pub(super) mails: Vec<Addressed>,
    /// Addresses that become an account's own with this act.
    moved: BTreeMap<AccountId, EmailAddress>,
    visitor: Option<Visitor>,
}

enum Item<'a> {
    Change(Box<SealedChange>),
    Part(Part<'a>),
}

impl Item<'_> {
    fn part(&self) -> Part<'_> {
        match self {
            Item::Change(change) => Part::Change(change),
            Item::Part(part) => *part,
        }
    }
}

impl<'a> Plan<'a> {
    /// Nothing yet; the log says who acts.
    pub(super) const fn of(actor: Actor) -> Self {
        Self {
            actor,
            items: Vec::new(),
            events: Vec::new(),
            mails: Vec::new(),
            moved: BTreeMap::new(),
            visitor: None,
        }
    }

    /// Where the act comes from: its letters say so.
    pub(super) fn asked_by(mut self, visitor: &Visitor) -> Self {
        self.visitor = Some(visitor.clone());
        self
    }

    /// A change of an account, with its letters.
    pub(super) fn change(mut self, known: &Known, change: Change) -> Self {
        let account = known.member.state.account;
        for write in &change.writes {
            if let Write::Email(email) = write {
                self.moved.insert(account, email.clone());
            }
        }
        // Once the account's key is gone nobody could open a letter under it.
        let is_gone = change.writes.iter().any(|write| matches!(write, Write::DropDataKey));
        let (sealed, mails) = known.vault.seal_change(change, &mut SystemEntropy::new());
        let about = (!is_gone).then_some(account);
        let before = &known.member.email;
        let told = |mail| Addressed { mail, about, before: Some(before.clone()) };
        self.mails.extend(mails.into_iter().map(told));
        self.items.push(Item::Change(Box::new(sealed)));
        self
    }

    /// Another part of the deed; a proposal's step brings its letters along.
    pub(super) fn part(mut self, part: Part<'a>) -> Self {
        if let Part::Step(step) = &part {
            let mails = step.mails.iter().cloned();
            self.mails.extend(mails.map(Addressed::plain));
        }
        self.items.push(Item::Part(part));
        self
    }

    /// What happened beside what the parts tell themselves.
    pub(super) fn events(mut self, events: impl IntoIterator<Item = Event>) -> Self {
        self.events.extend(events);
        self
    }

    /// A letter that no change brings along.
    pub(super) fn mail(mut self, mail: Mail) -> Self {
        self.mails.push(Addressed::plain(mail));
        self
    }

    fn parts(&self) -> Vec<Part<'_>> {
        self.items.iter().map(Item::part).collect()
    }

    fn context(&self, at: Timestamp) -> Context<'_> {
        let proposal = self.items.iter().find_map(|item| match item {
            Item::Part(Part::Step(step)) => Some(step.proposal),
            _ => None,
        });
        let by = if let Actor::Account(account) = self.actor { Some(account) } else { None };
        Context { at, visitor: self.visitor.as_ref(), by, proposal, moved: &self.moved }
    }
}

impl Accounts {
    /// An account, unless it is erased.
    pub(super) async fn known(&self, account: AccountId) -> Result<Option<Known>> {
        let row = self.0.desk.store().member(account).await?;
        row.map(|row| self.opened(row)).transpose()
    }

    /// The account of an address, if it has one.
    pub(super) async fn known_by(&self, email: &EmailAddress) -> Result<Option<Known>> {
        let row = self.0.desk.store().member_by_email(&self.0.vault.index(email)).await?;
        row.map(|row| self.opened(row)).transpose()
    }

    fn opened(&self, row: MemberRow) -> Result<Known> {
        let account = row.state.account;
        let vault = self.vault_by(account, row.data_key.as_deref())?;
        let profile = vault.open_profile(account, &row.profile)?;
        let (state, email) = (row.state, profile.email.clone());
        let member = Member { state, email, holdings: row.holdings.clone() };
        Ok(Known { member, profile, row, vault })
    }

    /// What an account's own fields are sealed with.
    pub(super) async fn vault_of(&self, account: AccountId) -> Result<Arc<Vault>> {
        let sealed = self.0.desk.store().data_key(account).await?;
        self.vault_by(account, sealed.as_deref())
    }

    /// The vault of a sealed data key; an account without one lies under the server's own.
    pub(super) fn vault_by(
        &self,
        account: AccountId,
        data_key: Option<&[u8]>,
    ) -> Result<Arc<Vault>> {
        let house = &self.0.vault;
        let Some(sealed) = data_key else { return Ok(Arc::clone(house)) };
        Ok(Arc::new(house.of_account(&house.open_data_key(account, sealed)?)))
    }

    /// Seals, writes the letters and keeps all of a plan in one transaction with its leaves, or
    /// nothing; then sessions end and accounts change in memory, too.
    ///
    /// Errors: [`Error::Overtaken`] where somebody was faster, and for a link or a factor that is used
    /// up meanwhile what an unknown one gets.
    pub(super) async fn keep(&self, plan: Plan<'_>, now: Timestamp) -> Result<Committed> {
        let postings = self.letters_of(&plan, now).await?;
        let parts = plan.parts();
        let deed = store::Deed { parts: &parts, events: &plan.events, postings: &postings };
        let act = self.0.desk.store().begin().await?;
        let outcome = act.keep(&deed, |event| entry(event, plan.actor), now).await?;
        let (committed, ended) = match outcome {
            Outcome::Kept { committed, ended } => (committed, ended),
            Outcome::Overtaken(lost) => return Err(overtaken(lost)),
        };
        let mut live = self.live();
        for part in &parts {
            match part {
                Part::Change(change) => live.registry.set_account(change.after),
                Part::Session(opened, _) => live.registry.insert(opened.session, opened.state),
                _ => {}
            }
        }
        for (session, reason) in ended {
            live.registry.end(session, reason, now);
        }
        drop(live);
        self.0.ends.send_modify(|count| *count += 1);
        self.posted(&postings);
        Ok(committed)
    }

    /// Keeps letters, and a link they may carry, that tell of no act: an anonymous visitor's errand.
    pub(super) async fn keep_errand(
        &self,
        delivery: identity::Delivery,
        known: Option<&Known>,
        visitor: Option<&Visitor>,
        now: Timestamp,
    ) -> Result<()> {
        let about = known.map(|known| known.member.state.account);
        let before = known.map(|known| known.member.email.clone());
        let told = |mail| Addressed { mail, about, before: before.clone() };
        let mails: Vec<Addressed> = delivery.mails.into_iter().map(told).collect();
        let vault = known.map_or(&self.0.vault, |known| &known.vault);
        let link = delivery.grant.map(|grant| vault.seal_grant(&grant, &mut SystemEntropy::new()));
        if delivery.events.is_empty() {
            let moved = BTreeMap::new();
            let context = Context { at: now, visitor, by: None, proposal: None, moved: &moved };
            let postings = self.write_letters(&mails, &context).await?;
            self.0.desk.store().keep_delivery(link.as_ref(), &postings, now).await?;
            self.posted(&postings);
            return Ok(());
        }
        let mut plan = Plan::of(Actor::Anonymous).events(delivery.events);
        plan.mails = mails;
        plan.visitor = visitor.cloned();
        let plan = link.iter().fold(plan, |plan, link| plan.part(Part::Link(link)));
        self.keep(plan, now).await?;
        Ok(())
    }

    /// The letters of a plan, as rows.
    pub(super) async fn letters_of(
        &self,
        plan: &Plan<'_>,
        now: Timestamp,
    ) -> Result<Vec<PostingRow>> {
        self.write_letters(&plan.mails, &plan.context(now)).await
    }

    /// Wakes whoever sends letters.
    pub(super) fn posted(&self, postings: &[PostingRow]) {
        if !postings.is_empty() {
            self.0.posted.notify_one();
        }
    }

    /// Keeps a plan and opens a session in the same act, with the vault of its account.
    pub(super) async fn open_with(
        &self,
        visitor: &Visitor,
        (proof, vault): (FactorProof, &Vault),
        plan: Plan<'_>,
    ) -> Result<Opened> {
        let now = now();
        let (opened, client, cookie) = self.begin_session(visitor, (proof, vault), now);
        // A browser is in one session: whoever signs in anew leaves the one before it.
        let left = self.current(visitor).await?;
        let ends = |session| Part::End(session, EndReason::SignOut);
        let plan = left.iter().map(ends).fold(plan, Plan::part);
        self.keep(plan.part(Part::Session(&opened, &client)), now).await?;
        self.handed_out(&opened, &cookie, now).await
    }

    /// The session that a browser is in by its refresh token, live or over.
    async fn current(&self, visitor: &Visitor) -> Result<Option<Session>> {
        let Some(token) = &visitor.refresh else { return Ok(None) };
        let Ok(token) = RefreshToken::parse(token.expose(), &self.0.refresh_key) else {
            return Ok(None);
        };
        let row = self.0.desk.store().session(token.session()).await?;
        Ok(row.map(|row| row.session))
    }

    /// A session that is not kept yet, where it runs, and its device.
    pub(super) fn begin_session(
        &self,
        visitor: &Visitor,
        (proof, vault): (FactorProof, &Vault),
        now: Timestamp,
    ) -> (OpenedSession, SealedClient, DeviceCookie) {
        let mut entropy = SystemEntropy::new();
        let cookie = self.device(visitor).unwrap_or_else(|| DeviceCookie::new(now, &mut entropy));
        let rules = (&self.0.rules, &self.0.refresh_key);
        let opened = OpenedSession::open(proof, cookie.device(), rules, now, &mut entropy);
        let client = Client::new(visitor.address, &visitor.agent);
        let owner = (opened.session.account, opened.session.id);
        let sealed = vault.seal_client(owner, &client, &mut entropy);
        (opened, sealed, cookie)
    }

    /// What the browser keeps of a session that is in the registry.
    pub(super) async fn handed_out(
        &self,
        opened: &OpenedSession,
        cookie: &DeviceCookie,
        now: Timestamp,
    ) -> Result<Opened> {
        let access = self.reissue(&opened.session, &opened.state, now);
        Ok(Opened {
            guest: self.guest_of(&access, now).await?,
            access,
            refresh: opened.refresh.text(),
            device: cookie.text(&self.0.device_key),
            expires: opened.session.expires,
        })
    }

    /// A fresh access token for a session that goes on in its account's new epoch.
    pub(super) fn reissue(
        &self,
        session: &Session,
        state: &AccountState,
        now: Timestamp,
    ) -> Secret<String> {
        self.access().keys.issue(session, state, now, &mut SystemEntropy::new()).text
    }
}

/// What whoever was too late hears.
fn overtaken(lost: Overtaken) -> Error {
    match lost {
        Overtaken::Link => identity::Error::Ticket.into(),
        Overtaken::Factor => identity::Error::Code.into(),
        lost => Error::Overtaken { lost },
    }
}
