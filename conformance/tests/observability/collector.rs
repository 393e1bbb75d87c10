//! OpenTelemetry's collector takes what real Envoys push to it, under the shipped configurations.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use landbridge_conformance::tool;
use landbridge_testbed::{
    Call, Daemon, Filter, Mesh, Side, Stats, Telemetry, Wasm, Workload, eventually, filter_module,
    program, workspace,
};
use serde_json::{Value, json};

use crate::rules::yaml;
use crate::scene;

const OTLP: u16 = 4317;
const METRICS: u16 = 9464;
const HEALTH: u16 = 13133;
/// What the shipped manifests call the collector.
const SINK_CLUSTER: &str = "otel-collector";
const LOG_CLUSTER: &str = "outbound|4317||otel-collector.observability.svc.cluster.local";
const REQUESTS: &str = "landbridge_authz_requests_total";

fn shipped(name: &str) -> PathBuf {
    workspace().join("deploy/observability").join(name)
}

/// The configuration for CloudWatch, with a file in the place of the exporter that is not to be
/// had here; and the declarations of that exporter.
fn for_a_file(path: &str) -> (Value, Value) {
    let mut config = yaml(&shipped("otel/cloudwatch.yaml"));
    let exporters = config["exporters"].as_object_mut().unwrap();
    let exporter = exporters.remove("awsemf").unwrap();
    exporters.insert("file".to_owned(), json!({"path": path}));
    let pipeline = &mut config["service"]["pipelines"]["metrics"]["exporters"];
    assert_eq!(*pipeline, json!(["awsemf"]));
    *pipeline = json!(["file"]);
    // A batch goes out sooner.
    config["processors"]["batch"]["timeout"] = json!("1s");
    (config, exporter)
}

fn validate(daemon: &Daemon, config: &Value) -> Output {
    let path = daemon.write("validated.yaml", &config.to_string()).unwrap();
    let config = format!("--config={}", path.display());
    tool("otelcol")
        .args(["validate", &config])
        .output()
        .unwrap()
}

#[test]
fn the_collector_takes_the_shipped_configurations() {
    let daemon = Daemon::new("otelcol-validate").unwrap();
    let (cloudwatch, _) = for_a_file("/dev/null");
    for mut config in [yaml(&shipped("otel/collector.yaml")), cloudwatch] {
        let output = validate(&daemon, &config);
        assert!(output.status.success(), "{output:?}");
        config["processors"]["batch"]["no_such_key"] = json!(1);
        assert!(!validate(&daemon, &config).status.success());
    }
}

/// A collector under this configuration.
async fn collector(name: &str, config: &Value) -> Daemon {
    let mut daemon = Daemon::new(name).unwrap();
    let folder = daemon.folder().display().to_string();
    let text = config.to_string();
    let text = text
        .replace("${env:LISTEN:-0.0.0.0}", &daemon.ip().to_string())
        .replace(
            "${env:LOGS:-/var/log/landbridge/access.json}",
            &format!("{folder}/access.json"),
        )
        .replace("FOLDER", &folder);
    let path = daemon.write("collector.yaml", &text).unwrap();
    let otelcol = program("otelcol").expect("`cargo xtask conformance` provides it");
    daemon
        .run(&otelcol, [format!("--config={}", path.display())])
        .unwrap();
    let up = async || {
        daemon
            .get(HEALTH, "/")
            .await
            .ok()
            .filter(|(status, _)| *status == 200)
    };
    let up = eventually(Duration::from_secs(60), "a collector", up).await;
    up.unwrap_or_else(|error| panic!("{error}: {}", daemon.log()));
    daemon
}

