//! How much may be under way at a time, and what goes first.

use super::Enforcement;
use crate::authorization::{Rule, Source};
use crate::http_name::HeaderName;
use crate::name::Name;
use crate::pattern::AnyOf;
use crate::quantity::{Amount, Period};
use crate::record::document;
use crate::word::words;

document! {
    /// How many requests may be under way at a time, over all workers of a proxy.
    pub struct Concurrency {
        /// What metrics and logs call it.
        pub name: Name,
        /// Whether it is in force.
        pub mode: Enforcement = default,
        /// The requests that it counts, any of these; all, where it is left out.
        pub requests: Option<AnyOf<Rule>> = default,
        /// The limit; with `adaptive`, the highest that it may become, 1000, where it is left out.
        pub max: Option<u32> = default,
        /// How the limit is found, where it is not fixed.
        pub adaptive: Option<Adaptive> = default,
    }

    /// A limit that follows how long answers take.
    #[derive(Default)]
    pub struct Adaptive {
        /// The lowest that it may become; 4, or `max` where that is less, where it is left out.
        pub min: Option<u32> = default,
        /// What it begins with; 50, or what of `min` and `max` is next to it, where it is left out.
        pub initial: Option<u32> = default,
        /// How many times as long as without load answers may take before the limit is lowered;
        /// 1.5, where it is left out.
        pub tolerance: Option<Amount> = default,
        /// How often the limit is looked at; `100ms`, where it is left out.
        pub window: Option<Period> = default,
        /// How often it is lowered for a moment to see how long answers take without load; `30s`,
        /// where it is left out.
        pub probe: Option<Period> = default,
    }

    /// What goes first where not all can.
    #[derive(Default)]
    pub struct Criticality {
        /// The request header that says it; `x-criticality`, where it is left out. What was decided
        /// is set in it for whoever comes next.
        pub header: Option<HeaderName> = default,
        /// What a request is that does not say; `CRITICAL`, where it is left out.
        pub default: Option<CriticalityLevel> = default,
        /// What callers may claim; the first that names the caller.
        pub claims: Option<AnyOf<Claim>> = default,
        /// What a caller may claim that none of them names; `CRITICAL`, where it is left out.
        pub otherwise: Option<CriticalityLevel> = default,
    }

    /// What some callers may claim.
    pub struct Claim {
        /// Any of these.
        pub from: AnyOf<Source>,
        /// The most that they may claim.
        pub at_most: CriticalityLevel,
    }
}

words! {
    /// How critical a request is; the least critical are refused first.
    pub enum CriticalityLevel {
        /// Nobody can do without it.
        CriticalPlus = "CRITICAL_PLUS",
        /// Users would see it fail.
        Critical = "CRITICAL",
        /// It can be done without for minutes.
        SheddablePlus = "SHEDDABLE_PLUS",
        /// It can be done without for hours.
        Sheddable = "SHEDDABLE",
    }
}
