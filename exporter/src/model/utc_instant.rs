//! Instants in documents.

use super::figures::instant;
use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// An instant as RFC 3339 in UTC: to the millisecond for programs, to the second for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcInstant(pub Timestamp);

impl Serialize for UtcInstant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

impl<'de> Deserialize<'de> for UtcInstant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<UtcInstant, D::Error> {
        String::deserialize(deserializer)?.parse().map(UtcInstant).map_err(D::Error::custom)
    }
}

impl fmt::Display for UtcInstant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&instant(self.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn programs_get_milliseconds_and_people_seconds() {
        let at = UtcInstant(Timestamp::constant(1_764_000_000, 123_900_000));
        assert_eq!(at.to_string(), "2025-11-24T16:00:00Z");
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2025-11-24T16:00:00.123Z\"");
        for text in ["\"2025-11-24T16:00:00Z\"", "\"2025-11-24T17:00:00.000+01:00\""] {
            assert_eq!(serde_json::from_str::<UtcInstant>(text).unwrap().to_string(), "2025-11-24T16:00:00Z");
        }
        assert!(serde_json::from_str::<UtcInstant>("\"yesterday\"").is_err());
    }
}
