//! Whose cluster a caller is from, in meshes whose clusters share a trust domain.

use std::time::Duration;

use landbridge_model::{render, validate, yaml};
use landbridge_testbed::{
    Call, CallError, ClusterAuthority, ClusterSpec, Filter, Identity, Mesh, Side, Signer,
};

use crate::setup::{decision, frontend};

/// Three clusters in one trust domain, each with its own CA; `identity` is that of each.
pub(crate) fn shared(identity: &str, source: &str, options: Option<&str>) -> String {
    let cluster = |name: &str, region: &str| {
        let identity = identity.replace("NAME", name);
        format!("  - {{name: {name}, region: {region}, identity: {identity}}}\n")
    };
    let text = format!(
        "
apiVersion: landbridge.dev/v1alpha1
kind: Mesh
metadata: {{name: shared}}
spec:
  regions: [{{name: us-east-1, jurisdiction: US}}, {{name: eu-west-1, jurisdiction: EU}}]
  clusters:
{}{}{}---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: by-identity, namespace: shop}}
spec: {{rules: [{{name: it, from: [{{source: {{{source}}}}}]}}]}}
",
        cluster("use1-a", "us-east-1"),
        cluster("use1-b", "us-east-1"),
        cluster("euw1-a", "eu-west-1"),
    );
    let documents = yaml::read(&text, None).unwrap_or_else(|(_, found)| panic!("{found:#?}"));
    assert_eq!(validate::documents(&documents), []);
    render(&documents, None, options)
}

fn config(identity: &str, source: &str) -> String {
    shared(identity, source, None)
}

async fn mesh(name: &str, filters: Vec<Filter>, config: String) -> Mesh {
    let clusters = ClusterSpec::default_mesh();
    let shared = clusters
        .into_iter()
        .map(|cluster| cluster.in_trust_domain("cluster.local"));
    let mesh = Mesh::builder(name)
        .clusters(shared)
        .filters(filters)
        .config(config);
    mesh.clients(false).start().await.unwrap()
}

pub(crate) const BY_ISSUER: &str =
    "{trustDomains: [cluster.local], issuers: ['L=NAME, CN=Root CA, O=Istio']}";

#[tokio::test]
async fn one_spiffe_id_from_two_clusters_is_told_apart_by_its_issuer() {
    let filters = vec![Filter::peer_issuer(), Filter::wasm("authz").unwrap()];
    let mesh = mesh("issuer", filters, config(BY_ISSUER, "regions: [us-east-1]")).await;
    let uri = mesh.spiffe(&frontend("use1-b")).unwrap();
    assert_eq!(mesh.spiffe(&frontend("euw1-a")).unwrap(), uri);
    for (from, status) in [("use1-a", 200), ("use1-b", 200), ("euw1-a", 403)] {
        let path = format!("/from/{from}");
        let call = Call::get(&path).from(frontend(from)).to("use1-a");
        assert_eq!(mesh.call(call).await.unwrap().status, status, "{from}");
        assert_eq!(
            decision(&mesh, "use1-a", &path).await["source_cluster"],
            from
        );
    }
    // A header is no filter state.
    let forged = Call::get("/").from(frontend("euw1-a")).to("use1-a");
    let forged = forged.header("landbridge.peer_issuer", "L=use1-a,CN=Root CA,O=Istio");
    assert_eq!(mesh.call(forged).await.unwrap().status, 403);
}

/// Why an authority that tells a cluster must be an intermediate one with `pathlen:0`: Envoy does not
/// look at a root's `pathlen`.
#[tokio::test]
async fn an_authority_that_may_make_others_can_take_anothers_name() {
    for (authority, is_taken_in) in [
        (ClusterAuthority::Intermediate, false),
        (ClusterAuthority::Delegating, true),
        (ClusterAuthority::Root, true),
    ] {
        let clusters = ClusterSpec::default_mesh().into_iter().map(|cluster| {
            let cluster = cluster.in_trust_domain("cluster.local");
            cluster.signed_by(authority)
        });
        let issuers = match authority {
            ClusterAuthority::Root => BY_ISSUER.to_owned(),
            _ => BY_ISSUER.replace("Root CA", "Intermediate CA"),
        };
        let mesh = Mesh::builder("imitated")
            .clusters(clusters)
            .filters([Filter::peer_issuer(), Filter::wasm("authz").unwrap()])
            .config(config(&issuers, "clusters: [use1-b]"));
        let mesh = mesh.clients(false).start().await.unwrap();
        let call = |who: Identity| mesh.call(Call::get("/").from(who).to("use1-a"));
        for (honest, status) in [("use1-b", 200), ("euw1-a", 403)] {
            let reply = call(frontend(honest).into()).await.unwrap();
            assert_eq!(reply.status, status, "{authority:?}");
        }
        let uri = mesh.spiffe(&frontend("euw1-a")).unwrap();
        let signer = Signer::Imitation {
            by: "euw1-a".to_owned(),
            of: "use1-b".to_owned(),
        };
        let outcome = call(Identity::spiffe("euw1-a", uri, signer)).await;
        match is_taken_in {
            true => assert_eq!(outcome.unwrap().status, 200, "{authority:?}"),
            false => assert!(matches!(outcome, Err(CallError::Tls(_))), "{outcome:?}"),
        }
    }
}

