//! What the engine costs in instructions: `cargo xtask bench instructions`.
//!
//! Time on a machine that others share says little; instructions, which valgrind counts, are the
//! same each run. They are those of native code: the module that Envoy runs is compiled from the
//! same source by another compiler, so read how figures change and compare, not what they are.
#![allow(
    missing_docs,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what gungraun's macros write, and a benchmark fails loudly"
)]

use gungraun::{library_benchmark, library_benchmark_group, main};
use landbridge_engine::{
    Decision, Facts, Loaded, RawRequest, SpiffeId, Surroundings, Unknown, Verdict, load, normalize,
};
use landbridge_model::{Limits, PathNormalization};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;

const SERVICES: [&str; 5] = ["cart", "orders", "search", "stock", "users"];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];

struct Here;

impl Surroundings for Here {
    fn cluster(&self) -> Option<String> {
        Some("use1-a".to_owned())
    }

    fn namespace(&self) -> Option<String> {
        Some("shop".to_owned())
    }

    fn label(&self, _: &str) -> Result<Option<String>, Unknown> {
        Ok(None)
    }
}

/// A configuration of so many policies. Each lets one namespace's accounts do something; the
/// first and the last let through the callers that are measured.
fn configuration(policies: usize) -> Vec<u8> {
    let mut json = r#"{"apiVersion":"landbridge.dev/v1alpha1","mesh":{
        "regions":[{"name":"us-east-1","jurisdiction":"US"}],
        "clusters":[{"name":"use1-a","identity":{"trustDomains":["use1-a.example"]},"region":"us-east-1"}]},
        "policies":["#
        .to_owned();
    for i in 0..policies {
        let measured = match i {
            0 => Some("first"),
            _ if i + 1 == policies => Some("last"),
            _ => None,
        };
        let (source, operation) = match measured {
            Some(name) => (
                format!(r#""principals":["use1-a.example/ns/bench/sa/{name}"]"#),
                r#""hosts":["cart.shop"],"paths":["/v1/*"]"#.to_owned(),
            ),
            None => {
                let team = i / 4;
                let source = match i % 3 {
                    0 => format!(r#""namespaces":["team-{team}"]"#),
                    _ => format!(r#""principals":["use1-a.example/ns/team-{team}/sa/*"]"#),
                };
                let service = SERVICES[i % SERVICES.len()];
                let method = METHODS[i % METHODS.len()];
                let item = i % 97;
                let operation = format!(
                    r#""hosts":["{service}.shop"],"methods":["{method}"],"paths":["/v1/item-{item}/*"]"#
                );
                (source, operation)
            }
        };
        let comma = if i == 0 { "" } else { "," };
        write!(
            json,
            r#"{comma}{{"kind":"CrossClusterAuthorization","metadata":{{"name":"policy-{i}","namespace":"shop"}},
            "spec":{{"action":"ALLOW","rules":[{{"from":[{{"source":{{{source}}}}}],"to":[{{"operation":{{{operation}}}}}]}}]}}}}"#
        )
        .unwrap();
    }
    json.push_str("]}");
    json.into_bytes()
}

fn loaded(json: &[u8]) -> Loaded {
    load(json, &Limits::default(), &Here).unwrap()
}

/// A request and the policies that judge it, made before anything is counted.
struct Scene {
    loaded: Loaded,
    headers: Vec<(String, Vec<u8>)>,
    uri: String,
    verdict: Verdict,
}

fn scene(policies: usize, caller: &str, verdict: Verdict) -> Scene {
    let headers = [
        (":authority", "cart.shop:8080"),
        (":path", "/v1/item-7/list?page=2"),
        (":method", "GET"),
        (":scheme", "https"),
        ("user-agent", "bench"),
        ("accept", "*/*"),
        ("x-forwarded-proto", "https"),
        ("x-request-id", "00000000-0000-0000-0000-000000000000"),
    ];
    let owned = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let scene = Scene {
        loaded: loaded(&configuration(policies)),
        headers: owned.to_vec(),
        uri: format!("spiffe://use1-a.example/ns/bench/sa/{caller}"),
        verdict,
    };
    // The allocator tidies up after the load at whatever moment suits it: not while we count.
    assert!(judge(&scene).verdict == verdict);
    scene
}

fn first(policies: usize) -> Scene {
    scene(policies, "first", Verdict::Allow)
}

fn last(policies: usize) -> Scene {
    scene(policies, "last", Verdict::Allow)
}

fn nobody(policies: usize) -> Scene {
    scene(policies, "nobody", Verdict::Deny)
}

fn judge(scene: &Scene) -> Decision {
    let raw = RawRequest {
        headers: &scene.headers,
        certificate_uri: Some(scene.uri.as_bytes()),
        ..RawRequest::default()
    };
    let set = &scene.loaded.set;
    set.decide(&Facts::new(raw, set).unwrap())
}

// The scene comes back, so that dropping it is not counted.
#[library_benchmark]
#[benches::first(args = [10, 100, 1_000, 10_000], setup = first)]
#[benches::last(args = [10, 100, 1_000, 10_000], setup = last)]
#[benches::denied(args = [10, 100, 1_000, 10_000], setup = nobody)]
fn decide(scene: Scene) -> (Scene, Decision) {
    let decision = black_box(judge(black_box(&scene)));
    assert!(decision.verdict == scene.verdict);
    (scene, decision)
}

#[library_benchmark]
#[benches::policies(args = [10, 1_000], setup = configuration)]
fn load_policies(json: Vec<u8>) -> (Vec<u8>, Loaded) {
    let loaded = black_box(loaded(black_box(&json)));
    (json, loaded)
}

#[library_benchmark]
#[bench::plain("/v1/resource-007/list?page=2")]
#[bench::rewritten("/v1//a/../resource%2D007/./list")]
fn normalize_path(path: &str) -> Option<Cow<'_, str>> {
    let path = black_box(path).as_bytes();
    black_box(normalize(path, PathNormalization::MergeSlashes).ok())
}

#[library_benchmark]
#[bench::istio("spiffe://use1-a.mesh.example/ns/shop/sa/frontend")]
fn parse_spiffe_id(uri: &str) -> Option<&str> {
    black_box(SpiffeId::parse(black_box(uri)).and_then(|id| id.namespace()))
}

library_benchmark_group!(
    name = engine,
    benchmarks = [decide, load_policies, normalize_path, parse_spiffe_id]
);

main!(library_benchmark_groups = engine);
