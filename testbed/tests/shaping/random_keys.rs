//! "Somebody sent another user name each time, and the proxy ran out of memory."

use landbridge_testbed::{Call, Mesh, Side};
use serde_json::json;

use crate::setup::{answered, config, get, mesh, s};

const RATE: f64 = 50.0;
const BURST: f64 = 50.0;
const LENGTH: f64 = 15.0;
const FLOOD: f64 = 1500.0;

fn resident(mesh: &Mesh) -> u64 {
    let pid = mesh.pid("use1-a", Side::Server).unwrap().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        / 1024
}

fn user(name: impl Fn(usize) -> String + Send + Sync + 'static) -> Call {
    get("euw1-a", "/orders").header_by("x-user", move |number| name(number as usize))
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_keys_take_no_memory_and_nothing_from_a_known_one() {
    let limit = json!({
        "name": "user", "key": ["source.cluster", "request.headers[x-user]"],
        "rate": "50/s", "burst": 50, "maxKeys": 1000,
    });
    let mesh = mesh("random-keys", &config(json!({"limits": [limit]})))
        .clients(false)
        .start()
        .await
        .unwrap();
    let warm = mesh
        .load(user(|n| format!("warm-{n}")), FLOOD, s(4.0))
        .unwrap();
    warm.finish().await;
    let before = resident(&mesh);
    let flood = mesh
        .load(user(|n| format!("made-up-{n}")), FLOOD, s(LENGTH))
        .unwrap();
    let known = mesh
        .load(user(|_| "known".to_owned()), 3.0 * RATE, s(LENGTH))
        .unwrap();
    let (known, flood) = (known.finish().await, flood.finish().await);
    let after = resident(&mesh);
    let (served, most) = (answered(&known, 200) as f64, BURST + RATE * LENGTH);
    println!(
        "random keys: {} of them; known {served} of {most}; {before} MiB before, {after} MiB after",
        flood.count()
    );
    assert!(
        (0.97 * most..=most + 1.0).contains(&served),
        "{served} of {most}"
    );
    assert_eq!(
        answered(&flood, 200),
        flood.count(),
        "{:?}",
        flood.outcomes()
    );
    // Envoy's own grows by a few. A KiB for each of them would be 22: less than that is not seen here,
    // but in `policies/engine/src/shaping/limits/laws.rs`.
    assert!(after <= before + 20, "{before} MiB, then {after} MiB");
}
