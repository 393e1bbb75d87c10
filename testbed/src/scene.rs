//! Scenes of failover: the same weather and the same load, with Landbridge's locality filter or
//! with Envoy's own failover, so that one can be held beside the other.

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Builder, Call, Filter, Mesh, NativeFailover, Report, Side, Workload};

/// The cluster of the callers, which falls ill.
pub const HOME: &str = "use1-a";
/// The path of probes.
pub const PROBE: &str = "/healthz";
/// What a caller waits for, at the most.
const PATIENCE: Duration = Duration::from_secs(10);
/// An answer that takes longer hung on a cluster that does not answer.
const HUNG: Duration = Duration::from_millis(500);

/// Who fails over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The locality filter.
    Landbridge,
    /// Envoy: priorities by locality and outlier detection, as Istio has them.
    Native,
}

impl Who {
    /// As figures call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Landbridge => "landbridge",
            Self::Native => "native",
        }
    }
}

/// What happens to the service in [`HOME`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// Its Envoy and its upstream are killed.
    Dies,
    /// They start again.
    Returns,
    /// This share of its answers, in percent, is 503.
    Errors(f64),
    /// Its answers take so long.
    Slow(Duration),
    /// It answers so many requests a second, and 503 beyond.
    Capacity(Option<f64>),
}

/// A scene.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Its name, by which figures are known.
    pub name: &'static str,
    /// When what happens, in seconds of the load.
    pub events: Vec<(f64, Event)>,
    /// How long it is, in seconds.
    pub length: f64,
    /// GET requests a second; there are a third as many POSTs.
    pub rate: f64,
    /// The spec of the policy, without its services.
    pub policy: Value,
}

/// What became of a scene.
pub struct Played {
    /// The mesh, as the scene left it.
    pub mesh: Mesh,
    /// The GETs.
    pub gets: Report,
    /// The POSTs.
    pub posts: Report,
    /// When the first event was over, in seconds of the load.
    pub since: f64,
}

/// What a scene is measured by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// How many GETs failed.
    pub gets_failed: usize,
    /// Of how many.
    pub gets: usize,
    /// How many POSTs failed.
    pub posts_failed: usize,
    /// Of how many.
    pub posts: usize,
    /// From the first event to the last request that failed or hung, in seconds.
    pub last_bad: f64,
}

/// A policy that probes twice a second and lets a cluster come back within seconds.
pub fn quick() -> Value {
    json!({
        "health": {"active": {"path": PROBE, "interval": "500ms", "timeout": "400ms"}},
        "failback": {"rise": 3, "holdDown": "2s", "ramp": "6s"},
    })
}

/// The mesh of the testbed as filters have it. Requests with `x-data: eu` must stay in the EU.
pub fn mesh_document() -> Value {
    let cluster = |name: &str, region: &str, zone: &str| {
        json!({"name": name, "region": region, "zone": zone,
               "identity": {"trustDomains": [format!("{name}.mesh.example")]}})
    };
    json!({
        "clusters": [
            cluster("use1-a", "us-east-1", "us-east-1a"),
            cluster("use1-b", "us-east-1", "us-east-1b"),
            cluster("euw1-a", "eu-west-1", "eu-west-1a"),
        ],
        "regions": [
            {"name": "us-east-1", "jurisdiction": "US"},
            {"name": "eu-west-1", "jurisdiction": "EU"},
        ],
        "links": [{"from": "us-east-1", "to": "eu-west-1", "rtt": "80ms", "pricePerGib": 0.02}],
        "dataClasses": [{
            "name": "eu-personal",
            "requests": [{"when": [{"key": "request.headers[x-data]", "values": ["eu"]}]}],
            "jurisdictions": ["EU"],
        }],
    })
}

/// The locality filter's configuration of a policy with this spec; `orders` in all clusters,
/// where it has no services.
pub fn config(mut spec: Value, options: Value) -> String {
    if spec.get("services").is_none() {
        spec["services"] = json!([{
            "name": "orders",
            "hosts": ["orders.shop.svc.cluster.local"],
            "port": 8080,
            "clusters": ["use1-a", "use1-b", "euw1-a"],
        }]);
    }
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "mesh": mesh_document(),
        "options": options,
        "policies": [{
            "kind": "LocalityFailover",
            "metadata": {"name": "orders", "namespace": "shop"},
            "spec": spec,
        }],
    })
    .to_string()
}

impl Scene {
    /// A region is lost.
    pub fn region_loss() -> Self {
        Self {
            name: "region_loss",
            events: vec![(2.0, Event::Dies)],
            length: 8.0,
            rate: 150.0,
            policy: quick(),
        }
    }

    /// Thirty percent of the answers are errors, and later all are slow.
    pub fn brown_out() -> Self {
        let mut policy = quick();
        policy["health"] = json!({
            "passive": {"latency": {"factor": 3}, "timeout": "800ms"},
        });
        Self {
            name: "brown_out",
            events: vec![
                (0.0, Event::Slow(Duration::from_millis(100))),
                (6.0, Event::Errors(30.0)),
                (11.0, Event::Errors(0.0)),
                (20.0, Event::Slow(Duration::from_secs(2))),
            ],
            length: 26.0,
            rate: 150.0,
            policy,
        }
    }

