//! A cluster dies: its callers are served elsewhere, by the rendered routes, and what came from there
//! says so and keeps to its share.

use landbridge_testbed::{Call, Mesh, Report, Side};

use crate::setup::{Trust, get, product, s};

fn passed(report: &Report, from: f64) -> (usize, usize) {
    let shots = report.between(s(from), s(1000.0));
    let all: Vec<_> = shots.collect();
    let passed = all.iter().filter(|shot| shot.outcome == Ok(200)).count();
    (passed, all.len())
}

fn load(cluster: &str, path: &str) -> Call {
    get(cluster, path)
}

async fn run(mesh: &Mesh, cluster: &str, path: &str, rate: f64, length: f64) -> Report {
    mesh.load(load(cluster, path), rate, s(length))
        .unwrap()
        .finish()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failover_sent_is_marked_and_keeps_to_its_share() {
    let Some((_shop, mesh)) = product("product-region", Trust::Own).await else {
        return;
    };
    let reply = mesh.call(get("use1-a", "/orders/1")).await.unwrap();
    assert_eq!(reply.json()["cluster"], "use1-a");
    assert_eq!(
        reply.received("x-landbridge-displaced"),
        Vec::<String>::new()
    );

    // Callers of the cluster that dies: nobody fails.
    let calls = mesh.load(get("use1-a", "/orders/2"), 40.0, s(5.0)).unwrap();
    tokio::time::sleep(s(1.5)).await;
    mesh.kill("use1-a", Side::Server).unwrap();
    let report = calls.finish().await;
    assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
    let late = report.served_between(s(3.0), s(5.0));
    assert_eq!(late.into_keys().collect::<Vec<_>>(), ["use1-b"]);
    let reply = mesh.call(get("use1-a", "/orders/3")).await.unwrap();
    assert_eq!(reply.json()["cluster"], "use1-b");
    assert_eq!(reply.received("x-landbridge-displaced"), ["use1-a"]);
    assert_eq!(reply.received("x-landbridge-hops"), ["1"]);

    // A quarter of 60/s is for what was displaced: 12/s are within it, 50/s are not.
    let report = run(&mesh, "use1-a", "/load/within", 12.0, 4.0).await;
    let (within, all) = passed(&report, 0.0);
    assert_eq!(within, all, "{:?}", report.outcomes());
    let native = mesh
        .load(load("use1-b", "/load/native"), 25.0, s(6.0))
        .unwrap();
    let displaced = run(&mesh, "use1-a", "/load/beyond", 50.0, 6.0).await;
    let native = native.finish().await;
    let (through, asked) = passed(&displaced, 1.0);
    println!(
        "displaced: {through} of {asked} in 5 s, native {:?}",
        native.outcomes()
    );
    let (kept, of) = passed(&native, 0.0);
    assert_eq!(kept, of, "{:?}", native.outcomes());
    // 15/s for 5 s are 75; with a quarter of the burst, 5 more.
    assert!((60..=95).contains(&through), "{through} of {asked}");
    let refused = displaced.outcomes().contains_key("429");
    assert!(refused, "{:?}", displaced.outcomes());
}
