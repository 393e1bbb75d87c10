use super::*;

fn mesh() -> MeshConfig {
    MeshConfig {
        root_namespace: "istio-system".to_owned(),
        trust_domain: "td".to_owned(),
        trust_domain_aliases: vec!["old".to_owned()],
    }
}

fn workload() -> Protected {
    Protected {
        namespace: "shop".to_owned(),
        labels: [("app".to_owned(), "orders".to_owned())].into(),
    }
}

fn filters(policies: &[Value]) -> Filters {
    translate(policies, &mesh(), &workload()).unwrap()
}

fn policy(namespace: &str, name: &str, spec: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace}, "spec": spec})
}

fn titles(filter: &Value, rules: &str) -> Vec<String> {
    let policies = filter[rules]["policies"].as_object();
    policies
        .into_iter()
        .flatten()
        .map(|(title, _)| title.clone())
        .collect()
}

#[test]
fn a_rule_becomes_principals_and_permissions() {
    let filters = filters(&[policy(
        "shop",
        "p",
        json!({"rules": [{
            "from": [{"source": {"principals": ["td/ns/a/sa/b"], "notNamespaces": ["c*"]}}],
            "to": [{"operation": {"methods": ["GET"], "ports": ["8080"]}}],
            "when": [
                {"key": "request.headers[x]", "values": ["*"]},
                {"key": "connection.sni", "notValues": ["a", "b"]},
            ],
        }]}),
    )]);
    let principal = |name| json!({"authenticated": {"principal_name": name}});
    assert_eq!(
        filters.allow,
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"ns[shop]-policy[p]-rule[0]": {
                "principals": [{"and_ids": {"ids": [
                    {"or_ids": {"ids": [
                        principal(json!({"exact": "spiffe://td/ns/a/sa/b"})),
                        principal(json!({"exact": "spiffe://old/ns/a/sa/b"})),
                    ]}},
                    {"not_id": {"or_ids": {"ids": [
                        principal(json!({"safe_regex": {"regex": ".*/ns/c.*/.*"}})),
                    ]}}},
                    {"or_ids": {"ids": [{"header": {"name": "x", "present_match": true}}]}},
                ]}}],
                "permissions": [{"and_rules": {"rules": [
                    {"or_rules": {"rules": [
                        {"header": {"name": ":method", "string_match": {"exact": "GET"}}},
                    ]}},
                    {"or_rules": {"rules": [{"destination_port": 8080}]}},
                    {"not_rule": {"or_rules": {"rules": [
                        {"requested_server_name": {"exact": "a"}},
                        {"requested_server_name": {"exact": "b"}},
                    ]}}},
                ]}}],
            }}},
        })
    );
    let empty = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC"});
    assert_eq!((&filters.audit, &filters.deny), (&empty, &empty));
}

#[test]
fn a_policy_goes_to_the_filter_of_its_action() {
    let deny = json!({"action": "DENY", "rules": [{}]});
    let filters = filters(&[
        policy("istio-system", "root", deny.clone()),
        policy("shop", "own", deny.clone()),
        policy("elsewhere", "other", deny),
        policy(
            "shop",
            "marks",
            json!({"action": "AUDIT", "rules": [{}, {}]}),
        ),
        policy("istio-system", "nothing", json!({})),
        policy(
            "shop",
            "selects",
            json!({"selector": {"matchLabels": {"app": "orders"}}}),
        ),
        policy(
            "shop",
            "not-me",
            json!({"selector": {"matchLabels": {"app": "pay"}}}),
        ),
        policy(
            "shop",
            "gateway",
            json!({"targetRefs": [{"kind": "Gateway", "name": "g"}]}),
        ),
    ]);
    assert_eq!(
        titles(&filters.root_deny, "rules"),
        ["ns[istio-system]-policy[root]-rule[0]"]
    );
    assert_eq!(
        titles(&filters.deny, "rules"),
        ["ns[shop]-policy[own]-rule[0]"]
    );
    assert_eq!(filters.audit["rules"]["action"], "LOG");
    assert_eq!(titles(&filters.audit, "rules").len(), 2);
    assert_eq!(
        titles(&filters.allow, "rules"),
        [
            "ns[istio-system]-policy[nothing]-rule[0]",
            "ns[shop]-policy[selects]-rule[0]"
        ]
    );
    let never = &filters.allow["rules"]["policies"]["ns[istio-system]-policy[nothing]-rule[0]"];
    assert_eq!(never["principals"], json!([{"not_id": {"any": true}}]));
}

#[test]
fn a_dry_run_is_a_shadow() {
    let mut dry = policy("shop", "dry", json!({"rules": [{}]}));
    dry["metadata"]["annotations"] = json!({"istio.io/dry-run": "true"});
    let filters = filters(&[dry]);
    assert_eq!(
        titles(&filters.allow, "shadow_rules"),
        ["ns[shop]-policy[dry]-rule[0]"]
    );
    // With no rules in force nobody is denied.
    assert!(filters.allow.get("rules").is_none());
    assert_eq!(
        filters.allow["shadow_rules_stat_prefix"],
        "istio_dry_run_allow_"
    );
}

#[test]
fn a_value_that_cannot_be_used() {
    let rules = json!([
        {"to": [{"operation": {"ports": ["http", "80"]}}]},
        {"when": [{"key": "no.such.key", "values": ["a"]}]},
        {"when": [{"key": "request.headersx[y]", "values": ["a"]}]},
    ]);
    let spec = |action| json!({"action": action, "rules": rules});
    let filters = filters(&[
        policy("shop", "a", spec("ALLOW")),
        policy("shop", "d", spec("DENY")),
    ]);
    // Nothing is allowed, for rules are in force.
    assert_eq!(filters.allow["rules"]["policies"], json!({}));
    assert_eq!(
        titles(&filters.deny, "rules"),
        ["ns[shop]-policy[d]-rule[0]", "ns[shop]-policy[d]-rule[2]"]
    );
    let wide = &filters.deny["rules"]["policies"]["ns[shop]-policy[d]-rule[2]"]["principals"];
    assert_eq!(*wide, json!([{"and_ids": {"ids": [{"any": true}]}}]));
}

#[test]
fn what_cannot_be_translated_is_an_error() {
    let custom = policy("shop", "p", json!({"action": "CUSTOM"}));
    assert!(translate(&[custom], &mesh(), &workload()).is_err());
    let odd = policy("shop", "p", json!({"rules": [{"from": "anybody"}]}));
    assert!(translate(&[odd], &mesh(), &workload()).is_err());
}
