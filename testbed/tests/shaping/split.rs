//! "The canary got 8 % instead of 5, and users changed sides with every request."

use std::collections::BTreeMap;

use landbridge_testbed::{Mesh, Reply, Side};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::setup::{config, get, mesh, s};

fn split(more: Value) -> Value {
    let mut split = json!({
        "name": "canary",
        "backends": [{"name": "v1", "weight": 90}, {"name": "v2", "weight": 8}, {"name": "v3", "weight": 2}],
    });
    for (key, value) in more.as_object().unwrap() {
        split[key] = value.clone();
    }
    json!({"splits": [split]})
}

async fn start(name: &str, spec: Value) -> Mesh {
    mesh(name, &config(spec))
        .clients(false)
        .start()
        .await
        .unwrap()
}

/// How often each backend was chosen, by the metric.
async fn chosen(mesh: &Mesh) -> BTreeMap<&'static str, f64> {
    // Workers tell at their ticks.
    tokio::time::sleep(s(0.3)).await;
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    let name = "landbridge_shaping_split_requests_total";
    let of = |backend| (backend, stats.sum(name, &[("backend", backend)]));
    ["v1", "v2", "v3"].map(of).into()
}

fn backend(reply: &Reply) -> String {
    let received = reply.received("x-landbridge-backend");
    assert_eq!(received.len(), 1, "{received:?}");
    received[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_shared_out_by_the_weights() {
    let mesh = start("split", split(json!({"sticky": {"header": "x-user"}}))).await;
    let call = get("euw1-a", "/orders").header_by("x-user", |number| format!("user-{number}"));
    let report = mesh.load(call, 1500.0, s(14.0)).unwrap().finish().await;
    assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
    let chosen = chosen(&mesh).await;
    let all: f64 = chosen.values().sum();
    assert_eq!(all, report.count() as f64);
    // Each count is binomial: within five standard deviations of its mean, which chance leaves less
    // than once in a million.
    for (backend, share) in [("v1", 0.90), ("v2", 0.08), ("v3", 0.02)] {
        let (mean, deviation) = (all * share, (all * share * (1.0 - share)).sqrt());
        let found = chosen[backend];
        println!(
            "split: {backend} {found} of {all}, {mean:.0} ± {:.0}",
            5.0 * deviation
        );
        assert!((found - mean).abs() <= 5.0 * deviation, "{chosen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_stays_on_its_side_over_workers_and_restarts() {
    let mesh = start("sticky", split(json!({"sticky": {"cookie": "lot"}}))).await;
    let mut cookies = BTreeMap::new();
    for _ in 0..40 {
        let reply = mesh.call(get("euw1-a", "/orders")).await.unwrap();
        let cookie = reply.header("set-cookie").unwrap();
        let pair = cookie.split(';').next().unwrap().to_owned();
        cookies.insert(pair, backend(&reply));
    }
    assert_eq!(cookies.len(), 40, "each caller has its own");
    for restart in [false, true] {
        if restart {
            mesh.restart("use1-a", Side::Server).await.unwrap();
        }
        // Each call is a connection, and so of one worker or another.
        for (cookie, expected) in &cookies {
            let reply = mesh
                .call(get("euw1-a", "/orders").header("cookie", cookie))
                .await
                .unwrap();
            assert_eq!(&backend(&reply), expected, "{cookie}");
            assert_eq!(reply.header("set-cookie"), None);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn testers_go_where_they_are_to_and_nobody_chooses_for_himself() {
    let tester = json!([{"when": [{"key": "request.headers[x-tester]", "values": ["yes"]}]}]);
    let overrides = json!({"overrides": [{"requests": tester, "backend": "v3"}]});
    let mesh = start("testers", split(overrides)).await;
    for _ in 0..10 {
        let call = get("euw1-a", "/orders").header("x-tester", "yes");
        assert_eq!(backend(&mesh.call(call).await.unwrap()), "v3");
    }
    let mut third = 0;
    for _ in 0..40 {
        let forged = get("euw1-a", "/orders").header("x-landbridge-backend", "v3");
        third += usize::from(backend(&mesh.call(forged).await.unwrap()) == "v3");
    }
    assert!(third <= 4, "{third}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_follows_its_line_and_stops() {
    let now = OffsetDateTime::now_utc();
    let at = |seconds: i64| {
        let at = now + time::Duration::seconds(seconds);
        at.replace_nanosecond(0).unwrap().format(&Rfc3339).unwrap()
    };
    // From 0 to 100 % in 20 s from second 2 on, stopped halfway.
    let ramp = json!({"backend": "v2", "start": at(2), "over": "20s", "stop": at(12)});
    let spec = json!({"splits": [{
        "name": "canary", "backends": [{"name": "v1", "weight": 1}, {"name": "v2"}], "ramp": ramp,
    }]});
    let mesh = start("ramp", spec).await;
    let mut seen = Vec::new();
    while OffsetDateTime::now_utc() < now + time::Duration::seconds(16) {
        let load = mesh.load(get("euw1-a", "/orders"), 400.0, s(0.5)).unwrap();
        let before = chosen(&mesh).await;
        let began = (OffsetDateTime::now_utc() - now).as_seconds_f64();
        tokio::time::sleep(s(0.2)).await;
        load.stop().await;
        let after = chosen(&mesh).await;
        let middle = (began + (OffsetDateTime::now_utc() - now).as_seconds_f64()) / 2.0;
        let of = |backend| after[backend] - before[backend];
        seen.push((middle, of("v2") / (of("v1") + of("v2")).max(1.0)));
    }
    println!("ramp: {seen:.2?}");
    for (at, share) in seen {
        let line = ((at - 2.0) / 20.0).clamp(0.0, 0.5);
        // What was asked within half a second of it; a second is cut off the start and the stop.
        assert!((share - line).abs() <= 0.1, "{share} at {at}, not {line}");
    }
}
