//! "It came back, and fell over again under its own traffic."

use landbridge_testbed::Side;
use landbridge_testbed::scene::{HOME, Scene, Who};

/// The region returns cold. Its share rises along the ramp, never above it by more than five
/// points in any second, and no caller sees an error.
#[tokio::test(flavor = "multi_thread")]
async fn load_returns_along_a_line() {
    let played = Scene::comes_back().play(Who::Landbridge).await.unwrap();
    let figures = played.figures();
    let log = played.mesh.envoy_log(HOME, Side::Client).unwrap();
    let line: Vec<f64> = (0..80)
        .map(|i| f64::from(i) / 4.0)
        .map(|at| played.share(at, at + 1.0))
        .collect();
    println!(
        "{figures:?}\nshares by quarter of a second: {line:.0?}\n{}",
        transitions(&log)
    );
    // The ramp begins where the first request comes back.
    let began = line.iter().skip(12).position(|share| *share > 0.0);
    let began = f64::from(u32::try_from(began.unwrap() + 12).unwrap()) / 4.0 + 0.75;
    for (i, share) in (0_u32..).zip(&line) {
        // A window of one second whose middle is half a second in.
        let at = f64::from(i) / 4.0 + 0.5;
        if at > 3.0 {
            let ramp = ((at + 0.5 - began) / 6.0 * 100.0).clamp(0.0, 100.0);
            assert!(
                *share <= ramp + 5.0,
                "{share} at {at} s, where the ramp is at {ramp}"
            );
        }
    }
    assert!(line[76] > 99.0, "all is back: {line:?}");
    assert_eq!(figures.gets_failed, 0);
    assert!(figures.posts_failed <= 2, "{figures:?}");
}

fn transitions(log: &str) -> String {
    let lines = log.lines().filter(|line| line.contains("in cluster"));
    lines.collect::<Vec<_>>().join("\n")
}
