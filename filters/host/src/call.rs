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
    /// Whether there is an answer. It need not be the called one's: Envoy answers itself, with 503
    /// or 504 and a line of text, where it reaches nobody, or not in time.
    pub fn is_there(self) -> bool {
        self.headers > 0
    }
}
