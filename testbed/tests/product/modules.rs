//! Modules that cannot be had, or are not what was pinned.

use std::collections::BTreeMap;

use landbridge_testbed::{Call, Mesh, Side};

use crate::setup::{POLICIES, Shop, Trust, answered, frontend, get, s};

fn call() -> Call {
    Call::get("/orders/1").from(frontend("use1-a")).to("use1-a")
}

/// What no policy allows.
fn forbidden() -> Call {
    Call::get("/other").from(frontend("use1-a")).to("use1-a")
}

async fn statuses(mesh: &Mesh) -> (u16, u16) {
    let allowed = mesh.call(call()).await.unwrap().status;
    (allowed, mesh.call(forbidden()).await.unwrap().status)
}

/// How often RBAC, in the place of a module, refused.
async fn refused_in_its_place(mesh: &Mesh) -> f64 {
    let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
    let found = stats.samples().iter().filter(|sample| {
        sample.name.contains("wasm_default_deny") && sample.name.contains("denied")
    });
    found.map(|sample| sample.value).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_digest_than_the_pinned_one_denies_all() {
    let Some(shop) = Shop::new("product-digest", Trust::Own).await else {
        return;
    };
    let pinned = shop.lock.modules["authz"].digest.replace("sha256:", "");
    let other = shop.lock.modules["shaping"].digest.replace("sha256:", "");
    let mut manifests = shop.render(POLICIES, "");
    let good = manifests["use1-a"].clone();
    // By tag, and another pin: as if somebody had moved the tag.
    let by_tag = good.replace(&format!("authz@sha256:{pinned}"), "authz:0.1.0");
    let wrong = by_tag.replace(&pinned, &other);
    assert_ne!(wrong, by_tag);
    manifests.insert("use1-a".to_owned(), wrong);
    let mesh = shop.bare(&manifests).start().await.unwrap();
    assert_eq!(statuses(&mesh).await, (403, 403));
    assert!(refused_in_its_place(&mesh).await >= 2.0);
    // The other clusters have theirs.
    let there = Call::get("/orders/1").from(frontend("use1-a")).to("use1-b");
    assert_eq!(mesh.call(there).await.unwrap().status, 200);
    let sent = mesh.deliver("use1-a", &by_tag).await.unwrap();
    assert!(sent.iter().all(|one| one.failure.is_none()), "{sent:?}");
    mesh.wait_delivered(&sent, s(60.0)).await.unwrap();
    answered(&mesh, &call(), 200).await;
    assert_eq!(statuses(&mesh).await, (200, 403));
}

async fn without_registry(
    name: &str,
    strategy: &str,
) -> Option<(Shop, Mesh, BTreeMap<String, String>)> {
    let shop = Shop::new(name, Trust::Own).await?;
    let manifests = shop.render(POLICIES, &format!("failStrategy: {strategy}"));
    shop.registry.kill();
    let mesh = shop.bare(&manifests).start().await.unwrap();
    Some((shop, mesh, manifests))
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_registry_a_closed_filter_denies_all() {
    for strategy in ["FAIL_CLOSE", "FAIL_RELOAD"] {
        let Some((shop, mesh, manifests)) = without_registry("product-closed", strategy).await
        else {
            return;
        };
        assert_eq!(statuses(&mesh).await, (403, 403), "{strategy}");
        assert!(refused_in_its_place(&mesh).await > 0.0, "{strategy}");
        // Where requests leave, too.
        assert_eq!(
            mesh.call(get("use1-a", "/orders/1")).await.unwrap().status,
            403
        );
        // Once it is back, the next delivery has the modules.
        shop.registry.restart().await.unwrap();
        let sent = mesh.deliver("use1-a", &manifests["use1-a"]).await.unwrap();
        mesh.wait_delivered(&sent, s(60.0)).await.unwrap();
        answered(&mesh, &call(), 200).await;
        assert_eq!(statuses(&mesh).await, (200, 403), "{strategy}");
        // And when it goes again, nothing is lost: the modules are here.
        shop.registry.kill();
        let update = manifests["use1-a"].replace("/healthz", "/livez");
        let sent = mesh.deliver("use1-a", update).await.unwrap();
        assert!(sent.iter().all(|one| one.failure.is_none()), "{sent:?}");
        mesh.wait_delivered(&sent, s(60.0)).await.unwrap();
        assert_eq!(statuses(&mesh).await, (200, 403), "{strategy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_registry_an_open_filter_lets_all_through() {
    let Some((_shop, mesh, _)) = without_registry("product-open", "FAIL_OPEN").await else {
        return;
    };
    assert_eq!(statuses(&mesh).await, (200, 200));
    assert_eq!(refused_in_its_place(&mesh).await, 0.0);
}
