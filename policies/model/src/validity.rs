//! When a rule holds.

use crate::Code;
use crate::decode::Problems;
use crate::name::text;
use crate::record::document;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

document! {
    /// From when until when a rule holds.
    pub struct Validity {
        /// It does not before then.
        pub not_before: Option<Timestamp> = default,
        /// It does not from then on.
        pub not_after: Option<Timestamp> = default,
    }
}

/// A moment since 1970, as RFC 3339 writes it in UTC: `2026-12-01T00:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub Duration);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNIX_EPOCH.checked_add(self.0) {
            Some(moment) => write!(f, "{}", humantime::format_rfc3339(moment)),
            None => f.write_str("never"),
        }
    }
}

impl Deserr<Problems> for Timestamp {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let written = text(value, at)?;
        let moment = humantime::parse_rfc3339(&written).ok();
        let since = moment.and_then(|moment| moment.duration_since(UNIX_EPOCH).ok());
        since.map(Self).ok_or_else(|| {
            Problems::hinted(
                at,
                Code::InvalidValue,
                format!("`{written}` is not a time since 1970"),
                "write it in UTC, as RFC 3339 does: `2026-12-01T00:00:00Z`",
            )
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A time in UTC, as RFC 3339 writes it.",
            "type": "string",
            "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z$"
        })
    }
}
