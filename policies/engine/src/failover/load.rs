//! From a filter's configuration to the services that it routes: wholly, or not at all.

use super::PREFIX;
use super::drain::Drain;
use super::order::Viewpoint;
use super::residency::{Lawful, Restriction};
use super::service::{Candidate, FailoverSet, Service, ServiceId};
use super::settings::{Millis, Settings};
use super::transfer::{Link, LinkId};
use crate::applies::{Own, Question};
use crate::compile::{DataClasses, data_class};
use crate::digest::{Digest, Digester};
use crate::load::{Found, Surroundings, ask_who_calls, check_head, each_policy, without_policies};
use crate::mesh_index::ClusterId;
use crate::plan::Plan;
use hashbrown::HashMap;
use landbridge_model::validate::{self, Findings};
use landbridge_model::{
    AnyOf, Cluster, Code, Diagnostic, Failover, Jurisdiction, Limits, Mesh, Metadata, Named, Path,
    Preference, RawConfig, Timestamp, TransferBudget, packed,
};
use std::rc::Rc;

/// The most services that a configuration has.
const MOST_SERVICES: usize = 10_000;
/// The most data classes that may restrict where requests go.
const MOST_CLASSES: usize = 64;
/// What `preference` is where it is left out.
const PREFERENCE: [Preference; 5] = [
    Preference::Zone,
    Preference::Region,
    Preference::Jurisdiction,
    Preference::Price,
    Preference::Rtt,
];
const GIB: f64 = 1_073_741_824.0;

/// A configuration that is good.
#[derive(Debug)]
pub struct LoadedFailover {
    /// The services that are routed here.
    pub set: FailoverSet,
    /// What the configuration is called.
    pub digest: Digest,
    /// How many policies it has, those that do not apply here too.
    pub policies: usize,
    /// What is worth knowing of it.
    pub warnings: Vec<Diagnostic>,
}

/// Reads, checks and compiles a configuration of the locality filter. Every error is in the
/// result, up to a hundred.
pub fn load_failover(
    json: &[u8],
    limits: &Limits,
    surroundings: &dyn Surroundings,
) -> Result<LoadedFailover, Vec<Diagnostic>> {
    let json = packed::unpack(json, limits)?;
    let raw = RawConfig::read(&json, limits)?;
    let head = &raw.head;
    let mut found = Found::default();
    let Some((names, mesh)) = check_head(head, &mut found) else {
        return Err(found.into_errors());
    };
    let own = Own::new(head.local.as_ref(), surroundings);
    let own_name = own.ask(&Question::Cluster).ok().flatten();
    let own_cluster = (0_u16..)
        .zip(head.mesh.clusters.iter())
        .find(|(_, cluster)| Some(cluster.name.as_str()) == own_name.as_deref());
    let Some((own_id, own_cluster)) = own_cluster else {
        let message = match &own_name {
            Some(name) => format!("the mesh has no cluster `{name}`, where this proxy is"),
            None => "the proxy does not know which cluster it is in".to_owned(),
        };
        let hint = "set `local.cluster`, or node metadata `CLUSTER_ID`, to a cluster of the mesh";
        let wrong = Diagnostic::new(Code::UnknownLocal, "local.cluster", message).hint(hint);
        found.add(vec![wrong]);
        return Err(found.into_errors());
    };

    let mut digester = Digester::default();
    let head_digest = digester.part(&raw.head_node);
    digester.add(&head_digest);
    let mut plan = Plan::default();
    ask_who_calls(&mut plan, &mesh, &head.options);
    let mut builder = Builder {
        mesh: &head.mesh,
        view: Viewpoint::new(&head.mesh, own_cluster),
        own: own_cluster,
        services: Vec::new(),
        by_host: HashMap::new(),
        links: Vec::new(),
        restricted: Vec::new(),
    };
    each_policy(
        &raw,
        ("LocalityFailover", RawConfig::failover),
        &mut digester,
        &mut found,
        |policy: &Named<Failover>, at, findings| {
            let namespace = policy.metadata.namespace();
            validate::failover(&policy.spec, namespace, &names, at, findings);
            let scope = own.applies(&policy.spec.target, namespace, &mesh, at, findings);
            scope.is_some()
        },
        |policy, at, findings| builder.add(&policy.metadata, &policy.spec, at, findings),
    );
    if !found.errors().is_empty() {
        return Err(found.into_errors());
    }
    let classes = classes(&head.mesh, &builder.restricted, &mut plan);
    let policies = raw.policies();
    let base = without_policies(mesh, &head.options, plan);
    let (services, by_host, links) = (builder.services, builder.by_host, builder.links);
    Ok(LoadedFailover {
        digest: digester.finish(),
        policies,
        warnings: found.into_warnings(),
        set: FailoverSet {
            base,
            trusts_own_workload: head.options.trust_own_workload == Some(true),
            own_cluster: ClusterId(own_id),
            services,
            by_host,
            links,
            classes,
        },
    })
}

