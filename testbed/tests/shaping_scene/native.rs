//! What Envoy does by itself: in a mesh, and in a single Envoy.

use landbridge_testbed::ratelimit::RateLimitService;
use landbridge_testbed::solo::{Shape, Stage};
use landbridge_testbed::{
    Filter, NativeAdaptiveConcurrency, NativeBucket, NativeByHeader, NativeLocalRateLimit, Service,
    Side, Workload,
};

use crate::setup::{MINUTE, SECOND, TENANT, asks, call, mesh, per_tenant, status, statuses};

/// So many a minute.
fn minutely(max: u32) -> NativeBucket {
    NativeBucket {
        max,
        refill: max,
        every: MINUTE,
    }
}

#[tokio::test]
async fn a_bucket_is_one_for_all_workers() {
    let limit = NativeLocalRateLimit::new(NativeBucket::per_second(100));
    let mesh = mesh("native-local")
        .clients(false)
        .filters([Filter::Static(limit.filter())])
        .start()
        .await
        .unwrap();
    let load = mesh.load(call(), 300.0, 3 * SECOND).unwrap();
    let outcomes = load.finish().await.outcomes();
    // 100 at once and 100 in each of three seconds, less what the first take to be taken.
    let passed = outcomes["200"];
    assert!((380..=410).contains(&passed), "{outcomes:?}");
    assert_eq!(passed + outcomes["429"], 900);
}

#[tokio::test]
async fn a_header_has_buckets_by_its_value() {
    let limit = NativeLocalRateLimit {
        bucket: minutely(100),
        by_header: Some(NativeByHeader {
            header: TENANT.to_owned(),
            values: vec![("gold".to_owned(), minutely(4))],
            each: Some((minutely(2), 100)),
        }),
    };
    let mesh = mesh("native-descriptors")
        .clients(false)
        .filters([Filter::Static(limit.filter())])
        .start()
        .await
        .unwrap();
    for (tenant, most) in [("gold", 4), ("a", 2), ("b", 2)] {
        let call = call().header(TENANT, tenant);
        let statuses = statuses(&mesh, call, most + 1).await;
        assert_eq!(statuses[..most], vec![200; most], "{tenant}");
        assert_eq!(statuses[most], 429, "{tenant}");
    }
    assert_eq!(status(&mesh, call()).await, 200);
}

#[tokio::test]
async fn concurrency_is_limited_by_what_latency_tells() {
    let limit = NativeAdaptiveConcurrency {
        measured_of: 5,
        ..NativeAdaptiveConcurrency::default()
    };
    let mesh = mesh("native-concurrency")
        .clients(false)
        .filters([Filter::Static(limit.filter())])
        .start()
        .await
        .unwrap();
    let upstream = mesh.upstream("use1-a");
    upstream.set_delay(SECOND / 50);
    let load = mesh.load(call(), 100.0, 2 * SECOND).unwrap();
    tokio::time::sleep(SECOND).await;
    let name = "envoy_http_adaptive_concurrency_gradient_controller_concurrency_limit";
    let limit = async || {
        let stats = mesh.stats("use1-a", Side::Server).await.unwrap();
        stats.sum(name, &[])
    };
    assert!(limit().await > 3.0);
    let easy = load.finish().await;
    assert_eq!(easy.failures().filter(|it| it.at > SECOND).count(), 0);
    upstream.set_delay(SECOND / 2);
    let load = mesh.load(call(), 200.0, 2 * SECOND).unwrap();
    let hard = load.finish().await.outcomes();
    assert!(hard["503"] > 100, "{hard:?}");
}

#[tokio::test]
async fn a_single_envoy_has_each_of_them() {
    let service = RateLimitService::start([per_tenant(2)]).await.unwrap();
    let mut stage = Stage::new("native-solo", 1).unwrap();
    let filters = vec![
        NativeLocalRateLimit::new(minutely(1000)).filter(),
        NativeAdaptiveConcurrency::default().filter(),
        asks().filter(),
    ];
    let shape = Shape {
        services: vec![Service::new("ratelimit", service.address())],
        routed: true,
        ..Shape::new(filters)
    };
    let solo = stage.start_as("all", shape).unwrap();
    solo.ready().await.unwrap();
    let caller = Workload::new("use1-a", "shop", "frontend");
    let mut heads = Vec::new();
    for _ in 0..3 {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = solo.connect(&caller).await.unwrap();
        let request =
            format!("GET / HTTP/1.1\r\nhost: orders\r\n{TENANT}: a\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        heads.push(String::from_utf8_lossy(&head).into_owned());
    }
    assert_eq!(heads, ["HTTP/1.1 200", "HTTP/1.1 200", "HTTP/1.1 429"]);
    assert_eq!(service.requests(), 3);
}
