//! The one database of a world: every commit as a whole or not at all, and news of it to follow.

use super::{
    Wall,
    ledger::{self, Law, Ledger, Stored},
};
use crate::{
    Account, AccountId, AccountState, Change, Council, Credential, DeviceId, DeviceStanding,
    EmailAddress, EndReason, Erasure, Event, Family, Grant, Holder, Holdings, Loss, Mail, Means,
    Member, OpenedSession, Passkey, PasswordHash, Proposal, Purpose, RecoveryHash, Resolution,
    Rotation, Session, SessionId, Standing, Step, StoredFactors, TokenHash, TotpSecret, Write,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// An account's rows.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub state: AccountState,
    pub email: EmailAddress,
    pub password: Option<PasswordHash>,
    pub totp: Option<(TotpSecret, Step)>,
    pub recovery: Vec<RecoveryHash>,
    pub passkeys: Vec<Passkey>,
    pub devices: BTreeSet<DeviceId>,
    pub loss: Option<Loss>,
    pub erasure: Option<Erasure>,
    pub credentials: Vec<Credential>,
}

impl Row {
    pub(super) fn new(account: &Account, state: AccountState) -> Self {
        Self {
            state,
            email: account.email.clone(),
            password: None,
            totp: None,
            recovery: Vec::new(),
            passkeys: Vec::new(),
            devices: BTreeSet::new(),
            loss: None,
            erasure: None,
            credentials: Vec::new(),
        }
    }

    pub(super) fn member(&self) -> Member {
        let holdings = Holdings {
            password: self.password.is_some(),
            totp: self.totp.is_some(),
            recovery: u8::try_from(self.recovery.len()).unwrap_or(u8::MAX),
            passkeys: self.passkeys.iter().map(|key| key.id).collect(),
        };
        Member { state: self.state, email: self.email.clone(), holdings }
    }

    pub(super) fn factors(&self) -> StoredFactors {
        StoredFactors {
            state: self.state,
            totp: self.totp.clone(),
            recovery: self.recovery.clone(),
            passkeys: self.passkeys.clone(),
        }
    }
}

/// What the servers hear of a commit, after a while.
#[derive(Debug, Clone, Copy)]
pub(super) enum News {
    Ended(SessionId, EndReason),
    State(AccountState),
}

#[derive(Debug)]
pub(super) struct Database {
    pub rows: BTreeMap<AccountId, Row>,
    pub sessions: BTreeMap<SessionId, (Session, Family)>,
    pub grants: BTreeMap<TokenHash, Grant>,
    pub proposals: BTreeMap<Uuid, Proposal>,
    pub news: Vec<News>,
    pub outbox: Vec<Mail>,
    pub events: BTreeMap<&'static str, u64>,
    pub ledger: Ledger,
    pub without: Option<Wall>,
}

impl Database {
    pub(super) fn new(without: Option<Wall>) -> Self {
        Self {
            rows: BTreeMap::new(),
            sessions: BTreeMap::new(),
            grants: BTreeMap::new(),
            proposals: BTreeMap::new(),
            news: Vec::new(),
            outbox: Vec::new(),
            events: BTreeMap::new(),
            ledger: Ledger::default(),
            without,
        }
    }

    fn lacks(&self, wall: Wall) -> bool {
        self.without == Some(wall)
    }

    pub(super) fn council(&self) -> Council {
        let active = self.rows.values().filter(|row| row.state.standing == Standing::Active);
        Council::new(active.map(|row| (row.state.account, row.state.role)))
    }

    pub(super) fn by_email(&self, email: &EmailAddress) -> Option<&Row> {
        self.rows.values().find(|row| row.email == *email)
    }

    pub(super) fn standing(&self, account: AccountId, device: DeviceId) -> DeviceStanding {
        let known = self.rows.get(&account).is_some_and(|row| row.devices.contains(&device));
        if known { DeviceStanding::Known(device) } else { DeviceStanding::Unknown }
    }

    fn log(&mut self, events: &[Event], at: Timestamp) {
        let council = self.council();
        for event in events {
            *self.events.entry(event.kind()).or_default() += 1;
            if let Event::Governed(decision) = event {
                self.ledger.governed(decision, &council, at);
            }
        }
    }

