//! Who is let in, and what the others are told.

use landbridge_testbed::{Call, Mesh, Side, Workload};

use crate::setup::{ALLOW_US, apply, config, decision, frontend, only};

#[tokio::test]
async fn a_caller_from_another_cluster_is_let_in_by_where_it_is() {
    let policies = config(ALLOW_US, "{}");
    let mesh = Mesh::builder("admission")
        .config(policies)
        .start()
        .await
        .unwrap();
    // Through the caller's own sidecar and directly, in both versions of HTTP.
    for to in ["use1-a", "euw1-a"] {
        for (from, status) in [("use1-a", 200), ("use1-b", 200), ("euw1-a", 403)] {
            let call = Call::get("/orders").from(frontend(from)).to(to);
            for call in [call.clone(), call.clone().http2(), call.via_sidecar()] {
                let reply = mesh.call(call.clone()).await.unwrap();
                assert_eq!(reply.status, status, "{call:?}");
                if status == 403 {
                    assert_eq!(reply.text(), "access denied");
                    assert_eq!(reply.header("x-landbridge-decision"), None);
                }
            }
        }
    }
    // The right jurisdiction and the wrong namespace.
    let partner = Workload::new("use1-b", "partner", "frontend");
    let reply = mesh
        .call(Call::get("/").from(partner).to("use1-a"))
        .await
        .unwrap();
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (403, "access denied")
    );
    assert_eq!(mesh.upstream("use1-a").requests(), 6);
    assert_eq!(mesh.upstream("euw1-a").requests(), 6);
}

#[tokio::test]
async fn each_way_of_saying_where_a_caller_is_admits_and_refuses() {
    let mesh = Mesh::builder("where")
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false);
    let mesh = mesh.config(config(ALLOW_US, "{}")).start().await.unwrap();
    for source in [
        "clusters: [euw1-a]",
        "regions: [eu-west-1]",
        "jurisdictions: [EU]",
        "networks: [eu]",
        "namespaces: [shop], notClusters: [use1-a]",
        "serviceAccounts: [shop/frontend], notJurisdictions: [US]",
        "principals: [euw1-a.mesh.example/ns/shop/sa/frontend]",
    ] {
        let policy = format!(
            "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: where, namespace: shop}}
spec: {{rules: [{{from: [{{source: {{{source}}}}}]}}]}}
"
        );
        apply(&mesh, "use1-a", &config(&policy, "{}")).await;
        for (from, status) in [("euw1-a", 200), ("use1-a", 403)] {
            let call = Call::get("/").from(frontend(from)).to("use1-a");
            assert_eq!(
                mesh.call(call).await.unwrap().status,
                status,
                "{source} from {from}"
            );
        }
    }
}

#[tokio::test]
async fn grpc_is_denied_in_its_own_words() {
    let mesh = Mesh::builder("grpc")
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false);
    let mesh = mesh.config(config(ALLOW_US, "{}")).start().await.unwrap();
    let call = |from: &str| {
        Call::grpc("/shop.Orders/Get")
            .from(frontend(from))
            .to("use1-a")
    };
    let allowed = mesh.call(call("use1-a")).await.unwrap();
    assert_eq!((allowed.status, allowed.grpc_status()), (200, Some(0)));
    let denied = mesh.call(call("euw1-a")).await.unwrap();
    assert_eq!((denied.status, denied.grpc_status()), (200, Some(7)));
    assert_eq!(denied.header("grpc-message"), Some("access denied"));
    assert!(denied.body.is_empty());
    assert_eq!(mesh.upstream("use1-a").requests(), 1);
}

#[tokio::test]
async fn deny_beats_allow_audit_decides_nothing_and_the_default_rules_the_rest() {
    let mesh = Mesh::builder("actions")
        .clusters(only(&["use1-a", "euw1-a"]))
        .clients(false);
    let mesh = mesh.config(config(ALLOW_US, "{}")).start().await.unwrap();
    let policy = |name: &str, action: &str, rules: &str| {
        format!(
            "
---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: {name}, namespace: shop}}
spec: {{action: {action}, rules: {rules}}}
"
        )
    };
    let allow = policy(
        "allow",
        "ALLOW",
        "[{to: [{operation: {paths: [/orders*]}}]}]",
    );
    let deny = policy(
        "deny",
        "DENY",
        "[{to: [{operation: {paths: [/orders/admin]}}]}]",
    );
    let audit = policy(
        "audit",
        "AUDIT",
        "[{from: [{source: {clusters: [euw1-a]}}]}]",
    );
    let status = async |path: &str| {
        let call = Call::get(path).from(frontend("euw1-a")).to("use1-a");
        mesh.call(call).await.unwrap().status
    };

    apply(
        &mesh,
        "use1-a",
        &config(&format!("{allow}{deny}{audit}"), "{}"),
    )
    .await;
    assert_eq!(status("/orders/1").await, 200);
    assert_eq!(status("/orders/admin").await, 403, "DENY beats ALLOW");
    assert_eq!(status("/other").await, 403, "what no ALLOW policy allows");
    let allowed = decision(&mesh, "use1-a", "/orders/1").await;
    assert_eq!(allowed["policy"], "shop/allow");
    assert_eq!(allowed["audited"], serde_json::json!(["shop/audit:0"]));
    let denied = decision(&mesh, "use1-a", "/orders/admin").await;
    assert_eq!(
        (&denied["policy"], &denied["reason"]),
        (&"shop/deny".into(), &"DENIED_BY_RULE".into())
    );
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    let audited = [("policy", "shop/audit"), ("source_cluster", "euw1-a")];
    assert_eq!(stats.sum("landbridge_authz_audited_total", &audited), 3.0);

    let without_allow = format!("{deny}{audit}");
    apply(
        &mesh,
        "use1-a",
        &config(&without_allow, r#"{"defaultAction":"Deny"}"#),
    )
    .await;
    assert_eq!(status("/default-deny").await, 403);
    assert_eq!(
        decision(&mesh, "use1-a", "/default-deny").await["reason"],
        "DENIED_BY_DEFAULT"
    );
    apply(
        &mesh,
        "use1-a",
        &config(&without_allow, r#"{"defaultAction":"Allow"}"#),
    )
    .await;
    assert_eq!(status("/default-allow").await, 200);
    assert_eq!(status("/orders/admin").await, 403, "DENY beats the default");
}

#[tokio::test]
async fn a_target_is_found_by_the_proxys_own_metadata() {
    let policy = |target: &str| {
        config(
            &format!(
                "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: targeted, namespace: shop}}
spec: {{target: {target}, rules: [{{}}]}}
"
            ),
            "{}",
        )
    };
    let mesh = Mesh::builder("target")
        .clusters(only(&["use1-a"]))
        .clients(false);
    let mesh = mesh.config(config(ALLOW_US, "{}")).start().await.unwrap();
    for (target, status) in [
        ("{clusters: [use1-a, euw1-a]}", 200),
        ("{clusters: [euw1-a]}", 403),
        ("{namespace: shop}", 200),
        ("{namespace: partner}", 403),
        ("{selector: {matchLabels: {app: orders}}}", 200),
        ("{selector: {matchLabels: {app: payments}}}", 403),
        ("{selector: {matchLabels: {tier: gold}}}", 403),
        (
            "{clusters: [use1-a], namespace: shop, selector: {matchLabels: {app: orders}}}",
            200,
        ),
    ] {
        apply(&mesh, "use1-a", &policy(target)).await;
        let call = Call::get("/").from(frontend("use1-a")).to("use1-a");
        assert_eq!(mesh.call(call).await.unwrap().status, status, "{target}");
    }
}
