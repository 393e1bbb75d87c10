//! "There is no switch to empty a region by hand" (istio#48084), and "somebody forgot it".

use std::time::SystemTime;

use landbridge_testbed::{Report, Side};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use crate::known::{SOON, reason, until_served};
use crate::setup::{config, failures, get, mesh, quick, s, share};

/// A drain of `use1-a` from now on, its start and its end this many seconds from now.
fn drain(start: f64, end: f64) -> Value {
    let now = OffsetDateTime::from(SystemTime::now());
    let at = |seconds: f64| {
        let at = now + time::Duration::seconds_f64(seconds);
        at.format(&Rfc3339).unwrap()
    };
    let mut spec = quick();
    spec["drains"] = json!([{
        "clusters": ["use1-a"],
        "start": at(start),
        "end": at(end),
        "ramp": "5s",
        "reason": "by hand",
    }]);
    spec
}

/// The share that `use1-a` had in half a second around this many seconds after a moment.
fn around(report: &Report, moment: Instant, seconds: f64) -> f64 {
    let at = (moment - report.start).as_secs_f64() + seconds;
    share(report, "use1-a", at - 0.25, at + 0.25)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_moves_the_load_and_ends_by_itself() {
    let mesh = mesh("drain", &config(quick())).start().await.unwrap();
    let load = mesh.load(get("use1-a", "/drain"), 200.0, None).unwrap();
    tokio::time::sleep(s(1.0)).await;
    let start = Instant::now();
    let version = mesh.apply_to("use1-a", Side::Client, "locality", config(drain(0.0, 8.0)));
    mesh.wait_config(&version.unwrap(), SOON).await.unwrap();
    tokio::time::sleep(s(6.5)).await;
    let reply = mesh.call(get("use1-a", "/drained")).await.unwrap();
    assert_eq!(reason(&reply), Some("DRAINED"));
    tokio::time::sleep(s(8.0)).await;
    let report = load.stop().await;
    assert_eq!(failures(&report).len(), 0, "{:?}", failures(&report));
    let line = [-0.5, 1.5, 2.5, 3.5, 6.5, 7.5, 9.5, 10.5, 11.5, 14.0];
    let wanted = [1.0, 0.7, 0.5, 0.3, 0.0, 0.0, 0.3, 0.5, 0.7, 1.0];
    for (at, wanted) in line.into_iter().zip(wanted) {
        let share = around(&report, start, at);
        println!("{at} s: {share:.2}");
        assert!(
            (share - wanted).abs() < 0.15,
            "{at} s: {share}, wants {wanted}"
        );
    }
    let to = (start - report.start).as_secs_f64();
    assert!((share(&report, "use1-b", to + 5.5, to + 7.9) - 1.0).abs() < 1e-9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_undone_by_hand_and_a_forgotten_one_is_over() {
    let begun = config(drain(-60.0, 3600.0));
    let mesh = mesh("drain-undone", &begun).start().await.unwrap();
    let load = mesh.load(get("use1-a", "/undone"), 100.0, None).unwrap();
    tokio::time::sleep(s(1.0)).await;
    let undone = Instant::now();
    let deliver = async |config: String| {
        let version = mesh.apply_to("use1-a", Side::Client, "locality", config);
        mesh.wait_config(&version.unwrap(), SOON).await.unwrap();
    };
    deliver(config(quick())).await;
    tokio::time::sleep(s(1.0)).await;
    // Its end is past: it is as if it were not there. One that is to come is not there yet.
    let forgotten = Instant::now();
    deliver(config(drain(-7200.0, -3600.0))).await;
    tokio::time::sleep(s(1.0)).await;
    deliver(config(drain(3600.0, 7200.0))).await;
    tokio::time::sleep(s(1.0)).await;
    let report = load.stop().await;
    assert_eq!(failures(&report).len(), 0, "{:?}", failures(&report));
    assert!(around(&report, undone, -0.5) < 1e-9);
    for (moment, at) in [(undone, 0.7), (forgotten, 0.5), (forgotten, 1.7)] {
        let share = around(&report, moment, at);
        assert!((share - 1.0).abs() < 1e-9, "{at}: {share}");
    }
    // A restart does not bring it back.
    mesh.restart("use1-a", Side::Client).await.unwrap();
    until_served(&mesh, &get("use1-a", "/again"), "use1-a").await;
}