    /// Stores a change, or nothing.
    pub(super) fn apply(&mut self, change: &Change, at: Timestamp) -> bool {
        let before = change.before;
        let Some(row) = self.rows.get(&before.account) else { return false };
        let council = self.council();
        let overtaken = change.council.as_ref().is_some_and(|judged| *judged != council);
        let stale = row.state != before || overtaken;
        if stale && !self.lacks(Wall::Compared) {
            return false;
        }
        if let Some(token) = change.spend {
            let there = self.grants.contains_key(&token);
            if !there && !self.lacks(Wall::SpentLinks) {
                return false;
            }
        }
        let taken = |email: &EmailAddress| {
            self.by_email(email).is_some_and(|row| row.state.account != before.account)
        };
        let conflict = change.writes.iter().any(|write| match write {
            Write::Use(means) => !self.usable(before.account, *means),
            Write::Email(email) => taken(email),
            Write::TakeLoss(loss) => row.loss != Some(*loss),
            Write::AddPasskey(new) => {
                self.rows.values().any(|row| row.passkeys.iter().any(|key| key.id == new.id))
            }
            _ => false,
        });
        if conflict {
            return false;
        }
        let has_factor = row.totp.is_some() || !row.passkeys.is_empty();
        self.ledger.stored(&Stored { change, council: &council, has_factor, stale, at });
        if !self.lacks(Wall::SpentLinks) {
            change.spend.and_then(|token| self.grants.remove(&token));
        }
        for write in &change.writes {
            self.write(before.account, write);
        }
        if let Some(row) = self.rows.get_mut(&before.account) {
            row.state = change.after;
            if self.without == Some(Wall::Epoch) {
                row.state.epoch = before.epoch;
            }
            self.news.push(News::State(row.state));
        }
        if let Some((kept, reason)) = ledger::reason(change.ends) {
            self.end_all(before.account, kept, reason, at);
        }
        self.log(&change.events, at);
        self.outbox.extend(change.mails.iter().cloned());
        true
    }

    /// Stores a step of a proposal, and the change that it is for, or neither.
    pub(super) fn resolve(
        &mut self,
        resolution: &Resolution,
        change: Option<&Change>,
        at: Timestamp,
    ) -> bool {
        let id = resolution.proposal.id;
        let same = self.proposals.get(&id).map(|stored| stored.state) == resolution.before;
        let council = self.council();
        let overtaken = resolution.council.as_ref().is_some_and(|judged| *judged != council);
        if !same || (overtaken && !self.lacks(Wall::Compared)) {
            return false;
        }
        // The log judges the council before the act changes it.
        self.log(&resolution.events, at);
        let done = change.is_none_or(|change| self.apply(change, at));
        if done {
            self.proposals.insert(id, resolution.proposal);
            self.outbox.extend(resolution.mails.iter().cloned());
        }
        done
    }

    /// Whether a proof is unused.
    fn usable(&self, account: AccountId, means: Means) -> bool {
        if self.lacks(Wall::UsedOnce) {
            return true;
        }
        let Some(row) = self.rows.get(&account) else { return false };
        match means {
            Means::Totp(step) => row.totp.as_ref().is_some_and(|(_, last)| *last < step),
            Means::Recovery(index) => row.recovery.iter().any(|code| code.index == index),
            Means::Passkey(id, (before, _)) => {
                row.passkeys.iter().any(|key| key.id == id && key.counter == before)
            }
            Means::Alone => {
                let has_none = row.totp.is_none() && row.passkeys.is_empty();
                has_none || self.lacks(Wall::ResetFactor)
            }
            Means::Enrolment => true,
        }
    }

    fn use_up(&mut self, account: AccountId, means: Means) {
        let Some(row) = self.rows.get_mut(&account) else { return };
        let mut name = None;
        match means {
            Means::Totp(step) => {
                if let Some((secret, last)) = &mut row.totp {
                    *last = (*last).max(step);
                    name = Some(format!("step {} of {:?}", step.number(), secret.expose()));
                }
            }
            Means::Recovery(index) => {
                let code = row.recovery.iter().find(|code| code.index == index);
                name = code.map(|code| code.hash.as_str().to_owned());
                if self.without != Some(Wall::UsedOnce) {
                    row.recovery.retain(|code| code.index != index);
                }
            }
            Means::Passkey(id, (_, after)) => {
                for key in row.passkeys.iter_mut().filter(|key| key.id == id) {
                    key.counter = after;
                }
            }
            Means::Alone | Means::Enrolment => {}
        }
        if let Some(name) = name {
            self.ledger.used(account, &name);
        }
    }

