//! What people and thieves do with accounts, each judged now and stored later.

use super::{
    Wall,
    ledger::Law,
    people::{keep, new_password, sent},
    world::{By, Flight, Learns, World},
};
use crate::{
    Answer, Credentials, DeviceStanding, Errand, Error, FactorProof, Grant, Helpers, Holder,
    Letter, Level, LossProof, NewFactor, OneTimeToken, OpenedSession, PasswordProof, Permission,
    Purpose, RefreshToken, Reset, SignIn, Standing, Step, StoredFactors, TotpSecret, Wish,
};
use jiff::Timestamp;

impl World {
    fn password_proof(&mut self, who: usize, now: Timestamp) -> Option<PasswordProof> {
        let person = self.people.get(who)?;
        let row = self.database.rows.get(&person.account)?;
        let stored = Credentials { state: row.state, password: row.password.clone()? };
        self.passwords.verify(Some(&stored), &sent(&person.password), now).ok()
    }

    /// All factors of a person, given by them or by a thief who knows the password and every code
    /// that was ever typed.
    fn prove(&mut self, who: usize, by: By, now: Timestamp) -> Option<(SignIn, FactorProof)> {
        let proof = self.password_proof(who, now)?;
        let person = self.people.get(who)?;
        let stored = self.database.rows.get(&person.account)?.factors();
        let sign_in = SignIn::new(&proof, DeviceStanding::Unknown);
        if stored.totp.is_none() {
            return sign_in.alone(&stored, now).ok().map(|proof| (sign_in, proof));
        }
        let account = person.account;
        if by == By::Owner && self.dice.percent(12) {
            let code = self.dice.pick(&person.codes)?.clone();
            let proof = sign_in.recovery(&code, &stored, &self.passwords, now).ok()?;
            return Some((sign_in, proof));
        }
        let code = match by {
            By::Owner => person.totp.as_ref()?.code(Step::at(now)).expose().clone(),
            By::Thief => {
                let seen: Vec<String> = self
                    .loot
                    .codes
                    .iter()
                    .filter(|(a, _)| *a == account)
                    .map(|(_, code)| code.clone())
                    .collect();
                self.dice.pick(&seen)?.clone()
            }
        };
        keep(&mut self.loot.codes, (account, code.clone()));
        let proof = sign_in.totp(&code, &stored, now).ok()?;
        Some((sign_in, proof))
    }

    pub(super) fn sign_in(&mut self, who: usize) {
        let by = if self.dice.percent(25) { By::Thief } else { By::Owner };
        self.same_refusals(who);
        // Parallel challenges with one code, on two servers perhaps.
        let times = 1 + usize::from(self.dice.percent(40));
        for _ in 0..times {
            let (server, now) = self.place();
            let Some((_, proof)) = self.prove(who, by, now) else { continue };
            let own = if by == By::Owner { 80 } else { 0 };
            let Some(device) = self.browser(who, own) else { return };
            let rules = (&self.policy, &self.refresh_key);
            let opened = OpenedSession::open(proof, device, rules, now, &mut self.entropy);
            self.launch(Flight::Open(who, Box::new(opened), by, server));
        }
    }

    /// A person signs in and nothing comes between.
    pub(super) fn arrive(&mut self, who: usize) {
        let (server, now) = self.place();
        let Some((_, proof)) = self.prove(who, By::Owner, now) else { return };
        let Some(device) = self.browser(who, 100) else { return };
        let rules = (&self.policy, &self.refresh_key);
        let opened = OpenedSession::open(proof, device, rules, now, &mut self.entropy);
        if self.database.open(&opened, self.truth) {
            self.opened(who, &opened, By::Owner, server);
        }
    }

    /// A person asks for a letter and has it at once.
    fn mailed(&mut self, who: usize, wish: Wish) -> Option<(OneTimeToken, Grant)> {
        let (_, now) = self.place();
        let person = self.people.get(who)?;
        let device = person.device;
        let row = self.database.rows.get(&person.account)?;
        let (email, member) = (row.email.clone(), row.member());
        let errand = Errand { wish, email, device, asked: now };
        let delivery = errand.run(Some(&member), now, &mut self.entropy);
        let token = delivery.mails.into_iter().find_map(|mail| match mail.letter {
            Letter::Reset(token) | Letter::FactorLink(token) => Some(token),
            _ => None,
        })?;
        let grant = delivery.grant?;
        self.database.keep(grant.clone());
        Some((token, grant))
    }

