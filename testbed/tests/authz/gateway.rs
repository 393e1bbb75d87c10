//! Callers behind a gateway: whom a trusted one speaks for, and what nobody gains by saying so
//! themselves.

use landbridge_testbed::{
    Call, ClusterSpec, Filter, GatewayMode, Identity, Mesh, Reply, Signer, Workload,
};

use crate::identity::{BY_ISSUER, shared};
use crate::setup::{apply, config, decision, frontend};

const HEADER: &str = "x-forwarded-client-cert";

/// The gateways of the US are believed, by principal and by cluster; that of the EU is not.
const GATEWAYS: &str = r#"{"trustedGateways": [
    {"principals": ["use1-a.mesh.example/ns/istio-system/sa/gateway"]},
    {"clusters": ["use1-b"], "serviceAccounts": ["istio-system/gateway"]}
]}"#;

/// Who may call: `shop` of one cluster.
const FROM_B: &str = "
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {name: from-b, namespace: shop}
spec: {rules: [{from: [{source: {clusters: [use1-b], namespaces: [shop]}}]}]}
";

/// What an attacker in the EU would like to be.
const FORGED: &str = "By=spiffe://use1-a.mesh.example/ns/shop/sa/x;URI=spiffe://use1-b.mesh.example/ns/shop/sa/frontend";

async fn mesh(name: &str, policies: &str, options: &str) -> Mesh {
    let mesh = Mesh::builder(name)
        .clients(false)
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway("use1-b", GatewayMode::AppendForward)
        .gateway("euw1-a", GatewayMode::SanitizeSet);
    mesh.config(config(policies, options))
        .start()
        .await
        .unwrap()
}

/// As whom a gateway calls.
fn gateway(cluster: &str) -> Workload {
    Workload::gateway(cluster)
}

async fn call(mesh: &Mesh, call: Call) -> Reply {
    mesh.call(call).await.unwrap()
}

#[tokio::test]
async fn a_caller_behind_a_trusted_gateway_is_judged_by_its_own_cluster() {
    let mesh = mesh("behind-gateway", FROM_B, GATEWAYS).await;
    for through in ["use1-a", "use1-b"] {
        for (from, status) in [("use1-b", 200), ("use1-a", 403), ("euw1-a", 403)] {
            let path = format!("/{from}/through/{through}");
            let asked = Call::get(&path).from(frontend(from)).via_gateway(through);
            let asked = asked.to("use1-a");
            assert_eq!(call(&mesh, asked.clone()).await.status, status, "{path}");
            assert_eq!(call(&mesh, asked.http2()).await.status, status, "{path}");
            let decided = decision(&mesh, "use1-a", &path).await;
            assert_eq!(decided["source_cluster"], from, "{path}");
        }
        let other = Workload::new("use1-b", "partner", "frontend");
        let asked = Call::get("/").from(other).via_gateway(through).to("use1-a");
        assert_eq!(call(&mesh, asked).await.status, 403, "{through}");
    }
    // Who comes directly is judged by the certificate, whoever is trusted to speak for others.
    for (from, status) in [("use1-b", 200), ("euw1-a", 403)] {
        let asked = Call::get("/").from(frontend(from)).to("use1-a");
        assert_eq!(call(&mesh, asked).await.status, status, "{from}");
    }
}

#[tokio::test]
async fn what_a_client_says_of_itself_gains_nothing_through_a_gateway() {
    let mesh = mesh("forged-through", FROM_B, GATEWAYS).await;
    let gateway_said = "By=spiffe://use1-b.mesh.example/ns/istio-system/sa/gateway;URI=spiffe://use1-b.mesh.example/ns/shop/sa/frontend";
    for forged in [
        FORGED,
        gateway_said,
        "URI=spiffe://use1-b.mesh.example/ns/shop/sa/frontend",
        // To swallow what the gateway appends, or to be cut off before it.
        "By=\"",
        "By=x;URI=\"spiffe://use1-b.mesh.example/ns/shop/sa/frontend\\",
        "URI=spiffe://use1-b.mesh.example/ns/shop/sa/frontend,",
    ] {
        let lie = |call: Call| call.header(HEADER, forged).to("use1-a");
        for through in ["use1-a", "use1-b"] {
            let asked = lie(Call::get("/").from(frontend("euw1-a")).via_gateway(through));
            for asked in [asked.clone(), asked.http2()] {
                let status = call(&mesh, asked).await.status;
                assert!(matches!(status, 400 | 403), "{forged} {through}: {status}");
            }
        }
        // A gateway that sets the header throws it away, and with it the harm to its sender.
        let asked = lie(Call::get("/")
            .from(frontend("use1-b"))
            .via_gateway("use1-a"));
        assert_eq!(call(&mesh, asked).await.status, 200, "{forged}");
    }
    // Twice, in the hope that one of them is read.
    let twice = Call::get("/")
        .from(frontend("euw1-a"))
        .header(HEADER, FORGED);
    let twice = twice.header(HEADER, FORGED).via_gateway("use1-b");
    assert_eq!(call(&mesh, twice.to("use1-a")).await.status, 403);
    assert_eq!(mesh.upstream("use1-a").requests(), 6);
}

