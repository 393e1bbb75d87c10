//! Times, shares and prices.

use crate::Code;
use crate::decode::{Problems, kind_text};
use crate::text_value::text_values;
use deserr::{Deserr, IntoValue, Value, ValuePointerRef};
use std::fmt;
use std::time::Duration;

/// The longest time that a document may write: past it, milliseconds would not be counted exactly.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// A time that passes: `500ms`, `10s`, `5m`, `1h30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Period(pub Duration);

impl Period {
    /// Reads one; `None` where it is not one, or longer than a year.
    pub fn parse(s: &str) -> Option<Self> {
        // What humantime takes beside is spaces, months and years.
        let plain = s
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'n' | b'u' | b'm' | b's' | b'h' | b'd'));
        let span = humantime::parse_duration(s).ok()?;
        (plain && span <= LONGEST).then_some(Self(span))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

text_values! {
    Period: Self::parse,
        "is not a time of at most a year",
        "write a number and its unit: `500ms`, `10s`, `5m`, `1h30m`",
        {
            "description": "A time that passes: `500ms`, `10s`, `5m`, `1h30m`; at most a year.",
            "type": "string",
            "pattern": "^([0-9]+(ns|us|ms|s|m|h|d))+$"
        };
}

/// A share in percent, from 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percent(pub u8);

impl Deserr<Problems> for Percent {
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let number = match &value {
            Value::Integer(n) => u8::try_from(*n).ok(),
            Value::NegativeInteger(_) | Value::Float(_) => None,
            other => {
                let message = format!(
                    "expected a share in percent, got {}",
                    kind_text(other.kind())
                );
                return Err(Problems::at(at, Code::WrongType, message));
            }
        };
        number.filter(|n| *n <= 100).map(Self).ok_or_else(|| {
            Problems::at(
                at,
                Code::InvalidValue,
                "expected a whole number from 0 to 100",
            )
        })
    }
}

/// An amount with up to six decimals, such as a price: `0.02`. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Amount {
    /// In millionths.
    pub millionths: u64,
}

impl Amount {
    /// The largest: past it, sums of millionths could overflow.
    const LARGEST: f64 = 1e9;

    /// As a number.
    #[expect(
        clippy::cast_precision_loss,
        reason = "amounts are at most 1e15 millionths"
    )]
    pub fn value(self) -> f64 {
        self.millionths as f64 / 1e6
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is not negative and at most 1e15"
    )]
    fn new(number: f64) -> Option<Self> {
        (0.0..=Self::LARGEST).contains(&number).then(|| Self {
            millionths: (number * 1e6).round() as u64,
        })
    }
}

impl Deserr<Problems> for Amount {
    #[expect(
        clippy::cast_precision_loss,
        reason = "what is larger than the largest is refused"
    )]
    fn deserialize_from_value<V: IntoValue>(
        value: Value<V>,
        at: ValuePointerRef<'_>,
    ) -> Result<Self, Problems> {
        let number = match &value {
            Value::Integer(n) => *n as f64,
            Value::NegativeInteger(n) => *n as f64,
            Value::Float(n) => *n,
            other => {
                let message = format!("expected a number, got {}", kind_text(other.kind()));
                return Err(Problems::at(at, Code::WrongType, message));
            }
        };
        Self::new(number).ok_or_else(|| {
            Problems::at(
                at,
                Code::InvalidValue,
                "expected a number from 0 to 1000000000",
            )
        })
    }
}

#[cfg(feature = "schema")]
mod schema {
    use super::{Amount, Percent};
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use std::borrow::Cow;

    impl JsonSchema for Percent {
        fn schema_name() -> Cow<'static, str> {
            "Percent".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "A share in percent.",
                "type": "integer",
                "minimum": 0,
                "maximum": 100
            })
        }
    }

    impl JsonSchema for Amount {
        fn schema_name() -> Cow<'static, str> {
            "Amount".into()
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            json_schema!({
                "description": "An amount, such as a price; up to six decimals count.",
                "type": "number",
                "minimum": 0,
                "maximum": 1_000_000_000
            })
        }
    }
}