    /// A wrong password, an unknown and a disabled account read the same.
    fn same_refusals(&mut self, who: usize) {
        let (_, now) = self.place();
        let Some(person) = self.people.get(who) else { return };
        let Some(row) = self.database.rows.get(&person.account) else { return };
        let Some(password) = row.password.clone() else { return };
        let disabled = crate::AccountState { standing: Standing::Disabled, ..row.state };
        let known = Credentials { state: row.state, password: password.clone() };
        let barred = Credentials { state: disabled, password };
        let answers = [
            self.passwords.verify(Some(&known), &sent("not this one at all"), now).err(),
            self.passwords.verify(None, &sent(&person.password), now).err(),
            self.passwords.verify(Some(&barred), &sent(&person.password), now).err(),
        ];
        if answers != [const { Some(Error::Credentials) }; 3] {
            self.broke(Law::SameAnswers, format!("{answers:?}"));
        }
    }

    /// Somebody uses an access token: a tab's, or any that was ever seen.
    pub(super) fn request(&mut self) {
        let (server, now) = self.place();
        let newest = self.loot.access.last().filter(|_| self.dice.percent(50)).cloned();
        let any = self.dice.pick(&self.loot.access).cloned();
        let Some(token) = newest.or(any) else { return };
        let Some(server) = self.servers.get_mut(server) else { return };
        let Ok(who) = server.request(&token, &mut self.database, self.truth) else {
            self.counts.refused += 1;
            return;
        };
        self.counts.admitted += 1;
        let alone = who.session().factor == crate::FactorKind::Password;
        let may = if self.database.without == Some(Wall::StaffFactor) {
            who.role().allows(Permission::AccountRead)
        } else {
            who.authorize(Permission::AccountRead, now).is_ok()
        };
        if alone && who.role().is_staff() && may {
            self.broke(Law::StaffHasFactor, "staff looked at accounts without a second factor");
        }
        if alone && who.level(now) == Level::Dangerous {
            self.broke(Law::StaffHasFactor, "a password alone counted as two factors");
        }
    }

    /// A tab refreshes, two at once perhaps; or a thief does, with the device's cookie or without.
    pub(super) fn refresh(&mut self, who: usize) {
        let thief = self.dice.percent(20);
        let (token, device, by) = if thief {
            let Some((token, device)) = self.dice.pick(&self.loot.refresh).cloned() else { return };
            let Some(strange) = self.browser(who, 0) else { return };
            let device = if self.dice.percent(50) { device } else { strange };
            (token, device, By::Thief)
        } else {
            let Some(person) = self.people.get(who) else { return };
            let Some(tab) = self.dice.pick(&person.tabs).cloned() else { return };
            let session = self.database.sessions.get(&tab.session);
            let Some(device) = session.map(|(s, _)| s.device) else { return };
            (tab.refresh, device, By::Owner)
        };
        let Ok(token) = RefreshToken::parse(&token, &self.refresh_key) else { return };
        let times = 1 + usize::from(self.dice.percent(30));
        for _ in 0..times {
            let (server, now) = self.place();
            let Some((session, family)) = self.database.sessions.get(&token.session()) else {
                return;
            };
            let Some(row) = self.database.rows.get(&session.account) else { return };
            let rules = (&self.policy, &self.refresh_key);
            let judged = family.rotate((session, &row.state), (&token, device), rules, now);
            let Some(whose) = self.who(session.account) else { return };
            if let Ok(rotation) = judged {
                self.launch(Flight::Rotate(whose, Box::new(rotation), by, server));
            }
        }
    }

    fn fresh_password(&mut self) -> String {
        self.typed += 1;
        format!("red herons wade at dawn {}", self.typed)
    }

    pub(super) fn change_password(&mut self, who: usize) {
        let (_, now) = self.place();
        let Some((_, proof)) = self.prove(who, By::Owner, now) else { return };
        let text = self.fresh_password();
        let Some(person) = self.people.get(who) else { return };
        let Some(tab) = person.tabs.last() else { return };
        let Some(row) = self.database.rows.get(&person.account) else { return };
        let new = new_password(&text, &person.email);
        let member = row.member();
        let new = (&new, &self.passwords);
        let change = member.change_password(&proof, new, (tab.session, now), &mut self.entropy);
        self.fly(who, change, Learns::Password(text));
    }

