//! The same policies in the words of both sides.
//!
//! RBAC has the structure that istiod gives it: a policy per rule, what is asked
//! under `permissions`, who asks under `principals`. Where istiod would write a
//! regular expression (a namespace, a principal's suffix) or an `or` of one, the
//! cheaper `contains`, `suffix` or single matcher stands here: that favours RBAC.

use serde_json::{Map, Value, json};

use crate::policies::{Attribute, Pattern, Policy, Rule, Test, trust_domain};

const TYPE: &str = "type.googleapis.com/";
/// What the configuration of a Wasm filter is.
pub const WASM: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";

/// The HTTP filter of a Wasm module, as Istio configures it.
pub fn wasm(name: &str, module: &std::path::Path, configuration: &str) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": format!("{TYPE}{WASM}"),
            "config": {
                "name": name,
                "root_id": name,
                "vm_config": {
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
                "configuration": {
                    "@type": format!("{TYPE}google.protobuf.StringValue"),
                    "value": configuration,
                },
                "failure_policy": "FAIL_CLOSED",
            },
        },
    })
}

/// The `pluginConfig` of Landbridge's authorization filter.
pub fn landbridge(policies: &[Policy]) -> String {
    let cluster = |name: &str, region: &str| {
        json!({
            "name": name,
            "identity": {"trustDomains": [trust_domain(name)]},
            "region": region,
        })
    };
    let documents: Vec<_> = policies
        .iter()
        .enumerate()
        .map(|(index, policy)| {
            let rules: Vec<_> = policy.0.iter().map(landbridge_rule).collect();
            json!({
                "kind": "CrossClusterAuthorization",
                "metadata": {"name": format!("policy-{index:05}"), "namespace": "shop"},
                "spec": {"action": "ALLOW", "rules": rules},
            })
        })
        .collect();
    json!({
        "apiVersion": "landbridge.dev/v1alpha1",
        "mesh": {
            "regions": [
                {"name": "us-east-1", "jurisdiction": "US"},
                {"name": "eu-west-1", "jurisdiction": "EU"},
            ],
            "clusters": [
                cluster("use1-a", "us-east-1"),
                cluster("use1-b", "us-east-1"),
                cluster("euw1-a", "eu-west-1"),
            ],
        },
        "policies": documents,
    })
    .to_string()
}

fn landbridge_rule(rule: &Rule) -> Value {
    let side = |source: bool| -> Map<String, Value> {
        let tests = rule
            .0
            .iter()
            .filter(|test| test.attribute.is_source() == source);
        tests
            .map(|test| {
                let patterns = test.any_of.iter().map(|pattern| match pattern {
                    Pattern::Exact(text) => text.clone(),
                    Pattern::Prefix(text) => format!("{text}*"),
                    Pattern::Suffix(text) => format!("*{text}"),
                });
                (field(test).to_owned(), patterns.collect())
            })
            .collect()
    };
    let mut written = Map::new();
    let (source, operation) = (side(true), side(false));
    if !source.is_empty() {
        written.insert("from".to_owned(), json!([{"source": source}]));
    }
    if !operation.is_empty() {
        written.insert("to".to_owned(), json!([{"operation": operation}]));
    }
    Value::Object(written)
}

fn field(test: &Test) -> &'static str {
    match (test.attribute, test.negated) {
        (Attribute::Principal, false) => "principals",
        (Attribute::Principal, true) => "notPrincipals",
        (Attribute::Namespace, false) => "namespaces",
        (Attribute::Namespace, true) => "notNamespaces",
        (Attribute::Host, false) => "hosts",
        (Attribute::Host, true) => "notHosts",
        (Attribute::Method, false) => "methods",
        (Attribute::Method, true) => "notMethods",
        (Attribute::Path, false) => "paths",
        (Attribute::Path, true) => "notPaths",
    }
}

/// Envoy's RBAC filter.
pub fn rbac(policies: &[Policy]) -> Value {
    let mut written = Map::new();
    for (index, policy) in policies.iter().enumerate() {
        for (number, rule) in policy.0.iter().enumerate() {
            // Envoy goes through them in the order of their names.
            let name = format!("ns[shop]-policy[policy-{index:05}]-rule[{number}]");
            written.insert(name, rbac_policy(rule));
        }
    }
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": format!("{TYPE}envoy.extensions.filters.http.rbac.v3.RBAC"),
            "rules": {"action": "ALLOW", "policies": written},
        },
    })
}

fn rbac_policy(rule: &Rule) -> Value {
    let side = |source: bool, [and, or, not, list]: [&str; 4]| {
        let mut tests: Vec<Value> = rule
            .0
            .iter()
            .filter(|test| test.attribute.is_source() == source)
            .map(|test| {
                let mut any: Vec<Value> = test
                    .any_of
                    .iter()
                    .map(|pattern| rbac_matcher(test.attribute, pattern))
                    .collect();
                let any = match any.len() {
                    1 => any.remove(0),
                    _ => json!({or: {list: any}}),
                };
                if test.negated { json!({not: any}) } else { any }
            })
            .collect();
        match tests.len() {
            0 => json!({"any": true}),
            1 => tests.remove(0),
            _ => json!({and: {list: tests}}),
        }
    };
    let permission = side(false, ["and_rules", "or_rules", "not_rule", "rules"]);
    let principal = side(true, ["and_ids", "or_ids", "not_id", "ids"]);
    json!({"permissions": [permission], "principals": [principal]})
}

fn rbac_matcher(attribute: Attribute, pattern: &Pattern) -> Value {
    let text = |prefix: &str| match pattern {
        Pattern::Exact(text) => json!({"exact": format!("{prefix}{text}")}),
        Pattern::Prefix(text) => json!({"prefix": format!("{prefix}{text}")}),
        Pattern::Suffix(text) => json!({"suffix": text}),
    };
    match attribute {
        Attribute::Principal => {
            json!({"authenticated": {"principal_name": text("spiffe://")}})
        }
        Attribute::Namespace => {
            let part = format!("/ns/{}/sa/", pattern.literal());
            json!({"authenticated": {"principal_name": {"contains": part}}})
        }
        Attribute::Host => {
            let mut host = text("");
            host["ignore_case"] = json!(true);
            json!({"header": {"name": ":authority", "string_match": host}})
        }
        Attribute::Method => json!({"header": {"name": ":method", "string_match": text("")}}),
        Attribute::Path => json!({"url_path": {"path": text("")}}),
    }
}
