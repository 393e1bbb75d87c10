//! From a filter's configuration to what shapes traffic: wholly, or not at all.

use super::concurrency::{ConcurrencySettings, CriticalitySettings};
use super::deadline::DeadlineSettings;
use super::fault::FaultSettings;
use super::limits::{Limit, Places};
use super::retries::RetrySettings;
use super::selection::{Selection, Terms};
use super::set::{
    CriticalityRule, Item, ItemId, Ruled, Service, ShapingSet, SplitRule, Sticky, What,
};
use super::split::SplitSettings;
use crate::applies::Own;
use crate::compile::{DataClasses, data_classes, source};
use crate::digest::{Digest, Digester};
use crate::load::{Found, Surroundings, ask_who_calls, check_head, each_policy, without_policies};
use crate::mesh_index::MeshIndex;
use crate::plan::Plan;
use landbridge_model::validate::{self, Findings};
use landbridge_model::{
    AnyOf, Code, Criticality, Diagnostic, Faults, Limits, Mesh, Named, Path, RateLimitService,
    RawConfig, Rule, Shaping, Split, packed,
};

/// The most things that shape at one proxy: each request passes all that are about it.
const MOST_ITEMS: usize = 1000;

/// A configuration that is good.
#[derive(Debug)]
pub struct LoadedShaping {
    /// What shapes here.
    pub set: ShapingSet,
    /// What the configuration is called.
    pub digest: Digest,
    /// How many policies it has, those that do not apply here too.
    pub policies: usize,
    /// What is worth knowing of it.
    pub warnings: Vec<Diagnostic>,
}

/// Reads, checks and compiles a configuration of the shaping filter. Every error is in the result,
/// up to a hundred.
pub fn load_shaping(
    json: &[u8],
    limits: &Limits,
    surroundings: &dyn Surroundings,
) -> Result<LoadedShaping, Vec<Diagnostic>> {
    let json = packed::unpack(json, limits)?;
    let raw = RawConfig::read(&json, limits)?;
    let head = &raw.head;
    let mut found = Found::default();
    let Some((names, mesh)) = check_head(head, &mut found) else {
        return Err(found.into_errors());
    };
    let own = Own::new(head.local.as_ref(), surroundings);
    let mut digester = Digester::default();
    let head_digest = digester.part(&raw.head_node);
    digester.add(&head_digest);
    let mut plan = Plan::default();
    ask_who_calls(&mut plan, &mesh, &head.options);
    let mut builder = Builder {
        mesh: &mesh,
        written: &head.mesh,
        plan,
        classes: None,
        allows_faults: head.options.faults == Faults::Trusted,
        parts: Parts::default(),
    };
    each_policy(
        &raw,
        ("TrafficShaping", RawConfig::shaping),
        &mut digester,
        &mut found,
        |policy: &Named<Shaping>, at, findings| {
            let namespace = policy.metadata.namespace();
            validate::shaping(&policy.spec, namespace, &names, at, findings);
            let scope = own.applies(&policy.spec.target, namespace, &mesh, at, findings);
            scope.is_some()
        },
        |policy, at, findings| builder.add(policy, at, findings),
    );
    if !found.errors().is_empty() {
        return Err(found.into_errors());
    }
    let Builder { plan, parts, .. } = builder;
    let clusters = head.mesh.clusters.iter();
    let places = clusters.map(|c| (c.name.as_str().into(), c.region.as_str().into()));
    let places = Places(places.collect());
    let asks = parts.ask();
    let base = without_policies(mesh, &head.options, plan);
    Ok(LoadedShaping {
        digest: digester.finish(),
        policies: raw.policies(),
        warnings: found.into_warnings(),
        set: ShapingSet {
            base,
            trusts_own_workload: head.options.trust_own_workload == Some(true),
            places,
            items: parts.items,
            limits: parts.limits,
            services: parts.services,
            concurrency: parts.concurrency,
            criticality: parts.criticality,
            splits: parts.splits,
            deadlines: parts.deadlines,
            retries: parts.retries,
            faults: parts.faults,
            asks,
        },
    })
}

#[derive(Default)]
struct Parts {
    items: Vec<Item>,
    limits: Vec<Limit>,
    services: Vec<Service>,
    concurrency: Vec<Ruled<ConcurrencySettings>>,
    criticality: Option<CriticalityRule>,
    splits: Vec<Ruled<SplitRule>>,
    deadlines: Vec<Ruled<DeadlineSettings>>,
    retries: Vec<Ruled<RetrySettings>>,
    faults: Vec<Ruled<FaultSettings>>,
}

impl Parts {
    /// Whether anything must be known of a request, beside its headers.
    fn ask(&self) -> bool {
        fn some<T>(rules: &[Ruled<T>]) -> bool {
            rules.iter().any(|rule| !rule.selection.is_all())
        }
        let claims = self.criticality.as_ref();
        self.limits.iter().any(Limit::asks)
            || some(&self.concurrency)
            || some(&self.splits)
            || some(&self.deadlines)
            || some(&self.retries)
            || !self.faults.is_empty()
            || claims.is_some_and(|rule| !rule.claims.is_empty())
            || self.splits.iter().any(|split| {
                split.settings.sticky == Sticky::Principal || !split.settings.overrides.is_empty()
            })
    }

    fn service(&mut self, written: &RateLimitService) -> usize {
        let service = Service::new(written);
        let known = self.services.iter().position(|known| *known == service);
        known.unwrap_or_else(|| {
            self.services.push(service);
            self.services.len().saturating_sub(1)
        })
    }

    fn item(&mut self, policy: &str, name: &str, what: What) -> ItemId {
        let id = ItemId(self.items.len());
        self.items.push(Item {
            policy: policy.into(),
            name: name.into(),
            what,
        });
        id
    }
}

