//! A split chooses a backend, and the rendered routes lead there, within the cluster that failover
//! chose.

use std::collections::BTreeMap;

use landbridge_testbed::{Mesh, Side, eventually};

use crate::setup::{Trust, get, product, s};

/// How many requests each backend of a cluster served; each must have been told so.
async fn served(mesh: &Mesh, from: &str, cluster: &str) -> BTreeMap<String, usize> {
    let mut served = BTreeMap::new();
    for user in 0..60 {
        let call = get(from, "/split/1").header("x-user", format!("user-{user}"));
        let reply = mesh.call(call).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(reply.json()["cluster"], cluster);
        let backend = reply.received("x-landbridge-backend").join(",");
        let endpoint = reply.received("x-testbed-endpoint").join(",");
        let expected = if backend == "canary" { "1" } else { "0" };
        assert_eq!(endpoint, expected, "{backend}: {}", reply.text());
        *served.entry(backend).or_default() += 1;
    }
    served
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_is_reached_within_the_callers_cluster() {
    let Some((_shop, mesh)) = product("product-split", Trust::Own).await else {
        return;
    };
    let at_home = served(&mesh, "use1-a", "use1-a").await;
    // A quarter of 60 is 15, five standard deviations from 0 and 32.
    let canary = at_home.get("canary").copied().unwrap_or(0);
    assert!((1..32).contains(&canary), "{at_home:?}");
    // What is not split goes to any endpoint of the cluster.
    let mut endpoints = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let reply = mesh.call(get("use1-a", "/orders/1")).await.unwrap();
        assert_eq!(reply.received("x-landbridge-backend"), Vec::<String>::new());
        endpoints.extend(reply.received("x-testbed-endpoint"));
    }
    assert_eq!(endpoints.len(), 2, "{endpoints:?}");
}

/// The locality filter looks where the route led, and takes a backend's part of a cluster for the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_keeps_its_backend_when_its_cluster_is_gone() {
    let Some((_shop, mesh)) = product("product-split-loss", Trust::Own).await else {
        return;
    };
    let at_home = served(&mesh, "use1-a", "use1-a").await;
    mesh.kill("use1-a", Side::Server).unwrap();
    // Until the cluster is out, what fails there is tried elsewhere by the filter itself.
    let out = eventually(s(60.0), "the cluster to be out", async || {
        for _ in 0..10 {
            let reply = mesh.call(get("use1-a", "/split/1")).await.ok()?;
            let why = reply.header("x-landbridge-failover")?.to_owned();
            if why.contains("RETRIED") {
                return None;
            }
        }
        Some(())
    });
    out.await.unwrap();
    assert_eq!(served(&mesh, "use1-a", "use1-b").await, at_home);
}
