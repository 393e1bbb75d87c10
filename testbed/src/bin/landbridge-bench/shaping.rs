//! What shaping costs: the filter beside no filter, a Wasm filter that does nothing, and Envoy's own
//! limits, with one limit and with five, with ten live keys and with a hundred thousand.

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use landbridge_testbed::ratelimit::RateLimitService;
use landbridge_testbed::scene::mesh_document;
use landbridge_testbed::solo::{Shape, Stage};
use landbridge_testbed::{
    NativeBucket, NativeEntry, NativeLocalRateLimit, NativeRateLimit, Service, filter_module,
};
use serde_json::{Value, json};

use crate::contest::{Contest, Contestant, Figure, Ratio};
use crate::figures::Goal;
use crate::translate;
use crate::{Result, problem};

/// So much that nothing is refused.
const RATE: &str = "1000000/s";
const MANY: u64 = 100_000;
const FEW: u64 = 10;

/// What was measured.
pub struct Outcome {
    contest: Contest,
    /// The size of the module, in bytes.
    module: u64,
}

fn limit(name: &str, more: Value) -> Value {
    let mut limit = json!({"name": name, "rate": RATE});
    for (key, value) in more.as_object().into_iter().flatten() {
        limit[key] = value.clone();
    }
    limit
}

fn config(limits: &[Value]) -> String {
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "mesh": mesh_document(),
        "policies": [{
            "kind": "TrafficShaping",
            "metadata": {"name": "bench", "namespace": "shop"},
            "spec": {
                "rateLimitService": {"cluster": "ratelimit"},
                "limits": limits,
            },
        }],
    })
    .to_string()
}

fn ours(limits: &[Value]) -> Result<Vec<Value>> {
    let module = filter_module("shaping")?;
    Ok(vec![translate::wasm("shaping", &module, &config(limits))])
}

fn request(more: &str) -> Vec<u8> {
    format!(
        "GET /orders/17 HTTP/1.1\r\nhost: orders\r\nuser-agent: bench\r\naccept: */*\r\n\
         x-request-id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n{more}\r\n"
    )
    .into_bytes()
}

/// A rate-limit service that takes so long to answer, on a thread of its own.
fn service(delay: Duration) -> Result<SocketAddr> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime {
            runtime.block_on(async {
                if let Ok(service) = RateLimitService::start([]).await {
                    service.delay(delay);
                    let _ = tell.send(service.address());
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    told.recv()
        .map_err(|_| problem("the rate-limit service does not start"))
}

pub async fn measure(quick: bool) -> Result<Outcome> {
    let near = service(Duration::ZERO)?;
    // About what it is away in another zone, or with a Redis behind it.
    let far = service(Duration::from_millis(2))?;
    let noop = translate::wasm("noop", &filter_module("noop")?, "");
    let by_user = || limit("user", json!({"key": ["request.headers[x-user]"]}));
    let one = limit("cluster", json!({"key": ["source.cluster"]}));
    let five = [
        one.clone(),
        limit("all", json!({})),
        limit("principal", json!({"key": ["source.principal"]})),
        limit(
            "path",
            json!({"key": ["request.path"], "paths": ["/orders/{*}", "/carts/{**}"]}),
        ),
        by_user(),
    ];
    let global = limit(
        "global",
        json!({"key": ["source.cluster"], "scope": "Global"}),
    );
    let bucket = NativeLocalRateLimit::new(NativeBucket::per_second(1_000_000));
    let asks = NativeRateLimit::new(
        "landbridge",
        [NativeEntry::Fixed("limit".to_owned(), "none".to_owned())],
    );
    let user = "x-user: 000017\r\n";
    let varied = "x-user: @@@@@@\r\n";
    // Its name, its filters, further headers, how many values they have, the service that it asks; such need
    // a route, because Envoy's own filter does.
    let variants = [
        ("none", vec![], "", None, None),
        ("noop", vec![noop.clone()], user, None, None),
        ("local_ratelimit", vec![bucket.filter()], user, None, None),
        ("shaping_1", ours(&[one])?, user, None, None),
        ("shaping_5", ours(&five)?, user, None, None),
        ("keys_10", ours(&[by_user()])?, varied, Some(FEW), None),
        ("keys_100000", ours(&[by_user()])?, varied, Some(MANY), None),
        ("routed", vec![noop], user, None, Some(near)),
        ("global_near", vec![asks.filter()], user, None, Some(near)),
        (
            "shaping_near",
            ours(std::slice::from_ref(&global))?,
            user,
            None,
            Some(near),
        ),
        ("global_far", vec![asks.filter()], user, None, Some(far)),
        ("shaping_far", ours(&[global])?, user, None, Some(far)),
    ];
    let mut stage = Stage::new("bench-shaping", variants.len())?;
    let mut contestants = Vec::new();
    for (name, filters, more, values, asked) in variants {
        eprintln!("starting {name}");
        let shape = Shape {
            services: vec![Service::new("ratelimit", asked.unwrap_or(near))],
            routed: asked.is_some(),
            ..Shape::new(filters)
        };
        let solo = stage.start_as(name, shape)?;
        solo.ready().await?;
        contestants.push(Contestant {
            name: name.to_owned(),
            solo,
            bytes: request(more),
            values,
        });
    }
    Ok(Outcome {
        contest: Contest::run(&contestants, quick).await?,
        module: std::fs::metadata(filter_module("shaping")?)?.len(),
    })
}

fn ratios() -> Vec<Ratio> {
    let [cpu, rps, p99]: [Figure; 3] = [|s| s.cpu, |s| s.rps, |s| s.p99];
    let ratio = |name, this: &str, that: &str, of, goal| Ratio {
        name,
        this: this.to_owned(),
        that: that.to_owned(),
        of,
        goal,
    };
    let (most, least) = (Goal::AtMost, Goal::AtLeast);
    vec![
        ratio("vs_noop", "shaping_1", "noop", cpu, Some(most(1.25))),
        ratio("vs_noop_5", "shaping_5", "noop", cpu, Some(most(1.4))),
        ratio("growth", "keys_100000", "keys_10", cpu, Some(most(1.2))),
        ratio(
            "vs_local_ratelimit",
            "shaping_1",
            "local_ratelimit",
            cpu,
            None,
        ),
        ratio("vs_none", "shaping_1", "none", cpu, None),
        ratio("vs_global_near", "shaping_near", "global_near", rps, None),
        ratio(
            "vs_global_ratelimit",
            "shaping_far",
            "global_far",
            rps,
            Some(least(3.0)),
        ),
        ratio("p99_near", "shaping_near", "global_near", p99, None),
        ratio("p99_far", "shaping_far", "global_far", p99, None),
        ratio("global_vs_noop", "shaping_near", "routed", cpu, None),
    ]
}

impl Outcome {
    pub fn print(&self) {
        self.contest.print(&ratios());
        println!("\nmodule: {:.1} KiB", self.module as f64 / 1024.0);
    }

    pub fn json(&self) -> Value {
        let mut json = self.contest.json(&ratios());
        json["module_bytes"] = json!(self.module);
        json
    }
}
