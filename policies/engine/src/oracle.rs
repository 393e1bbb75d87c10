//! Random policies and requests: what the index, the laws and real proxies are tested with.
//!
//! The alphabets are small, so that policies and requests meet often, and what random requests
//! would rarely be (a caller without a certificate, one of an unknown trust domain) is frequent.

use crate::policy_test::TestRequest;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;

const CLUSTERS: [&str; 6] = ["use1-a", "use1-b", "euw1-a", "use1-*", "*-a", "*"];
const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "us-*"];
const JURISDICTIONS: [&str; 2] = ["US", "EU"];
const NETWORKS: [&str; 2] = ["us", "*"];
const NAMESPACES: [&str; 4] = ["shop", "partner", "sh*", "*ner"];
const ACCOUNTS: [&str; 4] = ["frontend", "batch", "partner/batch", "shop/frontend"];
const PRINCIPALS: [&str; 5] = [
    "use1-a.mesh.example/ns/shop/sa/frontend",
    "euw1-a.mesh.example/ns/partner/sa/batch",
    "use1-*",
    "*/sa/batch",
    "*",
];
const HOSTS: [&str; 5] = ["orders.shop", "pay.shop", "*.shop", "orders*", "*"];
const METHODS: [&str; 4] = ["GET", "POST", "P*", "*"];
const PATHS: [&str; 7] = ["/a", "/a/b", "/a*", "/a/*", "*.json", "/x.json", "*"];
const HEADERS: [&str; 4] = ["gold", "silver", "g*", "*"];

/// The mesh of the random policies: three clusters, one of them on no network.
pub const MESH: &str = r#"{"regions":[{"name":"us-east-1","jurisdiction":"US"},{"name":"eu-west-1","jurisdiction":"EU"}],
"clusters":[{"name":"use1-a","identity":{"trustDomains":["use1-a.mesh.example"]},"region":"us-east-1","network":"us"},
{"name":"use1-b","identity":{"trustDomains":["use1-b.mesh.example"]},"region":"us-east-1","network":"us"},
{"name":"euw1-a","identity":{"trustDomains":["euw1-a.mesh.example"]},"region":"eu-west-1"}]}"#;

fn list(key: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = String> {
    let not = format!(
        "not{}{}",
        key.get(..1).unwrap_or_default().to_uppercase(),
        key.get(1..).unwrap_or_default()
    );
    let key = prop_oneof![3 => Just(key.to_owned()), 1 => Just(not)];
    (key, vec(select(values), 1..3)).prop_map(|(key, values)| {
        let values: Vec<String> = values.iter().map(|v| format!("\"{v}\"")).collect();
        format!("\"{key}\":[{}]", values.join(","))
    })
}

/// One or two fields, none twice.
fn fields(lists: Vec<BoxedStrategy<String>>) -> impl Strategy<Value = String> {
    vec(select(lists).prop_flat_map(|list| list), 1..3).prop_map(|mut fields| {
        fields.sort();
        fields.dedup_by_key(|field| field.split(':').next().map(str::to_owned));
        format!("{{{}}}", fields.join(","))
    })
}

fn source() -> impl Strategy<Value = String> {
    fields(vec![
        list("clusters", &CLUSTERS).boxed(),
        list("regions", &REGIONS).boxed(),
        list("jurisdictions", &JURISDICTIONS).boxed(),
        list("networks", &NETWORKS).boxed(),
        list("namespaces", &NAMESPACES).boxed(),
        list("serviceAccounts", &ACCOUNTS).boxed(),
        list("principals", &PRINCIPALS).boxed(),
    ])
}

fn operation() -> impl Strategy<Value = String> {
    fields(vec![
        list("hosts", &HOSTS).boxed(),
        list("ports", &["8080", "9090"]).boxed(),
        list("methods", &METHODS).boxed(),
        list("paths", &PATHS).boxed(),
    ])
}

fn condition() -> impl Strategy<Value = String> {
    list("values", &HEADERS)
        .prop_map(|values| format!(r#"{{"key":"request.headers[x-tenant]",{values}}}"#))
}

fn rule() -> impl Strategy<Value = String> {
    let from = source().prop_map(|s| format!("{{\"source\":{s}}}"));
    let to = operation().prop_map(|o| format!("{{\"operation\":{o}}}"));
    let part = |key: &'static str, items: BoxedStrategy<String>, chance: f64| {
        weighted(chance, vec(items, 1..3))
            .prop_map(move |items| items.map(|items| format!("\"{key}\":[{}]", items.join(","))))
    };
    (
        part("from", from.boxed(), 0.8),
        part("to", to.boxed(), 0.7),
        part("when", condition().boxed(), 0.2),
    )
        .prop_map(|(from, to, when)| {
            let parts: Vec<String> = [from, to, when].into_iter().flatten().collect();
            format!("{{{}}}", parts.join(","))
        })
}

/// Policies, each as the JSON of its `action` and its spec's `rules`.
pub fn policies(most: usize) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let action = prop_oneof![3 => Just("ALLOW"), 2 => Just("DENY"), 1 => Just("AUDIT")];
    let rules = vec(rule(), 1..4).prop_map(|rules| format!("[{}]", rules.join(",")));
    vec((action, rules), 0..most)
}

/// A filter's configuration of these policies.
pub fn config(policies: &[(&'static str, String)], options: &str) -> String {
    let policies: Vec<String> = policies
        .iter()
        .enumerate()
        .map(|(i, (action, rules))| {
            format!(
                r#"{{"kind":"CrossClusterAuthorization","metadata":{{"name":"p{i}","namespace":"shop"}},"spec":{{"action":"{action}","rules":{rules}}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"apiVersion":"landbridge.dev/v1alpha1","mesh":{MESH},"options":{options},"policies":[{}]}}"#,
        policies.join(",")
    )
}

/// A request; any part of it may be missing that can be.
pub fn request() -> impl Strategy<Value = TestRequest> {
    let domain = prop_oneof![
        3 => Just("use1-a.mesh.example"),
        2 => Just("use1-b.mesh.example"),
        3 => Just("euw1-a.mesh.example"),
        1 => Just("stray.example"),
    ];
    let workload = select(vec![
        "ns/shop/sa/frontend",
        "ns/shop/sa/batch",
        "ns/partner/sa/batch",
        "ns/partner/sa/frontend",
        "workload/frontend",
    ]);
    let uri = weighted(
        0.9,
        (domain, workload).prop_map(|(d, w)| format!("spiffe://{d}/{w}")),
    );
    let host = weighted(
        0.95,
        select(vec![
            "orders.shop",
            "pay.shop",
            "Orders.Shop:8080",
            "other.example",
        ]),
    );
    let path = weighted(
        0.95,
        select(vec![
            "/a",
            "/a/b",
            "/a/b/c.json",
            "/x.json",
            "/b",
            "/a/../b",
            "/",
        ]),
    );
    let method = select(vec!["GET", "POST", "PUT", "DELETE"]);
    let tenant = weighted(0.5, select(vec!["gold", "silver", "bronze", ""]));
    let port = select(vec![8080, 9090, 7070]);
    (uri, host, path, method, tenant, port).prop_map(|(uri, host, path, method, tenant, port)| {
        let mut headers = vec![(":method".to_owned(), method.as_bytes().to_vec())];
        for (name, value) in [(":authority", host), (":path", path), ("x-tenant", tenant)] {
            headers.extend(value.map(|value| (name.to_owned(), value.as_bytes().to_vec())));
        }
        TestRequest {
            headers,
            certificate_uri: uri,
            port,
            ..TestRequest::default()
        }
    })
}
