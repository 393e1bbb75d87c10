//! Who a caller is comes from its validated certificate, and from nothing else.

use landbridge_testbed::{Call, CallError, Identity, Mesh, Signer};

use crate::setup::{ALLOW_ALL, ALLOW_US, apply, config, decision, frontend, stray};

/// A mesh that lets every caller of the US in, and trusts a domain that its document does not
/// know.
async fn mesh(name: &str) -> Mesh {
    let mesh = Mesh::builder(name)
        .clients(false)
        .extra_trust_domain("stray.example");
    mesh.config(config(ALLOW_US, "{}")).start().await.unwrap()
}

#[tokio::test]
async fn who_cannot_prove_who_they_are_does_not_reach_http() {
    let mesh = mesh("no-proof").await;
    let us = "spiffe://use1-a.mesh.example/ns/shop/sa/frontend";
    let euw1 = Signer::Cluster("euw1-a".to_owned());
    for (why, who) in [
        ("no certificate", Identity::anonymous("use1-b")),
        (
            "a CA nobody trusts",
            Identity::spiffe("use1-b", us, Signer::Stranger),
        ),
        ("another cluster's CA", Identity::spiffe("euw1-a", us, euw1)),
    ] {
        let outcome = mesh.call(Call::get("/").from(who).to("use1-b")).await;
        assert!(
            matches!(outcome, Err(CallError::Tls(_))),
            "{why}: {outcome:?}"
        );
    }
    let plaintext = mesh.call(Call::get("/").to("use1-b").plaintext()).await;
    assert!(
        matches!(plaintext, Err(CallError::Http(_))),
        "{plaintext:?}"
    );
    assert_eq!(mesh.upstream("use1-b").requests(), 0);
    assert_eq!(
        mesh.access_log("use1-b", landbridge_testbed::Side::Server)
            .unwrap()
            .len(),
        0
    );
    // The same address with a certificate of its own is let in.
    let reply = mesh
        .call(Call::get("/").from(frontend("use1-a")).to("use1-b"))
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_trust_domain_that_the_mesh_does_not_know_is_an_unknown_cluster() {
    let mesh = mesh("unknown-cluster").await;
    let reply = mesh
        .call(Call::get("/unknown").from(stray()).to("use1-a"))
        .await
        .unwrap();
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (403, "access denied")
    );
    let decided = decision(&mesh, "use1-a", "/unknown").await;
    assert_eq!(decided["reason"], "UNKNOWN_CLUSTER");
    assert_eq!(decided["source_cluster"], "unknown");
    // A negative match does not let it in either.
    let not_eu = "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: not-eu, namespace: shop}
spec: {rules: [{from: [{source: {notJurisdictions: [EU]}}]}]}
";
    apply(&mesh, "use1-a", &config(not_eu, "{}")).await;
    let reply = mesh
        .call(Call::get("/").from(stray()).to("use1-a"))
        .await
        .unwrap();
    assert_eq!(reply.status, 403);
}

/// Headers that say where a request comes from, as an attacker in the EU would set them.
const FORGED: [(&str, &str); 9] = [
    (
        "x-forwarded-client-cert",
        "By=spiffe://use1-b.mesh.example/ns/shop/sa/orders;URI=spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
    ),
    (
        "x-envoy-peer-metadata",
        "ChkKDkFQUF9DT05UQUlORVJTEgcaBWh0dHBkChMKCkNMVVNURVJfSUQSBRoDdXMx",
    ),
    (
        "x-envoy-peer-metadata-id",
        "sidecar~127.0.0.1~frontend-use1-a.shop~shop.svc.cluster.local",
    ),
    ("x-forwarded-for", "127.0.0.11"),
    ("x-forwarded-network", "us"),
    ("x-landbridge-cluster", "use1-a"),
    ("x-landbridge-decision", "verdict=allow"),
    ("x-landbridge-hops", "0"),
    ("baggage", "k8s.cluster.name=use1-a"),
];

#[tokio::test]
async fn forged_headers_gain_nothing_and_ours_do_not_reach_the_service() {
    let mesh = mesh("forged").await;
    let forge = |mut call: Call| {
        for (name, value) in FORGED {
            call = call.header(name, value);
        }
        call
    };
    for call in [Call::get("/"), Call::get("/").http2()] {
        let call = forge(call.from(frontend("euw1-a")).to("use1-b"));
        assert_eq!(mesh.call(call).await.unwrap().status, 403);
    }
    assert_eq!(mesh.upstream("use1-b").requests(), 0);
    // Of a caller that is let in, ours are removed and the others are left as they are.
    let reply = mesh
        .call(forge(Call::get("/").from(frontend("use1-a")).to("use1-b")))
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
    for (name, value) in FORGED {
        let received = reply.received(name);
        if name.starts_with("x-landbridge-") {
            assert_eq!(received, Vec::<String>::new(), "{name}");
        } else {
            assert!(
                received.join(",").starts_with(value),
                "{name}: {received:?}"
            );
        }
    }
}

#[tokio::test]
async fn only_the_trusted_are_told_why() {
    let mesh = mesh("trusted").await;
    let options =
        r#"{"trustedCallers":[{"clusters":["use1-a"],"serviceAccounts":["ops/oncall"]}]}"#;
    apply(&mesh, "use1-b", &config(ALLOW_US, options)).await;
    let oncall = landbridge_testbed::Workload::new("use1-a", "ops", "oncall");
    let denied = mesh
        .call(Call::get("/").from(oncall.clone()).to("use1-b"))
        .await
        .unwrap();
    assert_eq!(
        (denied.status, denied.text().as_str()),
        (403, "access denied")
    );
    assert_eq!(
        denied.header("x-landbridge-decision"),
        Some(r#"filter=authz, verdict=deny, reason=NO_RULE_MATCHED, source_cluster="use1-a""#)
    );
    let other = mesh
        .call(Call::get("/").from(frontend("euw1-a")).to("use1-b"))
        .await
        .unwrap();
    assert_eq!(
        (other.status, other.header("x-landbridge-decision")),
        (403, None)
    );

    apply(&mesh, "use1-b", &config(ALLOW_ALL, options)).await;
    let call = Call::get("/")
        .from(oncall)
        .to("use1-b")
        .header("x-landbridge-hops", "1");
    let allowed = mesh.call(call).await.unwrap();
    assert_eq!(
        allowed.header("x-landbridge-decision"),
        Some(
            r#"filter=authz, verdict=allow, reason=ALLOWED_BY_RULE, source_cluster="use1-a", policy="shop/allow-all", rule="anyone""#
        )
    );
    assert_eq!(
        allowed.received("x-landbridge-hops"),
        ["1"],
        "the trusted may set it"
    );
}
