//! A mesh in which all happens that the filters count: what is denied, failed over, limited, lost.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use landbridge_testbed::ratelimit::RateLimitService;
use landbridge_testbed::scene::{PROBE, mesh_document};
use landbridge_testbed::{
    Builder, Call, Filter, Identity, Load, Mesh, PeerAuthentication, Side, Signer, Wasm, Workload,
    filter_module,
};
use serde_json::{Value, json};

/// Where requests go in without a sidecar of the caller's.
const SERVER: &str = "use1-b";
const STRANGER: &str = "stray.example";

/// The mesh, and what stands beside it.
pub struct Scene {
    /// The mesh.
    pub mesh: Mesh,
    limits: RateLimitService,
}

impl Scene {
    /// Starts it.
    pub async fn start(name: &str, more: impl FnOnce(Builder) -> Builder) -> Self {
        let limits = RateLimitService::start([]).await.unwrap();
        let builder = Mesh::builder(name)
            .filters([wasm("authz", &authz()), wasm("shaping", &shaping())])
            .client_filters([wasm("locality", &locality())])
            .extra_trust_domain(STRANGER)
            .peer_authentication(PeerAuthentication::Permissive)
            .service("ratelimit", limits.address())
            .without_route(SERVER)
            .server_concurrency(1)
            // Six Envoys start at a time, beside whatever else the machine does.
            .ready_timeout(Duration::from_secs(120));
        let mesh = more(builder).start().await.unwrap();
        Self { mesh, limits }
    }

    /// Lets everything happen, several times each, and with pauses in which a Prometheus looks. The
    /// crowd goes on until it is [stopped](Load::stop).
    pub async fn play(&self) -> Load {
        let server = self.mesh.upstream(SERVER);
        server.set_delay(Duration::from_millis(60));
        let crowd = direct("use1-a", "/crowd")
            .method("POST")
            .header("x-crowd", "1");
        let crowd = self
            .mesh
            .load(crowd, 25.0, Duration::from_secs(300))
            .unwrap();
        for round in 0..12 {
            match round {
                3 => {
                    self.mesh.upstream("use1-a").kill();
                    self.limits.kill();
                    // Refused, and the one before stays in force.
                    let refused = self.mesh.apply_to(SERVER, Side::Server, "authz", "{}");
                    refused.unwrap();
                }
                7 => self.mesh.upstream("use1-a").restart().await.unwrap(),
                11 => self.mesh.upstream("euw1-a").kill(),
                _ => {}
            }
            self.round().await;
        }
        crowd
    }

    /// A request of each kind, in two seconds or more.
    pub async fn round(&self) {
        let start = tokio::time::Instant::now();
        for call in calls() {
            // What becomes of it is counted, whatever it is.
            let _ = self.mesh.call(call.timeout(Duration::from_secs(3))).await;
        }
        tokio::time::sleep_until(start + Duration::from_secs(2)).await;
    }
}

/// A request of each kind.
fn calls() -> Vec<Call> {
    let out = |from: &str, host: &str| {
        let frontend = Workload::new(from, "shop", "frontend");
        Call::get("/orders").from(frontend).via_sidecar().host(host)
    };
    let tester = Workload::new("use1-a", "gateways", "gateway");
    let stray = Identity::spiffe(
        "use1-a",
        format!("spiffe://{STRANGER}/ns/shop/sa/frontend"),
        Signer::TrustDomain(STRANGER.to_owned()),
    );
    let expired = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let mut calls = vec![
        direct("use1-a", "/orders"),
        direct("euw1-a", "/orders"),
        direct("euw1-a", "/orders").method("POST"),
        direct("use1-a", "/admin/keys"),
        direct("use1-a", "/orders").method("DELETE"),
        direct("euw1-a", "/orders").method("PUT"),
        Call::get("/orders").from(stray).to(SERVER),
        direct("use1-a", "/orders").header("x-request-deadline", expired.to_string()),
        Call::get("/orders")
            .from(tester)
            .to(SERVER)
            .header("x-fault", "fails"),
        out("use1-a", "orders.shop.svc.cluster.local").header("x-data", "eu"),
        out("euw1-a", "orders.shop.svc.cluster.local"),
        out("use1-a", "orders.shop").header("x-testbed-size", "60000"),
        out("use1-a", "orders.shop.svc"),
    ];
    calls.extend((0..10).map(|_| direct("use1-a", "/a%2Fb")));
    calls.extend((0..6).map(|_| direct("use1-a", "/orders").header("x-retry", "1")));
    calls.extend((0..6).map(|_| out("use1-a", "orders.shop.svc.cluster.local")));
    calls
}

fn direct(from: &str, path: &str) -> Call {
    Call::get(path)
        .from(Workload::new(from, "shop", "frontend"))
        .to(SERVER)
}

fn wasm(name: &str, config: &Value) -> Filter {
    let mut wasm = Wasm::new(name, filter_module(name).unwrap());
    wasm.config = config.to_string();
    Filter::Ecds(wasm)
}

