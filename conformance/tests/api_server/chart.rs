//! `deploy/helm/landbridge`, by the real Helm.

use landbridge_conformance::rendering::{EXAMPLE, SETTINGS};
use landbridge_testbed::workspace;
use serde_json::{Value, json};

use crate::cluster::{Cluster, Objects, assert_holds, by_name};

const CHART: &str = "deploy/helm/landbridge";

/// What was rendered, as it is under Helm.
fn managed(mut rendered: Objects) -> Objects {
    for object in rendered.values_mut() {
        object["metadata"]["labels"]["app.kubernetes.io/managed-by"] = json!("Helm");
        object["metadata"]["labels"]["app.kubernetes.io/part-of"] = json!("landbridge");
    }
    rendered
}

/// Manifests and values are two forms of one thing, whatever form plugins have.
#[test]
fn the_chart_makes_of_values_what_render_makes_of_documents() {
    let cluster = Cluster::take();
    let server = cluster.server();
    for form in ["wasm-plugin", "traffic-extension"] {
        for scope in ["mesh", "namespace"] {
            let args = ["--settings", SETTINGS, "--form", form, "--scope", scope];
            let name = format!("chart-{form}-{scope}");
            let manifests = cluster.render(&name, EXAMPLE, &args);
            let values = [&args[..], &["--as", "helm-values"]].concat();
            let values = cluster.render(&format!("{name}-values"), EXAMPLE, &values);
            for member in manifests.clusters() {
                let rendered = managed(cluster.read(&manifests.manifests(&member)));
                let values = values.values(&member);
                server
                    .chart(&["lint", CHART, "--strict", "-f-"], &values)
                    .unwrap();
                let chart = server.template(&["-f-"], &values).unwrap();
                assert_eq!(by_name(chart), rendered, "{name} {member}");
            }
        }
    }
}

