//! "A region failed, and its traffic took ours down as well."

use landbridge_testbed::Workload;
use serde_json::json;

use crate::setup::{answered, config, from, get, mesh, s, trusted};

const LENGTH: f64 = 8.0;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_native_keeps_its_part_in_a_failovers_flood() {
    let limit = json!({"name": "all", "rate": "200/s", "burst": 40, "displacedShare": 30});
    let mesh = mesh("flood", &config(json!({"limits": [limit]})))
        .clients(false)
        .start()
        .await
        .unwrap();
    // The gateways are trusted to say so.
    let displaced = trusted("euw1-a", "/orders").header("x-landbridge-displaced", "euw1-a");
    let flood = mesh.load(displaced, 700.0, s(LENGTH)).unwrap();
    let native = mesh
        .load(get("use1-b", "/orders"), 120.0, s(LENGTH))
        .unwrap();
    let (flood, native) = (flood.finish().await, native.finish().await);
    let served = answered(&native, 200) as f64 / native.count() as f64;
    let passed = answered(&flood, 200) as f64;
    let most = 12.0 + 60.0 * LENGTH;
    println!("flood: native {served:.3}, displaced {passed} of {most}");
    assert!(served >= 0.99, "{:?}", native.outcomes());
    assert!(
        (0.95 * most..=most + 1.0).contains(&passed),
        "{passed} of {most}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_trusted_is_displaced_by_nobody() {
    let limit = json!({"name": "all", "rate": "100/m", "burst": 100, "displacedShare": 10});
    let mesh = mesh("not-displaced", &config(json!({"limits": [limit]})))
        .clients(false)
        .start()
        .await
        .unwrap();
    let call = |workload| from(workload, "/orders").header("x-landbridge-displaced", "euw1-a");
    // It would be refused after ten of them.
    for _ in 0..20 {
        let reply = mesh
            .call(call(Workload::new("euw1-a", "shop", "frontend")))
            .await
            .unwrap();
        assert_eq!(reply.status, 200);
        assert_eq!(reply.received("x-landbridge-displaced"), [""; 0]);
    }
    let mut passed = 0;
    for _ in 0..20 {
        let reply = mesh
            .call(call(Workload::new("euw1-a", "gateways", "gateway")))
            .await
            .unwrap();
        passed += usize::from(reply.status == 200);
    }
    assert_eq!(passed, 10);
}
