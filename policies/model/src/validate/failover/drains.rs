//! Drains: that they end, and leave something.

use super::super::{Findings, Names};
use crate::Code;
use crate::failover::{Drain, Failover};
use crate::pattern::AnyOf;
use deserr::ValuePointerRef;
use std::time::Duration;

/// Longer than this, a drain may have been forgotten.
const LONG: Duration = Duration::from_secs(7 * 24 * 3600);

pub(super) fn drains(
    policy: &Failover,
    names: &Names,
    at: ValuePointerRef<'_>,
    findings: &mut Findings,
) {
    let drains: Vec<&Drain> = policy.drains.iter().flat_map(AnyOf::iter).collect();
    for (i, drain) in drains.iter().enumerate() {
        let place = at.push_index(i);
        one(drain, names, place, findings);
        let at_start = drains
            .iter()
            .filter(|d| d.start <= drain.start && drain.start < d.end);
        let at_start: Vec<&&Drain> = at_start.collect();
        let emptied = policy.services.iter().find(|service| {
            let mut clusters = service.clusters.iter();
            clusters.all(|c| at_start.iter().any(|d| empties(d, c.as_str(), names)))
        });
        if let Some(service) = emptied {
            let message = format!(
                "from its start on, every cluster of `{}` is drained",
                service.name
            );
            let hint =
                Some("its requests are answered with 503 until one of the drains ends".to_owned());
            findings.add_hinted(place, Code::AllDrained, message, hint);
        }
    }
}

fn empties(drain: &Drain, cluster: &str, names: &Names) -> bool {
    let mut clusters = drain.clusters.iter().flat_map(AnyOf::iter);
    let mut regions = drain.regions.iter().flat_map(AnyOf::iter);
    clusters.any(|c| c.as_str() == cluster)
        || regions.any(|r| Some(r.as_str()) == names.region_of(cluster))
}

fn one(drain: &Drain, names: &Names, at: ValuePointerRef<'_>, findings: &mut Findings) {
    let clusters_at = at.push_key("clusters");
    for (i, cluster) in drain.clusters.iter().flat_map(AnyOf::iter).enumerate() {
        names.known_cluster(cluster.as_str(), clusters_at.push_index(i), findings);
    }
    let regions_at = at.push_key("regions");
    for (i, region) in drain.regions.iter().flat_map(AnyOf::iter).enumerate() {
        names.known_region(region.as_str(), regions_at.push_index(i), findings);
    }
    if drain.clusters.is_none() && drain.regions.is_none() {
        let hint = Some("name `clusters` or `regions`".to_owned());
        findings.add_hinted(at, Code::MissingField, "what is drained is missing", hint);
    }
    let end_at = at.push_key("end");
    let Some(length) = drain
        .end
        .0
        .checked_sub(drain.start.0)
        .filter(|l| !l.is_zero())
    else {
        findings.add(end_at, Code::InvalidValue, "the end is not after the start");
        return;
    };
    if let Some(ramp) = drain.ramp.filter(|ramp| ramp.0 > length) {
        let message = format!("the ramp takes {ramp}, longer than the drain");
        findings.add(at.push_key("ramp"), Code::InvalidValue, message);
    }
    if length > LONG {
        let hint = Some("to take a cluster out for good, leave it out of `clusters`".to_owned());
        findings.add_hinted(
            end_at,
            Code::LongDrain,
            "the drain lasts longer than a week",
            hint,
        );
    }
}