/// What Envoys are told by the shipped manifests.
fn telemetry(deltas: bool) -> Telemetry {
    let config_map = yaml(&shipped("istio/stats-sink.yaml"));
    let bootstrap = config_map["data"]["custom_bootstrap.json"]
        .as_str()
        .unwrap();
    let mut bootstrap: Value = serde_json::from_str(bootstrap).unwrap();
    let counters = &mut bootstrap["stats_sinks"][0]["typed_config"]["report_counters_as_deltas"];
    assert_eq!(*counters, json!(false), "as a Prometheus has them");
    *counters = json!(deltas);
    let provider = yaml(&shipped("istio/mesh-config.yaml"));
    let provider = &provider["meshConfig"]["extensionProviders"][0];
    let telemetry = yaml(&shipped("istio/telemetry.yaml"));
    let named = &telemetry["spec"]["accessLogging"][0]["providers"][0]["name"];
    assert_eq!(named, &provider["name"]);
    let provider = &provider["envoyOtelAls"];
    let target = format!(
        "outbound|{}||{}",
        provider["port"],
        provider["service"].as_str().unwrap()
    );
    assert_eq!(target, LOG_CLUSTER);
    // As istiod has it of such a provider.
    let labels = provider["logFormat"]["labels"].as_object().unwrap();
    let attributes: Vec<_> = labels
        .iter()
        .map(|(key, format)| json!({"key": key, "value": {"string_value": format}}))
        .collect();
    let access_log = json!({
        "name": "envoy.access_loggers.open_telemetry",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.open_telemetry.v3.OpenTelemetryAccessLogConfig",
            "common_config": {
                "log_name": provider["logName"],
                "grpc_service": {"envoy_grpc": {"cluster_name": target}},
                "transport_api_version": "V3",
            },
            "body": {"string_value": provider["logFormat"]["text"]},
            "attributes": {"values": attributes},
        },
    });
    Telemetry {
        access_log: Some(access_log),
        stats_sink: Some(bootstrap["stats_sinks"][0].clone()),
        flush_interval: Some("1s".to_owned()),
    }
}

/// A mesh of one proxy, which pushes to a collector.
async fn mesh(name: &str, collector: &Daemon, deltas: bool) -> Mesh {
    let at = std::net::SocketAddr::new(collector.ip(), OTLP);
    let mut authz = Wasm::new("authz", filter_module("authz").unwrap());
    authz.config = scene::authz().to_string();
    let builder = Mesh::builder(name)
        .clusters(
            landbridge_testbed::ClusterSpec::default_mesh()
                .into_iter()
                .take(2),
        )
        .clients(false)
        .filters([Filter::Ecds(authz)])
        .service(SINK_CLUSTER, at)
        .service(LOG_CLUSTER, at)
        .telemetry(telemetry(deltas))
        .ready_timeout(Duration::from_secs(120));
    builder.start().await.unwrap()
}

/// So many requests that are allowed, and that are denied.
async fn requests(mesh: &Mesh, allowed: usize, denied: usize) {
    let call = |path: &str| Call::get(path).from(Workload::new("use1-b", "shop", "frontend"));
    for (count, path) in [(allowed, "/orders"), (denied, "/admin/keys")] {
        for _ in 0..count {
            mesh.call(call(path).to("use1-a")).await.unwrap();
        }
    }
}

fn lines(daemon: &Daemon, file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(daemon.folder().join(file)).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// All members of this name, however deep.
fn every<'a>(value: &'a Value, name: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if key == name {
                    found.extend(member.as_array().into_iter().flatten());
                } else {
                    every(member, name, found);
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| every(one, name, found)),
        _ => {}
    }
}

