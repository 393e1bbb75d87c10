//! "The service was down for a second and the retries kept it down for an hour."

use landbridge_testbed::{Call, Filter, Mesh, NativeFailover, Workload};
use serde_json::{Value, json};

use crate::setup::{answered, config, get, mesh, s};

const RATE: f64 = 100.0;
const LENGTH: f64 = 8.0;

fn budget() -> Value {
    json!({"retryBudgets": [{"name": "orders", "share": 20, "minPerSecond": 2}]})
}

/// How often services that answer 503 are asked, for each request.
async fn attempts(name: &str, filters: Vec<Filter>, config: &str) -> f64 {
    let retried = NativeFailover {
        outlier_detection: None,
        retriable_statuses: vec![503],
        ..NativeFailover::default()
    };
    let mesh = Mesh::builder(name)
        .filters([])
        .client_filters(filters)
        .client_config(config)
        .native_failover(retried)
        .start()
        .await
        .unwrap();
    for cluster in mesh.clusters() {
        mesh.upstream(cluster).set_status(503);
    }
    let frontend = Workload::new("use1-a", "shop", "frontend");
    let call = Call::get("/orders").from(frontend).via_sidecar();
    let report = mesh.load(call, RATE, s(LENGTH)).unwrap().finish().await;
    let seen = mesh
        .clusters()
        .map(|cluster| mesh.upstream(cluster).seen().len());
    let each = seen.sum::<usize>() as f64 / report.count() as f64;
    println!("{name}: {each:.2} attempts for each request");
    each
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxys_own_retries_keep_to_the_budget() {
    let without = attempts("storm-without", Vec::new(), "").await;
    assert!(without > 2.5, "{without}");
    let filters = vec![Filter::wasm("shaping").unwrap()];
    let with = attempts("storm-with", filters, &config(budget())).await;
    // A fifth, two a second of one worker with ten seconds saved, and what is on its way when the
    // budget is spent.
    let most = 1.0 + 0.2 + (2.0 * (LENGTH + 10.0) + 10.0) / (RATE * LENGTH);
    assert!(with <= most, "{with}, not {most}");
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_others_are_refused_beyond_it() {
    let mesh = mesh("storm-server", &config(budget()))
        .clients(false)
        .start()
        .await
        .unwrap();
    let first = mesh.load(get("euw1-a", "/orders"), 50.0, s(6.0)).unwrap();
    let again = get("euw1-a", "/orders").header("x-envoy-attempt-count", "2");
    let again = mesh.load(again, 100.0, s(6.0)).unwrap();
    let (first, again) = (first.finish().await, again.finish().await);
    assert_eq!(
        answered(&first, 200),
        first.count(),
        "{:?}",
        first.outcomes()
    );
    let passed = answered(&again, 200);
    assert_eq!(
        passed + answered(&again, 429),
        again.count(),
        "{:?}",
        again.outcomes()
    );
    // Two workers, each with two a second and ten seconds of it saved.
    let most = 0.2 * first.count() as f64 + 2.0 * 2.0 * (6.0 + 10.0) + 2.0;
    assert!(passed as f64 <= most, "{passed}, not {most}");
    assert!(passed as f64 >= 0.15 * first.count() as f64, "{passed}");
}
