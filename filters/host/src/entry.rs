//! How a proxy drives a filter.

use crate::Host;

/// What becomes of a request after a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It has been answered.
    Answered,
}

/// A filter, as configured. A new configuration makes a new one; requests that began under the
/// old one end under it.
pub trait Filter: Sized + 'static {
    /// What is kept of a request until its response.
    type Stream: 'static;

    /// Takes a configuration wholly, or refuses it: the proxy then keeps the last good one. What
    /// was wrong is the filter's to log.
    fn configure(host: &dyn Host, configuration: &[u8]) -> Option<Self>;

    /// A request that arrives where no configuration is in force. It must not be let through.
    fn unconfigured(host: &dyn Host) -> Flow;

    /// The request's headers are there.
    fn on_request(&self, host: &dyn Host) -> (Flow, Self::Stream);

    /// The response's headers are there: the upstream's, or those of the filter's own answer.
    fn on_response(&self, host: &dyn Host, stream: Self::Stream);
}
