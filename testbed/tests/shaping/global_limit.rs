//! "Each proxy has its own limit" and "each request asks Redis": one limit over three proxies, of
//! which no request waits.

use std::time::Duration;

use landbridge_testbed::ratelimit::{RateLimitService, Redis};
use landbridge_testbed::{Builder, Call, Mesh, Report, Side, Workload, eventually};
use serde_json::{Value, json};

use crate::setup::{answered, config, mesh, s};

const CLUSTERS: [&str; 3] = ["use1-a", "use1-b", "euw1-a"];
const RATE: f64 = 300.0;
/// `rate * lease` of stock and as much of credit, for each proxy.
const OVERSHOOT: f64 = 3.0 * 2.0 * RATE * 0.2;

fn spec(on_loss: Value) -> Value {
    let mut spec = json!({
        "rateLimitService": {"cluster": "ratelimit", "timeout": "500ms", "lease": "200ms"},
        "limits": [{"name": "all", "rate": "300/s", "scope": "Global"}],
    });
    for (key, value) in on_loss.as_object().unwrap() {
        spec["limits"][0][key] = value.clone();
    }
    spec
}

fn with(name: &str, spec: Value, service: &RateLimitService) -> Builder {
    mesh(name, &config(spec))
        .clients(false)
        .service("ratelimit", service.address())
}

fn to(cluster: &str) -> Call {
    Call::get("/orders")
        .from(Workload::new("use1-a", "shop", "frontend"))
        .to(cluster)
}

/// So many requests a second to each cluster, for so long.
async fn loads(mesh: &Mesh, rate: f64, length: f64) -> Vec<Report> {
    let loads: Vec<_> = CLUSTERS
        .iter()
        .map(|cluster| mesh.load(to(cluster), rate, s(length)).unwrap())
        .collect();
    let mut reports = Vec::new();
    for load in loads {
        reports.push(load.finish().await);
    }
    reports
}

fn served(reports: &[Report]) -> usize {
    reports.iter().map(|report| answered(report, 200)).sum()
}

fn worst(reports: &[Report], percent: f64) -> Duration {
    reports
        .iter()
        .map(|report| report.percentile(percent))
        .max()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_proxies_keep_one_limit_by_a_service_with_redis() {
    let Some(redis) = Redis::start("global-limit").await.unwrap() else {
        return;
    };
    let service = RateLimitService::start_on(&redis, []).await.unwrap();
    let mesh = with("global-limit", spec(json!({})), &service)
        .start()
        .await
        .unwrap();
    let length = 10.0;
    let reports = loads(&mesh, RATE, length).await;
    let total = served(&reports) as f64;
    // The service counts by the second: a load of ten seconds touches eleven of them.
    let (least, most) = (0.9 * RATE * length, RATE * (length + 1.0) + OVERSHOOT);
    println!(
        "served {total}, {least} to {most}; {} calls",
        service.requests()
    );
    assert!(
        (least..=most).contains(&total),
        "{total}: {least} to {most}"
    );
    for report in &reports {
        let known = answered(report, 200) + answered(report, 429);
        assert_eq!(known, report.count(), "{:?}", report.outcomes());
    }
    // Leases, not a call for each request.
    assert!(service.requests() < 400, "{}", service.requests());
}

#[tokio::test(flavor = "multi_thread")]
async fn within_the_limit_nobody_is_refused_or_waits() {
    let service = RateLimitService::start([]).await.unwrap();
    // Were anything to wait for it, it would be seen.
    service.delay(Duration::from_millis(80));
    let mesh = with("global-quiet", spec(json!({})), &service)
        .start()
        .await
        .unwrap();
    let reports = loads(&mesh, 40.0, 6.0).await;
    let refused: usize = reports.iter().map(|report| answered(report, 429)).sum();
    assert!(refused <= 2, "{refused} were refused");
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    let calls = |outcome| {
        let labels = [("upstream_cluster", "ratelimit"), ("outcome", outcome)];
        stats.sum("landbridge_shaping_lease_calls_total", &labels)
    };
    assert!(calls("answered") > 5.0, "{}", calls("answered"));
    assert_eq!(calls("failed"), 0.0);
    let median = worst(&reports, 50.0);
    assert!(median < Duration::from_millis(40), "{median:?}");
}

/// What passes while the service is ill, as a share of what is sent, in seconds 2 to 5 of it.
async fn while_ill(mesh: &Mesh, ill: impl FnOnce()) -> f64 {
    let load = mesh.load(to("use1-a"), 100.0, s(6.0)).unwrap();
    tokio::time::sleep(s(0.5)).await;
    ill();
    let report = load.finish().await;
    let shots: Vec<_> = report.between(s(2.5), s(5.5)).collect();
    let passed = shots.iter().filter(|shot| shot.outcome == Ok(200)).count();
    let known = shots
        .iter()
        .filter(|shot| matches!(shot.outcome, Ok(200 | 429)))
        .count();
    assert_eq!(known, shots.len(), "{:?}", report.outcomes());
    assert!(report.percentile(50.0) < Duration::from_millis(50));
    passed as f64 / shots.len() as f64
}

async fn well_again(mesh: &Mesh) {
    let well = async || {
        let stats = mesh.stats("use1-a", Side::Server).await.ok()?;
        let lost = stats.sum("landbridge_shaping_store_lost", &[]);
        // A request has it asked again.
        mesh.call(to("use1-a")).await.ok()?;
        (lost == 0.0).then_some(())
    };
    eventually(s(5.0), "a service that is well", well)
        .await
        .unwrap();
}

async fn losses(name: &str, on_loss: Value, expected: std::ops::RangeInclusive<f64>) {
    let service = RateLimitService::start([]).await.unwrap();
    let mesh = with(name, spec(on_loss), &service).start().await.unwrap();
    let killed = while_ill(&mesh, || service.kill()).await;
    service.revive().await.unwrap();
    well_again(&mesh).await;
    let hung = while_ill(&mesh, || service.hang()).await;
    service.well();
    well_again(&mesh).await;
    let failing = while_ill(&mesh, || service.fail()).await;
    service.well();
    well_again(&mesh).await;
    println!("{name}: killed {killed}, hung {hung}, failing {failing}");
    for (what, share) in [("killed", killed), ("hung", hung), ("failing", failing)] {
        assert!(expected.contains(&share), "{name}, {what}: {share}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_service_lets_all_through_where_it_is_to() {
    losses("loss-open", json!({"onStoreLoss": "Open"}), 0.99..=1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_service_lets_none_through_where_it_is_not_to() {
    losses("loss-closed", json!({"onStoreLoss": "Closed"}), 0.0..=0.05).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_service_leaves_each_proxy_a_share() {
    // 20 of 300 a second is what passes of 100.
    let fraction = json!({"onStoreLoss": "Fraction", "fraction": 7});
    losses("loss-fraction", fraction, 0.15..=0.3).await;
}
