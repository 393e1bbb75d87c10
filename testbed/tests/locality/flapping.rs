//! "It flapped, and all of the traffic with it."

use landbridge_testbed::Side;
use landbridge_testbed::scene::{HOME, Scene, Who};

/// A cluster that dies and returns every three seconds, with a hold-down of five: it is taken out
/// once, is found well after each return, and is never let in.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_flaps_changes_as_often_as_the_hold_down_allows() {
    let played = Scene::flapping().play(Who::Landbridge).await.unwrap();
    let figures = played.figures();
    let stats = played.mesh.stats(HOME, Side::Client).await.unwrap();
    let changes = ["down", "held", "up"].map(|to| {
        let labels = [("serving_cluster", HOME), ("outcome", to)];
        stats.sum("landbridge_locality_transitions_total", &labels) as u32
    });
    println!(
        "{played} down={} held={} up={}",
        changes[0], changes[1], changes[2]
    );
    let [down, held, up] = changes;
    // It dies five times, and returns as often; the last time it is still held at the end.
    assert!((2..=5).contains(&held), "{changes:?}");
    assert!((2..=5).contains(&down) && down <= held + 1, "{changes:?}");
    assert_eq!(up, 0, "nothing of it is well for five seconds");
    assert_eq!(figures.gets_failed, 0);
    assert!(figures.posts_failed <= 2, "{figures:?}");
    assert!(
        played.share(2.5, 32.0) < 1e-9,
        "nobody is sent there meanwhile"
    );
}

/// The same with Envoy's own failover, by health checks: traffic flaps with the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn envoys_own_failover_flaps_with_it() {
    let scene = Scene::flapping();
    let played = scene.play(Who::NativeChecked).await.unwrap();
    let back = (3..31).filter(|second| {
        let from = f64::from(*second);
        played.share(from, from + 1.0) > 50.0
    });
    println!("{played} seconds_there={}", back.clone().count());
    assert!(back.count() >= 2, "{played}");
    assert!(played.figures().gets_failed > 0, "{played}");
}
