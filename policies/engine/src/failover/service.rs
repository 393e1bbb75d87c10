//! Services and the clusters that they run in, compiled.

use super::drain::Drain;
use super::residency::{Lawful, Restriction};
use super::settings::Settings;
use super::transfer::{Link, LinkId};
use crate::Truth;
use crate::compile::DataClasses;
use crate::facts::Facts;
use crate::mesh_index::ClusterId;
use crate::policy_set::PolicySet;
use hashbrown::HashMap;
use std::borrow::Cow;
use std::rc::Rc;

/// A service, by its place in the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId(pub(crate) u16);

/// A cluster that a service runs in, as this proxy sees it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The cluster's name: the value of `x-landbridge-cluster`.
    pub name: Box<str>,
    /// What Envoy calls the service there.
    pub upstream: Box<str>,
    /// The link to it, where it is in another region.
    pub link: Option<LinkId>,
    /// Whether it is the proxy's own.
    pub is_local: bool,
    /// Its place in the order of preference, which others may share.
    pub(crate) level: u16,
    /// Where in `upstream` the cluster's name ends.
    pub(crate) name_ends: usize,
}

impl Candidate {
    /// What Envoy calls one backend of the service there, where requests are split over backends: the
    /// subset that `landbridge render istio` gives each pair of cluster and backend.
    pub fn upstream_of(&self, backend: &str) -> String {
        let parts = self.upstream.split_at_checked(self.name_ends);
        let (before, after) = parts.unwrap_or((&self.upstream, ""));
        format!("{before}-{backend}{after}")
    }

    /// Its place in the order of preference, from 0, which others may share.
    pub fn level(&self) -> u16 {
        self.level
    }
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// What metrics and logs call it.
    pub name: Box<str>,
    /// The policy that routes it, as `namespace/name`.
    pub policy: Box<str>,
    /// The host that it is asked for by, for probes.
    pub host: Box<str>,
    /// Its clusters, the most preferred first.
    pub candidates: Vec<Candidate>,
    /// How it is treated.
    pub settings: Rc<Settings>,
    /// `outbound|80|` and `|host`: what stands around the cluster in Envoy's names.
    pub(crate) around: (Box<str>, Box<str>),
    pub(crate) drains: Vec<Drain>,
    pub(crate) restrictions: Vec<Restriction>,
    /// Where what is known of it is shared.
    pub(crate) key: String,
}

impl Service {
    /// Where Envoy's administration interface tells how many of its endpoints are healthy.
    pub fn poll_path(&self) -> String {
        let (before, after) = &self.around;
        let (before, after) = (escaped(before), escaped(after));
        let filter = format!("^cluster\\.{before}.*{after};?\\.membership_(healthy|total)$");
        let mut path = "/stats?filter=".to_owned();
        for byte in filter.bytes() {
            match byte {
                b if b.is_ascii_alphanumeric() => path.push(char::from(b)),
                b => path.push_str(&format!("%{b:02X}")),
            }
        }
        path
    }

    /// Whether requests that may go to these clusters may go to all.
    pub fn is_free(&self, lawful: Lawful) -> bool {
        lawful == self.all()
    }

    pub(crate) fn all(&self) -> Lawful {
        Lawful::first(self.candidates.len())
    }

    /// The candidate of this name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        self.candidates
            .iter()
            .position(|c| c.name.as_bytes() == name)
    }

    pub(crate) fn local(&self) -> Lawful {
        let own = self.candidates.iter().position(|c| c.is_local);
        own.map_or(Lawful::NONE, Lawful::only)
    }
}

/// Text in a regular expression (RE2's), which matches it alone.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// All services that a proxy routes.
#[derive(Debug)]
pub struct FailoverSet {
    /// The mesh, who is trusted, and what data classes ask of a request.
    pub base: PolicySet,
    /// Whether the workload behind a sidecar is trusted.
    pub trusts_own_workload: bool,
    pub(crate) own_cluster: ClusterId,
    pub(crate) services: Vec<Service>,
    pub(crate) by_host: HashMap<Box<str>, ServiceId>,
    pub(crate) links: Vec<Link>,
    /// The data classes that some service restricts; at most 64.
    pub(crate) classes: DataClasses,
}

impl FailoverSet {
    /// The service of an authority, with or without port, in whatever case.
    pub fn service_of(&self, authority: &[u8]) -> Option<ServiceId> {
        let host = std::str::from_utf8(authority).ok()?;
        let host = match host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => host,
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        let host: Cow<'_, str> = match host.bytes().any(|b| b.is_ascii_uppercase()) {
            true => host.to_ascii_lowercase().into(),
            false => host.into(),
        };
        self.by_host.get(&*host).copied()
    }

    /// A service.
    pub fn service(&self, id: ServiceId) -> Option<&Service> {
        self.services.get(usize::from(id.0))
    }

    /// All services.
    pub fn services(&self) -> impl Iterator<Item = (ServiceId, &Service)> {
        (0..).map(ServiceId).zip(&self.services)
    }

    /// The name of the proxy's own cluster.
    pub fn own_cluster(&self) -> &str {
        self.base.mesh().name(self.own_cluster)
    }

    /// What is told of a link: the regions at its ends, and its price in millionths a GiB.
    pub fn link(&self, id: LinkId) -> Option<(&str, &str, Option<u64>)> {
        let link = self.links.get(usize::from(id.0))?;
        Some((&link.from, &link.to, link.price))
    }

    /// Whether anything of a request is asked for beside its headers' names for it: whether some
    /// data class restricts where it may go.
    pub fn asks_for_facts(&self) -> bool {
        !self.classes.is_empty()
    }

    /// Where a request may go. What cannot be known of it counts against it.
    pub fn lawful(&self, service: &Service, facts: Option<&Facts<'_>>) -> Lawful {
        let mut lawful = service.all();
        for restriction in &service.restrictions {
            let holds = match restriction.class {
                None => true,
                Some(class) => self.has_class(class, facts),
            };
            if holds {
                lawful = lawful.and(restriction.to);
            }
        }
        lawful
    }

    fn has_class(&self, class: u16, facts: Option<&Facts<'_>>) -> bool {
        let Some(((_, clauses), facts)) = self.classes.get(usize::from(class)).zip(facts) else {
            return true;
        };
        clauses
            .iter()
            .any(|clause| clause.holds(facts) != Truth::No)
    }
}
