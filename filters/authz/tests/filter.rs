//! The filter against a host in memory: effects, not calls.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

use landbridge_authz::Authz;
use landbridge_host::mock::MockHost;
use landbridge_host::{Filter, Flow, GrpcStatus, Level};
use std::time::Duration;

const URI: &str = "connection.uri_san_peer_certificate";

fn config(options: &str, policies: &str) -> String {
    format!(
        r#"{{"apiVersion":"landbridge.dev/v1alpha1",
        "mesh":{{"regions":[{{"name":"us-east-1","jurisdiction":"US"}},{{"name":"eu-west-1","jurisdiction":"EU"}}],
        "clusters":[
          {{"name":"use1-a","identity":{{"trustDomains":["use1-a.mesh.example"]}},"region":"us-east-1"}},
          {{"name":"euw1-a","identity":{{"trustDomains":["euw1-a.mesh.example"]}},"region":"eu-west-1"}}]}},
        "options":{options},"policies":[{policies}]}}"#
    )
}

const ALLOW_EU: &str = r#"{"kind":"CrossClusterAuthorization","metadata":{"name":"allow-eu","namespace":"shop"},
    "spec":{"rules":[{"name":"eu","from":[{"source":{"clusters":["euw1-a"]}}]}]}}"#;

fn host(headers: &[(&str, &str)], caller: Option<&str>) -> MockHost {
    let host =
        MockHost::with_request(&[(":method", "GET"), (":path", "/"), (":authority", "orders")]);
    add(&host, headers);
    if let Some(caller) = caller {
        host.set_property(URI, caller);
    }
    host
}

fn add(host: &MockHost, headers: &[(&str, &str)]) {
    for (name, value) in headers {
        let mut request = host.request.borrow_mut();
        request.retain(|(n, _)| n != name || !name.starts_with(':'));
        request.push(((*name).to_owned(), value.as_bytes().to_vec()));
    }
}

fn authz(host: &MockHost, options: &str, policies: &str) -> Authz {
    Authz::configure(host, config(options, policies).as_bytes()).expect("a good configuration")
}

const EU: &str = "spiffe://euw1-a.mesh.example/ns/shop/sa/frontend";
const US: &str = "spiffe://use1-a.mesh.example/ns/shop/sa/frontend";

#[test]
fn a_permitted_caller_goes_on_and_is_counted() {
    let host = host(&[], Some(EU));
    let (flow, explanation) = authz(&host, "{}", ALLOW_EU).on_request(&host, true);
    assert_eq!((flow, explanation), (Flow::Continue, None));
    assert!(host.answers.borrow().is_empty());
    let parts = [
        "policy=.=shop/allow-eu;",
        "rule=.=eu;",
        "decision=.=allow;",
        "source_cluster=.=euw1-a;",
    ];
    assert_eq!(host.metric_sum(&parts), 1);
    assert_eq!(
        host.filter_state.borrow()["landbridge_decision"],
        r#"{"filter":"authz","verdict":"allow","reason":"ALLOWED_BY_RULE","source_cluster":"euw1-a","policy":"shop/allow-eu","rule":"eu"}"#
    );
}

#[test]
fn a_denied_caller_is_told_nothing() {
    let host = host(&[], Some(US));
    let (flow, _) = authz(&host, "{}", ALLOW_EU).on_request(&host, true);
    assert_eq!(flow, Flow::Answered);
    let answer = host.answers.borrow()[0].clone();
    assert_eq!(
        (answer.status, answer.text().as_str(), answer.grpc_status),
        (403, "access denied", None)
    );
    assert!(answer.headers.is_empty());
    assert_eq!(
        host.metric_sum(&[
            "decision=.=deny;",
            "reason=.=NO_RULE_MATCHED;",
            "policy=.=none;"
        ]),
        1
    );
}

#[test]
fn grpc_is_answered_in_its_own_words() {
    for (content_type, grpc) in [
        ("application/grpc", true),
        ("application/grpc+proto", true),
        ("application/grpc-web", false),
        ("application/json", false),
    ] {
        let host = host(&[("content-type", content_type)], Some(US));
        authz(&host, "{}", ALLOW_EU).on_request(&host, true);
        let status = host.answers.borrow()[0].grpc_status;
        assert_eq!(
            status,
            grpc.then_some(GrpcStatus::PermissionDenied),
            "{content_type}"
        );
    }
}

