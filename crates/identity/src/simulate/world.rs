//! The world: its time, its people, what is under way, and what may happen next.

use super::{
    Counts, Verdict, Wall,
    database::Database,
    dice::Dice,
    ledger::Law,
    people::{CAST, Loot, Person, Tab, keep},
    server::Server,
};
use crate::{
    AccountId, Change, Cost, DeviceId, Letter, OneTimeToken, OpenedSession, Passwords, Purpose,
    RecoveryCode, Resolution, Rotation, SessionPolicy, TotpSecret,
};
use jiff::{SignedDuration, Timestamp};
use seal::{MacKey, Secret, SeededEntropy};

/// Who does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Owner,
    Thief,
}

/// What a person knows when the answer to a change arrives.
#[derive(Debug)]
pub(super) enum Learns {
    Nothing,
    Password(String),
    Factor(Option<TotpSecret>, Vec<RecoveryCode>),
}

/// What was judged and is not stored yet: others may overtake it.
#[derive(Debug)]
pub(super) enum Flight {
    Open(usize, Box<OpenedSession>, By, usize),
    Change(usize, Box<Change>, Learns),
    Rotate(usize, Box<Rotation>, By, usize),
    Resolve(Box<Resolution>, Option<Box<Change>>),
}

#[derive(Debug)]
pub(super) struct World {
    seed: u64,
    pub dice: Dice,
    pub entropy: SeededEntropy,
    pub truth: Timestamp,
    pub database: Database,
    pub servers: Vec<Server>,
    pub people: Vec<Person>,
    pub loot: Loot,
    pub passwords: Passwords,
    pub policy: SessionPolicy,
    pub refresh_key: MacKey,
    flights: Vec<(Timestamp, Flight)>,
    pub counts: Counts,
    pub typed: u32,
}

const STEPS: usize = 160;
/// Longer than any request lives.
const TIMEOUT: SignedDuration = SignedDuration::from_secs(30);

fn mac(byte: u8) -> MacKey {
    MacKey::new(Secret::new([byte; 32]))
}

impl World {
    pub(super) fn new(seed: u64, without: Option<Wall>) -> Self {
        let mut dice = Dice::new(seed);
        let mut entropy = SeededEntropy::new(seed);
        let truth = Timestamp::from_second(1_790_000_000).expect("in range");
        let cheap = Cost::new(8, 1, 1).expect("the least");
        let passwords = Passwords::new(mac(1), cheap, cheap);
        let mut database = Database::new(without);
        let people = (0..CAST.len())
            .map(|n| Person::settle(n, &mut database, &passwords, truth, &mut entropy))
            .collect();
        let servers = (0..2).map(|_| Server::new(dice.millis(4000) - 2000, without)).collect();
        Self {
            seed,
            dice,
            entropy,
            truth,
            database,
            servers,
            people,
            loot: Loot::default(),
            passwords,
            policy: SessionPolicy::default(),
            refresh_key: mac(2),
            flights: Vec::new(),
            counts: Counts { seeds: 1, ..Counts::default() },
            typed: 0,
        }
    }

    pub(super) fn run(mut self) -> Verdict {
        for _ in 0..STEPS {
            self.pass_time();
            if !self.flights.is_empty() && self.dice.percent(55) {
                self.land();
            } else {
                self.happen();
            }
            self.open_mail();
        }
        while !self.flights.is_empty() {
            self.land();
        }
        let mut counts = self.counts;
        counts.events = self.database.events;
        Verdict { seed: self.seed, broken: self.database.ledger.broken, counts }
    }

    pub(super) fn lacks(&self, wall: Wall) -> bool {
        self.database.without == Some(wall)
    }

    pub(super) fn broke(&mut self, law: Law, what: impl Into<String>) {
        self.database.broke(law, what);
    }