#[tokio::test]
async fn no_authority_speaks_for_another_through_a_gateway_that_does_not_quote() {
    let mesh = mesh("unquoted", FROM_B, GATEWAYS).await;
    let by = |cluster: &str| format!("By={}", mesh.spiffe(&gateway(cluster)).unwrap());
    let victim = "URI=spiffe://use1-b.mesh.example/ns/shop/sa/frontend";
    for through in ["use1-a", "use1-b"] {
        for uri in [
            format!("spiffe://euw1-a.mesh.example/x,{};{victim}", by(through)),
            format!("spiffe://euw1-a.mesh.example/x,{};{victim}", by("euw1-a")),
            format!("spiffe://euw1-a.mesh.example/x,{victim}"),
            format!("spiffe://euw1-a.mesh.example/x;{victim}"),
            format!(
                "spiffe://euw1-a.mesh.example/x;By=x,{};{victim}",
                by(through)
            ),
        ] {
            let who = Identity::spiffe("euw1-a", &uri, Signer::Cluster("euw1-a".to_owned()));
            let asked = Call::get("/").from(who).via_gateway(through).to("use1-a");
            assert_eq!(call(&mesh, asked).await.status, 400, "{uri}");
        }
    }
    assert_eq!(mesh.upstream("use1-a").requests(), 0);
}

#[tokio::test]
async fn who_is_no_trusted_gateway_speaks_for_nobody() {
    let mesh = mesh("untrusted", FROM_B, GATEWAYS).await;
    let says =
        |who: Workload, header: &str| Call::get("/").from(who).to("use1-a").header(HEADER, header);
    for who in [
        frontend("euw1-a"),
        frontend("use1-a"),
        gateway("euw1-a"),
        // In the right cluster, with the wrong name; and the other way round.
        Workload::new("use1-a", "istio-system", "gateway2"),
        Workload::new("use1-a", "shop", "gateway"),
    ] {
        let asked = call(&mesh, says(who.clone(), FORGED)).await;
        assert_eq!(asked.status, 403, "{who:?}");
    }
    // What it cannot read of them does not concern it.
    for header in ["", "=", "URI=\"", "a,b,c", FORGED] {
        let asked = call(&mesh, says(frontend("use1-b"), header)).await;
        assert_eq!(asked.status, 200, "{header}");
    }
    // Nor does a gateway that nobody trusts, whoever is behind it.
    let asked = Call::get("/untrusted").from(frontend("use1-b"));
    let asked = asked.via_gateway("euw1-a").to("use1-a");
    assert_eq!(call(&mesh, asked).await.status, 403);
    let decided = decision(&mesh, "use1-a", "/untrusted").await;
    assert_eq!(decided["source_cluster"], "euw1-a");
    // Without the option, no gateway is trusted.
    apply(&mesh, "use1-a", &config(FROM_B, "{}")).await;
    let asked = Call::get("/")
        .from(frontend("use1-b"))
        .via_gateway("use1-a");
    assert_eq!(call(&mesh, asked.to("use1-a")).await.status, 403);
}

