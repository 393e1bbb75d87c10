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
    locality_at("use1-a", host, spec)
}

/// The same for a sidecar of this cluster, whose own workload is trusted.
fn locality_at(local: &str, host: &MockHost, spec: &str) -> Locality {
    let clusters = ["use1-a", "use1-b", "euw1-a"].map(|name| {
        let region = if name.starts_with("us") { "us-east-1" } else { "eu-west-1" };
        format!(
            r#"{{"name":"{name}","region":"{region}","identity":{{"trustDomains":["{name}.example"]}}}}"#
        )
    });
    let config = format!(
        r#"{{"apiVersion":"landbridge.dev/v1alpha1",
        "local":{{"cluster":"{local}"}},"options":{{"explain":"Always","trustOwnWorkload":true}},
        "mesh":{{"clusters":[{}],"regions":[
            {{"name":"us-east-1","jurisdiction":"US"}},{{"name":"eu-west-1","jurisdiction":"EU"}}]}},
        "policies":[{{"kind":"LocalityFailover","metadata":{{"name":"orders","namespace":"shop"}},
            "spec":{{"services":[{{"name":"orders","hosts":["orders"],"port":80,
                "clusters":["use1-a","use1-b","euw1-a"]}}],{spec}}}}}]}}"#,
        clusters.join(",")
    );
    host.set_property("xds.node.id", "sidecar~127.0.0.1~a.shop~shop");
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
    let counted = ["serving_cluster=.=none", "NO_ROUTE", "requests_total"];
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

const DISPLACED: &str = "x-landbridge-displaced";
/// The clusters of the US are drained, and have long been.
const DRAINED: &str = r#""drains":[{"regions":["us-east-1"],"start":"2027-01-01T00:00:00Z","end":"2028-01-01T00:00:00Z"}]"#;
/// 1,000 bytes an hour over the ocean.
const BUDGET: &str =
    r#""transferBudgets":[{"from":"us-east-1","to":"eu-west-1","gibPerHour":0.000001}]"#;

/// Where a request with these headers goes, and from where it is displaced.
fn sent(
    locality: &Locality,
    host: &MockHost,
    headers: &[(&'static str, &'static str)],
) -> (String, Option<String>) {
    host.start_request(&with(headers));
    let (flow, _) = locality.on_request(host, true);
    assert_eq!(flow, Flow::Continue);
    let cluster = host.request_header("x-landbridge-cluster").unwrap();
    (cluster, host.request_header(DISPLACED))
}

/// A request that is as large as this spends what budget there is.
fn spend(locality: &Locality, host: &MockHost, bytes: u64) {
    host.start_request(&GET);
    host.set_number("request.total_size", bytes);
    assert_eq!(exchange(locality, host, "200", 0), Flow::Continue);
    host.advance(Duration::from_millis(250));
    locality.on_tick(host);
}

fn pair(cluster: &str, displaced: Option<&str>) -> (String, Option<String>) {
    (cluster.to_owned(), displaced.map(str::to_owned))
}

