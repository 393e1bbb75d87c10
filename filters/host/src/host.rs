//! The trait between a filter and its proxy.

use crate::{Call, CallId, GrpcCall, GrpcStatus, Ticket};
use std::fmt;
use std::time::Duration;

/// The headers of a message, pseudo-headers too, names in lower case.
pub type Headers = Vec<(String, Vec<u8>)>;

/// The proxy would not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError {
    /// What was asked.
    pub call: &'static str,
    /// The proxy's status code.
    pub status: u32,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the proxy answered `{}` with status {}",
            self.call, self.status
        )
    }
}

impl std::error::Error for HostError {}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What happens, for whoever wants to know.
    Info,
    /// What should be looked at.
    Warn,
    /// What was refused or went wrong.
    Error,
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// It only goes up.
    Counter,
    /// It is set.
    Gauge,
}

/// A metric of the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MetricId(pub u32);

/// An answer that is given in the upstream's stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The gRPC status that is answered instead, where the caller speaks gRPC: HTTP 200 and
    /// trailers only.
    pub grpc_status: Option<GrpcStatus>,
    /// The body, or the gRPC message.
    pub body: &'a str,
    /// Further headers.
    pub headers: Vec<(&'a str, &'a str)>,
}

/// What a filter may ask of its proxy. While a request is handled, headers and properties are
/// that request's.
///
/// A message's headers are there in the callback that tells of them, while it is held, and, only
/// to be read, when it is done; else they are absent where they are read and an error where they
/// are changed. What is needed of a request later on is kept in the stream.
pub trait Host {
    /// All request headers, in one call.
    fn request_headers(&self) -> Result<Headers, HostError>;
    /// Sets a request header.
    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Removes a request header, however often it is there.
    fn remove_request_header(&self, name: &str) -> Result<(), HostError>;
    /// At most `max` bytes of the body's chunk that is there, from `start` on.
    fn request_body(&self, start: usize, max: usize) -> Result<Vec<u8>, HostError>;

    /// The response's status.
    fn response_status(&self) -> Result<Option<u16>, HostError> {
        let status = self.response_header(":status")?;
        Ok(status.and_then(|s| std::str::from_utf8(&s).ok()?.parse().ok()))
    }
    /// A response header; the first one, where there are several.
    fn response_header(&self, name: &str) -> Result<Option<Vec<u8>>, HostError>;
    /// Sets a response header.
    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Adds a response header to those that are there.
    fn add_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;

    /// An attribute, where there is one.
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError>;
    /// An attribute that is a number, where there is one and it is not negative.
    fn number(&self, path: &[&str]) -> Result<Option<u64>, HostError> {
        let value = self.property(path)?;
        Ok(value.and_then(|bytes| {
            let bytes = <[u8; 8]>::try_from(bytes.as_slice()).ok()?;
            u64::try_from(i64::from_le_bytes(bytes)).ok()
        }))
    }
    /// Sets `wasm.<name>` in the filter state, for the access log.
    fn set_filter_state(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Has routes matched again, after a header that they match on was changed.
    fn clear_route_cache(&self) -> Result<(), HostError>;

    /// Answers the request.
    fn reply(&self, reply: &Reply<'_>) -> Result<(), HostError>;
    /// Answers the request with what somebody else said. Pseudo-headers are left out, and so are
    /// values that are not UTF-8, which proxy-wasm does not take. A caller who speaks gRPC gets
    /// the status and not the body.
    fn answer(&self, status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Result<(), HostError>;

    /// Makes a call. Its answer comes to the request that it is made for, as long as that is
    /// there; or to the filter, if it is made in a tick. An error is an answer: none will come.
    /// A header whose value is not UTF-8 is one, because the call would not be what was meant.
    fn call(&self, call: &Call<'_>) -> Result<CallId, HostError>;
    /// The headers of the answer to a call; none, if nobody answered.
    fn call_headers(&self) -> Result<Headers, HostError>;
    /// At most `max` bytes of its body, from the start.
    fn call_body(&self, max: usize) -> Result<Vec<u8>, HostError>;

    /// Makes a gRPC call, in a tick. Its answer comes to
    /// [`Filter::on_tick_grpc`](crate::Filter::on_tick_grpc), once. An error is an answer: none
    /// will come; such is a cluster that the proxy does not have, or that has no endpoint, metadata
    /// that is a pseudo-header, and a cluster or authority of more than 125 bytes.
    fn call_grpc(&self, call: &GrpcCall<'_>) -> Result<CallId, HostError>;
    /// At most `max` bytes of the message that answers it, from the start.
    fn grpc_message(&self, max: usize) -> Result<Vec<u8>, HostError>;

    /// By which this request, once it is held, can be gone on with from a tick; `None` in a tick.
    fn ticket(&self) -> Option<Ticket>;
    /// Lets a request go on that is held, from a tick or the answer to what was called in one:
    /// `false` where it is not held, because it went on, was answered or is over.
    fn resume(&self, ticket: &Ticket) -> Result<bool, HostError>;
    /// Answers a request that is held, likewise.
    fn reply_to(&self, ticket: &Ticket, reply: &Reply<'_>) -> Result<bool, HostError>;

    /// What all workers share under a key, and the number of its state.
    fn shared(&self, key: &str) -> Result<Option<(Vec<u8>, u32)>, HostError>;
    /// Shares something under a key. With the number of a state it does so only where that is
    /// still the state, 0 being that of a key that is not there, and else says `false`.
    fn set_shared(&self, key: &str, value: &[u8], state: Option<u32>) -> Result<bool, HostError>;

    /// The time since 1970.
    fn now(&self) -> Result<Duration, HostError>;
    /// The time since a moment that is the same for all workers of a proxy. It never goes back,
    /// and nobody sets it.
    fn monotonic(&self) -> Duration;
    /// How much memory the filter's module has, in bytes, where that can be known. A module never
    /// gives memory back: it is the most it ever had.
    fn memory(&self) -> Option<u64>;
    /// A metric by its name; the same one for the same name.
    fn metric(&self, kind: MetricKind, name: &str) -> Result<MetricId, HostError>;
    /// Adds to a counter.
    fn add(&self, metric: MetricId, by: u32) -> Result<(), HostError>;
    /// Sets a gauge.
    fn set(&self, metric: MetricId, to: u64) -> Result<(), HostError>;
    /// Writes to the proxy's log.
    fn log(&self, level: Level, message: &str);
}
