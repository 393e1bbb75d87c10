//! The messages of Envoy's rate-limit protocol, as far as they are used.

use super::terms::Terms;
use crate::shaping::limits::Nanos;
use prost::Message;

/// `envoy.service.ratelimit.v3.RateLimitRequest`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(string, tag = "1")]
    pub(super) domain: String,
    #[prost(message, repeated, tag = "2")]
    pub(super) descriptors: Vec<Descriptor>,
    /// A descriptor has such a number too, but not every service knows it.
    #[prost(uint32, tag = "3")]
    pub(super) hits_addend: u32,
}

/// `envoy.extensions.common.ratelimit.v3.RateLimitDescriptor`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Descriptor {
    #[prost(message, repeated, tag = "1")]
    pub(super) entries: Vec<Entry>,
    #[prost(message, optional, tag = "2")]
    pub(super) limit: Option<LimitOverride>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub(super) struct Entry {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct LimitOverride {
    #[prost(uint32, tag = "1")]
    pub(super) requests_per_unit: u32,
    #[prost(int32, tag = "2")]
    pub(super) unit: i32,
}

pub(super) const OK: i32 = 1;
pub(super) const OVER_LIMIT: i32 = 2;

/// `envoy.service.ratelimit.v3.RateLimitResponse`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(int32, tag = "1")]
    pub(super) overall_code: i32,
    #[prost(message, repeated, tag = "2")]
    pub(super) statuses: Vec<Status>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub(super) code: i32,
    #[prost(uint32, tag = "3")]
    pub(super) limit_remaining: u32,
    #[prost(message, optional, tag = "4")]
    pub(super) duration_until_reset: Option<Reset>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct Reset {
    #[prost(int64, tag = "1")]
    pub(super) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(super) nanos: i32,
}

/// What the service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The hits are taken.
    Granted(Left),
    /// They are not.
    Over(Left),
}

/// What is left of the window, where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// How many more it would grant.
    pub(super) remaining: Option<u32>,
    /// For how long that stands.
    pub(super) reset: Option<Nanos>,
}

/// A call for so many hits.
pub(super) fn request(
    domain: &str,
    entries: Vec<(String, String)>,
    terms: Terms,
    hits: u32,
) -> Vec<u8> {
    let entries = entries.into_iter().map(|(key, value)| Entry { key, value });
    let request = Request {
        domain: domain.to_owned(),
        descriptors: vec![Descriptor {
            entries: entries.collect(),
            limit: Some(LimitOverride {
                requests_per_unit: terms.per_unit,
                unit: terms.unit,
            }),
        }],
        hits_addend: hits,
    };
    request.encode_to_vec()
}

/// Reads an answer; `None` where it is none, or says neither yes nor no.
pub(super) fn answer(bytes: &[u8]) -> Option<Answer> {
    let response = Response::decode(bytes).ok()?;
    let status = response.statuses.first();
    let reset = status.and_then(|status| status.duration_until_reset);
    let reset = reset.and_then(|reset| {
        let seconds = u64::try_from(reset.seconds).ok()?;
        let nanos = u64::try_from(reset.nanos).ok()?;
        Some(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    });
    let left = Left {
        // 0 may mean that it does not say; not where it says when more will be left.
        remaining: status
            .map(|status| status.limit_remaining)
            .filter(|remaining| *remaining > 0 || reset.is_some()),
        reset,
    };
    match response.overall_code {
        OK => Some(Answer::Granted(left)),
        OVER_LIMIT => Some(Answer::Over(left)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landbridge_model::Rate;

    #[test]
    fn a_request_as_it_goes_out() {
        let terms = Terms::new(Rate::parse("90/m").unwrap());
        let bytes = request("d", vec![("k".into(), "v".into())], terms, 7);
        let expected =
            b"\x0a\x01d\x12\x0e\x0a\x06\x0a\x01k\x12\x01v\x12\x04\x08\x5a\x10\x02\x18\x07";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn answers() {
        let granted =
            b"\x08\x01\x12\x10\x08\x01\x12\x04\x08\x64\x10\x01\x18\x05\x22\x04\x08\x01\x10\x07";
        let left = Left {
            remaining: Some(5),
            reset: Some(1_000_000_007),
        };
        assert_eq!(answer(granted), Some(Answer::Granted(left)));
        let unsaid = Answer::Over(Left {
            remaining: None,
            reset: None,
        });
        assert_eq!(answer(b"\x08\x02"), Some(unsaid));
        assert_eq!(answer(b"\x08\x02\x12\x02\x08\x02"), Some(unsaid));
        assert_eq!(answer(b""), None);
        assert_eq!(answer(b"\x08\x03"), None);
        assert_eq!(answer(b"\xff\xff"), None);
    }
}