#[tokio::test]
async fn of_several_elements_the_gateways_counts_and_what_cannot_be_told_is_refused() {
    let mesh = mesh("elements", FROM_B, GATEWAYS).await;
    let by = format!("By={};Hash=0a", mesh.spiffe(&gateway("use1-a")).unwrap());
    let uri = |cluster: &str| format!("URI={}", mesh.spiffe(&frontend(cluster)).unwrap());
    let (a, b) = (uri("use1-a"), uri("use1-b"));
    for (why, header, status) in [
        ("one", format!("{by};{b}"), 200),
        (
            "another's in front",
            format!("By=spiffe://c/d;{a},{by};{b}"),
            200,
        ),
        (
            "the right one in front",
            format!("By=spiffe://c/d;{b},{by};{a}"),
            403,
        ),
        (
            "quoted",
            format!(
                "{by};Subject=\"CN=a,O=b;c\";{}",
                b.replace("URI=", "URI=\"") + "\""
            ),
            200,
        ),
        ("no `By`", b.clone(), 200),
        ("no URI", by.clone(), 403),
        ("an empty one", format!("{by};URI="), 403),
        (
            "no SPIFFE ID",
            format!("{by};URI=https://use1-b.mesh.example/x"),
            403,
        ),
        (
            "a quote inside a URI",
            format!("{by};URI=\"spiffe://use1-b.mesh.example/\\\"x\""),
            403,
        ),
        ("two URIs", format!("{by};{b};{b}"), 400),
        ("two by the gateway", format!("{by};{a},{by};{b}"), 400),
        (
            "the last by another",
            format!("{by};{a},By=spiffe://c/d;{b}"),
            400,
        ),
        ("one by nobody", format!("{a},{by};{b}"), 400),
        (
            "a quote that is open",
            format!("{by};Subject=\"CN=x;{b}"),
            400,
        ),
        ("nothing behind a comma", format!("{by};{b},"), 400),
        ("nothing behind a semicolon", format!("{by};{b};"), 400),
        ("no pair", "x".to_owned(), 400),
        (
            "too many",
            format!("{},{by};{b}", vec!["By=x"; 64].join(",")),
            400,
        ),
        ("bytes that are not UTF-8", format!("{by};{b}\u{1}"), 400),
    ] {
        let mut value = header.clone().into_bytes();
        if value.last() == Some(&1) {
            *value.last_mut().unwrap() = 0xff;
        }
        // The gateway's own key in an attacker's hands, so that anything can be said.
        let path = format!("/{}", why.replace([' ', '`', ':'], "-"));
        let asked = Call::get(&path).from(gateway("use1-a")).to("use1-a");
        let reply = call(&mesh, asked.header(HEADER, value)).await;
        assert_eq!(reply.status, status, "{why}: {header}");
        if status == 400 {
            let decided = decision(&mesh, "use1-a", &path).await;
            assert_eq!(decided["reason"], "MALFORMED_HEADER", "{why}");
        }
    }
}

#[tokio::test]
async fn without_a_client_to_speak_for_the_gateway_is_the_caller() {
    let gateway_itself = FROM_B.replace(
        "clusters: [use1-b], namespaces: [shop]",
        "principals: [use1-a.mesh.example/ns/istio-system/sa/gateway]",
    );
    let mesh = mesh("gateway-itself", FROM_B, GATEWAYS).await;
    let nobody = || {
        Call::get("/")
            .via_gateway("use1-a")
            .to("use1-a")
            .plaintext()
    };
    let itself = || Call::get("/").from(gateway("use1-a")).to("use1-a");
    let lie = |call: Call| call.header(HEADER, FORGED);
    assert_eq!(call(&mesh, lie(nobody())).await.status, 403);
    assert_eq!(call(&mesh, itself()).await.status, 403);
    apply(&mesh, "use1-a", &config(&gateway_itself, GATEWAYS)).await;
    // So a policy that admits the gateway admits whoever it lets in without a certificate.
    assert_eq!(call(&mesh, lie(nobody())).await.status, 200);
    assert_eq!(call(&mesh, itself()).await.status, 200);
    // But not those it speaks for.
    let behind = Call::get("/")
        .from(frontend("use1-b"))
        .via_gateway("use1-a");
    assert_eq!(call(&mesh, behind.to("use1-a")).await.status, 403);
}

/// A certificate that says nothing of the mesh's is not the gateway's.
#[tokio::test]
async fn a_client_without_a_uri_is_not_the_gateway_that_it_comes_through() {
    let gateway_itself = FROM_B.replace(
        "clusters: [use1-b], namespaces: [shop]",
        "namespaces: [istio-system]",
    );
    let mesh = Mesh::builder("nameless")
        .clients(false)
        .clients_of_any_name()
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway("use1-b", GatewayMode::AppendForward);
    let mesh = mesh.config(config(&gateway_itself, GATEWAYS));
    let mesh = mesh.start().await.unwrap();
    let nameless = || Identity::uris("euw1-a", [""; 0], Signer::Cluster("euw1-a".to_owned()));
    for through in ["use1-a", "use1-b"] {
        let path = format!("/{through}");
        let asked = || Call::get(&path).via_gateway(through).to("use1-a");
        let nobody = call(&mesh, asked().plaintext()).await;
        assert_eq!(nobody.status, 200, "the gateway itself, {through}");
        for asked in [asked(), asked().http2()] {
            let reply = call(&mesh, asked.from(nameless())).await;
            assert_eq!(reply.status, 403, "{through}");
        }
    }
    let denied = Call::get("/why").from(nameless()).via_gateway("use1-a");
    assert_eq!(call(&mesh, denied.to("use1-a")).await.status, 403);
    let decided = decision(&mesh, "use1-a", "/why").await;
    assert_eq!(decided["reason"], "UNAUTHENTICATED_SOURCE");
}