    pub(super) fn fly(&mut self, who: usize, change: Result<crate::Change, Error>, learns: Learns) {
        if let Ok(change) = change {
            self.launch(Flight::Change(who, Box::new(change), learns));
        }
    }

    /// Somebody asks for a letter, for an address with or without an account.
    pub(super) fn ask(&mut self, who: usize) {
        let (_, now) = self.place();
        let wish =
            *self.dice.pick(&[Wish::Reset, Wish::Device, Wish::Loss]).unwrap_or(&Wish::Reset);
        let Some(device) = self.browser(who, 70) else { return };
        let Some(person) = self.people.get(who) else { return };
        let stranger: crate::EmailAddress = "nobody@example.org".parse().expect("an address");
        let answers: Vec<Result<(), Error>> =
            [&person.email, &stranger].into_iter().map(|email| self.answer_to(email)).collect();
        if answers.first() != answers.last() {
            self.broke(Law::SameAnswers, "asking for a letter told who has an account");
        }
        let Some(person) = self.people.get(who) else { return };
        let errand = Errand { wish, email: person.email.clone(), device, asked: now };
        let found = self.database.by_email(&errand.email).map(super::database::Row::member);
        let delivery = errand.run(found.as_ref(), now, &mut self.entropy);
        let nothing = Errand { email: stranger, ..errand }.run(None, now, &mut self.entropy);
        if nothing.grant.is_some() || !nothing.mails.is_empty() {
            self.broke(Law::SameAnswers, "a stranger's address got a letter");
        }
        if let Some(grant) = delivery.grant {
            self.database.keep(grant);
        }
        self.database.outbox.extend(delivery.mails);
    }

    /// What a visitor hears: the same, as the errand is queued unseen.
    fn answer_to(&self, email: &crate::EmailAddress) -> Result<(), Error> {
        let told = self.lacks(Wall::EqualAnswers) && self.database.by_email(email).is_none();
        if told { Err(Error::Credentials) } else { Ok(()) }
    }

    /// Somebody who reads a mailbox follows a link, twice perhaps.
    pub(super) fn follow(&mut self, who: usize) {
        let purpose = [
            Purpose::Reset,
            Purpose::Device,
            Purpose::Reset,
            Purpose::AddressConfirm,
            Purpose::AddressStop,
        ];
        let purpose = *self.dice.pick(&purpose).unwrap_or(&Purpose::Reset);
        let found = if purpose == Purpose::Reset && self.dice.percent(50) {
            self.mailed(who, Wish::Reset)
        } else {
            self.link(purpose)
        };
        let Some((token, grant)) = found else { return };
        let (Holder::Account { account, .. } | Holder::NewAddress { account, .. }) = &grant.holder
        else {
            return;
        };
        let Some(owner) = self.who(*account) else { return };
        let by = if owner == who { By::Owner } else { By::Thief };
        for _ in 0..=usize::from(self.dice.percent(40)) {
            match purpose {
                Purpose::Reset => self.reset(owner, by, (&token, &grant)),
                _ => self.follow_plain(owner, purpose, (&token, &grant)),
            }
        }
    }

    fn follow_plain(&mut self, who: usize, purpose: Purpose, link: (&OneTimeToken, &Grant)) {
        let (_, now) = self.place();
        let Some(person) = self.people.get(who) else { return };
        let Some(row) = self.database.rows.get(&person.account) else { return };
        let member = row.member();
        let change = match purpose {
            Purpose::Device => {
                let Some(device) = link.1.device else { return };
                member.vouch_device(link, device, now)
            }
            Purpose::AddressConfirm => member.confirm_address(link, now),
            _ => member.stop_address(link, now),
        };
        self.fly(who, change, Learns::Nothing);
    }

    fn reset(&mut self, who: usize, by: By, link: (&OneTimeToken, &Grant)) {
        let (_, now) = self.place();
        let text = self.fresh_password();
        let Some(person) = self.people.get(who) else { return };
        let Some(row) = self.database.rows.get(&person.account) else { return };
        let mut stored = row.factors();
        // A thief has the browser's cookie here too: the factor alone must hold.
        let device = link.1.device.unwrap_or(person.device);
        let Ok(reset) = Reset::begin(link, row.member(), device, now) else { return };
        if self.database.without == Some(Wall::ResetFactor) {
            stored = StoredFactors { totp: None, passkeys: Vec::new(), ..stored };
        }
        let code = person.totp.as_ref().map(|totp| totp.code(Step::at(now)).expose().clone());
        let answer = match (&code, by) {
            (Some(code), By::Owner) if stored.totp.is_some() => Answer::Totp(code),
            _ => Answer::Nothing,
        };
        let new = new_password(&text, &person.email);
        let new = (&new, &self.passwords);
        let change = reset.finish((&answer, &stored), new, now, &mut self.entropy);
        self.fly(who, change, Learns::Password(text));
    }

