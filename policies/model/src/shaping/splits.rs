//! Where a share of the requests goes.

use super::Enforcement;
use crate::authorization::Rule;
use crate::http_name::{CookieName, HeaderName};
use crate::name::Name;
use crate::pattern::AnyOf;
use crate::quantity::{Amount, Period};
use crate::record::document;
use crate::validity::Timestamp;

document! {
    /// Requests shared out over backends, by the header `x-landbridge-backend` that routes match
    /// on.
    pub struct Split {
        /// What metrics and logs call it.
        pub name: Name,
        /// Whether it is in force.
        pub mode: Enforcement = default,
        /// The requests that it shares out, any of these; all, where it is left out.
        pub requests: Option<AnyOf<Rule>> = default,
        /// The backends.
        pub backends: AnyOf<Backend>,
        /// What keeps a caller on its backend; nothing, where it is left out.
        pub sticky: Option<Sticky> = default,
        /// How the share of one backend changes over time.
        pub ramp: Option<Ramp> = default,
        /// Who goes to a backend whatever its share; the first that a request is one of.
        pub overrides: Option<AnyOf<SplitOverride>> = default,
    }

    /// A backend.
    pub struct Backend {
        /// The value of `x-landbridge-backend`.
        pub name: Name,
        /// Its share, in proportion to those of the others; it needs none where a ramp gives it
        /// one.
        pub weight: Option<Amount> = default,
    }

    /// What keeps a caller on its backend; one of these.
    pub struct Sticky {
        /// Callers with the same value of this header; those without are shared out one by one.
        pub header: Option<HeaderName> = default,
        /// A cookie that says which part of the whole a caller is; it is set where it is missing.
        pub cookie: Option<CookieName> = default,
        /// How long the cookie is good; for the session, where it is left out.
        pub ttl: Option<Period> = default,
        /// Callers with the same SPIFFE ID, with `true`.
        pub principal: Option<bool> = default,
    }

    /// How the share of one backend changes over time, in a straight line; the others share the
    /// rest by their weights.
    pub struct Ramp {
        /// The backend.
        pub backend: Name,
        /// Its share until then, in percent; 0, where it is left out.
        pub from: Option<Amount> = default,
        /// Its share at the end, in percent; 100, where it is left out.
        pub to: Option<Amount> = default,
        /// When it begins.
        pub start: Timestamp,
        /// How long it takes.
        pub over: Period,
        /// When it stops, wherever it is by then.
        pub stop: Option<Timestamp> = default,
    }

    /// Who goes to a backend whatever its share.
    pub struct SplitOverride {
        /// Any of these.
        pub requests: AnyOf<Rule>,
        /// The backend.
        pub backend: Name,
    }
}
