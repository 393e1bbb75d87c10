//! How much may come.

use super::{Enforcement, LimitKey, Rate};
use crate::authorization::Rule;
use crate::http_name::HeaderName;
use crate::name::Name;
use crate::path_pattern::PathPattern;
use crate::pattern::{AnyOf, Pattern};
use crate::quantity::{Percent, Period};
use crate::record::document;
use crate::word::words;

document! {
    /// A rate limit.
    pub struct Limit {
        /// What metrics, logs and callers call it.
        pub name: Name,
        /// Whether it is in force.
        pub mode: Enforcement = default,
        /// The requests that it counts, any of these; all, where it is left out.
        pub requests: Option<AnyOf<Rule>> = default,
        /// What requests must have in common to be counted together; all are, where it is left
        /// out.
        pub key: Option<AnyOf<LimitKey>> = default,
        /// The patterns that `request.path` in the key stands for: paths that match the same one,
        /// the first that they match, have it in common. Those that match none are `other`.
        pub paths: Option<AnyOf<PathPattern>> = default,
        /// How many may come, in what time.
        pub rate: Rate,
        /// How many may come at once after a quiet time; as many as in a second of the rate, and at
        /// least 1, where it is left out.
        pub burst: Option<u32> = default,
        /// Other rates for some values of the key; the first that matches.
        pub overrides: Option<AnyOf<LimitOverride>> = default,
        /// What a request counts for; 1, where it is left out.
        pub cost: Option<Cost> = default,
        /// How much of the rate may be taken by traffic that a trusted caller's failover sent here,
        /// so that the rest is kept for what is native; all of it, where it is left out.
        pub displaced_share: Option<Percent> = default,
        /// Who counts together.
        pub scope: LimitScope = default,
        /// What becomes of requests while the rate-limit service cannot be asked; for
        /// `scope: Global`.
        pub on_store_loss: OnStoreLoss = default,
        /// The share of the rate that each proxy then lets through by itself, with
        /// `onStoreLoss: Fraction`; 100, where it is left out.
        pub fraction: Option<Percent> = default,
        /// How many values of the key are told apart at a time; 100000, where it is left out.
        pub max_keys: Option<u32> = default,
        /// Which responses tell of the limit, in `RateLimit` and `RateLimit-Policy`.
        pub headers: LimitHeaders = default,
    }

    /// Another rate for some values of the key.
    pub struct LimitOverride {
        /// A pattern for each part of the key, in its order.
        pub values: AnyOf<Pattern>,
        /// How many may come, in what time.
        pub rate: Rate,
        /// How many may come at once after a quiet time; as many as in a second of this rate, and at
        /// least 1, where it is left out.
        pub burst: Option<u32> = default,
    }

    /// What a request counts for.
    pub struct Cost {
        /// A request header that says it: a whole number. One that is there and is no number from 1
        /// to `most` counts as `most`.
        pub header: Option<HeaderName> = default,
        /// What requests for these paths count for; the first that matches, where no header says
        /// it.
        pub paths: Option<AnyOf<PathCost>> = default,
        /// The most that the header may say; the burst, where it is left out.
        pub most: Option<u32> = default,
    }

    /// What requests for some paths count for.
    pub struct PathCost {
        /// Any of these.
        pub paths: AnyOf<PathPattern>,
        /// As many requests as this.
        pub cost: u32,
    }

    /// A service that keeps count for several proxies, over Envoy's
    /// `envoy.service.ratelimit.v3.RateLimitService`.
    pub struct RateLimitService {
        /// The Envoy cluster that leads to it; it must speak HTTP/2.
        pub cluster: String,
        /// The `:authority` it is asked by; the cluster's name, where it is left out.
        pub authority: Option<String> = default,
        /// What it knows these limits by; `landbridge`, where it is left out.
        pub domain: Option<String> = default,
        /// How long an answer may take; `500ms`, where it is left out.
        pub timeout: Option<Period> = default,
        /// For how long requests are leased in advance; `200ms`, where it is left out. It bounds
        /// how much too many may come: see `docs/shaping.md`.
        pub lease: Option<Period> = default,
    }
}

words! {
    /// Who counts together.
    #[derive(Default)]
    pub enum LimitScope {
        /// All workers of one proxy.
        #[default]
        Proxy = "Proxy",
        /// All proxies, by the rate-limit service.
        Global = "Global",
    }

    /// What becomes of requests while the rate-limit service cannot be asked.
    #[derive(Default)]
    pub enum OnStoreLoss {
        /// They go on.
        Open = "Open",
        /// They are refused.
        Closed = "Closed",
        /// Each proxy lets through a share of the rate by itself.
        #[default]
        Fraction = "Fraction",
    }

    /// Which responses tell of a limit.
    #[derive(Default)]
    pub enum LimitHeaders {
        /// Those that refuse for it.
        #[default]
        Limited = "Limited",
        /// All that it counts.
        Always = "Always",
        /// None.
        Never = "Never",
    }
}
