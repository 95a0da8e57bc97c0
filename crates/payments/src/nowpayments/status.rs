//! How a payment stands, and which word about it may follow which.

use std::fmt;

/// A payment's status, as the processor names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nothing has come in.
    Waiting,
    /// Something has, and the chain is not sure of it yet.
    Confirming,
    /// The chain is sure.
    Confirmed,
    /// It is on its way to the merchant.
    Sending,
    /// Less came in than was asked for.
    PartiallyPaid,
    /// It is paid.
    Finished,
    /// It went wrong.
    Failed,
    /// It was paid back.
    Refunded,
    /// Nothing came in in time.
    Expired,
}

/// What a word about a payment is, after what was heard before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The payment stands there from now on.
    Onward,
    /// It stands there already.
    Same,
    /// Money came after the payment was given up: it stands there from now on, and a person should look.
    Late,
    /// An earlier word that comes after a later one: the payment stays where it is.
    Behind,
    /// It cannot follow what was heard: the payment stays where it is.
    Against,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Confirming,
        Self::Confirmed,
        Self::Sending,
        Self::PartiallyPaid,
        Self::Finished,
        Self::Failed,
        Self::Refunded,
        Self::Expired,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Confirming => "confirming",
            Self::Confirmed => "confirmed",
            Self::Sending => "sending",
            Self::PartiallyPaid => "partially_paid",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
            Self::Expired => "expired",
        }
    }

    /// The status of a word, however it is capitalised.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| word.eq_ignore_ascii_case(status.as_str()))
    }

    /// How far along it is; where it can end, all ends are alike.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Waiting => 0,
            Self::Confirming => 1,
            Self::Confirmed => 2,
            Self::Sending => 3,
            Self::PartiallyPaid
            | Self::Finished
            | Self::Failed
            | Self::Refunded
            | Self::Expired => 4,
        }
    }

    /// What this word is after the last one that moved the payment.
    #[must_use]
    pub fn after(self, before: Option<Self>) -> Step {
        use Status as S;
        let Some(before) = before else { return Step::Onward };
        match (before, self) {
            _ if before == self => Step::Same,
            (S::Expired, S::Confirming | S::Finished) => Step::Late,
            (S::PartiallyPaid, S::Finished) | (S::Finished, S::Refunded) => Step::Onward,
            _ if self.rank() > before.rank() => Step::Onward,
            _ if self.rank() < before.rank() => Step::Behind,
            _ => Step::Against,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Step {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Onward => "onward",
            Self::Same => "same",
            Self::Late => "late",
            Self::Behind => "behind",
            Self::Against => "against",
        }
    }

    /// Whether the payment stands elsewhere after it.
    #[must_use]
    pub const fn moves(self) -> bool {
        matches!(self, Self::Onward | Self::Late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lower_word_never_takes_the_place_of_a_higher_one() {
        use Status as S;
        let check =
            |before, word: S, want| assert_eq!(word.after(before), want, "{before:?} {word}");
        check(None, S::Finished, Step::Onward);
        check(Some(S::Waiting), S::Waiting, Step::Same);
        check(Some(S::Waiting), S::Confirming, Step::Onward);
        check(Some(S::Confirming), S::Finished, Step::Onward);
        check(Some(S::Finished), S::Confirming, Step::Behind);
        check(Some(S::Finished), S::Waiting, Step::Behind);
        check(Some(S::PartiallyPaid), S::Finished, Step::Onward);
        check(Some(S::Finished), S::PartiallyPaid, Step::Against);
        check(Some(S::Finished), S::Refunded, Step::Onward);
        check(Some(S::Refunded), S::Finished, Step::Against);
        check(Some(S::Finished), S::Expired, Step::Against);
        check(Some(S::Expired), S::Confirming, Step::Late);
        check(Some(S::Expired), S::Finished, Step::Late);
        check(Some(S::Expired), S::Waiting, Step::Behind);
        check(Some(S::Failed), S::Finished, Step::Against);
    }

    #[test]
    fn a_word_names_its_status() {
        for status in Status::ALL {
            assert_eq!(Status::named(status.as_str()), Some(status));
            assert_eq!(Status::named(&status.as_str().to_uppercase()), Some(status));
        }
        for word in ["", "paid", "wrong_asset", "cancelled", " finished", "finished "] {
            assert_eq!(Status::named(word), None, "{word:?}");
        }
    }

    proptest! {
        /// Whatever is heard in whatever order: what was paid back stays so, and rank falls only after `expired`.
        #[test]
        fn no_order_of_words_takes_a_payment_back(words in prop::collection::vec(0_usize..9, 1..30)) {
            let mut stands: Option<Status> = None;
            for word in words.into_iter().filter_map(|at| Status::ALL.get(at).copied()) {
                let (before, step) = (stands, word.after(stands));
                if step.moves() {
                    stands = Some(word);
                }
                if before == Some(Status::Refunded) {
                    prop_assert_eq!(stands, before);
                }
                let fell = stands.map(Status::rank) < before.map(Status::rank);
                prop_assert!(!fell || before == Some(Status::Expired));
            }
        }
    }
}
