//! "It was not down, it limped, and nothing moved."

use landbridge_testbed::scene::{Event, Scene, Who};

/// Thirty percent of errors: each second what fails is cut off what is left. Then answers that take
/// two seconds instead of a tenth, where an attempt may take 800 ms: load leaves as soon as that is
/// known.
#[tokio::test(flavor = "multi_thread")]
async fn load_leaves_what_limps() {
    let played = Scene::brown_out().play(Who::Landbridge).await.unwrap();
    let figures = played.figures();
    let share = |from: f64, to: f64| played.share(from, to);
    let line: Vec<i64> = (0..26)
        .map(|s| share(f64::from(s), f64::from(s + 1)).round() as i64)
        .collect();
    println!("{played}\nshares by second: {line:?}");
    assert!(
        share(0.0, 5.8) > 99.0,
        "it is well at first, slow as it always was"
    );
    // What is answered there is less than what is sent there by the three in ten that fail: at the
    // least one judgement has been made after one second, and two have after two.
    let after = [1.0, 2.0, 4.0].map(|seconds| played.share_after(seconds));
    let [one, two, four] = after;
    assert!((30.0..75.0).contains(&one), "in proportion: {after:?}");
    assert!(two < one - 5.0 && two < 60.0, "and on: {after:?}");
    assert!(four < two - 5.0 && four < 35.0, "and on: {after:?}");
    assert!(
        share(18.0, 19.8) > four + 20.0,
        "it comes back along the ramp"
    );
    assert!(
        share(22.5, 26.0) < 10.0,
        "slowness moves it within three seconds"
    );
    let most = figures.gets / 100;
    assert!(
        figures.gets_failed <= most,
        "{} of {}",
        figures.gets_failed,
        figures.gets
    );
}

/// The same thirty percent, with Envoy's own failover. With outlier detection five errors never
/// come in a row, nothing moves, and callers have all of them; with health checks the first that
/// fails moves everything, and the next that do not move it back.
#[tokio::test(flavor = "multi_thread")]
async fn envoys_own_failover_moves_nothing_or_everything() {
    let scene = Scene {
        events: vec![(2.0, Event::Errors(30.0))],
        length: 7.0,
        ..Scene::brown_out()
    };
    let ill = 5.0 * scene.rate;
    let native = scene.play(Who::Native).await.unwrap();
    println!("{native}");
    assert!(native.share_after(4.0) > 99.0, "{native}");
    let failed = native.figures().gets_failed as f64;
    assert!((0.2..0.45).contains(&(failed / ill)), "{native}");
    let checked = scene.play(Who::NativeChecked).await.unwrap();
    println!("{checked}");
    let failed = checked.figures().gets_failed as f64;
    assert!(failed / ill > 0.03, "{checked}");
}

/// Nothing fails and no attempt has a limit: that answers are slow is all there is to go by. They
/// tell when they come, two seconds later, and a second after that nothing is sent there.
#[tokio::test(flavor = "multi_thread")]
async fn load_leaves_what_is_only_slow() {
    let scene = Scene::slowness();
    let ours = scene.play(Who::Landbridge).await.unwrap();
    println!("{ours}");
    assert!(ours.share(0.5, ours.since - 0.2) > 99.0, "{ours}");
    assert!(ours.share_after(4.0) < 5.0, "{ours}");
    let figures = ours.figures();
    assert_eq!((figures.gets_failed, figures.posts_failed), (0, 0));
    let native = scene.play(Who::Native).await.unwrap();
    println!("{native}");
    assert!(native.share_after(4.0) > 99.0, "{native}");
}