fn attribute<'a>(of: &'a Value, name: &str) -> Option<&'a str> {
    let all = of["attributes"].as_array()?;
    all.iter().find(|one| one["key"] == name)?["value"]["stringValue"].as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_decisions_come_out_of_the_collector() {
    let collector = collector("otelcol", &yaml(&shipped("otel/collector.yaml"))).await;
    let mesh = mesh("otlp", &collector, false).await;
    requests(&mesh, 5, 3).await;
    let scraped = mesh.stats("use1-a", Side::Server).await.unwrap();
    let denied = [
        ("decision", "deny"),
        ("policy", "shop/no-admin"),
        ("source_cluster", "use1-b"),
    ];
    assert_eq!(scraped.sum(REQUESTS, &denied), 3.0);
    let pushed = eventually(Duration::from_secs(60), "metrics", async || {
        let (_, text) = collector.get(METRICS, "/metrics").await.ok()?;
        let stats = Stats::parse(&text);
        (stats.sum(REQUESTS, &denied) == 3.0).then_some(stats)
    });
    let Ok(pushed) = pushed.await else {
        let seen = collector.get(METRICS, "/metrics").await;
        panic!("{seen:?}\n{}", collector.log());
    };
    let place = [("mesh_cluster", "use1-a"), ("namespace", "shop")];
    assert!(pushed.find(REQUESTS, &place).next().is_some(), "{pushed:?}");
    // The same metrics by the same labels, and nothing else.
    for sample in scraped.samples() {
        if sample.name.starts_with("landbridge") {
            let labels: Vec<_> = sample
                .labels
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .collect();
            assert!(
                pushed.find(&sample.name, &labels).next().is_some(),
                "{sample:?}"
            );
        }
    }
    let others: Vec<_> = pushed.samples().iter().map(|sample| &sample.name).collect();
    let ours = |name: &&String| name.starts_with("landbridge") || *name == "target_info";
    assert!(others.iter().all(ours), "{others:?}");

    let logged = eventually(Duration::from_secs(60), "a log", async || {
        let lines = lines(&collector, "access.json");
        let mut records = Vec::new();
        lines
            .iter()
            .for_each(|line| every(line, "logRecords", &mut records));
        let denied =
            |record: &&&Value| attribute(record, "landbridge.authz.verdict") == Some("deny");
        let records: Vec<Value> = records
            .iter()
            .filter(denied)
            .map(|&record| record.clone())
            .collect();
        (records.len() == 3).then_some(records)
    });
    let Ok(logged) = logged.await else {
        panic!(
            "{:?}\n{}",
            lines(&collector, "access.json"),
            collector.log()
        );
    };
    for (name, value) in [
        ("landbridge.authz.reason", "DENIED_BY_RULE"),
        ("landbridge.authz.policy", "shop/no-admin"),
        ("landbridge.authz.source_cluster", "use1-b"),
        ("path", "/admin/keys"),
        ("response_code", "403"),
    ] {
        assert_eq!(attribute(&logged[0], name), Some(value), "{logged:?}");
    }
    assert_eq!(attribute(&logged[0], "landbridge_decision"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudwatch_is_sent_differences_by_the_dimensions_that_are_declared() {
    let (config, exporter) = for_a_file("FOLDER/metrics.json");
    let collector = collector("otelcol-emf", &config).await;
    let mesh = mesh("emf", &collector, true).await;
    // In two steps: what is sent twice over would be counted twice.
    requests(&mesh, 4, 2).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    requests(&mesh, 3, 1).await;
    let declared = |name: &str| {
        let declarations = exporter["metric_declarations"].as_array().unwrap();
        let of = declarations.iter().find(|one| {
            let pattern = one["metric_name_selectors"][0].as_str().unwrap();
            let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
            pattern == name || pattern.contains('(') && name.ends_with("_requests_total")
        });
        let sets = of.unwrap_or_else(|| panic!("{name} is not declared"))["dimensions"].clone();
        let names = sets[0].as_array().unwrap().iter();
        names
            .map(|name| name.as_str().unwrap().to_owned())
            .collect::<BTreeSet<_>>()
    };
    let sums = async || {
        let (mut allowed, mut denied) = (0.0, 0.0);
        for line in lines(&collector, "metrics.json") {
            let mut resources = Vec::new();
            every(&line, "resourceMetrics", &mut resources);
            for resource in resources {
                assert_eq!(
                    attribute(&resource["resource"], "mesh_cluster"),
                    Some("use1-a")
                );
                let mut metrics = Vec::new();
                every(resource, "metrics", &mut metrics);
                for metric in metrics {
                    let name = metric["name"].as_str().unwrap();
                    let mut dimensions = declared(name);
                    dimensions.remove("mesh_cluster");
                    let mut points = Vec::new();
                    every(metric, "dataPoints", &mut points);
                    for point in points {
                        let none = Vec::new();
                        let attributes = point["attributes"].as_array().unwrap_or(&none);
                        let has: BTreeSet<_> = attributes
                            .iter()
                            .map(|one| one["key"].as_str().unwrap().to_owned())
                            .collect();
                        assert_eq!(has, dimensions, "{name}");
                        if name == REQUESTS {
                            assert_eq!(metric["sum"]["aggregationTemporality"], 1, "differences");
                            let value = point["asInt"]
                                .as_str()
                                .map_or(point["asDouble"].as_f64(), |n| n.parse().ok());
                            match attribute(point, "decision") {
                                Some("allow") => allowed += value.unwrap(),
                                _ => denied += value.unwrap(),
                            }
                        }
                    }
                }
            }
        }
        (allowed, denied)
    };
    let all = eventually(Duration::from_secs(60), "sums", async || {
        let (_, denied) = sums().await;
        (denied >= 3.0).then_some(())
    });
    if all.await.is_err() {
        panic!(
            "{:?}\n{:?}\n{}",
            sums().await,
            lines(&collector, "metrics.json"),
            collector.log()
        );
    }
    assert_eq!(sums().await, (7.0, 3.0));
}
