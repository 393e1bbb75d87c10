//! What a change of the configuration leaves as it was.

use crate::world::{Request, World, set};
use landbridge_engine::shaping::Begun;

const LIMIT: &str = r#"{"name": "kept", "rate": "10/m", "burst": 10}"#;

#[test]
fn changing_another_limit_gives_nobody_a_fresh_burst() {
    let mut world = World::new(&format!(r#"{{"limits": [{LIMIT}]}}"#), 3);
    let request = Request::from("use1-a");
    assert_eq!(world.passing(&request, 30), 10);
    for burst in 100..105 {
        let other = format!(r#"{{"name": "other", "rate": "1000/s", "burst": {burst}}}"#);
        let spec = format!(r#"{{"limits": [{other}, {LIMIT}]}}"#);
        world.update(set(&[
            ("orders", &spec),
            ("carts", &format!(r#"{{"limits": [{other}]}}"#)),
        ]));
        assert_eq!(world.passing(&request, 30), 0);
        world.wait(20);
    }
    world.wait(6_000);
    assert_eq!(world.passing(&request, 30), 1);
}

#[test]
fn what_is_under_way_is_under_way_after_it() {
    let spec = r#"{"concurrency": [{"name": "two", "max": 2}]}"#;
    let mut world = World::new(spec, 1);
    // Nothing is more critical than what needs the last slot.
    let claims = r#""criticality": {"otherwise": "CRITICAL_PLUS", "default": "CRITICAL_PLUS"}"#;
    let spec = format!(r#"{{"concurrency": [{{"name": "two", "max": 2}}], {claims}}}"#);
    world.update(set(&[("orders", &spec)]));
    let request = Request::from("use1-a");
    let mut runs = Vec::new();
    for _ in 0..2 {
        let Begun::Passed(pass) = world.begin(0, &request) else {
            panic!("there is room");
        };
        runs.push(pass.run);
    }
    world.wait(100);
    world.update(set(&[("orders", &spec)]));
    assert!(matches!(world.begin(0, &request), Begun::Refused(_)));
    for run in runs {
        world.done(0, run);
    }
    world.wait(100);
    assert!(matches!(world.begin(0, &request), Begun::Passed(_)));
}
