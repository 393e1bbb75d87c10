//! What can be known of a mesh that runs, and how its policy is changed.

use std::time::Duration;

use landbridge_testbed::{Call, Delivery, Mesh, Reply, Side, eventually};
use serde_json::Value;

/// How long anything may take that is not timed by itself.
pub const SOON: Duration = Duration::from_secs(10);
/// What counts requests.
pub const REQUESTS: &str = "landbridge_locality_requests_total";

/// Delivers a configuration to the client sidecar of `use1-a`, which takes it.
pub async fn apply(mesh: &Mesh, config: &str) {
    assert_eq!(deliver(mesh, config).await, Delivery::Accepted);
    // The workers follow within milliseconds.
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// Delivers a configuration to the client sidecar of `use1-a`.
pub async fn deliver(mesh: &Mesh, config: &str) -> Delivery {
    let version = mesh.apply_to("use1-a", Side::Client, "locality", config);
    mesh.wait_config(&version.unwrap(), SOON).await.unwrap()
}

/// The sum of a metric of the client sidecar of `use1-a`.
pub async fn sum(mesh: &Mesh, name: &str, labels: &[(&str, &str)]) -> f64 {
    let stats = mesh.stats("use1-a", Side::Client).await.unwrap();
    stats.sum(name, labels)
}

/// What the access log of the client sidecar of `use1-a` says of the request with this path.
pub async fn logged(mesh: &Mesh, path: &str) -> Value {
    let what = format!("a line of `{path}` in the access log");
    let found = eventually(SOON, &what, async || {
        let lines = mesh.access_log("use1-a", Side::Client).unwrap();
        lines.into_iter().find(|line| line["path"] == path)
    });
    let line = found.await.unwrap();
    let text = line["landbridge_locality"]
        .as_str()
        .unwrap_or_else(|| panic!("{line}"));
    serde_json::from_str(text).unwrap()
}

/// Why a request went where it went, or nowhere, as its answer says.
pub fn reason(reply: &Reply) -> Option<&str> {
    reply
        .header("x-landbridge-failover")?
        .rsplit_once("reason=")
        .map(|(_, reason)| reason)
}

/// Calls until the answer has this status and this reason.
pub async fn until(mesh: &Mesh, call: &Call, status: u16, why: &str) -> Reply {
    let what = format!("an answer of {status} {why}");
    let found = eventually(SOON, &what, async || {
        let reply = mesh.call(call.clone()).await.unwrap();
        (reply.status == status && reason(&reply) == Some(why)).then_some(reply)
    });
    found.await.unwrap()
}

/// The cluster whose upstream answered.
pub fn served(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{} {:?}", reply.text(), reply.headers);
    reply.json()["cluster"].as_str().unwrap().to_owned()
}

/// No worker panicked: such a one answers 503 to everything.
pub async fn is_unharmed(mesh: &Mesh, call: &Call) {
    assert!(mesh.is_alive("use1-a", Side::Client).unwrap());
    for _ in 0..8 {
        assert_eq!(mesh.call(call.clone()).await.unwrap().status, 200);
    }
    let log = mesh.envoy_log("use1-a", Side::Client).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

/// Calls until a cluster has answered.
pub async fn until_served(mesh: &Mesh, call: &Call, cluster: &str) {
    let what = format!("an answer of `{cluster}`");
    let found = eventually(SOON, &what, async || {
        let reply = mesh.call(call.clone()).await.unwrap();
        (reply.status == 200 && served(&reply) == cluster).then_some(())
    });
    found.await.unwrap();
}
