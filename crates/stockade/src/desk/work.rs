//! Proof of work: what a source under suspicion does before its next attempt is looked at.

use super::{Accounts, Result, Visitor, now};
use identity::{Budget, Candidate, Demand, EmailIndex, Pressure, Puzzles, Source, Stage};
use jiff::{SignedDuration, Timestamp};
use kms::SystemEntropy;
use seal::{MacKey, Secret};

/// What a source tried is remembered for so long.
const WINDOW: SignedDuration = SignedDuration::from_mins(30);
/// Sources that are remembered.
const SOURCES_MAX: usize = 20_000;
/// What everybody does who registers, suspected or not: a tenth of a second of a browser's, and hours of a
/// program's that makes accounts by the thousand.
const LIGHT: u8 = 16;
/// Answers that are remembered until their puzzles end.
const ANSWERS_MAX: usize = 50_000;

/// A puzzle, and how hard it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Puzzle {
    /// Its text.
    pub text: String,
    /// Leading zero bits that the answer's digest must have.
    pub bits: u8,
}

/// The counters and puzzles of this server, under keys that its peers on the same key file share.
pub(super) fn of_key(key: &MacKey) -> (Pressure, Puzzles) {
    let derived = |name: &[u8]| MacKey::new(Secret::new(key.tag(&[b"stockade/v1 work", name])));
    let pressure = Pressure::new(derived(b"pressure"), WINDOW, SOURCES_MAX);
    (pressure, Puzzles::new(derived(b"puzzles"), ANSWERS_MAX))
}

impl Accounts {
    /// A puzzle as hard as this visitor's source is asked for now, and no easier than whoever registers is asked
    /// for.
    #[must_use]
    pub fn puzzle(&self, visitor: &Visitor) -> Puzzle {
        let (now, source) = (now(), visitor.source());
        let live = self.live();
        let bits = match live.pressure.demand(source, now) {
            Demand::Nothing => LIGHT,
            Demand::Work(bits) => bits.max(LIGHT),
        };
        let text = live.puzzles.issue(source, bits, now, &mut SystemEntropy::new());
        Puzzle { text, bits }
    }

    /// Asks a source under suspicion for its work; everybody else passes.
    pub(super) async fn worked(&self, visitor: &Visitor, now: Timestamp) -> Result<()> {
        let asked = self.live().pressure.demand(visitor.source(), now);
        self.worked_as(asked, visitor, now).await
    }

    /// Asks whoever registers for their work, suspected or not. That somebody comes without it who is not
    /// suspected is no refusal to be counted: a browser hears of the puzzle in this way.
    pub(super) async fn worked_to_register(&self, visitor: &Visitor, now: Timestamp) -> Result<()> {
        let asked = self.live().pressure.demand(visitor.source(), now);
        if asked == Demand::Nothing && visitor.work.is_none() {
            return Err(identity::Error::WorkNeeded { bits: LIGHT }.into());
        }
        self.worked_as(asked.max(Demand::Work(LIGHT)), visitor, now).await
    }

    async fn worked_as(&self, asked: Demand, visitor: &Visitor, now: Timestamp) -> Result<()> {
        let source = visitor.source();
        let answer = visitor.work.as_deref().and_then(|work| work.split_once('.'));
        let Demand::Work(bits) = asked else { return Ok(()) };
        let answer = answer.unwrap_or_default();
        self.admitted(source, now, |live| live.puzzles.redeem(answer, source, bits, now)).await?;
        // On which server soever it is sent next: an answer is good once.
        let spent = self.take(vec![Budget::of_puzzle(answer.0)], now).await?;
        let spent = spent.map_err(|_| identity::Error::WorkNeeded { bits });
        spent.map_err(|error| self.refuse(source, Stage::Throttled, now, error))
    }

    /// Notes what a source aimed at in vain, or without proof of anything.
    pub(super) fn suspect(
        &self,
        source: Source,
        account: &EmailIndex,
        password: &Secret<String>,
        now: Timestamp,
    ) {
        let candidate = Candidate::new(password);
        self.live().pressure.refused(source, account, &candidate, now);
    }
}
