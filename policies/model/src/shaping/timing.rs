//! How long work is worth doing, and how often it may be tried.

use super::Enforcement;
use crate::authorization::Rule;
use crate::http_name::HeaderName;
use crate::name::Name;
use crate::pattern::AnyOf;
use crate::quantity::{Percent, Period};
use crate::record::document;

document! {
    /// How long the caller of a request waits, as it says in `grpc-timeout`,
    /// `x-envoy-expected-rq-timeout-ms` or a header of its own. Work that nobody waits for any more
    /// is refused; what is asked of others gets no more time than is left.
    pub struct Deadline {
        /// What metrics and logs call it.
        pub name: Name,
        /// Whether it is in force.
        pub mode: Enforcement = default,
        /// The requests that it is about, any of these; all, where it is left out.
        pub requests: Option<AnyOf<Rule>> = default,
        /// The request header that says when the caller stops waiting, in milliseconds since 1970;
        /// `x-request-deadline`, where it is left out. It is set for whoever comes next.
        pub header: Option<HeaderName> = default,
        /// How long a caller waits that does not say; for ever, where it is left out.
        pub default: Option<Period> = default,
        /// The longest that any caller is worked for; as it says, where it is left out.
        pub max: Option<Period> = default,
        /// What has less time left than this is not begun; `1ms`, where it is left out.
        pub min: Option<Period> = default,
    }

    /// How many of the requests to each host may be retries: those that say so, in
    /// `x-envoy-attempt-count` or `grpc-previous-rpc-attempts`, and those that this proxy makes.
    pub struct RetryBudget {
        /// What metrics and logs call it.
        pub name: Name,
        /// Whether it is in force.
        pub mode: Enforcement = default,
        /// The requests that it is about, any of these; all, where it is left out.
        pub requests: Option<AnyOf<Rule>> = default,
        /// Retries may be this share of the requests; 20, where it is left out.
        pub share: Option<Percent> = default,
        /// And this many a second in any case, each worker; 3, where it is left out.
        pub min_per_second: Option<u32> = default,
        /// Another request header that marks a retry, by being there.
        pub header: Option<HeaderName> = default,
    }
}
