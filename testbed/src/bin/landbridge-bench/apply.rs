//! How long a change takes: from the moment that manifests are there until every proxy of a mesh has
//! them in force.
//!
//! The proxies are those of three clusters, a server's sidecar and a client's in each, with two workers
//! and one. Modules are files, since a real agent would have them already.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use landbridge_testbed::product::{self, from_files, render};
use landbridge_testbed::{Call, Mesh, Workload, eventually};
use serde_json::{Value, json};

use crate::Result;
use crate::chain::{documents, policies};
use crate::figures::Spread;
use crate::report::{min_max, round};

const PATIENCE: Duration = Duration::from_secs(20);
/// A busy machine compiles three modules in six Envoys for long.
const READY: Duration = Duration::from_secs(180);
/// What the change forbids.
const PATH: &str = "/orders/secret";
const SECRET: &str = "---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: secret, namespace: shop}
spec:
  target: {namespace: shop, selector: {matchLabels: {app: orders}}}
  action: DENY
  rules: [{name: nobody, to: [{operation: {paths: [/orders/secret]}}]}]
";

/// Milliseconds.
pub struct Applied {
    changes: usize,
    /// Until each Envoy said that it has it.
    accepted: Spread,
    /// Until a request at each cluster was answered by the new policies.
    enforced: Spread,
}

pub async fn measure(quick: bool) -> Result<Applied> {
    let changes = if quick { 6 } else { 20 };
    let manifests = |policies: &str| -> Result<BTreeMap<String, String>> {
        let rendered = render(
            &documents(policies),
            &product::settings(&product::unpushed(), ""),
        );
        let files = rendered
            .into_iter()
            .map(|(cluster, text)| Ok((cluster, from_files(&text)?)));
        files.collect()
    };
    let open = manifests(policies())?;
    let closed = manifests(&format!("{}{SECRET}", policies()))?;
    let mut builder = Mesh::builder("bench-apply").ready_timeout(READY);
    for (cluster, text) in &open {
        builder = builder.manifests(cluster, text);
    }
    let mesh = builder.start().await?;
    let (mut accepted, mut enforced) = (Vec::new(), Vec::new());
    for number in 0..changes {
        let (change, status) = if number % 2 == 0 {
            (&closed, 403)
        } else {
            (&open, 200)
        };
        let begun = Instant::now();
        let mut sent = Vec::new();
        for (cluster, text) in change {
            sent.extend(mesh.deliver(cluster, text).await?);
        }
        for cluster in change.keys() {
            reached(&mesh, cluster, status).await?;
        }
        enforced.push(begun.elapsed().as_secs_f64() * 1e3);
        mesh.wait_delivered(&sent, PATIENCE).await?;
        accepted.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Applied {
        changes,
        accepted: Spread::of(accepted),
        enforced: Spread::of(enforced),
    })
}

/// Waits until three requests in a row, each on a connection of its own and so at any worker, are
/// answered so.
async fn reached(mesh: &Mesh, cluster: &str, status: u16) -> Result<()> {
    let caller = Workload::new("use1-a", "shop", "frontend");
    let call = Call::get(PATH).from(caller).to(cluster);
    let all = async || {
        for _ in 0..3 {
            let reply = mesh.call(call.clone()).await.ok()?;
            if reply.status != status {
                return None;
            }
        }
        Some(())
    };
    Ok(eventually(PATIENCE, "the change", all).await?)
}

impl Applied {
    pub fn print(&self) {
        println!(
            "\nfrom manifests to enforced in 3 clusters: {:.0} ms ({:.0}–{:.0}); to all 6 proxies: {:.0} ms ({:.0}–{:.0}); {} changes",
            self.enforced.median,
            self.enforced.least,
            self.enforced.most,
            self.accepted.median,
            self.accepted.least,
            self.accepted.most,
            self.changes,
        );
    }

    pub fn json(&self) -> Value {
        json!({
            "changes": self.changes,
            "enforced_ms": round(self.enforced.median),
            "enforced_ms_min_max": min_max(self.enforced),
            "accepted_by_all_ms": round(self.accepted.median),
            "accepted_by_all_ms_min_max": min_max(self.accepted),
        })
    }
}