#[test]
fn the_chart_is_of_the_version_of_the_filters() {
    let chart = std::fs::read_to_string(workspace().join(CHART).join("Chart.yaml")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    for key in ["version", "appVersion"] {
        assert!(
            chart
                .lines()
                .any(|line| line == format!("{key}: {version}")),
            "`{key}` is not {version}"
        );
    }
}

/// Install, upgrade, roll back, leave a part out, and go: with the history that Helm keeps.
#[test]
fn a_release_can_be_upgraded_rolled_back_and_removed() {
    let cluster = Cluster::take();
    let server = cluster.server();
    let args = ["--settings", SETTINGS, "--as", "helm-values"];
    let values = cluster.render("release", EXAMPLE, &args).values("use1-a");
    let plain = cluster.render("release-plain", EXAMPLE, &args[..2]);
    let rendered = managed(cluster.read(&plain.manifests("use1-a")));
    let to = ["landbridge", CHART, "--namespace=istio-system", "-f-"];
    let run = |command: &str, more: &[&str]| {
        let args = [&[command], &to[..], more].concat();
        let done = server.chart(&args, &values);
        done.unwrap_or_else(|why| panic!("{args:?}: {why}"));
        cluster.objects()
    };
    let plugin = "WasmPlugin istio-system/landbridge-authz";
    let history = || {
        let args = [
            "history",
            "landbridge",
            "--namespace=istio-system",
            "-ojson",
        ];
        let printed = server.chart(&args, "").unwrap();
        let revisions: Vec<Value> = serde_json::from_str(&printed).unwrap();
        let status = |one: &Value| one["status"].as_str().unwrap().to_owned();
        revisions.iter().map(status).collect::<Vec<_>>()
    };

    let installed = run("install", &[]);
    assert_holds(&installed, &rendered);

    let opened = run("upgrade", &["--set=failStrategy.authz=FAIL_OPEN"]);
    assert_eq!(opened[plugin]["spec"]["failStrategy"], "FAIL_OPEN");
    assert_eq!(history(), ["superseded", "deployed"]);

    let back = ["rollback", "landbridge", "1", "--namespace=istio-system"];
    server.chart(&back, "").unwrap();
    assert_holds(&cluster.objects(), &rendered);
    assert_eq!(history(), ["superseded", "superseded", "deployed"]);

    let without = run("upgrade", &["--set=parts.routing=false"]);
    let is_route = |name: &str| {
        ["VirtualService ", "DestinationRule "]
            .iter()
            .any(|kind| name.starts_with(kind))
    };
    let mut expected = rendered.clone();
    expected.retain(|name, _| !is_route(name));
    assert!(expected.len() < rendered.len());
    assert_holds(&without, &expected);

    // What the server refuses leaves what was there, and the way back.
    let broken = values.replace("\"mode\": \"SERVER\"", "\"mode\": \"SERVERS\"");
    let broken = broken.replace("mode: SERVER\n", "mode: SERVERS\n");
    assert_ne!(broken, values);
    let why = server
        .chart(&[&["upgrade"], &to[..]].concat(), &broken)
        .unwrap_err();
    assert!(why.0.contains("Unsupported value"), "{why}");
    assert_eq!(cluster.objects()[plugin]["spec"], rendered[plugin]["spec"]);
    let back = ["rollback", "landbridge", "3", "--namespace=istio-system"];
    server.chart(&back, "").unwrap();
    assert_holds(&cluster.objects(), &rendered);

    let gone = ["uninstall", "landbridge", "--namespace=istio-system"];
    server.chart(&gone, "").unwrap();
    assert_holds(&cluster.objects(), &Objects::new());
}

/// What a site says of itself goes into every plugin, and nowhere else.
#[test]
fn values_change_what_they_name() {
    let cluster = Cluster::take();
    let server = cluster.server();
    for (form, module) in [
        ("wasm-plugin", "/spec"),
        ("traffic-extension", "/spec/wasm"),
    ] {
        let args = [
            "--settings",
            SETTINGS,
            "--as",
            "helm-values",
            "--form",
            form,
        ];
        let name = format!("site-{form}");
        let values = cluster.render(&name, EXAMPLE, &args).values("use1-a");
        let plain = server.template(&["-f-"], &values).unwrap();
        let site = [
            "-f-",
            "--set=image.registry=mirror.example.com:5000/lb",
            "--set=image.pullSecret=pull",
            "--set=failStrategy.locality=FAIL_OPEN",
            "--set=labels.team=mesh",
            "--set=annotations.ticket=T-1",
        ];
        let mut expected = by_name(plain);
        for (name, object) in &mut expected {
            object["metadata"]["labels"]["team"] = json!("mesh");
            object["metadata"]["annotations"]["ticket"] = json!("T-1");
            let Some(module) = object.pointer_mut(module) else {
                continue;
            };
            let Some(url) = module.get("url").and_then(Value::as_str) else {
                continue;
            };
            let last = url.rsplit('/').next().unwrap();
            module["url"] = json!(format!("oci://mirror.example.com:5000/lb/{last}"));
            module["imagePullSecret"] = json!("pull");
            if name.ends_with("/landbridge-locality") {
                module["failStrategy"] = json!("FAIL_OPEN");
            }
        }
        let changed = by_name(server.template(&site, &values).unwrap());
        assert_eq!(changed, expected);
        let strict = server.template(&["-f-", "--set=strictMtls=true", "-nistio-system"], &values);
        let strict = by_name(strict.unwrap());
        let authentication = &strict["PeerAuthentication istio-system/default"];
        assert_eq!(authentication["spec"]["mtls"]["mode"], "STRICT");
        cluster.apply(
            &serde_json::Value::from_iter([
                ("apiVersion", json!("v1")),
                ("kind", json!("List")),
                ("items", strict.into_values().collect()),
            ])
            .to_string(),
        );
        cluster.clear();
    }
}

#[test]
fn values_that_are_wrong_are_refused_and_say_where() {
    let cluster = Cluster::take();
    let server = cluster.server();
    let why = server.template(&[], "").unwrap_err();
    assert!(why.0.contains("landbridge render istio"), "{why}");

    let args = ["--settings", SETTINGS, "--as", "helm-values"];
    let values = cluster.render("wrong", EXAMPLE, &args).values("use1-a");
    for (wrong, named) in [
        ("image.registri=x", "registri"),
        ("image.registry=https://x", "/image/registry"),
        ("failStrategy.authz=OPEN", "/failStrategy/authz"),
        ("parts.authz=perhaps", "/parts/authz"),
        ("rendered.authz[0].kind=Pod", "/rendered/authz/0/kind"),
        ("replicas=3", "replicas"),
    ] {
        let why = server
            .template(&["-f-", "--set", wrong], &values)
            .unwrap_err();
        assert!(why.0.contains(named), "{wrong}: {why}");
    }
}
