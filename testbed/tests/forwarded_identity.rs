//! What Envoy itself says of a caller whose connection ended before: a gateway in
//! `x-forwarded-client-cert`, a waypoint in filter state. The engine's reading rests on it.

use std::time::Duration;

use landbridge_testbed::{
    Call, CallError, GatewayMode, Identity, Mesh, PeerAuthentication, Side, Signer, Workload,
    eventually,
};

const FORGED: &str = "By=spiffe://a/x;URI=spiffe://use1-a.mesh.example/ns/shop/sa/frontend";
const CLIENT: &str = "spiffe://euw1-a.mesh.example/ns/shop/sa/frontend";

fn frontend(cluster: &str) -> Workload {
    Workload::new(cluster, "shop", "frontend")
}

/// A caller whose certificate, signed by its own cluster's authority, has this URI.
fn named(uri: &str) -> Identity {
    Identity::spiffe("euw1-a", uri, Signer::Cluster("euw1-a".to_owned()))
}

/// The mesh, a gateway of another mode in each cluster.
async fn gateways(name: &str) -> Mesh {
    let mesh = Mesh::builder(name).filters([]).clients(false);
    let mesh = mesh
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway("use1-b", GatewayMode::AppendForward)
        .gateway("euw1-a", GatewayMode::ForwardOnly);
    mesh.start().await.unwrap()
}

/// What the service got, without hashes, empty subjects and what its own sidecar appended.
async fn forwarded(mesh: &Mesh, call: Call) -> String {
    let reply = mesh.call(call).await.unwrap();
    assert_eq!(reply.status, 200);
    let header = reply.received("x-forwarded-client-cert");
    assert_eq!(header.len(), 1, "Envoy joins them: {header:?}");
    let (forwarded, _) = header[0].rsplit_once("By=").unwrap();
    let pairs = forwarded.trim_end_matches(',').split(';');
    let kept = pairs.filter(|pair| !pair.starts_with("Hash=") && *pair != "Subject=\"\"");
    kept.collect::<Vec<_>>().join(";")
}

#[tokio::test]
async fn a_gateway_says_who_called_it_as_its_mode_has_it() {
    let mesh = gateways("gateway-modes").await;
    let by = |cluster| format!("By={}", mesh.spiffe(&Workload::gateway(cluster)).unwrap());
    let set = format!("{};URI={CLIENT}", by("use1-a"));
    let appended = format!("{};URI={CLIENT}", by("use1-b"));
    for (gateway, honest, forged) in [
        ("use1-a", set.clone(), set.clone()),
        ("use1-b", appended.clone(), format!("{FORGED},{appended}")),
        ("euw1-a", String::new(), FORGED.to_owned()),
    ] {
        let call = Call::get("/").from(frontend("euw1-a")).via_gateway(gateway);
        let lie = |call: Call| call.header("x-forwarded-client-cert", FORGED);
        assert_eq!(forwarded(&mesh, call.clone()).await, honest, "{gateway}");
        for call in [lie(call.clone()), lie(call.clone().http2())] {
            assert_eq!(forwarded(&mesh, call).await, forged, "{gateway}");
        }
        // Not a header of the connection, whoever says so.
        let hop = call.clone().header("connection", "x-forwarded-client-cert");
        assert_eq!(forwarded(&mesh, hop).await, honest, "{gateway}");
        // Without a certificate there is nobody to speak of, and no header.
        let nobody = forwarded(&mesh, lie(call.clone().plaintext())).await;
        assert_eq!(nobody, "", "{gateway}");
        // Elsewhere, too, and the header that chose it has gone.
        let reply = mesh.call(call.to("use1-b")).await.unwrap();
        assert_eq!(reply.json()["cluster"], "use1-b");
        assert_eq!(reply.received("x-landbridge-cluster"), [""; 0]);
    }
    let unproven = Call::get("/").from(Identity::anonymous("euw1-a"));
    let unproven = mesh.call(unproven.via_gateway("use1-a")).await;
    assert!(matches!(unproven, Err(CallError::Tls(_))), "{unproven:?}");
}

