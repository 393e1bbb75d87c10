//! What routing costs: the locality filter beside no filter and a Wasm filter that does nothing,
//! with one service in three clusters and with two hundred in twenty.

use landbridge_testbed::filter_module;
use landbridge_testbed::solo::Stage;
use serde_json::{Value, json};

use crate::Result;
use crate::contest::{Contest, Contestant, Ratio};
use crate::figures::Goal;
use crate::scenes::{self, Played};
use crate::translate;

/// What stands before the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    None,
    Noop,
    /// So many services, each in so many clusters.
    Locality(usize, usize),
}

const VARIANTS: [Variant; 4] = [
    Variant::None,
    Variant::Noop,
    Variant::Locality(1, 3),
    Variant::Locality(200, 20),
];

impl Variant {
    fn name(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Noop => "noop".to_owned(),
            Self::Locality(services, clusters) => format!("locality_{services}x{clusters}"),
        }
    }

    fn filters(self) -> Result<Vec<Value>> {
        let (name, config) = match self {
            Self::None => return Ok(Vec::new()),
            Self::Noop => ("noop", String::new()),
            Self::Locality(services, clusters) => ("locality", config(services, clusters)),
        };
        let module = filter_module(name)?;
        Ok(vec![translate::wasm(name, &module, &config)])
    }
}

fn host(service: usize) -> String {
    format!("service-{service}.shop.svc.cluster.local")
}

/// Every field that costs something for each request is there: latency, a data class with
/// residency, affinity by a header.
fn config(services: usize, clusters: usize) -> String {
    let cluster = |i: usize| {
        json!({"name": format!("c{i}"), "region": format!("region-{i}"),
               "identity": {"trustDomains": [format!("c{i}.mesh.example")]}})
    };
    let names: Vec<_> = (0..clusters).map(|i| format!("c{i}")).collect();
    let services = (0..services).map(|i| {
        json!({"name": format!("service-{i}"), "hosts": [host(i)], "port": 8080, "clusters": names})
    });
    let links = (1..clusters).map(|i| {
        json!({"from": "region-0", "to": format!("region-{i}"), "pricePerGib": 0.01 * i as f64})
    });
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "mesh": {
            "clusters": (0..clusters).map(cluster).collect::<Vec<_>>(),
            "regions": (0..clusters)
                .map(|i| json!({"name": format!("region-{i}"), "jurisdiction": "US"}))
                .collect::<Vec<_>>(),
            "links": links.collect::<Vec<_>>(),
        },
        "local": {"cluster": "c0"},
        "policies": [{
            "kind": "LocalityFailover",
            "metadata": {"name": "bench", "namespace": "shop"},
            "spec": {
                "services": services.collect::<Vec<_>>(),
                "health": {"passive": {"latency": {"factor": 3}}},
            },
        }],
    })
    .to_string()
}

/// What was measured.
pub struct Outcome {
    contest: Contest,
    /// The size of the module, in bytes.
    module: u64,
    scenes: Vec<Played>,
}

pub async fn measure(quick: bool) -> Result<Outcome> {
    let mut stage = Stage::new("bench-locality", VARIANTS.len())?;
    let mut contestants = Vec::new();
    for variant in VARIANTS {
        eprintln!("starting {}", variant.name());
        let solo = stage.start(&variant.name(), variant.filters()?)?;
        solo.ready().await?;
        contestants.push(Contestant {
            name: variant.name(),
            solo,
            // The middle one, so that neither a first nor a last place is an advantage.
            bytes: request(match variant {
                Variant::Locality(services, _) => services / 2,
                _ => 0,
            }),
            values: None,
        });
    }
    let contest = Contest::run(&contestants, quick).await?;
    // The Envoys end here: what follows has the machine to itself.
    drop(contestants);
    Ok(Outcome {
        contest,
        scenes: scenes::play(quick).await?,
        module: std::fs::metadata(filter_module("locality")?)?.len(),
    })
}

fn request(service: usize) -> Vec<u8> {
    let host = host(service);
    format!(
        "GET /orders/17 HTTP/1.1\r\nhost: {host}:8080\r\nuser-agent: bench\r\naccept: */*\r\n\
         x-request-id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\n\r\n"
    )
    .into_bytes()
}

fn ratios() -> Vec<Ratio> {
    let (one, many) = (Variant::Locality(1, 3), Variant::Locality(200, 20));
    let ratio = |name, this: Variant, that: Variant, goal| Ratio {
        name,
        this: this.name(),
        that: that.name(),
        of: |sample| sample.cpu,
        goal,
    };
    vec![
        ratio("vs_noop_1x3", one, Variant::Noop, None),
        ratio("vs_noop", many, Variant::Noop, Some(Goal::AtMost(1.25))),
        ratio("growth", many, one, Some(Goal::AtMost(1.15))),
        ratio("vs_none", many, Variant::None, None),
        ratio("noop_vs_none", Variant::Noop, Variant::None, None),
    ]
}

impl Outcome {
    pub fn print(&self) {
        self.contest.print(&ratios());
        println!("\nmodule: {:.1} KiB", self.module as f64 / 1024.0);
        scenes::print(&self.scenes);
    }

    pub fn json(&self) -> Value {
        let mut json = self.contest.json(&ratios());
        json["module_bytes"] = json!(self.module);
        json["scenes"] = scenes::json(&self.scenes);
        json
    }
}
