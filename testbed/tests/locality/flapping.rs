//! "It flapped, and all of the traffic with it."

use landbridge_testbed::Side;
use landbridge_testbed::scene::{HOME, Scene, Who};

/// A cluster that dies and returns every three seconds, with a hold-down of five: it is taken out
/// once, and comes back once, if at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_flaps_changes_as_often_as_the_hold_down_allows() {
    let played = Scene::flapping().play(Who::Landbridge).await.unwrap();
    let figures = played.figures();
    let stats = played.mesh.stats(HOME, Side::Client).await.unwrap();
    let changes = |to: &str| {
        let labels = [("serving_cluster", HOME), ("outcome", to)];
        stats.sum("landbridge_locality_transitions_total", &labels)
    };
    let (down, up) = (changes("down"), changes("up"));
    println!("{figures:?}, down {down}, up {up}");
    assert!(up <= 1.0, "{up}");
    // From up once, and from held as often as it was found well in between.
    assert!((1.0..=6.0).contains(&down), "{down}");
    assert_eq!(figures.gets_failed, 0);
    assert!(figures.posts_failed <= 2, "{figures:?}");
    assert!(
        played.share(5.0, 26.0) < 1e-9,
        "nobody is sent there meanwhile"
    );
}
