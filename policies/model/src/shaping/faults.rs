//! What is broken on purpose.

use super::Enforcement;
use crate::authorization::Rule;
use crate::name::Name;
use crate::pattern::AnyOf;
use crate::quantity::{Percent, Period};
use crate::record::document;

document! {
    /// What some requests of trusted callers suffer, where `options.faults` is `Trusted`.
    pub struct Fault {
        /// What metrics and logs call it.
        pub name: Name,
        /// Whether it is in force.
        pub mode: Enforcement = default,
        /// The requests, any of these; all of trusted callers, where it is left out.
        pub requests: Option<AnyOf<Rule>> = default,
        /// They wait.
        pub delay: Option<Delay> = default,
        /// They fail.
        pub abort: Option<Abort> = default,
    }

    /// How long requests wait.
    pub struct Delay {
        /// This long, and up to 50 ms more.
        pub time: Period,
        /// The share of them that does; all, where it is left out.
        pub share: Option<Percent> = default,
    }

    /// How requests fail.
    pub struct Abort {
        /// The HTTP status, from 400 to 599; 503, where it is left out.
        pub status: Option<u16> = default,
        /// The gRPC status for callers who speak gRPC, from 1 to 16; 14, where it is left out.
        pub grpc_status: Option<u32> = default,
        /// The share of them that does; all, where it is left out.
        pub share: Option<Percent> = default,
    }
}
