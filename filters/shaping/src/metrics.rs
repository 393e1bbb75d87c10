//! The filter's metrics, and the lines of the access log. Each is made once and kept.

use hashbrown::HashMap;
use landbridge_engine::ClusterId;
use landbridge_engine::shaping::{Count, Item, ItemId, Outcome, ShapingSet, Told, What, Worker};
use landbridge_host::{Host, MetricId, MetricKind};
use std::cell::RefCell;
use std::rc::Rc;

/// The most lines that are kept: what they are made of is bounded, but by more than is ever used.
const MOST_LINES: usize = 4096;

/// What a counter is about.
type Counted = (ItemId, Option<ClusterId>, Outcome);

/// Metrics and lines, by what they are about.
#[derive(Default)]
pub(crate) struct Metrics {
    lines: RefCell<HashMap<Told, Rc<str>>>,
    counters: RefCell<HashMap<Counted, Option<MetricId>>>,
    named: RefCell<HashMap<String, Option<MetricId>>>,
    gauges: RefCell<HashMap<ItemId, (u32, u32)>>,
}

fn kind(item: &Item) -> &'static str {
    match item.what {
        What::Limit => "limit",
        What::Concurrency => "concurrency",
        What::Split => "split",
        What::Deadline => "deadline",
        What::RetryBudget => "retry_budget",
        What::Fault => "fault",
    }
}

impl Metrics {
    /// The access log's value of a request.
    pub(crate) fn json(&self, set: &ShapingSet, told: &Told) -> Rc<str> {
        let mut lines = self.lines.borrow_mut();
        if let Some(line) = lines.get(told) {
            return Rc::clone(line);
        }
        if lines.len() >= MOST_LINES {
            lines.clear();
        }
        let line: Rc<str> = told.to_json(set).into();
        lines.insert(*told, Rc::clone(&line));
        line
    }

    /// Tells what was counted.
    pub(crate) fn count(&self, host: &dyn Host, set: &ShapingSet, counts: &[Count]) {
        let mut counters = self.counters.borrow_mut();
        for count in counts {
            let key = (count.item, count.source, count.outcome);
            let metric = counters.entry(key).or_insert_with(|| {
                let name = name(set, count)?;
                host.metric(MetricKind::Counter, &name).ok()
            });
            increment(host, *metric, count.times);
        }
    }

    /// Counts what was asked of a rate-limit service.
    pub(crate) fn lease(&self, host: &dyn Host, cluster: &str, good: bool) {
        let outcome = if good { "answered" } else { "failed" };
        let name = format!(
            "landbridge.shaping.upstream_cluster=.={cluster};.;outcome=.={outcome};.;lease_calls_total"
        );
        let mut named = self.named.borrow_mut();
        let metric = named
            .entry(name)
            .or_insert_with_key(|name| host.metric(MetricKind::Counter, name).ok());
        increment(host, *metric, 1);
    }

    /// Sets the gauges of what is under way, where that changed.
    pub(crate) fn sights(&self, host: &dyn Host, set: &ShapingSet, worker: &Worker) {
        let mut gauges = self.gauges.borrow_mut();
        for (service, lost) in set.services().iter().zip(worker.lost()) {
            let name = format!(
                "landbridge.shaping.upstream_cluster=.={};.;store_lost",
                service.cluster
            );
            if let Ok(gauge) = host.metric(MetricKind::Gauge, &name) {
                // A gauge that cannot be set says nothing.
                let _ = host.set(gauge, u64::from(lost));
            }
        }
        for (id, limit, in_flight) in worker.sights() {
            let Some(item) = set.item(id) else {
                continue;
            };
            if gauges.insert(id, (limit, in_flight)) == Some((limit, in_flight)) {
                continue;
            }
            for (what, value) in [("concurrency_limit", limit), ("in_flight", in_flight)] {
                let name = format!(
                    "landbridge.shaping.policy=.={};.;rule=.={};.;{what}",
                    item.policy, item.name
                );
                if let Ok(gauge) = host.metric(MetricKind::Gauge, &name) {
                    // A gauge that cannot be set says nothing.
                    let _ = host.set(gauge, u64::from(value));
                }
            }
        }
    }
}

fn name(set: &ShapingSet, count: &Count) -> Option<String> {
    let item = set.item(count.item)?;
    let source = set.base.source_name(count.source);
    let about = format!(
        "landbridge.shaping.policy=.={};.;rule=.={};.;source_cluster=.={source}",
        item.policy, item.name
    );
    Some(match count.outcome {
        Outcome::Backend(backend) => {
            let backend = set.backend(count.item, backend)?;
            format!("{about};.;backend=.={backend};.;split_requests_total")
        }
        outcome => {
            let (outcome, kind) = (outcome.as_str(), kind(item));
            format!("{about};.;outcome=.={outcome};.;{kind}_requests_total")
        }
    })
}

fn increment(host: &dyn Host, metric: Option<MetricId>, by: u32) {
    if let Some(metric) = metric {
        // What cannot be counted is still shaped.
        let _ = host.add(metric, by);
    }
}
