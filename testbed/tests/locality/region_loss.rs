//! "A region died, and callers noticed."

use std::time::Duration;

use landbridge_testbed::Side;
use landbridge_testbed::scene::{Event, HOME, PROBE, Played, Scene, Who};

use crate::setup::failures;

/// Plays it with everyone, ours first.
async fn everyone(scene: &Scene) -> [Played; 3] {
    let mut played = Vec::new();
    for who in Who::ALL {
        let one = scene.play(who).await.unwrap();
        println!("{one}");
        played.push(one);
    }
    played.try_into().map_err(|_| "three").unwrap()
}

/// Nobody fails whose request can be repeated, of the others only those in flight; and all load
/// goes elsewhere.
fn hardly_noticed(played: &Played) {
    let figures = played.figures();
    assert_eq!(figures.gets_failed, 0, "{:?}", failures(&played.gets));
    assert!(figures.posts_failed <= 2, "{:?}", failures(&played.posts));
    assert!(played.share(0.0, played.since - 0.2) > 99.9, "{played}");
    assert!(played.share(played.since + 0.2, 8.0) < 0.1, "{played}");
    assert!(figures.last_bad < 1.0, "{played}");
}

/// Where connections are refused, Envoy's outlier detection is quick as well: it and its retries
/// lose next to nothing, and no more must be lost with us.
fn no_worse(ours: &Played, native: &Played) {
    let (ours, native) = (ours.figures(), native.figures());
    assert!(
        ours.gets_failed <= native.gets_failed,
        "{ours:?} {native:?}"
    );
    assert!(
        ours.posts_failed <= native.posts_failed + 2,
        "{ours:?} {native:?}"
    );
}

/// All of a cluster's serving Envoys and its upstream are killed at 200 requests/s.
#[tokio::test(flavor = "multi_thread")]
async fn when_a_region_dies_callers_hardly_notice() {
    let scene = Scene {
        length: 6.0,
        ..Scene::region_loss()
    };
    let [ours, native, checked] = everyone(&scene).await;
    hardly_noticed(&ours);
    no_worse(&ours, &native);
    // It fails over as well; what it loses is what it has not yet found out.
    for native in [&native, &checked] {
        assert!(native.share(4.5, 6.0) < 0.1, "{native}");
    }
    assert!(checked.figures().gets_failed > 0, "{checked}");
}

/// The whole cluster is gone, and its callers are in another: their proxy has never had a cluster
/// of its own to send to.
#[tokio::test(flavor = "multi_thread")]
async fn when_the_cluster_next_door_dies_callers_hardly_notice() {
    let scene = Scene {
        length: 6.0,
        ..Scene::neighbour_loss()
    };
    let [ours, native, checked] = everyone(&scene).await;
    hardly_noticed(&ours);
    no_worse(&ours, &native);
    for played in [&ours, &native, &checked] {
        assert_eq!(served_late(played), ["euw1-a"], "{played}");
    }
}

/// Who served in the last second and a half.
fn served_late(played: &Played) -> Vec<String> {
    let (from, to) = (Duration::from_millis(4_500), Duration::from_secs(6));
    played.gets.served_between(from, to).into_keys().collect()
}

/// Its Envoy does not answer, and does not close either. GETs are tried elsewhere after 800 ms;
/// nothing is sent there any more that would hang, a second and a half on.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn when_a_region_hangs_callers_wait_for_one_attempt() {
    let scene = Scene::region_hangs();
    let ours = scene.play(Who::Landbridge).await.unwrap();
    println!("{ours}");
    assert_eq!(ours.figures().gets_failed, 0, "{:?}", failures(&ours.gets));
    assert!(ours.figures().last_bad < 1.5, "{ours}");
    let longest = ours.gets.percentile(100.0);
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    let checked = scene.play(Who::NativeChecked).await.unwrap();
    println!("{checked}");
    assert!(checked.figures().gets_failed > 0, "{checked}");
}

/// Once it is detected, within a second, nothing is sent there but probes: so says the access log
/// of the cluster's server sidecar, which lives on and answers 503 for a service that is gone.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_out_gets_probes_only() {
    let scene = Scene {
        name: "probes_only",
        events: vec![(2.0, Event::LosesService)],
        length: 7.0,
        ..Scene::region_loss()
    };
    let played = scene.play(Who::Landbridge).await.unwrap();
    println!("{played}");
    // The log is written every 50 ms, the load's last answers are from elsewhere.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let log = played.mesh.access_log(HOME, Side::Server).unwrap();
    // Its clock is the machine's, the load's is not: the first 503 is when the service died.
    let at = |line: &serde_json::Value| {
        let text = line["start_time"].as_str().unwrap();
        let format = &time::format_description::well_known::Rfc3339;
        time::OffsetDateTime::parse(text, format).unwrap()
    };
    let ill = |line: &&serde_json::Value| line["response_code"] == 503;
    let died = log.iter().filter(ill).map(at).min().unwrap();
    let late = log
        .iter()
        .filter(|line| at(line) > died + time::Duration::SECOND);
    let (probes, others): (Vec<_>, Vec<_>) = late.partition(|line| line["path"] == PROBE);
    assert_eq!(others.len(), 0, "{others:?}");
    assert!(
        probes.len() >= 6,
        "two a second for four seconds: {}",
        probes.len()
    );
    let before = log.iter().filter(|line| line["path"] == "/get");
    assert!(before.count() > 200, "the log has what was sent there");
    assert_eq!(played.figures().gets_failed, 0);
}
