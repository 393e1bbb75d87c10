//! Calls that a filter makes of its own, and what comes back.

use std::time::Duration;

/// A request that the filter makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The proxy's cluster that it goes to.
    pub cluster: &'a str,
    /// Its headers; without `:method`, `:path` and `:authority` no proxy takes it.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Its body.
    pub body: Option<&'a [u8]>,
    /// How long its answer may take: a millisecond at least, because 0 would be for ever.
    pub timeout: Duration,
}

/// A call that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u32);

/// How much came back. The headers are read by [`Host::call_headers`](crate::Host::call_headers),
/// the body by [`Host::call_body`](crate::Host::call_body).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallAnswer {
    /// The headers, `:status` too.
    pub headers: usize,
    /// The bytes of the body.
    pub body: usize,
    /// The trailers.
    pub trailers: usize,
}

impl CallAnswer {
    /// Whether anybody answered. A proxy may also answer itself where it could not reach anybody,
    /// or not in time: with a status like 503 or 504.
    pub fn is_there(self) -> bool {
        self.headers > 0
    }
}