/// The data classes at these places, in this order.
fn classes(mesh: &Mesh, wanted: &[usize], plan: &mut Plan) -> DataClasses {
    let all = || mesh.data_classes.iter().flat_map(AnyOf::iter);
    let wanted = wanted.iter().filter_map(|i| all().nth(*i));
    wanted.map(|class| data_class(class, plan)).collect()
}

struct Builder<'m> {
    mesh: &'m Mesh,
    view: Viewpoint<'m>,
    own: &'m Cluster,
    services: Vec<Service>,
    by_host: HashMap<Box<str>, ServiceId>,
    links: Vec<Link>,
    /// The data classes that restrict some service, by their place in the mesh.
    restricted: Vec<usize>,
}

impl Builder<'_> {
    fn add(
        &mut self,
        metadata: &Metadata,
        policy: &Failover,
        at: Path<'_>,
        findings: &mut Findings,
    ) {
        let settings = Rc::new(Settings::new(policy));
        let preference: Vec<Preference> = match &policy.preference {
            Some(list) => list.iter().copied().collect(),
            None => PREFERENCE.to_vec(),
        };
        let name = metadata.full_name();
        let services_at = at.push_key("services");
        for (i, written) in policy.services.iter().enumerate() {
            let place = services_at.push_index(i);
            let Some(id) = u16::try_from(self.services.len())
                .ok()
                .filter(|id| usize::from(*id) < MOST_SERVICES)
            else {
                let message = format!("more services than {MOST_SERVICES}");
                findings.add(place, Code::TooMany, message);
                return;
            };
            let hosts_at = place.push_key("hosts");
            for (j, host) in written.hosts.iter().enumerate() {
                let host: Box<str> = host.as_str().trim_end_matches('.').into();
                if self.by_host.insert(host.clone(), ServiceId(id)).is_some() {
                    let message = format!("another service has the host `{host}`");
                    findings.add(hosts_at.push_index(j), Code::DuplicateName, message);
                }
            }
            let service = self.service(&name, policy, written, &preference, &settings);
            if service.candidates.len() > Lawful::MOST {
                let message = format!("more clusters than {}", Lawful::MOST);
                findings.add(place.push_key("clusters"), Code::TooMany, message);
            }
            self.services.push(service);
        }
        if self.restricted.len() > MOST_CLASSES {
            let message = format!("more than {MOST_CLASSES} data classes restrict requests");
            findings.add(at.push_key("residency"), Code::TooMany, message);
        }
    }

    fn service(
        &mut self,
        policy_name: &str,
        policy: &Failover,
        written: &landbridge_model::Service,
        preference: &[Preference],
        settings: &Rc<Settings>,
    ) -> Service {
        let host = written.hosts.iter().next().map_or("", |host| host.as_str());
        let port = written.port.map_or(0, |port| port.0);
        let template = match &written.upstream {
            Some(template) => template.clone(),
            None => format!("outbound|{port}|{{cluster}}|{host}"),
        };
        let (before, after) = template.split_once("{cluster}").unwrap_or((&template, ""));
        let named = |name: &str| {
            let mut clusters = self.mesh.clusters.iter();
            clusters.find(|cluster| cluster.name.as_str() == name)
        };
        let clusters = written.clusters.iter();
        let clusters = clusters.filter_map(|name| named(name.as_str()));
        let mut ranked: Vec<(Vec<u64>, &Cluster)> = clusters
            .map(|cluster| (self.view.rank(cluster, preference), cluster))
            .collect();
        // Those of the same rank stay as they were written.
        ranked.sort_by(|a, b| a.0.cmp(&b.0));
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut level: u16 = 0;
        let mut last: Option<&Vec<u64>> = None;
        for (rank, cluster) in &ranked {
            if last.is_some_and(|last| last != rank) {
                level = level.saturating_add(1);
            }
            last = Some(rank);
            candidates.push(Candidate {
                name: cluster.name.as_str().into(),
                upstream: format!("{before}{}{after}", cluster.name).into(),
                link: self.link(policy_name, policy, cluster),
                is_local: cluster.name == self.own.name,
                level,
                name_ends: before.len().saturating_add(cluster.name.as_str().len()),
            });
        }
        let located: Vec<&Cluster> = ranked.iter().map(|(_, cluster)| *cluster).collect();
        Service {
            name: written.name.as_str().into(),
            policy: policy_name.into(),
            host: host.into(),
            drains: drains(policy, &located),
            restrictions: self.restrictions(policy, &located),
            candidates,
            settings: Rc::clone(settings),
            around: (before.into(), after.into()),
            key: format!("{PREFIX}state.{policy_name}/{}", written.name),
        }
    }

    /// The link to a cluster in another region.
    fn link(&mut self, policy_name: &str, policy: &Failover, to: &Cluster) -> Option<LinkId> {
        if to.region == self.own.region {
            return None;
        }
        let key = format!(
            "{PREFIX}link.{policy_name}/{}~{}",
            self.own.region, to.region
        );
        if let Some(known) = self.links.iter().position(|link| link.key == key) {
            return u16::try_from(known).ok().map(LinkId);
        }
        let price = self.view.link(to).and_then(|link| link.price_per_gib);
        let price = price.map(|price| price.millionths);
        let mut budgets = policy.transfer_budgets.iter().flat_map(AnyOf::iter);
        let ends = [&self.own.region, &to.region];
        let budget = budgets.find(|b| ends == [&b.from, &b.to] || ends == [&b.to, &b.from]);
        let id = u16::try_from(self.links.len()).ok()?;
        self.links.push(Link {
            from: self.own.region.as_str().into(),
            to: to.region.as_str().into(),
            price,
            budget: budget.and_then(|budget| bytes_an_hour(budget, price)),
            key,
        });
        Some(LinkId(id))
    }

    fn restrictions(&mut self, policy: &Failover, clusters: &[&Cluster]) -> Vec<Restriction> {
        let under = |laws: &AnyOf<Jurisdiction>| {
            let lawful = |cluster: &Cluster| {
                let region = self.mesh.regions.iter().find(|r| r.name == cluster.region);
                region.is_some_and(|r| laws.iter().any(|law| *law == r.jurisdiction))
            };
            let places = clusters.iter().enumerate();
            places.fold(
                Lawful::NONE,
                |set, (i, c)| if lawful(c) { set.with(i) } else { set },
            )
        };
        let mut restrictions = Vec::new();
        let mut by_class: Vec<(usize, Lawful)> = Vec::new();
        let classes = || {
            self.mesh
                .data_classes
                .iter()
                .flat_map(AnyOf::iter)
                .enumerate()
        };
        for (class, written) in classes() {
            by_class.extend(
                written
                    .jurisdictions
                    .as_ref()
                    .map(|laws| (class, under(laws))),
            );
        }
        for rule in policy.residency.iter().flat_map(AnyOf::iter) {
            let to = under(&rule.jurisdictions);
            match &rule.data_classes {
                None => restrictions.push(Restriction { class: None, to }),
                Some(patterns) => {
                    let meant = classes().filter(|(_, class)| {
                        patterns.iter().any(|p| p.matches(class.name.as_str()))
                    });
                    by_class.extend(meant.map(|(class, _)| (class, to)));
                }
            }
        }
        for (class, to) in by_class {
            let known = self.restricted.iter().position(|c| *c == class);
            let slot = known.unwrap_or_else(|| {
                self.restricted.push(class);
                self.restricted.len().saturating_sub(1)
            });
            restrictions.push(Restriction {
                class: u16::try_from(slot).ok(),
                to,
            });
        }
        restrictions
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "amounts are at most 1e15 millionths"
)]
fn bytes_an_hour(budget: &TransferBudget, price: Option<u64>) -> Option<f64> {
    match (budget.gib_per_hour, budget.cost_per_hour, price) {
        (Some(amount), _, _) => Some(amount.value() * GIB),
        (None, Some(cost), Some(price)) if price > 0 => {
            Some(cost.value() / (price as f64 / 1e6) * GIB)
        }
        _ => None,
    }
}

fn drains(policy: &Failover, clusters: &[&Cluster]) -> Vec<Drain> {
    let millis = |t: Timestamp| Millis::try_from(t.0.as_millis()).unwrap_or(Millis::MAX);
    let of = |drain: &landbridge_model::Drain| {
        let meant = |cluster: &Cluster| {
            let mut names = drain.clusters.iter().flat_map(AnyOf::iter);
            let mut regions = drain.regions.iter().flat_map(AnyOf::iter);
            names.any(|name| *name == cluster.name) || regions.any(|r| *r == cluster.region)
        };
        let places = clusters.iter().enumerate();
        Drain {
            clusters: places.fold(
                Lawful::NONE,
                |set, (i, c)| if meant(c) { set.with(i) } else { set },
            ),
            start: millis(drain.start),
            end: millis(drain.end),
            ramp: drain
                .ramp
                .map_or(0, |r| Millis::try_from(r.0.as_millis()).unwrap_or(0)),
        }
    };
    policy.drains.iter().flat_map(AnyOf::iter).map(of).collect()
}
