//! What Prometheus and the registry have.

use std::collections::BTreeSet;
use std::time::Duration;

use landbridge_testbed::{Call, compose, eventually, filter_module};
use serde_json::{Value, json};

use crate::running::{PATIENCE, docker};

const PROMETHEUS: &str = "127.0.0.1:9090";
/// What a registry is to answer with, where it is a manifest that is asked for.
const ACCEPTED: &str = "application/vnd.oci.image.manifest.v1+json, application/json";
const REGISTRY: &str = "127.0.0.1:5050";

async fn get(address: &str, path: &str) -> Option<Value> {
    let reply = compose::send(
        address,
        Call::get(path).host(address).header("accept", ACCEPTED),
    )
    .await;
    reply
        .ok()
        .filter(|reply| reply.status == 200)
        .map(|reply| reply.json())
}

/// The proxies, as `CLUSTER APP`, of which a query has a sample.
async fn proxies(query: &str) -> Option<BTreeSet<String>> {
    let answer = get(PROMETHEUS, &format!("/api/v1/query?query={query}")).await?;
    let samples = answer["data"]["result"].as_array()?;
    let label =
        |sample: &Value, name: &str| sample["metric"][name].as_str().unwrap_or("?").to_owned();
    let proxy = |sample| {
        format!(
            "{} {}",
            label(sample, "proxy_cluster"),
            label(sample, "proxy")
        )
    };
    Some(samples.iter().map(proxy).collect())
}

#[tokio::test]
async fn prometheus_has_scraped_the_configurations_of_all_filters() {
    for (filter, app) in [
        ("authz", "orders"),
        ("shaping", "orders"),
        ("locality", "frontend"),
    ] {
        let query = format!("landbridge_config_info%7Bfilter=%22{filter}%22%7D");
        let all = ["use1-a", "use1-b", "euw1-a"].map(|cluster| format!("{cluster} {app}"));
        let all = BTreeSet::from(all);
        let mut last = None;
        let seen = eventually(PATIENCE, filter, async || {
            last = proxies(&query).await;
            if last.as_ref() == Some(&all) {
                return Some(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
            None
        });
        assert!(seen.await.is_ok(), "{filter}: {last:?}");
    }
}

#[tokio::test]
async fn prometheus_counts_the_traffic_by_its_clusters() {
    let query = "sum%20by%20(proxy_cluster,proxy)(landbridge_authz_requests_total)%3E0";
    let seen = eventually(PATIENCE, "requests", async || {
        proxies(query).await.filter(|proxies| proxies.len() == 3)
    });
    assert!(seen.await.is_ok());
}

#[tokio::test]
async fn the_registry_serves_the_modules_that_the_envoys_run() {
    let log = docker(&["logs", "landbridge-modules"]).expect("it ran");
    for filter in ["authz", "locality", "shaping"] {
        let repository = format!("landbridge/{filter}");
        let pinned = log
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{repository}@")));
        let digest = pinned.unwrap_or_else(|| panic!("{filter} was not pulled: {log}"));
        let list = get(REGISTRY, &format!("/v2/{repository}/tags/list"))
            .await
            .expect("a list");
        assert_eq!(
            list["tags"],
            json!([concat!(env!("CARGO_PKG_VERSION"), "-wasm")])
        );
        let manifest = get(REGISTRY, &format!("/v2/{repository}/manifests/{digest}")).await;
        let layer = manifest.expect("a manifest")["layers"][0].clone();
        let module = std::fs::metadata(filter_module(filter).expect("it is built"));
        assert_eq!(layer["size"], module.expect("a file").len());
        assert_eq!(layer["mediaType"], "application/wasm");
    }
}
