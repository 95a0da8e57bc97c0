//! The venue's codes: <https://www.okx.com/docs-v5/en/#error-code-rest-api>.
//!
//! A code that is not in the table is a refusal of no particular sort: the venue answered, and did
//! nothing. Codes by which the venue itself does not know are [`Verdict::Unknown`].

use engine::live::RefusedKind;

/// What a code means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No, and nothing was done.
    Refused(RefusedKind),
    /// No, because of too many requests.
    Throttled,
    /// There is no such order.
    NotFound,
    /// The venue does not know.
    Unknown,
}

const fn no(kind: RefusedKind) -> Verdict {
    Verdict::Refused(kind)
}

const BALANCE: Verdict = no(RefusedKind::Balance);
const BUSY: Verdict = no(RefusedKind::Busy);
const CLOCK: Verdict = no(RefusedKind::Clock);
const CLOSED: Verdict = no(RefusedKind::NotTrading);
const DONE: Verdict = no(RefusedKind::OrderDone);
const FILTER: Verdict = no(RefusedKind::Filter);
const KEY: Verdict = no(RefusedKind::Key);
const PASSED: Verdict = no(RefusedKind::WouldTrigger);
const REDUCE: Verdict = no(RefusedKind::ReduceOnly);
const SETUP: Verdict = no(RefusedKind::Setup);
const TWICE: Verdict = no(RefusedKind::DuplicateName);

/// From one code to another, both included, in rising order.
const TABLE: &[(u32, u32, Verdict)] = &[
    (50_001, 50_001, Verdict::Unknown),
    (50_004, 50_004, Verdict::Unknown),
    (50_007, 50_009, KEY),
    (50_011, 50_011, Verdict::Throttled),
    (50_012, 50_012, KEY),
    (50_013, 50_013, Verdict::Throttled),
    (50_017, 50_023, BUSY),
    (50_026, 50_026, Verdict::Unknown),
    (50_027, 50_030, KEY),
    (50_032, 50_033, CLOSED),
    (50_035, 50_035, KEY),
    (50_036, 50_037, CLOCK),
    (50_040, 50_040, Verdict::Throttled),
    (50_041, 50_041, KEY),
    (50_046, 50_046, BUSY),
    (50_052, 50_052, CLOSED),
    (50_059, 50_060, KEY),
    (50_061, 50_061, Verdict::Throttled),
    (50_062, 50_062, BUSY),
    (50_071, 50_071, TWICE),
    (50_072, 50_072, SETUP),
    (50_100, 50_101, KEY),
    (50_102, 50_102, CLOCK),
    (50_103, 50_106, KEY),
    (50_107, 50_107, CLOCK),
    (50_108, 50_111, KEY),
    (50_112, 50_112, CLOCK),
    (50_113, 50_114, KEY),
    (50_118, 50_121, KEY),
    (50_122, 50_122, FILTER),
    (51_001, 51_002, CLOSED),
    (51_004, 51_007, FILTER),
    (51_008, 51_008, BALANCE),
    (51_010, 51_010, SETUP),
    (51_011, 51_011, TWICE),
    (51_012, 51_015, CLOSED),
    (51_016, 51_016, TWICE),
    (51_017, 51_017, BALANCE),
    (51_020, 51_020, FILTER),
    (51_021, 51_022, CLOSED),
    (51_023, 51_023, REDUCE),
    (51_024, 51_024, KEY),
    (51_025, 51_025, FILTER),
    (51_026, 51_030, CLOSED),
    (51_031, 51_031, FILTER),
    (51_033, 51_033, FILTER),
    (51_039, 51_039, SETUP),
    (51_041, 51_041, SETUP),
    (51_043, 51_043, REDUCE),
    (51_046, 51_053, PASSED),
    (51_054, 51_054, Verdict::Unknown),
    (51_058, 51_058, REDUCE),
    (51_065, 51_065, TWICE),
    (51_068, 51_068, TWICE),
    (51_087, 51_087, CLOSED),
    (51_101, 51_108, FILTER),
    (51_110, 51_110, CLOSED),
    (51_112, 51_112, REDUCE),
    (51_113, 51_113, Verdict::Throttled),
    (51_116, 51_118, FILTER),
    (51_119, 51_119, BALANCE),
    (51_120, 51_122, FILTER),
    (51_124, 51_124, CLOSED),
    (51_127, 51_127, BALANCE),
    (51_128, 51_128, SETUP),
    (51_129, 51_129, FILTER),
    (51_131, 51_131, BALANCE),
    (51_132, 51_132, FILTER),
    (51_133, 51_133, SETUP),
    (51_134, 51_134, REDUCE),
    (51_135, 51_138, FILTER),
    (51_139, 51_139, SETUP),
    (51_148, 51_148, REDUCE),
    (51_149, 51_149, Verdict::Unknown),
    (51_150, 51_150, FILTER),
    (51_155, 51_155, CLOSED),
    (51_169, 51_171, REDUCE),
    (51_174, 51_174, FILTER),
    (51_185, 51_185, FILTER),
    (51_186, 51_186, SETUP),
    (51_187, 51_187, FILTER),
    (51_196, 51_197, CLOSED),
    (51_201, 51_203, FILTER),
    (51_205, 51_206, REDUCE),
    (51_250, 51_250, FILTER),
    (51_252, 51_252, FILTER),
    (51_257, 51_257, FILTER),
    (51_258, 51_259, PASSED),
    (51_260, 51_261, FILTER),
    (51_275, 51_275, FILTER),
    (51_277, 51_280, PASSED),
    (51_298, 51_298, SETUP),
    (51_299, 51_299, FILTER),
    (51_300, 51_308, PASSED),
    (51_311, 51_312, FILTER),
    (51_327, 51_327, SETUP),
    (51_328, 51_328, REDUCE),
    (51_329, 51_329, SETUP),
    (51_331, 51_331, REDUCE),
    (51_332, 51_332, SETUP),
    (51_341, 51_341, REDUCE),
    (51_400, 51_402, DONE),
    (51_405, 51_405, DONE),
    (51_410, 51_410, DONE),
    (51_412, 51_412, Verdict::Unknown),
    (51_416, 51_416, DONE),
    (51_502, 51_502, BALANCE),
    (51_503, 51_503, DONE),
    (51_507, 51_507, CLOSED),
    (51_509, 51_510, DONE),
    (51_511, 51_511, no(RefusedKind::WouldTake)),
    (51_521, 51_522, REDUCE),
    (51_527, 51_527, DONE),
    (51_603, 51_603, Verdict::NotFound),
    (54_000, 54_001, SETUP),
    (54_007, 54_007, CLOSED),
    (54_011, 54_012, CLOSED),
    (54_024, 54_028, SETUP),
    (54_030, 54_031, FILTER),
    (54_035, 54_035, REDUCE),
    (54_072, 54_072, CLOSED),
    (59_000, 59_001, SETUP),
    (59_100, 59_102, SETUP),
    (59_103, 59_103, BALANCE),
    (59_104, 59_107, SETUP),
    (59_108, 59_108, BALANCE),
    (59_109, 59_109, SETUP),
    (59_200, 59_201, BALANCE),
];