    fn write(&mut self, account: AccountId, write: &Write) {
        if let Write::Use(means) = write {
            return self.use_up(account, *means);
        }
        if let Write::Grant(grant) = write {
            return self.keep(grant.clone());
        }
        let Some(row) = self.rows.get_mut(&account) else { return };
        match write {
            Write::Password(hash) => row.password = Some(hash.clone()),
            Write::Email(email) => row.email = email.clone(),
            Write::Totp(secret, step) => {
                row.totp = Some((secret.clone(), *step));
                let name = format!("step {} of {:?}", step.number(), secret.expose());
                self.ledger.used(account, &name);
            }
            Write::NoTotp => row.totp = None,
            Write::Recovery(codes) => row.recovery.clone_from(codes),
            Write::AddPasskey(key) => row.passkeys.push(key.clone()),
            Write::DropPasskey(id) => row.passkeys.retain(|key| key.id != *id),
            Write::Loss(loss) => row.loss = Some(*loss),
            Write::DropLoss | Write::TakeLoss(_) => row.loss = None,
            Write::Device(device) => {
                row.devices.insert(*device);
            }
            Write::DropDevices => row.devices.clear(),
            Write::DropCredentials => row.credentials.clear(),
            Write::Erasure(erasure) => row.erasure = Some(*erasure),
            Write::DropErasure => row.erasure = None,
            Write::DropGrants => {
                if self.without != Some(Wall::SpentLinks) {
                    self.grants.retain(|_, grant| holder(grant) != Some(account));
                }
            }
            Write::DropDataKey
            | Write::Delete(_)
            | Write::DisplayName(_)
            | Write::Use(_)
            | Write::Grant(_) => {}
        }
    }

    /// The newest link of a purpose and account replaces the ones before.
    pub(super) fn keep(&mut self, grant: Grant) {
        let who = holder(&grant);
        let same =
            |old: &Grant| who.is_some() && holder(old) == who && old.purpose == grant.purpose;
        self.grants.retain(|_, old| !same(old));
        self.grants.insert(grant.hash, grant);
    }

    /// Opens a session and uses its proof up, or neither.
    pub(super) fn open(&mut self, opened: &OpenedSession, at: Timestamp) -> bool {
        let account = opened.session.account;
        let current = self
            .rows
            .get(&account)
            .is_some_and(|row| row.state == opened.state && row.state.standing == Standing::Active);
        if !current || !self.usable(account, opened.means) {
            return false;
        }
        self.use_up(account, opened.means);
        let mut events = opened.events.clone();
        if let Some(row) = self.rows.get_mut(&account) {
            row.devices.insert(opened.session.device);
            if let Some(loss) = row.loss.filter(|_| opened.means != Means::Alone) {
                let (_, event) = loss.disproved(&row.member());
                row.loss = None;
                events.push(event);
            }
        }
        self.sessions.insert(opened.session.id, (opened.session, opened.family));
        for event in &events {
            if let Event::Life { account, what: crate::Life::FactorKept } = event {
                self.ledger.kept(*account);
            }
        }
        self.log(&events, at);
        true
    }

    /// Stores what came of presenting a refresh token, if the family has not moved on.
    pub(super) fn rotate(&mut self, rotation: &Rotation, at: Timestamp) -> bool {
        let id = rotation.before.session;
        let Some((session, family)) = self.sessions.get_mut(&id) else { return false };
        if *family != rotation.before || session.ended.is_some() {
            return false;
        }
        *family = rotation.family;
        self.ledger.rotated(rotation);
        if let Some(reason) = rotation.ended()
            && self.without != Some(Wall::Reuse)
        {
            self.end(id, reason, at);
        }
        self.log(&rotation.events, at);
        true
    }

    /// Ends one session.
    pub(super) fn end(&mut self, id: SessionId, reason: EndReason, at: Timestamp) {
        if let Some((session, _)) = self.sessions.get_mut(&id)
            && session.ended.is_none()
        {
            session.ended = Some(reason);
            self.ledger.ended(id, at);
            self.news.push(News::Ended(id, reason));
        }
    }

    fn end_all(
        &mut self,
        account: AccountId,
        kept: Option<SessionId>,
        reason: EndReason,
        at: Timestamp,
    ) {
        let alive = self.sessions.values().map(|(session, _)| session);
        let ids: Vec<SessionId> = alive
            .filter(|s| s.account == account && s.ended.is_none() && Some(s.id) != kept)
            .map(|s| s.id)
            .collect();
        for id in ids {
            self.end(id, reason, at);
        }
    }

    pub(super) fn broke(&mut self, law: Law, what: impl Into<String>) {
        self.ledger.broke(law, what);
    }

    /// Links of a purpose, for who holds the mailbox.
    pub(super) fn grant(&self, hash: &TokenHash, purpose: Purpose) -> Option<&Grant> {
        self.grants.get(hash).filter(|grant| grant.purpose == purpose)
    }
}

const fn holder(grant: &Grant) -> Option<AccountId> {
    match &grant.holder {
        Holder::Account { account, .. } | Holder::NewAddress { account, .. } => Some(*account),
        Holder::Address { .. } => None,
    }
}
