//! The filter's metrics. Each is made once and kept: a metric that is looked up by its name for
//! each request would cost more than routing it.

use crate::stream::Stream;
use hashbrown::HashMap;
use landbridge_engine::Reason;
use landbridge_engine::failover::{
    Candidate, Direction, FailoverSet, LinkId, Phase, Probe, Service, ServiceId, Transition, Worker,
};
use landbridge_host::{Host, MetricId, MetricKind};
use std::cell::RefCell;
use std::rc::Rc;

/// One GiB.
const GIB: u64 = 1 << 30;

/// All that tells one routed request from another, as far as reports go.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    service: ServiceId,
    candidate: Option<usize>,
    preferred: Option<usize>,
    reason: Reason,
}

/// Metrics and lines, by what they are about.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: RefCell<HashMap<Key, Option<MetricId>>>,
    lines: RefCell<HashMap<Key, Rc<str>>>,
    named: RefCell<HashMap<String, Option<MetricId>>>,
    gauges: RefCell<HashMap<(ServiceId, usize), (Phase, u64)>>,
    links: RefCell<HashMap<(LinkId, Direction), Transfer>>,
}

#[derive(Clone, Copy, Default)]
struct Transfer {
    bytes: Option<MetricId>,
    cost: Option<MetricId>,
    /// What is left of a price, in millionths times bytes, since the cost last went up by a
    /// millionth.
    rest: u64,
}

impl Key {
    fn of(stream: &Stream) -> Option<Self> {
        let choice = stream.choice;
        Some(Self {
            service: stream.service,
            candidate: choice.map(|c| c.candidate),
            preferred: choice.map(|c| c.preferred),
            reason: choice.map(|c| c.reason).or(stream.refused)?,
        })
    }
}

fn name_of(service: &Service, candidate: Option<usize>) -> &str {
    let candidate = candidate.and_then(|i| service.candidates.get(i));
    candidate.map_or("none", |candidate| &*candidate.name)
}

impl Metrics {
    /// The access log's value of a request.
    pub(crate) fn json(&self, set: &FailoverSet, stream: &Stream) -> Option<Rc<str>> {
        let key = Key::of(stream)?;
        let mut lines = self.lines.borrow_mut();
        if let Some(line) = lines.get(&key) {
            return Some(Rc::clone(line));
        }
        let service = set.service(key.service)?;
        // Names are letters, digits, `-`, `_`, `.` and `/`: none needs escaping.
        let line: Rc<str> = format!(
            "{{\"filter\":\"locality\",\"policy\":\"{}\",\"service\":\"{}\",\"source_cluster\":\"{}\",\
             \"serving_cluster\":\"{}\",\"preferred_cluster\":\"{}\",\"reason\":\"{}\"}}",
            service.policy,
            service.name,
            set.own_cluster(),
            name_of(service, key.candidate),
            name_of(service, key.preferred),
            key.reason.as_str(),
        )
        .into();
        lines.insert(key, Rc::clone(&line));
        Some(line)
    }

    /// Counts a request that is over.
    pub(crate) fn request(&self, host: &dyn Host, set: &FailoverSet, stream: &Stream) {
        let Some((key, service)) = Key::of(stream).zip(set.service(stream.service)) else {
            return;
        };
        let mut requests = self.requests.borrow_mut();
        let metric = requests.entry(key).or_insert_with(|| {
            let name = format!(
                "landbridge.locality.service=.={};.;source_cluster=.={};.;serving_cluster=.={};.;reason=.={};.;requests_total",
                service.name,
                set.own_cluster(),
                name_of(service, key.candidate),
                key.reason.as_str(),
            );
            host.metric(MetricKind::Counter, &name).ok()
        });
        increment(host, *metric, 1);
    }

    /// Counts one of what is rare.
    fn count(&self, host: &dyn Host, name: String) {
        let mut named = self.named.borrow_mut();
        let metric = match named.get(&name) {
            Some(metric) => *metric,
            None => {
                let metric = host.metric(MetricKind::Counter, &name).ok();
                named.insert(name, metric);
                metric
            }
        };
        increment(host, metric, 1);
    }

