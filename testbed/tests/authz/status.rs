//! `landbridge status` asks real Envoys: one is as it should be, one has older policies, one is gone.

use std::process::{Command, Stdio};
use std::time::Duration;

use landbridge_model::packed;
use landbridge_testbed::{Mesh, Side};
use serde_json::{Value, json};

use crate::setup::{ALLOW_ALL, ALLOW_US, apply_refused, config, mesh_document, only};

/// `landbridge`, which a test of the whole workspace builds beside this one.
async fn landbridge(args: Vec<String>) -> (Option<i32>, Value) {
    let me = std::env::current_exe().unwrap();
    let command = me.ancestors().nth(2).unwrap().join("landbridge");
    assert!(command.is_file(), "`cargo build -p landbridge` makes it");
    let ran = tokio::task::spawn_blocking(move || {
        Command::new(command)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    });
    let ran = ran.await.unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    let why = String::from_utf8_lossy(&ran.stderr).into_owned();
    let report = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}\n{why}"));
    (ran.status.code(), report)
}

#[tokio::test]
async fn who_lags_and_who_is_gone_is_told() {
    let now = config(ALLOW_ALL, "{}");
    let before = config(ALLOW_US, "{}");
    // Packed or not, it is the same configuration.
    let mesh = Mesh::builder("status")
        .clusters(only(&["use1-a", "use1-b", "euw1-a"]))
        .clients(false)
        .server_concurrency(1)
        .ready_timeout(Duration::from_secs(120))
        .config(packed::pack(&now))
        .config_for("euw1-a", &before);
    let mesh = mesh.start().await.unwrap();
    mesh.kill("use1-b", Side::Server).unwrap();
    // What was refused is told, and is not what is in force.
    apply_refused(&mesh, "euw1-a", &now.replace("\"action\"", "\"actoin\"")).await;

    let documents = mesh.folder().join("expected.yaml");
    let text = format!("{}---\n{ALLOW_ALL}", mesh_document());
    std::fs::write(&documents, text).unwrap();
    // The options that were rendered with them are part of the configuration.
    let options = mesh.folder().join("options.yaml");
    std::fs::write(&options, "{}").unwrap();
    let mut args = vec!["status".to_owned(), "--json".to_owned()];
    for cluster in ["use1-a", "euw1-a", "use1-b"] {
        let address = mesh.admin_address(cluster, Side::Server).unwrap();
        args.extend(["--admin".to_owned(), address.to_string()]);
    }
    args.extend([
        "--expect".to_owned(),
        documents.display().to_string(),
        "--options".to_owned(),
        options.display().to_string(),
    ]);
    let (code, report) = landbridge(args.clone()).await;
    assert_eq!(code, Some(1), "{report:#}");
    assert_eq!(
        (&report["proxies"], &report["lagging"]),
        (&json!(3), &json!(2)),
        "{report:#}"
    );
    let [current, older, gone] = [0, 1, 2].map(|i| &report["rows"][i]);
    assert_eq!(current["current"], true, "{report:#}");
    assert_eq!(current["policies"], 1);
    assert_eq!(current["version"], env!("CARGO_PKG_VERSION"));
    let module = current["module"].as_str().unwrap();
    assert!(module.ends_with("authz.wasm"), "{module}");
    assert_eq!(older["current"], false, "{report:#}");
    assert_ne!(older["digest"], current["digest"]);
    assert!(older["refused"]["LB0101"].as_u64() >= Some(1), "{report:#}");
    let lags = gone["lags"][0].as_str().unwrap();
    assert!(lags.starts_with("unreachable: "), "{lags}");

    // The first alone is as it should be.
    args.drain(4..8);
    let (code, report) = landbridge(args).await;
    assert_eq!(
        (code, &report["proxies"]),
        (Some(0), &json!(1)),
        "{report:#}"
    );
}