    /// A region is lost and comes back cold: at first it can bear a quarter of its load.
    pub fn comes_back() -> Self {
        Self {
            name: "comes_back",
            events: vec![
                (2.0, Event::Dies),
                (4.0, Event::Capacity(Some(100.0))),
                (4.1, Event::Returns),
                (9.0, Event::Capacity(None)),
            ],
            length: 20.0,
            rate: 150.0,
            policy: quick(),
        }
    }

    /// A region dies and returns every three seconds.
    pub fn flapping() -> Self {
        let mut policy = quick();
        policy["failback"] = json!({"rise": 2, "holdDown": "5s", "ramp": "6s"});
        let event = |i: u32| {
            if i.is_multiple_of(2) {
                Event::Dies
            } else {
                Event::Returns
            }
        };
        Self {
            name: "flapping",
            events: (0..10)
                .map(|i| (2.0 + 3.0 * f64::from(i), event(i)))
                .collect(),
            length: 32.0,
            rate: 100.0,
            policy,
        }
    }

    /// All of these.
    pub fn all() -> Vec<Self> {
        vec![
            Self::region_loss(),
            Self::brown_out(),
            Self::comes_back(),
            Self::flapping(),
        ]
    }

    fn builder(&self, who: Who) -> Builder {
        let builder = Mesh::builder(&format!("{}-{}", self.name, who.name())).filters([]);
        match who {
            Who::Landbridge => {
                let options = json!({"explain": "Always"});
                let filter = Filter::wasm("locality");
                builder
                    .client_filters(filter.ok())
                    .client_config(config(self.policy.clone(), options))
            }
            Who::Native => builder.native_failover(NativeFailover::default()),
        }
    }

    /// Plays it.
    pub async fn play(&self, who: Who) -> Result<Played, Box<dyn Error + Send + Sync>> {
        let mesh = self.builder(who).start().await?;
        let call = |call: Call| {
            call.from(Workload::new(HOME, "shop", "frontend"))
                .via_sidecar()
                .host("orders.shop.svc.cluster.local:8080")
                .timeout(PATIENCE)
        };
        let length = Duration::from_secs_f64(self.length);
        let start = Instant::now();
        let gets = mesh.load(call(Call::get("/get")), self.rate, length)?;
        let post = call(Call::post("/post", "{\"an\": \"order\"}"));
        let posts = mesh.load(post, self.rate / 3.0, length)?;
        let mut first = None;
        for (at, event) in &self.events {
            tokio::time::sleep_until(start + Duration::from_secs_f64(*at)).await;
            event.happen(&mesh).await?;
            if *at > 0.0 {
                first.get_or_insert_with(Instant::now);
            }
        }
        let (gets, posts) = (gets.finish().await, posts.finish().await);
        let since = first.map_or(0.0, |first| (first - gets.start).as_secs_f64());
        Ok(Played {
            mesh,
            gets,
            posts,
            since,
        })
    }
}

impl Event {
    async fn happen(self, mesh: &Mesh) -> Result<(), crate::Error> {
        let upstream = mesh.upstream(HOME);
        match self {
            Self::Dies => {
                mesh.kill(HOME, Side::Server)?;
                upstream.kill();
            }
            Self::Returns => {
                upstream.restart().await?;
                mesh.restart(HOME, Side::Server).await?;
            }
            Self::Errors(percent) => upstream.set_error_share(percent, 503),
            Self::Slow(delay) => upstream.set_delay(delay),
            Self::Capacity(capacity) => upstream.set_capacity(capacity),
        }
        Ok(())
    }
}

impl Played {
    /// What the scene is measured by.
    pub fn figures(&self) -> Figures {
        let failed = |report: &Report| report.failures().count();
        let bad = |report: &Report| {
            let shots = report.shots.iter().filter(|shot| {
                let failed = !matches!(shot.outcome, Ok(status) if status < 400);
                shot.at.as_secs_f64() >= self.since - 1.0 && (failed || shot.latency > HUNG)
            });
            let last = shots.map(|shot| shot.at).max();
            last.map_or(0.0, |at| (at.as_secs_f64() - self.since).max(0.0))
        };
        Figures {
            gets_failed: failed(&self.gets),
            gets: self.gets.count(),
            posts_failed: failed(&self.posts),
            posts: self.posts.count(),
            last_bad: bad(&self.gets).max(bad(&self.posts)),
        }
    }

    /// The share of [`HOME`] of what was answered between two moments of the load, in percent.
    pub fn share(&self, from: f64, to: f64) -> f64 {
        let (from, to) = [from, to].map(Duration::from_secs_f64).into();
        let mut home = 0;
        let mut all = 0;
        for report in [&self.gets, &self.posts] {
            for (cluster, count) in report.served_between(from, to) {
                all += count;
                home += if cluster == HOME { count } else { 0 };
            }
        }
        home as f64 * 100.0 / all.max(1) as f64
    }
}
