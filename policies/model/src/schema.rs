//! JSON Schemas of the documents, generated from the types that decode them.

use crate::document::{API_VERSION, Metadata};
use crate::istio::{ISTIO_API_VERSIONS, IstioAuthorization};
use crate::packed::PackedConfig;
use crate::{Authorization, Failover, FilterConfig, Mesh, PolicyTest, Shaping};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

/// The schemas by file name.
pub fn schemas() -> Vec<(&'static str, Value)> {
    vec![
        ("mesh.json", document::<Mesh>("Mesh")),
        (
            "cross-cluster-authorization.json",
            document::<Authorization>("CrossClusterAuthorization"),
        ),
        (
            "authorization-policy.json",
            document::<IstioAuthorization>("AuthorizationPolicy"),
        ),
        (
            "locality-failover.json",
            document::<Failover>("LocalityFailover"),
        ),
        (
            "traffic-shaping.json",
            document::<Shaping>("TrafficShaping"),
        ),
        ("policy-test.json", document::<PolicyTest>("PolicyTest")),
        ("filter-config.json", filter_config()),
    ]
}

fn generator() -> SchemaGenerator {
    SchemaGenerator::new(SchemaSettings::draft2020_12())
}

/// The versions that documents of a kind have.
fn versions(kind: &str) -> Value {
    match kind {
        "AuthorizationPolicy" => json!({"enum": ISTIO_API_VERSIONS}),
        _ => json!({"const": API_VERSION}),
    }
}

fn document<T: JsonSchema>(kind: &str) -> Value {
    let mut generator = generator();
    let spec = generator.subschema_for::<T>();
    let metadata = generator.subschema_for::<Metadata>();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind,
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
        "properties": {
            "apiVersion": versions(kind),
            "kind": {"const": kind},
            "metadata": metadata,
            "spec": spec,
            "status": true,
        },
        "$defs": generator.take_definitions(true),
    })
}

fn filter_config() -> Value {
    let mut generator = generator();
    let policies = [
        (
            "CrossClusterAuthorization",
            generator.subschema_for::<Authorization>(),
        ),
        (
            "AuthorizationPolicy",
            generator.subschema_for::<IstioAuthorization>(),
        ),
        ("LocalityFailover", generator.subschema_for::<Failover>()),
        ("TrafficShaping", generator.subschema_for::<Shaping>()),
    ];
    let metadata = generator.subschema_for::<Metadata>();
    let mut plain = Value::from(FilterConfig::json_schema(&mut generator));
    if let Value::Object(schema) = &mut plain {
        for told_once in ["$schema", "title"] {
            schema.remove(told_once);
        }
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("apiVersion".into(), json!({"const": API_VERSION}));
            let policy = |(kind, spec): &(&str, schemars::Schema)| {
                json!({
                    "type": "object",
                    "required": ["kind", "metadata", "spec"],
                    "additionalProperties": false,
                    "properties": {
                        "apiVersion": versions(kind),
                        "kind": {"const": kind},
                        "metadata": metadata,
                        "spec": spec,
                        "status": true,
                    },
                })
            };
            let items: Vec<Value> = policies.iter().map(policy).collect();
            let policies = json!({"type": "array", "items": {"anyOf": items}});
            properties.insert("policies".into(), policies);
        }
    }
    let mut packed = Value::from(PackedConfig::json_schema(&mut generator));
    if let Value::Object(schema) = &mut packed {
        for told_once in ["$schema", "title"] {
            schema.remove(told_once);
        }
        if let Some(Value::Object(properties)) = schema.get_mut("properties") {
            properties.insert("apiVersion".into(), json!({"const": API_VERSION}));
        }
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "FilterConfig",
        "anyOf": [plain, packed],
        "$defs": generator.take_definitions(true),
    })
}
