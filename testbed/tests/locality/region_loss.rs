//! "A region died, and callers noticed."

use landbridge_testbed::scene::{HOME, PROBE, Scene, Who};

use crate::setup::failures;

/// All of a cluster's serving Envoys and its upstream are killed at 200 requests/s. No GET fails,
/// of POSTs only those in flight may, and what is left goes elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn when_a_region_dies_callers_hardly_notice() {
    let played = Scene::region_loss().play(Who::Landbridge).await.unwrap();
    let figures = played.figures();
    println!("{figures:?}");
    assert_eq!(figures.gets_failed, 0, "{:?}", failures(&played.gets));
    assert!(figures.posts_failed <= 2, "{:?}", failures(&played.posts));
    assert!((played.share(0.0, played.since - 0.2) - 100.0).abs() < 1e-9);
    assert!(played.share(played.since + 0.2, 8.0) < 1e-9);
    assert!(figures.last_bad < 1.0);
}

/// Once it is detected, within a second, nothing is sent there but probes: seen by the cluster's
/// own service, which lives on and answers errors only.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_gets_probes_only() {
    use landbridge_testbed::scene::Event;
    let scene = Scene {
        name: "probes_only",
        events: vec![(2.0, Event::Errors(100.0))],
        length: 7.0,
        ..Scene::region_loss()
    };
    let played = scene.play(Who::Landbridge).await.unwrap();
    let detected = played.gets.start + std::time::Duration::from_secs_f64(played.since + 1.0);
    let seen = played.mesh.upstream(HOME).seen();
    let late = seen.iter().filter(|seen| seen.at > detected);
    let (probes, others): (Vec<_>, Vec<_>) = late.partition(|seen| seen.path == PROBE);
    assert_eq!(others.len(), 0, "{others:?}");
    assert!(
        probes.len() >= 6,
        "two a second for four seconds: {}",
        probes.len()
    );
    assert_eq!(played.figures().gets_failed, 0);
}
