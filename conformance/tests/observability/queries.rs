//! Every query that is shipped is answered, by a Prometheus that scrapes real Envoys to which all
//! that it is about has happened.

use std::collections::BTreeSet;
use std::time::Duration;

use landbridge_conformance::dashboards;
use landbridge_testbed::eventually;

use crate::prometheus::Prometheus;
use crate::scene::Scene;
use crate::{metrics, promql, rules};

/// Selectors without series, since no scene brings them about; the metric itself has some.
const NEVER_SEEN: &[(&str, &str)] = &[(
    r#"landbridge_authz_requests_total{reason="EVALUATION_ERROR"}"#,
    "a proxy that works gives what a decision needs",
)];

/// Alerts whose condition is not met within the seconds of a scene.
const QUIET: &[(&str, &str)] = &[
    (
        "LandbridgeDecisionsFailing",
        "a proxy that works gives what a decision needs",
    ),
    (
        "LandbridgePolicySetsDiffer",
        "each workload has one proxy here",
    ),
    ("LandbridgeModuleFailed", "no module traps"),
    ("LandbridgeVersionsDiffer", "there is one version"),
    ("LandbridgeModuleMissing", "every proxy has a filter"),
    (
        "LandbridgeDenialsJump",
        "it needs the quarter of an hour before",
    ),
    ("LandbridgeTransferJump", "it needs the day before"),
    ("LandbridgeClusterFlapping", "nothing went down four times"),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_answered_by_a_prometheus_that_scrapes_a_mesh() {
    let scene = Scene::start("observability", |builder| builder).await;
    let prometheus = Prometheus::scrape(&scene.mesh).await;
    let crowd = scene.play().await;
    // How soon a lost cluster is seen to be out depends on what else the machine does.
    let answered = eventually(
        Duration::from_secs(120),
        "every query's answer",
        async || {
            scene.round().await;
            faults(&prometheus).await.is_empty().then_some(())
        },
    );
    if answered.await.is_err() {
        panic!("{}", faults(&prometheus).await.join("\n"));
    }
    crowd.stop().await;
}

/// What is not answered.
async fn faults(prometheus: &Prometheus) -> Vec<String> {
    let mut faults = Vec::new();
    let mut selectors = BTreeSet::new();
    for rule in rules::all() {
        selectors.extend(promql::selectors(&rule.expr));
        let quiet = QUIET.iter().any(|(name, _)| *name == rule.name);
        if let Err(error) = prometheus.query(&rule.expr).await {
            faults.push(format!("{}: {error}", rule.name));
        }
        match prometheus.query(without_threshold(&rule.expr)).await {
            Err(error) => faults.push(format!("{}: {error}", rule.name)),
            Ok(series) if series.is_empty() && !quiet => {
                faults.push(format!("{}: no data: {}", rule.name, rule.expr));
            }
            Ok(_) => {}
        }
    }
    for dashboard in dashboards::all() {
        for panel in dashboard.panels() {
            for query in panel.asked() {
                let query = query
                    .replace("$__rate_interval", "1m")
                    .replace("$mesh_cluster", ".*")
                    .replace("$namespace", ".*");
                selectors.extend(promql::selectors(&query));
                let place = format!("{} / {}", dashboard.title, panel.title);
                match prometheus.query(&query).await {
                    Err(error) => faults.push(format!("{place}: {error}")),
                    Ok(series) if series.is_empty() => {
                        faults.push(format!("{place}: no data: {query}"));
                    }
                    Ok(_) => {}
                }
            }
        }
    }
    for metric in metrics::documented() {
        selectors.insert(metric);
    }
    for selector in selectors {
        let never = NEVER_SEEN.iter().any(|(one, _)| *one == selector);
        let series = prometheus.query(&selector).await;
        match series {
            Err(error) => faults.push(format!("{selector}: {error}")),
            Ok(series) if series.is_empty() != never => {
                faults.push(format!("{selector}: {} series", series.len()));
            }
            Ok(_) => {}
        }
    }
    faults
}

/// What is compared, where a query ends with a comparison with a number: how large a share is, is a
/// matter of how much else happens, and unit tests have the thresholds.
fn without_threshold(query: &str) -> &str {
    match query.trim_end().rsplit_once('>') {
        Some((compared, number)) if number.trim().parse::<f64>().is_ok() => compared,
        _ => query,
    }
}