    /// A person enrols an authenticator (again), or makes fresh codes.
    pub(super) fn change_factor(&mut self, who: usize) {
        let (_, now) = self.place();
        let Some((_, proof)) = self.prove(who, By::Owner, now) else { return };
        let fresh = TotpSecret::generate(&mut self.entropy);
        let code = fresh.code(Step::at(now)).expose().clone();
        let Some(person) = self.people.get(who) else { return };
        let Some(tab) = person.tabs.last() else { return };
        let Some(row) = self.database.rows.get(&person.account) else { return };
        let member = row.member();
        let rules = (&self.passwords, tab.session, now);
        let (enrolled, secret) = if self.dice.percent(60) {
            let factor = NewFactor::Totp(&fresh, &code);
            let enrolled = member.enrol(&proof, factor, rules, &mut self.entropy);
            (enrolled, Some(fresh))
        } else {
            (member.renew_codes(&proof, rules, &mut self.entropy), None)
        };
        let Ok(enrolled) = enrolled else { return };
        self.fly(who, Ok(enrolled.change), Learns::Factor(secret, enrolled.codes));
    }

    /// Whoever knows the password and reads the mailbox says that the factor is lost, stops that,
    /// or puts another in its place.
    pub(super) fn lose_factor(&mut self, who: usize) {
        let (_, now) = self.place();
        if self.dice.percent(20) {
            return self.stop_loss();
        }
        let found = if self.dice.percent(60) {
            self.mailed(who, Wish::Loss)
        } else {
            self.link(Purpose::Loss)
        };
        let Some((token, grant)) = found else { return };
        let Holder::Account { account, .. } = grant.holder else { return };
        let Some(whose) = self.who(account) else { return };
        let Some(password) = self.password_proof(whose, now) else { return };
        let fresh = TotpSecret::generate(&mut self.entropy);
        let hurried = self.lacks(Wall::LossWait);
        let Some(row) = self.database.rows.get_mut(&account) else { return };
        if let Some(loss) = row.loss.as_mut().filter(|_| hurried) {
            loss.ready = now;
        }
        let (member, loss) = (row.member(), row.loss);
        let Some(device) = grant.device else { return };
        let proof = LossProof {
            member: &member,
            password: &password,
            token: &token,
            grant: &grant,
            device,
        };
        let Some(loss) = loss else {
            let helpers = if who.is_multiple_of(2) { Helpers::Absent } else { Helpers::Present };
            let change = crate::Loss::declare(&proof, helpers, now, &mut self.entropy);
            return self.fly(whose, change, Learns::Nothing);
        };
        let code = fresh.code(Step::at(now)).expose().clone();
        let factor = NewFactor::Totp(&fresh, &code);
        let rules = (&self.passwords, now);
        let enrolled = loss.replace(&proof, factor, rules, &mut self.entropy);
        if let Ok(enrolled) = enrolled {
            self.fly(whose, Ok(enrolled.change), Learns::Factor(Some(fresh), enrolled.codes));
        }
    }

    fn stop_loss(&mut self) {
        let (_, now) = self.place();
        let Some((token, grant)) = self.link(Purpose::LossStop) else { return };
        let Holder::Account { account, .. } = grant.holder else { return };
        let Some(row) = self.database.rows.get(&account) else { return };
        let Some(loss) = row.loss else { return };
        let change = loss.stop_by_link((&token, &grant), &row.member(), now);
        let Some(whose) = self.who(account) else { return };
        self.fly(whose, change, Learns::Nothing);
    }

    /// A person asks for another address.
    pub(super) fn move_house(&mut self, who: usize) {
        let (_, now) = self.place();
        let Some((_, proof)) = self.prove(who, By::Owner, now) else { return };
        self.typed += 1;
        let number = self.typed;
        let email = format!("m{number}@example.org").parse().expect("an address");
        let Some(person) = self.people.get(who) else { return };
        let Some(row) = self.database.rows.get(&person.account) else { return };
        let change = row.member().ask_address(&proof, email, now, &mut self.entropy);
        self.fly(who, change, Learns::Nothing);
    }
}
