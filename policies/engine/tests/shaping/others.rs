//! Deadlines, retry budgets, splits, faults, criticality: as documents write them.

use crate::world::{Request, START, World, header};
use landbridge_engine::Reason;
use landbridge_engine::shaping::{Begun, Outcome};
use std::time::Duration;

#[test]
fn what_nobody_waits_for_is_refused_and_the_rest_gets_no_more_time() {
    let spec = r#"{"deadlines": [{"name": "d", "max": "2s", "min": "10ms"}]}"#;
    let mut world = World::new(spec, 1);
    let request = Request::from("use1-a");
    let at = |millis: u64| {
        request
            .clone()
            .with("x-request-deadline", &(START + millis).to_string())
    };
    let refused = world.refusal(&at(5));
    assert_eq!(
        (refused.status, refused.grpc_status, refused.reason),
        (504, 4, Reason::DeadlineExpired)
    );
    let pass = world.pass(&at(300));
    assert_eq!(
        header(&pass.set, "x-envoy-upstream-rq-timeout-ms"),
        Some("300")
    );
    let pass = world.pass(&request);
    assert_eq!(
        header(&pass.set, "x-envoy-upstream-rq-timeout-ms"),
        Some("2000")
    );
    let expected = (START + 2000).to_string();
    assert_eq!(header(&pass.set, "x-request-deadline"), Some(&*expected));
}

#[test]
fn retries_are_a_share_of_the_requests_to_each_host() {
    let spec = r#"{"retryBudgets": [{"name": "r", "share": 10, "minPerSecond": 0}]}"#;
    let mut world = World::new(spec, 1);
    let retry = Request::from("use1-a").with("x-envoy-attempt-count", "2");
    let mut retried = 0;
    for _ in 0..20 {
        assert_eq!(world.passing(&Request::from("use1-a"), 11), 11);
        retried += world.passing(&retry, 5);
    }
    assert!((19..=21).contains(&retried), "{retried}");
    let refused = world.refusal(&retry);
    assert_eq!(
        (refused.status, refused.reason),
        (429, Reason::RetryBudgetSpent)
    );
    // Envoy does not try again either what fails now.
    let pass = world.pass(&Request::from("use1-a"));
    assert_eq!(header(&pass.set, "x-envoy-max-retries"), Some("0"));
    let elsewhere = world.pass(&Request::from("use1-a").with(":authority", "carts"));
    assert_eq!(header(&elsewhere.set, "x-envoy-max-retries"), None);
}

#[test]
fn a_split_is_kept_by_a_cookie_and_overridden_for_testers() {
    let spec = r#"{"splits": [{"name": "canary", "sticky": {"cookie": "lot", "ttl": "1h"},
        "backends": [{"name": "v1", "weight": 75}, {"name": "v2", "weight": 25}],
        "overrides": [{"backend": "v2", "requests": [{"when": [{"key": "request.headers[x-tester]", "values": ["yes"]}]}]}]}]}"#;
    let mut world = World::new(spec, 2);
    let request = Request::from("use1-a");
    let mut second = 0;
    for _ in 0..400 {
        let pass = world.pass(&request);
        let cookie = header(&pass.told, "set-cookie").unwrap().to_owned();
        assert!(
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"),
            "{cookie}"
        );
        let pair = cookie.split(';').next().unwrap();
        let backend = header(&pass.set, "x-landbridge-backend").unwrap();
        second += usize::from(backend == "v2");
        let Begun::Passed(again) = world.begin(1, &request.clone().with("cookie", pair)) else {
            panic!("it passes");
        };
        assert_eq!(header(&again.set, "x-landbridge-backend"), Some(backend));
        assert_eq!(header(&again.told, "set-cookie"), None);
    }
    // Five times the standard deviation of 400 draws.
    assert!((57..=143).contains(&second), "{second}");
    let tester = world.pass(&request.with("x-tester", "yes"));
    assert_eq!(header(&tester.set, "x-landbridge-backend"), Some("v2"));
}

#[test]
fn only_who_is_trusted_suffers_faults() {
    let spec = r#"{"faults": [
        {"name": "slow", "delay": {"time": "300ms"}, "requests": [{"when": [{"key": "request.headers[x-fault]", "values": ["slow"]}]}]},
        {"name": "half", "abort": {"status": 500, "grpcStatus": 13, "share": 50}, "requests": [{"when": [{"key": "request.headers[x-fault]", "values": ["half"]}]}]}]}"#;
    let mut world = World::new(spec, 1);
    let tester = |fault: &str| Request {
        namespace: "gateways",
        ..Request::from("use1-a").with("x-fault", fault)
    };
    assert_eq!(
        world.pass(&tester("slow")).delay,
        Some(Duration::from_millis(300))
    );
    assert_eq!(
        world
            .pass(&Request::from("use1-a").with("x-fault", "slow"))
            .delay,
        None
    );
    assert_eq!(world.passing(&tester("half"), 100), 50);
    assert_eq!(
        world.passing(&Request::from("use1-a").with("x-fault", "half"), 100),
        100
    );
    assert_eq!(world.counted("half", Outcome::Refused), 50);
}

#[test]
fn nobody_is_more_critical_than_its_identity_may_be_and_it_travels_on() {
    let spec = r#"{"criticality": {"claims": [{"from": [{"clusters": ["euw1-a"]}], "atMost": "SHEDDABLE"}]},
        "concurrency": [{"name": "c", "max": 100}]}"#;
    let mut world = World::new(spec, 1);
    let claims = |cluster| Request::from(cluster).with("x-criticality", "CRITICAL_PLUS");
    let of = |pass: &landbridge_engine::shaping::Pass| {
        header(&pass.set, "x-criticality").map(str::to_owned)
    };
    assert_eq!(
        of(&world.pass(&claims("euw1-a"))).as_deref(),
        Some("SHEDDABLE")
    );
    assert_eq!(
        of(&world.pass(&claims("use1-a"))).as_deref(),
        Some("CRITICAL")
    );
    let sheddable = Request::from("use1-a").with("x-criticality", "SHEDDABLE");
    assert_eq!(of(&world.pass(&sheddable)), None, "it is there already");
}
