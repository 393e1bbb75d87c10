//! Chapter 1: who may cross.

use std::error::Error;

use landbridge_testbed::{Call, Identity, Mesh, Signer, Workload};

use crate::ledger::{Ledger, Scene};
use crate::show;

pub(crate) fn frontend(cluster: &str) -> Workload {
    Workload::new(cluster, "shop", "frontend")
}

pub(crate) async fn chapter(mesh: &Mesh, ledger: &mut Ledger) -> Result<(), Box<dyn Error>> {
    show::chapter(
        "1. Who may cross?  (testbed/demo/policies.yaml)",
        &[
            "shop of the US may do anything, shop of the EU may read; /admin is closed to other",
            "regions; the EU's customers are closed to other jurisdictions.",
        ],
    );
    let us = "shop/orders us-shop";
    let sidecar = |from: &str, call: Call| call.from(frontend(from)).via_sidecar();
    let scene = |who, what, to, call, verdict, by, reason| Scene {
        who,
        what,
        to,
        call,
        verdict,
        by,
        reason,
    };
    let stray = Identity::spiffe(
        "euw1-a",
        "spiffe://stray.example/ns/shop/sa/frontend",
        Signer::TrustDomain("stray.example".to_owned()),
    );
    let forged = sidecar("euw1-a", Call::post("/orders", "{}"))
        .header("x-landbridge-decision", "verdict=allow")
        .header(
            "x-forwarded-client-cert",
            "URI=spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
        )
        .header("x-envoy-peer-metadata", "CLUSTER_ID=use1-a");
    let scenes = [
        scene(
            "shop/frontend in use1-a",
            "GET /orders",
            "use1-a",
            sidecar("use1-a", Call::get("/orders")),
            "allow",
            us,
            "ALLOWED_BY_RULE",
        ),
        scene(
            "shop/frontend in use1-b",
            "POST /orders",
            "use1-a",
            sidecar("use1-b", Call::post("/orders", "{}")),
            "allow",
            us,
            "ALLOWED_BY_RULE",
        ),
        scene(
            "shop/frontend in euw1-a",
            "GET /orders",
            "use1-a",
            sidecar("euw1-a", Call::get("/orders")),
            "allow",
            "shop/orders eu-shop-reads",
            "ALLOWED_BY_RULE",
        ),
        scene(
            "shop/frontend in euw1-a",
            "POST /orders",
            "use1-a",
            sidecar("euw1-a", Call::post("/orders", "{}")),
            "deny",
            "",
            "NO_RULE_MATCHED",
        ),
        scene(
            "the same, headers forged",
            "POST /orders",
            "use1-a",
            forged,
            "deny",
            "",
            "NO_RULE_MATCHED",
        ),
        scene(
            "partner/web in use1-b",
            "GET /orders",
            "use1-a",
            Call::get("/orders").from(Workload::new("use1-b", "partner", "web")),
            "deny",
            "",
            "NO_RULE_MATCHED",
        ),
        scene(
            "shop/frontend in euw1-a",
            "GET /admin/keys",
            "use1-b",
            sidecar("euw1-a", Call::get("/admin/keys")),
            "deny",
            "shop/no-admin-from-afar other-region",
            "DENIED_BY_RULE",
        ),
        scene(
            "the same, path disguised",
            "GET /x/../%61dmin//keys",
            "use1-b",
            sidecar("euw1-a", Call::get("/x/../%61dmin//keys")),
            "deny",
            "shop/no-admin-from-afar other-region",
            "DENIED_BY_RULE",
        ),
        scene(
            "the same, slash escaped",
            "GET /admin%2Fkeys",
            "use1-b",
            Call::get("/admin%2Fkeys").from(frontend("euw1-a")),
            "reject",
            "",
            "MALFORMED_PATH",
        ),
        scene(
            "shop/frontend in use1-a",
            "GET /customers/7",
            "euw1-a",
            sidecar("use1-a", Call::get("/customers/7")),
            "deny",
            "shop/eu-data-stays personal",
            "DENIED_BY_RULE",
        ),
        scene(
            "shop/frontend in euw1-a",
            "GET /customers/7",
            "euw1-a",
            sidecar("euw1-a", Call::get("/customers/7")),
            "allow",
            "shop/orders eu-shop-reads",
            "ALLOWED_BY_RULE",
        ),
        scene(
            "shop/frontend in euw1-a",
            "gRPC shop.Orders/Create",
            "use1-a",
            Call::grpc("/shop.Orders/Create").from(frontend("euw1-a")),
            "deny",
            "",
            "NO_RULE_MATCHED",
        ),
        scene(
            "an unknown trust domain",
            "GET /orders",
            "use1-a",
            Call::get("/orders").from(stray),
            "deny",
            "",
            "UNKNOWN_CLUSTER",
        ),
        scene(
            "a CA of nobody's",
            "GET /orders",
            "use1-a",
            Call::get("/orders").from(Identity::spiffe(
                "use1-a",
                "spiffe://use1-a.mesh.example/ns/shop/sa/frontend",
                Signer::Stranger,
            )),
            "no HTTP",
            "",
            "refused before HTTP",
        ),
        scene(
            "without TLS",
            "GET /orders",
            "use1-a",
            Call::get("/orders").plaintext(),
            "no HTTP",
            "",
            "refused before HTTP",
        ),
    ];
    for scene in scenes {
        ledger.play(mesh, scene, None).await?;
    }
    Ok(())
}
