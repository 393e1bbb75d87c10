//! Where Istio's policies apply, whom their trust domains mean, and what stands at a waypoint.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails loudly"
)]

use landbridge_engine::policy_test::{Nowhere, TestRequest};
use landbridge_engine::{Decision, Loaded, Reason, Verdict, load};
use landbridge_model::{Diagnostic, Limits};

const MESH: &str = r#"{"regions":[{"name":"r","jurisdiction":"J"}],
    "clusters":[{"name":"c","identity":{"trustDomains":["new.example","old.example"]},"region":"r"}],
    "istio":{"rootNamespace":"root","trustDomain":"new.example","trustDomainAliases":["old.example"]}}"#;

fn configured(local: &str, policies: &[String]) -> Result<Loaded, Vec<Diagnostic>> {
    let policies = policies.join(",");
    let json = format!(
        r#"{{"apiVersion":"landbridge.dev/v1alpha1","mesh":{MESH},"local":{local},"policies":[{policies}]}}"#
    );
    load(json.as_bytes(), &Limits::default(), &Nowhere)
}

fn loaded(local: &str, policies: &[String]) -> Loaded {
    configured(local, policies).unwrap_or_else(|found| panic!("{found:#?}"))
}

fn policy(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        r#"{{"kind":"AuthorizationPolicy","metadata":{{"name":"{name}","namespace":"{namespace}"}},"spec":{spec}}}"#
    )
}

fn request(uri: &str, service: Option<&str>) -> TestRequest {
    TestRequest {
        headers: [(":method", "GET"), (":authority", "a"), (":path", "/")]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
            .to_vec(),
        certificate_uri: Some(uri.to_owned()),
        route_cluster: service.map(|host| format!("inbound-vip|80|http|{host}")),
        ..TestRequest::default()
    }
}

fn decide(loaded: &Loaded, uri: &str) -> Decision {
    request(uri, None).decide(&loaded.set)
}

