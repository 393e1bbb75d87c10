//! `TrafficShaping`: how much may come, what goes first, and where a share of it goes.

mod concurrency;
mod faults;
mod key;
mod limits;
mod rate;
mod splits;
mod timing;

pub use concurrency::{Adaptive, Claim, Concurrency, Criticality, CriticalityLevel};
pub use faults::{Abort, Delay, Fault};
pub use key::LimitKey;
pub use limits::{
    Cost, Limit, LimitHeaders, LimitOverride, LimitScope, OnStoreLoss, PathCost, RateLimitService,
};
pub use rate::Rate;
pub use splits::{Backend, Ramp, Split, SplitOverride, Sticky};
pub use timing::{Deadline, RetryBudget};

use crate::pattern::AnyOf;
use crate::record::document;
use crate::target::Target;
use crate::word::words;

document! {
    /// The spec of a `TrafficShaping`.
    pub struct Shaping {
        /// Where the policy applies; everywhere, where it is left out.
        pub target: Target = default,
        /// Whether it is in force, or all of it is only counted.
        pub mode: Enforcement = default,
        /// How much may come. A request must be within all limits that count it.
        pub limits: Option<AnyOf<Limit>> = default,
        /// Who keeps the count for limits whose scope is `Global`.
        pub rate_limit_service: Option<RateLimitService> = default,
        /// How much may be under way at a time.
        pub concurrency: Option<AnyOf<Concurrency>> = default,
        /// What goes first where not all can.
        pub criticality: Criticality = default,
        /// Where a share of the requests goes. The first split that a request is one of decides.
        pub splits: Option<AnyOf<Split>> = default,
        /// How long work is worth doing.
        pub deadlines: Option<AnyOf<Deadline>> = default,
        /// How many of the requests may be retries.
        pub retry_budgets: Option<AnyOf<RetryBudget>> = default,
        /// What is broken on purpose, where `options.faults` allows it.
        pub faults: Option<AnyOf<Fault>> = default,
    }
}

words! {
    /// Whether something is in force.
    #[derive(Default)]
    pub enum Enforcement {
        /// It is.
        #[default]
        Enforce = "Enforce",
        /// It is only counted.
        Shadow = "Shadow",
    }
}
