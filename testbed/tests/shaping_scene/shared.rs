//! Services that share a Redis.

use landbridge_testbed::ratelimit::{RateLimitService, Redis};

use crate::setup::{TENANT, asks, call, filter, mesh, per_tenant, statuses};

#[tokio::test]
async fn services_that_share_a_redis_share_their_counters() {
    let Some(redis) = Redis::start("services_that_share_a_redis").await.unwrap() else {
        return;
    };
    let service = async || {
        RateLimitService::start_on(&redis, [per_tenant(4)])
            .await
            .unwrap()
    };
    let (one, other) = (service().await, service().await);
    let start = async |name: &str, service: &RateLimitService| {
        mesh(name)
            .clients(false)
            .filters(filter(&asks()))
            .service("ratelimit", service.address())
            .start()
            .await
            .unwrap()
    };
    let first = start("redis-one", &one).await;
    let second = start("redis-other", &other).await;
    let call = || call().header(TENANT, "a");
    assert_eq!(statuses(&first, call(), 3).await, [200; 3]);
    let reply = second.call(call()).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(statuses(&second, call(), 2).await, [429, 429]);

    // A service that is new knows what was taken.
    drop((first, one));
    let new = service().await;
    let third = start("redis-new", &new).await;
    assert_eq!(statuses(&third, call(), 1).await, [429]);

    // Without its Redis it is of no use, and Envoy lets all pass.
    drop(redis);
    assert_eq!(statuses(&third, call(), 1).await, [200]);
    assert_eq!(new.asked()[1].descriptors[0].granted, None);
}
