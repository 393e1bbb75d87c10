//! Ten thousand policies, packed, in one object of Kubernetes.

use std::fmt::Write;
use std::fs;

use landbridge_testbed::workspace;

use crate::cluster::{Cluster, assert_holds};

const POLICIES: usize = 10_000;

/// As many policies as large meshes have: about one for each service and caller.
fn policies() -> String {
    let mut text = String::new();
    for number in 0..POLICIES {
        let (service, caller) = (number / 20, number % 20);
        write!(
            text,
            "---\n\
             apiVersion: landbridge.dev/v1alpha1\n\
             kind: CrossClusterAuthorization\n\
             metadata: {{name: policy-{number}, namespace: team-{team}}}\n\
             spec:\n  \
               target: {{namespace: team-{team}, selector: {{matchLabels: {{app: service-{service}}}}}}}\n  \
               action: ALLOW\n  \
               rules:\n  \
               - name: caller-{caller}\n    \
                 from: [{{source: {{clusters: [use1-a, use1-b], serviceAccounts: [team-{caller}/caller-{number}]}}}}]\n    \
                 to: [{{operation: {{methods: [GET], paths: [/service-{service}/items/{number}/*]}}}}]\n",
            team = service % 50,
        )
        .unwrap();
    }
    text
}

#[test]
fn ten_thousand_policies_fit_into_one_object() {
    let cluster = Cluster::take();
    let documents = cluster.folder("many");
    fs::create_dir_all(&documents).unwrap();
    let mesh = workspace().join("deploy/example/documents/mesh.yaml");
    fs::copy(mesh, documents.join("mesh.yaml")).unwrap();
    let policies = policies();
    fs::write(documents.join("policies.yaml"), &policies).unwrap();

    let path = documents.display().to_string();
    let rendering = cluster.render("packed", &path, &[]);
    let manifests = rendering.manifests("use1-a");
    cluster.apply(&manifests);
    let stored = cluster.objects();
    assert_holds(&stored, &cluster.read(&manifests));

    let plugin = &stored["WasmPlugin istio-system/landbridge-authz"];
    let packed = &plugin["spec"]["pluginConfig"]["packed"];
    let unpacked = packed["size"].as_u64().unwrap();
    eprintln!(
        "{POLICIES} policies: {} bytes of YAML, {unpacked} of JSON, {} in the object",
        policies.len(),
        plugin.to_string().len(),
    );
    // It would not have fit.
    assert!(unpacked > 1_500_000, "{unpacked}");

    // Helm keeps values and objects, in a Secret that holds 1 MiB.
    cluster.clear();
    let values = cluster.render("packed-values", &path, &["--as", "helm-values"]);
    let server = cluster.server();
    let install = [
        "install",
        "many",
        "deploy/helm/landbridge",
        "--namespace=istio-system",
        "-f-",
    ];
    server.chart(&install, &values.values("use1-a")).unwrap();
    let held = &cluster.objects()["WasmPlugin istio-system/landbridge-authz"];
    assert_eq!(held["spec"], plugin["spec"]);
    let release = server.get("secret", "istio-system", "sh.helm.release.v1.many.v1");
    eprintln!(
        "Helm's Secret: {} bytes",
        release.unwrap()["data"]["release"].to_string().len()
    );
    server
        .chart(&["uninstall", "many", "--namespace=istio-system"], "")
        .unwrap();
}
