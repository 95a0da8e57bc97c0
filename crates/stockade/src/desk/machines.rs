//! The installation's machines: added, let in, renewed, put out. Each is one act with its entry.

use super::{Actor, Deed, Desk, Error, MachineAct, Result, now, sha256_hex};
use edge::{Badge, Issued, Machine, MachineAuthority, Role, Wish};
use jiff::{SignedDuration, Timestamp};
use kms::{Purpose, SystemEntropy};
use seal::{Aad, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{MACHINES_MAX, MachineRow, MachineWord};

/// A token that was not used.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// A machine that was silent for so long has missed three words.
const SILENCE: SignedDuration = SignedDuration::from_secs(30);
/// A worker comes when it has something to do, and once an hour.
const SILENCE_OF_A_WORKER: SignedDuration = SignedDuration::from_hours(2);
/// Where the authority's key is sealed to.
const PLACE: Aad<'static> = Aad {
    tenant: "server",
    table: "machine_authority",
    row: "1",
    column: "sealed_key",
    kind: "pem",
};

/// A token just made.
#[derive(Debug, Serialize, Deserialize)]
pub struct MachineToken {
    /// Which machine comes in by it.
    pub machine: String,
    /// Shown once.
    pub token: String,
    /// Until when it can be used.
    pub ends: Timestamp,
}

/// A machine as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineView {
    /// `ROLE/NAME`.
    pub machine: String,
    /// The epoch of its certificates; 0 before the first.
    pub epoch: u32,
    /// Whether it belongs.
    pub belongs: bool,
    /// The account whose it is; none for what was let in on the host.
    pub keeper: Option<String>,
    /// When it was added.
    pub added: Timestamp,
    /// Until when the token can be used that is out for it.
    pub token_ends: Option<Timestamp>,
    /// When its certificate runs out.
    pub certificate_ends: Option<Timestamp>,
    /// When it last spoke.
    pub seen: Option<Timestamp>,
    /// Whether it belongs, and has not been heard for half a minute; a worker, for two hours.
    pub silent: bool,
    /// The version that it runs.
    pub version: Option<String>,
    /// `live` or `paper`.
    pub world: Option<String>,
    /// In one word.
    pub state: Option<String>,
    /// When its loop last went round, by its own clock.
    pub ticked: Option<Timestamp>,
    /// Whether it is a witness of the log.
    pub witness: bool,
}

impl MachineView {
    fn of(row: MachineRow, now: Timestamp) -> Self {
        let last = row.seen.unwrap_or(row.added);
        let is_worker = row.machine.starts_with(Role::Worker.name());
        let silence = if is_worker { SILENCE_OF_A_WORKER } else { SILENCE };
        let (version, world, state, ticked) = match row.said {
            Some(MachineWord { version, world, state, ticked }) => {
                (Some(version), Some(world), Some(state), ticked)
            }
            None => (None, None, None, None),
        };
        Self {
            silent: row.is_in && now.duration_since(last) > silence,
            machine: row.machine,
            epoch: row.epoch,
            belongs: row.is_in,
            keeper: row.keeper.map(|keeper| keeper.to_string()),
            added: row.added,
            token_ends: row.token_ends.filter(|ends| *ends > now),
            certificate_ends: row.certificate_ends,
            seen: row.seen,
            version,
            world,
            state,
            ticked,
            witness: row.witness.is_some(),
        }
    }
}

/// A machine that a person may add: the server is none.
pub fn machine_named(text: &str) -> Result<Machine> {
    let machine: Machine = text.parse()?;
    if machine.role == Role::Server {
        return Err(Error::ServerNoMachine);
    }
    Ok(machine)
}

impl Desk {
    /// A token by which a machine comes in, once and within an hour; one that was out for it before is void.
    /// The machine is whoever's asks for it, and goes when they do.
    pub async fn add_machine(&self, actor: Actor, machine: &Machine) -> Result<MachineToken> {
        let authority = self.machine_authority().await?;
        let now = now();
        let ends = now + TOKEN_LIFETIME;
        let secret: [u8; 32] = seal::random(&mut SystemEntropy::new());
        let mut act = self.store().begin().await?;
        let name = machine.to_string();
        let keeper = if let Actor::Account(keeper) = actor { Some(keeper) } else { None };
        let asked = (name.as_str(), keeper);
        if !act.invite_machine(asked, &seal::sha256(&secret), (now, ends)).await? {
            return Err(Error::Limit { what: "machines", limit: MACHINES_MAX as usize });
        }
        let deed = Deed::Machine(MachineAct::Added { machine: name.clone() });
        act.commit(deed.entry(actor), now).await?;
        Ok(MachineToken { machine: name, token: authority.token(&secret), ends })
    }