    pub(crate) fn retry(&self, host: &dyn Host, service: &Service, candidate: usize) {
        let to = name_of(service, Some(candidate));
        let name = format!(
            "landbridge.locality.service=.={};.;serving_cluster=.={to};.;retries_total",
            service.name
        );
        self.count(host, name);
    }

    pub(crate) fn unroutable(&self, host: &dyn Host, service: &Service, candidate: &Candidate) {
        let name = format!(
            "landbridge.locality.service=.={};.;serving_cluster=.={};.;unroutable_total",
            service.name, candidate.name
        );
        self.count(host, name);
    }

    pub(crate) fn probed(&self, host: &dyn Host, set: &FailoverSet, probe: Probe, good: bool) {
        if let Some(service) = set.service(probe.service) {
            let name = format!(
                "landbridge.locality.service=.={};.;serving_cluster=.={};.;outcome=.={};.;probes_total",
                service.name,
                name_of(service, Some(probe.candidate)),
                if good { "good" } else { "bad" },
            );
            self.count(host, name);
        }
    }

    pub(crate) fn transition(&self, host: &dyn Host, set: &FailoverSet, transition: &Transition) {
        if let Some(service) = set.service(transition.service) {
            let name = format!(
                "landbridge.locality.service=.={};.;serving_cluster=.={};.;outcome=.={};.;transitions_total",
                service.name,
                name_of(service, Some(transition.candidate)),
                transition.change.to.as_str(),
            );
            self.count(host, name);
        }
    }

    /// Counts what went over a link, and its price.
    pub(crate) fn transfer(
        &self,
        host: &dyn Host,
        set: &FailoverSet,
        link: LinkId,
        direction: Direction,
        bytes: u64,
    ) {
        let Some((from, to, price)) = set.link(link) else {
            return;
        };
        let mut links = self.links.borrow_mut();
        let transfer = links.entry((link, direction)).or_insert_with(|| {
            let metric = |what: &str| {
                let direction = direction.as_str();
                let name = format!(
                    "landbridge.locality.link=.={from}~{to};.;direction=.={direction};.;{what}"
                );
                host.metric(MetricKind::Counter, &name).ok()
            };
            Transfer {
                bytes: metric("transferred_bytes_total"),
                cost: price.and_then(|_| metric("transfer_cost_millionths_total")),
                rest: 0,
            }
        });
        increment(host, transfer.bytes, bytes);
        let Some(price) = price else {
            return;
        };
        let sum = transfer.rest.saturating_add(bytes.saturating_mul(price));
        transfer.rest = sum % GIB;
        increment(host, transfer.cost, sum / GIB);
    }

    /// Sets the gauges of how each cluster is seen, where that changed.
    pub(crate) fn sights(&self, host: &dyn Host, set: &FailoverSet, worker: &mut Worker) {
        let mut gauges = self.gauges.borrow_mut();
        for (id, service) in set.services() {
            for (i, candidate) in service.candidates.iter().enumerate() {
                let Some(sight) = worker.sight(id, i) else {
                    continue;
                };
                let seen = (sight.phase, permille(sight.share));
                if gauges.insert((id, i), seen) == Some(seen) {
                    continue;
                }
                let state = match sight.phase {
                    Phase::Down => 0,
                    Phase::Held => 1,
                    Phase::Up => 2,
                };
                for (what, value) in [("cluster_state", state), ("cluster_share_permille", seen.1)]
                {
                    let name = format!(
                        "landbridge.locality.service=.={};.;serving_cluster=.={};.;{what}",
                        service.name, candidate.name
                    );
                    if let Ok(gauge) = host.metric(MetricKind::Gauge, &name) {
                        // A gauge that cannot be set says nothing; the log has the transitions.
                        let _ = host.set(gauge, value);
                    }
                }
            }
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share is from 0 to 1"
)]
fn permille(share: f64) -> u64 {
    (share.clamp(0.0, 1.0) * 1000.0).round() as u64
}

fn increment(host: &dyn Host, metric: Option<MetricId>, by: u64) {
    if let Some(metric) = metric.filter(|_| by > 0) {
        // What cannot be counted is still served.
        let _ = host.add(metric, u32::try_from(by).unwrap_or(u32::MAX));
    }
}
