//! What all scenarios start from.

use std::collections::BTreeMap;
use std::time::Duration;

use landbridge_istio::{Lock, Settings};
use landbridge_testbed::product::{json, push, render, settings};
use landbridge_testbed::{
    Builder, Call, ClusterAuthority, ClusterSpec, Mesh, Registry, Workload, eventually,
};
use serde_json::Value;

pub const CLUSTERS: [&str; 3] = ["use1-a", "use1-b", "euw1-a"];
pub const HOST: &str = "orders.shop.svc.cluster.local:8080";
pub const POLICIES: &str = include_str!("documents/policies.yaml");
const OPTIONS: &str = include_str!("documents/options.yaml");
/// Every request is logged.
pub const LOG_ALL: &str = "accessLog: {filter: 'true'}";

/// How the clusters of a mesh are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Each has a trust domain of its own.
    Own,
    /// They share one, and each has an intermediate authority.
    Shared,
}

impl Trust {
    pub fn mesh_document(self) -> &'static str {
        match self {
            Self::Own => include_str!("documents/mesh-own.yaml"),
            Self::Shared => include_str!("documents/mesh-shared.yaml"),
        }
    }

    fn clusters(self) -> Vec<ClusterSpec> {
        let clusters = ClusterSpec::default_mesh().into_iter();
        match self {
            Self::Own => clusters.collect(),
            Self::Shared => clusters
                .map(|cluster| cluster.in_trust_domain("cluster.local"))
                .map(|cluster| cluster.signed_by(ClusterAuthority::Intermediate))
                .collect(),
        }
    }
}

/// Modules in a registry, and what is rendered for them.
pub struct Shop {
    pub name: String,
    pub registry: Registry,
    pub lock: Lock,
    pub trust: Trust,
}

impl Shop {
    /// None where there is no registry to be had, which is said.
    pub async fn new(name: &str, trust: Trust) -> Option<Self> {
        let registry = Registry::start(name).await.unwrap()?;
        let lock = push(&registry).await.unwrap();
        Some(Self {
            name: name.to_owned(),
            registry,
            lock,
            trust,
        })
    }

    pub fn settings(&self, file: &str) -> Settings {
        let mut settings = settings(&self.lock, &format!("{LOG_ALL}\n{file}"));
        settings.options = Some(json(OPTIONS));
        settings
    }

    /// The manifests of each cluster for these policies, with these settings.
    pub fn render(&self, policies: &str, file: &str) -> BTreeMap<String, String> {
        let documents = format!("{}---\n{policies}", self.trust.mesh_document());
        render(&documents, &self.settings(file))
    }

    /// A mesh that is configured by manifests. Each cluster has two endpoints, of which the second is
    /// the canary.
    pub fn builder(&self, manifests: &BTreeMap<String, String>) -> Builder {
        let mut builder = self.bare(manifests);
        for cluster in CLUSTERS {
            builder = builder
                .endpoints(cluster, 2)
                .endpoint_label(cluster, 0, ("version", "stable"))
                .endpoint_label(cluster, 1, ("version", "canary"));
        }
        builder
    }

    /// The same with one endpoint in each.
    pub fn bare(&self, manifests: &BTreeMap<String, String>) -> Builder {
        let mut builder = Mesh::builder(&self.name)
            .clusters(self.trust.clusters())
            // A busy machine compiles five modules at once for long.
            .ready_timeout(s(180.0));
        for (cluster, manifests) in manifests {
            builder = builder.manifests(cluster, manifests);
        }
        builder
    }
}

/// A mesh of the whole product.
pub async fn product(name: &str, trust: Trust) -> Option<(Shop, Mesh)> {
    let shop = Shop::new(name, trust).await?;
    let manifests = shop.render(POLICIES, "");
    let mesh = shop.builder(&manifests).start().await.unwrap();
    settled(&mesh).await;
    Some((shop, mesh))
}

/// Waits until each cluster's callers are served at home: a probe that came before its server was ready
/// takes a cluster out for a while.
async fn settled(mesh: &Mesh) {
    for cluster in CLUSTERS {
        let what = format!("{cluster} to serve its own");
        let all = eventually(s(90.0), &what, async || {
            for _ in 0..10 {
                let reply = mesh.call(get(cluster, "/orders/settled")).await.ok()?;
                if reply.json()["cluster"] != cluster {
                    return None;
                }
            }
            Some(())
        });
        all.await.unwrap();
    }
}

pub fn frontend(cluster: &str) -> Workload {
    Workload::new(cluster, "shop", "frontend")
}

/// A call of the frontend of a cluster, by its sidecar.
pub fn get(cluster: &str, path: &str) -> Call {
    Call::get(path)
        .from(frontend(cluster))
        .via_sidecar()
        .host(HOST)
}

pub fn post(cluster: &str, path: &str) -> Call {
    Call::post(path, "{}")
        .from(frontend(cluster))
        .via_sidecar()
        .host(HOST)
}

/// Seconds.
pub fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Waits until a proxy has logged a request by this path; the last such line.
pub async fn logged(
    mesh: &Mesh,
    cluster: &str,
    side: landbridge_testbed::Side,
    path: &str,
) -> Value {
    let found = eventually(s(30.0), "a line in the access log", async || {
        let lines = mesh.access_log(cluster, side).unwrap();
        lines.into_iter().rfind(|line| line["path"] == path)
    });
    found.await.unwrap()
}

/// What a filter said in a line.
pub fn said(line: &Value, filter: &str) -> Value {
    let text = line[format!("landbridge_{filter}")].as_str();
    let text = text.unwrap_or_else(|| panic!("no `{filter}` in {line}"));
    serde_json::from_str(text).unwrap()
}

/// Waits until calls are answered so; gives up after ten seconds.
pub async fn answered(mesh: &Mesh, call: &Call, status: u16) {
    let what = format!("an answer of {status}");
    let wait = eventually(s(30.0), &what, async || {
        let reply = mesh.call(call.clone()).await.ok()?;
        (reply.status == status).then_some(())
    });
    wait.await.unwrap();
}
