//! A sidecar with the filter `hostcheck`.

use std::net::SocketAddr;
use std::time::Duration;

use landbridge_testbed::{Builder, Call, ClusterSpec, Filter, Mesh, Side, Workload, eventually};
use serde_json::{Value, json};

/// The one cluster that there is.
pub const HERE: &str = "use1-a";
/// How long anything may take that is not timed by itself.
pub const SOON: Duration = Duration::from_secs(15);
/// The filter's ticks.
pub const TICK: Duration = Duration::from_millis(50);

/// A mesh of one sidecar with two workers.
pub fn builder(name: &str) -> Builder {
    let mut clusters = ClusterSpec::default_mesh();
    clusters.retain(|cluster| cluster.name == HERE);
    let mesh = Mesh::builder(name).clusters(clusters).clients(false);
    let hostcheck = Filter::wasm("hostcheck").unwrap();
    mesh.filters([hostcheck]).config("")
}

/// Started, and its filter configured so.
pub async fn mesh(name: &str, config: &str) -> Mesh {
    builder(name).config(config).start().await.unwrap()
}

/// Changes the sidecar's configuration, and starts it anew.
pub async fn edit(mesh: &Mesh, change: impl FnOnce(&mut Value)) {
    let path = mesh.folder().join(format!("{HERE}-server.json"));
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut config["static_resources"]);
    std::fs::write(&path, config.to_string()).unwrap();
    mesh.restart(HERE, Side::Server).await.unwrap();
}

/// A cluster that speaks HTTP/2 with an address.
pub fn cluster(name: &str, address: SocketAddr) -> Value {
    let ty = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    json!({
        "name": name,
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": ty,
                "explicit_http_config": {"http2_protocol_options": {}},
            },
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address": {
                "address": address.ip().to_string(), "port_value": address.port(),
            }}}}]}],
        },
    })
}

/// A call of the service.
pub fn get() -> Call {
    Call::get("/orders")
        .from(Workload::new(HERE, "shop", "frontend"))
        .to(HERE)
}

/// What the filter has logged.
pub fn logged(mesh: &Mesh) -> Vec<String> {
    let log = mesh.envoy_log(HERE, Side::Server).unwrap();
    let lines = log
        .lines()
        .filter_map(|line| line.split_once(" hostcheck: "));
    lines.map(|(_, line)| line.to_owned()).collect()
}

/// Waits until the filter has logged `count` lines that begin so, and returns them.
pub async fn told(mesh: &Mesh, start: &str, count: usize) -> Vec<String> {
    let what = format!("{count} lines `{start}…`");
    let lines = eventually(SOON, &what, async || {
        let mut lines = logged(mesh);
        lines.retain(|line| line.starts_with(start));
        (lines.len() >= count).then_some(lines)
    });
    match lines.await {
        Ok(lines) => lines,
        Err(error) => panic!("{error}: {:?}", logged(mesh)),
    }
}

/// The sidecar has not lost a worker, and has complained of nothing but what the filter said.
pub async fn is_well(mesh: &Mesh) {
    for _ in 0..20 {
        assert_eq!(mesh.call(get()).await.unwrap().status, 200);
    }
    let log = mesh.envoy_log(HERE, Side::Server).unwrap();
    let complaints = |line: &&str| {
        let is_bad = line.contains("[error]") || line.contains("[critical]");
        line.contains("panicked") || is_bad
    };
    let complaints: Vec<_> = log.lines().filter(complaints).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
