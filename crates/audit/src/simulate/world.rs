//! The world: who is in it, and what happens to them.

use super::{Counts, Law, Wall, tale::Tale};
use crate::{
    Checkpoint, Cosigner, Hash, Objection, Quorum, Seen, Signer, Submission, WitnessKey, judge,
    leaf_hash, verify_consistency,
};
use jiff::Timestamp;
use seal::{Secret, SigningKey, sha256_parts};
use std::collections::BTreeMap;

pub(super) const WITNESSES: usize = 4;
pub(super) const READERS: usize = 4;
/// From this one on, readers ask for no witness: they trust what they saw themselves.
pub(super) const ALONE: usize = 2;
/// Clocks of witnesses and readers agree to a minute.
const SKEW: i64 = 60;

/// A log under one key: a restore begins another one.
pub(super) struct Era {
    signer: Signer,
    /// What is stored.
    pub(super) tale: Tale,
    /// What an insider shows to whom he likes, instead.
    pub(super) fork: Option<Tale>,
    /// What he showed before.
    pub(super) told: Vec<Tale>,
    /// The largest size that a quorum cosigned; kept outside the log's machine.
    witnessed: u64,
    /// The size that the first leaf of the next log names, once this one is over.
    pub(super) named: Option<u64>,
    /// Cosignatures by the note that they are on.
    cosigned: BTreeMap<String, String>,
    pub(super) acknowledged: Vec<(u64, Hash)>,
}

pub(super) struct Witness {
    cosigner: Cosigner,
    pub(super) lies: bool,
    pub(super) was_put_back: bool,
    kept: BTreeMap<usize, Seen>,
    backup: BTreeMap<usize, Seen>,
    /// Judged, and not stored yet: of which era, against what, and what.
    pending: Vec<(usize, Option<Seen>, Seen)>,
    /// What it put its name to.
    pub(super) given: Vec<(usize, Checkpoint)>,
}

#[derive(Default)]
pub(super) struct Reader {
    pinned: BTreeMap<usize, Checkpoint>,
    pub(super) believed: Vec<(usize, Checkpoint)>,
}

pub(super) struct World {
    dice: u64,
    without: Option<Wall>,
    seed: u64,
    now: i64,
    has_insider: bool,
    need: usize,
    pub(super) eras: Vec<Era>,
    backup: Option<Tale>,
    pub(super) witnesses: Vec<Witness>,
    pub(super) readers: Vec<Reader>,
    words: u64,
    pub(super) counts: Counts,
    pub(super) broken: Vec<(Law, String)>,
}

impl World {
    pub(super) fn new(seed: u64, without: Option<Wall>) -> Self {
        let mut world = Self {
            dice: seed ^ 0x5bd1_e995_9e37_79b9,
            without,
            seed,
            now: 1_800_000_000,
            has_insider: false,
            need: 0,
            eras: Vec::new(),
            backup: None,
            witnesses: Vec::new(),
            readers: (0..READERS).map(|_| Reader::default()).collect(),
            words: 0,
            counts: Counts::new(),
            broken: Vec::new(),
        };
        world.has_insider = world.percent(40);
        let liars = world.below(2);
        // Two quorums of `need` share 2 * need - WITNESSES, of whom one more than the bad must be there.
        world.need =
            if world.has(Wall::Overlap) { usize::midpoint(WITNESSES, liars) + 1 } else { 1 };
        for at in 0..WITNESSES {
            world.witnesses.push(Witness {
                cosigner: Cosigner::new(&format!("w.example/{at}"), world.key(100 + at))
                    .expect("a key's name"),
                lies: at < liars,
                was_put_back: false,
                kept: BTreeMap::new(),
                backup: BTreeMap::new(),
                pending: Vec::new(),
                given: Vec::new(),
            });
        }
        world.begin(Tale::new());
        world
    }