    fn pass_time(&mut self) {
        let millis = match self.dice.below(100) {
            0..55 => self.dice.millis(400),
            55..80 => self.dice.millis(4000),
            80..92 => 31_000 + self.dice.millis(30_000),
            92..96 => 5 * 60_000,
            96..98 => self.dice.millis(3_600_000),
            _ if self.somebody_waits() => 25 * 3_600_000,
            _ => self.dice.millis(20 * 3_600_000),
        };
        let later = self.truth.saturating_add(SignedDuration::from_millis(millis));
        self.truth = later.unwrap_or(self.truth);
        for n in 0..self.servers.len() {
            let (hears, crashes) = (self.dice.percent(60), self.dice.percent(1));
            let jump = self.dice.percent(1).then(|| self.dice.millis(4000) - 2000);
            let Some(server) = self.servers.get_mut(n) else { continue };
            if let Some(skew) = jump {
                server.set_clock(skew, self.truth);
            }
            if crashes {
                server.crash(&self.database);
            }
            if hears {
                server.hear(&self.database, self.truth);
            }
        }
    }

    /// Whether a day's wait is under way, which should pass some time.
    fn somebody_waits(&self) -> bool {
        let lost = self.database.rows.values().any(|row| row.loss.is_some());
        lost || self.database.proposals.values().any(|p| p.not_before.is_some())
    }

    fn happen(&mut self) {
        let who = self.dice.below(self.people.len());
        match self.dice.below(100) {
            0..16 => self.sign_in(who),
            16..36 => self.request(),
            36..50 => self.refresh(who),
            50..54 => self.change_password(who),
            54..58 => self.ask(who),
            58..66 => self.follow(who),
            66..70 => self.change_factor(who),
            70..76 => self.lose_factor(who),
            76..86 => self.decide(),
            86..90 => self.govern(who),
            90..93 => self.sign_out(who),
            93..95 => self.flood(who),
            95..97 => self.credential(who),
            _ => self.move_house(who),
        }
    }

    /// Something was judged, and is on its way to be stored.
    pub(super) fn launch(&mut self, flight: Flight) {
        self.flights.push((self.truth, flight));
    }

    /// Stores one of what is under way; perhaps the answer never arrives.
    fn land(&mut self) {
        let at = self.dice.below(self.flights.len());
        let (since, flight) = self.flights.swap_remove(at);
        // No transaction stays open for so long: its connection is closed.
        if self.truth.duration_since(since) > TIMEOUT {
            self.counts.overtaken += 1;
            return;
        }
        let lost = self.dice.percent(5);
        let done = match &flight {
            Flight::Open(_, opened, ..) => self.database.open(opened, self.truth),
            Flight::Change(_, change, _) => self.apply(change),
            Flight::Rotate(_, rotation, ..) => self.database.rotate(rotation, self.truth),
            Flight::Resolve(resolution, change) => {
                self.database.resolve(resolution, change.as_deref(), self.truth)
            }
        };
        if !done {
            self.counts.overtaken += 1;
            return;
        }
        if lost {
            self.counts.crashes += 1;
            let server = self.dice.below(self.servers.len());
            if let Some(server) = self.servers.get_mut(server) {
                server.crash(&self.database);
            }
            // What was stored and not heard of is found out by who typed it.
            if let Flight::Change(who, _, learns) = flight {
                self.learn(who, learns);
            }
            return;
        }
        match flight {
            Flight::Open(who, opened, by, server) => self.opened(who, &opened, by, server),
            Flight::Change(who, _, learns) => self.learn(who, learns),
            Flight::Rotate(who, rotation, by, server) => {
                self.rotated(who, *rotation, by, server);
            }
            Flight::Resolve(..) => {}
        }
    }

    fn apply(&mut self, change: &Change) -> bool {
        let council = self.database.council();
        let done = self.database.apply(change, self.truth);
        if done {
            self.database.ledger.unmandated(change, &council);
        }
        done
    }

