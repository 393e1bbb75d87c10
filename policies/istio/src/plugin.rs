//! One plugin as an object: `WasmPlugin` or `TrafficExtension`.
//!
//! # The order of filters
//!
//! Where requests arrive: authorization, then Istio's own (`RequestAuthentication` before it,
//! `AuthorizationPolicy` behind it), then shaping. Who may not come must not use up anybody's limits,
//! and claims that limits count by must have been validated; hence `AUTHZ` and `STATS`.
//!
//! Where requests leave: shaping, then locality. What a split or a fault decides is decided once for a
//! request, whichever cluster it ends in, and a request that a fault fails was not failed by any
//! cluster: the locality filter must stand nearer to the upstream, where it sees what the cluster
//! answered and nothing else. Both are in `STATS`, so behind all that Istio may refuse itself.
//!
//! At a gateway all of these are on one listener, in the same order: authorization, shaping of what
//! arrives, splits, locality. A priority is always written: Istio takes one that is not there for the
//! smallest number there is, and sorts by age what has the same.

use crate::config;
use crate::lock::{self, Pinned};
use crate::object::Object;
use crate::reach::Proxies;
use crate::settings::{Form, Part, Settings};
use crate::unit::{Attached, Role, Unit};
use landbridge_model::{Document, TargetKind};
use serde_json::{Map, Value, json};

/// Where a plugin's module came from, for people.
const REFERENCE: &str = "landbridge.dev/module";
/// The cluster that it was rendered for, and so is to be applied to.
const CLUSTER: &str = "landbridge.dev/cluster";

impl Role {
    pub(crate) fn part_of(self) -> Part {
        match self {
            Self::Authz => Part::Authz,
            Self::Locality => Part::Locality,
            Self::Shaping | Self::ShapingOutbound => Part::Shaping,
        }
    }

    fn phase(self) -> &'static str {
        match self {
            Self::Authz => "AUTHZ",
            Self::Locality | Self::Shaping | Self::ShapingOutbound => "STATS",
        }
    }

    /// Within a phase; the larger comes first.
    fn priority(self) -> i32 {
        match self {
            Self::Authz => 100,
            Self::Shaping => 30,
            Self::ShapingOutbound => 20,
            Self::Locality => 10,
        }
    }
}

/// Writes a plugin.
pub(crate) fn plugin(
    unit: &Unit<'_>,
    mesh: &Document,
    settings: &Settings,
    pinned: Pinned<'_>,
) -> Result<Object, String> {
    let mut documents = vec![mesh.clone()];
    documents.extend(unit.policies.iter().cloned());
    let is_waypoint = matches!(
        unit.place.proxies,
        Proxies::Waypoints { .. } | Proxies::AllWaypoints
    );
    let options = options(settings.options.as_deref(), is_waypoint)?;
    let cluster = unit.place.cluster;
    let config = config::config(unit.role.filter(), documents, cluster, options.as_deref())?;
    let mut spec = Map::new();
    spec.insert("phase".to_owned(), json!(unit.role.phase()));
    spec.insert("priority".to_owned(), json!(unit.role.priority()));
    if let Some(mode) = mode(&unit.place.proxies) {
        spec.insert("match".to_owned(), json!([{"mode": mode}]));
    }
    match &unit.attached {
        Attached::Everywhere => {}
        Attached::Labels(labels) => {
            spec.insert("selector".to_owned(), json!({"matchLabels": labels}));
        }
        Attached::Targets(targets) => {
            let one = |(kind, name): &(TargetKind, String)| {
                let group = match kind {
                    TargetKind::Gateway | TargetKind::GatewayClass => "gateway.networking.k8s.io",
                    TargetKind::Service => "",
                };
                json!({"group": group, "kind": kind.as_str(), "name": name})
            };
            let targets: Vec<Value> = targets.iter().map(one).collect();
            spec.insert("targetRefs".to_owned(), json!(targets));
        }
    }
    let mut wasm = Map::new();
    wasm.insert("url".to_owned(), json!(pinned.url()));
    wasm.insert("sha256".to_owned(), json!(pinned.sha256));
    wasm.insert("imagePullPolicy".to_owned(), json!("IfNotPresent"));
    if let Some(secret) = &settings.image_pull_secret {
        wasm.insert("imagePullSecret".to_owned(), json!(secret));
    }
    // One name for each plugin: it is the root ID, by which Envoy tells apart what runs of one
    // module.
    wasm.insert("pluginName".to_owned(), json!(unit.name));
    wasm.insert("failStrategy".to_owned(), json!(settings.fails().as_str()));
    wasm.insert("pluginConfig".to_owned(), config);
    let kind = match settings.form {
        Form::WasmPlugin => {
            spec.append(&mut wasm);
            "WasmPlugin"
        }
        Form::TrafficExtension => {
            wasm.insert("type".to_owned(), json!("HTTP"));
            spec.insert("wasm".to_owned(), Value::Object(wasm));
            "TrafficExtension"
        }
    };
    let object = Object::new(
        unit.role.part_of(),
        ("extensions.istio.io/v1alpha1", kind),
        (&unit.namespace, &unit.name),
        Value::Object(spec),
    );
    Ok(object
        .annotated(REFERENCE, pinned.reference)
        .annotated(CLUSTER, cluster))
}

/// The listeners that a plugin is for; any, where it is not said: a `Gateway` that is named may
/// turn out to be a waypoint, and then has no listener of the mode that others have.
fn mode(proxies: &Proxies) -> Option<&'static str> {
    match proxies {
        Proxies::Sidecars => Some("SERVER"),
        Proxies::Clients | Proxies::Labelled(_) => Some("CLIENT"),
        Proxies::Waypoints { .. } | Proxies::AllWaypoints => Some("SERVER"),
        Proxies::Gateways(_) => None,
    }
}

/// The options; a waypoint's callers are known by the filter state alone, unless they say otherwise.
fn options(written: Option<&str>, is_waypoint: bool) -> Result<Option<String>, String> {
    if !is_waypoint {
        return Ok(written.map(str::to_owned));
    }
    let written = written.unwrap_or("{}");
    let mut options: Map<String, Value> =
        serde_json::from_str(written).map_err(|e| e.to_string())?;
    let identity = options.entry("peerIdentity".to_owned());
    identity.or_insert_with(|| json!("FilterState"));
    Ok(Some(Value::Object(options).to_string()))
}

/// The filter that a plugin is of, as the lock file names it.
pub(crate) fn module(role: Role) -> &'static str {
    lock::name(role.filter())
}
