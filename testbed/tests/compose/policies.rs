//! A policy that is edited is in force; one that is wrong is told of, and is not.

use std::fs;
use std::path::{Path, PathBuf};

use landbridge_testbed::{Call, eventually};

use crate::running::{PATIENCE, docker, served, until};

const CLOSED: &str = "\
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: closed, namespace: shop}
spec:
  action: DENY
  rules:
  - name: stock
    to: [{operation: {paths: [/stock]}}]
";

/// A document beside the others; dropping it removes it.
struct Document(PathBuf);

impl Document {
    fn new() -> Self {
        let folder = std::env::var_os("LANDBRIDGE_POLICIES").expect("cargo xtask compose sets it");
        Self(Path::new(&folder).join("edited.yaml"))
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, text).expect("the folder of the policies");
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn a_policy_is_in_force_once_it_is_written_unless_it_is_wrong() {
    served("use1-a", &["use1-a"]).await;
    let stock = || Call::get("/stock").to("use1-a");
    until("use1-a", stock(), |reply| reply.status == 200).await;
    let document = Document::new();
    document.write(CLOSED);
    until("use1-a", stock(), |reply| reply.status == 403).await;
    document.write(&CLOSED.replace("DENY", "DENIED"));
    let told = eventually(PATIENCE, "a diagnostic", async || {
        let log = docker(&["logs", "landbridge-policies"]).ok()?;
        log.contains("edited.yaml").then_some(log)
    });
    let log = told.await.expect("it is told");
    assert!(
        log.contains("LB") && log.contains("stays in force"),
        "{log}"
    );
    until("use1-a", stock(), |reply| reply.status == 403).await;
    drop(document);
    until("use1-a", stock(), |reply| reply.status == 200).await;
}
