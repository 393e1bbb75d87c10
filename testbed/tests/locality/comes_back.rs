//! "It came back, and fell over again under its own traffic."

use std::time::Duration;

use landbridge_testbed::scene::{HOME, PROBE, Played, Scene, Who};

use crate::setup::failures;

/// How long its share takes to grow, by the policy.
const RAMP: f64 = 6.0;

/// How many requests it could not bear.
fn refused(played: &Played) -> usize {
    let seen = played.mesh.upstream(HOME).seen();
    let too_many = seen
        .iter()
        .filter(|seen| seen.status == Some(503) && seen.path != PROBE);
    too_many.count()
}

/// The ramp's mean over the second that begins here, in percent.
fn line(began: f64, from: f64) -> f64 {
    let at = |i: u32| ((from + f64::from(i) / 100.0 - began) / RAMP).clamp(0.0, 1.0);
    (0..100).map(at).sum()
}

/// The region returns cold. Its share rises along the ramp, never above it by more than five
/// points in any second, and no caller sees an error, nor would one that cannot be tried again.
#[tokio::test(flavor = "multi_thread")]
async fn load_returns_along_a_line() {
    let played = Scene::comes_back().play(Who::Landbridge).await.unwrap();
    let up = played.changes.iter().find(|(_, phase)| *phase == "up");
    let began = up.expect("it comes back").0;
    let windows = || (0_u32..68).map(|i| f64::from(i) / 4.0);
    let shares: Vec<(f64, f64, f64)> = windows()
        .map(|from| (from, played.share(from, from + 1.0), line(began, from)))
        .collect();
    println!(
        "{played} refused={} ramp_began={:.1}s\nchanges: {:?}",
        refused(&played),
        began - played.since,
        played.changes
    );
    let told = shares
        .iter()
        .map(|(_, share, line)| format!("{share:.0}/{line:.0}"));
    println!(
        "share/ramp by quarter of a second: {}",
        told.collect::<Vec<_>>().join(" ")
    );
    // Those of before it was lost are none of the ramp's.
    for (from, share, line) in shares.iter().filter(|(from, _, _)| *from > 3.0) {
        assert!(*share <= line + 5.0, "{share} at {from} s, beside {line}");
        assert!(*share >= line - 15.0, "{share} at {from} s, beside {line}");
    }
    assert!(began + RAMP < 16.0, "the whole ramp has been seen: {began}");
    assert_eq!(played.times("up"), 1, "{:?}", played.changes);
    let figures = played.figures();
    assert_eq!(figures.gets_failed, 0);
    assert!(figures.posts_failed <= 2, "{figures:?}");
    assert!(refused(&played) <= 2, "{}", refused(&played));
}

/// The same return with Envoy's own failover and health checks: the scene is one in which who
/// sends everything at once is refused.
#[tokio::test(flavor = "multi_thread")]
async fn envoys_own_failover_returns_at_once() {
    let played = Scene::comes_back().play(Who::NativeChecked).await.unwrap();
    println!("{played} refused={}", refused(&played));
    assert!(played.share(16.0, 18.0) > 50.0, "it is back: {played}");
    assert!(refused(&played) > 50, "{}", refused(&played));
    let returned = Duration::from_secs(4);
    let failed = failures(&played.gets)
        .into_iter()
        .filter(|shot| shot.at > returned);
    assert!(failed.count() > 20, "{played}");
}