fn configuration(options: Value, policies: Vec<(&str, &str, Value)>) -> Value {
    let mut mesh = mesh_document();
    let clusters = mesh["clusters"].as_array_mut().unwrap();
    // Proven by its issuer, which no filter in front of ours gives here.
    clusters
        .push(json!({"name": "edge", "region": "us-east-1", "identity": {"trustDomains": ["edge.mesh.example"], "issuers": ["CN=Edge"]}}));
    mesh["links"][0]["pricePerGib"] = json!(2000);
    let policies: Vec<_> = policies
        .into_iter()
        .map(|(kind, name, spec)| {
            json!({"kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": spec})
        })
        .collect();
    json!({
        "apiVersion": "landbridge.dev/v1alpha1", "mesh": mesh, "options": options,
        "policies": policies,
    })
}

/// What the authorization filter has.
pub fn authz() -> Value {
    let rule = |name: &str, source: Value, operation: Value| {
        let mut rule = json!({"name": name});
        if !source.is_null() {
            rule["from"] = json!([{"source": source}]);
        }
        if !operation.is_null() {
            rule["to"] = json!([{"operation": operation}]);
        }
        json!([rule])
    };
    let kind = "CrossClusterAuthorization";
    let all = Value::Null;
    configuration(
        json!({}),
        vec![
            (
                kind,
                "us",
                json!({"rules": rule("all", json!({"jurisdictions": ["US"]}), all.clone())}),
            ),
            (
                kind,
                "eu",
                json!({"rules": rule("reads", json!({"jurisdictions": ["EU"]}), json!({"methods": ["GET"]}))}),
            ),
            (
                kind,
                "no-admin",
                json!({"action": "DENY", "rules": rule("admin", all.clone(), json!({"paths": ["/admin/*"]}))}),
            ),
            (
                kind,
                "watch",
                json!({"action": "AUDIT", "rules": rule("eu", json!({"clusters": ["euw1-a"]}), all.clone())}),
            ),
            (
                kind,
                "watch-address",
                json!({"action": "AUDIT", "rules": rule("ten", json!({"ipBlocks": ["10.0.0.0/8"]}), all.clone())}),
            ),
            (
                kind,
                "next",
                json!({"mode": "Shadow", "action": "DENY", "rules": rule("deletes", all, json!({"methods": ["DELETE"]}))}),
            ),
            (
                kind,
                "wider",
                json!({"mode": "Shadow", "rules": rule("eu-puts", json!({"jurisdictions": ["EU"]}), json!({"methods": ["PUT"]}))}),
            ),
        ],
    )
}

fn shaping() -> Value {
    let asked = |header: &str| json!([{"when": [{"key": format!("request.headers[{header}]"), "values": ["*"]}]}]);
    let reads = json!([{"to": [{"operation": {"methods": ["GET"]}}]}]);
    let spec = json!({
        "rateLimitService": {"cluster": "ratelimit", "timeout": "200ms"},
        "limits": [
            {"name": "per-cluster", "requests": reads, "key": ["source.cluster"], "rate": "10/s", "burst": 12},
            {"name": "all", "rate": "500/s", "scope": "Global"},
            {"name": "next", "mode": "Shadow", "rate": "1/s"},
        ],
        "concurrency": [{"name": "crowd", "requests": asked("x-crowd"), "max": 1}],
        "deadlines": [{"name": "all", "requests": asked("x-request-deadline")}],
        "retryBudgets": [{"name": "retries", "share": 1, "minPerSecond": 1, "header": "x-retry"}],
        "faults": [{"name": "fails", "requests": asked("x-fault"), "abort": {"status": 500}}],
        "splits": [{"name": "canary", "backends": [
            {"name": "stable", "weight": 50}, {"name": "canary", "weight": 50},
        ]}],
    });
    let options = json!({"faults": "Trusted", "trustedCallers": [{"namespaces": ["gateways"]}]});
    configuration(options, vec![("TrafficShaping", "orders", spec)])
}

fn locality() -> Value {
    let service = |name: &str, host: &str, clusters: Value| {
        json!({
            "name": name, "hosts": [host], "clusters": clusters,
            "upstream": "outbound|8080|{cluster}|orders.shop.svc.cluster.local",
        })
    };
    let spec = json!({
        "services": [
            service("orders", "orders.shop.svc.cluster.local", json!(["use1-a", "euw1-a"])),
            service("ledger", "orders.shop", json!(["euw1-a"])),
            service("nowhere", "orders.shop.svc", json!([SERVER])),
        ],
        "health": {"active": {"path": PROBE, "interval": "500ms", "timeout": "400ms"}},
        "failback": {"rise": 2, "holdDown": "1s", "ramp": "10s"},
        "transferBudgets": [{"from": "us-east-1", "to": "eu-west-1", "gibPerHour": 0.0001}],
    });
    configuration(json!({}), vec![("LocalityFailover", "orders", spec)])
}
