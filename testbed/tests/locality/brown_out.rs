//! "It was not down, it limped, and nothing moved."

use landbridge_testbed::scene::{Scene, Who};

/// Thirty percent of errors: each second what fails is cut off what is left. Then answers that take
/// two seconds instead of a tenth: load leaves as soon as that is known.
#[tokio::test(flavor = "multi_thread")]
async fn load_leaves_what_limps() {
    let played = Scene::brown_out().play(Who::Landbridge).await.unwrap();
    let figures = played.figures();
    let share = |from: f64, to: f64| played.share(from, to);
    let line: Vec<i64> = (0..26)
        .map(|s| share(f64::from(s), f64::from(s + 1)).round() as i64)
        .collect();
    println!("{figures:?}\nshares by second: {line:?}");
    assert!(
        share(0.0, 5.8) > 99.0,
        "it is well at first, slow as it always was"
    );
    let (soon, later) = (share(7.5, 8.5), share(10.0, 11.0));
    assert!((40.0..85.0).contains(&soon), "in proportion: {soon}");
    assert!(later < soon && later < 50.0, "and on: {later}");
    assert!(
        share(18.0, 19.8) > later + 20.0,
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
