//! A real Prometheus that scrapes a mesh's Envoys and evaluates the shipped rules.

use std::fmt::Write;
use std::time::Duration;

use landbridge_testbed::{CLIENT_ADMIN_PORT, Daemon, Mesh, SERVER_ADMIN_PORT, eventually, program};
use serde_json::Value;

use crate::rules;

const PORT: u16 = 9090;

/// A Prometheus; dropping it ends it.
pub struct Prometheus(Daemon);

impl Prometheus {
    /// Starts one that scrapes every Envoy of a mesh each second, under the labels that the shipped
    /// scrape configuration gives them.
    pub async fn scrape(mesh: &Mesh) -> Self {
        let mut daemon = Daemon::new("prometheus").unwrap();
        let mut config =
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files:\n".to_owned();
        for file in rules::files() {
            writeln!(config, "- {}", file.display()).unwrap();
        }
        let shipped = rules::yaml(&rules::folder().join("scrape.yaml"));
        let shipped = &shipped["scrape_configs"][0];
        // Of what is scraped, what the shipped configuration keeps.
        let kept = &shipped["metric_relabel_configs"];
        let path = &shipped["metrics_path"];
        write!(
            config,
            "scrape_configs:\n- job_name: proxies\n  metrics_path: {path}\n  \
             metric_relabel_configs: {kept}\n  static_configs:\n"
        )
        .unwrap();
        for cluster in mesh.clusters() {
            let ip = mesh.ip(cluster).unwrap();
            for (port, workload) in [
                (SERVER_ADMIN_PORT, "orders"),
                (CLIENT_ADMIN_PORT, "frontend"),
            ] {
                writeln!(
                    config,
                    "  - targets: ['{ip}:{port}']\n    labels: {{mesh_cluster: {cluster}, \
                     namespace: shop, workload: {workload}, pod: {workload}-{cluster}}}"
                )
                .unwrap();
            }
        }
        let config = daemon.write("prometheus.yaml", &config).unwrap();
        let data = daemon.folder().join("data");
        let listens = format!("--web.listen-address={}:{PORT}", daemon.ip());
        let prometheus = program("prometheus").expect("`cargo xtask conformance` provides it");
        let args = [
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", data.display()),
            listens,
        ];
        daemon.run(&prometheus, args).unwrap();
        let ready = async || {
            daemon
                .get(PORT, "/-/ready")
                .await
                .ok()
                .filter(|(status, _)| *status == 200)
        };
        let ready = eventually(Duration::from_secs(60), "a Prometheus", ready).await;
        ready.unwrap_or_else(|error| panic!("{error}: {}", daemon.log()));
        Self(daemon)
    }

    /// The answer to an instant query: its series; or what is wrong with the query.
    pub async fn query(&self, query: &str) -> Result<Vec<Value>, String> {
        let path = format!("/api/v1/query?query={}", encoded(query));
        let (_, text) = self.0.get(PORT, &path).await?;
        let mut answer: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        match answer["data"]["result"].take() {
            Value::Array(series) => Ok(series),
            _ => Err(text),
        }
    }
}

/// As a part of a URL.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