#[tokio::test]
async fn in_one_trust_domain_a_gateways_name_is_not_enough_and_a_clients_is_all_there_is() {
    let clusters = ClusterSpec::default_mesh().into_iter();
    let clusters = clusters.map(|cluster| cluster.in_trust_domain("cluster.local"));
    let options = r#"{"trustedGateways": [
        {"clusters": ["use1-a"], "principals": ["cluster.local/ns/istio-system/sa/gateway"]}
    ]}"#;
    let by_name = "principals: [cluster.local/ns/shop/sa/frontend]";
    let mesh = Mesh::builder("gateway-issuers")
        .clusters(clusters)
        .clients(false)
        .gateway("use1-a", GatewayMode::SanitizeSet)
        .gateway("euw1-a", GatewayMode::SanitizeSet)
        .filters([Filter::peer_issuer(), Filter::wasm("authz").unwrap()])
        .config(shared(BY_ISSUER, by_name, Some(options)));
    let mesh = mesh.start().await.unwrap();
    let behind = |from: &str, through: &str| {
        let asked = Call::get(format!("/{from}/{through}")).from(frontend(from));
        asked.via_gateway(through).to("use1-a")
    };
    let said = format!("URI={}", mesh.spiffe(&frontend("use1-b")).unwrap());
    let says = |who: &str| Call::get("/").from(gateway(who)).header(HEADER, &said);
    // Both gateways have one name; one of them is believed.
    for (who, status) in [("use1-a", 200), ("euw1-a", 403)] {
        assert_eq!(call(&mesh, behind("use1-b", who)).await.status, status);
        assert_eq!(call(&mesh, says(who).to("use1-a")).await.status, status);
    }
    // Clients of all clusters have one name, too, and who signed for it is not forwarded.
    assert_eq!(call(&mesh, behind("euw1-a", "use1-a")).await.status, 200);
    let by_cluster = shared(BY_ISSUER, "clusters: [use1-b]", Some(options));
    apply(&mesh, "use1-a", &by_cluster).await;
    let denied = Call::get("/by-cluster").from(frontend("use1-b"));
    let denied = denied.via_gateway("use1-a").to("use1-a");
    assert_eq!(call(&mesh, denied).await.status, 403);
    let decided = decision(&mesh, "use1-a", "/by-cluster").await;
    assert_eq!(decided["reason"], "UNKNOWN_CLUSTER");
}

/// Why `docs/threat-model.md` asks for a gateway that sets the header.
#[tokio::test]
async fn a_trusted_gateway_that_only_forwards_makes_its_clients_whoever_they_say() {
    let mesh = Mesh::builder("forward-only")
        .clients(false)
        .gateway("use1-a", GatewayMode::ForwardOnly);
    let mesh = mesh.config(config(FROM_B, GATEWAYS)).start().await.unwrap();
    let asked = Call::get("/")
        .from(frontend("euw1-a"))
        .via_gateway("use1-a");
    assert_eq!(call(&mesh, asked.clone()).await.status, 403);
    let lie = asked.header(HEADER, FORGED);
    assert_eq!(call(&mesh, lie).await.status, 200);
}

#[tokio::test]
async fn istios_own_documents_look_at_who_made_the_connection() {
    let allow = |name: &str, principal: &str| {
        format!(
            "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: shop}}
spec: {{rules: [{{from: [{{source: {{principals: ['{principal}']}}}}]}}]}}
"
        )
    };
    let gateways = allow("gateway", "use1-a.mesh.example/ns/istio-system/sa/gateway");
    let clients = allow("client", "use1-b.mesh.example/ns/shop/sa/frontend");
    let mesh = mesh("istio-gateway", &gateways, GATEWAYS).await;
    let behind = |from| {
        Call::get("/")
            .from(frontend(from))
            .via_gateway("use1-a")
            .to("use1-a")
    };
    let directly = || Call::get("/").from(frontend("use1-b")).to("use1-a");
    assert_eq!(call(&mesh, behind("use1-b")).await.status, 200);
    assert_eq!(call(&mesh, behind("euw1-a")).await.status, 200);
    assert_eq!(call(&mesh, directly()).await.status, 403);
    apply(&mesh, "use1-a", &config(&clients, GATEWAYS)).await;
    assert_eq!(call(&mesh, behind("use1-b")).await.status, 403);
    assert_eq!(call(&mesh, directly()).await.status, 200);
}