struct Builder<'m> {
    mesh: &'m MeshIndex,
    written: &'m Mesh,
    plan: Plan,
    /// Compiled where a rule asks for them: each asks for something of the request.
    classes: Option<DataClasses>,
    allows_faults: bool,
    parts: Parts,
}

impl Builder<'_> {
    fn add(&mut self, policy: &Named<Shaping>, at: Path<'_>, findings: &mut Findings) {
        let (name, spec) = (policy.metadata.full_name(), &policy.spec);
        let namespace = policy.metadata.namespace();
        let parts = &mut self.parts;
        let classes: &DataClasses = match asks_for_classes(spec) {
            true => {
                let (written, plan) = (self.written, &mut self.plan);
                self.classes
                    .get_or_insert_with(|| data_classes(written, plan))
            }
            false => &Vec::new(),
        };
        let mut terms = Terms {
            namespace,
            mesh: self.mesh,
            classes,
            plan: &mut self.plan,
        };
        let whole = spec.mode;
        let service = spec.rate_limit_service.as_ref();
        let service = service.map(|written| parts.service(written));
        for limit in spec.limits.iter().flat_map(AnyOf::iter) {
            let item = parts.item(&name, limit.name.as_str(), What::Limit);
            let limit = Limit::new(item.0, &name, whole, limit, service, &mut terms);
            parts.limits.push(limit);
        }
        macro_rules! ruled {
            ($list:expr, $into:ident, $what:expr, $settings:expr) => {
                for written in $list.iter().flat_map(AnyOf::iter) {
                    let item = parts.item(&name, written.name.as_str(), $what);
                    let ruled = Ruled {
                        item,
                        mode: whole.max(written.mode),
                        selection: Selection::new(written.requests.as_ref(), &mut terms),
                        settings: $settings(written, &mut terms),
                    };
                    parts.$into.push(ruled);
                }
            };
        }
        ruled!(
            spec.concurrency,
            concurrency,
            What::Concurrency,
            |c, _: &mut Terms<'_>| {
                let mut settings = ConcurrencySettings::new(c);
                settings.mode = whole.max(settings.mode);
                settings
            }
        );
        ruled!(spec.splits, splits, What::Split, split);
        ruled!(
            spec.deadlines,
            deadlines,
            What::Deadline,
            |d, _: &mut Terms<'_>| { DeadlineSettings::new(d) }
        );
        ruled!(
            spec.retry_budgets,
            retries,
            What::RetryBudget,
            |r, _: &mut Terms<'_>| { RetrySettings::new(r) }
        );
        if self.allows_faults {
            ruled!(spec.faults, faults, What::Fault, |f, _: &mut Terms<'_>| {
                FaultSettings::new(f)
            });
        }
        let says = spec.criticality != Criticality::default();
        if says || spec.concurrency.is_some() && parts.criticality.is_none() {
            parts.criticality = Some(criticality(&spec.criticality, &mut terms));
        }
        if parts.items.len() > MOST_ITEMS {
            let message = format!("more than {MOST_ITEMS} things that shape");
            findings.add(at, Code::TooMany, message);
        }
    }
}

fn criticality(written: &Criticality, terms: &mut Terms<'_>) -> CriticalityRule {
    let claims = written.claims.iter().flat_map(AnyOf::iter).map(|claim| {
        let from = claim.from.iter();
        let from = from.map(|s| source(s, terms.namespace, terms.mesh, terms.plan));
        (from.collect(), claim.at_most)
    });
    CriticalityRule {
        claims: claims.collect(),
        settings: CriticalitySettings::new(written),
    }
}

fn split(written: &Split, terms: &mut Terms<'_>) -> SplitRule {
    let sticky = written.sticky.as_ref().map_or(Sticky::Nothing, |sticky| {
        let seconds = sticky.ttl.map(|ttl| ttl.0.as_secs());
        match (&sticky.header, &sticky.cookie) {
            (Some(header), _) => Sticky::Header(header.clone()),
            (None, Some(cookie)) => Sticky::Cookie(cookie.clone(), seconds),
            (None, None) => Sticky::Principal,
        }
    });
    let overrides = written.overrides.iter().flat_map(AnyOf::iter);
    let overrides = overrides.filter_map(|other| {
        let mut backends = written.backends.iter();
        let backend = backends.position(|backend| backend.name == other.backend)?;
        Some((Selection::new(Some(&other.requests), terms), backend))
    });
    SplitRule {
        overrides: overrides.collect(),
        shares: SplitSettings::new(written),
        sticky,
    }
}

/// Whether some rule of a policy asks for data classes.
fn asks_for_classes(spec: &Shaping) -> bool {
    let asks = |rules: Option<&AnyOf<Rule>>| {
        let rules = rules.into_iter().flat_map(AnyOf::iter);
        let mut operations = rules
            .flat_map(|rule| rule.to.iter().flat_map(AnyOf::iter))
            .map(|to| &to.operation);
        operations.any(|o| o.data_classes.is_some() || o.not_data_classes.is_some())
    };
    macro_rules! any {
        ($($list:ident),+) => {
            false $(|| spec.$list.iter().flat_map(AnyOf::iter).any(|it| asks(it.requests.as_ref())))+
        };
    }
    let mut overrides = spec
        .splits
        .iter()
        .flat_map(AnyOf::iter)
        .flat_map(|split| split.overrides.iter().flat_map(AnyOf::iter));
    any!(
        limits,
        concurrency,
        splits,
        deadlines,
        retry_budgets,
        faults
    ) || overrides.any(|other| asks(Some(&other.requests)))
}