/// What a code means, its sub-code (`51008_1000`) left out.
pub(super) fn verdict(code: &str, words: &str) -> (i64, Verdict) {
    let head = code.split('_').next().unwrap_or(code);
    let Ok(number) = head.parse::<u32>() else { return (-1, no(RefusedKind::Other)) };
    let found = TABLE.binary_search_by(|(low, high, _)| match number {
        number if number < *low => std::cmp::Ordering::Greater,
        number if number > *high => std::cmp::Ordering::Less,
        _ => std::cmp::Ordering::Equal,
    });
    let verdict = found.ok().and_then(|place| TABLE.get(place)).map(|(_, _, verdict)| *verdict);
    // A parameter error that names the leg: the account keeps positions the other way.
    let is_leg = number == 51_000 && words.contains("posSide");
    let other = if is_leg { SETUP } else { no(RefusedKind::Other) };
    (i64::from(number), verdict.unwrap_or(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        assert!(TABLE.iter().all(|(low, high, _)| low <= high));
        assert!(TABLE.is_sorted_by(|(_, high, _), (low, _, _)| high < low));
    }

    #[test]
    fn codes_with_and_without_a_sub_code_are_found() {
        assert_eq!(verdict("51008_1000", ""), (51_008, BALANCE));
        assert_eq!(verdict("51278", ""), (51_278, PASSED));
        assert_eq!(verdict("51000", "Parameter posSide error"), (51_000, SETUP));
        assert_eq!(verdict("51000", "Parameter sz error"), (51_000, no(RefusedKind::Other)));
        assert_eq!(verdict("99999", ""), (99_999, no(RefusedKind::Other)));
        assert_eq!(verdict("x", ""), (-1, no(RefusedKind::Other)));
    }
}
