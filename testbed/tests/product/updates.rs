//! Changes while requests are made, each by documents that are rendered anew.

use std::collections::BTreeMap;
use std::time::Instant;

use landbridge_testbed::{Call, Delivery, Mesh, Resources, Sent, Side, eventually};

use crate::setup::{CLUSTERS, POLICIES, Trust, answered, frontend, get, product, s, said};

/// Nobody of the EU may read what is secret.
fn secret(mode: &str) -> String {
    format!(
        "{POLICIES}---
apiVersion: landbridge.dev/v1alpha1
kind: CrossClusterAuthorization
metadata: {{name: secret, namespace: shop}}
spec:
  target: {{namespace: shop, selector: {{matchLabels: {{app: orders}}}}}}
  action: DENY
  mode: {mode}
  rules:
  - name: abroad
    from: [{{source: {{clusters: [euw1-a]}}}}]
    to: [{{operation: {{paths: [/orders/secret]}}}}]
"
    )
}

async fn deliver(mesh: &Mesh, manifests: &BTreeMap<String, String>) -> Vec<Sent> {
    let mut sent = Vec::new();
    for (cluster, manifests) in manifests {
        sent.extend(mesh.deliver(cluster, manifests).await.unwrap());
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn shadow_then_enforce_loses_no_request() {
    let Some((shop, mesh)) = product("product-updates", Trust::Own).await else {
        return;
    };
    let loads: Vec<_> = CLUSTERS
        .iter()
        .map(|cluster| mesh.load(get(cluster, "/orders/1"), 40.0, None).unwrap())
        .collect();
    let abroad = Call::get("/orders/secret")
        .from(frontend("euw1-a"))
        .to("use1-a");
    assert_eq!(mesh.call(abroad.clone()).await.unwrap().status, 200);

    let sent = deliver(&mesh, &shop.render(&secret("Shadow"), "")).await;
    mesh.wait_delivered(&sent, s(60.0)).await.unwrap();
    tokio::time::sleep(s(0.3)).await;
    assert_eq!(mesh.call(abroad.clone()).await.unwrap().status, 200);
    // The first of these calls had no candidate beside it.
    let told = eventually(s(30.0), "a denial in shadow", async || {
        let lines = mesh.access_log("use1-a", Side::Server).unwrap();
        let line = lines
            .into_iter()
            .rfind(|line| line["path"] == "/orders/secret")?;
        let shadow = said(&line, "decision")["shadow"].to_string();
        shadow.contains("would_deny").then_some(())
    });
    told.await.unwrap();

    let manifests = shop.render(&secret("Enforce"), "");
    let begun = Instant::now();
    let sent = deliver(&mesh, &manifests).await;
    mesh.wait_delivered(&sent, s(60.0)).await.unwrap();
    for cluster in CLUSTERS {
        let call = Call::get("/orders/secret")
            .from(frontend("euw1-a"))
            .to(cluster);
        answered(&mesh, &call, 403).await;
    }
    println!(
        "from manifests to enforced in three clusters: {:?}",
        begun.elapsed()
    );

    // And back, by what was there before.
    let sent = deliver(&mesh, &shop.render(POLICIES, "")).await;
    mesh.wait_delivered(&sent, s(60.0)).await.unwrap();
    answered(&mesh, &abroad, 200).await;
    // What an update would break late, breaks while requests still come.
    tokio::time::sleep(s(2.0)).await;
    for load in loads {
        let report = load.stop().await;
        assert!(report.count() > 50, "{}", report.count());
        assert_eq!(report.failures().count(), 0, "{:?}", report.outcomes());
    }
}

/// What a filter refuses is not in force, and what was is.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_update_leaves_the_last_good_one_in_force() {
    let Some((shop, mesh)) = product("product-broken", Trust::Own).await else {
        return;
    };
    let good = shop.render(POLICIES, "")["use1-a"].clone();
    let broken = good.replacen("us-east-1", "nowhere", 1);
    let broken = broken.replace("regions:", "regoins:");
    assert_ne!(broken, good);
    let sent = mesh.deliver("use1-a", &broken).await.unwrap();
    let mut judged = BTreeMap::new();
    for one in &sent {
        if let Resources::Plugin(name) = &one.what {
            let delivery = mesh.wait_sent(one, s(60.0)).await.unwrap();
            judged.insert((one.side == Side::Server, name.clone()), delivery);
        }
    }
    assert_eq!(judged.len(), 4, "{judged:?}");
    assert!(
        judged.values().all(|it| *it == Delivery::Rejected),
        "{judged:?}"
    );
    let write = |from: &str| {
        Call::post("/orders/1", "{}")
            .from(frontend(from))
            .to("use1-a")
    };
    assert_eq!(mesh.call(write("use1-b")).await.unwrap().status, 200);
    assert_eq!(mesh.call(write("euw1-a")).await.unwrap().status, 403);
    assert_eq!(
        mesh.call(get("use1-a", "/orders/1")).await.unwrap().status,
        200
    );
    // The next good one is taken.
    let sent = deliver(&mesh, &shop.render(&secret("Enforce"), "")).await;
    mesh.wait_delivered(&sent, s(60.0)).await.unwrap();
    let abroad = Call::get("/orders/secret")
        .from(frontend("euw1-a"))
        .to("use1-a");
    answered(&mesh, &abroad, 403).await;
}