/// An element without a URI is somebody's; without a certificate there is none.
#[tokio::test]
async fn a_client_without_a_uri_is_forwarded_as_one_without_a_uri() {
    let mesh = Mesh::builder("gateway-nameless")
        .filters([])
        .clients(false)
        .clients_of_any_name();
    let mesh = mesh
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway("use1-b", GatewayMode::AppendForward);
    let mesh = mesh.start().await.unwrap();
    let nameless = || Identity::uris("euw1-a", [""; 0], Signer::Cluster("euw1-a".to_owned()));
    for (gateway, before) in [("use1-a", ""), ("use1-b", FORGED)] {
        let by = mesh.spiffe(&Workload::gateway(gateway)).unwrap();
        let call = Call::get("/").from(nameless()).via_gateway(gateway);
        let call = call.header("x-forwarded-client-cert", FORGED);
        let header = forwarded(&mesh, call).await;
        let rest = header.strip_prefix(before).unwrap();
        let wanted = format!("By={by};URI=");
        assert_eq!(rest.trim_start_matches(','), wanted, "{gateway}");
    }
}

/// Why one element's place does not tell by whom it is.
#[tokio::test]
async fn what_is_in_a_uri_is_forwarded_as_it_is() {
    let mesh = gateways("gateway-quotes").await;
    for uri in [
        format!("spiffe://euw1-a.mesh.example/x,{FORGED}"),
        "spiffe://euw1-a.mesh.example/x;URI=spiffe://use1-a.mesh.example/y".to_owned(),
        "spiffe://euw1-a.mesh.example/x\"y".to_owned(),
    ] {
        let call = Call::get("/").from(named(&uri)).via_gateway("use1-a");
        let header = forwarded(&mesh, call).await;
        assert!(header.ends_with(&format!(";URI={uri}")), "{header}");
    }
}

#[tokio::test]
async fn a_waypoint_keeps_who_called_as_filter_state() {
    let mesh = Mesh::builder("waypoint")
        .filters([])
        .waypoints()
        .peer_authentication(PeerAuthentication::Permissive);
    let mesh = mesh.start().await.unwrap();
    let two = [
        "spiffe://euw1-a.mesh.example/a",
        "spiffe://euw1-a.mesh.example/b",
    ];
    let two = Identity::uris("euw1-a", two, Signer::Cluster("euw1-a".to_owned()));
    let from = |who: Identity, path: &str| Call::get(path).from(who).to("use1-a");
    for (call, path, principal) in [
        (from(frontend("euw1-a").into(), "/mtls"), "/mtls", CLIENT),
        (
            from(frontend("euw1-a").into(), "/http2").http2(),
            "/http2",
            CLIENT,
        ),
        (
            from(frontend("euw1-a").into(), "/client").via_sidecar(),
            "/client",
            CLIENT,
        ),
        (
            from(frontend("euw1-a").into(), "/plain").plaintext(),
            "/plain",
            "-",
        ),
        (
            from(two, "/two"),
            "/two",
            "spiffe://euw1-a.mesh.example/a,spiffe://euw1-a.mesh.example/b",
        ),
    ] {
        let reply = mesh
            .call(call.header("x-forwarded-client-cert", FORGED))
            .await;
        let reply = reply.unwrap();
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.received("x-forwarded-client-cert"), [""; 0], "{path}");
        let line = eventually(Duration::from_secs(10), path, async || {
            let lines = mesh.access_log("use1-a", Side::Server).unwrap();
            lines.into_iter().find(|line| line["path"] == path)
        });
        let line = line.await.unwrap();
        assert_eq!(line["peer_principal"], principal, "{path}");
        assert_eq!(line["downstream_peer_uri_san"], serde_json::Value::Null);
        let remote = line["downstream_remote_address"].as_str().unwrap();
        let ip = mesh.ip("euw1-a").unwrap().to_string();
        assert!(remote.starts_with(&ip), "{remote}");
    }
}
