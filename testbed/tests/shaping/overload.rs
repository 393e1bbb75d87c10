//! "Under three times the load everything timed out, also what matters": a service that can do so
//! much and no more, and who gets it.

use std::collections::BTreeMap;

use landbridge_testbed::{Call, Filter, Mesh, NativeAdaptiveConcurrency, Report, Workers};
use serde_json::json;

use crate::setup::{config, get, mesh, s};

/// Eight workers of 20 ms: what it can do in a second.
const CAPACITY: f64 = 400.0;
const LENGTH: f64 = 12.0;
/// What comes first is not judged: the limit is being found.
const SETTLED: f64 = 4.0;
const IN_TIME: f64 = 0.5;

const CRITICAL: &str = "CRITICAL";
const SHEDDABLE: &str = "SHEDDABLE";

/// What of each level was answered well and in time, and what was sent, once it has settled.
fn served(reports: &[(&'static str, Report)]) -> BTreeMap<&'static str, (usize, usize)> {
    let judged = |report: &Report| {
        let shots: Vec<_> = report.between(s(SETTLED), s(LENGTH)).collect();
        let good = |shot: &&&landbridge_testbed::Shot| {
            shot.outcome == Ok(200) && shot.latency < s(IN_TIME)
        };
        (shots.iter().filter(good).count(), shots.len())
    };
    reports
        .iter()
        .map(|(level, report)| (*level, judged(report)))
        .collect()
}

/// A fifth of three times what it can do is critical.
async fn overload(mesh: &Mesh) -> Vec<(&'static str, Report)> {
    mesh.upstream("use1-a")
        .set_workers(Workers::new(8, s(0.02)).queue(2000));
    let call = |level: &str| {
        get("euw1-a", "/orders")
            .header("x-criticality", level)
            .timeout(s(2.0))
    };
    let load = |call: Call, share: f64| mesh.load(call, 3.0 * CAPACITY * share, s(LENGTH)).unwrap();
    let critical = load(call(CRITICAL), 0.2);
    let sheddable = load(call(SHEDDABLE), 0.8);
    vec![
        (CRITICAL, critical.finish().await),
        (SHEDDABLE, sheddable.finish().await),
    ]
}

fn goodput(served: &BTreeMap<&'static str, (usize, usize)>) -> f64 {
    let good: usize = served.values().map(|(good, _)| good).sum();
    good as f64 / (CAPACITY * (LENGTH - SETTLED))
}

fn share(served: &BTreeMap<&'static str, (usize, usize)>, level: &str) -> f64 {
    let (good, sent) = served[level];
    good as f64 / sent as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matters_is_served_and_the_service_works_at_its_capacity() {
    let spec = json!({"concurrency": [{"name": "orders", "adaptive": {}}]});
    let mesh = mesh("overload", &config(spec))
        .clients(false)
        .start()
        .await
        .unwrap();
    let reports = overload(&mesh).await;
    let served = served(&reports);
    let (goodput, critical) = (goodput(&served), share(&served, CRITICAL));
    println!(
        "ours: goodput {goodput:.3}, critical {critical:.4}, sheddable {:.3}",
        share(&served, SHEDDABLE)
    );
    assert!(goodput >= 0.9, "{served:?}");
    assert!(critical >= 0.99, "{served:?}");
    assert!(share(&served, SHEDDABLE) < 0.3, "{served:?}");
    // Who is refused is refused at once, and told by what.
    let (_, sheddable) = &reports[1];
    let refused: Vec<_> = sheddable
        .shots
        .iter()
        .filter(|shot| shot.outcome == Ok(503))
        .collect();
    assert!(refused.len() > 1000, "{:?}", sheddable.outcomes());
}

async fn beside(name: &str, filters: Vec<Filter>) -> f64 {
    let mesh = Mesh::builder(name)
        .filters(filters)
        .clients(false)
        .start()
        .await
        .unwrap();
    let served = served(&overload(&mesh).await);
    let (goodput, critical) = (goodput(&served), share(&served, CRITICAL));
    println!("{name}: goodput {goodput:.3}, critical {critical:.4}");
    critical
}

#[tokio::test(flavor = "multi_thread")]
async fn without_it_what_matters_fails_like_the_rest() {
    let critical = beside("overload-without", Vec::new()).await;
    assert!(critical < 0.9, "{critical}");
}

#[tokio::test(flavor = "multi_thread")]
async fn envoys_own_limit_knows_no_levels() {
    let native = NativeAdaptiveConcurrency::default();
    let critical = beside("overload-native", vec![Filter::Static(native.filter())]).await;
    assert!(critical < 0.9, "{critical}");
}
