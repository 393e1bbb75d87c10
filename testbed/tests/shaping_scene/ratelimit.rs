//! The rate-limit service, asked by Envoy's own filter, which proves that it speaks Envoy's protocol.

use landbridge_testbed::ratelimit::{Limit, RateLimitService};
use landbridge_testbed::{NativeRateLimit, eventually};

use crate::setup::{
    MINUTE, SECOND, SOON, TENANT, asks, call, filter, mesh, per_tenant, status, statuses,
};

#[tokio::test]
async fn a_service_counts_for_all_proxies_that_ask_it() {
    let service = RateLimitService::start([per_tenant(3)]).await.unwrap();
    let mesh = mesh("rls-counts")
        .clients(false)
        .filters(filter(&asks()))
        .service("ratelimit", service.address())
        .start()
        .await
        .unwrap();
    let of = |tenant: &str| call().header(TENANT, tenant);
    assert_eq!(statuses(&mesh, of("a"), 2).await, [200, 200]);
    // Another proxy, and the same counter.
    let elsewhere = of("a").to("use1-b");
    assert_eq!(statuses(&mesh, elsewhere, 2).await, [200, 429]);
    let reply = mesh.call(of("b")).await.unwrap();
    assert_eq!(reply.header("x-ratelimit-limit"), Some("3, 3;w=60"));
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("2"));
    let reset: u64 = reply.header("x-ratelimit-reset").unwrap().parse().unwrap();
    assert!((58..=60).contains(&reset), "{reset}");
    // Who has no tenant has no descriptor, and is not asked for.
    assert_eq!(status(&mesh, call()).await, 200);

    assert_eq!(
        (service.requests(), service.hits(), service.granted()),
        (5, 5, 4)
    );
    let asked = service.asked();
    assert_eq!(asked.len(), 5);
    assert_eq!(asked[3].domain, "shop");
    let descriptor = &asked[3].descriptors[0];
    assert_eq!(descriptor.value("tenant"), Some("a"));
    assert_eq!((descriptor.hits, descriptor.granted), (1, Some(false)));
    service.clear_asked();
    assert_eq!((service.asked().len(), service.requests()), (0, 5));
}

#[tokio::test]
async fn a_service_is_ill_as_a_test_wishes() {
    let service = RateLimitService::start([per_tenant(1)]).await.unwrap();
    let hasty = NativeRateLimit {
        timeout: SECOND / 2,
        ..asks()
    };
    let strict = NativeRateLimit {
        failure_mode_deny: true,
        ..hasty.clone()
    };
    let lenient = mesh("rls-ill")
        .clients(false)
        .filters(filter(&hasty))
        .service("ratelimit", service.address())
        .start()
        .await
        .unwrap();
    let strict = mesh("rls-ill-strict")
        .clients(false)
        .filters(filter(&strict))
        .service("ratelimit", service.address())
        .start()
        .await
        .unwrap();
    let of = |tenant: &str| call().header(TENANT, tenant);
    assert_eq!(statuses(&lenient, of("a"), 2).await, [200, 429]);

    service.fail();
    assert_eq!(status(&lenient, of("a")).await, 200);
    assert_eq!(status(&strict, of("a")).await, 500);

    service.hang();
    let reply = lenient.call(of("a")).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.latency > SECOND * 2 / 5, "{:?}", reply.latency);
    let granted = service.granted();

    service.delay(SECOND / 4);
    let reply = lenient.call(of("b")).await.unwrap();
    assert!(reply.latency > SECOND / 5, "{:?}", reply.latency);
    assert_eq!(service.granted(), granted + 1);

    service.well();
    let requests = service.requests();
    service.kill();
    assert_eq!(status(&lenient, of("a")).await, 200);
    assert_eq!(status(&strict, of("a")).await, 500);
    assert_eq!(service.requests(), requests);

    // It has its counters still.
    service.revive().await.unwrap();
    for mesh in [&lenient, &strict] {
        eventually(SOON, "a refusal", async || {
            (status(mesh, of("a")).await == 429).then_some(())
        })
        .await
        .unwrap();
    }
}

/// Limits without a window that the protocol has a name for are said all the same.
#[tokio::test]
async fn a_service_frees_what_a_window_held() {
    let limit = Limit::new("shop", 2, 2 * SECOND).when("policy", "tenants");
    let minute = Limit::new("shop", 4, MINUTE).when("policy", "tenants");
    let service = RateLimitService::start([limit, minute]).await.unwrap();
    let mesh = mesh("rls-window")
        .clients(false)
        .filters(filter(&asks()))
        .service("ratelimit", service.address())
        .start()
        .await
        .unwrap();
    let call = || call().header(TENANT, "a");
    assert_eq!(statuses(&mesh, call(), 3).await, [200, 200, 429]);
    tokio::time::sleep(2 * SECOND).await;
    // What was refused took nothing of the minute.
    assert_eq!(statuses(&mesh, call(), 3).await, [200, 200, 429]);
}
