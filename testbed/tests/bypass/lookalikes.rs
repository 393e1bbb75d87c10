//! Names that look like a trusted one: trust domains, clusters and accounts.

use landbridge_testbed::{Call, Identity, Signer};

use crate::judge::{Echo, End, fault};
use crate::request::Request;
use crate::scene::{Scene, allow, caller, deny};

/// Trust domains that the proxy trusts, each with its own authority, and the `Mesh` does not know.
const DOMAINS: &[&str] = &[
    "use1-a.mesh.example.evil.example",
    "evil-use1-a.mesh.example",
    "x.use1-a.mesh.example",
    "use1-a.mesh.examples",
    "use1-a.mesh.exampl",
    "use1-a-mesh.example",
    "use1_a.mesh.example",
    "use1-a.mesh.example.",
    "USE1-A.MESH.EXAMPLE",
    "mesh.example",
    "example",
];

/// URIs that the authority of `euw1-a` may sign for all that a proxy checks, and that name
/// `use1-a` somewhere.
const URIS: &[&str] = &[
    "spiffe://euw1-a.mesh.example/use1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://euw1-a.mesh.example/ns/shop/sa/frontend/../../../../use1-a.mesh.example",
    "spiffe://euw1-a.mesh.example//use1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://euw1-a.mesh.example/spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://euw1-a.mesh.example/ns/shop/sa/frontend@use1-a.mesh.example",
    "spiffe://euw1-a.mesh.example/ns/shop/sa/frontend?use1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://euw1-a.mesh.example/ns/shop/sa/frontend#use1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://euw1-a.mesh.example/,spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://euw1-a.mesh.example/%2F%2Fuse1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://use1-a.mesh.example@euw1-a.mesh.example/ns/shop/sa/frontend",
    "spiffe://use1-a.mesh.example:euw1-a.mesh.example/ns/shop/sa/frontend",
    "SPIFFE://use1-a.mesh.example/ns/shop/sa/frontend",
    "https://use1-a.mesh.example/ns/shop/sa/frontend",
];

/// Policies that let in who is of `use1-a`, each in its own words, and no other.
fn policies() -> Vec<String> {
    let from = |source: &str| format!("{{from: [{{source: {{{source}}}}}]}}");
    let mut policies: Vec<String> = [
        "clusters: [use1-a]",
        "clusters: ['use1-*']",
        "regions: [us-east-1]",
        "trustDomains: [use1-a.mesh.example]",
        "principals: [use1-a.mesh.example/ns/shop/sa/frontend]",
        "principals: ['use1-a.mesh.example/*']",
        "clusters: ['*'], notClusters: [euw1-a]",
        "clusters: [use1-a], namespaces: [shop], serviceAccounts: [shop/frontend]",
    ]
    .map(|source| allow(&from(source)))
    .into();
    policies.push(deny(&from("notClusters: [use1-a]")));
    policies.push(deny(&from("notTrustDomains: [use1-a.mesh.example]")));
    policies
}

fn never(_: &Echo) -> bool {
    false
}

#[tokio::test]
async fn nobody_is_of_a_cluster_for_a_name_that_looks_like_its() {
    let mut scene = Scene::with("bypass-lookalikes", |mesh| {
        DOMAINS
            .iter()
            .fold(mesh, |mesh, domain| mesh.extra_trust_domain(domain))
    })
    .await;
    let mut strangers: Vec<(String, Identity)> = Vec::new();
    for domain in DOMAINS {
        let uri = format!("spiffe://{domain}/ns/shop/sa/frontend");
        let signer = Signer::TrustDomain((*domain).to_owned());
        strangers.push((uri.clone(), Identity::spiffe("euw1-a", uri, signer)));
    }
    for uri in URIS {
        let signer = Signer::Cluster("euw1-a".to_owned());
        strangers.push(((*uri).to_owned(), Identity::spiffe("euw1-a", *uri, signer)));
    }
    let request = Request::get("/");
    let (bytes, stream) = (request.http1(), request.http2());
    let mut judged = 0;
    for policy in policies() {
        scene.policies(&policy).await;
        for (name, who) in &strangers {
            let way = Call::get("/").from(who.clone()).to("use1-a");
            let http1 = scene.mesh.raw_http1_as(&way, &bytes).await;
            let http2 = scene.mesh.raw_http2_as(&way, &stream).await;
            let heard = scene.heard(End::Cut).await;
            for outcome in [http1, http2] {
                // Or the proxy did not take the certificate.
                let fault = match outcome {
                    Ok(outcome) => {
                        judged += 1;
                        fault(End::Refused(403), &outcome, heard, never)
                    }
                    Err(_) => (heard > 0).then(|| format!("the upstream heard {heard}")),
                };
                scene.note(&format!("{name} under {policy}"), fault);
            }
        }
        // Who is let in.
        let own = Call::get("/").from(caller()).to("use1-a");
        let own = scene.mesh.raw_http1_as(&own, &bytes).await.unwrap();
        let heard = scene.heard(End::Sent("/")).await;
        scene.note(&policy, fault(End::Sent("/"), &own, heard, never));
    }
    assert!(judged > 300, "{judged} reached the filter");
    scene.end().await;
}
