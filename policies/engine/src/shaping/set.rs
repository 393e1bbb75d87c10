//! All that shapes traffic at a proxy, compiled.

use super::concurrency::{ConcurrencySettings, CriticalitySettings};
use super::deadline::DeadlineSettings;
use super::fault::FaultSettings;
use super::global::Settings;
use super::limits::{Limit, Places};
use super::retries::RetrySettings;
use super::selection::Selection;
use super::split::SplitSettings;
use crate::policy_set::{Clause, PolicySet};
use landbridge_model::{CookieName, CriticalityLevel, Enforcement, HeaderName, RateLimitService};
use std::rc::Rc;
use std::time::Duration;

/// How often workers tick.
const TICK: Duration = Duration::from_millis(50);

/// What shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// A rate limit.
    Limit,
    /// A limit of what is under way.
    Concurrency,
    /// A split.
    Split,
    /// A deadline.
    Deadline,
    /// A retry budget.
    RetryBudget,
    /// A fault.
    Fault,
}

/// What one thing that shapes is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its policy, as `namespace/name`.
    pub policy: Box<str>,
    /// Its own name.
    pub name: Box<str>,
    /// What it is.
    pub what: What,
}

/// One thing that shapes, by its place in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(pub(super) usize);

/// Something that is about some requests.
#[derive(Clone, Debug)]
pub(super) struct Ruled<T> {
    pub(super) item: ItemId,
    pub(super) mode: Enforcement,
    pub(super) selection: Selection,
    pub(super) settings: T,
}

/// A rate-limit service that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// The Envoy cluster that leads to it.
    pub cluster: Box<str>,
    /// The `:authority` that it is asked by.
    pub authority: Option<Box<str>>,
    /// How long an answer may take.
    pub timeout: Duration,
    pub(super) settings: Rc<Settings>,
}

impl Service {
    pub(super) fn new(written: &RateLimitService) -> Self {
        let settings = Settings::new(written, TICK);
        Self {
            cluster: written.cluster.as_str().into(),
            authority: written.authority.as_deref().map(Box::from),
            timeout: Duration::from_nanos(settings.timeout),
            settings: Rc::new(settings),
        }
    }
}

/// How requests are shared out.
#[derive(Clone, Debug)]
pub(super) struct SplitRule {
    pub(super) shares: SplitSettings,
    pub(super) sticky: Sticky,
    pub(super) overrides: Vec<(Selection, usize)>,
}

/// What keeps a caller on its backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sticky {
    Nothing,
    Header(HeaderName),
    /// For so many seconds, or the session.
    Cookie(CookieName, Option<u64>),
    Principal,
}

/// How critical requests are.
#[derive(Clone, Debug)]
pub(super) struct CriticalityRule {
    pub(super) settings: CriticalitySettings,
    pub(super) claims: Vec<(Vec<Clause>, CriticalityLevel)>,
}

/// All that shapes.
#[derive(Debug)]
pub struct ShapingSet {
    /// The mesh, who is trusted, and what is asked of a request.
    pub base: PolicySet,
    /// Whether the workload behind a sidecar is trusted.
    pub trusts_own_workload: bool,
    pub(super) places: Places,
    pub(super) items: Vec<Item>,
    pub(super) limits: Vec<Limit>,
    pub(super) services: Vec<Service>,
    pub(super) concurrency: Vec<Ruled<ConcurrencySettings>>,
    pub(super) criticality: Option<CriticalityRule>,
    pub(super) splits: Vec<Ruled<SplitRule>>,
    pub(super) deadlines: Vec<Ruled<DeadlineSettings>>,
    pub(super) retries: Vec<Ruled<RetrySettings>>,
    pub(super) faults: Vec<Ruled<FaultSettings>>,
    pub(super) asks: bool,
}

impl ShapingSet {
    /// What a thing that shapes is called.
    pub fn item(&self, id: ItemId) -> Option<&Item> {
        self.items.get(id.0)
    }

    /// All of them.
    pub fn items(&self) -> impl Iterator<Item = (ItemId, &Item)> {
        (0..).map(ItemId).zip(&self.items)
    }

    /// The name of a backend of a split.
    pub fn backend(&self, split: ItemId, backend: usize) -> Option<&str> {
        let rule = self.splits.iter().find(|rule| rule.item == split)?;
        rule.settings.shares.name(backend)
    }

    /// The rate-limit services that are asked.
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// Whether anything must be known of who calls or what is asked for.
    pub fn asks_for_facts(&self) -> bool {
        self.asks
    }

    /// Whether requests are timed by the wall's clock.
    pub fn asks_the_wall(&self) -> bool {
        !self.deadlines.is_empty() || !self.splits.is_empty()
    }
}
