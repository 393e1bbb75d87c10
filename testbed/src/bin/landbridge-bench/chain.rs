//! What the whole product costs: all three filters in one chain, as a gateway has them, and those of a
//! server's sidecar, beside no filter and Wasm filters that do nothing; what they add to the start of
//! an Envoy and to its memory; and how long a change takes from manifests to all proxies of a mesh.
//!
//! Configurations are rendered of the documents of the end-to-end suite (`tests/product`).

use std::collections::BTreeMap;

use landbridge_testbed::product::{self, plugin_configs, render};
use landbridge_testbed::solo::Stage;
use landbridge_testbed::{Filter, filter_module};
use serde_json::Value;

use crate::apply::{self, Applied};
use crate::contest::{Contest, Contestant, Figure, Ratio};
use crate::figures::Goal;
use crate::standing::{self, Standing};
use crate::translate;
use crate::{Result, problem};

const MESH: &str = include_str!("../../../tests/product/documents/mesh-own.yaml");
const POLICIES: &str = include_str!("../../../tests/product/documents/policies.yaml");

/// What was measured.
pub struct Outcome {
    contest: Contest,
    standing: Standing,
    applied: Applied,
}

/// The documents, with these policies.
pub fn documents(policies: &str) -> String {
    format!("{MESH}---\n{policies}")
}

/// The policies of the suite.
pub fn policies() -> &'static str {
    POLICIES
}

/// The filters of one Envoy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    None,
    /// So many that do nothing.
    Noop(usize),
    /// Authorization and shaping, as where requests arrive.
    Server,
    /// Authorization, shaping and locality.
    All,
}

impl Variant {
    pub const EACH: [Self; 5] = [
        Self::None,
        Self::Noop(1),
        Self::Noop(3),
        Self::Server,
        Self::All,
    ];

    pub fn name(self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Noop(1) => "noop".to_owned(),
            Self::Noop(count) => format!("noop_{count}"),
            Self::Server => "server".to_owned(),
            Self::All => "all".to_owned(),
        }
    }

    pub fn filters(self, configs: &BTreeMap<String, String>) -> Result<Vec<Value>> {
        let names: &[&str] = match self {
            Self::None => return Ok(Vec::new()),
            Self::Noop(count) => {
                let module = filter_module("noop")?;
                let one = |number: usize| translate::wasm(&format!("noop-{number}"), &module, "");
                return Ok((0..count).map(one).collect());
            }
            Self::Server => &["authz", "shaping"],
            Self::All => &["authz", "shaping", "locality"],
        };
        let mut filters = Vec::new();
        if let Filter::Static(issuer) = Filter::peer_issuer() {
            filters.push(issuer);
        }
        for name in names {
            let plugin = format!("landbridge-{name}");
            let config = configs.get(&plugin);
            let config = config.ok_or_else(|| problem(format!("`{plugin}` was not rendered")))?;
            filters.push(translate::wasm(&plugin, &filter_module(name)?, config));
        }
        Ok(filters)
    }
}

/// What each plugin is given in the cluster of the Envoys. All of it is for the workload that they are:
/// at a gateway one proxy has the policies of both ends.
pub fn configs() -> Result<BTreeMap<String, String>> {
    let here = POLICIES.replace("app: frontend", "app: orders");
    // Nobody is there to be probed: an Envoy that is measured answers by itself.
    let here: Vec<&str> = here
        .lines()
        .filter(|line| !line.contains("active:"))
        .collect();
    let here = here.join("\n");
    let lock = product::unpushed();
    let rendered = render(&documents(&here), &product::settings(&lock, ""));
    let manifests = rendered.get("use1-a");
    let manifests = manifests.ok_or_else(|| problem("nothing was rendered for `use1-a`"))?;
    Ok(plugin_configs(manifests)?)
}

fn request() -> Vec<u8> {
    b"GET /orders/17 HTTP/1.1\r\nhost: orders.shop.svc.cluster.local:8080\r\nuser-agent: bench\r\n\
      accept: */*\r\nx-request-id: 0f8fad5b-d9cb-469f-a165-70867728950e\r\nx-user: 000017\r\n\r\n"
        .to_vec()
}

pub async fn measure(quick: bool) -> Result<Outcome> {
    let configs = configs()?;
    let mut stage = Stage::new("bench-chain", Variant::EACH.len())?;
    let mut contestants = Vec::new();
    for variant in Variant::EACH {
        eprintln!("starting {}", variant.name());
        let solo = stage.start(&variant.name(), variant.filters(&configs)?)?;
        solo.ready().await?;
        contestants.push(Contestant {
            name: variant.name(),
            solo,
            bytes: request(),
            values: None,
        });
    }
    let contest = Contest::run(&contestants, quick).await?;
    drop(contestants);
    eprintln!("starting again and again");
    let standing = standing::measure(quick, &configs).await?;
    eprintln!("applying manifests");
    let applied = apply::measure(quick).await?;
    Ok(Outcome {
        contest,
        standing,
        applied,
    })
}

fn ratios() -> Vec<Ratio> {
    let [cpu, rps]: [Figure; 2] = [|s| s.cpu, |s| s.rps];
    let ratio = |name, this: &str, that: &str, of, goal: Option<Goal>| Ratio {
        name,
        this: this.to_owned(),
        that: that.to_owned(),
        of,
        goal,
    };
    vec![
        ratio("all_vs_noop", "all", "noop", cpu, None),
        ratio("all_vs_noop_3", "all", "noop_3", cpu, None),
        ratio("all_vs_none", "all", "none", cpu, None),
        ratio("server_vs_noop", "server", "noop", cpu, None),
        ratio("server_vs_none", "server", "none", cpu, None),
        ratio("noop_vs_none", "noop", "none", cpu, None),
        ratio("rps_all_vs_noop", "all", "noop", rps, None),
        ratio("rps_all_vs_none", "all", "none", rps, None),
        ratio("rps_server_vs_none", "server", "none", rps, None),
    ]
}

impl Outcome {
    pub fn print(&self) {
        self.contest.print(&ratios());
        self.standing.print();
        self.applied.print();
    }

    pub fn json(&self) -> Value {
        let mut json = self.contest.json(&ratios());
        json["standing"] = self.standing.json();
        json["applied"] = self.applied.json();
        json
    }
}
