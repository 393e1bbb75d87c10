//! The filter against a host in memory: effects, not calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

use landbridge_host::mock::MockHost;
use landbridge_host::{Filter, Flow, GrpcStatus};
use landbridge_locality::Locality;
use std::time::Duration;

/// Envoy's response flag of a request for which there is no route.
const NO_ROUTE: u64 = 1 << 8;

/// `orders` runs in three clusters; `spec` is further fields of its policy.
fn locality(host: &MockHost, spec: &str) -> Locality {
    let clusters = ["use1-a", "use1-b", "euw1-a"].map(|name| {
        let region = if name.starts_with("us") { "us-east-1" } else { "eu-west-1" };
        format!(
            r#"{{"name":"{name}","region":"{region}","identity":{{"trustDomains":["{name}.example"]}}}}"#
        )
    });
    let config = format!(
        r#"{{"apiVersion":"landbridge.dev/v1alpha1",
        "local":{{"cluster":"use1-a"}},"options":{{"explain":"Always"}},
        "mesh":{{"clusters":[{}],"regions":[
            {{"name":"us-east-1","jurisdiction":"US"}},{{"name":"eu-west-1","jurisdiction":"EU"}}]}},
        "policies":[{{"kind":"LocalityFailover","metadata":{{"name":"orders","namespace":"shop"}},
            "spec":{{"services":[{{"name":"orders","hosts":["orders"],"port":80,
                "clusters":["use1-a","use1-b","euw1-a"]}}],{spec}}}}}]}}"#,
        clusters.join(",")
    );
    host.time.set(Duration::from_secs(1_800_000_000));
    Locality::configure(host, config.as_bytes()).expect("a good configuration")
}

const GET: [(&str, &str); 4] = [
    (":method", "GET"),
    (":path", "/"),
    (":authority", "orders"),
    (":scheme", "http"),
];

fn with(more: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    [&GET, more].concat()
}

/// A request goes out, and this comes back; what the filter makes of that.
fn exchange(locality: &Locality, host: &MockHost, status: &str, flags: u64) -> Flow {
    let (flow, mut stream) = locality.on_request(host, true);
    assert_eq!(flow, Flow::Continue);
    host.set_number("response.flags", flags);
    host.start_response(&[(":status", status)]);
    let flow = locality.on_response(host, &mut stream, true);
    locality.on_done(host, &mut stream);
    flow
}

#[test]
fn where_no_route_leads_is_not_where_nothing_is() {
    let host = MockHost::with_request(&GET);
    let locality = locality(&host, r#""retries":{"attempts":0}"#);
    assert_eq!(exchange(&locality, &host, "404", NO_ROUTE), Flow::Answered);
    let answer = host.answers.borrow()[0].clone();
    assert_eq!(answer.status, 503);
    let why = answer.header("x-landbridge-failover");
    assert_eq!(why.as_deref(), Some("reason=NO_ROUTE"));
    assert!(host.filter_state.borrow()["landbridge_locality"].contains("NO_ROUTE"));
    let counted = ["serving_cluster.=.none", "NO_ROUTE", "requests_total"];
    assert_eq!(host.metric_sum(&counted), 1);
    // gRPC has its own.
    host.start_request(&with(&[("content-type", "application/grpc")]));
    assert_eq!(exchange(&locality, &host, "404", NO_ROUTE), Flow::Answered);
    let status = host.answers.borrow()[0].grpc_status;
    assert_eq!(status, Some(GrpcStatus::Unavailable));
    // The service's own 404 is the service's.
    host.start_request(&GET);
    assert_eq!(exchange(&locality, &host, "404", 0), Flow::Continue);
}

#[test]
fn only_what_can_be_tried_elsewhere_has_a_limit() {
    let limit = |spec: &str, headers: &[(&'static str, &'static str)]| {
        let host = MockHost::with_request(&with(headers));
        let locality = locality(&host, spec);
        let (flow, _) = locality.on_request(&host, true);
        assert_eq!(flow, Flow::Continue);
        host.request_header("x-envoy-upstream-rq-timeout-ms")
    };
    let passive = r#""health":{"passive":{"timeout":"300ms"}}"#;
    assert_eq!(limit(passive, &[]).as_deref(), Some("300"));
    let grpc = [
        ("content-type", "application/grpc"),
        ("idempotency-key", "1"),
    ];
    assert_eq!(limit(passive, &grpc), None);
    let never = format!(r#"{passive},"retries":{{"attempts":0}}"#);
    assert_eq!(limit(&never, &[]), None);
}

#[test]
fn a_request_that_cannot_be_sent_again_says_nothing_of_other_clusters() {
    let host = MockHost::default();
    let locality = locality(
        &host,
        r#""health":{"passive":{"consecutiveErrors":3}},"retries":{"budget":100}"#,
    );
    for _ in 0..8 {
        host.start_request(&GET);
        let bytes = ("x-odd".to_owned(), b"\xff".to_vec());
        host.request.borrow_mut().push(bytes);
        assert_eq!(exchange(&locality, &host, "503", 0), Flow::Continue);
        assert_eq!(host.take_calls(), []);
    }
    // The first is out by now. The next one is not.
    host.start_request(&GET);
    let (flow, _) = locality.on_request(&host, true);
    assert_eq!(flow, Flow::Continue);
    let chosen = host.request_header("x-landbridge-cluster");
    assert_ne!(chosen.as_deref(), Some("use1-a"));
    assert_eq!(host.metric_sum(&["retries_total"]), 0);
}

/// A gateway that joins clusters could have another one answer, and an ill cluster would pass for
/// a good one.
#[test]
fn a_probe_is_answered_by_whom_it_is_for() {
    let host = MockHost::default();
    let locality = locality(&host, r#""health":{"active":{"path":"/healthz"}}"#);
    locality.on_tick(&host);
    let calls = host.take_calls();
    assert!(!calls.is_empty());
    for call in calls {
        let hops = call.header("x-landbridge-hops");
        assert_eq!(hops.as_deref(), Some("4294967295"));
        let cluster = call.header("x-landbridge-cluster").unwrap();
        assert_eq!(call.cluster, format!("outbound|80|{cluster}|orders"));
    }
}
