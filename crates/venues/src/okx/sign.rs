//! Timestamps and signatures of requests and logins.
//!
//! A request is signed over timestamp, method, path with query, and body, exactly as they are sent:
//! <https://www.okx.com/docs-v5/en/#overview-rest-authentication-signature>.

use crate::Keys;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use market::Timestamp;
use seal::Secret;

const DAY_MS: i64 = 86_400_000;

/// What a stream's login signs instead of a request.
pub(super) const LOGIN: &str = "GET/users/self/verify";

/// The signature of these bytes: Base64 of their HMAC-SHA256.
#[must_use]
pub fn sign(secret: &Secret<Vec<u8>>, payload: &[u8]) -> String {
    STANDARD.encode(seal::hmac_sha256(secret.expose(), payload))
}

pub(super) fn signature(keys: &Keys, signed: &str) -> String {
    sign(&keys.secret, signed.as_bytes())
}

/// Milliseconds since 1970.
pub(super) const fn millis(time: Timestamp) -> i64 {
    time.nanos().div_euclid(1_000_000)
}

/// `2020-12-08T09:08:57.715Z`: always three digits behind the point.
pub(super) fn stamp(now: Timestamp) -> String {
    let ms = millis(now);
    let (day, of_day) = (ms.div_euclid(DAY_MS), ms.rem_euclid(DAY_MS));
    let (year, month, date) = civil(day);
    let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (second, milli) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a day since 1970 in the Gregorian calendar; years begin in March here, so
/// that a leap day is the last of its year.
const fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + if month <= 2 { 1 } else { 0 }, month, date)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stamps_have_milliseconds() {
        let check = |text: &str, want: &str| {
            assert_eq!(stamp(text.parse().expect("a time")), want);
        };
        check("2020-12-08T09:08:57.715Z", "2020-12-08T09:08:57.715Z");
        check("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z");
        check("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z");
    }

    proptest! {
        #[test]
        fn a_stamp_is_the_time_in_milliseconds(nanos: i64) {
            let time = Timestamp::from_nanos(nanos);
            let read: Timestamp = stamp(time).parse().unwrap_or(time);
            prop_assert!((time.nanos() - read.nanos()).unsigned_abs() < 1_000_000);
        }
    }
}
