//! "A region died, and callers noticed."

use crate::setup::{config, failures, get, mesh, post, quick, s, share};
use tokio::time::Instant;

/// All of a cluster's Envoys and its upstream are killed at 200 requests/s. No GET fails, of POSTs
/// only those in flight may, and once it is detected nothing is sent there but probes.
#[tokio::test(flavor = "multi_thread")]
async fn when_a_region_dies_callers_hardly_notice() {
    let mesh = mesh("region-loss", &config(quick())).start().await.unwrap();
    let gets = mesh.load(get("use1-a", "/get"), 150.0, s(8.0)).unwrap();
    let posts = mesh.load(post("use1-a", "/post"), 50.0, s(8.0)).unwrap();
    tokio::time::sleep(s(3.0)).await;
    let dead = Instant::now();
    // Its own clients run in it: only what serves dies.
    mesh.kill("use1-a", landbridge_testbed::Side::Server)
        .unwrap();
    mesh.upstream("use1-a").kill();
    let (gets, posts) = (gets.finish().await, posts.finish().await);
    let at = (dead - gets.start).as_secs_f64();
    assert_eq!(failures(&gets).len(), 0, "{:?}", failures(&gets));
    let lost = failures(&posts);
    assert!(lost.len() <= 2, "{lost:?}");
    assert!((share(&gets, "use1-a", 0.0, at - 0.1) - 1.0).abs() < 1e-9);
    assert!((share(&gets, "use1-b", at + 0.1, 8.0) - 1.0).abs() < 1e-9);
    // The slowest of those that were tried again.
    println!(
        "gets: p99 {:?}, max {:?}",
        gets.percentile(99.0),
        gets.percentile(100.0)
    );
    println!("failed posts: {}", lost.len());
}
