//! Identifiers: UUIDs of version 7, built from a time and entropy that are given.

use crate::Error;
use jiff::Timestamp;
use seal::{Entropy, random};
use std::{fmt, str::FromStr};
use uuid::{Builder, Uuid};

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, ordered by `now`.
            #[must_use]
            pub fn new(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
                Self(version_7(now, entropy))
            }

            /// Its 16 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From 16 bytes; another kind of UUID is refused.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
                checked(Uuid::from_slice(bytes)).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                // One spelling only, so that a handle in an address compares as text.
                let id = checked(Uuid::try_parse(text))?;
                if id.hyphenated().to_string() == text { Ok(Self(id)) } else { Err(Error::Id) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }
    };
}

identifier! {
    /// An account: who owns things.
    AccountId
}
identifier! {
    /// A session: one signed-in browser. It names, it never opens anything.
    SessionId
}
identifier! {
    /// A browser that has signed in before, as its signed cookie tells.
    DeviceId
}

/// A UUID version 7 (RFC 9562) of this millisecond; before 1970 counts as 1970.
pub(crate) fn version_7(now: Timestamp, entropy: &mut dyn Entropy) -> Uuid {
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &random(entropy)).into_uuid()
}

fn checked(parsed: Result<Uuid, uuid::Error>) -> Result<Uuid, Error> {
    parsed.ok().filter(|id| id.get_version_num() == 7).ok_or(Error::Id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use seal::SeededEntropy;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    #[test]
    fn ids_sort_by_time_and_survive_text_and_bytes() {
        let mut entropy = SeededEntropy::new(1);
        let first = AccountId::new(at(1_700_000_000), &mut entropy);
        let second = AccountId::new(at(1_700_000_001), &mut entropy);
        assert!(first < second);
        assert_ne!(second, AccountId::new(at(1_700_000_001), &mut entropy));
        assert_eq!(first.to_string().parse(), Ok(first));
        assert_eq!(AccountId::from_bytes(first.as_bytes()), Ok(first));
    }

    #[test]
    fn other_spellings_and_other_uuids_are_refused() {
        let id = SessionId::new(at(1_700_000_000), &mut SeededEntropy::new(1)).to_string();
        for bad in [
            String::new(),
            id.to_uppercase(),
            id.replace('-', ""),
            format!("{{{id}}}"),
            format!("urn:uuid:{id}"),
            "67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned(),
            "00000000-0000-0000-0000-000000000000".to_owned(),
        ] {
            assert_eq!(bad.parse::<SessionId>(), Err(Error::Id), "{bad}");
        }
    }
}
