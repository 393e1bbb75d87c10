//! A waypoint sees no certificate: who called is filter state, where its proxy is said to keep it.

use landbridge_testbed::{Call, ClusterSpec, Identity, Mesh, PeerAuthentication, Signer, Workload};

use crate::identity::{BY_ISSUER, shared};
use crate::setup::{apply, config, decision, frontend};

const FILTER_STATE: &str = r#"{"peerIdentity": "FilterState"}"#;

fn policy(source: &str) -> String {
    format!(
        "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: it, namespace: shop}}
spec: {{rules: [{{from: [{{source: {{{source}}}}}]}}]}}
"
    )
}

/// Waypoints that take plaintext too: of its callers there is nothing to keep.
async fn mesh(name: &str, config: String) -> Mesh {
    let mesh = Mesh::builder(name)
        .clients(false)
        .waypoints()
        .peer_authentication(PeerAuthentication::Permissive)
        .extra_trust_domain("stray.example");
    mesh.config(config).start().await.unwrap()
}

async fn status(mesh: &Mesh, call: Call) -> u16 {
    mesh.call(call).await.unwrap().status
}

#[tokio::test]
async fn a_waypoint_judges_by_what_its_proxy_keeps_of_who_called() {
    let policy = policy("clusters: [use1-b], namespaces: [shop]");
    let mesh = mesh("waypoint-state", config(&policy, FILTER_STATE)).await;
    let other = Workload::new("use1-b", "partner", "frontend");
    for (who, path, answer, cluster) in [
        (frontend("use1-b"), "/b", 200, "use1-b"),
        (frontend("use1-a"), "/a", 403, "use1-a"),
        (frontend("euw1-a"), "/eu", 403, "euw1-a"),
        (other, "/partner", 403, "use1-b"),
    ] {
        let call = Call::get(path).from(who).to("use1-a");
        assert_eq!(status(&mesh, call.clone()).await, answer, "{path}");
        assert_eq!(status(&mesh, call.http2()).await, answer, "{path}");
        let decided = decision(&mesh, "use1-a", path).await;
        assert_eq!(decided["source_cluster"], cluster, "{path}");
    }
    // Whose headers are named like it gains nothing.
    let mut call = Call::get("/").from(frontend("euw1-a")).to("use1-a");
    for name in ["io.istio.peer_principal", "x-forwarded-client-cert"] {
        let forged = "URI=spiffe://use1-b.mesh.example/ns/shop/sa/frontend";
        call = call.header(name, forged).header(name, &forged[4..]);
    }
    assert_eq!(status(&mesh, call).await, 403);
}

/// Neither who has no certificate nor who has a principal twice is anybody.
async fn nobody_without_a_single_principal(mesh: &Mesh) {
    let uri = mesh.spiffe(&frontend("use1-b")).unwrap();
    let signer = Signer::Cluster("use1-b".to_owned());
    let two = Identity::uris("use1-b", [uri.clone(), uri], signer);
    let call = |path, who: Identity| Call::get(path).from(who).to("use1-a");
    let plain = call("/plain", frontend("use1-b").into()).plaintext();
    for (path, call) in [("/plain", plain), ("/two", call("/two", two))] {
        assert_eq!(status(mesh, call).await, 403, "{path}");
        let decided = decision(mesh, "use1-a", path).await;
        assert_eq!(decided["reason"], "UNAUTHENTICATED_SOURCE", "{path}");
    }
}

#[tokio::test]
async fn who_is_nowhere_kept_is_not_authenticated() {
    let not_eu = policy("notClusters: [euw1-a]");
    let mesh = mesh("waypoint-nobody", config(&not_eu, FILTER_STATE)).await;
    nobody_without_a_single_principal(&mesh).await;
    let from = |who: Identity, path: &str| Call::get(path).from(who).to("use1-a");
    assert_eq!(
        status(&mesh, from(crate::setup::stray(), "/stray")).await,
        403
    );
    let decided = decision(&mesh, "use1-a", "/stray").await;
    assert_eq!(decided["reason"], "UNKNOWN_CLUSTER");
    let known = from(frontend("use1-b").into(), "/");
    assert_eq!(status(&mesh, known).await, 200);
}

