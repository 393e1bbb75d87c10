//! The trait between a filter and its proxy.

use std::fmt;
use std::time::Duration;

/// A request's headers, pseudo-headers too, names in lower case.
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

/// The gRPC status codes that filters answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcStatus {
    /// 3: the request is malformed.
    InvalidArgument,
    /// 7: the caller may not.
    PermissionDenied,
    /// 14: not now.
    Unavailable,
}

/// What a filter may ask of its proxy. While a request is handled, headers and properties are
/// that request's.
pub trait Host {
    /// All request headers, in one call.
    fn request_headers(&self) -> Result<Headers, HostError>;
    /// Sets a request header.
    fn set_request_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Removes a request header, however often it is there.
    fn remove_request_header(&self, name: &str) -> Result<(), HostError>;
    /// Sets a response header.
    fn set_response_header(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// An attribute, where there is one.
    fn property(&self, path: &[&str]) -> Result<Option<Vec<u8>>, HostError>;
    /// Sets `wasm.<name>` in the filter state, for the access log.
    fn set_filter_state(&self, name: &str, value: &[u8]) -> Result<(), HostError>;
    /// Has routes matched again, after a header that they match on was changed.
    fn clear_route_cache(&self) -> Result<(), HostError>;
    /// Answers the request.
    fn reply(&self, reply: &Reply<'_>) -> Result<(), HostError>;
    /// The time since 1970.
    fn now(&self) -> Result<Duration, HostError>;
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