#[test]
fn only_the_trusted_are_told_why_and_may_set_headers_of_ours() {
    let trusted = r#"{"trustedCallers":[{"clusters":["euw1-a"],"namespaces":["shop"]}]}"#;
    let ours = [
        ("x-landbridge-cluster", "use1-a"),
        ("x-landbridge-hops", "3"),
        ("x-other", "1"),
    ];
    for (options, caller, told, kept) in [
        (trusted, EU, true, true),
        (
            trusted,
            "spiffe://euw1-a.mesh.example/ns/partner/sa/x",
            false,
            false,
        ),
        ("{}", EU, false, false),
        (r#"{"explain":"Always"}"#, EU, true, false),
        (
            r#"{"explain":"Never","trustedCallers":[{"clusters":["euw1-a"]}]}"#,
            EU,
            false,
            true,
        ),
    ] {
        let host = host(&ours, Some(caller));
        let filter = authz(&host, options, ALLOW_EU);
        let (flow, mut explanation) = filter.on_request(&host, true);
        assert_eq!(flow, Flow::Continue);
        filter.on_response(&host, &mut explanation, true);
        assert_eq!(
            !host.response.borrow().is_empty(),
            told,
            "{options} {caller}"
        );
        assert_eq!(
            host.request_header("x-landbridge-cluster").is_some(),
            kept,
            "{options} {caller}"
        );
        assert_eq!(
            host.request_header("x-landbridge-hops").is_some(),
            kept,
            "{options} {caller}"
        );
        assert!(host.request_header("x-other").is_some());
    }
}

#[test]
fn a_denial_explains_itself_to_the_trusted() {
    let options = r#"{"trustedCallers":[{"clusters":["use1-a"]}]}"#;
    let host = host(&[], Some(US));
    authz(&host, options, ALLOW_EU).on_request(&host, true);
    let answer = host.answers.borrow()[0].clone();
    assert_eq!(
        answer.header("x-landbridge-decision").as_deref(),
        Some(r#"filter=authz, verdict=deny, reason=NO_RULE_MATCHED, source_cluster="use1-a""#)
    );
}

#[test]
fn what_was_judged_is_what_goes_on() {
    let host = host(&[(":path", "/a/../b//c?d=//e")], Some(EU));
    let (flow, _) = authz(&host, "{}", ALLOW_EU).on_request(&host, true);
    assert_eq!(flow, Flow::Continue);
    assert_eq!(host.request_header(":path").as_deref(), Some("/b/c?d=//e"));
}

#[test]
fn a_malformed_request_is_rejected_with_its_reason() {
    let reads = r#"{"kind":"CrossClusterAuthorization","metadata":{"name":"h","namespace":"shop"},
        "spec":{"rules":[{"when":[{"key":"request.headers[x-tenant]","values":["gold"]}]}]}}"#;
    let long = "a".repeat(9000);
    for (headers, reason) in [
        (vec![(":path", "/a%2Fb")], "MALFORMED_PATH"),
        (vec![(":path", "/%00")], "MALFORMED_PATH"),
        (
            vec![("x-tenant", "gold"), ("x-tenant", "gold")],
            "DUPLICATE_HEADER",
        ),
        (vec![("x-tenant", long.as_str())], "MALFORMED_HEADER"),
        (vec![("x-other", "1"); 1000], "TOO_MANY_HEADERS"),
    ] {
        let host = host(&headers, Some(EU));
        let (flow, _) = authz(&host, "{}", reads).on_request(&host, true);
        assert_eq!(flow, Flow::Answered, "{reason}");
        assert_eq!(host.answers.borrow()[0].status, 400, "{reason}");
        assert_eq!(
            host.metric_sum(&["decision=.=reject;", reason, "source_cluster=.=euw1-a;"]),
            1
        );
    }
    let host = host(&[("x-tenant", "gold")], Some(EU));
    host.request.borrow_mut().last_mut().unwrap().1 = b"\xff\xfe".to_vec();
    authz(&host, "{}", reads).on_request(&host, true);
    assert_eq!(host.metric_sum(&["MALFORMED_HEADER"]), 1);
}

#[test]
fn what_cannot_be_read_is_denied() {
    for call in ["request headers", "get property"] {
        let host = host(&[], Some(EU));
        let filter = authz(&host, "{}", ALLOW_EU);
        host.broken.borrow_mut().push(call);
        assert_eq!(filter.on_request(&host, true).0, Flow::Answered, "{call}");
        assert_eq!(host.answers.borrow()[0].status, 403, "{call}");
        assert_eq!(
            host.metric_sum(&["decision=.=deny;", "EVALUATION_ERROR"]),
            1,
            "{call}"
        );
    }
}

#[test]
fn what_cannot_be_made_what_was_judged_is_denied() {
    for (call, header) in [
        ("set request header", (":path", "/a/../b")),
        ("clear route cache", (":path", "/a/../b")),
        ("remove request header", ("x-landbridge-cluster", "x")),
    ] {
        let host = host(&[header], Some(EU));
        let filter = authz(&host, "{}", ALLOW_EU);
        host.broken.borrow_mut().push(call);
        assert_eq!(filter.on_request(&host, true).0, Flow::Answered, "{call}");
        assert_eq!(host.answers.borrow()[0].status, 403, "{call}");
    }
}

#[test]
fn an_answer_that_cannot_be_given_lets_nothing_through() {
    let host = host(&[], Some(US));
    let filter = authz(&host, "{}", ALLOW_EU);
    host.broken.borrow_mut().push("reply");
    assert_eq!(filter.on_request(&host, true).0, Flow::Answered);
    assert_eq!(Authz::unconfigured(&host), Flow::Answered);
}

#[test]
fn without_a_configuration_nothing_goes_on() {
    let host = host(&[], Some(EU));
    assert_eq!(Authz::unconfigured(&host), Flow::Answered);
    assert_eq!(host.answers.borrow()[0].status, 503);
}

#[test]
fn denials_are_logged_so_many_a_second_and_the_rest_counted() {
    let host = host(&[(":path", "/x\ny")], Some(US));
    let filter = authz(&host, r#"{"denialLogsPerSecond":3}"#, ALLOW_EU);
    host.logs.borrow_mut().clear();
    let denials = |host: &MockHost| {
        host.logs
            .borrow()
            .iter()
            .filter(|(level, _)| *level == Level::Warn)
            .count()
    };
    for _ in 0..10 {
        filter.on_request(&host, true);
        host.answers.take();
    }
    assert_eq!(denials(&host), 3);
    host.time.set(Duration::from_secs(1));
    filter.on_request(&host, true);
    let logs = host.logs.borrow();
    let (_, last) = logs.last().unwrap();
    assert!(last.ends_with("passed_over=7"), "{last}");
    assert!(
        last.contains(r#"path="/x\ny""#) && !last.contains('\n'),
        "{last}"
    );
}

#[test]
fn a_refused_configuration_is_told_by_code_and_path() {
    let host = host(&[], None);
    let bad = ALLOW_EU
        .replace("clusters", "cluster")
        .replace("\"rules\"", "\"rule\"");
    assert!(Authz::configure(&host, config("{}", &bad).as_bytes()).is_none());
    let logs: Vec<String> = host
        .logs
        .borrow()
        .iter()
        .map(|(_, line)| line.clone())
        .collect();
    let logged = |part: &str| logs.iter().any(|line| line.contains(part));
    assert!(
        logged("LB0101") && logged("policies[0].spec.rule") && logged("did you mean `rules`?"),
        "{logs:#?}"
    );
    assert_eq!(host.metric_sum(&["code=.=LB0101;", "rejected_total"]), 1);
    assert!(Authz::configure(&host, b"not json").is_none());
    assert_eq!(host.metric_sum(&["code=.=LB0001;"]), 1);
}

#[test]
fn what_a_configuration_took_is_told() {
    let host = host(&[], None);
    host.step.set(Duration::from_millis(312));
    host.memory.set(Some(25_690_112));
    authz(&host, "{}", ALLOW_EU);
    assert_eq!(host.metric_sum(&["load_milliseconds"]), 312);
    assert_eq!(host.metric_sum(&["memory_bytes"]), 25_690_112);
    let logs = host.logs.borrow();
    let line = &logs.last().unwrap().1;
    assert!(
        line.ends_with("loaded in 312 ms, 24.5 MiB of memory"),
        "{line}"
    );

    // Where the proxy does not tell, neither does the filter.
    let host = MockHost::default();
    host.broken.borrow_mut().push("current time");
    authz(&host, "{}", ALLOW_EU);
    assert!(
        !host
            .metrics
            .borrow()
            .contains_key("landbridge.config.filter=.=authz;.;load_milliseconds")
    );
    assert_eq!(host.metric_sum(&["memory_bytes"]), 0);
}

#[test]
fn the_configuration_in_force_is_told_by_its_digest_whatever_the_order_of_its_keys() {
    let host = host(&[], None);
    authz(&host, "{}", ALLOW_EU);
    let first = host.metric_sum(&["digest=.="]);
    let reordered = ALLOW_EU.replace(
        r#""kind":"CrossClusterAuthorization","metadata":{"name":"allow-eu","namespace":"shop"}"#,
        r#""metadata":{"namespace":"shop","name":"allow-eu"},"kind":"CrossClusterAuthorization""#,
    );
    authz(&host, "{}", &reordered);
    let digests = host
        .metrics
        .borrow()
        .keys()
        .filter(|name| name.contains("digest"))
        .count();
    assert_eq!((first, digests), (1, 1));
    authz(&host, r#"{"explain":"Never"}"#, ALLOW_EU);
    let metrics = host.metrics.borrow();
    let info = metrics.iter().filter(|(name, _)| name.contains("digest"));
    let in_force: Vec<u64> = info.map(|(_, value)| *value).collect();
    assert_eq!(in_force.len(), 2);
    assert_eq!(
        in_force.iter().sum::<u64>(),
        1,
        "the one before is set back"
    );
}

#[test]
fn plugins_of_one_module_are_told_each_by_its_own_configuration() {
    let host = host(&[], None);
    let plugin = |name: &str, options: &str| {
        host.set_property("plugin_root_id", name);
        authz(&host, options, ALLOW_EU);
    };
    let (never, always) = (r#"{"explain":"Never"}"#, r#"{"explain":"Always"}"#);
    let in_force = || {
        let metrics = host.metrics.borrow();
        let info = metrics.iter().filter(|(name, _)| name.contains("digest"));
        info.map(|(_, value)| *value).sum::<u64>()
    };
    plugin("in", never);
    plugin("out", always);
    assert_eq!(in_force(), 2);
    plugin("in", always);
    assert_eq!(in_force(), 1, "both have the same");
    plugin("out", never);
    assert_eq!(in_force(), 2, "what one leaves, the other still has");
}

#[test]
fn a_target_that_the_proxy_cannot_place_itself_in_is_refused() {
    let targeted = ALLOW_EU.replace(
        r#""spec":{"#,
        r#""spec":{"target":{"clusters":["use1-a"],"namespace":"shop","selector":{"matchLabels":{"app":"orders"}}},"#,
    );
    let host = host(&[], Some(EU));
    assert!(Authz::configure(&host, config("{}", &targeted).as_bytes()).is_none());
    assert_eq!(host.metric_sum(&["LB0303"]), 1);
    host.set_property("xds.node.metadata.CLUSTER_ID", "use1-a");
    host.set_property("xds.node.metadata.NAMESPACE", "shop");
    host.set_property("xds.node.metadata.LABELS", "…");
    host.set_property("xds.node.metadata.LABELS.app", "orders");
    assert_eq!(
        authz(&host, "{}", &targeted).on_request(&host, true).0,
        Flow::Continue
    );
    host.set_property("xds.node.metadata.LABELS.app", "payments");
    assert_eq!(
        authz(&host, "{}", &targeted).on_request(&host, true).0,
        Flow::Answered
    );
}

#[test]
fn the_port_is_asked_for_only_where_a_policy_does() {
    let by_port = r#"{"kind":"CrossClusterAuthorization","metadata":{"name":"p","namespace":"shop"},
        "spec":{"rules":[{"to":[{"operation":{"ports":[8080]}}]}]}}"#;
    let host = host(&[], Some(EU));
    let filter = authz(&host, "{}", by_port);
    assert_eq!(
        filter.on_request(&host, true).0,
        Flow::Answered,
        "a port that is not known"
    );
    host.set_property("destination.port", 8080_i64.to_le_bytes());
    assert_eq!(filter.on_request(&host, true).0, Flow::Continue);
    host.set_property("destination.port", 9090_i64.to_le_bytes());
    assert_eq!(filter.on_request(&host, true).0, Flow::Answered);
}

#[test]
fn an_issuer_that_a_waypoint_keeps_proves_a_cluster_only_beside_one_principal() {
    let by_issuer = |options: &str| {
        let domain = r#""trustDomains":["euw1-a.mesh.example"]"#;
        let both = format!(r#"{domain},"issuers":["CN=eu"]"#);
        config(options, ALLOW_EU).replace(domain, &both)
    };
    let two = format!("{EU},{EU}");
    for (identity, principal, issuer, flow) in [
        ("FilterState", Some(EU), Some("CN=eu"), Flow::Continue),
        ("FilterState", Some(EU), Some("CN=us"), Flow::Answered),
        ("FilterState", Some(EU), None, Flow::Answered),
        ("FilterState", Some("-"), Some("CN=eu"), Flow::Answered),
        ("FilterState", Some(&two), Some("CN=eu"), Flow::Answered),
        ("FilterState", None, Some("CN=eu"), Flow::Answered),
        ("Certificate", Some(EU), Some("CN=eu"), Flow::Answered),
    ] {
        let host = host(&[], None);
        for (key, value) in [
            ("filter_state.io.istio.peer_principal", principal),
            ("filter_state.landbridge.peer_issuer", issuer),
        ] {
            if let Some(value) = value {
                host.set_property(key, value);
            }
        }
        let config = by_issuer(&format!(r#"{{"peerIdentity":"{identity}"}}"#));
        let filter = Authz::configure(&host, config.as_bytes()).unwrap();
        let case = format!("{identity} {principal:?} {issuer:?}");
        assert_eq!(filter.on_request(&host, true).0, flow, "{case}");
        let missing = u64::from(principal == Some(EU) && issuer.is_none());
        assert_eq!(
            host.metric_sum(&["issuer_missing_total"]),
            missing,
            "{case}"
        );
    }
}
