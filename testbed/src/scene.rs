//! Scenes of failover: the same weather and the same load, with Landbridge's locality filter or
//! with Envoy's own failover, so that one can be held beside the other.

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Builder, Call, Filter, HealthChecks, Mesh, NativeFailover, Side, Workload};

mod document;
mod event;
mod figures;

pub use document::{config, mesh_document, quick};
pub use event::Event;
pub use figures::{Figures, Played};

/// The cluster that falls ill. Callers are in it, where a scene does not say otherwise.
pub const HOME: &str = "use1-a";
/// The path of probes.
pub const PROBE: &str = "/healthz";
/// What a caller waits for, at the most.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether the filter has changed its mind.
const GLANCE: Duration = Duration::from_millis(50);

/// Who fails over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The locality filter.
    Landbridge,
    /// Envoy: priorities by locality and outlier detection, as Istio has them.
    Native,
    /// Envoy: the same priorities, and health checks as often as our probes, which Istio does not
    /// offer.
    NativeChecked,
}

impl Who {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Landbridge, Self::Native, Self::NativeChecked];

    /// As figures call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Landbridge => "landbridge",
            Self::Native => "native",
            Self::NativeChecked => "native_checked",
        }
    }
}

/// A scene.
#[derive(Debug, Clone)]
pub struct Scene {
    /// Its name, by which figures are known.
    pub name: &'static str,
    /// The cluster of the callers. Where it is not [`HOME`], the service does not run in it.
    pub caller: &'static str,
    /// When what happens, in seconds of the load.
    pub events: Vec<(f64, Event)>,
    /// How long it is, in seconds.
    pub length: f64,
    /// GET requests a second; there are a third as many POSTs.
    pub rate: f64,
    /// The spec of the policy, without its services.
    pub policy: Value,
}

impl Scene {
    /// A region is lost.
    pub fn region_loss() -> Self {
        Self {
            name: "region_loss",
            caller: HOME,
            events: vec![(2.0, Event::Dies)],
            length: 8.0,
            rate: 150.0,
            policy: quick(),
        }
    }

    /// A cluster is lost with all that runs in it, and its callers are elsewhere.
    pub fn neighbour_loss() -> Self {
        Self {
            name: "neighbour_loss",
            caller: "use1-b",
            events: vec![(2.0, Event::Vanishes)],
            ..Self::region_loss()
        }
    }

    /// A region hangs: connections stand, and nobody answers.
    #[cfg(unix)]
    pub fn region_hangs() -> Self {
        let mut policy = quick();
        policy["health"]["passive"] = json!({"timeout": "800ms"});
        Self {
            name: "region_hangs",
            events: vec![(2.0, Event::Hangs)],
            length: 6.0,
            policy,
            ..Self::region_loss()
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
            policy,
            ..Self::region_loss()
        }
    }

    /// Answers take twenty times as long, and nothing else says that anything is wrong: no
    /// attempt has a limit.
    pub fn slowness() -> Self {
        Self {
            name: "slowness",
            events: vec![
                (0.0, Event::Slow(Duration::from_millis(100))),
                (4.0, Event::Slow(Duration::from_secs(2))),
            ],
            length: 10.0,
            policy: json!({"health": {"passive": {"latency": {"factor": 3}}}}),
            ..Self::region_loss()
        }
    }

    /// A region is lost and comes back cold: at first it can bear a fifth of its load, and needs
    /// six seconds of requests to be warm.
    pub fn comes_back() -> Self {
        let cold = Event::Cold {
            full: 400.0,
            warm: Duration::from_secs(6),
        };
        Self {
            name: "comes_back",
            events: vec![(2.0, Event::Dies), (4.0, cold), (4.1, Event::Returns)],
            length: 18.0,
            ..Self::region_loss()
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
            ..Self::region_loss()
        }
    }

    /// All of these.
    pub fn all() -> Vec<Self> {
        vec![
            Self::region_loss(),
            Self::neighbour_loss(),
            #[cfg(unix)]
            Self::region_hangs(),
            Self::brown_out(),
            Self::slowness(),
            Self::comes_back(),
            Self::flapping(),
        ]
    }

    fn builder(&self, who: Who) -> Result<Builder, crate::Error> {
        let mut builder = Mesh::builder(&format!("{}-{}", self.name, who.name())).filters([]);
        let mut policy = self.policy.clone();
        if self.caller != HOME {
            builder = builder.without_endpoints(self.caller);
            policy["services"] = document::services(|cluster| cluster != self.caller);
        }
        Ok(match who {
            Who::Landbridge => builder
                .client_filters([Filter::wasm("locality")?])
                .client_config(config(policy, json!({"explain": "Always"}))),
            Who::Native => builder.native_failover(NativeFailover::default()),
            Who::NativeChecked => builder.native_failover(NativeFailover {
                outlier_detection: None,
                health_checks: Some(HealthChecks {
                    interval: Duration::from_millis(500),
                    timeout: Duration::from_millis(400),
                    unhealthy_threshold: 2,
                    healthy_threshold: 3,
                    ..HealthChecks::default()
                }),
                ..NativeFailover::default()
            }),
        })
    }

    /// Plays it.
    pub async fn play(&self, who: Who) -> Result<Played, Box<dyn Error + Send + Sync>> {
        let mesh = self.builder(who)?.start().await?;
        let call = |call: Call| {
            call.from(Workload::new(self.caller, "shop", "frontend"))
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
        let weather = async {
            for (at, event) in &self.events {
                tokio::time::sleep_until(start + Duration::from_secs_f64(*at)).await;
                event.happen(&mesh).await?;
                if *at > 0.0 {
                    first.get_or_insert_with(Instant::now);
                }
            }
            let reports = (gets.finish().await, posts.finish().await);
            Ok::<_, crate::Error>(reports)
        };
        let mut changes = Vec::new();
        let (gets, posts) = tokio::select! {
            reports = weather => reports?,
            never = watch(&mesh, self.caller, &mut changes) => match never {},
        };
        let of_load = |moment: Instant| (moment - gets.start).as_secs_f64();
        Ok(Played {
            name: self.name,
            who,
            mesh,
            since: first.map_or(0.0, of_load),
            changes: changes
                .into_iter()
                .map(|(moment, phase)| (of_load(moment), phase))
                .collect(),
            gets,
            posts,
        })
    }
}

/// Writes down when the callers' proxy says that [`HOME`] has changed its phase, and to what. It
/// goes on until it is dropped.
async fn watch(
    mesh: &Mesh,
    caller: &str,
    changes: &mut Vec<(Instant, &'static str)>,
) -> std::convert::Infallible {
    const PATH: &str = "/stats?filter=transitions_total";
    let mut counted = [("down", 0), ("held", 0), ("up", 0)];
    loop {
        tokio::time::sleep(GLANCE).await;
        // One that does not answer now will at the next glance.
        let Ok(stats) = mesh.admin(caller, Side::Client, PATH).await else {
            continue;
        };
        for (phase, known) in &mut counted {
            let of = format!(";serving_cluster=.={HOME};.;outcome=.={phase};.;");
            let count = stats
                .lines()
                .filter(|line| line.contains(&of))
                .filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok())
                .sum();
            for _ in *known..count {
                changes.push((Instant::now(), phase));
            }
            *known = count;
        }
    }
}
