//! What the venue's codes mean, as a table.
//!
//! Source: <https://bybit-exchange.github.io/docs/v5/error>, and for 110092 to 110094, 170371 and
//! 170372, which that page lacks, the texts that the venue sends with them.

use engine::live::RefusedKind::{
    self, Attachment, Balance, Busy, Clock, DuplicateName, Filter, Key, NotTrading, OrderDone,
    Other, ReduceOnly, Setup, WouldTake, WouldTrigger,
};

/// What follows from a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing was done.
    Refused(RefusedKind),
    /// Nothing was done: too many requests.
    Throttled,
    /// It may have been done: a timeout, an inner error.
    Unknown,
    /// It is so already.
    Same,
}

use Meaning::{Refused, Same, Throttled, Unknown};

/// Codes by meaning; the venue says 110001 and 170213 of orders that it never had and of orders that
/// are done ("order not exists or too late to cancel"), so neither means that there was none.
const CODES: &[(Meaning, &[i64])] = &[
    (
        Unknown,
        &[
            10000, 10014, 10016, 40004, 170_001, 170_007, 170_032, 170_035, 170_146, 170_147,
            170_212, 170_234, 170_310, 3_400_214,
        ],
    ),
    (Throttled, &[429, 10006, 10018, 10429, 20003, 170_005, 170_222]),
    (Same, &[110_025, 110_026, 110_027, 110_043]),
    (Refused(DuplicateName), &[110_030, 110_072, 170_141]),
    (
        Refused(Balance),
        &[
            110_004, 110_006, 110_007, 110_012, 110_014, 110_044, 110_045, 110_047, 110_051,
            110_052, 110_053, 170_033, 170_034, 170_131,
        ],
    ),
    (
        Refused(Filter),
        &[
            110_003, 110_016, 110_021, 110_022, 110_032, 110_064, 110_094, 170_124, 170_130,
            170_132, 170_133, 170_134, 170_135, 170_136, 170_137, 170_140, 170_148, 170_192,
            170_193, 170_194, 170_195, 170_196, 170_197, 170_198, 170_199, 170_200, 170_204,
            170_206, 170_228, 170_229, 170_313, 170_371, 170_372,
        ],
    ),
    (Refused(ReduceOnly), &[110_017, 110_034]),
    (Refused(WouldTake), &[170_218]),
    (Refused(WouldTrigger), &[110_092, 110_093]),
    (Refused(Clock), &[-1, 10002]),
    (
        Refused(Key),
        &[
            -2015, 10003, 10004, 10005, 10007, 10008, 10009, 10010, 10024, 10027, 10028, 10029,
            33004, 170_201,
        ],
    ),
    (
        Refused(NotTrading),
        &[110_023, 110_042, 110_063, 110_066, 110_074, 170_031, 170_151, 170_157, 170_159, 170_217],
    ),
    (Refused(OrderDone), &[110_001, 110_008, 110_010, 170_139, 170_142, 170_143, 170_190, 170_213]),
    (
        Refused(Setup),
        &[
            110_005, 110_013, 110_015, 110_024, 110_028, 110_029, 110_036, 110_038, 110_073,
            110_086, 110_087, 100_028,
        ],
    ),
    (Refused(Busy), &[10019, 110_079, 170_191]),
    (Refused(Other), &[10001, 10017]),
];

/// Codes of the trading engines: one that is not in the table still says no. Any other unlisted one
/// leaves open what was done.
const NO: [std::ops::RangeInclusive<i64>; 2] = [110_000..=110_999, 170_000..=170_999];

/// The words that come with 10001 ("request parameter error") when the account keeps positions the
/// other way.
const WRONG_MODE: &str = "position idx not match position mode";

/// What a code other than 0 means.
pub(super) fn meaning(code: i64, text: &str) -> Meaning {
    if code == 10001 && text.contains(WRONG_MODE) {
        return Refused(Setup);
    }
    let listed = CODES.iter().find(|(_, codes)| codes.contains(&code)).map(|(meaning, _)| *meaning);
    listed.unwrap_or_else(|| {
        if NO.iter().any(|range| range.contains(&code)) { Refused(Other) } else { Unknown }
    })
}

/// The code by which this venue says it, for the exchange in a box: spot has numbers of its own.
pub(super) const fn code(kind: RefusedKind, spot: bool) -> i64 {
    match (kind, spot) {
        (DuplicateName, true) => 170_141,
        (DuplicateName, false) => 110_072,
        (Balance, true) => 170_131,
        (Balance, false) => 110_007,
        (Filter, true) => 170_136,
        (Filter, false) => 110_003,
        (ReduceOnly, _) => 110_017,
        (WouldTake, _) => 170_218,
        (WouldTrigger, _) => 110_092,
        (Clock, _) => 10002,
        (Key, _) => 10005,
        (NotTrading, true) => 170_151,
        (NotTrading, false) => 110_066,
        (OrderDone, true) => 170_213,
        (OrderDone, false) => 110_001,
        (Setup, _) => 110_028,
        (Busy, true) => 170_191,
        (Busy, false) => 110_079,
        (Attachment | Other, _) => 10001,
    }
}

/// The same where a leverage is refused: "due to risk limit, cannot set leverage" and "available balance
/// not enough".
pub(super) const fn leverage_code(kind: RefusedKind) -> i64 {
    match kind {
        Setup => 110_013,
        Balance => 110_012,
        other => code(other, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_stands_in_two_rows() {
        let mut all: Vec<i64> = CODES.iter().flat_map(|(_, codes)| *codes).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_code_that_is_sent_for_a_kind_means_that_kind() {
        let kinds = [
            DuplicateName,
            Balance,
            Filter,
            ReduceOnly,
            WouldTake,
            WouldTrigger,
            Clock,
            Key,
            NotTrading,
            OrderDone,
            Setup,
            Busy,
            Other,
        ];
        for kind in kinds {
            for spot in [false, true] {
                assert_eq!(meaning(code(kind, spot), ""), Refused(kind), "{kind:?}");
            }
        }
    }

    #[test]
    fn what_is_not_listed_is_no_only_where_the_venue_says_no() {
        for (code, want) in [
            (110_999, Refused(Other)),
            (170_999, Refused(Other)),
            (10_500, Unknown),
            (500, Unknown),
            (3_999_999, Unknown),
            (-7, Unknown),
        ] {
            assert_eq!(meaning(code, ""), want, "{code}");
        }
        assert_eq!(meaning(10001, "position idx not match position mode"), Refused(Setup));
    }
}