    fn learn(&mut self, who: usize, learns: Learns) {
        let Some(person) = self.people.get_mut(who) else { return };
        match learns {
            Learns::Nothing => {}
            Learns::Password(password) => person.password = password,
            Learns::Factor(totp, codes) => {
                person.totp = totp.or_else(|| person.totp.take());
                if !codes.is_empty() {
                    person.codes = codes;
                }
            }
        }
    }

    /// Gives out an access token, and shows everything to the thieves.
    pub(super) fn opened(&mut self, who: usize, opened: &OpenedSession, by: By, server: usize) {
        let refresh = opened.refresh.text().expose().clone();
        let session = opened.session;
        let Some(access) = self.access(server, session.id) else { return };
        keep(&mut self.loot.refresh, (refresh.clone(), session.device));
        if by == By::Owner
            && let Some(person) = self.people.get_mut(who)
        {
            keep(&mut person.tabs, Tab { session: session.id, access, refresh });
        }
    }

    fn rotated(&mut self, who: usize, rotation: Rotation, by: By, server: usize) {
        let Some(token) = rotation.token else { return };
        let session = rotation.family.session;
        let refresh = token.text().expose().clone();
        let Some(access) = self.access(server, session) else { return };
        let device = self.database.sessions.get(&session).map(|(s, _)| s.device);
        if let Some(device) = device {
            keep(&mut self.loot.refresh, (refresh.clone(), device));
        }
        let person = self.people.get_mut(who).filter(|_| by == By::Owner);
        let tab = person.and_then(|p| p.tabs.iter_mut().find(|tab| tab.session == session));
        if let Some(tab) = tab {
            *tab = Tab { session, access, refresh };
        }
    }

    /// A fresh access token of a session, as its account is now.
    fn access(&mut self, server: usize, session: crate::SessionId) -> Option<String> {
        let (session, _) = self.database.sessions.get(&session)?;
        let state = self.database.rows.get(&session.account)?.state;
        let server = self.servers.get(server)?;
        let now = server.now(self.truth);
        let token = server.keys.issue(session, &state, now, &mut self.entropy);
        let text = token.text.expose().clone();
        keep(&mut self.loot.access, text.clone());
        Some(text)
    }

    /// Every mailbox is read by its owner and by thieves.
    fn open_mail(&mut self) {
        for mail in std::mem::take(&mut self.database.outbox) {
            let link = match mail.letter {
                Letter::Reset(token) => (Purpose::Reset, token),
                Letter::DeviceLink(token) => (Purpose::Device, token),
                Letter::FactorLink(token) => (Purpose::Loss, token),
                Letter::FactorLost(token, _) => (Purpose::LossStop, token),
                Letter::AddressConfirm(token) => (Purpose::AddressConfirm, token),
                Letter::AddressChanging(token) => (Purpose::AddressStop, token),
                _ => continue,
            };
            keep(&mut self.loot.links, link);
        }
    }

    /// A link that somebody holds, and whose it is.
    pub(super) fn link(&mut self, purpose: Purpose) -> Option<(OneTimeToken, crate::Grant)> {
        let of: Vec<&OneTimeToken> =
            self.loot.links.iter().filter(|(p, _)| *p == purpose).map(|(_, t)| t).collect();
        let token = (*self.dice.pick(&of)?).clone();
        let grant = self.database.grant(&token.hash(purpose), purpose)?.clone();
        Some((token, grant))
    }

    /// Some server and its clock.
    pub(super) fn place(&mut self) -> (usize, Timestamp) {
        let at = self.dice.below(self.servers.len());
        (at, self.servers.get(at).map_or(self.truth, |server| server.now(self.truth)))
    }

    pub(super) fn who(&self, account: AccountId) -> Option<usize> {
        self.people.iter().position(|person| person.account == account)
    }

    /// A browser: the person's own, or any other.
    pub(super) fn browser(&mut self, who: usize, own: usize) -> Option<DeviceId> {
        let person = self.people.get(who)?;
        if self.dice.percent(own) {
            return Some(person.device);
        }
        Some(crate::DeviceCookie::new(self.truth, &mut self.entropy).device())
    }
}