#[test]
fn a_principal_is_meant_in_the_meshs_trust_domain_and_its_aliases() {
    let id = |domain: &str| format!("spiffe://{domain}/ns/shop/sa/a");
    for (principal, new, old, other) in [
        ("cluster.local/ns/shop/sa/a", true, true, false),
        ("new.example/ns/shop/sa/a", true, true, false),
        ("old.example/ns/shop/sa/a", true, true, false),
        ("other.example/ns/shop/sa/a", false, false, true),
        ("*d.example/ns/shop/sa/a", true, true, false),
        ("*/ns/shop/sa/a", true, true, true),
        ("new.example/*", true, false, false),
        ("cluster.local/ns/shop/sa/*", true, true, false),
        ("*", true, true, true),
    ] {
        let spec =
            format!(r#"{{"rules":[{{"from":[{{"source":{{"principals":["{principal}"]}}}}]}}]}}"#);
        let set = loaded(
            r#"{"cluster":"c","namespace":"shop"}"#,
            &[policy("shop", "p", &spec)],
        );
        for (domain, allowed) in [
            ("new.example", new),
            ("old.example", old),
            ("other.example", other),
        ] {
            let verdict = decide(&set, &id(domain)).verdict;
            assert_eq!(verdict == Verdict::Allow, allowed, "{principal} {domain}");
        }
    }
}

#[test]
fn a_trust_domain_is_meant_with_its_aliases_and_a_pattern_is_not() {
    for (domain, old) in [
        ("new.example", true),
        ("old.example", true),
        ("new*", false),
        ("*", true),
    ] {
        let spec =
            format!(r#"{{"rules":[{{"from":[{{"source":{{"trustDomains":["{domain}"]}}}}]}}]}}"#);
        let set = loaded(
            r#"{"cluster":"c","namespace":"shop"}"#,
            &[policy("shop", "p", &spec)],
        );
        let verdict = decide(&set, "spiffe://old.example/ns/a/sa/b").verdict;
        assert_eq!(verdict == Verdict::Allow, old, "{domain}");
    }
}

#[test]
fn a_policy_applies_in_its_namespace_and_one_of_the_root_namespace_everywhere() {
    let deny = r#"{"action":"DENY","rules":[{}]}"#;
    let labelled = r#"{"action":"DENY","selector":{"matchLabels":{"app":"x"}},"rules":[{}]}"#;
    for (namespace, spec, local, applies) in [
        ("shop", deny, r#"{"namespace":"shop"}"#, true),
        ("shop", deny, r#"{"namespace":"bank"}"#, false),
        ("root", deny, r#"{"namespace":"bank"}"#, true),
        ("istio-system", deny, r#"{"namespace":"bank"}"#, false),
        (
            "root",
            labelled,
            r#"{"namespace":"bank","labels":{"app":"x"}}"#,
            true,
        ),
        (
            "root",
            labelled,
            r#"{"namespace":"bank","labels":{"app":"y"}}"#,
            false,
        ),
    ] {
        let set = loaded(local, &[policy(namespace, "p", spec)]);
        let verdict = decide(&set, "spiffe://new.example/ns/a/sa/b").verdict;
        assert_eq!(
            verdict == Verdict::Deny,
            applies,
            "{namespace} {spec} {local}"
        );
    }
    // What a proxy does not know of itself is no reason to pass over a policy.
    let found = configured("{}", &[policy("shop", "p", deny)]).unwrap_err();
    assert_eq!(
        found.iter().map(|d| d.code.as_str()).collect::<Vec<_>>(),
        ["LB0303"]
    );
    let attached = r#"{"action":"DENY","targetRefs":[{"kind":"Gateway","name":"g"}],"rules":[{}]}"#;
    let found =
        configured(r#"{"namespace":"shop"}"#, &[policy("shop", "p", attached)]).unwrap_err();
    assert_eq!(
        found.iter().map(|d| d.code.as_str()).collect::<Vec<_>>(),
        ["LB0303"]
    );
}

const GATEWAY: &str = r#"{"namespace":"shop","labels":{"gateway.networking.k8s.io/gateway-name":"g","gateway.networking.k8s.io/gateway-class-name":"istio"}}"#;
const WAYPOINT: &str = r#"{"namespace":"shop","labels":{"gateway.networking.k8s.io/gateway-name":"w","gateway.networking.k8s.io/gateway-class-name":"istio-waypoint","gateway.istio.io/managed":"istio.io-mesh-controller"}}"#;
const SIDECAR: &str = r#"{"namespace":"shop","labels":{"app":"g"}}"#;

#[test]
fn what_is_attached_to_a_gateway_applies_there_alone() {
    let attached = |kind: &str, name: &str| {
        format!(
            r#"{{"action":"DENY","targetRefs":[{{"kind":"{kind}","name":"{name}"}}],"rules":[{{}}]}}"#
        )
    };
    let everywhere = r#"{"action":"DENY","rules":[{}]}"#.to_owned();
    for (namespace, spec, local, applies) in [
        ("shop", attached("Gateway", "g"), GATEWAY, true),
        ("shop", attached("Gateway", "other"), GATEWAY, false),
        ("bank", attached("Gateway", "g"), GATEWAY, false),
        ("shop", attached("Gateway", "g"), SIDECAR, false),
        ("root", attached("GatewayClass", "istio"), GATEWAY, true),
        ("shop", attached("GatewayClass", "istio"), GATEWAY, false),
        (
            "root",
            attached("GatewayClass", "istio-waypoint"),
            WAYPOINT,
            true,
        ),
        // A waypoint takes what is attached to it, and nothing else.
        ("shop", everywhere.clone(), GATEWAY, true),
        ("shop", everywhere, WAYPOINT, false),
    ] {
        let set = loaded(local, &[policy(namespace, "p", &spec)]);
        let verdict = decide(&set, "spiffe://new.example/ns/a/sa/b").verdict;
        assert_eq!(
            verdict == Verdict::Deny,
            applies,
            "{namespace} {spec} {local}"
        );
    }
}

#[test]
fn what_is_attached_to_a_service_applies_to_requests_to_it() {
    let id = "spiffe://new.example/ns/shop/sa/a";
    let orders = "orders.shop.svc.cluster.local";
    let stock = "stock.shop.svc.cluster.local";
    let refs = r#""targetRefs":[{"kind":"Service","name":"orders"}]"#;
    let only_a = format!(
        r#"{{{refs},"rules":[{{"from":[{{"source":{{"principals":["new.example/ns/shop/sa/a"]}}}}]}}]}}"#
    );
    let set = loaded(WAYPOINT, &[policy("shop", "p", &only_a)]);
    let of = |uri: &str, service: Option<&str>| {
        let decision = request(uri, service).decide(&set.set);
        (decision.verdict, decision.reason)
    };
    let other = "spiffe://new.example/ns/shop/sa/b";
    assert_eq!(
        of(id, Some(orders)),
        (Verdict::Allow, Reason::AllowedByRule)
    );
    assert_eq!(
        of(other, Some(orders)),
        (Verdict::Deny, Reason::NoRuleMatched)
    );
    // To another service the policy is not there, and so nothing keeps anyone out.
    assert_eq!(
        of(other, Some(stock)),
        (Verdict::Allow, Reason::AllowedByDefault)
    );
    // Of the same name in another namespace, too.
    let foreign = "orders.bank.svc.cluster.local";
    assert_eq!(
        of(other, Some(foreign)),
        (Verdict::Allow, Reason::AllowedByDefault)
    );
    // Where it is not known for which service a request is, it may be for this one.
    assert_eq!(of(id, None).0, Verdict::Deny);
    let deny = format!(r#"{{"action":"DENY",{refs},"rules":[{{}}]}}"#);
    let set = loaded(WAYPOINT, &[policy("shop", "p", &deny)]);
    let of = |service: Option<&str>| request(id, service).decide(&set.set).verdict;
    assert_eq!(of(Some(orders)), Verdict::Deny);
    assert_eq!(of(Some(stock)), Verdict::Allow);
    assert_eq!(of(None), Verdict::Deny);
}

#[test]
fn ids_of_any_form_are_matched_as_istios_regular_expressions_do() {
    let spec = |source: &str| format!(r#"{{"rules":[{{"from":[{{"source":{{{source}}}}}]}}]}}"#);
    for (source, uri, allowed) in [
        (
            r#""namespaces":["shop"]"#,
            "spiffe://td/cluster/c/ns/shop/sa/a",
            true,
        ),
        (
            r#""namespaces":["shop"]"#,
            "spiffe://td/ns/a/sa/b/ns/shop/x",
            true,
        ),
        (r#""namespaces":["shop"]"#, "spiffe://td/ns/shop", false),
        (r#""namespaces":["sh*"]"#, "spiffe://td/ns/shop/sa/a", true),
        (
            r#""namespaces":["shop/sa"]"#,
            "spiffe://td/ns/shop/sa/a",
            true,
        ),
        (r#""namespaces":["s*p"]"#, "spiffe://td/ns/shop/sa/a", true),
        (
            r#""serviceAccounts":["shop/a.b"]"#,
            "spiffe://td/ns/shop/sa/axb",
            true,
        ),
        (
            r#""serviceAccounts":["shop/a"]"#,
            "spiffe://td/ns/shop/x/sa/a/y",
            true,
        ),
        (
            r#""serviceAccounts":["shop/a"]"#,
            "spiffe://td/ns/shop/sa/ab",
            false,
        ),
        (
            r#""serviceAccounts":["a"]"#,
            "spiffe://td/ns/shop/sa/a",
            true,
        ),
        (
            r#""principals":["*.d/ns/a/sa/b"]"#,
            "spiffe://txd/ns/a/sa/b",
            true,
        ),
        (
            r#""principals":["*.d/ns/a/sa/b"]"#,
            "spiffe://d/ns/a/sa/b",
            false,
        ),
        (
            r#""notPrincipals":["td/*"]"#,
            "spiffe://td/ns/a/sa/b",
            false,
        ),
    ] {
        let set = loaded(
            r#"{"namespace":"shop"}"#,
            &[policy("shop", "p", &spec(source))],
        );
        let verdict = decide(&set, uri).verdict;
        assert_eq!(verdict == Verdict::Allow, allowed, "{source} {uri}");
    }
}
