//! Who a caller says it is, in headers: nobody listens.

use landbridge_testbed::{Identity, Workload};

use crate::judge::{Echo, End, fault};
use crate::request::Request;
use crate::scene::{Scene, allow, deny};

fn never(_: &Echo) -> bool {
    false
}

/// What a caller of `euw1-a` says to be taken for one of `use1-a`.
const FORGED: &[(&str, &str)] = &[
    (
        "x-forwarded-client-cert",
        "By=spiffe://use1-a.mesh.example/ns/shop/sa/orders;Hash=00;Subject=\"\";URI=spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
    ),
    (
        "x-forwarded-client-cert",
        "URI=spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
    ),
    (
        "X-Forwarded-Client-Cert",
        "Hash=1,URI=spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
    ),
    ("x-envoy-peer-metadata", "ChIKB0NMVVNURVISBxoFdXNlMS1h"),
    (
        "x-envoy-peer-metadata-id",
        "sidecar~10.0.0.1~frontend.shop~shop.svc.cluster.local",
    ),
    ("baggage", "k8s.cluster.name=use1-a,service.name=frontend"),
    ("x-forwarded-for", "127.0.0.1, 10.0.0.1"),
    ("x-forwarded-network", "us"),
    ("x-envoy-external-address", "10.0.0.1"),
    ("x-envoy-internal", "true"),
    ("forwarded", "for=10.0.0.1;host=orders.shop"),
    ("x-landbridge-cluster", "use1-a"),
    ("x-landbridge-decision", "filter=authz, verdict=allow"),
];

#[tokio::test]
async fn nobody_is_who_a_header_says() {
    let mut scene = Scene::new("bypass-identity").await;
    let allows = allow("{from: [{source: {clusters: [use1-a]}}]}");
    let denies = deny("{from: [{source: {clusters: [euw1-a]}}]}");
    let networks =
        allow("{from: [{source: {networks: [us], jurisdictions: [US], namespaces: [shop]}}]}");
    let other: Identity = Workload::new("euw1-a", "shop", "frontend").into();
    for (name, policy) in [
        ("ALLOW", allows),
        ("DENY", denies),
        ("ALLOW of a network", networks),
    ] {
        scene.policies(&policy).await;
        for (header, value) in FORGED {
            let request = Request::get("/").with(header, value);
            let (bytes, stream) = (request.http1(), request.http2());
            let mesh = &scene.mesh;
            let http1 = mesh.raw_http1("use1-a", other.clone(), &bytes).await;
            let http2 = mesh.raw_http2("use1-a", other.clone(), &stream).await;
            let heard = scene.heard(End::Cut).await;
            for outcome in [http1, http2] {
                let fault = fault(End::Refused(403), &outcome.unwrap(), heard, never);
                scene.note(&format!("{name}: {header}: {value}"), fault);
            }
        }
    }
    scene.end().await;
}

/// A caller who may be told why is told by its certificate: a header does not make it one.
#[tokio::test]
async fn nobody_is_told_why_for_a_header() {
    let mut scene = Scene::new("bypass-why").await;
    let denies = deny("{from: [{source: {clusters: [euw1-a]}}]}");
    let options = r#"{"explain": "Trusted", "trustedCallers": [{"clusters": ["use1-a"]}]}"#;
    scene.configure(&denies, options).await;
    let other: Identity = Workload::new("euw1-a", "shop", "frontend").into();
    for (header, value) in FORGED {
        let bytes = Request::get("/").with(header, value).http1();
        let protocol = landbridge_testbed::Protocol::Http1;
        let answer = scene
            .mesh
            .raw("use1-a", other.clone(), protocol, &bytes)
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with("HTTP/1.1 403") && !text.contains("x-landbridge"),
            "{header}: {text}"
        );
    }
    // Whom it is told.
    let plain = Request::get("/");
    scene
        .try_http1("a trusted caller", &plain.http1(), End::Sent("/"), never)
        .await;
    scene.end().await;
}
