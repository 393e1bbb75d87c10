//! The agent takes what Istio's takes, and nothing else.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use landbridge_testbed::istio::{Agent, Source};
use landbridge_testbed::workspace;
use serde_json::json;

use crate::registry::{
    DOCKER_LAYER, DOCKER_MANIFEST, FakeRegistry, OCI_LAYER, OCI_MANIFEST, RAW_LAYER, archive,
    module,
};

/// An agent with a folder of its own.
struct Own(Agent, PathBuf);

impl Own {
    fn new(test: &str) -> Self {
        let name = format!("agent-{test}-{}", std::process::id());
        let folder = workspace().join("target/testbed").join(name);
        Self(Agent::new(&folder), folder)
    }

    /// What it has for a URL, or why it has nothing.
    async fn fetch(&self, url: &str, sha256: Option<&str>) -> Result<(Vec<u8>, Source), String> {
        let fetched = self.0.fetch(url, sha256, None, None).await;
        let fetched = fetched.map_err(|failure| failure.to_string())?;
        Ok((fs::read(&fetched.file).unwrap(), fetched.source))
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_layout_that_istio_takes_is_taken() {
    let (registry, agent) = (FakeRegistry::start().await, Own::new("layouts"));
    let wasm = module("the module");
    let packed = archive("plugin.wasm", &wasm);
    let nested = archive("some/where/plugin.wasm", &wasm);
    let (packed, nested, raw) = (&packed[..], &nested[..], &wasm[..]);
    registry.push("compat:1", OCI_MANIFEST, &[(OCI_LAYER, packed)]);
    registry.push("nested:1", OCI_MANIFEST, &[(OCI_LAYER, nested)]);
    registry.push(
        "last:1",
        OCI_MANIFEST,
        &[("application/json", b"{}"), (OCI_LAYER, packed)],
    );
    registry.push("docker:1", DOCKER_MANIFEST, &[(DOCKER_LAYER, packed)]);
    registry.push(
        "oci:1",
        OCI_MANIFEST,
        &[("application/json", b"{}"), (RAW_LAYER, raw)],
    );
    for name in ["compat:1", "nested:1", "last:1", "docker:1", "oci:1"] {
        let found = agent.fetch(&registry.url(name), None).await;
        assert_eq!(found, Ok((wasm.clone(), Source::Registry)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_other_layout_is_refused_with_the_reason() {
    let (registry, agent) = (FakeRegistry::start().await, Own::new("refused"));
    let wasm = module("the module");
    let packed = archive("plugin.wasm", &wasm);
    let other = archive("module.wasm", &wasm);
    let text = archive("plugin.wasm", b"#!/bin/sh");
    let (packed, other, text, raw) = (&packed[..], &other[..], &text[..], &wasm[..]);
    let json: (&str, &[u8]) = ("application/json", b"{}");
    // The CNCF's layout: one layer.
    registry.push("cncf:1", OCI_MANIFEST, &[("application/wasm", raw)]);
    registry.push("raw-alone:1", OCI_MANIFEST, &[(RAW_LAYER, raw)]);
    registry.push("three:1", OCI_MANIFEST, &[json, json, (RAW_LAYER, raw)]);
    registry.push("first:1", OCI_MANIFEST, &[(OCI_LAYER, packed), json]);
    registry.push("none:1", OCI_MANIFEST, &[]);
    registry.push("named:1", OCI_MANIFEST, &[(OCI_LAYER, other)]);
    registry.push("script:1", OCI_MANIFEST, &[(OCI_LAYER, text)]);
    registry.push("docker:1", DOCKER_MANIFEST, &[(OCI_LAYER, packed)]);
    registry.push("broken:1", OCI_MANIFEST, &[(OCI_LAYER, b"no archive")]);
    let index = "application/vnd.oci.image.index.v1+json";
    registry.push_manifest("index:1", &json!({"mediaType": index, "manifests": []}));
    registry.push("damaged:1", OCI_MANIFEST, &[(OCI_LAYER, packed)]);
    registry.damage("damaged", packed);
    let cases = [
        ("cncf:1", "number of layers must be 2 but got 1"),
        ("raw-alone:1", "number of layers must be 2 but got 1"),
        ("three:1", "number of layers must be 2 but got 3"),
        ("first:1", "could not find the layer of type"),
        ("none:1", "number of layers must be greater than zero"),
        ("named:1", "plugin.wasm not found in the archive"),
        ("script:1", "no Wasm module"),
        ("docker:1", "invalid media type"),
        ("broken:1", "failed to parse layer as tar.gz"),
        ("index:1", "is no image"),
        ("damaged:1", "the layer named sha256:"),
        ("missing:1", "404 Not Found"),
    ];
    for (name, why) in cases {
        let found = agent.fetch(&registry.url(name), None).await.unwrap_err();
        assert!(found.contains(why), "{name}: {found}");
    }
    let gone = agent
        .fetch("oci://127.0.0.1:1/authz:1", None)
        .await
        .unwrap_err();
    assert!(gone.contains("cannot connect"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_digest_is_held_to() {
    let (registry, agent) = (FakeRegistry::start().await, Own::new("pinned"));
    let (one, two) = (module("one"), module("two"));
    let layer = |wasm: &[u8]| archive("plugin.wasm", wasm);
    let first = registry.push("authz:1", OCI_MANIFEST, &[(OCI_LAYER, &layer(&one))]);
    let url = registry.url("authz:1");
    assert_eq!(
        agent.fetch(&url, Some(&first)).await,
        Ok((one.clone(), Source::Registry))
    );
    // Somebody moves the tag: the pin holds, and what is here needs no registry.
    let second = registry.push("authz:1", OCI_MANIFEST, &[(OCI_LAYER, &layer(&two))]);
    registry.asked();
    assert_eq!(
        agent.fetch(&url, Some(&first)).await,
        Ok((one.clone(), Source::Cache))
    );
    assert_eq!(registry.asked(), [""; 0]);
    let afresh = Own::new("pinned-afresh");
    let found = afresh.fetch(&url, Some(&first)).await.unwrap_err();
    assert!(
        found.contains("does not match") && found.contains(&second),
        "{found}"
    );
    // By its digest in the URL, it is still there.
    let by_digest = registry.url(&format!("authz@sha256:{first}"));
    assert_eq!(
        afresh.fetch(&by_digest, None).await,
        Ok((one, Source::Registry))
    );
    assert_eq!(
        afresh.fetch(&url, Some(&second)).await,
        Ok((two, Source::Registry))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn modules_are_kept_by_name_and_digest() {
    let (registry, agent) = (FakeRegistry::start().await, Own::new("kept"));
    let wasm = module("one");
    let layer = archive("plugin.wasm", &wasm);
    for name in ["authz:1", "authz:2", "authz:latest", "other:1"] {
        registry.push(name, OCI_MANIFEST, &[(OCI_LAYER, &layer)]);
    }
    let mut sources = Vec::new();
    for name in ["authz:1", "authz:1", "authz:2", "authz:latest", "other:1"] {
        registry.asked();
        let (_, source) = agent.fetch(&registry.url(name), None).await.unwrap();
        sources.push((name, source, registry.asked().len()));
    }
    let expected = [
        ("authz:1", Source::Registry, 2),
        // A tag that is not `latest` is not asked for again.
        ("authz:1", Source::Cache, 0),
        // Another tag is, but its module is here.
        ("authz:2", Source::Cache, 1),
        ("authz:latest", Source::Cache, 1),
        ("other:1", Source::Registry, 2),
    ];
    assert_eq!(sources, expected);
    // Without a pin, a tag that moved is not seen; with `Always`, it is.
    let moved = module("moved");
    registry.push(
        "authz:1",
        OCI_MANIFEST,
        &[(OCI_LAYER, &archive("plugin.wasm", &moved))],
    );
    let url = registry.url("authz:1");
    assert_eq!(
        agent.fetch(&url, None).await.unwrap(),
        (wasm, Source::Cache)
    );
    let fetched = agent
        .0
        .fetch(&url, None, Some("Always"), None)
        .await
        .unwrap();
    assert_eq!(fs::read(fetched.file).unwrap(), moved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_secret_opens_a_registry() {
    let (registry, agent) = (FakeRegistry::start().await, Own::new("secret"));
    let wasm = module("one");
    registry.push(
        "authz:1",
        OCI_MANIFEST,
        &[(OCI_LAYER, &archive("plugin.wasm", &wasm))],
    );
    let encoded = base64::engine::general_purpose::STANDARD.encode("somebody:words");
    registry.demand(&format!("Basic {encoded}"));
    let url = registry.url("authz:1");
    let refused = agent.fetch(&url, None).await.unwrap_err();
    assert!(refused.contains("401"), "{refused}");
    let secret = |host: &str| {
        json!({"auths": {host: {"username": "somebody", "password": "words"}}}).to_string()
    };
    let elsewhere = secret("registry.example");
    let refused = agent.0.fetch(&url, None, None, Some(&elsewhere)).await;
    assert!(refused.unwrap_err().why.contains("401"));
    let here = secret(registry.host());
    let fetched = agent.0.fetch(&url, None, None, Some(&here)).await.unwrap();
    assert_eq!(fs::read(fetched.file).unwrap(), wasm);
}
