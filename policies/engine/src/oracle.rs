//! Random policies and requests: what the index, the laws and real proxies are tested with.
//!
//! The alphabets are small, so that policies and requests meet often, and what random requests
//! would rarely be (a caller without a certificate, one of an unknown trust domain) is frequent.

use crate::compile::JWT;
use crate::metadata::{Kind, Metadata, Value};
use crate::policy_test::TestRequest;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use prost::Message;
use std::time::Duration;

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
const PATHS: [&str; 10] = [
    "/a",
    "/a/b",
    "/a*",
    "/a/*",
    "*.json",
    "/x.json",
    "*",
    "/a/{*}",
    "/{**}",
    "/a/{**}/c.json",
];
const TRUST_DOMAINS: [&str; 3] = ["use1-a.mesh.example", "use1-*", "*.example"];
const REQUEST_PRINCIPALS: [&str; 4] = ["https://a/x", "https://a/*", "*/y", "*"];
const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/0"];
const GRPC: [&str; 4] = ["a", "a/b", "*/b", "*"];
const DATA_CLASSES: [&str; 3] = ["personal", "p*", "*"];
const CLAIMS: [&str; 4] = ["red", "blue", "r*", "*"];
const NAMES: [&str; 3] = ["orders.example", "*.example", "*"];
const HEADERS: [&str; 4] = ["gold", "silver", "g*", "*"];

/// The mesh of the random policies: three clusters, one of them on no network.
pub const MESH: &str = r#"{"regions":[{"name":"us-east-1","jurisdiction":"US"},{"name":"eu-west-1","jurisdiction":"EU"}],
"clusters":[{"name":"use1-a","identity":{"trustDomains":["use1-a.mesh.example"]},"region":"us-east-1","network":"us"},
{"name":"use1-b","identity":{"trustDomains":["use1-b.mesh.example"]},"region":"us-east-1","network":"us"},
{"name":"euw1-a","identity":{"trustDomains":["euw1-a.mesh.example"]},"region":"eu-west-1"}],
"dataClasses":[{"name":"personal","requests":[{"paths":["/a/{*}"]},{"when":[{"key":"request.headers[x-tenant]","values":["gold"]}]}]},
{"name":"secret","requests":[{"hosts":["pay.*"],"when":[{"key":"request.auth.claims[colour]","values":["red"]}]}]}]}"#;

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
        list("trustDomains", &TRUST_DOMAINS).boxed(),
        list("requestPrincipals", &REQUEST_PRINCIPALS).boxed(),
        list("ipBlocks", &ADDRESSES).boxed(),
        list("remoteIpBlocks", &ADDRESSES).boxed(),
    ])
}

fn operation() -> impl Strategy<Value = String> {
    fields(vec![
        list("hosts", &HOSTS).boxed(),
        list("ports", &["8080", "9090"]).boxed(),
        list("methods", &METHODS).boxed(),
        list("paths", &PATHS).boxed(),
        list("grpcServices", &GRPC).boxed(),
        list("dataClasses", &DATA_CLASSES).boxed(),
    ])
}

fn condition() -> impl Strategy<Value = String> {
    let of = |key: &'static str, values: &'static [&'static str]| {
        list("values", values)
            .prop_map(move |values| format!(r#"{{"key":"{key}",{values}}}"#))
            .boxed()
    };
    prop_oneof![
        3 => of("request.headers[x-tenant]", &HEADERS),
        1 => of("request.auth.claims[colour]", &CLAIMS),
        1 => of("request.auth.principal", &REQUEST_PRINCIPALS),
        1 => of("source.ip", &ADDRESSES),
        1 => of("connection.sni", &NAMES),
        1 => of("experimental.envoy.filters.x[k]", &["v", "[v]", "*"]),
    ]
}

fn validity() -> impl Strategy<Value = Option<String>> {
    let from = r#""validity":{"notBefore":"1970-01-01T00:00:10Z"}"#;
    let until = r#""validity":{"notAfter":"1970-01-01T00:00:10Z"}"#;
    weighted(0.1, select(vec![from.to_owned(), until.to_owned()]))
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
        validity(),
    )
        .prop_map(|(from, to, when, validity)| {
            let parts: Vec<String> = [from, to, when, validity].into_iter().flatten().collect();
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
            "/a/b/",
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
    let basics = (uri, host, path, method, tenant, port);
    (basics, surroundings()).prop_map(|((uri, host, path, method, tenant, port), surroundings)| {
        let mut headers = vec![(":method".to_owned(), method.as_bytes().to_vec())];
        for (name, value) in [(":authority", host), (":path", path), ("x-tenant", tenant)] {
            headers.extend(value.map(|value| (name.to_owned(), value.as_bytes().to_vec())));
        }
        TestRequest {
            headers,
            certificate_uri: uri,
            port,
            ..surroundings
        }
    })
}

/// What is known of a request beside its headers and its caller.
fn surroundings() -> impl Strategy<Value = TestRequest> {
    let address = || {
        weighted(
            0.9,
            select(vec!["10.0.0.1", "10.0.1.1", "192.0.2.1", "2001:db8::1"]),
        )
    };
    let token = weighted(
        0.6,
        select(vec![
            r#"{"iss":"https://a","sub":"x","colour":"red"}"#,
            r#"{"iss":"https://a","sub":"y","colour":["blue","red"]}"#,
            r#"{"iss":"https://b","sub":"y"}"#,
            r#"{"iss":"https://a","sub":["x"],"colour":3}"#,
        ]),
    );
    let kept = weighted(
        0.5,
        select(vec![r#"{"k":"v"}"#, r#"{"k":["w","v"]}"#, r#"{"l":"v"}"#]),
    );
    let sni = weighted(0.9, select(vec!["orders.example", "other", ""]));
    let now = weighted(0.9, select(vec![5, 10, 15]));
    (address(), address(), token, kept, sni, now).prop_map(
        |(source, remote, token, kept, sni, now)| {
            let parts = [
                (JWT, token.map(|t| format!(r#"{{"payload":{t}}}"#))),
                (KEEPER, kept.map(str::to_owned)),
            ];
            TestRequest {
                source_ip: source.map(str::to_owned),
                remote_address: remote.map(|ip| match ip.contains(':') {
                    true => format!("[{ip}]:1"),
                    false => format!("{ip}:1"),
                }),
                sni: sni.map(str::to_owned),
                metadata: metadata(&parts),
                now: now.map(Duration::from_secs),
                ..TestRequest::default()
            }
        },
    )
}

/// The filter whose metadata random conditions read.
const KEEPER: &str = "envoy.filters.x";

fn metadata(parts: &[(&str, Option<String>)]) -> Option<Vec<u8>> {
    let mut metadata = Metadata::default();
    for (filter, json) in parts {
        let node = json
            .as_deref()
            .and_then(|json| serde_json::from_str(json).ok());
        if let Some(Kind::Struct(fields)) = node.and_then(|node| Value::new(&node).kind) {
            metadata
                .filter_metadata
                .insert((*filter).to_owned(), fields);
        }
    }
    (!metadata.filter_metadata.is_empty()).then(|| metadata.encode_to_vec())
}
