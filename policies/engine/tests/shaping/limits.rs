//! Rate limits, as documents write them.

use crate::world::{Request, World, header};
use landbridge_engine::Reason;
use landbridge_engine::shaping::{Begun, Outcome};

#[test]
fn each_cluster_has_its_own_count_and_strangers_share_one() {
    let spec = r#"{"limits": [{"name": "each", "key": ["source.cluster"], "rate": "10/s",
        "overrides": [{"values": ["euw1-a"], "rate": "4/s"}]}]}"#;
    let mut world = World::new(spec, 2);
    assert_eq!(world.passing(&Request::from("use1-a"), 30), 10);
    assert_eq!(world.passing(&Request::from("euw1-a"), 30), 4);
    assert_eq!(world.passing(&Request::from("nobody"), 30), 10);
    // Of a trust domain that the mesh does not know.
    assert_eq!(world.passing(&Request::from("aps1-a"), 30), 0);
    world.wait(500);
    assert_eq!(world.passing(&Request::from("use1-a"), 30), 5);
    assert_eq!(world.passing(&Request::from("euw1-a"), 30), 2);
}

#[test]
fn keys_are_made_of_what_requests_have_in_common() {
    for (key, same, other) in [
        (
            r#""request.method""#,
            (":method", "GET"),
            (":method", "PUT"),
        ),
        (
            r#""request.host""#,
            (":authority", "ORDERS:80"),
            (":authority", "carts"),
        ),
        (
            r#""request.headers[x-user]""#,
            ("x-user", ""),
            ("x-user", "b"),
        ),
        (r#""source.principal""#, ("x", "y"), ("x", "z")),
    ] {
        let spec = format!(
            r#"{{"limits": [{{"name": "a", "key": [{key}], "rate": "2/m", "burst": 2}},
            {{"name": "b", "rate": "100/s"}}]}}"#
        );
        let mut world = World::new(&spec, 1);
        let request = Request::from("use1-a");
        let (same, other) = (
            request.clone().with(same.0, same.1),
            request.with(other.0, other.1),
        );
        assert_eq!(world.passing(&same, 5), 2, "{key}");
        let expected = if key.contains("principal") { 0 } else { 2 };
        assert_eq!(world.passing(&other, 5), expected, "{key}");
    }
}

#[test]
fn paths_are_counted_by_their_template_and_cost_what_is_written() {
    let spec = r#"{"limits": [{"name": "a", "key": ["request.path"], "rate": "12/m", "burst": 12,
        "paths": ["/orders/{*}", "/exports/{**}"],
        "cost": {"header": "x-cost", "most": 6, "paths": [{"paths": ["/exports/{**}"], "cost": 4}]}}]}"#;
    let mut world = World::new(spec, 1);
    let path = |path: &str| Request::from("use1-a").with(":path", path);
    assert_eq!(world.passing(&path("/exports/a/b?c"), 9), 3);
    assert_eq!(world.passing(&path("/orders/1").with("x-cost", "6"), 1), 1);
    // One that is no number from 1 to the most counts as the most.
    assert_eq!(world.passing(&path("/orders/2").with("x-cost", "0"), 1), 1);
    assert_eq!(world.passing(&path("/orders/3"), 1), 0);
    assert_eq!(world.passing(&path("/elsewhere"), 20), 12);
    assert_eq!(world.passing(&path("/else/where"), 20), 0);
}

#[test]
fn a_request_that_one_limit_refuses_takes_nothing_of_another() {
    let spec = r#"{"limits": [{"name": "wide", "rate": "20/m", "burst": 20},
        {"name": "narrow", "key": ["request.headers[x-user]"], "rate": "2/m", "burst": 2}]}"#;
    let mut world = World::new(spec, 2);
    assert_eq!(
        world.passing(&Request::from("use1-a").with("x-user", "a"), 500),
        2
    );
    // What the other worker took in advance is back after two ticks.
    world.wait(150);
    let others = (0..30).map(|i| Request::from("use1-a").with("x-user", &format!("u{i}")));
    let passed: usize = others.map(|request| world.passing(&request, 1)).sum();
    assert_eq!(passed, 18);
}

#[test]
fn a_failovers_flood_leaves_what_is_native_its_part() {
    let spec = r#"{"limits": [{"name": "a", "rate": "100/s", "burst": 20, "displacedShare": 30}]}"#;
    let mut world = World::new(spec, 2);
    let (native, displaced) = (Request::from("use1-a"), Request::from("euw1-a").displaced());
    let (mut served, mut sent, mut flood) = (0, 0, 0);
    for i in 0..1000 {
        world.wait(10);
        flood += world.passing(&displaced, 10);
        if i % 20 < 13 {
            sent += 1;
            served += world.passing(&native, 1);
        }
    }
    assert!(served >= sent * 99 / 100, "{served} of {sent}");
    assert!((290..=310).contains(&flood), "{flood}");
}

#[test]
fn callers_are_told_what_they_may() {
    let spec = r#"{"limits": [
        {"name": "told", "rate": "60/m", "burst": 3, "headers": "Always"},
        {"name": "untold", "rate": "1000/s"}]}"#;
    let mut world = World::new(spec, 1);
    let request = Request::from("use1-a");
    let pass = world.pass(&request);
    assert_eq!(
        header(&pass.told, "ratelimit-policy"),
        Some("\"told\";q=60;w=60")
    );
    assert_eq!(header(&pass.told, "ratelimit"), Some("\"told\";r=2;t=1"));
    assert_eq!(world.passing(&request, 5), 2);
    let refused = world.refusal(&request);
    assert_eq!((refused.status, refused.grpc_status), (429, 8));
    assert_eq!(refused.reason, Reason::RateLimited);
    assert_eq!(header(&refused.headers, "retry-after"), Some("1"));
    assert_eq!(
        header(&refused.headers, "ratelimit"),
        Some("\"told\";r=0;t=1")
    );
    assert_eq!(
        header(&refused.headers, "x-envoy-ratelimited"),
        Some("true")
    );
}

#[test]
fn of_a_slow_limit_no_worker_keeps_anything_from_the_others() {
    let spec = r#"{"limits": [{"name": "slow", "rate": "5/m", "burst": 5, "headers": "Always"}]}"#;
    let mut world = World::new(spec, 3);
    for (turn, left) in [4, 3, 2, 1, 0].into_iter().enumerate() {
        let Begun::Passed(pass) = world.begin(turn * turn % 3, &Request::from("use1-a")) else {
            panic!("it passes");
        };
        let told = header(&pass.told, "ratelimit").unwrap();
        assert!(told.starts_with(&format!("\"slow\";r={left};")), "{told}");
    }
}

#[test]
fn what_is_in_shadow_is_counted_and_refuses_nothing() {
    let spec = r#"{"limits": [{"name": "a", "rate": "2/m", "burst": 2, "mode": "Shadow"}]}"#;
    let mut world = World::new(spec, 1);
    assert_eq!(world.passing(&Request::from("use1-a"), 10), 10);
    let pass = world.pass(&Request::from("use1-a"));
    let shadow = pass.run.told.shadow.unwrap();
    assert_eq!(shadow.reason, Reason::RateLimited);
    let line = pass.run.told.to_json(&world.set);
    assert!(line.contains("\"outcome\":\"would_deny\""), "{line}");
    assert_eq!(world.counted("a", Outcome::WouldRefuse), 9);
}
