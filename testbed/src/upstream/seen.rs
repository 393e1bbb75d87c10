//! What an upstream has received: a log for tests that ask not how many requests
//! came, but which.

use http::HeaderMap;
use http::request::Parts;
use tokio::time::Instant;

/// A request header that names a request for a test, kept in [`Seen::label`].
pub(super) const LABEL: &str = "x-testbed-label";
/// The request header that says how much a request matters.
pub(super) const CRITICALITY: &str = "x-criticality";
/// The request header by which a server sidecar says which of its endpoints took a request.
pub(crate) const ENDPOINT: &str = "x-testbed-endpoint";

/// One request that an upstream received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// When it came.
    pub at: Instant,
    /// Its method.
    pub method: String,
    /// Its path and query.
    pub path: String,
    /// Its header `x-testbed-label`.
    pub label: Option<String>,
    /// Its header `x-criticality`.
    pub criticality: Option<String>,
    /// Its header `x-testbed-endpoint`: at which endpoint of the cluster it came in.
    pub endpoint: Option<String>,
    /// The status that it was to be answered with; none if it was dropped. For
    /// gRPC the answer's is 200 all the same.
    pub status: Option<u16>,
}

impl Seen {
    pub(super) fn new(at: Instant, head: &Parts) -> Self {
        let header = |name| header(&head.headers, name);
        Self {
            at,
            method: head.method.to_string(),
            path: head
                .uri
                .path_and_query()
                .map_or_else(String::new, ToString::to_string),
            label: header(LABEL),
            criticality: header(CRITICALITY),
            endpoint: header(ENDPOINT),
            status: None,
        }
    }
}

/// A header's first value.
pub(super) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}
