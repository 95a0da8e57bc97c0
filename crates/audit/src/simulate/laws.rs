//! What is looked at once a world is over.

use super::{
    Law, Verdict,
    tale::Tale,
    world::{ALONE, READERS, WITNESSES, World},
};
use crate::{Checkpoint, Hash};

impl World {
    pub(super) fn verdict(mut self) -> Verdict {
        self.one_story();
        self.nothing_rewritten();
        self.witnesses_are_true();
        self.nothing_lost();
        Verdict { broken: self.broken, counts: self.counts }
    }

    /// Whether one of two checkpoints of an era is the beginning of the other, by the stories that there were.
    fn agree(&self, era: usize, one: &Checkpoint, other: &Checkpoint) -> bool {
        let Some(log) = self.eras.get(era) else { return false };
        let mut tales = [&log.tale].into_iter().chain(&log.fork).chain(&log.told);
        let both = |tale: &Tale| tale.begins(one) && tale.begins(other);
        (one.size == other.size && one.root == other.root)
            || one.size == 0
            || other.size == 0
            || tales.any(both)
    }

    fn contradiction(&self, all: &[(usize, Checkpoint)]) -> Option<String> {
        let pairs = all.iter().enumerate().flat_map(|(at, one)| {
            all.iter()
                .skip(at + 1)
                .filter(move |other| other.0 == one.0)
                .map(move |other| (one, other))
        });
        let mut wrong = pairs.filter(|((era, one), (_, other))| !self.agree(*era, one, other));
        wrong
            .next()
            .map(|((era, one), (_, other))| format!("log {era}: {} and {}", one.size, other.size))
    }

    fn one_story(&mut self) {
        let careful = self.readers.iter().take(ALONE);
        let all: Vec<_> = careful.flat_map(|one| one.believed.clone()).collect();
        if let Some(what) = self.contradiction(&all) {
            self.broken.push((Law::OneStory, what));
        }
    }

    fn nothing_rewritten(&mut self) {
        for at in 0..READERS {
            let believed = self.readers.get(at).map(|one| one.believed.clone()).unwrap_or_default();
            if let Some(what) = self.contradiction(&believed) {
                self.broken.push((Law::NothingRewritten, format!("reader {at}: {what}")));
            }
        }
    }

    fn witnesses_are_true(&mut self) {
        for at in 0..WITNESSES {
            let Some(one) = self.witnesses.get(at).filter(|one| !one.lies && !one.was_put_back)
            else {
                continue;
            };
            if let Some(what) = self.contradiction(&one.given) {
                self.broken.push((Law::WitnessIsTrue, format!("witness {at}: {what}")));
            }
        }
    }

    fn nothing_lost(&mut self) {
        for (number, era) in self.eras.iter().enumerate() {
            let missing = |(index, leaf): &&(u64, Hash)| era.tale.leaf(*index) != Some(*leaf);
            if let Some((index, _)) = era.acknowledged.iter().find(missing) {
                self.broken.push((Law::Durable, format!("log {number}: leaf {index}")));
            }
            let Some(named) = era.named else { continue };
            let of = |(of, _): &&(usize, Checkpoint)| *of == number;
            let careful = self.readers.iter().take(ALONE);
            let believed = careful.flat_map(|one| one.believed.iter().filter(of));
            if let Some((_, lost)) = believed.into_iter().find(|(_, seen)| seen.size > named) {
                let what = format!("log {number}: {} was believed, {named} is named", lost.size);
                self.broken.push((Law::LossIsNamed, what));
            }
        }
    }
}