#[tokio::test]
async fn filter_state_counts_only_where_it_is_said_to() {
    let policy = policy("clusters: [use1-b]");
    let mesh = mesh("waypoint-default", config(&policy, "{}")).await;
    for (options, path, answer) in [
        ("{}", "/default", 403),
        (r#"{"peerIdentity": "Certificate"}"#, "/certificate", 403),
        (FILTER_STATE, "/state", 200),
    ] {
        apply(&mesh, "use1-a", &config(&policy, options)).await;
        let call = Call::get(path).from(frontend("use1-b")).to("use1-a");
        assert_eq!(status(&mesh, call).await, answer, "{path}");
        if answer == 403 {
            let decided = decision(&mesh, "use1-a", path).await;
            assert_eq!(decided["reason"], "UNAUTHENTICATED_SOURCE", "{path}");
        }
    }
}

#[tokio::test]
async fn a_sidecar_told_to_look_at_filter_state_looks_at_the_certificate_first() {
    let mesh = Mesh::builder("sidecar-state")
        .clients(false)
        .peer_authentication(PeerAuthentication::Permissive);
    let policy = policy("clusters: [use1-b]");
    let mesh = mesh
        .config(config(&policy, FILTER_STATE))
        .start()
        .await
        .unwrap();
    let call = |path: &str| Call::get(path).from(frontend("use1-b")).to("use1-a");
    assert_eq!(status(&mesh, call("/")).await, 200);
    assert_eq!(status(&mesh, call("/plain").plaintext()).await, 403);
    let decided = decision(&mesh, "use1-a", "/plain").await;
    assert_eq!(decided["reason"], "UNAUTHENTICATED_SOURCE");
}

/// Clusters of one trust domain, waypoints that take plaintext too.
async fn one_trust_domain(name: &str, source: &str, options: &str) -> Mesh {
    let clusters = ClusterSpec::default_mesh().into_iter();
    let clusters = clusters.map(|cluster| cluster.in_trust_domain("cluster.local"));
    let mesh = Mesh::builder(name)
        .clusters(clusters)
        .clients(false)
        .waypoints()
        .peer_authentication(PeerAuthentication::Permissive)
        .config(shared(BY_ISSUER, source, Some(options)));
    mesh.start().await.unwrap()
}

#[tokio::test]
async fn clusters_that_only_their_issuer_tells_apart_are_known_at_a_waypoint() {
    let mesh = one_trust_domain("waypoint-issuer", "clusters: [use1-b]", FILTER_STATE).await;
    for (from, answer) in [("use1-b", 200), ("use1-a", 403), ("euw1-a", 403)] {
        let path = format!("/{from}");
        let call = Call::get(&path).from(frontend(from)).to("use1-a");
        assert_eq!(status(&mesh, call.clone()).await, answer, "{from}");
        assert_eq!(status(&mesh, call.http2()).await, answer, "{from}");
        let decided = decision(&mesh, "use1-a", &path).await;
        assert_eq!(decided["source_cluster"], from, "{from}");
    }
    // No header is filter state.
    let mut call = Call::get("/").from(frontend("euw1-a")).to("use1-a");
    for name in ["landbridge.peer_issuer", "io.istio.peer_issuer"] {
        call = call.header(name, "L=use1-b,CN=Root CA,O=Istio");
    }
    assert_eq!(status(&mesh, call).await, 403);
}

#[tokio::test]
async fn an_issuer_without_a_single_principal_proves_nothing_at_a_waypoint() {
    let not_eu = "notClusters: [euw1-a]";
    let mesh = one_trust_domain("waypoint-issuer-alone", not_eu, FILTER_STATE).await;
    nobody_without_a_single_principal(&mesh).await;
    let from = |who: Identity, path: &str| Call::get(path).from(who).to("use1-a");
    let known = from(frontend("use1-b").into(), "/");
    assert_eq!(status(&mesh, known).await, 200);
    // Nor does it where the principal is not looked at.
    apply(&mesh, "use1-a", &shared(BY_ISSUER, not_eu, Some("{}"))).await;
    let unread = from(frontend("use1-b").into(), "/unread");
    assert_eq!(status(&mesh, unread).await, 403);
    let decided = decision(&mesh, "use1-a", "/unread").await;
    assert_eq!(decided["reason"], "UNAUTHENTICATED_SOURCE");
}
