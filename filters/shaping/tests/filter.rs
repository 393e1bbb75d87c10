//! The filter against a host in memory: effects, not calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

use landbridge_host::mock::MockHost;
use landbridge_host::{Filter, Flow, GrpcStatus};
use landbridge_shaping::Shaping;
use std::time::Duration;

fn shaping(host: &MockHost, spec: &str) -> Shaping {
    let config = format!(
        r#"{{"apiVersion":"landbridge.dev/v1alpha1","options":{{"explain":"Always","trustedCallers":[{{"namespaces":["gateways"]}}]}},
        "mesh":{{"clusters":[{{"name":"a","region":"r","identity":{{"trustDomains":["a.example"]}}}}],
            "regions":[{{"name":"r","jurisdiction":"US"}}]}},
        "policies":[{{"kind":"TrafficShaping","metadata":{{"name":"orders","namespace":"shop"}},"spec":{spec}}}]}}"#
    );
    host.time.set(Duration::from_secs(1_800_000_000));
    Shaping::configure(host, config.as_bytes()).expect("a good configuration")
}

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":path", "/orders"),
    (":authority", "orders"),
    (":scheme", "http"),
];
const TWO: &str = r#"{"limits":[{"name":"two","rate":"2/m","burst":2}]}"#;

fn request(filter: &Shaping, host: &MockHost, more: &[(&'static str, &'static str)]) -> Flow {
    host.start_request(&[&GET, more].concat());
    let (flow, mut stream) = filter.on_request(host, true);
    if flow == Flow::Continue {
        host.start_response(&[(":status", "200")]);
        filter.on_response(host, &mut stream, true);
        filter.on_done(host, &mut stream);
    }
    flow
}

#[test]
fn what_is_beyond_a_limit_is_answered_and_counted_at_the_tick() {
    let host = MockHost::default();
    let filter = shaping(&host, TWO);
    assert_eq!(request(&filter, &host, &[]), Flow::Continue);
    assert_eq!(request(&filter, &host, &[]), Flow::Continue);
    assert_eq!(request(&filter, &host, &[]), Flow::Answered);
    let reply = host.answers.borrow().last().cloned().expect("an answer");
    assert_eq!((reply.status, reply.grpc_status), (429, None));
    assert_eq!(reply.header("x-envoy-ratelimited").as_deref(), Some("true"));
    assert!(reply.header("retry-after").is_some());
    assert_eq!(
        request(&filter, &host, &[("content-type", "application/grpc")]),
        Flow::Answered
    );
    let reply = host.answers.borrow().last().cloned().expect("an answer");
    assert_eq!(reply.grpc_status, Some(GrpcStatus::ResourceExhausted));
    filter.on_tick(&host);
    assert_eq!(host.metric_sum(&["two", "outcome=.=allowed"]), 2);
    assert_eq!(host.metric_sum(&["two", "outcome=.=refused"]), 2);
}

#[test]
fn the_walls_clock_may_be_set_as_anybody_likes() {
    let host = MockHost::default();
    let filter = shaping(&host, TWO);
    request(&filter, &host, &[]);
    request(&filter, &host, &[]);
    for hours in [0, 2, 1] {
        host.time
            .set(Duration::from_secs(1_800_000_000 + hours * 3600));
        assert_eq!(request(&filter, &host, &[]), Flow::Answered);
    }
}

#[test]
fn headers_of_ours_are_taken_from_those_who_are_trusted() {
    let host = MockHost::default();
    let filter = shaping(&host, r#"{"limits":[{"name":"l","rate":"100/s"}]}"#);
    for (namespace, kept) in [("shop", None), ("gateways", Some("v2"))] {
        let uri = format!("spiffe://a.example/ns/{namespace}/sa/x");
        host.set_property("connection.uri_san_peer_certificate", uri);
        request(&filter, &host, &[("x-landbridge-backend", "v2")]);
        assert_eq!(
            host.request_header("x-landbridge-backend").as_deref(),
            kept,
            "{namespace}"
        );
    }
}

#[test]
fn a_refused_configuration_says_why() {
    let host = MockHost::default();
    assert!(Shaping::configure(&host, b"{}").is_none());
    assert!(Shaping::configure(&host, b"").is_none());
    host.start_request(&GET);
    assert_eq!(Shaping::unconfigured(&host), Flow::Answered);
}

/// A sidecar has the filter at both ends, and Envoy runs what has one module in one VM.
#[test]
fn two_plugins_in_one_vm_do_not_take_each_other_for_an_update() {
    let host = MockHost::default();
    host.set_property("plugin_root_id", "landbridge-shaping");
    let inbound = shaping(&host, TWO);
    assert_eq!(request(&inbound, &host, &[]), Flow::Continue);
    host.set_property("plugin_root_id", "landbridge-shaping-outbound");
    let outbound = shaping(&host, r#"{"retryBudgets":[{"name":"retries"}]}"#);
    assert_eq!(request(&outbound, &host, &[]), Flow::Continue);
    assert_eq!(host.metric_sum(&["digest=.="]), 2, "both are in force");
    // An update of one leaves the other alone.
    drop(outbound);
    let _outbound = shaping(&host, r#"{"retryBudgets":[{"name":"fewer","share":10}]}"#);
    let digests = host.metrics.borrow();
    let digests = digests
        .iter()
        .filter(|(name, _)| name.contains("digest=.="));
    let in_force: Vec<u64> = digests.map(|(_, value)| *value).collect();
    assert_eq!((in_force.len(), in_force.iter().sum::<u64>()), (3, 2));
    // And what the first counted stays its own.
    assert_eq!(request(&inbound, &host, &[]), Flow::Continue);
    assert_eq!(request(&inbound, &host, &[]), Flow::Answered);
}