    /// `SplitMix64` (Steele, Lea, Flood, 2014), as in the other worlds.
    fn below(&mut self, bound: usize) -> usize {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.dice ^ (self.dice >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from((z ^ (z >> 31)) % bound).unwrap_or(0)
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn has(&self, wall: Wall) -> bool {
        self.without != Some(wall)
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn key(&self, number: usize) -> SigningKey {
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        let parts = [&self.seed.to_be_bytes()[..], &number.to_be_bytes()];
        SigningKey::from_seed(&Secret::new(sha256_parts(&parts)))
    }

    fn word(&mut self) -> Hash {
        self.words += 1;
        leaf_hash(&self.words.to_be_bytes())
    }

    fn begin(&mut self, tale: Tale) {
        let number = self.eras.len();
        let signer = Signer::new(&format!("log.example/{number}"), self.key(number));
        self.eras.push(Era {
            signer: signer.expect("a key's name"),
            tale,
            fork: None,
            told: Vec::new(),
            witnessed: 0,
            named: None,
            cosigned: BTreeMap::new(),
            acknowledged: Vec::new(),
        });
    }

    fn era(&self) -> usize {
        self.eras.len().saturating_sub(1)
    }

    pub(super) fn step(&mut self) {
        self.now += i64::try_from(self.below(20)).unwrap_or(0);
        match self.below(100) {
            0..18 => self.act(),
            18..55 => self.ask_witness(),
            55..68 => {
                let at = self.below(WITNESSES);
                self.store_judgement(at);
            }
            68..88 => self.read(),
            88..92 => self.witness_fails(),
            92..95 => self.backup = self.eras.last().map(|era| era.tale.clone()),
            95..97 => self.restore(),
            _ => self.rewrite(),
        }
    }

    /// Somebody acts: leaves, perhaps a crash before or after they are stored.
    fn act(&mut self) {
        let many = 1 + self.below(4);
        let leaves: Vec<Hash> = (0..many).map(|_| self.word()).collect();
        let (fails, is_shown) = (self.percent(12), !self.has(Wall::StoredBeforeShown));
        let at_once = !self.has(Wall::StoredBeforeAcknowledged);
        let Some(era) = self.eras.last_mut() else { return };
        let mut grown = era.tale.clone();
        for leaf in &leaves {
            grown.add(*leaf);
        }
        let last = (grown.size() - 1, leaves.last().copied().unwrap_or_default());
        if !fails {
            era.tale = grown;
            era.acknowledged.push(last);
            if let Some(fork) = &mut era.fork {
                for leaf in &leaves {
                    fork.add(*leaf);
                }
            }
            return self.count("acts");
        }
        if at_once {
            era.acknowledged.push(last);
        }
        self.count("acts lost with the machine");
        if is_shown {
            let at = self.below(WITNESSES);
            self.submit(at, &grown);
            self.store_all(at);
        }
    }

    /// Which story is told to this listener; the insider tells each half of the world its own.
    fn told(&self, listener: usize) -> Option<Tale> {
        let era = self.eras.last()?;
        let fork = era.fork.as_ref().filter(|_| listener % 2 == 1);
        Some(fork.unwrap_or(&era.tale).clone())
    }

    fn ask_witness(&mut self) {
        let at = self.below(WITNESSES);
        if self.percent(15) {
            return self.count("submissions lost");
        }
        let is_quick = self.percent(60);
        if let Some(tale) = self.told(at) {
            self.submit(at, &tale);
        }
        if is_quick {
            self.store_judgement(at);
        }
    }

    /// The log sends its checkpoint to a witness, from the size that the witness says it has.
    fn submit(&mut self, at: usize, tale: &Tale) {
        let (era, is_stale) = (self.era(), self.percent(8));
        let (Some(log), Some(witness)) = (self.eras.get(era), self.witnesses.get(at)) else {
            return;
        };
        let seen = witness.kept.get(&era).cloned();
        let old = seen.as_ref().map_or(0, |seen| seen.checkpoint.size);
        let old = if is_stale { old / 2 } else { old.min(tale.size()) };
        let submission = tale.submission(old, &log.signer);
        let key = log.signer.verifier();
        if witness.lies {
            return self.lie(at, &submission);
        }
        let judged = if self.has(Wall::Proved) {
            judge(&submission, key, seen.as_ref())
        } else {
            let checkpoint = Checkpoint::verify(&submission.note, key).expect("the log signed it");
            Ok(Seen { checkpoint, note: submission.note.clone() })
        };
        match judged {
            Ok(next) => {
                if !self.has(Wall::StoredFirst) {
                    self.sign(at, era, &next);
                }
                if let Some(witness) = self.witnesses.get_mut(at) {
                    witness.pending.push((era, seen, next));
                }
            }
            Err(objection) => self.objected(&objection, &submission),
        }
    }

    fn objected(&mut self, objection: &Objection, submission: &Submission) {
        let what = match objection {
            Objection::Forked(_) => "forks seen by witnesses",
            Objection::Rewritten { .. } => "rewritten logs seen by witnesses",
            _ => return self.count("submissions from elsewhere"),
        };
        self.count(what);
        if !self.has_insider {
            self.broken.push((Law::NoFalseAlarm, format!("{objection}: {}", submission.origin())));
        }
        if let Objection::Forked(fork) = objection {
            let log = self.eras.last().map(|era| era.signer.verifier().clone());
            assert!(log.is_some_and(|log| fork.verify(&log).is_ok()), "a fork proves itself");
        }
    }

    fn lie(&mut self, at: usize, submission: &Submission) {
        let era = self.era();
        let log = self.eras.get(era).map(|era| era.signer.verifier().clone());
        let checkpoint = log.and_then(|log| Checkpoint::verify(&submission.note, &log).ok());
        if let Some(checkpoint) = checkpoint {
            self.sign(at, era, &Seen { checkpoint, note: submission.note.clone() });
            self.count("lies");
        }
    }

    /// A witness stores what it judged, if it still has what it judged against, and answers.
    fn store_judgement(&mut self, at: usize) {
        let is_compared = self.has(Wall::Compared);
        let Some(witness) = self.witnesses.get_mut(at).filter(|one| !one.pending.is_empty()) else {
            return;
        };
        // Which of several under way is first is nobody's choice.
        let (era, before, next) = witness.pending.swap_remove(0);
        if is_compared && witness.kept.get(&era) != before.as_ref() {
            return self.count("judgements overtaken");
        }
        witness.kept.insert(era, next.clone());
        if self.has(Wall::StoredFirst) {
            self.sign(at, era, &next);
        }
    }

    fn store_all(&mut self, at: usize) {
        let many = self.witnesses.get(at).map_or(0, |witness| witness.pending.len());
        for _ in 0..many {
            let Some(witness) = self.witnesses.get_mut(at) else { return };
            let Some((era, _, next)) = witness.pending.pop() else { return };
            witness.kept.insert(era, next.clone());
            self.sign(at, era, &next);
        }
    }

    /// The cosignature leaves the witness and reaches whoever shows the checkpoint.
    fn sign(&mut self, at: usize, era: usize, next: &Seen) {
        let now = Timestamp::from_second(self.now).expect("a time of our days");
        let Some(witness) = self.witnesses.get_mut(at) else { return };
        witness.given.push((era, next.checkpoint.clone()));
        let line = witness.cosigner.cosign(&next.note, now).expect("a note");
        let Some(log) = self.eras.get_mut(era) else { return };
        log.cosigned.entry(next.note.clone()).or_default().push_str(&line);
        self.count("cosignatures");
        if self.witnessed(era, &next.note).is_some()
            && let Some(log) = self.eras.get_mut(era)
        {
            log.witnessed = log.witnessed.max(next.checkpoint.size);
        }
    }

    /// The note with its cosignatures, if a quorum of them is there.
    fn witnessed(&self, era: usize, note: &str) -> Option<String> {
        let lines = self.eras.get(era)?.cosigned.get(note)?;
        let cosigned = format!("{note}{lines}");
        let keys: Vec<WitnessKey> =
            self.witnesses.iter().map(|one| one.cosigner.public().clone()).collect();
        let now = Timestamp::from_second(self.now).ok()?;
        let said = Quorum::new(self.need, keys).ok()?.check(&cosigned, now, SKEW).ok()?;
        said.is_enough().then_some(cosigned)
    }

    /// A reader fetches the log, and believes it or does not.
    fn read(&mut self) {
        let (era, at) = (self.era(), self.below(READERS));
        let (Some(tale), Some(log)) = (self.told(at), self.eras.get(era)) else { return };
        let note = tale.note(&log.signer);
        let key = log.signer.verifier().clone();
        let cosigned = if at < ALONE { self.witnessed(era, &note) } else { Some(note) };
        let Some(cosigned) = cosigned else {
            return self.count("checkpoints without a quorum");
        };
        let found = Checkpoint::verify(&cosigned, &key).expect("the log signed it");
        let is_pinned = self.has(Wall::Pinned);
        let Some(reader) = self.readers.get_mut(at) else { return };
        if let Some(seen) = reader.pinned.get(&era).filter(|_| is_pinned) {
            let proof = tale.proof(seen.size);
            let pair = ((seen.size, &seen.root), (found.size, &found.root));
            if verify_consistency(pair.0, pair.1, &proof).is_err() {
                let is_known = tale.size() < seen.size && !self.has_insider;
                self.count("logs refused by a reader");
                if !self.has_insider && !is_known {
                    self.broken.push((Law::NoFalseAlarm, format!("reader {at}")));
                }
                return;
            }
        }
        reader.pinned.insert(era, found.clone());
        reader.believed.push((era, found));
        self.count("checkpoints believed");
    }

    fn witness_fails(&mut self) {
        let at = self.below(WITNESSES);
        let (is_old, is_copied) = (self.percent(20), self.percent(50));
        let bad = self.witnesses.iter().filter(|one| one.lies || one.was_put_back).count();
        let tolerated = 2 * self.need.max(1);
        let Some(witness) = self.witnesses.get_mut(at) else { return };
        if is_copied {
            witness.backup = witness.kept.clone();
            return;
        }
        witness.pending.clear();
        // One that is put back to an old state is as bad as a liar: no more of them than the quorum bears.
        if is_old && !witness.lies && tolerated > WITNESSES + bad + 1 {
            witness.kept = witness.backup.clone();
            witness.was_put_back = true;
            return self.count("witnesses put back");
        }
        self.count("witnesses gone down");
    }

    /// The log's machine is lost, and an old backup put back.
    fn restore(&mut self) {
        let Some(old) = self.backup.take() else { return };
        self.count("restores");
        if !self.has(Wall::NewLog) {
            if let Some(era) = self.eras.last_mut() {
                era.tale = old;
                era.fork = None;
                era.acknowledged.clear();
            }
            return;
        }
        let names_witnessed = self.has(Wall::NamesWitnessed);
        if let Some(era) = self.eras.last_mut() {
            era.named = Some(if names_witnessed { era.witnessed } else { old.size() });
            era.acknowledged.retain(|(index, _)| *index < old.size());
        }
        let mut next = Tale::new();
        next.add(self.word());
        self.begin(next);
    }

    /// The insider changes a leaf of the past and all that follows, with the log's own key.
    fn rewrite(&mut self) {
        if !self.has_insider {
            return;
        }
        let size = self.eras.last().map_or(0, |era| era.tale.size());
        let back = self.below(usize::try_from(size.min(6)).unwrap_or(0));
        let from = size.saturating_sub(1 + u64::try_from(back).unwrap_or(0));
        let other = self.word();
        let Some(era) = self.eras.last_mut().filter(|_| size > 0) else { return };
        let mut fork = era.tale.cut(from);
        fork.add(other);
        for index in from + 1..size {
            fork.add(era.tale.leaf(index).unwrap_or_default());
        }
        era.told.extend(era.fork.replace(fork.clone()));
        self.count("rewrites");
        // At once, to one who may not have seen the other story yet.
        let at = 1 + 2 * self.below(WITNESSES / 2);
        self.submit(at, &fork);
    }
}