#[test]
fn what_is_sent_to_another_cluster_says_from_where() {
    let host = MockHost::default();
    let well = locality(&host, r#""affinity":{"cookie":"at"}"#);
    assert_eq!(sent(&well, &host, &[]), pair("use1-a", None));
    // By the caller's wish it is not displaced.
    let wished = sent(&well, &host, &[("cookie", "at=euw1-a")]);
    assert_eq!(wished, pair("euw1-a", None));
    let asked = sent(&well, &host, &[("x-landbridge-cluster", "use1-b")]);
    assert_eq!(asked, pair("use1-b", None));
    let drained = locality(&host, DRAINED);
    assert_eq!(sent(&drained, &host, &[]), pair("euw1-a", Some("use1-a")));
    // What must stay elsewhere prefers what is there.
    let at_home = locality(&host, r#""residency":[{"jurisdictions":["EU"]}]"#);
    assert_eq!(sent(&at_home, &host, &[]), pair("euw1-a", None));
}

#[test]
fn a_cluster_that_is_out_displaces() {
    let host = MockHost::default();
    let spec = r#""health":{"passive":{"consecutiveErrors":3}},"retries":{"attempts":0}"#;
    let locality = locality(&host, spec);
    for _ in 0..3 {
        host.start_request(&GET);
        exchange(&locality, &host, "503", 0);
    }
    let (cluster, from) = sent(&locality, &host, &[]);
    assert_ne!(cluster, "use1-a");
    assert_eq!(from.as_deref(), Some("use1-a"));
}

#[test]
fn over_a_spent_budget_only_what_was_to_go_elsewhere_is_displaced() {
    let host = MockHost::default();
    let away = locality(&host, &format!("{DRAINED},{BUDGET}"));
    spend(&away, &host, 1 << 30);
    assert_eq!(sent(&away, &host, &[]), pair("euw1-a", Some("use1-a")));
    let why = host.filter_state.borrow()["landbridge_locality"].clone();
    assert!(why.contains("OVER_BUDGET"), "{why}");
    // To two clusters that are equally far, over the same link.
    let spec = format!(r#""residency":[{{"jurisdictions":["US"]}}],{BUDGET}"#);
    let across = locality_at("euw1-a", &host, &spec);
    spend(&across, &host, 1 << 30);
    let mut clusters = Vec::new();
    for _ in 0..8 {
        let (cluster, from) = sent(&across, &host, &[]);
        let why = host.filter_state.borrow()["landbridge_locality"].clone();
        assert!(why.contains("OVER_BUDGET"), "{why}");
        assert_eq!(from, None);
        clusters.push(cluster);
    }
    for cluster in ["use1-a", "use1-b"] {
        assert!(clusters.iter().any(|c| c == cluster), "{clusters:?}");
    }
}

#[test]
fn what_was_displaced_stays_so_while_it_is_sent_on() {
    let said = (DISPLACED, "use1-b");
    let host = MockHost::default();
    let well = locality(&host, r#""maxHops":3"#);
    // What is said of a request that has gone nowhere is said of another.
    for headers in [&[said][..], &[said, ("x-landbridge-hops", "0")]] {
        assert_eq!(sent(&well, &host, headers), pair("use1-a", None));
    }
    let on = [said, ("x-landbridge-hops", "1")];
    assert_eq!(sent(&well, &host, &on), pair("use1-a", Some("use1-b")));
    // The first to displace it says from where.
    let drained = locality(&host, DRAINED);
    assert_eq!(sent(&drained, &host, &on), pair("euw1-a", Some("use1-b")));
    let alone = sent(&drained, &host, &[said]);
    assert_eq!(alone, pair("euw1-a", Some("use1-a")));
    // Just anyone displaces nothing.
    let anyone = "spiffe://use1-b.example/ns/shop/sa/frontend";
    host.set_property("connection.uri_san_peer_certificate", anyone);
    let lying = sent(&well, &host, &on);
    assert_eq!(lying, pair("use1-a", None));
}

#[test]
fn what_is_tried_elsewhere_is_displaced() {
    // What is said, how often it was sent on, what the attempt says.
    for (said, hops, says) in [
        (None, "0", "use1-a"),
        (Some("euw1-a"), "0", "use1-a"),
        (Some("euw1-a"), "1", "euw1-a"),
    ] {
        let host = MockHost::default();
        let locality = locality(&host, r#""retries":{"budget":100}"#);
        let mut headers = with(&[("x-landbridge-hops", hops)]);
        headers.extend(said.map(|said| (DISPLACED, said)));
        host.start_request(&headers);
        assert_eq!(exchange(&locality, &host, "503", 0), Flow::Held);
        let calls = host.take_calls();
        let displaced = calls[0]
            .headers
            .iter()
            .filter(|(name, _)| name == DISPLACED);
        let values: Vec<_> = displaced.map(|(_, value)| value.as_slice()).collect();
        assert_eq!(values, [says.as_bytes()], "{said:?} {hops}");
    }
    // What the caller wished for failed: what it was to go to takes it.
    let host = MockHost::with_request(&with(&[("x-landbridge-cluster", "euw1-a")]));
    let locality = locality(&host, r#""retries":{"budget":100}"#);
    assert_eq!(exchange(&locality, &host, "503", 0), Flow::Held);
    let calls = host.take_calls();
    let cluster = calls[0].header("x-landbridge-cluster");
    assert_eq!(cluster.as_deref(), Some("use1-a"));
    assert_eq!(calls[0].header(DISPLACED), None);
}

/// Where requests leave, the shaping filter stands before this one.
#[test]
fn what_a_split_chose_stays_and_what_a_caller_writes_does_not() {
    let host = MockHost::default();
    let locality = locality(&host, r#""maxHops":3"#);
    let anyone = "spiffe://use1-b.example/ns/shop/sa/frontend";
    host.set_property("connection.uri_san_peer_certificate", anyone);
    let left = || {
        let headers = [
            ("x-landbridge-backend", "canary"),
            ("x_landbridge_backend", "canary"),
            ("x-landbridge-cluster", "euw1-a"),
            ("x-landbridge-other", "it"),
        ];
        let (cluster, _) = sent(&locality, &host, &headers);
        assert_eq!(cluster, "use1-a");
        assert_eq!(host.request_header("x_landbridge_backend"), None);
        assert_eq!(host.request_header("x-landbridge-other"), None);
        host.request_header("x-landbridge-backend")
    };
    assert_eq!(left(), None);
    host.set_property("landbridge_shaping", r#"{"filter":"shaping"}"#);
    assert_eq!(left().as_deref(), Some("canary"));
}
