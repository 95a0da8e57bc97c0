//! What those who run the server do, rightly and wrongly, and what strangers do to all.

use super::{
    Wall,
    database::Row,
    ledger::Law,
    world::{Flight, Learns, World},
};
use crate::{
    AccountId, Attempt, Authenticated, Change, DeviceStanding, EndReason, Error, HighAct, Limits,
    Mandate, Order, Permission, Proposal, ProposalState, Role, Scope, Source, Standing, Throttle,
};
use core::net::{IpAddr, Ipv4Addr};
use jiff::{SignedDuration, Timestamp};

const ROLES: [Role; 6] = Role::ALL;

impl World {
    /// A person in a session of theirs, as some server sees them.
    fn present(&mut self, who: usize) -> Option<(Authenticated, Timestamp)> {
        if self.dice.percent(60) {
            self.arrive(who);
        }
        let (server, now) = self.place();
        let tabs = &self.people.get(who)?.tabs;
        let newest = tabs.last()?;
        let tab = if self.dice.percent(70) { newest } else { self.dice.pick(tabs)? };
        let token = tab.access.clone();
        let server = self.servers.get_mut(server)?;
        let seen = server.request(&token, &mut self.database, self.truth);
        seen.ok().map(|seen| (seen, now))
    }

    fn other(&mut self) -> Option<AccountId> {
        let at = self.dice.below(self.people.len());
        self.people.get(at).map(|person| person.account)
    }

    /// One person changes what another may do, or whether they may come in.
    pub(super) fn govern(&mut self, who: usize) {
        let Some((by, now)) = self.present(who) else { return };
        let Some(target) = self.other() else { return };
        let role = *self.dice.pick(&ROLES).unwrap_or(&Role::Viewer);
        let Some(row) = self.database.rows.get(&target) else { return };
        let (member, council) = (row.member(), self.database.council());
        let change = match (self.dice.below(3), member.state.standing) {
            (_, Standing::Disabled) => member.enable(&by, now),
            (0, _) => member.disable(&by, &council, now),
            _ => member.set_role(&by, role, now),
        };
        self.lone(&by, &change);
        self.fly(who, change, Learns::Nothing);
    }

    /// What one person alone was allowed to do must not be an act of two.
    fn lone(&mut self, by: &Authenticated, change: &Result<Change, Error>) {
        let Ok(change) = change else { return };
        if change.before.account == by.session().account {
            self.broke(Law::TwoPersons, "somebody decided about themselves");
        }
        if !by.role().governs() {
            self.broke(Law::TwoPersons, format!("a {} decided about others", by.role()));
        }
    }

    /// A step of an act of two persons.
    pub(super) fn decide(&mut self) {
        let council = self.database.council();
        // Mostly those who may; sometimes anybody.
        let number = self.people.len();
        let allowed: Vec<usize> = (0..number)
            .filter(|n| self.people.get(*n).is_some_and(|person| council.has(person.account)))
            .collect();
        let anybody = self.dice.below(number);
        let who = if self.dice.percent(15) {
            anybody
        } else {
            self.dice.pick(&allowed).copied().unwrap_or(anybody)
        };
        let Some((by, now)) = self.present(who) else { return };
        let open: Vec<Proposal> = self
            .database
            .proposals
            .values()
            .copied()
            .filter(|proposal| {
                matches!(proposal.state, ProposalState::Open | ProposalState::Approved(_))
            })
            .collect();
        let chosen = self.dice.pick(&open).copied();
        let step = self.dice.below(10);
        let resolution = match (chosen, step) {
            (Some(proposal), 0..4) => proposal.approve(&by, &council, now),
            (Some(proposal), 4) => proposal.cancel(&by, &council, now),
            (Some(proposal), 5..8) => return self.carry(&proposal, &by, now),
            _ => {
                let Some(act) = self.act() else { return };
                Proposal::propose(act, &by, &council, now, &mut self.entropy)
            }
        };
        if let Ok(resolution) = resolution {
            self.launch(Flight::Resolve(Box::new(resolution), None));
        }
    }

    fn act(&mut self) -> Option<HighAct> {
        let account = self.other()?;
        let role = *self.dice.pick(&ROLES)?;
        Some(match self.dice.below(4) {
            0 => HighAct::Disable { account },
            1 => HighAct::Retention { days: 30 },
            _ => HighAct::SetRole { account, role },
        })
    }

