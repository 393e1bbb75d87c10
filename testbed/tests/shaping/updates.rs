//! "Each time we changed a limit, everybody had a fresh burst."

use serde_json::{Value, json};

use crate::setup::{answered, apply, config, config_of, get, mesh, s};

fn kept() -> Value {
    json!({"name": "kept", "rate": "60/m", "burst": 30})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_another_limit_gives_nobody_a_fresh_burst() {
    let mesh = mesh("updates", &config(json!({"limits": [kept()]})))
        .clients(false)
        .start()
        .await
        .unwrap();
    let length = 8.0;
    let load = mesh
        .load(get("euw1-a", "/orders"), 60.0, s(length))
        .unwrap();
    for burst in 1..=5 {
        tokio::time::sleep(s(1.2)).await;
        let other = json!({"name": "other", "rate": "1000/s", "burst": 100 * burst});
        let carts = json!({"limits": [{"name": "carts", "rate": format!("{burst}000/s")}]});
        let orders = json!({"limits": [other, kept()]});
        apply(&mesh, &config_of([("orders", orders), ("carts", carts)])).await;
    }
    let report = load.finish().await;
    let served = answered(&report, 200);
    assert_eq!(
        served + answered(&report, 429),
        report.count(),
        "{:?}",
        report.outcomes()
    );
    println!("updates: {served} of {}", 30.0 + length);
    assert!((34..=39).contains(&served), "{served}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_still_counts() {
    let spec = json!({
        "concurrency": [{"name": "two", "max": 2}],
        "criticality": {"default": "CRITICAL_PLUS", "otherwise": "CRITICAL_PLUS"},
    });
    let mesh = mesh("updates-under-way", &config(spec.clone()))
        .clients(false)
        .start()
        .await
        .unwrap();
    mesh.upstream("use1-a").set_delay(s(3.0));
    let load = mesh.load(get("euw1-a", "/slow"), 20.0, s(0.5)).unwrap();
    tokio::time::sleep(s(1.0)).await;
    apply(
        &mesh,
        &config_of([("orders", spec), ("more", json!({"limits": [kept()]}))]),
    )
    .await;
    assert_eq!(mesh.call(get("euw1-a", "/more")).await.unwrap().status, 503);
    let report = load.finish().await;
    assert_eq!(answered(&report, 200), 2, "{:?}", report.outcomes());
    mesh.upstream("use1-a").set_delay(s(0.0));
    assert_eq!(
        mesh.call(get("euw1-a", "/after")).await.unwrap().status,
        200
    );
}