    /// Puts a machine out: the next handshake with its certificate is refused, and its connections end.
    pub async fn revoke_machine(&self, actor: Actor, machine: &Machine) -> Result<()> {
        let mut act = self.store().begin().await?;
        let name = machine.to_string();
        if !act.put_machine_out(&name).await? {
            return Err(Error::NotFound { what: "machine that belongs" });
        }
        let deed = Deed::Machine(MachineAct::Revoked { machine: name });
        act.commit(deed.entry(actor), now()).await?;
        Ok(())
    }

    /// Puts out every machine whose keeper is disabled or gone. None of them is let in any more in any case;
    /// this says so in the log, and for good.
    pub(crate) async fn put_out_what_was_left(&self) -> Result<()> {
        for name in self.store().machines_left().await? {
            let mut act = self.store().begin().await?;
            // Where another server was faster, it wrote the entry; or it came in anew, and is somebody else's.
            if act.put_left_machine_out(&name).await? {
                let deed = Deed::Machine(MachineAct::Revoked { machine: name });
                act.commit(deed.entry(Actor::Server), now()).await?;
            }
        }
        Ok(())
    }

    /// Every machine, by its name.
    pub async fn machines(&self) -> Result<Vec<MachineView>> {
        let (rows, now) = (self.store().machines().await?, now());
        Ok(rows.into_iter().map(|row| MachineView::of(row, now)).collect())
    }

    /// Who belongs at this moment. A row that names no machine lets nobody in.
    pub(crate) async fn machine_roll(&self) -> Result<BTreeMap<Machine, u32>> {
        let rows = self.store().machine_roll().await?;
        Ok(rows.into_iter().filter_map(|(name, epoch)| Some((name.parse().ok()?, epoch))).collect())
    }

    /// The authority of the machines, made at the first time. All servers on a database have the same.
    pub(crate) async fn machine_authority(&self) -> Result<MachineAuthority> {
        let now = now();
        if let Some(sealed) = self.store().machine_authority().await? {
            return self.open_authority(&sealed, now);
        }
        let (authority, pem) = MachineAuthority::create(now)?;
        let pem = Secret::new(pem);
        let key = self.keys().sealing(Purpose::Secrets);
        let sealed = key.seal(&PLACE, pem.expose().as_bytes(), &mut SystemEntropy::new());
        let mut act = self.store().begin().await?;
        if !act.keep_machine_authority(&sealed).await? {
            drop(act);
            // Another server was faster: it is theirs.
            let theirs = self.store().machine_authority().await?.unwrap_or_default();
            return self.open_authority(&theirs, now);
        }
        let fingerprint = sha256_hex(authority.certificate());
        let deed = Deed::Machine(MachineAct::Authority { fingerprint });
        act.commit(deed.entry(Actor::Server), now).await?;
        Ok(authority)
    }

    fn open_authority(&self, sealed: &[u8], now: Timestamp) -> Result<MachineAuthority> {
        let opened = self.keys().sealing(Purpose::Secrets).open(&PLACE, sealed);
        let opened = opened.map_err(|_| Error::SealedElsewhere)?;
        let pem = std::str::from_utf8(opened.expose()).map_err(|_| edge::Error::NoAuthority)?;
        Ok(MachineAuthority::read(pem, now)?)
    }

    /// Decides about a token or a renewal: the certificates.
    pub(crate) async fn enrol_machine(
        &self,
        authority: &MachineAuthority,
        wish: Wish,
    ) -> Result<Issued> {
        let now = now();
        let mut act = self.store().begin().await?;
        let (badge, request, joins) = match wish {
            Wish::Join(hash, request) => {
                let found = act.redeem_machine(&hash, now).await?;
                let (name, epoch) = found.ok_or(edge::Error::Invitation)?;
                (Badge { machine: name.parse()?, epoch }, request, true)
            }
            Wish::Renew(badge, request) => (badge, request, false),
        };
        let issued = authority.issue(&badge, &request, now)?;
        let (machine, epoch) = (badge.machine.to_string(), badge.epoch);
        if !act.certify_machine((&machine, epoch), issued.expires).await? {
            return Err(edge::Error::PutOut { machine }.into());
        }
        let deed = if joins {
            MachineAct::Joined { machine, epoch }
        } else {
            MachineAct::Renewed { machine, epoch }
        };
        act.commit(Deed::Machine(deed).entry(Actor::Machine), now).await?;
        Ok(issued)
    }

    /// Notes what a machine says of itself; whether it belongs.
    pub(crate) async fn hear_machine(
        &self,
        badge: &Badge,
        word: &MachineWord,
        witness: Option<&str>,
    ) -> Result<bool> {
        let machine = badge.machine.to_string();
        Ok(self.store().note_machine((&machine, badge.epoch), word, witness, now()).await?)
    }
}
