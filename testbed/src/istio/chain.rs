//! The HTTP filters of a listener, in Istio's order.

use serde_json::{Value, json};

use super::extension::{Extension, Phase};
use super::recipient::Class;
use crate::envoy::TYPE;

/// All filters of a listener but patches: the plugins that apply, around Istio's own.
///
/// Istio's authentication and authorization would stand behind the plugins of `AUTHN` and `AUTHZ`,
/// and its telemetry before the router; manifests that call for them are refused, so there are none.
pub(crate) fn chain(class: Class, extensions: &[&Extension]) -> Vec<Value> {
    let of = |phase: Phase| {
        let mut found: Vec<_> = extensions
            .iter()
            .filter(|extension| extension.phase == phase)
            .collect();
        // Stable: those of one priority stay as they were found.
        found.sort_by_key(|extension| std::cmp::Reverse(extension.priority));
        found.into_iter().map(|extension| extension.filter())
    };
    let mut early: Vec<_> = of(Phase::Authn).chain(of(Phase::Authz)).collect();
    let late = of(Phase::Stats).chain(of(Phase::Unspecified));
    let own = [
        filter(
            "grpc_stats",
            "grpc_stats.v3.FilterConfig",
            json!({"emit_filter_state": true, "stats_for_all_methods": false}),
        ),
        filter("fault", "fault.v3.HTTPFault", json!({})),
        filter("cors", "cors.v3.Cors", json!({})),
    ];
    // A waypoint has Istio's own between what decides and what tells.
    if class == Class::Waypoint {
        early.extend(own);
        early.extend(late);
    } else {
        early.extend(late);
        early.extend(own);
    }
    early.push(filter("router", "router.v3.Router", json!({})));
    early
}

fn filter(name: &str, config: &str, mut value: Value) -> Value {
    value["@type"] = json!(format!("{TYPE}envoy.extensions.filters.http.{config}"));
    json!({"name": format!("envoy.filters.http.{name}"), "typed_config": value})
}