#[tokio::test]
async fn a_resumed_tls_session_is_from_where_it_was() {
    let filters = vec![Filter::peer_issuer(), Filter::wasm("authz").unwrap()];
    let mesh = mesh("resumed", filters, config(BY_ISSUER, "clusters: [use1-b]")).await;
    for (from, status) in [("use1-b", 200), ("euw1-a", 403), ("use1-a", 403)] {
        // Each connection after the first of a load offers the session of the one before.
        for _ in 0..3 {
            let call = Call::get("/")
                .from(frontend(from))
                .to("euw1-a")
                .header("connection", "close")
                .resume_sessions();
            let load = mesh
                .load(call, 50.0, Duration::from_millis(500))
                .unwrap()
                .finish()
                .await;
            assert!(load.count() > 20);
            let statuses = load.outcomes();
            assert_eq!(
                statuses.keys().cloned().collect::<Vec<_>>(),
                [status.to_string()],
                "{from}"
            );
        }
    }
    let stats = mesh
        .admin("euw1-a", Side::Server, "/stats?filter=ssl.session_reused")
        .await
        .unwrap();
    let reused: u64 = stats
        .lines()
        .filter_map(|l| l.rsplit(": ").next()?.parse::<u64>().ok())
        .sum();
    assert!(reused > 20, "sessions were resumed: {stats}");
}

#[tokio::test]
async fn without_the_issuer_no_cluster_is_known_and_that_is_told() {
    let filters = vec![Filter::wasm("authz").unwrap()];
    let mesh = mesh(
        "no-issuer",
        filters,
        config(BY_ISSUER, "notRegions: [eu-west-1]"),
    )
    .await;
    for _ in 0..3 {
        let call = Call::get("/unknown").from(frontend("use1-b")).to("use1-a");
        assert_eq!(mesh.call(call).await.unwrap().status, 403);
    }
    assert_eq!(
        decision(&mesh, "use1-a", "/unknown").await["reason"],
        "UNKNOWN_CLUSTER"
    );
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    assert_eq!(
        stats.sum(
            "landbridge_config_issuer_missing_total",
            &[("filter", "authz")]
        ),
        3.0
    );
    let log = mesh.envoy_log("use1-a", Side::Server).unwrap();
    let told = log
        .lines()
        .filter(|line| line.contains("is the `set_filter_state` filter"))
        .count();
    assert!((1..=2).contains(&told), "once a worker, not {told} times");
}

#[tokio::test]
async fn a_spiffe_path_names_the_cluster_within_its_trust_domain() {
    let identity =
        "{trustDomains: [cluster.local], spiffePaths: ['/cluster/{cluster}/ns/{ns}/sa/{sa}']}";
    let source = "clusters: [use1-b], namespaces: [shop], serviceAccounts: [shop/frontend]";
    let mesh = mesh(
        "paths",
        vec![Filter::wasm("authz").unwrap()],
        config(identity, source),
    )
    .await;
    for (path, status, cluster) in [
        ("cluster/use1-b/ns/shop/sa/frontend", 200, "use1-b"),
        ("cluster/use1-b/ns/partner/sa/frontend", 403, "use1-b"),
        ("cluster/euw1-a/ns/shop/sa/frontend", 403, "euw1-a"),
        ("cluster/use9-z/ns/shop/sa/frontend", 403, "unknown"),
        ("ns/shop/sa/frontend", 403, "unknown"),
        ("cluster/use1-b/ns/shop/sa/frontend/more", 403, "unknown"),
    ] {
        let uri = format!("spiffe://cluster.local/{path}");
        let who = Identity::spiffe("use1-b", uri, Signer::Cluster("use1-b".to_owned()));
        let asked = format!("/{path}");
        let reply = mesh
            .call(Call::get(&asked).from(who).to("use1-a"))
            .await
            .unwrap();
        assert_eq!(reply.status, status, "{path}");
        assert_eq!(
            decision(&mesh, "use1-a", &asked).await["source_cluster"],
            cluster,
            "{path}"
        );
    }
}