    fn carry(&mut self, proposal: &Proposal, by: &Authenticated, now: Timestamp) {
        let council = self.database.council();
        let mut proposal = *proposal;
        if self.lacks(Wall::SecondPerson) {
            // The twin takes anybody's word that another one approved.
            let other = self
                .people
                .iter()
                .map(|p| p.account)
                .find(|account| *account != proposal.by && council.has(*account));
            let Some(other) = other else { return };
            proposal.state = ProposalState::Approved(other);
            self.database.proposals.insert(proposal.id, proposal);
        }
        let Ok((mandate, resolution)) = proposal.carry(by, &council, now) else { return };
        let change = match self.change_of(&mandate) {
            Some(Ok(change)) => Some(Box::new(change)),
            Some(Err(_)) => return,
            None => None,
        };
        self.launch(Flight::Resolve(Box::new(resolution), change));
    }

    fn change_of(&self, mandate: &Mandate) -> Option<Result<Change, Error>> {
        let council = self.database.council();
        let member = |account: &AccountId| self.database.rows.get(account).map(Row::member);
        match mandate.act() {
            HighAct::SetRole { account, role } => {
                Some(member(account)?.set_role_by(mandate, &council, *role))
            }
            HighAct::Disable { account } => Some(member(account)?.disable_by(mandate, &council)),
            _ => None,
        }
    }

    pub(super) fn sign_out(&mut self, who: usize) {
        let Some((by, _)) = self.present(who) else { return };
        let reason = if self.dice.percent(50) { EndReason::SignOut } else { EndReason::Remote };
        self.database.end(by.session().id, reason, self.truth);
    }

    /// Strangers try passwords of one account from everywhere; then its owner comes.
    pub(super) fn flood(&mut self, who: usize) {
        let (_, now) = self.place();
        let Some(person) = self.people.get(who) else { return };
        let account = person.email.index(&self.refresh_key);
        let (id, own) = (person.account, person.device);
        let mut throttle = Throttle::new(Limits { entries_max: 50, ..Limits::default() });
        for n in 0..80 {
            let source = Source::of(IpAddr::V4(Ipv4Addr::from_bits(n)));
            let attempt = Attempt { source, account, device: DeviceStanding::Unknown };
            let _refused_mostly = throttle.admit_password(&attempt, now);
            let _refused_too = throttle.admit_factor(id, DeviceStanding::Unknown, now);
        }
        let mut device = self.database.standing(id, own);
        if device == DeviceStanding::Unknown {
            return;
        }
        if self.lacks(Wall::OwnBudget) {
            device = DeviceStanding::Unknown;
        }
        // The owner sits in the same house as one of the strangers.
        let source = Source::of(IpAddr::V4(Ipv4Addr::from_bits(1)));
        let attempt = Attempt { source, account, device };
        let admitted = throttle.admit_password(&attempt, now);
        let admitted = admitted.and_then(|()| throttle.admit_factor(id, device, now));
        if let Err(why) = admitted {
            self.database.ledger.refused_known(&why);
        }
    }

    /// A person makes an API token, and somebody uses one.
    pub(super) fn credential(&mut self, who: usize) {
        if let Some((by, now)) = self.present(who) {
            let scope = Scope::new([Permission::DataRead]).expect("it suits tokens");
            let lifetime = SignedDuration::from_hours(1);
            let label = "script".parse().expect("a name");
            let order = Order { label, scope, lifetime };
            let made = order.token(&by, now, &mut self.entropy);
            let row = self.database.rows.get_mut(&by.session().account);
            if let (Ok((secret, credential, _)), Some(row)) = (made, row)
                // The insert compares the account's state, as every act does.
                && row.state.role == by.role()
            {
                let admitted = credential.admit(&secret, &row.state, now);
                let disabled = crate::AccountState { standing: Standing::Disabled, ..row.state };
                let barred = credential.admit(&secret, &disabled, now);
                row.credentials.push(credential);
                let works = admitted.is_ok_and(|d| d.authorize(Permission::DataRead).is_ok());
                let allowed = row.state.role.allows(Permission::DataRead);
                let active = row.state.standing == Standing::Active;
                if works != (allowed && active) || barred.is_ok() {
                    self.broke(Law::TokensDie, "a token outlived its account's rights");
                }
            }
        }
    }
}
