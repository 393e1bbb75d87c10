//! What rules and dashboards ask for exists, and all that there is, is shown.

use std::collections::BTreeSet;
use std::fs;

use landbridge_conformance::dashboards;
use landbridge_testbed::workspace;

use crate::{promql, rules};

/// The metrics of the reference, by their Prometheus names.
pub fn documented() -> BTreeSet<String> {
    let text = fs::read_to_string(workspace().join("docs/reference.md")).unwrap();
    let table = text.split_once("\n## Metrics\n").unwrap().1;
    let table = table.split_once("\n## ").unwrap().0;
    let mut metrics = BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let first = row.split('|').nth(1).unwrap();
        let mut names = first.split('`').skip(1).step_by(2);
        let name = names.next().unwrap();
        metrics.insert(name.to_owned());
        // `…_limit_…`, and with `concurrency`, … for `limit`.
        let others: Vec<_> = names.collect();
        if let Some((what, others)) = others.split_last() {
            for other in others {
                metrics.insert(name.replace(what, other));
            }
        }
    }
    metrics
}

fn asked() -> BTreeSet<String> {
    let rules = rules::all().into_iter().map(|rule| rule.expr);
    let boards = dashboards::all();
    let panels = boards.iter().flat_map(dashboards::Dashboard::panels);
    let panels = panels.flat_map(dashboards::Panel::asked);
    let queries: Vec<String> = rules.chain(panels).collect();
    let selectors = queries.iter().flat_map(|query| promql::selectors(query));
    selectors
        .map(|selector| promql::name(&selector).to_owned())
        .collect()
}

#[test]
fn what_is_asked_for_exists_and_what_exists_is_asked_for() {
    let documented = documented();
    assert!(documented.contains("landbridge_shaping_retry_budget_requests_total"));
    let recorded: BTreeSet<String> = rules::all()
        .into_iter()
        .filter(|rule| !rule.is_alert)
        .map(|rule| rule.name)
        .collect();
    let asked = asked();
    for name in &asked {
        let known = documented.contains(name)
            || recorded.contains(name)
            // Of Envoy's, which the scrape of a real one is asked for; Prometheus's own, and a
            // pattern of names.
            || name.starts_with("envoy_")
            || name == "ALERTS"
            || name.is_empty();
        assert!(known, "nothing has the metric `{name}`");
    }
    for name in documented.iter().chain(&recorded) {
        assert!(asked.contains(name), "nothing shows `{name}`");
    }
}
